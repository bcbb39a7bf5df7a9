//! Where a person is asked, and what becomes of a release when nobody answers.

use super::*;
use crate::mask::Mask;
use crate::release::ledger::{Consent, Line, Pause, Phase};

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

/// A pause that somebody else leaves in the ledger after so many seconds, and whether somebody takes it away again.
fn paused_from_elsewhere(cluster: &mut Cluster, from: u64, to: Option<u64>) -> (Ending, u64) {
    let by = Line::new("anna", &Mask::default());
    let pause = Pause { since: 2_000, by, why: Line::default(), until: None };
    let ends = to.map(|seconds| (Duration::from_secs(seconds), None));
    cluster.leaves = [(Duration::from_secs(from), Some(pause))].into_iter().chain(ends).collect();
    played(cluster, &[])
}

#[test]
fn a_pause_from_elsewhere_is_heard_and_has_an_end() {
    let usual = || Cluster::of(Course { timing: gated().timing, ..course() }, Mood::Good);
    // In the first step; and before it, where it is heard and nothing stands still yet.
    for from in [1, 20] {
        assert_eq!(paused_from_elsewhere(&mut usual(), from, None).0, Ending::Inconclusive, "from {from} s");
        assert_eq!(
            paused_from_elsewhere(&mut usual(), from, Some(300)),
            (Ending::Promoted, 5),
            "from {from} s"
        );
        let mut forgetful = Cluster::of(usual().course, Mood::Forgetful(3));
        assert_eq!(paused_from_elsewhere(&mut forgetful, from, Some(300)), (Ending::Promoted, 5));
    }
    // Who lets it pass ends the pause; who said so before does not.
    let mut cluster = usual();
    cluster.says = vec![(Duration::from_secs(5), Command::Promote)];
    assert_eq!(paused_from_elsewhere(&mut cluster, 20, None).0, Ending::Inconclusive);
}

#[test]
fn the_owner_writes_down_until_when_it_waits_and_whoever_comes_after_it_waits_too() {
    let mut cluster = Cluster::of(Course { timing: gated().timing, ..course() }, Mood::Good);
    let mut now = until(&mut cluster, Phase::Staged);
    let by = Line::new("anna", &Mask::default());
    let pause = Pause { since: 2_000, by, why: Line::default(), until: None };
    cluster.leaves = vec![(now, Some(pause))];
    let written = |cluster: &Cluster| {
        let head = &cluster.view.ledger.as_ref().unwrap().object;
        head.under_way.as_ref().and_then(|journal| Some((journal.phase, journal.pause.as_ref()?.until)))
    };
    // Owners die one after the other, each after a few effects more, until one has come to the first step.
    let mut effects = 20;
    let (phase, until) = loop {
        now += MINUTE;
        assert_eq!(cluster.run(Intent::Release, effects, &mut now, usize::try_from(effects).unwrap()), None);
        match written(&cluster) {
            Some((phase, Some(until))) => break (phase, until),
            other => assert!(other.is_some(), "it is forgotten"),
        }
        effects += 1;
    };
    assert_eq!(phase, Phase::Exposed(0));
    let end = cluster.run(Intent::Release, 1_000, &mut now, usize::MAX).unwrap();
    assert_eq!((end.ending, &*end.reason), (Ending::Inconclusive, "it was paused, and nobody let it go on"));
    assert!(cluster.course.unix(now) >= until, "not before it was said");
    cluster.at_rest(false);
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
