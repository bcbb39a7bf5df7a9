//! The only room with input and output: processes, files, signals. Drivers do as they are told; they decide nothing and
//! print nothing.

pub mod aws;
pub mod cache;
pub mod cancel;
pub mod environment;
pub mod failure;
pub mod files;
pub mod http;
pub mod kubectl;
pub mod loopback;
mod means;
pub mod mirror;
pub mod notation;
pub mod platform;
pub mod process;
pub mod registry;
pub mod sandbox;
pub mod server;
pub mod signals;
pub mod usage;
