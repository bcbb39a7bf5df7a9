//! Gates that admit when they could not look.
//!
//! Most scanners print "no problems" and end with code 0 when their feed is unreachable. So what a tool found is read from its
//! report, with how much it looked at, and never from its exit code alone; and what it could not look at is kept beside it.
//! Adapters make a [`Look`] of an [`Answer`], without input or output; whoever runs the tools reports the look.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::text;

pub mod dockerfile;
pub mod locks;
pub mod names;
pub mod scanner;

/// How a tool ended and what it said, ready to be made sense of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// The exit code; `None` where something else ended it.
    pub code: Option<i32>,
    /// How it ended, in words: `exit code 2`, `killed by SIGKILL`, `ran out of time`.
    pub ended: &'a str,
    /// Its standard output.
    pub stdout: &'a str,
    /// Its standard error.
    pub stderr: &'a str,
    /// The file that it was told to write its report to, where it did.
    pub report: Option<&'a str>,
}

/// What one tool looked at, and what it found there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Look {
    /// The tool: `pip-audit`.
    pub tool: String,
    /// Its version, where it said that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How much it looked at.
    pub coverage: Coverage,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it was to look at and did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// How much was looked at. A look at nothing is no clean one, unless there was nothing to look at and somebody says so.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// How many.
    pub examined: u64,
    /// Of what, in the singular: `package`, `file`, `commit`.
    pub unit: String,
}

impl Coverage {
    /// So many of a unit.
    pub fn new(examined: usize, unit: &str) -> Self {
        Self { examined: u64::try_from(examined).unwrap_or(u64::MAX), unit: unit.to_owned() }
    }
}

impl fmt::Display for Coverage {
    /// `12 packages`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = usize::try_from(self.examined).unwrap_or(usize::MAX);
        f.write_str(&text::count(count, &self.unit))
    }
}

/// Something that was to be looked at and was not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Gap {
    /// Whether it could not look, or is itself broken.
    pub kind: GapKind,
    /// What was not looked at, and why, in one sentence: `nothing was compared with the advisories: the feed at … is unreachable`.
    pub why: String,
    /// What to do, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Why something was not looked at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// What it takes is not there: the tool, its feed, the network, a token.
    CouldNotLook,
    /// The tool crashed, was killed, or wrote what is no report.
    ToolError,
}

/// The four outcomes of a gate, the better first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All was looked at, and nothing found.
    Clean,
    /// Not all was looked at; nothing was found in the rest.
    CouldNotLook,
    /// A tool is broken; nothing was found in what was looked at.
    ToolError,
    /// Something was found, whatever was not looked at.
    Findings,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::CouldNotLook => "could not look",
            Self::ToolError => "tool error",
            Self::Findings => "findings",
        })
    }
}

impl Look {
    /// A tool that has looked at `coverage` and found nothing so far.
    pub fn at(tool: &str, coverage: Coverage) -> Self {
        Self { tool: tool.to_owned(), version: None, coverage, findings: Vec::new(), gaps: Vec::new() }
    }

    /// A tool that could not look at anything. `unit` is what it would have looked at, in the singular.
    pub fn blind(tool: &str, unit: &str, why: impl Into<String>) -> Self {
        Self::at(tool, Coverage::new(0, unit)).gap(GapKind::CouldNotLook, why, None)
    }

    /// A tool that broke before it had looked at anything.
    pub fn broken(tool: &str, unit: &str, why: impl Into<String>) -> Self {
        Self::at(tool, Coverage::new(0, unit)).gap(GapKind::ToolError, why, None)
    }

    /// Adds what it found.
    pub fn found(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// Adds something that it did not look at.
    pub fn gap(mut self, kind: GapKind, why: impl Into<String>, hint: Option<&str>) -> Self {
        self.gaps.push(Gap {
            kind,
            why: text::one_line(&why.into()).into_owned(),
            hint: hint.map(str::to_owned),
        });
        self
    }

    /// Says what to do about the gap that was added last.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(gap) = self.gaps.last_mut() {
            gap.hint = Some(hint.into());
        }
        self
    }

    /// How it went, as a whole.
    pub fn outcome(&self) -> Outcome {
        let worst = self.gaps.iter().map(|gap| gap.kind).max();
        match worst {
            _ if !self.findings.is_empty() => Outcome::Findings,
            Some(GapKind::ToolError) => Outcome::ToolError,
            Some(GapKind::CouldNotLook) => Outcome::CouldNotLook,
            None => Outcome::Clean,
        }
    }
}

/// What a look says of itself beside its findings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Account {
    /// The tool.
    pub tool: String,
    /// Its version, where it said that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it went.
    pub outcome: Outcome,
    /// How much was looked at.
    pub coverage: Coverage,
    /// What was to be looked at and was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl From<&Look> for Account {
    fn from(look: &Look) -> Self {
        let Look { tool, version, coverage, gaps, .. } = look.clone();
        Self { tool, version, outcome: look.outcome(), coverage, gaps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_win_and_a_broken_tool_is_worse_than_a_blind_one() {
        let look = Look::at("t", Coverage::new(12, "package"));
        assert_eq!(look.coverage.to_string(), "12 packages");
        assert_eq!(look.outcome(), Outcome::Clean);
        let blind = look.gap(GapKind::CouldNotLook, "no feed", None).hint("connect");
        assert_eq!(
            (blind.outcome(), blind.gaps[0].hint.as_deref()),
            (Outcome::CouldNotLook, Some("connect"))
        );
        let broken = blind.gap(GapKind::ToolError, "no\nreport", None);
        assert_eq!((broken.outcome(), broken.gaps[1].why.as_str()), (Outcome::ToolError, "no report"));
        assert_eq!(broken.found([Finding::error("t", "m")]).outcome(), Outcome::Findings);
    }
}
