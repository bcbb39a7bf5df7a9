//! What test cases came to, over one run or several parts of one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Record;
use crate::report::{TestCase, TestOutcome};

/// A case, and where it was run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran<'r> {
    /// The name of the record.
    pub(super) record: &'r str,
    /// The name of the suite.
    pub(super) suite: &'r str,
    /// The case.
    pub(super) case: &'r TestCase,
}

/// The cases of records, in groups that overlap.
#[derive(Debug, Default)]
pub(super) struct Outcomes<'r> {
    /// All.
    pub(super) all: Vec<Ran<'r>>,
    /// Those that failed, and did so each time that they were run.
    pub(super) failed: Vec<Ran<'r>>,
    /// Those that passed one time and failed another one: the last time that they failed, and how often of how many.
    pub(super) flaky: Vec<(Ran<'r>, usize, usize)>,
    /// The slowest, with the slowest first.
    pub(super) slowest: Vec<Ran<'r>>,
}

/// How many of the slowest are named.
const SLOWEST: usize = 10;

/// What is too fast to be called slow.
const FAST: Duration = Duration::from_millis(100);

impl<'r> Outcomes<'r> {
    pub(super) fn of(records: &'r [Record]) -> Self {
        let mut outcomes = Self::default();
        for record in records {
            for report in &record.reports {
                let ran = |case| Ran { record: &record.name, suite: &report.name, case };
                outcomes.all.extend(report.cases.iter().map(ran));
            }
        }
        // One name may stand for several cases of one run (parameters that the runner does not name): only where it is run
        // again does another outcome say something, which is in another part or behind a failure.
        let mut times: BTreeMap<(&str, &str, &str), Vec<Ran<'r>>> = BTreeMap::new();
        for ran in &outcomes.all {
            let key = (ran.suite, ran.case.group.as_str(), ran.case.name.as_str());
            times.entry(key).or_default().push(*ran);
        }
        for runs in times.values() {
            let failed: Vec<&Ran<'_>> = runs.iter().filter(|ran| has_failed(ran.case)).collect();
            let passed = runs.iter().filter(|ran| ran.case.outcome == TestOutcome::Passed).count();
            let Some(last) = failed.last() else { continue };
            if passed > 0 {
                outcomes.flaky.push((**last, failed.len(), failed.len() + passed));
            } else {
                outcomes.failed.push(**last);
            }
        }
        outcomes.slowest = outcomes.all.iter().copied().filter(|ran| ran.case.duration >= FAST).collect();
        outcomes.slowest.sort_by_key(|ran| std::cmp::Reverse(ran.case.duration));
        outcomes.slowest.truncate(SLOWEST);
        outcomes
    }
}

/// Whether a case failed.
pub(super) const fn has_failed(case: &TestCase) -> bool {
    matches!(case.outcome, TestOutcome::Failed { .. })
}
