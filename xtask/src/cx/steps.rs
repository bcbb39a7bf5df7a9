//! Tasks and their parts: what is said about each, and how several results become one.

use std::sync::Arc;
use std::time::Instant;

use super::{Cx, Scope};
use crate::core::graph::TaskId;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Body, Status, TaskEnd};

impl Cx {
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
