//! One component in the cluster: its objects, its pods, and the controllers that make the one follow the other.

use std::time::Duration;

use super::cluster::{Event, Happened, Shared};
use super::nature::{Failure, Nature};
use super::pod::{Counters, LEAVING, Pod, State};
use super::traffic::Load;
use crate::release::model::{Revision, Slot};
use crate::release::view::{Autoscaler, Part, Read, SlotState, Traffic};

/// How soon controllers see what was written.
const OBSERVE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

/// How soon endpoints follow the pods.
const PROPAGATE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// How long pods must have been refused until a rollout counts as hopeless.
const REFUSED: Duration = Duration::from_secs(30);

/// How long an autoscaler waits until it takes pods away.
const SCALE_DOWN: Duration = Duration::from_mins(5);

/// A Deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The position of its template among the component's revisions.
    pub revision: usize,
    /// How many pods it asks for.
    pub wanted: u32,
    /// Whether the controllers have seen this.
    pub observed: bool,
    /// Since when pods are missing that may not be made.
    pub(super) refused_since: Option<Duration>,
}

/// How a component is made of Deployments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Of two that take turns.
    Slots,
    /// Of two, of which the first ran before there were slots.
    Adopted,
    /// Of one that is changed in place.
    Rolling,
}

/// A component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its position in the plan.
    pub part: usize,
    /// What can run, and what that is like; more come as they are written.
    pub revisions: Vec<(Revision, Nature)>,
    /// The two Deployments.
    pub slots: [Option<Read<Deployment>>; 2],
    /// The Service.
    pub service: Option<Read<Traffic>>,
    /// The autoscaler.
    pub autoscaler: Option<Read<Autoscaler>>,
    /// The pods, oldest first.
    pub pods: Vec<Pod>,
    /// The requests.
    pub load: Load,
    /// The most pods that the quota allows.
    pub quota: Option<u32>,
    /// Whether nodes have room for new pods.
    pub(super) has_room: bool,
    /// When a pod was last lost without anybody's doing.
    pub(super) hurt_at: Option<Duration>,
    /// How it is made of Deployments.
    pub form: Form,
    pub(super) endpoints_due: bool,
    pub(super) low_since: Option<Duration>,
}

impl Component {
    /// A Deployment.
    pub fn slot(&self, slot: Slot) -> Option<&Deployment> {
        self.slots[slot as usize].as_ref().map(|read| &read.object)
    }

    /// Pods that a Deployment asks for.
    pub fn wanted(&self, slot: Slot) -> u32 {
        self.slot(slot).map_or(0, |deployment| deployment.wanted)
    }

    /// Pods that match.
    pub fn count(&self, matches: impl Fn(&Pod) -> bool) -> u32 {
        u32::try_from(self.pods.iter().filter(|pod| matches(pod)).count()).unwrap_or(u32::MAX)
    }

    /// Whether the Service's selector takes the pods of a slot.
    pub fn selects(&self, slot: Slot) -> bool {
        match self.service.as_ref().map(|read| read.object) {
            Some(Traffic::One(one)) => one == slot && !self.lacks_labels(slot),
            Some(Traffic::Both) => !self.lacks_labels(slot),
            Some(Traffic::Adopted) => slot == Slot::A,
            Some(Traffic::Nobody | Traffic::Foreign) | None => false,
        }
    }

    /// Whether the pods of a slot came to be before there were slots: until it runs another template.
    fn lacks_labels(&self, slot: Slot) -> bool {
        let is_first = self.slot(slot).is_some_and(|deployment| deployment.revision == 0);
        self.form == Form::Adopted && slot == Slot::A && is_first
    }

    /// What a look shows.
    pub(super) fn look(&self, now: Duration) -> Part {
        let slot = |slot: Slot| {
            let read = self.slots[slot as usize].as_ref()?;
            Some(Read {
                version: read.version,
                fence: read.fence,
                object: self.state(slot, &read.object, now),
            })
        };
        let serving = |slot| self.count(|pod| pod.slot == slot && pod.serving && pod.is_ready());
        Part {
            slots: [slot(Slot::A), slot(Slot::B)],
            service: self.service.clone(),
            autoscaler: self.autoscaler.clone(),
            serving: [serving(Slot::A), serving(Slot::B)],
        }
    }

    fn state(&self, slot: Slot, deployment: &Deployment, now: Duration) -> SlotState {
        let fresh = |pod: &&Pod| pod.slot == slot && pod.revision == deployment.revision && pod.is_active();
        let refused = deployment.refused_since.filter(|since| now >= *since + REFUSED);
        let hopeless = refused.map(|_| "FailedCreate: exceeded quota").or_else(|| {
            let mut reasons = self.pods.iter().filter(fresh).map(|pod| pod.hopeless(now));
            let first = reasons.next().flatten();
            first.filter(|_| reasons.all(|reason| reason.is_some()))
        });
        SlotState {
            revision: self.revisions[deployment.revision].0.clone(),
            wanted: deployment.wanted,
            observed: deployment.observed,
            available: self.count(|pod| fresh(&pod) && pod.is_available(now)),
            pods: self.count(|pod| pod.slot == slot && pod.is_active()),
            hopeless: hopeless.map(str::to_owned),
        }
    }

    /// A Deployment was written: its controller will see it.
    pub(super) fn written(&self, slot: Slot, shared: &mut Shared) {
        let at = shared.now + shared.random.between(OBSERVE);
        shared.queue.push(at, Event::Reconcile(self.part, slot));
    }

    /// The endpoints are out of date.
    pub(super) fn propagate(&mut self, shared: &mut Shared) {
        if !self.endpoints_due {
            self.endpoints_due = true;
            let at = shared.now + shared.random.between(PROPAGATE);
            shared.queue.push(at, Event::Endpoints(self.part));
        }
    }

    /// The endpoints are what the selector and the pods say now: one write, without a state in between.
    pub(super) fn publish(&mut self, shared: &mut Shared) -> Happened {
        self.flow(shared);
        self.endpoints_due = false;
        for index in 0..self.pods.len() {
            self.pods[index].serving = self.pods[index].is_ready() && self.selects(self.pods[index].slot);
        }
        Happened::Endpoints(self.part)
    }

    /// The status of a Deployment changes, and with it its version: what somebody is about to write is stale.
    fn status_changed(&mut self, slot: Slot, shared: &mut Shared) {
        if let Some(read) = &mut self.slots[slot as usize] {
            read.version.resource = shared.version();
        }
    }

    /// The controllers of a Deployment take their turn. During a change of the template there is one pod more than wanted,
    /// and none is taken away before its successor is ready.
    pub(super) fn reconcile(&mut self, slot: Slot, shared: &mut Shared) {
        let (revision, wanted) = match &mut self.slots[slot as usize] {
            Some(read) => {
                read.object.observed = true;
                (read.object.revision, read.object.wanted)
            }
            None => (usize::MAX, 0), // deleted: the garbage collector takes the pods
        };
        let mut refused = false;
        loop {
            let total = self.count(|pod| pod.slot == slot && pod.is_active());
            let fresh = self.count(|pod| pod.slot == slot && pod.is_active() && pod.revision == revision);
            let ready = self.count(|pod| pod.slot == slot && pod.is_ready());
            let old = total - fresh;
            let surge = u32::from(old > 0 && wanted > 0);
            let unready_old = self
                .pods
                .iter()
                .any(|p| p.slot == slot && p.is_active() && !p.is_ready() && p.revision != revision);
            if total > wanted + surge {
                self.remove_one(slot, revision, shared);
            } else if fresh < wanted && total < wanted + surge {
                let all = self.count(Pod::is_active);
                if self.quota.is_some_and(|quota| all >= quota) {
                    refused = true;
                    break;
                }
                self.create(slot, revision, shared);
            } else if old > 0 && (ready > wanted || unready_old) {
                self.remove_one(slot, revision, shared);
            } else {
                break;
            }
        }
        if let Some(read) = &mut self.slots[slot as usize] {
            let since = refused.then(|| read.object.refused_since.unwrap_or(shared.now));
            read.object.refused_since = since;
            if refused {
                shared.queue.push(shared.now + Duration::from_secs(15), Event::Reconcile(self.part, slot));
            }
        }
        self.status_changed(slot, shared);
    }

    fn create(&mut self, slot: Slot, revision: usize, shared: &mut Shared) {
        let id = shared.pods;
        shared.pods += 1;
        let pod = Pod {
            id,
            slot,
            revision,
            made: shared.now,
            state: if self.has_room { State::Starting } else { State::Pending },
            ready_since: Duration::ZERO,
            restarts: 0,
            out_of_memory: false,
            counters: Counters::default(),
            serving: false,
            share: 0.0,
            turn: 0,
        };
        self.pods.push(pod);
        if self.has_room {
            self.start(self.pods.len() - 1, shared);
        }
    }

    /// Whether nodes have room for new pods; those that wait for it start.
    pub(super) fn schedule(&mut self, has_room: bool, shared: &mut Shared) {
        self.has_room = has_room;
        for index in 0..self.pods.len() {
            if has_room && self.pods[index].state == State::Pending {
                self.pods[index].enter(State::Starting);
                self.start(index, shared);
            }
        }
    }

    /// A container starts: what it does next, and when.
    fn start(&mut self, index: usize, shared: &mut Shared) {
        let pod = &self.pods[index];
        let nature = &self.revisions[pod.revision].1;
        let takes = match nature.failure {
            Some(Failure::AtOnce | Failure::NoImage) => (Duration::from_secs(1), Duration::from_secs(3)),
            _ => nature.start,
        };
        let at = shared.now + shared.random.between(takes);
        shared.queue.push(at, Event::Pod { part: self.part, id: pod.id, turn: pod.turn });
    }

    /// Takes one pod away: of an older template first, one that is not ready first, the youngest first.
    fn remove_one(&mut self, slot: Slot, revision: usize, shared: &mut Shared) {
        let candidates = self.pods.iter().enumerate().filter(|(_, pod)| pod.slot == slot && pod.is_active());
        let worst = candidates.max_by_key(|(_, pod)| (pod.revision != revision, !pod.is_ready(), pod.id));
        let Some((index, _)) = worst else { return };
        self.flow(shared);
        let pod = &mut self.pods[index];
        pod.enter(State::Leaving);
        let event = Event::Pod { part: self.part, id: pod.id, turn: pod.turn };
        shared.queue.push(shared.now + LEAVING, event);
        self.propagate(shared);
    }

    /// What was planned for a pod happens.
    pub(super) fn pod_turn(&mut self, id: u32, turn: u32, shared: &mut Shared) {
        let Some(index) = self.pods.iter().position(|pod| pod.id == id && pod.turn == turn) else { return };
        let pod = &self.pods[index];
        let slot = pod.slot;
        let failure = self.revisions[pod.revision].1.failure;
        match (pod.state, failure) {
            (State::Starting, Some(Failure::AtOnce)) | (State::Ready, _) => self.crash(index, shared),
            (State::Starting, Some(Failure::NoImage)) => self.pods[index].enter(State::NoImage),
            (State::Starting, _) => {
                let pod = &mut self.pods[index];
                pod.enter(State::Ready);
                pod.ready_since = shared.now;
                if let Some(Failure::After(time)) = failure {
                    let at = shared.now + shared.random.between((time / 2, time + time / 2));
                    shared.queue.push(at, Event::Pod { part: self.part, id, turn: pod.turn });
                }
                self.propagate(shared);
                self.written(slot, shared); // the next step of a rolling change, and the status
            }
            (State::Crashed, _) => {
                self.pods[index].enter(State::Starting);
                self.start(index, shared);
            }
            (State::Leaving, _) => {
                self.flow(shared);
                self.pods.remove(index);
            }
            (State::NoImage | State::Pending, _) => {}
        }
    }

    /// A container ends: its counters are gone, it is started again after a while that doubles.
    pub(super) fn crash(&mut self, index: usize, shared: &mut Shared) {
        self.flow(shared);
        let pod = &mut self.pods[index];
        if !pod.is_active() || pod.state == State::Crashed {
            return; // the traffic until now has done it already
        }
        pod.out_of_memory |= matches!(self.revisions[pod.revision].1.failure, Some(Failure::After(_)));
        pod.restarts += 1;
        self.hurt_at = Some(shared.now);
        pod.counters = Counters::default();
        pod.enter(State::Crashed);
        let back_off = Duration::from_secs(10) * 2_u32.pow((pod.restarts - 1).min(5));
        let event = Event::Pod { part: self.part, id: pod.id, turn: pod.turn };
        let slot = pod.slot;
        shared.queue.push(shared.now + back_off.min(Duration::from_mins(5)), event);
        self.propagate(shared);
        self.status_changed(slot, shared);
    }

    /// Pods vanish with their node; the controllers make others after a while.
    pub(super) fn lose(&mut self, index: usize, shared: &mut Shared) {
        self.flow(shared);
        let pod = self.pods.remove(index);
        self.hurt_at = Some(shared.now);
        self.propagate(shared);
        let after = (Duration::from_secs(1), Duration::from_secs(5));
        let at = shared.now + shared.random.between(after);
        shared.queue.push(at, Event::Reconcile(self.part, pod.slot));
    }

    /// The autoscaler takes its turn. It leaves a Deployment alone that was scaled to nothing.
    pub(super) fn autoscale(&mut self, shared: &mut Shared) -> Happened {
        let Some(Autoscaler { target, floor, ceiling }) = self.autoscaler.as_ref().map(|read| read.object)
        else {
            return Happened::Nothing;
        };
        let wanted = self.wanted(target);
        // Nor without a pod that could be measured.
        if wanted == 0 || !self.pods.iter().any(|pod| pod.slot == target && pod.is_ready()) {
            return Happened::Nothing;
        }
        let desired = self.demand(target).max(floor).min(ceiling);
        let is_low = desired < wanted;
        self.low_since = is_low.then(|| self.low_since.unwrap_or(shared.now));
        let may_lower =
            self.low_since.is_some_and(|since| shared.now >= since + SCALE_DOWN) || wanted > ceiling;
        if desired == wanted || (is_low && !may_lower) {
            return Happened::Nothing;
        }
        let version = shared.version();
        if let Some(read) = &mut self.slots[target as usize] {
            read.object.wanted = desired;
            read.object.observed = false;
            read.version.resource = version;
        }
        if let Some(read) = &mut self.autoscaler {
            read.version.resource = shared.version(); // its status says so
        }
        self.written(target, shared);
        Happened::Scaled(self.part)
    }
}
