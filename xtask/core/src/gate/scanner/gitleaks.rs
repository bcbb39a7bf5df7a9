//! gitleaks: secrets in files and in the history of a repository.
//!
//! Outside of a repository it ends with 0 and an empty report: only its log says that it looked at nothing. Its exit code 1
//! means both that it found something and that it failed; it is told another one for what it finds.

use serde::Deserialize;

use super::{REPORT, Scanner, TARGET, first_sentence, json, of_level, weakness, words};
use crate::finding::weakness::Level;
use crate::finding::{Finding, Location, Paths, Position};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};
use crate::text;

const NAME: &str = "gitleaks";

/// The files as they are.
pub const WORKTREE: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "secrets in files",
    ask: &["version"],
    known: &["8"],
    arguments: &[
        "dir", TARGET, "--report-format", "json", "--report-path", REPORT, "--exit-code", "42", "--redact", "--no-banner",
        "--no-color", "--ignore-gitleaks-allow",
    ],
    census: &[],
    clean: &[0],
    found: &[42],
    unit: "byte",
    feed: None,
    get: "https://github.com/gitleaks/gitleaks",
    read,
};

/// Every commit.
pub const HISTORY: Scanner = Scanner {
    about: "secrets in all commits",
    arguments: &[
        "git", TARGET, "--report-format", "json", "--report-path", REPORT, "--exit-code", "42", "--redact", "--no-banner",
        "--no-color", "--ignore-gitleaks-allow",
    ],
    unit: "commit",
    read: read_history,
    ..WORKTREE
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "RuleID")]
    rule: String,
    description: String,
    file: String,
    commit: String,
    start_line: u32,
    end_line: u32,
    start_column: u32,
    end_column: u32,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    look(answer, paths, Coverage::new(number_before(answer, " bytes) in").unwrap_or(0), WORKTREE.unit))
}

fn read_history(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    look(answer, paths, Coverage::new(number_before(answer, " commits scanned").unwrap_or(0), HISTORY.unit))
}

fn look(answer: &Answer<'_>, paths: &Paths, coverage: Coverage) -> Result<Look, Gap> {
    let entries: Vec<Entry> = json(answer, answer.report.unwrap_or_default())?;
    let look = Look::at(NAME, coverage).found(entries.iter().map(|entry| finding(entry, paths)));
    let plain = text::strip(answer.stderr);
    let trouble = plain.lines().find_map(|line| line.split_once(" ERR "));
    Ok(match trouble {
        Some((_, words)) => look.gap(GapKind::CouldNotLook, format!("it did not look at everything: {}", super::words(words)), None),
        None => look,
    })
}

/// The number in front of `words` in its log: `scanned ~281 bytes (281 bytes) in 34.4ms`, `3 commits scanned.`; larger ones
/// are written `1.21 MB`, and the whole number stands behind the tilde.
fn number_before(answer: &Answer<'_>, words: &str) -> Option<usize> {
    let plain = text::strip(answer.stderr);
    let number = |line: &str| -> Option<usize> {
        let bytes = line.split_once("scanned ~").and_then(|(_, rest)| rest.split(' ').next());
        let before = || line.split_once(words).and_then(|(before, _)| before.rsplit(' ').next());
        let word = if words.contains("bytes") { bytes } else { before() };
        word?.parse().ok()
    };
    plain.lines().find_map(number)
}

fn finding(entry: &Entry, paths: &Paths) -> Finding {
    // The first line counts its columns from 1, every other one the line end before it as well.
    let behind = |line: u32| u32::from(line > 1);
    let column = entry.start_column.saturating_sub(behind(entry.start_line)).max(1);
    let mut location = Location::at(paths.relative(entry.file.as_ref()), Some(entry.start_line), Some(column));
    let end = entry.end_column.saturating_sub(behind(entry.end_line)).saturating_add(1);
    location.end = Some(Position { line: entry.end_line, column: end });
    let commit = words(&entry.commit);
    let place = commit.get(..10).map_or_else(String::new, |id| format!(" (in commit {id})"));
    let message = format!("{}{place}", first_sentence(&entry.description));
    Finding { location: Some(location), ..weakness(NAME, &entry.rule, &message, of_level(Level::High)) }
}
