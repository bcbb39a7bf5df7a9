//! What is read from a server: as it should be, damaged, foreign, and drawn at random.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::core::release::effect::{Change, EffectId, Object};
use xtask::core::release::health::Sightings;
use xtask::core::release::machine::Intent;
use xtask::core::release::manifest;
use xtask::core::release::model::{Content, Fence, Slot};
use xtask::core::release::plan::{Live, plan};
use xtask::core::release::view::{Autoscaler, Traffic, View};
use xtask::core::release::wire::{Inventory, Look, Moment, Order, Owner, Unwritten};

use super::cluster::{Cluster, NAMESPACE, answer, kept};
use super::{flip, number, served, version};

/// A view of the backend in few words.
fn words(view: &View) -> String {
    let part = &view.parts[0];
    let slot = |slot: Slot| match part.slot(slot) {
        None => "-".to_owned(),
        Some(read) => {
            let state = &read.object;
            let mut words = format!("{}", state.wanted);
            if !state.observed {
                words.push_str(" unseen");
            }
            let _infallible = write!(words, ", {} of {} available", state.available, state.pods);
            if let Some(reason) = &state.hopeless {
                let _infallible = write!(words, ", hopeless: {reason}");
            }
            words
        }
    };
    let service = part.service.as_ref().map(|read| read.object);
    let autoscaler = part.autoscaler.as_ref().map(|read| (read.object.target, read.object.floor));
    format!("a {} | b {} | {service:?} {:?} | {autoscaler:?}", slot(Slot::A), slot(Slot::B), part.serving)
}

/// A canary at its first step: what a look is made of, and for what.
pub(super) fn canary() -> (Vec<Value>, Inventory, Cluster) {
    let (mut cluster, old) = served();
    let release = cluster.plan(number(2), version("2"), Some(&old));
    cluster.aborts = Some(xtask::core::release::ledger::Phase::Exposed(1));
    // It stays as it is when its owner dies.
    cluster.dies = true;
    cluster.run(&release, Intent::Release);
    cluster.look(&release.inventory);
    let answers = answer(&cluster.store, &release.inventory.questions());
    (answers, release.inventory, cluster)
}

pub(super) fn look(inventory: &Inventory, objects: &[Value], seconds: u64) -> Result<Look, String> {
    let moment = Moment { began: Duration::ZERO, taken_at: Duration::from_secs(1_700_000_000 + seconds) };
    inventory.look(objects, moment, &mut Sightings::default()).map_err(|unseen| unseen.to_string())
}

pub(super) fn each(objects: &mut [Value], kind: &str, name: &str, change: impl Fn(&mut Value)) {
    let of = |object: &&mut Value| {
        object["kind"] == kind && object["metadata"]["name"].as_str().is_some_and(|own| own.starts_with(name))
    };
    let mut found = 0;
    for object in objects.iter_mut().filter(of) {
        change(object);
        found += 1;
    }
    assert!(found > 0, "there is a {kind} `{name}`");
}

/// A change to what a server answers.
type Edit = fn(&mut Vec<Value>);

/// What becomes of pods and their controllers.
const PODS: [(&str, Edit); 13] = [
    ("as it is", |_| {}),
    ("no pods", |all| all.retain(|object| object["kind"] != "Pod")),
    ("no ReplicaSets", |all| all.retain(|object| object["kind"] != "ReplicaSet")),
    ("no endpoints", |all| all.retain(|object| object["kind"] != "EndpointSlice")),
    ("a pod that is not ready", |all| {
        each(all, "Pod", "vitalyst-backend-b", |pod| pod["status"]["conditions"] = json!([]));
    }),
    ("a pod that has just become ready", |all| {
        each(all, "Pod", "vitalyst-backend-b", |pod| {
            pod["status"]["conditions"][0]["lastTransitionTime"] = json!("2023-11-15T22:13:19Z");
        });
    }),
    ("a pod that ends", |all| {
        each(all, "Pod", "vitalyst-backend-b", |pod| {
            pod["metadata"]["deletionTimestamp"] = json!("2023-11-14T22:13:19Z");
        });
    }),
    ("a pod that was evicted", |all| {
        each(all, "Pod", "vitalyst-backend-b", |pod| {
            pod["status"] = json!({"phase": "Failed", "reason": "Evicted"});
        });
    }),
    ("an image that does not exist", |all| {
        each(all, "Pod", "vitalyst-backend-b", |pod| {
            let waiting = json!({"reason": "ErrImagePull", "message": "x: not found"});
            pod["status"] =
                json!({"containerStatuses": [{"name": "backend", "state": {"waiting": waiting}}]});
        });
    }),
    ("a deadline of the rollout before", |all| {
        each(all, "Deployment", "vitalyst-backend-b", |deployment| {
            deployment["status"]["conditions"] = json!([{"type": "Progressing", "status": "False",
                "reason": "ProgressDeadlineExceeded", "lastUpdateTime": "2023-11-14T22:13:20Z"}]);
            deployment["spec"]["replicas"] = json!(2);
        });
    }),
    ("a deadline of this rollout", |all| {
        each(all, "Deployment", "vitalyst-backend-b", |deployment| {
            deployment["status"]["conditions"] = json!([{"type": "Progressing", "status": "False",
                "reason": "ProgressDeadlineExceeded", "lastUpdateTime": "2023-11-15T22:13:20Z"}]);
            deployment["spec"]["replicas"] = json!(2);
            deployment["status"]["updatedReplicas"] = json!(2);
        });
    }),
    ("a controller that lags", |all| {
        each(all, "Deployment", "vitalyst-backend", |deployment| {
            deployment["metadata"]["generation"] = json!(1000);
        });
    }),
    ("an endpoint younger than the pods", |all| {
        all.retain(|object| {
            object["kind"] != "Pod"
                || !object["metadata"]["name"].as_str().unwrap().starts_with("vitalyst-backend-b")
        });
    }),
];

/// What becomes of everything else.
const AROUND: [(&str, Edit); 7] = [
    ("a selector of another release", |all| {
        each(all, "Service", "vitalyst-backend", |service| {
            service["spec"]["selector"] = json!({"app": "vitalyst-backend"});
        });
    }),
    ("a selector by hand", |all| {
        each(all, "Service", "vitalyst-backend", |service| {
            service["spec"]["selector"] = json!({"app": "vitalyst-backend-b"});
        });
    }),
    ("a selector of nobody", |all| {
        each(all, "Service", "vitalyst-backend", |service| {
            service["spec"]["selector"]["vitalyst.io/slot"] = json!("none");
        });
    }),
    ("a foreign selector", |all| {
        each(all, "Service", "vitalyst-backend", |service| {
            service["spec"]["selector"] = json!({"app": "maintenance"});
        });
    }),
    ("no selector", |all| {
        each(all, "Service", "vitalyst-backend", |service| {
            service["spec"].as_object_mut().unwrap().remove("selector");
        });
    }),
    ("an autoscaler of something else", |all| {
        each(all, "HorizontalPodAutoscaler", "vitalyst-backend", |autoscaler| {
            autoscaler["spec"]["scaleTargetRef"]["name"] = json!("worker");
        });
    }),
    ("twins in another namespace", |all| {
        let mut twins = all.clone();
        for twin in &mut twins {
            twin["metadata"]["namespace"] = json!("elsewhere");
            twin["spec"]["replicas"] = json!(9);
        }
        all.splice(0..0, twins);
    }),
];

#[test]
fn a_look_shows_what_is_there_and_nothing_else() {
    let (answers, inventory, _) = canary();
    let mut text = String::new();
    for (name, edit) in PODS.into_iter().chain(AROUND) {
        let mut objects = answers.clone();
        edit(&mut objects);
        let shown = look(&inventory, &objects, 86_400).map(|look| words(&look.view));
        let _infallible = writeln!(text, "{name}: {}", shown.unwrap_or_else(|words| words));
    }
    expect_test::expect![[r#"
        as it is: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Both) [3, 1] | Some((A, 3))
        no pods: a 3, 0 of 0 available | b 1, 0 of 0 available | Some(Both) [3, 1] | Some((A, 3))
        no ReplicaSets: a 3, 0 of 0 available | b 1, 0 of 0 available | Some(Both) [3, 1] | Some((A, 3))
        no endpoints: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Both) [0, 0] | Some((A, 3))
        a pod that is not ready: a 3, 3 of 3 available | b 1, 0 of 1 available | Some(Both) [3, 1] | Some((A, 3))
        a pod that has just become ready: a 3, 3 of 3 available | b 1, 0 of 1 available | Some(Both) [3, 1] | Some((A, 3))
        a pod that ends: a 3, 3 of 3 available | b 1, 0 of 1 available | Some(Both) [3, 1] | Some((A, 3))
        a pod that was evicted: a 3, 3 of 3 available | b 1, 0 of 0 available | Some(Both) [3, 1] | Some((A, 3))
        an image that does not exist: a 3, 3 of 3 available | b 1, 0 of 1 available, hopeless: container `backend` has an image that does not exist: ErrImagePull: x: not found | Some(Both) [3, 1] | Some((A, 3))
        a deadline of the rollout before: a 3, 3 of 3 available | b 2, 1 of 1 available | Some(Both) [3, 1] | Some((A, 3))
        a deadline of this rollout: a 3, 3 of 3 available | b 2, 1 of 1 available, hopeless: the deadline for progress is over: deployment `vitalyst-backend-b`: 1 of 2 pods are available | Some(Both) [3, 1] | Some((A, 3))
        a controller that lags: a 3 unseen, 3 of 3 available | b 1 unseen, 1 of 1 available | Some(Both) [3, 1] | Some((A, 3))
        an endpoint younger than the pods: a 3, 3 of 3 available | b 1, 0 of 0 available | Some(Both) [3, 1] | Some((A, 3))
        a selector of another release: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Adopted) [3, 1] | Some((A, 3))
        a selector by hand: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(One(B)) [3, 1] | Some((A, 3))
        a selector of nobody: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Nobody) [3, 1] | Some((A, 3))
        a foreign selector: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Foreign) [3, 1] | Some((A, 3))
        no selector: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Foreign) [3, 1] | Some((A, 3))
        an autoscaler of something else: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Both) [3, 1] | None
        twins in another namespace: a 3, 3 of 3 available | b 1, 1 of 1 available | Some(Both) [3, 1] | Some((A, 3))
    "#]].assert_eq(&text);
}

/// What cannot be read is an error where writing over it would lose something, and else nothing.
#[test]
fn damage_is_named() {
    let (answers, inventory, _) = canary();
    let table: [(&str, Edit); 8] = [
        ("a ledger of a later format", |all| {
            each(all, "ConfigMap", "vitalyst-ledger", |ledger| ledger["data"]["format"] = json!("2"));
        }),
        ("a ledger without data", |all| {
            each(all, "ConfigMap", "vitalyst-ledger", |ledger| ledger["data"] = Value::Null);
        }),
        ("a ledger with a number", |all| {
            each(all, "ConfigMap", "vitalyst-ledger", |ledger| ledger["data"]["live"] = json!(5));
        }),
        ("an object without uid", |all| {
            each(all, "Service", "vitalyst-backend", |service| service["metadata"]["uid"] = Value::Null);
        }),
        ("a version that is no number", |all| {
            each(all, "Service", "vitalyst-backend", |service| {
                service["metadata"]["resourceVersion"] = json!("v7");
            });
        }),
        ("pods that are none", |all| {
            each(all, "Pod", "vitalyst-backend", |pod| pod["status"] = json!([1]));
        }),
        ("a fence that is no number", |all| {
            each(all, "Service", "vitalyst-backend", |service| {
                service["metadata"]["annotations"]["vitalyst.io/fence"] = json!("many");
            });
        }),
        ("nothing at all", Vec::clear),
    ];
    let mut text = String::new();
    for (name, edit) in table {
        let mut objects = answers.clone();
        edit(&mut objects);
        let shown = look(&inventory, &objects, 86_400).map(|look| {
            let fences: Vec<u64> = look.view.inventory().map(|(_, read)| read.fence.0).collect();
            format!("fences {fences:?}")
        });
        let _infallible = writeln!(text, "{name}: {}", shown.unwrap_or_else(|words| words));
    }
    expect_test::expect![[r#"
        a ledger of a later format: the ledger `vitalyst-ledger-production` cannot be read
        a ledger without data: the ledger `vitalyst-ledger-production` has something else than texts
        a ledger with a number: the ledger `vitalyst-ledger-production` has something else than texts
        an object without uid: Service `vitalyst-backend` has no uid, or no resourceVersion that is a number
        a version that is no number: Service `vitalyst-backend` has no uid, or no resourceVersion that is a number
        pods that are none: what the cluster has answered cannot be read
        a fence that is no number: fences [2, 2, 2, 0, 2, 2, 2, 2, 2]
        nothing at all: fences []
    "#]].assert_eq(&text);
}

/// What a real server (1.34.4) has given back of four releases, the last of which was rolled back. It ran no controllers, so
/// there are neither pods nor endpoints.
#[test]
fn what_a_real_server_gives_back_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/release/wire/server.json");
    let list: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let objects = list["items"].as_array().unwrap();
    let derived = version("5");
    let live = Live::read("production", NAMESPACE, objects.clone(), &derived).unwrap();
    let plan = plan(&flip(5), &derived, &live).unwrap();
    let inventory = Inventory::new(&plan, &derived, NAMESPACE, kept(Some(&version("3")))).unwrap();
    let look = look(&inventory, objects, 0).unwrap();
    let head = &look.view.ledger.as_ref().unwrap().object;
    let states: Vec<String> =
        head.history.iter().map(|entry| format!("{} {}", entry.release, entry.state)).collect();
    expect_test::expect![[r#"
        a 3 unseen, 0 of 0 available | b 0 unseen, 0 of 0 available | Some(One(A)) [0, 0] | Some((A, 2))
        Lease { holder: None, transitions: 4, renewals: 2 }
        production-1 verified, production-2 verified, production-3 verified, production-4 rolled back"#]]
    .assert_eq(&format!(
        "{}\n{:?}\n{}",
        words(&look.view),
        look.view.lease.as_ref().unwrap().object,
        states.join(", ")
    ));
    // What the server has filled in is no difference.
    assert_eq!(look.view.parts[0].slot(Slot::A).unwrap().object.revision, version("3").slots[0].revision);
    assert_eq!(look.view.extras[0].as_ref().map(|read| &read.object), plan.further[0].old.as_ref());
    let same = xtask::core::release::plan::plan(&flip(5), &version("3"), &live).unwrap();
    assert_eq!(same.further[0].old.as_ref(), Some(&same.further[0].new), "version 3 serves");
}

/// Changes one place of one object at random.
fn mutate(objects: &mut Vec<Value>, draw: &mut impl FnMut(usize) -> usize) {
    let index = draw(objects.len());
    match draw(12) {
        0 => {
            objects.remove(index);
        }
        1 => {
            let twin = objects[index].clone();
            objects.push(twin);
        }
        _ => {
            let mut pointers = vec![String::new()];
            let mut at = 0;
            while at < pointers.len() {
                let below: Vec<String> = match objects[index].pointer(&pointers[at]).unwrap() {
                    Value::Object(fields) => {
                        fields.keys().map(|key| manifest::join(&pointers[at], key)).collect()
                    }
                    Value::Array(items) => {
                        (0..items.len()).map(|item| format!("{}/{item}", pointers[at])).collect()
                    }
                    _ => Vec::new(),
                };
                pointers.extend(below);
                at += 1;
            }
            let pointer = &pointers[draw(pointers.len())];
            let foreign = [
                json!(null),
                json!(""),
                json!(-1),
                json!(u64::MAX),
                json!([]),
                json!({}),
                json!("x"),
                json!(true),
            ];
            let value = objects[index].pointer_mut(pointer).unwrap();
            *value = foreign[draw(foreign.len())].clone();
        }
    }
}

/// Whatever comes back: no panic, no version that was not there, and nothing is written upon a version that was not shown.
#[test]
fn no_answer_brings_the_reader_down() {
    let (answers, inventory, _) = canary();
    let mut state = 1_u64;
    let mut draw = move |below: usize| {
        // The constants are Knuth's (MMIX).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    let (mut read, mut refused) = (0, 0);
    for _ in 0..400 {
        let mut objects = answers.clone();
        for _ in 0..=draw(3) {
            if !objects.is_empty() {
                mutate(&mut objects, &mut draw);
            }
        }
        let Ok(look) = look(&inventory, &objects, 86_400) else {
            refused += 1;
            continue;
        };
        read += 1;
        let text = |object: &Value, pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
        };
        let versions: BTreeSet<(Option<String>, Option<String>)> = objects
            .iter()
            .map(|object| (text(object, "/metadata/uid"), text(object, "/metadata/resourceVersion")))
            .collect();
        for (object, shown) in look.view.inventory() {
            let mark = look.marks(object).iter().flatten().next_back().unwrap();
            assert_eq!(mark.resource, shown.version.resource);
            let there = (Some(mark.uid.clone()), Some(mark.resource.to_string()));
            assert!(versions.contains(&there), "{object:?} {there:?}");
            for change in changes(object) {
                let order = |version| Order {
                    effect: EffectId(1),
                    object,
                    version,
                    fence: Fence(9),
                    change: &change,
                    at: Duration::from_secs(1),
                };
                let owner = Owner { number: 9, name: String::new() };
                if let Ok(request) = inventory.write(&look, order(Some(shown.version)), &owner) {
                    let carried = &request.objects[0]["metadata"];
                    assert_eq!(carried["resourceVersion"], mark.resource.to_string());
                    assert_eq!(carried["uid"], mark.uid.as_str());
                }
                let newer = xtask::core::release::view::Version {
                    resource: shown.version.resource + 1,
                    ..shown.version
                };
                for other in [None, Some(newer)] {
                    let refused = inventory.write(&look, order(other), &owner);
                    assert_eq!(refused.unwrap_err(), Unwritten::Outdated, "{object:?}");
                }
            }
        }
    }
    assert!(read > 80 && refused > 25, "{read} read, {refused} refused");
}

fn changes(object: Object) -> Vec<Change> {
    let change = match object {
        Object::Slot(..) => Change::Slot { revision: None, replicas: 2 },
        Object::Service(_) => Change::Traffic(Traffic::One(Slot::A)),
        Object::Autoscaler(_) => Change::Autoscaler(Autoscaler { target: Slot::B, floor: 1, ceiling: 2 }),
        Object::Extra(_) => Change::Content(Content("?".into())),
        Object::Job(_) => Change::Job { is_suspended: false },
        Object::Ledger | Object::Lease => {
            Change::Ledger(Box::new(xtask::core::release::ledger::Head::empty()))
        }
    };
    vec![change, Change::Fence]
}
