//! What has one Deployment is replaced in place, after what it depends on, and taken back before it.

use super::*;

/// The usual release with a worker behind it.
fn with_worker() -> Course {
    let mut course = course();
    let worker = PartCourse {
        name: crate::release::model::ComponentName("worker".into()),
        strategy: Strategy::Rolling,
        objectives: Vec::new(),
        ..course.parts[1].clone()
    };
    course.parts.push(worker);
    course
}

impl Cluster {
    fn worker(&self) -> (&str, u32, bool) {
        let part = &self.view.parts[2];
        let state = &part.slots[0].as_ref().unwrap().object;
        (&state.revision.0, state.wanted, part.slots[1].is_none() && part.service.is_none())
    }

    fn worker_is(&self, revision: &str) {
        assert_eq!(self.worker(), (revision, PODS, true));
    }
}

#[test]
fn it_is_new_with_the_release_and_old_without_it() {
    for mood in MOODS {
        let mut cluster = Cluster::of(with_worker(), mood);
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        cluster.worker_is("new");
        assert_eq!(cluster.live(), [("backend", Slot::B), ("frontend", Slot::B), ("worker", Slot::A)]);
    }
}

#[test]
fn it_goes_back_before_what_it_depends_on() {
    let mut cluster = Cluster::of(with_worker(), Mood::Good);
    cluster.hopeless = Some(Object::Slot(2, Slot::A));
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::RolledBack);
    assert!(end.reason.contains("worker will never be ready"), "{}", end.reason);
    cluster.worker_is("old");
    let order = |object: Object| cluster.log.iter().rposition(|write| *write == object).unwrap();
    assert!(order(Object::Slot(2, Slot::A)) < order(Object::Service(1)));
    assert!(order(Object::Service(1)) < order(Object::Service(0)));
}

#[test]
fn death_anywhere_leaves_it_new_or_old() {
    for intent in [Intent::Release, Intent::Recover, Intent::Abort] {
        for killed_at in 0.. {
            let mut cluster = Cluster::of(with_worker(), Mood::Good);
            let mut now = Duration::ZERO;
            if cluster.run(Intent::Release, 1, &mut now, killed_at).is_some() {
                assert!(killed_at > 50, "it was killed at every effect");
                break;
            }
            now += Duration::from_mins(1);
            let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
            let is_new = cluster.serving() == 2;
            cluster.worker_is(if is_new { "new" } else { "old" });
            assert!(is_new || end.ending != Ending::Promoted, "{intent:?} {killed_at} {end:?}");
        }
    }
}
