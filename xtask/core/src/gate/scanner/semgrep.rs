//! semgrep and opengrep, which are called and answer alike: code that matches rules of the repository.

use serde::Deserialize;

use super::{Scanner, TARGET, first_sentence, json, of_level, weakness, words};
use crate::finding::weakness::Level;
use crate::finding::{Finding, Location, Paths, Position};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

/// semgrep, with the rules of the repository alone: those of its registry would have to be fetched.
pub const SEMGREP: Scanner = Scanner {
    name: "semgrep",
    program: "semgrep",
    about: "code, by the repository's own rules in `.semgrep.yml`",
    ask: &["--version"],
    known: &["1"],
    arguments: &[
        "scan",
        "--config",
        RULES,
        "--json",
        "--quiet",
        "--metrics",
        "off",
        "--disable-version-check",
        "--error",
        TARGET,
    ],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "file",
    feed: None,
    settings: &[],
    get: "`pip install semgrep`",
    read,
};

/// opengrep, a fork of it.
pub const OPENGREP: Scanner = Scanner {
    name: "opengrep",
    program: "opengrep",
    known: &["1"],
    // It knows no `--metrics`: it sends none.
    arguments: &[
        "scan",
        "--config",
        RULES,
        "--json",
        "--quiet",
        "--disable-version-check",
        "--error",
        TARGET,
    ],
    get: "https://github.com/opengrep/opengrep",
    read: |answer, paths| read_as(OPENGREP.name, answer, paths),
    ..SEMGREP
};

/// The file with the rules, at the root of the repository.
pub const RULES: &str = ".semgrep.yml";

#[derive(Deserialize)]
struct Report {
    results: Vec<Entry>,
    errors: Vec<Trouble>,
    paths: Scanned,
}

#[derive(Deserialize)]
struct Entry {
    check_id: String,
    path: String,
    start: Point,
    end: Point,
    extra: Extra,
}

#[derive(Deserialize)]
struct Point {
    line: u32,
    col: u32,
}

#[derive(Deserialize)]
struct Extra {
    message: String,
    severity: String,
}

#[derive(Deserialize)]
struct Trouble {
    message: String,
}

#[derive(Deserialize)]
struct Scanned {
    scanned: Vec<String>,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    read_as(SEMGREP.name, answer, paths)
}

fn read_as(name: &str, answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report: Report = json(answer, answer.stdout)?;
    let examined = Coverage::new(report.paths.scanned.len(), SEMGREP.unit);
    let look = Look::at(name, examined).found(report.results.iter().map(|entry| finding(name, entry, paths)));
    Ok(report.errors.iter().fold(look, |look, trouble| {
        look.gap(
            GapKind::ToolError,
            format!("it did not look at everything: {}", words(&trouble.message)),
            None,
        )
    }))
}

fn finding(name: &str, entry: &Entry, paths: &Paths) -> Finding {
    let mut location =
        Location::at(paths.relative(entry.path.as_ref()), Some(entry.start.line), Some(entry.start.col));
    location.end = Some(Position { line: entry.end.line, column: entry.end.col });
    let known = of_level(Level::of_word(&entry.extra.severity));
    Finding {
        location: Some(location),
        ..weakness(name, &entry.check_id, &first_sentence(&entry.extra.message), known)
    }
}
