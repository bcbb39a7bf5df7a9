//! What is in a cluster, read with kubectl or from a file that kubectl wrote. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::config::release::EnvironmentConfig;
use crate::core::command::Command;
use crate::core::release::plan::Identity;
use crate::cx::Cx;
use crate::error::{Context as _, Error, Result};

/// How long a question to the API server may take. kubectl asks again by itself while it looks around.
const ANSWER: &str = "--request-timeout=10s";

/// How long one kubectl may take, whatever it does.
const PATIENCE: Duration = Duration::from_mins(1);

/// The largest snapshot that is read, in bytes.
const SNAPSHOT_MAX: u64 = 64 << 20;

/// Reads the objects of these kinds, and what says where the environment stands: its ledger, its quotas, and the Services
/// that nobody stated.
pub(super) fn objects(cx: &Cx, environment: &EnvironmentConfig, stated: &[Identity]) -> Result<Vec<Value>> {
    let mut objects: Vec<Value> = Vec::new();
    let mut seen = BTreeSet::new();
    for ((namespace, foreign), kinds) in questions(&environment.namespace, stated) {
        let kinds = kinds.into_iter().collect::<Vec<_>>().join(",");
        let found = get(cx, environment, namespace, &kinds, foreign.is_some())?;
        // What belongs to no namespace is found from each.
        let new = |object: &Value| {
            let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
            uid.is_none_or(|uid| seen.insert(uid.to_owned()))
        };
        objects.extend(found.into_iter().filter(new));
    }
    Ok(objects)
}

/// The kinds to ask for in each namespace, and beside them each foreign kind by itself: one that the server does not know
/// fails the whole question. Somebody may look at what is stated in a namespace, and at nothing else in it.
fn questions<'s>(
    home: &'s str,
    stated: &'s [Identity],
) -> BTreeMap<(&'s str, Option<&'s str>), BTreeSet<String>> {
    let own = ["configmap", "resourcequota", "service"].map(str::to_owned);
    let mut questions = BTreeMap::from([((home, None), BTreeSet::from(own))]);
    // A Secret is referred to by its name, and never read.
    for identity in stated.iter().filter(|identity| identity.kind != "Secret") {
        let (kind, foreign) = kind(identity);
        let namespace = identity.namespace.as_deref().unwrap_or(home);
        let question = (namespace, foreign.then_some(identity.kind.as_str()));
        questions.entry(question).or_default().insert(kind);
    }
    questions
}

/// A kind as kubectl wants it, so that the version is the one of the manifest; and whether it is none of Kubernetes' own.
fn kind(identity: &Identity) -> (String, bool) {
    let kind = identity.kind.to_ascii_lowercase();
    match identity.api_version.split_once('/') {
        None => (kind, false),
        Some((group, version)) => {
            let foreign = group.contains('.') && !group.ends_with(".k8s.io");
            (format!("{kind}.{version}.{group}"), foreign)
        }
    }
}

fn get(
    cx: &Cx,
    environment: &EnvironmentConfig,
    namespace: &str,
    kinds: &str,
    foreign: bool,
) -> Result<Vec<Value>> {
    let mut command = Command::new("kubectl")
        .arg(format!("--context={}", environment.context.value))
        .arg(format!("--namespace={namespace}"))
        .args(["get", kinds, "--output=json", ANSWER])
        .timeout(PATIENCE);
    if let Some(path) = cx.environment().get("KUBECONFIG") {
        command = command.env("KUBECONFIG", path);
    }
    let output = cx.output(command)?;
    if output.success() {
        return items(&output.stdout).ok_or_else(|| {
            Error::missing(format!(
                "kubectl answered for `{}` with something that is no list",
                environment.name
            ))
        });
    }
    if foreign && output.stderr.contains("doesn't have a resource type") {
        return Ok(Vec::new());
    }
    Err(classify(environment, namespace, &output.stderr))
}

/// What it means that kubectl failed. It exits with 1 for nearly everything, so its words decide.
fn classify(environment: &EnvironmentConfig, namespace: &str, said: &str) -> Error {
    let context = &environment.context;
    // The lines of klog before the last one repeat it for each attempt.
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let error = if has(&["context was not found", "no context exists", "context \"", "does not exist"])
        && said.contains(&context.value)
    {
        let problem = context.place.diagnostic(format!("kubectl knows no context `{}`", context.value));
        return Error::configuration(format!("`{}` cannot be looked at", environment.name))
            .places([problem.help("`kubectl config get-contexts` lists them; `KUBECONFIG` names the file")]);
    } else if has(&["(Forbidden)", "is forbidden"]) {
        Error::missing(format!("somebody may not look at the namespace `{namespace}`"))
            .hint("a plan needs the verbs `get` and `list` on what it names; ask for a Role with them")
    } else if has(&["(Unauthorized)", "You must be logged in", "provide credentials"]) {
        Error::missing(format!("the cluster of `{}` does not know who asks", environment.name))
            .hint(format!("log in again: `kubectl --context={} auth whoami` says who you are", context.value))
    } else if has(&["doesn't have a resource type"]) {
        Error::missing(format!("the cluster of `{}` lacks a kind of the manifests", environment.name))
            .hint("it may be too old or too new for the `apiVersion` that is stated")
    } else if has(&["was refused", "Unable to connect", "i/o timeout", "deadline exceeded", "no such host"]) {
        Error::missing(format!("the cluster of `{}` does not answer", environment.name)).hint(format!(
            "`kubectl --context={} version` should answer; is a VPN or a proxy missing?",
            context.value
        ))
    } else {
        Error::missing(format!("the cluster of `{}` cannot be read", environment.name))
    };
    error.cause(last)
}

/// Reads a file with the output of `kubectl get … --output=json`.
pub(super) fn snapshot(path: &Path) -> Result<Vec<Value>> {
    let failed = || format!("could not read `{}`", path.display());
    if std::fs::metadata(path).context(failed)?.len() > SNAPSHOT_MAX {
        return Err(Error::configuration(format!("`{}` is too large for a snapshot", path.display())));
    }
    let text = crate::cx::files::read(path)?;
    items(&text).ok_or_else(|| {
        Error::configuration(format!("`{}` is no snapshot of a cluster", path.display()))
            .hint("it is what `kubectl get KINDS --output=json` writes: an object of kind `List`")
    })
}

/// The objects of a list.
fn items(text: &str) -> Option<Vec<Value>> {
    let mut list: Value = serde_json::from_str(text).ok()?;
    if !list.get("kind")?.as_str()?.ends_with("List") {
        return None;
    }
    match list.get_mut("items")?.take() {
        Value::Array(items) if items.iter().all(Value::is_object) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_is_asked_for_what_is_stated_in_it() {
        let identity = |api_version: &str, kind: &str, namespace: Option<&str>| Identity {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: "x".to_owned(),
        };
        let stated = [
            identity("apps/v1", "Deployment", None),
            identity("v1", "Secret", Some("other")),
            identity("networking.k8s.io/v1", "NetworkPolicy", Some("other")),
            identity("example.com/v1", "Database", Some("other")),
            identity("example.com/v2", "Cache", Some("home")),
        ];
        let said: Vec<String> = questions("home", &stated)
            .into_iter()
            .map(|((namespace, _), kinds)| {
                format!("{namespace}: {}", kinds.into_iter().collect::<Vec<_>>().join(","))
            })
            .collect();
        expect_test::expect![[r#"
            home: configmap,deployment.v1.apps,resourcequota,service
            home: cache.v2.example.com
            other: networkpolicy.v1.networking.k8s.io
            other: database.v1.example.com"#]]
        .assert_eq(&said.join("\n"));
    }
}
