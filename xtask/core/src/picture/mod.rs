//! The picture of a release: one page that needs nothing but a browser, to be looked at, sent and printed.
//!
//! No script, no network, nothing outside the file. Colours follow the reader's light or dark; text from outside is escaped.
//! On top how it ended, in words and figures; then one chart of everything over time; below it what was said, line by line.

mod chart;
mod labels;
mod lane;
mod page;
#[cfg(test)]
mod tests;

use crate::simulation::recording::Recording;

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// What it is a picture of: `bad-canary: one request in five fails on the new release`.
    pub title: &'a str,
    /// How it ended, in words.
    pub outcome: &'a str,
    /// Whether that is good.
    pub tone: Tone,
    /// Figures: what, and how much.
    pub figures: &'a [(String, String)],
    /// What happened.
    pub recording: &'a Recording,
    /// How it was made, for who wants to see it again.
    pub origin: &'a str,
}

/// Whether something is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// The new release serves, or what runs is written down.
    Good,
    /// The old release serves.
    Back,
    /// Something is wrong.
    Bad,
}

impl Picture<'_> {
    /// The page.
    pub fn html(&self) -> String {
        page::of(self)
    }
}
