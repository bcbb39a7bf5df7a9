//! Machines with a mistake in them. Each is the release machine behind a seam that blurs what it sees, spoils what it asks
//! for, or changes what it was told to do; nothing in the machine itself knows of mistakes.
//!
//! The test checks each at the seed that is known to catch it; the benchmark, of which this file is a part too, searches for
//! those seeds.

use std::time::Duration;

use crate::release::effect::{Action, Change, Effect, EffectId, Object, Outcome};
use crate::release::ledger::{Entry, Head, History, Journal, Phase};
use crate::release::machine::{Command, Course, End, Input, Intent, Machine, Strategy};
use crate::release::model::{Fence, Slot};
use crate::release::view::{Autoscaler, Traffic, View};
use crate::simulation::{Deployer, Invariant, Scenario, play_with};

/// How many seeds a mistake may need.
pub(crate) const SEEDS: u64 = 10_000;

macro_rules! mistakes {
    ($($(#[doc = $words:literal])+ $name:ident => $invariant:ident,)+) => {
        /// A mistake.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Mistake { $($(#[doc = $words])+ $name,)+ }

        /// All of them.
        pub(crate) const ALL: &[Mistake] = &[$(Mistake::$name,)+];

        impl Mistake {
            /// What it does.
            pub(crate) fn words(self) -> &'static str {
                match self { $(Self::$name => concat!($($words),+).trim_ascii(),)+ }
            }

            /// What it is there to break; it may break other things on the way.
            pub(crate) fn breaks(self) -> Invariant {
                match self { $(Self::$name => Invariant::$invariant,)+ }
            }
        }
    };
}

mistakes! {
    /// takes every answer for a success and reads nothing back
    TrustsAnswers => AllOrNothing,
    /// takes the lease from whoever has it
    TakesTheLease => EveryRunEnds,
    /// takes over without writing its number onto the objects
    RaisesNoFence => OlderOwnersChangeNothing,
    /// takes the lease of its successor for its own
    IgnoresSuccessors => OlderOwnersChangeNothing,
    /// writes by force, whatever version the object has
    ForcesWrites => OlderOwnersChangeNothing,
    /// does not listen to whoever wants an end
    IsDeaf => AbortIsHonoured,
    /// sees no errors
    SeesNoErrors => DeadCanaryIsOut,
    /// takes one request in ten of the new release for a failed one
    SeesGhosts => RightEnding,
    /// promotes without having measured anything
    NeedsNoEvidence => PromotionNeedsEvidence,
    /// promotes as soon as nothing speaks against it
    NothingSpeaksAgainst => PromotionNeedsEvidence,
    /// goes on with E = 1 after a take-over
    MeasuresAgain => EvidenceIsKept,
    /// begins anew after a take-over instead of going on
    StartsOver => LedgerLosesNothing,
    /// promotes the second component while the first one is not judged
    SkipsTheFirst => PromotionNeedsEvidence,
    /// promotes in the reverse order, and goes back in the reverse of that
    ReversesTheOrder => OrderIsKept,
    /// waits for an hour between the flips of two components
    Dawdles => MixedTimeIsBounded,
    /// takes pods that are asked for as pods that are there
    TrustsWishes => KnownGoodServes,
    /// acts before it has written down what
    ActsUnwritten => BoundsAreRestored,
    /// forgets that an answer may never come
    WaitsForAnswers => EveryRunEnds,
    /// forgets to wake once the release serves
    SleepsIn => EveryRunEnds,
    /// does not give autoscalers their floor back
    ForgetsFloors => BoundsAreRestored,
    /// gives the autoscaler to the canary before anything is decided
    MovesTheAutoscaler => UnwatchedNeverRises,
    /// scales the ejected slot down without letting requests end
    DoesNotDrain => RequestsAreDrained,
    /// believes that the canary is out of traffic once it has said so to itself
    LeavesTheCanary => EndsOnVerified,
    /// leaves the idle pods where they are
    LeavesTheIdle => AllOrNothing,
    /// asks for three times the pods of the plan
    AsksForTooMany => PeakIsKept,
    /// scales a neighbour that is none of its business
    TouchesANeighbour => OnlyTheInventory,
    /// does not write down how a release ended
    ForgetsToWithdraw => LedgerLosesNothing,
}

/// A machine with a mistake.
pub(crate) struct Mutant {
    machine: Machine,
    mistake: Mistake,
    me: u64,
    parts: usize,
    /// What it has not written down.
    unwritten: Option<Head>,
    /// Effects without an answer.
    waiting: Vec<EffectId>,
    /// Objects whose fence was not raised although that was asked for.
    unfenced: Vec<Object>,
    /// Writes that it believes to have been done.
    believed: Vec<(Object, Change)>,
    /// The last look, where the mistake needs it.
    seen: Option<View>,
    has_measured: bool,
}

/// What broke when a machine with that mistake was driven through the night of a seed.
pub(crate) fn caught(mistake: Mistake, seed: u64) -> Option<Invariant> {
    let begin = move |mut course: Course, intent: Intent, me: u64, now: Duration| {
        let parts = course.parts.len();
        match mistake {
            Mistake::DoesNotDrain => course.timing.drain = Duration::ZERO,
            Mistake::Dawdles => course.timing.ready = Duration::from_hours(1),
            Mistake::SkipsTheFirst => course.parts[0].strategy = Strategy::Flip,
            Mistake::ReversesTheOrder => course.parts.reverse(),
            _ => {}
        }
        Mutant {
            machine: Machine::new(course, intent, me, now),
            mistake,
            me,
            parts,
            unwritten: None,
            waiting: Vec::new(),
            unfenced: Vec::new(),
            believed: Vec::new(),
            seen: None,
            has_measured: false,
        }
    };
    play_with(&Scenario::drawn(seed), &begin, false).broken.map(|broken| broken.invariant)
}

impl Mutant {
    fn is_in(&self, phases: &[Phase]) -> bool {
        self.machine.phase().is_some_and(|phase| phases.contains(&phase))
    }

    /// What the mistake makes of a look.
    fn blur(&self, view: &mut View) {
        let own = self.machine.fence();
        let has_begun = self.machine.phase().is_some();
        match self.mistake {
            Mistake::TakesTheLease => view.lease.iter_mut().for_each(|read| {
                read.object.holder = read.object.holder.filter(|_| own > Fence(0));
            }),
            Mistake::RaisesNoFence if own > Fence(0) => {
                for (_, fence) in fences(view) {
                    *fence = own.max(*fence);
                }
            }
            Mistake::IgnoresSuccessors if own > Fence(0) => {
                view.lease.iter_mut().for_each(|read| {
                    (read.object.holder, read.object.transitions) = (Some(self.me), own.0);
                });
                for (_, fence) in fences(view) {
                    *fence = own.min(*fence);
                }
            }
            Mistake::IsDeaf => journal(view, |journal| journal.abort = false),
            Mistake::MeasuresAgain if !has_begun => journal(view, |journal| journal.evidence.fill(None)),
            Mistake::StartsOver if !has_begun => {
                view.ledger.iter_mut().for_each(|read| forget(&mut read.object));
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
            Mistake::ReversesTheOrder => {
                view.parts.reverse();
                view.ledger.iter_mut().for_each(|read| reverse(&mut read.object));
            }
            _ => {}
        }
        for (object, change) in &self.believed {
            believe(view, *object, change);
        }
    }

    /// What it does instead of an effect; `None` for what it keeps to itself.
    fn spoil(&mut self, effect: &mut Effect, extra: &mut Vec<Effect>) -> Option<Outcome> {
        let Action::Write { object, fence, change, .. } = &mut effect.action else { return None };
        let is_back = self.is_in(&[Phase::Reverting]);
        let is_clean = self.is_in(&[Phase::Cleaning, Phase::Restoring]);
        let believes = match (self.mistake, &mut *change) {
            (Mistake::ActsUnwritten, Change::Ledger(head)) => {
                self.unwritten = head.under_way.is_some().then(|| Head::clone(head));
                return self.unwritten.as_ref().map(|_| Outcome::Done);
            }
            (Mistake::RaisesNoFence, Change::Fence) => {
                let mut seen = self.seen.clone()?;
                let is_older = fences(&mut seen).iter().any(|(o, is)| o == object && **is < *fence);
                let is_first = is_older && !self.unfenced.contains(object);
                self.unfenced.push(*object);
                return is_first.then_some(Outcome::Done);
            }
            (Mistake::ForgetsToWithdraw, Change::Ledger(head)) if head.under_way.is_none() => {
                let seen = self.seen.as_ref().and_then(|view| view.ledger.as_ref());
                head.history = seen.map(|read| read.object.history.clone()).unwrap_or_default();
                false
            }
            (Mistake::AsksForTooMany, Change::Slot { replicas, .. }) => {
                *replicas *= if self.is_in(&[Phase::Promoting]) { 3 } else { 1 };
                false
            }
            (Mistake::MovesTheAutoscaler, Change::Autoscaler(autoscaler))
                if self.is_in(&[Phase::Floored]) =>
            {
                self.believed.push((*object, Change::Autoscaler(*autoscaler)));
                autoscaler.target = autoscaler.target.other();
                false
            }
            (Mistake::TouchesANeighbour, Change::Traffic(_)) => {
                let change = Change::Slot { revision: None, replicas: 0 };
                let object = Object::Slot(self.parts, Slot::A);
                let action = Action::Write { object, version: None, fence: *fence, change };
                extra.push(Effect { id: EffectId(u64::MAX), action });
                false
            }
            (Mistake::ForgetsFloors, Change::Autoscaler(_))
            | (Mistake::LeavesTheIdle, Change::Slot { replicas: 0, .. }) => is_clean,
            (Mistake::LeavesTheCanary, Change::Traffic(_)) => is_back,
            (Mistake::Dawdles, Change::Traffic(Traffic::One(_))) => {
                return (self.is_in(&[Phase::Flipping]) && *object == Object::Service(1))
                    .then_some(Outcome::Done);
            }
            _ => false,
        };
        believes.then(|| {
            self.believed.push((*object, change.clone()));
            Outcome::Done
        })
    }

    fn mirror(&self, action: &mut Action) {
        let other = |part: &mut usize| *part = self.parts - 1 - *part;
        match action {
            Action::Look => {}
            Action::Measure { part, .. } | Action::Smoke { part, .. } => other(part),
            Action::Write { object, change, .. } => {
                match object {
                    Object::Slot(part, _) | Object::Service(part) | Object::Autoscaler(part) => other(part),
                    _ => {}
                }
                if let Change::Ledger(head) = change {
                    reverse(head);
                }
            }
        }
    }

    /// What the mistake makes of what happened; whether the machine is told at all.
    fn confuse(&mut self, input: &mut Input) -> bool {
        match (input, self.mistake) {
            (Input::Looked(_, Some(view)), _) => {
                self.seen = matches!(self.mistake, Mistake::RaisesNoFence | Mistake::ForgetsToWithdraw)
                    .then(|| view.clone());
                self.blur(view);
            }
            (Input::Wrote(_, outcome), Mistake::TrustsAnswers) => *outcome = Outcome::Done,
            (Input::Command(Command::Abort), Mistake::IsDeaf) => return false,
            (Input::Measured(_, Some(tick)), mistake) => {
                self.has_measured |= tick.canary.iter().any(|pod| pod.scrape.is_some());
                let scrapes = tick.canary.iter_mut().filter_map(|pod| pod.scrape.as_mut());
                let counts = scrapes.flat_map(|scrape| scrape.streams.iter_mut().flatten());
                if mistake == Mistake::SeesGhosts {
                    counts.for_each(|counts| counts.bad = counts.bad.max(counts.total / 10));
                } else if mistake == Mistake::SeesNoErrors {
                    counts.for_each(|counts| counts.bad = 0);
                    tick.canary.iter_mut().for_each(|pod| pod.restarts = 0);
                    tick.checks.canary.bad = 0;
                }
            }
            _ => {}
        }
        true
    }
}

impl Deployer for Mutant {
    fn handle(&mut self, mut input: Input, now: Duration) -> Vec<Effect> {
        let answered = match &input {
            Input::Looked(id, _) | Input::Wrote(id, _) | Input::Measured(id, _) | Input::Smoked(id, _) => {
                Some(*id)
            }
            Input::Wake | Input::Command(_) | Input::Called => None,
        };
        self.waiting.retain(|id| Some(*id) != answered);
        if !self.confuse(&mut input) {
            return Vec::new();
        }
        let insists = self.mistake == Mistake::NeedsNoEvidence
            || (self.mistake == Mistake::NothingSpeaksAgainst && self.has_measured);
        let mut effects = Vec::new();
        if insists {
            effects.extend(self.machine.handle(Input::Command(Command::PromoteFully), now));
        }
        effects.extend(self.machine.handle(input, now));
        let mut kept = Vec::new();
        while !effects.is_empty() {
            let mut answers = Vec::new();
            for mut effect in effects {
                match self.spoil(&mut effect, &mut kept) {
                    Some(outcome) => answers.push(Input::Wrote(effect.id, outcome)),
                    None => kept.push(effect),
                }
            }
            effects = answers.into_iter().flat_map(|answer| self.machine.handle(answer, now)).collect();
        }
        for effect in &mut kept {
            if self.mistake == Mistake::ReversesTheOrder {
                self.mirror(&mut effect.action);
            }
            self.waiting.push(effect.id);
        }
        kept
    }

    fn deadline(&self) -> Option<Duration> {
        let sleeps = match self.mistake {
            Mistake::SleepsIn => self.is_in(&[Phase::Baking]),
            Mistake::WaitsForAnswers => !self.waiting.is_empty(),
            _ => false,
        };
        self.machine.deadline().filter(|_| !sleeps)
    }

    fn end(&self) -> Option<&End> {
        self.machine.end()
    }

    fn is_careful(&self) -> bool {
        self.mistake != Mistake::ForcesWrites
    }
}

/// The fences that a look shows, but for the lease's.
fn fences(view: &mut View) -> Vec<(Object, &mut Fence)> {
    let mut all: Vec<(Object, &mut Fence)> = Vec::new();
    all.extend(view.ledger.iter_mut().map(|read| (Object::Ledger, &mut read.fence)));
    for (index, job) in view.jobs.iter_mut().enumerate() {
        all.extend(job.iter_mut().map(|read| (Object::Job(index), &mut read.fence)));
    }
    for (index, extra) in view.extras.iter_mut().enumerate() {
        all.extend(extra.iter_mut().map(|read| (Object::Extra(index), &mut read.fence)));
    }
    for (part, seen) in view.parts.iter_mut().enumerate() {
        for (slot, read) in [Slot::A, Slot::B].into_iter().zip(&mut seen.slots) {
            all.extend(read.iter_mut().map(|read| (Object::Slot(part, slot), &mut read.fence)));
        }
        all.extend(seen.service.iter_mut().map(|read| (Object::Service(part), &mut read.fence)));
        all.extend(seen.autoscaler.iter_mut().map(|read| (Object::Autoscaler(part), &mut read.fence)));
    }
    all
}

fn journal(view: &mut View, change: impl FnOnce(&mut Journal)) {
    if let Some(journal) = view.ledger.as_mut().and_then(|read| read.object.under_way.as_mut()) {
        change(journal);
    }
}

/// Nothing is known of the release that is under way.
fn forget(head: &mut Head) {
    if let Some(journal) = head.under_way.take() {
        let others = head.history.iter().filter(|entry| entry.release != journal.release);
        head.history = others.fold(History::default(), |history, entry| history.append(Entry::clone(entry)));
    }
}

/// The components in the reverse order.
fn reverse(head: &mut Head) {
    if let Some(journal) = &mut head.under_way {
        journal.replicas.reverse();
        journal.floors.reverse();
        journal.evidence.reverse();
    }
}

/// A look in which a change was made that was not.
fn believe(view: &mut View, object: Object, change: &Change) {
    match (object, change) {
        (Object::Slot(part, slot), Change::Slot { replicas: 0, .. }) => {
            view.parts[part].slots[slot as usize].iter_mut().for_each(|read| {
                (read.object.wanted, read.object.pods, read.object.available) = (0, 0, 0);
            });
        }
        (Object::Service(part), Change::Traffic(traffic)) => {
            view.parts[part].service.iter_mut().for_each(|read| read.object = *traffic);
            if let Traffic::One(slot) = traffic {
                view.parts[part].serving[slot.other() as usize] = 0;
            }
        }
        (Object::Autoscaler(part), Change::Autoscaler(believed)) => {
            view.parts[part].autoscaler.iter_mut().for_each(|read| {
                let Autoscaler { target, floor, .. } = *believed;
                (read.object.target, read.object.floor) = (target, floor);
            });
        }
        _ => {}
    }
}
