//! What must hold at every instant of every night, by name.

use std::fmt;
use std::time::Duration;

/// What must hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Invariant {
    /// Enough known-good pods serve at every instant, as far as the faults allow.
    KnownGoodServes,
    /// Once a new owner has read everything, or has acted, no older owner changes an object.
    OlderOwnersChangeNothing,
    /// With every deployer dead, the share of the new release never rises.
    UnwatchedNeverRises,
    /// Nothing outside the inventory is touched, and nothing of a component that does not change.
    OnlyTheInventory,
    /// At rest all components run the new release or all the old one, and no pod of the experiment is left.
    AllOrNothing,
    /// Nothing is promoted without evidence.
    PromotionNeedsEvidence,
    /// Who wants a release to end does not wait for long.
    AbortIsHonoured,
    /// Every run ends.
    EveryRunEnds,
    /// There are never more pods than the plan says.
    PeakIsKept,
    /// Without faults and with enough traffic a good release is promoted and a bad one is rolled back.
    RightEnding,
    /// A canary that fails every request is soon out of traffic.
    DeadCanaryIsOut,
    /// What others depend on is new before they are, and old again after they are.
    OrderIsKept,
    /// While anybody looks after it, users do not see one component new and another one old for long.
    MixedTimeIsBounded,
    /// At rest autoscalers have their target, floor and ceiling, and every Service selects the slot that serves.
    BoundsAreRestored,
    /// The ledger loses nothing: no phase is taken back, no wish to end, no number that was noted, no withdrawn release.
    LedgerLosesNothing,
    /// What was measured is never forgotten: whoever goes on with a release goes on with its evidence.
    EvidenceIsKept,
    /// A release ends on what was verified: new pods that passed their test, or the pods of the release before.
    EndsOnVerified,
    /// Pods that got requests are not taken away before the last ones had time to be answered.
    RequestsAreDrained,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::KnownGoodServes,
        Self::OlderOwnersChangeNothing,
        Self::UnwatchedNeverRises,
        Self::OnlyTheInventory,
        Self::AllOrNothing,
        Self::PromotionNeedsEvidence,
        Self::AbortIsHonoured,
        Self::EveryRunEnds,
        Self::PeakIsKept,
        Self::RightEnding,
        Self::DeadCanaryIsOut,
        Self::OrderIsKept,
        Self::MixedTimeIsBounded,
        Self::BoundsAreRestored,
        Self::LedgerLosesNothing,
        Self::EvidenceIsKept,
        Self::EndsOnVerified,
        Self::RequestsAreDrained,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::KnownGoodServes => "known-good-serves",
            Self::OlderOwnersChangeNothing => "older-owners-change-nothing",
            Self::UnwatchedNeverRises => "unwatched-never-rises",
            Self::OnlyTheInventory => "only-the-inventory",
            Self::AllOrNothing => "all-or-nothing",
            Self::PromotionNeedsEvidence => "promotion-needs-evidence",
            Self::AbortIsHonoured => "abort-is-honoured",
            Self::EveryRunEnds => "every-run-ends",
            Self::PeakIsKept => "peak-is-kept",
            Self::RightEnding => "right-ending",
            Self::DeadCanaryIsOut => "dead-canary-is-out",
            Self::OrderIsKept => "order-is-kept",
            Self::MixedTimeIsBounded => "mixed-time-is-bounded",
            Self::BoundsAreRestored => "bounds-are-restored",
            Self::LedgerLosesNothing => "ledger-loses-nothing",
            Self::EvidenceIsKept => "evidence-is-kept",
            Self::EndsOnVerified => "ends-on-verified",
            Self::RequestsAreDrained => "requests-are-drained",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// When, since the night began.
    pub at: Duration,
    /// What was seen.
    pub words: String,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_invariant_has_a_name_of_its_own_and_a_row_in_the_documentation() {
        let names: BTreeSet<&str> = Invariant::ALL.iter().map(|invariant| invariant.name()).collect();
        assert_eq!(names.len(), Invariant::ALL.len());
        let page = include_str!("../../../../docs/simulation.md");
        for name in names {
            assert!(page.contains(&format!("| `{name}` |")), "`{name}` is not explained");
        }
    }
}
