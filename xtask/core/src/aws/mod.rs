//! Amazon's cloud, as far as a release has to know it: which cluster of EKS is meant, who asks, and what the words of the aws CLI
//! mean.

pub mod answer;
pub mod cluster;

pub use answer::Fault;
pub use cluster::{Cluster, Described, Identity, Unusable};
