//! One night: deployers, the cluster, and what goes wrong, in virtual time.

use std::time::Duration;

use super::cluster::{Cluster, Happened};
use super::deployer::{Begin, Deployer};
use super::exchange::Landing;
use super::fault::Fault;
use super::invariant::Invariant;
use super::queue::Queue;
use super::random::Random;
use super::recording::{MarkKind, Recorder};
use super::scenario::{BEGIN, Scenario};
use super::scrape::{Blind, Monitor};
use super::verdict::{Line, Verdict};
use super::watch::Watch;
use super::words;
use crate::release::effect::{EffectId, Object, Outcome};
use crate::release::ledger::Consent;
use crate::release::machine::{Command, End, Ending, Input, Intent, Machine};
use crate::release::model::Slot;
use crate::release::view::View;

/// How often somebody looks for what has no living owner.
pub(super) const RECOVER: Duration = Duration::from_mins(5);

/// How long after the last fault everything must have ended: two steps, pods that start slowly, the longest bake.
const END_MAX: Duration = Duration::from_hours(4);

/// How long who wants an end has to wait for it, once nothing is in the way.
pub(super) const ABORT_MAX: Duration = Duration::from_mins(5);

/// How often a deployer may be called; more means that it runs in circles.
const CALLS_MAX: u64 = 200_000;

pub(super) enum Event {
    Wake(usize),
    Look { owner: usize, id: EffectId, began: Duration, torn: Option<Box<View>> },
    Land(Box<Landing>),
    Measure { owner: usize, id: EffectId, part: usize, checks: u64 },
    Smoke { owner: usize, id: EffectId, part: usize, slot: Slot },
    Answer { owner: usize, input: Box<Input> },
    Fault(usize),
    FaultOver(usize),
    Heal(usize),
    Start(Intent),
    Recover,
    AbortDue(usize),
}

pub(super) struct Owner<D> {
    pub(super) machine: Option<D>,
    pub(super) ahead: Duration,
    pub(super) asleep_until: Duration,
    pub(super) wake_at: Option<Duration>,
    pub(super) monitors: Vec<Monitor>,
    pub(super) journal: u32,
    pub(super) aborted: bool,
}

/// One night.
pub(super) struct World<'s, D> {
    begin: &'s Begin<D>,
    pub(super) scenario: &'s Scenario,
    pub(super) cluster: Cluster,
    pub(super) owners: Vec<Owner<D>>,
    pub(super) queue: Queue<Event>,
    pub(super) random: Random,
    pub(super) watch: Watch,
    pub(super) now: Duration,
    pub(super) writes: u32,
    pub(super) renewals: u32,
    pub(super) looks: u32,
    pub(super) calls: u64,
    /// Writes that are on their way.
    pub(super) in_flight: u32,
    /// Windows that are open.
    pub(super) api_down: u32,
    pub(super) blind: Blind,
    pub(super) slow: Duration,
    pub(super) denied: Vec<Object>,
    /// What an API server shows that stands still.
    pub(super) stale: Option<Box<View>>,
    pub(super) calm: Duration,
    pub(super) ends: Vec<End>,
    pub(super) timeline: Option<Vec<Line>>,
    recorder: Option<Recorder>,
}

/// Plays a scenario with the release machine; `is_kept` keeps the timeline and the recording.
pub fn play(scenario: &Scenario, is_kept: bool) -> Verdict {
    play_with(scenario, &Machine::new, is_kept)
}

/// Plays a scenario with other deployers.
pub fn play_with<D: Deployer>(scenario: &Scenario, begin: &Begin<D>, is_kept: bool) -> Verdict {
    World::new(scenario, begin, is_kept).run()
}

impl<'s, D: Deployer> World<'s, D> {
    fn new(scenario: &'s Scenario, begin: &'s Begin<D>, is_kept: bool) -> Self {
        let mut random = Random::new(scenario.seed ^ 0x6e69_6768_7400);
        let cluster = scenario.cluster(random.fork());
        let recorder = is_kept.then(|| Recorder::new(scenario, &cluster));
        let mut world = Self {
            begin,
            scenario,
            cluster,
            owners: Vec::new(),
            queue: Queue::new(),
            random,
            watch: Watch::new(scenario),
            now: BEGIN,
            writes: 0,
            renewals: 0,
            looks: 0,
            calls: 0,
            in_flight: 0,
            api_down: 0,
            blind: Blind::default(),
            slow: Duration::ZERO,
            denied: Vec::new(),
            stale: None,
            calm: scenario.calm(),
            ends: Vec::new(),
            timeline: is_kept.then(Vec::new),
            recorder,
        };
        for (index, fault) in scenario.faults.iter().enumerate() {
            world.plan(index, fault);
        }
        if scenario.recover {
            world.queue.push(BEGIN + RECOVER, Event::Recover);
        }
        world
    }

    fn plan(&mut self, index: usize, fault: &Fault) {
        let Some((from, until)) = fault.span() else { return };
        self.queue.push(BEGIN + from, Event::Fault(index));
        if let Some(until) = until {
            self.queue.push(BEGIN + until, Event::FaultOver(index));
        }
    }

    pub(super) fn note(&mut self, words: impl FnOnce(&Self) -> String) {
        if self.timeline.is_some() {
            let line = Line { at: self.now.saturating_sub(BEGIN), words: words(self) };
            self.timeline.get_or_insert_default().push(line);
        }
    }

    /// Shows the recorder what may have changed.
    fn observe(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.observe(&self.cluster, self.now);
        }
    }

    pub(super) fn mark(&mut self, kind: MarkKind, words: impl FnOnce() -> String) {
        if let Some(recorder) = &mut self.recorder {
            recorder.mark(self.now, kind, words());
        }
    }

    fn run(mut self) -> Verdict {
        self.start(self.scenario.intent);
        let last = self.calm + END_MAX;
        while self.watch.broken().is_none() {
            let Some(at) = self.queue.next() else { break };
            if at > last || self.calls > CALLS_MAX {
                let calls = self.calls;
                self.watch.fail(Invariant::EveryRunEnds, self.now, || {
                    format!("something is still to be done after {calls} calls")
                });
                break;
            }
            if self.cluster.next().is_some_and(|next| next <= at) {
                self.step_cluster();
                continue;
            }
            let Some((at, event)) = self.queue.pop() else { break };
            self.now = at;
            self.cluster.pass(at);
            self.watch.passed(at, self.is_attended());
            self.happen(event);
            self.observe();
        }
        self.rest();
        self.verdict()
    }

    /// Everybody is gone: the pods go that had to, then what is left is looked at.
    fn rest(&mut self) {
        let until = self.now + Duration::from_mins(2);
        while self.watch.broken().is_none() && self.cluster.next().is_some_and(|next| next <= until) {
            self.step_cluster();
        }
        if self.watch.broken().is_some() {
            return;
        }
        if let Some(owner) = self.owners.iter().position(|owner| owner.machine.is_some()) {
            self.watch
                .fail(Invariant::EveryRunEnds, self.now, || format!("deployer {owner} waits for nothing"));
        }
        let may_be_stuck = self.scenario.may_need_a_person();
        // Who comes after that and may not help either says something else.
        let was_stuck = self.ends.iter().any(|end| end.ending == Ending::Stuck) && !self.scenario.recover;
        let is_left = self.was_left() && !self.scenario.recover;
        if ((self.is_stuck() || was_stuck) && may_be_stuck) || is_left {
            return;
        }
        self.watch.at_rest(self.scenario, &self.cluster);
    }

    /// Whether a deployer was killed and nobody has ended what it left.
    fn was_left(&self) -> bool {
        self.ends.len() < self.owners.len() && self.is_open()
    }

    fn verdict(mut self) -> Verdict {
        let sum = |count: fn(&super::traffic::Load) -> u64| {
            self.cluster.components.iter().map(|component| count(&component.load)).sum()
        };
        let requests = (sum(|load| load.requests), sum(|load| load.failed));
        Verdict {
            seed: self.scenario.seed,
            ends: std::mem::take(&mut self.ends),
            broken: self.watch.into_broken(),
            faults: self.scenario.faults.clone(),
            timeline: self.timeline.take().unwrap_or_default(),
            recording: self.recorder.take().map(|recorder| recorder.end(&self.cluster)),
            length: self.now.saturating_sub(BEGIN),
            requests,
            journal: self.owners.first().map_or(0, |owner| owner.journal),
        }
    }

    fn step_cluster(&mut self) {
        let happened = self.cluster.step();
        self.now = self.cluster.now();
        match happened {
            Happened::Endpoints(part) => {
                self.watch.endpoints(self.scenario, &self.cluster, part);
                self.note(|world| world.endpoints(part));
            }
            Happened::Scaled(part) => {
                self.watch.scaled(&self.cluster, part);
                self.note(|_| format!("autoscaler of component {part} scales"));
            }
            Happened::Pods(part) => self.watch.pods(&self.cluster, part),
            Happened::Nothing => {}
        }
        self.observe();
    }

    fn endpoints(&self, part: usize) -> String {
        let component = &self.cluster.components[part];
        let serving = |slot| component.count(|pod| pod.slot == slot && pod.serving);
        format!(
            "endpoints of component {part}: {} in slot a, {} in slot b",
            serving(Slot::A),
            serving(Slot::B)
        )
    }

    pub(super) fn start(&mut self, intent: Intent) {
        let index = self.owners.len();
        let ahead = self.scenario.faults.iter().find_map(|fault| match fault {
            Fault::Clock { owner, ahead } if *owner == index => Some(*ahead),
            _ => None,
        });
        let ahead = ahead.unwrap_or_default();
        let is_alone = !self.is_attended();
        let me = index as u64 + 1;
        let machine = (self.begin)(self.scenario.course.clone(), intent, me, self.now + ahead);
        self.owners.push(Owner {
            machine: Some(machine),
            ahead,
            asleep_until: Duration::ZERO,
            wake_at: None,
            monitors: vec![Monitor::default(); self.scenario.setups.len()],
            journal: 0,
            aborted: false,
        });
        if intent == Intent::Promote(Consent::Full) {
            self.watch.is_promoted_by_hand = true;
        }
        if is_alone {
            self.watch.attended(self.now);
        }
        self.note(|_| format!("deployer {index} starts: {intent:?}"));
        if index > 0 && (intent != Intent::Recover || (is_alone && self.is_open())) {
            self.mark(MarkKind::Deed, || words::starts(intent).to_owned());
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.starts(intent, ahead);
        }
        self.call(index, Input::Wake);
    }

    /// Tells a deployer what happened, and does what it asks for.
    fn call(&mut self, owner: usize, input: Input) {
        let Owner { machine: Some(machine), ahead, .. } = &mut self.owners[owner] else { return };
        self.calls += 1;
        let clock = self.now + *ahead;
        let effects = machine.handle(input, clock);
        if let Some(recorder) = &mut self.recorder {
            recorder.tell(owner, machine.status().as_ref(), clock);
        }
        let end = machine.end().cloned();
        let deadline = machine.deadline();
        for effect in effects {
            self.issue(owner, effect);
        }
        if let Some(end) = end {
            self.note(|_| format!("deployer {owner} ends: {:?}, {}", end.ending, end.reason));
            if owner == 0 {
                self.watch.ended(self.scenario, end.ending, self.now);
            }
            if end.ending == Ending::Stuck && !self.scenario.may_need_a_person() {
                let words = end.reason.clone();
                self.watch.fail(Invariant::EveryRunEnds, self.now, || format!("stuck without need: {words}"));
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.ends(owner, &end, self.now);
            }
            self.ends.push(end);
            self.owners[owner].machine = None;
            self.leave();
            return;
        }
        let Some(deadline) = deadline else { return };
        let state = &mut self.owners[owner];
        // A deadline that has passed already still lets time go on.
        let at = deadline.saturating_sub(state.ahead).max(self.now + Duration::from_millis(1));
        if state.wake_at.is_none_or(|planned| at < planned) {
            state.wake_at = Some(at);
            self.queue.push(at, Event::Wake(owner));
        }
    }

    fn wake(&mut self, owner: usize) {
        let state = &mut self.owners[owner];
        if state.wake_at != Some(self.now) {
            return; // an earlier one has been planned since
        }
        state.wake_at = None;
        let deadline = state.machine.as_ref().and_then(D::deadline);
        let Some(at) = deadline.map(|deadline| deadline.saturating_sub(state.ahead)) else { return };
        if at > self.now {
            state.wake_at = Some(at);
            self.queue.push(at, Event::Wake(owner));
        } else {
            self.call(owner, Input::Wake);
        }
    }

    pub(super) fn kill(&mut self, owner: usize, next: Option<Duration>) {
        let Some(state) = self.owners.get_mut(owner) else { return };
        if state.machine.take().is_some() {
            self.note(|_| format!("deployer {owner} is killed"));
            self.mark(MarkKind::Fault, || "the deployer is killed".to_owned());
            self.leave();
            if let Some(later) = next {
                self.queue.push(self.now + later, Event::Start(self.scenario.intent));
            }
        }
    }

    /// Nobody is there any more, and nothing is on its way.
    pub(super) fn leave(&mut self) {
        if self.in_flight == 0 && !self.is_attended() {
            self.watch.left_alone(&self.cluster);
        }
    }

    /// Whether some deployer is at work.
    pub(super) fn is_attended(&self) -> bool {
        self.owners.iter().any(|owner| owner.machine.is_some())
    }

    /// Whether the ledger says that a release is under way.
    pub(super) fn is_open(&self) -> bool {
        self.cluster.ledger.as_ref().is_some_and(|read| read.object.under_way.is_some())
    }

    /// Whether the last one who had something to do has said that a person is needed. Who only waited meanwhile for the owner to
    /// end has found nothing out.
    pub(super) fn is_stuck(&self) -> bool {
        let mut endings = self.ends.iter().rev().map(|end| end.ending);
        endings.find(|ending| *ending != Ending::Nothing) == Some(Ending::Stuck)
    }

    pub(super) fn between(&mut self, least: u64, most: u64) -> Duration {
        self.random.between((Duration::from_millis(least), Duration::from_millis(most)))
    }

    /// Something comes back to a deployer; to one that sleeps, when it wakes.
    pub(super) fn receive(&mut self, owner: usize, input: Input) {
        let Some(state) = self.owners.get(owner) else { return };
        if state.machine.is_none() {
            return;
        }
        if state.asleep_until > self.now {
            let at = state.asleep_until;
            self.queue.push(at, Event::Answer { owner, input: Box::new(input) });
            return;
        }
        match &input {
            Input::Looked(_, Some(view)) => self.watch.looked(owner as u64 + 1, view),
            Input::Wrote(_, outcome @ (Outcome::Unknown | Outcome::Refused(_)))
                if self.timeline.is_some() =>
            {
                let words = format!("deployer {owner} is told: {outcome:?}");
                self.note(|_| words);
            }
            Input::Command(command) => {
                let command = *command;
                self.note(|_| format!("deployer {owner} is told to {command:?}"));
                self.mark(MarkKind::Deed, || words::wants(command).to_owned());
                self.watch.is_promoted_by_hand |= command == Command::PromoteFully;
                if command == Command::Abort && !self.owners[owner].aborted {
                    self.owners[owner].aborted = true;
                    let due = self.now.max(self.calm) + ABORT_MAX;
                    self.queue.push(due, Event::AbortDue(owner));
                }
            }
            _ => {}
        }
        self.call(owner, input);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(owner) if self.owners[owner].asleep_until > self.now => {
                let at = self.owners[owner].asleep_until;
                self.owners[owner].wake_at = Some(at);
                self.queue.push(at, Event::Wake(owner));
            }
            Event::Wake(owner) => self.wake(owner),
            Event::Look { owner, id, began, torn } => self.looked(owner, id, began, torn),
            Event::Land(landing) => self.land(*landing),
            Event::Measure { owner, id, part, checks } => self.measure(owner, id, part, checks),
            Event::Smoke { owner, id, part, slot } => self.smoke(owner, id, part, slot),
            Event::Answer { owner, input } => self.receive(owner, *input),
            Event::Fault(index) => self.strike(index),
            Event::FaultOver(index) => self.relieve(index),
            Event::Heal(index) => self.heal(index),
            Event::Start(intent) => self.start(intent),
            Event::Recover => self.recover(),
            Event::AbortDue(owner) => self.abort_due(owner),
        }
    }
}
