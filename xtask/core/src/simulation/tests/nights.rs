//! The release machine in nights with a name, and killed at each point of its journal.

use std::time::Duration;

use super::super::cluster::Act;
use super::super::fault::Fault;
use super::super::scenario::{NAMES, Setup};
use super::super::{Nature, Scenario, play};
use crate::release::machine::Ending::{Aborted, Adopted, Inconclusive, Promoted, Refused, RolledBack, Stuck};
use crate::release::machine::{Command, Strategy};
use crate::release::model::Slot;

/// Kinds of releases that have more in them than the usual one.
const KINDS: [&str; 12] = [
    "gate",
    "held",
    "rolling",
    "rolling-back",
    "first-release",
    "first-release-fails",
    "configuration",
    "adopt",
    "after-adoption",
    "migration",
    "migration-fails",
    "contraction-fails",
];

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
        ("gate", Promoted),
        ("gate-unanswered", Inconclusive),
        ("held", Promoted),
        ("rolling", Promoted),
        ("rolling-back", RolledBack),
        ("migration", Promoted),
        ("migration-fails", RolledBack),
        ("contraction-fails", Stuck),
        ("adopt", Adopted),
        ("after-adoption", Promoted),
        ("first-release", Promoted),
        ("first-release-fails", RolledBack),
        ("configuration", Promoted),
        ("rollback-during-deploy", Aborted),
        ("slow-leak", RolledBack),
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
    assert_eq!(NAMES.len(), table.len());
}

#[test]
fn a_quiet_night_is_decided_by_checks() {
    for (name, basis) in [("quiet-night", "promoted on checks"), ("good", "promoted on traffic")] {
        let verdict = play(&Scenario::named(name, 1).unwrap(), false);
        let end = verdict.ends.iter().find(|end| end.ending == Promoted).unwrap();
        assert!(end.reason.contains(basis), "{}", end.reason);
    }
}

#[test]
fn what_has_flipped_is_watched_while_others_take_their_time() {
    let slow = Nature { start: (Duration::from_mins(2), Duration::from_mins(2)), ..Nature::good() };
    let dead = Setup { new: Nature::failing(1.0), ..Setup::default() };
    let mut night = Scenario::plain(1, vec![dead, Setup { new: slow, ..Setup::default() }]).with_worker();
    night.course.parts[0].strategy = Strategy::Flip;
    night.recover = false;
    let verdict = play(&night, true);
    assert_eq!((verdict.ending(), &verdict.broken), (Some(RolledBack), &None), "{}", verdict.story());
    // Three workers that start one after the other take six minutes.
    assert!(verdict.length < Duration::from_mins(3), "{}", verdict.story());
}

/// Whatever moment a person chooses to take all pods away, the release can be taken back to that.
#[test]
fn what_had_no_pods_goes_back_to_none() {
    for at in (300..1_500).step_by(100) {
        let person = Fault::Person { at: Duration::from_millis(at), part: 1, act: Act::Scale(Slot::A, 0) };
        let abort = Fault::Command { at: Duration::from_secs(30), owner: 0, command: Command::Abort };
        let night = Scenario {
            faults: vec![person, abort],
            recover: false,
            ..Scenario::plain(1, vec![Setup::default(), Setup::default()])
        };
        let verdict = play(&night, true);
        let is_right = matches!(verdict.ending(), Some(Aborted | Refused | RolledBack));
        assert!(is_right && verdict.broken.is_none(), "{at} ms: {:?}, {}", verdict.ends, verdict.story());
    }
}

/// What a seed draws to go wrong, in releases of other kinds than it draws.
#[test]
fn faults_of_a_seed_break_no_kind_of_release() {
    for name in KINDS {
        for seed in 0..100 {
            let Scenario { faults, recover, .. } = Scenario::drawn(seed);
            let mut night = Scenario { recover, ..Scenario::named(name, seed).unwrap() };
            night.faults.extend(faults);
            let verdict = play(&night, true);
            assert_eq!(verdict.broken, None, "{name} {seed}: {:?}: {:#?}", night.faults, verdict.timeline);
        }
    }
}

#[test]
fn a_death_at_any_point_of_the_journal_breaks_nothing() {
    for (name, least) in [
        ("good", 10),
        ("bad-canary", 6),
        ("configuration", 7),
        ("rolling", 11),
        ("migration", 12),
        ("first-release", 9),
    ] {
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
