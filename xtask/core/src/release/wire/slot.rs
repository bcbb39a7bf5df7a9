//! A Deployment and its pods, as the machine sees them.

use std::time::Duration;

use serde_json::Value;

use super::request::Manager;
use super::stamp::Stamp;
use crate::release::health::{self, Count, Deployment, Expectation, Rollout, Sightings, Snapshot};
use crate::release::labels;
use crate::release::manifest;
use crate::release::model::Revision;
use crate::release::revision;
use crate::release::view::SlotState;

/// What a Deployment's template runs: by its label, and by its content where it was made before there were slots.
pub(super) fn revision(deployment: &Value) -> Revision {
    let template = deployment.pointer("/spec/template").unwrap_or(&Value::Null);
    let stated = template.pointer(&manifest::join("/metadata/labels", labels::REVISION));
    let stated = stated.and_then(Value::as_str).map(|revision| Revision(revision.into()));
    stated.unwrap_or_else(|| revision::revision(&[template], &[], &[]))
}

/// The state of a Deployment, and its pods. `found` is the same as `deployment`, as it was read.
pub(super) fn state(
    found: &Value,
    deployment: &Deployment,
    snapshot: &Snapshot,
    sightings: &Sightings,
) -> (SlotState, Count) {
    let generation = deployment.metadata.generation;
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let pods = health::count_pods(snapshot, deployment, sightings);
    let expectation = Expectation {
        deployment: deployment.metadata.name.clone(),
        generation,
        written_at: written_at(found),
        labels: labels::Labels::new(),
        replicas: wanted,
        min_ready: Duration::from_secs(deployment.spec.min_ready_seconds.into()),
        service: None,
    };
    let hopeless = match health::rollout(snapshot, &expectation, sightings) {
        Rollout::Hopeless(hopeless) if wanted > 0 => Some(hopeless.words),
        _ => None,
    };
    let state = SlotState {
        revision: revision(found),
        wanted,
        observed: deployment.status.observed_generation >= generation,
        available: pods.available,
        pods: u32::try_from(pods.there.len()).unwrap_or(u32::MAX),
        hopeless,
    };
    (state, pods)
}

/// When the last write was asked for that moves pods. A condition that is older speaks of the rollout before.
fn written_at(found: &Value) -> Duration {
    let stamp = |manager: Manager| {
        let stamp = found.pointer(&manifest::join("/metadata/annotations", &manager.annotation()))?;
        Some(Stamp::read(stamp.as_str()?)?.since_epoch())
    };
    let moving = [Manager::Manifests, Manager::Replicas].into_iter().filter_map(stamp);
    moving.max().unwrap_or_default()
}
