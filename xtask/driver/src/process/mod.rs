//! Starts commands and sees them to their end, whatever that is.
//!
//! Each command is a process group of its own, and it is always the group that is ended, never its first process alone:
//! SIGTERM, after a grace of five seconds SIGKILL. SIGINT is never used for that, because a child may inherit that it is
//! ignored. This is how nothing is left running:
//!
//! | What happens | What ends the processes |
//! |---|---|
//! | The command ends by itself | What is left in its group gets SIGTERM, and SIGKILL half a second later. |
//! | Its time is up | Its group, and descendants that have left the group (Linux), get SIGTERM, then SIGKILL. |
//! | Ctrl-C, SIGTERM, SIGHUP | The same for all commands; a second request kills at once. At the end of the run, daemons that became children of ours ([`platform::adopt_orphans`], Linux) are ended too. |
//! | A panic, an error of ours | Dropping what supervises a command kills its group. |
//! | SIGKILL, out of memory | The *guard* reads the end of a pipe that only we hold open. It sends SIGTERM, and SIGKILL five seconds later, to each group that is registered with it, and to whatever still writes to a command's standard output (Linux). |
//!
//! The guard is one `/bin/sh`, started before a run's first command, in a process group of its own and deaf to signals that
//! can be ignored. It is told of the command's pipe before the command is started, so that there is no moment in which a
//! command runs and the guard knows nothing; and it forgets the group before the group's first process is waited for, so
//! that a number that stands for somebody else is never signalled.
//!
//! Not covered: a daemon that has left its group and closed its output survives a SIGKILL of ours. On macOS, processes that
//! have left their group survive however the run ends, and so does a command when we are killed in the microseconds between
//! its start and its registration. Whoever kills the guard too gets no help. A process that runs as somebody else cannot be
//! signalled.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgrp, getpid};

use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::platform;
use crate::sandbox::Sandbox;

mod guard;
mod start;
mod supervise;

use guard::Guard;
use start::Child;
use supervise::{Alarms, Supervision};

/// How long a command has between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(5);

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
    /// What asks this command alone to end: for one that runs beside something else.
    pub stop: Option<Cancel>,
    /// What it may read, where that is limited.
    pub sandbox: Option<Arc<Sandbox>>,
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
    /// It was asked to end, by [`Request::stop`].
    Stopped,
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
    grace: Duration,
    support: Mutex<Option<Arc<Support>>>,
}

/// What all commands of a run share. Made for the first one.
#[derive(Debug)]
struct Support {
    cancel: Cancel,
    grace: Duration,
    alarms: Alarms,
    guard: Guard,
}

impl Processes {
    /// A runner whose processes end when `cancel` is asked for.
    pub fn new(cancel: Cancel) -> Self {
        Self { cancel, grace: GRACE, support: Mutex::new(None) }
    }

    /// Another time between SIGTERM and SIGKILL than [`GRACE`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    fn support(&self) -> Result<Arc<Support>> {
        let mut support = self.support.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(support) = &*support {
            return Ok(Arc::clone(support));
        }
        let made = Arc::new(Support {
            cancel: self.cancel.clone(),
            grace: self.grace,
            alarms: Alarms::new(&self.cancel)?,
            guard: Guard::start()?,
        });
        *support = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl Runner for Processes {
    fn run(&self, request: &Request, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<Finished> {
        let start = Instant::now();
        if self.cancel.is_cancelled() {
            return Ok(Finished { exit: Exit::Cancelled, duration: Duration::ZERO, output_held: false });
        }
        let support = self.support()?;
        let child = Child::start(request, &support.guard)?;
        let supervision = Supervision::new(request, child, &self.cancel, &support.alarms, self.grace);
        let (exit, output_held) = supervision.run(output)?;
        Ok(Finished { exit, duration: start.elapsed(), output_held })
    }
}

impl Drop for Support {
    /// At the end of an interrupted run, ends the daemons that its commands left behind, as far as they became children of
    /// this process. What shares our own process group was not started by a command.
    fn drop(&mut self) {
        if !self.cancel.is_cancelled() || !platform::adopts_orphans() {
            return;
        }
        let (own, guard) = (getpgrp(), self.guard.group());
        let mut daemons = platform::strays(getpid(), |group| group == own || Some(group) == guard);
        let kill_at = Instant::now() + self.grace;
        for daemon in &daemons {
            daemon.signal(Signal::TERM);
        }
        loop {
            daemons.retain(|daemon| !daemon.is_gone());
            if daemons.is_empty() || self.cancel.is_urgent() || Instant::now() >= kill_at {
                break;
            }
            std::thread::sleep(supervise::LOOK);
        }
        for daemon in &daemons {
            daemon.signal(Signal::KILL);
        }
    }
}

fn first_process(handle: &duct::Handle) -> Option<Pid> {
    handle.pids().first().and_then(|&process| i32::try_from(process).ok()).and_then(Pid::from_raw)
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "killed by {}", signal_name(*signal)),
            Self::TimedOut => f.write_str("out of time"),
            Self::Stopped => f.write_str("stopped"),
            Self::Cancelled => f.write_str("interrupted"),
        }
    }
}

/// The name of a signal: `SIGKILL`.
pub fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// The program that a name stands for in this environment, or a word about how to get it.
pub fn find(program: &OsStr, env: &BTreeMap<OsString, OsString>, cwd: &Path) -> Result<PathBuf> {
    find_in(env.get(OsStr::new("PATH")).map(OsString::as_os_str), program, cwd)
}

/// The program that a name stands for where `PATH` is `path`, or a word about how to get it.
///
/// A path with a folder in it is relative to `cwd`; anything else is looked up in `path`.
pub fn find_in(path: Option<&OsStr>, program: &OsStr, cwd: &Path) -> Result<PathBuf> {
    which::which_in(program, path, cwd).map_err(|_| {
        let name = program.to_string_lossy();
        if name.contains('/') && cwd.join(program).is_file() {
            return Error::missing(format!("`{name}` is not executable")).hint(format!("`chmod +x {name}`"));
        }
        Error::missing(format!("`{name}` is not there"))
            .hint(format!("`cargo xtask doctor` says how to get `{name}`"))
    })
}
