//! What one run of k6 comes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Side;
use crate::release::metrics::to_float;

/// How many steps the distribution of a latency has: one each 5 %.
pub const STEPS: u32 = 20;

/// How long answers took, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Latency {
    /// How many there were.
    pub count: u64,
    /// Half of them took no longer.
    pub median_ms: f64,
    /// 95 of 100 took no longer.
    pub p95_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The quantiles from 0 % to 100 % in steps of 5 %.
    pub quantiles_ms: Vec<f64>,
    /// [`quick`] of each part of the run, of which all have about as many answers: by this, runs are compared.
    pub slices_ms: Vec<f64>,
}

/// Into how many parts a run is cut, and how many answers each has at least.
const SLICES: usize = 8;
/// See [`SLICES`].
const SLICE_MIN: usize = 5;

impl Latency {
    /// The figures of durations in milliseconds, in the order in which the answers came; `None` where there are none.
    pub fn of(durations: &[f64]) -> Option<Self> {
        let sorted = sorted(durations);
        let at = |share: f64| quantile(&sorted, share);
        let slices = SLICES.min(durations.len() / SLICE_MIN).max(1);
        let slice = durations.len().div_ceil(slices).max(1);
        let quantiles_ms =
            (0..=STEPS).map(|step| at(f64::from(step) / f64::from(STEPS))).collect::<Option<_>>()?;
        Some(Self {
            count: sorted.len() as u64,
            median_ms: at(0.5)?,
            p95_ms: at(0.95)?,
            p99_ms: at(0.99)?,
            max_ms: *sorted.last()?,
            quantiles_ms,
            slices_ms: durations.chunks(slice).filter_map(|slice| quick(&self::sorted(slice))).collect(),
        })
    }
}

fn sorted(durations: &[f64]) -> Vec<f64> {
    let mut sorted = durations.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// What the quick answers of sorted ones take: the geometric mean of the quicker half; `None` of nothing.
///
/// What others do to a shared machine makes answers slower, never faster: the quick ones are nearly free of it (Chen and Revels,
/// *Robust benchmarking in noisy environments*, 2016).
pub fn quick(sorted: &[f64]) -> Option<f64> {
    let quicker = &sorted[..sorted.len().div_ceil(2)];
    let logarithms: f64 = quicker.iter().map(|ms| ms.ln()).sum();
    (!quicker.is_empty()).then(|| (logarithms / to_float(quicker.len() as u64)).exp())
}

/// The value below which a share of the sorted values lies, between two values in proportion; `None` of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * to_float(last as u64);
    let below = index(place).min(last);
    let above = (below + 1).min(last);
    let (one, other) = (*sorted.get(below)?, *sorted.get(above)?);
    Some(one + (other - one) * (place - to_float(below as u64)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
const fn index(place: f64) -> usize {
    place as usize
}

/// What a server used while k6 ran.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Usage {
    /// The processor time that all its processes took, in seconds; `None` where the system does not say.
    pub cpu_seconds: Option<f64>,
    /// Its resident memory over time, in bytes, at equal distances.
    pub memory_bytes: Vec<u64>,
}

impl Usage {
    /// The most memory that it had.
    pub fn memory_max(&self) -> Option<u64> {
        self.memory_bytes.iter().copied().max()
    }
}

/// One run of k6 against one side.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// Against which side.
    pub side: Side,
    /// When it began, since the first run did.
    pub began_ms: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// How many requests were sent, those of the set-up included.
    pub requests: u64,
    /// The share of requests that failed, from 0 to 1.
    pub failed_rate: f64,
    /// How many journeys came to their end.
    pub journeys: u64,
    /// How many journeys could not begin.
    pub journeys_dropped: u64,
    /// How many checks held.
    pub checks_passed: u64,
    /// How many did not.
    pub checks_failed: u64,
    /// How long all answers took.
    pub latency: Latency,
    /// How long answers took, by the name of the request.
    pub endpoints: BTreeMap<String, Latency>,
    /// How many requests ended in each second.
    pub throughput: Vec<f64>,
    /// What the servers used, by their names.
    pub servers: BTreeMap<String, Usage>,
    /// The thresholds that were crossed, in words.
    pub crossed: Vec<String>,
}

impl Run {
    /// The figure by which runs are compared, in milliseconds, of each of its parts: the geometric mean over these endpoints, so
    /// that each weighs the same, however often it is asked and however long it takes. `None` where one has no latency.
    pub fn slices(&self, endpoints: &[String]) -> Option<Vec<f64>> {
        let all: Vec<&[f64]> = endpoints
            .iter()
            .map(|name| Some(&*self.endpoints.get(name)?.slices_ms))
            .collect::<Option<_>>()?;
        let parts = all.iter().map(|slices| slices.len()).min().filter(|parts| *parts > 0)?;
        let mean = |part: usize| {
            let logarithms: f64 = all.iter().filter_map(|slices| slices.get(part)).map(|ms| ms.ln()).sum();
            (logarithms / to_float(all.len() as u64)).exp()
        };
        Some((0..parts).map(mean).collect())
    }
}
