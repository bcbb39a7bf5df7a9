//! Gates that admit when they could not look.
//!
//! Most scanners print "no problems" and end with code 0 when their feed is unreachable. So what a tool found is read from its
//! report, with how much it looked at, and never from its exit code alone; and what it could not look at is kept beside it.
//! Adapters make a [`Look`] of an [`Answer`], without input or output; whoever runs the tools reports the look.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::text;

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
    /// When the data was made that it compared with, in seconds since 1970, where it has some and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<u64>,
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
    /// What it compares with was asked for and gave no answer; another time it may.
    Unanswered,
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
        let tool = tool.to_owned();
        Self { tool, version: None, coverage, findings: Vec::new(), gaps: Vec::new(), feed: None }
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

    /// Says when the data was made that it compared with, in seconds since 1970. Where that is too long ago, it counts as
    /// something that could not be looked at.
    pub fn fed(mut self, made: u64) -> Self {
        self.feed = Some(made);
        self
    }

    /// The same look with a gap, where its data is older than `age_max` at `now`, in seconds since 1970.
    pub fn aged(self, now: u64, age_max: Duration) -> Self {
        let age = self.feed.map(|made| Duration::from_secs(now.saturating_sub(made)));
        let Some(age) = age.filter(|&age| age > age_max) else { return self };
        let why = format!(
            "it compared with stale data: it was made {} ago, which is longer than {}",
            text::age(age),
            text::age(age_max)
        );
        let hint = "update its data, or let it grow older: `feed-age-max` in `[gates]` of xtask.toml";
        self.gap(GapKind::CouldNotLook, why, Some(hint))
    }

    /// How it went, as a whole.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(!self.findings.is_empty(), &self.gaps)
    }
}

impl Outcome {
    /// That of a look with these gaps.
    pub fn of(found: bool, gaps: &[Gap]) -> Self {
        match gaps.iter().map(|gap| gap.kind).max() {
            _ if found => Self::Findings,
            Some(GapKind::ToolError) => Self::ToolError,
            Some(GapKind::Unanswered | GapKind::CouldNotLook) => Self::CouldNotLook,
            None => Self::Clean,
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
    /// How many findings it has a part in, those aside for which somebody answers.
    #[serde(default)]
    pub found: usize,
    /// How many findings somebody answers for, by a waiver or the baseline.
    #[serde(default)]
    pub suppressed: usize,
    /// What was to be looked at and was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl Account {
    /// Of a look that has a part in `found` findings, and in `suppressed` for which somebody answers.
    pub fn of(look: &Look, found: usize, suppressed: usize) -> Self {
        let Look { tool, version, coverage, gaps, .. } = look;
        Self {
            tool: tool.clone(),
            version: version.clone(),
            outcome: Outcome::of(found > 0, gaps),
            coverage: coverage.clone(),
            found,
            suppressed,
            gaps: gaps.clone(),
        }
    }

    /// Whether all was looked at.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }
}

/// What a gate has seen in a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// What is said of its looks.
    pub accounts: Vec<Account>,
    /// What they found.
    pub findings: Vec<Finding>,
}

impl Seen {
    /// Whether it has looked, and at everything.
    pub fn is_whole(&self) -> bool {
        !self.accounts.is_empty() && self.accounts.iter().all(Account::is_whole)
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
        assert_eq!(Account::of(&broken, 0, 3).outcome, Outcome::ToolError);
        assert_eq!(broken.found([Finding::error("t", "m")]).outcome(), Outcome::Findings);
    }

    #[test]
    fn data_that_is_too_old_is_no_look() {
        let week = Duration::from_hours(7 * 24);
        let look = |feed: Option<u64>| Look { feed, ..Look::at("trivy", Coverage::new(1, "file")) };
        let now = 30 * 86_400;
        for (feed, outcome) in [
            (None, Outcome::Clean),
            (Some(now), Outcome::Clean),
            (Some(now + 5), Outcome::Clean),
            (Some(23 * 86_400), Outcome::Clean),
            (Some(23 * 86_400 - 1), Outcome::CouldNotLook),
            (Some(0), Outcome::CouldNotLook),
        ] {
            assert_eq!(look(feed).aged(now, week).outcome(), outcome, "{feed:?}");
        }
        let aged = look(Some(18 * 86_400)).aged(now, week);
        assert_eq!(
            aged.gaps[0].why,
            "it compared with stale data: it was made 12 days ago, which is longer than 7 days"
        );
    }
}
