//! How the objects should be in each phase, and which writes are missing for that.
//!
//! Pure comparisons of a look with the course. What serves is never made smaller here: a live slot is only ever raised, and
//! leaves the traffic only when the other one has taken it.

use crate::mask::Mask;
use crate::release::analysis;
use crate::release::effect::{Change, Object};
use crate::release::freeze::UnixSeconds;
use crate::release::ledger::{Head, Journal, Line, Phase};
use crate::release::machine::course::{Course, End, Extra, PartCourse};
use crate::release::machine::place::{Floor, Place};
use crate::release::migration::Migration;
use crate::release::model::{Ending, Slot};
use crate::release::view::{JobState, Traffic, View};

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
    /// Whether there is nothing to write and nothing to wait for.
    pub(super) fn is_met(&self) -> bool {
        self.missing.is_empty() && self.waits.is_none() && self.hopeless.is_none()
    }

    pub(super) fn wait(&mut self, met: bool, words: impl FnOnce() -> String) {
        if !met && self.waits.is_none() {
            self.waits = Some(words());
        }
    }

    pub(super) fn write(&mut self, object: Object, change: Change) {
        self.missing.push((object, change));
    }
}

/// The components that change.
fn places<'a>(
    course: &'a Course,
    journal: &'a Journal,
    live: &'a [Slot],
    view: &'a View,
) -> impl DoubleEndedIterator<Item = Place<'a>> {
    course.parts.iter().enumerate().filter(|(_, part)| part.changes()).map(|(index, part)| Place {
        index,
        course: part,
        seen: &view.parts[index],
        live: live[index],
        replicas: journal.replicas[index],
        floor: journal.floors[index],
    })
}

/// Whether the pods that go in this phase, or may go next, get no requests.
pub(super) fn is_silent(course: &Course, journal: &Journal, live: &[Slot], view: &View) -> bool {
    let is_back = journal.phase >= Phase::Reverting;
    places(course, journal, live, view)
        .filter(|place| place.course.has_slots())
        .all(|place| !place.is_asked(if is_back { place.next() } else { place.live }))
}

/// What the phase wants. `is_drained`: the pods that go have got no requests for long enough.
pub(super) fn of(course: &Course, journal: &Journal, live: &[Slot], view: &View, is_drained: bool) -> Goal {
    let mut goal = Goal::default();
    let places = || places(course, journal, live, view);
    let phase = journal.phase;
    match phase {
        Phase::Intended => {}
        Phase::Stated => extras(&mut goal, course, view, |extra| !extra.late),
        Phase::Expanding => migrate(&mut goal, course, view, Migration::Expand),
        Phase::Contracting => migrate(&mut goal, course, view, Migration::Contract),
        Phase::Floored => {
            let served = places().filter(|place| place.course.old.is_some());
            served.for_each(|place| place.scale(&mut goal, place.live, Floor::AtLeast(place.full())));
        }
        Phase::Staged => {
            for place in places().filter(|place| place.course.has_slots()) {
                place.trial(&mut goal, place.course.trial(0, place.full()));
            }
        }
        Phase::Exposed(step) => {
            for place in places().filter(|place| !place.course.steps().is_empty()) {
                let count = place.course.trial(usize::from(step), place.full());
                place.trial(&mut goal, count);
                let ready =
                    place.state(place.next()).is_some_and(|state| state.has(&place.course.new, count));
                // Requests come once all of the first step's pods are there. From then on each further pod joins them when
                // it is ready, and the live slot never leaves.
                if ready || place.traffic() == Some(Traffic::Both) {
                    place.send(&mut goal, Traffic::Both);
                }
            }
        }
        Phase::Holding => {
            for place in places().filter(|place| !place.course.steps().is_empty()) {
                // The canary leaves as long as the old pods get requests beside it.
                if place.seen.serving(place.live) > 0 {
                    place.send(&mut goal, place.home());
                }
                let alone = place.serves_alone(place.live);
                goal.wait(alone, || format!("requests for {} to leave the new pods", place.course.name));
            }
        }
        Phase::Promoting => {
            for place in places().filter(|place| place.course.has_slots()) {
                place.at_least(&mut goal, place.next(), place.full());
                goal.despair(place.state(place.next()), place.course);
            }
        }
        Phase::Flipping => {
            // In the order of the plan: what others depend on is new before they are.
            let all = places().all(|place| flip(&mut goal, &place));
            // What has no traffic follows what has.
            if all {
                extras(&mut goal, course, view, |extra| extra.late);
            }
        }
        Phase::Verifying | Phase::Baking => {
            for place in places() {
                serve(&mut goal, &place);
                goal.despair(place.state(place.next()), place.course);
            }
        }
        Phase::Cleaning => {
            for place in places() {
                if !place.course.has_slots() || depart(&mut goal, &place, place.live, is_drained) {
                    place.scale(&mut goal, place.next(), Floor::Restored);
                }
            }
        }
        Phase::Reverting => revert(&mut goal, &places().rev().collect::<Vec<_>>()),
        Phase::Restoring => {
            for place in places() {
                let is_left =
                    !place.course.has_slots() || depart(&mut goal, &place, place.next(), is_drained);
                if is_left && place.course.old.is_some() {
                    place.scale(&mut goal, place.live, Floor::Restored);
                }
            }
            put_back(&mut goal, course, view);
        }
    }
    goal
}

/// One component gets to its new revision. Returns whether it has.
fn flip(goal: &mut Goal, place: &Place<'_>) -> bool {
    place.scale(goal, place.next(), Floor::AtLeast(place.full()));
    if !place.course.has_slots() {
        goal.despair(place.state(place.live), place.course);
        return place.roll(goal, &place.course.new);
    }
    // They were ready when the phase began; whoever goes on with it later looks again.
    let mut fill = Goal::default();
    place.at_least(&mut fill, place.next(), place.full());
    goal.missing.append(&mut fill.missing);
    if fill.waits.is_none() || place.traffic() == Some(Traffic::One(place.next())) {
        place.send(goal, Traffic::One(place.next()));
    }
    let alone = place.serves_alone(place.next());
    goal.wait(alone, || format!("requests for {} to reach the new pods alone", place.course.name));
    if alone {
        place.found(goal, place.next());
    }
    alone
}

/// The new revision of one component serves.
fn serve(goal: &mut Goal, place: &Place<'_>) {
    if !place.course.has_slots() {
        place.roll(goal, &place.course.new);
        return;
    }
    let next = place.next();
    let mut fill = Goal::default();
    place.at_least(&mut fill, next, place.replicas);
    // Whoever has pointed the Service back meanwhile may have taken the new pods away, too.
    let is_better = place.available(next) > 0 && place.seen.serving(place.live) == 0;
    if fill.waits.is_none() || is_better {
        place.send(goal, Traffic::One(next));
    }
    goal.missing.append(&mut fill.missing);
    goal.waits = goal.waits.take().or(fill.waits);
    let enough = place.seen.serving(next) >= place.full().min(place.available(next).max(1));
    goal.wait(enough, || format!("the new pods of {} to get requests", place.course.name));
}

/// The pods of `slot` go, and those of the other one serve. Somebody may have sent requests to them since that was so: then
/// these go where they belong first, and the pods stay until the last ones had time to end. Returns whether they go.
fn depart(goal: &mut Goal, place: &Place<'_>, slot: Slot, is_drained: bool) -> bool {
    let stays = slot.other();
    let is_needed = place.state(slot).is_some_and(|state| state.wanted > 0);
    let is_first = stays == place.live && place.course.old.is_none();
    if is_first {
        withdraw(goal, place);
    } else if is_needed || place.is_asked(slot) {
        let mut fill = Goal::default();
        place.at_least(&mut fill, stays, place.replicas);
        if fill.waits.is_none() || place.seen.serving(slot) == 0 {
            place.send(goal, place.traffic_of(stays));
        }
        goal.missing.append(&mut fill.missing);
    }
    let may_go = !is_needed || (is_drained && (is_first || place.serves_alone(stays)));
    if may_go {
        place.none(goal, slot);
    }
    goal.wait(may_go, || format!("requests for {} to leave the pods that go", place.course.name));
    may_go
}

/// Further objects say what the release wants of them.
fn extras(goal: &mut Goal, course: &Course, view: &View, which: impl Fn(&Extra) -> bool) {
    for (index, extra) in course.extras.iter().enumerate().filter(|(_, extra)| which(extra)) {
        let says = view.extras[index].as_ref().map(|read| &read.object);
        let wanted = match (says, &extra.idle) {
            (Some(says), _) if *says == extra.new => continue,
            (Some(_), _) if extra.is_immutable => {
                goal.hopeless.get_or_insert_with(|| {
                    format!("{} is there with another content, and cannot be changed", extra.name)
                });
                return;
            }
            (None, Some(idle)) => idle,
            _ => &extra.new,
        };
        goal.write(Object::Extra(index), Change::Content(wanted.clone()));
        goal.wait(false, || format!("{} to be written", extra.name));
    }
}

/// The Jobs of a kind run, one after the other. Each is made without doing anything and let go by version, as a creation
/// may come late; one that is done is not run again.
fn migrate(goal: &mut Goal, course: &Course, view: &View, kind: Migration) {
    for (index, job) in course.migrations.iter().enumerate().filter(|(_, job)| job.kind == kind) {
        let mut write = |is_suspended| goal.write(Object::Job(index), Change::Job { is_suspended });
        match view.jobs[index].as_ref().map(|read| &read.object) {
            Some(JobState::Complete) => continue,
            None => write(true),
            Some(JobState::Suspended) => write(false),
            Some(JobState::Running) => {}
            Some(JobState::Failed(words)) => {
                goal.hopeless = Some(format!("{} failed: {words}", job.name));
            }
        }
        goal.wait(false, || format!("{} to be done", job.name));
        return;
    }
}

/// What the release has changed says again what it said before. What it has made stays, with nothing to do; what somebody
/// else has written since is left alone.
fn put_back(goal: &mut Goal, course: &Course, view: &View) {
    for (index, extra) in course.extras.iter().enumerate().filter(|(_, extra)| extra.changes()) {
        let is_ours = view.extras[index].as_ref().is_some_and(|read| read.object == extra.new);
        if let Some(before) = extra.old.as_ref().or(extra.idle.as_ref()).filter(|_| is_ours) {
            goal.write(Object::Extra(index), Change::Content(before.clone()));
            goal.wait(false, || format!("{} to be put back", extra.name));
        }
    }
}

/// The old pods get the requests again: those of every canary at once, and after a flip in the reverse order.
fn revert(goal: &mut Goal, back: &[Place<'_>]) {
    // A canary beside old pods that serve leaves at once, whatever becomes of the other components.
    let canaries = back.iter().filter(|place| place.traffic() == Some(Traffic::Both));
    for place in canaries.filter(|place| place.seen.serving(place.live) > 0) {
        place.send(goal, place.home());
    }
    if !goal.missing.is_empty() {
        return;
    }
    back.iter().all(|place| take_back(goal, place));
}

/// The old pods of one component serve again. Returns whether they do.
fn take_back(goal: &mut Goal, place: &Place<'_>) -> bool {
    let Some(old) = &place.course.old else { return withdraw(goal, place) };
    place.scale(goal, place.live, Floor::AtLeast(place.replicas));
    if !place.course.has_slots() {
        return place.roll(goal, old);
    }
    let mut fill = Goal::default();
    place.at_least(&mut fill, place.live, place.replicas);
    let filled = fill.waits.is_none();
    goal.missing.append(&mut fill.missing);
    // As long as the old pods get requests beside the new ones, these leave at once. After a flip the old ones
    // are waited for: nobody else serves.
    let serves = place.seen.serving(place.live) > 0 && place.traffic() == Some(Traffic::Both);
    if filled || serves || place.traffic() == Some(place.home()) {
        place.send(goal, place.home());
    }
    let alone = place.serves_alone(place.live);
    goal.wait(alone, || format!("requests for {} to reach the old pods alone", place.course.name));
    alone
}

/// Nothing served before: nothing serves again.
fn withdraw(goal: &mut Goal, place: &Place<'_>) -> bool {
    if !place.course.has_slots() {
        place.none(goal, place.live);
    } else if place.traffic().is_some() {
        place.send(goal, Traffic::Nobody);
    }
    let is_silent = place.seen.serving(Slot::A) + place.seen.serving(Slot::B) == 0;
    goal.wait(is_silent, || format!("requests for {} to end", place.course.name));
    is_silent
}

/// The ledger once the release is over.
pub(super) fn closed(course: &Course, head: &Head, end: &End, at: UnixSeconds) -> Head {
    let is_promoted = end.ending == Ending::Promoted;
    let mut live = head.live.clone();
    if is_promoted {
        let promoted = |part: &PartCourse| (part.name.clone(), part.promoted(part.live(head)));
        live.extend(course.parts.iter().map(promoted));
    }
    let seen = head.under_way.as_ref().filter(|_| is_promoted).map(|journal| seen(course, journal));
    let basis = seen.filter(|words| !words.is_empty()).unwrap_or_else(|| end.reason.clone());
    // What comes from outside was masked before it came in.
    head.closed(end.ending, live, &Line::new(&basis, &Mask::default()), at)
}

/// What was measured of each component on trial, in few words.
fn seen(course: &Course, journal: &Journal) -> String {
    let each = course.parts.iter().zip(&journal.evidence).filter_map(|(part, evidence)| {
        let state: analysis::State = serde_json::from_str(evidence.as_ref()?).ok()?;
        Some(format!("{}: {}", part.name, state.words()))
    });
    each.collect::<Vec<_>>().join("; ")
}
