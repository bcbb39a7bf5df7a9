//! In which order components change, how long users see a mixture, and how soon pods go that served.

use std::time::Duration;

use super::{NEW, OLD, Watch, Write, serves_alone};
use crate::release::effect::{Change, Object};
use crate::release::model::Slot;
use crate::release::view::Traffic;
use crate::simulation::cluster::Cluster;
use crate::simulation::fault::Fault;
use crate::simulation::invariant::Invariant;
use crate::simulation::scenario::Scenario;

/// How long one component may be new and another old: the time that a flip waits for its pods, and a way back.
const MIXED_MAX: Duration = Duration::from_mins(15);

#[derive(Debug)]
pub(super) struct Order {
    /// When the last fault was over.
    calm: Duration,
    /// When a deployer last started after nobody had been at work.
    attended: Duration,
    /// Since when users see one component new and another one old.
    mixed_since: Option<Duration>,
    /// Until when pods of each slot got requests, where they did.
    served: Vec<[Option<Duration>; 2]>,
    /// How long pods have to stay after that; nothing where a clock of the night does not tell.
    drain: Option<Duration>,
}

impl Order {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let jumps = scenario.faults.iter().any(|fault| matches!(fault, Fault::Jump { .. }));
        Self {
            calm: scenario.calm(),
            attended: Duration::ZERO,
            mixed_since: None,
            served: vec![[None; 2]; scenario.setups.len()],
            drain: (!jumps).then_some(scenario.course.timing.drain),
        }
    }

    pub(super) fn attended(&mut self, now: Duration) {
        self.attended = now;
    }

    /// How long users see a mixture, where that is too long.
    pub(super) fn mixed_for(&self, now: Duration) -> Option<Duration> {
        let since = self.mixed_since?.max(self.calm).max(self.attended);
        Some(now.saturating_sub(since)).filter(|time| *time > MIXED_MAX)
    }

    /// The endpoints of a component have been written.
    pub(super) fn endpoints(&mut self, scenario: &Scenario, cluster: &Cluster, part: usize, touched: bool) {
        let now = cluster.now();
        let component = &cluster.components[part];
        for slot in [Slot::A, Slot::B] {
            if component.pods.iter().any(|pod| pod.serving && pod.slot == slot) {
                self.served[part][slot as usize] = Some(Duration::MAX);
            } else if let Some(until) = &mut self.served[part][slot as usize] {
                *until = (*until).min(now);
            }
        }
        let changing = || {
            let parts = scenario.course.parts.iter().zip(&cluster.components);
            parts.filter(|(part, _)| part.changes()).map(|(_, component)| component)
        };
        let is_mixed = changing().any(|component| serves_alone(component, NEW))
            && changing().any(|component| serves_alone(component, OLD));
        self.mixed_since = (is_mixed && !touched).then(|| self.mixed_since.unwrap_or(now));
    }
}

impl Watch {
    /// A deployer has changed an object of a component.
    pub(super) fn kept_order(&mut self, scenario: &Scenario, cluster: &Cluster, write: &Write<'_>) {
        let now = cluster.now();
        match (write.object, write.change) {
            (Object::Service(part), Change::Traffic(Traffic::One(_))) => {
                let component = &cluster.components[part];
                // Those before it are new before it is, those behind it are old before it is again.
                let others =
                    if serves_alone(component, NEW) { 0..part } else { part + 1..self.touched.len() };
                let wrong = others.into_iter().find(|&other| {
                    let neighbour = &cluster.components[other];
                    let is_late = if other < part {
                        !serves_alone(neighbour, NEW)
                    } else {
                        serves_alone(component, OLD) && serves_alone(neighbour, NEW)
                    };
                    scenario.course.parts[other].changes() && !self.touched[other].traffic() && is_late
                });
                if let Some(other) = wrong {
                    self.fail(Invariant::OrderIsKept, now, || {
                        format!("component {part} was flipped before component {other}")
                    });
                }
            }
            (Object::Slot(part, slot), Change::Slot { replicas: 0, .. }) => {
                // What never served before, or has no slots, has no requests that others could take.
                let has_slots =
                    scenario.course.parts[part].has_slots() && scenario.course.parts[part].old.is_some();
                let Some(drain) = self.order.drain.filter(|_| has_slots) else { return };
                let Some(until) = self.order.served[part][slot as usize] else { return };
                // Whoever sent requests there by hand a moment ago has not waited for their end either.
                let is_excused = self.touched[part].at.is_some_and(|at| write.was_unseen(at + drain));
                if now < until.saturating_add(drain) && !is_excused {
                    self.fail(Invariant::RequestsAreDrained, now, || {
                        format!("slot {slot} of component {part} was scaled down while its last requests ran")
                    });
                }
            }
            _ => {}
        }
    }
}
