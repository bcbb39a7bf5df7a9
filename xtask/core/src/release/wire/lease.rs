//! The Lease: who owns the environment.

use std::time::Duration;

use serde_json::{Value, json};

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

#[cfg(test)]
mod tests {
    use super::*;

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
