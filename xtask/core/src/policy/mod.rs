//! What manifests must say about pods: who they run as, what they may touch, what they need, and what guards them.
//!
//! The rules look at the objects as a release writes them, in both slots, with every variable filled in; what they find stands
//! where it is written, in a template or in what is laid over it. They are those of the Pod Security Standard "restricted"
//! (kubernetes.io/docs/concepts/security/pod-security-standards), and what it takes to be released without losing requests.
//! Deliberate exceptions are waived where findings are, each with its reason.

mod around;
mod container;
pub mod dockerfile;
mod files;
mod pod;
pub mod schema;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::files::Files;
use self::pod::Pod;
use crate::finding::{Finding, Location, Severity};
use crate::gate::{Coverage, Look};
use crate::rules;

/// The name under which the findings stand.
pub const TOOL: &str = "kubernetes-policy";

/// A rule: its name, and what to do about what it finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its name, in findings and waivers.
    pub name: &'static str,
    /// What it demands, as a sentence.
    pub demands: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

/// All rules, in the order in which guides list them.
pub fn all() -> impl Iterator<Item = Rule> {
    let of_containers = container::RULES.iter().map(|(rule, _)| *rule);
    of_containers.chain(pod::RULES.iter().map(|(rule, _)| *rule)).chain(around::RULES.iter().copied())
}

/// Something that breaks a rule.
struct Breach {
    rule: Rule,
    /// Where in the object, as a JSON pointer; what is missing there stands at what should hold it.
    pointer: String,
    message: String,
    /// Whether it is about what the files state for both slots, whatever is laid over one of them.
    is_of_both: bool,
}

impl Breach {
    /// Something that an object states, or leaves out.
    fn stated(rule: Rule, pointer: String, message: String) -> Self {
        Self { rule, pointer, message, is_of_both: false }
    }

    /// Another object that is not there.
    fn missing(rule: Rule, pointer: &str, message: String) -> Self {
        Self { rule, pointer: pointer.to_owned(), message, is_of_both: true }
    }
}

/// Looks at the objects of one environment. `files` is what they were made from.
pub fn look(objects: &[&Value], files: &Files<'_>) -> Look {
    let pods: Vec<Pod<'_>> = objects.iter().filter_map(|object| Pod::of(object, files)).collect();
    let mut findings = Vec::new();
    for object in objects {
        let mut breaches = around::of_object(object);
        if let Some(pod) = pods.iter().find(|pod| std::ptr::eq(pod.object, *object)) {
            breaches.extend(pod::check(pod, objects));
            breaches.extend(pod.containers().flat_map(|container| container::check(&container, files)));
            breaches.extend(around::of_pod(pod, objects, files));
        }
        for breach in breaches {
            let place = match files.base(object) {
                Some(base) if breach.is_of_both => {
                    Some(rules::location(&base.diagnostic(&breach.pointer, "")))
                }
                _ => files.place(object, &breach.pointer),
            };
            findings.push(finding(&breach, place));
        }
    }
    // The same line says it for both slots.
    let look = Look::at(TOOL, Coverage::new(pods.len(), "pod template")).found(findings);
    together([look]).unwrap_or_else(|| Look::blind(TOOL, "pod template", "there was nothing to look at"))
}

/// The looks of one tool at several environments as one: a line of a template that is wrong is wrong in all of them, and is said
/// once. `None` where there are none.
pub fn together(looks: impl IntoIterator<Item = Look>) -> Option<Look> {
    let joined = looks.into_iter().reduce(|mut all, look| {
        all.coverage.examined += look.coverage.examined;
        all.gaps.extend(look.gaps);
        all.found(look.findings)
    });
    joined.map(|mut look| {
        look.findings.sort_by(|one, other| {
            let key =
                |finding: &Finding| (finding.location.clone(), finding.rule.clone(), finding.message.clone());
            key(one).cmp(&key(other))
        });
        look.findings.dedup();
        let mut said: Vec<String> = Vec::new();
        look.gaps.retain(|gap| {
            !said.contains(&gap.why) && {
                said.push(gap.why.clone());
                true
            }
        });
        look
    })
}

fn finding(breach: &Breach, location: Option<Location>) -> Finding {
    Finding {
        rule: breach.rule.name.to_owned(),
        severity: Severity::Error,
        location,
        help: Some(breach.rule.help.to_owned()),
        ..Finding::error(TOOL, breach.message.as_str())
    }
}

/// The text at a key, where there is one.
fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The items at a key, none where there is no list.
fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
