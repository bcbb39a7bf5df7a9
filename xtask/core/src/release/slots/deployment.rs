//! The Deployment of slot b, derived from the one of slot a.

use serde_json::{Value, json};

use super::adapt::{self, Form, Pair};
use super::overlay;
use crate::diagnostic::Diagnostic;
use crate::release::labels::{self, Changed, Labels, REVISION, SERVES, SLOT, Selector};
use crate::release::manifest::{self, Manifest};
use crate::release::model::{Revision, Slot};

/// The longest value a label may have.
const LABEL_MAX: usize = 63;

/// In what the two slots differ, or why there cannot be two.
pub(super) fn pair(
    component: &str,
    deployment: &Manifest,
    manifests: &[Manifest],
) -> Result<Pair, Vec<Diagnostic>> {
    let mut problems = volumes(deployment, manifests);
    let name = deployment.name();
    let name_b = format!("{name}{}", Slot::B.suffix());
    if name_b.len() > LABEL_MAX {
        let message = format!("the name `{name_b}` of slot b would be longer than {LABEL_MAX} characters");
        problems.push(deployment.diagnostic("/metadata/name", message));
    }
    if let Some(taken) = manifests.iter().find(|other| other.kind() == "Deployment" && other.name() == name_b)
    {
        let message = format!("`{name_b}` is the name of slot b of {deployment}, which is derived from it");
        let problem = taken.diagnostic("/metadata/name", message);
        problems.push(problem.help("what differs in slot b belongs into an overlay"));
    }
    let stated = labels::labels(&deployment.object, "/spec/template/metadata/labels");
    let own = [(SERVES, component), (SLOT, "a")];
    for (key, value) in own {
        if stated.get(key).is_some_and(|stated| stated != value) {
            let at = manifest::join("/spec/template/metadata/labels", key);
            problems
                .push(deployment.diagnostic(&at, format!("`{key}` of `{component}` must be `{value}` here")));
        }
    }
    let mut changed = Vec::new();
    let selector = labels::labels(&deployment.object, "/spec/selector/matchLabels");
    if let Some((key, _)) = selector.iter().find(|(_, value)| *value == name) {
        changed.push(Changed { key: key.clone(), before: name.to_owned(), after: name_b });
    }
    changed.push(Changed { key: SLOT.to_owned(), before: "a".to_owned(), after: "b".to_owned() });
    let mut a: Labels = stated;
    a.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let mut b = a.clone();
    for Changed { key, after, .. } in &changed {
        b.insert(key.clone(), after.clone());
    }
    if problems.is_empty() {
        let namespace = deployment.text("/metadata/namespace").map(str::to_owned);
        Ok(Pair { component: component.to_owned(), namespace, labels: [a, b], changed })
    } else {
        Err(problems)
    }
}

/// Volumes that only one pod, or the pods of one node, may mount cannot be had by two slots.
fn volumes(deployment: &Manifest, manifests: &[Manifest]) -> Vec<Diagnostic> {
    let list = "/spec/template/spec/volumes";
    let volumes = deployment.object.pointer(list).and_then(Value::as_array).into_iter().flatten();
    let claims = volumes.enumerate().filter_map(|(index, volume)| {
        let pointer = "/persistentVolumeClaim/claimName";
        Some((format!("{list}/{index}{pointer}"), volume.pointer(pointer)?.as_str()?))
    });
    let alone = claims.filter(|(_, claim)| {
        let stated =
            manifests.iter().find(|other| other.kind() == "PersistentVolumeClaim" && other.name() == *claim);
        let modes = stated.and_then(|stated| stated.object.pointer("/spec/accessModes")?.as_array());
        !modes.is_some_and(|modes| modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany"))
    });
    alone
        .map(|(at, claim)| {
            let message = format!("pods of two slots would mount `{claim}`, and nothing says that they may");
            let help = "give the component `strategy = \"rolling\"`, or state the claim with `ReadWriteMany`";
            deployment.diagnostic(&at, message).help(help)
        })
        .collect()
}

/// The Deployments of both slots, complete but for `replicas`, which are written by another hand.
pub(super) fn both(
    deployment: &Manifest,
    over: Option<&Manifest>,
    pairs: &[Pair],
    pair: &Pair,
    revision: &Revision,
) -> Result<[Value; 2], Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let [a, mut b] = [Slot::A, Slot::B].map(|slot| {
        let mut object = deployment.object.clone();
        let labels = &pair.labels[slot as usize];
        manifest::set(&mut object, "/metadata/name", format!("{}{}", deployment.name(), slot.suffix()));
        // Its own labels are for finding it again; in what its pods differ, it differs.
        for key in pair.changed.iter().map(|changed| changed.key.as_str()).chain([SERVES]) {
            manifest::set(&mut object, &manifest::join("/metadata/labels", key), json!(labels.get(key)));
        }
        let mut pods = labels.clone();
        pods.insert(REVISION.to_owned(), revision.to_string());
        manifest::set(&mut object, "/spec/template/metadata/labels", json!(pods));
        let own = Some((pair.component.as_str(), slot));
        for pointer in ["/spec/selector".to_owned()]
            .into_iter()
            .chain(pod_selectors(&deployment.object, "/spec/template"))
        {
            if let Some(value) = object.pointer_mut(&pointer) {
                problems.extend(adapt::adapt(value, Form::Expressions, (deployment, &pointer), pairs, own));
            }
        }
        object
    });
    problems.extend(disjoint(deployment, &b).err().unwrap_or_default());
    if let Some(over) = over {
        let derived = b.clone();
        problems.extend(overlay::lay(&mut b, over));
        problems.extend(unchanged(&derived, &b, over));
    }
    let both = [a, b].map(|mut object| {
        object.get_mut("spec").and_then(|spec| manifest::remove(spec, "replicas"));
        object
    });
    if problems.is_empty() { Ok(both) } else { Err(problems) }
}

/// The selectors in the pod template at `template` of `object`: who its pods want to be near to, or far from.
pub(super) fn pod_selectors(object: &Value, template: &str) -> Vec<String> {
    let spec = format!("{template}/spec");
    let mut pointers = Vec::new();
    let mut each = |list: String, below: &str| {
        let items = object.pointer(&list).and_then(Value::as_array).map_or(0, Vec::len);
        let all = (0..items).map(|index| format!("{list}/{index}{below}/labelSelector"));
        pointers.extend(all.filter(|pointer| object.pointer(pointer).is_some()));
    };
    for affinity in ["podAffinity", "podAntiAffinity"] {
        each(format!("{spec}/affinity/{affinity}/requiredDuringSchedulingIgnoredDuringExecution"), "");
        let preferred = format!("{spec}/affinity/{affinity}/preferredDuringSchedulingIgnoredDuringExecution");
        each(preferred, "/podAffinityTerm");
    }
    each(format!("{spec}/topologySpreadConstraints"), "");
    pointers
}

/// That no pod can belong to the Deployments of both slots.
fn disjoint(deployment: &Manifest, b: &Value) -> Result<(), Vec<Diagnostic>> {
    let pointer = "/spec/selector";
    let read = |object: &Value| Selector::read(object.pointer(pointer).unwrap_or(&Value::Null), pointer);
    let wrong = |(at, message): labels::Wrong| vec![deployment.diagnostic(&at, message)];
    let (a, b) = (read(&deployment.object).map_err(wrong)?, read(b).map_err(wrong)?);
    if a.excludes(&b) {
        return Ok(());
    }
    let message = format!("slot b of {deployment} would select the pods of slot a");
    let problem = deployment.diagnostic(pointer, message).label(format!("asks for {a}"));
    Err(vec![
        problem.help(format!(
            "select by a label with the Deployment's name, such as `app: {}`",
            deployment.name()
        )),
    ])
}

/// A problem for each thing in which an overlay contradicts what was derived.
fn unchanged(derived: &Value, laid: &Value, over: &Manifest) -> Vec<Diagnostic> {
    let mut pointers: Vec<String> =
        ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace", "/spec/selector"]
            .map(str::to_owned)
            .into();
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        let keys = derived.pointer(labels).and_then(Value::as_object).into_iter().flatten();
        pointers.extend(keys.map(|(key, _)| manifest::join(labels, key)));
    }
    let changed = pointers.iter().filter(|pointer| derived.pointer(pointer) != laid.pointer(pointer));
    changed
        .map(|pointer| {
            let must = derived.pointer(pointer).map_or_else(|| "absent".to_owned(), Value::to_string);
            let key = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/");
            let message = format!("`{key}` of slot b must be {must}");
            over.diagnostic(pointer, message).help("leave it out: it is derived from slot a")
        })
        .collect()
}
