//! What is asked of a server, word for word.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use xtask::core::release::machine::Intent;
use xtask::core::release::model::Ending;
use xtask::core::release::plan::Identity;
use xtask::core::release::wire::{Answer, Asked, Manager, Request, Verb, Way};

use super::store::Store;
use super::{flip, number, served, version};

fn head(request: &Request) -> String {
    let verb = match request.verb {
        Verb::Create => "create",
        Verb::Replace => "replace",
        Verb::Merge => "merge",
        Verb::Apply { force: false } => "apply",
        Verb::Apply { force: true } => "apply, forced,",
    };
    let objects = request.objects.iter().map(|object| {
        let is_new = object.pointer("/metadata/uid").is_none();
        let mut words = Identity::of(object).to_string();
        if is_new && matches!(request.verb, Verb::Apply { .. }) {
            words.push_str(" that is not there");
        }
        for (field, name) in [
            ("/spec/replicas", "replicas"),
            ("/spec/selector", "selector"),
            ("/spec/suspend", "suspend"),
            ("/spec/scaleTargetRef/name", "target"),
            ("/spec/minReplicas", "floor"),
            ("/spec/maxReplicas", "ceiling"),
        ] {
            if let Some(value) =
                object.pointer(field).filter(|_| object["kind"] != "Deployment" || name == "replicas")
            {
                let _infallible = write!(words, ", {name} {value}");
            }
        }
        if let Some(journal) = object.pointer("/data/under-way").and_then(Value::as_str) {
            let journal: Value = serde_json::from_str(journal).unwrap();
            let _infallible = write!(words, ", under way: {}", journal["phase"]);
        }
        words
    });
    format!("{} {verb} {}", request.manager.name(), objects.collect::<Vec<_>>().join("; "))
}

/// Every request of a canary, in order; what repeats in a row is counted.
#[test]
fn a_canary_asks_for_this_in_this_order() {
    let (mut cluster, old) = served();
    let release = cluster.plan(number(2), version("2"), Some(&old));
    assert_eq!(cluster.run(&release, Intent::Release).ending, Ending::Promoted);
    let mut lines: Vec<(String, u32)> = Vec::new();
    for line in cluster.requests.iter().map(head).filter(|line| !line.contains("Lease")) {
        match lines.last_mut().filter(|(last, _)| *last == line) {
            Some((_, count)) => *count += 1,
            None => lines.push((line, 1)),
        }
    }
    let words: Vec<String> = lines
        .iter()
        .map(|(line, count)| if *count > 1 { format!("{line} ({count} times)") } else { line.clone() })
        .collect();
    expect_test::expect_file!["../../../testdata/release/wire/canary.txt"]
        .assert_eq(&(words.join("\n") + "\n"));
}

/// One request of each form, in full; pod templates and what a ledger says aside.
#[test]
fn each_request_is_written_like_this() {
    let (mut cluster, old) = served();
    let release = cluster.plan(number(2), version("2"), Some(&old));
    assert_eq!(cluster.run(&release, Intent::Release).ending, Ending::Promoted);
    let mut seen = BTreeSet::new();
    let mut text = String::new();
    for request in &cluster.requests {
        let form = request.objects.iter().map(|object| {
            let kind = object["kind"].as_str().unwrap().to_owned();
            (kind, object.pointer("/metadata/uid").is_some())
        });
        if !seen.insert((request.manager, format!("{:?}", request.verb), form.collect::<Vec<_>>())) {
            continue;
        }
        let _infallible = writeln!(text, "## {} in {}", head(request), request.namespace);
        for object in &request.objects {
            let mut object = object.clone();
            for hidden in ["/spec/template", "/data", "/spec/jobTemplate"] {
                if let Some(value) = object.pointer_mut(hidden) {
                    *value = json!("…");
                }
            }
            let _infallible = writeln!(text, "{}", serde_json::to_string_pretty(&object).unwrap());
        }
    }
    expect_test::expect_file!["../../../testdata/release/wire/requests.txt"].assert_eq(&text);
}

/// A request that is made again does no harm, and one that was made upon what it has left is another one.
#[test]
fn each_write_changes_its_object() {
    let (mut cluster, old) = served();
    let release = cluster.plan(number(2), version("2"), Some(&old));
    assert_eq!(cluster.run(&release, Intent::Release).ending, Ending::Promoted);
    let mut stamps = BTreeSet::new();
    for request in &cluster.requests {
        for object in &request.objects {
            let stamp = &object["metadata"]["annotations"][request.manager.annotation()];
            let identity = Identity::of(object);
            assert!(
                stamps.insert((identity.clone(), request.manager, stamp.to_string())),
                "{identity}: {stamp}"
            );
            let is_versioned = object.pointer("/metadata/resourceVersion").is_some();
            assert!(is_versioned || request.verb == Verb::Create, "{identity} is written over");
            let has_uid = object.pointer("/metadata/uid").is_some();
            assert!(
                has_uid || object.pointer("/metadata/resourceVersion").is_none_or(|version| version == "1")
            );
        }
        let before = cluster.store.clone();
        cluster.store.request(request);
        assert_eq!(before.all(), cluster.store.all(), "{request:?}");
    }
    let only_number = |request: &&Request| request.manager == Manager::Replicas;
    for request in cluster.requests.iter().filter(only_number) {
        assert_eq!(request.objects[0]["spec"].as_object().unwrap().len(), 1);
    }
}

/// Where somebody else owns what the manifests state, nothing is taken without consent, and the owner is named.
#[test]
fn a_foreign_owner_is_named() {
    let (mut cluster, old) = served();
    let mut worker = cluster.store.get("CronJob", "tidy").unwrap().clone();
    worker["spec"]["schedule"] = json!("@hourly");
    cluster.store.write("kubectl-edit", &worker);
    let mut release = cluster.plan(flip(2), version("2"), Some(&old));
    let end = cluster.run(&release, Intent::Release);
    assert!(end.reason.contains("conflict with `kubectl-"), "{}", end.reason);
    assert!(cluster.store.get("CronJob", "tidy").unwrap()["spec"]["schedule"] == "@hourly");
    assert_eq!(end.ending, Ending::RolledBack, "{}", end.reason);
    cluster.owner = 3;
    release = cluster.plan(flip(3), version("3"), Some(&old)).taking_over();
    let end = cluster.run(&release, Intent::Release);
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    assert!(cluster.store.get("CronJob", "tidy").unwrap()["spec"]["schedule"] == "@daily");
}

/// A dry run asks for each object by itself, both ways; who owns what it would write is named before the first write.
#[test]
fn a_dry_run_finds_foreign_owners_before_the_first_write() {
    let (cluster, old) = served();
    let mut store = cluster.store.clone();
    let mut service = store.get("Service", "vitalyst-backend").unwrap().clone();
    service["spec"]["selector"] = json!({"app": "maintenance"});
    let release = cluster.plan(number(2), version("2"), Some(&old));
    let asked = |store: &Store, way: Way, takes_over: bool| {
        let inventory = release.inventory.clone();
        let inventory = if takes_over { inventory.taking_over() } else { inventory };
        let mut answers = Vec::new();
        for request in inventory.dry_run(way) {
            assert_eq!(request.objects.len(), 1);
            let answer = store.clone().request(&request);
            answers.extend(answer.into_iter().filter(|answer| *answer != Answer::Done));
        }
        answers
    };
    for way in [Way::Forward, Way::Back] {
        assert_eq!(asked(&store, way, false), [], "{way:?}");
    }
    store.write("kubectl-patch", &service);
    for way in [Way::Forward, Way::Back] {
        let words = "conflict with `kubectl-patch`: /spec/selector".to_owned();
        assert_eq!(asked(&store, way, false), [Answer::Owned(words)], "{way:?}");
        assert_eq!(asked(&store, way, true), [], "{way:?}");
    }
}

/// What has to be asked for.
#[test]
fn questions_name_what_they_can() {
    let (cluster, old) = served();
    let release = cluster.plan(number(2), version("2"), Some(&old));
    let mut text = String::new();
    for question in release.inventory.questions() {
        let _infallible = match &question.asked {
            Asked::Named(identities) => {
                let names: Vec<String> = identities.iter().map(ToString::to_string).collect();
                writeln!(text, "{}: {}", question.namespace, names.join(", "))
            }
            Asked::Events(uid) => writeln!(text, "{}: events of {uid}", question.namespace),
            Asked::Listed { kinds, selector } => {
                writeln!(text, "{}: {kinds:?} {}", question.namespace, selector.as_deref().unwrap_or("all"))
            }
        };
    }
    expect_test::expect![[r#"
        vitalyst: Lease `vitalyst-release-production`, ConfigMap `vitalyst-ledger-production`, Deployment `vitalyst-backend`, Deployment `vitalyst-backend-b`, Service `vitalyst-backend`, HorizontalPodAutoscaler `vitalyst-backend`, Deployment `vitalyst-frontend`, Deployment `vitalyst-frontend-b`, Service `vitalyst-frontend`, CronJob `tidy`, Job `expand-ab8af5e58d`
        vitalyst: [("apps/v1", "ReplicaSet"), ("v1", "Pod")] vitalyst.io/serves in (backend,frontend)
        vitalyst: [("discovery.k8s.io/v1", "EndpointSlice")] kubernetes.io/service-name in (vitalyst-backend,vitalyst-frontend)
        vitalyst: [("v1", "Pod")] job-name in (expand-ab8af5e58d)
    "#]].assert_eq(&text);
}
