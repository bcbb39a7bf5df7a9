//! Reads: objects, logs.

use serde_json::Value;

use super::session::Call;
use super::{Failure, Kubectl};
use crate::core::kubectl::Fault;
use crate::core::kubectl::document::{self, Name};

/// How much of a log is read, in bytes.
const LOG_MAX: u32 = 64 << 10;

/// Which objects are read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Query {
    what: Vec<String>,
    selector: Option<String>,
    fields: Option<String>,
    namespace: Option<String>,
    named: bool,
    managers: bool,
}

impl Query {
    /// All objects of these kinds, written as kubectl takes them: `pod`, `deployment.v1.apps`.
    pub fn kinds<S: AsRef<str>>(kinds: &[S]) -> Self {
        let kinds: Vec<&str> = kinds.iter().map(AsRef::as_ref).collect();
        let what = if kinds.is_empty() { Vec::new() } else { vec![kinds.join(",")] };
        Self { what, ..Self::default() }
    }

    /// These objects, of one namespace. One that is not there is left out of the answer.
    pub fn objects(names: &[Name]) -> Self {
        let what = names.iter().map(|name| format!("{}/{}", name.resource(), name.name)).collect();
        Self { what, named: true, ..Self::default() }
    }

    /// Of these kinds, those with these labels: `app=backend`. Not for objects by name.
    pub fn labelled(mut self, selector: impl Into<String>) -> Self {
        self.selector = Some(selector.into());
        self
    }

    /// Of these kinds, those with these values in a field that the server can look for: `involvedObject.uid=…`.
    pub fn with_fields(mut self, selector: impl Into<String>) -> Self {
        self.fields = Some(selector.into());
        self
    }

    /// In another namespace than the target's.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// With `managedFields`: who owns which field.
    pub fn with_managers(mut self) -> Self {
        self.managers = true;
        self
    }
}

/// Which lines of which log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Logs<'a> {
    /// The namespace; `None` for the target's.
    pub namespace: Option<&'a str>,
    /// The pod.
    pub pod: &'a str,
    /// The container in it.
    pub container: &'a str,
    /// How many lines, from the end.
    pub lines: u32,
    /// Whether it is the log of the container before its last restart.
    pub is_previous: bool,
}

impl Kubectl {
    /// Reads objects, of several kinds in one call. All of them or none: where a kind cannot be read, it is a failure.
    ///
    /// What an absent namespace holds is nothing; that is no failure.
    pub fn get(&self, query: &Query) -> Result<Vec<Value>, Failure> {
        if query.what.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = Call::new(format!("read `{}`", query.what.join(" ")), &["get"])
            .namespace(query.namespace.as_deref())
            .argument("--output=json");
        call.arguments.extend(query.what.iter().cloned());
        if let Some(selector) = &query.selector {
            call = call.argument(format!("--selector={selector}"));
        }
        if let Some(selector) = &query.fields {
            call = call.argument(format!("--field-selector={selector}"));
        }
        if query.named {
            call = call.argument("--ignore-not-found");
        }
        if query.managers {
            call = call.argument("--show-managed-fields");
        }
        let answer = self.0.call(&call)?;
        // Of objects by name that are not there nothing is said. That nothing of a kind is there has to be said.
        if answer.trim().is_empty() && !query.named {
            return Err(self.0.failure(&call, Fault::Nonsense, "it wrote nothing"));
        }
        self.objects(&call, &answer)
    }

    /// Whether an object is there. The server is asked for its row in a table of names, and sends nothing of what is in it.
    pub fn is_there(&self, name: &Name) -> Result<bool, Failure> {
        let object = format!("{}/{}", name.resource(), name.name);
        let call = Call::new(format!("look for `{object}`"), &["get", "--ignore-not-found", "--no-headers"])
            .argument(object);
        self.0.call(&call).map(|row| !row.trim().is_empty())
    }

    /// The last lines of a container's log, masked, 64 KiB at most.
    pub fn logs(&self, logs: Logs<'_>) -> Result<String, Failure> {
        let Logs { namespace, pod, container, lines, is_previous } = logs;
        let call = Call::new(format!("read the log of `{pod}`"), &["logs", pod])
            .namespace(namespace)
            .argument(format!("--container={container}"))
            .argument(format!("--tail={lines}"))
            .argument(format!("--limit-bytes={LOG_MAX}"))
            .argument(format!("--previous={is_previous}"));
        self.0.call(&call).map(|log| self.0.means.mask.text(&log))
    }

    /// The objects of an answer.
    pub(super) fn objects(&self, call: &Call<'_>, answer: &str) -> Result<Vec<Value>, Failure> {
        let nonsense = || self.0.failure(call, Fault::Nonsense, "it is neither an object nor a list of them");
        document::objects(answer).ok_or_else(nonsense)
    }
}
