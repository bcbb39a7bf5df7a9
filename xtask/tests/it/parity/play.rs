//! Plays a situation on a cluster.

use std::time::Duration;

use xtask::core::release::effect::{Change, Object, Outcome, Refusal};
use xtask::core::release::model::{Revision, Slot};
use xtask::core::release::view::{JobState, View};

use super::form::{State, reduced};
use super::situations::{Deed, Step, Until, Upon};

/// How long anything is waited for, by the cluster's own clock.
const LIMIT: Duration = Duration::from_mins(2);

/// How often a write is made again that somebody was faster than.
const ATTEMPTS: usize = 8;

/// A cluster on which a situation is played.
pub(super) trait Stage {
    /// Looks, after a while in which something may have happened.
    fn look(&mut self) -> View;
    /// Keeps the last look, for a write upon it later on.
    fn remember(&mut self);
    /// Writes upon the last look, or upon the one that was kept.
    fn write(&mut self, object: Object, change: &Change, upon: Upon) -> Outcome;
    /// Does what no release does.
    fn act(&mut self, deed: &Deed);
    /// What time it is there.
    fn now(&mut self) -> Duration;
    /// The revisions of the one component: what serves, and what is new.
    fn revisions(&self) -> [Revision; 2];
}

/// The normal form of what is seen, and of what comes of each step.
pub(super) fn play(stage: &mut dyn Stage, steps: &[Step]) -> String {
    let mut seen = Sequence { said: Vec::new(), states: Vec::new(), revisions: stage.revisions() };
    seen.see(&stage.look());
    for step in steps {
        match step {
            Step::Write(object, change) => {
                seen.see(&stage.look());
                // What is seen from here on comes of it, however soon.
                let place = seen.say(String::new());
                let outcome = write(stage, &mut seen, *object, change);
                seen.said[place].1 = format!("{step}: {}", words(&outcome));
            }
            Step::Once(object, change, upon) => {
                seen.see(&stage.look());
                let outcome = stage.write(*object, change, *upon);
                seen.say(format!("{step}: {}", words(&outcome)));
            }
            Step::Remember => stage.remember(),
            Step::Deed(deed) => {
                seen.say(step.to_string());
                stage.act(deed);
            }
            Step::Until(until) => wait(stage, &mut seen, *until),
        }
    }
    seen.text()
}

/// What was seen, and what was done in between.
struct Sequence {
    states: Vec<State>,
    /// What was done, with the number of the states that were seen before.
    said: Vec<(usize, String)>,
    revisions: [Revision; 2],
}

impl Sequence {
    fn see(&mut self, view: &View) {
        self.states.push(State::of(view, &self.revisions));
    }

    /// Says what was done; returns the place of the words.
    fn say(&mut self, words: String) -> usize {
        self.said.push((self.states.len(), words));
        self.said.len() - 1
    }

    fn text(self) -> String {
        let kept = reduced(&self.states);
        let states = kept.into_iter().map(|at| (at, 1, format!("  {}\n", self.states[at].line())));
        let said = self.said.iter().map(|(at, words)| (*at, 0, format!("  > {words}\n")));
        let mut lines: Vec<(usize, u8, String)> = said.chain(states).collect();
        lines.sort_by_key(|(at, order, _)| (*at, *order));
        lines.into_iter().map(|(_, _, line)| line).collect()
    }
}

/// Writes as the machine does: what is missing, upon the last look, until a look shows it.
fn write(stage: &mut dyn Stage, seen: &mut Sequence, object: Object, change: &Change) -> Outcome {
    let mut refused = 0;
    loop {
        let view = stage.look();
        seen.see(&view);
        if says(&view, object, change) {
            return Outcome::Done;
        }
        match stage.write(object, change, Upon::Last) {
            Outcome::Done => {}
            outcome @ Outcome::Refused(Refusal::Denied(_)) => return outcome,
            outcome => {
                refused += 1;
                if refused == ATTEMPTS {
                    return outcome;
                }
            }
        }
    }
}

fn says(view: &View, object: Object, change: &Change) -> bool {
    match (object, change) {
        (Object::Slot(part, slot), Change::Slot { revision, replicas }) => {
            view.parts[part].slot(slot).is_some_and(|read| {
                read.object.wanted == *replicas
                    && revision.as_ref().is_none_or(|revision| *revision == read.object.revision)
            })
        }
        (Object::Service(part), Change::Traffic(traffic)) => {
            view.parts[part].service.as_ref().is_some_and(|read| read.object == *traffic)
        }
        (Object::Autoscaler(part), Change::Autoscaler(autoscaler)) => {
            view.parts[part].autoscaler.as_ref().is_some_and(|read| read.object == *autoscaler)
        }
        (Object::Job(index), Change::Job { is_suspended }) => {
            view.jobs[index].as_ref().is_some_and(|read| *is_suspended || read.object != JobState::Suspended)
        }
        (Object::Extra(index), Change::Content(content)) => {
            view.extras[index].as_ref().is_some_and(|read| read.object == *content)
        }
        (Object::Lease, Change::Lease { holder, transitions, renewals }) => {
            view.lease.as_ref().is_some_and(|read| {
                (read.object.holder, read.object.transitions, read.object.renewals)
                    == (*holder, *transitions, *renewals)
            })
        }
        (Object::Ledger, Change::Ledger(head)) => {
            view.ledger.as_ref().is_some_and(|read| read.object == **head)
        }
        _ => false,
    }
}

fn wait(stage: &mut dyn Stage, seen: &mut Sequence, until: Until) {
    let began = stage.now();
    loop {
        let view = stage.look();
        seen.see(&view);
        let waited = stage.now().saturating_sub(began);
        if is_met(&view, until, waited) {
            return;
        }
        if waited >= LIMIT {
            seen.say(format!("waited in vain until {until:?}"));
            return;
        }
    }
}

fn is_met(view: &View, until: Until, waited: Duration) -> bool {
    let part = &view.parts[0];
    let slot = |slot: Slot| part.slot(slot).map(|read| &read.object);
    match until {
        Until::Available(at, count) => {
            slot(at).is_some_and(|state| state.available == count && state.pods == count)
        }
        Until::Serves(at, count) => part.serving(at) == count,
        Until::Empty(at) => slot(at).is_none_or(|state| state.pods == 0),
        Until::Wants(at, count) => slot(at).is_some_and(|state| state.wanted == count),
        Until::Hopeless(at) => slot(at).is_some_and(|state| state.hopeless.is_some()),
        Until::JobEnds => view.jobs[0]
            .as_ref()
            .is_some_and(|read| matches!(read.object, JobState::Complete | JobState::Failed(_))),
        Until::Passed(seconds) => waited >= Duration::from_secs(seconds),
    }
}

/// What came of a write, in few words; what a cluster says about a denial names objects.
fn words(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Unknown => "unknown",
        Outcome::Refused(Refusal::Conflict) => "conflict",
        Outcome::Refused(Refusal::Existence) => "existence",
        Outcome::Refused(Refusal::Denied(_)) => "denied",
    }
}
