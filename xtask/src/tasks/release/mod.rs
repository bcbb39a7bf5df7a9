//! From the files of an environment and a look at its cluster to a plan, and what may be done with one.

pub mod deploy;
pub mod prepare;

mod cluster;
mod commits;
mod conduct;
mod connect;
mod files;
mod freeze;
mod under_way;
