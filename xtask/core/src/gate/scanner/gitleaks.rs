//! gitleaks: secrets in the history of a repository.
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

/// The scanner: every commit. Of the files as they are it would also scan those that git ignores.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "secrets in all commits",
    ask: &["version"],
    known: &["8"],
    arguments: &[
        "git",
        TARGET,
        "--report-format",
        "json",
        "--report-path",
        REPORT,
        "--exit-code",
        "42",
        "--redact",
        "--no-banner",
        "--no-color",
        "--ignore-gitleaks-allow",
    ],
    census: &[],
    clean: &[0],
    found: &[42],
    unit: "commit",
    feed: None,
    settings: &[],
    get: "https://github.com/gitleaks/gitleaks",
    read,
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
    let entries: Vec<Entry> = json(answer, answer.report.unwrap_or_default())?;
    let plain = text::strip(answer.stderr);
    // `11:53PM INF 3 commits scanned.`
    let commits = plain
        .lines()
        .find_map(|line| line.split_once(" commits scanned")?.0.rsplit(' ').next()?.parse().ok());
    let examined = Coverage::new(commits.unwrap_or(0), SCANNER.unit);
    let look = Look::at(NAME, examined).found(entries.iter().map(|entry| finding(entry, paths)));
    let trouble = plain.lines().find_map(|line| line.split_once(" ERR "));
    Ok(match trouble {
        Some((_, said)) => {
            look.gap(GapKind::CouldNotLook, format!("it did not look at everything: {}", words(said)), None)
        }
        None => look,
    })
}

fn finding(entry: &Entry, paths: &Paths) -> Finding {
    // The first line counts its columns from 1, every other one the line end before it as well.
    let behind = |line: u32| u32::from(line > 1);
    let column = entry.start_column.saturating_sub(behind(entry.start_line)).max(1);
    let mut location =
        Location::at(paths.relative(entry.file.as_ref()), Some(entry.start_line), Some(column));
    let end = entry.end_column.saturating_sub(behind(entry.end_line)).saturating_add(1);
    location.end = Some(Position { line: entry.end_line, column: end });
    let commit = words(&entry.commit);
    let place = commit.get(..10).map_or_else(String::new, |id| format!(" (in commit {id})"));
    let message = format!("{}{place}", first_sentence(&entry.description));
    Finding { location: Some(location), ..weakness(NAME, &entry.rule, &message, of_level(Level::High)) }
}
