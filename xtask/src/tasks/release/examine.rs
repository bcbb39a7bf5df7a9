//! Looks whether a release to an environment could begin: files, kubectl, cluster, role, Secrets, metrics, images. Nothing is
//! changed, and no Secret is read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::eks::Access;
use super::prepare::{self, of_environment};
use super::{connect, consent, eks, notify};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::checkup::environment::{Checkup, Row, State};
use crate::core::command::quote;
use crate::core::kubectl::document::Name;
use crate::core::kubectl::review::Need;
use crate::core::kubectl::scrape::Window;
use crate::core::registry::Reference;
use crate::core::release::plan::{self, Identity};
use crate::core::release::slots::Derived;
use crate::core::release::{labels, rights};
use crate::core::text;
use crate::cx::Cx;
use crate::driver::kubectl::{Failure, Kubectl, Query};
use crate::driver::registry::Presence;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Body;

/// The least role, for whoever lacks it.
const ROLE: &str = "whoever runs the cluster applies `k8s/rbac/deployer.yml` in the namespace";

/// Says whether a release to the environment could begin.
///
/// # Errors
///
/// Of kind [`Missing`](ErrorKind::Missing) where it could not.
pub fn examine(cx: &Cx, environment: &str) -> Result<()> {
    let (release, environment) = of_environment(cx, Some(environment))?;
    let mut checkup = Checkup::default();
    let derived = files(cx, release, environment, &mut checkup)?;
    if let Some(kubectl) = way(cx, environment, &mut checkup)?
        && cluster(&kubectl, environment, &mut checkup)?
    {
        let stated = derived.as_ref().map(prepare::identities).unwrap_or_default();
        role(&kubectl, environment, &stated, &mut checkup)?;
        if let Some(derived) = &derived {
            secrets(&kubectl, derived, &mut checkup)?;
            metrics(&kubectl, release, derived, &mut checkup)?;
        }
    }
    if let Some(derived) = &derived {
        images(cx, derived, &mut checkup)?;
    }
    let told = environment.notifications.iter().flat_map(|config| notify::known(cx, config));
    checkup.rows.extend(told.map(|(name, found)| match found {
        Ok(()) => Row::fine("notification", name, "it can be told"),
        // A release goes without it.
        Err(why) => Row::fine("notification", name, why).but(State::Advised),
    }));
    let data = serde_json::to_value(&checkup)
        .map_err(|error| Error::bug("the findings cannot be written as JSON").source(error))?;
    cx.emit(Body::Answer { text: checkup.text(), data });
    verdict(&environment.name, &checkup)
}

fn verdict(environment: &str, checkup: &Checkup) -> Result<()> {
    let lacking: Vec<&Row> = checkup.lacking().collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let count = text::count(lacking.len(), "thing");
    let error = Error::missing(format!("no release to `{environment}` could begin: {count} lacking"));
    Err(lacking.into_iter().fold(error, |error, row| {
        let name = if row.name.is_empty() { String::new() } else { format!(" `{}`", row.name) };
        error.cause(format!("{}{name}: {}", row.what, row.found))
    }))
}

/// An end that somebody wanted is one here, too; everything else is what was found.
fn found(error: Error) -> Result<Error> {
    if error.kind() == ErrorKind::Interrupted { Err(error) } else { Ok(error) }
}

/// What went wrong, and what to do about it.
fn lacking(what: &'static str, name: &str, error: &Error) -> Row {
    let places = error.diagnostics().iter();
    let places =
        places.map(|place| format!("{}:{}: {}", place.path.display(), place.position().0, place.message));
    let words: Vec<String> = [error.message().to_owned()].into_iter().chain(places.take(3)).collect();
    let row = Row::fine(what, name, words.join("; ")).but(State::Lacking);
    let help = error.diagnostics().iter().find_map(|place| place.help.clone());
    match error.hints().first().cloned().or(help) {
        Some(advice) => row.advice(advice),
        None => row,
    }
}

/// The files and the variables that fill them.
fn files(
    cx: &Cx,
    release: &Release,
    environment: &EnvironmentConfig,
    checkup: &mut Checkup,
) -> Result<Option<Derived>> {
    match prepare::of_files(cx, release, environment, &prepare::Images::Built) {
        Ok(derived) => {
            let count = text::count(derived.stated().len(), "object");
            checkup.rows.push(Row::fine("files", "", format!("{count}, every variable has a value")));
            Ok(Some(derived))
        }
        Err(error) => {
            checkup.rows.push(lacking("files", "", &found(error)?));
            Ok(None)
        }
    }
}

/// How one gets to the cluster; `None` where one does not.
fn way(cx: &Cx, environment: &EnvironmentConfig, checkup: &mut Checkup) -> Result<Option<Kubectl>> {
    let name = environment.eks.as_ref().map_or("", |eks| &eks.cluster.value);
    match eks::access(cx, environment) {
        Ok(access) => {
            checkup.rows.extend(access.as_ref().map(|Access { identity, described, .. }| {
                let found = format!("Kubernetes {}, asked as `{}`", described.version, identity.arn);
                Row::fine("eks", name, found)
            }));
            Ok(Some(connect::through(cx, environment, access.as_ref())))
        }
        Err(error) => {
            checkup.rows.push(lacking("eks", name, &found(error)?));
            Ok(None)
        }
    }
}

/// kubectl, the context, and who is behind it. Whether there is somebody to ask more.
fn cluster(kubectl: &Kubectl, environment: &EnvironmentConfig, checkup: &mut Checkup) -> Result<bool> {
    let mut look = |what, name: &str, outcome: Result<Row, Failure>| {
        let row = match outcome {
            Ok(row) => row,
            Err(failure) => lacking(what, name, &found(connect::unlike(environment, failure))?),
        };
        let is_usable = row.state != State::Lacking;
        checkup.rows.push(row);
        Ok::<bool, Error>(is_usable)
    };
    let context = &environment.context.value;
    if !look(
        "context",
        context,
        kubectl.find_context().map(|()| Row::fine("context", context, "kubectl knows it")),
    )? {
        return Ok(false);
    }
    let version = kubectl.version().map(|versions| {
        let row = Row::fine("kubectl", "", format!("{}, the cluster {}", versions.kubectl, versions.server));
        match versions.warning() {
            Some((_, hint)) => row.but(State::Advised).advice(hint),
            None => row,
        }
    });
    if !look("kubectl", "", version)? {
        return Ok(false);
    }
    let identity = match &environment.cluster {
        Some(pinned) => kubectl
            .expect_cluster(&pinned.value)
            .map(|()| Row::fine("cluster", &pinned.value, "the pinned one")),
        None => kubectl.cluster_uid().map(|uid| {
            let advice = format!("`cargo xtask environment pin --environment {}`", environment.name);
            Row::fine("cluster", uid, "not pinned").but(State::Advised).advice(advice)
        }),
    };
    look("cluster", "", identity)
}

/// Each resource with the verbs on it.
fn role(
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    stated: &[Identity],
    checkup: &mut Checkup,
) -> Result<()> {
    let mut needs: Vec<Need> = rights::of_release(&environment.namespace, stated)
        .into_iter()
        .chain([rights::of_identity()])
        .collect();
    let explains = needs.len();
    needs.extend(rights::of_explanation(&environment.namespace));
    let verdicts = match kubectl.may(&needs) {
        Ok(verdicts) => verdicts,
        Err(failure) => {
            checkup.rows.push(lacking("role", "", &found(failure.error)?));
            return Ok(());
        }
    };
    let mut resources: Vec<(String, Vec<&str>, Vec<&str>, State)> = Vec::new();
    for (index, (need, verdict)) in needs.iter().zip(&verdicts).enumerate() {
        let (_, resource) = consent::split(need);
        let place = need.namespace.as_deref().filter(|place| *place != environment.namespace);
        let name = place
            .filter(|_| need.name.is_none())
            .map_or(resource.clone(), |place| format!("{resource} in {place}"));
        let known = resources.iter().position(|(known, ..)| *known == name);
        let at = known.unwrap_or_else(|| {
            resources.push((name, Vec::new(), Vec::new(), State::Advised));
            resources.len() - 1
        });
        let (_, may, may_not, state) = &mut resources[at];
        if verdict.is_allowed {
            may.push(&need.verb);
        } else {
            may_not.push(&need.verb);
            // Without what explains a failure a release goes, and says less.
            *state = if index < explains { State::Lacking } else { *state };
        }
    }
    for (name, may, may_not, state) in resources {
        checkup.rows.push(if may_not.is_empty() {
            Row::fine("role", name, may.join(", "))
        } else {
            Row::fine("role", name, format!("may not {}", may_not.join(", "))).but(state).advice(ROLE)
        });
    }
    Ok(())
}

/// The Secrets that pods refer to. A server shows a table of names to whoever may; their values are not asked for.
fn secrets(kubectl: &Kubectl, derived: &Derived, checkup: &mut Checkup) -> Result<()> {
    let mut names = BTreeSet::new();
    for object in derived.stated() {
        plan::find_secrets(object, &mut names);
    }
    let namespace = &kubectl.target().namespace;
    for name in names {
        let need = Need { name: Some(name.clone()), ..Need::new("get", "secrets", Some(namespace)) };
        let may = kubectl.may(&[need]).map_err(|failure| failure.error)?;
        let row = Row::fine("secret", &name, "it is there");
        if !may.iter().all(|verdict| verdict.is_allowed) {
            let by_hand = format!(
                "somebody who may: `kubectl --context {} --namespace {namespace} get secret {name}`",
                quote(&kubectl.target().context)
            );
            let row = Row { found: "the role may not look, and need not".to_owned(), ..row };
            checkup.rows.push(row.but(State::Unknown).advice(by_hand));
            continue;
        }
        let secret =
            Name { api_version: "v1".into(), kind: "Secret".into(), namespace: None, name: name.clone() };
        checkup.rows.push(match kubectl.is_there(&secret) {
            Ok(true) => row,
            Ok(false) => Row { found: "it is not there".to_owned(), ..row }.but(State::Lacking).advice(
                "somebody has to make it: pods that refer to it do not start, and no release makes it",
            ),
            Err(failure) => lacking("secret", &name, &found(failure.error)?).but(State::Unknown),
        });
    }
    Ok(())
}

/// Whether the pages of metrics can be read from pods that serve: a canary that nobody sees is no canary.
fn metrics(kubectl: &Kubectl, release: &Release, derived: &Derived, checkup: &mut Checkup) -> Result<()> {
    for component in &release.components {
        let name = component.name.to_string();
        let row = |found: String| Row::fine("metrics", &name, found);
        let deployment = derived.slots.iter().find(|slots| slots.component == component.name);
        let Some(serves) = deployment.and_then(|slots| {
            labels::labels(
                slots.deployment(crate::core::release::model::Slot::A),
                "/spec/template/metadata/labels",
            )
            .remove(labels::SERVES)
        }) else {
            checkup.rows.push(row("its pods have no label to find them by".to_owned()).but(State::Unknown));
            continue;
        };
        let query = Query::kinds(&["pod"]).labelled(format!("{}={serves}", labels::SERVES));
        let pods = match kubectl.get(&query) {
            Ok(pods) => pods,
            Err(failure) => {
                checkup.rows.push(lacking("metrics", &name, &found(failure.error)?).but(State::Unknown));
                continue;
            }
        };
        let running =
            pods.iter().find(|pod| pod.pointer("/status/phase").and_then(Value::as_str) == Some("Running"));
        let Some(pod) = running.and_then(|pod| pod.pointer("/metadata/name")?.as_str()) else {
            checkup.rows.push(row("no pod runs".to_owned()).but(State::Unknown));
            continue;
        };
        let window = Window {
            namespace: kubectl.target().namespace.clone(),
            port: component.metrics.port,
            page: component.metrics.path.clone(),
        };
        let asked = kubectl.proxy(std::slice::from_ref(&window));
        let pages = asked.and_then(|proxy| proxy.scrape(&window, &[pod.to_owned()]));
        checkup.rows.push(match pages.map(|mut pages| pages.pop()) {
            Ok(Some(Ok(page))) => row(format!("{} bytes from `{pod}`", page.len())),
            Ok(Some(Err(miss))) => row(format!("`{pod}`: {miss}")).but(State::Lacking).advice(
                "the API server must reach the pods: NetworkPolicies have to let the control plane in, and the role needs `get` on `pods/proxy`",
            ),
            Ok(None) => row(format!("`{pod}` says nothing")).but(State::Unknown),
            Err(failure) => lacking("metrics", &name, &found(failure.error)?),
        });
    }
    Ok(())
}

/// Whether the registry has the images, by their digests.
fn images(cx: &Cx, derived: &Derived, checkup: &mut Checkup) -> Result<()> {
    let mut all: BTreeMap<String, Reference> = BTreeMap::new();
    for object in derived.stated() {
        for list in ["containers", "initContainers"] {
            let containers = object.pointer(&format!("/spec/template/spec/{list}")).and_then(Value::as_array);
            for container in containers.into_iter().flatten() {
                let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
                all.extend(image.parse().ok().map(|reference| (image.to_owned(), reference)));
            }
        }
    }
    for (image, reference) in all {
        let row = |found: &str| Row::fine("image", short(&image), found);
        let presence =
            match cx.registry(reference.registry()).and_then(|registry| registry.exists(&reference)) {
                Ok(presence) => presence,
                Err(error) => Presence::Unknown(found(error)?),
            };
        checkup.rows.push(match presence {
            Presence::Present(_) => row("the registry has it"),
            Presence::Absent => row("the registry does not have it")
                .but(State::Lacking)
                .advice("`cargo xtask image --push` pushes what was built, and writes its digest down"),
            Presence::Unknown(error) => row(error.message()).but(State::Unknown),
        });
    }
    Ok(())
}

/// A reference with as much of its digest as people compare.
fn short(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.chars().take(12).collect::<String>()),
        None => image.to_owned(),
    }
}
