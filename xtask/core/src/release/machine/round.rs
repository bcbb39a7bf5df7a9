//! One round of a release under way: what a look asks for, and what has to be written down first.

use std::time::Duration;

use super::{End, Ending, Machine, Stage, goals};
use crate::release::effect::{Action, Change, Effect, Object};
use crate::release::ledger::{Head, Phase};
use crate::release::view::{Read, Traffic, View};

impl Machine {
    /// What a look at a release under way leads to.
    pub(super) fn run(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        if self.owner.is_due(&self.course.timing, now) {
            for (part, trial) in self.trials.iter().enumerate() {
                if let (Some(journal), Some(evidence)) = (&mut self.journal, trial.evidence()) {
                    journal.evidence[part] = Some(evidence);
                }
            }
            self.renew(view, now, effects);
        }
        self.drain(view, now);
        let Some(ledger) = &view.ledger else {
            // It was there: a look may be of before, but not for long.
            if now.saturating_sub(*self.unwritten.get_or_insert(now)) >= self.course.timing.wait {
                let words = "the ledger is gone: restore it before anything else";
                self.stage = Stage::Ended(End::new(Ending::Stuck, words));
            }
            return;
        };
        self.unwritten = None;
        if ledger.object.under_way.as_ref().is_some_and(|journal| journal.abort) {
            self.turn_back(Ending::Aborted, "somebody asked for it through the ledger", now);
        }
        self.hear(ledger.object.under_way.as_ref().and_then(|journal| journal.pause.as_ref()), now);
        if let Some(wish) = ledger.object.under_way.as_ref().and_then(|journal| journal.promote)
            && self.phase() == Some(wish.phase)
        {
            self.agree(wish.consent);
        }
        self.note_pause();
        // Persist, then act.
        if self.write_down(ledger, now, effects) {
            return;
        }
        let Some(journal) = self.journal.clone() else { return };
        let goal = goals::of(&self.course, &journal, &self.live, view, self.is_drained(now));
        if let Some(reason) = goal.hopeless {
            self.give_up(journal.phase, &reason, now);
        } else {
            let idle = goal.missing.is_empty();
            for (object, change) in self.in_order(goal.missing, view) {
                self.write(object, view.version(object), change, now, effects);
            }
            if !self.settle(view, now, effects) && idle {
                self.advance(journal.phase, goal.waits, view, now, effects);
            }
        }
        // The look that has led on is as good as the next one for that.
        self.write_down(ledger, now, effects);
    }

    /// Writes down where the release stands, where the ledger says something else. Returns whether it does.
    fn write_down(&mut self, ledger: &Read<Head>, now: Duration, effects: &mut Vec<Effect>) -> bool {
        let journal = self.journal.as_ref().filter(|_| self.stage == Stage::Running);
        let Some(journal) = journal.filter(|journal| ledger.object.under_way.as_ref() != Some(journal))
        else {
            return false;
        };
        let began = self.course.unix(self.entered);
        let head = ledger.object.noting(journal.clone(), &self.course.account, began);
        self.write(Object::Ledger, Some(ledger.version), Change::Ledger(Box::new(head)), now, effects);
        true
    }

    /// Notes since when the pods that go, or may go next, get no requests.
    fn drain(&mut self, view: &View, now: Duration) {
        let Some(journal) = &self.journal else { return };
        let is_silent = goals::is_silent(&self.course, journal, &self.live, view);
        self.drained = is_silent.then(|| self.drained.unwrap_or(now));
    }

    /// Whether the last requests to those pods had time to end.
    pub(super) fn is_drained(&self, now: Duration) -> bool {
        self.drained.is_some_and(|since| now.saturating_sub(since) >= self.course.timing.drain)
    }

    /// The writes that may be done now. The order of the components holds for what is in flight, too: as long as a write of
    /// another component may still land, only canaries are ejected, because that waits for nobody.
    fn in_order(&self, missing: Vec<goals::Missing>, view: &View) -> Vec<goals::Missing> {
        let unsettled = self.pending.unsettled(view);
        let is_ordered = matches!(self.phase(), Some(Phase::Flipping | Phase::Reverting));
        if !is_ordered || unsettled.is_empty() {
            return missing;
        }
        let ejects = |object: Object| {
            let service = object.part().and_then(|part| view.parts[part].service.as_ref());
            service.is_some_and(|read| read.object == Traffic::Both)
        };
        let is_free = |object: Object| {
            let others = unsettled.iter().filter_map(|(other, _)| other.part());
            others.into_iter().all(|other| Some(other) == object.part())
        };
        missing.into_iter().filter(|(object, _)| ejects(*object) || is_free(*object)).collect()
    }

    /// Writes objects again that a write in flight may still change, so that it finds another version and fails; those that
    /// are written in this round anyway are settled by that. Returns whether there were any.
    pub(super) fn settle(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) -> bool {
        let unsettled = self.pending.unsettled(view);
        let is_written = |object: Object, effects: &[Effect]| {
            effects
                .iter()
                .any(|effect| matches!(effect.action, Action::Write { object: other, .. } if other == object))
        };
        for &(object, version) in &unsettled {
            if !is_written(object, effects) {
                self.write(object, Some(version), Change::Fence, now, effects);
            }
        }
        !unsettled.is_empty() || self.pending.misses()
    }
}
