//! Which packages have newer versions: what `uv pip list --outdated`, `npm outdated` and `cargo update --dry-run` say.
//!
//! A tool that could not ask its registry must not look as if everything were new; each reader says so instead.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::gate::Answer;
use crate::text;

/// A package that has a newer version.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Outdated {
    /// Its name.
    pub name: String,
    /// The version that is locked.
    pub current: String,
    /// The newest one.
    pub latest: String,
    /// How far it is from the one to the other.
    pub step: Step,
}

/// How far it is from one version to another, by the first of their numbers that differs. Before 1.0.0 the second number
/// stands for the first, as in Semantic Versioning and in cargo.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Nothing but corrections.
    Patch,
    /// More than before.
    Minor,
    /// Something may break.
    Major,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

impl Step {
    /// The step from one version to another.
    pub fn between(current: &str, latest: &str) -> Self {
        let numbers = |version: &str| -> Vec<u64> {
            let release = version.split(['-', '+']).next().unwrap_or_default();
            release.split('.').map(|part| part.parse().unwrap_or_default()).collect()
        };
        let (from, to) = (numbers(current), numbers(latest));
        let at = |numbers: &[u64], position: usize| numbers.get(position).copied().unwrap_or_default();
        let is_young = at(&from, 0) == 0;
        match (0..3).find(|&position| at(&from, position) != at(&to, position)) {
            Some(0) => Self::Major,
            Some(1) if is_young => Self::Major,
            Some(1) => Self::Minor,
            _ => Self::Patch,
        }
    }
}

fn outdated(name: &str, current: &str, latest: &str) -> Option<Outdated> {
    (current != latest).then(|| Outdated {
        name: name.to_owned(),
        current: current.to_owned(),
        latest: latest.to_owned(),
        step: Step::between(current, latest),
    })
}

/// `uv pip list --outdated --format json`.
///
/// # Errors
///
/// Why it could not look. uv that is told to be offline says that everything is new; whoever calls it has to know.
pub fn uv(answer: &Answer<'_>) -> Result<Vec<Outdated>, String> {
    if answer.code != Some(0) {
        return Err(failed(answer));
    }
    let report: Value = serde_json::from_str(answer.stdout).map_err(|error| format!("no report: {error}"))?;
    let list = report.as_array().ok_or("its report is no list")?;
    let one = |entry: &Value| {
        let field = |name: &str| entry.get(name)?.as_str();
        Some(outdated(field("name")?, field("version")?, field("latest_version")?))
    };
    let read: Option<Vec<Option<Outdated>>> = list.iter().map(one).collect();
    Ok(read.ok_or("an entry of its report has no name or version")?.into_iter().flatten().collect())
}

/// `npm outdated --json`, which ends with code 1 where there is something.
///
/// # Errors
///
/// Why it could not look.
pub fn npm(answer: &Answer<'_>) -> Result<Vec<Outdated>, String> {
    let text = if answer.stdout.trim().is_empty() { "{}" } else { answer.stdout };
    let report: Value = serde_json::from_str(text).map_err(|error| format!("no report: {error}"))?;
    let report = report.as_object().ok_or("its report is no object")?;
    if let Some(error) = report.get("error") {
        let summary = error.get("summary").and_then(Value::as_str).unwrap_or("it says no more");
        return Err(text::one_line(summary).into_owned());
    }
    if !matches!(answer.code, Some(0 | 1)) {
        return Err(failed(answer));
    }
    let one = |(name, entry): (&String, &Value)| {
        // What is wanted at several places is a list; what is not installed has no current version.
        let entry = entry.as_array().and_then(|places| places.first()).unwrap_or(entry);
        let field = |name: &str| entry.get(name)?.as_str();
        let current = field("current").or_else(|| field("wanted"))?;
        Some(outdated(name, current, field("latest")?))
    };
    let read: Option<Vec<Option<Outdated>>> = report.iter().map(one).collect();
    Ok(read.ok_or("an entry of its report has no version")?.into_iter().flatten().collect())
}

/// `cargo update --dry-run --verbose`, which speaks on its standard error: `Updating serde v1.0.0 -> v1.0.1`, and
/// `Unchanged toml v1.0.0 (available: v2.0.0)` for what the manifests do not allow.
///
/// # Errors
///
/// Why it could not look.
pub fn cargo(answer: &Answer<'_>) -> Result<Vec<Outdated>, String> {
    if answer.code != Some(0) {
        return Err(failed(answer));
    }
    let stderr = text::strip(answer.stderr);
    // Without it the index was not looked at.
    if !stderr.lines().any(|line| line.trim_start().starts_with("Locking ")) {
        return Err("it does not say what it would lock".to_owned());
    }
    let one = |line: &str| {
        let (verb, rest) = line.trim_start().split_once(' ')?;
        let mut words = rest.split_whitespace();
        let (name, current) = (words.next()?, words.next()?.strip_prefix('v')?);
        let next = (verb == "Updating").then(|| words.nth(1)).flatten();
        let available = rest.split_once("available: v").map(|(_, rest)| rest);
        let latest = available.or(next)?.trim_start_matches('v');
        let latest = latest.split(|c: char| c == ')' || c == ',' || c.is_whitespace()).next()?;
        matches!(verb, "Updating" | "Unchanged").then(|| outdated(name, current, latest)).flatten()
    };
    Ok(stderr.lines().filter_map(one).collect())
}

/// How a tool failed: the last line that it wrote.
fn failed(answer: &Answer<'_>) -> String {
    let stderr = text::strip(answer.stderr);
    let said = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    format!("{}: {}", answer.ended, said.trim())
}
