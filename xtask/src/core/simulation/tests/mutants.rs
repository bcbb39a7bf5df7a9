//! The simulation can fail: each planted mistake is caught, by the seed that is known to catch it.

mod mistake;

use super::super::{Invariant, Scenario, play};
use mistake::{ALL, Mistake, SEEDS, caught};

/// Each mistake, the first seed that catches it, and what breaks there. Where nights or invariants change,
/// `cargo bench -p xtask --bench simulation -- mutants` finds them again.
const CAUGHT: &[(Mistake, u64, Invariant)] = &[];

#[test]
fn every_mistake_is_caught_by_its_seed() {
    let mistakes: Vec<Mistake> = CAUGHT.iter().map(|(mistake, ..)| *mistake).collect();
    assert_eq!(mistakes, ALL);
    for &(mistake, seed, invariant) in CAUGHT {
        assert!(seed < SEEDS && !mistake.words().is_empty(), "{mistake:?}");
        assert_eq!(caught(mistake, seed), Some(invariant), "{mistake:?}, seed {seed}");
        assert_eq!(play(&Scenario::drawn(seed), false).broken, None, "seed {seed} without {mistake:?}");
    }
}
