//! What every task goes through that is not pure: files, processes and their sandboxes, and the cache on disk; and the errors of
//! all that. A part of the room of drivers, by the same rules: they do as they are told; they decide nothing and print nothing.

pub mod cache;
pub mod cancel;
pub mod environment;
pub mod error;
pub mod files;
pub mod platform;
pub mod process;
pub mod sandbox;

pub use xtask_core as core;
