//! What may be written into the ledger, and what never.

use super::{NEW, OLD, Watch, serves_alone};
use crate::release::analysis::State;
use crate::release::ledger::{Head, Journal, Phase, State as EntryState};
use crate::release::machine::PartCourse;
use crate::release::model::Fence;
use crate::simulation::cluster::Cluster;
use crate::simulation::invariant::Invariant;
use crate::simulation::scenario::Scenario;

type Wrong = (Invariant, String);

/// Whether a write to the ledger says nothing but that the release is to end, or may go on: anybody may.
pub(super) fn is_wish(before: &Head, after: &Head) -> bool {
    let (Some(from), Some(to)) = (&before.under_way, &after.under_way) else { return false };
    let is_same = before.serving == after.serving
        && before.live == after.live
        && before.history == after.history
        && from.release == to.release
        && from.phase == to.phase
        && from.replicas == to.replicas
        && from.floors == to.floors
        && from.evidence == to.evidence
        && from.back == to.back;
    let is_kept = to.abort || !from.abort;
    is_same && is_kept && (from.abort, &from.promote) != (to.abort, &to.promote)
}

impl Watch {
    /// What is wrong with a write to the ledger, if anything.
    pub(super) fn judge_ledger(
        &self,
        scenario: &Scenario,
        cluster: &Cluster,
        (old, before): (Fence, &Head),
        (new, after): (Fence, &Head),
    ) -> Option<Wrong> {
        let lost = |words: String| Some((Invariant::LedgerLosesNothing, words));
        let changed = before.history.iter().find(|entry| {
            let now = after.history.find(&entry.release).map(|entry| entry.state);
            now.is_none_or(|now| now != entry.state && !entry.state.may_become(now))
        });
        if let Some(entry) = changed {
            return lost(format!("what was written down of {} is gone", entry.release));
        }
        match (&before.under_way, &after.under_way) {
            (None, None) => None,
            (None, Some(journal)) => {
                // Somebody may want its end before it is written down at all.
                let is_first = journal.phase == Phase::Intended || journal.back.is_some();
                let is_new = is_first && before.serving == after.serving;
                if is_new { None } else { lost(format!("a release begins with {:?}", journal.phase)) }
            }
            (Some(from), Some(to)) => {
                if before.serving != after.serving || before.live != after.live || from.release != to.release
                {
                    return lost(format!("{} was under way, now {}", from.release, to.release));
                }
                if let Some(words) = taken_back(from, to) {
                    return lost(words);
                }
                forgotten(from, to, old != new).map(|words| (Invariant::EvidenceIsKept, words))
            }
            (Some(journal), None) => self.judge_end(scenario, cluster, journal, after),
        }
    }

    /// What is wrong with an end.
    fn judge_end(
        &self,
        scenario: &Scenario,
        cluster: &Cluster,
        journal: &Journal,
        after: &Head,
    ) -> Option<Wrong> {
        let is_promoted = match journal.phase {
            Phase::Cleaning | Phase::Contracting => true,
            Phase::Restoring => false,
            phase => {
                let words = format!("the release was {phase:?} and is said to be over");
                return Some((Invariant::LedgerLosesNothing, words));
            }
        };
        let state = after.history.find(&journal.release).map(|entry| entry.state);
        let is_named = if is_promoted {
            after.serving.as_ref() == Some(&journal.release) && state == Some(EntryState::Verified)
        } else {
            let is_over = !matches!(state, None | Some(EntryState::Intended | EntryState::Verified));
            after.serving == scenario.course.previous && is_over
        };
        if !is_named {
            let words = format!("it ended in {:?}, and is said to be {state:?}", journal.phase);
            return Some((Invariant::LedgerLosesNothing, words));
        }
        let revision = if is_promoted { NEW } else { OLD };
        let is_known = |part: &PartCourse| part.changes() && (is_promoted || part.old.is_some());
        let parts = scenario.course.parts.iter().enumerate().filter(|(_, part)| is_known(part));
        let wrong = parts.map(|(part, _)| part).find(|&part| {
            !self.touched[part].traffic() && !serves_alone(&cluster.components[part], revision)
        });
        if let Some(part) = wrong {
            let words = format!("component {part} does not serve what it is said to");
            return Some((Invariant::EndsOnVerified, words));
        }
        (is_promoted && !self.is_verified)
            .then(|| (Invariant::EndsOnVerified, "the new pods were never tested".to_owned()))
    }
}

/// What of a release that goes on was taken back.
fn taken_back(from: &Journal, to: &Journal) -> Option<String> {
    // Whoever takes over a release that bakes looks at its pods again.
    let again = (from.phase, to.phase) == (Phase::Baking, Phase::Verifying);
    if to.phase < from.phase && !again {
        return Some(format!("it was {:?}, now it is {:?}", from.phase, to.phase));
    }
    if from.replicas != to.replicas || from.floors != to.floors {
        return Some("the pods and floors of before are other ones".to_owned());
    }
    // There is nothing left to abort once the old pods go, or on the way back.
    if from.abort && !to.abort && to.phase < Phase::Cleaning {
        return Some("the wish that it ends is gone".to_owned());
    }
    // A person may still decide otherwise while the release is held.
    (from.back.is_some() && from.back != to.back && from.phase != Phase::Holding)
        .then(|| "the reason of the way back is another one".to_owned())
}

/// What was measured and is not known any more. Only another owner can have begun again.
fn forgotten(from: &Journal, to: &Journal, is_other_owner: bool) -> Option<String> {
    for (part, (before, after)) in from.evidence.iter().zip(&to.evidence).enumerate() {
        match (before, after) {
            (Some(_), None) => return Some(format!("what was measured of component {part} is gone")),
            (Some(before), Some(after)) if is_other_owner && before != after => {
                let ticks = |text: &str| serde_json::from_str::<State>(text).ok().map(|state| state.ticks());
                if ticks(after) < ticks(before) {
                    return Some(format!("component {part} is measured from the beginning"));
                }
            }
            _ => {}
        }
    }
    None
}
