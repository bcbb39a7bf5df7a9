//! Asks the API server what somebody may do, for many things at once: one `SelfSubjectAccessReview` each, in one call of
//! kubectl. The rules of a namespace (`SelfSubjectRulesReview`) would be one object, but need not be complete.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// Something that somebody needs to be allowed.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize)]
pub struct Need {
    /// What is to be done: `get`, `patch`.
    pub verb: String,
    /// The group; empty for the core.
    pub group: String,
    /// The resource in plural: `deployments`.
    pub resource: String,
    /// A part of it: `scale`, `proxy`, `log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// The one object it is about; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The namespace; `None` for what belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Whether somebody may.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// They may.
    pub is_allowed: bool,
    /// Why, or why not, where the server says so.
    pub reason: String,
}

impl Need {
    /// To do `verb` with `resource` in `namespace`: a resource as `kubectl auth can-i` takes it, `pods/log`,
    /// `deployments.apps/scale`.
    pub fn new(verb: &str, resource: &str, namespace: Option<&str>) -> Self {
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, part)) => (resource, Some(part)),
            None => (resource, None),
        };
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.map(str::to_owned),
            name: None,
            namespace: namespace.map(str::to_owned),
        }
    }

    /// The question as a document.
    pub fn document(&self) -> Value {
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": self},
        })
    }
}

impl fmt::Display for Need {
    /// `patch deployments.apps/scale`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if let Some(part) = &self.subresource {
            write!(f, "/{part}")?;
        }
        match &self.name {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

/// The documents of several questions.
pub fn documents(needs: &[Need]) -> Vec<Value> {
    needs.iter().map(Need::document).collect()
}

/// What the server answered to each of `needs`, in their order. `None` where an answer is missing, is about something else,
/// or says nothing: that somebody may is not to be concluded from silence.
pub fn verdicts(needs: &[Need], answers: &[Value]) -> Option<Vec<Verdict>> {
    if needs.len() != answers.len() {
        return None;
    }
    needs.iter().zip(answers).map(|(need, answer)| verdict(need, answer)).collect()
}

fn verdict(need: &Need, answer: &Value) -> Option<Verdict> {
    let asked = answer.pointer("/spec/resourceAttributes")?;
    let same =
        |field: &str, value: &str| asked.get(field).and_then(Value::as_str).unwrap_or_default() == value;
    let is_about = same("verb", &need.verb)
        && same("group", &need.group)
        && same("resource", &need.resource)
        && same("subresource", need.subresource.as_deref().unwrap_or_default())
        && same("namespace", need.namespace.as_deref().unwrap_or_default());
    if !is_about {
        return None;
    }
    let status = answer.get("status")?;
    let is_allowed = status.get("allowed")?.as_bool()?;
    let text = |field| status.get(field).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
    let reason = text("reason").or_else(|| text("evaluationError")).unwrap_or_default().to_owned();
    Some(Verdict { is_allowed, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(need: &Need, status: &Value) -> Value {
        let mut answer = need.document();
        answer["status"] = status.clone();
        answer
    }

    #[test]
    fn a_need_is_a_question_and_a_row() {
        let need = Need::new("patch", "deployments.apps/scale", Some("v"));
        assert_eq!(need.to_string(), "patch deployments.apps/scale");
        assert_eq!(
            need.document()["spec"]["resourceAttributes"],
            json!({"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale", "namespace": "v"})
        );
        assert_eq!(Need::new("get", "pods", None).to_string(), "get pods");
        assert_eq!(Need::new("get", "pods/log", None).to_string(), "get pods/log");
        let named = Need { name: Some("kube-system".to_owned()), ..Need::new("get", "namespaces", None) };
        assert_eq!(named.to_string(), "get namespaces kube-system");
    }

    #[test]
    fn silence_is_no_permission() {
        let needs = [Need::new("get", "pods", Some("v")), Need::new("list", "pods", Some("v"))];
        let yes = |at: usize| answer(&needs[at], &json!({"allowed": true, "reason": "RBAC: allowed by x"}));
        let no = |at: usize| answer(&needs[at], &json!({"allowed": false}));
        let verdicts_of = |answers: &[Value]| {
            Some(verdicts(&needs, answers)?.iter().map(|verdict| verdict.is_allowed).collect::<Vec<_>>())
        };
        assert_eq!(verdicts_of(&[yes(0), no(1)]), Some(vec![true, false]));
        assert_eq!(verdicts_of(&[yes(0)]), None);
        assert_eq!(verdicts_of(&[yes(1), yes(0)]), None, "in another order");
        assert_eq!(verdicts_of(&[yes(0), answer(&needs[1], &json!({}))]), None);
        assert_eq!(verdicts_of(&[yes(0), json!(null)]), None);
    }
}
