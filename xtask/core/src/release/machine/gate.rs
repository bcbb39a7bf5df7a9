//! Where a person is asked: at a gate, in a pause, and when the evidence is not enough. Each has an end without an answer.
//!
//! Evidence is needed at a gate, too: who says that it may go on does not say that it is good. Only who promotes it fully does.

use std::time::Duration;

use super::{Finding, Machine, Stage};
use crate::release::effect::Effect;
use crate::release::ledger::{Consent, Journal, Pause, Phase, Wish};
use crate::release::machine::course::End;
use crate::release::model::Ending;
use crate::release::view::View;

impl Machine {
    /// Somebody lets it go on. In a phase in which nobody is asked this means nothing, and is forgotten with it.
    pub(super) fn agree(&mut self, consent: Consent) {
        self.resume();
        self.consent = self.consent.max(Some(consent));
    }

    /// It need not stay where it is any more.
    pub(super) fn resume(&mut self) {
        self.paused = None;
        if let Some(journal) = &mut self.journal {
            journal.pause = None;
        }
    }

    /// What the ledger says of a pause. Only what is new there counts: what was heard may be over, and not written down yet.
    pub(super) fn hear(&mut self, said: Option<&Pause>, now: Duration) {
        let is_known = match (said, &self.heard) {
            (Some(said), Some(heard)) => said.is_same(heard),
            (said, heard) => said.is_none() && heard.is_none(),
        };
        let may_stay = self.phase().is_some_and(|phase| phase <= Phase::Holding);
        if is_known || !may_stay {
            return;
        }
        self.heard = said.cloned();
        self.resume();
        if let (Some(said), Some(journal)) = (said, &mut self.journal) {
            journal.pause = Some(Pause { until: None, ..said.clone() });
            // Who wants it to stay takes back what was said before.
            (self.paused, self.consent) = (Some(now), None);
        }
    }

    /// Writes down until when it stays where it is, for whoever wanted it.
    pub(super) fn note_pause(&mut self) {
        let until = self.pause_end().map(|until| self.course.unix(until));
        if let Some(pause) = self.journal.as_mut().and_then(|journal| journal.pause.as_mut()) {
            pause.until = until;
        }
    }

    /// Until when a pause holds; `None` where there is none, or no step of a canary yet at which it could stay.
    pub(super) fn pause_end(&self) -> Option<Duration> {
        let since = self.paused.filter(|_| matches!(self.phase(), Some(Phase::Exposed(_))))?;
        Some(since.max(self.entered) + self.course.timing.gate)
    }

    /// Whether the canary may take its next step.
    pub(super) fn judge(&mut self, step: u8, now: Duration) {
        if self.consent == Some(Consent::Full) {
            return self.promote_by_hand(now);
        }
        if self.evidence_missing(step).is_some() {
            self.asked = None;
            return self.conclude(now);
        }
        let limit = self.course.timing.gate;
        if let Some(until) = self.pause_end() {
            if now >= until {
                self.turn_back(Ending::Inconclusive, "it was paused, and nobody let it go on", now);
            }
            return;
        }
        if self.has_gate(step) && self.consent.is_none() {
            let since = *self.asked.get_or_insert(now);
            if now.saturating_sub(since) >= limit {
                self.turn_back(Ending::Inconclusive, "nobody let it pass the gate", now);
            }
            return;
        }
        let next = step.checked_add(1).filter(|next| usize::from(*next) < self.steps());
        if let Some(next) = next {
            return self.expose(next, None, now);
        }
        self.earned = self.earnings();
        self.enter(Phase::Promoting, now);
    }

    /// Whether a person has to let the release pass after this step.
    fn has_gate(&self, step: u8) -> bool {
        let step = usize::from(step);
        self.course.parts.iter().any(|part| part.steps().get(step).is_some_and(|step| step.gate))
    }

    /// What each component has earned its promotion with.
    fn earnings(&self) -> Option<String> {
        let each = self.trials.iter().zip(&self.course.parts);
        let words: Vec<String> =
            each.filter_map(|(trial, part)| Some(format!("{}: {}", part.name, trial.earned()?))).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// Ends a step whose time is over: the analyses say so with their ticks, unless there are none.
    fn conclude(&mut self, now: Duration) {
        let waited = now.saturating_sub(self.entered);
        for index in 0..self.trials.len() {
            let part = &self.course.parts[index];
            if !part.steps().is_empty() && waited >= part.settings.step_max {
                let finding = self.trials[index].conclude();
                self.weigh(finding, now);
            }
        }
    }

    /// What measuring has come to. An end without a verdict leaves a person the time to decide, where there is one.
    pub(super) fn weigh(&mut self, finding: Finding, now: Duration) {
        let Finding::Back(ending, reason) = finding else { return };
        let is_verdict = ending == Ending::RolledBack;
        if self.is_by_hand() && !is_verdict {
            return;
        }
        let may_hold = matches!(self.phase(), Some(Phase::Exposed(_))) && self.stage == Stage::Running;
        match &mut self.journal {
            Some(journal) if may_hold && !is_verdict && !self.course.timing.hold.is_zero() => {
                journal.back = Some((ending, reason));
                self.enter(Phase::Holding, now);
            }
            _ => self.turn_back(ending, &reason, now),
        }
    }

    /// The canary is out of traffic: a person promotes the release all the same, or it goes back.
    pub(super) fn hold_on(&mut self, now: Duration) {
        if self.consent == Some(Consent::Full) {
            self.promote_by_hand(now);
        } else if now.saturating_sub(self.entered) >= self.course.timing.hold {
            self.let_go(now);
        }
    }

    /// A person has decided; whoever goes on with the release has to know that.
    fn promote_by_hand(&mut self, now: Duration) {
        if let Some(journal) = &mut self.journal {
            (journal.by_hand, journal.back) = (true, None);
        }
        self.enter(Phase::Promoting, now);
    }

    /// The hold is over.
    pub(super) fn let_go(&mut self, now: Duration) {
        let back = self.journal.as_ref().and_then(|journal| journal.back.clone());
        let (ending, reason) = back.unwrap_or((Ending::Inconclusive, "nobody has decided".into()));
        self.turn_back(ending, &reason, now);
    }

    /// Leaves in the ledger that the release may go on, in the phase in which it is.
    pub(super) fn ask_to_go_on(
        &mut self,
        view: &View,
        consent: Consent,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let under_way = view.ledger.as_ref().and_then(|read| Some((read, read.object.under_way.as_ref()?)));
        let Some((ledger, journal)) = under_way else {
            self.stage = Stage::Ended(End::new(Ending::Refused, "no release is under way"));
            return;
        };
        let wish = *self.wish.get_or_insert(Wish { phase: journal.phase, consent });
        if journal.phase != wish.phase || journal.promote == Some(wish) {
            let words = format!("{} was told that it may go on", journal.release);
            self.stage = Stage::Ended(End::new(Ending::Nothing, words));
            return;
        }
        if !matches!(wish.phase, Phase::Exposed(_) | Phase::Holding) {
            let words = format!("{} does not wait for anybody", journal.release);
            self.stage = Stage::Ended(End::new(Ending::Refused, words));
            return;
        }
        self.leave(ledger, Journal { promote: Some(wish), pause: None, ..journal.clone() }, now, effects);
    }
}
