//! actionlint: mistakes in workflows of GitHub Actions.

use serde::Deserialize;

use super::{Scanner, could_not_look, json, of_level, weakness};
use crate::finding::weakness::Level;
use crate::finding::{Finding, Location, Paths, Position, Severity};
use crate::gate::{Answer, Coverage, Gap, Look};

const NAME: &str = "actionlint";

/// The scanner. It looks for the workflows itself.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "mistakes in workflows of GitHub Actions",
    ask: &["-version"],
    known: &["1.6", "1.7"],
    arguments: &["-format", "{{json .}}", "-verbose", "-no-color"],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "file",
    feed: None,
    settings: &[],
    get: "`go install github.com/rhysd/actionlint/cmd/actionlint@latest`",
    read,
};

#[derive(Deserialize)]
struct Entry {
    message: String,
    filepath: String,
    line: u32,
    column: u32,
    kind: String,
    #[serde(default)]
    end_column: u32,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    if answer.stdout.trim().is_empty() && answer.stderr.contains("no project was found") {
        return Err(could_not_look("it found no `.github/workflows`, or no git repository"));
    }
    let entries: Vec<Entry> = json(answer, answer.stdout)?;
    let examined = answer.stderr.lines().filter(|line| line.starts_with("verbose: Found total ")).count();
    Ok(Look::at(NAME, Coverage::new(examined, SCANNER.unit))
        .found(entries.iter().map(|entry| finding(entry, paths))))
}

/// Only an untrusted expression is a weakness; the rest are mistakes that fail the workflow.
fn finding(entry: &Entry, paths: &Paths) -> Finding {
    // Of a file that is no YAML it knows no column, and says 0.
    let column = Some(entry.column).filter(|&column| column > 0);
    let mut location = Location::at(paths.relative(entry.filepath.as_ref()), Some(entry.line), column);
    // The end is the last character that belongs to it.
    location.end = (column.is_some() && entry.end_column >= entry.column)
        .then(|| Position { line: entry.line, column: entry.end_column.saturating_add(1) });
    let location = Some(location);
    if entry.message.contains("untrusted") {
        let known = of_level(Level::High);
        return Finding { location, ..weakness(NAME, &entry.kind, &entry.message, known) };
    }
    let rule = super::words(&entry.kind);
    Finding {
        rule,
        severity: Severity::Error,
        location,
        ..Finding::error(NAME, super::words(&entry.message))
    }
}
