//! What a release owns: what everything is called, and what the manifests say of it.

use serde_json::{Value, json};

use crate::release::effect::Object;
use crate::release::labels;
use crate::release::ledger;
use crate::release::manifest;
use crate::release::model::{ComponentName, ReleaseId, Revision, Slot};
use crate::release::plan::{Further, Identity, Plan, Strategy};
use crate::release::slots::{Derived, Rolling, Slots};
use crate::release::view::Traffic;

/// Why there is no inventory.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unclear {
    /// The manifests are not those that the plan was made from.
    #[error("the plan speaks of `{0}`, and the manifests do not")]
    Component(ComponentName),
    /// The same, by content.
    #[error("the plan releases {planned} of `{component}`, and the manifests have {stated}")]
    Revision {
        /// The component.
        component: ComponentName,
        /// What the plan says.
        planned: Revision,
        /// What the manifests say.
        stated: Revision,
    },
}

/// What a release owns.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The release.
    pub(super) release: ReleaseId,
    /// The namespace of what states none.
    pub(super) namespace: String,
    /// The components, in the order of the plan.
    pub(super) parts: Vec<Owned>,
    /// The further objects, in the order of the plan.
    pub(super) extras: Vec<Further>,
    /// The Jobs that change the database, in the order of the plan.
    pub(super) jobs: Vec<Value>,
    /// What the release that serves has stated.
    pub(super) former: Vec<Value>,
    /// Whether fields that others own are taken from them.
    pub(super) takes_over: bool,
}

/// One component.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    /// What it is called.
    pub(super) name: ComponentName,
    /// Whether anything of it is to change.
    pub(super) changes: bool,
    /// The slot that its new revision goes to.
    pub(super) next: Slot,
    /// What its new revision is.
    pub(super) new: Revision,
    /// Whether its live pods lack the labels of a slot.
    pub(super) is_adopted: bool,
    kind: Kind,
}

/// The name of the Lease of an environment.
pub fn lease_name(environment: &str) -> String {
    format!("vitalyst-release-{environment}")
}

#[derive(Clone, Debug)]
enum Kind {
    Slots(Box<Slots>),
    Rolling(Box<Rolling>),
}

impl Inventory {
    /// The inventory of `plan`, which was made from `derived`, in a namespace. `former` is what the release that serves has
    /// stated, as its payloads keep it: what the way back writes again. Without it a way back is possible between slots, and
    /// not where something was changed in place.
    ///
    /// # Errors
    ///
    /// When the manifests are not those of the plan.
    pub fn new(plan: &Plan, derived: &Derived, namespace: &str, former: Vec<Value>) -> Result<Self, Unclear> {
        let mut parts = Vec::new();
        for part in &plan.parts {
            let name = &part.component;
            let slots = derived.slots.iter().find(|slots| slots.component == *name);
            let rolling = derived.rolling.iter().find(|rolling| rolling.component == *name);
            let commit = plan.commit.as_deref();
            let (kind, stated) = match (slots, rolling) {
                (Some(slots), _) => {
                    let signed = slots.clone().annotated(|deployment| sign(deployment, commit));
                    (Kind::Slots(Box::new(signed)), &slots.revision)
                }
                (None, Some(rolling)) => {
                    let mut signed = rolling.clone();
                    sign(&mut signed.deployment, commit);
                    (Kind::Rolling(Box::new(signed)), &rolling.revision)
                }
                (None, None) => return Err(Unclear::Component(name.clone())),
            };
            if *stated != part.new || (slots.is_none() && part.strategy != Strategy::Rolling) {
                let (planned, stated) = (part.new.clone(), stated.clone());
                return Err(Unclear::Revision { component: name.clone(), planned, stated });
            }
            let (next, new, is_adopted) = (part.slot, part.new.clone(), part.is_adopted);
            let (name, changes) = (name.clone(), part.changes());
            parts.push(Owned { name, changes, next, new, is_adopted, kind });
        }
        Ok(Self {
            release: plan.release.clone(),
            namespace: namespace.to_owned(),
            parts,
            extras: plan.further.clone(),
            jobs: plan.migrations.clone(),
            former,
            takes_over: false,
        })
    }

    /// The same, but fields that others own are taken from them: the plan has named these, and somebody has agreed. Without
    /// it a write of what the manifests state is refused where somebody else owns some of it.
    #[must_use]
    pub fn taking_over(self) -> Self {
        Self { takes_over: true, ..self }
    }

    /// The objects that an object of the machine stands for: one, but of a Service as many as the component has, in the order
    /// in which they are written. Empty where there is none, as of an autoscaler that nobody states.
    pub fn identities(&self, object: Object) -> Vec<Identity> {
        let one = |object: Option<&Value>| object.map(Identity::of).into_iter().collect();
        match object {
            Object::Lease => {
                vec![self.own("coordination.k8s.io/v1", "Lease", &lease_name(&self.release.environment))]
            }
            Object::Ledger => vec![self.own("v1", "ConfigMap", &ledger::name(&self.release.environment))],
            Object::Slot(part, slot) => one(self.part(part).and_then(|part| part.deployment(slot))),
            Object::Service(part) => self
                .part(part)
                .map(|part| part.services(Traffic::Both))
                .iter()
                .flatten()
                .map(Identity::of)
                .collect(),
            Object::Autoscaler(part) => {
                one(self.part(part).and_then(|part| part.autoscaler(Slot::A)).as_ref())
            }
            Object::Extra(index) => one(self.extras.get(index).map(|extra| &extra.object)),
            Object::Job(index) => one(self.jobs.get(index)),
        }
    }

    /// All objects of the machine, whether they are there or not.
    pub(super) fn objects(&self) -> Vec<Object> {
        let parts = (0..self.parts.len()).flat_map(|part| {
            let slots = [Slot::A, Slot::B].map(|slot| Object::Slot(part, slot));
            slots.into_iter().chain([Object::Service(part), Object::Autoscaler(part)])
        });
        let extras = (0..self.extras.len()).map(Object::Extra);
        let jobs = (0..self.jobs.len()).map(Object::Job);
        [Object::Lease, Object::Ledger].into_iter().chain(parts).chain(extras).chain(jobs).collect()
    }

    pub(super) fn part(&self, index: usize) -> Option<&Owned> {
        self.parts.get(index)
    }

    /// The namespace of an object.
    pub(super) fn namespace_of<'a>(&'a self, identity: &'a Identity) -> &'a str {
        identity.namespace.as_deref().unwrap_or(&self.namespace)
    }

    /// What the release that serves has stated of an object.
    pub(super) fn formerly(&self, identity: &Identity) -> Option<&Value> {
        self.former.iter().find(|object| identity.is(object, &self.namespace))
    }

    fn own(&self, api_version: &str, kind: &str, name: &str) -> Identity {
        Identity {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some(self.namespace.clone()),
            name: name.to_owned(),
        }
    }
}

impl Owned {
    /// The Deployment of a slot, as the new release states it: without `replicas`.
    pub(super) fn deployment(&self, slot: Slot) -> Option<&Value> {
        match &self.kind {
            Kind::Slots(slots) => Some(slots.deployment(slot)),
            Kind::Rolling(rolling) => (slot == Slot::A).then_some(&rolling.deployment),
        }
    }

    /// Its Services, as the new release states them.
    pub(super) fn services(&self, traffic: Traffic) -> Vec<Value> {
        match &self.kind {
            Kind::Slots(slots) => slots.services(traffic),
            Kind::Rolling(_) => Vec::new(),
        }
    }

    /// Its autoscaler, as the new release states it.
    pub(super) fn autoscaler(&self, slot: Slot) -> Option<Value> {
        match &self.kind {
            Kind::Slots(slots) => slots.autoscaler(slot),
            Kind::Rolling(_) => None,
        }
    }

    /// Whether its pods have the labels of a slot.
    pub(super) fn is_labelled(&self) -> bool {
        matches!(self.kind, Kind::Slots(_)) && !self.is_adopted
    }
}

fn sign(deployment: &mut Value, commit: Option<&str>) {
    if let Some(commit) = commit {
        manifest::set(deployment, &manifest::join("/metadata/annotations", labels::COMMIT), json!(commit));
    }
}
