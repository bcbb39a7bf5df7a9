//! What must not be left of a release once everybody has ended.

use super::{NEW, OLD};
use crate::core::release::migration::Migration;
use crate::core::release::model::{ReleaseId, Slot};
use crate::core::release::view::{JobState, Traffic};
use crate::core::simulation::cluster::Cluster;
use crate::core::simulation::scenario::Scenario;

/// What of the experiment is left at rest, in words.
pub(super) fn left_over(scenario: &Scenario, cluster: &Cluster) -> Option<String> {
    let head = &cluster.ledger.as_ref()?.object;
    if let Some(journal) = &head.under_way {
        return Some(format!("the ledger says that a release is {:?}", journal.phase));
    }
    let is_new = head.serving.as_ref() == Some(&scenario.course.release);
    let serving = ReleaseId::or_nothing(head.serving.as_ref());
    if !is_new && head.serving != scenario.course.previous {
        return Some(format!("the ledger says that `{serving}` serves"));
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
            return Some(format!("{} is {state:?}, and `{serving}` serves", migration.name));
        }
    }
    for (extra, read) in scenario.course.extras.iter().zip(&cluster.extras) {
        let says = read.as_ref().map(|read| &read.object);
        // What the release has made may stay, if it does nothing.
        let before = extra.old.as_ref().or(extra.idle.as_ref());
        let may_stay = before.is_none() || (extra.old.is_none() && says.is_none()) || extra.is_immutable;
        let is_right = if is_new { says == Some(&extra.new) } else { says == before || may_stay };
        if !is_right {
            return Some(format!("{} says {says:?}, and `{serving}` serves", extra.name));
        }
    }
    for (part, component) in cluster.components.iter().enumerate() {
        let service = component.service.as_ref().map(|read| read.object);
        let course = &scenario.course.parts[part];
        if !is_new && course.old.is_none() {
            let pods = component.wanted(Slot::A) + component.wanted(Slot::B);
            if pods > 0 || !matches!(service, None | Some(Traffic::Nobody)) {
                return Some(format!("component {part} has {pods} pods, its service selects {service:?}"));
            }
            continue;
        }
        let live = match service {
            Some(Traffic::One(live)) => live,
            Some(Traffic::Adopted) => Slot::A,
            None if component.is_rolling => Slot::A,
            _ => return Some(format!("the service of component {part} selects {service:?}")),
        };
        let expected = if is_new && course.changes() { NEW } else { OLD };
        let setup = &scenario.setups[part];
        let (slot, idle) = (component.slot(live)?, component.wanted(live.other()));
        if slot.revision != expected || (head.serving.is_some() && head.live.get(part) != Some(&live)) {
            return Some(format!(
                "component {part} serves with slot {live}, revision {}; `{serving}` is written down, slots {:?}",
                slot.revision, head.live
            ));
        }
        if idle > 0 || slot.wanted < setup.pods {
            return Some(format!("component {part} has {} pods and {idle} idle ones", slot.wanted));
        }
        if let (Some(read), Some((floor, ceiling))) = (&component.autoscaler, setup.autoscaler)
            && (read.object.target, read.object.floor, read.object.ceiling) != (live, floor, ceiling)
        {
            return Some(format!("the autoscaler of component {part} says {:?}", read.object));
        }
    }
    None
}
