//! Build, check, release: typed, composable tasks for a `cargo xtask`.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use xtask::cli::App;
//! use xtask::tasks::ci;
//! use xtask::{Cx, Result, Task, cmd};
//!
//! fn shell(cx: &Cx) -> Result<()> {
//!     let sh = cx.sh()?;
//!     cx.run(cmd!(sh, "shellcheck bin/deploy.sh"))
//! }
//!
//! fn main() -> ExitCode {
//!     let task = || Task::new("lint.shell", shell).about("check the shell scripts");
//!     App::new(move |config, options| ci::pipeline(config, options).with(task())).main()
//! }
//! ```
//!
//! That is a whole `cargo xtask`: the standard tasks of the components that `xtask.toml` names, and one of its own, which
//! `cargo xtask ci lint` runs with the others. Every standard task is also a function that can be called alone:
//! [`tasks::lint::component`], [`tasks::test::component`] and so on. `xtask/testdata/tiny` is a small repository that does so.
//!
//! # Modules, in reading order
//!
//! [`error`] and [`event`] are the vocabulary; [`core`] decides; [`driver`] acts; [`config`] is `xtask.toml`; [`cx`] is what a
//! task is given; [`pipeline`] gives tasks an order; [`tasks`] are the verbs; [`ui`] shows events; [`cli`] is the grammar.

pub mod cli;
pub mod config;
pub mod cx;
pub mod driver;
pub mod event;
pub mod pipeline;
pub mod tasks;
pub mod ui;

pub use xtask_core as core;
pub use xtask_driver::error;

pub use crate::core::command::Command;
pub use crate::cx::Cx;
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::pipeline::{Footprint, Pipeline, Task};
pub use xshell::cmd;

/// The Rust of the guide, which has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/extending.md")]
struct Extending;
