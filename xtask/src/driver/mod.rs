//! The only room with input and output: processes, files, signals. Drivers do as they are told; they decide nothing and
//! print nothing.

pub mod aws;
pub mod cache;
pub mod failure;
pub mod http;
pub mod kubectl;
pub mod loopback;
mod means;
pub mod mirror;
pub mod notation;
pub mod registry;
pub mod server;
pub mod signals;
pub mod usage;

/// What every task goes through: a crate of its own, which is optimized in every profile.
pub use xtask_driver::{cancel, environment, files, platform, process, sandbox};
