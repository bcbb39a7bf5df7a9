//! What is asked of a server: values, in the words of its API.

use serde_json::{Value, json};

use super::look::Mark;
use super::stamp::Stamp;
use crate::release::labels::{EFFECT, FENCE};
use crate::release::manifest;
use crate::release::model::Fence;
use crate::release::plan::Identity;

/// In whose name a field is written. To own a field and to leave it out takes it away, so what is written apart has a manager
/// of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Manager {
    /// What the manifests state, and what a release moves of it: selectors, floors, suspensions.
    Manifests,
    /// `spec.replicas` of a Deployment.
    Replicas,
    /// The number of the owner.
    Fence,
}

impl Manager {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Manifests, Self::Replicas, Self::Fence];

    /// Its name in `managedFields`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifests => "vitalyst-manifests",
            Self::Replicas => "vitalyst-replicas",
            Self::Fence => "vitalyst-fence",
        }
    }

    /// The annotation with its last effect. Each has one of its own: with a common one they would conflict at every write.
    pub fn annotation(self) -> String {
        let name = match self {
            Self::Manifests => "manifests",
            Self::Replicas => "replicas",
            Self::Fence => "fence",
        };
        format!("{EFFECT}{name}")
    }
}

/// How a request is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    /// `POST`: refused with `AlreadyExists` where there is one.
    Create,
    /// A server-side apply: `PATCH` with `application/apply-patch+yaml`.
    Apply {
        /// Whether fields that others own are taken from them. Else it is refused, and they are named.
        force: bool,
    },
    /// A merge patch of some fields (RFC 7386), of the version that it carries: `PATCH` with `application/merge-patch+json`.
    ///
    /// For some fields of what `kubectl apply` has made in its older way. A server-side apply by kubectl first makes its manager
    /// the owner of all that was applied so (`migrateToSSAIfNecessary`); the next one of some fields would take the rest away.
    Merge,
    /// `PUT`: the whole object.
    Replace,
}

/// What is asked of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The namespace of the objects; those that belong to none do not mind.
    pub namespace: String,
    /// In whose name.
    pub manager: Manager,
    /// How.
    pub verb: Verb,
    /// The objects, one after the other: once one is refused, or without an answer, those behind it are not asked for.
    pub objects: Vec<Value>,
}

/// A resourceVersion that no object ever has: a store begins to count at 1, and what is written first has 2. A server-side
/// apply with it makes what is not there; where something is, it is refused with `the object has been modified`, forced or not
/// (seen on 1.34.4).
const NEVER: &str = "1";

/// The version of one object that a request is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum At<'a> {
    /// One that was read.
    Read { uid: &'a str, resource: u64 },
    /// None: it is made.
    Nothing,
}

/// Names of an object without anything else of it.
pub(super) fn bare(identity: &Identity) -> Value {
    let Identity { api_version, kind, namespace, name } = identity;
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if let Some(namespace) = namespace {
        manifest::set(&mut object, "/metadata/namespace", namespace.as_str());
    }
    object
}

/// Puts the version into an object that is applied.
pub(super) fn at(object: &mut Value, at: At<'_>) {
    match at {
        At::Read { uid, resource } => {
            manifest::set(object, "/metadata/uid", uid);
            manifest::set(object, "/metadata/resourceVersion", resource.to_string());
        }
        At::Nothing => manifest::set(object, "/metadata/resourceVersion", NEVER),
    }
}

/// How some fields of objects are written over those of others: `marks` are what was read of them.
pub(super) fn partial<'m>(mut marks: impl Iterator<Item = &'m Mark>) -> Verb {
    if marks.any(|mark| mark.is_client_applied) { Verb::Merge } else { Verb::Apply { force: true } }
}

/// Sets an annotation.
pub(super) fn annotate(object: &mut Value, annotation: &str, text: impl Into<String>) {
    manifest::set(object, &manifest::join("/metadata/annotations", annotation), text.into());
}

/// Puts the effect, and the owner's number where it belongs to this manager, into an object.
pub(super) fn sign(object: &mut Value, manager: Manager, stamp: Stamp, fence: Option<Fence>) {
    annotate(object, &manager.annotation(), stamp.to_string());
    if let Some(fence) = fence {
        annotate(object, FENCE, fence.0.to_string());
    }
}
