//! The cluster: objects with versions, written by compare-and-swap; controllers; one look at everything.

use std::time::Duration;

use super::component::{Component, Deployment, Form};
use super::job::{Job, JobNature};
use super::nature::Nature;
use super::pod::{Counters, Pod};
use super::queue::Queue;
use super::random::Random;
use crate::release::effect::{Change, Object, Outcome, Refusal};
use crate::release::ledger::Head;
use crate::release::model::{Content, Fence, Revision, Slot};
use crate::release::view::{Autoscaler, JobState, Lease, Read, Traffic, Version, View};

/// How often an autoscaler takes its turn.
const AUTOSCALE: Duration = Duration::from_secs(15);

/// The objects of a release, and what runs by them.
#[derive(Debug)]
pub struct Cluster {
    /// Who owns the environment.
    pub lease: Option<Read<Lease>>,
    /// What is written down.
    pub ledger: Option<Read<Head>>,
    /// The components, in the order of the plan.
    pub components: Vec<Component>,
    /// The further objects, in the order of the plan.
    pub extras: Vec<Option<Read<Content>>>,
    /// The Jobs of the plan.
    pub jobs: Vec<Job>,
    pub(super) shared: Shared,
}

/// What all components draw upon.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) now: Duration,
    pub(super) queue: Queue<Event>,
    pub(super) random: Random,
    /// The last number that was given to a version or to an object.
    pub(super) versions: u64,
    /// The number of the next pod.
    pub(super) pods: u32,
}

impl Shared {
    /// The next version; it is also unlike every uid.
    pub(super) fn version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }
}

/// What the cluster does by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// The controller of a Deployment takes its turn.
    Reconcile(usize, Slot),
    /// The endpoints of a Service are written.
    Endpoints(usize),
    /// What was planned for a pod happens, if that is still its turn.
    Pod { part: usize, id: u32, turn: u32 },
    /// An autoscaler takes its turn.
    Autoscale(usize),
    /// A Job ends.
    Job(usize),
}

/// What has just happened in the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Happened {
    /// The endpoints of a component may have changed.
    Endpoints(usize),
    /// The autoscaler of a component has changed its Deployment.
    Scaled(usize),
    /// The pods of a component may have changed.
    Pods(usize),
    /// Nothing that anybody could see.
    Nothing,
}

/// What a person does to our objects by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Scales a Deployment.
    Scale(Slot, u32),
    /// Writes another selector.
    Select(Traffic),
    /// Deletes an object.
    Delete(Object),
}

impl Cluster {
    /// A cluster at `now` in which nothing runs yet; [`Cluster::settle`] starts it.
    pub fn new(components: Vec<Component>, ledger: Option<Head>, random: Random, now: Duration) -> Self {
        let shared = Shared { now, queue: Queue::new(), random, versions: 0, pods: 0 };
        let mut cluster =
            Self { lease: None, ledger: None, components, extras: Vec::new(), jobs: Vec::new(), shared };
        if let Some(head) = ledger {
            put(&mut cluster.ledger, head, Fence::default(), &mut cluster.shared);
        }
        cluster
    }

    /// The same with further objects that say this; `None` for those that are not there yet.
    pub fn with_extras(mut self, extras: impl Iterator<Item = Option<Content>>) -> Self {
        for content in extras {
            let mut cell = None;
            if let Some(content) = content {
                put(&mut cell, content, Fence::default(), &mut self.shared);
            }
            self.extras.push(cell);
        }
        self
    }

    /// The same with Jobs that can be made; none of them is there.
    pub fn with_jobs(mut self, jobs: impl Iterator<Item = JobNature>) -> Self {
        self.jobs.extend(jobs.map(|nature| Job { nature, read: None }));
        self
    }

    /// Lets the controllers make the pods, and time pass until they are ready.
    pub fn settle(&mut self) {
        for part in 0..self.components.len() {
            for slot in [Slot::A, Slot::B] {
                self.shared.queue.push(self.shared.now, Event::Reconcile(part, slot));
            }
            // Also where there is none yet: one may be made.
            self.shared.queue.push(self.shared.now + AUTOSCALE, Event::Autoscale(part));
            self.components[part].load.until = self.shared.now + Duration::from_mins(1);
        }
        self.advance(self.shared.now + Duration::from_mins(1));
    }

    /// What time it is.
    pub fn now(&self) -> Duration {
        self.shared.now
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Duration> {
        self.shared.queue.next()
    }

    /// Lets one thing happen.
    pub fn step(&mut self) -> Happened {
        let Some((at, event)) = self.shared.queue.pop() else { return Happened::Nothing };
        self.shared.now = self.shared.now.max(at);
        let shared = &mut self.shared;
        match event {
            Event::Reconcile(part, slot) => {
                self.components[part].reconcile(slot, shared);
                Happened::Pods(part)
            }
            Event::Endpoints(part) => self.components[part].publish(shared),
            Event::Pod { part, id, turn } => {
                self.components[part].pod_turn(id, turn, shared);
                Happened::Pods(part)
            }
            Event::Job(index) => {
                self.jobs[index].end(shared.version());
                Happened::Nothing
            }
            Event::Autoscale(part) => {
                shared.queue.push(shared.now + AUTOSCALE, event);
                self.components[part].autoscale(shared)
            }
        }
    }

    /// Lets everything happen until `to`.
    pub fn advance(&mut self, to: Duration) {
        while self.next().is_some_and(|at| at <= to) {
            self.step();
        }
        self.pass(to);
    }

    /// Lets time pass in which nothing happens.
    pub(super) fn pass(&mut self, to: Duration) {
        self.shared.now = self.shared.now.max(to);
    }

    /// Lets the requests of a component flow until now, so that its counters are up to date.
    pub fn flow(&mut self, part: usize) {
        self.components[part].flow(&mut self.shared);
    }

    /// Changes the requests a second of every component.
    pub fn multiply_load(&mut self, factor: f64) {
        for component in &mut self.components {
            component.flow(&mut self.shared);
            component.load.rate *= factor;
        }
    }

    /// Changes the quota.
    pub fn limit(&mut self, part: usize, quota: Option<u32>) {
        self.components[part].quota = quota;
    }

    /// Says whether new pods of a component find a node.
    pub fn schedule(&mut self, part: usize, has_room: bool) {
        self.components[part].schedule(has_room, &mut self.shared);
    }

    /// The counters of all pods of a component begin again.
    pub fn reset(&mut self, part: usize) {
        self.flow(part);
        for pod in &mut self.components[part].pods {
            pod.counters = Counters { resets: pod.counters.resets + 1, ..Counters::default() };
        }
    }

    /// A node is lost, and so many pods with it.
    pub fn lose_node(&mut self, pods: u32) {
        for _ in 0..pods {
            let total: u32 = self.components.iter().map(|component| component.count(Pod::is_active)).sum();
            let mut chosen = self.shared.random.less_than(total);
            for component in &mut self.components {
                let active = component.count(Pod::is_active);
                if chosen < active {
                    let mut indices = (0..component.pods.len()).filter(|i| component.pods[*i].is_active());
                    if let Some(index) = indices.nth(chosen as usize) {
                        component.lose(index, &mut self.shared);
                    }
                    break;
                }
                chosen -= active;
            }
        }
    }

    /// What a look shows that began then and ends now.
    pub fn look(&self, began: Duration) -> View {
        let parts = self.components.iter().map(|component| component.look(self.shared.now)).collect();
        View {
            began,
            lease: self.lease.clone(),
            ledger: self.ledger.clone(),
            parts,
            extras: self.extras.clone(),
            jobs: self.jobs.iter().map(|job| job.read.clone()).collect(),
        }
    }

    /// Writes one object, if it still has that version. The fence is written onto it and means nothing to the server.
    ///
    /// Every write makes a new version, also one that changes nothing: each carries its number as an annotation.
    pub fn write(
        &mut self,
        object: Object,
        version: Option<Version>,
        fence: Fence,
        change: &Change,
    ) -> Outcome {
        match self.try_write(object, version, fence, change) {
            Ok(()) => Outcome::Done,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn try_write(
        &mut self,
        object: Object,
        version: Option<Version>,
        fence: Fence,
        change: &Change,
    ) -> Result<(), Refusal> {
        self.admit(object, version)?;
        let shared = &mut self.shared;
        let (part, components) = (part(object), &mut self.components);
        match (object, change) {
            (_, Change::Fence) => {
                let read = self.mark(object).ok_or(Refusal::Existence)?;
                *read.1 = fence;
                let resource = self.shared.version();
                if let Some((version, _)) = self.mark(object) {
                    version.resource = resource;
                }
            }
            (Object::Lease, Change::Lease { holder, transitions, renewals }) => {
                let lease = Lease { holder: *holder, transitions: *transitions, renewals: *renewals };
                put(&mut self.lease, lease, fence, shared);
            }
            (Object::Ledger, Change::Ledger(head)) => {
                put(&mut self.ledger, Head::clone(head), fence, shared);
            }
            (Object::Slot(_, slot), Change::Slot { revision, replicas }) => {
                let component = &mut components[part];
                let revision = match revision {
                    Some(revision) => component.position(revision),
                    None => component.slot(slot).ok_or_else(|| invalid("no template"))?.revision,
                };
                let deployment =
                    Deployment { revision, wanted: *replicas, observed: false, refused_since: None };
                put(&mut component.slots[slot as usize], deployment, fence, shared);
                component.written(slot, shared);
            }
            (Object::Service(_), Change::Traffic(traffic)) => {
                // One that is made is made for nobody: of several some may be missing.
                let traffic = if components[part].service.is_none() { &Traffic::Nobody } else { traffic };
                put(&mut components[part].service, *traffic, fence, shared);
                components[part].propagate(shared);
            }
            (Object::Autoscaler(_), Change::Autoscaler(autoscaler)) => {
                if autoscaler.floor == 0 || autoscaler.ceiling < autoscaler.floor {
                    return Err(invalid("minReplicas"));
                }
                put(&mut components[part].autoscaler, *autoscaler, fence, shared);
            }
            (Object::Job(index), Change::Job { is_suspended }) => {
                let job = &mut self.jobs[index];
                let state = if *is_suspended { JobState::Suspended } else { JobState::Running };
                if !is_suspended {
                    shared.queue.push(shared.now + job.nature.takes, Event::Job(index));
                }
                put(&mut job.read, state, fence, shared);
            }
            (Object::Extra(index), Change::Content(content)) => {
                put(&mut self.extras[index], content.clone(), fence, shared);
            }
            _ => return Err(invalid("that is no such object")),
        }
        Ok(())
    }

    /// Whether an object belongs to the release.
    pub(super) fn knows(&self, object: Object) -> bool {
        match object {
            Object::Extra(index) => index < self.extras.len(),
            Object::Job(index) => index < self.jobs.len(),
            _ => part(object) < self.components.len(),
        }
    }

    /// Whether a write with this version is let through.
    fn admit(&mut self, object: Object, version: Option<Version>) -> Result<(), Refusal> {
        if !self.knows(object) {
            return Err(invalid("it is not ours"));
        }
        match (self.mark(object), version) {
            (None, None) => Ok(()),
            (Some((is, _)), Some(wanted)) if *is == wanted => Ok(()),
            // What has one owner alone is created; anything else is applied upon a version that no object has.
            (Some(_), None) if matches!(object, Object::Lease | Object::Ledger) => Err(Refusal::Existence),
            // Also of what was deleted: it has no version that could be written upon.
            _ => Err(Refusal::Conflict),
        }
    }

    /// The version and the fence of an object.
    pub(super) fn mark(&mut self, object: Object) -> Option<(&mut Version, &mut Fence)> {
        fn of<T>(read: &mut Read<T>) -> (&mut Version, &mut Fence) {
            (&mut read.version, &mut read.fence)
        }
        match object {
            Object::Lease => self.lease.as_mut().map(of),
            Object::Ledger => self.ledger.as_mut().map(of),
            Object::Slot(part, slot) => self.components[part].slots[slot as usize].as_mut().map(of),
            Object::Service(part) => self.components[part].service.as_mut().map(of),
            Object::Autoscaler(part) => self.components[part].autoscaler.as_mut().map(of),
            Object::Extra(index) => self.extras[index].as_mut().map(of),
            Object::Job(index) => self.jobs[index].read.as_mut().map(of),
        }
    }

    /// A person does something by hand.
    pub fn act(&mut self, part: usize, act: Act) {
        let (component, shared) = (&mut self.components[part], &mut self.shared);
        match act {
            Act::Scale(slot, pods) => {
                let version = shared.version();
                if let Some(read) = &mut component.slots[slot as usize] {
                    read.object.wanted = pods;
                    read.object.observed = false;
                    read.version.resource = version;
                    component.written(slot, shared);
                }
            }
            Act::Select(traffic) => {
                let version = shared.version();
                if let Some(read) = &mut component.service {
                    read.object = traffic;
                    read.version.resource = version;
                    component.propagate(shared);
                }
            }
            Act::Delete(Object::Lease) => self.lease = None,
            Act::Delete(Object::Ledger) => self.ledger = None,
            Act::Delete(Object::Slot(_, slot)) => {
                component.slots[slot as usize] = None;
                component.written(slot, shared);
            }
            Act::Delete(Object::Service(_)) => {
                component.service = None;
                component.propagate(shared);
            }
            Act::Delete(Object::Autoscaler(_)) => component.autoscaler = None,
            Act::Delete(Object::Extra(index)) => self.extras[index] = None,
            Act::Delete(Object::Job(index)) => self.jobs[index].read = None,
        }
    }
}

impl Component {
    /// A component before its first release: slot a runs the first revision with so many pods and serves, slot b has
    /// nothing to do. `revisions` is what can run, the running one first.
    pub fn new(part: usize, pods: u32, revisions: Vec<(Revision, Nature)>, rate: f64) -> Self {
        let first = Version { uid: 0, resource: 0 };
        let slot = |wanted| {
            let object = Deployment { revision: 0, wanted, observed: false, refused_since: None };
            Some(Read { version: first, fence: Fence::default(), object })
        };
        let load = super::traffic::Load {
            rate,
            rate_of_pod: rate / f64::from(pods.max(1)),
            requests: 0,
            failed: 0,
            unserved: 0,
            sides: Default::default(),
            until: Duration::ZERO,
        };
        Self {
            part,
            revisions,
            slots: [slot(pods), slot(0)],
            service: Some(Read { version: first, fence: Fence::default(), object: Traffic::One(Slot::A) }),
            autoscaler: None,
            pods: Vec::new(),
            load,
            quota: None,
            has_room: true,
            hurt_at: None,
            form: Form::Slots,
            endpoints_due: false,
            low_since: None,
        }
    }

    /// The same with an autoscaler.
    pub fn with_autoscaler(mut self, floor: u32, ceiling: u32) -> Self {
        let object = Autoscaler { target: Slot::A, floor, ceiling };
        let version = Version { uid: 0, resource: 0 };
        self.autoscaler = Some(Read { version, fence: Fence::default(), object });
        self
    }

    /// The same with one Deployment that is changed in place, and that no Service knows.
    pub fn rolling(mut self) -> Self {
        self.slots[Slot::B as usize] = None;
        self.service = None;
        self.form = Form::Rolling;
        self
    }

    /// The same as it was before there were slots.
    pub fn adopted(mut self) -> Self {
        self.slots[Slot::B as usize] = None;
        self.form = Form::Adopted;
        if let Some(service) = &mut self.service {
            service.object = Traffic::Adopted;
        }
        self
    }

    /// The same before its first release: nothing of it is there.
    pub fn unborn(mut self) -> Self {
        (self.slots, self.service) = ([None, None], None);
        self
    }

    /// The position of a revision; one that nobody has described is a good one.
    fn position(&mut self, revision: &Revision) -> usize {
        let found = self.revisions.iter().position(|(known, _)| known == revision);
        found.unwrap_or_else(|| {
            self.revisions.push((revision.clone(), Nature::good()));
            self.revisions.len() - 1
        })
    }
}

/// The position of the component that an object belongs to; 0 for those that belong to none.
pub(super) fn part(object: Object) -> usize {
    object.part().unwrap_or(0)
}

/// What an object says now; a new object gets a new uid.
fn put<T>(cell: &mut Option<Read<T>>, object: T, fence: Fence, shared: &mut Shared) {
    let resource = shared.version();
    let uid = cell.as_ref().map_or(resource, |read| read.version.uid);
    *cell = Some(Read { version: Version { uid, resource }, fence, object });
}

fn invalid(why: &str) -> Refusal {
    Refusal::Denied(why.to_owned())
}
