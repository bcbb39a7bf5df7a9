//! The guard: a small process that outlives this one just long enough to end what it left running.

use std::fs::File;
use std::io::{PipeReader, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::process::Pid;

use super::start::{error_of_start, in_its_own_group};
use crate::error::Result;

/// What the guard does, for `/bin/sh`.
const SCRIPT: &str = include_str!("guard.sh");

/// The guard of one run. It reads from a pipe whose only other end is here: when this process ends, however it ends, the
/// guard reads the end of the pipe.
#[derive(Debug)]
pub(super) struct Guard {
    process: duct::Handle,
    /// Taken away on drop: the pipe has to be closed before the guard is waited for.
    commands: Mutex<Option<Commands>>,
}

/// What the guard is told. To tell it wakes it, which takes as long as the telling.
#[derive(Debug)]
struct Commands {
    pipe: File,
    /// What it does not have to know at once: it is told with what it does.
    later: String,
}

impl Guard {
    pub(super) fn start() -> Result<Self> {
        let start = || {
            let (reader, writer) = std::io::pipe()?;
            // Its folder and its output are nobody's, so that it keeps no disk busy and no pipe of ours open.
            let guard = duct::cmd("/bin/sh", ["-c", SCRIPT, "xtask-guard"])
                .full_env([("PATH", "/usr/bin:/bin")])
                .dir("/")
                .stdin_file(reader)
                .stdout_null()
                .stderr_null()
                .unchecked();
            Ok((in_its_own_group(&guard).start()?, writer))
        };
        let (process, writer) = start().map_err(|error| {
            error_of_start("/bin/sh".as_ref(), "/".as_ref(), error)
                .hint("it guards the processes of a run: they are ended even when xtask is killed")
        })?;
        let commands = Commands { pipe: OwnedFd::from(writer).into(), later: String::new() };
        Ok(Self { process, commands: Mutex::new(Some(commands)) })
    }

    /// The number of the guard's own process group.
    pub(super) fn group(&self) -> Option<Pid> {
        super::first_process(&self.process)
    }

    /// Makes the guard know the pipe that a command will write to. To be called before the command is started: should this
    /// process end before it knows the command's group, the guard finds it by the pipe.
    pub(super) fn announce(&self, output: &PipeReader) -> Registration<'_> {
        // Pipes have an inode wherever they are files; without it there is no group to find either.
        let pipe = rustix::fs::fstat(output.as_fd()).map_or(0, |stat| stat.st_ino);
        self.say(&format!("+ p{pipe}\n"));
        Registration { guard: self, pipe, group: None }
    }

    fn say(&self, line: &str) {
        self.commands(|commands| {
            commands.later.push_str(line);
            commands.tell();
        });
    }

    fn say_later(&self, line: &str) {
        self.commands(|commands| commands.later.push_str(line));
    }

    fn commands(&self, with: impl FnOnce(&mut Commands)) {
        if let Some(commands) = &mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner) {
            with(commands);
        }
    }
}

impl Commands {
    fn tell(&mut self) {
        // Where that fails, somebody killed the guard. The run goes on as it would without one.
        drop(self.pipe.write_all(self.later.as_bytes()));
        self.later.clear();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut commands) = self.commands.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            commands.tell();
        }
        // With nothing left to guard it ends at once.
        drop(self.process.wait());
    }
}

/// What the guard knows of one command; forgotten on drop.
#[derive(Debug)]
pub(super) struct Registration<'g> {
    guard: &'g Guard,
    pipe: u64,
    group: Option<Pid>,
}

impl Registration<'_> {
    /// The command's process group exists.
    pub(super) fn add(&mut self, group: Pid) {
        if self.group.replace(group).is_none() {
            self.guard.say(&format!("+ {}\n", group.as_raw_nonzero()));
        }
    }

    /// From now on the number of the group may come to stand for another one.
    pub(super) fn remove(&mut self) {
        if let Some(group) = self.group.take() {
            self.guard.say(&format!("- {}\n", group.as_raw_nonzero()));
        }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.remove();
        // A pipe that is gone is looked for in vain: no other gets its number soon.
        self.guard.say_later(&format!("- p{}\n", self.pipe));
    }
}
