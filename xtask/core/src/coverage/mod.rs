//! How much of a component its tests run: line by line as tools write it down, summed file by file, and judged.
//!
//! A [`Trace`] is what a tool has counted. A [`Coverage`] is what people look at: for each file how many lines and branches ran
//! and which did not, and the same of the lines that a change has brought. What a tool did not count (comments, types, files
//! that it was not told of) is in neither.

mod changes;
mod judge;
mod lcov;
pub mod llvm;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use changes::{Changes, Lines};
pub use judge::{Minimum, Threshold, judge};
pub use lcov::LcovError;

/// How often the lines and branches of files ran.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    /// By the path, relative to the repository.
    pub files: BTreeMap<PathBuf, FileTrace>,
}

/// How often the lines and branches of one file ran.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileTrace {
    /// By the number of the line, from 1. Lines on which there is nothing to run are not there.
    pub lines: BTreeMap<u32, u64>,
    /// The ways on from a line; 0 where one was never taken, be it that its line did not run.
    pub branches: BTreeMap<Branch, u64>,
}

/// A way on from a line. What is between numbers and words differs from tool to tool.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Branch {
    /// The line.
    pub line: u32,
    /// Which of the decisions on the line.
    pub block: String,
    /// Which way.
    pub way: String,
}

/// So many of all.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Share {
    /// How many ran.
    pub covered: u64,
    /// How many there are.
    pub total: u64,
}

/// What the tests of a component ran.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// The component.
    pub component: String,
    /// Its files, by their paths.
    pub files: Vec<FileCoverage>,
    /// The same of what a change has brought; `None` where it is not known what has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<ChangeCoverage>,
    /// What an earlier run has measured, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
}

/// What an earlier run has measured.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Before {
    /// The commit of its checkout, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Lines.
    pub lines: Share,
    /// Branches.
    pub branches: Share,
}

/// What the tests ran of a file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileCoverage {
    /// Its path, relative to the repository.
    pub path: PathBuf,
    /// Lines.
    pub lines: Share,
    /// Branches; of a tool that counts none, none.
    pub branches: Share,
    /// The lines that did not run.
    pub uncovered: Vec<Span>,
}

/// What the tests ran of the lines that a change has brought.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChangeCoverage {
    /// The commit since which lines count as changed.
    pub since: String,
    /// Lines, as far as there is something to run on them.
    pub lines: Share,
    /// Those that did not run, by file.
    pub uncovered: Vec<(PathBuf, Vec<Span>)>,
}

/// Lines that follow each other, from 1, both included. What is between two of them and cannot run is part of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Span {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

impl From<(u32, u32)> for Span {
    fn from((first, last): (u32, u32)) -> Self {
        Self { first, last }
    }
}

impl From<Span> for (u32, u32) {
    fn from(span: Span) -> Self {
        (span.first, span.last)
    }
}

impl fmt::Display for Span {
    /// `12` or `12–15`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            last if last == self.first => write!(f, "{last}"),
            last => write!(f, "{}–{last}", self.first),
        }
    }
}

impl Share {
    /// Counts one more.
    fn count(&mut self, covered: bool) {
        self.total += 1;
        self.covered += u64::from(covered);
    }

    /// In tenths of a percent, rounded down: 1000 only where all ran. `None` where there is nothing.
    pub fn per_mille(self) -> Option<u64> {
        let tenths = u128::from(self.covered) * 1000 / u128::from((self.total > 0).then_some(self.total)?);
        u64::try_from(tenths).ok()
    }

    /// How much more it is than before, in percentage points: `+0.4`, `−1.2`; `None` where both are the same or one is nothing.
    pub fn more_than(self, before: Self) -> Option<String> {
        let (now, then) = (self.per_mille()?, before.per_mille()?);
        let sign = if now > then { '+' } else { '−' };
        let tenths = now.abs_diff(then);
        (tenths > 0).then(|| format!("{sign}{}.{}", tenths / 10, tenths % 10))
    }

    /// In percent, as people read it: `81.2 %`; `–` where there is nothing.
    pub fn percent(self) -> String {
        self.per_mille().map_or_else(|| "–".to_owned(), percent)
    }
}

/// Tenths of a percent, as people read them: `81.2 %`, `80 %`.
fn percent(tenths: u64) -> String {
    match tenths % 10 {
        0 => format!("{} %", tenths / 10),
        rest => format!("{}.{rest} %", tenths / 10),
    }
}

impl std::ops::AddAssign for Share {
    fn add_assign(&mut self, other: Self) {
        self.covered = self.covered.saturating_add(other.covered);
        self.total = self.total.saturating_add(other.total);
    }
}

impl std::iter::Sum for Share {
    fn sum<I: Iterator<Item = Self>>(shares: I) -> Self {
        shares.fold(Self::default(), |mut sum, share| {
            sum += share;
            sum
        })
    }
}

impl Trace {
    /// Adds what another tool has counted. What both know of ran as often as both say.
    pub fn merge(&mut self, other: Self) {
        for (path, file) in other.files {
            let own = self.files.entry(path).or_default();
            for (line, count) in file.lines {
                let sum = own.lines.entry(line).or_default();
                *sum = sum.saturating_add(count);
            }
            for (branch, count) in file.branches {
                let sum = own.branches.entry(branch).or_default();
                *sum = sum.saturating_add(count);
            }
        }
    }

    /// The sums, file by file, and those of `changes`, where it is known what has changed.
    pub fn sum(&self, component: &str, changes: Option<&Changes>) -> Coverage {
        let files = self.files.iter().map(|(path, file)| file.sum(path)).collect();
        let of_change = changes.map(|changes| {
            let mut sum = ChangeCoverage { since: changes.since.clone(), ..ChangeCoverage::default() };
            for (path, file) in &self.files {
                let Some(lines) = changes.files.get(path) else { continue };
                let counted = || file.lines.iter().map(|(&line, &count)| (line, count > 0));
                for (_, covered) in counted().filter(|(line, _)| lines.holds(*line)) {
                    sum.lines.count(covered);
                }
                // A line that has not changed ends a span as one does that ran.
                let spans = spans(counted().map(|(line, covered)| (line, covered || !lines.holds(line))));
                if !spans.is_empty() {
                    sum.uncovered.push((path.clone(), spans));
                }
            }
            sum
        });
        Coverage { component: component.to_owned(), files, changed: of_change, before: None }
    }
}

impl FileTrace {
    fn sum(&self, path: &Path) -> FileCoverage {
        let mut sum = FileCoverage { path: path.to_owned(), ..FileCoverage::default() };
        self.lines.values().for_each(|&count| sum.lines.count(count > 0));
        self.branches.values().for_each(|&count| sum.branches.count(count > 0));
        sum.uncovered = spans(self.lines.iter().map(|(&line, &count)| (line, count > 0)));
        sum
    }
}

/// The lines that did not run, as spans; the lines come in order.
fn spans(lines: impl Iterator<Item = (u32, bool)>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut is_open = false;
    for (line, covered) in lines {
        match spans.last_mut() {
            _ if covered => {}
            Some(span) if is_open => span.last = line,
            _ => spans.push(Span { first: line, last: line }),
        }
        is_open = !covered;
    }
    spans
}

impl Coverage {
    /// The lines of all files.
    pub fn lines(&self) -> Share {
        self.files.iter().map(|file| file.lines).sum()
    }

    /// The branches of all files.
    pub fn branches(&self) -> Share {
        self.files.iter().map(|file| file.branches).sum()
    }

    /// The same in a few words: `backend 91.2 % of lines (+0.4), 88 % of branches, 75 % of what has changed`.
    pub fn in_words(&self) -> String {
        let share = |now: Share, of: &str, before: fn(&Before) -> Share| {
            let more = self.before.as_ref().and_then(|then| now.more_than(before(then)));
            format!("{} of {of}{}", now.percent(), more.map_or_else(String::new, |more| format!(" ({more})")))
        };
        let mut words = format!("{} {}", self.component, share(self.lines(), "lines", |before| before.lines));
        if self.branches().total > 0 {
            words.extend([", ".to_owned(), share(self.branches(), "branches", |before| before.branches)]);
        }
        if let Some(changed) = self.changed.as_ref().filter(|changed| changed.lines.total > 0) {
            words.extend([", ".to_owned(), changed.lines.percent(), " of what has changed".to_owned()]);
        }
        words
    }
}
