//! What was asked for and not answered yet, and the writes of which nobody knows whether they will still happen.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::release::effect::{Action, Effect, EffectId, Object, Outcome};
use crate::core::release::machine::goals;
use crate::core::release::view::{Version, View};

/// What an answer is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answered {
    Look,
    Write(Object),
    Measure(usize),
    Smoke(usize),
}

/// Effects without an answer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    last: u64,
    waiting: BTreeMap<EffectId, Waiting>,
    /// Writes that may still happen, with the version that they carry.
    unsettled: BTreeMap<Object, Option<Version>>,
}

#[derive(Debug)]
struct Waiting {
    what: Answered,
    version: Option<Version>,
    until: Duration,
}

impl Pending {
    /// An effect with the next number; without an answer by `until` it counts as lost.
    pub(super) fn send(&mut self, action: Action, until: Duration) -> Effect {
        self.last += 1;
        let id = EffectId(self.last);
        let (what, version) = match &action {
            Action::Look => (Answered::Look, None),
            Action::Write { object, version, .. } => (Answered::Write(*object), *version),
            Action::Measure { part, .. } => (Answered::Measure(*part), None),
            Action::Smoke { part, .. } => (Answered::Smoke(*part), None),
        };
        self.waiting.insert(id, Waiting { what, version, until });
        Effect { id, action }
    }

    /// Takes an answer; `None` where nobody waits for it any more.
    pub(super) fn answer(&mut self, id: EffectId) -> Option<Answered> {
        self.waiting.remove(&id).map(|waiting| waiting.what)
    }

    /// Takes the answer to a write.
    pub(super) fn wrote(&mut self, id: EffectId, outcome: &Outcome) -> Option<Answered> {
        let waiting = self.waiting.remove(&id)?;
        if let (Answered::Write(object), Outcome::Unknown) = (&waiting.what, outcome) {
            self.unsettled.insert(*object, waiting.version);
        }
        Some(waiting.what)
    }

    /// Gives up on answers whose time is over: a write without one may still happen.
    pub(super) fn expire(&mut self, now: Duration) {
        let late = |waiting: &Waiting| now >= waiting.until;
        let lost: Vec<EffectId> = self.waiting.iter().filter(|(_, w)| late(w)).map(|(id, _)| *id).collect();
        for id in lost {
            self.wrote(id, &Outcome::Unknown);
        }
    }

    /// A write in flight carries a version: where the object has another one, it will fail.
    pub(super) fn saw(&mut self, view: &View) {
        let seen: BTreeMap<Object, Version> =
            goals::inventory(view).into_iter().map(|(object, read)| (object, read.version)).collect();
        let lease = view.lease.as_ref().map(|read| read.version);
        self.unsettled.retain(|object, version| match object {
            Object::Lease => lease == *version,
            _ => seen.get(object).copied() == *version,
        });
    }

    /// The objects of a look that a write in flight may still change, but for the lease, whose owner is known by its name.
    pub(super) fn unsettled(&self, view: &View) -> Vec<(Object, Version)> {
        let seen = goals::inventory(view);
        let in_flight = seen.into_iter().filter(|(object, _)| self.may_happen(*object));
        in_flight.map(|(object, read)| (object, read.version)).collect()
    }

    /// Whether a write of an object may still happen.
    pub(super) fn may_happen(&self, object: Object) -> bool {
        self.unsettled.contains_key(&object)
    }

    /// Whether a look or a write is without an answer.
    pub(super) fn is_settling(&self) -> bool {
        self.waiting.values().any(|waiting| matches!(waiting.what, Answered::Look | Answered::Write(_)))
    }

    /// Whether something of that kind is without an answer.
    pub(super) fn has(&self, what: &Answered) -> bool {
        self.waiting.values().any(|waiting| waiting.what == *what)
    }

    /// When the first of them counts as lost.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.values().map(|waiting| waiting.until).min()
    }
}
