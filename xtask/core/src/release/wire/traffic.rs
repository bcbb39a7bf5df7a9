//! Who gets requests: by the selectors of Services, and by the endpoints behind them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::inventory::{Inventory, Owned};
use crate::release::health::{Count, Snapshot};
use crate::release::labels::{self, Labels, NOBODY, SLOT, Selector};
use crate::release::manifest;
use crate::release::model::Slot;
use crate::release::plan::Identity;
use crate::release::view::Traffic;

/// The labels of the pods of both slots: as the manifests state them, and as the Deployments have them that are there.
pub(super) struct Pods([Vec<Labels>; 2]);

impl Pods {
    pub(super) fn of(part: &Owned, live: [Option<&Value>; 2]) -> Self {
        let pointer = "/spec/template/metadata/labels";
        Self([Slot::A, Slot::B].map(|slot| {
            let both = [part.deployment(slot), live[slot as usize]];
            both.into_iter().flatten().map(|deployment| labels::labels(deployment, pointer)).collect()
        }))
    }

    /// Whom a Service sends its requests to. What counts is whom its selector selects: it may have been written by another
    /// release, or by hand with the command that every deployment prints.
    pub(super) fn traffic(&self, service: &Value) -> Traffic {
        let asked = service.pointer("/spec/selector").unwrap_or(&Value::Null);
        let selector = Selector::plain(asked, "").ok().filter(|selector| !selector.is_empty());
        let Some(selector) = selector else { return Traffic::Foreign };
        let selects = |slot: Slot| self.0[slot as usize].iter().any(|labels| selector.matches(labels));
        let slot = asked.get(SLOT).and_then(Value::as_str);
        match (selects(Slot::A), selects(Slot::B)) {
            (true, true) => Traffic::Both,
            // Pods of slot b always have their labels.
            (false, true) => Traffic::One(Slot::B),
            (true, false) if slot.is_some() => Traffic::One(Slot::A),
            (true, false) => Traffic::Adopted,
            (false, false) if slot == Some(NOBODY) => Traffic::Nobody,
            (false, false) => Traffic::Foreign,
        }
    }
}

/// How many pods of each slot get requests from any of `services`. A pod that is not among those that were read is told by its
/// name: it may be younger than that read.
pub(super) fn serving(
    snapshot: &Snapshot,
    services: &[Identity],
    pods: &[Count; 2],
    names: [Option<&str>; 2],
) -> [u32; 2] {
    let of_services = |labels: &Labels| {
        let service = labels.get("kubernetes.io/service-name");
        service.is_some_and(|service| services.iter().any(|own| own.name == *service))
    };
    let slices = snapshot.endpoint_slices.iter().filter(|slice| of_services(&slice.metadata.labels));
    let ready = slices
        .flat_map(|slice| &slice.endpoints)
        .filter(|endpoint| endpoint.conditions.ready.unwrap_or(true))
        .map(|endpoint| &endpoint.target_ref);
    let mut serving: [BTreeSet<&str>; 2] = Default::default();
    for pod in ready {
        let known = [0, 1].into_iter().find(|slot| pods[*slot].there.contains(&pod.uid));
        let by_name =
            || [0, 1].into_iter().find(|slot| names[*slot].is_some_and(|name| is_named(&pod.name, name)));
        if let Some(slot) = known.or_else(by_name) {
            serving[slot].insert(&pod.uid);
        }
    }
    serving.map(|pods| u32::try_from(pods.len()).unwrap_or(u32::MAX))
}

/// Whether the pods of a Deployment bear the label of a slot. Those of what ran before there were slots do not.
pub(super) fn has_slot(deployment: &Value) -> bool {
    labels::labels(deployment, "/spec/template/metadata/labels").contains_key(SLOT)
}

/// Whether a pod has the name of one that this Deployment made: `web-6d5f8c7b9-x2x4z`.
fn is_named(pod: &str, deployment: &str) -> bool {
    let mut parts = pod.rsplitn(3, '-').skip(2);
    parts.next() == Some(deployment)
}

impl Inventory {
    /// The Services of a component when `traffic` gets its requests. The way back writes what the release before has stated,
    /// where that is known: its pods may have other ports.
    pub(super) fn services(&self, part: &Owned, traffic: Traffic) -> Result<Vec<Value>, String> {
        let is_forward =
            matches!(traffic, Traffic::Both | Traffic::Nobody) || traffic == Traffic::One(part.next);
        let mut services = part.services(Traffic::Both);
        if !is_forward {
            for service in &mut services {
                if let Some(former) = self.formerly(&Identity::of(service)) {
                    *service = former.clone();
                }
            }
        }
        let slot = match traffic {
            Traffic::Both => return Ok(services),
            Traffic::One(slot) => json!(slot),
            Traffic::Nobody => json!(NOBODY),
            Traffic::Adopted => {
                let own = part.deployment(Slot::A).and_then(|own| own.pointer("/spec/selector/matchLabels"));
                let own = own.filter(|labels| labels.as_object().is_some_and(|labels| !labels.is_empty()));
                let own = own.ok_or("slot a is selected by expressions, and a Service has none")?;
                for service in &mut services {
                    manifest::set(service, "/spec/selector", own.clone());
                }
                return Ok(services);
            }
            Traffic::Foreign => return Err("somebody else's selector is never written".into()),
        };
        for service in &mut services {
            manifest::set(service, &manifest::join("/spec/selector", SLOT), slot.clone());
        }
        Ok(services)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_told_by_its_name() {
        assert!(is_named("web-6d5f8c7b9-x2x4z", "web") && is_named("web-b-6d5f8c7b9-x2x4z", "web-b"));
        assert!(
            !is_named("web-b-6d5f8c7b9-x2x4z", "web") && !is_named("web-1", "web") && !is_named("", "web")
        );
    }
}
