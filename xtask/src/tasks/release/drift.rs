//! Says how what is in a cluster differs from what was released to it.
//!
//! Nothing is written: what the released objects would say is asked of the server by a dry run.

use serde_json::{Value, json};

use super::connect::Use;
use super::prepare::of_environment;
use super::{cluster, connect, rollback, under_way};
use crate::config::release::EnvironmentConfig;
use crate::core::finding::{Finding, Severity};
use crate::core::kubectl::Fault;
use crate::core::release::drift::{self, Drift, Released};
use crate::core::release::labels;
use crate::core::release::plan::Identity;
use crate::core::release::wire::Manager;
use crate::core::text;
use crate::cx::Cx;
use crate::driver::kubectl::{Kubectl, Mode, Query};
use crate::error::{Error, Result};
use crate::event::Body;

/// Compares what the ledger says is released with what is there, and says what differs: fields that were changed or added by hand,
/// objects that are gone, pods by hand, other images.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where something differs, [`Missing`](crate::ErrorKind::Missing) where it could
/// not be looked at, and [`Refused`](crate::ErrorKind::Refused) where nothing serves or a release is under way.
pub fn drift(cx: &Cx, environment: Option<&str>) -> Result<()> {
    let (_, environment) = of_environment(cx, environment)?;
    let kubectl = connect::identified(cx, environment, Use::Read)?;
    let head = connect::ledger(&kubectl, &environment.name)?
        .ok_or_else(|| rollback::nothing_released(environment))?;
    if let Some(journal) = &head.under_way {
        return Err(Error::refused(format!("`{}` is under way, and changes what is there", journal.release))
            .hint("look again when it has ended: `cargo xtask status` says how far it is"));
    }
    let entry = head.serves().ok_or_else(|| rollback::nothing_released(environment))?;
    let derived = under_way::restored(&kubectl, entry)?;
    let released = drift::released(&derived, &head);
    let mut drifts = compared(&kubectl, environment, &released)?;
    let kinds = ["deployment.v1.apps", "replicaset.v1.apps", "pod"];
    let labelled = kubectl.get(&Query::kinds(&kinds).labelled(labels::SERVES).with_managers())?;
    drifts.extend(drift::strangers(&derived, &head, &labelled));
    say(cx, environment, &entry.release.to_string(), released.len(), &drifts)
}

/// The released objects beside those that are there.
fn compared(kubectl: &Kubectl, environment: &EnvironmentConfig, released: &[Released]) -> Result<Vec<Drift>> {
    let stated: Vec<Identity> = released.iter().map(|released| Identity::of(&released.object)).collect();
    let objects = cluster::objects_with_managers(kubectl, environment, &stated)?;
    let mut drifts = Vec::new();
    let mut there: Vec<(&Released, &Value)> = Vec::new();
    for released in released {
        match objects.iter().find(|object| released.is(object, &environment.namespace)) {
            Some(object) => there.push((released, object)),
            None => drifts.push(released.missing()),
        }
    }
    let asked: Vec<Value> = there.iter().map(|(released, object)| released.written_over(object)).collect();
    let answers = kubectl.take_over(Manager::Manifests.name(), &asked, Mode::DryRun);
    for ((released, object), answer) in there.into_iter().zip(answers) {
        match answer {
            Ok(again) => drifts.extend(released.differences(object, &again)),
            Err(failure) if matches!(failure.fault, Fault::Invalid | Fault::Denied) => {
                let cause = failure.error.causes().first().map_or(failure.error.message(), String::as_str);
                drifts.push(released.refused(cause));
            }
            // What cannot be asked is no drift, and no sign that there is none.
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(drifts)
}

fn say(
    cx: &Cx,
    environment: &EnvironmentConfig,
    release: &str,
    objects: usize,
    drifts: &[Drift],
) -> Result<()> {
    let name = &environment.name;
    let bad = drifts.iter().filter(|drift| drift.severity == Severity::Error).count();
    let objects = text::count(objects, "object");
    let well = format!("{objects} of `{name}` are as `{release}` has released them\n");
    let said = drift::table(drifts) + if bad == 0 { &well } else { "" };
    let findings: Vec<Finding> = drifts.iter().map(Drift::finding).collect();
    let data = json!({ "environment": name, "release": release, "drift": drifts, "findings": findings });
    cx.emit(Body::Answer { text: said, data });
    if bad == 0 {
        return Ok(());
    }
    let differences = text::count(bad, "difference");
    Err(Error::problems(format!("`{name}` is not as `{release}` has released it: {differences}"))
        .hint("what is meant to stay belongs into the manifests; `cargo xtask rollback --to RELEASE` writes all of a release again"))
}
