//! What is kept of the past: a history of a bounded length, and the payloads that somebody may still need.
//!
//! Payloads are kept of the release that serves, of the one before it, whose pods stand by, of the one under way, and of the
//! next five that rollbacks would go to. An entry whose payloads are not among these says so from then on, before anything is
//! deleted: it can be read about, and is no target any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry::{Entry, State};
use super::format::ENTRIES_MAX;
use super::head::Head;
use super::payload::PayloadName;
use super::rollback;
use crate::release::model::ReleaseId;

/// How many targets of rollbacks are kept.
pub const TARGETS: usize = 5;

impl Head {
    /// The payloads that no release needs any more, of those that are `stored`: they may be deleted once this head has been
    /// written.
    pub fn garbage<'p>(&self, stored: impl IntoIterator<Item = &'p PayloadName>) -> Vec<&'p PayloadName> {
        let kept = self.history.iter().filter(|entry| entry.is_kept);
        let needed: BTreeSet<&PayloadName> = kept.flat_map(|entry| entry.account.payloads()).collect();
        stored.into_iter().filter(|name| !needed.contains(name)).collect()
    }

    /// The same with what is not needed any more marked, and the oldest entries that nobody needs left out.
    #[must_use]
    pub(super) fn pruned(&self) -> Self {
        let needed = self.needed();
        let payloads: BTreeSet<&PayloadName> = (self.history.iter())
            .filter(|entry| needed.contains(&entry.release))
            .flat_map(|entry| entry.account.payloads())
            .collect();
        let remembered = self.remembered(&needed);
        let history = self.history.retain(
            |entry| remembered.contains(&entry.release),
            |entry| {
                let is_kept = entry.is_kept && entry.account.payloads().all(|name| payloads.contains(name));
                (is_kept != entry.is_kept).then(|| Entry { is_kept, ..entry.clone() })
            },
        );
        Self { history, ..self.clone() }
    }

    /// The releases whose manifests may have to be applied again.
    fn needed(&self) -> BTreeSet<ReleaseId> {
        let under_way = self.under_way.as_ref().map(|journal| &journal.release);
        let served = |entry: &&Arc<Entry>| {
            let has_served = matches!(entry.state, State::Verified | State::Unverified | State::Withdrawn);
            has_served && self.serving.as_ref().is_some_and(|serving| entry.release.number < serving.number)
        };
        // The pods of the one before stand by, and the next release of its content begins with them.
        let before = self.history.iter().rev().find(served).map(|entry| &entry.release);
        let targets = rollback::targets(self).into_iter().take(TARGETS).map(|entry| &entry.release);
        [self.serving.as_ref(), under_way, before].into_iter().flatten().chain(targets).cloned().collect()
    }

    /// The releases that stay in the history: those that are needed, the newest, the last that has taken something away, and as
    /// many of the others as there is room for, the newest first.
    fn remembered(&self, needed: &BTreeSet<ReleaseId>) -> BTreeSet<ReleaseId> {
        let contraction = self.history.iter().rev().find(|entry| entry.account.contracts);
        let mut remembered = needed.clone();
        remembered
            .extend(contraction.into_iter().chain(self.history.newest()).map(|entry| entry.release.clone()));
        for entry in self.history.iter().rev() {
            if remembered.len() >= ENTRIES_MAX {
                break;
            }
            remembered.insert(entry.release.clone());
        }
        remembered
    }
}

#[cfg(test)]
mod tests;
