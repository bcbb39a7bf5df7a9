//! Revisions: what a component runs, by content, and ConfigMaps that cannot change under it.
//!
//! A ConfigMap that is edited in place stays new when the pods go back to the old release. So each one that a pod template
//! refers to is applied under a name that holds the hash of its content, and is immutable: a template that goes back takes its
//! configuration along. Secrets are referred to by name only; they are not read here and do not roll back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::images;
use super::labels;
use super::manifest::{self, Manifest};
use super::model::Revision;
use crate::diagnostic::Diagnostic;

/// The version of what goes into a hash. Who changes that changes this, so that no two meanings share a revision.
const VERSION: &str = "vitalyst release revision 1";

/// How many digits of a hash stand in the name of a ConfigMap. Names of one ConfigMap must differ, not those of all.
const NAME_DIGITS: usize = 10;

/// How many digits a revision has. It is the value of a label, and people compare it.
const REVISION_DIGITS: usize = 16;

/// Gives each ConfigMap in `manifests` that a pod template among them or in `overlays` refers to a name by its content, makes
/// it immutable and changes the references.
///
/// # Errors
///
/// A problem for each whose name would become too long.
pub fn name_by_content(manifests: &mut [Manifest], overlays: &mut [Manifest]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut names: BTreeMap<(String, String), String> = BTreeMap::new();
    for manifest in manifests.iter().filter(|manifest| manifest.kind() == "ConfigMap") {
        let content = json!([manifest.object.get("data"), manifest.object.get("binaryData")]);
        let name = format!("{}-{}", manifest.name(), hash([&content], NAME_DIGITS));
        if name.len() > 253 {
            let message = "this name has no room for the hash of the content behind it";
            problems.push(
                manifest.diagnostic("/metadata/name", message).label("253 characters are allowed with it"),
            );
        }
        names.insert((namespace(manifest), manifest.name().to_owned()), name);
    }
    let mut used = Vec::new();
    for manifest in manifests.iter_mut().chain(overlays) {
        let Some(template) = images::pod_template(manifest.kind()) else { continue };
        let namespace = namespace(manifest);
        let Some(spec) = manifest.object.pointer_mut(&format!("{template}/spec")) else { continue };
        each_reference(spec, &mut |name| {
            let key = (namespace.clone(), name.as_str().unwrap_or_default().to_owned());
            if let Some(new) = names.get(&key) {
                *name = Value::from(new.as_str());
                used.push(key);
            }
        });
    }
    for manifest in manifests.iter_mut().filter(|manifest| manifest.kind() == "ConfigMap") {
        let key = (namespace(manifest), manifest.name().to_owned());
        if let (true, Some(name)) = (used.contains(&key), names.get(&key)) {
            manifest::set(&mut manifest.object, "/metadata/name", name.as_str());
            manifest::set(&mut manifest.object, "/immutable", true);
        }
    }
    problems
}

/// A hash of `content` that is short enough to stand in a name.
pub(super) fn short_hash(content: &Value) -> String {
    hash([content], NAME_DIGITS)
}

/// The ConfigMaps among `manifests` to which the pods of `workload` refer.
pub fn configuration<'m>(workload: &Manifest, manifests: &'m [Manifest]) -> Vec<&'m Manifest> {
    let mut names = Vec::new();
    let template = images::pod_template(workload.kind()).unwrap_or_default();
    if let Some(spec) = workload.object.pointer(&format!("{template}/spec")) {
        each_reference(&mut spec.clone(), &mut |name| names.extend(name.as_str().map(str::to_owned)));
    }
    let referred = |manifest: &&Manifest| {
        manifest.kind() == "ConfigMap"
            && namespace(manifest) == namespace(workload)
            && names.iter().any(|name| name == manifest.name())
    };
    manifests.iter().filter(referred).collect()
}

/// Calls `found` with the name in each reference to a ConfigMap in a pod's spec: volumes (projected ones, too), and the
/// environments of all containers.
fn each_reference(spec: &mut Value, found: &mut impl FnMut(&mut Value)) {
    let mut visit = |holder: &mut Value, pointer: &str| {
        if let Some(name) = holder.pointer_mut(pointer) {
            found(name);
        }
    };
    for volume in items(spec, "volumes") {
        visit(volume, "/configMap/name");
        if let Some(projected) = volume.get_mut("projected") {
            items(projected, "sources").for_each(|source| visit(source, "/configMap/name"));
        }
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in items(spec, list) {
            items(container, "envFrom").for_each(|source| visit(source, "/configMapRef/name"));
            items(container, "env").for_each(|variable| visit(variable, "/valueFrom/configMapKeyRef/name"));
        }
    }
}

fn items<'v>(value: &'v mut Value, list: &str) -> impl Iterator<Item = &'v mut Value> {
    value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// The revision of what runs: of the pod templates of slot a and of its overlay, and of the ConfigMaps they refer to.
///
/// `selected` are the labels in which the slots differ. They and the revision itself are left out, so that both slots with
/// one content have one revision; the number of pods and the release are no part of a template.
pub fn revision(templates: &[&Value], selected: &[&str], configuration: &[&Manifest]) -> Revision {
    let mut templates = json!(templates);
    for template in templates.as_array_mut().into_iter().flatten() {
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.retain(|key, _| key != labels::REVISION && !selected.contains(&key.as_str()));
        }
    }
    let mut content: Vec<Value> = configuration
        .iter()
        .map(|map| json!([map.name(), map.object.get("data"), map.object.get("binaryData")]))
        .collect();
    content.sort_by_cached_key(Value::to_string);
    content.dedup();
    let content = Value::Array(content);
    Revision(hash([&templates, &content], REVISION_DIGITS).into())
}

/// The first digits of the hash of these values. Objects are written with their keys in order, so their order in the file
/// does not count.
fn hash<'v>(values: impl IntoIterator<Item = &'v Value>, digits: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(VERSION.as_bytes());
    for value in values {
        let text = value.to_string();
        // The length keeps two values from reading as two others.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut hash = hasher.finalize().to_hex().to_string();
    hash.truncate(digits);
    hash
}

fn namespace(manifest: &Manifest) -> String {
    manifest.text("/metadata/namespace").unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web, vitalyst.io/slot: a, tier: front}}
    spec:
      initContainers:
      - name: wait
        envFrom: [{configMapRef: {name: settings}}]
      containers:
      - name: web
        env:
        - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}
        - {name: B, valueFrom: {secretKeyRef: {name: settings, key: a}}}
        - {name: C, valueFrom: {configMapKeyRef: {name: elsewhere, key: a}}}
      volumes:
      - {name: x, configMap: {name: files}}
      - {name: y, projected: {sources: [{configMap: {name: settings}}, {secret: {name: files}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: '1', b: x}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: files}
data: {a: '1', b: x}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: unused}
data: {a: '1'}
";

    fn read(text: &str) -> Vec<Manifest> {
        let mut manifests = manifest::read("k.yml", text, None).unwrap();
        assert_eq!(name_by_content(&mut manifests, &mut []).len(), 0);
        manifests
    }

    fn revision_of(text: &str) -> Revision {
        let manifests = read(text);
        let configuration = configuration(&manifests[0], &manifests);
        revision(&[&manifests[0].object["spec"]["template"]], &["app", labels::SLOT], &configuration)
    }

    #[test]
    fn configuration_is_named_by_content_wherever_it_is_referred_to() {
        let manifests = read(FILE);
        let settings = manifests[1].name();
        assert_eq!(settings.len(), "settings-".len() + NAME_DIGITS);
        assert_eq!(manifests[1].object["immutable"], true);
        assert_eq!(manifests[3].name(), "unused", "nobody refers to it, so others may");
        let text = manifests[0].object.to_string();
        assert_eq!(text.matches(settings).count(), 3);
        assert_eq!(text.matches(manifests[2].name()).count(), 1);
        assert_eq!(text.matches(r#""name":"settings""#).count(), 1, "the Secret keeps its name");
        assert!(text.contains(r#""name":"elsewhere""#));
        assert_eq!(configuration(&manifests[0], &manifests).len(), 2);
    }

    #[test]
    fn a_revision_is_what_runs_and_nothing_else() {
        let revision = revision_of(FILE);
        assert_eq!(revision.0.len(), REVISION_DIGITS);
        for (from, to) in [
            ("vitalyst.io/slot: a", "vitalyst.io/slot: b"),
            ("app: web", "app: web-b"),
            ("spec:\n  template", "spec:\n  replicas: 7\n  template"),
            ("{a: '1', b: x}", "{b: x, a: '1'}"),
            ("{name: unused}\ndata: {a: '1'}", "{name: unused}\ndata: {a: '2'}"),
        ] {
            assert_eq!(revision_of(&FILE.replace(from, to)), revision, "{to}");
        }
        let (deployment, maps) = FILE.split_once("---\n").unwrap();
        let mut maps: Vec<&str> = maps.split("---\n").collect();
        maps.reverse();
        let reversed = format!("{deployment}---\n{}", maps.join("---\n"));
        assert_eq!(revision_of(&reversed), revision, "the order of the documents does not count");
        for (from, to) in [("tier: front", "tier: back"), ("b: x}", "b: y}"), ("key: a", "key: b")] {
            assert_ne!(revision_of(&FILE.replace(from, to)), revision, "{to}");
        }
    }
}
