//! The picture of a release: one page that needs nothing but a browser, to be looked at, sent and printed.
//!
//! No script, no network, nothing outside the file. Colours follow the reader's light or dark; text from outside is escaped.
//! On top how it ended, in words and figures; then one chart of everything over time; below it what was said, line by line.

mod chart;
mod labels;
mod lane;
mod page;
mod scale;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::simulation::recording::Recording;
use crate::text;

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

/// Text as it may stand in HTML and SVG, between tags and in quoted attributes: without markup and control characters.
fn escape(text: &str) -> Cow<'_, str> {
    let plain = text::one_line(text);
    if !plain.contains(['&', '<', '>', '"', '\'']) {
        return plain;
    }
    let mut safe = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}
