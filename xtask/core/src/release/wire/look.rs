//! From what a server has answered to what the machine sees.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;

use super::inventory::{Inventory, Owned};
use super::request::Manager;
use super::{lease, slot, stamp, traffic};
use crate::release::effect::Object;
use crate::release::health::{self, Count, Rollout, Sightings, Snapshot, SnapshotError};
use crate::release::labels;
use crate::release::ledger::{self, Head, Unreadable};
use crate::release::manifest;
use crate::release::model::{Content, Fence, Slot};
use crate::release::plan::{Further, Identity};
use crate::release::view::{Autoscaler, JobState, Part, Read, Traffic, Version, View};

/// When a look was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// By the machine's clock, before the first question was asked.
    pub began: Duration,
    /// By the server's clock, since the Unix epoch.
    pub taken_at: Duration,
}

/// Why there is nothing to be seen.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// The ledger is there, and cannot be read.
    #[error("the ledger `{name}` cannot be read")]
    Ledger {
        /// The `ConfigMap`.
        name: String,
        /// Why.
        #[source]
        source: Unreadable,
    },
    /// The ledger holds something else than texts.
    #[error("the ledger `{0}` has something else than texts")]
    NoTexts(String),
    /// An object without an identity or a version: no server sends that.
    #[error("{0} has no uid, or no resourceVersion that is a number")]
    Version(Identity),
    /// An object that does not look like one of its kind.
    #[error("what the cluster has answered cannot be read")]
    Object(#[from] SnapshotError),
}

/// What a look shows, and what is needed to write upon it.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// For the machine.
    pub view: View,
    marks: BTreeMap<Object, Vec<Option<Mark>>>,
}

/// What an object was when it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion. They are compared, which Kubernetes grants for the versions of one kind since 1.35, and every
    /// server with etcd behind it has always kept.
    pub resource: u64,
    /// The number of its last owner.
    pub fence: Fence,
    /// What was stated last, by which release and by content: `production-42 0f3a…`.
    pub stated: Option<String>,
    /// Whether its number of pods was ever written apart from the rest.
    pub is_scaled: bool,
    /// Whether `kubectl apply` has made or changed it in its older way, on the client's side.
    pub is_client_applied: bool,
}

impl Look {
    /// What the objects were, in the order of [`Inventory::identities`]; `None` for one that was not there.
    pub fn marks(&self, object: Object) -> &[Option<Mark>] {
        self.marks.get(&object).map_or(&[], Vec::as_slice)
    }
}

impl Mark {
    fn of(identity: &Identity, object: &Value) -> Result<Self, Unseen> {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let annotation = |key: &str| text(&manifest::join("/metadata/annotations", key));
        let resource = text("/metadata/resourceVersion").and_then(|resource| resource.parse().ok());
        let (Some(uid), Some(resource)) = (text("/metadata/uid"), resource) else {
            return Err(Unseen::Version(identity.clone()));
        };
        Ok(Self {
            uid: uid.to_owned(),
            resource,
            fence: Fence(annotation(labels::FENCE).and_then(|fence| fence.parse().ok()).unwrap_or(0)),
            stated: annotation(labels::STATED).map(str::to_owned),
            is_scaled: annotation(&Manager::Replicas.annotation()).is_some(),
            is_client_applied: annotation(labels::LAST_APPLIED).is_some(),
        })
    }
}

/// The objects of one look, found by name.
struct Found<'v> {
    objects: &'v [Value],
    home: &'v str,
}

impl<'v> Found<'v> {
    fn find(&self, identity: &Identity) -> Option<&'v Value> {
        self.objects.iter().find(|object| identity.is(object, self.home))
    }
}

impl Inventory {
    /// What `objects`, the answers to all of [`Inventory::questions`], show. `sightings` remembers between looks what one look
    /// cannot tell.
    ///
    /// What states nothing, or something that makes no sense, is taken for absent or foreign, never for well.
    ///
    /// # Errors
    ///
    /// When the ledger is damaged, which nobody may write over, or an answer is none of a Kubernetes server.
    pub fn look(&self, objects: &[Value], moment: Moment, sightings: &mut Sightings) -> Result<Look, Unseen> {
        let found = Found { objects, home: &self.namespace };
        let mut marks = BTreeMap::new();
        for object in self.objects() {
            let mark = |identity: Identity| {
                found.find(&identity).map(|found| Mark::of(&identity, found)).transpose()
            };
            let of_object = self.identities(object).into_iter().map(mark).collect::<Result<Vec<_>, _>>()?;
            marks.insert(object, of_object);
        }
        let snapshots = self.snapshots(objects, moment.taken_at)?;
        sightings.note(snapshots.values());
        let nothing = Snapshot { taken_at: moment.taken_at, ..Snapshot::default() };
        let seer = Seer { inventory: self, found, marks: &marks, snapshots: &snapshots, nothing, sightings };
        let view = View {
            began: moment.began,
            lease: seer.read(Object::Lease, |objects| Some(lease::read(objects.first()?))).map(|read| {
                // Its number is its count of owners; nobody writes another one onto it.
                Read { fence: Fence(read.object.transitions), ..read }
            }),
            ledger: seer.ledger()?,
            parts: self.parts.iter().enumerate().map(|(index, part)| seer.part(index, part)).collect(),
            extras: (0..self.extras.len()).map(|index| seer.extra(index)).collect(),
            jobs: (0..self.jobs.len()).map(|index| seer.job(index)).collect(),
        };
        Ok(Look { view, marks })
    }

    /// The objects of each namespace: two of them may have a Deployment of one name.
    pub(super) fn snapshots<'v>(
        &'v self,
        objects: &'v [Value],
        taken_at: Duration,
    ) -> Result<BTreeMap<&'v str, Snapshot>, SnapshotError> {
        let mut places: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for object in objects {
            let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
            places.entry(namespace.unwrap_or(&self.namespace)).or_default().push(object);
        }
        places.into_iter().map(|(place, objects)| Ok((place, Snapshot::of(objects, taken_at)?))).collect()
    }

    /// What a further object says. What this release has stated it says, even where the server writes it differently: a
    /// quantity of `0.5` is read back as `500m`.
    fn content(&self, extra: &Further, found: &Value, mark: Option<&Mark>) -> Content {
        let stated = mark.and_then(|mark| mark.stated.as_deref()?.split_once(' '));
        let own = stated.filter(|(release, _)| *release == self.release.to_string());
        let own = own.map(|(_, content)| Content(content.into()));
        own.filter(|own| extra.object_of(own).is_some()).unwrap_or_else(|| extra.read(found))
    }
}

/// Everything that one look is made of.
struct Seer<'v> {
    inventory: &'v Inventory,
    found: Found<'v>,
    marks: &'v BTreeMap<Object, Vec<Option<Mark>>>,
    snapshots: &'v BTreeMap<&'v str, Snapshot>,
    nothing: Snapshot,
    sightings: &'v Sightings,
}

impl Seer<'_> {
    /// An object with its version, where it is there and `says` something.
    fn read<T>(&self, object: Object, says: impl FnOnce(&[&Value]) -> Option<T>) -> Option<Read<T>> {
        let identities = self.inventory.identities(object);
        let there: Vec<&Value> = identities.iter().filter_map(|identity| self.found.find(identity)).collect();
        let marks: Vec<&Mark> = self.marks.get(&object)?.iter().flatten().collect();
        // Of several, the one that is written last: once it has changed, the others were written before, or will be refused.
        let last = marks.last()?;
        let uids: Vec<&str> = marks.iter().map(|mark| mark.uid.as_str()).collect();
        let version = Version { uid: stamp::hash(&uids.join(" ")), resource: last.resource };
        let fence = marks.iter().map(|mark| mark.fence).min()?;
        Some(Read { version, fence, object: says(&there)? })
    }

    fn ledger(&self) -> Result<Option<Read<Head>>, Unseen> {
        let Some(read) = self.read(Object::Ledger, |objects| objects.first().map(|object| (*object).clone()))
        else {
            return Ok(None);
        };
        let name = || Identity::of(&read.object).name;
        let data = BTreeMap::deserialize(&read.object["data"]).map_err(|_| Unseen::NoTexts(name()))?;
        let head = ledger::decode(&data).map_err(|source| Unseen::Ledger { name: name(), source })?;
        Ok(Some(Read { version: read.version, fence: read.fence, object: head }))
    }

    fn snapshot(&self, identity: &Identity) -> &Snapshot {
        self.snapshots.get(self.inventory.namespace_of(identity)).unwrap_or(&self.nothing)
    }

    fn part(&self, index: usize, part: &Owned) -> Part {
        let mut pods: [Count; 2] = Default::default();
        let slots = [Slot::A, Slot::B].map(|slot| {
            let identity = Identity::of(part.deployment(slot)?);
            let snapshot = self.snapshot(&identity);
            let own = snapshot.deployments.iter().find(|own| own.metadata.name == identity.name);
            self.read(Object::Slot(index, slot), |objects| {
                let (state, counted) = slot::state(objects.first()?, own?, snapshot, self.sightings);
                pods[slot as usize] = counted;
                Some(state)
            })
        });
        let deployments = [Slot::A, Slot::B].map(|slot| part.deployment(slot).map(Identity::of));
        let live = [0, 1].map(|slot| deployments[slot].as_ref().and_then(|own| self.found.find(own)));
        let services = self.inventory.identities(Object::Service(index));
        let service = self.read(Object::Service(index), |objects| {
            let of_slots = traffic::Pods::of(part, live);
            let mut each = objects.iter().map(|service| of_slots.traffic(service));
            let first = each.next()?;
            // Until all are there and say the same, nobody can say where requests go.
            let is_one = objects.len() == services.len() && each.all(|traffic| traffic == first);
            Some(if is_one { first } else { Traffic::Foreign })
        });
        let names = [0, 1].map(|slot| deployments[slot].as_ref().map(|own| own.name.as_str()));
        let serving = services
            .first()
            .map_or([0, 0], |first| traffic::serving(self.snapshot(first), &services, &pods, names));
        let autoscaler = self.read(Object::Autoscaler(index), |objects| autoscaler(objects.first()?, names));
        Part { slots, service, autoscaler, serving }
    }

    fn extra(&self, index: usize) -> Option<Read<Content>> {
        let extra = self.inventory.extras.get(index)?;
        let mark = self.marks.get(&Object::Extra(index)).and_then(|marks| marks.first()?.as_ref());
        self.read(Object::Extra(index), |objects| Some(self.inventory.content(extra, objects.first()?, mark)))
    }

    fn job(&self, index: usize) -> Option<Read<JobState>> {
        let identity = Identity::of(self.inventory.jobs.get(index)?);
        let snapshot = self.snapshot(&identity);
        let job = snapshot.jobs.iter().find(|job| job.metadata.name == identity.name)?;
        self.read(Object::Job(index), |_| {
            Some(match health::job(job, snapshot, self.sightings) {
                Rollout::Complete => JobState::Complete,
                Rollout::Hopeless(hopeless) => JobState::Failed(hopeless.words),
                _ if job.spec.suspend => JobState::Suspended,
                _ => JobState::Running,
            })
        })
    }
}

/// An autoscaler of one of these Deployments; one that scales something else is none of the component.
fn autoscaler(object: &Value, names: [Option<&str>; 2]) -> Option<Autoscaler> {
    let target = object.pointer("/spec/scaleTargetRef/name")?.as_str()?;
    let target = [Slot::A, Slot::B].into_iter().find(|slot| names[*slot as usize] == Some(target))?;
    let count = |field: &str| object.pointer(field)?.as_u64().and_then(|count| u32::try_from(count).ok());
    let ceiling = count("/spec/maxReplicas")?;
    Some(Autoscaler { target, floor: count("/spec/minReplicas").unwrap_or(1), ceiling })
}
