//! Makes a ledger again that somebody has damaged by hand: shows what it would say and what is lost, asks, and writes it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::connect::{self, Use};
use super::intervene::Options;
use super::prepare::{self, of_environment};
use super::{consent, status};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::kubectl::Fault;
use crate::core::kubectl::document::{Name, Seen};
use crate::core::release::labels;
use crate::core::release::ledger::repair::{self, Repair, Unrepairable};
use crate::core::release::ledger::{self, Line};
use crate::core::release::manifest;
use crate::core::release::model::ComponentName;
use crate::core::release::wire::{self, Manager, Owner};
use crate::core::text;
use crate::cx::Cx;
use crate::driver::kubectl::{Kubectl, Mode, Query};
use crate::driver::platform;
use crate::error::{Error, Result};
use crate::event::Body;

/// Where it is recorded who has made a ledger again, and when.
const REPAIRED: &str = "vitalyst.io/repaired";

/// How long a holder of the Lease may give no sign before it counts as gone: by this machine's clock, since it was looked at first.
/// An owner renews every ten seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// How often the Lease is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Makes the ledger of an environment again. One that can be read is left as it is, and that is well.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where a living owner holds the environment, where it would have to be guessed which
/// slot serves, where nobody has agreed, and where something has changed meanwhile: then nothing was written.
pub fn repair(cx: &Cx, options: &Options) -> Result<()> {
    let (release, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let found = connect::raw_ledger(&kubectl, &environment.name)?;
    let data = found.as_ref().and_then(|found| BTreeMap::deserialize(&found["data"]).ok());
    if data.as_ref().is_some_and(|data| ledger::decode(data).is_ok()) {
        cx.note(format!("the ledger of `{}` can be read: nothing is repaired", environment.name));
        return Ok(());
    }
    let (evidence, unusable) = evidence(&kubectl, (release, environment))?;
    let mended = repair::repair(&environment.name, &data.unwrap_or_default(), &evidence, prepare::now());
    let mut mended = mended.map_err(|no| unrepairable(environment, &no))?;
    mended.lost.extend(unusable);
    let data = ledger::encode(&mended.head)
        .map_err(|error| Error::bug("the repaired ledger cannot be written").source(error))?;
    let copy = found.as_ref().map(|found| copy(found, environment));
    say(cx, environment, &mended, copy.as_ref());
    let held = Hold::find(cx, &kubectl, environment)?;
    let question = format!("write this as the ledger of `{}`?", environment.name);
    consent::confirm(cx, options.yes, &question)?;
    let held = held.take(cx, &kubectl)?;
    let written = write(cx, &kubectl, environment, found, copy, &data);
    held.leave(cx, &kubectl);
    written?;
    cx.note(format!("the ledger of `{}` was repaired", environment.name));
    Ok(())
}

/// What the cluster says of releases, and what was kept and cannot be used.
fn evidence(
    kubectl: &Kubectl,
    (release, environment): (&Release, &EnvironmentConfig),
) -> Result<(repair::Evidence, Vec<String>)> {
    let selector = format!("{}={}", labels::PAYLOAD, environment.name);
    let stored = kubectl.get(&Query::kinds(&["configmap"]).labelled(selector))?;
    let (mut payloads, mut unusable) = (Vec::new(), Vec::new());
    for object in stored {
        let created = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
        let created = created.unwrap_or_default().to_owned();
        match connect::unpacked(&object) {
            Ok((name, stated)) => payloads.push((name, created, stated)),
            Err(error) => unusable.push(error.causes().first().cloned().unwrap_or_default()),
        }
    }
    let objects = kubectl.get(&Query::kinds(&["deployment.v1.apps", "service", "job.v1.batch"]))?;
    let components: Vec<(ComponentName, String)> = release
        .components
        .iter()
        .map(|component| (component.name.clone(), component.deployment.value.clone()))
        .collect();
    Ok((wire::evidence(&components, &payloads, &objects), unusable))
}

fn unrepairable(environment: &EnvironmentConfig, no: &Unrepairable) -> Error {
    let error = Error::refused(format!("the ledger of `{}` cannot be repaired", environment.name));
    let error = error.cause(no.to_string());
    match no {
        Unrepairable::Format(_) => error.hint("use the version that wrote it, or a newer one"),
        Unrepairable::BothServe(_) => error.hint(
            "give the requests to one slot by hand (`docs/guides/rollback.md`), and run the same command again",
        ),
        Unrepairable::Nothing => error.hint("`cargo xtask adopt` writes down what runs"),
    }
}

/// The `ConfigMap` that keeps what was damaged: by its content, so that it is there once however often somebody tries.
fn copy(found: &Value, environment: &EnvironmentConfig) -> Value {
    let content = json!({ "data": found["data"], "binaryData": found["binaryData"] });
    let hash = blake3::hash(content.to_string().as_bytes()).to_hex();
    let name = format!("{}-damaged-{}", ledger::name(&environment.name), &hash[..10]);
    let mut copy = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
    for key in ["data", "binaryData"] {
        if found[key].is_object() {
            copy[key] = found[key].clone();
        }
    }
    copy
}

fn say(cx: &Cx, environment: &EnvironmentConfig, mended: &Repair, copy: Option<&Value>) {
    let name = &environment.name;
    let mut lines = vec![format!("the ledger of `{name}` is damaged; repaired it says")];
    lines.extend(status::words(&mended.head, name).into_iter().map(|line| format!("  {line}")));
    lines.extend(status::listed(&mended.head).0.lines().map(|line| format!("  {line}")));
    for (heading, sentences) in [("known from the cluster", &mended.known), ("lost", &mended.lost)] {
        if !sentences.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(sentences.iter().map(|sentence| format!("  {sentence}")));
        }
    }
    let copy = copy.and_then(|copy| copy["metadata"]["name"].as_str());
    lines.extend(copy.map(|copy| format!("what it says now is kept in the ConfigMap `{copy}`")));
    let (_, rows) = status::listed(&mended.head);
    let data = json!({
        "environment": name,
        "serving": mended.head.serving,
        "live": mended.head.live,
        "under_way": mended.head.under_way,
        "history": rows,
        "known": mended.known,
        "lost": mended.lost,
        "copy": copy,
    });
    cx.emit(Body::Answer { text: lines.join("\n") + "\n", data });
}

/// Keeps what was there, then writes over the version that was seen, and no other.
fn write(
    cx: &Cx,
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    found: Option<Value>,
    copy: Option<Value>,
    data: &BTreeMap<String, String>,
) -> Result<()> {
    if let Some(copy) = copy {
        let made = kubectl.create(Manager::Manifests.name(), &[copy], Mode::Really).pop();
        match made {
            Some(Err(failure)) if failure.fault != Fault::AlreadyExists => return Err(failure.into()),
            _ => {}
        }
    }
    let seen = found.as_ref().and_then(Seen::of);
    let name = ledger::name(&environment.name);
    let mut object = found
        .unwrap_or_else(|| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } }));
    manifest::remove(&mut object, "binaryData");
    object["data"] = json!(data);
    let label = manifest::join("/metadata/labels", labels::LEDGER);
    manifest::set(&mut object, &label, environment.name.as_str());
    let by = Line::new(&format!("{} at {}", prepare::who(cx), status::time(prepare::now())), cx.mask());
    manifest::set(&mut object, &manifest::join("/metadata/annotations", REPAIRED), by.as_str());
    let manager = Manager::Manifests.name();
    let written = match seen {
        Some(seen) => kubectl.replace(manager, &seen, object, Mode::Really).map(drop),
        None => kubectl.create(manager, &[object], Mode::Really).pop().unwrap_or(Ok(Value::Null)).map(drop),
    };
    written.map_err(|failure| match failure.fault {
        Fault::Conflict | Fault::AlreadyExists => Error::refused("the ledger has changed meanwhile")
            .hint("nothing was written: run the same command again"),
        _ => failure.into(),
    })
}

/// The Lease of an environment that nobody alive holds.
struct Hold {
    environment: String,
    lease: Option<Value>,
}

impl Hold {
    /// The Lease as it is, once it is known that nobody alive holds it.
    ///
    /// # Errors
    ///
    /// Of kind [`Refused`](crate::ErrorKind::Refused) where its holder gives a sign.
    fn find(cx: &Cx, kubectl: &Kubectl, environment: &EnvironmentConfig) -> Result<Self> {
        let read = || connect::lease(kubectl, &environment.name);
        let lease = read()?;
        let holder = connect::holder(lease.as_ref());
        if !holder.is_empty() {
            let silence = text::duration(SILENCE);
            cx.note(format!(
                "`{holder}` holds `{}`: it is gone if it gives no sign for {silence}",
                environment.name
            ));
            let until = Instant::now() + SILENCE;
            while Instant::now() < until {
                cx.check()?;
                thread::sleep(LOOK_AGAIN);
                if version(read()?.as_ref()) != version(lease.as_ref()) {
                    let words = format!("`{holder}` is at work in `{}`", environment.name);
                    return Err(Error::refused(words).hint("nothing was written: wait until it has ended"));
                }
            }
        }
        Ok(Self { environment: environment.name.clone(), lease })
    }

    /// Takes it, where it is still what was seen.
    fn take(self, cx: &Cx, kubectl: &Kubectl) -> Result<Held> {
        let owner = Owner {
            number: RandomState::new().hash_one(platform::unix_time()).max(1),
            name: prepare::who(cx).to_owned(),
        };
        let taken = wire::taken(self.lease.as_ref(), &self.environment, &owner, platform::since_epoch());
        let manager = Manager::Manifests.name();
        let held = match self.lease.as_ref().and_then(Seen::of) {
            Some(seen) => kubectl.replace(manager, &seen, taken, Mode::Really),
            None => kubectl.create(manager, &[taken], Mode::Really).pop().unwrap_or(Ok(Value::Null)),
        };
        match held {
            Ok(lease) => Ok(Held { lease, name: connect::lease_name(&self.environment) }),
            Err(failure) if matches!(failure.fault, Fault::Conflict | Fault::AlreadyExists) => {
                Err(Error::refused(format!("somebody else has taken `{}`", self.environment))
                    .hint("nothing was written: wait until it has ended"))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// The Lease while it is ours.
struct Held {
    name: Name,
    lease: Value,
}

impl Held {
    /// Gives it up. Where that fails, the next one waits for half a minute, and that is all.
    fn leave(self, cx: &Cx, kubectl: &Kubectl) {
        let Some(seen) = Seen::of(&self.lease) else { return };
        let freed = wire::freed(&self.lease, platform::since_epoch());
        if let Err(failure) = kubectl.replace(Manager::Manifests.name(), &seen, freed, Mode::Really) {
            cx.warn_of(&failure.error, format!("{} stays held, by nobody", self.name));
        }
    }
}

fn version(lease: Option<&Value>) -> Option<&str> {
    lease?.pointer("/metadata/resourceVersion")?.as_str()
}
