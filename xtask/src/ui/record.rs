//! What the end of a run needs from its middle: findings, looks and test reports, by task.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::finding::Finding;
use crate::core::gate::Gap;
use crate::core::graph::TaskId;
use crate::core::report::{TestCounts, TestReport};
use crate::event::Body;

/// What tasks found and tested so far.
#[derive(Debug, Default)]
pub struct Record {
    findings: BTreeMap<TaskId, Vec<Finding>>,
    /// How many findings there are for which somebody answers.
    suppressed: usize,
    /// What could not be looked at: the gate, its tool and why.
    gaps: Vec<(TaskId, String, Gap)>,
    reports: BTreeMap<TaskId, Vec<Arc<TestReport>>>,
}

impl Record {
    /// Takes the next event.
    pub fn take(&mut self, body: &Body) {
        match body {
            Body::Found { finding, .. } if finding.is_suppressed() => self.suppressed += 1,
            Body::Looked { task, account } => {
                let gaps = account.gaps.iter();
                self.gaps.extend(gaps.map(|gap| (task.clone(), account.tool.clone(), gap.clone())));
            }
            Body::Found { task, finding } => {
                self.findings.entry(task.clone()).or_default().push(finding.clone());
            }
            Body::Tested { task, report, .. } => {
                self.reports.entry(task.clone()).or_default().push(Arc::clone(report));
            }
            _ => {}
        }
    }

    /// How many findings there are for which somebody answers, by a waiver or the baseline.
    pub fn suppressed(&self) -> usize {
        self.suppressed
    }

    /// What could not be looked at: the gate, its tool and why.
    pub fn gaps(&self) -> &[(TaskId, String, Gap)] {
        &self.gaps
    }

    /// What a task found, but for what somebody answers for.
    pub fn findings(&self, task: &TaskId) -> &[Finding] {
        self.findings.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// The reports of a task's tests.
    pub fn reports(&self, task: &TaskId) -> &[Arc<TestReport>] {
        self.reports.get(task).map(Vec::as_slice).unwrap_or_default()
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
