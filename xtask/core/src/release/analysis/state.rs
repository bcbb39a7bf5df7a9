//! What an analysis has to remember, small enough to be journalled with every renewal of the lease.
//!
//! It is written with short keys and without what is still as it was: two streams take about 600 bytes, most of them the digits
//! of E. Fewer digits would be shorter and another bet: a run that is resumed goes on with exactly the numbers of the other.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::excess::{Compliance, Excess};
use super::objective::{Objective, Settings, SettingsError};
use super::report::{grouped, rounded};
use super::verdict::Verdict;
use crate::release::metrics::{Counts, to_float};

/// The form of the journalled state.
const VERSION: u32 = 2;

/// What an analysis has to remember. A caller stores it and gives it back to [`Analysis::resume`](super::Analysis::resume).
///
/// E, S and their counts are here and never begin again at 1: a run that is resumed continues the same bet, and α is spent
/// once. The last readings of the pods are not here: what was counted while nobody looked belongs to no tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    #[serde(rename = "v")]
    version: u32,
    #[serde(rename = "a")]
    alpha: f64,
    /// m, the streams of the whole release.
    #[serde(rename = "m")]
    of: u32,
    #[serde(rename = "s")]
    pub(super) streams: Vec<Stream>,
    /// S.
    #[serde(rename = "k")]
    pub(super) compliance: Compliance,
    /// The canary's own requests that S has seen.
    #[serde(rename = "r", with = "pair")]
    pub(super) requests: Counts,
    /// The checks that S has seen.
    #[serde(rename = "q", with = "pair", default, skip_serializing_if = "is_none")]
    pub(super) checks: Counts,
    #[serde(rename = "t")]
    pub(super) ticks: u32,
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    pub(super) discarded: u32,
    #[serde(rename = "p")]
    pub(super) step: Step,
    /// Canary pods that are ready and could not be measured, and for how many ticks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) silent: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "Stretch::is_empty")]
    pub(super) harm: Stretch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Verdict>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stream {
    #[serde(rename = "n")]
    pub(super) name: String,
    /// E.
    #[serde(rename = "e")]
    pub(super) excess: Excess,
    /// The same bet between the halves of the baseline, in both directions.
    #[serde(rename = "h", default, skip_serializing_if = "is_fresh")]
    pub(super) clustered: [Excess; 2],
    #[serde(rename = "c", with = "pair")]
    pub(super) canary: Counts,
    #[serde(rename = "b", with = "pair")]
    pub(super) baseline: Counts,
    /// Ticks in a row in which the canary failed and the baseline did not.
    #[serde(default, skip_serializing_if = "Stretch::is_empty")]
    pub(super) failing: Stretch,
    /// Ticks in a row far above the objective, where there is no baseline.
    #[serde(default, skip_serializing_if = "Stretch::is_empty")]
    pub(super) far_above: Stretch,
}

fn is_none(counts: &Counts) -> bool {
    *counts == Counts::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_fresh(clustered: &[Excess; 2]) -> bool {
    *clustered == <[Excess; 2]>::default()
}

/// Where in its steps a release is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    #[serde(rename = "f", with = "milliseconds")]
    pub(super) began: Duration,
    #[serde(rename = "l", with = "milliseconds")]
    pub(super) last_tick: Duration,
    /// How long the canary was measured in this step.
    #[serde(rename = "m", with = "milliseconds")]
    pub(super) measured: Duration,
    /// The canary's requests in this step.
    #[serde(rename = "r")]
    pub(super) requests: u64,
    /// The requests of both sides in this step.
    #[serde(rename = "b")]
    pub(super) both: u64,
    #[serde(rename = "e", default, skip_serializing_if = "is_false")]
    pub(super) is_last: bool,
    /// Whether checks take part.
    #[serde(rename = "q", default, skip_serializing_if = "is_false")]
    pub(super) checks: bool,
}

/// Ticks in a row in which a rate was too high, and what was seen in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stretch {
    #[serde(rename = "t")]
    pub(super) ticks: u32,
    #[serde(rename = "l", with = "milliseconds")]
    pub(super) lasting: Duration,
    #[serde(rename = "c", with = "pair")]
    pub(super) seen: Counts,
}

impl Stretch {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a tick: the stretch grows while `rate_max` is reached by each tick, and starts anew otherwise. A tick without
    /// events leaves it as it is.
    pub(super) fn each(&mut self, seen: Counts, length: Duration, rate_max: f64) {
        match seen.rate() {
            None => {}
            Some(rate) if rate >= rate_max => self.grow(seen, length),
            Some(_) => *self = Self::default(),
        }
    }

    /// Takes a tick: the stretch grows while `rate_max` is reached by the whole of it. Sparse or uneven errors keep it going
    /// as long as they are that many on the average.
    pub(super) fn whole(&mut self, seen: Counts, length: Duration, rate_max: f64) {
        let mut next = *self;
        next.grow(seen, length);
        let above = next.seen.rate().is_some_and(|rate| rate > rate_max);
        *self = if above { next } else { Self::default() };
    }

    fn grow(&mut self, seen: Counts, length: Duration) {
        self.ticks += 1;
        self.lasting += length;
        self.seen += seen;
    }
}

impl State {
    pub(super) fn new(settings: &Settings, objectives: &[Objective], at: Duration) -> Self {
        let stream = |objective: &Objective| Stream {
            name: objective.name.clone(),
            excess: Excess::default(),
            clustered: <[Excess; 2]>::default(),
            canary: Counts::default(),
            baseline: Counts::default(),
            failing: Stretch::default(),
            far_above: Stretch::default(),
        };
        Self {
            version: VERSION,
            alpha: settings.alpha,
            of: settings.streams,
            streams: objectives.iter().map(stream).collect(),
            compliance: Compliance::default(),
            requests: Counts::default(),
            checks: Counts::default(),
            ticks: 0,
            discarded: 0,
            step: Step { began: at, last_tick: at, ..Step::default() },
            silent: BTreeMap::new(),
            harm: Stretch::default(),
            end: None,
        }
    }

    /// Whether this state continues an analysis of these streams with this α.
    pub(super) fn check(&self, settings: &Settings, objectives: &[Objective]) -> Result<(), SettingsError> {
        let wrong = |reason: String| Err(SettingsError::Journal { reason });
        if self.version != VERSION {
            return wrong(format!("it has the form {}, this program reads {VERSION}", self.version));
        }
        #[expect(clippy::float_cmp, reason = "the same number was written, or it is another bet")]
        let other = self.alpha != settings.alpha || self.of != settings.streams;
        if other {
            return wrong(format!("it was begun with an alpha of {} over {} streams", self.alpha, self.of));
        }
        let names: Vec<&str> = self.streams.iter().map(|stream| stream.name.as_str()).collect();
        if names != objectives.iter().map(|objective| objective.name.as_str()).collect::<Vec<_>>() {
            return wrong(format!("it was begun with the objectives {}", names.join(", ")));
        }
        let finite = self.compliance.is_finite()
            && self
                .streams
                .iter()
                .all(|stream| stream.excess.is_finite() && stream.clustered.iter().all(Excess::is_finite));
        if finite { Ok(()) } else { wrong("it holds evidence that is no number".into()) }
    }

    /// How much of α has been put at stake: an equal part for each stream that was compared at least once.
    pub fn alpha_spent(&self) -> f64 {
        let compared =
            self.streams.iter().filter(|stream| stream.canary.total > 0 && stream.baseline.total > 0).count();
        self.alpha * to_float(compared as u64) / f64::from(self.of)
    }

    /// What it has seen, in few words: `3,412 requests, 12 failed, E 0.93`. E is the largest of all streams.
    pub fn words(&self) -> String {
        let e = self.streams.iter().map(|stream| stream.excess.value()).fold(0.0, f64::max);
        let checks = match self.checks.total {
            0 => String::new(),
            _ => format!(", {} checks, {} failed", grouped(self.checks.total), grouped(self.checks.bad)),
        };
        let Counts { bad, total } = self.requests;
        format!("{} requests, {} failed{checks}, E {}", grouped(total), grouped(bad), rounded(e))
    }

    /// How many ticks took part.
    pub fn ticks(&self) -> u32 {
        self.ticks
    }

    /// How many ticks were left out, because they spanned a gap or came out of order.
    pub fn discarded(&self) -> u32 {
        self.discarded
    }
}

/// Counts as two numbers: of what went wrong, and of everything.
mod pair {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::release::metrics::Counts;

    pub(super) fn serialize<S: Serializer>(counts: &Counts, to: S) -> Result<S::Ok, S::Error> {
        (counts.bad, counts.total).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Counts, D::Error> {
        <(u64, u64)>::deserialize(from).map(|(bad, total)| Counts { bad, total })
    }
}

/// A duration as a whole number of milliseconds: short, and the same when read back.
pub(in crate::release) mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
