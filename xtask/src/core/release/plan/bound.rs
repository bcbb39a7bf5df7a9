//! What a plan was made from, so that it can be noticed that it is no longer so.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

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
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Self {
            api_version: text("/apiVersion").unwrap_or_default(),
            kind: text("/kind").unwrap_or_default(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name").unwrap_or_default(),
        }
    }

    /// Whether the live `object` is this one. What states no namespace is in the one of the environment.
    pub(super) fn is(&self, object: &Value) -> bool {
        let other = Self::of(object);
        let near = self.namespace.is_none() || self.namespace == other.namespace;
        self.api_version == other.api_version && self.kind == other.kind && self.name == other.name && near
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
pub(super) fn to<'v>(written: impl Iterator<Item = &'v Value>, live: &[Value]) -> Vec<Bound> {
    let written: BTreeSet<Identity> = written.map(Identity::of).collect();
    written.into_iter().map(|object| Bound { was: now(&object, live), object }).collect()
}

/// Whether all of them still are.
pub(super) fn check(bound: &[Bound], live: &[Value]) -> Result<(), String> {
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

fn now(object: &Identity, live: &[Value]) -> Option<(String, String)> {
    let found = live.iter().find(|live| object.is(live))?;
    let uid = found.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    Some((uid.to_owned(), content(found)))
}

/// The hash of what people and programs have written: without status, and without the number of pods, which an autoscaler
/// moves at any time.
fn content(object: &Value) -> String {
    let mut kept = Map::new();
    for (key, value) in object.as_object().into_iter().flatten().filter(|(key, _)| *key != "status") {
        let mut value = value.clone();
        if let Some(fields) = value.as_object_mut() {
            if key == "metadata" {
                fields.retain(|field, _| field == "labels" || field == "annotations");
                if let Some(annotations) = fields.get_mut("annotations").and_then(Value::as_object_mut) {
                    // The controller counts here.
                    annotations.remove("deployment.kubernetes.io/revision");
                }
                fields.retain(|_, texts| texts.as_object().is_some_and(|texts| !texts.is_empty()));
            } else if key == "spec" {
                fields.remove("replicas");
            }
        }
        kept.insert(key.clone(), value);
    }
    let hash = blake3::hash(Value::Object(kept).to_string().as_bytes());
    hash.to_hex().chars().take(32).collect()
}
