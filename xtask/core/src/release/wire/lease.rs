//! The Lease: who owns the environment.

use std::time::Duration;

use serde_json::{Value, json};

use super::inventory::lease_name;
use super::stamp::{Owner, hash};
use crate::calendar;
use crate::release::labels;
use crate::release::manifest;
use crate::release::view::Lease;

/// How long the Lease says that it holds. Whoever waits for it goes by its own clock, and by changes that it sees; this is for
/// people and for other programs.
const DURATION: Duration = Duration::from_secs(30);

/// What a Lease says; fields that somebody else has filled in differently count for nothing.
pub(super) fn read(object: &Value) -> Lease {
    let spec = |field: &str| object.pointer("/spec").and_then(|spec| spec.get(field));
    let holder = spec("holderIdentity").and_then(Value::as_str).unwrap_or_default();
    let renewals = object.pointer(&manifest::join("/metadata/annotations", labels::RENEWALS));
    let renewals = renewals.and_then(Value::as_str).and_then(|count| count.parse().ok());
    // Another program does not count, but it says when.
    let renewed = || spec("renewTime").and_then(Value::as_str).map_or(0, hash);
    Lease {
        holder: Owner::number(holder),
        transitions: spec("leaseTransitions").and_then(Value::as_u64).unwrap_or(0),
        renewals: renewals.unwrap_or_else(renewed),
    }
}

/// The `spec` of a Lease, at this time since the Unix epoch. The server reads times with exactly six digits behind the point.
pub(super) fn spec(lease: &Lease, name: &str, at: Duration) -> Value {
    let clock = calendar::timestamp(at.as_secs());
    let time = format!("{}.{:06}Z", clock.trim_end_matches('Z'), at.subsec_micros());
    json!({
        "holderIdentity": lease.holder.map(|holder| Owner::holder(holder, name)).unwrap_or_default(),
        "leaseDurationSeconds": DURATION.as_secs(),
        "leaseTransitions": lease.transitions,
        "renewTime": time,
    })
}

/// A Lease as `owner` holds it who wins it from nobody, or from one who is gone: `found` is what is there now, else a new one by
/// this name. At `at` since the Unix epoch.
pub fn taken(found: Option<&Value>, environment: &str, owner: &Owner, at: Duration) -> Value {
    let mut object = found.cloned().unwrap_or_else(|| {
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": lease_name(environment), "labels": {(labels::LEDGER): environment}},
        })
    });
    let before = read(&object);
    let transitions = before.transitions + 1;
    change(&mut object, &Lease { holder: Some(owner.number), transitions, ..before }, &owner.name, at);
    object
}

/// The same once nobody holds it.
pub fn freed(found: &Value, at: Duration) -> Value {
    let mut object = found.clone();
    let before = read(&object);
    change(&mut object, &Lease { holder: None, ..before }, "", at);
    object
}

fn change(object: &mut Value, lease: &Lease, name: &str, at: Duration) {
    manifest::set(object, "/spec", spec(lease, name, at));
    let renewals = (lease.renewals.wrapping_add(1)).to_string();
    manifest::set(object, &manifest::join("/metadata/annotations", labels::RENEWALS), renewals);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_changes_hands() {
        let at = Duration::from_secs(1_700_000_000);
        let anna = Owner { number: 7, name: "anna".to_owned() };
        let first = taken(None, "production", &anna, at);
        assert_eq!(first["metadata"]["name"], "vitalyst-release-production");
        assert_eq!(read(&first), Lease { holder: Some(7), transitions: 1, renewals: 1 });
        let free = freed(&first, at);
        assert_eq!(read(&free), Lease { holder: None, transitions: 1, renewals: 2 });
        let other = Owner { number: 8, name: String::new() };
        let again = taken(Some(&free), "production", &other, at);
        assert_eq!(read(&again), Lease { holder: Some(8), transitions: 2, renewals: 3 });
        // A whole document that is written over another says nothing of it but what is meant.
        assert_eq!(again["metadata"]["name"], first["metadata"]["name"]);
    }

    #[test]
    fn a_lease_is_read_as_it_is_written() {
        for lease in [
            Lease { holder: Some(7), transitions: 3, renewals: 12 },
            Lease { holder: None, transitions: 4, renewals: 1 },
        ] {
            let spec = spec(&lease, "anna", Duration::new(1_700_000_000, 1_234_567));
            assert_eq!(spec["renewTime"], "2023-11-14T22:13:20.001234Z");
            let annotations = json!({(labels::RENEWALS): lease.renewals.to_string()});
            assert_eq!(read(&json!({"spec": spec, "metadata": {"annotations": annotations}})), lease);
        }
        assert_eq!(read(&json!({})), Lease { holder: None, transitions: 0, renewals: 0 });
        let foreign = |time: &str| read(&json!({"spec": {"holderIdentity": "someone", "renewTime": time}}));
        assert_ne!(foreign("2023-11-14T22:13:20.000000Z"), foreign("2023-11-14T22:13:21.000000Z"));
        assert!(read(&json!({"spec": {"holderIdentity": 5, "leaseTransitions": "x"}})).holder.is_none());
    }
}
