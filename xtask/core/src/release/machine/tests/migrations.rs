//! Jobs that change the database: before the first new pod, and when nobody goes back any more.

use super::*;
use crate::release::ledger::Phase;
use crate::release::migration::Migration;
use crate::release::view::JobState;

/// The usual release with two Jobs that expand the database and one that contracts it.
fn migrating() -> Course {
    let job = |name: &str, kind| MigrationCourse { name: name.into(), kind };
    let migrations = vec![
        job("Job add-column", Migration::Expand),
        job("Job drop-column", Migration::Contract),
        job("Job fill-column", Migration::Expand),
    ];
    Course { migrations, ..course() }
}

impl Cluster {
    fn jobs(&self) -> Vec<Option<JobState>> {
        self.view.jobs.iter().map(|job| job.as_ref().map(|read| read.object.clone())).collect()
    }

    fn first_write(&self, object: Object) -> usize {
        self.log.iter().position(|other| *other == object).unwrap()
    }
}

#[test]
fn they_run_once_before_and_after_the_release() {
    for mood in MOODS {
        let mut cluster = Cluster::of(migrating(), mood);
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        assert_eq!(cluster.jobs(), vec![Some(JobState::Complete); 3]);
        cluster.at_rest(true);
    }
    let mut cluster = Cluster::of(migrating(), Mood::Good);
    cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    let [add, drop, fill] = [0, 1, 2].map(|job| cluster.first_write(Object::Job(job)));
    let flip = cluster.log.iter().rposition(|object| *object == Object::Service(0)).unwrap();
    assert!(add < fill && fill < flip && flip < drop);
}

#[test]
fn one_that_fails_before_the_release_takes_it_back() {
    let mut cluster = Cluster::of(migrating(), Mood::Good);
    cluster.failing_jobs = vec![0];
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::RolledBack);
    assert!(end.reason.contains("Job add-column failed: BackoffLimitExceeded"), "{}", end.reason);
    assert_eq!(cluster.jobs()[1..], [None, None]);
    cluster.at_rest(false);
}

#[test]
fn nothing_is_taken_away_that_a_way_back_needs() {
    let mut cluster = Cluster::of(migrating(), Mood::Good);
    cluster.failing = 20;
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!((end.ending, cluster.jobs()[1].clone()), (Ending::RolledBack, None), "{}", end.reason);
    cluster.at_rest(false);
}

#[test]
fn one_that_fails_after_the_release_calls_a_person_and_is_tried_again() {
    let mut cluster = Cluster::of(migrating(), Mood::Good);
    cluster.failing_jobs = vec![1];
    let mut now = Duration::ZERO;
    let end = cluster.run(Intent::Release, 1, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Stuck);
    assert!(
        end.reason.contains("Job drop-column failed") && end.reason.contains("recover"),
        "{}",
        end.reason
    );
    // The release serves, and is not ended yet.
    assert!(
        cluster.view.parts.iter().all(|part| part.service.as_ref().unwrap().object == Traffic::One(Slot::B))
    );
    let under_way = |cluster: &Cluster| {
        cluster.view.ledger.as_ref().and_then(|read| Some(read.object.under_way.as_ref()?.phase))
    };
    assert_eq!(under_way(&cluster), Some(Phase::Contracting));
    for (mended, ending) in [(false, Ending::Stuck), (true, Ending::Promoted)] {
        if mended {
            cluster.failing_jobs.clear();
            cluster.view.jobs[1] = None;
        }
        now += Duration::from_mins(1);
        let end = cluster.run(Intent::Recover, 2 + u64::from(mended), &mut now, usize::MAX).unwrap();
        assert_eq!(end.ending, ending, "{}", end.reason);
    }
    cluster.at_rest(true);
}

#[test]
fn death_anywhere_leaves_the_database_fit_for_what_serves() {
    for intent in [Intent::Release, Intent::Recover, Intent::Abort] {
        for killed_at in 0.. {
            let mut cluster = Cluster::of(migrating(), Mood::Good);
            let mut now = Duration::ZERO;
            if cluster.run(Intent::Release, 1, &mut now, killed_at).is_some() {
                assert!(killed_at > 50, "it was killed at every effect");
                break;
            }
            now += Duration::from_mins(1);
            let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
            let is_new = cluster.serving() == 2;
            let jobs = cluster.jobs();
            let is_fit = if is_new {
                jobs == vec![Some(JobState::Complete); 3]
            } else {
                jobs[1].as_ref().is_none_or(|job| *job == JobState::Suspended)
            };
            assert!(is_fit, "{intent:?} {killed_at} {end:?} {jobs:?}");
            cluster.at_rest(is_new);
        }
    }
}
