//! What is beside the objects of a release: strangers with its labels, pods where there should be none, changed pods.

use serde_json::{Value, json};

use super::fields::{self, Owner, Path};
use super::{Drift, Rule, shown};
use crate::release::ledger::Head;
use crate::release::model::Slot;
use crate::release::slots::Derived;

/// What has the labels of a release and is of none: Deployments, and pods that get requests without being those of a Deployment
/// of ours. Beside that, pods whose image somebody has changed, and pods in a slot that should have none.
///
/// `objects` are the Deployments, `ReplicaSets` and pods of the namespace that have the label of a component.
pub fn strangers(derived: &Derived, head: &Head, objects: &[Value]) -> Vec<Drift> {
    let own: Vec<String> = derived
        .slots
        .iter()
        .flat_map(|slots| [Slot::A, Slot::B].map(|slot| slots.deployment(slot)))
        .chain(derived.rolling.iter().map(|rolling| &rolling.deployment))
        .map(name)
        .collect();
    let unknown = of_kind(objects, "Deployment").filter(|deployment| !own.contains(&name(deployment)));
    let there = "it has the label of a component".to_owned();
    let unknown =
        unknown.map(|deployment| Drift { there: there.clone(), ..Drift::new(Rule::Stranger, deployment) });
    let mut drifts: Vec<Drift> = unknown.collect();
    drifts.extend(derived.slots.iter().filter_map(|slots| {
        let live = head.live.get(&slots.component).copied().unwrap_or(Slot::A);
        let idle = name(slots.deployment(live.other()));
        awake(of_kind(objects, "Deployment").find(|deployment| name(deployment) == idle)?)
    }));
    for pod in of_kind(objects, "Pod") {
        // What goes gets no more requests.
        if pod.pointer("/metadata/deletionTimestamp").is_some() {
            continue;
        }
        let workers = controller(pod, "ReplicaSet");
        let workers = workers.and_then(|own| of_kind(objects, "ReplicaSet").find(|set| name(set) == own));
        let is_own = |set: &&Value| controller(set, "Deployment").is_some_and(|name| own.contains(&name));
        if let Some(workers) = workers.filter(is_own) {
            drifts.extend(images(pod, workers));
        } else {
            let there = "it has the label of a component, and is of none of its Deployments".to_owned();
            drifts.push(Drift { there, ..Drift::new(Rule::Stranger, pod) });
        }
    }
    drifts
}

fn of_kind<'o>(objects: &'o [Value], kind: &'o str) -> impl Iterator<Item = &'o Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn name(object: &Value) -> String {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The name of the object of this kind that made this one.
fn controller(object: &Value, kind: &str) -> Option<String> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array)?;
    let owner = owners.iter().find(|owner| owner["controller"] == json!(true) && owner["kind"] == kind)?;
    owner["name"].as_str().map(str::to_owned)
}

/// A Deployment in the slot that does not serve, where it has pods.
fn awake(deployment: &Value) -> Option<Drift> {
    let replicas = deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let path = Path::of_keys(&["spec", "replicas"]);
    let owners = fields::owners(deployment);
    let others = owners.iter().filter(|owner| owner.owns(&path) && !owner.is_ours());
    (replicas > 0).then(|| Drift {
        field: path.to_string(),
        there: replicas.to_string(),
        released: "0: the other slot serves".to_owned(),
        by: others.max_by(|a, b| a.time.cmp(&b.time)).map(Owner::to_string).unwrap_or_default(),
        ..Drift::new(Rule::Scaled, deployment)
    })
}

/// The containers of a pod whose image is not that of the template that it was made from: an image of a pod can be changed.
fn images(pod: &Value, made_from: &Value) -> Vec<Drift> {
    let containers = |object: &Value, pointer: &str| {
        object.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let stated = containers(made_from, "/spec/template/spec/containers");
    let owners = fields::owners(pod);
    let mut drifts = Vec::new();
    for container in containers(pod, "/spec/containers") {
        let Some(of) = stated.iter().find(|of| of["name"] == container["name"]) else { continue };
        if of["image"] != container["image"] {
            let path = format!(".spec.containers[name={}].image", container["name"]);
            let people = owners.iter().filter(|owner| owner.is_person());
            drifts.push(Drift {
                field: path,
                there: shown(&container["image"]),
                released: shown(&of["image"]),
                by: people.max_by(|a, b| a.time.cmp(&b.time)).map(Owner::to_string).unwrap_or_default(),
                ..Drift::new(Rule::Image, pod)
            });
        }
    }
    drifts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::drift::table;
    use crate::release::slots::Rolling;

    fn made(kind: &str, name: &str, by: Option<(&str, &str)>, image: &str) -> Value {
        let owners = by.map(|(kind, name)| json!([{"kind": kind, "name": name, "controller": true}]));
        let containers = json!([{"name": "web", "image": image}]);
        json!({
            "apiVersion": if kind == "Pod" { "v1" } else { "apps/v1" }, "kind": kind,
            "metadata": {"name": name, "ownerReferences": owners},
            "spec": {"containers": containers, "template": {"spec": {"containers": containers}}},
        })
    }

    #[test]
    fn whatever_has_the_labels_and_is_of_no_release_is_a_stranger() {
        let rolling = Rolling {
            component: crate::release::model::ComponentName("web".into()),
            revision: crate::release::model::Revision("1".into()),
            replicas: 1,
            deployment: made("Deployment", "web", None, "web@1"),
        };
        let derived = Derived { slots: Vec::new(), rolling: vec![rolling], rest: Vec::new() };
        let mut going = made("Pod", "gone", None, "web@1");
        going["metadata"]["deletionTimestamp"] = json!("2026-11-28T10:00:00Z");
        let objects = [
            made("Deployment", "web", None, "web@1"),
            made("Deployment", "web-copy", None, "web@1"),
            made("ReplicaSet", "web-1", Some(("Deployment", "web")), "web@1"),
            made("ReplicaSet", "web-copy-1", Some(("Deployment", "web-copy")), "web@1"),
            made("Pod", "web-1-a", Some(("ReplicaSet", "web-1")), "web@1"),
            made("Pod", "web-1-b", Some(("ReplicaSet", "web-1")), "web:latest"),
            made("Pod", "web-copy-1-a", Some(("ReplicaSet", "web-copy-1")), "web@1"),
            made("Pod", "by-hand", None, "web@1"),
            going,
        ];
        expect_test::expect![[r#"
                      object                 field                               there                                                               released  by
            stranger  Deployment `web-copy`  –                                   it has the label of a component                                     –         –
            image     Pod `web-1-b`          .spec.containers[name="web"].image  web:latest                                                          web@1     –
            stranger  Pod `web-copy-1-a`     –                                   it has the label of a component, and is of none of its Deployments  –         –
            stranger  Pod `by-hand`          –                                   it has the label of a component, and is of none of its Deployments  –         –
        "#]].assert_eq(&table(&strangers(&derived, &Head::empty(), &objects)));
    }
}
