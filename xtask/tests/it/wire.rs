//! The release machine on objects: what it asks of a server, what it reads from one, and whole releases through both.

mod by_hand;
mod cluster;
mod controllers;
mod kinds;
mod look;
mod requests;
mod store;

use std::time::Duration;

use serde_json::Value;
use xtask::core::release::ledger::Phase;
use xtask::core::release::machine::Intent;
use xtask::core::release::model::Ending;
use xtask::core::release::plan::{Migration, Strategy, Wish};
use xtask::core::release::slots::Derived;

use crate::plan::{AUTOSCALER, derived, wish};
use cluster::{Cluster, Mood};

pub(crate) use cluster::kept;

/// A Job that expands the database, and settings that both releases can live with.
const MIGRATION: &str = "
---
apiVersion: batch/v1
kind: Job
metadata:
  name: expand
  labels: {vitalyst.io/migration: expand}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: expand
          image: ${REGISTRY}/${REPOSITORY_OWNER}/${BACKEND_IMAGE}:${VERSION}
";

fn number(number: u32) -> Wish {
    let mut wish = wish();
    wish.release = format!("production-{number}").parse().unwrap();
    (wish.migration, wish.bake) = (Migration::None, Duration::from_secs(10));
    if let Strategy::Canary { steps, .. } = &mut wish.components[0].strategy {
        // Nobody is there to be asked.
        for step in steps {
            step.gate = false;
        }
    }
    wish
}

/// The same, without steps.
fn flip(number: u32) -> Wish {
    let mut wish = self::number(number);
    for wanted in &mut wish.components {
        wanted.strategy = Strategy::Flip;
    }
    wish
}

fn version(version: &str) -> Derived {
    derived(version, &format!("{AUTOSCALER}{MIGRATION}"))
}

/// A cluster in which version 1 serves, released by the machine as well.
fn served() -> (Cluster, Derived) {
    let mut cluster = Cluster::new();
    let old = version("1");
    let release = cluster.plan(flip(1), old.clone(), None);
    let end = cluster.run(&release, Intent::Release);
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    cluster.requests.clear();
    cluster.owner = 2;
    (cluster, old)
}

fn field(cluster: &Cluster, kind: &str, name: &str, pointer: &str) -> Value {
    let object = cluster.store.get(kind, name).unwrap_or_else(|| panic!("{kind} {name}"));
    object.pointer(pointer).cloned().unwrap_or(Value::Null)
}

/// Where requests go, how many pods each slot has, and what the autoscaler does.
fn standing(cluster: &Cluster) -> String {
    let parts = ["backend", "frontend"].map(|part| {
        let name = format!("vitalyst-{part}");
        let replicas = [name.clone(), format!("{name}-b")].map(|name| {
            let replicas = cluster.store.get("Deployment", &name);
            replicas.map_or("-".to_owned(), |deployment| deployment["spec"]["replicas"].to_string())
        });
        let selector = field(cluster, "Service", &name, "/spec/selector");
        format!("{part} {}: {selector}", replicas.join("+"))
    });
    let autoscaler = field(cluster, "HorizontalPodAutoscaler", "vitalyst-backend", "/spec");
    let target = &autoscaler["scaleTargetRef"]["name"];
    format!("{}\n{target} from {}", parts.join("\n"), autoscaler["minReplicas"])
}

#[test]
fn a_first_release_a_canary_and_a_flip_are_promoted() {
    for mood in [Mood::Good, Mood::Forgetful(3), Mood::Lossy(4), Mood::Late(3), Mood::Late(7)] {
        let (mut cluster, old) = served();
        cluster.mood = mood;
        let new = version("2");
        let release = cluster.plan(number(2), new.clone(), Some(&old));
        assert!(!release.plan.parts[0].splits.is_empty(), "{}", release.plan.words());
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        expect_test::expect![[r#"
            backend 0+3: {"vitalyst.io/serves":"backend","vitalyst.io/slot":"b"}
            frontend 2+-: {"vitalyst.io/serves":"frontend","vitalyst.io/slot":"a"}
            "vitalyst-backend-b" from 2"#]]
        .assert_eq(&standing(&cluster));
        cluster.owner = 3;
        let release = cluster.plan(flip(3), version("3"), Some(&new));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        expect_test::expect![[r#"
            backend 3+0: {"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}
            frontend 2+-: {"vitalyst.io/serves":"frontend","vitalyst.io/slot":"a"}
            "vitalyst-backend" from 2"#]]
        .assert_eq(&standing(&cluster));
    }
}

#[test]
fn a_bad_release_and_an_aborted_one_leave_what_was_there() {
    for mood in [Mood::Good, Mood::Forgetful(3), Mood::Lossy(4), Mood::Late(3)] {
        for (failing, aborts) in
            [(100, None), (0, Some(Phase::Staged)), (0, Some(Phase::Exposed(1))), (0, Some(Phase::Baking))]
        {
            let (mut cluster, old) = served();
            let before = standing(&cluster).replace("+-", "+0");
            (cluster.mood, cluster.failing, cluster.aborts) = (mood, failing, aborts);
            let release = cluster.plan(number(2), version("2"), Some(&old));
            let end = cluster.run(&release, Intent::Release);
            let expected = if aborts.is_some() { Ending::Aborted } else { Ending::RolledBack };
            assert_eq!(end.ending, expected, "{mood:?}: {}", end.reason);
            assert_eq!(standing(&cluster).replace("+-", "+0"), before, "{mood:?} {aborts:?}");
        }
    }
}

/// An owner that dies after any of its requests is followed by another one, which ends the release, and by the next release.
#[test]
fn a_death_after_any_request_is_recovered_from() {
    let (served, old) = served();
    let mut count = 0;
    loop {
        let mut cluster = served.clone();
        cluster.dies_after = Some(count);
        let release = cluster.plan(flip(2), version("2"), Some(&old));
        let end = cluster.run(&release, Intent::Release);
        if end.ending == Ending::Promoted {
            break;
        }
        (cluster.dies_after, cluster.owner) = (None, 3);
        let end = cluster.run(&release, Intent::Recover);
        let is_over = matches!(end.ending, Ending::Aborted | Ending::Nothing | Ending::Promoted);
        assert!(is_over, "after {count}: {:?}, {}", end.ending, end.reason);
        cluster.owner = 4;
        let is_new =
            field(&cluster, "Service", "vitalyst-backend", "/spec/selector/vitalyst.io~1slot") == "b";
        let former = if is_new { version("2") } else { old.clone() };
        let release = cluster.plan(flip(3), version("3"), Some(&former));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Promoted, "after {count}: {}", end.reason);
        count += 1;
    }
    assert!(count > 20, "{count} requests");
}
