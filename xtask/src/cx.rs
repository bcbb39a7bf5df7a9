//! What a task is given: the repository, its configuration, and the ways to act on it.
//!
//! A task is a function of a [`Cx`]. Whatever it does to the world goes through it, so that it is seen, logged, masked,
//! limited in time and ended when the run ends; and so that a test can put a fake where the world would be.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::core::coverage::Coverage;
use crate::core::finding::Finding;
use crate::core::graph::TaskId;
use crate::core::mask::Mask;
use crate::core::report::TestReport;
use crate::driver::cancel::Cancel;
use crate::driver::environment::{Environment, OFFLINE};
use crate::driver::http::Client;
use crate::driver::process::{Processes, Runner};
use crate::driver::registry::Registry;
use crate::error::{Error, Result};
use crate::event::{Body, Event, Level, Sink};

mod ask;
mod attempt;
mod beside;
mod commands;
mod gates;
mod machine;
mod network;
mod patient;
mod results;
mod sandbox;
mod scope;
mod steps;

pub use crate::driver::files;
pub use attempt::Attempt;
pub use beside::Ended;
pub use commands::{OUTPUT_MAX, Output};
pub use gates::Wishes;
pub use results::Scratch;
pub(crate) use sandbox::{Ground, Programs};
pub use steps::Steps;

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
    /// Who runs commands instead of this machine, where a test has put somebody there.
    fake: Option<Arc<dyn Runner>>,
    cancel: Cancel,
    start: Instant,
    sinks: Mutex<Vec<Arc<dyn Sink>>>,
    wishes: Wishes,
    http: Client,
    registries: Mutex<BTreeMap<String, Registry>>,
}

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
    wishes: Wishes,
}

impl Builder {
    /// Where logs, events and reports go; without it `target/xtask` in the repository. Not under `CARGO_TARGET_DIR`: a folder
    /// that several repositories build in would mix up their reports.
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

    /// How gates behave in this run; without it, as [`Wishes::default`] says.
    pub fn wishes(mut self, wishes: Wishes) -> Self {
        self.wishes = wishes;
        self
    }

    /// Whether a gate that could not look fails its task; without it, that is only said.
    pub fn strict(mut self, strict: bool) -> Self {
        self.wishes.strict = strict;
        self
    }

    /// The context.
    pub fn build(self) -> Cx {
        let output = self.output.unwrap_or_else(|| self.root.join("target/xtask"));
        let environment = if self.wishes.offline { self.environment.with(OFFLINE) } else { self.environment };
        let http = Client::new(environment.clone(), self.cancel.clone());
        let http = if self.wishes.offline { http.offline() } else { http };
        let fake = self.runner;
        let runner = fake.clone().unwrap_or_else(|| Arc::new(Processes::new(self.cancel.clone())));
        Cx {
            shared: Arc::new(Shared {
                root: self.root,
                output,
                mask: Mask::new(&environment.secrets(&self.config.environment.secrets)),
                http,
                registries: Mutex::default(),
                wishes: self.wishes,
                config: self.config,
                environment,
                runner,
                fake,
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
            wishes: Wishes::default(),
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

    /// A shell in the repository's root for xshell's `cmd!`, which can be given to [`Cx::run`] and its neighbours.
    pub fn sh(&self) -> Result<xshell::Shell> {
        let sh = xshell::Shell::new()
            .map_err(|error| Error::missing("could not use the working folder").source(error))?;
        sh.change_dir(self.root());
        Ok(sh)
    }

    /// Says something to whoever listens. Answers and narrations are masked here, so that no task can forget it.
    pub fn emit(&self, body: Body) {
        let event = Event { at: self.elapsed(), body: self.without_secrets(body) };
        if let Some(scope) = &self.scope {
            scope.hear(&event.body);
        }
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

    /// Says that something failed that the work can do without, and what is lost by it.
    pub fn warn_of(&self, error: &Error, loss: impl Into<String>) {
        let hint = [loss.into()].into_iter().chain(error.hints().iter().cloned());
        self.warn(error.in_words(), hint.collect::<Vec<_>>().join("; "));
    }

    fn say(&self, level: Level, message: &str, hint: Option<String>) {
        let message = self.mask().text(message);
        self.emit(Body::Note { task: self.task().cloned(), level, message, hint });
    }

    /// Reports findings. Returns an error of kind [`ErrorKind::Problems`](crate::ErrorKind::Problems) where one of them is an error.
    pub fn findings(&self, findings: Vec<Finding>) -> Result<()> {
        let errors = findings.iter().filter(|finding| finding.fails()).count();
        let task = self.task_or_root();
        for finding in findings {
            let finding = finding.map_text(|text| self.mask().text(text));
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
        let report = report.map_text(|text| self.mask().text(text));
        self.emit(Body::Tested {
            task: self.task_or_root(),
            counts: report.counts(),
            report: Arc::new(report),
        });
    }

    /// Reports what the tests of a component run.
    pub fn covered(&self, coverage: Coverage) {
        self.emit(Body::Covered { task: self.task_or_root(), coverage: Arc::new(coverage) });
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
}

impl Cx {
    /// What is made of files and of what a cluster says, without secrets.
    fn without_secrets(&self, body: Body) -> Body {
        let mask = self.mask();
        match body {
            Body::Answer { text, data } => Body::Answer { text: mask.text(&text), data: mask.value(data) },
            Body::Narrated { line, layout } => {
                Body::Narrated { line: line.map_text(|text| mask.text(text)), layout }
            }
            other => other,
        }
    }

    fn task_or_root(&self) -> TaskId {
        self.task().cloned().unwrap_or_else(TaskId::root)
    }

    fn deadline(&self) -> Option<Instant> {
        self.scope.as_ref().and_then(|scope| scope.deadline)
    }

    fn timed_out(&self) -> Error {
        let id = self.task_or_root();
        Error::problems("the task ran out of time")
            .hint(format!("give it more: `timeout` in `[tasks.\"{id}\"]` of xtask.toml"))
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("root", &self.root()).field("task", &self.task()).finish_non_exhaustive()
    }
}
