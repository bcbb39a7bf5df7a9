//! Tasks and their parts: what is said about each, and how several results become one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::sandbox::{Ground, Limits};
use super::{Cx, Scope};
use crate::core::fingerprint::entry::{Note, Said};
use crate::core::graph::TaskId;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Body, Level, Status, TaskEnd};

impl Cx {
    /// Runs `work` as a task or, inside of a task, as a step of it called `name`.
    ///
    /// Inside the task `lint.backend`, the step `ruff` is `lint.backend.ruff`; outside of a task, `name` is the task's id.
    pub fn step<T>(&self, name: &str, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let Some(scope) = &self.scope else {
            let id = TaskId::new(name).ok_or_else(|| Error::bug(format!("`{name}` is no task id")))?;
            let (result, end) = self.run_task(id, None, Ground::default(), work);
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

    /// Runs `work` as the task `id` and says so, but for its end, which the caller emits. Its commands are started with `ground`.
    pub(crate) fn run_task<T>(
        &self,
        id: TaskId,
        deadline: Option<Instant>,
        ground: Ground,
        work: impl FnOnce(&Self) -> Result<T>,
    ) -> (Result<T>, TaskEnd) {
        let limits = Limits::new(ground);
        let scope = Arc::new(Scope::new(id.clone(), deadline, limits, self.log_of(&id)));
        self.emit(Body::TaskStarted { task: id.clone() });
        let start = Instant::now();
        let cx = Self { shared: Arc::clone(&self.shared), scope: Some(Arc::clone(&scope)), step: None };
        let result = cx.check().and_then(|()| work(&cx));
        let (status, failure) = match &result {
            Ok(_) => (Status::Passed, None),
            Err(error) => {
                let explained = scope.limits.explain(&id, error.clone());
                (cx.status_of(error), Some(self.masked(explained)))
            }
        };
        let output = if failure.is_some() { scope.excerpt() } else { String::new() };
        let (duration, log) = (start.elapsed(), scope.log());
        (result, TaskEnd { failure, output, log, ..TaskEnd::new(id, status, duration) })
    }

    /// The file with the output of a task.
    pub(crate) fn log_of(&self, task: &TaskId) -> PathBuf {
        // One name, made at once: every run asks for those of all tasks.
        let mut path = self.output_folder().as_os_str().to_owned();
        for piece in ["/logs/", task.as_str(), ".log"] {
            path.push(piece);
        }
        path.into()
    }

    /// What this task has said so far that a reader needs to hear again when its result is reused; the log aside, which is
    /// whole on disk from here on.
    pub(crate) fn said(&self) -> Said {
        self.scope.as_ref().map(|scope| scope.said()).unwrap_or_default()
    }

    /// Says that what this task makes stands already, and that it has changed no file. What was seen of the files before it ran
    /// then counts for the tasks that wait for it, which are not looked at once more. It counts for nothing where the task's result
    /// can be reused, or a try failed before.
    pub fn unchanged(&self) {
        if let Some(scope) = &self.scope {
            scope.is_unchanged.store(true, Ordering::Relaxed);
        }
    }

    /// Whether this task has said that it has changed nothing.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.scope.as_ref().is_some_and(|scope| scope.is_unchanged.load(Ordering::Relaxed))
    }

    /// Says again what `task` said when its result was stored.
    pub(crate) fn say_again(&self, task: &TaskId, said: &Said) {
        for Note { warns, message, hint } in &said.notes {
            let level = if *warns { Level::Warning } else { Level::Info };
            let (task, message, hint) = (Some(task.clone()), message.clone(), hint.clone());
            self.emit(Body::Note { task, level, message, hint });
        }
        for account in &said.looks {
            self.emit(Body::Looked { task: task.clone(), account: account.clone() });
        }
        for finding in &said.findings {
            self.emit(Body::Found { task: task.clone(), finding: finding.clone() });
        }
        for report in &said.reports {
            let (counts, report) = (report.counts(), Arc::clone(report));
            self.emit(Body::Tested { task: task.clone(), counts, report });
        }
        for coverage in &said.covered {
            self.emit(Body::Covered { task: task.clone(), coverage: Arc::clone(coverage) });
        }
    }

    fn status_of(&self, error: &Error) -> Status {
        match error.kind() {
            ErrorKind::Interrupted => Status::Interrupted,
            _ if self.deadline().is_some_and(|deadline| Instant::now() >= deadline) => Status::TimedOut,
            _ => Status::Failed,
        }
    }

    /// An error that may have picked up secrets on its way.
    fn masked(&self, error: Error) -> Error {
        error.map_text(|text| self.mask().text(text))
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
