//! From the files of an environment and a look at its cluster to a plan, and what may be done with one.

pub mod adopt;
pub mod deploy;
pub mod drift;
pub mod examine;
pub mod intervene;
pub mod notify;
pub mod pause;
pub mod pin;
pub mod prepare;
pub mod repair;
pub mod rollback;
pub mod status;
pub mod unlock;

mod cluster;
mod commits;
mod conduct;
mod connect;
mod consent;
mod eks;
mod files;
mod freeze;
mod load;
mod other;
mod under_way;

pub use self::conduct::{ask_all, carry};
