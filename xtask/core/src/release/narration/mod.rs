//! What a release says to people while it runs: a line when something happened, and why; none when nothing did.
//!
//! A [`Narrator`] listens to the statuses of one machine, one after the other, and tells what is new in them. A real
//! deployment and a rehearsal use the same one, so that the second shows what the first will say. The last words
//! are how it ended, what that rests on, the exit code, and what to do next.

mod ending;
mod evidence;
mod narrator;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::release::metrics::Counts;
use crate::text;

pub use ending::{by_hand, outcome};
pub use narrator::Narrator;

/// An hour.
const HOUR: Duration = Duration::from_hours(1);

/// What a line is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The release goes on.
    Step,
    /// Pods or requests have changed.
    Change,
    /// What was measured.
    Evidence,
    /// It waits for something, and has for a while.
    Wait,
    /// Somebody is asked.
    Question,
    /// It goes back, and why.
    Back,
    /// It is over.
    End,
    /// What to do next.
    Next,
    /// Something that happened to the release from outside.
    Event,
}

/// What was measured of a canary, in numbers: for who draws it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Measured {
    /// What is counted: `errors`.
    pub stream: String,
    /// The new release since it got its first requests.
    pub canary: Counts,
    /// The old one in the same time.
    pub baseline: Counts,
    /// The share of the requests that the new release gets, from 0 to 1.
    pub weight: f64,
    /// E.
    pub e: f64,
    /// The value of E that rolls back.
    pub threshold: f64,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When, since the beginning.
    #[serde(rename = "at_ms", serialize_with = "milliseconds")]
    pub at: Duration,
    /// What it is about.
    pub kind: Kind,
    /// Of whom it speaks: a component, or the release.
    pub subject: String,
    /// What it says: a sentence without a full stop, then what explains it, a line each.
    pub words: Vec<String>,
    /// The same in numbers, where something was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

impl Line {
    /// A line of one sentence.
    pub fn new(at: Duration, kind: Kind, subject: impl Into<String>, words: impl Into<String>) -> Self {
        Self { at, kind, subject: subject.into(), words: vec![words.into()], measured: None }
    }

    /// The same with every text changed.
    #[must_use]
    pub fn map_text(self, change: impl Fn(&str) -> String) -> Self {
        let words = self.words.iter().map(|words| change(words)).collect();
        Self { subject: change(&self.subject), words, ..self }
    }

    /// The same with numbers.
    #[must_use]
    pub fn with(self, measured: Option<Measured>) -> Self {
        Self { measured, ..self }
    }

    /// The same with what explains it.
    #[must_use]
    pub fn because(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.words.extend(words);
        self
    }
}

/// How lines stand below each other.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The width of the longest subject.
    pub subjects: usize,
    /// The time of day at the beginning, since midnight; `None` for virtual time.
    pub began: Option<Duration>,
}

impl Layout {
    /// The text of a line: the time, the subject, the words; what explains them below. It ends with a line end.
    pub fn text(&self, line: &Line) -> String {
        // Beyond an hour nobody reads seconds, and the column stays narrow.
        let coarse = line.at.as_secs() - if line.at >= HOUR { line.at.as_secs() % 60 } else { 0 };
        let offset = offset(Duration::from_secs(coarse));
        let offset = offset.strip_suffix(" 00s").filter(|_| line.at >= HOUR).unwrap_or(&offset);
        let time = match self.began {
            None => format!("{offset:>8}"),
            Some(began) => format!("{} {:>11}", clock(began + line.at), format!("(+{offset})")),
        };
        let subject = text::one_line(&line.subject);
        let padding = " ".repeat(self.subjects.saturating_sub(text::width(&subject)));
        let head = format!("{time}  {subject}{padding}  ");
        let margin = " ".repeat(text::width(&head));
        let mut lines: Vec<String> = Vec::with_capacity(line.words.len().max(1));
        for words in &line.words {
            let margin = if lines.is_empty() { &head } else { &margin };
            lines.push(format!("{margin}{}\n", text::one_line(words)));
        }
        lines.concat()
    }
}

/// Time since the beginning: `41s`, `3m 12s`, `1h 04m 00s`.
pub fn offset(at: Duration) -> String {
    match at.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {:02}m {:02}s", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// A time of day: `12:03:41`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn milliseconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
