//! Earlier runs of a checkout, a line of JSON each: what is needed to say of a test that it fails now and then, and of the
//! coverage that it has changed.
//!
//! Of tests only those are kept that did not simply pass. Lines that cannot be read are passed over: they are of another
//! version, or of a run that was killed.

use serde::{Deserialize, Serialize};

use super::outcomes::has_failed;
use crate::coverage::{Before, Coverage, Share};
use crate::report::{TestCase, TestCounts, TestReport};
use crate::text::{one_line, truncate};

/// How many runs are kept.
pub const RUNS_MAX: usize = 30;

/// How many tests of a suite are named for a run that did not simply pass, and how long their names get, in columns.
const TESTS_MAX: usize = 200;
/// See [`TESTS_MAX`].
const NAME_MAX: usize = 160;

/// A run.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Run {
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// The commit of its checkout; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The command line.
    pub command: String,
    /// The exit code of the process.
    pub exit_code: u8,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What its tests came to.
    #[serde(default)]
    pub suites: Vec<Suite>,
    /// What they ran.
    #[serde(default)]
    pub coverage: Vec<Kept>,
}

/// The tests of one task of a run.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Suite {
    /// The task.
    pub name: String,
    /// The sums.
    pub counts: TestCounts,
    /// The tests that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// The tests that passed only when they were tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<String>,
}

/// The coverage of a component.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Kept {
    /// The component.
    pub component: String,
    /// Lines.
    pub lines: Share,
    /// Branches.
    pub branches: Share,
}

impl Suite {
    /// Of a report.
    pub fn of(report: &TestReport) -> Self {
        let names = |which: &dyn Fn(&TestCase) -> bool| {
            report.cases.iter().filter(|case| which(case)).take(TESTS_MAX).map(name).collect()
        };
        Self {
            name: report.name.clone(),
            counts: report.counts(),
            failed: names(&has_failed),
            flaky: names(&|case| case.is_flaky()),
        }
    }
}

impl Kept {
    /// Of the sums of a component.
    pub fn of(coverage: &Coverage) -> Self {
        let component = coverage.component.clone();
        Self { component, lines: coverage.lines(), branches: coverage.branches() }
    }
}

fn name(case: &TestCase) -> String {
    let name = format!("{} {}", case.group, case.name);
    truncate(&one_line(&name), NAME_MAX).into_owned()
}

/// The runs of a file, the oldest first.
pub fn read(text: &str) -> Vec<Run> {
    let runs: Vec<Run> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    runs.into_iter().rev().take(RUNS_MAX).rev().collect()
}

/// The text of a file with one run more.
pub fn with(text: &str, run: &Run) -> String {
    let mut runs = read(text);
    runs.push(run.clone());
    let from = runs.len().saturating_sub(RUNS_MAX);
    // Every part is plain data: there is nothing that JSON could not hold.
    let line = |run: &Run| serde_json::to_string(run).map(|line| line + "\n").unwrap_or_default();
    runs[from..].iter().map(line).collect()
}

/// What was measured of a component before: on the commit `base` where a run is known that was there, else the last time.
pub fn before(runs: &[Run], component: &str, base: Option<&str>) -> Option<Before> {
    let of = |run: &Run| {
        let kept = run.coverage.iter().find(|kept| kept.component == component)?;
        Some(Before { commit: run.commit.clone(), lines: kept.lines, branches: kept.branches })
    };
    let at_base = |run: &&Run| base.is_some() && run.commit.as_deref() == base;
    let newest = || runs.iter().rev();
    newest().filter(at_base).find_map(of).or_else(|| newest().find_map(of))
}

/// What became of a test in a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    /// Its task was not run, or left no report.
    Absent,
    /// It did not fail.
    Passed,
    /// It passed only when it was tried again.
    Flaky,
    /// It failed.
    Failed,
}

/// A test that failed in one of the runs, and what became of it in each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Test<'r> {
    /// The task.
    pub suite: &'r str,
    /// Its name.
    pub name: &'r str,
    /// A mark for each run, the oldest first.
    pub marks: Vec<Mark>,
    /// Whether nothing but chance tells why: it passed when it was tried again, or passed and failed on the same commit.
    pub is_flaky: bool,
}

/// The tests that did not simply pass in one of the runs, those that failed last first.
pub fn troubled(runs: &[Run]) -> Vec<Test<'_>> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for suite in runs.iter().flat_map(|run| &run.suites) {
        let both = suite.failed.iter().chain(&suite.flaky);
        names.extend(both.map(|name| (suite.name.as_str(), name.as_str())));
    }
    names.sort_unstable();
    names.dedup();
    let mut tests: Vec<Test<'_>> = names
        .into_iter()
        .map(|(suite, name)| {
            let marks: Vec<Mark> = runs.iter().map(|run| mark(run, suite, name)).collect();
            let on = |wanted, commit: &str| {
                let same = runs.iter().zip(&marks).filter(|(run, _)| run.commit.as_deref() == Some(commit));
                same.map(|(_, mark)| mark).any(|mark| *mark == wanted)
            };
            let both = |commit: &str| on(Mark::Passed, commit) && on(Mark::Failed, commit);
            let is_flaky =
                marks.contains(&Mark::Flaky) || runs.iter().filter_map(|run| run.commit.as_deref()).any(both);
            Test { suite, name, marks, is_flaky }
        })
        .collect();
    let last =
        |test: &Test<'_>| test.marks.iter().rposition(|mark| matches!(mark, Mark::Failed | Mark::Flaky));
    tests.sort_by_key(|test| std::cmp::Reverse(last(test)));
    tests
}

fn mark(run: &Run, suite: &str, name: &str) -> Mark {
    let Some(suite) = run.suites.iter().find(|other| other.name == suite) else { return Mark::Absent };
    let holds = |names: &[String]| names.iter().any(|other| other == name);
    if holds(&suite.failed) {
        Mark::Failed
    } else if holds(&suite.flaky) {
        Mark::Flaky
    } else {
        Mark::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(commit: &str, failed: &[&str], flaky: &[&str]) -> Run {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let suite =
            Suite { name: "test".to_owned(), failed: names(failed), flaky: names(flaky), ..Suite::default() };
        Run { commit: Some(commit.to_owned()), suites: vec![suite], ..Run::default() }
    }

    #[test]
    fn the_newest_are_kept_and_damage_is_passed_over() {
        let mut text = "{\"began\":7}\nno json\n".to_owned();
        for began in 0..40 {
            text = with(&text, &Run { began, ..Run::default() });
        }
        let runs = read(&text);
        assert_eq!((runs.len(), runs[0].began, runs[29].began), (RUNS_MAX, 10, 39));
        assert_eq!(read("\0\n[]\n"), []);
        assert_eq!(read(&text[..text.len() - 9]).len(), RUNS_MAX - 1);
    }

    #[test]
    fn what_passed_and_failed_on_one_commit_is_flaky() {
        let other = Run { commit: Some("c".to_owned()), ..Run::default() };
        let runs = [run("a", &["t", "u"], &[]), run("a", &["u"], &[]), run("b", &[], &["w"]), other];
        let tests = troubled(&runs);
        let told: Vec<(&str, bool)> = tests.iter().map(|test| (test.name, test.is_flaky)).collect();
        assert_eq!(told, [("w", true), ("u", false), ("t", true)]);
        assert_eq!(tests[2].marks, [Mark::Failed, Mark::Passed, Mark::Passed, Mark::Absent]);
    }

    #[test]
    fn a_run_on_the_base_is_compared_with_before_a_later_one() {
        let share = |covered| Share { covered, total: 10 };
        let measured = |commit: &str, covered| {
            let kept =
                Kept { component: "api".to_owned(), lines: share(covered), branches: Share::default() };
            Run { coverage: vec![kept], ..run(commit, &[], &[]) }
        };
        let runs = [measured("a", 1), measured("a", 2), measured("b", 3), run("c", &[], &[])];
        let lines = |base| before(&runs, "api", base).map(|before| before.lines.covered);
        assert_eq!(lines(Some("a")), Some(2));
        assert_eq!(lines(Some("c")), Some(3));
        assert_eq!(lines(None), Some(3));
        assert_eq!(before(&runs, "other", None), None);
    }
}
