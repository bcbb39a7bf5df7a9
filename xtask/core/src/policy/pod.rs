//! Rules about a pod as a whole.

use serde_json::Value;

use super::container::{Container, Stage};
use super::files::{Files, name, namespace};
use super::{Breach, Rule, items, text};
use crate::release::images;
use crate::release::labels::{self, Labels};
use crate::release::manifest;

/// The pods that an object makes.
pub(super) struct Pod<'o> {
    pub(super) object: &'o Value,
    /// The `spec` of the pods.
    pub(super) spec: &'o Value,
    /// The JSON pointer to it.
    pub(super) pointer: String,
    pub(super) labels: Labels,
    /// What it is called in messages: by its name in the files, so that both slots are one.
    pub(super) called: String,
}

impl<'o> Pod<'o> {
    /// The pods of an object; `None` where it makes none.
    pub(super) fn of(object: &'o Value, files: &Files<'_>) -> Option<Self> {
        let kind = text(object, "kind")?;
        let template = images::pod_template(kind)?;
        let pointer = format!("{template}/spec");
        let labels = labels::labels(object, &format!("{template}/metadata/labels"));
        let name = files.base(object).map_or_else(|| name(object), |manifest| manifest.name());
        let called = format!("{kind} `{name}`");
        Some(Self { object, spec: object.pointer(&pointer)?, pointer, labels, called })
    }

    /// Whether it runs until somebody ends it, and answers requests meanwhile.
    pub(super) fn serves(&self) -> bool {
        !matches!(text(self.object, "kind"), Some("Job" | "CronJob"))
    }

    /// Its containers, those that begin first among them.
    pub(super) fn containers(&self) -> impl Iterator<Item = Container<'_>> {
        let lists = [("initContainers", Stage::Before), ("containers", Stage::While)];
        lists.into_iter().flat_map(move |(list, stage)| {
            items(self.spec, list).enumerate().map(move |(index, value)| Container {
                pod: self,
                value,
                pointer: format!("{}/{list}/{index}", self.pointer),
                // One that is started again and again is a sidecar: it runs as long as the pod.
                stage: if text(value, "restartPolicy") == Some("Always") { Stage::Beside } else { stage },
            })
        })
    }
}

type Check = fn(&Pod<'_>, &[&Value]) -> Vec<(String, String)>;

/// The rules, each with what it finds: a pointer below `spec`, and a message.
pub(super) const RULES: &[(Rule, Check)] = &[
    (
        Rule {
            name: "host-namespace",
            demands: "a pod has a network, processes and inter-process communication of its own",
            help: "take it away: the pod would see, and could end, what others run on the node",
        },
        host_namespace,
    ),
    (
        Rule {
            name: "host-path",
            demands: "a pod mounts no folder of its node",
            help: "use an `emptyDir`, a `configMap` or a `persistentVolumeClaim`",
        },
        host_path,
    ),
    (
        Rule {
            name: "service-account-token",
            demands: "a pod that does not speak to the API server has no token for it",
            help: "write `automountServiceAccountToken: false` in the `spec` of the pod",
        },
        service_account_token,
    ),
];

/// What is wrong with a pod.
pub(super) fn check(pod: &Pod<'_>, objects: &[&Value]) -> Vec<Breach> {
    let breaches = |(rule, check): &(Rule, Check)| {
        let rule = *rule;
        let found = check(pod, objects).into_iter();
        found.map(move |(below, message)| Breach::stated(rule, format!("{}{below}", pod.pointer), message))
    };
    RULES.iter().flat_map(breaches).collect()
}

fn host_namespace(pod: &Pod<'_>, _: &[&Value]) -> Vec<(String, String)> {
    let shared = |key: &&str| pod.spec.get(*key) == Some(&Value::Bool(true));
    ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(shared)
        .map(|key| {
            (manifest::join("", key), format!("the pods of {} share `{key}` with their node", pod.called))
        })
        .collect()
}

fn host_path(pod: &Pod<'_>, _: &[&Value]) -> Vec<(String, String)> {
    let volumes = items(pod.spec, "volumes").enumerate();
    volumes
        .filter_map(|(index, volume)| {
            let path = volume.get("hostPath")?;
            let path = text(path, "path").unwrap_or("?");
            let message = format!("the pods of {} mount `{path}` of their node", pod.called);
            Some((format!("/volumes/{index}/hostPath/path"), message))
        })
        .collect()
}

/// The pod's own word counts before that of its account (kubernetes.io/docs/tasks/configure-pod-container).
fn service_account_token(pod: &Pod<'_>, objects: &[&Value]) -> Vec<(String, String)> {
    const KEY: &str = "automountServiceAccountToken";
    let account = text(pod.spec, "serviceAccountName").unwrap_or("default");
    let is_account = |object: &&&Value| {
        text(object, "kind") == Some("ServiceAccount")
            && name(object) == account
            && namespace(object) == namespace(pod.object)
    };
    let of_account = || objects.iter().find(is_account).and_then(|object| object.get(KEY)?.as_bool());
    let mounted = pod.spec.get(KEY).and_then(Value::as_bool).or_else(of_account).unwrap_or(true);
    let message = || format!("the pods of {} have a token of the service account `{account}`", pod.called);
    mounted.then(|| (manifest::join("", KEY), message())).into_iter().collect()
}
