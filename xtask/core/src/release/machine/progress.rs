//! From phase to phase: what each waits for, how long, and what leads on or back.

use std::time::Duration;

use super::{Answered, End, Ending, Machine, PartCourse, Stage, goals};
use crate::release::effect::{Action, Effect};
use crate::release::ledger::Phase;
use crate::release::migration::Migration;
use crate::release::model::Slot;
use crate::release::view::View;
use crate::text;

impl Machine {
    /// Goes on to the next phase where this one has what it wants, and ends waits that take too long.
    pub(super) fn advance(
        &mut self,
        phase: Phase,
        waits: Option<String>,
        view: &View,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let timing = self.course.timing;
        if let Some(words) = waits {
            let waited = now.saturating_sub(*self.waits_since.get_or_insert(now));
            let reason = (waited >= timing.limit(phase)).then(|| format!("waited in vain for {words}"));
            self.waits = Some(words);
            if let Some(reason) = reason {
                self.give_up(phase, &reason, now);
            }
            return;
        }
        self.waits_since = None;
        self.waits = None;
        match phase {
            Phase::Intended | Phase::Stated | Phase::Expanding | Phase::Floored | Phase::Promoting => {
                self.enter_next(phase, view, now);
            }
            Phase::Staged => {
                if self.smoke(now, effects) {
                    match self.steps() {
                        0 => self.enter_next(phase, view, now),
                        _ => self.expose(0, None, now),
                    }
                }
            }
            Phase::Exposed(step) => self.judge(step, now),
            Phase::Holding => self.hold_on(now),
            Phase::Flipping => self.enter(Phase::Verifying, now),
            Phase::Verifying => {
                if self.smoke(now, effects) {
                    self.bake(now);
                }
            }
            Phase::Baking => self.watch(now),
            Phase::Reverting => {
                if self.is_drained(now) {
                    self.enter(Phase::Restoring, now);
                }
            }
            Phase::Cleaning if self.course.migrates(Migration::Contract) => {
                self.enter(Phase::Contracting, now);
            }
            Phase::Cleaning | Phase::Contracting => {
                let earned = self.earned.take().map_or(String::new(), |earned| format!("; {earned}"));
                let words = format!("the new release serves, verified{earned}");
                self.give_back(End::new(Ending::Promoted, words), now);
            }
            Phase::Restoring => {
                let back = self.journal.as_ref().and_then(|journal| journal.back.clone());
                let (ending, reason) = back.unwrap_or((Ending::Aborted, "its owner was gone".into()));
                self.give_back(End::new(ending, reason), now);
            }
        }
    }

    /// Goes on to what follows `phase`, where no trial comes between, and past each phase in which the look shows nothing to do:
    /// writing it down and looking again would cost as much as a phase that does something.
    fn enter_next(&mut self, phase: Phase, view: &View, now: Duration) {
        let Some(mut journal) = self.journal.clone() else { return };
        journal.phase = phase;
        loop {
            journal.phase = self.next(journal.phase);
            let is_optional = matches!(journal.phase, Phase::Stated | Phase::Floored | Phase::Promoting);
            let goal = || goals::of(&self.course, &journal, &self.live, view, self.is_drained(now));
            if !is_optional || !goal().is_met() {
                return self.enter(journal.phase, now);
            }
        }
    }

    /// The phase after another one, where no trial comes between.
    fn next(&self, phase: Phase) -> Phase {
        match phase {
            Phase::Intended => Phase::Stated,
            Phase::Stated if self.course.migrates(Migration::Expand) => Phase::Expanding,
            Phase::Stated | Phase::Expanding if self.course.parts.iter().any(PartCourse::changes) => {
                Phase::Floored
            }
            Phase::Floored => Phase::Staged,
            Phase::Staged => Phase::Promoting,
            _ => Phase::Flipping,
        }
    }

    /// A phase will never have what it wants.
    pub(super) fn give_up(&mut self, phase: Phase, words: &str, now: Duration) {
        match phase {
            Phase::Cleaning | Phase::Reverting | Phase::Restoring => {
                self.stage = Stage::Ended(End::new(Ending::Stuck, words));
            }
            Phase::Contracting => self.stage = Stage::Ended(self.not_contracted(words)),
            _ => self.turn_back(Ending::RolledBack, words, now),
        }
    }

    /// The new release serves, and what the old one needed could not be taken away: that is for a person to mend.
    fn not_contracted(&self, words: &str) -> End {
        let words = format!(
            "{words}; {} serves all the same: mend the migration, delete its Job, and let `cargo xtask recover` run it again",
            self.course.release
        );
        End::new(Ending::Stuck, words)
    }

    /// How many steps the canary has: those of the component with the most.
    pub(super) fn steps(&self) -> usize {
        self.course.parts.iter().map(|part| part.steps().len()).max().unwrap_or(0)
    }

    pub(super) fn expose(&mut self, step: u8, evidence: Option<&[Option<String>]>, now: Duration) {
        self.enter(Phase::Exposed(step), now);
        for (index, part) in self.course.parts.iter().enumerate() {
            if usize::from(step) >= part.steps().len() {
                continue;
            }
            let kept = evidence.and_then(|evidence| evidence[index].as_deref());
            if let Err(words) = self.trials[index].begin_step(part, step.into(), kept, now) {
                let reason = format!("the analysis of {} cannot begin: {words}", part.name);
                self.turn_back(Ending::NoEvidence, &reason, now);
                return;
            }
        }
    }

    /// What the evidence of a step lacks; `None` where it is enough.
    pub(super) fn evidence_missing(&self, step: u8) -> Option<String> {
        let is_last = usize::from(step) + 1 >= self.steps();
        self.trials.iter().zip(&self.course.parts).find_map(|(trial, part)| {
            let missing = trial.may_go_on(is_last).err()?;
            Some(format!("evidence for {}: {missing}", part.name))
        })
    }

    /// How long the evidence of a step may take.
    pub(super) fn step_max(&self) -> Duration {
        let parts = self.course.parts.iter().filter(|part| !part.steps().is_empty());
        parts.map(|part| part.settings.step_max).max().unwrap_or_default()
    }

    fn bake(&mut self, now: Duration) {
        self.enter(Phase::Baking, now);
        for (index, part) in self.course.parts.iter().enumerate() {
            if part.changes()
                && let Err(words) = self.trials[index].begin_bake(part, now)
            {
                let reason = format!("the watch over {} cannot begin: {words}", part.name);
                self.turn_back(Ending::NoEvidence, &reason, now);
                return;
            }
        }
    }

    /// Goes on once everything was watched for long enough. What nobody can see is not watched: as in the canary, there is an end
    /// to that, and no verdict. Where a person has promoted it without evidence, want of it takes nothing back.
    fn watch(&mut self, now: Duration) {
        let (began, is_by_hand) = (self.entered, self.is_by_hand());
        if self.trials.iter().all(|trial| trial.is_over(began, now, is_by_hand)) {
            return self.enter(Phase::Cleaning, now);
        }
        for (trial, part) in self.trials.iter_mut().zip(&self.course.parts) {
            let blind = trial.looked(now);
            if blind >= part.settings.step_max && !is_by_hand {
                let (long, name) = (text::duration(blind), &part.name);
                let reason = format!(
                    "nothing could be measured of {name} for {long}: nobody knows whether it is good"
                );
                return self.turn_back(Ending::NoEvidence, &reason, now);
            }
        }
    }

    /// Whether a component is asked in this phase: those that change, and at last also those around which something changed.
    fn is_asked(&self, index: usize) -> bool {
        let is_last = self.phase() == Some(Phase::Verifying);
        let part = &self.course.parts[index];
        (part.changes() && (is_last || part.has_slots())) || (is_last && self.course.changes_extras())
    }

    /// Asks the pods that get traffic next, or do; whether all have answered well. A bad answer turns back.
    fn smoke(&mut self, now: Duration, effects: &mut Vec<Effect>) -> bool {
        let mut all = true;
        for index in 0..self.course.parts.len() {
            if !self.is_asked(index) {
                continue;
            }
            match self.smoked[index].clone() {
                Some(Ok(())) => {}
                Some(Err(words)) => {
                    let reason =
                        format!("the smoke test of {} failed: {words}", self.course.parts[index].name);
                    self.turn_back(Ending::RolledBack, &reason, now);
                    return false;
                }
                None => {
                    all = false;
                    let waited = now.saturating_sub(self.entered);
                    if waited >= self.course.timing.ready {
                        let reason =
                            format!("the smoke test of {} gets no answer", self.course.parts[index].name);
                        self.turn_back(Ending::NoEvidence, &reason, now);
                        return false;
                    }
                    let slot = self.course.parts[index].promoted(self.live[index]);
                    self.ask(index, slot, now, effects);
                }
            }
        }
        all
    }

    /// Asks the pods of a slot the questions of the smoke test, unless an answer is still waited for.
    pub(super) fn ask(&mut self, part: usize, slot: Slot, now: Duration, effects: &mut Vec<Effect>) {
        if !self.pending.has(&Answered::Smoke(part)) {
            effects.push(self.pending.send(Action::Smoke { part, slot }, now + self.course.timing.answer));
        }
    }

    /// Whether this phase is measured.
    pub(super) fn is_measured(&self) -> bool {
        self.stage == Stage::Running
            && matches!(
                self.phase(),
                Some(
                    Phase::Exposed(_) | Phase::Promoting | Phase::Flipping | Phase::Verifying | Phase::Baking
                )
            )
    }

    pub(super) fn measure(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if !self.is_measured() {
            return;
        }
        for (index, part) in self.course.parts.iter().enumerate() {
            if now >= self.measure_at[index] {
                self.measure_at[index] = now + self.course.timing.tick;
                // Also what is on no trial: the first tick of the bake then has something to count from.
                if part.changes() && !self.pending.has(&Answered::Measure(index)) {
                    let until = now + self.course.timing.answer;
                    let checks = self.trials[index].checks_due(part, self.course.timing.tick);
                    effects.push(self.pending.send(Action::Measure { part: index, checks }, until));
                }
            }
        }
    }
}
