//! What a gate has made of a finding: how it is known again, and whether somebody answers for it.

use serde::{Deserialize, Serialize};

/// What its gate has made of a finding.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Judged {
    /// What it is known by in other runs, whatever moves around it: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The line of source where it is, without its end. `None` where there is none, and where it may hold a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why it fails nothing, where somebody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppression>,
}

/// Why a finding fails nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Suppression {
    /// Where that is stated.
    pub by: SuppressedBy,
    /// Why, in the words of whoever answers for it.
    pub reason: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day on which it holds: `2026-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Where it is stated that a finding fails nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressedBy {
    /// A waiver, for a reason and until a day.
    Waiver,
    /// The baseline: it was there before anybody looked.
    Baseline,
    /// A comment at its place, which the tool understands.
    Source,
}
