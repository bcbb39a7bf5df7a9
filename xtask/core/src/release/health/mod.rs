//! The state of a rollout, judged from one snapshot of Kubernetes objects.
//!
//! `kubectl rollout status` watches, and is wrong in both directions: done where the controller has not seen the change yet,
//! failed where a deadline condition is left over from the rollout before. [`rollout`] looks only at objects of this step:
//! the generation that our own write returned, the `ReplicaSet` made for this very template, its pods, and what of them the
//! `EndpointSlices` say. Pods that will never be ready are found by what the server says of them, long before the deadline
//! ([`pod`]).
//!
//! Objects are plain data with the few fields that are needed; what is absent or `null` has its default. Times are those of
//! the server, since the Unix epoch.

mod exit_code;
mod job;
mod objects;
mod pod;
mod rollout;
mod suspect;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use crate::timestamp::Timestamp;
pub use job::job;
pub use objects::{
    Condition, ContainerState, ContainerStatus, Deployment, Endpoint, EndpointConditions, EndpointSlice,
    Event, Job, Metadata, ObjectReference, OwnerReference, Pod, ReplicaSet, Snapshot, SnapshotError,
    Terminated, Waiting,
};
pub use pod::{PodHealth, Sightings, pod};
pub use rollout::{
    Count, Expectation, Rollout, count_pods, deployment, endpoints_ready, replica_set, rollout,
};
pub use suspect::{LOG_LINES, Suspect, Testimony, Trouble, suspect};

/// Why something will never be ready, however long one waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hopeless {
    /// The word of the server: `CrashLoopBackOff`, `FailedCreate`.
    pub reason: String,
    /// What is wrong, in words, with what the server says.
    pub words: String,
    /// The pod, where it is one.
    pub pod: Option<String>,
    /// The logs that will say more, where there are some.
    pub ask_logs: Option<LogRequest>,
}

/// Logs worth fetching.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogRequest {
    /// Of this pod.
    pub pod: String,
    /// Of this container; `None` for the only one.
    pub container: Option<String>,
    /// Whether the run before the present one is meant: `kubectl logs --previous`.
    pub previous: bool,
}
