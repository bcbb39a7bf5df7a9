//! Rules about each container of a pod.

use serde_json::Value;

use super::files::Files;
use super::pod::Pod;
use super::{Breach, Rule, items, text};
use crate::mask;

/// When a container runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// To its end, before the others.
    Before,
    /// Beside the others, as long as they do.
    Beside,
    /// As long as the pod.
    While,
}

/// A container of a pod.
pub(super) struct Container<'p> {
    pub(super) pod: &'p Pod<'p>,
    pub(super) value: &'p Value,
    /// The JSON pointer to it.
    pub(super) pointer: String,
    pub(super) stage: Stage,
}

impl Container<'_> {
    fn name(&self) -> &str {
        text(self.value, "name").unwrap_or("?")
    }

    /// ``the container `web` of Deployment `web` ``
    fn called(&self) -> String {
        format!("the container `{}` of {}", self.name(), self.pod.called)
    }

    /// A setting of its security context; what it does not say, its pod may.
    fn security(&self, key: &str) -> Option<&Value> {
        self.own_security(key).or_else(|| self.pod.spec.get("securityContext")?.get(key))
    }

    /// A setting of its security context that a pod does not have.
    fn own_security(&self, key: &str) -> Option<&Value> {
        self.value.get("securityContext")?.get(key)
    }

    /// The pointer to what says, or should say, a setting of its security context.
    fn security_pointer(&self, key: &str) -> String {
        if self.own_security(key).is_none() && self.security(key).is_some() {
            return format!("{}/securityContext/{key}", self.pod.pointer);
        }
        format!("{}/securityContext/{key}", self.pointer)
    }

    /// Whether requests are sent to it, so that it has to say when it can take some.
    fn serves(&self) -> bool {
        self.stage == Stage::While && self.pod.serves()
    }
}

type Check = fn(&Container<'_>, &Files<'_>) -> Vec<(String, String)>;

/// A rule with what it finds.
macro_rules! rule {
    ($check:expr, $name:literal, $demands:literal, $help:literal) => {
        (Rule { name: $name, demands: $demands, help: $help }, $check)
    };
}

/// The rules, each with what it finds: a pointer, and a message.
pub(super) const RULES: &[(Rule, Check)] = &[
    rule!(
        root,
        "run-as-root",
        "a container does not run as root",
        "write `runAsNonRoot: true` and a `runAsUser` above 0 in the `securityContext` of the pod"
    ),
    rule!(
        writable_root,
        "writable-root",
        "the root file system of a container is read-only",
        "write `readOnlyRootFilesystem: true`, and mount an `emptyDir` where it has to write"
    ),
    rule!(
        privilege_escalation,
        "privilege-escalation",
        "no process of a container can gain more privileges than its parent has",
        "write `allowPrivilegeEscalation: false` in the `securityContext` of the container"
    ),
    rule!(
        privileged,
        "privileged",
        "no container is privileged",
        "take it away: a privileged container is root on its node"
    ),
    rule!(
        capabilities,
        "capabilities",
        "a container drops all capabilities, and adds at most `NET_BIND_SERVICE`",
        "write `capabilities: {drop: [\"ALL\"]}` in the `securityContext` of the container"
    ),
    rule!(
        seccomp,
        "seccomp",
        "system calls of a container are filtered by a seccomp profile",
        "write `seccompProfile: {type: RuntimeDefault}` in the `securityContext` of the pod"
    ),
    rule!(
        limits,
        "limits",
        "a container has limits for CPU and memory",
        "state both in `resources.limits`: without them one container takes what the others on the node need"
    ),
    rule!(
        requests,
        "requests",
        "a container requests CPU and memory",
        "state both in `resources.requests`: by them the scheduler finds a node with room"
    ),
    rule!(
        |container, _| probe(container, "readinessProbe", "when it can take requests"),
        "readiness-probe",
        "a container that serves has a readiness probe",
        "add a `readinessProbe`: without it requests arrive before it can answer them"
    ),
    rule!(
        |container, _| probe(container, "livenessProbe", "when it hangs"),
        "liveness-probe",
        "a container that serves has a liveness probe",
        "add a `livenessProbe` that asks the process alone, not what it depends on"
    ),
    rule!(
        |container, _| probe(container, "startupProbe", "when it has started"),
        "startup-probe",
        "a container that serves has a startup probe",
        "add a `startupProbe`: without it a slow start looks like a hang"
    ),
    rule!(
        pre_stop,
        "pre-stop",
        "a container with ports waits, before it stops, until no node sends it requests any more",
        "add `lifecycle.preStop` with a sleep of some seconds"
    ),
    rule!(
        moving_image,
        "moving-image",
        "an image is named by its digest, or by variables that a release fills in and pins",
        "write `name@sha256:…`, or `${…}` with a variable of the environment"
    ),
    rule!(
        host_port,
        "host-port",
        "a container takes no port of its node",
        "use a Service: a port of a node is there once, and no NetworkPolicy guards it"
    ),
    rule!(
        literal_secret,
        "literal-secret",
        "no manifest holds a secret",
        "keep it in a Secret that no file of the repository states, and refer to it by `valueFrom.secretKeyRef`"
    ),
];

/// What is wrong with a container.
pub(super) fn check(container: &Container<'_>, files: &Files<'_>) -> Vec<Breach> {
    let breaches = |(rule, check): &(Rule, Check)| {
        let rule = *rule;
        check(container, files)
            .into_iter()
            .map(move |(pointer, message)| Breach::stated(rule, pointer, message))
    };
    RULES.iter().flat_map(breaches).collect()
}

fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

fn root(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let one = |key: &str, why: &str| {
        vec![(container.security_pointer(key), format!("{} {why}", container.called()))]
    };
    if container.security("runAsUser").and_then(Value::as_u64) == Some(0) {
        return one("runAsUser", "runs as root");
    }
    if is_true(container.security("runAsNonRoot")) {
        Vec::new()
    } else {
        one("runAsNonRoot", "may run as root")
    }
}

fn writable_root(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    own_flag(container, "readOnlyRootFilesystem", true, "can write to its root file system")
}

fn privilege_escalation(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    own_flag(container, "allowPrivilegeEscalation", false, "can gain privileges")
}

/// A flag that only a container has, and that has to be there.
fn own_flag(container: &Container<'_>, key: &str, wanted: bool, why: &str) -> Vec<(String, String)> {
    let is_wanted = container.own_security(key) == Some(&Value::Bool(wanted));
    let found = || (container.security_pointer(key), format!("{} {why}", container.called()));
    (!is_wanted).then(found).into_iter().collect()
}

fn privileged(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let found =
        || (container.security_pointer("privileged"), format!("{} is privileged", container.called()));
    is_true(container.own_security("privileged")).then(found).into_iter().collect()
}

fn capabilities(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let stated = container.own_security("capabilities").unwrap_or(&Value::Null);
    let pointer = container.security_pointer("capabilities");
    let mut found = Vec::new();
    if !items(stated, "drop").any(|name| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case("all"))) {
        found.push((format!("{pointer}/drop"), format!("{} keeps capabilities", container.called())));
    }
    for (index, name) in items(stated, "add").enumerate() {
        let name = name.as_str().unwrap_or("?");
        if name != "NET_BIND_SERVICE" {
            found.push((
                format!("{pointer}/add/{index}"),
                format!("{} has the capability `{name}`", container.called()),
            ));
        }
    }
    found
}

fn seccomp(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let kind = container.security("seccompProfile").and_then(|profile| text(profile, "type"));
    if matches!(kind, Some("RuntimeDefault" | "Localhost")) {
        return Vec::new();
    }
    let key = if kind.is_some() { "seccompProfile/type" } else { "seccompProfile" };
    let pointer = container.security_pointer("seccompProfile").replace("seccompProfile", key);
    vec![(pointer, format!("{} may make every system call", container.called()))]
}

fn limits(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    resources(container, "limits", "has no limit for")
}

fn requests(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    resources(container, "requests", "does not say how much it needs of")
}

fn resources(container: &Container<'_>, key: &str, why: &str) -> Vec<(String, String)> {
    let stated = container.value.get("resources").and_then(|resources| resources.get(key));
    let missing = |of: &&str| stated.and_then(|stated| stated.get(*of)).is_none_or(Value::is_null);
    let missing: Vec<&str> = ["cpu", "memory"].into_iter().filter(missing).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let message = format!("{} {why} `{}`", container.called(), missing.join("` and `"));
    vec![(format!("{}/resources/{key}", container.pointer), message)]
}

fn probe(container: &Container<'_>, key: &str, what: &str) -> Vec<(String, String)> {
    if !container.serves() || container.value.get(key).is_some_and(Value::is_object) {
        return Vec::new();
    }
    vec![(format!("{}/{key}", container.pointer), format!("{} does not say {what}", container.called()))]
}

fn pre_stop(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let waits = container.value.pointer("/lifecycle/preStop").is_some_and(Value::is_object);
    if !container.serves() || waits || items(container.value, "ports").next().is_none() {
        return Vec::new();
    }
    let message = format!("{} stops while requests are still sent to it", container.called());
    vec![(format!("{}/lifecycle/preStop", container.pointer), message)]
}

/// A release pins what its variables name; what a file names itself, nobody builds.
fn moving_image(container: &Container<'_>, files: &Files<'_>) -> Vec<(String, String)> {
    let pointer = format!("{}/image", container.pointer);
    let Some((manifest, own)) = files.stated(container.pod.object, &pointer) else { return Vec::new() };
    let place = manifest.diagnostic(&own, "");
    let written = place.text.get(place.span.clone()).unwrap_or_default();
    let written = written.trim_matches(['"', '\'']);
    if written.contains("${") || written.contains("@sha256:") {
        return Vec::new();
    }
    let tag = written.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    let why = match tag {
        None | Some("latest") => "is whatever is the latest".to_owned(),
        Some(tag) => format!("is whatever the tag `{tag}` names"),
    };
    vec![(pointer, format!("the image `{written}` of {} {why}", container.called()))]
}

fn host_port(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let ports = items(container.value, "ports").enumerate();
    ports
        .filter_map(|(index, port)| {
            let number = port.get("hostPort")?.as_u64().filter(|number| *number != 0)?;
            let message = format!("{} takes port {number} of its node", container.called());
            Some((format!("{}/ports/{index}/hostPort", container.pointer), message))
        })
        .collect()
}

fn literal_secret(container: &Container<'_>, _: &Files<'_>) -> Vec<(String, String)> {
    let variables = items(container.value, "env").enumerate();
    variables
        .filter_map(|(index, variable)| {
            let (name, value) = (text(variable, "name")?, text(variable, "value")?);
            mask::secrets_of([(name, value)], &[]).first()?;
            let message = format!("the variable `{name}` of {} holds a secret", container.called());
            Some((format!("{}/env/{index}/value", container.pointer), message))
        })
        .collect()
}
