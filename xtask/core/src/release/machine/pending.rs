//! What was asked for and not answered yet, and the writes of which nobody knows whether they will still happen.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::release::effect::{Action, Effect, EffectId, Object, Outcome};
use crate::release::view::{Version, View};

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
    unsettled: BTreeMap<Object, Unsettled>,
}

#[derive(Debug)]
struct Waiting {
    what: Answered,
    version: Option<Version>,
    until: Duration,
}

/// A write that may still happen.
#[derive(Debug)]
struct Unsettled {
    /// The version that it carries; `None` where it makes the object.
    version: Option<Version>,
    /// Since when looks show no such object, though it was there.
    absent: Option<Duration>,
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
            // Of two, the one that changes what is there counts: a creation fails where something is.
            let known = self.unsettled.get(object).and_then(|write| write.version);
            let version = waiting.version.or(known);
            self.unsettled.insert(*object, Unsettled { version, absent: None });
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

    /// A write in flight carries a version: where the object has a newer one, or is another one, it will fail. A look that shows
    /// an older one, or none, may be of before, and says nothing. Once it has shown none for `patience` the object is gone.
    pub(super) fn saw(&mut self, view: &View, now: Duration, patience: Duration) {
        self.unsettled.retain(|object, write| match (view.version(*object), write.version) {
            (Some(seen), Some(carried)) => {
                write.absent = None;
                seen.uid == carried.uid && seen.resource <= carried.resource
            }
            (Some(_), None) => false,
            (None, None) => true,
            (None, Some(_)) => now.saturating_sub(*write.absent.get_or_insert(now)) < patience,
        });
    }

    /// Whether a write in flight may still change what this look does not show, though it was there.
    pub(super) fn misses(&self) -> bool {
        self.unsettled.iter().any(|(object, write)| *object != Object::Lease && write.absent.is_some())
    }

    /// The objects of a look that a write in flight may still change, but for the lease, whose owner is known by its name.
    pub(super) fn unsettled(&self, view: &View) -> Vec<(Object, Version)> {
        if self.unsettled.is_empty() {
            return Vec::new();
        }
        let in_flight = view.inventory().filter(|(object, _)| self.may_happen(*object));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::effect::Change;
    use crate::release::model::{Content, Fence};
    use crate::release::view::Read;

    const PATIENCE: Duration = Duration::from_mins(2);

    /// A look that shows one further object in that version, or none.
    fn look(resource: Option<u64>) -> View {
        let read = |resource| Read {
            version: Version { uid: 1, resource },
            fence: Fence(1),
            object: Content("some".into()),
        };
        View {
            began: Duration::ZERO,
            lease: None,
            ledger: None,
            parts: Vec::new(),
            extras: vec![resource.map(read)],
            jobs: Vec::new(),
        }
    }

    #[test]
    fn a_look_of_before_settles_nothing() {
        let object = Object::Extra(0);
        let mut pending = Pending::default();
        let version = Some(Version { uid: 1, resource: 5 });
        let effect =
            pending.send(Action::Write { object, version, fence: Fence(1), change: Change::Fence }, PATIENCE);
        pending.wrote(effect.id, &Outcome::Unknown);
        let mut seen = |resource, seconds| {
            pending.saw(&look(resource), Duration::from_secs(seconds), PATIENCE);
            (pending.may_happen(object), pending.misses())
        };
        assert_eq!(seen(Some(4), 1), (true, false), "an older version");
        assert_eq!(seen(Some(5), 2), (true, false), "the one that it carries");
        assert_eq!(seen(None, 3), (true, true), "from before it was made");
        assert_eq!(seen(Some(5), 4), (true, false));
        assert_eq!(seen(None, 5), (true, true));
        assert_eq!(seen(None, 126), (false, false), "it is gone for good");
        let again =
            pending.send(Action::Write { object, version, fence: Fence(1), change: Change::Fence }, PATIENCE);
        pending.wrote(again.id, &Outcome::Unknown);
        pending.saw(&look(Some(6)), Duration::from_secs(130), PATIENCE);
        assert!(!pending.may_happen(object), "a newer version refuses it");
    }
}
