//! Tests of the machine on a cluster that does at once what it is told, and can be told to lie about that.

mod adopt;
mod care;
mod cluster;
mod extras;
mod first;
mod gate;
mod migrations;
mod rolling;
mod status;

use std::collections::BTreeMap;

use super::*;
use crate::release::effect::{Outcome, Refusal};
use crate::release::ledger::State;
use crate::release::view::Traffic;

use cluster::{Cluster, Mood, PODS, course};

const MOODS: [Mood; 10] = [
    Mood::Good,
    Mood::Forgetful(1),
    Mood::Forgetful(3),
    Mood::Lossy(2),
    Mood::Lossy(3),
    Mood::Lossy(7),
    Mood::Late(2),
    Mood::Late(3),
    Mood::Late(5),
    Mood::Late(7),
];

#[test]
fn a_good_release_is_promoted_whatever_becomes_of_its_writes() {
    for mood in MOODS {
        let mut cluster = Cluster::new(mood);
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        cluster.at_rest(true);
        assert_eq!(
            cluster.view.ledger.as_ref().unwrap().object.serving.as_ref().unwrap().to_string(),
            "production-2"
        );
    }
}

#[test]
fn a_bad_release_goes_back_whatever_becomes_of_its_writes() {
    for mood in MOODS {
        let mut cluster = Cluster::new(mood);
        cluster.failing = 20;
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::RolledBack, "{mood:?}: {}", end.reason);
        cluster.at_rest(false);
        let head = &cluster.view.ledger.as_ref().unwrap().object;
        let entry = head.history.find(&"production-2".parse().unwrap()).unwrap();
        assert_eq!((entry.state, entry.began), (State::RolledBack, 2_000));
        assert!(entry.ended > Some(2_000) && !entry.basis.is_empty(), "{entry:?}");
    }
}

/// Killed at every single effect, gone on with by another owner, or ended by one.
#[test]
fn a_release_whose_owner_dies_anywhere_is_finished_or_taken_back() {
    let mut ends = BTreeMap::new();
    for failing in [0, 20] {
        for intent in [Intent::Release, Intent::Recover, Intent::Abort] {
            for killed_at in 0.. {
                let mut cluster = Cluster::new(Mood::Good);
                cluster.failing = failing;
                let mut now = Duration::ZERO;
                if cluster.run(Intent::Release, 1, &mut now, killed_at).is_some() {
                    assert!(killed_at > 40, "it was killed at every effect");
                    break;
                }
                now += Duration::from_mins(1);
                let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
                *ends.entry((failing, format!("{intent:?}"), end.ending)).or_insert(0) += 1;
                let is_new = cluster.serving() == 2;
                cluster.at_rest(is_new);
                match end.ending {
                    Ending::Promoted => assert!(is_new && failing == 0, "{killed_at} {intent:?}"),
                    // The first owner died after everything was written down.
                    Ending::Nothing | Ending::Refused => {}
                    _ => assert!(!is_new, "{killed_at} {intent:?} {end:?}"),
                }
            }
        }
    }
    assert!(
        ends.keys().any(|(_, intent, ending)| intent == "Release" && *ending == Ending::Promoted),
        "{ends:?}"
    );
    assert!(
        ends.keys().any(|(_, intent, ending)| intent == "Recover" && *ending == Ending::Aborted),
        "{ends:?}"
    );
}

#[test]
fn an_owner_that_was_taken_over_touches_nothing_any_more() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    // The first owner has asked for a write that hangs.
    let mut first = Machine::new(course(), Intent::Release, 1, now);
    let mut inputs = vec![Input::Wake];
    let hanging = loop {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| first.handle(input, now)).collect();
        let slot = |effect: &&Effect| {
            matches!(
                effect.action,
                Action::Write { object: Object::Service(_), change: Change::Traffic(_), .. }
            )
        };
        if let Some(write) = effects.iter().find(slot) {
            break write.clone();
        }
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
        if inputs.is_empty() {
            now = first.deadline().unwrap().max(now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    };
    now += Duration::from_mins(1);
    let end = cluster.run(Intent::Recover, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Aborted);
    cluster.at_rest(false);
    // The write arrives at last, and its owner looks again.
    assert_eq!(cluster.write(&hanging.action), Outcome::Refused(Refusal::Conflict));
    cluster.at_rest(false);
    first.handle(Input::Wrote(hanging.id, Outcome::Unknown), now);
    for _ in 0..20 {
        let effects = first.handle(Input::Wake, now);
        for effect in effects {
            assert!(matches!(effect.action, Action::Look | Action::Measure { .. }), "{effect:?}");
            let answer = cluster.act(&effect, now);
            first.handle(answer, now);
        }
        now += Duration::from_secs(1);
    }
    assert_eq!(first.end().map(|end| end.ending), Some(Ending::Superseded));
}

#[test]
fn a_rollback_does_not_wait_for_a_living_owner_that_does_not_answer() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    assert_eq!(cluster.run(Intent::Release, 1, &mut now, 60), None);
    // It has just given a sign of life.
    let before = now;
    let end = cluster.run(Intent::Abort, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Aborted, "{}", end.reason);
    let took = now.saturating_sub(before);
    assert!(took < Duration::from_secs(30), "{took:?}");
    cluster.at_rest(false);
}

#[test]
fn a_plan_that_the_cluster_has_moved_on_from_is_refused() {
    let mut cluster = Cluster::new(Mood::Good);
    cluster.view.ledger.as_mut().unwrap().object.serving = Some("production-7".parse().unwrap());
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused);
    assert!(end.reason.contains("production-7"), "{}", end.reason);
}

#[test]
fn a_rollback_waits_for_a_living_owner_that_does_what_was_asked_for() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    assert_eq!(cluster.run(Intent::Release, 1, &mut now, 60), None);
    let ledger = cluster.view.ledger.as_mut().unwrap();
    let journal = ledger.object.under_way.as_mut().unwrap();
    (journal.phase, journal.abort) = (Phase::Reverting, true);
    journal.back = Some((Ending::Aborted, "somebody asked for it".to_owned()));
    let before = now;
    let end = cluster.run(Intent::Abort, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Aborted, "{}", end.reason);
    // Then it has given no sign of life for as long as a lease lasts.
    let took = now.saturating_sub(before);
    assert!(took >= Duration::from_secs(30), "{took:?}");
    cluster.at_rest(false);
}

#[test]
fn a_word_in_the_ledger_is_looked_at_at_once() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut machine = Machine::new(course(), Intent::Release, 1, Duration::ZERO);
    let mut now = Duration::ZERO;
    let mut inputs = vec![Input::Wake];
    loop {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, now)).collect();
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
        if inputs.is_empty() {
            if machine.phase() == Some(Phase::Baking) {
                break;
            }
            now = machine.deadline().unwrap().max(now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    }
    let looks = |effects: &[Effect]| effects.iter().any(|effect| effect.action == Action::Look);
    now += Duration::from_millis(1);
    assert!(!looks(&machine.handle(Input::Wake, now)));
    assert!(looks(&machine.handle(Input::Called, now)));
}
