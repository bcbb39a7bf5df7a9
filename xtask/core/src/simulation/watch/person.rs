//! What a person did by hand, and how far that explains what is seen afterwards.
//!
//! It explains the state of the object that was touched until a deployer writes that object again, and nothing else: not
//! what deployers do to other objects, not what the ledger says.

use std::time::Duration;

use super::{Watch, Write, planned_peak};
use crate::release::effect::{Change, Object};
use crate::release::model::Slot;
use crate::release::view::Traffic;
use crate::simulation::cluster::{Act, Cluster};
use crate::simulation::component::Component;
use crate::simulation::scenario::Scenario;

/// The objects of a component that a person has changed and nobody has mended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Touched {
    pub(super) slots: [bool; 2],
    pub(super) service: bool,
    pub(super) autoscaler: bool,
    /// When the person was last there.
    pub(super) at: Option<Duration>,
}

impl Touched {
    /// Whether it explains that users find fewer pods.
    pub(super) fn traffic(&self) -> bool {
        self.service || self.slots.contains(&true)
    }

    /// A deployer has written an object. A Deployment that serves and has too few pods is still what the person made of it.
    pub(super) fn mended(&mut self, write: &Write<'_>, component: &Component, least: u32) {
        match (write.object, write.change) {
            (Object::Slot(_, slot), Change::Slot { replicas, .. })
                if *replicas >= least || (component.service.is_some() && !component.selects(slot)) =>
            {
                self.slots[slot as usize] = false;
            }
            // One that was deleted is made for nobody first.
            (Object::Service(_), Change::Traffic(Traffic::One(_) | Traffic::Both)) => self.service = false,
            (Object::Autoscaler(_), _) => self.autoscaler = false,
            _ => {}
        }
    }
}

impl Watch {
    /// A person does something to a component by hand.
    pub(in crate::simulation) fn touched(
        &mut self,
        scenario: &Scenario,
        cluster: &Cluster,
        part: usize,
        act: Act,
    ) {
        let touched = &mut self.touched[part];
        match act {
            Act::Scale(slot, pods) => {
                touched.slots[slot as usize] = true;
                // Whoever begins a release after that finds so many, and leaves so many.
                self.least[part] = self.least[part].min(pods);
                // Pods of another template are replaced one by one, with one more meanwhile.
                let component = &cluster.components[part];
                let all: u32 = [Slot::A, Slot::B].map(|slot| component.wanted(slot)).iter().sum();
                let surge = planned_peak(&scenario.setups[part]) + 1;
                self.peak[part] = self.peak[part].max(2 * pods).max(all + pods + 1).max(surge);
            }
            Act::Select(_) | Act::Delete(Object::Service(_)) => {
                touched.service = true;
                // An autoscaler takes pods away that get no requests.
                let floor = scenario.setups[part].autoscaler.map_or(u32::MAX, |(floor, _)| floor);
                self.least[part] = self.least[part].min(floor);
            }
            Act::Delete(Object::Slot(_, slot)) => touched.slots[slot as usize] = true,
            Act::Delete(Object::Autoscaler(_)) => touched.autoscaler = true,
            Act::Delete(Object::Lease | Object::Ledger | Object::Extra(_) | Object::Job(_)) => {}
        }
    }

    /// A person has done something to a component by hand: what that exposes is that person's.
    pub(in crate::simulation) fn was_touched(&mut self, cluster: &Cluster, part: usize) {
        // What is on its way then was asked for before that.
        self.touched[part].at = Some(cluster.now());
        if let Some(unwatched) = &mut self.unwatched {
            unwatched[part] = super::exposure(&cluster.components[part]);
        }
    }
}
