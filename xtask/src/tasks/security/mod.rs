//! Looks for secrets, known vulnerabilities, dangerous code and configuration, with the scanners that are there.
//!
//! A gate is a task that gathers what its scanners have looked at and concludes once. A scanner that is not there, hangs or
//! breaks is a gap in that, never an end of the gate: what the others find is said all the same.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tool;
use crate::core::command::Command;
use crate::core::finding::Paths;
use crate::core::gate::scanner::{OUT_OF_TIME, REPORT, Scanner, TARGET};
use crate::core::gate::{Answer, Coverage, GapKind, Look};
use crate::cx::{Cx, Output};
use crate::driver::process::{Exit, signal_name};
use crate::error::{Error, ErrorKind, Result};

pub mod code;
pub mod images;
pub mod secrets;
pub mod vulnerabilities;
pub mod workflows;

/// How the gates look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// Whether secrets are looked for in every commit as well.
    pub history: bool,
}

/// How long a scanner may take. Where a feed gives no answer, `npm audit` and others would wait for minutes.
const TIMEOUT: Duration = Duration::from_mins(5);

/// How long it may take to say its version.
const TIMEOUT_VERSION: Duration = Duration::from_secs(30);

/// How a scanner is called here.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    /// The program, where it is not among the repository's tools or on `PATH`.
    program: Option<PathBuf>,
    /// Where it runs, relative to the repository.
    folder: PathBuf,
    /// What it is to look at, relative to that.
    target: PathBuf,
    /// More arguments.
    more: Vec<OsString>,
    /// Variables that it needs beside the usual ones.
    variables: Vec<(&'static str, String)>,
}

impl Call {
    /// In a folder relative to the repository, to look at `target` there.
    pub(super) fn new(folder: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), target: target.into(), ..Self::default() }
    }

    fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }
}

/// Where the program of a scanner is.
fn find(cx: &Cx, scanner: &Scanner) -> Option<PathBuf> {
    tool::of_repository(cx, scanner.program)
}

/// Runs a scanner that has to be there. Where it is not, nothing was looked at.
pub(super) fn scan(cx: &Cx, scanner: &Scanner, call: &Call) -> Result<Look> {
    let own = call.program.as_ref().filter(|program| cx.root().join(program).exists());
    let Some(program) = own.cloned().or_else(|| find(cx, scanner).filter(|_| call.program.is_none())) else {
        let why = format!("`{}` is not installed", scanner.program);
        return Ok(Look::blind(scanner.name, scanner.unit, why).hint(scanner.get));
    };
    if let Some(feed) = scanner.feed.filter(|_| cx.is_offline()) {
        return Ok(Look::blind(scanner.name, scanner.unit, format!("offline: it needs {feed}")));
    }
    let settings = cx.environment().named(scanner.settings);
    let scratch = cx.scratch()?;
    let report = scratch.file("report");
    let command = |arguments: &[&str], timeout: Duration| {
        let word = |word: &&str| match *word {
            TARGET => call.target.clone().into_os_string(),
            REPORT => report.clone().into_os_string(),
            word => OsStr::new(word).to_owned(),
        };
        let command = Command::new(cx.root().join(&program))
            .args(arguments.iter().map(word))
            .cwd(&call.folder)
            .env("NO_COLOR", "1")
            .timeout(timeout);
        let command = settings.iter().fold(command, |command, (name, value)| command.env(name, value));
        call.variables.iter().fold(command, |command, (name, value)| command.env(name, value))
    };
    let version = match attempt(cx, scanner, command(scanner.ask, TIMEOUT_VERSION))? {
        Ok(output) => format!("{}\n{}", output.stdout, output.stderr),
        Err(look) => return Ok(look),
    };
    let output = match attempt(cx, scanner, command(scanner.arguments, TIMEOUT).args(&call.more))? {
        Ok(output) => output,
        Err(look) => return Ok(look),
    };
    let mut report = scratch.read("report")?;
    if !scanner.census.is_empty() {
        let census = attempt(cx, scanner, command(scanner.census, TIMEOUT_VERSION))?;
        report = census.ok().filter(Output::success).map(|output| output.stdout);
    }
    let ended = words(output.exit);
    let answer = Answer {
        code: match output.exit {
            Exit::Code(code) => Some(code),
            _ => None,
        },
        ended: &ended,
        stdout: &output.stdout,
        stderr: &output.stderr,
        report: report.as_deref(),
    };
    let look = scanner.look(&answer, &Paths::new(cx.root(), &call.folder));
    Ok(scanner.by_version(look, &version))
}

/// Runs a scanner that is used where it is there.
fn scan_where_present(cx: &Cx, scanner: &Scanner, call: &Call) -> Result<Option<Look>> {
    find(cx, scanner).map(|_| scan(cx, scanner, call)).transpose()
}

/// Runs a command of a scanner. Where it cannot be started, or says too much, that is a gap, unless the run was interrupted.
fn attempt(cx: &Cx, scanner: &Scanner, command: Command) -> Result<std::result::Result<Output, Look>> {
    let failed = |error: Error| match error.kind() {
        ErrorKind::Missing | ErrorKind::Problems if cx.check().is_ok() => {
            let why = format!("`{}` could not be run: {}", scanner.program, error.in_words());
            Ok(Err(Look::broken(scanner.name, scanner.unit, why)))
        }
        _ => Err(error),
    };
    match cx.output(command) {
        Ok(output) => {
            // Where the task's time is up and not the scanner's, the task says so.
            cx.check()?;
            Ok(Ok(output))
        }
        Err(error) => failed(error),
    }
}

/// How a command ended, as [`Answer::ended`] says it.
fn words(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("was killed by {}", signal_name(signal)),
        Exit::TimedOut => OUT_OF_TIME.to_owned(),
        Exit::Stopped | Exit::Cancelled => exit.to_string(),
    }
}

/// A look of ours at something that cannot be read.
fn unreadable(tool: &str, unit: &str, path: &Path, error: &Error) -> Look {
    let why = format!("`{}` was not looked at: {}", path.display(), error.in_words());
    Look::at(tool, Coverage::new(0, unit)).gap(GapKind::CouldNotLook, why, None)
}
