//! What a plan was made from, so that it can be noticed that it is no longer so.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::Live;
use crate::kubectl::document::Name;
use crate::release::labels;

/// Which object.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The group and version.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace, where the object states one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Identity {
    /// The identity of an object.
    pub fn of(object: &Value) -> Self {
        let Key { api_version, kind, namespace, name } = Key::of(object);
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// The group of a kind that is none of Kubernetes' own: a server may not know it.
    pub fn foreign_group(&self) -> Option<&str> {
        let (group, _) = self.api_version.split_once('/')?;
        (group.contains('.') && !group.ends_with(".k8s.io")).then_some(group)
    }

    /// Whether `object` is the one that this names. What states no namespace is in `home`.
    pub fn is(&self, object: &Value, home: &str) -> bool {
        self.key().is(Key::of(object), home)
    }

    /// The same, borrowed.
    pub(super) fn key(&self) -> Key<'_> {
        let Self { api_version, kind, namespace, name } = self;
        Key { api_version, kind, namespace: namespace.as_deref(), name }
    }
}

impl From<&Identity> for Name {
    fn from(identity: &Identity) -> Self {
        let Identity { api_version, kind, namespace, name } = identity.clone();
        Self { api_version, kind, namespace, name }
    }
}

/// An [`Identity`] to compare with many objects, without a copy of each.
#[derive(Clone, Copy)]
pub(super) struct Key<'v> {
    api_version: &'v str,
    kind: &'v str,
    pub(super) namespace: Option<&'v str>,
    name: &'v str,
}

impl<'v> Key<'v> {
    /// What an object is called.
    pub(super) fn of(object: &'v Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        Self {
            api_version: text("/apiVersion").unwrap_or_default(),
            kind: text("/kind").unwrap_or_default(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name").unwrap_or_default(),
        }
    }

    /// Whether both are one object. What states no namespace is in `home`; what belongs to none never states one.
    pub(super) fn is(self, other: Self, home: &str) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.api_version == other.api_version
            && self.namespace.unwrap_or(home) == other.namespace.unwrap_or(home)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// What one object was when the plan was made; `None` where there was none.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bound {
    /// The object.
    pub object: Identity,
    /// Its uid, and the hash of what it says.
    pub was: Option<(String, String)>,
}

/// What the objects that are written are now.
pub(super) fn to<'v>(written: impl Iterator<Item = &'v Value>, live: &Live) -> Vec<Bound> {
    let written: BTreeSet<Identity> = written.map(Identity::of).collect();
    written.into_iter().map(|object| Bound { was: now(&object, live), object }).collect()
}

/// Whether all of them still are.
pub(super) fn check(bound: &[Bound], live: &Live) -> Result<(), String> {
    for Bound { object, was } in bound {
        match (was, now(object, live)) {
            (None, Some(_)) => return Err(format!("{object} is there now")),
            (Some(_), None) => return Err(format!("{object} is gone")),
            (Some((uid, _)), Some((other, _))) if *uid != other => {
                return Err(format!("{object} is another one"));
            }
            (Some((_, content)), Some((_, other))) if *content != other => {
                return Err(format!("somebody has changed {object}"));
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
    Ok(())
}

fn now(object: &Identity, live: &Live) -> Option<(String, String)> {
    let found = live.named(object)?;
    let uid = found.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    Some((uid.to_owned(), content(found)))
}

/// The hash of what people and programs have written: without status, and without the number of pods, which an autoscaler
/// moves at any time.
fn content(object: &Value) -> String {
    let mut written = written(object);
    if let Some(spec) = written.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    let hash = blake3::hash(written.to_string().as_bytes());
    hash.to_hex().chars().take(32).collect()
}

/// What people and programs have written of an object: without status, versions, and what a release stamps onto each object
/// that it writes.
pub(super) fn written(object: &Value) -> Value {
    let mut kept = Map::new();
    for (key, value) in object.as_object().into_iter().flatten().filter(|(key, _)| *key != "status") {
        let mut value = value.clone();
        if let Some(fields) = value.as_object_mut().filter(|_| key == "metadata") {
            fields.retain(|field, _| field == "labels" || field == "annotations");
            if let Some(annotations) = fields.get_mut("annotations").and_then(Value::as_object_mut) {
                // The controller counts here.
                annotations.remove("deployment.kubernetes.io/revision");
                annotations.retain(|annotation, _| !labels::is_stamp(annotation));
            }
            fields.retain(|_, texts| texts.as_object().is_some_and(|texts| !texts.is_empty()));
        }
        kept.insert(key.clone(), value);
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_states_no_namespace_is_at_home() {
        let service = |namespace: Option<&str>, uid: &str| {
            let mut service = serde_json::json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "uid": uid}});
            if let Some(namespace) = namespace {
                service["metadata"]["namespace"] = namespace.into();
            }
            service
        };
        let objects = vec![service(Some("other"), "1"), service(Some("home"), "2")];
        let live = Live { namespace: "home".to_owned(), objects, ..Live::default() };
        let uid =
            |namespace: Option<&str>| Some(live.find(&service(namespace, ""))?["metadata"]["uid"].clone());
        for (namespace, expected) in
            [(None, Some("2")), (Some("home"), Some("2")), (Some("other"), Some("1")), (Some("third"), None)]
        {
            assert_eq!(uid(namespace), expected.map(Value::from), "{namespace:?}");
        }
        // Read without namespaces: everything is at home.
        let live = Live { objects: vec![service(None, "3")], ..live };
        assert!(
            live.find(&service(Some("home"), "")).is_some()
                && live.find(&service(Some("other"), "")).is_none()
        );
    }
}
