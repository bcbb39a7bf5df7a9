//! What an analysis answers to a tick, and why.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::report::{grouped, percent, rounded, seconds};
use crate::release::metrics::Counts;

/// What the deployer has to do now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[must_use]
pub enum Verdict {
    /// Nothing: go on measuring; promote or raise the weight when the analysis allows it.
    Continue,
    /// Keep the weight where it is and do not promote, as long as this is the answer.
    Hold(Reason),
    /// Take the canary out of traffic, and hold. This says nothing about the release.
    Eject(Reason),
    /// Roll back: the release is worse.
    RollBack(Reason),
    /// The time of the step is over and the evidence is not enough, either way. The canary goes; the old release serves.
    Inconclusive(Reason),
    /// The time of the step is over and nothing was measured. The canary goes; the old release serves.
    NoEvidence(Reason),
}

impl Verdict {
    /// Whether this ends the experiment; the analysis repeats it for ever.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Continue | Self::Hold(_))
    }
}

/// Why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A container of the new release was started again.
    Restarted {
        /// The pod.
        pod: String,
        /// How often.
        restarts: u32,
    },
    /// Containers of a release that serves alone were started again, more than once.
    RestartedAgain {
        /// How often since it serves alone.
        restarts: u32,
    },
    /// A container of the new release ran out of memory.
    OutOfMemory {
        /// The pod.
        pod: String,
    },
    /// Half of the canary's requests failed while the baseline's did not.
    AtOnce {
        /// The stream.
        stream: String,
        /// The canary since it fails.
        canary: Counts,
        /// The baseline in the last tick.
        baseline: Counts,
    },
    /// The canary's rate is more than the tolerated multiple of the baseline's.
    Worse {
        /// The stream.
        stream: String,
        /// The canary in the whole analysis.
        canary: Counts,
        /// The baseline in the whole analysis.
        baseline: Counts,
        /// E.
        e: f64,
        /// m/α.
        threshold: f64,
    },
    /// Far above the objective, with nothing to compare to.
    FarAbove {
        /// The stream.
        stream: String,
        /// What was seen in the ticks that say so.
        seen: Counts,
        /// How many ticks those are.
        ticks: u32,
        /// The objective.
        rate_max: f64,
    },
    /// A ready pod cannot be measured.
    Silent {
        /// The pod.
        pod: String,
        /// For how many ticks.
        ticks: u32,
    },
    /// The baseline's pods differ among themselves.
    Clustered {
        /// The stream.
        stream: String,
        /// E between the halves.
        e: f64,
        /// √(m/α).
        threshold: f64,
    },
    /// Both sides together fail far more than before the release.
    SharedHarm {
        /// What was seen since it began.
        seen: Counts,
        /// For how long.
        lasting: Duration,
        /// The rate that was allowed.
        rate_max: f64,
    },
    /// What is missing for a promotion, in words.
    Missing(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restarted { pod, restarts: 1 } => write!(f, "a container of new pod `{pod}` restarted"),
            Self::Restarted { pod, restarts } => {
                write!(f, "containers of new pod `{pod}` restarted {restarts} times")
            }
            Self::RestartedAgain { restarts } => {
                write!(f, "containers of the new pods restarted {restarts} times since they serve alone")
            }
            Self::OutOfMemory { pod } => write!(f, "a container of new pod `{pod}` ran out of memory"),
            Self::AtOnce { stream, canary, baseline } => write!(
                f,
                "{stream}: {} of the canary's requests fail ({}), baseline {}",
                percent(*canary),
                of(*canary),
                percent(*baseline)
            ),
            Self::Worse { stream, canary, baseline, e, threshold } => write!(
                f,
                "{stream}: canary {} ({}), baseline {} ({}); E {} of {}",
                of(*canary),
                percent(*canary),
                of(*baseline),
                percent(*baseline),
                rounded(*e),
                rounded(*threshold)
            ),
            Self::FarAbove { stream, seen, ticks, rate_max } => write!(
                f,
                "{stream}: {} ({}) in {ticks} ticks, the objective is {:.2} %",
                of(*seen),
                percent(*seen),
                rate_max * 100.0
            ),
            Self::Silent { pod, ticks } => write!(
                f,
                "canary pod `{pod}` is ready but its metrics could not be read for {ticks} ticks, the baseline's could"
            ),
            Self::Clustered { stream, e, threshold } => write!(
                f,
                "{stream}: the baseline's own pods differ (E {} of {}): traffic comes in clusters, or one of them is ill, \
                 and a comparison proves nothing",
                rounded(*e),
                rounded(*threshold)
            ),
            Self::SharedHarm { seen, lasting, rate_max } => write!(
                f,
                "canary and baseline together: {} ({}) for {}, more than {:.2} %",
                of(*seen),
                percent(*seen),
                seconds(*lasting),
                rate_max * 100.0
            ),
            Self::Missing(words) => f.write_str(words),
        }
    }
}

/// `7 of 1,200`.
pub(in crate::release) fn of(counts: Counts) -> String {
    format!("{} of {}", grouped(counts.bad), grouped(counts.total))
}
