//! Running commands: what they are given, what is kept of what they write, and what their ends mean.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Instant;

use super::{Cx, scope};
use crate::core::capture::Capture;
use crate::core::command::Command;
use crate::core::graph::TaskId;
use crate::driver::cancel::Cancel;
use crate::driver::notation::Notation;
use crate::driver::process::{self, Exit, Finished, Request, Stream};
use crate::error::{Error, Result};
use crate::event::Body;

/// What [`Cx::output`] has seen of a command.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output. Masked; bytes that are no UTF-8 become U+FFFD.
    pub stdout: String,
    /// Its standard error, likewise; bounded, the middle is left out of a long one.
    pub stderr: String,
}

impl Output {
    /// Whether the command ended with code 0.
    pub fn success(&self) -> bool {
        self.exit == Exit::Code(0)
    }
}

/// The most that [`Cx::output`] keeps of a standard output, in bytes.
pub const OUTPUT_MAX: usize = 64 << 20;

impl Cx {
    /// Runs a command of which success is expected: an exit code other than 0 is an error of kind [`Problems`](crate::ErrorKind::Problems).
    ///
    /// Its output goes to the task's log, and to a reader only when the task does not pass.
    pub fn run(&self, command: impl Notation) -> Result<()> {
        let command = command.command();
        let finished = self.execute(&command, false, &mut |_, _| {})?;
        match finished.exit {
            Exit::Code(0) => Ok(()),
            exit => Err(self.failed(&command, exit)),
        }
    }

    /// Runs a command of which success is expected and returns its standard output, without the last line's end.
    pub fn read(&self, command: impl Notation) -> Result<String> {
        let command = command.command();
        let mut output = self.output(command.clone())?;
        if !output.success() {
            let error = self.failed(&command, output.exit);
            let said = output.stderr.trim();
            return Err(if said.is_empty() { error } else { error.cause(said) });
        }
        output.stdout.truncate(output.stdout.trim_end_matches(['\r', '\n']).len());
        Ok(output.stdout)
    }

    /// Runs a command and returns how it ended and what it wrote. An exit code is no error here.
    ///
    /// At most [`OUTPUT_MAX`] bytes of standard output are kept; a command that writes more is an error.
    pub fn output(&self, command: impl Notation) -> Result<Output> {
        let command = command.command();
        let mut stdout = Vec::new();
        let mut stderr = Capture::new(16 << 10, 16 << 10);
        let mut too_long = false;
        let finished = self.execute(&command, true, &mut |stream, bytes| match stream {
            Stream::Stderr => stderr.push(bytes),
            Stream::Stdout if stdout.len() + bytes.len() > OUTPUT_MAX => too_long = true,
            Stream::Stdout => stdout.extend_from_slice(bytes),
        })?;
        if too_long {
            let message = format!("`{}` wrote more than {} MiB", command.name(), OUTPUT_MAX >> 20);
            return Err(Error::problems(message));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output {
            exit: finished.exit,
            stdout: text(&self.mask().bytes(&stdout)),
            stderr: self.mask().text(&stderr.text()),
        })
    }

    pub(super) fn failed(&self, command: &Command, exit: Exit) -> Error {
        let name = command.name();
        match exit {
            Exit::Code(code) => Error::problems(format!("`{name}` ended with exit code {code}")),
            Exit::Signal(signal) => {
                Error::problems(format!("`{name}` was killed by {}", process::signal_name(signal)))
            }
            Exit::TimedOut if command.time_limit().is_some() && self.check().is_ok() => {
                Error::problems(format!("`{name}` ran out of time"))
            }
            Exit::TimedOut => self.timed_out(),
            Exit::Stopped => Error::bug(format!("`{name}` was stopped by nobody")),
            Exit::Cancelled => Error::interrupted(),
        }
    }

    /// Looks everything up that the command leaves open, runs it, and logs what it writes.
    pub(super) fn execute(
        &self,
        command: &Command,
        apart: bool,
        tap: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<Finished> {
        self.execute_until(command, apart, None, tap)
    }

    /// [`Self::execute`], with something that may end this command alone.
    pub(super) fn execute_until(
        &self,
        command: &Command,
        apart: bool,
        stop: Option<Cancel>,
        tap: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<Finished> {
        self.check()?;
        let command = &self.relative(command);
        let request = self.request(command, apart, stop)?;
        let finished = self.perform(command, &request, tap)?;
        match finished.exit {
            Exit::Cancelled => Err(Error::interrupted()),
            _ => Ok(finished),
        }
    }

    /// Runs what a command has become, says so, and logs what it writes.
    pub(super) fn perform(
        &self,
        command: &Command,
        request: &Request,
        tap: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<Finished> {
        let line = self.mask().text(&command.to_string());
        let task = self.task_or_root();
        self.emit(Body::CommandStarted { task: task.clone(), command: line.clone() });
        let mut log = scope::CommandLog::new(self, &line);
        let mut refusals = self.refusals();
        let finished = self.shared.runner.run(request, &mut |stream, bytes| {
            refusals.push(bytes);
            tap(stream, bytes);
            if !(request.apart && stream == Stream::Stdout) {
                log.push(self, bytes);
            }
        })?;
        log.finish(self);
        if finished.output_held {
            self.note(format!("`{}` left a process behind that still holds its output open", command.name()));
        }
        self.emit(Body::CommandFinished {
            task,
            command: line,
            exit: finished.exit.to_string(),
            duration: finished.duration,
        });
        Ok(finished)
    }

    /// The command with its folder relative to the repository, as a reader knows it.
    fn relative(&self, command: &Command) -> Command {
        match command.directory().and_then(|cwd| cwd.strip_prefix(self.root()).ok()) {
            Some(cwd) => command.clone().cwd(cwd),
            None => command.clone(),
        }
    }

    fn request(&self, command: &Command, apart: bool, stop: Option<Cancel>) -> Result<Request> {
        self.refuse_visible_secrets(command)?;
        let task = self.task().map_or("", TaskId::as_str);
        let mut env = self.shared.environment.for_commands(&self.config().declared_env(task));
        if let Some(folder) = self.sandbox().and_then(|sandbox| sandbox.temporary_folder()) {
            env.insert("TMPDIR".into(), folder.into());
        }
        for (name, value) in command.environment() {
            match value {
                Some(value) => env.insert(name.clone(), value.clone()),
                None => env.remove(name),
            };
        }
        let cwd = self.root().join(command.directory().unwrap_or_else(|| Path::new("")));
        let program =
            match self.program(command.program(), env.get(OsStr::new("PATH")).map(OsString::as_os_str)) {
                Some(program) => program,
                None => process::find(command.program(), &env, &cwd)?,
            };
        let limit = command.time_limit().map(|limit| Instant::now() + limit);
        Ok(Request {
            program,
            args: command.arguments().to_vec(),
            env,
            cwd,
            stdin: command.input().unwrap_or_default().to_vec(),
            apart,
            deadline: [limit, self.deadline()].into_iter().flatten().min(),
            stop,
            sandbox: self.sandbox().cloned(),
        })
    }

    /// Every user of the machine can read the arguments of a process.
    pub(super) fn refuse_visible_secrets(&self, command: &Command) -> Result<()> {
        let visible = |arg: &OsString| self.mask().finds_in(arg.as_encoded_bytes());
        if !command.arguments().iter().any(visible) {
            return Ok(());
        }
        Err(Error::refused(format!("an argument of `{}` holds a secret", command.name()))
            .hint("every user of the machine can read arguments: pass it in a variable or on standard input"))
    }
}
