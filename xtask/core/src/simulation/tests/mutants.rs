//! The simulation can fail: each planted mistake is caught, by the seed that is known to catch it.

mod mistake;

use std::collections::BTreeSet;

use super::super::{Invariant, Scenario, play};
use mistake::{ALL, Mistake, SEEDS, caught};

/// Each mistake, and the first seed in which it breaks what it is there to break. Where nights or invariants change,
/// `cargo bench -p xtask --bench simulation -- mutants` finds them again.
const CAUGHT: &[(Mistake, u64)] = &[
    (Mistake::TrustsAnswers, 631),
    (Mistake::TakesTheLease, 0),
    (Mistake::RaisesNoFence, 182),
    (Mistake::IgnoresSuccessors, 20),
    (Mistake::ForcesWrites, 1),
    (Mistake::IsDeaf, 4),
    (Mistake::SeesNoErrors, 55),
    (Mistake::SeesGhosts, 39),
    (Mistake::NeedsNoEvidence, 1),
    (Mistake::NothingSpeaksAgainst, 1),
    (Mistake::MeasuresAgain, 2),
    (Mistake::StartsOver, 8),
    (Mistake::SkipsTheFirst, 1),
    (Mistake::ReversesTheOrder, 0),
    (Mistake::Dawdles, 36),
    (Mistake::TrustsWishes, 43),
    (Mistake::ActsUnwritten, 2),
    (Mistake::WaitsForAnswers, 1),
    (Mistake::SleepsIn, 0),
    (Mistake::ForgetsFloors, 5),
    (Mistake::MovesTheAutoscaler, 5),
    (Mistake::DoesNotDrain, 5),
    (Mistake::LeavesTheCanary, 4),
    (Mistake::LeavesTheIdle, 0),
    (Mistake::AsksForTooMany, 15),
    (Mistake::TouchesANeighbour, 0),
    (Mistake::ForgetsToWithdraw, 0),
];

#[test]
fn every_mistake_is_caught_by_its_seed() {
    let mistakes: Vec<Mistake> = CAUGHT.iter().map(|(mistake, _)| *mistake).collect();
    assert_eq!(mistakes, ALL);
    let broken: BTreeSet<Invariant> = ALL.iter().map(|mistake| mistake.breaks()).collect();
    assert_eq!(broken.into_iter().collect::<Vec<_>>(), Invariant::ALL, "each invariant can break");
    for &(mistake, seed) in CAUGHT {
        assert!(seed < SEEDS && !mistake.words().is_empty(), "{mistake:?}");
        assert_eq!(caught(mistake, seed), Some(mistake.breaks()), "{mistake:?}, seed {seed}");
        assert_eq!(play(&Scenario::drawn(seed), false).broken, None, "seed {seed} without {mistake:?}");
    }
}
