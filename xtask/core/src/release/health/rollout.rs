//! Whether a rollout is done, is under way, or will never be done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::objects::{Deployment, Pod, ReplicaSet, ReplicaStatus, Snapshot, condition};
use super::pod::{PodHealth, Sightings, pod, said};
use super::{Hopeless, LogRequest};
use crate::text;

/// How long pods may be refused, by a quota or by an admission, before that counts.
const REFUSED_AFTER: Duration = Duration::from_secs(30);

/// The label by which the controller tells the pods of different templates apart.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// What our own write has asked for.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The Deployment.
    pub deployment: String,
    /// The generation that our own write returned.
    pub generation: u64,
    /// When our own write was made, by the server's clock, since the Unix epoch.
    pub written_at: Duration,
    /// Labels that the pods of this release have; where the template has others, somebody else has written it since.
    pub labels: BTreeMap<String, String>,
    /// How many pods there should be at least. Where the Deployment asks for more, as an autoscaler may, that many.
    pub replicas: u32,
    /// How long a pod has to be ready before it counts.
    pub min_ready: Duration,
    /// The Service in whose `EndpointSlices` the pods should be; `None` where they get no traffic yet.
    pub service: Option<String>,
}

/// The state of a rollout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rollout {
    /// It is under way.
    Progressing {
        /// What it waits for.
        words: String,
    },
    /// Every pod that was asked for is there, has been ready for long enough, and gets traffic where that was asked for.
    Complete,
    /// It will never be complete.
    Hopeless(Hopeless),
    /// The objects say nothing about our write yet: the snapshot is older, or the controller has not looked.
    Stale {
        /// What is old.
        words: String,
    },
    /// Somebody else has written another template since; nothing can be said about ours.
    Superseded {
        /// What differs.
        words: String,
    },
}

/// The state of the rollout that `expectation` speaks of, from the objects of one moment.
pub fn rollout(snapshot: &Snapshot, expectation: &Expectation, sightings: &Sightings) -> Rollout {
    let name = &expectation.deployment;
    let found = snapshot.deployments.iter().find(|deployment| deployment.metadata.name == *name);
    let Some(the_deployment) = found else {
        return Rollout::Stale { words: format!("deployment `{name}` is not in this snapshot") };
    };
    if the_deployment.metadata.generation < expectation.generation {
        return Rollout::Stale {
            words: format!("deployment `{name}`: the snapshot is older than our write"),
        };
    }
    if let Some(words) = superseded(the_deployment, expectation) {
        return Rollout::Superseded { words };
    }
    let counts = deployment(the_deployment, expectation.generation);
    if let Rollout::Stale { .. } = counts {
        return counts;
    }
    let Some(newest) = newest_replica_set(snapshot, the_deployment) else {
        let failure = refusal(&the_deployment.status, snapshot, expectation);
        let words = format!("deployment `{name}`: no ReplicaSet has been made for this template yet");
        return failure.map_or(Rollout::Progressing { words }, Rollout::Hopeless);
    };
    let pods = pods_of(snapshot, newest);
    let health: Vec<(&Pod, PodHealth)> =
        pods.into_iter().map(|one| (one, pod(one, snapshot, sightings))).collect();
    let refused = refusal(&newest.status, snapshot, expectation);
    if let Some(hopeless) = hopeless(&health).or(refused) {
        return Rollout::Hopeless(hopeless);
    }
    let wanted = expectation.replicas.max(the_deployment.spec.replicas.unwrap_or(1));
    let waits = match counts {
        Rollout::Progressing { words } => Some(words),
        _ => replica_set(newest)
            .or_else(|| too_few(newest.status.available_replicas, wanted, "pods are available"))
            .or_else(|| {
                let is_ready = |(pod, health): &&(&Pod, PodHealth)| {
                    *health == PodHealth::Ready && ready_for(pod, snapshot, expectation.min_ready)
                };
                too_few(count(health.iter().filter(is_ready)), wanted, "pods are ready for long enough")
            })
            .or_else(|| {
                let service = expectation.service.as_ref()?;
                let ready = endpoints_ready(snapshot, service);
                let serving = health.iter().filter(|(pod, _)| ready.contains(pod.metadata.uid.as_str()));
                too_few(count(serving), wanted, &format!("pods get traffic from service `{service}`"))
            }),
    };
    let Some(mut words) = waits else { return Rollout::Complete };
    if let Some(hopeless) = deadline(the_deployment, expectation, &health, &words) {
        return Rollout::Hopeless(hopeless);
    }
    // The first pod that is in trouble says more than a count.
    let trouble = health.iter().find_map(|(_, health)| match health {
        PodHealth::Hopeless(hopeless) => Some(&hopeless.words),
        PodHealth::Waiting(words) => Some(words),
        PodHealth::Ready | PodHealth::Succeeded | PodHealth::Leaving => None,
    });
    if let Some(trouble) = trouble {
        words = format!("{words}; {trouble}");
    }
    Rollout::Progressing { words }
}

/// What the counts of a Deployment say, looked at alone: [`Rollout::Complete`], [`Rollout::Progressing`] or
/// [`Rollout::Stale`].
///
/// The rules of `kubectl rollout status`, except for the deadline, which [`rollout`] judges by its time, and two more: the
/// condition `Available`, and a `Progressing` that is false for another reason, are not passed over.
pub fn deployment(deployment: &Deployment, generation: u64) -> Rollout {
    let (name, status) = (&deployment.metadata.name, &deployment.status);
    if status.observed_generation < generation {
        return Rollout::Stale {
            words: format!("deployment `{name}`: the controller has not seen our write yet"),
        };
    }
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let is_false = |kind: &str| {
        condition(&status.conditions, kind)
            .filter(|condition| condition.status == "False" && condition.reason != "ProgressDeadlineExceeded")
            .map(|condition| {
                said(&format!("not {}", kind.to_lowercase()), &condition.reason, &condition.message)
            })
    };
    let old = status.replicas.saturating_sub(status.updated_replicas);
    let waits = too_few(status.updated_replicas, wanted, "pods are of the new template")
        .or_else(|| {
            (old > 0).then(|| {
                let verb = if old == 1 { "is" } else { "are" };
                format!("{} {verb} still there", text::count(old as usize, "old pod"))
            })
        })
        .or_else(|| too_few(status.available_replicas, status.updated_replicas, "pods are available"))
        .or_else(|| is_false("Available"))
        .or_else(|| is_false("Progressing"))
        .or_else(|| deployment.spec.paused.then(|| "it is paused".to_owned()));
    waits.map_or(Rollout::Complete, |words| Rollout::Progressing {
        words: format!("deployment `{name}`: {words}"),
    })
}

/// What a `ReplicaSet` waits for; `None` where it has what it wants.
pub fn replica_set(replica_set: &ReplicaSet) -> Option<String> {
    let (status, name) = (&replica_set.status, &replica_set.metadata.name);
    let wanted = replica_set.spec.replicas.unwrap_or(1);
    let is_old = status.observed_generation < replica_set.metadata.generation;
    let refused = condition(&status.conditions, "ReplicaFailure").filter(|failure| failure.status == "True");
    let waits = is_old
        .then(|| "the controller has not looked yet".to_owned())
        .or_else(|| refused.map(|failure| said("pods are refused", &failure.reason, &failure.message)))
        .or_else(|| too_few(status.fully_labeled_replicas, wanted, "pods have all labels"))
        .or_else(|| too_few(status.ready_replicas, wanted, "pods are ready"))
        .or_else(|| too_few(status.available_replicas, wanted, "pods are available"))
        .or_else(|| {
            let more = status.replicas.saturating_sub(wanted);
            (more > 0).then(|| format!("{} too many", text::count(more as usize, "pod")))
        });
    waits.map(|words| format!("replica set `{name}`: {words}"))
}

/// The pods of a Deployment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Those of its template as it is now that have been ready for `minReadySeconds`.
    pub available: u32,
    /// The identities of all that there are, of any template, ready or not; what has ended is none.
    pub there: BTreeSet<String>,
}

/// Counts the pods of `deployment`. Its own status may be of before: it is the pods that count, and what their `ReplicaSet`
/// says at most.
pub fn count_pods(snapshot: &Snapshot, deployment: &Deployment, sightings: &Sightings) -> Count {
    let min_ready = Duration::from_secs(deployment.spec.min_ready_seconds.into());
    let sets =
        snapshot.replica_sets.iter().filter(|set| set.metadata.is_managed_by(&deployment.metadata.uid));
    let own: BTreeSet<&str> = sets.map(|set| set.metadata.uid.as_str()).collect();
    let has_ended = |pod: &Pod| matches!(pod.status.phase.as_str(), "Failed" | "Succeeded");
    let of_own = |pod: &&Pod| own.iter().any(|uid| pod.metadata.is_managed_by(uid)) && !has_ended(pod);
    let there = snapshot.pods.iter().filter(of_own).map(|pod| pod.metadata.uid.clone()).collect();
    let available = newest_replica_set(snapshot, deployment).map_or(0, |newest| {
        let is_available = |one: &&Pod| {
            pod(one, snapshot, sightings) == PodHealth::Ready && ready_for(one, snapshot, min_ready)
        };
        let ready = count(pods_of(snapshot, newest).into_iter().filter(is_available));
        ready.min(newest.status.available_replicas)
    });
    Count { available, there }
}

/// The identities of the pods that get traffic from `service`.
pub fn endpoints_ready<'s>(snapshot: &'s Snapshot, service: &str) -> BTreeSet<&'s str> {
    let of_service = |labels: &BTreeMap<String, String>| {
        labels.get("kubernetes.io/service-name").is_some_and(|name| name == service)
    };
    let slices = snapshot.endpoint_slices.iter().filter(|slice| of_service(&slice.metadata.labels));
    slices
        .flat_map(|slice| &slice.endpoints)
        .filter(|endpoint| endpoint.conditions.ready.unwrap_or(true))
        .map(|endpoint| endpoint.target_ref.uid.as_str())
        .collect()
}

fn too_few(there: u32, wanted: u32, what: &str) -> Option<String> {
    (there < wanted).then(|| format!("{there} of {wanted} {what}"))
}

fn count(pods: impl Iterator) -> u32 {
    u32::try_from(pods.count()).unwrap_or(u32::MAX)
}

/// Which of our labels the template no longer has.
fn superseded(deployment: &Deployment, expectation: &Expectation) -> Option<String> {
    let labels = &deployment.spec.template["metadata"]["labels"];
    let (label, wanted) =
        expectation.labels.iter().find(|(label, wanted)| labels[label.as_str()].as_str() != Some(wanted))?;
    let found = labels[label.as_str()].as_str().map_or("nothing".to_owned(), |found| format!("`{found}`"));
    let name = &deployment.metadata.name;
    Some(format!(
        "deployment `{name}`: somebody else wrote its template: `{label}` is {found}, not `{wanted}`"
    ))
}

/// The `ReplicaSet` that the controller made for the template as it is now: owned by this very Deployment, with an equal
/// template. Revision numbers move, so they are no identity.
fn newest_replica_set<'s>(snapshot: &'s Snapshot, deployment: &Deployment) -> Option<&'s ReplicaSet> {
    let is_newest = |set: &&ReplicaSet| {
        set.metadata.is_managed_by(&deployment.metadata.uid)
            && set.metadata.labels.contains_key(TEMPLATE_HASH)
            && without_hash(&set.spec.template) == without_hash(&deployment.spec.template)
    };
    // After a collision there can be two of one template; the controller uses the older one.
    snapshot.replica_sets.iter().filter(is_newest).min_by_key(|set| set.metadata.creation_timestamp)
}

fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(Value::Object(labels)) = template.pointer_mut("/metadata/labels") {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

/// The pods of a `ReplicaSet`, those aside that are on their way out.
fn pods_of<'s>(snapshot: &'s Snapshot, set: &ReplicaSet) -> Vec<&'s Pod> {
    let hash = set.metadata.labels.get(TEMPLATE_HASH);
    let is_of = |pod: &&Pod| {
        pod.metadata.is_managed_by(&set.metadata.uid) && pod.metadata.labels.get(TEMPLATE_HASH) == hash
    };
    snapshot.pods.iter().filter(is_of).collect()
}

/// Whether every pod is hopeless; then the first of them says why.
fn hopeless(health: &[(&Pod, PodHealth)]) -> Option<Hopeless> {
    let mut staying = health.iter().map(|(_, health)| health).filter(|health| **health != PodHealth::Leaving);
    let first = staying.next()?;
    let PodHealth::Hopeless(hopeless) = first else { return None };
    staying.all(|health| matches!(health, PodHealth::Hopeless(_))).then(|| hopeless.clone())
}

/// Whether pods are refused for so long that waiting is no use.
fn refusal(status: &ReplicaStatus, snapshot: &Snapshot, expectation: &Expectation) -> Option<Hopeless> {
    let failure =
        condition(&status.conditions, "ReplicaFailure").filter(|failure| failure.status == "True")?;
    // What was refused before our write may have been another template.
    let since = failure
        .last_transition_time
        .map_or(expectation.written_at, |since| since.0.max(expectation.written_at));
    let is_old = snapshot.taken_at.saturating_sub(since) >= REFUSED_AFTER;
    (failure.reason == "FailedCreate" && is_old).then(|| Hopeless {
        reason: failure.reason.clone(),
        words: said("pods are refused", "", &failure.message),
        pod: None,
        ask_logs: None,
    })
}

/// Whether the controller gave up on *our* rollout. The condition of the rollout before stays until the first progress of
/// this one. Times have whole seconds, and a deadline is at least one second: what was written within the second of our write
/// is older than it.
fn deadline(
    deployment: &Deployment,
    expectation: &Expectation,
    health: &[(&Pod, PodHealth)],
    words: &str,
) -> Option<Hopeless> {
    let progressing = condition(&deployment.status.conditions, "Progressing")?;
    let written = progressing.last_update_time.or(progressing.last_transition_time)?;
    let is_ours = written.0.as_secs() > expectation.written_at.as_secs();
    if progressing.status != "False" || progressing.reason != "ProgressDeadlineExceeded" || !is_ours {
        return None;
    }
    let stuck = health.iter().find(|(_, health)| !matches!(health, PodHealth::Ready | PodHealth::Leaving));
    let pod = stuck.map(|(pod, _)| pod.metadata.name.clone());
    Some(Hopeless {
        reason: progressing.reason.clone(),
        words: format!("the deadline for progress is over: {words}"),
        ask_logs: pod.clone().map(|pod| LogRequest { pod, container: None, previous: false }),
        pod,
    })
}

/// Whether a pod has been ready for this long. Without a time it counts: a server that says `Ready` also says since when.
fn ready_for(pod: &Pod, snapshot: &Snapshot, min_ready: Duration) -> bool {
    let since = condition(&pod.status.conditions, "Ready").and_then(|ready| ready.last_transition_time);
    since.is_none_or(|since| snapshot.taken_at.saturating_sub(since.0) >= min_ready)
}
