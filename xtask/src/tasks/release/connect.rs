//! The cluster of an environment, and what it keeps of releases: the ledger and the payloads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::thread;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize as _;
use serde_json::Value;

use super::conduct::carry;
use super::eks;
use crate::config::release::EnvironmentConfig;
use crate::core::diagnostic::Place;
use crate::core::kubectl::Fault;
use crate::core::kubectl::document::{Name, Seen};
use crate::core::release::effect::{Outcome, Refusal};
use crate::core::release::labels;
use crate::core::release::ledger::{self, Entry, Head, Journal, Payload, PayloadName, Unreadable};
use crate::core::release::slots::Derived;
use crate::core::release::wire::{self, Manager};
use crate::cx::Cx;
use crate::driver::kubectl::{Failure, Kubectl, Mode, Query, Target};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes that a payload may have once it is unpacked.
const UNPACKED_MAX: u64 = 32 << 20;

/// How often a word is said again that came too late for the version it was meant for.
const TRIES: usize = 5;

/// What is done with a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// It is looked at.
    Read,
    /// Something in it is changed.
    Write,
}

/// The cluster of an environment, seen from its namespace, once it is known to be the one: each command begins with this.
///
/// # Errors
///
/// Of kind [`Configuration`](ErrorKind::Configuration) where kubectl does not know the context, and of kind
/// [`Refused`](ErrorKind::Refused) where it leads to another cluster than the one that `xtask.toml` pins; those of
/// [`eks::access`] before that.
pub(super) fn identified(cx: &Cx, environment: &EnvironmentConfig, purpose: Use) -> Result<Kubectl> {
    let kubectl = kubectl(cx, environment)?;
    let found = match &environment.cluster {
        Some(pinned) => kubectl.expect_cluster(&pinned.value),
        None => kubectl.find_context(),
    };
    found.map_err(|failure| unlike(environment, failure))?;
    if purpose == Use::Write && environment.cluster.is_none() {
        let (name, context) = (&environment.name, &environment.context.value);
        cx.warn(
            format!("any cluster that `{context}` leads to is taken for that of `{name}`"),
            format!("`cargo xtask environment pin --environment {name}` writes down which one it is"),
        );
    }
    Ok(kubectl)
}

/// What is wrong with a context stands in a line of `xtask.toml`.
pub(super) fn unlike(environment: &EnvironmentConfig, Failure { fault, error }: Failure) -> Error {
    let place = match (&fault, &environment.cluster) {
        (Fault::NoSuchContext, _) => &environment.context.place,
        (Fault::WrongCluster, Some(pinned)) => &pinned.place,
        _ => return error,
    };
    placed(environment, place, &error)
}

/// What is wrong with a value in `xtask.toml`.
pub(super) fn placed(environment: &EnvironmentConfig, place: &Place, error: &Error) -> Error {
    let mut problem = place.diagnostic(error.message());
    if let Some(cause) = error.causes().first() {
        problem = problem.label(cause);
    }
    if let Some(hint) = error.hints().first() {
        problem = problem.help(hint);
    }
    Error::new(error.kind(), format!("`{}` cannot be looked at", environment.name)).places([problem])
}

/// The cluster of an environment, seen from its namespace. It is asked nothing yet: see [`identified`].
///
/// # Errors
///
/// Those of [`eks::access`].
pub(super) fn kubectl(cx: &Cx, environment: &EnvironmentConfig) -> Result<Kubectl> {
    let access = eks::access(cx, environment)?;
    Ok(through(cx, environment, access.as_ref()))
}

/// The same, once it is known how one gets there.
pub(super) fn through(cx: &Cx, environment: &EnvironmentConfig, access: Option<&eks::Access>) -> Kubectl {
    cx.kubectl(Target {
        cluster: environment.name.clone(),
        context: environment.context.value.clone(),
        namespace: environment.namespace.clone(),
        kubeconfig: access.map(|access| access.kubeconfig.clone()),
    })
}

fn config_map(name: &str) -> Name {
    let (api_version, kind) = ("v1".to_owned(), "ConfigMap".to_owned());
    Name { api_version, kind, namespace: None, name: name.to_owned() }
}

/// What is written down of the releases of an environment; `None` where nothing has been released.
///
/// # Errors
///
/// Of kind [`Refused`](ErrorKind::Refused) where it is damaged: nobody writes over it.
pub(super) fn ledger(kubectl: &Kubectl, environment: &str) -> Result<Option<Head>> {
    Ok(object_of_ledger(kubectl, environment)?.map(|(_, head)| head))
}

/// The object that is the ledger, whatever it says.
pub(super) fn raw_ledger(kubectl: &Kubectl, environment: &str) -> Result<Option<Value>> {
    Ok(kubectl.get(&Query::objects(&[config_map(&ledger::name(environment))]))?.pop())
}

fn object_of_ledger(kubectl: &Kubectl, environment: &str) -> Result<Option<(Value, Head)>> {
    let Some(found) = raw_ledger(kubectl, environment)? else { return Ok(None) };
    let name = ledger::name(environment);
    let data: BTreeMap<String, String> =
        BTreeMap::deserialize(&found["data"]).map_err(|_| damaged(&wire::Unseen::NoTexts(name.clone())))?;
    let head = ledger::decode(&data).map_err(|source| damaged(&wire::Unseen::Ledger { name, source }))?;
    Ok(Some((found, head)))
}

/// What the Lease of an environment is called.
pub(super) fn lease_name(environment: &str) -> Name {
    Name {
        api_version: "coordination.k8s.io/v1".to_owned(),
        kind: "Lease".to_owned(),
        namespace: None,
        name: wire::lease_name(environment),
    }
}

/// The Lease of an environment; `None` where nobody has ever held it.
pub(super) fn lease(kubectl: &Kubectl, environment: &str) -> Result<Option<Value>> {
    Ok(kubectl.get(&Query::objects(&[lease_name(environment)]))?.pop())
}

/// Who holds a Lease; empty where nobody does.
pub(super) fn holder(lease: Option<&Value>) -> &str {
    lease.and_then(|lease| lease.pointer("/spec/holderIdentity")?.as_str()).unwrap_or_default()
}

/// Leaves the wish that the release under way ends, and returns what the ledger says without it. The machine does the same as
/// soon as it has seen everything; a living owner hears it a second sooner so, and for that second a bad release serves. That it
/// could not be left changes nothing.
///
/// # Errors
///
/// Those of `may`, which is asked at the same time as the ledger: then nothing was written.
pub(super) fn ask_for_end(
    kubectl: &Kubectl,
    environment: &str,
    may: impl FnOnce() -> Result<()> + Send,
) -> Result<Option<Head>> {
    let (found, may) = thread::scope(|scope| {
        let may = scope.spawn(may);
        let found = object_of_ledger(kubectl, environment);
        (found, may.join())
    });
    may.unwrap_or_else(|_| Err(Error::bug("the question what the role may do panicked")))?;
    let Some((found, head)) = found? else { return Ok(None) };
    let wish = head.under_way.clone().filter(|journal| !journal.abort);
    if let (Some(journal), Some(seen)) = (wish, Seen::of(&found)) {
        let wished = Head { under_way: Some(Journal { abort: true, ..journal }), ..head.clone() };
        let data = ledger::encode(&wished)
            .map_err(|error| Error::bug("the wish cannot be written").source(error))?;
        let (name, change) = (config_map(&ledger::name(environment)), serde_json::json!({ "data": data }));
        drop(kubectl.patch(Manager::Manifests.name(), &name, &seen, change, Mode::Really));
    }
    Ok(Some(head))
}

/// Leaves a word in the ledger: `change` says what it says from then on, on what it says now. Whoever owns the release writes there,
/// too: what was said to an older version is said again to the newer one.
///
/// # Errors
///
/// That of `change`; and of kind [`Refused`](ErrorKind::Refused) where there is no ledger, or it changes all the time.
pub(super) fn tell(
    kubectl: &Kubectl,
    environment: &str,
    change: impl Fn(&Head) -> Result<Head>,
) -> Result<Head> {
    let name = config_map(&ledger::name(environment));
    for _ in 0..TRIES {
        let Some((found, head)) = object_of_ledger(kubectl, environment)? else {
            return Err(Error::refused(format!("nothing was released to `{environment}` yet")));
        };
        let changed = change(&head)?;
        let mut data = serde_json::json!(
            ledger::encode(&changed).map_err(|error| Error::bug("a word cannot be written").source(error))?
        );
        // A key that is no longer there has to be taken away by name.
        for key in found["data"].as_object().into_iter().flat_map(|old| old.keys()) {
            if data.get(key).is_none() {
                data[key] = Value::Null;
            }
        }
        let seen = Seen::of(&found).ok_or_else(|| Error::bug(format!("{name} has no version")))?;
        let change = serde_json::json!({ "data": data });
        match kubectl.patch(Manager::Manifests.name(), &name, &seen, change, Mode::Really) {
            Ok(_) => return Ok(changed),
            Err(failure) if failure.fault == Fault::Conflict => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Err(Error::refused("the ledger has changed each time, while something was to be written")
        .hint("nothing was written: run the same command again"))
}

/// The error about a ledger that nobody can read.
pub(super) fn damaged(unseen: &wire::Unseen) -> Error {
    let error = Error::refused(unseen.to_string());
    let cause = std::error::Error::source(unseen).map(ToString::to_string);
    let error = cause.into_iter().fold(error, Error::cause);
    let error =
        error.hint("nothing was written: it may be of another version of this program, or changed by hand");
    match unseen {
        wire::Unseen::Ledger { source: Unreadable::Format(format), .. } if format.parse::<u32>().is_ok() => {
            error
        }
        _ => error
            .hint("`cargo xtask history --repair` makes it again, as far as the cluster knows what it said"),
    }
}

/// Keeps the manifests of a release in the cluster, before anything else is done. What is there already is the same.
///
/// # Errors
///
/// When they are too large, or cannot be written.
pub(super) fn keep(kubectl: &Kubectl, environment: &EnvironmentConfig, derived: &Derived) -> Result<()> {
    let unstorable = |error| Error::configuration("the manifests cannot be kept").source(error);
    let payloads = derived.payloads().map_err(unstorable)?;
    for payload in payloads.all() {
        let compressed = compress(payload)?;
        payload.admit(compressed.len()).map_err(unstorable)?;
        let request = wire::payload(&environment.name, &environment.namespace, &payload.name, &compressed);
        match wire::outcome(&carry(kubectl, &request)) {
            Outcome::Done | Outcome::Refused(Refusal::Existence) => {}
            Outcome::Refused(Refusal::Denied(words)) => {
                return Err(Error::refused(format!("the manifests cannot be kept as `{}`", payload.name))
                    .cause(words)
                    .hint("nothing was released: the role needs to `create` ConfigMaps, see `k8s/rbac/`"));
            }
            Outcome::Refused(Refusal::Conflict) | Outcome::Unknown => {
                return Err(Error::missing(format!("it is not known whether `{}` was kept", payload.name))
                    .hint("nothing was released: run the same command again"));
            }
        }
    }
    Ok(())
}

fn compress(payload: &Payload) -> Result<Vec<u8>> {
    // Without a time in its header: the same bytes for the same manifests.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(&payload.bytes)
        .and_then(|()| encoder.finish())
        .map_err(|error| Error::bug("bytes in memory cannot be compressed").source(error))
}

/// What was kept under these names, by name. What is not there any more is left out.
pub(super) fn fetch<'n>(
    kubectl: &Kubectl,
    names: impl IntoIterator<Item = &'n PayloadName>,
) -> Result<BTreeMap<PayloadName, Vec<Value>>> {
    let names: BTreeSet<&PayloadName> = names.into_iter().collect();
    let asked: Vec<Name> = names.iter().map(|name| config_map(name.as_str())).collect();
    let mut kept = BTreeMap::new();
    for object in kubectl.get(&Query::objects(&asked))? {
        let (name, objects) = unpacked(&object)?;
        kept.insert(name, objects);
    }
    Ok(kept)
}

/// What a payload keeps, by its name.
///
/// # Errors
///
/// When it holds something else than what its name says.
pub(super) fn unpacked(object: &Value) -> Result<(PayloadName, Vec<Value>)> {
    let (name, compressed) = wire::compressed(object).map_err(unusable)?;
    let mut bytes = Vec::new();
    GzDecoder::new(compressed.as_slice())
        .take(UNPACKED_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(wire::Damaged::Content(name.clone())).cause(error.to_string()))?;
    let objects = wire::stated(&name, &bytes).map_err(unusable)?;
    Ok((name, objects))
}

fn unusable(damaged: wire::Damaged) -> Error {
    Error::refused("what was kept of a release cannot be used")
        .source(damaged)
        .hint("somebody has changed it by hand; `cargo xtask rollback --to RELEASE` goes to another one")
}

/// Everything that a release has stated, as it was kept. Empty where nothing serves, or nothing was kept.
pub(super) fn stated(kubectl: &Kubectl, entry: Option<&Entry>) -> Result<Vec<Value>> {
    let Some(entry) = entry else { return Ok(Vec::new()) };
    let kept = fetch(kubectl, entry.account.payloads())?;
    Ok(kept.into_values().flatten().collect())
}

/// Deletes payloads that no release needs any more. That something could not be deleted costs room and nothing else.
pub(super) fn prune(cx: &Cx, kubectl: &Kubectl, environment: &EnvironmentConfig) {
    let pruned = || -> Result<()> {
        let Some(head) = ledger(kubectl, &environment.name)? else { return Ok(()) };
        let selector = format!("{}={}", labels::PAYLOAD, environment.name);
        let stored = kubectl.get(&Query::kinds(&["configmap"]).labelled(selector))?;
        let named: BTreeMap<PayloadName, String> = stored
            .iter()
            .filter_map(|object| {
                let text = |pointer: &str| object.pointer(pointer)?.as_str();
                Some((PayloadName::read(text("/metadata/name")?)?, text("/metadata/uid")?.to_owned()))
            })
            .collect();
        for name in head.garbage(named.keys()) {
            if let Some(uid) = named.get(name) {
                kubectl.delete(&config_map(name.as_str()), uid)?;
            }
        }
        Ok(())
    };
    if let Err(error) = pruned()
        && error.kind() != ErrorKind::Interrupted
    {
        cx.warn_of(&error, "manifests that nobody needs any more stay in the cluster");
    }
}
