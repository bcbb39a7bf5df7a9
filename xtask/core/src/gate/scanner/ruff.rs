//! ruff, with the rules about security (S, from bandit) and about likely bugs (B, from bugbear).

use std::path::Path;

use serde::Deserialize;

use super::{Scanner, json, of_level, weakness, words};
use crate::finding::weakness::Level;
use crate::finding::{Finding, Location, Paths, Position, Weakness};
use crate::gate::{Answer, Coverage, Gap, Look};

const NAME: &str = "ruff";

/// The scanner. The component's own configuration says which of the rules do not hold for which files.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "Python code: rules S and B",
    ask: &["--version"],
    known: &["0.15", "0.16", "0.17"],
    arguments: &["check", "--select", "S,B", "--output-format", "json", "--no-cache", "--no-fix", "."],
    census: &["check", "--show-files", "."],
    clean: &[0],
    found: &[1],
    unit: "file",
    feed: None,
    settings: &[],
    get: "add `ruff` to the component's requirements",
    read,
};

#[derive(Deserialize)]
struct Entry {
    /// None where the file is no Python.
    code: Option<String>,
    filename: String,
    location: Point,
    end_location: Point,
    message: String,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Point {
    row: u32,
    column: u32,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let entries: Vec<Entry> = json(answer, answer.stdout)?;
    let is_python = |line: &&str| {
        Path::new(line).extension().is_some_and(|extension| extension == "py" || extension == "pyi")
    };
    let examined = answer.report.unwrap_or_default().lines().filter(is_python).count();
    Ok(Look::at(NAME, Coverage::new(examined, SCANNER.unit))
        .found(entries.iter().map(|entry| finding(entry, paths))))
}

fn finding(entry: &Entry, paths: &Paths) -> Finding {
    let Point { row, column } = entry.location;
    let mut location = Location::at(paths.relative(entry.filename.as_ref()), Some(row), Some(column));
    location.end = Some(Position { line: entry.end_location.row, column: entry.end_location.column });
    let location = Some(location);
    let rule = entry.code.as_deref().unwrap_or_default();
    if !rule.starts_with('S') || rule == "SyntaxError" {
        return Finding { rule: words(rule), location, ..Finding::error(NAME, words(&entry.message)) };
    }
    let known = Weakness { link: entry.url.as_deref().map(words), ..of_level(Level::High) };
    Finding { location, ..weakness(NAME, rule, &entry.message, known) }
}
