//! What the repository says about its gates: `[gates]`, and the findings for which somebody answers: `[[waivers]]`, of which
//! [`Waiver`](crate::core::judgement::Waiver) says what the keys mean.

use std::path::PathBuf;
use std::time::Duration;

use crate::core::finding::weakness::Level;
use crate::core::judgement::Unfixed;

/// How findings of gates are judged: `[gates]`.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// `level`: from which level on a weakness fails its gate: `low`, `medium`, `high` or `critical`. What is below is a
    /// warning; what nobody has rated counts as `high`. Default: `high`.
    pub level: Level,
    /// `unfixed`: what becomes of a weakness in a package of which there is no version without it: `fail` or `warn`. Default:
    /// `fail`.
    pub unfixed: Unfixed,
    /// `feed-age-max`: the oldest data that a scanner may compare with, and how long a stored result of a gate that has data may
    /// be used again; a duration. Default: `7d`.
    pub feed_age_max: Duration,
    /// `baseline`: the file with the findings that were there before, relative to the repository's root; `--write-baseline`
    /// writes it. Default: there is none.
    pub baseline: Option<PathBuf>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            level: Level::High,
            unfixed: Unfixed::Fail,
            feed_age_max: Duration::from_hours(7 * 24),
            baseline: None,
        }
    }
}
