//! What has to be true once everybody has ended.

use super::{NEW, OLD, Watch};
use crate::release::migration::Migration;
use crate::release::model::{ReleaseId, Slot};
use crate::release::view::{JobState, Traffic};
use crate::simulation::cluster::Cluster;
use crate::simulation::component::Form;
use crate::simulation::invariant::Invariant::{self, AllOrNothing, BoundsAreRestored};
use crate::simulation::scenario::Scenario;

impl Watch {
    /// Everybody has ended, and the pods that had to go are gone.
    pub(in crate::simulation) fn at_rest(&mut self, scenario: &Scenario, cluster: &Cluster) {
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
        let is_new = head.serving.as_ref() == Some(&scenario.course.release);
        let named = ReleaseId::or_nothing(head.serving.as_ref());
        if !is_new && head.serving != scenario.course.previous {
            return some(AllOrNothing, format!("the ledger says that `{named}` serves"));
        }
        for (migration, job) in scenario.course.migrations.iter().zip(&cluster.jobs) {
            let state = job.read.as_ref().map(|read| &read.object);
            let is_right = if is_new {
                state == Some(&JobState::Complete)
            } else {
                // What the old release needs is still there; what it does not mind may be.
                migration.kind == Migration::Expand || matches!(state, None | Some(JobState::Suspended))
            };
            if !is_right {
                return some(AllOrNothing, format!("{} is {state:?}, and `{named}` serves", migration.name));
            }
        }
        for (extra, read) in scenario.course.extras.iter().zip(&cluster.extras) {
            let says = read.as_ref().map(|read| &read.object);
            // What the release has made may stay, if it does nothing.
            let before = extra.old.as_ref().or(extra.idle.as_ref());
            let may_stay = before.is_none() || (extra.old.is_none() && says.is_none()) || extra.is_immutable;
            let is_right = if is_new { says == Some(&extra.new) } else { says == before || may_stay };
            if !is_right {
                return some(AllOrNothing, format!("{} says {says:?}, and `{named}` serves", extra.name));
            }
        }
        for (part, component) in cluster.components.iter().enumerate() {
            let (setup, touched) = (&scenario.setups[part], self.touched[part]);
            let course = &scenario.course.parts[part];
            let live = if head.serving.is_some() { *head.live.get(&course.name)? } else { Slot::A };
            let service = component.service.as_ref().map(|read| read.object);
            if !is_new && course.old.is_none() {
                let pods = component.wanted(Slot::A) + component.wanted(Slot::B);
                let is_silent = matches!(service, None | Some(Traffic::Nobody));
                if (pods > 0 || !is_silent) && !touched.traffic() {
                    let words = format!("component {part} has {pods} pods, its service selects {service:?}");
                    return some(AllOrNothing, words);
                }
                continue;
            }
            let is_without = service.is_none() && component.form == Form::Rolling;
            let is_adopted = service == Some(Traffic::Adopted) && live == Slot::A;
            if service != Some(Traffic::One(live)) && !is_adopted && !is_without && !touched.service {
                let words = format!("the service of component {part} selects {service:?}, not slot {live}");
                return some(BoundsAreRestored, words);
            }
            let expected = if is_new && course.changes() { NEW } else { OLD };
            if let Some(serving) = component.slot(live).filter(|_| !touched.slots[live as usize])
                && (serving.revision != expected || serving.wanted < self.least[part])
            {
                let words = format!(
                    "slot {live} of component {part} has {} pods of revision {}, and `{named}` is written down",
                    serving.wanted, serving.revision
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
