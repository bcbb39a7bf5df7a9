//! Further objects: written before and after the components, and put back.

use super::*;
use crate::release::model::Content;

fn content(text: &str) -> Content {
    Content(text.into())
}

/// One that changes, one that is new and goes by its content, a worker that changes and one that is new.
fn extras() -> Vec<Extra> {
    let extra = |name: &str, old: Option<&str>| Extra {
        name: name.into(),
        old: old.map(content),
        new: content("new"),
        idle: None,
        is_immutable: false,
        late: false,
    };
    let worker = |extra: Extra| Extra { idle: Some(content("idle")), late: true, ..extra };
    vec![
        extra("NetworkPolicy backend", Some("old")),
        Extra { is_immutable: true, ..extra("ConfigMap settings-new", None) },
        worker(extra("CronJob nightly", Some("old"))),
        worker(extra("Deployment worker", None)),
    ]
}

fn with_extras() -> Course {
    Course { extras: extras(), ..course() }
}

fn configuration() -> Course {
    let mut course = with_extras();
    course.parts.iter_mut().for_each(|part| part.new = part.old.clone().unwrap());
    course
}

impl Cluster {
    fn says(&self) -> Vec<Option<&str>> {
        self.view.extras.iter().map(|read| read.as_ref().map(|read| &*read.object.0)).collect()
    }
}

#[test]
fn they_are_new_with_the_release_and_old_without_it() {
    for mood in MOODS {
        for failing in [0, 20] {
            let mut cluster = Cluster::of(with_extras(), mood);
            cluster.failing = failing;
            let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
            cluster.at_rest(failing == 0);
            let expected = if failing == 0 {
                (Ending::Promoted, vec![Some("new"); 4])
            } else {
                // The worker was not made yet when the canary failed.
                (Ending::RolledBack, vec![Some("old"), Some("new"), Some("old"), None])
            };
            assert_eq!((end.ending, cluster.says()), expected, "{mood:?}: {}", end.reason);
        }
    }
}

#[test]
fn configuration_alone_needs_no_canary() {
    for mood in MOODS {
        let mut cluster = Cluster::of(configuration(), mood);
        let mut now = Duration::default();
        let end = cluster.run(Intent::Release, 1, &mut now, usize::MAX).unwrap();
        assert_eq!((end.ending, cluster.says()), (Ending::Promoted, vec![Some("new"); 4]), "{}", end.reason);
        assert!(cluster.view.parts.iter().all(|part| part.slots[0].as_ref().unwrap().object.wanted == PODS));
        let head = &cluster.view.ledger.as_ref().unwrap().object;
        assert_eq!((cluster.serving(), head.live.len()), (2, 2));
        assert!(head.live.values().all(|slot| *slot == Slot::A));
    }
}

#[test]
fn a_release_in_which_nothing_differs_ends_with_nothing() {
    let mut course = configuration();
    course.extras.iter_mut().for_each(|extra| extra.old = Some(extra.new.clone()));
    let mut cluster = Cluster::of(course, Mood::Good);
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Nothing, "{}", end.reason);
    assert_eq!(cluster.serving(), 1);
}

#[test]
fn configuration_that_breaks_what_serves_is_put_back() {
    let mut cluster = Cluster::of(configuration(), Mood::Good);
    cluster.is_unwell = true;
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::RolledBack, "{}", end.reason);
    assert_eq!(cluster.says(), [Some("old"), Some("new"), Some("old"), Some("idle")]);
}

#[test]
fn what_has_changed_since_the_plan_is_not_overwritten() {
    let mut cluster = Cluster::of(with_extras(), Mood::Good);
    cluster.view.extras[0].as_mut().unwrap().object = content("other");
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused);
    assert!(end.reason.contains("NetworkPolicy backend"), "{}", end.reason);
    // Nor is what somebody writes while the release goes back.
    let mut cluster = Cluster::of(with_extras(), Mood::Good);
    let mut now = Duration::default();
    assert_eq!(cluster.run(Intent::Release, 1, &mut now, 60), None);
    cluster.view.extras[0].as_mut().unwrap().object = content("other");
    now += Duration::from_mins(1);
    let end = cluster.run(Intent::Abort, 2, &mut now, usize::MAX).unwrap();
    assert_eq!((end.ending, cluster.says()[0]), (Ending::Aborted, Some("other")));
}

#[test]
fn a_name_that_goes_with_another_content_is_not_written() {
    let mut course = with_extras();
    course.extras[1].old = Some(content("other"));
    let mut cluster = Cluster::of(course, Mood::Good);
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!((end.ending, cluster.says()[1]), (Ending::RolledBack, Some("other")));
    assert!(end.reason.contains("ConfigMap settings-new"), "{}", end.reason);
}

#[test]
fn death_anywhere_leaves_all_of_them_new_or_old() {
    for course in [with_extras(), configuration()] {
        for intent in [Intent::Release, Intent::Recover] {
            for killed_at in 0.. {
                let mut cluster = Cluster::of(course.clone(), Mood::Good);
                let mut now = Duration::ZERO;
                if cluster.run(Intent::Release, 1, &mut now, killed_at).is_some() {
                    assert!(killed_at > 25, "it was killed at every effect");
                    break;
                }
                now += Duration::from_mins(1);
                let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
                let is_new = cluster.serving() == 2;
                let says = cluster.says();
                let is_right = if is_new {
                    says == [Some("new"); 4]
                } else {
                    says[0] == Some("old") && says[2] == Some("old") && says[3] != Some("new")
                };
                assert!(is_right, "{intent:?} {killed_at} {end:?} {says:?}");
            }
        }
    }
}
