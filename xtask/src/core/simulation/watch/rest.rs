//! What has to be true once everybody has ended.

use super::{NEW, OLD, Watch};
use crate::core::release::view::Traffic;
use crate::core::simulation::cluster::Cluster;
use crate::core::simulation::invariant::Invariant::{self, AllOrNothing, BoundsAreRestored};
use crate::core::simulation::scenario::Scenario;

impl Watch {
    /// Everybody has ended, and the pods that had to go are gone.
    pub(in crate::core::simulation) fn at_rest(&mut self, scenario: &Scenario, cluster: &Cluster) {
        if let Some((invariant, words)) = self.left_over(scenario, cluster) {
            self.fail(invariant, cluster.now(), || words);
        }
    }

    /// What of the experiment is left at rest, in words. What a person touched and nobody has mended is left out.
    fn left_over(&self, scenario: &Scenario, cluster: &Cluster) -> Option<(Invariant, String)> {
        let head = &cluster.ledger.as_ref()?.object;
        let some = |invariant, words| Some((invariant, words));
        if let Some(journal) = &head.under_way {
            return some(AllOrNothing, format!("the ledger says that a release is {:?}", journal.phase));
        }
        let is_new = head.serving == scenario.course.release;
        if !is_new && head.serving != scenario.course.previous {
            return some(AllOrNothing, format!("the ledger says that `{}` serves", head.serving));
        }
        for (part, component) in cluster.components.iter().enumerate() {
            let (setup, touched) = (&scenario.setups[part], self.touched[part]);
            let live = *head.live.get(part)?;
            let service = component.service.as_ref().map(|read| read.object);
            if service != Some(Traffic::One(live)) && !touched.service {
                let words = format!("the service of component {part} selects {service:?}, not slot {live}");
                return some(BoundsAreRestored, words);
            }
            let expected = if is_new && scenario.course.parts[part].changes() { NEW } else { OLD };
            if let Some(serving) = component.slot(live).filter(|_| !touched.slots[live as usize])
                && (serving.revision != expected || serving.wanted < self.least[part])
            {
                let words = format!(
                    "slot {live} of component {part} has {} pods of revision {}, and `{}` is written down",
                    serving.wanted, serving.revision, head.serving
                );
                return some(AllOrNothing, words);
            }
            let idle = component.wanted(live.other());
            if idle > 0 && !touched.slots[live.other() as usize] {
                return some(AllOrNothing, format!("component {part} has {idle} idle pods"));
            }
            if let (Some(read), Some((floor, ceiling))) = (&component.autoscaler, setup.autoscaler)
                && !touched.autoscaler
                && (read.object.target, read.object.floor, read.object.ceiling) != (live, floor, ceiling)
            {
                let words = format!("the autoscaler of component {part} says {:?}", read.object);
                return some(BoundsAreRestored, words);
            }
        }
        None
    }
}
