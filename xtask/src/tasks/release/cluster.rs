//! What is in a cluster, read with kubectl or from a file that kubectl wrote. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::connect;
use crate::config::release::EnvironmentConfig;
use crate::core::kubectl::Fault;
use crate::core::kubectl::document::{self, Name};
use crate::core::release::plan::Identity;
use crate::driver::kubectl::{Failure, Kubectl, Query};
use crate::error::{Context as _, Error, Result};

/// The largest snapshot that is read, in bytes.
const SNAPSHOT_MAX: u64 = 64 << 20;

/// Reads the objects of these kinds, and what says where the environment stands: its ledger, its quotas, and the Services
/// that nobody stated.
pub(super) fn objects(
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    stated: &[Identity],
) -> Result<Vec<Value>> {
    read(kubectl, environment, stated, |query| query)
}

/// The same, with the managers of all fields.
pub(super) fn objects_with_managers(
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    stated: &[Identity],
) -> Result<Vec<Value>> {
    read(kubectl, environment, stated, Query::with_managers)
}

fn read(
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    stated: &[Identity],
    how: impl Fn(Query) -> Query,
) -> Result<Vec<Value>> {
    let mut answers = Vec::new();
    for ((namespace, foreign), kinds) in questions(&environment.namespace, stated) {
        let kinds: Vec<String> = kinds.into_iter().collect();
        let found = match kubectl.get(&how(Query::kinds(&kinds).namespace(namespace))) {
            Err(Failure { fault: Fault::NoSuchKind, .. }) if foreign.is_some() => Vec::new(),
            found => found.map_err(|failure| connect::unlike(environment, failure))?,
        };
        answers.push(found);
    }
    Ok(distinct(answers))
}

/// The objects of several answers, each once: what belongs to no namespace is found from each.
pub(super) fn distinct(answers: Vec<Vec<Value>>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut objects: Vec<Value> = answers.into_iter().flatten().collect();
    objects.retain(|object| {
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
        uid.is_none_or(|uid| seen.insert(uid.to_owned()))
    });
    objects
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
        let namespace = identity.namespace.as_deref().unwrap_or(home);
        let question = (namespace, identity.foreign_group().map(|_| identity.kind.as_str()));
        questions.entry(question).or_default().insert(Name::from(identity).resource());
    }
    questions
}

/// Reads a file with the output of `kubectl get … --output=json`.
pub(super) fn snapshot(path: &Path) -> Result<Vec<Value>> {
    let failed = || format!("could not read `{}`", path.display());
    if std::fs::metadata(path).context(failed)?.len() > SNAPSHOT_MAX {
        return Err(Error::configuration(format!("`{}` is too large for a snapshot", path.display())));
    }
    let text = crate::cx::files::read(path)?;
    document::list(&text).ok_or_else(|| {
        Error::configuration(format!("`{}` is no snapshot of a cluster", path.display()))
            .hint("it is what `kubectl get KINDS --output=json` writes: an object of kind `List`")
    })
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
