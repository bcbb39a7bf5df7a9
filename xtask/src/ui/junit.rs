//! Collects what tests and tasks came to, for the JUnit file of a run.

use std::sync::Mutex;
use std::time::Duration;

use super::lock;
use super::record::Record;
use crate::core::coverage::Coverage;
use crate::core::report::{FailedTry, TestCase, TestOutcome, TestReport, junit};
use crate::core::text;
use crate::error::{Error, Style, render};
use crate::event::{Body, Event, Sink, Status, TASKS_SUITE, TaskEnd};

/// The sink that collects.
#[derive(Debug, Default)]
pub struct Collector {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    unix_time: u64,
    tasks: Vec<TestCase>,
    record: Record,
}

impl Collector {
    /// A suite with a case for each task, so that a CI system names what failed without having tests; then the reports, in the
    /// order of their tasks' names.
    pub fn reports(&self) -> Vec<TestReport> {
        let inner = lock(&self.inner);
        let tasks = TestReport { name: TASKS_SUITE.to_owned(), cases: inner.tasks.clone() };
        [tasks].into_iter().chain(inner.record.all_reports().cloned()).collect()
    }

    /// When the run began, in seconds since 1970.
    pub fn unix_time(&self) -> u64 {
        lock(&self.inner).unix_time
    }

    /// What is known of the coverage of all components.
    pub fn coverage(&self) -> Vec<Coverage> {
        lock(&self.inner).record.coverage().cloned().collect()
    }

    /// The content of the JUnit file.
    pub fn xml(&self) -> String {
        junit::write(&self.reports(), lock(&self.inner).unix_time)
    }
}

impl Sink for Collector {
    fn event(&self, event: &Event) {
        lock(&self.inner).record.take(&event.body);
        match &event.body {
            Body::RunStarted { unix_time, .. } => lock(&self.inner).unix_time = *unix_time,
            Body::TaskFinished(end) => lock(&self.inner).tasks.push(case(end)),
            Body::RunFinished(end) => lock(&self.inner).tasks.extend(end.failures.iter().map(of_run)),
            _ => {}
        }
    }
}

/// What went wrong beside the tasks, as a case that failed: a CI system that reads nothing else must not see a green run.
fn of_run(failure: &Error) -> TestCase {
    let (message, detail) = (failure.message().to_owned(), render(failure, Style::PLAIN));
    let (group, name) = (TASKS_SUITE.to_owned(), message.clone());
    let outcome = TestOutcome::Failed { message, detail };
    TestCase { group, name, path: None, line: None, duration: Duration::ZERO, outcome, earlier: Vec::new() }
}

fn case(end: &TaskEnd) -> TestCase {
    let message = end.failure.as_ref().map_or_else(String::new, |failure| failure.message().to_owned());
    let outcome = match end.status {
        Status::Passed => TestOutcome::Passed,
        Status::Skipped => TestOutcome::Skipped { reason: message },
        Status::Failed | Status::TimedOut | Status::Interrupted => {
            TestOutcome::Failed { message, detail: detail(&end.output, end.failure.as_ref()) }
        }
    };
    let (group, name) = (TASKS_SUITE.to_owned(), end.task.to_string());
    let earlier = end.earlier.iter().map(|attempt| FailedTry {
        message: attempt.failure.message().to_owned(),
        detail: detail(&attempt.output, Some(&attempt.failure)),
        duration: attempt.duration,
    });
    let (duration, earlier) = (end.last_try(), earlier.collect());
    TestCase { group, name, path: None, line: None, duration, outcome, earlier }
}

/// What a task wrote, and why it did not pass.
fn detail(output: &str, failure: Option<&Error>) -> String {
    let error = failure.map_or_else(String::new, |failure| render(failure, Style::PLAIN));
    let detail = format!("{}\n{error}", text::strip(output).trim_end());
    detail.trim_start_matches('\n').to_owned()
}
