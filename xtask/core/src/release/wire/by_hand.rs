//! What a person can do with nothing but kubectl, when a release needs one: commands that fit what is there, and what to look at
//! where there are none.

use serde_json::{Value, json};

use super::inventory::{Inventory, Owned};
use super::{slot, traffic};
use crate::command::quote;
use crate::release::ledger::{Head, Journal, Phase};
use crate::release::model::{ReleaseId, Slot};
use crate::release::plan::Identity;
use crate::release::view::Traffic;

/// The way back without this program.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ByHand {
    /// The release that serves once the commands were run.
    pub serves: Option<ReleaseId>,
    /// Commands for a shell, in their order.
    pub commands: Vec<String>,
    /// What no command does, and what has to be looked at: a sentence each.
    pub remarks: Vec<String>,
}

impl ByHand {
    /// It, to be read. It ends with a line end. Whoever types a command runs it only where all before it have done what they should:
    /// requests must not go to pods that are not there.
    pub fn words(&self) -> String {
        let serves = ReleaseId::or_nothing(self.serves.as_ref());
        let head =
            format!("by hand, as things were seen last, this gives the requests to what `{serves}` was:\n");
        let head = (!self.commands.is_empty()).then_some(head);
        let last = self.commands.len().saturating_sub(1);
        let commands = self.commands.iter().enumerate().map(|(index, command)| {
            let and = if index < last { " &&" } else { "" };
            format!("  {command}{and}\n")
        });
        let remarks = self.remarks.iter().map(|remark| format!("{remark}\n"));
        head.into_iter().chain(commands).chain(remarks).collect()
    }
}

impl Inventory {
    /// How requests get back to the release that serves by the ledger `head`, when this one has stopped where it is. `objects` are
    /// the answers to all of [`Inventory::questions`]: what is there already is left out, and what is in the way is said.
    ///
    /// `context` is the one of kubectl's configuration that leads to the cluster. Each command says where: whoever is in need of it
    /// may have chosen another cluster for something else.
    pub fn by_hand(&self, context: &str, head: Option<&Head>, objects: &[Value]) -> ByHand {
        let kubectl =
            |namespace: &str| format!("kubectl --context {} --namespace {namespace}", quote(context));
        let look = format!(
            "look at it: {} get deployments,services --output=wide --label-columns=vitalyst.io/slot",
            kubectl(&self.namespace)
        );
        let mut way = ByHand::default();
        let Some(head) = head else {
            way.remarks =
                vec!["the ledger was not seen: it is not known which slots served before".to_owned(), look];
            return way;
        };
        way.serves.clone_from(&head.serving);
        let Some(serves) = head.serves() else {
            way.remarks = vec!["nothing served before: there is nothing to go back to".to_owned(), look];
            return way;
        };
        let journal = head.under_way.as_ref();
        if let Some(kept) = journal.and_then(needs_no_way_back) {
            way.remarks = vec![kept, look];
            return way;
        }
        for (index, part) in self.parts.iter().enumerate().filter(|(_, part)| part.changes) {
            let Some(piece) = serves.account.pieces.iter().find(|piece| piece.component == part.name) else {
                way.remarks
                    .push(format!("`{}` is not part of `{}`, and stays as it is", part.name, serves.release));
                continue;
            };
            let old = head.live.get(&part.name).copied().unwrap_or(Slot::A);
            let Some(identity) = part.deployment(old).map(Identity::of) else { continue };
            let kept = format!("its manifests are kept in the ConfigMap `{}`", piece.payload);
            let Some(found) = objects.iter().find(|object| identity.is(object, &self.namespace)) else {
                way.remarks
                    .push(format!("the Deployment `{}`, which served, is not there: {kept}", identity.name));
                continue;
            };
            let runs = slot::revision(found);
            if runs != piece.revision {
                let (name, release) = (&identity.name, &serves.release);
                way.remarks
                    .push(format!("the Deployment `{name}` does not run what `{release}` ran: {kept}"));
                continue;
            }
            let wanted = journal.and_then(|journal| journal.replicas.get(index)).copied().unwrap_or(1).max(1);
            let place = kubectl(self.namespace_of(&identity));
            way.commands.extend(filled(found, wanted, &place));
            self.give_requests(part, old, found, objects, &kubectl, &mut way);
        }
        if way.commands.is_empty() {
            if way.remarks.is_empty() {
                way.remarks.push(format!("what `{}` was gets the requests already", serves.release));
            }
            way.remarks.push(look);
        }
        way
    }

    /// The commands that give the requests of a component to the slot that served.
    fn give_requests(
        &self,
        part: &Owned,
        served: Slot,
        deployment: &Value,
        objects: &[Value],
        kubectl: &impl Fn(&str) -> String,
        way: &mut ByHand,
    ) {
        let to = if traffic::has_slot(deployment) { Traffic::One(served) } else { Traffic::Adopted };
        let services = match self.services(part, to) {
            Ok(services) => services,
            Err(words) => return way.remarks.push(format!("the requests of `{}`: {words}", part.name)),
        };
        for service in services {
            let identity = Identity::of(&service);
            let selector = service.pointer("/spec/selector").unwrap_or(&Value::Null);
            let Some(found) = objects.iter().find(|object| identity.is(object, &self.namespace)) else {
                way.remarks.push(format!("the Service `{}` is not there", identity.name));
                continue;
            };
            if found.pointer("/spec/selector") == Some(selector) {
                continue;
            }
            let patch = json!([{"op": "replace", "path": "/spec/selector", "value": selector}]);
            way.commands.push(format!(
                "{} patch service {} --type json --patch {}",
                kubectl(self.namespace_of(&identity)),
                identity.name,
                quote(&patch.to_string())
            ));
        }
    }
}

/// Why nobody has to go back: the new release was found good, and only the rest was not done.
fn needs_no_way_back(journal: &Journal) -> Option<String> {
    let release = &journal.release;
    match journal.phase {
        Phase::Cleaning => {
            Some(format!("`{release}` serves and was found good: only what stood by is still there"))
        }
        Phase::Contracting => Some(format!(
            "`{release}` serves, and the database may lack what the release before needs: nothing goes back"
        )),
        _ => None,
    }
}

/// What a Deployment needs before it can take all requests: its pods. The deployer may run it: its role has no `scale`, and watches
/// nothing, as `rollout status` does.
fn filled(deployment: &Value, wanted: u32, kubectl: &str) -> Vec<String> {
    let count = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_u64);
    let name = deployment.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let mut commands = Vec::new();
    if count("/spec/replicas").unwrap_or(1) < u64::from(wanted) {
        let patch = quote(&json!({"spec": {"replicas": wanted}}).to_string());
        commands.push(format!("{kubectl} patch deployment {name} --type merge --patch {patch}"));
    }
    if !commands.is_empty() || count("/status/availableReplicas").unwrap_or(0) < u64::from(wanted) {
        let ready =
            format!("{kubectl} get deployment {name} --output jsonpath='{{.status.availableReplicas}}'");
        commands.push(format!("until [ \"0$({ready})\" -ge {wanted} ]; do sleep 1; done"));
    }
    commands
}
