//! What scanners know of a weakness: how bad it is for an attacker's purpose, what it is called, which package brings it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a scanner knows of a weakness beyond its place and a message.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Weakness {
    /// How bad it is, by the scanner or the advisory.
    pub level: Level,
    /// How sure the scanner is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The package that has it, where it is one of a package and not of a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// The other names of the advisory: `CVE-2024-1`, `GHSA-…`, `PYSEC-…`, `RUSTSEC-…`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub aliases: BTreeSet<String>,
    /// The versions without it; empty where there is none yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// Where it is described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The other tools that found the same.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub witnesses: BTreeSet<String>,
    /// Whether what stands at its place is a secret: the line is then never shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// How bad a weakness is: the qualitative ratings of CVSS 3.1 (section 5).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It was not rated. Judged like [`Self::High`]: what nobody has rated may be anything.
    #[default]
    Unknown,
    /// CVSS 0.1 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0.
    Critical,
}

impl Level {
    /// The level of a CVSS base score, 0.0 to 10.0.
    pub fn of_score(score: f64) -> Self {
        match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::Unknown,
        }
    }

    /// The level that a word names, whatever its case: tools say `moderate` for medium, `negligible` and `info` for low.
    pub fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "error" => Self::High,
            "medium" | "moderate" | "warning" => Self::Medium,
            "low" | "negligible" | "info" | "informational" | "note" | "style" => Self::Low,
            _ => Self::Unknown,
        }
    }

    /// Whether it is at or above `threshold`.
    pub fn reaches(self, threshold: Self) -> bool {
        let level = if self == Self::Unknown { Self::High } else { self };
        level >= threshold
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// How sure a scanner is of a finding.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It may well be a false alarm.
    Low,
    /// More likely than not.
    Medium,
    /// As good as certain.
    High,
}

/// A version of a package.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Package {
    /// Where packages of its kind come from, by the type of a package URL: `pypi`, `npm`, `cargo`, `deb`.
    pub ecosystem: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl fmt::Display for Package {
    /// `name 1.2.3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_from_scores_and_words() {
        for (score, level) in [
            (0.0, Level::Unknown),
            (0.1, Level::Low),
            (3.9, Level::Low),
            (4.0, Level::Medium),
            (7.0, Level::High),
            (9.0, Level::Critical),
            (10.0, Level::Critical),
            (f64::NAN, Level::Unknown),
        ] {
            assert_eq!(Level::of_score(score), level, "{score}");
        }
        for (word, level) in [
            ("CRITICAL", Level::Critical),
            ("moderate", Level::Medium),
            ("Negligible", Level::Low),
            ("?", Level::Unknown),
        ] {
            assert_eq!(Level::of_word(word), level, "{word}");
        }
    }

    #[test]
    fn what_nobody_rated_may_be_anything() {
        assert!(Level::Unknown.reaches(Level::High));
        assert!(!Level::Unknown.reaches(Level::Critical));
        assert!(!Level::Medium.reaches(Level::High));
    }
}
