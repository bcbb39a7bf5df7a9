//! The release machine in nights with a name, and killed at each point of its journal.

use super::super::scenario::NAMES;
use super::super::{Scenario, play};
use crate::core::release::machine::Ending::{Aborted, Inconclusive, Promoted, RolledBack};

#[test]
fn nights_end_as_their_names_say() {
    let table = [
        ("good", Promoted),
        ("quiet-night", Promoted),
        ("bad-canary", RolledBack),
        ("dead-canary", RolledBack),
        ("unwell", RolledBack),
        ("crash-under-traffic", RolledBack),
        ("registry-down", RolledBack),
        ("killed-deployer", Aborted),
        ("two-deployers", Promoted),
        ("api-down", Promoted),
        ("monitoring-down", Inconclusive),
        ("quota", RolledBack),
        ("hpa-grows", Promoted),
        ("rollback-during-deploy", Aborted),
    ];
    for (name, ending) in table {
        let verdict = play(&Scenario::named(name, 1).unwrap(), true);
        assert_eq!(
            (verdict.ending(), &verdict.broken),
            (Some(ending), &None),
            "{name}: {:#?}",
            verdict.timeline
        );
    }
    // What leaks slowly may pass for good: nobody promises an end for it, but it breaks nothing.
    let leak = play(&Scenario::named("slow-leak", 1).unwrap(), false);
    assert!(leak.broken.is_none() && NAMES.len() == table.len() + 1, "{:?}", leak.broken);
}

#[test]
fn a_death_at_any_point_of_the_journal_breaks_nothing() {
    for (name, least) in [("good", 11), ("bad-canary", 7)] {
        let scenario = Scenario::named(name, 1).unwrap();
        let points = play(&scenario, false).journal;
        assert!(points >= least, "{name}: {points} points");
        let nights = scenario.killed(points);
        assert_eq!(nights.len(), 6 * points as usize);
        for night in nights {
            let broken = play(&night, false).broken;
            assert_eq!(broken, None, "{name}: {:?}, recover: {}", night.faults, night.recover);
        }
    }
}
