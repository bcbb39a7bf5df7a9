//! What an object has to say about itself (apiVersion, kind, name), and the shape on which the rest relies.

use serde_json::Value;

use super::{Manifest, scalar};
use crate::diagnostic::Diagnostic;
use crate::suggest;

/// The kinds a release understands, and the versions in which it does. In those that are missing here a field has another
/// name or meaning, and no server in support has them.
const KINDS: [(&str, &[&str]); 13] = [
    ("ConfigMap", &["v1"]),
    ("CronJob", &["batch/v1"]),
    ("DaemonSet", &["apps/v1"]),
    ("Deployment", &["apps/v1"]),
    ("HorizontalPodAutoscaler", &["autoscaling/v2", "autoscaling/v1"]),
    ("Ingress", &["networking.k8s.io/v1"]),
    ("Job", &["batch/v1"]),
    ("NetworkPolicy", &["networking.k8s.io/v1"]),
    ("PodDisruptionBudget", &["policy/v1"]),
    ("Secret", &["v1"]),
    ("Service", &["v1"]),
    ("ServiceAccount", &["v1"]),
    ("StatefulSet", &["apps/v1"]),
];

/// The groups of Kubernetes whose names have no dot. A custom resource always belongs to a group with one.
const GROUPS: [&str; 4] = ["apps", "autoscaling", "batch", "policy"];

/// What `manifest` does not say about itself, or says wrongly.
pub(super) fn check(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if !manifest.object.is_object() {
        return vec![
            manifest.diagnostic("", "this document is no Kubernetes object").label("expected a mapping"),
        ];
    }
    for (pointer, name) in
        [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
    {
        let problem = match manifest.object.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => continue,
            Some(Value::String(_)) => manifest.diagnostic(pointer, format!("`{name}` is empty")),
            Some(_) => {
                manifest.diagnostic(pointer, format!("`{name}` must be a text")).help("put it in quotes")
            }
            None => manifest.diagnostic(pointer, format!("`{name}` is missing")),
        };
        let generated = manifest.object.pointer("/metadata/generateName").is_some();
        let problem = match problem.help {
            None if pointer == "/metadata/name" && generated => {
                problem.help("a release has to find its objects again: `generateName` cannot be used")
            }
            _ => problem,
        };
        problems.push(problem);
    }
    if !problems.is_empty() {
        return problems;
    }
    let (version, kind) = (manifest.api_version(), manifest.kind());
    if kind == "List" {
        let problem = manifest.diagnostic("/kind", "a `List` is not read");
        problems.push(problem.help("write its items as documents with `---` between them"));
        return problems;
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let custom = group.contains('.') && !group.ends_with(".k8s.io");
    if let Some((_, versions)) = KINDS.iter().find(|(known, _)| *known == kind).filter(|_| !custom) {
        if !versions.contains(&version) {
            let message = format!("`{version}` is no version of `{kind}`");
            problems
                .push(manifest.diagnostic("/apiVersion", message).help(format!("write `{}`", versions[0])));
        }
    } else if !group.contains('.') && !group.is_empty() && !GROUPS.contains(&group) {
        let problem = manifest.diagnostic("/apiVersion", format!("Kubernetes has no group `{group}`"));
        problems.push(match suggest::nearest(group, GROUPS) {
            Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
            None => problem.help("a custom resource belongs to a group with a dot, as in `example.com/v1`"),
        });
    }
    if let Some((nearest, _)) = KINDS
        .iter()
        .filter(|(known, versions)| *known != kind && !custom && versions.contains(&version))
        .find(|(known, _)| strsim::damerau_levenshtein(known, kind) <= 2)
    {
        let problem = manifest.diagnostic("/kind", format!("`{version}` has no kind `{kind}`"));
        problems.push(problem.help(format!("did you mean `{nearest}`?")));
    }
    if !custom && KINDS.iter().any(|(known, _)| *known == kind) {
        problems.extend(shape(manifest));
    }
    problems
}

/// Where labels and annotations are in the kinds above.
const TEXTS: [&str; 6] = [
    "/metadata/labels",
    "/metadata/annotations",
    "/spec/selector/matchLabels",
    "/spec/podSelector/matchLabels",
    "/spec/template/metadata/labels",
    "/spec/template/metadata/annotations",
];

/// Where there are mappings.
const MAPPINGS: [&str; 8] = [
    "/metadata",
    "/spec",
    "/spec/selector",
    "/spec/podSelector",
    "/spec/scaleTargetRef",
    "/spec/template",
    "/spec/template/metadata",
    "/spec/template/spec",
];

/// Where there are lists.
const LISTS: [&str; 3] =
    ["/spec/template/spec/containers", "/spec/template/spec/initContainers", "/spec/template/spec/volumes"];

/// What has another type than everybody expects who looks into it: it would be overlooked here, and refused by the server.
fn shape(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut expect = |pointers: &[&str], is: fn(&Value) -> bool, expected: &str| {
        for pointer in pointers {
            let found = manifest.object.pointer(pointer).filter(|value| !value.is_null() && !is(value));
            if let Some(found) = found {
                let key = pointer[1..].replace('/', ".");
                let message = format!("`{key}` must be {expected}, not {}", scalar::kind(found));
                problems.push(manifest.diagnostic(pointer, message));
            }
        }
    };
    expect(&MAPPINGS, Value::is_object, "a mapping");
    expect(&TEXTS, Value::is_object, "a mapping");
    expect(&LISTS, Value::is_array, "a list");
    for pointer in TEXTS {
        let entries = manifest.object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
        for (key, value) in entries.filter(|(_, value)| !value.is_string()) {
            let message = format!("`{key}` must be a text, and this is {}", scalar::kind(value));
            problems.push(manifest.diagnostic(&super::join(pointer, key), message).help("put it in quotes"));
        }
    }
    problems
}
