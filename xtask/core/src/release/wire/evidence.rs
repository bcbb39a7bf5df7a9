//! What objects say of releases to somebody who has no ledger: who stated them, what they run, and whose requests they get.

use std::sync::Arc;

use serde_json::Value;

use super::slot;
use crate::release::labels::{self, Selector};
use crate::release::ledger::PayloadName;
use crate::release::ledger::repair::{Component, Evidence, Stands, Stored};
use crate::release::manifest;
use crate::release::migration::{self, Migration};
use crate::release::model::{ComponentName, Slot};

/// A payload that was read: its name, when it was made, and the objects in it.
pub type Unpacked = (PayloadName, String, Vec<Value>);

/// What `objects` of a cluster, Deployments, Services and Jobs, and the payloads of an environment say of its releases.
/// `components` are those that are released, each with the name of its Deployment, in the order in which they are promoted.
pub fn evidence(
    components: &[(ComponentName, String)],
    payloads: &[Unpacked],
    objects: &[Value],
) -> Evidence {
    let of = |stated: &[Value]| {
        let deployment = stated.iter().find(|object| object["kind"] == "Deployment")?;
        let (name, _) = components.iter().find(|(_, own)| deployment["metadata"]["name"] == own.as_str())?;
        Some((name.clone(), slot::revision(deployment)))
    };
    let stored = payloads.iter().map(|(name, created, stated)| Stored {
        name: name.clone(),
        of: of(stated),
        created: created.clone(),
    });
    let seen = components.iter().map(|(name, deployment)| {
        let mut own = payloads.iter().filter(|(_, _, stated)| of(stated).is_some_and(|(of, _)| of == *name));
        let stated: Vec<&Value> = own.by_ref().flat_map(|(_, _, stated)| stated).collect();
        component(name, deployment, &stated, objects)
    });
    Evidence {
        components: seen.collect(),
        payloads: stored.collect(),
        contracts: objects.iter().any(|object| migration::of(object) == Migration::Contract),
    }
}

fn component(name: &ComponentName, deployment: &str, stated: &[&Value], objects: &[Value]) -> Component {
    let found = [Slot::A, Slot::B].map(|slot| {
        let named = format!("{deployment}{}", slot.suffix());
        let is_own = |object: &&Value| object["kind"] == "Deployment" && object["metadata"]["name"] == named;
        objects.iter().find(is_own)
    });
    // Of a Service that was never stated nobody knows what it is for.
    let is_own = |service: &&Value| {
        let same =
            |own: &&Value| own["kind"] == "Service" && own["metadata"]["name"] == service["metadata"]["name"];
        service["kind"] == "Service" && stated.iter().any(same)
    };
    let selectors: Vec<Selector> = objects
        .iter()
        .filter(is_own)
        .filter_map(|service| Selector::plain(service.pointer("/spec/selector")?, "").ok())
        .filter(|selector| !selector.is_empty())
        .collect();
    let is_served = |deployment: Option<&Value>| {
        let labels = deployment.map(|own| labels::labels(own, "/spec/template/metadata/labels"));
        labels.is_some_and(|labels| selectors.iter().any(|selector| selector.matches(&labels)))
    };
    // What rolls in its one Deployment serves there, with or without a Service.
    let mut served = found.map(is_served);
    if selectors.is_empty() && found[1].is_none() {
        served[0] = found[0].is_some();
    }
    Component { name: name.clone(), slots: found.map(|deployment| deployment.map(stands)), served }
}

fn stands(deployment: &Value) -> Stands {
    let annotation =
        |key: &str| deployment.pointer(&manifest::join("/metadata/annotations", key)).and_then(Value::as_str);
    let stated = annotation(labels::STATED).and_then(|stated| stated.split(' ').next()?.parse().ok());
    let replicas = deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    Stands {
        revision: slot::revision(deployment),
        stated,
        commit: annotation(labels::COMMIT).map(Arc::from),
        replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
    }
}
