//! What the end of a run needs from its middle: findings, looks and test reports, by task.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::coverage::Coverage;
use crate::core::finding::Finding;
use crate::core::gate::{Account, Gap};
use crate::core::graph::TaskId;
use crate::core::report::{TestCounts, TestReport};
use crate::event::Body;

/// What tasks found and tested so far.
#[derive(Debug, Default)]
pub struct Record {
    findings: BTreeMap<TaskId, Vec<Finding>>,
    looks: BTreeMap<TaskId, Vec<Account>>,
    /// How many findings there are for which somebody answers.
    suppressed: BTreeMap<TaskId, usize>,
    reports: BTreeMap<TaskId, Vec<Arc<TestReport>>>,
    /// The reports of tries that did not pass.
    retried: BTreeMap<TaskId, Vec<Arc<TestReport>>>,
    covered: BTreeMap<TaskId, Arc<Coverage>>,
}

impl Record {
    /// Takes the next event.
    pub fn take(&mut self, body: &Body) {
        match body {
            Body::Found { task, finding } if finding.is_suppressed() => {
                *self.suppressed.entry(task.clone()).or_default() += 1;
            }
            Body::Found { task, finding } => {
                self.findings.entry(task.clone()).or_default().push(finding.clone());
            }
            Body::Looked { task, account } => {
                self.looks.entry(task.clone()).or_default().push(account.clone());
            }
            Body::Tested { task, report, .. } => {
                let report = match self.retried.get(task) {
                    None => Arc::clone(report),
                    Some(tries) => {
                        Arc::new(TestReport::clone(report).after(tries.iter().map(|report| &**report)))
                    }
                };
                self.reports.entry(task.clone()).or_default().push(report);
            }
            Body::Covered { task, coverage } => {
                self.covered.insert(task.clone(), Arc::clone(coverage));
            }
            // What a try has found that did not pass counts no more.
            Body::TaskRetried { task, .. } => {
                self.findings.remove(task);
                self.suppressed.remove(task);
                self.looks.remove(task);
                let reports = self.reports.remove(task).unwrap_or_default();
                self.retried.entry(task.clone()).or_default().extend(reports);
            }
            _ => {}
        }
    }

    /// How many findings there are for which somebody answers, by a waiver or the baseline.
    pub fn suppressed(&self) -> usize {
        self.suppressed.values().sum()
    }

    /// What could not be looked at: the gate, its tool and why.
    pub fn gaps(&self) -> impl Iterator<Item = (&TaskId, &str, &Gap)> {
        let accounts = self.looks.iter().flat_map(|(task, looks)| looks.iter().map(move |look| (task, look)));
        accounts.flat_map(|(task, look)| look.gaps.iter().map(move |gap| (task, look.tool.as_str(), gap)))
    }

    /// What a task found, but for what somebody answers for.
    pub fn findings(&self, task: &TaskId) -> &[Finding] {
        self.findings.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a task's gates said of their looks.
    pub fn looks(&self, task: &TaskId) -> &[Account] {
        self.looks.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// The reports of a task's tests.
    pub fn reports(&self, task: &TaskId) -> &[Arc<TestReport>] {
        self.reports.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// The reports of all tests, by task.
    pub fn all_reports(&self) -> impl Iterator<Item = &TestReport> {
        self.reports.values().flatten().map(|report| &**report)
    }

    /// What a task has summed of the coverage.
    pub fn covered(&self, task: &TaskId) -> Option<&Arc<Coverage>> {
        self.covered.get(task)
    }

    /// What is known of the coverage of all components.
    pub fn coverage(&self) -> impl Iterator<Item = &Coverage> {
        self.covered.values().map(|coverage| &**coverage)
    }

    /// The sums over a task's tests, where it had any.
    pub fn counts(&self, task: &TaskId) -> Option<TestCounts> {
        sum(self.reports.get(task)?)
    }

    /// The sums over all tests, where there were any.
    pub fn total(&self) -> Option<TestCounts> {
        sum(self.reports.values().flatten())
    }
}

fn sum<'r>(reports: impl IntoIterator<Item = &'r Arc<TestReport>>) -> Option<TestCounts> {
    reports.into_iter().map(|report| report.counts()).reduce(|mut sum, counts| {
        sum += counts;
        sum
    })
}
