//! Where in the text of a JSON document a value stands.

use std::path::Path;

use crate::diagnostic::position;
use crate::finding::Location;

/// The place of the key that a JSON pointer leads to; where it is missing, the place of the last key on the way. The text has to
/// be valid JSON.
pub(super) fn location(path: &Path, text: &str, pointer: &str) -> Location {
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut scanner = Scanner { text, at: 0 };
    let offset = scanner.find(&steps, 0);
    let (line, column) = position(text, offset);
    Location::at(path, u32::try_from(line).ok(), u32::try_from(column).ok())
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    /// The byte of the last key on the way along `steps`; `found` is that of the value that begins here.
    fn find(&mut self, steps: &[String], found: usize) -> usize {
        let Some((step, rest)) = steps.split_first() else { return found };
        match self.peek() {
            Some('{') => {
                self.at += 1;
                while let Some(key) = self.key() {
                    let (start, name) = key;
                    if name == *step {
                        return self.find(rest, start);
                    }
                    self.skip_value();
                    self.skip_comma();
                }
                found
            }
            Some('[') => {
                self.at += 1;
                let wanted: usize = step.parse().unwrap_or(usize::MAX);
                for index in 0.. {
                    if matches!(self.peek(), None | Some(']')) {
                        return found;
                    }
                    if index == wanted {
                        let start = self.at;
                        return self.find(rest, start);
                    }
                    self.skip_value();
                    self.skip_comma();
                }
                found
            }
            _ => found,
        }
    }

    /// The next character that is no white space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    /// The next key of an object, and where it begins; goes behind its colon.
    fn key(&mut self) -> Option<(usize, String)> {
        if self.peek()? != '"' {
            return None;
        }
        let start = self.at;
        self.skip_string();
        let name = serde_json::from_str(&self.text[start..self.at]).ok()?;
        if self.peek()? == ':' {
            self.at += 1;
        }
        Some((start, name))
    }

    fn skip_comma(&mut self) {
        if self.peek() == Some(',') {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.text.len());
    }

    fn skip_value(&mut self) {
        let mut depth = 0usize;
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.skip_string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                '{' | '[' => depth += 1,
                '}' | ']' | ',' if depth == 0 => return,
                '}' | ']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                _ => {}
            }
            self.at += c.len_utf8();
        }
    }
}
