//! The phases of a plan in the order of writes, and what a rollback does not undo.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::live::bears_labels;
use super::{Hand, Identity, Live, Migration, Objects, Part, Phase, Strategy, Write};
use crate::command::quote;
use crate::release::model::Slot;
use crate::release::slots::{Derived, Slots};
use crate::release::view::Traffic;
use crate::release::{labels, manifest, migration};
use crate::text;

/// Kinds that run something by themselves. They are no slots, so they change when the new release has been found good.
const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"];

/// A component that changes, and its objects.
type Changing<'p> = (&'p Part, &'p Slots);

/// Whether an object runs something by itself.
pub(super) fn is_workload(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str).is_some_and(|kind| WORKLOADS.contains(&kind))
}

/// The components that have two slots.
pub(super) fn slotted<'p>(
    parts: &'p [Part],
    objects: &'p [Objects<'p>],
) -> impl Iterator<Item = (&'p Part, &'p Slots)> {
    parts.iter().zip(objects).filter_map(|(part, objects)| match objects {
        Objects::Slots(slots) => Some((part, *slots)),
        Objects::Rolling(_) => None,
    })
}

/// The phases so far.
#[derive(Default)]
struct Phases(Vec<Phase>);

impl Phases {
    fn add(&mut self, id: &str, words: impl Into<String>, writes: Vec<Write>) {
        self.0.push(Phase { id: id.to_owned(), words: words.into(), writes });
    }

    /// [`Phases::add`], unless nothing would be written.
    fn add_writes(&mut self, id: &str, words: impl Into<String>, writes: Vec<Write>) {
        if !writes.is_empty() {
            self.add(id, words, writes);
        }
    }
}

/// All phases. `parts` and `objects` are in the order in which components are promoted.
pub(super) fn phases(parts: &[Part], objects: &[Objects<'_>], derived: &Derived, live: &Live) -> Vec<Phase> {
    let all = || slotted(parts, objects);
    let changing: Vec<Changing<'_>> = all().filter(|(part, _)| part.changes()).collect();
    let (migrations, others): (Vec<&Value>, Vec<&Value>) =
        derived.rest.iter().partition(|object| migration::of(object) != Migration::None);
    let (workloads, rest): (Vec<&Value>, Vec<&Value>) =
        others.into_iter().partition(|object| is_workload(object));

    let mut phases = Phases::default();
    phases.add("D1", "win the Lease, raise the fence on every object, read everything again", Vec::new());
    phases.add("D2", "write down that the release begins, who owns it and until when", Vec::new());
    let mut payloads: Vec<Write> = rest.into_iter().cloned().map(stated).collect();
    for (part, slots) in all() {
        payloads.extend(slots.budgets(part.slot).iter().cloned().map(stated));
        if !part.changes() {
            // Its pods stay, but what is around them may change. A Service must not ask for labels that they do not have.
            if bears_labels(slots, part.slot, live) {
                payloads.extend(slots.services(Traffic::One(part.slot)).into_iter().map(stated));
            }
            payloads.extend(slots.autoscaler(part.slot).map(stated));
        }
    }
    let words = format!("write {} that both releases can live with", text::count(payloads.len(), "object"));
    phases.add_writes("D3", words, payloads);
    let runs = |wanted: Migration| {
        let due =
            migrations.iter().filter(move |job| migration::of(job) == wanted && live.find(job).is_none());
        due.map(|job| (Identity::of(job), vec![stated((*job).clone())]))
    };
    for (job, writes) in runs(Migration::Expand) {
        phases.add("D3", format!("run the migration {job}, which adds what the new release needs"), writes);
    }
    trial(&changing, &mut phases);
    let rolled = parts.iter().zip(objects).filter_map(|(part, objects)| match objects {
        Objects::Rolling(rolling) if part.changes() => Some((part, rolling.deployment.clone())),
        Objects::Rolling(_) | Objects::Slots(_) => None,
    });
    let workloads = workloads.into_iter().cloned().map(stated).collect();
    promotion(&changing, rolled.collect(), workloads, &mut phases);
    for (job, writes) in runs(Migration::Contract) {
        let words =
            "which takes away what the old release needs: from here on no rollback goes past this release";
        phases.add("end", format!("run the migration {job}, {words}"), writes);
    }
    phases.0
}

/// From the first pod of the new release to the last step of its trial.
fn trial(changing: &[Changing<'_>], phases: &mut Phases) {
    let served = changing.iter().filter(|(part, _)| part.old.is_some());
    let floors = served.clone().filter_map(|(part, slots)| floored(part, slots, part.slot.other()));
    phases.add_writes("D4", "keep autoscalers from taking a serving pod away", floors.collect());
    for (part, slots) in changing {
        let pods = begins_with(part, slots);
        let deployment = slots.deployment(part.slot);
        let words = format!(
            "{}: {} of {} in slot {}, without traffic; smoke test",
            part.component,
            text::count(pods as usize, "pod"),
            part.new,
            part.slot
        );
        phases.add("D5", words, vec![stated(deployment.clone()), replicas(deployment, pods)]);
    }
    let steps = changing.iter().map(|(part, _)| part.splits.len()).max().unwrap_or(0);
    for index in 0..steps {
        for (part, slots) in served.clone() {
            let Some(split) = part.splits.get(index) else { continue };
            let words = format!(
                "{}: {} beside {}, {:.0} % of the requests",
                part.component,
                text::count(split.canary as usize, "pod"),
                split.stable,
                split.reached()
            );
            let mut writes = Vec::new();
            if index > 0 || split.canary != begins_with(part, slots) {
                writes.push(replicas(slots.deployment(part.slot), split.canary));
            }
            if index == 0 {
                writes.extend(slots.services(Traffic::Both).into_iter().map(stated));
            }
            phases.add(if index == 0 { "D6" } else { "D7" }, words, writes);
        }
    }
}

/// The pods of the new slot before it gets requests: all at a first release and on a way back, else those of the first step,
/// of which an overlay may want fewer.
fn begins_with(part: &Part, slots: &Slots) -> u32 {
    if part.old.is_none() || part.strategy == Strategy::Restore {
        return part.replicas;
    }
    let first = part.splits.first().map_or(1, |split| split.canary);
    slots.replicas_on_trial.map_or(first, |wanted| wanted.clamp(1, first))
}

/// From the decision to the end.
fn promotion(
    changing: &[Changing<'_>],
    rolled: Vec<(&Part, Value)>,
    workloads: Vec<Write>,
    phases: &mut Phases,
) {
    if !changing.is_empty() || !rolled.is_empty() {
        phases.add("P1", "decide: from here on the release goes forward or all the way back", Vec::new());
    }
    let full = changing.iter().map(|(part, slots)| replicas(slots.deployment(part.slot), part.replicas));
    let words = "fill the new slots up to what serves, and wait until all are ready";
    phases.add_writes("P2", words, full.collect());
    let scaled = changing.iter().filter_map(|(part, slots)| floored(part, slots, part.slot));
    phases.add_writes("P3", "let autoscalers scale the new slots", scaled.collect());
    for (part, slots) in changing {
        let words = format!("{}: all requests go to slot {}", part.component, part.slot);
        let services = slots.services(Traffic::One(part.slot));
        phases.add_writes("P4", words, services.into_iter().map(stated).collect());
    }
    for (part, deployment) in rolled {
        let words = format!("{}: its pods are replaced one after the other", part.component);
        phases.add("P4", words, vec![stated(deployment.clone()), replicas(&deployment, part.replicas)]);
    }
    phases.add_writes("P4", "roll what has one slot", workloads);
    let mut cleaned = Vec::new();
    for (part, slots) in changing.iter().filter(|(part, _)| part.old.is_some()) {
        cleaned.push(replicas(slots.deployment(part.slot.other()), 0));
        cleaned.extend(slots.autoscaler(part.slot).map(stated));
    }
    if cleaned.is_empty() {
        phases.add("P5", "verify, and write it down", Vec::new());
    } else {
        let words = "verify, write it down, and keep the old slots as standby while it bakes";
        phases.add("P5", words, Vec::new());
        phases.add("clean-up", "scale the old slots down, give autoscalers their floor back", cleaned);
    }
}

fn stated(object: Value) -> Write {
    Write { hand: Hand::Manifests, object }
}

/// The number of pods of a Deployment, and nothing else of it.
fn replicas(deployment: &Value, count: u32) -> Write {
    let mut object = json!({"spec": {"replicas": count}});
    for pointer in ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"] {
        if let Some(value) = deployment.pointer(pointer) {
            manifest::set(&mut object, pointer, value.clone());
        }
    }
    Write { hand: Hand::Replicas, object }
}

/// The autoscaler of a slot, with what serves as its floor.
fn floored(part: &Part, slots: &Slots, slot: Slot) -> Option<Write> {
    let mut autoscaler = slots.autoscaler(slot)?;
    let floor = autoscaler.pointer("/spec/minReplicas").and_then(Value::as_u64).unwrap_or(1);
    manifest::set(&mut autoscaler, "/spec/minReplicas", floor.max(part.replicas.into()));
    Some(stated(autoscaler))
}

/// Writes the commit onto the Deployments `own`, not into their pods, which would roll for it.
pub(super) fn sign(phases: &mut [Phase], own: &[Identity], commit: &str) {
    let pointer = manifest::join("/metadata/annotations", labels::COMMIT);
    for write in phases.iter_mut().flat_map(|phase| &mut phase.writes) {
        if write.hand == Hand::Manifests && own.contains(&Identity::of(&write.object)) {
            manifest::set(&mut write.object, &pointer, commit);
        }
    }
}

/// What a rollback leaves as it is then, in words.
pub(super) fn stays(
    migration: Migration,
    jobs: &[Value],
    parts: &[Part],
    objects: &[Objects<'_>],
) -> Vec<String> {
    let mut words = Vec::new();
    let mut secrets = BTreeSet::new();
    for (part, objects) in parts.iter().zip(objects) {
        let deployment = objects.deployment(part);
        find_secrets(deployment.pointer("/spec/template/spec").unwrap_or(&Value::Null), &mut secrets);
    }
    for secret in secrets {
        words.push(format!("the Secret `{secret}`: it is referred to by name and never read"));
    }
    match migration {
        Migration::None => {}
        Migration::Expand => {
            words.push("the migration: what it added stays, and the old release does not mind".to_owned());
        }
        Migration::Contract => {
            words.push("the migration: what it took away is gone, and there is no way back".to_owned());
        }
    }
    for job in jobs {
        let name = Identity::of(job);
        words.push(match migration::of(job) {
            Migration::Contract => {
                format!("the migration {name}: it runs after the bake, and then there is no way back")
            }
            Migration::None | Migration::Expand => {
                format!("the migration {name}: what it adds stays, and the old release does not mind")
            }
        });
    }
    words
}

/// What gives requests back to the pods that serve now: their own selector, whatever it is. Each command says where: whoever is
/// in need of it may have chosen another cluster for something else.
pub(super) fn by_hand(context: &str, parts: &[Part], objects: &[Objects<'_>], live: &Live) -> Vec<String> {
    let mut commands = Vec::new();
    for (part, slots) in slotted(parts, objects).filter(|(part, _)| part.changes()) {
        for service in slots.services(Traffic::One(part.slot)) {
            let identity = Identity::of(&service);
            let Some(selector) = live.find(&service).and_then(|live| live.pointer("/spec/selector")) else {
                continue;
            };
            let patch = json!([{"op": "replace", "path": "/spec/selector", "value": selector}]);
            let namespace = identity.namespace.as_deref().unwrap_or(&live.namespace);
            commands.push(format!(
                "kubectl --context {} --namespace {namespace} patch service {} --type json --patch {}",
                quote(context),
                identity.name,
                quote(&patch.to_string())
            ));
        }
    }
    commands
}

/// The names of the Secrets that an object refers to for its pods.
pub fn find_secrets(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = match key.as_str() {
                    "secretKeyRef" | "secretRef" => value.get("name"),
                    "secret" => value.get("secretName").or_else(|| value.get("name")),
                    _ => None,
                };
                found.extend(name.and_then(Value::as_str).map(str::to_owned));
                find_secrets(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_secrets(item, found)),
        _ => {}
    }
}
