//! Kinds of releases that need other words: what runs already, what rolls in place, several Services, settings.

use std::time::Duration;

use serde_json::{Value, json};
use xtask::core::release::effect::Object;
use xtask::core::release::health::Sightings;
use xtask::core::release::labels::{LAST_APPLIED, REVISION, SERVES, SLOT};
use xtask::core::release::ledger::Phase;
use xtask::core::release::machine::Intent;
use xtask::core::release::manifest;
use xtask::core::release::model::{Ending, Slot};
use xtask::core::release::plan::{Strategy, Wish};
use xtask::core::release::slots::Derived;
use xtask::core::release::view::Traffic;
use xtask::core::release::wire::Moment;

use super::cluster::{Cluster, Mood};
use super::{field, flip, number};
use crate::plan::{derived, rolling};

const MOODS: [Mood; 4] = [Mood::Good, Mood::Forgetful(3), Mood::Lossy(4), Mood::Late(3)];

/// A cluster in which `old` serves, released by the machine.
fn serving(old: &Derived, wish: Wish) -> Cluster {
    let mut cluster = Cluster::new();
    let release = cluster.plan(wish, old.clone(), None);
    let end = cluster.run(&release, Intent::Release);
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    cluster.owner = 2;
    cluster
}

/// What `kubectl apply` made before there were slots.
fn applied(old: &Derived) -> Cluster {
    let mut cluster = Cluster::new();
    for slots in &old.slots {
        let mut deployment = slots.deployment(Slot::A).clone();
        for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
            let labels = deployment.pointer_mut(labels).and_then(Value::as_object_mut).unwrap();
            labels.retain(|label, _| ![SERVES, SLOT, REVISION].contains(&label.as_str()));
        }
        deployment["spec"]["replicas"] = json!(slots.replicas);
        let mut service = slots.services(Traffic::Both).remove(0);
        service["spec"]["selector"] = json!({"app": deployment["metadata"]["name"]});
        for object in [&mut deployment, &mut service] {
            manifest::set(object, &manifest::join("/metadata/annotations", LAST_APPLIED), "{}");
            cluster.store.write("kubectl-client-side-apply", object);
        }
    }
    cluster
}

fn adopted(old: &Derived) -> Cluster {
    let mut cluster = applied(old);
    let release = cluster.plan(flip(1), old.clone(), None);
    let looked = cluster.look(&release.inventory);
    assert_eq!(looked.parts[0].service.as_ref().unwrap().object, Traffic::Adopted);
    // Pods start, and have to be ready for a while.
    cluster.look(&release.inventory);
    cluster.now += Duration::from_secs(10);
    let end = cluster.run(&release, Intent::Adopt);
    assert_eq!(end.ending, Ending::Adopted, "{}", end.reason);
    cluster.owner = 2;
    cluster.requests.clear();
    cluster
}

#[test]
fn what_ran_before_flips_and_comes_back_by_its_own_selector() {
    let old = derived("1", "");
    for mood in MOODS {
        let mut cluster = adopted(&old);
        let selector = field(&cluster, "Service", "vitalyst-backend", "/spec/selector");
        (cluster.mood, cluster.aborts) = (mood, Some(Phase::Baking));
        let release = cluster.plan(flip(2), derived("2", ""), Some(&old)).taking_over();
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Aborted, "{mood:?}: {}", end.reason);
        assert_eq!(field(&cluster, "Service", "vitalyst-backend", "/spec/selector"), selector);
        cluster.owner = 3;
        let release = cluster.plan(flip(3), derived("3", ""), Some(&old)).taking_over();
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        let slot = field(&cluster, "Service", "vitalyst-backend", "/spec/selector/vitalyst.io~1slot");
        assert_eq!(slot, "b");
    }
}

/// Whoever made it owns it: without consent the server refuses, and the words say who.
#[test]
fn what_ran_before_is_taken_over_only_with_consent() {
    let old = derived("1", "");
    let mut cluster = adopted(&old);
    let before = field(&cluster, "Service", "vitalyst-backend", "/spec");
    let release = cluster.plan(flip(2), derived("2", ""), Some(&old));
    let end = cluster.run(&release, Intent::Release);
    assert_eq!(end.ending, Ending::RolledBack, "{}", end.reason);
    assert!(end.reason.contains("`kubectl-client-side-apply`"), "{}", end.reason);
    assert_eq!(field(&cluster, "Service", "vitalyst-backend", "/spec"), before);
}

fn rolled(number: u32) -> Wish {
    let mut wish = flip(number);
    wish.components[0].strategy = Strategy::Rolling;
    wish
}

#[test]
fn what_rolls_in_place_comes_back_from_what_was_kept() {
    let (old, new) = (rolling("1", ""), rolling("2", ""));
    let image = "/spec/template/spec/containers/0/image";
    for mood in MOODS {
        let mut cluster = serving(&old, rolled(1));
        let before = field(&cluster, "Deployment", "vitalyst-backend", image);
        (cluster.mood, cluster.aborts) = (mood, Some(Phase::Baking));
        let release = cluster.plan(rolled(2), new.clone(), Some(&old));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Aborted, "{mood:?}: {}", end.reason);
        assert_eq!(field(&cluster, "Deployment", "vitalyst-backend", image), before);
        assert_eq!(field(&cluster, "Deployment", "vitalyst-backend", "/spec/replicas"), 3);
        cluster.owner = 3;
        let release = cluster.plan(rolled(3), new.clone(), Some(&old));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        assert_ne!(field(&cluster, "Deployment", "vitalyst-backend", image), before);
    }
    // Without what was kept there is no way back, and that is said.
    let mut cluster = serving(&old, rolled(1));
    cluster.aborts = Some(Phase::Baking);
    let release = cluster.plan(rolled(2), new, None);
    let end = cluster.run(&release, Intent::Release);
    assert_eq!(end.ending, Ending::Stuck, "{}", end.reason);
    assert!(end.reason.contains("is not kept anywhere"), "{}", end.reason);
}

const SECOND: &str = "
---
apiVersion: v1
kind: Service
metadata:
  name: vitalyst-backend-headless
spec:
  clusterIP: None
  selector:
    vitalyst.io/serves: backend
    vitalyst.io/slot: a
  ports:
    - port: 8000
";

#[test]
fn all_services_of_a_component_go_together() {
    let names = ["vitalyst-backend", "vitalyst-backend-headless"];
    for mood in MOODS {
        let old = derived("1", SECOND);
        let mut cluster = serving(&old, flip(1));
        (cluster.mood, cluster.aborts) = (mood, Some(Phase::Exposed(1)));
        let release = cluster.plan(number(2), derived("2", SECOND), Some(&old));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Aborted, "{mood:?}: {}", end.reason);
        let slots = names.map(|name| field(&cluster, "Service", name, "/spec/selector/vitalyst.io~1slot"));
        assert_eq!(slots, ["a", "a"], "{mood:?}");
        cluster.owner = 3;
        let release = cluster.plan(number(3), derived("3", SECOND), Some(&old));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        let slots = names.map(|name| field(&cluster, "Service", name, "/spec/selector/vitalyst.io~1slot"));
        assert_eq!(slots, ["b", "b"], "{mood:?}");
    }
    // One that is new is made for nobody, and then goes with the others.
    let old = derived("1", "");
    let mut cluster = serving(&old, flip(1));
    let release = cluster.plan(number(2), derived("2", SECOND), Some(&old));
    let end = cluster.run(&release, Intent::Release);
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    let slots = names.map(|name| field(&cluster, "Service", name, "/spec/selector/vitalyst.io~1slot"));
    assert_eq!(slots, ["b", "b"]);
}

fn settings(data: &str) -> String {
    format!("\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: flags}}\ndata: {data}\n")
}

#[test]
fn settings_are_put_back_as_they_were() {
    for mood in MOODS {
        let old = derived("1", &settings("{a: '1', b: '1'}"));
        let mut cluster = serving(&old, flip(1));
        (cluster.mood, cluster.aborts) = (mood, Some(Phase::Staged));
        let release = cluster.plan(number(2), derived("2", &settings("{a: '2', c: '2'}")), Some(&old));
        let end = cluster.run(&release, Intent::Release);
        assert_eq!(end.ending, Ending::Aborted, "{mood:?}: {}", end.reason);
        assert_eq!(field(&cluster, "ConfigMap", "flags", "/data"), json!({"a": "1", "b": "1"}), "{mood:?}");
    }
}

/// Several Services are written one after the other. Only once the last one has changed can nothing be under way any more.
#[test]
fn a_write_of_several_is_settled_by_the_last() {
    let old = derived("1", SECOND);
    let mut cluster = serving(&old, flip(1));
    let release = cluster.plan(number(2), derived("2", SECOND), Some(&old));
    let identities = release.inventory.identities(Object::Service(0));
    let carried = cluster.look(&release.inventory).version(Object::Service(0)).unwrap();
    let mut store = cluster.store.clone();
    for (index, identity) in identities.iter().enumerate() {
        let mut service = store.get("Service", &identity.name).unwrap().clone();
        service["metadata"]["annotations"]["x"] = json!("y");
        store.write("x", &service);
        let answers = super::cluster::answer(&store, &release.inventory.questions());
        let moment = Moment { began: Duration::ZERO, taken_at: Duration::ZERO };
        let look = release.inventory.look(&answers, moment, &mut Sightings::default()).unwrap();
        let seen = look.view.version(Object::Service(0)).unwrap();
        assert_eq!(seen.uid, carried.uid);
        assert_eq!(seen.resource > carried.resource, index + 1 == identities.len(), "{identity}");
    }
}
