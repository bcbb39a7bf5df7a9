//! What one look at the cluster shows of the objects that a release owns.
//!
//! A look is made of reads that follow each other, so it is no instant: but no read in it is older than [`View::began`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::release::effect::Object;
use crate::release::ledger::Head;
use crate::release::model::{Content, Fence, Revision, Slot};

/// One version of one object. An update that carries it is refused once the object has changed, or is another one of the
/// same name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Version {
    /// Which object of that name: it changes when the object is deleted and made again.
    pub uid: u64,
    /// Which version of it.
    pub resource: u64,
}

/// An object as it was read: its version, the fence that its last owner wrote on it, and what it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Read<T> {
    /// The version.
    pub version: Version,
    /// The number of the owner who wrote last.
    pub fence: Fence,
    /// What the object says.
    pub object: T,
}

impl<T> Read<T> {
    /// Its version and fence alone.
    fn bare(&self) -> Read<()> {
        Read { version: self.version, fence: self.fence, object: () }
    }
}

/// What one look shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// When the look began: nothing in it is older.
    pub began: Duration,
    /// Who owns the environment.
    pub lease: Option<Read<Lease>>,
    /// What is written down of the releases.
    pub ledger: Option<Read<Head>>,
    /// The components, in the order of the plan.
    pub parts: Vec<Part>,
    /// The further objects, in the order of the plan.
    pub extras: Vec<Option<Read<Content>>>,
    /// The Jobs that change the database, in the order of the plan.
    pub jobs: Vec<Option<Read<JobState>>>,
}

impl View {
    /// The version of an object; `None` where it is not there.
    pub fn version(&self, object: Object) -> Option<Version> {
        let version = match object {
            Object::Lease => self.lease.as_ref()?.version,
            Object::Ledger => self.ledger.as_ref()?.version,
            Object::Slot(part, slot) => self.parts.get(part)?.slot(slot)?.version,
            Object::Service(part) => self.parts.get(part)?.service.as_ref()?.version,
            Object::Autoscaler(part) => self.parts.get(part)?.autoscaler.as_ref()?.version,
            Object::Extra(index) => self.extras.get(index)?.as_ref()?.version,
            Object::Job(index) => self.jobs.get(index)?.as_ref()?.version,
        };
        Some(version)
    }

    /// The objects that are there with their versions and fences, but for the lease.
    pub fn inventory(&self) -> impl Iterator<Item = (Object, Read<()>)> {
        let ledger = self.ledger.iter().map(|read| (Object::Ledger, read.bare()));
        let parts = self.parts.iter().enumerate().flat_map(|(index, part)| {
            let slot = move |slot| Some((Object::Slot(index, slot), part.slot(slot)?.bare()));
            let slots = [Slot::A, Slot::B].into_iter().filter_map(slot);
            let service = part.service.iter().map(move |read| (Object::Service(index), read.bare()));
            let autoscaler = part.autoscaler.iter().map(move |read| (Object::Autoscaler(index), read.bare()));
            slots.chain(service).chain(autoscaler)
        });
        let jobs = self.jobs.iter().enumerate();
        let jobs = jobs.filter_map(|(index, read)| Some((Object::Job(index), read.as_ref()?.bare())));
        let extras = self.extras.iter().enumerate();
        let extras = extras.filter_map(|(index, read)| Some((Object::Extra(index), read.as_ref()?.bare())));
        ledger.chain(parts).chain(jobs).chain(extras)
    }
}

/// The objects of one component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// The two Deployments, slot a first.
    pub slots: [Option<Read<SlotState>>; 2],
    /// The Service.
    pub service: Option<Read<Traffic>>,
    /// The autoscaler, where there is one.
    pub autoscaler: Option<Read<Autoscaler>>,
    /// Pods of each slot that the Service sends requests to.
    pub serving: [u32; 2],
}

impl Part {
    /// A Deployment.
    pub fn slot(&self, slot: Slot) -> Option<&Read<SlotState>> {
        self.slots[slot as usize].as_ref()
    }

    /// Pods of a slot that get requests.
    pub fn serving(&self, slot: Slot) -> u32 {
        self.serving[slot as usize]
    }
}

/// Who owns the environment. Whoever lets it expire may lose it; safety comes from the fences, not from here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The owner's name; `None` where it was given back.
    pub holder: Option<u64>,
    /// How often it changed hands: the owner's fence.
    pub transitions: u64,
    /// How often the owner has renewed it.
    pub renewals: u64,
}

/// A Deployment and its pods.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlotState {
    /// What its template runs.
    pub revision: Revision,
    /// How many pods are asked for.
    pub wanted: u32,
    /// Whether the controllers have seen this version.
    pub observed: bool,
    /// Pods of this template that have been ready for long enough.
    pub available: u32,
    /// Pods of any template that there are, ready or not.
    pub pods: u32,
    /// Why its pods will never be ready, where that is so.
    pub hopeless: Option<String>,
}

impl SlotState {
    /// Whether at least `count` pods of `revision` are there, and no others are left.
    pub fn has(&self, revision: &Revision, count: u32) -> bool {
        self.revision == *revision && self.observed && self.wanted >= count && self.available >= count
    }
}

/// Which pods a Service sends requests to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// Those of one slot.
    One(Slot),
    /// Those of both.
    Both,
    /// Those of slot a by that slot's own selector, as before there were slots: its pods lack the labels.
    Adopted,
    /// None: nothing serves yet, or any more.
    Nobody,
    /// Others: somebody else has written the selector.
    Foreign,
}

/// How far a Job has come. Its name goes with its content, so one that is there does what the plan says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JobState {
    /// It was made and does nothing.
    Suspended,
    /// It runs.
    Running,
    /// It is done.
    Complete,
    /// It will never be done: why, in words.
    Failed(String),
}

/// An autoscaler.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Autoscaler {
    /// The Deployment that it scales.
    pub target: Slot,
    /// The fewest pods.
    pub floor: u32,
    /// The most pods.
    pub ceiling: u32,
}
