//! Whether every selector selects what it should, before anything is applied.
//!
//! The API server counts a Service that selects nothing and two Deployments with one selector without a word. The first is an
//! outage; the second is two controllers that count and delete each other's pods. A pod under two disruption budgets cannot
//! be evicted at all.

use std::fmt::Write as _;

use serde_json::Value;

use super::images;
use super::labels::{self, Labels, Selector};
use super::manifest::Manifest;
use crate::diagnostic::Diagnostic;
use crate::suggest;

/// Something that makes pods, and what it says about them.
struct Workload<'m> {
    manifest: &'m Manifest,
    /// What it counts as its own; `None` for what makes its own selector (a Job).
    selector: Option<Selector>,
    /// The labels its pods have.
    labels: Labels,
}

/// Checks the selectors of all objects of an environment against each other. Returns every problem.
pub fn check(manifests: &[Manifest]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut workloads = Vec::new();
    for manifest in manifests {
        if let Some(workload) = workload(manifest, &mut problems) {
            workloads.push(workload);
        }
    }
    for (index, one) in workloads.iter().enumerate() {
        problems.extend(workloads[..index].iter().find_map(|other| shared(one, other)));
    }
    let mut budgets: Vec<(&Manifest, Vec<usize>)> = Vec::new();
    let mut scaled: Vec<(&Manifest, &str)> = Vec::new();
    for manifest in manifests {
        match manifest.kind() {
            "Service" => problems.extend(service(manifest, &workloads)),
            "PodDisruptionBudget" => match selected(manifest, "/spec/selector", &workloads) {
                Ok(pods) => {
                    let overlap =
                        budgets.iter().find(|(_, other)| other.iter().any(|pod| pods.contains(pod)));
                    if let Some((other, _)) = overlap {
                        let message = format!(
                            "a pod under two disruption budgets cannot be evicted: {other} selects it, too"
                        );
                        problems.push(
                            manifest
                                .diagnostic("/spec/selector", message)
                                .label(format!("see {}", line(other, "/spec/selector"))),
                        );
                    }
                    budgets.push((manifest, pods));
                }
                Err(found) => problems.extend(found),
            },
            "NetworkPolicy" => problems.extend(policy(manifest, &workloads)),
            "PodMonitor" => {
                problems.extend(selected(manifest, "/spec/selector", &workloads).err().unwrap_or_default());
            }
            "HorizontalPodAutoscaler" => {
                problems.extend(autoscaler(manifest, &workloads));
                let target = manifest.text("/spec/scaleTargetRef/name").unwrap_or_default();
                if let Some((other, _)) =
                    scaled.iter().find(|(other, name)| *name == target && same_namespace(other, manifest))
                {
                    let message = format!("{other} scales `{target}`, too");
                    problems.push(
                        manifest
                            .diagnostic("/spec/scaleTargetRef/name", message)
                            .label("two would fight over its replicas"),
                    );
                }
                scaled.push((manifest, target));
            }
            _ => {}
        }
    }
    problems
}

/// `manifest` as something that makes pods, if it does.
fn workload<'m>(manifest: &'m Manifest, problems: &mut Vec<Diagnostic>) -> Option<Workload<'m>> {
    let template = images::pod_template(manifest.kind())?;
    let labels = labels::labels(&manifest.object, &format!("{template}/metadata/labels"));
    let selecting = matches!(manifest.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
    if !selecting {
        return Some(Workload { manifest, selector: None, labels });
    }
    match read(manifest, "/spec/selector") {
        Err(found) => {
            problems.extend(found);
            None
        }
        Ok(selector) if !selector.matches(&labels) => {
            let problem = manifest
                .diagnostic("/spec/selector", format!("{manifest} does not select its own pods"))
                .label(format!("asks for {selector}"));
            problems.push(problem.help(format!("its pods have {}", show(&labels))));
            None
        }
        Ok(selector) => Some(Workload { manifest, selector: Some(selector), labels }),
    }
}

/// The selector at `pointer`, which must ask for something.
fn read(manifest: &Manifest, pointer: &str) -> Result<Selector, Vec<Diagnostic>> {
    let Some(value) = manifest.object.pointer(pointer) else {
        return Err(vec![manifest.diagnostic(pointer, format!("{manifest} has no selector"))]);
    };
    let selector =
        Selector::read(value, pointer).map_err(|(at, message)| vec![manifest.diagnostic(&at, message)])?;
    if selector.is_empty() {
        let message = format!("the selector of {manifest} is empty, and an empty one selects every pod");
        return Err(vec![manifest.diagnostic(pointer, message).help("name a label of its own pods")]);
    }
    Ok(selector)
}

/// What is wrong where two workloads count each other's pods.
fn shared(one: &Workload<'_>, other: &Workload<'_>) -> Option<Diagnostic> {
    if !same_namespace(one.manifest, other.manifest) {
        return None;
    }
    let counts =
        |a: &Workload<'_>, b: &Workload<'_>| a.selector.as_ref().is_some_and(|a| a.matches(&b.labels));
    let selector = one.selector.as_ref()?;
    if one.selector == other.selector {
        let message = format!("{} and {} have one selector", other.manifest, one.manifest);
        let problem = one
            .manifest
            .diagnostic("/spec/selector", message)
            .label(format!("`{selector}`, as in {}", line(other.manifest, "/spec/selector")));
        return Some(
            problem.help("each would count and delete the other's pods: give each a label of its own"),
        );
    }
    let (greedy, other) = if counts(one, other) {
        (one, other)
    } else if counts(other, one) {
        (other, one)
    } else {
        return None;
    };
    let message = format!("{} also selects the pods of {}", greedy.manifest, other.manifest);
    Some(greedy.manifest.diagnostic("/spec/selector", message).help("give each a label of its own"))
}

/// A Service selects the pods of exactly one workload; without a selector it is somebody else's.
fn service(manifest: &Manifest, workloads: &[Workload<'_>]) -> Option<Diagnostic> {
    let pointer = "/spec/selector";
    let value = manifest.object.pointer(pointer)?;
    let selector = match Selector::plain(value, pointer) {
        Ok(selector) => selector,
        Err((at, message)) => return Some(manifest.diagnostic(&at, message)),
    };
    if selector.is_empty() {
        let message = format!("the selector of {manifest} is empty, so that it has no endpoints");
        return Some(manifest.diagnostic(pointer, message).help("name a label of the pods, or leave it out"));
    }
    let pods = matching(manifest, &selector, workloads);
    match pods.as_slice() {
        [] => Some(nothing(manifest, pointer, &selector, workloads)),
        [_] => None,
        [one, two, ..] => {
            let (one, two) = (workloads[*one].manifest, workloads[*two].manifest);
            let message = format!("{manifest} selects the pods of both {one} and {two}");
            let problem = manifest.diagnostic(pointer, message).label(format!("asks for {selector}"));
            Some(
                problem.help(format!("name a label that only one of them has, such as `{}`", labels::SERVES)),
            )
        }
    }
}

/// A network policy may be empty, which is how everything is denied by default. Where it is not, it selects something.
fn policy(manifest: &Manifest, workloads: &[Workload<'_>]) -> Option<Diagnostic> {
    let pointer = "/spec/podSelector";
    let selector = match Selector::read(manifest.object.pointer(pointer)?, pointer) {
        Ok(selector) => selector,
        Err((at, message)) => return Some(manifest.diagnostic(&at, message)),
    };
    let idle = !selector.is_empty() && matching(manifest, &selector, workloads).is_empty();
    idle.then(|| nothing(manifest, pointer, &selector, workloads))
}

/// An autoscaler scales a workload that is there.
fn autoscaler(manifest: &Manifest, workloads: &[Workload<'_>]) -> Option<Diagnostic> {
    let pointer = "/spec/scaleTargetRef/name";
    let target = manifest.text(pointer).unwrap_or_default();
    let kind = manifest.text("/spec/scaleTargetRef/kind").unwrap_or_default();
    if !matches!(kind, "Deployment" | "StatefulSet") {
        return None;
    }
    let of_kind = workloads
        .iter()
        .filter(|workload| workload.manifest.kind() == kind && same_namespace(workload.manifest, manifest));
    let names: Vec<&str> = of_kind.map(|workload| workload.manifest.name()).collect();
    if names.contains(&target) {
        return None;
    }
    let problem =
        manifest.diagnostic(pointer, format!("{manifest} scales the {kind} `{target}`, which is not there"));
    Some(match suggest::nearest(target, names.iter().copied()) {
        Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
        None => problem,
    })
}

/// The workloads whose pods the selector at `pointer` selects; there must be some.
fn selected(
    manifest: &Manifest,
    pointer: &str,
    workloads: &[Workload<'_>],
) -> Result<Vec<usize>, Vec<Diagnostic>> {
    let selector = read(manifest, pointer)?;
    let pods = matching(manifest, &selector, workloads);
    if pods.is_empty() { Err(vec![nothing(manifest, pointer, &selector, workloads)]) } else { Ok(pods) }
}

fn matching(manifest: &Manifest, selector: &Selector, workloads: &[Workload<'_>]) -> Vec<usize> {
    let selected = |workload: &Workload<'_>| {
        same_namespace(workload.manifest, manifest) && selector.matches(&workload.labels)
    };
    (0..workloads.len()).filter(|&index| selected(&workloads[index])).collect()
}

/// That no pod is selected, at the label that none has where it is one.
fn nothing(
    manifest: &Manifest,
    pointer: &str,
    selector: &Selector,
    workloads: &[Workload<'_>],
) -> Diagnostic {
    let message = format!("{manifest} selects nothing");
    let value = manifest.object.pointer(pointer).unwrap_or(&Value::Null);
    let (demands, place) = match value.get("matchLabels") {
        Some(labels) => (labels, format!("{pointer}/matchLabels")),
        None => (value, pointer.to_owned()),
    };
    for (key, wanted) in demands.as_object().into_iter().flatten() {
        let Some(wanted) = wanted.as_str() else { continue };
        let near = workloads.iter().filter(|workload| same_namespace(workload.manifest, manifest));
        let values: Vec<&str> =
            near.filter_map(|workload| workload.labels.get(key)).map(String::as_str).collect();
        if values.contains(&wanted) {
            continue;
        }
        let at = super::manifest::join(&place, key);
        let problem = manifest.diagnostic(&at, message).label(format!("no pod has `{key}={wanted}`"));
        return match suggest::nearest(wanted, values) {
            Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
            None => problem,
        };
    }
    manifest.diagnostic(pointer, message).label(format!("no pod has all of {selector}"))
}

fn same_namespace(one: &Manifest, other: &Manifest) -> bool {
    one.text("/metadata/namespace") == other.text("/metadata/namespace")
}

/// Where the selector of another object stands.
fn line(manifest: &Manifest, pointer: &str) -> String {
    let place = manifest.diagnostic(pointer, "");
    format!("{}:{}", place.path.display(), place.position().0)
}

fn show(labels: &Labels) -> String {
    let mut text = String::new();
    for (key, value) in labels {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing into a String cannot fail.
        let _infallible = write!(text, "{comma}{key}={value}");
    }
    if text.is_empty() { "no labels".to_owned() } else { text }
}
