//! Writes down what runs already, as release 0: its manifests are those of the cluster.

use std::path::Path;

use serde_json::Value;

use super::conduct::{Release as Conducted, conduct, verdict};
use super::connect::Use;
use super::intervene::Options;
use super::prepare::{self, Images, of_environment};
use super::under_way::{self, Pace};
use super::{cluster, connect, consent};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::release::labels;
use crate::core::release::ledger::{Account, Line, Piece};
use crate::core::release::machine::Intent;
use crate::core::release::manifest::{self, Manifest};
use crate::core::release::model::ReleaseId;
use crate::core::release::plan::{self, Identity, Live};
use crate::core::release::slots::{Component, Derived};
use crate::core::text;
use crate::cx::Cx;
use crate::error::{Error, Result};
use crate::event::Body;

/// What the server and its controllers have written onto an object, and no manifest states.
const SERVERS: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "ownerReferences",
];

/// Annotations that speak of one write, or count.
const ANNOTATIONS: [&str; 2] = [labels::LAST_APPLIED, "deployment.kubernetes.io/revision"];

/// Writes down what runs, and changes nothing of it.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where a release is written down already, or nothing runs.
pub fn adopt(cx: &Cx, options: &Options) -> Result<()> {
    let (release, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let head = connect::ledger(&kubectl, &environment.name)?;
    if let Some(serving) = head.and_then(|head| head.serving) {
        let words = format!("`{serving}` is written down as what runs in `{}`", environment.name);
        return Err(Error::refused(words).hint("`cargo xtask status` shows it"));
    }
    let of_files = prepare::of_files(cx, release, environment, &Images::Built)?;
    let stated = prepare::identities(&of_files);
    let objects = cluster::objects(&kubectl, environment, &stated)?;
    let derived = derived(release, environment, &stated, &objects)?;
    let live = Live::read(&environment.name, &environment.namespace, objects, &derived)
        .map_err(|unclear| prepare::not_at_rest(environment, unclear))?;
    let id = ReleaseId { environment: environment.name.as_str().into(), number: 0 };
    let plan =
        plan::plan(&under_way::wish((release, environment), &id, &derived, Pace::AtOnce), &derived, &live)
            .map_err(|refused| prepare::refusal(release, refused))?;
    let kept = derived.payloads();
    let kept = kept.map_err(|error| Error::configuration("what runs cannot be kept").source(error))?;
    let pieces = plan.parts.iter().filter_map(|part| {
        let (_, payload) = kept.components.iter().find(|(name, _)| *name == part.component)?;
        let (component, payload) = (part.component.clone(), payload.name.clone());
        Some(Piece { component, revision: part.old.clone()?, payload })
    });
    let account = Account {
        pieces: pieces.collect(),
        objects: kept.rest.as_ref().map(|payload| payload.name.clone()),
        commit: None,
        who: Line::new(prepare::who(cx), cx.mask()),
        why: Line::new("ran before the first release", cx.mask()),
        ..Account::default()
    };
    let parts = plan.parts.iter().map(|part| {
        let runs = part.old.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        format!("  {}: {runs}, {}\n", part.component, text::count(part.replicas as usize, "pod"))
    });
    let head = format!("what runs in `{}` is written down as `{id}`:\n", environment.name);
    let text = [head].into_iter().chain(parts).collect();
    cx.emit(Body::Answer { text, data: serde_json::json!({ "adopts": id }) });
    consent::permitted(&kubectl, &stated)?;
    consent::confirm(cx, options.yes, "write that down?")?;
    connect::keep(&kubectl, environment, &derived)?;
    let course = plan.course(account, prepare::now());
    let (intent, former) = (Intent::Adopt, Vec::new());
    let adoption =
        Conducted { environment, plan: &plan, derived: &derived, course, former, intent, takes_over: false };
    verdict(&id.to_string(), Intent::Adopt, &conduct(cx, &kubectl, adoption)?)
}

/// What runs, as if somebody had stated it: those objects of the files that are there, as they are there.
fn derived(
    release: &Release,
    environment: &EnvironmentConfig,
    stated: &[Identity],
    objects: &[Value],
) -> Result<Derived> {
    let is_stated =
        |object: &&Value| stated.iter().any(|identity| identity.is(object, &environment.namespace));
    let texts: Vec<String> =
        objects.iter().filter(is_stated).map(|object| plain(object).to_string()).collect();
    let wrong = |problems| {
        Error::refused(format!("what runs in `{}` cannot have two slots", environment.name)).places(problems)
    };
    let path = Path::new("what runs");
    let manifests: Vec<Manifest> = manifest::read(path, &texts.join("\n---\n"), None).map_err(wrong)?;
    let mut components = Vec::new();
    for component in &release.components {
        let is_own = |manifest: &&Manifest| {
            manifest.kind() == "Deployment" && manifest.name() == component.deployment.value
        };
        let Some(deployment) = manifests.iter().find(is_own) else {
            let words = format!("`{}` does not run in `{}`", component.deployment.value, environment.name);
            return Err(Error::refused(words).hint("a first release needs no adoption: `cargo xtask deploy`"));
        };
        components.push(Component { name: component.name.clone(), deployment });
    }
    prepare::slotted(release, components, &manifests, &[]).map_err(wrong)
}

/// An object as a manifest would state it.
fn plain(object: &Value) -> Value {
    let mut plain = object.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = plain.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !ANNOTATIONS.contains(&name.as_str()));
        }
    }
    // What a server has given to a Service is its own.
    if plain["kind"] == "Service"
        && let Some(spec) = plain.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    plain
}
