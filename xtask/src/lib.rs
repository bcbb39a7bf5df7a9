//! Build, check, release: typed, composable tasks for a `cargo xtask`.
//!
//! # Modules, in reading order
//!
//! [`error`] and [`event`] are the vocabulary; [`core`] decides; [`driver`] acts; [`config`] is `xtask.toml`; [`cx`] is what a
//! task is given; [`pipeline`] gives tasks an order; [`tasks`] are the verbs; [`ui`] shows events; [`cli`] is the grammar.

pub mod cli;
pub mod config;
pub mod core;
pub mod cx;
pub mod driver;
pub mod error;
pub mod event;
pub mod pipeline;
pub mod tasks;
pub mod ui;

pub use crate::core::command::Command;
pub use crate::cx::Cx;
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::pipeline::{Pipeline, Task};
pub use xshell::cmd;
