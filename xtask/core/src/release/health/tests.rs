//! Rollouts as servers tell of them. The texts are those of kubectl 1.32 against a server of 1.34.4.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// The server's time of every snapshot here.
const NOW: &str = "2026-03-01T12:10:00Z";

/// Ten minutes before: when our own write was made.
const WRITTEN: &str = "2026-03-01T12:00:00Z";

fn time(text: &str) -> Duration {
    Timestamp::parse(text).unwrap().0
}

fn snapshot(items: Vec<Value>) -> Snapshot {
    let items = Value::from(items);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    Snapshot::from_json(list.to_string().as_bytes(), time(NOW)).unwrap()
}

fn expectation() -> Expectation {
    Expectation {
        deployment: "backend-b".into(),
        generation: 4,
        written_at: time(WRITTEN),
        labels: BTreeMap::from([("revision".into(), "h2".into())]),
        replicas: 2,
        min_ready: Duration::from_secs(10),
        service: Some("backend".into()),
    }
}

fn template(revision: &str) -> Value {
    json!({"metadata": {"creationTimestamp": null, "labels": {"app": "b", "revision": revision}}, "spec": {"containers": []}})
}

fn deployment_object() -> Value {
    json!({
        "kind": "Deployment",
        "metadata": {"name": "backend-b", "uid": "d1", "generation": 4},
        "spec": {"replicas": 2, "template": template("h2")},
        "status": {"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    })
}

fn set_object(name: &str, revision: &str, owner: &str, ready: u32) -> Value {
    let mut template = template(revision);
    template["metadata"]["labels"]["pod-template-hash"] = json!(name);
    json!({
        "kind": "ReplicaSet",
        "metadata": {"name": name, "uid": name, "labels": {"pod-template-hash": name}, "generation": 1,
            "ownerReferences": [{"uid": owner, "controller": true}]},
        "spec": {"replicas": 2, "template": template},
        "status": {"observedGeneration": 1, "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": ready,
            "availableReplicas": ready},
    })
}

fn pod_object(name: &str, set: &str, status: &Value) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {"name": name, "uid": name, "labels": {"pod-template-hash": set}, "creationTimestamp": WRITTEN,
            "ownerReferences": [{"uid": set, "controller": true}]},
        "status": status,
    })
}

fn ready_since(time: &str) -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": time}]})
}

fn slice(pods: &[(&str, Value)]) -> Value {
    let endpoint = |(pod, conditions): &(&str, Value)| json!({"conditions": conditions, "targetRef": {"name": pod, "uid": pod}});
    json!({
        "kind": "EndpointSlice",
        "metadata": {"name": "backend-x", "labels": {"kubernetes.io/service-name": "backend"}},
        "endpoints": pods.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

/// Everything of a rollout that is complete, to be broken by the tests: Deployment, `ReplicaSet`, two pods, `EndpointSlice`.
fn complete() -> Vec<Value> {
    let ready = ready_since("2026-03-01T12:05:00Z");
    vec![
        deployment_object(),
        set_object("new", "h2", "d1", 2),
        pod_object("p1", "new", &ready),
        pod_object("p2", "new", &ready),
        slice(&[("p1", json!({"ready": true})), ("p2", json!({}))]),
    ]
}

fn judge(items: Vec<Value>) -> Rollout {
    rollout(&snapshot(items), &expectation(), &Sightings::default())
}

/// The state after `change` of what was complete.
fn after(change: impl Fn(&mut Vec<Value>)) -> Rollout {
    let mut items = complete();
    change(&mut items);
    judge(items)
}

fn words(rollout: Rollout) -> String {
    match rollout {
        Rollout::Complete => "complete".into(),
        Rollout::Progressing { words } => format!("progressing: {words}"),
        Rollout::Hopeless(hopeless) => format!("hopeless {}: {}", hopeless.reason, hopeless.words),
        Rollout::Stale { words } => format!("stale: {words}"),
        Rollout::Superseded { words } => format!("superseded: {words}"),
    }
}

/// A container that waits, in both pods.
fn both_wait(reason: &str, message: &str, last: &Value) -> Rollout {
    let waiting = json!({"reason": reason, "message": message});
    both(&json!({"phase": "Pending", "containerStatuses":
        [{"name": "app", "state": {"waiting": waiting}, "lastState": last}]}))
}

fn both(status: &Value) -> Rollout {
    judge(vec![
        deployment_object(),
        set_object("new", "h2", "d1", 0),
        pod_object("p1", "new", status),
        pod_object("p2", "new", status),
    ])
}

#[test]
fn a_complete_rollout_is_complete() {
    assert_eq!(judge(complete()), Rollout::Complete);
}

#[test]
fn only_objects_of_this_step_count() {
    type Change = fn(&mut Vec<Value>);
    let table: [(Change, &str); 14] = [
        (|items| items.clear(), "stale: deployment `backend-b` is not in this snapshot"),
        (
            |items| items[0]["metadata"]["generation"] = json!(3),
            "stale: deployment `backend-b`: the snapshot is older than our write",
        ),
        (
            |items| items[0]["status"] = Value::Null,
            "stale: deployment `backend-b`: the controller has not seen our write yet",
        ),
        (
            |items| items[0]["spec"]["template"] = template("h3"),
            "superseded: deployment `backend-b`: somebody else wrote its template: `revision` is `h3`, not `h2`",
        ),
        (
            |items| items[1]["metadata"]["ownerReferences"][0]["uid"] = json!("d0"),
            "progressing: deployment `backend-b`: no ReplicaSet has been made for this template yet",
        ),
        (
            |items| items[1] = set_object("old", "h1", "d1", 2),
            "progressing: deployment `backend-b`: no ReplicaSet has been made for this template yet",
        ),
        (
            |items| items[2]["metadata"]["ownerReferences"][0]["uid"] = json!("old"),
            "progressing: 1 of 2 pods are ready for long enough",
        ),
        (
            |items| items[2]["status"] = ready_since("2026-03-01T12:09:55Z"),
            "progressing: 1 of 2 pods are ready for long enough",
        ),
        (
            |items| {
                items[4] = slice(&[
                    ("p1", json!({"ready": false, "serving": true, "terminating": true})),
                    ("p2", json!({})),
                ]);
            },
            "progressing: 1 of 2 pods get traffic from service `backend`",
        ),
        (
            |items| items[4]["metadata"]["labels"] = Value::Null,
            "progressing: 0 of 2 pods get traffic from service `backend`",
        ),
        (
            |items| items[1]["status"]["availableReplicas"] = json!(1),
            "progressing: replica set `new`: 1 of 2 pods are available",
        ),
        (
            |items| items[0]["spec"]["replicas"] = json!(5),
            "progressing: deployment `backend-b`: 2 of 5 pods are of the new template",
        ),
        (
            |items| {
                items[0]["spec"]["replicas"] = json!(1);
                items[1]["status"]["availableReplicas"] = json!(1);
                items[1]["spec"]["replicas"] = json!(1);
                items[1]["status"]["replicas"] = json!(1);
            },
            "progressing: 1 of 2 pods are available",
        ),
        (
            |items| items[0]["spec"]["paused"] = json!(true),
            "progressing: deployment `backend-b`: it is paused",
        ),
    ];
    for (change, expected) in table {
        assert_eq!(words(after(change)), expected);
    }
}

#[test]
fn a_deadline_counts_when_it_is_younger_than_our_write() {
    let end = |time: &str, progress: u32| {
        words(after(|items| {
            items[0]["status"]["availableReplicas"] = json!(progress);
            items[0]["status"]["conditions"] = json!([{"type": "Progressing", "status": "False",
                "reason": "ProgressDeadlineExceeded", "lastUpdateTime": time}]);
        }))
    };
    let waits = "deployment `backend-b`: 1 of 2 pods are available";
    assert_eq!(end("2026-03-01T11:59:59Z", 1), format!("progressing: {waits}"));
    assert_eq!(end(WRITTEN, 1), format!("progressing: {waits}"), "the second of our write is not after it");
    assert_eq!(
        end("2026-03-01T12:00:01Z", 1),
        format!("hopeless ProgressDeadlineExceeded: the deadline for progress is over: {waits}")
    );
    assert_eq!(end("2026-03-01T12:00:01Z", 2), "complete", "late is not never");
}

#[test]
fn what_the_server_says_of_hopeless_pods() {
    let not_found = "rpc error: code = NotFound desc = failed to pull and unpack image \"r/app:x\": failed to resolve \
        reference \"r/app:x\": r/app:x: not found";
    let start_error = json!({"terminated": {"reason": "StartError", "exitCode": 128, "startedAt": "1970-01-01T00:00:00Z",
        "message": "exec: \"/nothere\": stat /nothere: no such file or directory"}});
    let crash = json!({"terminated": {"reason": "Error", "exitCode": 3}});
    let none = Value::Null;
    let hopeless = [
        (
            "ErrImagePull",
            not_found,
            &none,
            "container `app` has an image that does not exist: ErrImagePull: rpc error: code",
        ),
        (
            "ImagePullBackOff",
            "Back-off pulling image \"r/app:x\": ErrImagePull: r/app:x: not found",
            &none,
            "container `app` has an image",
        ),
        (
            "InvalidImageName",
            "couldn't parse image",
            &none,
            "container `app` has an image that cannot be had: InvalidImageName",
        ),
        (
            "ErrImageNeverPull",
            "",
            &none,
            "container `app` has an image that cannot be had: ErrImageNeverPull",
        ),
        (
            "CreateContainerConfigError",
            "configmap \"absent\" not found",
            &none,
            "container `app` cannot be configured: CreateContainerConfigError: configmap \"absent\" not found",
        ),
        (
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root (pod: x)",
            &none,
            "container `app` cannot be configured",
        ),
        ("RunContainerError", "", &none, "container `app` cannot be started"),
        (
            "CrashLoopBackOff",
            "back-off 10s restarting failed container=app",
            &start_error,
            "container `app` cannot be started: exec: \"/nothere\": stat",
        ),
        (
            "CrashLoopBackOff",
            "back-off 10s restarting failed container=app",
            &crash,
            "container `app` crashes again and again: Error, exit code 3",
        ),
    ];
    for (reason, message, last, beginning) in hopeless {
        let said = words(both_wait(reason, message, last));
        assert!(said.starts_with(&format!("hopeless {reason}: {beginning}")), "{said}");
    }
    let waiting = [
        (
            "ErrImagePull",
            "failed to do request: Head \"…\": dial tcp 127.0.0.1:5000: connect: connection refused",
        ),
        ("ImagePullBackOff", "Back-off pulling image \"r/app:x\""),
        ("ErrImagePull", "pull access denied, repository does not exist or may require authorization"),
        ("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition"),
        ("ContainerCreating", ""),
    ];
    for (reason, message) in waiting {
        let said = words(both_wait(reason, message, &none));
        assert!(said.starts_with("progressing: "), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn the_logs_that_say_more_are_asked_for() {
    let logs = |rollout| match rollout {
        Rollout::Hopeless(hopeless) => {
            hopeless.ask_logs.map(|logs| (logs.pod, logs.container, logs.previous))
        }
        other => panic!("{other:?}"),
    };
    let ended = |reason: &str, code: i32| json!({"terminated": {"reason": reason, "exitCode": code}});
    let p1 = |previous| Some(("p1".to_owned(), Some("app".to_owned()), previous));
    assert_eq!(logs(both_wait("CrashLoopBackOff", "", &ended("Error", 1))), p1(true));
    assert_eq!(logs(both_wait("CrashLoopBackOff", "", &ended("StartError", 128))), None, "it never ran");
    assert_eq!(logs(both_wait("InvalidImageName", "", &Value::Null)), None);
    let failed = json!({"phase": "Failed", "reason": "Error", "containerStatuses": [{"name": "app"}]});
    assert_eq!(logs(both(&failed)), p1(false));
}

#[test]
fn containers_that_ended() {
    let ended = |reason: &str, code: i32, last: &str| {
        words(both(&json!({"phase": "Running", "initContainerStatuses": [{"name": "migrate",
            "state": {"terminated": {"reason": reason, "exitCode": code}},
            "lastState": {"terminated": {"reason": last, "exitCode": 137}}}]})))
    };
    assert!(
        ended("ContainerCannotRun", 127, "")
            .starts_with("hopeless ContainerCannotRun: container `migrate` cannot be run")
    );
    assert!(ended("ContainerCannotRun", 128, "").starts_with("progressing"));
    assert!(
        ended("OOMKilled", 137, "OOMKilled")
            .starts_with("hopeless OOMKilled: container `migrate` ran out of memory twice")
    );
    assert!(ended("OOMKilled", 137, "Error").starts_with("progressing"));
    assert!(
        ended("Error", 1, "Error").starts_with("progressing"),
        "between two restarts nothing is said yet"
    );
}

#[test]
fn a_rollout_is_hopeless_when_all_its_pods_are() {
    let crashed = json!({"phase": "Running", "containerStatuses": [{"name": "app",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    let with_second = |second: Value| {
        words(judge(vec![
            deployment_object(),
            set_object("new", "h2", "d1", 1),
            pod_object("p1", "new", &crashed),
            pod_object("p2", "new", &second),
            pod_object("p3", "old", &crashed),
        ]))
    };
    let one = with_second(ready_since(WRITTEN));
    let count = "replica set `new`: 1 of 2 pods are ready";
    assert_eq!(one, format!("progressing: {count}; container `app` crashes again and again"));
    for reason in ["Evicted", "Preempting"] {
        let displaced = with_second(json!({"phase": "Failed", "reason": reason}));
        assert!(displaced.starts_with("hopeless CrashLoopBackOff"), "{displaced}");
    }
    let leaving = after(|items| items[3]["metadata"]["deletionTimestamp"] = json!(NOW));
    assert_eq!(words(leaving), "progressing: 1 of 2 pods are ready for long enough");
}

#[test]
fn a_quota_counts_after_thirty_seconds() {
    let message =
        "pods \"b-1\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2";
    let refused = |since: &str| {
        words(after(|items| {
            items[1]["status"]["readyReplicas"] = json!(0);
            items[1]["status"]["conditions"] = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                "message": message, "lastTransitionTime": since}]);
        }))
    };
    assert_eq!(
        refused("2026-03-01T12:09:30Z"),
        format!("hopeless FailedCreate: pods are refused: {message}")
    );
    assert_eq!(
        refused("2026-03-01T12:09:31Z"),
        format!("progressing: replica set `new`: pods are refused: FailedCreate: {message}")
    );
}

/// What was refused before our write may have been another template.
#[test]
fn a_refusal_counts_from_our_write_on() {
    let mut items = complete();
    items[1]["status"] = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "lastTransitionTime": WRITTEN}]});
    let at = |written_at: &str| {
        let expectation = Expectation { written_at: time(written_at), ..expectation() };
        words(rollout(&snapshot(items.clone()), &expectation, &Sightings::default()))
    };
    assert!(at("2026-03-01T12:09:31Z").starts_with("progressing"));
    assert!(at("2026-03-01T12:09:30Z").starts_with("hopeless FailedCreate"));
}

#[test]
fn no_room_counts_after_a_minute_unless_a_node_is_coming() {
    let message = "0/1 nodes are available: 1 Insufficient cpu.";
    let no_room = |since: &str, event: &str| {
        let status = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": message, "lastTransitionTime": since}]});
        words(judge(vec![
            deployment_object(),
            set_object("new", "h2", "d1", 0),
            pod_object("p1", "new", &status),
            json!({"kind": "Event", "reason": event, "involvedObject": {"uid": "p1"}}),
        ]))
    };
    let hopeless = format!("hopeless Unschedulable: pod `p1` fits on no node: {message}");
    assert_eq!(no_room("2026-03-01T12:09:00Z", "FailedScheduling"), hopeless);
    assert!(no_room("2026-03-01T12:09:01Z", "FailedScheduling").starts_with("progressing"));
    assert!(no_room("2026-03-01T12:09:00Z", "TriggeredScaleUp").starts_with("progressing"));
}

/// Nothing but an event tells of it, and the pod says `ContainerCreating` for ever.
#[test]
fn a_volume_that_is_not_there_counts_after_a_minute() {
    let message = "MountVolume.SetUp failed for volume \"v\" : configmap \"absent\" not found";
    let unmounted = |message: &str, created: &str| {
        let waiting = json!({"phase": "Pending", "containerStatuses": [{"name": "app",
            "state": {"waiting": {"reason": "ContainerCreating"}}}]});
        let mut pod = pod_object("p1", "new", &waiting);
        pod["metadata"]["creationTimestamp"] = json!(created);
        let event = json!({"kind": "Event", "reason": "FailedMount", "message": message, "involvedObject": {"uid": "p1"}});
        words(judge(vec![deployment_object(), set_object("new", "h2", "d1", 0), pod, event]))
    };
    assert_eq!(
        unmounted(message, WRITTEN),
        format!("hopeless FailedMount: pod `p1` cannot start: {message}")
    );
    assert!(unmounted(message, "2026-03-01T12:09:30Z").starts_with("progressing"));
    assert!(unmounted("timed out waiting for the condition", WRITTEN).starts_with("progressing"));
}

#[test]
fn a_registry_that_refuses_is_believed_the_second_time() {
    let mut sightings = Sightings::default();
    let mut at = |seconds: u64, reason: &str, message: &str| {
        let status = json!({"phase": "Pending", "containerStatuses": [{"name": "app",
            "state": {"waiting": {"reason": reason, "message": message}}}]});
        let mut snapshot = snapshot(vec![
            deployment_object(),
            set_object("new", "h2", "d1", 0),
            pod_object("p1", "new", &status),
        ]);
        snapshot.taken_at = time(WRITTEN) + Duration::from_secs(seconds);
        sightings.note([&snapshot]);
        words(rollout(&snapshot, &expectation(), &sightings))
    };
    let denied = "failed to authorize: 401 Unauthorized";
    assert!(at(1, "ErrImagePull", denied).starts_with("progressing"));
    assert!(at(8, "ImagePullBackOff", "Back-off pulling image").starts_with("progressing"));
    assert!(at(14, "ErrImagePull", denied).starts_with("progressing"), "it may be the same answer");
    let again = at(30, "ErrImagePull", denied);
    assert!(
        again.starts_with("hopeless ErrImagePull: container `app` has an image that the registry refuses"),
        "{again}"
    );
    assert!(at(31, "ContainerCreating", "").starts_with("progressing"));
}

#[test]
fn an_answer_that_is_no_list_is_an_error() {
    let error = |json: &str| Snapshot::from_json(json.as_bytes(), Duration::ZERO).unwrap_err().to_string();
    assert_eq!(error("<html>"), "the answer is no JSON");
    assert_eq!(error("{\"kind\": \"List\", \"items\": ["), "the answer is no JSON");
    assert_eq!(error("{\"kind\": \"Status\"}"), "the answer is a `Status`, no list of objects");
    assert_eq!(error("[]"), "the answer is a ``, no list of objects");
    let broken = json!({"kind": "PodList", "items": [{"metadata": {"name": "p", "labels": 3}}]});
    assert_eq!(error(&broken.to_string()), "the Pod `p` does not look like one");
    let empty = Snapshot::from_json(b"{\"kind\": \"PodList\", \"items\": null}", Duration::ZERO).unwrap();
    assert_eq!(empty, Snapshot::default());
    let of_one_kind = json!({"kind": "PodList", "items": [{"metadata": {"name": "p"}}]});
    assert_eq!(
        Snapshot::from_json(of_one_kind.to_string().as_bytes(), Duration::ZERO).unwrap().pods.len(),
        1
    );
}
