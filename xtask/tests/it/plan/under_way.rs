//! A release that somebody else has begun, planned again from what is in the cluster.

use std::sync::Arc;

use serde_json::{Value, json};
use xtask::core::release::ledger::{Account, Entry, Head, Journal, Phase, Piece};
use xtask::core::release::model::{ReleaseId, Slot};
use xtask::core::release::plan::{Live, plan};
use xtask::core::release::slots::{Derived, Slots};
use xtask::core::release::view::Traffic;

use super::{derived, wish};

fn account(derived: &Derived) -> Arc<Account> {
    let payloads = derived.payloads().unwrap();
    let pieces = derived.slots.iter().zip(payloads.components).map(|(slots, (component, payload))| Piece {
        component,
        revision: slots.revision.clone(),
        payload: payload.name,
    });
    Arc::new(Account { pieces: pieces.collect(), ..Account::default() })
}

/// Whoever takes it over sends requests back to the slot that served. Manifests seldom say in which namespace they are, and a
/// server always does: read as two objects, the pods of that slot would have seemed to lack its labels, and the requests would
/// have gone to those of slot a, which here run the release that is taken back.
#[test]
fn the_slot_that_serves_is_known_whoever_states_the_namespace() {
    let (one, two) = (derived("1", ""), derived("2", ""));
    let release = |number: u32| ReleaseId { environment: "production".into(), number };
    let live = one.slots.iter().map(|slots| (slots.component.clone(), Slot::B)).collect();
    let head = Head::new(Entry::adopted(release(41), account(&one), 0), live);
    let journal = Journal { abort: true, ..Journal::new(release(42), Phase::Baking, vec![3, 2]) };
    let head = head.noting(journal, &account(&two), 0);
    let there = |old: &Slots, new: &Slots| {
        let deployments = [new.deployment(Slot::A).clone(), old.deployment(Slot::B).clone()];
        deployments.into_iter().chain(new.services(Traffic::One(Slot::A))).collect::<Vec<Value>>()
    };
    let mut objects: Vec<Value> =
        one.slots.iter().zip(&two.slots).flat_map(|(one, two)| there(one, two)).collect();
    let former: Vec<Value> = one.stated().into_iter().cloned().collect();
    for namespace in [None, Some("vitalyst"), Some("other")] {
        if let Some(namespace) = namespace {
            for object in &mut objects {
                object["metadata"]["namespace"] = json!(namespace);
            }
        }
        let live = Live::before("vitalyst", objects.clone(), &former, &head, &two);
        let plan = plan(&wish(), &two, &live).unwrap();
        let backend = &plan.parts[0];
        let is_elsewhere = namespace == Some("other");
        assert_eq!((backend.slot, backend.is_adopted), (Slot::A, is_elsewhere), "{namespace:?}");
        assert_eq!(plan.parts.iter().map(|part| part.replicas).collect::<Vec<_>>(), [3, 2]);
    }
}
