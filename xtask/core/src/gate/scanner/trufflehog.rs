//! trufflehog: secrets in the history of a repository.
//!
//! It ends with 0 also where there is no repository, and says so in a line of its log.

use serde::Deserialize;
use serde_json::Value;

use super::{Scanner, of_level, weakness, words};
use crate::finding::weakness::{Confidence, Level};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "trufflehog";

/// The scanner. It reads a repository by an address.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "secrets in all commits",
    ask: &["--version"],
    known: &["3"],
    arguments: &["git", "file://.", "--json", "--no-verification", "--no-update", "--fail"],
    census: &[],
    clean: &[0],
    found: &[183],
    unit: "chunk",
    feed: None,
    settings: &[],
    get: "https://github.com/trufflesecurity/trufflehog",
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source_metadata: Source,
    detector_name: String,
}

#[derive(Deserialize)]
struct Source {
    /// By the kind of the source: `Filesystem`, `Git`.
    #[serde(rename = "Data")]
    data: Value,
}

/// A line of its log, on standard error.
#[derive(Deserialize)]
struct Log {
    msg: String,
    chunks: Option<usize>,
    /// What it could not look at.
    #[serde(default)]
    errors: Vec<String>,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let logs: Vec<Log> = answer.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let end = logs.iter().filter(|log| log.msg == "finished scanning").find_map(|log| log.chunks);
    let Some(chunks) = end else {
        return Err(super::no_report(answer, "it does not say that it has finished"));
    };
    let mut look = Look::at(NAME, Coverage::new(chunks, SCANNER.unit));
    for error in logs.iter().flat_map(|log| &log.errors) {
        let why = format!("it did not look at everything: {}", words(error));
        look = look.gap(GapKind::CouldNotLook, why, None);
    }
    // Other lines than objects are warnings.
    for line in answer.stdout.lines().filter(|line| line.starts_with('{')) {
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) => look.findings.push(finding(&entry, paths)),
            Err(error) => {
                look = look.gap(GapKind::ToolError, format!("a line of its report is none: {error}"), None);
            }
        }
    }
    Ok(look)
}

fn finding(entry: &Entry, paths: &Paths) -> Finding {
    let place = entry.source_metadata.data.as_object().and_then(|kinds| kinds.values().next());
    let text = |key: &str| place.and_then(|place| place[key].as_str());
    let line = place.and_then(|place| place["line"].as_u64()).and_then(|line| u32::try_from(line).ok());
    let location = text("file").map(|file| Location::at(paths.relative(file.as_ref()), line, None));
    let commit = text("commit").and_then(|id| id.get(..10));
    let commit = commit.map_or_else(String::new, |id| format!(" (in commit {id})"));
    let message = format!("a secret for {}{commit}", entry.detector_name);
    let known = Weakness { confidence: Some(Confidence::Medium), ..of_level(Level::High) };
    Finding { location, ..weakness(NAME, &entry.detector_name, &message, known) }
}
