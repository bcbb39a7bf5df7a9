//! Whether a Job is done: the migration of a database before a release.

use super::objects::{Job, Pod, Snapshot, condition};
use super::pod::{PodHealth, Sightings, pod, said};
use super::{Hopeless, LogRequest, Rollout};

/// The state of a Job, from the objects of one moment.
///
/// A Job counts failed pods and gives up after some; it never gives up on a pod that cannot start, because its image or a
/// Secret is not there. Such pods are found by the rules for all pods.
pub fn job(job: &Job, snapshot: &Snapshot, sightings: &Sightings) -> Rollout {
    let (name, status) = (&job.metadata.name, &job.status);
    let is_true = |kind| condition(&status.conditions, kind).filter(|condition| condition.status == "True");
    let pods: Vec<&Pod> =
        snapshot.pods.iter().filter(|pod| pod.metadata.is_managed_by(&job.metadata.uid)).collect();
    if let Some(failed) = is_true("Failed") {
        let is_failed = |pod: &&&Pod| pod.status.phase == "Failed";
        let last = pods.iter().filter(is_failed).max_by_key(|pod| pod.metadata.creation_timestamp);
        let pod = last.map(|pod| pod.metadata.name.clone());
        return Rollout::Hopeless(Hopeless {
            reason: failed.reason.clone(),
            words: said(&format!("job `{name}` failed"), &failed.reason, &failed.message),
            ask_logs: pod.clone().map(|pod| LogRequest { pod, container: None, previous: false }),
            pod,
        });
    }
    if is_true("Complete").is_some() {
        return Rollout::Complete;
    }
    // A pod or a container that failed is the Job's own business: it tries again, and counts.
    let trying = pods.into_iter().filter(|pod| !matches!(pod.status.phase.as_str(), "Failed" | "Succeeded"));
    let stuck = trying.map(|one| pod(one, snapshot, sightings)).find_map(|health| match health {
        PodHealth::Hopeless(hopeless) if !is_counted(&hopeless) => Some(hopeless),
        _ => None,
    });
    if let Some(hopeless) = stuck {
        return Rollout::Hopeless(hopeless);
    }
    let words = if job.spec.suspend {
        format!("job `{name}` is suspended")
    } else {
        let wanted = job.spec.completions.unwrap_or(1);
        format!("job `{name}`: {} of {wanted} pods succeeded, {} failed", status.succeeded, status.failed)
    };
    Rollout::Progressing { words }
}

/// Whether the Job itself counts this against its `backoffLimit`.
fn is_counted(hopeless: &Hopeless) -> bool {
    matches!(hopeless.reason.as_str(), "CrashLoopBackOff" | "OOMKilled")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn judge(status: &Value, suspend: bool, pods: &[Value]) -> Rollout {
        let job_object = json!({"kind": "Job", "metadata": {"name": "migrate", "uid": "j1"},
            "spec": {"suspend": suspend}, "status": status});
        let owner = json!([{"uid": "j1", "controller": true}]);
        let pod = |(number, status): (usize, &Value)| {
            json!({"kind": "Pod", "status": status, "metadata": {"name": format!("migrate-{number}"),
                "creationTimestamp": format!("2026-03-01T12:00:0{number}Z"), "ownerReferences": owner}})
        };
        let items: Vec<Value> = [job_object].into_iter().chain(pods.iter().enumerate().map(pod)).collect();
        let list = Value::from_iter([("kind", Value::from("List")), ("items", Value::from(items))]);
        let snapshot = Snapshot::from_json(list.to_string().as_bytes(), Duration::ZERO).unwrap();
        job(&snapshot.jobs[0], &snapshot, &Sightings::default())
    }

    fn progressing(words: &str) -> Rollout {
        Rollout::Progressing { words: words.into() }
    }

    #[test]
    fn a_job_is_done_when_it_says_so() {
        let complete = json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]});
        assert_eq!(judge(&complete, false, &[]), Rollout::Complete);
        assert_eq!(judge(&json!({}), true, &[]), progressing("job `migrate` is suspended"));
        let failed_once = [json!({"phase": "Failed"}), json!({"phase": "Running"})];
        let retried = judge(&json!({"active": 1, "failed": 1}), false, &failed_once);
        assert_eq!(retried, progressing("job `migrate`: 0 of 1 pods succeeded, 1 failed"));
    }

    #[test]
    fn a_job_that_failed_names_the_pod_whose_logs_say_why() {
        let failed = json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit"}]});
        let Rollout::Hopeless(hopeless) =
            judge(&failed, false, &[json!({"phase": "Failed"}), json!({"phase": "Failed"})])
        else {
            panic!("it failed")
        };
        let words = "job `migrate` failed: BackoffLimitExceeded: Job has reached the specified backoff limit";
        assert_eq!((hopeless.words.as_str(), hopeless.pod.as_deref()), (words, Some("migrate-1")));
        assert_eq!(hopeless.ask_logs.map(|logs| logs.pod), Some("migrate-1".into()));
    }

    #[test]
    fn a_pod_that_cannot_start_is_not_waited_for() {
        let again = json!({"phase": "Running", "containerStatuses": [{"name": "app",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
        let retried = judge(&json!({"active": 1}), false, &[again]);
        assert_eq!(retried, progressing("job `migrate`: 0 of 1 pods succeeded, 0 failed"));
        let pod = json!({"phase": "Pending", "containerStatuses": [{"name": "app",
            "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"database\" not found"}}}]});
        let Rollout::Hopeless(hopeless) = judge(&json!({"active": 1}), false, &[pod]) else {
            panic!("it waits for ever")
        };
        assert_eq!(hopeless.reason, "CreateContainerConfigError");
    }
}
