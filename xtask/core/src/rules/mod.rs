//! Rules about the repository itself: what its code may import, and what it may depend on.
//!
//! Each rule takes texts and returns findings; the tasks read the files.

use std::path::Path;

use crate::diagnostic::{Diagnostic, position};
use crate::finding::{Finding, Location, Position};

pub mod cargo;
pub mod contracts;
pub mod imports;
mod lexer;
pub mod npm;
pub mod requirements;
pub mod script;
pub mod scripts;
pub mod usage;

/// The tool in whose name all findings about dependencies are made.
pub const DEPENDENCIES: &str = "dependencies";

/// A text file of the repository.
#[derive(Clone, Copy, Debug)]
pub struct TextFile<'t> {
    /// Where it is, relative to the repository.
    pub path: &'t Path,
    /// What is in it.
    pub text: &'t str,
}

impl TextFile<'_> {
    /// The place of a line, from 1.
    pub(crate) fn line(&self, line: usize) -> Location {
        Location::at(self.path, u32::try_from(line).ok(), None)
    }

    /// The place of the first line for which `is` is true; of the first line where there is none.
    pub(crate) fn line_where(&self, is: impl FnMut(&str) -> bool) -> Location {
        self.line(self.text.lines().position(is).map_or(1, |line| line + 1))
    }
}

/// Where a message about a text stands.
pub fn location(diagnostic: &Diagnostic) -> Location {
    let place = |offset: usize| {
        let (line, column) = position(&diagnostic.text, offset);
        Some(Position { line: u32::try_from(line).ok()?, column: u32::try_from(column).ok()? })
    };
    let start = place(diagnostic.span.start);
    let end = place(diagnostic.span.end).filter(|_| diagnostic.span.end > diagnostic.span.start);
    let at = Location::at(&diagnostic.path, start.map(|at| at.line), start.map(|at| at.column));
    Location { end, ..at }
}

/// Where `key` stands in `[section]` of a TOML file: the section where it does not stand there, the file where that does not.
pub fn key(file: TextFile<'_>, section: &str, key: &str) -> Location {
    let header = format!("[{section}]");
    let Some(start) = file.text.lines().position(|line| line.trim() == header) else { return file.line(1) };
    let body = file.text.lines().enumerate().skip(start + 1);
    let mut body = body.take_while(|(_, line)| !line.trim_start().starts_with('['));
    let is_key = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let found = body.find(|(_, line)| is_key(line)).map_or(start, |(at, _)| at);
    file.line(found + 1)
}

/// A finding that fails the check. `rule` is the tool's name and the rule's.
fn error(rule: (&str, &str), location: Location, message: String, help: Option<&str>) -> Finding {
    Finding {
        rule: rule.1.to_owned(),
        location: Some(location),
        help: help.map(str::to_owned),
        ..Finding::error(rule.0, message)
    }
}
