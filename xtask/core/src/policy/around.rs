//! Rules about what stands around pods: policies for their network, budgets for their disruption, secrets.

use serde_json::Value;

use super::files::{Files, name, namespace};
use super::pod::Pod;
use super::{Breach, Rule, text};
use crate::release::labels::Selector;
use crate::release::manifest;

const NETWORK_POLICY: Rule = Rule {
    name: "network-policy",
    demands: "a NetworkPolicy says who may speak to a pod, and to whom it may speak",
    help: "state a NetworkPolicy with `policyTypes: [Ingress, Egress]` whose `podSelector` selects it",
};

const DISRUPTION_BUDGET: Rule = Rule {
    name: "disruption-budget",
    demands: "a PodDisruptionBudget covers pods of which there are several",
    help: "state a PodDisruptionBudget that selects them: without it a drained node may take all at once",
};

const SECRET: Rule = Rule {
    name: "stated-secret",
    demands: "no file of the repository states a Secret with values",
    help: "let whoever may know it make the Secret in the cluster, and refer to it by its name",
};

pub(super) const RULES: &[Rule] = &[NETWORK_POLICY, DISRUPTION_BUDGET, SECRET];

/// What is wrong with an object, whatever it is.
pub(super) fn of_object(object: &Value) -> Vec<Breach> {
    if text(object, "kind") != Some("Secret") {
        return Vec::new();
    }
    let filled =
        |key: &&str| object.get(*key).and_then(Value::as_object).is_some_and(|entries| !entries.is_empty());
    let breach = |key: &str| {
        let message = format!("the Secret `{}` is stated with its values", name(object));
        Breach::stated(SECRET, manifest::join("", key), message)
    };
    ["data", "stringData"].into_iter().filter(filled).map(breach).collect()
}

/// What does not stand around the pods of an object.
pub(super) fn of_pod(pod: &Pod<'_>, objects: &[&Value], files: &Files<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let directions = |direction: &str| {
        let covers = |policy: &&&Value| covers_direction(policy, direction);
        selecting(pod, objects, "NetworkPolicy", "/spec/podSelector").filter(covers).count()
    };
    let missing: Vec<&str> =
        ["Ingress", "Egress"].into_iter().filter(|direction| directions(direction) == 0).collect();
    if !missing.is_empty() {
        let message = match missing.as_slice() {
            ["Ingress"] => "every pod of the cluster may speak to the pods of",
            ["Egress"] => "whatever can be reached may be spoken to by the pods of",
            _ => "no NetworkPolicy selects the pods of",
        };
        let message = format!("{message} {}", pod.called);
        breaches.push(Breach::missing(NETWORK_POLICY, "/metadata/name", message));
    }
    let several = matches!(text(pod.object, "kind"), Some("Deployment" | "StatefulSet"));
    if several
        && replicas(pod, files) > 1
        && selecting(pod, objects, "PodDisruptionBudget", "/spec/selector").next().is_none()
    {
        let message = format!("no PodDisruptionBudget selects the pods of {}", pod.called);
        breaches.push(Breach::missing(DISRUPTION_BUDGET, "/spec/replicas", message));
    }
    breaches
}

/// How many pods the files ask for: in what a release writes, that belongs to another field manager.
fn replicas(pod: &Pod<'_>, files: &Files<'_>) -> u64 {
    let stated = |object: &Value| object.pointer("/spec/replicas").and_then(Value::as_u64);
    let in_files = files.base(pod.object).and_then(|manifest| stated(&manifest.object));
    in_files.or_else(|| stated(pod.object)).unwrap_or(1)
}

/// The objects of a kind in the pod's namespace that select it.
fn selecting<'o>(
    pod: &'o Pod<'_>,
    objects: &'o [&'o Value],
    kind: &'o str,
    pointer: &'o str,
) -> impl Iterator<Item = &'o &'o Value> {
    let selects = move |object: &Value| {
        let selector = object.pointer(pointer).unwrap_or(&Value::Null);
        Selector::read(selector, pointer).is_ok_and(|selector| selector.matches(&pod.labels))
    };
    objects.iter().filter(move |object| {
        text(object, "kind") == Some(kind) && namespace(object) == namespace(pod.object) && selects(object)
    })
}

/// Whether a NetworkPolicy is about a direction. One that does not say so is about what comes in, and about what goes out where it
/// has rules for that (`NetworkPolicySpec.policyTypes`).
fn covers_direction(policy: &Value, direction: &str) -> bool {
    match policy.pointer("/spec/policyTypes").and_then(Value::as_array) {
        Some(types) => types.iter().any(|stated| stated.as_str() == Some(direction)),
        None => direction == "Ingress" || policy.pointer("/spec/egress").is_some(),
    }
}
