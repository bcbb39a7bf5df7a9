//! The objects beside those of the components: settings, policies, budgets, workloads that have one slot.

use serde_json::{Value, json};

use super::live::Live;
use super::{Identity, Migration, Objects, Part, bound, diff, steps};
use crate::release::machine::Extra;
use crate::release::model::Content;
use crate::release::slots::Derived;
use crate::release::{manifest, migration};

/// An object beside those of the components.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Further {
    /// What is written.
    pub object: Value,
    /// What a workload says that has nothing to do: no pods, or suspended.
    pub idle: Option<Value>,
    /// What it says now, by content; `None` where it is not there.
    pub old: Option<Content>,
    /// What it is to say. The same as what it says where that says all of it.
    pub new: Content,
    /// Whether it is written after the components have flipped.
    pub late: bool,
}

impl Further {
    fn new(object: &Value, live: &Live) -> Self {
        let late = steps::is_workload(object);
        let further =
            Self { object: object.clone(), idle: idle(object), old: None, new: content(object), late };
        let old = live.find(object).map(|found| further.read(found));
        Self { old, ..further }
    }

    /// What an object of the cluster says: the content of this one where it says all of it, or that of its idle form. What
    /// says something else has a content of its own, which stays the same as long as nobody writes the object.
    pub fn read(&self, found: &Value) -> Content {
        let stated = [Some(&self.object), self.idle.as_ref()];
        let said = stated.into_iter().flatten().find(|stated| diff::says(found, stated));
        said.map_or_else(|| content(&bound::written(found)), content)
    }

    /// What is written to give it this content; `None` where that is not known.
    pub fn object_of(&self, wanted: &Content) -> Option<&Value> {
        let idle = self.idle.as_ref().filter(|idle| content(idle) == *wanted);
        if *wanted == self.new { Some(&self.object) } else { idle }
    }

    /// What the machine has to know of it.
    pub(super) fn extra(&self) -> Extra {
        Extra {
            name: Identity::of(&self.object).to_string().into(),
            old: self.old.clone(),
            new: self.new.clone(),
            idle: self.idle.as_ref().map(content),
            is_immutable: self.object.get("immutable") == Some(&Value::Bool(true)),
            late: self.late,
        }
    }
}

/// All of them, in the order in which they are written.
pub(super) fn of(parts: &[Part], objects: &[Objects<'_>], derived: &Derived, live: &Live) -> Vec<Further> {
    let others = derived.rest.iter().filter(|object| migration::of(object) == Migration::None);
    let (late, early): (Vec<&Value>, Vec<&Value>) = others.partition(|object| steps::is_workload(object));
    let budgets = steps::slotted(parts, objects).flat_map(|(part, slots)| slots.budgets(part.slot));
    early.into_iter().chain(budgets).chain(late).map(|object| Further::new(object, live)).collect()
}

/// A workload with nothing to do; `None` for what does nothing by itself, or cannot be kept from it.
fn idle(object: &Value) -> Option<Value> {
    let (pointer, value) = match object.get("kind")?.as_str()? {
        "Deployment" | "StatefulSet" => ("/spec/replicas", json!(0)),
        "CronJob" | "Job" => ("/spec/suspend", json!(true)),
        _ => return None,
    };
    let mut idle = object.clone();
    manifest::set(&mut idle, pointer, value);
    Some(idle)
}

/// The hash of all that an object states.
pub fn content(object: &Value) -> Content {
    let hash = blake3::hash(object.to_string().as_bytes());
    Content(hash.to_hex().chars().take(16).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn further(object: &Value, live: &[Value]) -> Further {
        Further::new(object, &Live { objects: live.to_vec(), ..Live::default() })
    }

    fn worker(replicas: u32) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "worker"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": []}}},
        })
    }

    #[test]
    fn what_the_cluster_adds_is_no_change_and_what_is_stated_is() {
        let mut live = worker(2);
        live["metadata"]["uid"] = json!("1");
        live["spec"]["template"]["spec"]["dnsPolicy"] = json!("ClusterFirst");
        live["status"] = json!({"replicas": 2});
        assert!(!further(&worker(2), std::slice::from_ref(&live)).extra().changes());
        assert!(further(&worker(3), &[live]).extra().changes());
        let new = further(&worker(2), &[]);
        assert!(new.old.is_none() && new.extra().changes());
    }

    #[test]
    fn a_workload_can_be_there_and_idle() {
        let worker = further(&worker(2), &[]);
        assert_eq!(worker.idle.as_ref().unwrap()["spec"]["replicas"], 0);
        assert!(worker.late && worker.extra().idle != Some(worker.new.clone()));
        let job = further(&json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}), &[]);
        assert_eq!(job.idle.unwrap()["spec"]["suspend"], true);
        let settings =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}, "immutable": true});
        let settings = further(&settings, &[]).extra();
        assert!(settings.is_immutable && settings.idle.is_none() && !settings.late);
        assert_eq!(&*settings.name, "ConfigMap `s`");
    }
}
