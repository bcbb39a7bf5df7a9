//! The pods of a component, as they are measured: those of the new release and those of the one before.

use std::time::Duration;

use serde_json::Value;

use super::inventory::Inventory;
use super::look::Unseen;
use crate::release::effect::Object;
use crate::release::health::{self, Pod, Sightings};
use crate::release::labels;
use crate::release::model::Slot;
use crate::release::plan::Identity;

/// A pod that is there and is not on its way out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SeenPod {
    /// Its name.
    pub name: String,
    /// The slot whose Deployment it belongs to.
    pub slot: Slot,
    /// Whether it runs the new revision.
    pub is_new: bool,
    /// Whether it is ready, and so gets traffic where its Service selects it.
    pub ready: bool,
    /// How long it has been ready.
    pub age: Duration,
    /// How often one of its containers was started again, in its whole life.
    pub restarts: u32,
    /// Whether one of its containers ran out of memory.
    pub out_of_memory: bool,
}

impl Inventory {
    /// The pods of a component in `objects`, the answers to all of [`Inventory::questions`], by name. `taken_at` is the time of
    /// the look by the server's clock, since the Unix epoch.
    ///
    /// # Errors
    ///
    /// When an answer is none of a Kubernetes server.
    pub fn pods(&self, part: usize, objects: &[Value], taken_at: Duration) -> Result<Vec<SeenPod>, Unseen> {
        let Some(owned) = self.part(part) else { return Ok(Vec::new()) };
        let snapshots = self.snapshots(objects, taken_at)?;
        let mut pods = Vec::new();
        for slot in [Slot::A, Slot::B] {
            let Some(identity) = self.identities(Object::Slot(part, slot)).into_iter().next() else {
                continue;
            };
            let Some(snapshot) = snapshots.get(self.namespace_of(&identity)) else { continue };
            let is_own = |own: &&health::Deployment| own.metadata.name == identity.name;
            let Some(deployment) = snapshot.deployments.iter().find(is_own) else { continue };
            let there = health::count_pods(snapshot, deployment, &Sightings::default()).there;
            let own = snapshot.pods.iter().filter(|pod| there.contains(&pod.metadata.uid));
            let stays = own.filter(|pod| pod.metadata.deletion_timestamp.is_none());
            pods.extend(stays.map(|pod| {
                let revision = pod.metadata.labels.get(labels::REVISION);
                seen(pod, slot, revision.is_some_and(|revision| *revision == *owned.new.0), taken_at)
            }));
        }
        pods.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(pods)
    }

    /// The Deployment of a slot, by name: what a person asks kubectl for.
    pub fn deployment(&self, part: usize, slot: Slot) -> Option<Identity> {
        self.identities(Object::Slot(part, slot)).into_iter().next()
    }
}

fn seen(pod: &Pod, slot: Slot, is_new: bool, taken_at: Duration) -> SeenPod {
    let ready = pod.status.conditions.iter().find(|condition| condition.kind == "Ready");
    let is_ready = ready.is_some_and(|condition| condition.status == "True");
    let since = ready.and_then(|condition| condition.last_transition_time).filter(|_| is_ready);
    let containers = &pod.status.container_statuses;
    let ended = containers.iter().flat_map(|one| [&one.state.terminated, &one.last_state.terminated]);
    SeenPod {
        name: pod.metadata.name.clone(),
        slot,
        is_new,
        ready: is_ready,
        age: since.map_or(Duration::ZERO, |since| taken_at.saturating_sub(since.0)),
        restarts: containers.iter().map(|one| one.restart_count).sum(),
        out_of_memory: ended.flatten().any(|ended| ended.reason == "OOMKilled"),
    }
}
