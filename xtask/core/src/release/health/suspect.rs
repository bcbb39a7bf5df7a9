//! Which pod says most about why a release does not get ready, and what it says: its trouble, what that means, the last
//! events, the last words of its log.
//!
//! All pods of a release are made from one template, and mostly have one trouble. Where they have several, the one is told that
//! leads farthest: a crash leaves a log and an exit code, a refusal by a quota leaves a sentence.

use super::exit_code;
use super::objects::{ContainerStatus, Event, Pod, ReplicaSet, Terminated, Waiting, condition};
use super::pod::{containers, said};
use crate::text;
use crate::timestamp::Timestamp;

/// How many of the last lines of a log are told.
pub const LOG_LINES: u32 = 20;

/// How many of the last events are told.
const EVENTS: usize = 4;

/// The longest line that is told, in columns.
const COLUMNS: usize = 300;

/// What is wrong with a pod, the most telling first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Trouble {
    /// A container ends again and again, or has ended and should not have.
    Crash,
    /// A container cannot be configured or created: a Secret, a key, a user is missing.
    Configuration,
    /// An image cannot be had.
    Image,
    /// No node takes it.
    Unschedulable,
    /// The server refuses to make it: a quota, an admission.
    Refused,
    /// It runs and is not ready, or has not begun to run: that alone may be a slow start.
    Unready,
}

/// Who says most.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Suspect {
    /// What is wrong.
    pub trouble: Trouble,
    /// `Pod`, or `ReplicaSet` where no pod could be made.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its identity, by which its events are found.
    pub uid: String,
    /// What is wrong, in words, with what the server says.
    pub words: String,
    /// What that means.
    pub meaning: Option<String>,
    /// The container with a log, and whether the log before its last start is meant.
    pub log: Option<(String, bool)>,
}

/// What was heard of a suspect; an error says why it could not be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Testimony {
    /// What happened to it.
    pub events: Result<Vec<Event>, String>,
    /// The end of its log; `None` where it has none.
    pub log: Option<Result<String, String>>,
}

impl Suspect {
    /// Whether something is wrong for certain, and not only slow.
    pub fn is_in_trouble(&self) -> bool {
        self.trouble != Trouble::Unready
    }

    /// What it says, as a sentence and what explains it. Logs and events are foreign text: each of their lines stands behind a
    /// bar, without anything that a terminal or a runner would obey.
    pub fn words(&self, testimony: &Testimony) -> Vec<String> {
        let kind = if self.kind == "Pod" { "pod" } else { "replica set" };
        let mut lines = vec![format!("{kind} `{}` says most: {}", self.name, foreign(&self.words))];
        lines.extend(self.meaning.clone());
        match &testimony.events {
            Ok(events) => lines.extend(last(events).into_iter().map(|event| self.event(event))),
            Err(why) => lines.push(format!("could not look at its events: {}", foreign(why))),
        }
        let Some((container, is_previous)) = &self.log else { return lines };
        let before = if *is_previous { " before it was started again" } else { "" };
        match &testimony.log {
            None => {}
            Some(Err(why)) => lines.push(format!("could not look at its log: {}", foreign(why))),
            Some(Ok(log)) => {
                let log = text::strip(log);
                let told: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
                let told = &told[told.len().saturating_sub(LOG_LINES as usize)..];
                lines.push(match told.len() {
                    0 => format!("container `{container}` has written no log{before}"),
                    1 => format!("the last line of container `{container}`{before}:"),
                    count => format!("the last {count} lines of container `{container}`{before}:"),
                });
                lines.extend(told.iter().map(|line| format!("| {}", foreign(line))));
            }
        }
        lines
    }

    fn event(&self, event: &Event) -> String {
        let times = if event.count > 1 { format!(" {} times", event.count) } else { String::new() };
        // The kubelet repeats in an event whose it is: `in pod name_namespace(uid)`.
        let message = match event.message.split_once(&format!(" in pod {}_", self.name)) {
            Some((before, after)) => {
                format!("{before}{}", after.split_once(')').map_or("", |(_, rest)| rest))
            }
            None => event.message.clone(),
        };
        format!("event {}{times}: {}", foreign(&event.reason), foreign(&message))
    }
}

fn foreign(words: &str) -> String {
    text::truncate(&text::one_line(words), COLUMNS).into_owned()
}

/// The last events, the oldest first: warnings, and where there are none, whatever there is.
fn last(events: &[Event]) -> Vec<&Event> {
    let mut told: Vec<&Event> = events.iter().filter(|event| event.kind == "Warning").collect();
    if told.is_empty() {
        told = events.iter().collect();
    }
    let at = |event: &Event| -> Option<Timestamp> {
        event.last_timestamp.or(event.event_time).or(event.metadata.creation_timestamp)
    };
    told.sort_by_key(|event| at(event));
    told.split_off(told.len().saturating_sub(EVENTS))
}

/// The one that says most, among the pods of a release and the sets that are to make them; `None` where all is well. Pods that
/// are on their way out say nothing about it.
pub fn suspect<'s>(
    pods: impl IntoIterator<Item = &'s Pod>,
    sets: impl IntoIterator<Item = &'s ReplicaSet>,
) -> Option<Suspect> {
    let staying = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let of_pods = staying.filter_map(|pod| {
        let restarts: u32 = containers(pod).map(|container| container.restart_count).sum();
        Some((of_pod(pod)?, restarts))
    });
    let of_sets = sets.into_iter().filter_map(|set| Some((of_set(set)?, 0)));
    let all = of_pods.chain(of_sets);
    // Of several with one trouble, the one that has had it most often; the name makes it the same one in every look.
    let (suspect, _) = all.min_by(|(one, times), (other, others)| {
        (one.trouble, others, &one.name).cmp(&(other.trouble, times, &other.name))
    })?;
    Some(suspect)
}

fn of_pod(pod: &Pod) -> Option<Suspect> {
    let suspect = |trouble, words: String, meaning: Option<String>, log: Option<(String, bool)>| {
        let (name, uid) = (pod.metadata.name.clone(), pod.metadata.uid.clone());
        Some(Suspect { trouble, kind: "Pod", name, uid, words, meaning, log })
    };
    let found = containers(pod).filter_map(of_container).min_by_key(|(trouble, ..)| *trouble);
    if let Some((trouble, words, meaning, log)) = found {
        return suspect(trouble, words, meaning, log);
    }
    let status = &pod.status;
    let is = |kind: &str, status_is: &str| {
        condition(&status.conditions, kind).filter(|condition| condition.status == status_is)
    };
    if status.phase == "Succeeded" || is("Ready", "True").is_some() {
        return None;
    }
    let log = containers(pod).last().map(|container| (container.name.clone(), false));
    if status.phase == "Failed" {
        return suspect(Trouble::Crash, said("it failed", &status.reason, &status.message), None, log);
    }
    if let Some(scheduled) = is("PodScheduled", "False") {
        return suspect(Trouble::Unschedulable, said("no node takes it", "", &scheduled.message), None, None);
    }
    let is_running = status.phase == "Running";
    let words = if is_running { "it runs and is not ready" } else { "it does not run yet" };
    let message = is("Ready", "False").map_or("", |ready| ready.message.as_str());
    let meaning = is_running.then(|| "its readiness or startup probe has not passed".to_owned());
    suspect(Trouble::Unready, said(words, "", message), meaning, log.filter(|_| is_running))
}

type Found = (Trouble, String, Option<String>, Option<(String, bool)>);

fn of_container(container: &ContainerStatus) -> Option<Found> {
    let name = &container.name;
    let log = |is_previous| Some((name.clone(), is_previous));
    if let Some(Waiting { reason, message }) = &container.state.waiting {
        let waits = said(&format!("container `{name}` waits"), reason, message);
        return match reason.as_str() {
            "CrashLoopBackOff" => {
                let last = container.last_state.terminated.clone().unwrap_or_default();
                Some((Trouble::Crash, ended(name, &last), Some(meaning(&last)), log_of(name, &last, true)))
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some((Trouble::Configuration, waits, exit_code::lacking(message), None))
            }
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                Some((Trouble::Image, waits, exit_code::unpulled(message).map(str::to_owned), None))
            }
            _ => None,
        };
    }
    if let Some(last) = &container.state.terminated {
        // An init container that has ended well is done.
        let is_well = last.exit_code == 0 && last.reason == "Completed";
        let found = || (Trouble::Crash, ended(name, last), Some(meaning(last)), log_of(name, last, false));
        return (!is_well).then(found);
    }
    // It runs again, after it has ended.
    let last = container.last_state.terminated.as_ref().filter(|_| !container.ready)?;
    Some((Trouble::Crash, ended(name, last), Some(meaning(last)), log(true)))
}

/// A command that could not be started has said nothing.
fn log_of(name: &str, last: &Terminated, is_previous: bool) -> Option<(String, bool)> {
    (last.reason != "StartError").then(|| (name.to_owned(), is_previous))
}

fn ended(name: &str, last: &Terminated) -> String {
    let how = format!("container `{name}` has ended");
    said(&format!("{how}: {}, exit code {}", last.reason, last.exit_code), "", &last.message)
}

fn meaning(last: &Terminated) -> String {
    format!("exit code {}: {}", last.exit_code, exit_code::explain(last.exit_code, &last.reason))
}

fn of_set(set: &ReplicaSet) -> Option<Suspect> {
    let failure =
        condition(&set.status.conditions, "ReplicaFailure").filter(|failure| failure.status == "True")?;
    Some(Suspect {
        trouble: Trouble::Refused,
        kind: "ReplicaSet",
        name: set.metadata.name.clone(),
        uid: set.metadata.uid.clone(),
        words: said("its pods are refused", &failure.reason, &failure.message),
        meaning: None,
        log: None,
    })
}

#[cfg(test)]
mod tests;
