//! What an owner does first: begin the release, go on with one whose owner is gone, or end it.

use std::time::Duration;

use super::{Extra, Machine, PartCourse};
use crate::release::effect::{Change, Effect, Object};
use crate::release::ledger::{Head, Journal, Phase};
use crate::release::machine::course::{End, Intent};
use crate::release::model::{Content, Ending, ReleaseId, Slot};
use crate::release::view::{Part, Read, SlotState, View};

impl Machine {
    /// A ledger in which nothing has been released, where the first release or an adoption needs one. It is made empty: a creation cannot be
    /// fenced, and may come late.
    pub(super) fn open_ledger(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) -> bool {
        let is_wanted = match self.intent {
            Intent::Release => self.course.previous.is_none() && !something_runs(view),
            Intent::Adopt => something_runs(view),
            Intent::Recover | Intent::Abort | Intent::Promote(_) => false,
        };
        if view.ledger.is_some() || self.aborted || !is_wanted {
            return false;
        }
        let head = Head::empty();
        self.write(Object::Ledger, None, Change::Ledger(Box::new(head)), now, effects);
        true
    }

    /// Decides, on a look that no older owner can change any more, what is to be done.
    pub(super) fn begin(&mut self, view: &View, now: Duration) {
        let Some(head) = view.ledger.as_ref().map(|read| &read.object) else {
            return self
                .give_back(End::new(Ending::Refused, "there is no ledger: adopt what runs first"), now);
        };
        self.live = self.course.parts.iter().map(|part| part.live(head)).collect();
        if self.aborted {
            self.intent = Intent::Abort;
        }
        let same = head.under_way.as_ref().filter(|journal| journal.release == self.course.release);
        match (self.intent, &head.under_way, same) {
            (Intent::Release, None, _) => match self.refusal(view, head) {
                Some(words) => self.give_back(End::new(Ending::Refused, words), now),
                None if !self.course.changes() => {
                    self.give_back(End::new(Ending::Nothing, "everything is as it should be"), now);
                }
                None => self.begin_release(view, now),
            },
            (_, Some(_), Some(journal)) if !self.counts_these_components(head, journal) => {
                let words = format!(
                    "{} was begun with other components than these: end it from the commit that it was made from",
                    self.course.release
                );
                self.give_back(End::new(Ending::Refused, words), now);
            }
            (_, Some(_), Some(journal)) => {
                self.go_on(journal.clone(), now);
            }
            (_, Some(journal), None) => {
                let words = format!("{} is not finished: `cargo xtask recover` ends it", journal.release);
                self.give_back(End::new(Ending::Refused, words), now);
            }
            (Intent::Recover | Intent::Abort | Intent::Adopt | Intent::Promote(_), None, _) => {
                let ending = if self.aborted { Ending::Aborted } else { Ending::Nothing };
                self.give_back(End::new(ending, "no release is under way"), now);
            }
        }
    }

    /// Whether the release under way has these components: what its journal says goes by their order.
    fn counts_these_components(&self, head: &Head, journal: &Journal) -> bool {
        let begun = head.history.find(&self.course.release);
        let count = self.course.parts.len();
        begun.is_none_or(|entry| entry.account.pieces == self.course.account.pieces)
            && [journal.replicas.len(), journal.floors.len(), journal.evidence.len()] == [count; 3]
    }

    /// Why the release cannot begin, in words.
    fn refusal(&self, view: &View, head: &Head) -> Option<String> {
        let Self { course, .. } = self;
        if let Some(words) = head.history.refusal(&course.release) {
            return Some(words);
        }
        if head.serving != course.previous {
            let [serving, planned] =
                [&head.serving, &course.previous].map(|id| ReleaseId::or_nothing(id.as_ref()));
            return Some(format!("{serving} serves, and the plan was made for {planned}"));
        }
        for ((part, seen), live) in course.parts.iter().zip(&view.parts).zip(&self.live) {
            let state = seen.slot(*live).map(|read| &read.object);
            let Some(old) = &part.old else {
                if seen.slots.iter().flatten().any(|read| read.object.wanted > 0) {
                    return Some(format!("{} runs already: adopt it first", part.name));
                }
                continue;
            };
            // What works off a queue may have nothing to do, and no pods.
            let is_silent =
                |state: &SlotState| state.available == 0 && (part.has_slots() || state.wanted > 0);
            if state.is_none_or(is_silent) {
                return Some(format!("no pod of {} serves: there would be nothing to go back to", part.name));
            }
            if state.is_none_or(|state| state.revision != *old) {
                return Some(format!("{} runs something else than when the plan was made", part.name));
            }
        }
        let mut extras = course.extras.iter().zip(&view.extras);
        let (moved, _) = extras.find(|(extra, seen)| !is_as_planned(extra, seen.as_ref()))?;
        Some(format!("{} has changed since the plan was made", moved.name))
    }

    fn begin_release(&mut self, view: &View, now: Duration) {
        let count = |((course, part), live): ((&PartCourse, &Part), &Slot)| match &course.old {
            Some(_) => part.slot(*live).map_or(0, |read| read.object.wanted),
            None => course.replicas,
        };
        let floor = |part: &Part| part.autoscaler.as_ref().map(|read| read.object.floor);
        let replicas = self.course.parts.iter().zip(&view.parts).zip(&self.live).map(count).collect();
        self.journal = Some(Journal {
            floors: view.parts.iter().map(floor).collect(),
            ..Journal::new(self.course.release.clone(), Phase::Intended, replicas)
        });
        self.entered = now;
    }

    /// Goes on with a release that somebody else began, or ends it.
    fn go_on(&mut self, journal: Journal, now: Duration) {
        let phase = journal.phase;
        let evidence = journal.evidence.clone();
        self.journal = Some(Journal { promote: None, ..journal });
        self.entered = now;
        match (self.intent, phase) {
            (_, Phase::Reverting | Phase::Restoring | Phase::Cleaning | Phase::Contracting) => {}
            (Intent::Abort, _) => self.turn_back(Ending::Aborted, "somebody rolled it back", now),
            (Intent::Recover, Phase::Baking) | (Intent::Release, Phase::Baking | Phase::Verifying) => {
                self.enter(Phase::Verifying, now);
            }
            (Intent::Recover, Phase::Holding) => self.let_go(now),
            (Intent::Recover | Intent::Adopt | Intent::Promote(_), _) => {
                self.turn_back(Ending::Aborted, "its owner was gone", now);
            }
            (Intent::Release, Phase::Exposed(step)) => self.expose(step, Some(&evidence), now),
            (Intent::Release, _) => {}
        }
    }
}

/// Whether a Deployment has pods.
fn something_runs(view: &View) -> bool {
    let mut slots = view.parts.iter().flat_map(|part| part.slots.iter().flatten());
    slots.any(|read| read.object.wanted > 0)
}

/// Whether an object still says what it said when the plan was made. One that goes by its content may have been made since.
fn is_as_planned(extra: &Extra, seen: Option<&Read<Content>>) -> bool {
    let says = seen.map(|read| &read.object);
    says == extra.old.as_ref() || (extra.is_immutable && says.is_none_or(|says| *says == extra.new))
}
