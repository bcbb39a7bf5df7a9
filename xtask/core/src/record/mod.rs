//! A run as its own event lines tell it afterwards: read, made sense of, and shown as one page.
//!
//! The lines are those that a run writes for programs (one JSON object a line). Whatever cannot be read is left out and said:
//! the page of a run that was killed, or whose disk was full, shows what there is.

mod advice;
pub mod history;
mod line;
mod outcomes;
mod page;
mod read;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::coverage::{Coverage, Span};
use crate::finding::Finding;
use crate::image::policy::Layer;
use crate::perf;
use crate::release::narration::Measured;
use crate::report::{TestCounts, TestReport};

pub use line::{Line, Manner};
pub use page::Page;

/// A run, as far as its lines tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What it is called among others: the folder that it was read from.
    pub name: String,
    /// The command line.
    pub command: String,
    /// When it began, in seconds since 1970.
    pub began: Option<u64>,
    /// How many cores its tasks might keep busy; 0 where that was not said.
    pub jobs: u32,
    /// Its tasks, in the order of the graph as far as that was said.
    pub tasks: Vec<Task>,
    /// What was found.
    pub findings: Vec<Found>,
    /// The sums over its tests, by the lines.
    pub counts: Option<TestCounts>,
    /// The cases of its tests, from the JUnit file.
    pub reports: Vec<TestReport>,
    /// What its tests ran.
    pub coverage: Vec<Coverage>,
    /// Changed lines that they did not run, where somebody has looked them up.
    pub uncovered: Vec<Uncovered>,
    /// The runs before it and itself, the newest last, where somebody has looked them up.
    pub history: Vec<history::Run>,
    /// What was measured of canaries, in order: when, of which component, and what.
    pub canaries: Vec<(Duration, String, Measured)>,
    /// The images that it has built, by component: their layers, the lowest first, where somebody has looked them up.
    pub images: Vec<(String, Vec<Layer>)>,
    /// Who imports whom in a component, by its name: an SVG document, where somebody has drawn one.
    pub drawings: Vec<(String, String)>,
    /// Notes and warnings.
    pub notes: Vec<Note>,
    /// The load test that it made, where it made one.
    pub perf: Option<perf::report::Report>,
    /// How it ended; `None` where the lines do not say so.
    pub end: Option<End>,
    /// Every line.
    pub lines: Vec<Line>,
    /// What could not be read, in sentences.
    pub damage: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct End {
    /// How long it took.
    pub took: Duration,
    /// The exit code of the process.
    pub exit_code: u8,
    /// The chain of tasks that took longest.
    pub critical_path: Vec<String>,
    /// Whether it was asked to end before its time.
    pub interrupted: bool,
}

/// A task of a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// What it waited for.
    pub after: Vec<String>,
    /// How many cores it keeps busy.
    pub cores: u32,
    /// When it began, since the beginning of the run.
    pub began: Option<Duration>,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub state: State,
    /// Why it did not pass.
    pub failure: Option<Failure>,
    /// Why the tries before the last one did not pass, where it was tried again.
    pub earlier: Vec<Failure>,
    /// What its commands wrote, where it did not pass.
    pub output: String,
    /// The file with all its output.
    pub log: String,
    /// What the cache had to do with it.
    pub reuse: Option<Reuse>,
    /// Why no stored result was good for it: what had changed.
    pub missed: Vec<String>,
    /// Its parts.
    pub steps: Vec<Step>,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody said so: the run did not come to it, or ended in the middle of it.
    #[default]
    #[serde(skip)]
    Unknown,
    /// It did what it should.
    Passed,
    /// It found problems, or could not do its work.
    Failed,
    /// It ran longer than it may.
    TimedOut,
    /// It was not run.
    Skipped,
    /// It was ended by an interruption.
    Interrupted,
}

/// Why a task did not pass.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What led to it.
    pub causes: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
}

/// What the cache had to do with a task.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Reuse {
    /// Its result was there.
    Hit {
        /// How long it took when it was run.
        #[serde(rename = "saved_ms", deserialize_with = "read::milliseconds")]
        saved: Duration,
    },
    /// It was run, and its result was stored.
    Stored,
    /// It was run, and its result was not stored.
    NotStored {
        /// Why.
        reason: String,
    },
    /// Nobody asked for a stored result.
    Uncached {
        /// Why.
        reason: String,
    },
}

/// A part of a task.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Its name, which begins with the task's.
    pub id: String,
    /// When it began.
    pub began: Duration,
    /// How long it took; `None` where it did not end.
    pub took: Option<Duration>,
    /// Whether it passed.
    pub passed: bool,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The task that looked.
    pub task: String,
    /// What it found.
    pub finding: Finding,
    /// The source around it, where somebody has looked it up.
    pub excerpt: Option<Excerpt>,
}

/// Changed lines that no test has run, with their source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Uncovered {
    /// The component.
    pub component: String,
    /// The file.
    pub path: PathBuf,
    /// Which lines.
    pub span: Span,
    /// Their source and what is around it.
    pub excerpt: Excerpt,
}

/// Some lines of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excerpt {
    /// The number of the first, from 1.
    pub first: u32,
    /// The lines.
    pub lines: Vec<String>,
}

impl Excerpt {
    /// How many lines before and behind the one that is meant are shown.
    const AROUND: usize = 2;

    /// The longest line that is shown, in columns.
    const WIDTH: usize = 160;

    /// The most lines that are shown of what lies between the first and the last that are meant.
    const LINES_MAX: usize = 40;

    /// The lines around line `number` of `text`, counted from 1; `None` where it has no such line.
    pub fn around(text: &str, number: u32) -> Option<Self> {
        Self::of(text, Span { first: number, last: number })
    }

    /// The lines of `span` in `text` and around them; `None` where it does not begin in the text.
    pub fn of(text: &str, span: Span) -> Option<Self> {
        let at = usize::try_from(span.first).ok()?.checked_sub(1)?;
        let meant = usize::try_from(span.last.checked_sub(span.first)?).ok()?.min(Self::LINES_MAX);
        let from = at.saturating_sub(Self::AROUND);
        let cut = |line: &str| crate::text::truncate(line, Self::WIDTH).into_owned();
        let count = at - from + meant + 1 + Self::AROUND;
        let lines: Vec<String> = text.lines().skip(from).take(count).map(cut).collect();
        let first = u32::try_from(from + 1).ok()?;
        (lines.len() > at - from).then_some(Self { first, lines })
    }
}

/// Something that a reader should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// The task that it concerns; empty where it concerns none.
    pub task: String,
    /// Whether something is not as it should be.
    pub is_warning: bool,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Record {
    /// What stands for a run of which nothing can be read, and why.
    pub fn missing(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), damage: vec![why.into()], ..Self::default() }
    }

    /// Whether it ended, and everything in it did what it should.
    pub fn has_passed(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.exit_code == 0 && !end.interrupted)
    }

    /// How long it took, as far as is known.
    pub fn length(&self) -> Duration {
        let last = || self.lines.last().map_or(Duration::ZERO, |line| line.at);
        self.end.as_ref().map_or_else(last, |end| end.took)
    }

    /// The sums over its tests: by the cases, where they are there.
    pub fn test_counts(&self) -> Option<TestCounts> {
        let all = self.reports.iter().map(TestReport::counts);
        let sum = all.reduce(|mut sum, counts| {
            sum += counts;
            sum
        });
        sum.or(self.counts)
    }
}
