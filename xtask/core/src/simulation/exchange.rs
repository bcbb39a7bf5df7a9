//! Between a deployer and the cluster: effects that are on their way, and what comes back.

use std::time::Duration;

use super::deployer::Deployer;
use super::fault::{Fate, Fault, Moment};
use super::invariant::Invariant;
use super::nature::Failure;
use super::scrape::{Ask, Monitor};
use super::watch::Write;
use super::world::{Event, World};
use crate::release::analysis::PodTick;
use crate::release::effect::{Action, Change, Effect, EffectId, Object, Outcome, Refusal};
use crate::release::ledger::{Head, Phase};
use crate::release::machine::{Command, Input};
use crate::release::model::{Fence, ReleaseId, Slot};
use crate::release::view::{Version, View};

/// A write on its way.
pub(super) struct Landing {
    owner: usize,
    id: EffectId,
    object: Object,
    version: Option<Version>,
    fence: Fence,
    change: Change,
    /// When it was sent.
    sent: Duration,
    /// How long a webhook holds it.
    held: Duration,
    /// It carries no version.
    is_forced: bool,
    answer: Reply,
    /// How much later the same arrives once more.
    again: Option<Duration>,
    /// The deployer dies as soon as this is done; how much later another one starts.
    last: Option<Death>,
}

/// The end of a deployer.
#[derive(Clone, Copy)]
struct Death {
    is_written: bool,
    next: Option<Duration>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Reply {
    Outcome,
    Unknown,
    Nothing,
}

impl<D: Deployer> World<'_, D> {
    pub(super) fn issue(&mut self, owner: usize, effect: Effect) {
        let Effect { id, action } = effect;
        match action {
            Action::Look => self.look(owner, id),
            Action::Write { object, version, fence, change } => {
                let is_forced =
                    self.owners[owner].machine.as_ref().is_some_and(|machine| !machine.is_careful());
                let answer = Reply::Outcome;
                let landing = Landing {
                    owner,
                    id,
                    object,
                    version,
                    fence,
                    change,
                    sent: self.now,
                    held: self.slow,
                    is_forced,
                    answer,
                    again: None,
                    last: None,
                };
                self.send(landing);
            }
            Action::Measure { part, checks } => {
                let at = self.now + self.between(50, 400);
                self.queue.push(at, Event::Measure { owner, id, part, checks });
            }
            Action::Smoke { part, slot } => {
                let at = self.now + self.between(200, 1500);
                self.queue.push(at, Event::Smoke { owner, id, part, slot });
            }
        }
    }

    /// A look begins. Its reads follow each other: what it shows may be of before, of after, or of both.
    fn look(&mut self, owner: usize, id: EffectId) {
        let nth = self.looks;
        self.looks += 1;
        let late = self.scenario.faults.iter().find_map(|fault| match fault {
            Fault::Look { nth: n, late } if *n == nth => Some(*late),
            _ => None,
        });
        let began = self.now + self.owners[owner].ahead;
        let usual = self.between(40, 200);
        let at = self.now + usual;
        if late == Some(None) || self.api_down > 0 {
            let input = Box::new(Input::Looked(id, None));
            self.queue.push(at + Duration::from_secs(2), Event::Answer { owner, input });
        } else if self.stale.is_some() && self.random.chance(0.5) {
            let view = self.stale.as_deref().map(|view| View { began, ..view.clone() });
            self.note(|_| format!("look {nth} of deployer {owner} shows what was before"));
            self.queue.push(at, Event::Answer { owner, input: Box::new(Input::Looked(id, view)) });
        } else if let Some(Some(late)) = late {
            let input = Box::new(Input::Looked(id, Some(self.cluster.look(began))));
            self.note(|_| format!("look {nth} of deployer {owner} is answered late"));
            self.queue.push(at + late, Event::Answer { owner, input });
        } else {
            let torn = self.random.chance(0.2).then(|| Box::new(self.cluster.look(began)));
            self.queue.push(at, Event::Look { owner, id, began, torn });
        }
    }

    pub(super) fn looked(&mut self, owner: usize, id: EffectId, began: Duration, torn: Option<Box<View>>) {
        if self.owners[owner].machine.is_none() {
            return;
        }
        let mut view = self.cluster.look(began);
        if let Some(mut early) = torn {
            if self.random.chance(0.5) {
                view.parts = std::mem::take(&mut early.parts);
                view.extras = std::mem::take(&mut early.extras);
                view.jobs = std::mem::take(&mut early.jobs);
            } else {
                (view.lease, view.ledger) = (early.lease.take(), early.ledger.take());
            }
        }
        let view = (self.api_down == 0).then_some(view);
        self.receive(owner, Input::Looked(id, view));
    }

    /// A write leaves the deployer.
    fn send(&mut self, mut landing: Landing) {
        let owner = landing.owner;
        let is_new_phase = self.is_new_phase(&landing);
        let is_renewal = !is_new_phase && is_sign_of_life(&landing.change);
        let count = if is_renewal { &mut self.renewals } else { &mut self.writes };
        let nth = *count;
        *count += 1;
        if is_new_phase {
            let point = self.owners[owner].journal;
            self.owners[owner].journal += 1;
            let dies = self.scenario.faults.iter().find_map(|fault| match fault {
                Fault::Kill { owner: o, moment: Moment::Journal { nth, written }, next }
                    if *o == owner && *nth == point =>
                {
                    Some(Death { is_written: *written, next: *next })
                }
                _ => None,
            });
            if let Some(Death { is_written: false, next }) = dies {
                return self.kill(owner, next);
            }
            landing.last = dies;
        }
        let fate = self.scenario.faults.iter().find_map(|fault| match fault {
            Fault::Write { nth: n, fate } if !is_renewal && *n == nth => Some(*fate),
            Fault::Renewal { nth: n, fate } if is_renewal && *n == nth => Some(*fate),
            _ => None,
        });
        if fate.is_some() || !is_renewal {
            self.note(|_| {
                let Landing { object, fence, change, .. } = &landing;
                let fate = fate.map_or(String::new(), |fate| format!(" ({fate:?})"));
                format!(
                    "deployer {owner} writes {nth}: {object:?} under {}: {}{fate}",
                    fence.0,
                    short(change)
                )
            });
        }
        let at = self.now + landing.held + self.between(20, 120);
        let mut at_landing = at;
        match fate {
            None => {}
            Some(Fate::Lost) => {
                self.queue.push(at, Event::Answer { owner, input: unknown(landing.id) });
                return;
            }
            Some(Fate::Late(late) | Fate::LateInAnAbort(late)) => {
                self.queue.push(at, Event::Answer { owner, input: unknown(landing.id) });
                landing.answer = Reply::Nothing;
                at_landing += late;
                if matches!(fate, Some(Fate::LateInAnAbort(_))) {
                    let input = Box::new(Input::Command(Command::Abort));
                    self.queue.push(at, Event::Answer { owner, input });
                }
            }
            Some(Fate::Left { late, dies, heir }) => {
                landing.answer = Reply::Nothing;
                at_landing += late;
                self.queue.push(at, Event::Start(heir));
                self.in_flight += 1;
                self.queue.push(at_landing, Event::Land(Box::new(landing)));
                if dies {
                    self.kill(owner, None);
                } else {
                    self.owners[owner].asleep_until = at_landing;
                }
                return;
            }
            Some(Fate::Unknown) => landing.answer = Reply::Unknown,
            Some(Fate::Silent) => landing.answer = Reply::Nothing,
            Some(Fate::Twice(late)) => landing.again = Some(late),
        }
        self.in_flight += 1;
        self.queue.push(at_landing, Event::Land(Box::new(landing)));
    }

    /// Whether a write puts another phase into the ledger.
    fn is_new_phase(&self, landing: &Landing) -> bool {
        let Change::Ledger(head) = &landing.change else { return false };
        let phase = |head: &Head| -> Option<Phase> { head.under_way.as_ref().map(|journal| journal.phase) };
        self.cluster.ledger.as_ref().is_none_or(|read| phase(&read.object) != phase(head))
    }

    pub(super) fn land(&mut self, mut landing: Landing) {
        self.in_flight -= 1;
        let Landing { owner, id, object, fence, sent, answer, .. } = landing;
        let mut outcome = Outcome::Unknown;
        // While the server is down, now and then a write gets through and only its answer is lost.
        if self.api_down == 0 || self.random.chance(0.2) {
            let is_ours = self.cluster.knows(object);
            if landing.is_forced && is_ours {
                landing.version = self.cluster.mark(object).map(|(version, _)| *version);
            }
            let write = Write { object, fence, change: &landing.change, sent };
            let before = self.watch.before(self.scenario, &self.cluster, &write);
            outcome = if self.denied.contains(&object) {
                Outcome::Refused(Refusal::Denied("the role may not".to_owned()))
            } else {
                self.cluster.write(object, landing.version, fence, &landing.change)
            };
            if outcome == Outcome::Done {
                self.watch.written(self.scenario, &self.cluster, &write, before);
            } else {
                self.note(|_| format!("{object:?} of deployer {owner}: {outcome:?}"));
                if !is_ours {
                    self.watch.fail(Invariant::OnlyTheInventory, self.now, || format!("{object:?}"));
                }
            }
        }
        let last = landing.last.take();
        // What was refused is over: nobody sends it again.
        if let Some(late) = landing.again.take().filter(|_| !matches!(outcome, Outcome::Refused(_))) {
            landing.answer = Reply::Nothing;
            self.in_flight += 1;
            self.queue.push(self.now + late, Event::Land(Box::new(landing)));
        }
        if let Some(Death { next, .. }) = last {
            self.kill(owner, next);
        }
        self.leave();
        let outcome = match answer {
            Reply::Outcome if self.api_down == 0 => outcome,
            Reply::Outcome | Reply::Unknown => Outcome::Unknown,
            Reply::Nothing => return,
        };
        let at = self.now + self.between(5, 40);
        self.queue.push(at, Event::Answer { owner, input: Box::new(Input::Wrote(id, outcome)) });
    }

    pub(super) fn measure(&mut self, owner: usize, id: EffectId, part: usize, checks: u64) {
        let state = &mut self.owners[owner];
        if state.machine.is_none() {
            return;
        }
        let clock = self.now + state.ahead;
        let new = &self.scenario.course.parts[part].new;
        let monitor = &mut state.monitors[part];
        let tick = if self.api_down == 0 {
            let ask = Ask { part, new, checks, blind: self.blind };
            monitor.tick(&mut self.cluster, ask, &mut self.random, clock)
        } else {
            *monitor = Monitor::default(); // what it misses is nobody's tick
            None
        };
        if let Some(tick) = &tick {
            let of_errors = |pod: &PodTick| {
                let stream = pod.scrape.as_ref()?.streams.first()?;
                stream.as_ref().ok().map(|counts| counts.total)
            };
            let seen: u64 = tick.canary.iter().filter_map(of_errors).sum();
            self.watch.measured(part, seen + tick.checks.canary.total);
        }
        self.receive(owner, Input::Measured(id, tick));
    }

    pub(super) fn smoke(&mut self, owner: usize, id: EffectId, part: usize, slot: Slot) {
        let component = &self.cluster.components[part];
        let answer = (self.api_down == 0).then(|| {
            let pod = component.pods.iter().find(|pod| pod.slot == slot && pod.is_ready());
            let pod = pod.ok_or_else(|| "no pod is ready".to_owned())?;
            let is_unwell = component.revisions[pod.revision].1.failure == Some(Failure::Unwell);
            if is_unwell { Err("`/health` answers 500".to_owned()) } else { Ok(()) }
        });
        self.receive(owner, Input::Smoked(id, answer));
    }
}

fn unknown(id: EffectId) -> Box<Input> {
    Box::new(Input::Wrote(id, Outcome::Unknown))
}

/// Whether a write says that its owner lives, or what it has measured, and so perhaps nothing new.
fn is_sign_of_life(change: &Change) -> bool {
    match change {
        Change::Lease { holder, renewals, .. } => holder.is_some() && *renewals > 0,
        Change::Ledger(head) => head.under_way.as_ref().is_some_and(|journal| !journal.abort),
        _ => false,
    }
}

/// A change in few words: of the ledger, the phase.
fn short(change: &Change) -> String {
    match change {
        Change::Ledger(head) => match &head.under_way {
            Some(journal) if journal.abort => format!("{:?}, to be aborted", journal.phase),
            Some(journal) => format!("{:?}", journal.phase),
            None => format!("{} serves", ReleaseId::or_nothing(head.serving.as_ref())),
        },
        other => format!("{other:?}"),
    }
}
