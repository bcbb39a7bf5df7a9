//! What goes wrong in a night, and what somebody does in it, in words for people.

use super::cluster::Act;
use super::fault::Fault;
use crate::release::effect::Object;
use crate::release::machine::{Command, Intent, PartCourse};
use crate::release::view::Traffic;
use crate::text;

/// A deployer starts that is not the first.
pub(super) fn starts(intent: Intent) -> &'static str {
    match intent {
        Intent::Release => "another deployer starts with the same release",
        Intent::Recover => "somebody looks after releases without an owner",
        Intent::Promote(_) => "somebody lets the release go on",
        Intent::Adopt => "somebody adopts what runs",
        Intent::Abort => "somebody wants the old release back",
    }
}

/// Somebody wants something of a deployer.
pub(super) fn wants(command: Command) -> &'static str {
    match command {
        Command::Promote => "somebody says: it may pass",
        Command::PromoteFully => "somebody says: promote, whatever the evidence says",
        Command::Pause => "somebody says: pause",
        Command::Resume => "somebody says: go on",
        Command::Abort => "somebody says: abort",
    }
}

/// A fault begins, where it is one that has a moment of its own.
pub(super) fn strikes(fault: &Fault, parts: &[PartCourse]) -> Option<String> {
    let name = |part: usize| parts.get(part).map_or("a component", |part| &part.name.0);
    Some(match *fault {
        Fault::ApiDown { .. } => "the API server goes away".to_owned(),
        Fault::Dark { blind, .. } => match (blind.canary, blind.baseline) {
            (true, true) => "no pod can be measured any more".to_owned(),
            (true, false) => "the pods on trial cannot be measured any more".to_owned(),
            (false, true) => "the old pods cannot be measured any more".to_owned(),
            (false, false) => return None,
        },
        Fault::Quota { part, pods, .. } => format!("the quota lets {} have {pods} pods", name(part)),
        Fault::NoRoom { part, .. } => format!("no node has room for new pods of {}", name(part)),
        Fault::Reset { part, .. } => format!("the counters of {} begin again", name(part)),
        Fault::Healed { part, .. } => format!("a controller begins to put {} back", name(part)),
        Fault::Denied { .. } => "the role of the deployer loses a right".to_owned(),
        Fault::Lag { .. } => "an API server stands still".to_owned(),
        Fault::Slow { by, .. } => format!("each write waits {} s for a webhook", by.as_secs()),
        Fault::Jump { by, .. } => format!("the clock of the deployer jumps ahead by {} s", by.as_secs()),
        Fault::Sleep { .. } => "the deployer does not get to run".to_owned(),
        Fault::Person { part, act, .. } => person(act, name(part)),
        Fault::Load { percent, .. } => format!("{percent} % of the requests from now on"),
        Fault::Word { stays: true, .. } => "somebody leaves in the ledger: pause".to_owned(),
        Fault::Word { stays: false, .. } => "somebody leaves in the ledger: go on".to_owned(),
        Fault::NodeLost { pods, .. } => {
            format!("a node is lost with {}", text::count(pods as usize, "pod"))
        }
        Fault::Kill { .. }
        | Fault::Start { .. }
        | Fault::Command { .. }
        | Fault::Write { .. }
        | Fault::Renewal { .. }
        | Fault::Look { .. }
        | Fault::Clock { .. } => return None,
    })
}

fn person(act: Act, name: &str) -> String {
    match act {
        Act::Scale(slot, pods) => {
            let pods = text::count(pods as usize, "pod");
            format!("a person scales slot {slot} of {name} to {pods}")
        }
        Act::Select(Traffic::One(slot)) => format!("a person points the Service of {name} to slot {slot}"),
        Act::Select(Traffic::Both) => format!("a person points the Service of {name} to both slots"),
        Act::Select(Traffic::Adopted) => format!("a person gives the Service of {name} its first selector"),
        Act::Select(Traffic::Nobody) => format!("a person points the Service of {name} to nobody"),
        Act::Select(Traffic::Foreign) => format!("a person points the Service of {name} elsewhere"),
        Act::Delete(object) => match object {
            Object::Lease => "a person deletes the lease".to_owned(),
            Object::Ledger => "a person deletes the ledger".to_owned(),
            Object::Slot(_, slot) => format!("a person deletes slot {slot} of {name}"),
            Object::Service(_) => format!("a person deletes the Service of {name}"),
            Object::Autoscaler(_) => format!("a person deletes the autoscaler of {name}"),
            Object::Job(_) => "a person deletes a Job".to_owned(),
            Object::Extra(_) => "a person deletes one of the further objects".to_owned(),
        },
    }
}

/// A fault is over that lasted.
pub(super) fn passes(fault: &Fault) -> Option<&'static str> {
    match fault {
        Fault::ApiDown { .. } => Some("the API server is back"),
        Fault::Dark { .. } => Some("the pods can be measured again"),
        Fault::Quota { .. } => Some("the quota is lifted"),
        Fault::NoRoom { .. } => Some("there is room for new pods"),
        Fault::Healed { .. } => Some("the controller rests"),
        Fault::Denied { .. } => Some("the role has its right back"),
        Fault::Lag { .. } => Some("the API server has caught up"),
        Fault::Slow { .. } => Some("writes do not wait any more"),
        _ => None,
    }
}
