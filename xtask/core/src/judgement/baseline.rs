//! Findings that were there before anybody looked: a file that is committed, made by this program.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::text;

/// The version of the form.
const FORMAT: u32 = 1;

/// What was there before: findings that fail nothing.
#[derive(Clone, Debug, Default)]
pub struct Baseline(BTreeMap<String, BTreeSet<Entry>>);

/// A finding, by its fingerprint; the rest tells a reader what that is.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: String,
    rule: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    path: String,
    message: String,
}

/// The file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    gates: BTreeMap<String, Vec<Entry>>,
}

/// Why a text is no baseline.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct BaselineError {
    /// What is wrong.
    pub message: String,
    /// The byte of the text where that shows.
    pub offset: usize,
}

impl Baseline {
    /// Reads the text of a baseline.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let file: File = serde_json::from_str(text).map_err(|error| BaselineError {
            message: error.to_string(),
            offset: offset(text, error.line(), error.column()),
        })?;
        if file.format != FORMAT {
            let message = format!("it has the form {}, and this program knows only {FORMAT}", file.format);
            return Err(BaselineError { message, offset: text.find("\"format\"").unwrap_or(0) });
        }
        Ok(Self(
            file.gates.into_iter().map(|(gate, entries)| (gate, entries.into_iter().collect())).collect(),
        ))
    }

    /// The text of a file; a finding has a line of its own, so that a change of one is a change of one line.
    pub fn render(&self) -> String {
        let gates: Vec<String> = self
            .0
            .iter()
            .filter(|(_, entries)| !entries.is_empty())
            .map(|(gate, entries)| {
                let lines: Vec<String> =
                    entries.iter().map(|entry| format!("      {}", in_json(entry))).collect();
                format!("    {}: [\n{}\n    ]", in_json(gate), lines.join(",\n"))
            })
            .collect();
        let gates =
            if gates.is_empty() { "{}".to_owned() } else { format!("{{\n{}\n  }}", gates.join(",\n")) };
        format!("{{\n  \"format\": {FORMAT},\n  \"gates\": {gates}\n}}\n")
    }

    /// How many findings it has.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the finding of that fingerprint was there before.
    pub fn holds(&self, gate: &str, fingerprint: &str) -> bool {
        self.0.get(gate).is_some_and(|entries| entries.iter().any(|entry| entry.fingerprint == fingerprint))
    }

    /// Makes `findings` what a gate has. What else was there is gone where the gate has looked at everything, and stays where it
    /// may only not have been seen.
    pub fn replace<'f>(&mut self, gate: &str, findings: impl Iterator<Item = &'f Finding>, saw_all: bool) {
        let entries = self.0.entry(gate.to_owned()).or_default();
        if saw_all {
            entries.clear();
        }
        let entry = |finding: &Finding| {
            Some(Entry {
                fingerprint: finding.judged.as_ref()?.fingerprint.clone(),
                rule: finding.rule.clone(),
                path: finding
                    .location
                    .as_ref()
                    .map_or_else(String::new, |location| location.path.to_string_lossy().into_owned()),
                message: text::one_line(&finding.message).into_owned(),
            })
        };
        for entry in findings.filter_map(entry) {
            entries.retain(|other| other.fingerprint != entry.fingerprint);
            entries.insert(entry);
        }
    }
}

/// Plain data with texts for keys: there is nothing that JSON could not hold.
fn in_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The byte at a line and a column, both from 1, as serde counts them.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
