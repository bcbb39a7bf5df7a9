//! What goes wrong in a night while it goes on, and who looks after it.

use super::deployer::Deployer;
use super::fault::Fault;
use super::invariant::Invariant;
use super::recording::MarkKind;
use super::scenario::BEGIN;
use super::scrape::Blind;
use super::words;
use super::world::{ABORT_MAX, Event, RECOVER, World};
use crate::core::release::machine::{Ending, Input, Intent};

impl<D: Deployer> World<'_, D> {
    pub(super) fn recover(&mut self) {
        let busy = self.owners.iter().any(|owner| owner.machine.is_some());
        let open = self.cluster.ledger.as_ref().is_some_and(|read| read.object.under_way.is_some());
        // Once somebody has said that a person is needed, the next one would only say it again.
        let is_stuck = self.ends.last().is_some_and(|end| end.ending == Ending::Stuck);
        if self.now < self.calm || busy || (open && !is_stuck) {
            self.start(Intent::Recover);
            self.queue.push(self.now + RECOVER, Event::Recover);
        }
    }

    pub(super) fn abort_due(&mut self, owner: usize) {
        let served = self
            .cluster
            .components
            .iter()
            .any(|component| component.count(|pod| pod.serving && pod.revision == 1) > 0);
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
            Fault::Person { part, act, .. } => {
                self.watch.excuse(part);
                self.cluster.act(part, act);
            }
            Fault::Load { percent, .. } => self.cluster.multiply_load(f64::from(percent) / 100.0),
            Fault::NodeLost { pods, .. } => self.cluster.lose_node(pods),
            Fault::Command { owner, command, .. } => self.receive(owner, Input::Command(command)),
            Fault::Write { .. } | Fault::Renewal { .. } | Fault::Look { .. } | Fault::Clock { .. } => {}
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
            _ => {}
        }
    }
}
