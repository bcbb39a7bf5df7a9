//! How the objects should be in each phase, and which writes are missing for that.
//!
//! Pure comparisons of a look with the course. What serves is never made smaller here: a live slot is only ever raised, and
//! leaves the traffic only when the other one has taken it.

use crate::core::release::effect::{Change, Object};
use crate::core::release::machine::course::{Course, PartCourse};
use crate::core::release::model::{Revision, Slot};
use crate::core::release::view::{Autoscaler, Head, Journal, Part, Phase, Read, SlotState, Traffic, View};

/// A write that is missing.
pub(super) type Missing = (Object, Change);

/// What a phase comes to, given a look.
#[derive(Debug, Default)]
pub(super) struct Goal {
    /// The writes that are missing.
    pub(super) missing: Vec<Missing>,
    /// What it still waits for; `None` when the phase has what it wants.
    pub(super) waits: Option<String>,
    /// Why it will never have it.
    pub(super) hopeless: Option<String>,
}

impl Goal {
    fn wait(&mut self, met: bool, words: impl FnOnce() -> String) {
        if !met && self.waits.is_none() {
            self.waits = Some(words());
        }
    }

    fn write(&mut self, object: Object, change: Change) {
        self.missing.push((object, change));
    }
}

/// One component with everything that is known of it.
struct Place<'a> {
    index: usize,
    course: &'a PartCourse,
    seen: &'a Part,
    /// The slot that served when the release began.
    live: Slot,
    /// How many pods served then.
    replicas: u32,
    /// The floor of its autoscaler then.
    floor: Option<u32>,
}

impl Place<'_> {
    fn idle(&self) -> Slot {
        self.live.other()
    }

    fn state(&self, slot: Slot) -> Option<&SlotState> {
        self.seen.slot(slot).map(|read| &read.object)
    }

    /// How many pods serve, or should: an autoscaler may have added some.
    fn full(&self) -> u32 {
        let wanted = self.state(self.live).map_or(0, |state| state.wanted);
        // Once the autoscaler has moved on, the old slot's count says nothing any more.
        let moved = self.autoscaler().is_some_and(|autoscaler| autoscaler.target != self.live);
        if moved { self.replicas } else { self.replicas.max(wanted) }
    }

    fn autoscaler(&self) -> Option<Autoscaler> {
        self.seen.autoscaler.as_ref().map(|read| read.object)
    }

    fn traffic(&self) -> Option<Traffic> {
        self.seen.service.as_ref().map(|read| read.object)
    }

    fn available(&self, slot: Slot) -> u32 {
        self.state(slot).map_or(0, |state| state.available)
    }

    /// The idle slot with the new revision and exactly `count` pods.
    fn trial(&self, goal: &mut Goal, count: u32) {
        let idle = self.idle();
        let is = |state: &SlotState| state.revision == self.course.new && state.wanted == count;
        if !self.state(idle).is_some_and(is) {
            self.ask(goal, idle, &self.course.new, count);
        }
        let has = self.state(idle).is_some_and(|state| state.has(&self.course.new, count));
        goal.wait(has, || format!("{count} new pods of {} to be ready", self.course.name));
        goal.despair(self.state(idle), self.course);
    }

    /// This revision and so many pods. What is not there is made without pods first: a creation cannot be fenced, and one that
    /// comes late must do no harm.
    fn ask(&self, goal: &mut Goal, slot: Slot, revision: &Revision, count: u32) {
        let replicas = if self.state(slot).is_some() { count } else { 0 };
        let change = Change::Slot { revision: Some(revision.clone()), replicas };
        goal.write(Object::Slot(self.index, slot), change);
    }

    /// At least `count` pods of what `slot` runs, and of `revision` where nothing is there.
    fn at_least(&self, goal: &mut Goal, slot: Slot, count: u32) {
        let revision = if slot == self.live { &self.course.old } else { &self.course.new };
        let enough = |state: &SlotState| state.revision == *revision && state.wanted >= count;
        if !self.state(slot).is_some_and(enough) {
            let wanted = self.state(slot).map_or(count, |state| state.wanted.max(count));
            self.ask(goal, slot, revision, wanted);
        }
        let has = self.state(slot).is_some_and(|state| state.has(revision, count));
        goal.wait(has, || format!("{count} pods of {} to be ready", self.course.name));
    }

    fn none(&self, goal: &mut Goal, slot: Slot) {
        if let Some(state) = self.state(slot) {
            if state.wanted > 0 {
                goal.write(Object::Slot(self.index, slot), Change::Slot { revision: None, replicas: 0 });
            }
            goal.wait(state.wanted == 0 && state.pods == 0, || {
                format!("old pods of {} to end", self.course.name)
            });
        }
    }

    fn send(&self, goal: &mut Goal, traffic: Traffic) {
        if self.traffic() != Some(traffic) {
            goal.write(Object::Service(self.index), Change::Traffic(traffic));
            goal.wait(false, || format!("the Service of {} to point elsewhere", self.course.name));
        }
    }

    /// The autoscaler on `target`, with at least this floor, or exactly it.
    fn scale(&self, goal: &mut Goal, target: Slot, floor: Floor) {
        let Some(now) = self.autoscaler() else { return };
        let floor = match floor {
            Floor::AtLeast(count) => now.floor.max(count.min(now.ceiling)),
            Floor::Restored => self.floor.unwrap_or(now.floor),
        };
        let wanted = Autoscaler { target, floor, ..now };
        if now != wanted {
            goal.write(Object::Autoscaler(self.index), Change::Autoscaler(wanted));
            goal.wait(false, || format!("the autoscaler of {}", self.course.name));
        }
    }

    /// Whether only `slot` answers requests.
    fn serves_alone(&self, slot: Slot) -> bool {
        self.traffic() == Some(Traffic::One(slot))
            && self.seen.serving(slot) > 0
            && self.seen.serving(slot.other()) == 0
    }
}

#[derive(Clone, Copy)]
enum Floor {
    AtLeast(u32),
    Restored,
}

impl Goal {
    fn despair(&mut self, state: Option<&SlotState>, course: &PartCourse) {
        if let Some(reason) =
            state.filter(|state| state.revision == course.new).and_then(|state| state.hopeless.as_ref())
        {
            self.hopeless.get_or_insert_with(|| {
                format!("the new pods of {} will never be ready: {reason}", course.name)
            });
        }
    }
}

/// What `phase` wants.
pub(super) fn of(phase: Phase, course: &Course, journal: &Journal, live: &[Slot], view: &View) -> Goal {
    let mut goal = Goal::default();
    let places = || {
        course.parts.iter().enumerate().filter(|(_, part)| part.changes()).map(|(index, part)| Place {
            index,
            course: part,
            seen: &view.parts[index],
            live: live[index],
            replicas: journal.replicas[index],
            floor: journal.floors[index],
        })
    };
    match phase {
        Phase::Intended => {}
        Phase::Floored => {
            places().for_each(|place| place.scale(&mut goal, place.live, Floor::AtLeast(place.full())));
        }
        Phase::Staged => {
            places().for_each(|place| place.trial(&mut goal, place.course.trial(0, place.full())));
        }
        Phase::Exposed(step) => {
            for place in places().filter(|place| !place.course.steps().is_empty()) {
                let count = place.course.trial(usize::from(step), place.full());
                place.trial(&mut goal, count);
                let ready =
                    place.state(place.idle()).is_some_and(|state| state.has(&place.course.new, count));
                // Requests come once all of the first step's pods are there. From then on each further pod joins them when
                // it is ready, and the live slot never leaves.
                if ready || place.traffic() == Some(Traffic::Both) {
                    place.send(&mut goal, Traffic::Both);
                }
            }
        }
        Phase::Promoting => {
            for place in places() {
                place.at_least(&mut goal, place.idle(), place.full());
                goal.despair(place.state(place.idle()), place.course);
            }
        }
        Phase::Flipping => {
            for place in places() {
                place.scale(&mut goal, place.idle(), Floor::AtLeast(place.full()));
                // They were ready when the phase began; whoever goes on with it later looks again.
                let mut fill = Goal::default();
                place.at_least(&mut fill, place.idle(), place.full());
                goal.missing.append(&mut fill.missing);
                if fill.waits.is_none() || place.traffic() == Some(Traffic::One(place.idle())) {
                    place.send(&mut goal, Traffic::One(place.idle()));
                }
                let alone = place.serves_alone(place.idle());
                goal.wait(alone, || {
                    format!("requests for {} to reach the new pods alone", place.course.name)
                });
                // In the order of the plan: what others depend on is new before they are.
                if !alone {
                    break;
                }
            }
        }
        Phase::Verifying | Phase::Baking => {
            for place in places() {
                let mut fill = Goal::default();
                place.at_least(&mut fill, place.idle(), place.replicas);
                // Whoever has pointed the Service back meanwhile may have taken the new pods away, too.
                let is_better = place.available(place.idle()) > 0 && place.seen.serving(place.live) == 0;
                if fill.waits.is_none() || is_better {
                    place.send(&mut goal, Traffic::One(place.idle()));
                }
                goal.missing.append(&mut fill.missing);
                goal.waits = goal.waits.or(fill.waits);
                let enough = place.seen.serving(place.idle())
                    >= place.full().min(place.available(place.idle()).max(1));
                goal.wait(enough, || format!("the new pods of {} to get requests", place.course.name));
                goal.despair(place.state(place.idle()), place.course);
            }
        }
        Phase::Cleaning => {
            for place in places() {
                place.none(&mut goal, place.live);
                place.scale(&mut goal, place.idle(), Floor::Restored);
            }
        }
        Phase::Reverting => revert(&mut goal, &places().rev().collect::<Vec<_>>()),
        Phase::Restoring => {
            for place in places() {
                place.none(&mut goal, place.idle());
                place.scale(&mut goal, place.live, Floor::Restored);
            }
        }
    }
    goal
}

/// The old pods get the requests again: those of every canary at once, and after a flip in the reverse order.
fn revert(goal: &mut Goal, back: &[Place<'_>]) {
    // A canary beside old pods that serve leaves at once, whatever becomes of the other components.
    let canaries = back.iter().filter(|place| place.traffic() == Some(Traffic::Both));
    for place in canaries.filter(|place| place.seen.serving(place.live) > 0) {
        place.send(goal, Traffic::One(place.live));
    }
    if !goal.missing.is_empty() {
        return;
    }
    for place in back {
        place.scale(goal, place.live, Floor::AtLeast(place.replicas));
        let mut fill = Goal::default();
        place.at_least(&mut fill, place.live, place.replicas);
        let filled = fill.waits.is_none();
        goal.missing.append(&mut fill.missing);
        // As long as the old pods get requests beside the new ones, these leave at once. After a flip the old ones
        // are waited for: nobody else serves.
        let serves = place.seen.serving(place.live) > 0 && place.traffic() == Some(Traffic::Both);
        if filled || serves || place.traffic() == Some(Traffic::One(place.live)) {
            place.send(goal, Traffic::One(place.live));
        }
        let alone = place.serves_alone(place.live);
        goal.wait(alone, || format!("requests for {} to reach the old pods alone", place.course.name));
        if !alone {
            break;
        }
    }
}

/// The ledger once the release is over.
pub(super) fn closed(course: &Course, head: &Head, promoted: bool) -> Head {
    let live =
        |(part, &live): (&PartCourse, &Slot)| if promoted && part.changes() { live.other() } else { live };
    let mut withdrawn = head.withdrawn.clone();
    if !promoted && !withdrawn.contains(&course.release) {
        withdrawn.push(course.release.clone());
    }
    Head {
        serving: if promoted { course.release.clone() } else { head.serving.clone() },
        live: course.parts.iter().zip(&head.live).map(live).collect(),
        under_way: None,
        withdrawn,
    }
}

/// The objects of a look with their versions and fences, but for the lease.
pub(super) fn inventory(view: &View) -> Vec<(Object, Read<()>)> {
    fn bare<T>(read: &Read<T>) -> Read<()> {
        Read { version: read.version, fence: read.fence, object: () }
    }
    let mut all: Vec<(Object, Read<()>)> =
        view.ledger.iter().map(|read| (Object::Ledger, bare(read))).collect();
    for (index, part) in view.parts.iter().enumerate() {
        for slot in [Slot::A, Slot::B] {
            all.extend(part.slot(slot).map(|read| (Object::Slot(index, slot), bare(read))));
        }
        all.extend(part.service.as_ref().map(|read| (Object::Service(index), bare(read))));
        all.extend(part.autoscaler.as_ref().map(|read| (Object::Autoscaler(index), bare(read))));
    }
    all
}
