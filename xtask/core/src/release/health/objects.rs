//! The Kubernetes objects a rollout is judged by, as far as it needs them.
//!
//! Field names are those of the API (`apps/v1`, `v1`, `batch/v1`, `discovery.k8s.io/v1`). Unknown fields are ignored, absent
//! and `null` ones have their default.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::timestamp::Timestamp;

/// `null` is what Go writes for an empty list or an unset time.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Structs whose every field may be absent or `null`.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(deserialize_with = "nullable")] pub $field: $type,)*
        }
    )*};
}

objects! {
    /// What every object has.
    Metadata {
        /// Its name.
        name: String,
        /// Its identity: another object of the same name has another one.
        uid: String,
        /// Counts the changes of its `spec`.
        generation: u64,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// Who made it.
        owner_references: Vec<OwnerReference>,
        /// When it was made.
        creation_timestamp: Option<Timestamp>,
        /// Since when it is being deleted.
        deletion_timestamp: Option<Timestamp>,
    }

    /// An owner of an object.
    OwnerReference {
        /// The owner's identity.
        uid: String,
        /// Whether it is the one that manages the object.
        controller: bool,
    }

    /// A condition in a status.
    Condition {
        /// What is meant: `Progressing`, `Ready`.
        #[serde(rename = "type")]
        kind: String,
        /// `True`, `False` or `Unknown`.
        status: String,
        /// A word for why.
        reason: String,
        /// The words for why.
        message: String,
        /// When it was last written.
        last_update_time: Option<Timestamp>,
        /// When its status last changed.
        last_transition_time: Option<Timestamp>,
    }

    /// A Deployment.
    Deployment {
        /// What every object has.
        metadata: Metadata,
        /// What is wanted.
        spec: DeploymentSpec,
        /// What is.
        status: ReplicaStatus,
    }

    /// What a Deployment or a `ReplicaSet` wants.
    DeploymentSpec {
        /// How many pods; absent means 1.
        replicas: Option<u32>,
        /// The pods.
        template: Value,
        /// Whether changes wait.
        paused: bool,
        /// How many seconds a pod has to be ready before it is available.
        min_ready_seconds: u32,
    }

    /// How many pods there are.
    ReplicaStatus {
        /// Up to which generation the controller has looked.
        observed_generation: u64,
        /// All pods.
        replicas: u32,
        /// Of a Deployment: those of the newest template.
        updated_replicas: u32,
        /// Of a `ReplicaSet`: those with all labels of the template.
        fully_labeled_replicas: u32,
        /// Those that are ready.
        ready_replicas: u32,
        /// Those that were ready for `minReadySeconds`.
        available_replicas: u32,
        /// What else is to be said.
        conditions: Vec<Condition>,
    }

    /// A `ReplicaSet`.
    ReplicaSet {
        /// What every object has.
        metadata: Metadata,
        /// What is wanted.
        spec: DeploymentSpec,
        /// What is.
        status: ReplicaStatus,
    }

    /// A pod.
    Pod {
        /// What every object has.
        metadata: Metadata,
        /// What is.
        status: PodStatus,
    }

    /// What a pod is doing.
    PodStatus {
        /// `Pending`, `Running`, `Succeeded`, `Failed`.
        phase: String,
        /// A word for why.
        reason: String,
        /// The words for why.
        message: String,
        /// What else is to be said.
        conditions: Vec<Condition>,
        /// Containers that run before the others.
        init_container_statuses: Vec<ContainerStatus>,
        /// The containers.
        container_statuses: Vec<ContainerStatus>,
    }

    /// What a container is doing.
    ContainerStatus {
        /// Its name in the pod.
        name: String,
        /// How often it was started again.
        restart_count: u32,
        /// Whether it runs and its readiness probe has passed.
        ready: bool,
        /// What it does now.
        state: ContainerState,
        /// What it did before that.
        last_state: ContainerState,
    }

    /// One of three things that a container does.
    ContainerState {
        /// It waits to be started.
        waiting: Option<Waiting>,
        /// It has ended.
        terminated: Option<Terminated>,
    }

    /// Why a container waits.
    Waiting {
        /// A word: `ErrImagePull`.
        reason: String,
        /// What the kubelet says.
        message: String,
    }

    /// How a container ended.
    Terminated {
        /// A word: `OOMKilled`, `Error`.
        reason: String,
        /// What the runtime says.
        message: String,
        /// Its exit code.
        exit_code: i32,
    }

    /// A Job.
    Job {
        /// What every object has.
        metadata: Metadata,
        /// What is wanted.
        spec: JobSpec,
        /// What is.
        status: JobStatus,
    }

    /// What a Job wants.
    JobSpec {
        /// Whether it must not run.
        suspend: bool,
        /// How many pods have to succeed; absent means 1.
        completions: Option<u32>,
    }

    /// How far a Job is.
    JobStatus {
        /// Pods that run.
        active: u32,
        /// Pods that succeeded.
        succeeded: u32,
        /// Pods that failed.
        failed: u32,
        /// What else is to be said.
        conditions: Vec<Condition>,
    }

    /// A part of the addresses behind a Service.
    EndpointSlice {
        /// What every object has; a label names the Service.
        metadata: Metadata,
        /// The addresses.
        endpoints: Vec<Endpoint>,
    }

    /// An address behind a Service.
    Endpoint {
        /// Whether it gets traffic.
        conditions: EndpointConditions,
        /// The pod.
        target_ref: ObjectReference,
    }

    /// Whether an address gets traffic.
    EndpointConditions {
        /// Whether it does; absent means yes.
        ready: Option<bool>,
    }

    /// Another object.
    ObjectReference {
        /// Its name.
        name: String,
        /// Its identity.
        uid: String,
    }

    /// Something that happened to an object.
    Event {
        /// A word for what.
        reason: String,
        /// The words for what.
        message: String,
        /// The object.
        involved_object: ObjectReference,
        /// `Warning` or `Normal`.
        #[serde(rename = "type")]
        kind: String,
        /// How often it has happened.
        count: u32,
        /// When it happened last.
        last_timestamp: Option<Timestamp>,
        /// When it happened, where it is counted in a newer way.
        event_time: Option<Timestamp>,
        /// What every object has.
        metadata: Metadata,
    }
}

/// All objects of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When it was taken, by the server's clock, since the Unix epoch.
    pub taken_at: Duration,
    /// The Deployments.
    pub deployments: Vec<Deployment>,
    /// The `ReplicaSets`.
    pub replica_sets: Vec<ReplicaSet>,
    /// The pods.
    pub pods: Vec<Pod>,
    /// The Jobs.
    pub jobs: Vec<Job>,
    /// The `EndpointSlices`.
    pub endpoint_slices: Vec<EndpointSlice>,
    /// The events; without them two kinds of hopeless pods are found at the deadline only.
    pub events: Vec<Event>,
}

/// Why an answer is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No JSON: cut off, an error page.
    #[error("the answer is no JSON")]
    Json(#[source] serde_json::Error),
    /// An object of a known kind that does not look like one.
    #[error("the {kind} `{name}` does not look like one")]
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// Something else than a list of objects.
    #[error("the answer is a `{kind}`, no list of objects")]
    NoList {
        /// Its kind.
        kind: String,
    },
}

impl Snapshot {
    /// Reads what `kubectl get deployments,replicasets,pods,… -o json` prints, or the list that the API answers. Objects of
    /// other kinds are left out.
    pub fn from_json(json: &[u8], taken_at: Duration) -> Result<Self, SnapshotError> {
        let answer: Value = serde_json::from_slice(json).map_err(SnapshotError::Json)?;
        let kind = answer["kind"].as_str().unwrap_or_default().to_owned();
        let Some(list_of) = kind.strip_suffix("List") else {
            return Err(SnapshotError::NoList { kind });
        };
        let mut snapshot = Self { taken_at, ..Self::default() };
        let Value::Object(mut answer) = answer else { return Err(SnapshotError::NoList { kind }) };
        let items = match answer.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(), // Go writes `null` for no items
        };
        for item in items {
            // The API leaves out the kind of the items of a list of one kind.
            snapshot.take(item["kind"].as_str().unwrap_or(list_of), &item)?;
        }
        Ok(snapshot)
    }

    /// The same of objects that were read already, each with its kind.
    ///
    /// # Errors
    ///
    /// When an object of a known kind does not look like one.
    pub fn of<'v>(
        objects: impl IntoIterator<Item = &'v Value>,
        taken_at: Duration,
    ) -> Result<Self, SnapshotError> {
        let mut snapshot = Self { taken_at, ..Self::default() };
        for item in objects {
            snapshot.take(item["kind"].as_str().unwrap_or_default(), item)?;
        }
        Ok(snapshot)
    }

    /// Takes one object in, where its kind counts.
    fn take(&mut self, kind: &str, item: &Value) -> Result<(), SnapshotError> {
        match kind {
            "Deployment" => self.deployments.push(object(kind, item)?),
            "ReplicaSet" => self.replica_sets.push(object(kind, item)?),
            "Pod" => self.pods.push(object(kind, item)?),
            "Job" => self.jobs.push(object(kind, item)?),
            "EndpointSlice" => self.endpoint_slices.push(object(kind, item)?),
            "Event" => self.events.push(object(kind, item)?),
            _ => {}
        }
        Ok(())
    }
}

fn object<T: DeserializeOwned>(kind: &str, item: &Value) -> Result<T, SnapshotError> {
    T::deserialize(item).map_err(|source| SnapshotError::Object {
        kind: kind.to_owned(),
        name: item["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        source,
    })
}

/// The condition of this kind.
pub(super) fn condition<'c>(conditions: &'c [Condition], kind: &str) -> Option<&'c Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

impl Metadata {
    /// Whether the object with this identity manages this one.
    pub(super) fn is_managed_by(&self, uid: &str) -> bool {
        self.owner_references.iter().any(|owner| owner.controller && owner.uid == uid)
    }
}
