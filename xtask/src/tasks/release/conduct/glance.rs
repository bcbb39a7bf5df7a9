//! Glances: whether anything that a release names has changed, between two looks. That is one call of kubectl instead of all of
//! those of a look, so it can be made more often: pods that are ready, a word in the ledger, a hand that scales do not wait for the
//! next look. Where a cluster is slow to answer, or does not, there are fewer of them or none.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use crate::core::kubectl::document::Seen;
use crate::core::release::wire::{Asked, Inventory, Question};
use crate::driver::kubectl::{Failure, Kubectl};

use super::ask_all;

/// How long after a look or a glance the next glance comes at the earliest while something moves.
const MOVING: Duration = Duration::from_millis(200);

/// The same while a release is only watched.
const STEADY: Duration = Duration::from_millis(500);

/// When the last look or glance was, and what that means for the next one.
#[derive(Default)]
pub(super) struct Glance {
    at: Duration,
    /// Since when one is under way.
    since: Option<Duration>,
    /// How long the last one took.
    took: Duration,
    /// Whether it had no answer: then a look has to have one first.
    is_blind: bool,
}

impl Glance {
    /// Whether it is time for one; then it counts as begun.
    pub(super) fn begin(&mut self, is_steady: bool, now: Duration) -> bool {
        let pause = if is_steady { STEADY } else { MOVING }.max(self.took * 2);
        let is_due = self.since.is_none() && !self.is_blind && now.saturating_sub(self.at) >= pause;
        self.since = self.since.or(is_due.then_some(now));
        is_due
    }

    /// It was made, and had an answer or none.
    pub(super) fn end(&mut self, has_answer: bool, now: Duration) {
        self.took = self.since.take().map_or(self.took, |since| now.saturating_sub(since));
        (self.at, self.is_blind) = (now, !has_answer);
    }

    /// A look was made.
    pub(super) fn looked(&mut self, has_answer: bool, now: Duration) {
        (self.at, self.is_blind) = (now, !has_answer);
    }
}

/// The objects that a release names, as they are now.
pub(super) fn glance(kubectl: &Kubectl, inventory: &Inventory) -> Result<Vec<Value>, Failure> {
    let is_named = |question: &Question| matches!(question.asked, Asked::Named(_));
    ask_all(kubectl, &inventory.questions().into_iter().filter(is_named).collect::<Vec<_>>())
}

/// Whether a glance shows an object of which the look does not know this version.
pub(super) fn differs(glanced: &[Value], look: &[Value]) -> bool {
    let known: HashSet<Seen> = look.iter().filter_map(Seen::of).collect();
    glanced.iter().filter_map(Seen::of).any(|seen| !known.contains(&seen))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_version_of_an_object_is_a_difference() {
        let object = |uid, version| json!({"metadata": {"uid": uid, "resourceVersion": version}});
        let look = [object("a", "1"), object("b", "2")];
        assert!(!differs(&[object("b", "2")], &look));
        assert!(!differs(&[], &look), "what is gone is seen by the next look");
        assert!(differs(&[object("a", "1"), object("b", "3")], &look));
        assert!(differs(&[object("c", "2")], &look), "made again");
    }

    #[test]
    fn there_is_one_at_a_time() {
        let ms = Duration::from_millis;
        let mut glance = Glance::default();
        assert!(!glance.begin(false, ms(199)));
        assert!(glance.begin(false, ms(200)));
        assert!(!glance.begin(false, ms(900)), "it is under way");
        glance.looked(true, ms(250));
        assert!(!glance.begin(false, ms(900)), "that was a look");
        glance.end(true, ms(300));
        assert!(!glance.begin(true, ms(799)), "only watched");
        assert!(glance.begin(true, ms(800)));
    }

    #[test]
    fn a_cluster_that_is_slow_or_silent_is_asked_less() {
        let ms = Duration::from_millis;
        let mut glance = Glance::default();
        assert!(glance.begin(false, ms(200)));
        glance.end(true, ms(1200));
        assert!(!glance.begin(false, ms(3199)), "it took a second");
        assert!(glance.begin(false, ms(3200)));
        glance.end(false, ms(3300));
        assert!(!glance.begin(false, ms(60_000)), "there was no answer");
        glance.looked(false, ms(60_000));
        assert!(!glance.begin(false, ms(90_000)), "nor had the look one");
        glance.looked(true, ms(90_000));
        assert!(glance.begin(false, ms(90_200)));
    }
}
