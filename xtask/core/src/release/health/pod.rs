//! Pods that will never be ready, by what the server says of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::objects::{ContainerStatus, Pod, Snapshot, Terminated, Waiting, condition};
use super::{Hopeless, LogRequest};
use crate::timestamp::Timestamp;

/// How long nothing may fit on any node before that counts.
const UNSCHEDULABLE_AFTER: Duration = Duration::from_mins(1);

/// How long a volume may be missing before that counts.
const UNMOUNTED_AFTER: Duration = Duration::from_mins(1);

/// How long after a registry refused a pull a refusal is another one: the kubelet tries again after ten seconds.
const REFUSED_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// What can be said of one pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PodHealth {
    /// It is ready.
    Ready,
    /// It is not ready yet, and may become so.
    Waiting(String),
    /// It will never be ready.
    Hopeless(Hopeless),
    /// All its containers ended as they should: good for a Job, never for a Deployment.
    Succeeded,
    /// It was taken away, or is being: another one comes in its place, and it says nothing about the release.
    Leaving,
}

/// What one snapshot cannot tell: when a registry first refused to hand out an image.
///
/// One refusal may be a token that has just expired; the second is an answer.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    refused: BTreeMap<(String, String), Duration>,
}

impl Sightings {
    /// Takes note of the snapshots of one moment; to be called with each moment's before one of them is judged.
    pub fn note<'s>(&mut self, snapshots: impl IntoIterator<Item = &'s Snapshot>) {
        let mut refused = BTreeMap::new();
        let pods = snapshots.into_iter().flat_map(|one| one.pods.iter().map(|pod| (pod, one.taken_at)));
        for (pod, taken_at) in pods {
            for container in containers(pod) {
                let key = (pod.metadata.uid.clone(), container.name.clone());
                let known = self.refused.get(&key).copied();
                let now = is_refused(container).then_some(taken_at);
                // Between two attempts older servers do not say why they wait; the refusal stands until there is an image.
                let waits = container.state.waiting.is_some();
                if let Some(first) = known.filter(|_| waits).or(now) {
                    refused.insert(key, first);
                }
            }
        }
        self.refused = refused;
    }

    fn refused_twice(&self, pod: &Pod, container: &ContainerStatus, now: Duration) -> bool {
        let key = (pod.metadata.uid.clone(), container.name.clone());
        self.refused.get(&key).is_some_and(|first| now.saturating_sub(*first) >= REFUSED_AGAIN_AFTER)
    }
}

/// The state of `pod`, at the time of `snapshot` and with the events in it.
pub fn pod(pod: &Pod, snapshot: &Snapshot, sightings: &Sightings) -> PodHealth {
    let status = &pod.status;
    let name = &pod.metadata.name;
    // The kubelet and the scheduler make room like this; it is no fault of the pod.
    let is_displaced = matches!(status.reason.as_str(), "Evicted" | "Preempting" | "Preempted");
    if pod.metadata.deletion_timestamp.is_some() || (status.phase == "Failed" && is_displaced) {
        return PodHealth::Leaving;
    }
    let hopeless = |reason: &str, words: String, ask_logs: Option<LogRequest>| {
        let (reason, pod) = (reason.to_owned(), Some(name.clone()));
        PodHealth::Hopeless(Hopeless { reason, words, pod, ask_logs })
    };
    for container in containers(pod) {
        if let Some((reason, words, previous)) = broken(pod, container, snapshot.taken_at, sightings) {
            let container = Some(container.name.clone());
            let logs = previous.map(|previous| LogRequest { pod: name.clone(), container, previous });
            return hopeless(&reason, words, logs);
        }
    }
    match status.phase.as_str() {
        "Failed" => {
            let words = said(&format!("pod `{name}` failed"), &status.reason, &status.message);
            let container = containers(pod).next().map(|container| container.name.clone());
            let logs = LogRequest { pod: name.clone(), container, previous: false };
            return hopeless("Failed", words, Some(logs));
        }
        "Succeeded" => return PodHealth::Succeeded,
        _ => {}
    }
    let age = |since: Option<Timestamp>| {
        since.or(pod.metadata.creation_timestamp).map(|since| snapshot.taken_at.saturating_sub(since.0))
    };
    let event = |reason: &str| {
        let of = |uid: &str| !uid.is_empty() && uid == pod.metadata.uid;
        snapshot.events.iter().find(|event| event.reason == reason && of(&event.involved_object.uid))
    };
    let scheduled =
        condition(&status.conditions, "PodScheduled").filter(|condition| condition.status == "False");
    if let Some(scheduled) = scheduled {
        let words = said(&format!("pod `{name}` fits on no node"), "", &scheduled.message);
        let is_old = age(scheduled.last_transition_time).is_some_and(|age| age >= UNSCHEDULABLE_AFTER);
        if scheduled.reason == "Unschedulable" && is_old && event("TriggeredScaleUp").is_none() {
            return hopeless("Unschedulable", words, None);
        }
        return PodHealth::Waiting(words);
    }
    let is_ready = condition(&status.conditions, "Ready").is_some_and(|condition| condition.status == "True");
    if is_ready {
        return PodHealth::Ready;
    }
    // No condition and no state tells of a volume whose ConfigMap or Secret is not there: only an event.
    let unmounted = event("FailedMount").filter(|event| is_absent(&event.message));
    if let Some(event) = unmounted.filter(|_| age(None).is_some_and(|age| age >= UNMOUNTED_AFTER)) {
        return hopeless(
            "FailedMount",
            said(&format!("pod `{name}` cannot start"), "", &event.message),
            None,
        );
    }
    PodHealth::Waiting(waiting(pod))
}

/// Init containers first: the others wait for them.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

/// Why a container will never run: the word of the server, our words, and which logs say more: those of the run before, or of
/// this one.
fn broken(
    pod: &Pod,
    container: &ContainerStatus,
    now: Duration,
    sightings: &Sightings,
) -> Option<(String, String, Option<bool>)> {
    let name = &container.name;
    let last = container.last_state.terminated.as_ref();
    if let Some(Waiting { reason, message }) = &container.state.waiting {
        let (is_hopeless, what, logs) = match reason.as_str() {
            "CrashLoopBackOff" => {
                let (what, ended) = match last {
                    Some(last) => (how_it_ended(last), last),
                    None => ("crashes again and again".to_owned(), &Terminated::default()),
                };
                // A command that could not be started has said nothing.
                let logs = (ended.reason != "StartError").then_some(true);
                return Some((
                    reason.clone(),
                    said(&format!("container `{name}` {what}"), "", &ended.message),
                    logs,
                ));
            }
            "InvalidImageName" | "ErrImageNeverPull" => (true, "has an image that cannot be had", None),
            "ErrImagePull" | "ImagePullBackOff" if is_absent_image(reason, message) => {
                (true, "has an image that does not exist", None)
            }
            "ErrImagePull" | "ImagePullBackOff" => {
                let twice = is_refused(container) && sightings.refused_twice(pod, container, now);
                (twice, "has an image that the registry refuses", None)
            }
            "CreateContainerConfigError" => {
                let is_cache = message.contains("failed to sync") && message.contains("cache");
                (!is_cache, "cannot be configured", None)
            }
            "RunContainerError" => (true, "cannot be started", None),
            _ => (false, "", None),
        };
        let words = || said(&format!("container `{name}` {what}"), reason, message);
        return is_hopeless.then(|| (reason.clone(), words(), logs));
    }
    let ended = container.state.terminated.as_ref()?;
    // 128 is what the runtime answers when it was itself at fault; the kubelet tries again.
    if ended.reason == "ContainerCannotRun" && ended.exit_code != 128 {
        let words = said(&format!("container `{name}` cannot be run"), "", &ended.message);
        return Some((ended.reason.clone(), words, None));
    }
    let out_of_memory = |terminated: &Terminated| terminated.reason == "OOMKilled";
    if out_of_memory(ended) && last.is_some_and(out_of_memory) {
        let words = format!("container `{name}` ran out of memory twice");
        return Some((ended.reason.clone(), words, Some(false)));
    }
    None
}

fn how_it_ended(last: &Terminated) -> String {
    match last.reason.as_str() {
        "OOMKilled" => "runs out of memory again and again".to_owned(),
        "StartError" => "cannot be started".to_owned(),
        reason => format!("crashes again and again: {reason}, exit code {}", last.exit_code),
    }
}

/// Whether the registry said that there is no such image. A back-off alone is no proof, but newer servers repeat in its
/// message what the last attempt was answered.
fn is_absent_image(reason: &str, message: &str) -> bool {
    (reason == "ErrImagePull" || message.contains("ErrImagePull")) && is_absent(message)
}

fn is_absent(message: &str) -> bool {
    message.contains("not found")
}

fn is_refused(container: &ContainerStatus) -> bool {
    container.state.waiting.as_ref().is_some_and(|waiting| {
        let message = waiting.message.to_lowercase();
        matches!(waiting.reason.as_str(), "ErrImagePull" | "ImagePullBackOff")
            && (message.contains("denied") || message.contains("unauthorized"))
    })
}

/// What a pod that is not ready waits for.
fn waiting(pod: &Pod) -> String {
    let name = &pod.metadata.name;
    let reason = containers(pod).find_map(|container| {
        let waiting = container.state.waiting.as_ref().filter(|waiting| !waiting.reason.is_empty())?;
        Some(said(
            &format!("pod `{name}`, container `{}`", container.name),
            &waiting.reason,
            &waiting.message,
        ))
    });
    reason.unwrap_or_else(|| match pod.status.phase.as_str() {
        "Running" => format!("pod `{name}` runs and is not ready"),
        _ => format!("pod `{name}` has not started"),
    })
}

/// Our words, then the server's.
pub(super) fn said(ours: &str, reason: &str, message: &str) -> String {
    [ours, reason, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}
