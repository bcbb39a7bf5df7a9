//! How the tools of a component are called, and how what they say becomes findings.

use std::path::PathBuf;

use crate::config::Component;
use crate::core::command::Command;
use crate::core::finding::{self, Finding, Paths};
use crate::cx::{Attempt, Cx};
use crate::error::{Error, ErrorKind, Result};

/// Variables that decide how cargo compiles. `cargo xtask` itself was compiled with them, in the same target folder: without
/// them its dependencies would be compiled a second time. A trailing `*` stands for any ending.
pub(super) const VARIABLES_OF_CARGO: &[&str] = &[
    "RUSTFLAGS",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_*",
    "CARGO_TARGET_*",
    "CC",
    "CFLAGS",
    "AR",
    "SDKROOT",
    "MACOSX_DEPLOYMENT_TARGET",
];

/// `cargo SUBCOMMAND --locked --package PACKAGE`, in the workspace at the root of the repository.
pub(super) fn cargo(cx: &Cx, subcommand: &str, package: &str) -> Command {
    compiling(
        cx,
        Command::new("cargo").arg(subcommand).args(["--locked", "--color", "never", "--package", package]),
    )
}

/// `cargo metadata` of the workspace without its dependencies.
pub(super) fn cargo_metadata(cx: &Cx) -> Command {
    compiling(cx, Command::new("cargo").args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))
}

/// The command, with the variables that `cargo xtask` was compiled with.
fn compiling(cx: &Cx, command: Command) -> Command {
    cx.environment()
        .named(VARIABLES_OF_CARGO)
        .into_iter()
        .fold(command, |command, (name, value)| command.env(name, value))
}

/// A program of a Python component's virtual environment, in the component's folder.
pub(super) fn python(component: &Component, program: &str) -> Command {
    Command::new(format!(".venv/bin/{program}")).cwd(&component.path)
}

/// A program among the repository's own tools, or one of that name on `PATH`; `None` where neither is there.
pub(super) fn of_repository(cx: &Cx, program: &str) -> Option<PathBuf> {
    let own = cx.tools_folder().join("tools/bin").join(program);
    if own.exists() { Some(own) } else { cx.find(program).ok() }
}

/// An npm script of a Node component. Tools that colour what they write into a pipe, as vitest does, are told not to.
pub(super) fn npm(component: &Component, script: &str) -> Command {
    Command::new("npm").args(["run", "--silent", script]).env("NO_COLOR", "1").cwd(&component.path)
}

/// The paths in the output of a tool that runs in the component's folder.
pub(super) fn paths(cx: &Cx, component: &Component) -> Paths {
    Paths::new(cx.root(), &component.path)
}

/// The paths in the output of cargo, which runs the compiler in the workspace's folder.
pub(super) fn cargo_paths(cx: &Cx) -> Paths {
    Paths::new(cx.root(), "")
}

/// Runs a tool of the component. Where the tool is not there, the error says how to get it.
pub(super) fn attempt(cx: &Cx, component: &Component, command: Command) -> Result<Attempt> {
    let set_up = |error: Error| match error.kind() {
        ErrorKind::Missing => {
            error.hint(format!("`cargo xtask setup {}` installs what the component needs", component.name))
        }
        _ => error,
    };
    let mut attempt = cx.attempt(command).map_err(set_up)?;
    // What a shell says, and npm with it, when a script calls a program that is not installed.
    if attempt.code == Some(127) {
        attempt.error = attempt.error.map(|error| {
            error.hint(format!("`cargo xtask setup {}` installs what the scripts call", component.name))
        });
    }
    Ok(attempt)
}

/// Runs a tool that checks, and reports what it found.
pub(super) fn check(
    cx: &Cx,
    component: &Component,
    command: Command,
    parse: impl Fn(&str) -> Vec<Finding>,
) -> Result<()> {
    let attempt = attempt(cx, component, command)?;
    conclude(cx, attempt.error, parse(&attempt.output))
}

/// Reports the findings of a tool that passed, or ended with an error.
pub(super) fn conclude(cx: &Cx, error: Option<Error>, findings: Vec<Finding>) -> Result<()> {
    match error {
        None => cx.findings(finding::settle(findings, true)),
        Some(error) => Err(failure(cx, error, findings)),
    }
}

/// Reports the findings of a tool that ended with an error, and says both.
pub(super) fn failure(cx: &Cx, error: Error, findings: Vec<Finding>) -> Error {
    match cx.findings(finding::settle(findings, false)) {
        // An exit code says less than what was found. The end of the time, or of the run, says more.
        Err(found) if cx.check().is_ok() => found.cause(error.message()),
        _ => error,
    }
}
