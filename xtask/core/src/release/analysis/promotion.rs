//! What a release has to show before its weight is raised, and before it is promoted.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::judge::Analysis;
use super::report::{grouped, ratio_words, rounded, seconds};
use super::verdict::{Reason, of};
use crate::release::metrics::{Counts, to_float};

/// How long traffic is watched before it is called sparse.
const SPARSE_AFTER: Duration = Duration::from_mins(1);

/// What earned a promotion.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Requests of users.
    Traffic,
    /// Checks that the deployer sent, because users were too few.
    Checks,
}

/// Why a release is promoted, to be shown and kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// What earned it.
    pub basis: Basis,
    /// The canary's requests.
    pub requests: Counts,
    /// The checks that took part.
    pub checks: Counts,
    /// The baseline's requests.
    pub baseline: Counts,
    /// S.
    pub compliance: f64,
    /// Each stream with its E.
    pub excess: Vec<(String, f64)>,
    /// How long the last step was measured.
    pub measured: Duration,
    /// How long the release is to be watched from now on.
    pub bake: Duration,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.basis {
            Basis::Traffic => write!(f, "promoted on traffic, {} requests failed", of(self.requests))?,
            Basis::Checks => write!(
                f,
                "promoted on checks, {} user requests ({} failed), {} checks failed",
                grouped(self.requests.total),
                grouped(self.requests.bad),
                of(self.checks)
            )?,
        }
        write!(f, "; {}; S {}", ratio_words(self.requests, self.baseline), rounded(self.compliance))?;
        for (stream, e) in &self.excess {
            write!(f, ", E {} for {stream}", rounded(*e))?;
        }
        write!(f, "; watched for {}", seconds(self.bake))
    }
}

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The experiment has ended.
    Ended,
    /// This is not the last step.
    Step,
    /// The canary was not measured for long enough.
    Time {
        /// For how long it was.
        measured: Duration,
        /// For how long it must be.
        needed: Duration,
    },
    /// Too little shows that the objective is kept.
    Compliance {
        /// S.
        value: f64,
        /// What it must be.
        needed: f64,
        /// How many requests without an error would be enough.
        requests: u64,
    },
    /// A stream is under suspicion.
    Suspicion {
        /// The stream.
        stream: String,
        /// E.
        value: f64,
        /// What it must be below.
        below: f64,
    },
    /// The baseline's own pods differ.
    Clustered(Reason),
    /// Checks are under way.
    Checks {
        /// How many were made.
        made: u64,
        /// How many must be.
        needed: u64,
    },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the experiment has ended"),
            Self::Step => f.write_str("this is not the last step"),
            Self::Time { measured, needed } => {
                write!(f, "measured for {} of {}", seconds(*measured), seconds(*needed))
            }
            Self::Compliance { value, needed, requests } => write!(
                f,
                "S {} of {}: {} more requests without an error",
                rounded(*value),
                rounded(*needed),
                grouped(*requests)
            ),
            Self::Suspicion { stream, value, below } => {
                write!(
                    f,
                    "{stream} under suspicion: E {}, must be below {}",
                    rounded(*value),
                    rounded(*below)
                )
            }
            Self::Clustered(reason) => reason.fmt(f),
            Self::Checks { made, needed } => {
                write!(f, "{} of {} checks made", grouped(*made), grouped(*needed))
            }
        }
    }
}

/// Everything that is missing; never empty.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Missing(pub Vec<Gap>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(Gap::to_string).collect();
        f.write_str(&words.join("; "))
    }
}

/// Synthetic checks that the deployer should make now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checks {
    /// How many are still to be made.
    pub count: u64,
    /// Within which time all of them should be made, from the first to the last.
    pub within: Duration,
}

impl Analysis {
    /// Whether the release has earned its promotion.
    pub fn may_promote(&self) -> Result<Evidence, Missing> {
        let Self { settings, state, .. } = self;
        let (errors, stream) = self.errors();
        let mut gaps = self.common_gaps();
        if !state.step.is_last {
            gaps.push(Gap::Step);
        }
        if state.step.measured < settings.measured_min {
            gaps.push(Gap::Time { measured: state.step.measured, needed: settings.measured_min });
        }
        if state.compliance.ln() < settings.compliance_min.ln() {
            gaps.push(Gap::Compliance {
                value: state.compliance.value(),
                needed: settings.compliance_min,
                requests: state.compliance.good_needed(errors.rate_max, settings.compliance_min),
            });
        }
        // Users who came after all count as much as before: then checks need not be complete.
        let on_checks = state.step.checks && state.requests.total < settings.requests_min;
        if on_checks && state.checks.total < settings.checks {
            gaps.push(Gap::Checks { made: state.checks.total, needed: settings.checks });
        }
        if !gaps.is_empty() {
            return Err(Missing(gaps));
        }
        let (basis, bake) = if on_checks {
            (Basis::Checks, settings.bake_on_checks)
        } else {
            (Basis::Traffic, settings.bake)
        };
        Ok(Evidence {
            basis,
            requests: state.requests,
            checks: state.checks,
            baseline: stream.baseline,
            compliance: state.compliance.value(),
            excess: state.streams.iter().map(|stream| (stream.name.clone(), stream.excess.value())).collect(),
            measured: state.step.measured,
            bake,
        })
    }

    /// Whether the weight may be raised. That takes no proof, but a canary that was measured and is under no suspicion.
    pub fn may_advance(&self) -> Result<(), Missing> {
        let Self { settings, state, .. } = self;
        let mut gaps = self.common_gaps();
        if state.step.measured < settings.window {
            gaps.push(Gap::Time { measured: state.step.measured, needed: settings.window });
        }
        if gaps.is_empty() { Ok(()) } else { Err(Missing(gaps)) }
    }

    fn common_gaps(&self) -> Vec<Gap> {
        let below = self.settings.suspicion;
        let mut gaps: Vec<Gap> = self.state.end.iter().map(|_| Gap::Ended).collect();
        gaps.extend(self.state.streams.iter().filter(|stream| stream.excess.ln() >= below.ln()).map(
            |stream| Gap::Suspicion { stream: stream.name.clone(), value: stream.excess.value(), below },
        ));
        gaps.extend(self.clustered().map(Gap::Clustered));
        gaps
    }

    /// The checks to be made, where users are too few to decide within the step.
    pub fn checks_wanted(&self) -> Option<Checks> {
        let count = self.settings.checks.saturating_sub(self.state.checks.total);
        let wanted = self.state.step.checks && self.state.end.is_none() && count > 0;
        wanted.then_some(Checks { count, within: self.settings.checks_within })
    }

    /// Whether the requests that can be expected until the end of the last step are too few.
    pub(super) fn is_sparse(&self) -> bool {
        let step = &self.state.step;
        let left = self.settings.step_max.saturating_sub(step.last_tick.saturating_sub(step.began));
        let expected = to_float(self.state.requests.total) + self.request_rate() * left.as_secs_f64();
        step.is_last && step.measured >= SPARSE_AFTER && expected < to_float(self.settings.requests_min)
    }

    /// The canary's requests in a second of this step.
    pub(super) fn request_rate(&self) -> f64 {
        let measured = self.state.step.measured.as_secs_f64();
        if measured > 0.0 { to_float(self.state.step.requests) / measured } else { 0.0 }
    }
}
