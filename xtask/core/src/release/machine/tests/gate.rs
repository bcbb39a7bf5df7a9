//! Where a person is asked, and what becomes of a release when nobody answers.

use super::*;
use crate::release::ledger::{Consent, Phase};

const MINUTE: Duration = Duration::from_mins(1);

/// The usual release with a gate after its first step, and a person who is there for ten minutes.
fn gated() -> Course {
    let mut course = course();
    if let Strategy::Canary(steps) = &mut course.parts[0].strategy {
        steps[0].gate = true;
    }
    course.timing.gate = 10 * MINUTE;
    course
}

/// The usual release that cannot be measured, and a person who is there for ten minutes.
fn held() -> Cluster {
    let mut course = course();
    course.timing.hold = 10 * MINUTE;
    let mut cluster = Cluster::of(course, Mood::Good);
    cluster.is_blind = true;
    cluster
}

/// Runs a release to its end, with what is said after so many seconds: how it ended, and after how many minutes.
fn played(cluster: &mut Cluster, says: &[(u64, Command)]) -> (Ending, u64) {
    cluster.says = says.iter().map(|(seconds, command)| (Duration::from_secs(*seconds), *command)).collect();
    let mut now = Duration::ZERO;
    let end = cluster.run(Intent::Release, 1, &mut now, usize::MAX).unwrap();
    cluster.at_rest(end.ending == Ending::Promoted);
    (end.ending, now.as_secs() / 60)
}

#[test]
fn a_gate_waits_for_a_person_and_not_for_ever() {
    let mut cluster = Cluster::of(gated(), Mood::Good);
    assert_eq!(played(&mut cluster, &[(300, Command::Promote)]), (Ending::Promoted, 5));
    let mut cluster = Cluster::of(gated(), Mood::Good);
    assert_eq!(played(&mut cluster, &[]), (Ending::Inconclusive, 10));
    let mut cluster = Cluster::of(gated(), Mood::Good);
    assert_eq!(played(&mut cluster, &[(300, Command::Abort)]), (Ending::Aborted, 5));
}

#[test]
fn who_lets_it_pass_does_not_say_that_it_is_good() {
    let mut cluster = Cluster::of(gated(), Mood::Good);
    cluster.is_blind = true;
    assert_eq!(
        played(&mut cluster, &[(0, Command::Promote), (60, Command::Promote)]),
        (Ending::NoEvidence, 10)
    );
    let mut cluster = Cluster::of(gated(), Mood::Good);
    cluster.is_blind = true;
    assert_eq!(played(&mut cluster, &[(60, Command::PromoteFully)]), (Ending::Promoted, 1));
}

#[test]
fn a_pause_has_an_end() {
    let mut cluster = Cluster::of(Course { timing: gated().timing, ..course() }, Mood::Good);
    assert_eq!(played(&mut cluster, &[(0, Command::Pause)]), (Ending::Inconclusive, 10));
    let mut cluster = Cluster::of(Course { timing: gated().timing, ..course() }, Mood::Good);
    assert_eq!(played(&mut cluster, &[(0, Command::Pause), (180, Command::Resume)]), (Ending::Promoted, 3));
}

#[test]
fn without_evidence_a_person_may_decide_for_a_while() {
    assert_eq!(played(&mut held(), &[]), (Ending::NoEvidence, 20));
    assert_eq!(played(&mut held(), &[(900, Command::PromoteFully)]), (Ending::Promoted, 15));
    assert_eq!(played(&mut held(), &[(900, Command::Abort)]), (Ending::Aborted, 15));
    // To let it pass is no decision.
    assert_eq!(played(&mut held(), &[(900, Command::Promote)]), (Ending::NoEvidence, 20));
}

#[test]
fn a_verdict_is_not_up_to_anybody() {
    let mut cluster = held();
    (cluster.is_blind, cluster.failing) = (false, 20);
    assert_eq!(played(&mut cluster, &[(3, Command::PromoteFully)]).0, Ending::RolledBack);
}

/// Runs until the ledger shows a phase; returns the time.
fn until(cluster: &mut Cluster, phase: Phase) -> Duration {
    for effects in 1.. {
        let mut copy = Cluster::of(cluster.course.clone(), Mood::Good);
        copy.is_blind = cluster.is_blind;
        let mut now = Duration::ZERO;
        assert_eq!(copy.run(Intent::Release, 1, &mut now, effects), None, "{phase:?} comes first");
        let head = copy.view.ledger.as_ref().map(|read| &read.object);
        if head.and_then(|head| Some(head.under_way.as_ref()?.phase)) == Some(phase) {
            *cluster = copy;
            return now;
        }
    }
    Duration::ZERO
}

#[test]
fn another_process_leaves_its_word_in_the_ledger() {
    let mut cluster = held();
    let mut now = until(&mut cluster, Phase::Holding);
    for consent in [Consent::Gate, Consent::Full] {
        let end = cluster.run(Intent::Promote(consent), 2, &mut now, usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::Nothing, "{}", end.reason);
    }
    // The first owner has died meanwhile; the next one hears it.
    now += MINUTE;
    let end = cluster.run(Intent::Release, 3, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    cluster.at_rest(true);
    let end = cluster.run(Intent::Promote(Consent::Full), 4, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused, "there is nothing to go on with");
}

#[test]
fn a_word_in_the_ledger_is_about_the_phase_in_which_it_was_said() {
    let mut cluster = held();
    cluster.is_blind = false;
    let mut now = until(&mut cluster, Phase::Staged);
    let end = cluster.run(Intent::Promote(Consent::Full), 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused, "{}", end.reason);
    let head = &cluster.view.ledger.as_ref().unwrap().object;
    assert_eq!(head.under_way.as_ref().unwrap().promote, None);
}

#[test]
fn whoever_comes_after_a_hold_takes_the_release_back() {
    for (intent, ending) in [(Intent::Recover, Ending::NoEvidence), (Intent::Abort, Ending::Aborted)] {
        let mut cluster = held();
        let mut now = until(&mut cluster, Phase::Holding) + MINUTE;
        let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
        assert_eq!(end.ending, ending, "{}", end.reason);
        cluster.at_rest(false);
    }
}
