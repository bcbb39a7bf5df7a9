//! Owning the environment: winning the lease, fencing off whoever owned it before, giving it back.

use std::time::Duration;

use super::{Machine, Stage, goals};
use crate::release::effect::{Action, Change, Effect, Object};
use crate::release::ledger::{Head, Journal, Phase};
use crate::release::machine::course::{End, Intent, Timing};
use crate::release::model::{Ending, Fence};
use crate::release::view::{Lease, Read, View};

/// What an owner knows of its own right.
#[derive(Debug)]
pub(super) struct Owner {
    /// This process.
    me: u64,
    /// Its number, 0 until it has won.
    pub(super) fence: Fence,
    /// The lease as it was last seen, and since when it has not changed: only that says whether its owner is alive, because
    /// clocks differ.
    seen: Option<(Lease, Duration)>,
    began: Duration,
    /// How long this process had been awake when looks began to show a time before it won, and nothing else.
    outdated: Option<Duration>,
    renewed: Duration,
    renewals: u64,
    /// Whether it has asked for the lease: whatever the answer was, it may own the environment.
    pub(super) has_tried: bool,
    /// Whether a release was under way when it took the environment over.
    pub(super) found_open: bool,
    /// Whether it has asked for the end to be written down.
    has_closed: bool,
}

impl Owner {
    pub(super) fn new(me: u64, now: Duration) -> Self {
        Self {
            me,
            fence: Fence(0),
            seen: None,
            began: now,
            outdated: None,
            renewed: now,
            renewals: 0,
            has_tried: false,
            found_open: false,
            has_closed: false,
        }
    }

    /// Notes whether the lease shows a sign of life.
    pub(super) fn saw(&mut self, view: &View, now: Duration) {
        let lease = view.lease.as_ref().map(|read| &read.object);
        if self.seen.as_ref().map(|(lease, _)| lease) != lease {
            self.seen = lease.map(|lease| (lease.clone(), now));
        }
    }

    /// Whether this process owns the environment and nobody has a higher number.
    pub(super) fn owns(&self, view: &View) -> bool {
        let lease = view.lease.as_ref().map(|read| &read.object);
        let holds =
            lease.is_some_and(|lease| lease.holder == Some(self.me) && lease.transitions == self.fence.0);
        holds && view.inventory().all(|(_, read)| read.fence <= self.fence)
    }

    /// Whether a look shows a time before this process won: an API server that lags answered it. Where all looks show that for
    /// as long as a lease lasts, somebody may have deleted it and begun to count anew. What this process has slept through
    /// says nothing.
    pub(super) fn is_outdated(&mut self, view: &View, timing: &Timing, awake: Duration) -> bool {
        let transitions = view.lease.as_ref().map(|read| read.object.transitions);
        let is_older = transitions.unwrap_or(0) < self.fence.0;
        self.outdated = is_older.then(|| self.outdated.unwrap_or(awake));
        self.outdated.is_some_and(|since| awake.saturating_sub(since) < timing.lease)
    }

    /// Whether another sign of life is due.
    pub(super) fn is_due(&self, timing: &Timing, now: Duration) -> bool {
        now.saturating_sub(self.renewed) >= timing.renew
    }

    fn is_expired(&self, timing: &Timing, now: Duration) -> bool {
        self.seen.as_ref().is_none_or(|(_, since)| now.saturating_sub(*since) >= timing.lease)
    }
}

impl Machine {
    /// Wins the lease where it is free or its owner gives no sign of life.
    pub(super) fn acquire(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        let timing = self.course.timing;
        let lease = view.lease.as_ref();
        let waited = now.saturating_sub(self.owner.began);
        if let Intent::Promote(consent) = self.intent {
            if waited >= timing.wait {
                return self.end_with(Ending::Refused, "nobody could be told that it may go on");
            }
            return self.ask_to_go_on(view, consent, now, effects);
        }
        let holder = lease.and_then(|read| read.object.holder);
        if holder == Some(self.owner.me) {
            self.owner.fence = Fence(lease.map_or(0, |read| read.object.transitions));
            self.owner.renewed = now;
            self.stage = Stage::Fencing;
            return self.fence_off(view, now, effects);
        }
        // As long as its own write may still win, it has to see to what it would own then.
        if self.aborted && self.intent != Intent::Abort && !self.pending.may_happen(Object::Lease) {
            // Somebody else won, or the write was lost.
            return self.end_with(Ending::Aborted, "aborted before it began");
        }
        if holder.is_some() && !self.owner.is_expired(&timing, now) {
            match self.intent {
                // Longer than a lease: it is seen only a while after this process began.
                Intent::Recover if waited >= timing.lease + timing.answer => {
                    self.end_with(Ending::Nothing, "the environment has a living owner");
                    return;
                }
                Intent::Release | Intent::Adopt if waited >= timing.wait => {
                    self.end_with(Ending::Refused, "somebody else is releasing to this environment");
                    return;
                }
                Intent::Abort if waited < timing.give_way => return self.ask_for_abort(view, now, effects),
                // It is doing what was asked for. To take the release from it would only make it slower.
                Intent::Abort if waited < timing.wait && is_going_back(view) => return,
                // A rollback does not wait for whoever does not answer.
                Intent::Abort => {}
                Intent::Recover | Intent::Release | Intent::Adopt | Intent::Promote(_) => return,
            }
        }
        let change = Change::Lease {
            holder: Some(self.owner.me),
            transitions: lease.map_or(0, |read| read.object.transitions) + 1,
            renewals: 0,
        };
        self.owner.has_tried = true;
        self.write(Object::Lease, lease.map(|read| read.version), change, now, effects);
    }

    /// Leaves the wish that it ends.
    fn ask_for_abort(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        let Some(ledger) = &view.ledger else { return };
        if let Some(journal) = ledger.object.under_way.as_ref().filter(|journal| !journal.abort) {
            self.leave(ledger, Journal { abort: true, ..journal.clone() }, now, effects);
        }
    }

    /// Leaves a word to the owner in the journal of its release. The fence stays the owner's: a wish is no take-over.
    pub(super) fn leave(
        &mut self,
        ledger: &Read<Head>,
        journal: Journal,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let head = Head { under_way: Some(journal), ..ledger.object.clone() };
        let change = Change::Ledger(Box::new(head));
        let (version, fence) = (Some(ledger.version), ledger.fence);
        let action = Action::Write { object: Object::Ledger, version, fence, change };
        effects.push(self.pending.send(action, now + self.course.timing.answer));
    }

    /// Writes the number onto every object. From then on every older update fails, whatever the clocks say.
    pub(super) fn fence_off(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        self.owner.found_open = view.ledger.as_ref().is_some_and(|ledger| ledger.object.under_way.is_some());
        let older: Vec<_> = view.inventory().filter(|(_, read)| read.fence < self.owner.fence).collect();
        if older.is_empty() {
            if self.open_ledger(view, now, effects) {
                return;
            }
            if self.intent == Intent::Adopt {
                (self.stage, self.entered) = (Stage::Adopting, now);
                return self.adopt(view, now, effects);
            }
            self.stage = Stage::Running;
            self.begin(view, now);
            if self.stage == Stage::Running {
                self.run(view, now, effects);
            }
            return;
        }
        for (object, read) in older {
            self.write(object, Some(read.version), Change::Fence, now, effects);
        }
    }

    /// Shows that this process is alive.
    pub(super) fn renew(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        self.owner.renewed = now;
        self.owner.renewals += 1;
        let change = Change::Lease {
            holder: Some(self.owner.me),
            transitions: self.owner.fence.0,
            renewals: self.owner.renewals,
        };
        self.write(Object::Lease, view.lease.as_ref().map(|read| read.version), change, now, effects);
    }

    /// The release is over: that is written down next.
    pub(super) fn give_back(&mut self, end: End, now: Duration) {
        self.stage = Stage::Closing(end);
        self.entered = now;
        self.look_at = now;
    }

    /// Writes down that the release is over, then gives the lease back.
    pub(super) fn close(&mut self, view: &View, end: End, now: Duration, effects: &mut Vec<Effect>) {
        if now.saturating_sub(self.entered) >= self.course.timing.patience {
            self.stage = Stage::Ended(end);
            return;
        }
        if let (Some(_), Some(ledger)) = (&self.journal, &view.ledger)
            && ledger.object.under_way.is_some()
        {
            self.owner.has_closed = true;
            let head = goals::closed(&self.course, &ledger.object, &end, self.course.unix(now));
            self.write(Object::Ledger, Some(ledger.version), Change::Ledger(Box::new(head)), now, effects);
        }
        // Without that write, a ledger that knows of no release under way is one from before it began.
        let is_outdated = self.journal.is_some() && !self.owner.has_closed;
        if self.settle(view, now, effects) || !effects.is_empty() || is_outdated {
            return;
        }
        let change = Change::Lease {
            holder: None,
            transitions: self.owner.fence.0,
            renewals: self.owner.renewals + 1,
        };
        self.write(Object::Lease, view.lease.as_ref().map(|read| read.version), change, now, effects);
        // Whether the lease is given back or expires makes no difference to the release.
        self.stage = Stage::Ended(end);
    }

    fn end_with(&mut self, ending: Ending, reason: &str) {
        self.stage = Stage::Ended(End::new(ending, reason));
    }
}

/// Whether the release under way is on its way back.
fn is_going_back(view: &View) -> bool {
    let journal = view.ledger.as_ref().and_then(|ledger| ledger.object.under_way.as_ref());
    journal.is_some_and(|journal| matches!(journal.phase, Phase::Reverting | Phase::Restoring))
}
