//! What test runs report: cases, their outcomes and their sums, read from and written as JUnit XML.

pub mod junit;
pub mod libtest;

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::PathBuf;
use std::time::Duration;

use crate::finding::Location;

/// Sums over test cases.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct TestCounts {
    /// Cases that passed.
    pub passed: u64,
    /// Cases that failed, errors in fixtures included.
    pub failed: u64,
    /// Cases that were not run, by mark or by condition.
    pub skipped: u64,
}

impl AddAssign for TestCounts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for TestCounts {
    /// `412 passed, 0 failed`, and `, 3 skipped` where some were.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// How a test case ended.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum TestOutcome {
    /// It passed.
    Passed,
    /// It failed; the first line, and all that was said.
    Failed {
        /// The first line of what went wrong.
        message: String,
        /// Traceback, diff, output.
        detail: String,
    },
    /// It was not run; why, where that was said.
    Skipped {
        /// The reason.
        reason: String,
    },
}

/// A test case.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct TestCase {
    /// The group it stands in: class, module, file.
    pub group: String,
    /// Its name in the group.
    pub name: String,
    /// The file it stands in, relative to the repository, where the runner said that.
    pub path: Option<PathBuf>,
    /// The line, from 1, where the runner said that.
    pub line: Option<u32>,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub outcome: TestOutcome,
    /// The tries before this one, where it was tried again: each of them failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<FailedTry>,
}

/// A try of a test case that failed, before the last one.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct FailedTry {
    /// The first line of what went wrong.
    pub message: String,
    /// Traceback, diff, output.
    pub detail: String,
    /// How long it took.
    pub duration: Duration,
}

impl TestCase {
    /// Whether it did not fail, but did before it was tried again.
    pub const fn is_flaky(&self) -> bool {
        !self.earlier.is_empty() && !matches!(self.outcome, TestOutcome::Failed { .. })
    }

    /// Where it is, where the runner said that.
    pub fn place(&self) -> Option<Location> {
        let path = self.path.clone()?;
        Some(Location::at(path, self.line, None))
    }
}

/// The test cases of one runner.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct TestReport {
    /// The name of the suite: the task that ran it.
    pub name: String,
    /// The cases in the order in which they were reported.
    pub cases: Vec<TestCase>,
}

impl TestReport {
    /// The sums.
    pub fn counts(&self) -> TestCounts {
        let mut counts = TestCounts::default();
        for case in &self.cases {
            match case.outcome {
                TestOutcome::Passed => counts.passed += 1,
                TestOutcome::Failed { .. } => counts.failed += 1,
                TestOutcome::Skipped { .. } => counts.skipped += 1,
            }
        }
        counts
    }

    /// The same with what its cases came to before: in `earlier` are the reports of the tries before this one, in their order.
    pub fn after<'r>(mut self, earlier: impl IntoIterator<Item = &'r Self>) -> Self {
        let mut failed: BTreeMap<(&str, &str), Vec<FailedTry>> = BTreeMap::new();
        for case in
            earlier.into_iter().filter(|report| report.name == self.name).flat_map(|report| &report.cases)
        {
            if let TestOutcome::Failed { message, detail } = &case.outcome {
                let (message, detail, duration) = (message.clone(), detail.clone(), case.duration);
                let tries = failed.entry((&case.group, &case.name)).or_default();
                tries.extend(case.earlier.iter().cloned().chain([FailedTry { message, detail, duration }]));
            }
        }
        for case in &mut self.cases {
            if let Some(tries) = failed.remove(&(case.group.as_str(), case.name.as_str())) {
                case.earlier.splice(0..0, tries);
            }
        }
        self
    }

    /// Changes every text of the report, its name and paths excepted.
    pub fn map_text(mut self, map: impl Fn(&str) -> String) -> Self {
        for case in &mut self.cases {
            let TestCase { group, name, outcome, earlier, .. } = case;
            let mut texts = vec![group, name];
            texts.extend(earlier.iter_mut().flat_map(|failed| [&mut failed.message, &mut failed.detail]));
            match outcome {
                TestOutcome::Passed => {}
                TestOutcome::Failed { message, detail } => texts.extend([message, detail]),
                TestOutcome::Skipped { reason } => texts.push(reason),
            }
            for text in texts {
                *text = map(text);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// A report as lines for a golden test: outcome, place, group, name, and what was said.
    pub(super) fn table(report: &TestReport) -> String {
        let mut table = format!("{}: {}\n", report.name, report.counts());
        for case in &report.cases {
            let place = case.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
            let line = case.line.map_or_else(String::new, |line| format!(":{line}"));
            let (outcome, said) = match &case.outcome {
                TestOutcome::Passed => ("passed ", ""),
                TestOutcome::Failed { message, .. } => ("failed ", message.as_str()),
                TestOutcome::Skipped { reason } => ("skipped", reason.as_str()),
            };
            writeln!(table, "{outcome} {place}{line} [{}] {} | {said}", case.group, case.name).unwrap();
        }
        table
    }
}
