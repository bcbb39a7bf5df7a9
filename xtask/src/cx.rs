//! What a task is given: the repository, its configuration, and the ways to act on it.
//!
//! A task is a function of a [`Cx`]. Whatever it does to the world goes through it, so that it is seen, logged, masked,
//! limited in time and ended when the run ends; and so that a test can put a fake where the world would be.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::core::command::Command;
use crate::core::finding::{Finding, Severity};
use crate::core::graph::TaskId;
use crate::core::mask::Mask;
use crate::core::report::TestReport;
use crate::driver::cancel::Cancel;
use crate::driver::environment::Environment;
use crate::driver::process::{self, Exit, Finished, Processes, Request, Runner, Stream};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Body, Event, Level, Sink, Status, TaskEnd};

mod scope;

use scope::Scope;

/// The context of a task. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Cx {
    shared: Arc<Shared>,
    /// The task this context belongs to, where one has begun.
    scope: Option<Arc<Scope>>,
    /// The innermost step, or the task.
    step: Option<TaskId>,
}

struct Shared {
    root: PathBuf,
    output: PathBuf,
    config: Config,
    environment: Environment,
    mask: Mask,
    runner: Arc<dyn Runner>,
    cancel: Cancel,
    start: Instant,
    sinks: Mutex<Vec<Arc<dyn Sink>>>,
}

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

/// Makes a [`Cx`].
#[must_use]
pub struct Builder {
    root: PathBuf,
    output: Option<PathBuf>,
    config: Config,
    environment: Environment,
    sinks: Vec<Arc<dyn Sink>>,
    cancel: Cancel,
    runner: Option<Arc<dyn Runner>>,
}

impl Builder {
    /// Where logs, events and reports go; without it `target/xtask` in the repository, or under `CARGO_TARGET_DIR`.
    pub fn output(mut self, folder: impl Into<PathBuf>) -> Self {
        self.output = Some(folder.into());
        self
    }

    /// The configuration; without it, an empty one.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The variables; without it, none.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Adds somebody who listens.
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// The flag that ends the run; without it, one that only [`Cx::cancel`] raises.
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Who runs commands; without it, [`Processes`].
    pub fn runner(mut self, runner: Arc<dyn Runner>) -> Self {
        self.runner = Some(runner);
        self
    }

    /// The context.
    pub fn build(self) -> Cx {
        let output = self.output.unwrap_or_else(|| {
            let target =
                self.environment.get("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
            self.root.join(target).join("xtask")
        });
        let runner = self.runner.unwrap_or_else(|| Arc::new(Processes::new(self.cancel.clone())));
        Cx {
            shared: Arc::new(Shared {
                root: self.root,
                output,
                mask: Mask::new(&self.environment.secrets(&self.config.environment.secrets)),
                config: self.config,
                environment: self.environment,
                runner,
                cancel: self.cancel,
                start: Instant::now(),
                sinks: Mutex::new(self.sinks),
            }),
            scope: None,
            step: None,
        }
    }
}

impl Cx {
    /// A context for the repository at `root`, an absolute path.
    pub fn builder(root: impl Into<PathBuf>) -> Builder {
        Builder {
            root: root.into(),
            output: None,
            config: Config::default(),
            environment: Environment::default(),
            sinks: Vec::new(),
            cancel: Cancel::default(),
            runner: None,
        }
    }

    /// The root of the repository.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The folder for logs, events and reports of runs.
    pub fn output_folder(&self) -> &Path {
        &self.shared.output
    }

    /// The folder for tools that are installed for this repository; `cargo clean` spares it.
    pub fn tools_folder(&self) -> PathBuf {
        self.shared.root.join(".xtask")
    }

    /// What the repository says about itself.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The variables of this process.
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// The flag that ends the run.
    pub fn cancel(&self) -> &Cancel {
        &self.shared.cancel
    }

    /// What replaces secrets in everything that is said.
    pub fn mask(&self) -> &Mask {
        &self.shared.mask
    }

    /// Time since the context was made.
    pub fn elapsed(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// The task this context belongs to, where one has begun.
    pub fn task(&self) -> Option<&TaskId> {
        self.scope.as_ref().map(|scope| &scope.task)
    }

    /// A shell in the repository's root for xshell's `cmd!`; `Command::from` makes the result a [`Command`].
    pub fn sh(&self) -> Result<xshell::Shell> {
        let sh = xshell::Shell::new()
            .map_err(|error| Error::missing("could not use the working folder").source(error))?;
        sh.change_dir(self.root());
        Ok(sh)
    }

    /// Says something to whoever listens.
    pub fn emit(&self, body: Body) {
        let event = Event { at: self.elapsed(), body };
        let sinks = self.shared.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.iter().for_each(|sink| sink.event(&event));
    }

    /// Adds somebody who listens from now on.
    pub fn add_sink(&self, sink: Arc<dyn Sink>) {
        self.shared.sinks.lock().unwrap_or_else(PoisonError::into_inner).push(sink);
    }

    /// Says something a reader should know.
    pub fn note(&self, message: impl Into<String>) {
        self.say(Level::Info, &message.into(), None);
    }

    /// Says that something is not as it should be, and what to do about it.
    pub fn warn(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.say(Level::Warning, &message.into(), Some(hint.into()));
    }

    fn say(&self, level: Level, message: &str, hint: Option<String>) {
        let message = self.mask().text(message);
        self.emit(Body::Note { task: self.task().cloned(), level, message, hint });
    }

    /// Reports findings. Returns an error of kind [`ErrorKind::Problems`] where one of them is an error.
    pub fn findings(&self, findings: Vec<Finding>) -> Result<()> {
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        let task = self.task_or_root();
        for finding in findings {
            self.emit(Body::Found { task: task.clone(), finding });
        }
        match errors {
            0 => Ok(()),
            1 => Err(Error::problems("1 problem found")),
            count => Err(Error::problems(format!("{count} problems found"))),
        }
    }

    /// Reports the cases of a test run. Fails nothing: the runner's exit code does.
    pub fn tested(&self, report: TestReport) {
        self.emit(Body::Tested {
            task: self.task_or_root(),
            counts: report.counts(),
            report: Arc::new(report),
        });
    }

    /// Says how far a long step has come.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: &'static str) {
        self.emit(Body::Progress { task: self.task_or_root(), done, total, unit });
    }

    /// An error where the run was asked to end or the task's time is up. Long loops of a task ask now and then.
    pub fn check(&self) -> Result<()> {
        if self.shared.cancel.is_cancelled() {
            return Err(Error::interrupted());
        }
        match self.deadline() {
            Some(deadline) if Instant::now() >= deadline => Err(self.timed_out()),
            _ => Ok(()),
        }
    }

    /// Runs `work` as a task or, inside of a task, as a step of it called `name`.
    ///
    /// Inside the task `lint.backend`, the step `ruff` is `lint.backend.ruff`; outside of a task, `name` is the task's id.
    pub fn step<T>(&self, name: &str, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let Some(scope) = &self.scope else {
            let id = TaskId::new(name).ok_or_else(|| Error::bug(format!("`{name}` is no task id")))?;
            let (result, end) = self.run_task(id, None, work);
            self.emit(Body::TaskFinished(end));
            return result;
        };
        self.check()?;
        let step = self.step.as_ref().unwrap_or(&scope.task).child(name);
        self.emit(Body::StepStarted { task: scope.task.clone(), step: step.clone() });
        let start = Instant::now();
        let result = work(&Self { step: Some(step.clone()), ..self.clone() });
        let status = match &result {
            Ok(_) => Status::Passed,
            Err(error) => self.status_of(error),
        };
        self.emit(Body::StepFinished { task: scope.task.clone(), step, status, duration: start.elapsed() });
        result
    }

    /// Collects the results of several steps: all run, whatever the ones before them found.
    pub fn steps(&self) -> Steps<'_> {
        Steps { cx: self, errors: Vec::new() }
    }

    /// Runs `work` as the task `id` and says so, but for its end, which the caller emits.
    pub(crate) fn run_task<T>(
        &self,
        id: TaskId,
        deadline: Option<Instant>,
        work: impl FnOnce(&Self) -> Result<T>,
    ) -> (Result<T>, TaskEnd) {
        let log = self.output_folder().join("logs").join(format!("{id}.log"));
        let scope = Arc::new(Scope::new(id.clone(), deadline, log));
        self.emit(Body::TaskStarted { task: id.clone() });
        let start = Instant::now();
        let cx = Self { shared: Arc::clone(&self.shared), scope: Some(Arc::clone(&scope)), step: None };
        let result = cx.check().and_then(|()| work(&cx));
        let (status, failure) = match &result {
            Ok(_) => (Status::Passed, None),
            Err(error) => (cx.status_of(error), Some(self.masked(error.clone()))),
        };
        let output = if failure.is_some() { scope.excerpt() } else { String::new() };
        let end = TaskEnd { task: id, status, duration: start.elapsed(), failure, output, log: scope.log() };
        (result, end)
    }

    /// Runs a command of which success is expected: an exit code other than 0 is an error of kind [`ErrorKind::Problems`].
    ///
    /// Its output goes to the task's log, and to a reader only when the task does not pass.
    pub fn run(&self, command: impl Into<Command>) -> Result<()> {
        let command = command.into();
        let finished = self.execute(&command, false, &mut |_, _| {})?;
        match finished.exit {
            Exit::Code(0) => Ok(()),
            exit => Err(self.failed(&command, exit)),
        }
    }

    /// Runs a command of which success is expected and returns its standard output, without the last line's end.
    pub fn read(&self, command: impl Into<Command>) -> Result<String> {
        let command = command.into();
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
    pub fn output(&self, command: impl Into<Command>) -> Result<Output> {
        let command = command.into();
        let mut stdout = Vec::new();
        let mut stderr = crate::core::capture::Capture::new(16 << 10, 16 << 10);
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
}

/// Collects the results of steps that all run.
pub struct Steps<'c> {
    cx: &'c Cx,
    errors: Vec<(String, Error)>,
}

impl Steps<'_> {
    /// Runs a step, unless the run was asked to end.
    pub fn run(&mut self, name: &str, work: impl FnOnce(&Cx) -> Result<()>) -> &mut Self {
        let stop = self.errors.last().is_some_and(|(_, error)| error.kind() == ErrorKind::Interrupted);
        if !stop && let Err(error) = self.cx.step(name, work) {
            self.errors.push((name.to_owned(), error));
        }
        self
    }

    /// The first error, or one that names all steps that failed.
    pub fn finish(&mut self) -> Result<()> {
        let mut errors = std::mem::take(&mut self.errors);
        if errors.len() < 2 {
            return errors
                .pop()
                .map_or(Ok(()), |(name, error)| Err(error.context(format!("`{name}` did not pass"))));
        }
        // An interruption is the last error, and says more than what was found before it.
        if let Some((_, error)) = errors.pop_if(|(_, error)| error.kind() == ErrorKind::Interrupted) {
            return Err(error);
        }
        let problems = errors.iter().any(|(_, error)| error.kind() == ErrorKind::Problems);
        let kind = if problems { ErrorKind::Problems } else { errors[0].1.kind() };
        let names: Vec<String> = errors.iter().map(|(name, _)| format!("`{name}`")).collect();
        let mut merged = Error::new(kind, format!("{} did not pass", names.join(", ")));
        for (name, error) in errors {
            merged = merged.cause(format!("{name}: {error}"));
            for cause in error.causes() {
                merged = merged.cause(cause.clone());
            }
            for hint in error.hints() {
                merged = merged.hint(hint.clone());
            }
            merged = merged.places(error.diagnostics().to_vec());
        }
        Err(merged)
    }
}

impl Cx {
    fn task_or_root(&self) -> TaskId {
        self.task().cloned().unwrap_or_else(TaskId::root)
    }

    fn deadline(&self) -> Option<Instant> {
        self.scope.as_ref().and_then(|scope| scope.deadline)
    }

    fn status_of(&self, error: &Error) -> Status {
        match error.kind() {
            ErrorKind::Interrupted => Status::Interrupted,
            _ if self.deadline().is_some_and(|deadline| Instant::now() >= deadline) => Status::TimedOut,
            _ => Status::Failed,
        }
    }

    fn timed_out(&self) -> Error {
        let id = self.task_or_root();
        Error::problems("the task ran out of time")
            .hint(format!("give it more: `timeout` in `[tasks.\"{id}\"]` of xtask.toml"))
    }

    fn failed(&self, command: &Command, exit: Exit) -> Error {
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
            Exit::Cancelled => Error::interrupted(),
        }
    }

    /// An error that may have picked up secrets on its way.
    fn masked(&self, error: Error) -> Error {
        error.map_text(|text| self.mask().text(text))
    }

    /// Looks everything up that the command leaves open, runs it, and logs what it writes.
    fn execute(
        &self,
        command: &Command,
        apart: bool,
        tap: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<Finished> {
        self.check()?;
        let command = &self.relative(command);
        let request = self.request(command, apart)?;
        let line = self.mask().text(&command.to_string());
        let task = self.task_or_root();
        self.emit(Body::CommandStarted { task: task.clone(), command: line.clone() });
        let mut log = scope::CommandLog::new(self, &line);
        let finished = self.shared.runner.run(&request, &mut |stream, bytes| {
            tap(stream, bytes);
            if !(apart && stream == Stream::Stdout) {
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
        match finished.exit {
            Exit::Cancelled => Err(Error::interrupted()),
            _ => Ok(finished),
        }
    }

    /// The command with its folder relative to the repository, as a reader knows it.
    fn relative(&self, command: &Command) -> Command {
        match command.directory().and_then(|cwd| cwd.strip_prefix(self.root()).ok()) {
            Some(cwd) => command.clone().cwd(cwd),
            None => command.clone(),
        }
    }

    fn request(&self, command: &Command, apart: bool) -> Result<Request> {
        self.refuse_visible_secrets(command)?;
        let task = self.task().map_or("", TaskId::as_str);
        let mut env = self.shared.environment.for_commands(&self.config().declared_env(task));
        for (name, value) in command.environment() {
            match value {
                Some(value) => env.insert(name.clone(), value.clone()),
                None => env.remove(name),
            };
        }
        let cwd = self.root().join(command.directory().unwrap_or_else(|| Path::new("")));
        let program = process::find(command.program(), &env, &cwd)?;
        let limit = command.time_limit().map(|limit| Instant::now() + limit);
        Ok(Request {
            program,
            args: command.arguments().to_vec(),
            env,
            cwd,
            stdin: command.input().unwrap_or_default().to_vec(),
            apart,
            deadline: [limit, self.deadline()].into_iter().flatten().min(),
        })
    }

    /// Every user of the machine can read the arguments of a process.
    fn refuse_visible_secrets(&self, command: &Command) -> Result<()> {
        let visible = |arg: &OsString| self.mask().finds_in(arg.as_encoded_bytes());
        if !command.arguments().iter().any(visible) {
            return Ok(());
        }
        Err(Error::refused(format!("an argument of `{}` holds a secret", command.name()))
            .hint("every user of the machine can read arguments: pass it in a variable or on standard input"))
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("root", &self.root()).field("task", &self.task()).finish_non_exhaustive()
    }
}
