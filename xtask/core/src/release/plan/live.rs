//! What is in the cluster when a plan is made.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value;

use super::bound::Key;
use super::{Identity, Migration, Plan, Strategy};
use crate::release::capacity::Resources;
use crate::release::labels::{self, Selector};
use crate::release::ledger::{self, Head, Unreadable};
use crate::release::manifest;
use crate::release::migration;
use crate::release::model::{ComponentName, ReleaseId, Revision, Slot};
use crate::release::revision;
use crate::release::slots::{Derived, Slots};
use crate::release::view::Traffic;

/// What is in the cluster.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The release that serves; `None` before the first one.
    pub release: Option<ReleaseId>,
    /// The components that serve. One that is missing has never been released.
    pub components: Vec<LiveComponent>,
    /// The namespace of the environment: what states none is there.
    pub namespace: String,
    /// The objects that the plan might write, as they were read: above all the Deployments and Services that serve.
    pub objects: Vec<Value>,
    /// What quotas leave of CPU and memory, where there are some.
    pub room: Option<Resources>,
    /// The commit that what serves was released from, by the ledger; without one, those of its Deployments, where a component
    /// that did not change keeps the one of its last change. Empty where nothing says so.
    pub commits: Vec<String>,
    /// The largest number that a release of the environment has had so far.
    pub number: u32,
}

/// Why a plan cannot be made from what is in the cluster.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unclear {
    /// A release is under way.
    #[error("`{0}` is under way, and has to end first")]
    UnderWay(ReleaseId),
    /// Both slots have requests, and no release is written down that would explain it.
    #[error(
        "the Service `{service}` gives requests to both slots of `{component}`, and no release is under way"
    )]
    BothServe {
        /// The component.
        component: ComponentName,
        /// The Service.
        service: String,
    },
    /// A Service selects no slot.
    #[error("the Service `{service}` selects no slot of `{component}`: it asks for `{selector}`")]
    NoneServes {
        /// The component.
        component: ComponentName,
        /// The Service.
        service: String,
        /// What it asks for.
        selector: String,
    },
    /// A Service that no manifest states selects the pods of one slot, and would go on to do so.
    #[error(
        "the Service `{service}` selects the pods of `{component}`, and no manifest states it: it would stay where it is"
    )]
    Stranger {
        /// The component.
        component: ComponentName,
        /// The Service.
        service: String,
    },
    /// Services of one component do not select the same slot.
    #[error("the Services of `{0}` do not select the same slot")]
    Divided(ComponentName),
    /// The ledger cannot be read.
    #[error("the ledger `{name}` cannot be read")]
    Ledger {
        /// The `ConfigMap`.
        name: String,
        /// Why; `None` where it holds something else than texts.
        source: Option<Unreadable>,
    },
}

impl Live {
    /// What `objects`, as they were read from the cluster, say about the components of `derived`.
    ///
    /// # Errors
    ///
    /// When they do not show one release at rest.
    pub fn read(
        environment: &str,
        namespace: &str,
        objects: Vec<Value>,
        derived: &Derived,
    ) -> Result<Self, Unclear> {
        let stated: Vec<Identity> = derived.stated().into_iter().map(Identity::of).collect();
        let mut live = Self::at_rest(environment, namespace, objects, &stated)?;
        let mut serving = Vec::new();
        for slots in &derived.slots {
            let found = self::serving(slots, &live)?;
            serving.extend(found.map(|(slot, deployment)| (&slots.component, slot, deployment)));
            if let Some(service) = stranger(slots, &stated, &live) {
                return Err(Unclear::Stranger { component: slots.component.clone(), service });
            }
        }
        for rolling in &derived.rolling {
            let found = live.find(&rolling.deployment);
            serving.extend(found.map(|deployment| (&rolling.component, Slot::A, deployment)));
        }
        let pointer = manifest::join("/metadata/annotations", labels::COMMIT);
        let commits: BTreeSet<&str> =
            serving.iter().filter_map(|(_, _, deployment)| text(deployment, &pointer)).collect();
        let commits = commits.into_iter().map(str::to_owned).collect();
        live.components =
            serving.into_iter().map(|(name, slot, deployment)| component(name, slot, deployment)).collect();
        if live.commits.is_empty() {
            live.commits = commits;
        }
        if live.release.is_none() && !live.components.is_empty() {
            live.release = Some(ReleaseId { environment: environment.into(), number: 0 });
        }
        Ok(live)
    }

    /// What `objects` say to somebody who carries out `plan`: where it is still right, the components are what it says.
    ///
    /// # Errors
    ///
    /// When they do not show one release at rest.
    pub fn for_plan(namespace: &str, objects: Vec<Value>, plan: &Plan) -> Result<Self, Unclear> {
        let stated: Vec<Identity> = plan.bound.iter().map(|bound| bound.object.clone()).collect();
        let mut live = Self::at_rest(&plan.release.environment, namespace, objects, &stated)?;
        let serving = plan.parts.iter().filter_map(|part| {
            let flips = part.changes() && part.strategy != Strategy::Rolling;
            Some(LiveComponent {
                name: part.component.clone(),
                slot: if flips { part.slot.other() } else { part.slot },
                revision: part.old.clone()?,
                replicas: part.replicas,
            })
        });
        live.components = serving.collect();
        // Without a ledger nothing has been released, only put there.
        let there = || stated.iter().any(|own| own.kind == "Deployment" && live.named(own).is_some());
        if live.release.is_none() && there() {
            live.release = Some(ReleaseId { environment: plan.release.environment.clone(), number: 0 });
        }
        Ok(live)
    }

    /// What there was before the release that is under way: by what the ledger says of the release that serves, and by
    /// `former`, what that one has stated. `objects` are those of the cluster as they are now, of which some are as the new
    /// release wants them already. Whether pods bear the labels of a slot is asked of those.
    ///
    /// A Job that changes the database is not among them: one that this release has begun is to be waited for.
    pub fn before(
        namespace: &str,
        objects: Vec<Value>,
        former: &[Value],
        head: &Head,
        derived: &Derived,
    ) -> Self {
        let serving = head.serves();
        let journal = head.under_way.as_ref();
        // A cluster says where each object is, and manifests seldom do.
        let own = |object: &Value| {
            let key = Key::of(object);
            let is_slotted = |slots: &Slots| slots.objects().any(|own| Key::of(own).is(key, namespace));
            derived.slots.iter().any(is_slotted)
        };
        let is_former = |object: &Value| {
            let key = Key::of(object);
            former.iter().any(|former| Key::of(former).is(key, namespace))
        };
        let is_job = |object: &Value| migration::of(object) != Migration::None;
        let mut kept: Vec<Value> = objects
            .into_iter()
            .filter(|object| !is_job(object) && (own(object) || !is_former(object)))
            .filter(|object| {
                own(object) || !derived.rest.iter().any(|rest| Key::of(rest).is(Key::of(object), namespace))
            })
            .collect();
        kept.extend(former.iter().filter(|former| !own(former)).cloned());
        let components = serving.into_iter().flat_map(|entry| &entry.account.pieces);
        let begun = journal.and_then(|journal| head.history.find(&journal.release));
        let components = components.map(|piece| {
            let of_begun = begun.into_iter().flat_map(|entry| &entry.account.pieces);
            let index = of_begun.into_iter().position(|own| own.component == piece.component);
            let replicas = index.and_then(|index| journal?.replicas.get(index).copied());
            LiveComponent {
                name: piece.component.clone(),
                slot: head.live.get(&piece.component).copied().unwrap_or(Slot::A),
                revision: piece.revision.clone(),
                replicas: replicas.unwrap_or(1),
            }
        });
        let newest = head.history.newest().map_or(0, |entry| entry.release.number);
        Self {
            release: head.serving.clone(),
            components: components.collect(),
            namespace: namespace.to_owned(),
            objects: kept,
            room: None,
            commits: serving
                .and_then(|entry| entry.account.commit.as_deref())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            number: newest,
        }
    }

    /// The objects, quotas and the ledger. What belongs to other namespaces than `namespace`, and is not `stated` to be
    /// there, is left out.
    fn at_rest(
        environment: &str,
        namespace: &str,
        mut objects: Vec<Value>,
        stated: &[Identity],
    ) -> Result<Self, Unclear> {
        objects.retain(|object| {
            let live = Key::of(object);
            let near = live.namespace.is_none_or(|other| other == namespace);
            near || stated.iter().any(|own| own.key().is(live, namespace))
        });
        let head = head(environment, &objects)?;
        if let Some(journal) = head.as_ref().and_then(|head| head.under_way.as_ref()) {
            return Err(Unclear::UnderWay(journal.release.clone()));
        }
        let newest = head.as_ref().and_then(|head| head.history.newest());
        let number = newest.map_or(0, |entry| entry.release.number);
        let serving = head.as_ref().and_then(Head::serves);
        let commit = serving.and_then(|entry| entry.account.commit.as_deref()).map(str::to_owned);
        let commits = commit.into_iter().collect();
        let room = Resources::left_by_quotas(&objects);
        let release = head.and_then(|head| head.serving);
        let namespace = namespace.to_owned();
        Ok(Self { release, components: Vec::new(), namespace, objects, room, commits, number })
    }

    /// The object of the cluster that `stated` is about.
    pub fn find(&self, stated: &Value) -> Option<&Value> {
        self.look_up(Key::of(stated))
    }

    /// The object of that name.
    pub(super) fn named(&self, identity: &Identity) -> Option<&Value> {
        self.look_up(identity.key())
    }

    fn look_up(&self, wanted: Key<'_>) -> Option<&Value> {
        self.objects.iter().find(|object| wanted.is(Key::of(object), &self.namespace))
    }

    /// A cluster in which `derived` serves already, as an earlier release: for a rehearsal, which has no other.
    pub fn imagined(environment: &str, namespace: &str, derived: &Derived) -> Self {
        let mut objects = Vec::new();
        let mut components = Vec::new();
        for slots in &derived.slots {
            let floor =
                slots.autoscaler(Slot::A).and_then(|scaler| scaler.pointer("/spec/minReplicas")?.as_u64());
            let floor = floor.and_then(|floor| u32::try_from(floor).ok()).unwrap_or(0);
            components.push(LiveComponent {
                name: slots.component.clone(),
                slot: Slot::A,
                revision: before(&slots.revision),
                replicas: slots.replicas.max(floor),
            });
            objects.push(slots.deployment(Slot::A).clone());
            objects.extend(slots.budgets(Slot::A).iter().cloned());
            objects.extend(slots.services(Traffic::One(Slot::A)));
            objects.extend(slots.autoscaler(Slot::A));
        }
        for rolling in &derived.rolling {
            components.push(LiveComponent {
                name: rolling.component.clone(),
                slot: Slot::A,
                revision: before(&rolling.revision),
                replicas: rolling.replicas,
            });
            objects.push(rolling.deployment.clone());
        }
        objects.extend(derived.rest.iter().cloned());
        let release = ReleaseId { environment: environment.into(), number: 1 };
        let namespace = namespace.to_owned();
        Self { release: Some(release), components, namespace, objects, number: 1, ..Self::default() }
    }
}

/// A revision that is another one than `revision`, and always the same.
fn before(revision: &Revision) -> Revision {
    let hash = blake3::hash(format!("before {revision}").as_bytes());
    Revision(hash.to_hex().chars().take(16).collect::<String>().into())
}

fn head(environment: &str, objects: &[Value]) -> Result<Option<Head>, Unclear> {
    // By its name, as everybody else finds it: whatever is wrong with it, it is not read as none.
    let name = ledger::name(environment);
    let is_head = |object: &&Value| {
        object["kind"] == "ConfigMap" && text(object, "/metadata/name") == Some(name.as_str())
    };
    let Some(found) = objects.iter().find(is_head) else { return Ok(None) };
    let data = BTreeMap::deserialize(&found["data"])
        .map_err(|_| Unclear::Ledger { name: name.clone(), source: None })?;
    ledger::decode(&data).map(Some).map_err(|source| Unclear::Ledger { name, source: Some(source) })
}

/// The slot of a component that serves, and its Deployment. `None` where the component has never been released.
fn serving<'v>(slots: &Slots, live: &'v Live) -> Result<Option<(Slot, &'v Value)>, Unclear> {
    let deployments = [Slot::A, Slot::B].map(|slot| (slot, live.find(slots.deployment(slot))));
    let there: Vec<(Slot, &Value)> =
        deployments.into_iter().filter_map(|(slot, deployment)| Some((slot, deployment?))).collect();
    let mut chosen: Option<Slot> = None;
    for service in slots.services(Traffic::Both) {
        let Some(live) = live.find(&service) else { continue };
        if there.is_empty() {
            continue;
        }
        let component = slots.component.clone();
        let name = Identity::of(live).name;
        let asked = live.pointer("/spec/selector").unwrap_or(&Value::Null);
        let selector = Selector::plain(asked, "").ok().filter(|selector| !selector.is_empty());
        let selects = |deployment: &Value| {
            let labels = labels::labels(deployment, "/spec/template/metadata/labels");
            selector.as_ref().is_some_and(|selector| selector.matches(&labels))
        };
        let selected: Vec<Slot> =
            there.iter().filter(|(_, deployment)| selects(deployment)).map(|(slot, _)| *slot).collect();
        let is_nobody = asked.get(labels::SLOT).is_some_and(|slot| slot == labels::NOBODY);
        let slot = match selected.as_slice() {
            [slot] => *slot,
            // A first release was taken back: what it has made is there, and serves nobody.
            [] if is_nobody => return Ok(None),
            [] => return Err(Unclear::NoneServes { component, service: name, selector: asked.to_string() }),
            _ => return Err(Unclear::BothServe { component, service: name }),
        };
        if chosen.is_some_and(|other| other != slot) {
            return Err(Unclear::Divided(component));
        }
        chosen = Some(slot);
    }
    // Without a Service nothing has ever moved requests away from where they were.
    let slot = chosen.unwrap_or(Slot::A);
    Ok(there.into_iter().find(|(other, _)| *other == slot))
}

/// A Service that is not `stated` and selects one slot as it serves now, but not both: what its users are given would not
/// follow the others.
fn stranger(slots: &Slots, stated: &[Identity], live: &Live) -> Option<String> {
    let labels = |slot| labels::labels(slots.deployment(slot), "/spec/template/metadata/labels");
    let bears = |slot| {
        let found = live.find(slots.deployment(slot));
        found.map_or_else(|| labels(slot), |found| labels::labels(found, "/spec/template/metadata/labels"))
    };
    let services = live.objects.iter().filter(|object| object["kind"] == "Service");
    let is_stated = |service: &Value| {
        let key = Key::of(service);
        stated.iter().any(|own| own.key().is(key, &live.namespace))
    };
    services
        .filter(|service| !is_stated(service))
        .find(|service| {
            let asked = service.pointer("/spec/selector").unwrap_or(&Value::Null);
            let selector = Selector::plain(asked, "").ok().filter(|selector| !selector.is_empty());
            selector.is_some_and(|selector| {
                selector.matches(&bears(Slot::A)) != selector.matches(&bears(Slot::B))
            })
        })
        .map(|service| Identity::of(service).name)
}

fn component(name: &ComponentName, slot: Slot, deployment: &Value) -> LiveComponent {
    let template = deployment.pointer("/spec/template").unwrap_or(&Value::Null);
    let stated = text(template, &manifest::join("/metadata/labels", labels::REVISION));
    // What was there before the first release is named by what it runs, too.
    let revision = stated
        .map_or_else(|| revision::revision(&[template], &[], &[]), |revision| Revision(revision.into()));
    let replicas = deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
    LiveComponent { name: name.clone(), slot, revision, replicas }
}

fn text<'v>(object: &'v Value, pointer: &str) -> Option<&'v str> {
    object.pointer(pointer)?.as_str()
}

/// A component that serves.
#[derive(Clone, Debug)]
pub struct LiveComponent {
    /// The component.
    pub name: ComponentName,
    /// The slot that serves.
    pub slot: Slot,
    /// What it runs.
    pub revision: Revision,
    /// How many pods it has.
    pub replicas: u32,
}

/// Whether the live pods of a slot have the labels that its manifest gives them, the revision aside.
pub(super) fn bears_labels(slots: &Slots, slot: Slot, live: &Live) -> bool {
    let pointer = "/spec/template/metadata/labels";
    let wanted = labels::labels(slots.deployment(slot), pointer);
    let found = live.find(slots.deployment(slot));
    let found = found.map(|object| labels::labels(object, pointer)).unwrap_or_default();
    [labels::SERVES, labels::SLOT]
        .iter()
        .all(|label| found.contains_key(*label) && found.get(*label) == wanted.get(*label))
}
