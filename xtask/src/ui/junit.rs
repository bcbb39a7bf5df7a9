//! Collects what tests and tasks came to, for the JUnit file of a run.

use std::sync::Mutex;

use super::lock;
use crate::core::report::{TestCase, TestOutcome, TestReport, junit};
use crate::core::text;
use crate::error::{Style, render};
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
    reports: Vec<TestReport>,
}

impl Collector {
    /// A suite with a case for each task, so that a CI system names what failed without having tests; then the reports.
    pub fn reports(&self) -> Vec<TestReport> {
        let inner = lock(&self.inner);
        let tasks = TestReport { name: TASKS_SUITE.to_owned(), cases: inner.tasks.clone() };
        [tasks].into_iter().chain(inner.reports.iter().cloned()).collect()
    }

    /// The content of the JUnit file.
    pub fn xml(&self) -> String {
        junit::write(&self.reports(), lock(&self.inner).unix_time)
    }
}

impl Sink for Collector {
    fn event(&self, event: &Event) {
        match &event.body {
            Body::RunStarted { unix_time, .. } => lock(&self.inner).unix_time = *unix_time,
            Body::Tested { report, .. } => lock(&self.inner).reports.push(TestReport::clone(report)),
            Body::TaskFinished(end) => lock(&self.inner).tasks.push(case(end)),
            _ => {}
        }
    }
}

fn case(end: &TaskEnd) -> TestCase {
    let message = end.failure.as_ref().map_or_else(String::new, |failure| failure.message().to_owned());
    let outcome = match end.status {
        Status::Passed => TestOutcome::Passed,
        Status::Skipped => TestOutcome::Skipped { reason: message },
        Status::Failed | Status::TimedOut | Status::Interrupted => {
            let error =
                end.failure.as_ref().map_or_else(String::new, |failure| render(failure, Style::PLAIN));
            let detail = format!("{}\n{error}", text::strip(&end.output).trim_end());
            TestOutcome::Failed { message, detail: detail.trim_start_matches('\n').to_owned() }
        }
    };
    let (group, name) = (TASKS_SUITE.to_owned(), end.task.to_string());
    TestCase { group, name, path: None, line: None, duration: end.duration, outcome }
}
