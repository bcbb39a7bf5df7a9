//! Starts commands and sees them to their end.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::driver::cancel::Cancel;
use crate::error::{Error, Result};

/// A command with everything decided: nothing is left to look up.
#[derive(Debug)]
pub struct Request {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The folder it runs in.
    pub cwd: PathBuf,
    /// What it reads on its standard input.
    pub stdin: Vec<u8>,
    /// Whether standard output and standard error come apart. Together they keep their order.
    pub apart: bool,
    /// When its time is up.
    pub deadline: Option<Instant>,
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Standard output, or both where they come together.
    Stdout,
    /// Standard error, where they come apart.
    Stderr,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// It ended by itself with this code.
    Code(i32),
    /// A signal of somebody else ended it.
    Signal(i32),
    /// Its time was up and it was ended.
    TimedOut,
    /// The run was cancelled and it was ended.
    Cancelled,
}

/// How a process ended, and what its output did then.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// How long it ran.
    pub duration: Duration,
    /// Whether a process outside its group still holds its output open, so that the end of the output was not seen.
    pub output_held: bool,
}

/// Somebody who runs commands. The seam at which tests put a fake.
pub trait Runner: Send + Sync {
    /// Runs the command to its end. `output` takes what it writes, as it comes.
    fn run(&self, request: &Request, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<Finished>;
}

/// Runs commands as processes.
#[derive(Debug)]
pub struct Processes {
    cancel: Cancel,
}

impl Processes {
    /// A runner whose processes end when `cancel` is asked for.
    pub fn new(cancel: Cancel) -> Self {
        Self { cancel }
    }
}

impl Runner for Processes {
    fn run(&self, request: &Request, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<Finished> {
        // Placeholder of the first commit: no group, no deadline.
        let start = Instant::now();
        let done = std::process::Command::new(&request.program)
            .args(&request.args)
            .env_clear()
            .envs(&request.env)
            .current_dir(&request.cwd)
            .stdin(std::process::Stdio::null())
            .output()
            .map_err(|error| Error::io(format!("could not start `{}`", request.program.display()), error))?;
        output(Stream::Stdout, &done.stdout);
        output(if request.apart { Stream::Stderr } else { Stream::Stdout }, &done.stderr);
        let exit = if self.cancel.is_cancelled() {
            Exit::Cancelled
        } else {
            Exit::Code(done.status.code().unwrap_or(-1))
        };
        Ok(Finished { exit, duration: start.elapsed(), output_held: false })
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "killed by {}", signal_name(*signal)),
            Self::TimedOut => f.write_str("out of time"),
            Self::Cancelled => f.write_str("interrupted"),
        }
    }
}

/// The name of a signal: `SIGKILL`.
pub fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// The program that a name stands for in this environment, or a word about how to get it.
///
/// A path with a folder in it is relative to `cwd`; anything else is looked up in the environment's `PATH`.
pub fn find(program: &OsStr, env: &BTreeMap<OsString, OsString>, cwd: &Path) -> Result<PathBuf> {
    let path = env.get(OsStr::new("PATH"));
    which::which_in(program, path, cwd).map_err(|_| {
        let name = program.to_string_lossy();
        Error::missing(format!("`{name}` is not there"))
            .hint(format!("`cargo xtask doctor` says how to get `{name}`"))
    })
}
