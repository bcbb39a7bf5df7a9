//! What is promised about a component, and how sure an analysis has to be.

use std::time::Duration;

use super::excess::RATIOS;
use crate::release::metrics::{Probe, Selector};

/// What kind of events a stream counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Requests of users that fail. Exactly one objective of a component is of this kind: it is what a promotion has to prove.
    Errors,
    /// Requests above a bound of time. Left out while a pod is cold.
    Latency,
    /// Another counter of something going wrong.
    Counter,
    /// Synthetic checks, which the deployer sends itself.
    Checks,
}

/// One promise about a component, and where it is measured.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Objective {
    /// What it is called in reports; unique within the component.
    pub name: String,
    /// What kind of events it counts.
    pub kind: Kind,
    /// The largest share of bad events that is promised, between 0 and 1.
    pub rate_max: f64,
    /// Where it is read; `None` for checks.
    pub probe: Option<Probe>,
}

impl Objective {
    /// Requests that fail.
    pub fn errors(bad: Selector, total: Selector, rate_max: f64) -> Self {
        let probe = Some(Probe::Ratio { bad, total });
        Self { name: "errors".into(), kind: Kind::Errors, rate_max, probe }
    }

    /// Requests that take longer than `at_most`, a bound of a bucket of `histogram`.
    pub fn latency(histogram: Selector, at_most: Duration, rate_max: f64) -> Self {
        let name = format!("latency above {} ms", at_most.as_millis());
        Self { name, kind: Kind::Latency, rate_max, probe: Some(Probe::Latency { histogram, at_most }) }
    }

    /// Another counter of bad events among all.
    pub fn counter(name: impl Into<String>, bad: Selector, total: Selector, rate_max: f64) -> Self {
        Self { name: name.into(), kind: Kind::Counter, rate_max, probe: Some(Probe::Ratio { bad, total }) }
    }

    /// Synthetic checks.
    pub fn checks(rate_max: f64) -> Self {
        Self { name: "checks".into(), kind: Kind::Checks, rate_max, probe: None }
    }
}

/// What a [`Series`](crate::release::metrics::Series) has to read for these objectives; its increments then fit the
/// [`PodTick`](super::PodTick)s of their analysis.
pub fn probes(objectives: &[Objective]) -> Vec<Probe> {
    objectives.iter().filter_map(|objective| objective.probe.clone()).collect()
}

/// How sure an analysis has to be, and how long it may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The probability with which a release that is no worse may be rolled back, over all its streams and all its life.
    pub alpha: f64,
    /// How many streams the whole release has, those of its other components included.
    pub streams: u32,
    /// How many times the baseline's rate the canary's may be.
    pub ratio_tolerated: f64,
    /// The value of S that promotes.
    pub compliance_min: f64,
    /// The value of any E from which on a release is under suspicion and is not promoted.
    pub suspicion: f64,
    /// How long the last step is measured at least.
    pub measured_min: Duration,
    /// How long a step that is not the last is measured before the next begins.
    pub window: Duration,
    /// How long a step may take before the experiment ends without a verdict.
    pub step_max: Duration,
    /// Where fewer requests than this are expected at the canary within a step, checks take part.
    pub requests_min: u64,
    /// How many checks.
    pub checks: u64,
    /// Within which time.
    pub checks_within: Duration,
    /// How old a pod has to be before its latency counts.
    pub warm_up: Duration,
    /// How many requests it has to have answered by then.
    pub warm_up_requests: u64,
    /// The rate of errors before the release began, where that is known.
    pub rate_before: Option<f64>,
    /// The longest tick: what was counted over more than this spans a gap, in which nobody looked.
    pub tick_max: Duration,
    /// How long the release is watched after a promotion that traffic has earned.
    pub bake: Duration,
    /// How long after one that checks have earned.
    pub bake_on_checks: Duration,
}

impl Settings {
    /// The defaults, for a release of `streams` streams.
    pub fn new(streams: u32) -> Self {
        Self {
            alpha: 0.01,
            streams,
            ratio_tolerated: 1.25,
            compliance_min: 20.0,
            suspicion: 10.0,
            measured_min: Duration::from_mins(2),
            window: Duration::from_mins(2),
            step_max: Duration::from_mins(10),
            requests_min: 550,
            checks: 700,
            checks_within: Duration::from_secs(140),
            warm_up: Duration::from_mins(1),
            warm_up_requests: 200,
            rate_before: None,
            tick_max: Duration::from_secs(15),
            bake: Duration::from_mins(15),
            bake_on_checks: Duration::from_hours(1),
        }
    }

    /// The value of E that rolls back: m/α.
    pub fn threshold(&self) -> f64 {
        f64::from(self.streams) / self.alpha
    }

    /// The value of E between baseline pods from which on their traffic counts as clustered: √(m/α).
    pub fn threshold_clustered(&self) -> f64 {
        self.threshold().sqrt()
    }
}

/// Why an analysis cannot begin, or cannot be resumed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// A number out of its range.
    #[error("`{name}` must be {expected}")]
    OutOfRange {
        /// Which.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Not exactly one objective of kind errors.
    #[error(
        "a component needs exactly one objective for errors, not {found}: it is what a promotion has to prove"
    )]
    Errors {
        /// How many there are.
        found: usize,
    },
    /// Two objectives of one name.
    #[error("two objectives are called `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// The journal speaks of other streams, of another α, or holds no numbers. Evidence of one bet is none of another.
    #[error("the journalled analysis cannot be continued: {reason}")]
    Journal {
        /// What does not fit.
        reason: String,
    },
}

/// Checks objectives and settings together.
pub(super) fn validate(settings: &Settings, objectives: &[Objective]) -> Result<(), SettingsError> {
    let range = |fits: bool, name: &str, expected| {
        if fits { Ok(()) } else { Err(SettingsError::OutOfRange { name: name.to_owned(), expected }) }
    };
    range(
        settings.alpha > 0.0 && settings.alpha < 0.05,
        "alpha",
        "more than 0 and less than 0.05, or one tick could decide",
    )?;
    range(
        settings.ratio_tolerated >= 1.0 && settings.ratio_tolerated < RATIOS[0],
        "ratio_tolerated",
        "from 1 to less than 2",
    )?;
    range(
        settings.compliance_min >= 1.0 && settings.compliance_min.is_finite(),
        "compliance_min",
        "at least 1",
    )?;
    range(settings.suspicion > 1.0, "suspicion", "more than 1")?;
    range(settings.streams as usize >= objectives.len(), "streams", "at least the number of objectives")?;
    let before = settings.rate_before.unwrap_or(0.0);
    range((0.0..=1.0).contains(&before), "rate_before", "between 0 and 1")?;
    for (position, objective) in objectives.iter().enumerate() {
        let fits = objective.rate_max > 0.0 && objective.rate_max < 1.0;
        range(fits, &format!("{}.rate_max", objective.name), "between 0 and 1")?;
        if objectives[..position].iter().any(|other| other.name == objective.name) {
            return Err(SettingsError::Twice { name: objective.name.clone() });
        }
    }
    let found = objectives.iter().filter(|objective| objective.kind == Kind::Errors).count();
    if found == 1 { Ok(()) } else { Err(SettingsError::Errors { found }) }
}
