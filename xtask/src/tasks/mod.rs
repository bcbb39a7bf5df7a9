//! The verbs that users call. Each is a function of a [`Cx`](crate::Cx) and its options, callable alone; a pipeline only adds
//! an order.

pub mod affected;
pub mod agreement;
pub mod architecture;
pub mod bench;
pub mod cache;
pub mod ci;
pub mod contract;
pub mod coverage;
pub mod dependencies;
pub mod docs;
pub mod doctor;
mod footprints;
pub mod gate;
mod git;
pub mod history;
pub mod image;
pub mod kubernetes;
pub mod licenses;
pub mod lint;
pub mod perf;
pub mod rehearse;
pub mod release;
pub mod report;
pub mod sbom;
pub mod security;
pub mod setup;
pub mod shard;
pub mod test;
pub mod update;

mod machine;
mod packages;
mod sources;
mod tool;
