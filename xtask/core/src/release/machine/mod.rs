//! The release machine: from looks at the cluster to effects, and at last to an outcome.
//!
//! Level-triggered: in each phase the machine knows how the objects should be, compares that with a look, and asks
//! for the writes that are missing. A write that was lost, came late or was done by whoever owned the release before makes no
//! difference: the next look shows it. What a look cannot show is written down before it is acted upon: the phase, the
//! evidence, the wish to end.
//!
//! - **Persist, then act.** No effect of a phase is asked for before a look has shown that phase in the ledger.
//! - **Every write is fenced.** It carries the version of the object that was read while the fence on it was ours. Whoever
//!   takes over writes its own fence onto every object first; from then on every older write fails, however late it comes.
//! - **An unknown result is settled before anything else is decided** about that object: it is written again, so that the
//!   write in flight finds another version and fails.
//! - **Every wait has an end**, and every way leads to an [`End`].

mod adopt;
mod begin;
pub mod course;
mod gate;
mod goals;
mod owner;
mod pending;
mod place;
mod progress;
mod round;
mod status;
#[cfg(test)]
mod tests;
mod trial;

use std::time::Duration;

use crate::release::analysis::Tick;
use crate::release::effect::{self, Action, Change, Effect, EffectId, Object};
use crate::release::ledger::{Consent, Journal, Pause, Phase, Wish};
use crate::release::model::{Fence, Slot};
use crate::release::view::{Version, View};
use crate::text;

pub use crate::release::model::Ending;
pub use crate::release::weights::Step;
pub use course::{
    Bounds, Command, Course, End, Extra, Intent, MigrationCourse, PartCourse, Strategy, Timing,
};
pub use status::{PartStatus, Pods, Question, Status, Wait};

use owner::Owner;
use pending::{Answered, Pending};
use trial::{Finding, Trial};

/// What happens to the machine.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an input is made, taken, and gone; a box would be one more allocation for each look"
)]
pub enum Input {
    /// Nothing but time.
    Wake,
    /// A look came back; `None` where there was no answer.
    Looked(EffectId, Option<View>),
    /// A write came back.
    Wrote(EffectId, effect::Outcome),
    /// Metrics of a component came back; `None` where nothing answered.
    Measured(EffectId, Option<Tick>),
    /// A smoke test came back; `None` where it could not be made, else why it failed, if it did.
    Smoked(EffectId, Option<Result<(), String>>),
    /// Somebody wants something.
    Command(Command),
    /// Somebody has left a word in the ledger: a look shows it.
    Called,
}

/// Where the machine stands.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// It wants to own the environment.
    Acquiring,
    /// It owns it, and writes its number onto every object.
    Fencing,
    /// It looks at what runs, to write it down.
    Adopting,
    /// It follows the phases that are written down.
    Running,
    /// The release is over and that is being written down.
    Closing(End),
    /// It is over.
    Ended(End),
}

/// A release, from its first look to its end.
#[derive(Debug)]
pub struct Machine {
    course: Course,
    intent: Intent,
    owner: Owner,
    stage: Stage,
    pending: Pending,
    /// The last look, until something was decided on it.
    view: Option<View>,
    /// The look before that, on which the last decision rests.
    seen: Option<View>,
    /// When to look again.
    look_at: Duration,
    /// How it should be written down, from the moment on in which a release is under way.
    journal: Option<Journal>,
    /// The slots that served when the release began.
    live: Vec<Slot>,
    /// When the present phase began, and whether the ledger shows it.
    entered: Duration,
    /// Since when looks show that the pods which go, or may go next, get no requests.
    drained: Option<Duration>,
    /// Since when the present phase waits for something without a break.
    waits_since: Option<Duration>,
    /// For what.
    waits: Option<String>,
    trials: Vec<Trial>,
    /// When each component is to be measured next.
    measure_at: Vec<Duration>,
    /// What the smoke test of each component said in the present phase.
    smoked: Vec<Option<Result<(), String>>>,
    /// Since when somebody wants it to stay where it is.
    paused: Option<Duration>,
    /// The pause that the ledger showed last: what it shows anew was said meanwhile.
    heard: Option<Pause>,
    /// Since when a gate asks whether it may go on.
    asked: Option<Duration>,
    /// How far somebody lets it go on in the present phase.
    consent: Option<Consent>,
    /// Since when looks show no ledger.
    unwritten: Option<Duration>,
    /// How long this process was awake.
    awake: Awake,
    /// How long it had been awake when a look last showed something.
    heard_at: Duration,
    /// What this process has to say to another one.
    wish: Option<Wish>,
    /// Whether it has asked to write down what runs.
    has_noted: bool,
    /// What the promotion was earned with, in words.
    earned: Option<String>,
    /// Somebody has aborted it before it was known what is under way.
    aborted: bool,
}

/// The time in which a process was awake: what it has slept through says nothing of the cluster.
#[derive(Debug)]
struct Awake {
    long: Duration,
    /// When something happened last.
    last: Duration,
}

impl Awake {
    /// Something happens. No longer than an answer may take passes before that, unless the process has slept.
    fn goes_on(&mut self, now: Duration, timing: &Timing) {
        self.long += now.saturating_sub(self.last).min(timing.answer);
        self.last = now;
    }
}

impl Machine {
    /// A machine that wants `intent` for `course`, as the owner `me`, a number that no other process has.
    pub fn new(course: Course, intent: Intent, me: u64, now: Duration) -> Self {
        let parts = course.parts.len();
        Self {
            owner: Owner::new(me, now),
            stage: Stage::Acquiring,
            pending: Pending::default(),
            view: None,
            seen: None,
            look_at: now,
            journal: None,
            live: Vec::new(),
            entered: now,
            drained: None,
            waits_since: None,
            waits: None,
            trials: trial::of(&course),
            measure_at: vec![now; parts],
            smoked: vec![None; parts],
            paused: None,
            heard: None,
            asked: None,
            consent: None,
            unwritten: None,
            awake: Awake { long: Duration::ZERO, last: now },
            heard_at: Duration::ZERO,
            wish: None,
            has_noted: false,
            earned: None,
            aborted: false,
            course,
            intent,
        }
    }

    /// Takes what happened; returns what is to be done.
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        if self.end().is_some() {
            return Vec::new();
        }
        self.awake.goes_on(now, &self.course.timing);
        self.take(input, now);
        self.pending.expire(now);
        self.lose_patience();
        let mut effects = Vec::new();
        // One round after the other: nothing is decided while a write of the last round may still be answered.
        if !self.pending.is_settling()
            && let Some(view) = self.view.take()
        {
            self.decide(&view, now, &mut effects);
            self.seen = Some(view);
        }
        self.measure(now, &mut effects);
        if self.end().is_none()
            && !self.pending.is_settling()
            && effects_look_due(&effects, self.look_at, now)
        {
            effects.push(self.pending.send(Action::Look, now + self.course.timing.answer));
            self.look_at = now + self.pace();
        }
        effects
    }

    /// Ends where the cluster does not answer for too long: what has begun stays as it is, for whoever sees it again.
    fn lose_patience(&mut self) {
        let has_begun = self.stage != Stage::Acquiring || self.owner.has_tried;
        let timing = self.course.timing;
        // A cluster may well be away for half an hour, and a release goes on where it stood.
        let silence = self.awake.long.saturating_sub(self.heard_at);
        if silence < if has_begun { timing.patience * 2 } else { timing.wait } {
            return;
        }
        let ending = if has_begun { Ending::Stuck } else { Ending::Refused };
        let words = format!("the cluster has not answered for {}", text::duration(silence));
        self.stage = Stage::Ended(End::new(ending, words));
    }

    /// When to call [`Machine::handle`] with [`Input::Wake`] at the latest; `None` once it has ended.
    pub fn deadline(&self) -> Option<Duration> {
        if self.end().is_some() {
            return None;
        }
        let measure = self.is_measured().then(|| self.measure_at.iter().copied().min()).flatten();
        let look = (!self.pending.is_settling()).then_some(self.look_at);
        [self.pending.deadline(), measure, look].into_iter().flatten().min()
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&End> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// The phase that is under way.
    pub fn phase(&self) -> Option<Phase> {
        self.journal.as_ref().map(|journal| journal.phase)
    }

    /// Whether a person has decided without the evidence.
    fn is_by_hand(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.by_hand)
    }

    /// The owner's number, once it has one.
    pub fn fence(&self) -> Fence {
        self.owner.fence
    }

    fn take(&mut self, input: Input, now: Duration) {
        match input {
            Input::Wake => {}
            Input::Looked(id, view) => {
                if self.pending.answer(id).is_some()
                    && let Some(view) = view
                    && !self.owner.is_outdated(&view, &self.course.timing, self.awake.long)
                {
                    self.heard_at = self.awake.long;
                    self.owner.saw(&view, now);
                    self.pending.saw(&view, now, self.course.timing.wait);
                    self.view = Some(view);
                }
            }
            Input::Wrote(id, outcome) => {
                let answered = self.pending.wrote(id, &outcome);
                // What was written shows in the next look; that comes at once.
                self.look_at = now;
                if let (
                    Some(Answered::Write(object)),
                    effect::Outcome::Refused(effect::Refusal::Denied(words)),
                ) = (answered, outcome)
                {
                    self.denied(object, &words, now);
                }
            }
            Input::Measured(id, tick) => {
                if let (Some(Answered::Measure(part)), Some(tick)) = (self.pending.answer(id), tick) {
                    let finding = match self.phase() {
                        Some(Phase::Baking) => self.trials[part].watch(&tick),
                        // What has flipped serves alone, however long the others take.
                        Some(Phase::Flipping | Phase::Verifying) => {
                            self.trials[part].watch_early(&self.course.parts[part], &tick, now)
                        }
                        Some(Phase::Exposed(_) | Phase::Promoting) => self.trials[part].observe(&tick),
                        _ => Finding::Nothing,
                    };
                    self.weigh(finding, now);
                }
            }
            Input::Smoked(id, result) => {
                if let Some(Answered::Smoke(part)) = self.pending.answer(id) {
                    // The phase goes on by an answer, or back.
                    if result.is_some() {
                        self.look_at = now;
                    }
                    self.smoked[part] = result;
                }
            }
            Input::Command(command) => self.obey(command, now),
            Input::Called => self.look_at = now,
        }
    }

    fn obey(&mut self, command: Command, now: Duration) {
        match command {
            Command::Pause => self.paused = self.paused.or(Some(now)),
            Command::Resume => self.resume(),
            Command::Promote => self.agree(Consent::Gate),
            Command::PromoteFully => self.agree(Consent::Full),
            Command::Abort if self.journal.is_some() => {
                self.turn_back(Ending::Aborted, "somebody aborted it", now);
            }
            Command::Abort if self.stage == Stage::Acquiring && !self.owner.has_tried => {
                self.stage = Stage::Ended(End::new(Ending::Aborted, "aborted before it began"));
            }
            // It may own the environment already, and then what was under way has nobody else.
            Command::Abort => self.aborted = true,
        }
    }

    fn denied(&mut self, object: Object, words: &str, now: Duration) {
        let reason = format!("the cluster refuses to write {}: {words}", self.course.words(object));
        match self.phase() {
            None if self.owner.found_open => {
                let words = format!("a release is under way, and {reason}");
                self.stage = Stage::Ended(End::new(Ending::Stuck, words));
            }
            None => self.stage = Stage::Ended(End::new(Ending::Refused, reason)),
            Some(Phase::Cleaning | Phase::Contracting | Phase::Reverting | Phase::Restoring) => {
                self.stage = Stage::Ended(End::new(Ending::Stuck, reason));
            }
            Some(_) => self.turn_back(Ending::RolledBack, &reason, now),
        }
    }

    /// From here on the old release is to serve. Once it has been cleaned away there is no way back.
    fn turn_back(&mut self, ending: Ending, reason: &str, now: Duration) {
        if let Some(journal) = &mut self.journal
            && journal.phase < Phase::Cleaning
            && self.stage == Stage::Running
        {
            journal.back = Some((ending, reason.to_owned()));
            journal.abort = journal.abort || ending == Ending::Aborted;
            self.enter(Phase::Reverting, now);
        }
    }

    fn enter(&mut self, phase: Phase, now: Duration) {
        if let Some(journal) = &mut self.journal {
            journal.phase = phase;
        }
        self.entered = now;
        self.asked = None;
        self.consent = None;
        if phase == Phase::Reverting {
            // Other pods go now.
            self.drained = None;
        }
        self.waits_since = None;
        self.waits = None;
        if phase > Phase::Holding
            && let Some(journal) = &mut self.journal
        {
            // There is no step any more at which it could stay.
            (journal.pause, self.paused) = (None, None);
        }
        self.smoked.fill(None);
        self.look_at = now;
    }

    fn decide(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        match self.stage.clone() {
            Stage::Acquiring => self.acquire(view, now, effects),
            // Everything is written down: whoever owns the environment now does not concern this release.
            Stage::Closing(end) if !self.owner.owns(view) && !self.is_under_way(view) => {
                self.stage = Stage::Ended(end);
            }
            _ if !self.owner.owns(view) => {
                self.stage =
                    Stage::Ended(End::new(Ending::Superseded, "somebody else has taken the release over"));
            }
            Stage::Fencing => self.fence_off(view, now, effects),
            Stage::Adopting => self.adopt(view, now, effects),
            Stage::Running => self.run(view, now, effects),
            Stage::Closing(end) => self.close(view, end, now, effects),
            Stage::Ended(_) => {}
        }
    }

    fn is_under_way(&self, view: &View) -> bool {
        let under_way = view.ledger.as_ref().and_then(|read| read.object.under_way.as_ref());
        under_way.is_some_and(|journal| journal.release == self.course.release)
    }

    /// How soon to look again when nothing was written.
    fn pace(&self) -> Duration {
        if self.is_watching() { self.course.timing.look_steady } else { self.course.timing.look }
    }

    /// Whether it changes nothing at the moment, and only watches.
    pub fn is_watching(&self) -> bool {
        matches!(self.phase(), Some(Phase::Exposed(_) | Phase::Holding | Phase::Baking))
    }

    fn write(
        &mut self,
        object: Object,
        version: Option<Version>,
        change: Change,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let action = Action::Write { object, version, fence: self.owner.fence, change };
        effects.push(self.pending.send(action, now + self.course.timing.answer));
    }
}

/// Whether to look now: only when nothing was just asked for whose answer leads to a look anyway.
fn effects_look_due(effects: &[Effect], look_at: Duration, now: Duration) -> bool {
    let writes = effects.iter().any(|effect| matches!(effect.action, Action::Write { .. }));
    !writes && now >= look_at
}
