//! The two bets: that the canary is worse than the baseline, and that it is better than its objective.
//!
//! Both are means of likelihood ratios over a grid of alternatives, kept as logarithms, so that neither a million errors nor
//! a million good requests leave the range of numbers.

use serde::{Deserialize, Serialize};

use crate::release::metrics::{Counts, to_float};

/// The ratios of rates that [`Excess`] bets on.
pub const RATIOS: [f64; 6] = [2.0, 3.0, 5.0, 10.0, 30.0, 100.0];

/// The most that one tick can add to ln E: ln 20, rounded up to a millionth, so that two such ticks are worth 400. With an α
/// below 1/20, one tick, whatever happens in it, is never enough.
const GAIN_MAX: f64 = 2.995_733;

/// Parts of the objective that [`Compliance`] bets the true rate is.
const PARTS: [f64; 3] = [0.01, 0.1, 0.5];

/// The bet that the canary's rate of bad events is more than the tolerated multiple of the baseline's.
///
/// Given the bad events of a tick, each is the canary's with the probability θ(r) = r·w / (r·w + 1 − w), where w is the
/// canary's share of the traffic and r the ratio of the rates. Each alternative r is weighed against the tolerated r₀ by
/// (θ(r)/θ(r₀))^canary · ((1−θ(r))/(1−θ(r₀)))^baseline. For every true ratio up to r₀ the expectation of that factor is at
/// most 1, so the product over ticks is a supermartingale, and so is the mean over the alternatives. It needs no assumption
/// about the rate itself: an outage that both sides share is no evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Excess([f64; RATIOS.len()]);

impl Excess {
    /// Takes one tick. A side without traffic makes it no comparison.
    pub fn observe(&mut self, tolerated: f64, canary: Counts, baseline: Counts) {
        if canary.total == 0 || baseline.total == 0 {
            return;
        }
        let share = share(canary, baseline);
        for (evidence, ratio) in self.0.iter_mut().zip(RATIOS) {
            let gain = gain(ratio, tolerated, share, to_float(canary.bad), to_float(baseline.bad));
            *evidence = settle(*evidence + gain.min(GAIN_MAX));
        }
    }

    /// The natural logarithm of E.
    pub fn ln(&self) -> f64 {
        ln_mean(&self.0)
    }

    /// E: 1 without data, at least x with a probability of at most 1/x where the canary is no worse than tolerated.
    pub fn value(&self) -> f64 {
        self.ln().exp()
    }

    /// E if the canary went on failing `more` times in a tick of its own each, at this `share` of the traffic.
    pub(super) fn ln_after(&self, tolerated: f64, share: f64, more: u64) -> f64 {
        let evidence: Vec<f64> = (self.0.iter().zip(RATIOS))
            .map(|(evidence, ratio)| {
                evidence + to_float(more) * gain(ratio, tolerated, share, 1.0, 0.0).min(GAIN_MAX)
            })
            .collect();
        ln_mean(&evidence)
    }

    pub(super) fn is_finite(&self) -> bool {
        self.0.iter().all(|evidence| evidence.is_finite())
    }
}

/// The canary's share of the traffic.
pub(super) fn share(canary: Counts, baseline: Counts) -> f64 {
    to_float(canary.total) / (to_float(canary.total) + to_float(baseline.total))
}

/// What `ratio` wins against `tolerated`, as a logarithm.
///
/// The two factors of the formula share the term ln((1 + (r₀−1)w) / (1 + (r−1)w)); taken apart like this, neither a share of 0
/// nor of 1 divides by zero.
fn gain(ratio: f64, tolerated: f64, share: f64, canary: f64, baseline: f64) -> f64 {
    let common = ((tolerated - 1.0) * share).ln_1p() - ((ratio - 1.0) * share).ln_1p();
    canary * (ratio / tolerated).ln() + (canary + baseline) * common
}

/// How fast ln E grows for each request of both sides, where the canary's rate is `ratio` times the baseline's `rate`.
pub(super) fn growth(ratio: f64, tolerated: f64, share: f64, rate: f64) -> f64 {
    let canary = share * (rate * ratio).min(1.0);
    let baseline = (1.0 - share) * rate;
    RATIOS.iter().map(|&bet| gain(bet, tolerated, share, canary, baseline)).fold(0.0, f64::max)
}

/// The bet that the canary's own rate of bad events is below its objective p: the mean over q ∈ {p/100, p/10, p/2} of
/// (q/p)^bad · ((1−q)/(1−p))^good. Where the true rate is p or more it reaches x with a probability of at most 1/x.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Compliance([f64; PARTS.len()]);

impl Compliance {
    /// Takes what happened in a tick.
    pub fn observe(&mut self, objective: f64, seen: Counts) {
        self.0 = self.after(objective, seen.bad, seen.good()).map(settle);
    }

    fn after(&self, objective: f64, bad: u64, good: u64) -> [f64; PARTS.len()] {
        let mut evidence = self.0;
        for (evidence, part) in evidence.iter_mut().zip(PARTS) {
            *evidence += to_float(bad) * part.ln()
                + to_float(good) * ((-part * objective).ln_1p() - (-objective).ln_1p());
        }
        evidence
    }

    /// The natural logarithm of S.
    pub fn ln(&self) -> f64 {
        ln_mean(&self.0)
    }

    /// S: 1 without data.
    pub fn value(&self) -> f64 {
        self.ln().exp()
    }

    /// How many requests without an error would bring S to `wanted`.
    pub(super) fn good_needed(&self, objective: f64, wanted: f64) -> u64 {
        let enough = |good: u64| ln_mean(&self.after(objective, 0, good)) >= wanted.ln();
        let mut most = 1;
        while !enough(most) && most < 1 << 40 {
            most *= 2;
        }
        let mut least = 0;
        while least < most {
            let middle = least + (most - least) / 2;
            if enough(middle) { most = middle } else { least = middle + 1 }
        }
        least
    }

    /// How many requests with errors at `rate` would bring S to `wanted`, on the average; `None` where that rate never would.
    pub(super) fn requests_needed(&self, objective: f64, rate: f64, wanted: f64) -> Option<f64> {
        let needed = self.0.iter().zip(PARTS).filter_map(|(evidence, part)| {
            let each = rate * part.ln() + (1.0 - rate) * ((-part * objective).ln_1p() - (-objective).ln_1p());
            let distance = wanted.ln() + to_float(PARTS.len() as u64).ln() - evidence;
            (each > 0.0).then(|| (distance / each).max(0.0))
        });
        needed.reduce(f64::min)
    }

    pub(super) fn is_finite(&self) -> bool {
        self.0.iter().all(|evidence| evidence.is_finite())
    }
}

/// The logarithm of the mean of the exponentials.
pub(super) fn ln_mean(logarithms: &[f64]) -> f64 {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logarithms.iter().map(|logarithm| (logarithm - largest).exp()).sum();
    largest + sum.ln() - to_float(logarithms.len() as u64).ln()
}

/// Rounds evidence down to a millionth.
///
/// Down, so that rounding never makes a bet win; to a millionth, so that what is journalled is short, and reading it back
/// gives the same number: a run that was resumed continues exactly where the other stopped.
fn settle(evidence: f64) -> f64 {
    // The rounding of the sum itself must not cost a millionth each tick where nothing happened.
    ((evidence * 1e6 + 1e-3).floor() / 1e6).clamp(-1e12, 1e12)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERATED: f64 = 1.25;

    fn excess(ticks: &[(u64, u64, u64, u64)]) -> Excess {
        let mut excess = Excess::default();
        for &(bad, total, baseline_bad, baseline_total) in ticks {
            excess.observe(TOLERATED, Counts::new(bad, total), Counts::new(baseline_bad, baseline_total));
        }
        excess
    }

    /// The published values of the formula; recomputed with Python's `math` before they were copied here.
    #[test]
    fn excess_has_the_reference_values() {
        let text = include_str!("../../../../testdata/release/eprocess_reference.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut compared = 0;
        for case in reference["cases"].as_array().unwrap() {
            let mut excess = Excess::default();
            for (tick, expected) in
                case["ticks"].as_array().unwrap().iter().zip(case["e_values"].as_array().unwrap())
            {
                let count = |position: usize| tick[position].as_u64().unwrap();
                let side = |position| Counts::new(count(position), count(position + 1));
                excess.observe(TOLERATED, side(0), side(2));
                let error = (excess.value() / expected.as_f64().unwrap() - 1.0).abs();
                // What is printed with six digits, and what is rounded down to a millionth.
                assert!(error < 1e-5, "{}: {} is not {expected}", case["name"], excess.value());
                compared += 1;
            }
        }
        assert_eq!(compared, 20);
    }

    #[test]
    fn the_form_without_divisions_is_the_formula() {
        let theta = |ratio: f64, share: f64| ratio * share / (ratio * share + 1.0 - share);
        for share in [1e-6, 0.02, 0.1, 0.5, 0.97] {
            for ratio in RATIOS {
                let (new, old) = (theta(ratio, share), theta(TOLERATED, share));
                let formula = 3.0 * (new / old).ln() + 7.0 * ((1.0 - new) / (1.0 - old)).ln();
                let difference = gain(ratio, TOLERATED, share, 3.0, 7.0) - formula;
                assert!(difference.abs() < 1e-9, "{share} {ratio} {difference}");
            }
        }
    }

    #[test]
    fn without_data_both_bets_stand_at_one() {
        let nothing = excess(&[(0, 0, 5, 100), (5, 5, 0, 0), (0, 0, 0, 0), (0, 100, 0, 900)]);
        assert!((nothing.value() - 1.0).abs() < 1e-12);
        let mut compliance = Compliance::default();
        compliance.observe(0.01, Counts::default());
        assert!((compliance.value() - 1.0).abs() < 1e-12);
    }

    /// A tick of the same traffic in pieces says the same as in one, as long as no tick reaches the cap.
    #[test]
    fn splitting_a_tick_changes_nothing() {
        let whole = excess(&[(2, 60, 1, 600)]);
        let pieces = excess(&[(1, 20, 0, 200), (0, 20, 1, 200), (1, 20, 0, 200)]);
        assert!((whole.ln() - pieces.ln()).abs() < 1e-4, "{whole:?} {pieces:?}");
        let mut compliance = (Compliance::default(), Compliance::default());
        compliance.0.observe(0.01, Counts::new(3, 1000));
        (0..10).for_each(|tick| compliance.1.observe(0.01, Counts::new(u64::from(tick < 3), 100)));
        assert!((compliance.0.ln() - compliance.1.ln()).abs() < 1e-4);
    }

    #[test]
    fn one_tick_multiplies_by_twenty_at_most() {
        for size in [1, 1000, 1 << 50] {
            let value = excess(&[(size, size, 0, size)]).value();
            assert!((1.0..20.001).contains(&value), "{size}: {value}");
        }
        let extreme = excess(&vec![(1 << 52, 1 << 52, 1 << 52, 1 << 52); 2000]);
        assert!(extreme.is_finite() && extreme.value() < 1e-9);
    }

    /// At the edge of what is tolerated the expected factor of a tick is at most 1: summed exactly over all outcomes.
    #[test]
    fn the_bet_is_unfair_to_us() {
        for (size, ratio) in [(100, 1.25_f64), (500, 1.25), (100, 1.0), (500, 0.2)] {
            let (canary_total, baseline_total) = (size, 1000 - size);
            let share = to_float(size) / 1000.0;
            let theta = ratio * share / (ratio * share + 1.0 - share);
            let bads = 12_u64;
            let mut expected = 0.0;
            for canary in 0..=bads {
                let ways: f64 = (0..canary).map(|k| to_float(bads - k) / to_float(k + 1)).product();
                let probability =
                    ways * theta.powf(to_float(canary)) * (1.0 - theta).powf(to_float(bads - canary));
                let mut excess = Excess::default();
                excess.observe(
                    TOLERATED,
                    Counts::new(canary, canary_total),
                    Counts::new(bads - canary, baseline_total),
                );
                expected += probability * excess.value();
            }
            assert!(expected <= 1.0 + 1e-9, "{share} {ratio}: {expected}");
        }
    }

    #[test]
    fn what_rejects_the_objective() {
        let fresh = Compliance::default();
        assert_eq!(fresh.good_needed(0.01, 20.0), 347);
        let mut compliance = Compliance::default();
        compliance.observe(0.01, Counts::new(0, 346));
        assert!(compliance.value() < 20.0);
        assert_eq!(compliance.good_needed(0.01, 20.0), 1);
        compliance.observe(0.01, Counts::new(0, 1));
        assert!(compliance.value() >= 20.0);
        assert_eq!(compliance.good_needed(0.01, 20.0), 0);
        let at_half = fresh.requests_needed(0.01, 0.005, 20.0).unwrap();
        assert!((2600.0..2700.0).contains(&at_half), "{at_half}");
        assert_eq!(fresh.requests_needed(0.01, 0.01, 20.0), None);
    }
}
