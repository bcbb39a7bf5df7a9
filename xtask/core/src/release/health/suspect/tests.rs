//! Pods in trouble as a server tells of them, and who of them is told of.

use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};

use super::*;
use crate::release::health::Snapshot;

fn pod(name: &str, status: &Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "uid": name}, "status": status})
}

fn container(state: &Value, last: &Value, restarts: u32) -> Value {
    json!({"phase": "Running", "containerStatuses": [
        {"name": "app", "state": state, "lastState": last, "restartCount": restarts, "ready": false}]})
}

fn waiting(reason: &str, message: &str) -> Value {
    container(&json!({"waiting": {"reason": reason, "message": message}}), &json!({}), 0)
}

fn ended(reason: &str, code: i32) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": code}})
}

fn crash(reason: &str, code: i32, restarts: u32) -> Value {
    container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended(reason, code), restarts)
}

fn ready() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

fn unready() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False",
        "message": "containers with unready status: [app]"}],
        "containerStatuses": [{"name": "app", "state": {"running": {}}}]})
}

fn unscheduled() -> Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]})
}

fn quota() -> Value {
    json!({"kind": "ReplicaSet", "metadata": {"name": "app-5d", "uid": "app-5d"}, "status": {"conditions": [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
            "message": "pods \"app-5d-x\" is forbidden: exceeded quota: few"}]}})
}

fn find(objects: &[Value]) -> Option<Suspect> {
    let snapshot = Snapshot::of(objects, Duration::ZERO).unwrap();
    suspect(&snapshot.pods, &snapshot.replica_sets)
}

fn nothing() -> Testimony {
    Testimony { events: Ok(Vec::new()), log: None }
}

/// What is said of a pod in each state when nothing else can be learned.
#[test]
fn each_trouble_is_told_with_what_it_means() {
    let leaving = json!({"kind": "Pod", "metadata": {"name": "p", "uid": "p",
        "deletionTimestamp": "2026-03-01T12:00:00Z"}, "status": crash("Error", 1, 3)});
    let rows = [
        pod("p", &ready()),
        pod("p", &json!({"phase": "Succeeded"})),
        leaving,
        pod("p", &crash("Error", 1, 3)),
        pod("p", &crash("OOMKilled", 137, 3)),
        pod("p", &crash("StartError", 128, 1)),
        pod("p", &crash("Completed", 0, 1)),
        pod("p", &container(&ended("Error", 139), &json!({}), 0)),
        pod("p", &container(&ended("Completed", 0), &json!({}), 0)),
        pod("p", &container(&json!({"running": {}}), &ended("Error", 143), 1)),
        pod(
            "p",
            &waiting(
                "CreateContainerConfigError",
                "couldn't find key DATABASE_URL in Secret v/vitalyst-secrets",
            ),
        ),
        pod("p", &waiting("CreateContainerConfigError", "secret \"absent\" not found")),
        pod("p", &waiting("RunContainerError", "exec format error")),
        pod("p", &waiting("ImagePullBackOff", "ErrImagePull: r/x: not found")),
        pod("p", &waiting("ContainerCreating", "")),
        pod("p", &json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"})),
        pod("p", &unready()),
        pod("p", &unscheduled()),
        quota(),
    ];
    let told: Vec<String> = rows
        .iter()
        .map(|object| {
            find(std::slice::from_ref(object)).map_or_else(
                || "nothing".to_owned(),
                |suspect| {
                    let log = suspect.log.as_ref().map_or("no log", |(_, previous)| {
                        if *previous { "the log before" } else { "the log" }
                    });
                    let sure = if suspect.is_in_trouble() { "" } else { ", may be slow" };
                    let words = suspect.words(&nothing()).join("\n    ");
                    let words = words.lines().filter(|line| !line.contains("log")).collect::<Vec<_>>();
                    format!("{:?} ({log}{sure})\n    {}", suspect.trouble, words.join("\n"))
                },
            )
        })
        .collect();
    expect![[r#"
        nothing
        nothing
        nothing
        Crash (the log before)
            pod `p` says most: container `app` has ended: Error, exit code 1
        Crash (the log before)
            pod `p` says most: container `app` has ended: OOMKilled, exit code 137
            exit code 137: it used more memory than its limit, and the kernel has killed it
        Crash (no log)
            pod `p` says most: container `app` has ended: StartError, exit code 128
            exit code 128: the container could not be started: its command is wrong, or its image lacks it
        Crash (the log before)
            pod `p` says most: container `app` has ended: Completed, exit code 0
            exit code 0: it has ended by itself, and what serves has to go on
        Crash (the log)
            pod `p` says most: container `app` has ended: Error, exit code 139
            exit code 139: a segmentation fault (SIGSEGV): it reached for memory that is not its own
        Unready (the log, may be slow)
            pod `p` says most: it runs and is not ready
            its readiness or startup probe has not passed
        Crash (the log before)
            pod `p` says most: container `app` has ended: Error, exit code 143
            exit code 143: it was told to end (SIGTERM), and did: a failed liveness probe, or somebody
        Configuration (no log)
            pod `p` says most: container `app` waits: CreateContainerConfigError: couldn't find key DATABASE_URL in Secret v/vitalyst-secrets
            the Secret `vitalyst-secrets` has no key `DATABASE_URL`
        Configuration (no log)
            pod `p` says most: container `app` waits: CreateContainerConfigError: secret "absent" not found
            the Secret `absent` is not there
        Configuration (no log)
            pod `p` says most: container `app` waits: RunContainerError: exec format error
        Image (no log)
            pod `p` says most: container `app` waits: ImagePullBackOff: ErrImagePull: r/x: not found
            the registry has no such image: was it pushed, and by this digest?
        Unready (the log, may be slow)
            pod `p` says most: it runs and is not ready
            its readiness or startup probe has not passed
        Crash (no log)
            pod `p` says most: it failed: Evicted: low on memory
        Unready (the log, may be slow)
            pod `p` says most: it runs and is not ready: containers with unready status: [app]
            its readiness or startup probe has not passed
        Unschedulable (no log)
            pod `p` says most: no node takes it: 0/1 nodes are available: 1 Insufficient cpu.
        Refused (no log)
            replica set `app-5d` says most: its pods are refused: FailedCreate: pods "app-5d-x" is forbidden: exceeded quota: few"#]].assert_eq(&told.join("\n"));
}

#[test]
fn of_several_the_one_that_leads_farthest_is_told() {
    let names = |objects: &[Value]| find(objects).map(|suspect| suspect.name);
    let all = [
        pod("unready", &unready()),
        quota(),
        pod("unscheduled", &unscheduled()),
        pod("image", &waiting("ErrImagePull", "not found")),
        pod("secret", &waiting("CreateContainerConfigError", "secret \"x\" not found")),
        pod("crash", &crash("Error", 1, 1)),
    ];
    for (count, name) in
        [(1, "unready"), (2, "app-5d"), (3, "unscheduled"), (4, "image"), (5, "secret"), (6, "crash")]
    {
        assert_eq!(names(&all[..count]).as_deref(), Some(name));
        let reversed: Vec<Value> = all[..count].iter().rev().cloned().collect();
        assert_eq!(names(&reversed).as_deref(), Some(name), "in whatever order they come");
    }
    let often =
        [pod("a", &crash("Error", 1, 1)), pod("c", &crash("Error", 1, 4)), pod("b", &crash("Error", 1, 4))];
    assert_eq!(names(&often).as_deref(), Some("b"));
    assert_eq!(names(&[pod("fine", &ready())]), None);
}

fn event(kind: &str, reason: &str, message: &str, at: u32, count: u32) -> Event {
    let time = format!("2026-03-01T12:00:{at:02}Z");
    let event =
        json!({"type": kind, "reason": reason, "message": message, "count": count, "lastTimestamp": time});
    serde_json::from_value(event).unwrap()
}

#[test]
fn events_and_logs_are_told_as_data() {
    let suspect = find(&[pod("app-5d-x", &crash("Error", 1, 3))]).unwrap();
    let mut events = vec![event("Normal", "Pulled", "Container image already present", 1, 4)];
    events.extend((2..8).rev().map(|at| {
        event("Warning", "BackOff", &format!("number {at} in pod app-5d-x_shop(7e1d-08): too often"), at, at)
    }));
    let lines: Vec<String> = (1..30).map(|line| format!("line {line}\n")).collect();
    let mut log = lines.concat();
    log.push_str("\x1b[31mred\x1b[0m\x1b]0;title\x07\n\n::error::not a command\n##[warning]nor this\n");
    log.push_str(&"long ".repeat(200));
    let testimony = Testimony { events: Ok(events), log: Some(Ok(log)) };
    let told: Vec<String> =
        suspect.words(&testimony).into_iter().map(|line| line.chars().take(80).collect()).collect();
    assert_eq!(told.len(), 2 + EVENTS + 1 + LOG_LINES as usize);
    assert!(told.iter().all(|line| !line.contains('\x1b') && !line.trim_start().starts_with("::")));
    expect![[r#"
        pod `app-5d-x` says most: container `app` has ended: Error, exit code 1
        exit code 1: the application's own: its log says why
        event BackOff 4 times: number 4: too often
        event BackOff 5 times: number 5: too often
        event BackOff 6 times: number 6: too often
        event BackOff 7 times: number 7: too often
        the last 20 lines of container `app` before it was started again:
        | line 14
        | line 29
        | red
        | ::error::not a command
        | ##[warning]nor this
        | long long long long long long long long long long long long long long long lon"#]]
    .assert_eq(&[&told[..8], &told[told.len() - 5..]].concat().join("\n"));
}

#[test]
fn what_could_not_be_looked_at_is_said() {
    let suspect = find(&[pod("p", &crash("Error", 1, 3))]).unwrap();
    let denied = || "the role may not `list` `events`".to_owned();
    let words = suspect.words(&Testimony { events: Err(denied()), log: Some(Err("gone".into())) });
    expect![[r#"
        pod `p` says most: container `app` has ended: Error, exit code 1
        exit code 1: the application's own: its log says why
        could not look at its events: the role may not `list` `events`
        could not look at its log: gone"#]]
    .assert_eq(&words.join("\n"));
    let words = suspect.words(&Testimony { events: Ok(Vec::new()), log: Some(Ok("\n".into())) });
    assert!(words.last().unwrap().contains("has written no log"), "{words:?}");
}
