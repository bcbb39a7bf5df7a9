//! The first release of an environment, and of a component in one that is known.

use std::sync::Arc;

use super::cluster::revision;
use super::*;
use crate::release::ledger::{Account, Journal, PayloadName, Piece};
use crate::release::model::ComponentName;
use crate::release::view::{Autoscaler, Lease, Part, Read};

/// The usual release where nothing has been released yet.
fn first() -> Course {
    let mut course = course();
    course.previous = None;
    for part in &mut course.parts {
        part.old = None;
        part.autoscaler = Some(Bounds { floor: 2, ceiling: 10 });
    }
    course
}

impl Cluster {
    /// Everything serves in slot a, or nothing serves at all.
    #[track_caller]
    fn at_first(&self, is_there: bool) {
        for part in &self.view.parts {
            let service = part.service.as_ref().map(|read| read.object);
            let wanted: u32 = part.slots.iter().flatten().map(|read| read.object.wanted).sum();
            if is_there {
                let state = &part.slots[0].as_ref().unwrap().object;
                assert_eq!((service, wanted), (Some(Traffic::One(Slot::A)), PODS));
                assert_eq!((&*state.revision.0, state.wanted), ("new", PODS));
                let autoscaler = part.autoscaler.as_ref().map(|read| read.object);
                assert_eq!(autoscaler, Some(Autoscaler { target: Slot::A, floor: 2, ceiling: 10 }));
            } else {
                assert!(matches!(service, None | Some(Traffic::Nobody)) && wanted == 0, "{part:?}");
            }
        }
        let Some(Read { object: head, .. }) = &self.view.ledger else { return assert!(!is_there) };
        let live = self.live();
        assert!(live.len() == if is_there { 2 } else { 0 } && live.iter().all(|(_, slot)| *slot == Slot::A));
        assert_eq!((&head.under_way, self.serving() > 0), (&None, is_there));
    }
}

#[test]
fn it_serves_in_slot_a_or_not_at_all() {
    for mood in MOODS {
        for (failing, ending) in [(0, Ending::Promoted), (20, Ending::RolledBack)] {
            let mut cluster = Cluster::of(first(), mood);
            cluster.failing = failing;
            let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
            assert_eq!(end.ending, ending, "{mood:?}: {}", end.reason);
            cluster.at_first(ending == Ending::Promoted);
        }
    }
}

#[test]
fn a_later_first_release_follows_one_that_failed() {
    let mut cluster = Cluster::of(first(), Mood::Good);
    let mut now = Duration::ZERO;
    cluster.is_unwell = true;
    let end = cluster.run(Intent::Release, 1, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::RolledBack, "{}", end.reason);
    cluster.at_first(false);
    cluster.is_unwell = false;
    let end = cluster.run(Intent::Release, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused, "it was withdrawn");
    cluster.course.release = "production-3".parse().unwrap();
    let end = cluster.run(Intent::Release, 3, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    cluster.at_first(true);
}

#[test]
fn death_anywhere_leaves_it_served_or_not_there() {
    for intent in [Intent::Release, Intent::Recover, Intent::Abort] {
        for killed_at in 0.. {
            let mut cluster = Cluster::of(first(), Mood::Good);
            let mut now = Duration::ZERO;
            if cluster.run(Intent::Release, 1, &mut now, killed_at).is_some() {
                assert!(killed_at > 30, "it was killed at every effect");
                break;
            }
            now += Duration::from_mins(1);
            let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
            let is_there = cluster.view.ledger.is_some() && cluster.serving() == 2;
            cluster.at_first(is_there);
            assert!(is_there || end.ending != Ending::Promoted, "{intent:?} {killed_at} {end:?}");
        }
    }
}

#[test]
fn what_runs_already_is_not_taken_for_nothing() {
    let mut cluster = Cluster::of(course(), Mood::Good);
    (cluster.course, cluster.view.ledger) = (first(), None);
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused);
    assert!(end.reason.contains("adopt"), "{}", end.reason);
    assert!(cluster.view.ledger.is_none(), "there is still nothing written down");
    let lease = cluster.view.lease.as_ref().unwrap();
    assert!(matches!(lease.object, Lease { holder: None, .. }));
}

#[test]
fn a_component_may_be_new_in_an_environment_that_is_known() {
    for (failing, ending) in [(0, Ending::Promoted), (20, Ending::RolledBack)] {
        let mut course = course();
        course.parts[1].old = None;
        let mut cluster = Cluster::of(course, Mood::Good);
        cluster.failing = failing;
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, ending, "{}", end.reason);
        let part = &cluster.view.parts[1];
        let pods = part.slots.each_ref().map(|read| read.as_ref().map_or(0, |read| read.object.wanted));
        if ending == Ending::Promoted {
            assert_eq!(
                (cluster.live(), pods),
                (vec![("backend", Slot::B), ("frontend", Slot::A)], [PODS, 0])
            );
        } else {
            assert_eq!((cluster.live(), pods), (vec![("backend", Slot::A)], [0, 0]));
        }
    }
}

/// Which components there are, and their order, is what `xtask.toml` says today.
#[test]
fn components_keep_their_slots_when_others_come_before_them() {
    let mut cluster = Cluster::of(course(), Mood::Good);
    let mut now = Duration::ZERO;
    // Only the second one changes: from now on they serve from different slots.
    cluster.course.parts[0].new = revision("old");
    assert_eq!(cluster.run(Intent::Release, 1, &mut now, usize::MAX).unwrap().ending, Ending::Promoted);
    assert_eq!(cluster.live(), [("backend", Slot::A), ("frontend", Slot::B)]);

    let mut next = course();
    next.release = "production-3".parse().unwrap();
    next.previous = Some("production-2".parse().unwrap());
    (next.parts[1].old, next.parts[1].new) = (Some(revision("new")), revision("newer"));
    let first = PartCourse { name: ComponentName("auth".into()), old: None, ..next.parts[1].clone() };
    next.parts.reverse();
    next.parts.insert(0, first);
    cluster.course = next;
    cluster.view.parts.reverse();
    let nothing = Part { slots: [None, None], service: None, autoscaler: None, serving: [0, 0] };
    cluster.view.parts.insert(0, nothing);
    assert_eq!(cluster.run(Intent::Release, 2, &mut now, usize::MAX).unwrap().ending, Ending::Promoted);
    assert_eq!(cluster.live(), [("auth", Slot::A), ("backend", Slot::B), ("frontend", Slot::A)]);
}

/// A journal counts the components of its own plan.
#[test]
fn a_release_under_way_is_not_taken_up_with_other_components() {
    type Change = Box<dyn Fn(&mut Course, &mut Journal)>;
    let piece = Piece {
        component: ComponentName("auth".into()),
        revision: revision("new"),
        payload: PayloadName::read("vitalyst-auth-0000000000").unwrap(),
    };
    let others = Arc::new(Account { pieces: vec![piece], ..Account::default() });
    let changes: [Change; 4] = [
        Box::new(move |course, _| course.account = others.clone()),
        Box::new(|_, journal| journal.replicas.truncate(1)),
        Box::new(|_, journal| journal.floors.push(None)),
        Box::new(|_, journal| journal.evidence.clear()),
    ];
    for change in changes {
        let mut cluster = Cluster::of(course(), Mood::Good);
        let mut now = Duration::ZERO;
        assert!(cluster.run(Intent::Release, 1, &mut now, 40).is_none());
        let head = &mut cluster.view.ledger.as_mut().unwrap().object;
        change(&mut cluster.course, head.under_way.as_mut().unwrap());
        let before = head.clone();
        now += Duration::from_mins(2);
        let end = cluster.run(Intent::Recover, 2, &mut now, usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::Refused, "{}", end.reason);
        assert_eq!(cluster.view.ledger.as_ref().unwrap().object, before);
    }
}
