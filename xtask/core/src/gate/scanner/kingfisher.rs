//! kingfisher: secrets in files and in the history of a repository.
//!
//! Its report says how many blobs were scanned, and whether a repository was scanned whole. It is told not to try whether a
//! secret works, not to look for its own updates, and to heed no comment that hides a secret: what is waived is waived with a
//! reason, in one place.

use serde::Deserialize;

use super::{Scanner, TARGET, json, of_level, weakness, words};
use crate::finding::weakness::{Confidence, Level};
use crate::finding::{Finding, Location, Paths, Position, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "kingfisher";

/// The files as they are.
pub const WORKTREE: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "secrets in files",
    ask: &["--version"],
    known: &["2"],
    arguments: &[
        "scan",
        TARGET,
        "--git-history",
        "none",
        "--exclude",
        "./.git",
        "--no-dedup",
        "--no-validate",
        "--no-update-check",
        "--no-ignore",
        "--redact",
        "--quiet",
        "--format",
        "json",
    ],
    census: &[],
    clean: &[0],
    found: &[200],
    unit: "file",
    feed: None,
    settings: &[],
    get: "add `kingfisher-bin` to the tools of xtask.toml",
    read,
};

/// Every commit. Its target is git's own folder: in the folder of a worktree it scans the files there, and calls that the history.
pub const HISTORY: Scanner = Scanner {
    about: "secrets in all commits",
    arguments: &[
        "scan",
        TARGET,
        "--git-history",
        "full",
        "--no-validate",
        "--no-update-check",
        "--no-ignore",
        "--redact",
        "--quiet",
        "--format",
        "json",
    ],
    unit: "blob",
    read: read_history,
    ..WORKTREE
};

/// Arguments that leave out a path, written as it begins with the target: `./target` for the target `.`. They are patterns.
pub fn without(path: &str) -> [String; 2] {
    let mut pattern = String::new();
    for c in path.trim_end_matches('/').chars() {
        match c {
            '*' | '?' | '[' | ']' | '{' | '}' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    ["--exclude".to_owned(), pattern]
}

#[derive(Deserialize)]
struct Report {
    findings: Vec<Entry>,
    audit: Audit,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Entry {
    rule: Rule,
    finding: Found,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    confidence: String,
    line: u32,
    column_start: u32,
    column_end: u32,
    path: String,
    git_metadata: Option<GitMetadata>,
}

#[derive(Deserialize)]
struct GitMetadata {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

#[derive(Deserialize)]
struct Audit {
    summary: Scans,
    #[serde(default)]
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Scans {
    scan_succeeded: u64,
    scan_partial: u64,
    scan_failed: u64,
    pending: u64,
}

#[derive(Deserialize)]
struct Repository {
    git: Option<Git>,
}

#[derive(Deserialize)]
struct Git {
    #[serde(default)]
    shallow: bool,
}

#[derive(Deserialize)]
struct Metadata {
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    blobs_scanned: usize,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report: Report = json(answer, answer.stdout)?;
    Ok(look(&report, WORKTREE.unit, paths))
}

fn read_history(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report: Report = json(answer, answer.stdout)?;
    let look = look(&report, HISTORY.unit, paths);
    let git: Vec<&Git> =
        report.audit.repositories.iter().filter_map(|repository| repository.git.as_ref()).collect();
    if git.is_empty() {
        return Ok(look.gap(
            GapKind::CouldNotLook,
            "no commit was looked at: this is no git repository",
            None,
        ));
    }
    let is_shallow = git.iter().any(|git| git.shallow);
    Ok(if is_shallow {
        let why = "older commits were not looked at: the clone is shallow";
        look.gap(
            GapKind::CouldNotLook,
            why,
            Some("fetch them: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow"),
        )
    } else {
        look
    })
}

fn look(report: &Report, unit: &str, paths: &Paths) -> Look {
    let examined = Coverage::new(report.metadata.summary.blobs_scanned, unit);
    let look = Look::at(NAME, examined).found(report.findings.iter().map(|entry| finding(entry, paths)));
    let scans = &report.audit.summary;
    let missed = scans.scan_partial + scans.scan_failed + scans.pending;
    if missed == 0 && scans.scan_succeeded > 0 {
        return look;
    }
    look.gap(GapKind::ToolError, "it says itself that it did not scan everything", None)
}

fn finding(entry: &Entry, paths: &Paths) -> Finding {
    let Entry { rule, finding } = entry;
    // Columns count from 0, and the last one belongs to the secret.
    let mut location = Location::at(
        paths.relative(finding.path.as_ref()),
        Some(finding.line),
        Some(finding.column_start.saturating_add(1)),
    );
    location.end = Some(Position { line: finding.line, column: finding.column_end.saturating_add(2) });
    let confidence = match finding.confidence.as_str() {
        "high" => Confidence::High,
        "medium" => Confidence::Medium,
        _ => Confidence::Low,
    };
    let commit = finding.git_metadata.as_ref().map(|git| words(&git.commit.id));
    let place =
        commit.as_ref().map_or_else(String::new, |id| format!(" (in commit {})", id.get(..10).unwrap_or(id)));
    let what = rule.description.as_deref().unwrap_or("a secret");
    let known = Weakness { confidence: Some(confidence), ..of_level(Level::High) };
    let help = match commit {
        Some(_) => "whoever has the repository has it: revoke it; rewriting the history is no substitute",
        None => "revoke it, take it out, and give it to the program in a variable",
    };
    Finding {
        location: Some(location),
        help: Some(help.to_owned()),
        ..weakness(NAME, &rule.id, &format!("{}{place}", super::first_sentence(what)), known)
    }
}
