//! zizmor: workflows of GitHub Actions that somebody else could make do what they want.
//!
//! It ends with 11 to 14 by the worst severity, 10 where something has none, 3 where it found no workflow. One that is no
//! YAML it leaves out, with a warning on standard error.

use serde::Deserialize;

use super::{Scanner, TARGET, could_not_look, json, of_level, weakness, words};
use crate::finding::weakness::{Confidence, Level};
use crate::finding::{Finding, Location, Paths, Position, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};
use crate::text;

const NAME: &str = "zizmor";

/// The scanner. Offline, it does without the audits that ask GitHub.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "workflows of GitHub Actions",
    ask: &["--version"],
    known: &["1"],
    arguments: &["--offline", "--format", "json-v1", "--no-progress", "--color", "never", TARGET],
    census: &[],
    clean: &[0],
    found: &[10, 11, 12, 13, 14],
    unit: "file",
    feed: None,
    settings: &[],
    get: "add `zizmor` to the tools of xtask.toml",
    read,
};

/// The exit code where there was nothing to look at.
const NO_INPUT: i32 = 3;

#[derive(Deserialize)]
struct Entry {
    ident: String,
    desc: String,
    url: String,
    determinations: Determinations,
    locations: Vec<Place>,
    #[serde(default)]
    ignored: bool,
}

#[derive(Deserialize)]
struct Determinations {
    confidence: String,
    severity: String,
}

#[derive(Deserialize)]
struct Place {
    symbolic: Symbolic,
    concrete: Concrete,
}

#[derive(Deserialize)]
struct Symbolic {
    key: Key,
    annotation: String,
    kind: String,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "Local")]
    local: Option<Local>,
}

#[derive(Deserialize)]
struct Local {
    verbatim_path: String,
}

#[derive(Deserialize)]
struct Concrete {
    location: Span,
}

#[derive(Deserialize)]
struct Span {
    start_point: Point,
    end_point: Point,
}

/// Counted from 0.
#[derive(Deserialize)]
struct Point {
    row: u32,
    column: u32,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    if answer.code == Some(NO_INPUT) && answer.stdout.trim().is_empty() {
        return Err(could_not_look("it found no workflow that it could look at"));
    }
    let entries: Vec<Entry> = json(answer, answer.stdout)?;
    let plain = text::strip(answer.stderr);
    let examined = plain.lines().filter(|line| line.contains(" completed ")).count();
    let mut look = Look::at(NAME, Coverage::new(examined, SCANNER.unit));
    look.findings =
        entries.iter().filter(|entry| !entry.ignored).map(|entry| finding(entry, paths)).collect();
    let unread = |line: &&str| line.contains("failed to parse") || line.contains("failed to load");
    for line in plain.lines().filter(unread) {
        let why = line.split_once("input: ").map_or(line, |(_, why)| why);
        look = look.gap(GapKind::CouldNotLook, format!("a workflow was not looked at: {}", words(why)), None);
    }
    Ok(look)
}

fn finding(entry: &Entry, paths: &Paths) -> Finding {
    let primary = entry.locations.iter().find(|place| place.symbolic.kind == "Primary");
    let place = primary.or_else(|| entry.locations.first());
    let location = place.and_then(|place| {
        let path = paths.relative(place.symbolic.key.local.as_ref()?.verbatim_path.as_ref());
        let Span { start_point: start, end_point: end } = &place.concrete.location;
        let mut location = Location::at(path, start.row.checked_add(1), start.column.checked_add(1));
        location.end =
            Some(Position { line: end.row.saturating_add(1), column: end.column.saturating_add(1) });
        Some(location)
    });
    let annotation = place.map_or_else(String::new, |place| format!(": {}", place.symbolic.annotation));
    let confidence = match entry.determinations.confidence.as_str() {
        "High" => Some(Confidence::High),
        "Medium" => Some(Confidence::Medium),
        "Low" => Some(Confidence::Low),
        _ => None,
    };
    let known = Weakness {
        confidence,
        link: Some(words(&entry.url)),
        ..of_level(Level::of_word(&entry.determinations.severity))
    };
    Finding { location, ..weakness(NAME, &entry.ident, &format!("{}{annotation}", entry.desc), known) }
}
