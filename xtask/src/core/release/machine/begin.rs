//! What an owner does first: begin the release, go on with one whose owner is gone, or end it.

use std::time::Duration;

use super::{Extra, Machine};
use crate::core::release::ledger::{Head, Journal, Phase};
use crate::core::release::machine::course::{End, Intent};
use crate::core::release::model::{Content, Ending, Slot};
use crate::core::release::view::{Part, Read, View};

impl Machine {
    /// Decides, on a look that no older owner can change any more, what is to be done.
    pub(super) fn begin(&mut self, view: &View, now: Duration) {
        let Some(head) = view.ledger.as_ref().map(|read| &read.object) else {
            return self
                .give_back(End::new(Ending::Refused, "there is no ledger: adopt what runs first"), now);
        };
        self.live.clone_from(&head.live);
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
                None => self.begin_release(view, head, now),
            },
            (Intent::Release | Intent::Recover | Intent::Abort, Some(_), Some(journal)) => {
                self.go_on(journal.clone(), now);
            }
            (_, Some(journal), None) => {
                let words = format!("{} is not finished: `cargo xtask recover` ends it", journal.release);
                self.give_back(End::new(Ending::Refused, words), now);
            }
            (Intent::Recover | Intent::Abort, None, _) => {
                let ending = if self.aborted { Ending::Aborted } else { Ending::Nothing };
                self.give_back(End::new(ending, "no release is under way"), now);
            }
        }
    }

    /// Why the release cannot begin, in words.
    fn refusal(&self, view: &View, head: &Head) -> Option<String> {
        let Self { course, .. } = self;
        if let Some(words) = head.history.refusal(&course.release) {
            return Some(words);
        }
        if head.serving != course.previous {
            return Some(format!("{} serves, and the plan was made for {}", head.serving, course.previous));
        }
        for ((part, seen), live) in course.parts.iter().zip(&view.parts).zip(&head.live) {
            let state = seen.slot(*live).map(|read| &read.object);
            if state.is_none_or(|state| state.available == 0) {
                return Some(format!("no pod of {} serves: there would be nothing to go back to", part.name));
            }
            if state.is_none_or(|state| state.revision != part.old) {
                return Some(format!("{} runs something else than when the plan was made", part.name));
            }
        }
        let mut extras = course.extras.iter().zip(&view.extras);
        let (moved, _) = extras.find(|(extra, seen)| !is_as_planned(extra, seen.as_ref()))?;
        Some(format!("{} has changed since the plan was made", moved.name))
    }

    fn begin_release(&mut self, view: &View, head: &Head, now: Duration) {
        let count = |(part, live): (&Part, &Slot)| part.slot(*live).map_or(0, |read| read.object.wanted);
        let floor = |part: &Part| part.autoscaler.as_ref().map(|read| read.object.floor);
        self.journal = Some(Journal {
            release: self.course.release.clone(),
            phase: Phase::Intended,
            replicas: view.parts.iter().zip(&head.live).map(count).collect(),
            floors: view.parts.iter().map(floor).collect(),
            evidence: vec![None; self.course.parts.len()],
            abort: false,
            back: None,
        });
        self.entered = now;
    }

    /// Goes on with a release that somebody else began, or ends it.
    fn go_on(&mut self, journal: Journal, now: Duration) {
        let phase = journal.phase;
        let evidence = journal.evidence.clone();
        self.journal = Some(journal);
        self.entered = now;
        match (self.intent, phase) {
            (_, Phase::Reverting | Phase::Restoring | Phase::Cleaning) => {}
            (Intent::Abort, _) => self.turn_back(Ending::Aborted, "somebody rolled it back", now),
            (Intent::Recover, Phase::Baking) | (Intent::Release, Phase::Baking | Phase::Verifying) => {
                self.enter(Phase::Verifying, now);
            }
            (Intent::Recover, _) => self.turn_back(Ending::Aborted, "its owner was gone", now),
            (Intent::Release, Phase::Exposed(step)) => self.expose(step, Some(&evidence), now),
            (Intent::Release, _) => {}
        }
    }
}

/// Whether an object still says what it said when the plan was made. One that goes by its content may have been made since.
fn is_as_planned(extra: &Extra, seen: Option<&Read<Content>>) -> bool {
    let says = seen.map(|read| &read.object);
    says == extra.old.as_ref() || (extra.is_immutable && says.is_none_or(|says| *says == extra.new))
}
