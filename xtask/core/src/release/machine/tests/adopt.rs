//! What runs before the first release is written down, and is where that release comes back to.

use std::sync::Arc;

use super::*;
use crate::release::ledger::{Entry, Head, History, State};
use crate::release::model::ReleaseId;
use crate::release::view::Read;

/// What runs, and a plan that changes nothing of it.
fn what_runs() -> Course {
    let mut course = adopted();
    (course.release, course.previous) = ("production-0".parse().unwrap(), None);
    course.parts.iter_mut().for_each(|part| part.new = part.old.clone().unwrap());
    course
}

/// The usual release, after what runs was adopted.
fn adopted() -> Course {
    let mut course = course();
    course.parts.iter_mut().for_each(|part| part.is_adopted = true);
    course
}

impl Cluster {
    /// Nothing but fences and the ledger has been written.
    fn is_untouched(&self) -> bool {
        self.view.parts.iter().all(|part| {
            let state = &part.slots[0].as_ref().unwrap().object;
            let service = part.service.as_ref().unwrap().object;
            (state.wanted, &*state.revision.0, service) == (PODS, "old", Traffic::Adopted)
        })
    }

    /// How the release that serves is written down.
    fn noted(&self) -> Option<State> {
        self.view.ledger.as_ref()?.object.serves().map(|entry| entry.state)
    }
}

#[test]
fn what_runs_is_written_down_and_not_touched() {
    for mood in MOODS {
        for (is_unwell, state) in [(false, State::Verified), (true, State::Unverified)] {
            let mut cluster = Cluster::of(what_runs(), mood);
            cluster.is_unwell = is_unwell;
            let end = cluster.run(Intent::Adopt, 1, &mut Duration::default(), usize::MAX).unwrap();
            assert_eq!((end.ending, cluster.noted()), (Ending::Adopted, Some(state)), "{mood:?} {end:?}");
            assert!(cluster.is_untouched());
            assert_eq!(cluster.live(), [("backend", Slot::A), ("frontend", Slot::A)]);
        }
    }
}

#[test]
fn what_is_written_down_is_not_adopted_again_and_nothing_is_not_adopted() {
    let mut cluster = Cluster::of(what_runs(), Mood::Good);
    let mut now = Duration::ZERO;
    cluster.run(Intent::Adopt, 1, &mut now, usize::MAX).unwrap();
    let end = cluster.run(Intent::Adopt, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused, "{}", end.reason);
    assert!(end.reason.contains("production-0"), "{}", end.reason);
    let mut cluster = Cluster::of(what_runs(), Mood::Good);
    (cluster.view.parts[1].slots[0], cluster.course.parts[1].old) = (None, None);
    let end = cluster.run(Intent::Adopt, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!((end.ending, cluster.noted()), (Ending::Refused, None), "{}", end.reason);
}

#[test]
fn what_was_released_before_stays_in_the_history() {
    let id = |text: &str| -> ReleaseId { text.parse().unwrap() };
    for (number, ending) in [(1, Ending::Refused), (2, Ending::Refused), (3, Ending::Adopted)] {
        let mut cluster = Cluster::of(what_runs(), Mood::Good);
        // A first release was taken back, and then somebody put there by hand what runs now.
        let begun = Entry::begun(id("production-2"), Arc::default(), 1_000);
        let taken_back = Entry { state: State::RolledBack, ended: Some(1_001), ..begun };
        let history = History::default().append(taken_back.clone());
        let head = Head { history, ..Head::empty() };
        let version = Version { uid: 100, resource: 100 };
        cluster.view.ledger = Some(Read { version, fence: Fence(0), object: head.clone() });
        cluster.course.release = ReleaseId { number, ..id("production-0") };
        let end = cluster.run(Intent::Adopt, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, ending, "{number}: {}", end.reason);
        let after = &cluster.view.ledger.as_ref().unwrap().object;
        if ending == Ending::Refused {
            assert_eq!(*after, head, "{number}");
            assert!(end.reason.contains("make a new release"), "{}", end.reason);
        } else {
            assert_eq!(after.serving, Some(id("production-3")));
            assert_eq!(cluster.live(), [("backend", Slot::A), ("frontend", Slot::A)]);
            let entries: Vec<_> =
                after.history.iter().map(|entry| (entry.release.number, entry.state)).collect();
            assert_eq!(entries, [(2, State::RolledBack), (3, State::Verified)]);
            assert_eq!(**after.history.find(&taken_back.release).unwrap(), taken_back);
        }
    }
}

#[test]
fn death_anywhere_leaves_an_adoption_that_can_be_made_again() {
    for killed_at in 0.. {
        let mut cluster = Cluster::of(what_runs(), Mood::Good);
        let mut now = Duration::ZERO;
        if cluster.run(Intent::Adopt, 1, &mut now, killed_at).is_some() {
            assert!(killed_at > 10, "it was killed at every effect");
            break;
        }
        now += Duration::from_mins(1);
        let was_noted = cluster.noted().is_some();
        let end = cluster.run(Intent::Adopt, 2, &mut now, usize::MAX).unwrap();
        let expected = if was_noted { Ending::Refused } else { Ending::Adopted };
        assert_eq!((end.ending, cluster.noted()), (expected, Some(State::Verified)), "{killed_at}");
        assert!(cluster.is_untouched());
    }
}

#[test]
fn the_first_release_after_it_flips_and_comes_back_to_what_was() {
    for (failing, ending) in [(0, Ending::Promoted), (20, Ending::RolledBack)] {
        for mood in MOODS {
            let mut cluster = Cluster::of(adopted(), mood);
            cluster.failing = failing;
            let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
            assert_eq!(end.ending, ending, "{mood:?}: {}", end.reason);
            assert_eq!(cluster.is_untouched(), ending == Ending::RolledBack);
        }
    }
}
