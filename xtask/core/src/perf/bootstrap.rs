//! How far a ratio may be from what was measured: a bootstrap in two stages, from a seed.
//!
//! Pairs of runs are drawn with replacement, and within each run its slices (Davison and Hinkley, *Bootstrap Methods and
//! Their Application*, 1997, 3.8). With three pairs, the pairs alone would have no more than ten different means, and an
//! interval that is too narrow; the slices say how much a run moves within itself.

use crate::release::metrics::to_float;
use crate::simulation::random::Random;

use super::run::quantile;

/// How often it is drawn.
const DRAWS: usize = 2000;

/// The seed: the same measurements have the same interval, each time and for everybody.
const SEED: u64 = 0x7065_7266;

/// One pair of runs: the figure of each slice, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Of the baseline.
    pub baseline: Vec<f64>,
    /// Of the candidate.
    pub candidate: Vec<f64>,
}

/// A ratio of candidate to baseline, and between which values it lies with a confidence.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Interval {
    /// The ratio that was measured: 1.2 says that the candidate takes 20 % longer.
    pub ratio: f64,
    /// It may be as small as this.
    pub low: f64,
    /// It may be as large as this.
    pub high: f64,
}

/// The ratio of the pairs, with an interval that holds it with this confidence (`0.95`); `None` where a pair has nothing, or
/// a figure that is no duration.
pub fn interval(pairs: &[Pair], confidence: f64) -> Option<Interval> {
    let logarithms = |slices: &[f64]| -> Option<Vec<f64>> {
        let all = slices.iter().map(|ms| (ms.is_finite() && *ms > 0.0).then(|| ms.ln()));
        all.collect::<Option<Vec<f64>>>().filter(|all| !all.is_empty())
    };
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = pairs
        .iter()
        .map(|pair| Some((logarithms(&pair.baseline)?, logarithms(&pair.candidate)?)))
        .collect::<Option<_>>()?;
    let measured: Vec<f64> =
        pairs.iter().map(|(baseline, candidate)| mean(candidate) - mean(baseline)).collect();
    if measured.is_empty() {
        return None;
    }
    let mut random = Random::new(SEED);
    let mut drawn: Vec<f64> = (0..DRAWS).map(|_| draw(&pairs, &mut random)).collect();
    drawn.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let (low, high) = (quantile(&drawn, tail)?, quantile(&drawn, 1.0 - tail)?);
    Some(Interval { ratio: mean(&measured).exp(), low: low.exp(), high: high.exp() })
}

/// The difference of one draw.
fn draw(pairs: &[(Vec<f64>, Vec<f64>)], random: &mut Random) -> f64 {
    let differences = pairs.iter().map(|_| {
        let (baseline, candidate) = &pairs[position(pairs.len(), random)];
        again(candidate, random) - again(baseline, random)
    });
    differences.sum::<f64>() / to_float(pairs.len() as u64)
}

/// The mean of as many slices, drawn with replacement.
fn again(slices: &[f64], random: &mut Random) -> f64 {
    slices.iter().map(|_| slices[position(slices.len(), random)]).sum::<f64>() / to_float(slices.len() as u64)
}

/// A position in a list of this length, which is not 0.
fn position(length: usize, random: &mut Random) -> usize {
    usize::try_from(random.below(length as u64)).unwrap_or_default()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / to_float(values.len() as u64)
}
