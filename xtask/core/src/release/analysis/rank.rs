//! The exact rank test of Mann and Whitney, for what is no count: CPU and memory of pods. Advice, never a verdict.

use std::cmp::Ordering;

/// The most values on one side: beyond this the exact distribution costs more than advice is worth.
const VALUES_MAX: usize = 60;

/// The probability that values drawn from one and the same distribution rank the canary's as high as these, or higher.
///
/// Small means that the canary's are larger. Exact, with ties: the distribution of the rank sum over all ways to choose which
/// of the values are the canary's. `None` where a side has no value or more than sixty, or a value is no number.
pub fn larger(canary: &[f64], baseline: &[f64]) -> Option<f64> {
    let sizes = 1..=VALUES_MAX;
    if !sizes.contains(&canary.len()) || !sizes.contains(&baseline.len()) {
        return None;
    }
    let mut values: Vec<(f64, bool)> = canary
        .iter()
        .map(|&value| (value, true))
        .chain(baseline.iter().map(|&value| (value, false)))
        .collect();
    if values.iter().any(|(value, _)| value.is_nan()) {
        return None;
    }
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Twice the mean rank of a group of equal values is whole.
    let mut ranks = Vec::with_capacity(values.len());
    let mut observed = 0;
    for group in values.chunk_by(|a, b| a.0.partial_cmp(&b.0).is_some_and(Ordering::is_eq)) {
        let rank = 2 * ranks.len() + group.len() + 1;
        ranks.extend(std::iter::repeat_n(rank, group.len()));
        observed += rank * group.iter().filter(|(_, is_canary)| *is_canary).count();
    }
    let most: usize = ranks.iter().sum();
    // ways[k][s]: how many choices of k values have the doubled rank sum s. Counts are at most 120 over 60, about 1e35; their
    // sixteen digits are enough for a probability.
    let mut ways = vec![vec![0.0_f64; most + 1]; canary.len() + 1];
    ways[0][0] = 1.0;
    for &rank in &ranks {
        for chosen in (1..=canary.len()).rev() {
            let (fewer, more) = ways.split_at_mut(chosen);
            for (sum, ways) in more[0][rank..].iter_mut().enumerate() {
                *ways += fewer[chosen - 1][sum];
            }
        }
    }
    let all = &ways[canary.len()];
    let as_high: f64 = all[observed..].iter().sum();
    Some(as_high / all.iter().sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::metrics::to_float;

    /// Values of tables of the test, and of counting by hand.
    #[test]
    fn known_probabilities() {
        let table: [(&[f64], &[f64], f64); 6] = [
            (&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0], 1.0 / 20.0),
            (&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 1.0),
            (&[1.0, 3.0], &[2.0], 2.0 / 3.0),
            (&[1.0, 1.0], &[1.0, 1.0], 1.0),
            // Of the six ways to choose two of {1, 2, 2, 3}, the two that are {2, 3} rank as high as that.
            (&[2.0, 3.0], &[1.0, 2.0], 2.0 / 6.0),
            (&[6.0, 7.0, 8.0, 9.0, 10.0], &[1.0, 2.0, 3.0, 4.0, 5.0], 1.0 / 252.0),
        ];
        for (canary, baseline, expected) in table {
            let probability = larger(canary, baseline).unwrap();
            assert!((probability - expected).abs() < 1e-12, "{canary:?} {baseline:?}: {probability}");
        }
    }

    #[test]
    fn what_cannot_be_compared_gives_nothing() {
        assert_eq!(larger(&[], &[1.0]), None);
        assert_eq!(larger(&[f64::NAN], &[1.0]), None);
        assert_eq!(larger(&[1.0; 61], &[1.0]), None);
        assert!(larger(&[1.0; 60], &[2.0; 60]).is_some());
    }

    /// The test agrees with trying every choice.
    #[test]
    fn it_is_what_enumeration_gives() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0];
        let rank = |value: f64| -> f64 {
            values
                .iter()
                .map(|&other| {
                    if other < value {
                        1.0
                    } else if other > value {
                        0.0
                    } else {
                        0.5
                    }
                })
                .sum()
        };
        let sum = |choice: u32| -> f64 {
            (0..values.len()).filter(|bit| choice >> bit & 1 == 1).map(|bit| rank(values[bit])).sum()
        };
        let choices: Vec<u32> =
            (0..1 << values.len()).filter(|choice: &u32| choice.count_ones() == 4).collect();
        for &choice in &choices {
            let side = |wanted: u32| -> Vec<f64> {
                (0..values.len()).filter(|bit| choice >> bit & 1 == wanted).map(|bit| values[bit]).collect()
            };
            let as_high = choices.iter().filter(|&&other| sum(other) >= sum(choice)).count();
            let expected = to_float(as_high as u64) / to_float(choices.len() as u64);
            assert!((larger(&side(1), &side(0)).unwrap() - expected).abs() < 1e-12);
        }
    }
}
