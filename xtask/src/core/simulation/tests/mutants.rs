//! Machines with a mistake in them: each has to be caught, or the nights would be too quiet.

use std::time::Duration;

use super::super::{Deployer, Invariant, Scenario, play, play_with};
use crate::core::release::effect::{Action, Change, Effect, Outcome};
use crate::core::release::ledger::{Head, Phase};
use crate::core::release::machine::{Command, Course, End, Input, Intent, Machine};
use crate::core::release::model::Fence;
use crate::core::release::view::View;

/// A mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mistake {
    /// It takes every answer for a success.
    TrustsAnswers,
    /// It takes the lease from whoever has it.
    TakesTheLease,
    /// It does not listen to whoever wants an end.
    IsDeaf,
    /// It sees no errors.
    SeesNoErrors,
    /// It goes on without evidence.
    NeedsNoEvidence,
    /// It takes pods that are asked for as pods that are there.
    TrustsWishes,
    /// It acts before it has written down what.
    ActsUnwritten,
    /// It forgets to wake once the release serves.
    SleepsIn,
}

struct Mutant {
    machine: Machine,
    mistake: Mistake,
    /// What it has not written down.
    unwritten: Option<Head>,
}

impl Mutant {
    /// What the mistake makes of a look.
    fn blur(&self, view: &mut View) {
        match self.mistake {
            Mistake::TakesTheLease => view.lease.iter_mut().for_each(|read| {
                read.object.holder = read.object.holder.filter(|_| self.machine.fence() > Fence(0));
            }),
            Mistake::IsDeaf => {
                let journal = view.ledger.as_mut().and_then(|read| read.object.under_way.as_mut());
                if let Some(journal) = journal {
                    journal.abort = false;
                }
            }
            Mistake::TrustsWishes => {
                for read in view.parts.iter_mut().flat_map(|part| part.slots.iter_mut().flatten()) {
                    (read.object.available, read.object.observed) = (read.object.wanted, true);
                }
            }
            Mistake::ActsUnwritten => {
                if let (Some(read), Some(head)) = (&mut view.ledger, &self.unwritten) {
                    read.object = head.clone();
                }
            }
            _ => {}
        }
    }

    /// What it does instead of an effect; `None` for what it keeps to itself.
    fn spoil(&mut self, effect: &Effect) -> Option<Input> {
        let Action::Write { change: Change::Ledger(head), .. } = &effect.action else { return None };
        if self.mistake != Mistake::ActsUnwritten {
            return None;
        }
        self.unwritten = head.under_way.is_some().then(|| Head::clone(head));
        self.unwritten.as_ref().map(|_| Input::Wrote(effect.id, Outcome::Done))
    }
}

impl Deployer for Mutant {
    fn handle(&mut self, mut input: Input, now: Duration) -> Vec<Effect> {
        match (&mut input, self.mistake) {
            (Input::Looked(_, Some(view)), _) => self.blur(view),
            (Input::Wrote(_, outcome), Mistake::TrustsAnswers) => *outcome = Outcome::Done,
            (Input::Command(Command::Abort), Mistake::IsDeaf) => return Vec::new(),
            (Input::Measured(_, Some(tick)), Mistake::SeesNoErrors) => {
                let scrapes = tick.canary.iter_mut().filter_map(|pod| pod.scrape.as_mut());
                scrapes
                    .flat_map(|scrape| scrape.streams.iter_mut().flatten())
                    .for_each(|counts| counts.bad = 0);
                tick.canary.iter_mut().for_each(|pod| pod.restarts = 0);
                tick.checks.canary.bad = 0;
            }
            _ => {}
        }
        let mut effects = Vec::new();
        if self.mistake == Mistake::NeedsNoEvidence {
            effects.extend(self.machine.handle(Input::Command(Command::PromoteFully), now));
        }
        effects.extend(self.machine.handle(input, now));
        let mut kept = Vec::new();
        while !effects.is_empty() {
            let mut answers = Vec::new();
            for effect in effects {
                match self.spoil(&effect) {
                    Some(answer) => answers.push(answer),
                    None => kept.push(effect),
                }
            }
            effects = answers.into_iter().flat_map(|answer| self.machine.handle(answer, now)).collect();
        }
        kept
    }

    fn deadline(&self) -> Option<Duration> {
        let sleeps = self.mistake == Mistake::SleepsIn && self.machine.phase() == Some(Phase::Baking);
        self.machine.deadline().filter(|_| !sleeps)
    }

    fn end(&self) -> Option<&End> {
        self.machine.end()
    }
}

/// The first seed from `first` on that catches a mistake, and what it broke; what the machine breaks itself does not count.
fn caught(mistake: Mistake, first: u64) -> Option<(u64, Invariant)> {
    let begin = move |course: Course, intent: Intent, me: u64, now: Duration| Mutant {
        machine: Machine::new(course, intent, me, now),
        mistake,
        unwritten: None,
    };
    (first..first + SEEDS).find_map(|seed| {
        let broken = play_with(&Scenario::drawn(seed), &begin, false).broken?;
        play(&Scenario::drawn(seed), false).broken.is_none().then_some((seed, broken.invariant))
    })
}

/// How many seeds a mistake may need.
const SEEDS: u64 = 1_000;

#[test]
fn every_mistake_is_caught() {
    // Each with a seed shortly before the one that catches it, to save time.
    let all = [
        (Mistake::TrustsAnswers, 0),
        (Mistake::TakesTheLease, 0),
        (Mistake::IsDeaf, 0),
        (Mistake::SeesNoErrors, 0),
        (Mistake::NeedsNoEvidence, 0),
        (Mistake::TrustsWishes, 0),
        (Mistake::ActsUnwritten, 0),
        (Mistake::SleepsIn, 0),
    ];
    let caught: Vec<_> = all.into_iter().map(|(mistake, first)| (mistake, caught(mistake, first))).collect();
    assert!(caught.iter().all(|(_, caught)| caught.is_some()), "{caught:#?}");
}
