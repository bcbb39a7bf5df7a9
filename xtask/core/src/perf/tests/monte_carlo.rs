//! How often the verdict is right: a table over noise, from a seed.

use std::fmt::Write as _;

use expect_test::expect;

use super::*;
use crate::release::metrics::to_float;

/// How many verdicts each cell of the table has.
const TRIALS: usize = 30;

/// A number with mean 0 and deviation 1, close to normal.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

/// Into how many parts a run is cut.
const PARTS: usize = 8;

/// How much a part of a pair differs from the next one on both sides alike: what neighbours do to a machine.
const COMMON: f64 = 0.3;

/// One comparison from its first pair to its verdict, or to the last pair that its budget allows: the verdict, and how many
/// runs it took. `between` is how much a run differs from the one at the same time, `within` how much a part does so.
fn comparison(
    random: &mut Random,
    effect: f64,
    (between, within): (f64, f64),
    pairs_max: usize,
) -> (Verdict, usize) {
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let common: Vec<f64> = (0..PARTS).map(|_| 10.0 * (COMMON * normal(random)).exp()).collect();
        for side in order(runs.len() / 2) {
            let level = if side == Side::Candidate { effect } else { 1.0 };
            let level = level * (between * normal(random)).exp();
            let mut parts = || -> Vec<f64> {
                common.iter().map(|common| common * level * (within * normal(random)).exp()).collect()
            };
            let (list, node) = (parts(), parts());
            runs.push(run(side, &[("list", &list), ("node", &node)]));
        }
        if runs.len() / 2 < RULE.pairs_min {
            continue;
        }
        let verdict = verdict(&runs).verdict;
        if verdict != Verdict::Undecided || runs.len() / 2 >= pairs_max {
            return (verdict, runs.len());
        }
    }
}

#[test]
fn the_verdict_is_right_as_often_as_it_has_to_be() {
    let mut table = String::from("noise   change  worse same better undecided  runs\n");
    let mut random = Random::new(11);
    for (noise, words, pairs_max) in
        [((0.015, 0.03), "quiet", 3), ((0.03, 0.05), "usual", 8), ((0.09, 0.10), "crowded", 10)]
    {
        for effect in [1.0, 1.2] {
            let mut counts = [0_usize; 4];
            let mut made = 0;
            for _ in 0..TRIALS {
                let (verdict, runs) = comparison(&mut random, effect, noise, pairs_max);
                made += runs;
                counts[match verdict {
                    Verdict::Worse => 0,
                    Verdict::Same => 1,
                    Verdict::Better => 2,
                    Verdict::Undecided | Verdict::NotComparable => 3,
                }] += 1;
            }
            let [worse, same, better, undecided] = counts;
            let mean = to_float(made as u64) / to_float(TRIALS as u64);
            writeln!(
                table,
                "{words:<7} {:>4.0} %  {worse:>5} {same:>4} {better:>6} {undecided:>9}  {mean:>4.1}",
                (effect - 1.0) * 100.0
            )
            .unwrap();
            if effect > 1.0 {
                assert!(same == 0 && better == 0, "{table}");
            } else {
                assert!(worse == 0 || words == "crowded", "{table}");
            }
        }
    }
    expect![[r#"
        noise   change  worse same better undecided  runs
        quiet      0 %      0   30      0         0   6.0
        quiet     20 %     30    0      0         0   6.0
        usual      0 %      0   30      0         0   7.0
        usual     20 %     30    0      0         0   6.0
        crowded    0 %      0    9      0        21  18.2
        crowded   20 %     23    0      0         7  10.9
    "#]]
    .assert_eq(&table);
}
