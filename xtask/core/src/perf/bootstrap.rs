//! How far a ratio may be from what was measured: a bootstrap in two stages, from a seed.
//!
//! Pairs of runs are drawn with replacement, and within each run its slices (Davison and Hinkley, *Bootstrap Methods and
//! Their Application*, 1997, 3.8). With three pairs, the pairs alone would have no more than a few different outcomes, and an
//! interval that is too narrow; the slices say how much a run moves within itself.
//!
//! What a neighbour does for a second falls on one slice, what it does for a minute on one run. So a run is the mean of the
//! quicker half of its slices, and the pairs are their median.

use crate::release::metrics::to_float;
use crate::simulation::random::Random;

use super::run::quantile;

/// How often it is drawn.
const DRAWS: usize = 1000;

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
    let measured = pairs.iter().map(|(baseline, candidate)| run(candidate.clone()) - run(baseline.clone()));
    let measured = median(measured.collect())?;
    let mut random = Random::new(SEED);
    let mut drawn: Vec<f64> = (0..DRAWS).filter_map(|_| draw(&pairs, &mut random)).collect();
    drawn.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let (low, high) = (quantile(&drawn, tail)?, quantile(&drawn, 1.0 - tail)?);
    Some(Interval { ratio: measured.exp(), low: low.exp(), high: high.exp() })
}

/// What runs typically take, in milliseconds: each as [`interval`] sees it, and their median.
pub fn typical<'s>(runs: impl Iterator<Item = &'s [f64]>) -> Option<f64> {
    let logarithms = |slices: &[f64]| run(slices.iter().map(|ms| ms.ln()).collect());
    median(runs.map(logarithms).collect()).map(f64::exp)
}

/// The difference of one draw.
fn draw(pairs: &[(Vec<f64>, Vec<f64>)], random: &mut Random) -> Option<f64> {
    let differences = pairs.iter().map(|_| {
        let (baseline, candidate) = &pairs[position(pairs.len(), random)];
        run(again(candidate, random)) - run(again(baseline, random))
    });
    median(differences.collect())
}

/// As many slices, drawn with replacement.
fn again(slices: &[f64], random: &mut Random) -> Vec<f64> {
    slices.iter().map(|_| slices[position(slices.len(), random)]).collect()
}

/// The mean of the quicker half of a run's slices.
fn run(mut slices: Vec<f64>) -> f64 {
    slices.sort_by(f64::total_cmp);
    slices.truncate(slices.len().div_ceil(2));
    slices.iter().sum::<f64>() / to_float(slices.len() as u64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// A position in a list of this length, which is not 0.
fn position(length: usize, random: &mut Random) -> usize {
    usize::try_from(random.below(length as u64)).unwrap_or_default()
}
