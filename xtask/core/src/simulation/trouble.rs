//! What goes wrong in a night while it goes on, and who looks after it.

use std::time::Duration;

use super::cluster::Act;
use super::deployer::Deployer;
use super::fault::{ANYBODY, Fault};
use super::invariant::Invariant;
use super::recording::MarkKind;
use super::scenario::BEGIN;
use super::scrape::Blind;
use super::watch::NEW;
use super::words;
use super::world::{ABORT_MAX, Event, RECOVER, World};
use crate::mask::Mask;
use crate::release::ledger::{Line, Pause};
use crate::release::machine::{Input, Intent};

/// How often a controller looks whether there is something to put back.
const HEAL: Duration = Duration::from_secs(20);

impl<D: Deployer> World<'_, D> {
    pub(super) fn recover(&mut self) {
        // Once somebody has said that a person is needed, the next one would only say it again.
        if self.now < self.calm || self.is_attended() || (self.is_open() && !self.is_stuck()) {
            self.start(Intent::Recover);
            self.queue.push(self.now + RECOVER, Event::Recover);
        }
    }

    pub(super) fn abort_due(&mut self, owner: usize) {
        let served = self
            .cluster
            .components
            .iter()
            .any(|component| component.count(|pod| pod.serving && pod.revision == NEW) > 0);
        if self.owners[owner].machine.is_some() && served {
            let after = ABORT_MAX.as_secs();
            self.watch.fail(Invariant::AbortIsHonoured, self.now, || {
                format!(
                    "deployer {owner} still lets the new release serve, {after} s after it was told to abort"
                )
            });
        }
    }

    pub(super) fn strike(&mut self, index: usize) {
        let fault = self.scenario.faults[index];
        self.note(|_| format!("{fault:?}"));
        let parts = &self.scenario.course.parts;
        if let Some(words) = words::strikes(&fault, parts) {
            self.mark(MarkKind::Fault, || words);
        }
        match fault {
            Fault::ApiDown { .. } => self.api_down += 1,
            Fault::Dark { blind, .. } => self.blind = blind,
            Fault::Quota { part, pods, .. } => self.cluster.limit(part, Some(pods)),
            Fault::Kill { owner, next, .. } => self.kill(owner, next),
            Fault::Sleep { owner, until, .. } => {
                if let Some(state) = self.owners.get_mut(owner) {
                    state.asleep_until = BEGIN + until;
                }
            }
            Fault::Start { intent, .. } => self.start(intent),
            Fault::Jump { owner, by, .. } => {
                if let Some(state) = self.owners.get_mut(owner) {
                    state.ahead += by;
                    self.receive(owner, Input::Wake);
                }
            }
            Fault::Person { part, act, .. } => self.touch(part, act),
            Fault::Healed { .. } => self.heal(index),
            Fault::Slow { by, .. } => self.slow = by,
            Fault::Denied { object, .. } => self.denied.push(object),
            Fault::Lag { .. } => self.stale = Some(Box::new(self.cluster.look(self.now))),
            Fault::NoRoom { part, .. } => self.cluster.schedule(part, false),
            Fault::Reset { part, .. } => self.cluster.reset(part),
            Fault::Load { percent, .. } => self.cluster.multiply_load(f64::from(percent) / 100.0),
            Fault::NodeLost { pods, .. } => self.cluster.lose_node(pods),
            Fault::Command { owner: ANYBODY, command, .. } => {
                for owner in 0..self.owners.len() {
                    self.receive(owner, Input::Command(command));
                }
            }
            Fault::Command { owner, command, .. } => self.receive(owner, Input::Command(command)),
            Fault::Word { stays, .. } => self.note_down(stays),
            Fault::Write { .. } | Fault::Renewal { .. } | Fault::Look { .. } | Fault::Clock { .. } => {}
        }
    }

    /// Somebody leaves a word in the ledger, by the rules for it and upon the version that they have read; the fence on it stays
    /// the owner's. Where it would be refused, nothing happens.
    fn note_down(&mut self, stays: bool) {
        let course = &self.scenario.course;
        let (steps, since) =
            (course.parts.iter().map(|part| part.steps().len()).max(), course.unix(self.now));
        let Some(read) = self.cluster.ledger.as_mut().filter(|_| self.api_down == 0) else { return };
        let said = if stays {
            let line = |words: &str| Line::new(words, &Mask::default());
            let pause = Pause { since, by: line("somebody"), why: line("a look at it"), until: None };
            read.object.pausing(pause, steps.unwrap_or(0))
        } else {
            read.object.resuming()
        };
        if let Ok(head) = said {
            read.object = head;
            read.version.resource = self.cluster.shared.version();
        }
    }

    /// A person, or a controller that is none of ours, changes something of a component.
    fn touch(&mut self, part: usize, act: Act) {
        self.watch.touched(self.scenario, &self.cluster, part, act);
        self.cluster.act(part, act);
        self.watch.was_touched(&self.cluster, part);
    }

    /// A controller puts something back, where it is another way.
    pub(super) fn heal(&mut self, index: usize) {
        let Fault::Healed { part, act, until, .. } = self.scenario.faults[index] else { return };
        let component = &self.cluster.components[part];
        let is_so = match act {
            Act::Scale(slot, pods) => component.slot(slot).is_none_or(|slot| slot.wanted == pods),
            Act::Select(traffic) => component.service.as_ref().is_none_or(|read| read.object == traffic),
            Act::Delete(_) => true,
        };
        if !is_so {
            self.note(|_| format!("a controller heals component {part}: {act:?}"));
            self.touch(part, act);
        }
        if self.now + HEAL < BEGIN + until {
            self.queue.push(self.now + HEAL, Event::Heal(index));
        }
    }

    pub(super) fn relieve(&mut self, index: usize) {
        if let Some(words) = words::passes(&self.scenario.faults[index]) {
            self.mark(MarkKind::Fault, || words.to_owned());
        }
        match self.scenario.faults[index] {
            Fault::ApiDown { .. } => self.api_down = self.api_down.saturating_sub(1),
            Fault::Dark { .. } => self.blind = Blind::default(),
            Fault::Quota { part, .. } => self.cluster.limit(part, None),
            Fault::Slow { .. } => self.slow = Duration::ZERO,
            Fault::Denied { object, .. } => self.denied.retain(|denied| *denied != object),
            Fault::Lag { .. } => self.stale = None,
            Fault::NoRoom { part, .. } => self.cluster.schedule(part, true),
            _ => {}
        }
    }
}
