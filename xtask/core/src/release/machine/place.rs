//! One component in a look, and the writes that bring it where a phase wants it.

use crate::release::effect::{Change, Object};
use crate::release::machine::course::{Bounds, PartCourse};
use crate::release::machine::goals::Goal;
use crate::release::model::{Revision, Slot};
use crate::release::view::{Autoscaler, Part, SlotState, Traffic};
use crate::text;

/// One component with everything that is known of it.
pub(super) struct Place<'a> {
    pub(super) index: usize,
    pub(super) course: &'a PartCourse,
    pub(super) seen: &'a Part,
    /// The slot that served when the release began; where nothing did, the one that is not there.
    pub(super) live: Slot,
    /// How many pods served then.
    pub(super) replicas: u32,
    /// The floor of its autoscaler then.
    pub(super) floor: Option<u32>,
}

impl Place<'_> {
    /// The slot that the new revision goes to.
    pub(super) fn next(&self) -> Slot {
        self.course.next(self.live)
    }

    pub(super) fn state(&self, slot: Slot) -> Option<&SlotState> {
        self.seen.slot(slot).map(|read| &read.object)
    }

    /// How many pods serve, or should: an autoscaler may have added some.
    pub(super) fn full(&self) -> u32 {
        let wanted = self.state(self.live).map_or(0, |state| state.wanted);
        // Once the autoscaler has moved on, the old slot's count says nothing any more.
        let moved = self.autoscaler().is_some_and(|autoscaler| autoscaler.target != self.live);
        if moved { self.replicas } else { self.replicas.max(wanted) }
    }

    pub(super) fn autoscaler(&self) -> Option<Autoscaler> {
        self.seen.autoscaler.as_ref().map(|read| read.object)
    }

    pub(super) fn traffic(&self) -> Option<Traffic> {
        self.seen.service.as_ref().map(|read| read.object)
    }

    /// Where the requests went before the release.
    pub(super) fn home(&self) -> Traffic {
        if self.course.is_adopted { Traffic::Adopted } else { Traffic::One(self.live) }
    }

    /// Where the requests go when a slot serves alone.
    pub(super) fn traffic_of(&self, slot: Slot) -> Traffic {
        if slot == self.live { self.home() } else { Traffic::One(slot) }
    }

    /// Whether a slot gets requests, or is about to.
    pub(super) fn is_asked(&self, slot: Slot) -> bool {
        let is_selected = match self.traffic() {
            Some(Traffic::One(one)) => one == slot,
            Some(Traffic::Both) => true,
            Some(Traffic::Adopted) => slot == Slot::A,
            Some(Traffic::Nobody | Traffic::Foreign) | None => false,
        };
        is_selected || self.seen.serving(slot) > 0
    }

    pub(super) fn available(&self, slot: Slot) -> u32 {
        self.state(slot).map_or(0, |state| state.available)
    }

    /// The idle slot with the new revision and exactly `count` pods.
    pub(super) fn trial(&self, goal: &mut Goal, count: u32) {
        let idle = self.next();
        let is = |state: &SlotState| state.revision == self.course.new && state.wanted == count;
        if !self.state(idle).is_some_and(is) {
            self.ask(goal, idle, &self.course.new, count);
        }
        let has = self.state(idle).is_some_and(|state| state.has(&self.course.new, count));
        goal.wait(has, || {
            format!("{} of {} to be ready", text::count(count as usize, "new pod"), self.course.name)
        });
        goal.despair(self.state(idle), self.course);
    }

    /// This revision and so many pods. What is not there is made without pods first: a creation cannot be fenced, and one that
    /// comes late must do no harm.
    pub(super) fn ask(&self, goal: &mut Goal, slot: Slot, revision: &Revision, count: u32) {
        let replicas = if self.state(slot).is_some() { count } else { 0 };
        let change = Change::Slot { revision: Some(revision.clone()), replicas };
        goal.write(Object::Slot(self.index, slot), change);
    }

    /// At least `count` pods of what `slot` runs, and of `revision` where nothing is there.
    pub(super) fn at_least(&self, goal: &mut Goal, slot: Slot, count: u32) {
        let old = self.course.old.as_ref().filter(|_| slot == self.live);
        let revision = old.unwrap_or(&self.course.new);
        let enough = |state: &SlotState| state.revision == *revision && state.wanted >= count;
        if !self.state(slot).is_some_and(enough) {
            let wanted = self.state(slot).map_or(count, |state| state.wanted.max(count));
            self.ask(goal, slot, revision, wanted);
        }
        let has = self.state(slot).is_some_and(|state| state.has(revision, count));
        goal.wait(has, || {
            format!("{} of {} to be ready", text::count(count as usize, "pod"), self.course.name)
        });
    }

    pub(super) fn none(&self, goal: &mut Goal, slot: Slot) {
        if let Some(state) = self.state(slot) {
            if state.wanted > 0 {
                goal.write(Object::Slot(self.index, slot), Change::Slot { revision: None, replicas: 0 });
            }
            goal.wait(state.wanted == 0 && state.pods == 0, || {
                format!("old pods of {} to end", self.course.name)
            });
        }
    }

    /// One Deployment changed in place: every pod runs `revision`, and none of another is left. Returns whether that is so.
    pub(super) fn roll(&self, goal: &mut Goal, revision: &Revision) -> bool {
        let (slot, count) = (self.live, self.full());
        let is = |state: &SlotState| state.revision == *revision && state.wanted >= count;
        if !self.state(slot).is_some_and(is) {
            self.ask(goal, slot, revision, count);
        }
        let has =
            |state: &SlotState| state.has(revision, state.wanted.max(count)) && state.pods <= state.wanted;
        let is_done = self.state(slot).is_some_and(has);
        goal.wait(is_done, || format!("every pod of {} to be replaced", self.course.name));
        is_done
    }

    /// Requests go to these pods. A Service that is not there is made for nobody first, as slots are made without pods.
    pub(super) fn send(&self, goal: &mut Goal, traffic: Traffic) {
        let now = self.traffic();
        if now != Some(traffic) {
            let traffic = if now.is_some() { traffic } else { Traffic::Nobody };
            goal.write(Object::Service(self.index), Change::Traffic(traffic));
            goal.wait(false, || format!("the Service of {} to point elsewhere", self.course.name));
        }
    }

    /// The autoscaler that is stated, on the slot that serves now, where none is there. A creation cannot be fenced; one that
    /// comes late scales a slot without pods, which an autoscaler leaves alone, or one that serves to what was stated.
    pub(super) fn found(&self, goal: &mut Goal, target: Slot) {
        let Some(Bounds { floor, ceiling }) = self.course.autoscaler else { return };
        if self.autoscaler().is_none() {
            let wanted = Autoscaler { target, floor, ceiling };
            goal.write(Object::Autoscaler(self.index), Change::Autoscaler(wanted));
            goal.wait(false, || format!("the autoscaler of {} to be made", self.course.name));
        }
    }

    /// The autoscaler on `target`, with at least this floor, or exactly it.
    pub(super) fn scale(&self, goal: &mut Goal, target: Slot, floor: Floor) {
        let Some(now) = self.autoscaler() else { return };
        let floor = match floor {
            Floor::AtLeast(count) => now.floor.max(count.min(now.ceiling)),
            Floor::Restored => {
                // One that was not there when the release began was made with what is stated.
                let stated = self.course.autoscaler.map(|bounds| bounds.floor);
                self.floor.or(stated).unwrap_or(now.floor)
            }
        };
        let wanted = Autoscaler { target, floor, ..now };
        if now != wanted {
            goal.write(Object::Autoscaler(self.index), Change::Autoscaler(wanted));
            goal.wait(false, || format!("the autoscaler of {}", self.course.name));
        }
    }

    /// Whether only `slot` answers requests. Where nobody did before the release, nobody has to again.
    pub(super) fn serves_alone(&self, slot: Slot) -> bool {
        let serves = self.seen.serving(slot) > 0 || (slot == self.live && self.replicas == 0);
        self.traffic() == Some(self.traffic_of(slot)) && serves && self.seen.serving(slot.other()) == 0
    }
}

#[derive(Clone, Copy)]
pub(super) enum Floor {
    AtLeast(u32),
    Restored,
}

impl Goal {
    pub(super) fn despair(&mut self, state: Option<&SlotState>, course: &PartCourse) {
        if let Some(reason) =
            state.filter(|state| state.revision == course.new).and_then(|state| state.hopeless.as_ref())
        {
            self.hopeless.get_or_insert_with(|| {
                format!("the new pods of {} will never be ready: {reason}", course.name)
            });
        }
    }
}
