//! The first release of an environment, and of a component in one that is known.

use super::*;
use crate::core::release::view::{Lease, Read};

/// The usual release where nothing has been released yet.
fn first() -> Course {
    let mut course = course();
    course.previous = None;
    course.parts.iter_mut().for_each(|part| part.old = None);
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
            } else {
                assert!(matches!(service, None | Some(Traffic::Nobody)) && wanted == 0, "{part:?}");
            }
        }
        let Some(Read { object: head, .. }) = &self.view.ledger else { return assert!(!is_there) };
        let live = if is_there { Slot::A } else { Slot::B };
        assert_eq!(
            (&head.under_way, &head.live[..], self.serving() > 0),
            (&None, &[live, live][..], is_there)
        );
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
        let live = &cluster.view.ledger.as_ref().unwrap().object.live;
        let part = &cluster.view.parts[1];
        let pods = part.slots.each_ref().map(|read| read.as_ref().map_or(0, |read| read.object.wanted));
        if ending == Ending::Promoted {
            assert_eq!((&live[..], pods), (&[Slot::B, Slot::A][..], [PODS, 0]));
        } else {
            assert_eq!((&live[..], pods), (&[Slot::A, Slot::B][..], [0, 0]));
        }
    }
}
