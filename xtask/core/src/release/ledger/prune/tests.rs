//! Whatever happened before: nothing that is needed is lost, and what is not needed does not pile up.

use super::super::rollback::tests::{account, begin, drawn, end, head, payload};
use super::super::{NoTarget, Wanted, target};
use super::*;
use crate::release::model::Ending;
use crate::simulation::random::Random;

/// At every instant of any history: the head is bounded, and whatever it names as needed is still stored.
#[test]
fn nothing_that_is_needed_is_lost_and_nothing_else_is_kept() {
    let mut longest = 0;
    for seed in 0..100 {
        let mut stored: BTreeSet<PayloadName> = BTreeSet::from([payload(0)]);
        let mut before: Option<Head> = None;
        drawn(&mut Random::new(seed), |head| {
            let payloads = |entry: &Entry| entry.account.payloads().cloned().collect::<Vec<_>>();
            let under_way = head.under_way.as_ref().and_then(|journal| head.history.find(&journal.release));
            stored.extend(under_way.into_iter().flat_map(|entry| payloads(entry)));
            // Before this head's garbage goes, and after.
            for _ in 0..2 {
                let has = |entry: &Entry, what: &str| {
                    assert!(entry.is_kept, "seed {seed}: {what} {}", entry.release);
                    for name in entry.account.payloads() {
                        assert!(
                            stored.contains(name),
                            "seed {seed}: {what} {} has lost {name}",
                            entry.release
                        );
                    }
                };
                has(head.serves().unwrap(), "what serves,");
                if let Some(entry) = under_way {
                    has(entry, "what is under way,");
                }
                for target in rollback::targets(head).into_iter().take(TARGETS) {
                    has(target, "the target");
                }
                if let Ok(target) = target(head, &Wanted::Previous) {
                    has(&target.entry, "the rollback's target");
                }
                for entry in head.history.iter().filter(|entry| entry.is_kept) {
                    has(entry, "what is said to be kept,");
                }
                let garbage: Vec<PayloadName> = head.garbage(&stored).into_iter().cloned().collect();
                stored.retain(|name| !garbage.contains(name));
            }
            // A target that there was is there as long as nothing newer pushed it out.
            if let Some(before) = before.replace(head.clone()) {
                let now = rollback::targets(head);
                for old in rollback::targets(&before).into_iter().take(TARGETS - 1) {
                    let is_target = now.iter().any(|entry| entry.account.is_same_content(&old.account));
                    let serves = head.serves().unwrap();
                    let is_served =
                        serves.account.is_same_content(&old.account) || serves.origin() <= old.origin();
                    let contracted = matches!(
                        super::super::target(head, &Wanted::Release(old.release.clone())),
                        Err(NoTarget::Contracted { .. })
                    );
                    assert!(is_target || is_served || contracted, "seed {seed}: {} is lost", old.release);
                }
            }
            let count = head.history.iter().len();
            assert!(count <= ENTRIES_MAX, "seed {seed}: {count} entries");
            longest = longest.max(count);
            // What serves, what stands by, what is under way, five targets: one payload each.
            if head.under_way.is_none() {
                assert!(stored.len() <= TARGETS + 2, "seed {seed}: {stored:?}");
            }
        });
    }
    assert_eq!(longest, ENTRIES_MAX, "the bound was reached");
}

#[test]
fn an_old_target_and_a_contraction_outlive_many_failures() {
    let mut now = head("0 verified, 1 verified contracts, 2 verified, 3 verified serves");
    for content in 4..200 {
        now = end(&begin(&now, account(content)), Ending::RolledBack);
    }
    assert_eq!(now.history.iter().len(), ENTRIES_MAX);
    assert_eq!(target(&now, &Wanted::Previous).unwrap().origin.to_string(), "production-2");
    let back = target(&now, &Wanted::Previous).unwrap();
    let restored = super::super::Account {
        restores: Some(back.origin.clone()),
        ..super::super::Account::clone(&back.entry.account)
    };
    let now = end(&begin(&now, restored), Ending::Promoted);
    assert_eq!(target(&now, &Wanted::Previous).unwrap().origin.to_string(), "production-1");
}

#[test]
fn a_contraction_that_was_taken_back_is_not_forgotten() {
    let mut now = head("0 verified, 1 rolled-back contracts, 2 verified serves");
    for content in 3..100 {
        now = end(&begin(&now, account(content)), Ending::Aborted);
    }
    let refused = target(&now, &Wanted::Previous).unwrap_err().to_string();
    assert!(refused.starts_with("production-1 has taken away what production-0 needs"), "{refused}");
}
