//! Words of people that are kept: on one line, without secrets and without what would move a cursor.

use std::fmt;

use crate::mask::Mask;
use crate::text;

/// What stands for what was cut off.
const CUT: char = '…';

/// Words on one line, without control characters and without secrets.
#[derive(
    Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Line(String);

impl Line {
    /// The most bytes a line keeps, however much room there is.
    pub const BYTES_MAX: usize = 200;

    /// The bytes of the mark that stands for what was cut off.
    pub(super) const MARK: usize = CUT.len_utf8();

    /// `text` on one line, with its secrets replaced, and cut where it is too long.
    pub fn new(text: &str, mask: &Mask) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        // Masked on both sides of the change: a secret may span lines, and what is joined may be one.
        let joined = mask.text(text::one_line(&mask.text(&words.join(" "))).trim());
        let mut line = Self(joined.chars().filter(|c| !is_refused(*c)).collect());
        line.cut(Self::BYTES_MAX);
        line
    }

    /// A line as it was written down; `None` where it cannot be one.
    pub(super) fn read(text: &str) -> Option<Self> {
        (text.len() <= Self::BYTES_MAX && !text.chars().any(is_refused)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes it shorter by `excess` bytes, but leaves `kept`.
    pub(super) fn shorten(&mut self, excess: usize, kept: usize) {
        if excess > 0 {
            self.cut(self.0.len().saturating_sub(excess).max(kept));
        }
    }

    /// Leaves at most `bytes` of it, with a mark where some is missing.
    fn cut(&mut self, bytes: usize) {
        if self.0.len() <= bytes {
            return;
        }
        let Some(room) = bytes.checked_sub(Self::MARK) else {
            self.0.clear();
            return;
        };
        let end = (0..=room).rev().find(|&end| self.0.is_char_boundary(end)).unwrap_or_default();
        self.0.truncate(end);
        self.0.truncate(self.0.trim_end_matches(CUT).trim_end().len());
        self.0.push(CUT);
    }
}

/// Control characters, line ends of any script, and marks that turn the direction of what follows.
fn is_refused(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl TryFrom<String> for Line {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text).ok_or("a line that is too long or holds control characters")
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_without_secrets_and_commands_to_a_terminal() {
        let mask = Mask::new(&["hunter2!"]);
        for (text, line) in [
            ("  fixes\tthe\r\nlogin \n", "fixes the login"),
            ("the password is hunter2!, sorry", "the password is ***, sorry"),
            ("hun\x1b[0mter2!", "***"),
            ("red \x1b[31malert\x1b[0m \u{7}", "red alert"),
            ("a\u{202e}b\u{2028}c", "ab c"),
            ("", ""),
        ] {
            let made = Line::new(text, &mask);
            assert_eq!(made.as_str(), line, "{text:?}");
            assert_eq!(Line::read(made.as_str()), Some(made));
        }
        for text in ["two\nlines", "\u{1b}[2J", "\u{202e}"] {
            assert_eq!(Line::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_mark() {
        let line = Line::new(&"ä".repeat(400), &Mask::default());
        assert!(line.as_str().len() <= Line::BYTES_MAX && line.as_str().ends_with("ä…"));
        for bytes in 0..12 {
            let mut cut = Line::new("grün – und gut", &Mask::default());
            cut.cut(bytes);
            assert!(cut.as_str().len() <= bytes, "{bytes}: {cut}");
            assert_eq!(cut.is_empty(), bytes < 3, "{bytes}: {cut}");
            let again = cut.clone();
            cut.cut(bytes);
            assert_eq!(cut, again);
        }
        let mut whole = Line::new("whole", &Mask::default());
        whole.cut(5);
        assert_eq!(whole.as_str(), "whole");
    }
}
