//! How far a ratio may be from what was measured: a bootstrap in two stages, from a seed.
//!
//! Pairs of runs are drawn with replacement, and within each pair its parts, both sides together: what a neighbour does for a second
//! falls on the same part of both (Davison and Hinkley, *Bootstrap Methods and Their Application*, 1997, 3.8). With three pairs,
//! the pairs alone would have no more than a few different outcomes, and an interval that is too narrow; the parts say how much a
//! pair moves within itself. A pair is the mean of its parts; the pairs are their median, which one bad minute does not move.

use crate::release::metrics::to_float;
use crate::simulation::random::Random;

use super::run::quantile;

/// How often it is drawn.
const DRAWS: usize = 1000;

/// The seed: the same measurements have the same interval, each time and for everybody.
const SEED: u64 = 0x7065_7266;

/// One pair of runs: the figure of each part, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Of the baseline.
    pub baseline: Vec<f64>,
    /// Of the candidate, part by part beside those of the baseline.
    pub candidate: Vec<f64>,
}

impl Pair {
    /// The logarithm of candidate over baseline, part by part.
    fn differences(&self) -> Option<Vec<f64>> {
        let logarithm = |ms: &f64| (ms.is_finite() && *ms > 0.0).then(|| ms.ln());
        let both = self.baseline.iter().zip(&self.candidate);
        let parts = both.map(|(baseline, candidate)| Some(logarithm(candidate)? - logarithm(baseline)?));
        parts.collect::<Option<Vec<f64>>>().filter(|parts| !parts.is_empty())
    }
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
    let pairs: Vec<Vec<f64>> = pairs.iter().map(Pair::differences).collect::<Option<_>>()?;
    let measured = median(pairs.iter().map(|parts| mean(parts)).collect())?;
    let mut random = Random::new(SEED);
    let mut drawn: Vec<f64> = (0..DRAWS).filter_map(|_| draw(&pairs, &mut random)).collect();
    drawn.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    // What is drawn from few pairs varies less than they do (Hesterberg, *What Teachers Should Know About the Bootstrap*, 2015).
    let pairs = to_float(pairs.len() as u64);
    let narrow = if pairs > 1.0 { (pairs / (pairs - 1.0)).sqrt() } else { 1.0 };
    let end = |share| Some((measured + narrow * (quantile(&drawn, share)? - measured)).exp());
    Some(Interval { ratio: measured.exp(), low: end(tail)?, high: end(1.0 - tail)? })
}

/// What both sides took in the pair in the middle, in milliseconds, the baseline first: their ratio is the one that [`interval`]
/// measures. Of an even number of pairs it is the mean of the two in the middle.
pub fn middle(pairs: &[Pair]) -> Option<(f64, f64)> {
    let sides = |pair: &Pair| {
        let both = pair.baseline.iter().zip(&pair.candidate);
        let (baseline, candidate): (Vec<f64>, Vec<f64>) =
            both.map(|(one, other)| (one.ln(), other.ln())).unzip();
        (mean(&baseline), mean(&candidate))
    };
    let mut sides: Vec<(f64, f64)> = pairs.iter().map(sides).collect();
    sides.sort_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)));
    let both = [sides.get(sides.len().checked_sub(1)? / 2)?, sides.get(sides.len() / 2)?];
    let of = |side: fn(&(f64, f64)) -> f64| mean(&both.map(side)).exp();
    Some((of(|sides| sides.0), of(|sides| sides.1)))
}

/// The difference of one draw.
fn draw(pairs: &[Vec<f64>], random: &mut Random) -> Option<f64> {
    let pairs = pairs.iter().map(|_| mean(&again(&pairs[position(pairs.len(), random)], random)));
    median(pairs.collect())
}

/// As many parts, drawn with replacement.
fn again(parts: &[f64], random: &mut Random) -> Vec<f64> {
    parts.iter().map(|_| parts[position(parts.len(), random)]).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / to_float(values.len() as u64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// A position in a list of this length, which is not 0.
fn position(length: usize, random: &mut Random) -> usize {
    usize::try_from(random.below(length as u64)).unwrap_or_default()
}
