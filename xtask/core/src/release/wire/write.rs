//! From what the machine wants to a request.

use std::time::Duration;

use serde_json::{Value, json};

use super::inventory::{Inventory, Owned};
use super::lease;
use super::look::{Look, Mark};
use super::request::{self, At, Manager, Request, Verb};
use super::slot;
use super::stamp::{Owner, Stamp};
use crate::release::effect::{Change, EffectId, Object, Outcome, Refusal};
use crate::release::labels;
use crate::release::ledger::{self, Head};
use crate::release::manifest;
use crate::release::model::{Content, Fence, Revision, Slot};
use crate::release::plan::{self, Identity};
use crate::release::view::{Autoscaler, Lease, Traffic, Version};

/// A write that the machine wants.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The number of the effect.
    pub effect: EffectId,
    /// The object.
    pub object: Object,
    /// The version that was read; `None` makes an object that is not there.
    pub version: Option<Version>,
    /// The number of the owner.
    pub fence: Fence,
    /// What it is to say.
    pub change: &'a Change,
    /// The time, since the Unix epoch.
    pub at: Duration,
}

/// Why there is no request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unwritten {
    /// The look shows another version than the one that is to be written.
    Outdated,
    /// It cannot be said: why, in words.
    Unsaid(String),
}

impl From<Unwritten> for Outcome {
    fn from(unwritten: Unwritten) -> Self {
        Self::Refused(match unwritten {
            Unwritten::Outdated => Refusal::Conflict,
            Unwritten::Unsaid(words) => Refusal::Denied(words),
        })
    }
}

impl From<String> for Unwritten {
    fn from(words: String) -> Self {
        Self::Unsaid(words)
    }
}

/// One object with what was read of it, if it is there.
type Place<'a> = (Identity, Option<&'a Mark>);

/// What every object of a request gets.
struct Hand<'a> {
    inventory: &'a Inventory,
    stamp: Stamp,
    fence: Fence,
    places: Vec<Place<'a>>,
}

impl Inventory {
    /// The request for a write, which rests on the look that the machine decided on.
    ///
    /// Where the number on the object is older than the order's, it is raised, and nothing else is written: an object may
    /// have been made by an owner before.
    ///
    /// # Errors
    ///
    /// When the look shows another version, or what is to be written is not known.
    pub fn write(&self, look: &Look, order: Order<'_>, owner: &Owner) -> Result<Request, Unwritten> {
        let Order { object, version, fence, change, .. } = order;
        if look.view.version(object) != version {
            return Err(Unwritten::Outdated);
        }
        let marks = look.marks(object).iter().map(Option::as_ref);
        let places: Vec<Place<'_>> = self.identities(object).into_iter().zip(marks).collect();
        if places.is_empty() {
            return Err(Unwritten::Unsaid("no manifest states it".into()));
        }
        // Something is there under its name that says nothing of what it should: it is not written over.
        if version.is_none() && places.iter().any(|(_, mark)| mark.is_some()) {
            return Err(Unwritten::Outdated);
        }
        let stamp = Stamp { owner: owner.number, effect: order.effect, at: order.at.as_secs() };
        let is_older = places.iter().filter_map(|(_, mark)| *mark).any(|mark| mark.fence < fence);
        let hand = Hand { inventory: self, stamp, fence, places };
        if object != Object::Lease && version.is_some() && (is_older || *change == Change::Fence) {
            return Ok(hand.raise());
        }
        let part = || {
            let index = object.part().and_then(|part| self.part(part));
            index.ok_or_else(|| Unwritten::Unsaid("no manifest states it".into()))
        };
        match (object, change) {
            (Object::Lease, Change::Lease { holder, transitions, renewals }) => {
                let lease = Lease { holder: *holder, transitions: *transitions, renewals: *renewals };
                hand.lease(&lease, &owner.name, order.at)
            }
            (Object::Ledger, Change::Ledger(head)) => hand.ledger(head),
            (Object::Slot(_, slot), Change::Slot { revision, replicas }) => {
                let current = object.part().and_then(|part| look.view.parts.get(part)?.slot(slot));
                let current = current.map(|read| (&read.object.revision, read.object.wanted));
                hand.slot(part()?, slot, revision.as_ref(), *replicas, current)
            }
            (Object::Service(_), Change::Traffic(traffic)) => hand.traffic(part()?, *traffic),
            (Object::Autoscaler(_), Change::Autoscaler(autoscaler)) => hand.autoscaler(part()?, *autoscaler),
            (Object::Extra(index), Change::Content(content)) => hand.content(index, content),
            (Object::Job(index), Change::Job { is_suspended }) => {
                let job =
                    self.jobs.get(index).ok_or_else(|| Unwritten::Unsaid("there is no such Job".into()))?;
                let mut job = job.clone();
                // One that is made does nothing yet, whatever was asked for.
                manifest::set(&mut job, "/spec/suspend", *is_suspended || version.is_none());
                Ok(hand.state(job))
            }
            _ => Err(Unwritten::Unsaid(format!("{object:?} cannot say {change:?}"))),
        }
    }

    /// The Deployment of a slot that runs `revision`: as the new release states it, or as the one before has.
    fn running<'a>(
        &'a self,
        part: &'a Owned,
        slot: Slot,
        revision: &Revision,
    ) -> Result<&'a Value, Unwritten> {
        let new = part.deployment(slot);
        let new = new.ok_or_else(|| Unwritten::Unsaid("it has one Deployment, and no second slot".into()))?;
        if part.new == *revision {
            return Ok(new);
        }
        let identity = Identity::of(new);
        let former = self.formerly(&identity).filter(|former| slot::revision(former) == *revision);
        former.ok_or_else(|| {
            Unwritten::Unsaid(format!("what `{}` is as {revision} is not kept anywhere", identity.name))
        })
    }
}

impl Hand<'_> {
    fn request(self, manager: Manager, verb: Verb, objects: Vec<Value>) -> Request {
        let namespace = self.places.first().map(|(identity, _)| self.inventory.namespace_of(identity));
        let namespace = namespace.unwrap_or_default().to_owned();
        Request { namespace, manager, verb, objects }
    }

    /// The number of the owner and nothing else: metadata of every kind of object, by a manager of its own. It is forced,
    /// because that is what a take-over is.
    fn raise(self) -> Request {
        let there = self.places.iter().filter_map(|(identity, mark)| Some((identity, (*mark)?)));
        let objects = there.map(|(identity, mark)| {
            let mut object = request::bare(identity);
            request::at(&mut object, of(mark));
            request::sign(&mut object, Manager::Fence, self.stamp, Some(self.fence));
            object
        });
        let objects = objects.collect();
        let verb = request::partial(self.places.iter().filter_map(|(_, mark)| *mark));
        self.request(Manager::Fence, verb, objects)
    }

    /// The whole of an object that is nobody else's, by `PUT`: there is nothing of others to be kept. It needs the uid: with a
    /// resourceVersion alone a server makes a Lease anew that was deleted (seen on 1.34.4).
    fn whole(self, body: &Value, fence: Option<Fence>) -> Request {
        let mark = self.places.first().and_then(|(_, mark)| *mark);
        let environment = self.inventory.release.environment.to_string();
        let objects = self.places.iter().map(|(identity, _)| {
            let mut object = request::bare(identity);
            for (key, value) in body.as_object().into_iter().flatten() {
                manifest::set(&mut object, &manifest::join("", key), value.clone());
            }
            if let Some(mark) = mark {
                request::at(&mut object, of(mark));
            }
            request::sign(&mut object, Manager::Manifests, self.stamp, fence);
            let label = manifest::join("/metadata/labels", labels::LEDGER);
            manifest::set(&mut object, &label, environment.as_str());
            object
        });
        let objects = objects.collect();
        let verb = if mark.is_some() { Verb::Replace } else { Verb::Create };
        self.request(Manager::Manifests, verb, objects)
    }

    fn lease(self, lease: &Lease, name: &str, at: Duration) -> Result<Request, Unwritten> {
        if i32::try_from(lease.transitions).is_err() {
            return Err(Unwritten::Unsaid("it has changed hands more often than a Lease can count".into()));
        }
        let mut request = self.whole(&json!({"spec": lease::spec(lease, name, at)}), None);
        for object in &mut request.objects {
            request::annotate(object, labels::RENEWALS, lease.renewals.to_string());
        }
        Ok(request)
    }

    fn ledger(self, head: &Head) -> Result<Request, Unwritten> {
        let data = ledger::encode(head).map_err(|error| error.to_string())?;
        let fence = Some(self.fence);
        Ok(self.whole(&json!({"data": data}), fence))
    }

    /// A template, or a number of pods: see the module. A template comes first.
    fn slot(
        self,
        part: &Owned,
        slot: Slot,
        revision: Option<&Revision>,
        replicas: u32,
        current: Option<(&Revision, u32)>,
    ) -> Result<Request, Unwritten> {
        let Some((running, wanted)) = current else {
            let revision =
                revision.ok_or_else(|| "it is not there, and nothing says what it is".to_owned())?;
            let mut deployment = self.inventory.running(part, slot, revision)?.clone();
            let content = plan::content(&deployment);
            manifest::set(&mut deployment, "/spec/replicas", 0);
            return Ok(self.stated(vec![(deployment, content)], None));
        };
        let mark = self.places.first().and_then(|(_, mark)| *mark);
        if let Some(revision) = revision.filter(|revision| *revision != running || part.new == **revision) {
            let mut deployment = self.inventory.running(part, slot, revision)?.clone();
            let is_stated = mark.is_some_and(|mark| {
                mark.stated
                    .as_deref()
                    .is_some_and(|stated| stated.ends_with(&format!(" {}", plan::content(&deployment))))
            });
            if revision != running || !is_stated {
                let content = plan::content(&deployment);
                // Until somebody else owns the number, to leave it out would make it 1.
                if !mark.is_some_and(|mark| mark.is_scaled) {
                    manifest::set(&mut deployment, "/spec/replicas", wanted);
                }
                return Ok(self.stated(vec![(deployment, content)], None));
            }
        }
        let mut objects = Vec::new();
        for (identity, mark) in &self.places {
            let mut object = request::bare(identity);
            if let Some(mark) = mark {
                request::at(&mut object, of(mark));
            }
            request::sign(&mut object, Manager::Replicas, self.stamp, None);
            manifest::set(&mut object, "/spec/replicas", replicas);
            objects.push(object);
        }
        // An autoscaler or a person owns it now and then.
        let verb = request::partial(self.places.iter().filter_map(|(_, mark)| *mark));
        Ok(self.request(Manager::Replicas, verb, objects))
    }

    /// Services with their selectors. Where some of several are missing, these are made first, for nobody.
    fn traffic(self, part: &Owned, traffic: Traffic) -> Result<Request, Unwritten> {
        let is_missing = |(_, mark): &Place<'_>| mark.is_none();
        let (missing, there): (Vec<Place<'_>>, Vec<Place<'_>>) =
            self.places.into_iter().partition(is_missing);
        let (places, traffic) =
            if missing.is_empty() { (there, traffic) } else { (missing, Traffic::Nobody) };
        let services = self.inventory.services(part, traffic)?;
        let of_place = |identity: &Identity| {
            let is = |service: &&Value| identity.is(service, &self.inventory.namespace);
            services.iter().find(is).cloned().map(|service| (plan::content(&service), service))
        };
        let objects: Vec<_> = places.iter().filter_map(|(identity, _)| of_place(identity)).collect();
        let objects = objects.into_iter().map(|(content, service)| (service, content)).collect();
        let hand = Hand { places, ..self };
        let force = hand.was_stated();
        Ok(hand.stated(objects, Some(force)))
    }

    /// An autoscaler with its target and bounds. Towards the new pods it is what the release states, back what the one before
    /// has stated.
    fn autoscaler(self, part: &Owned, wanted: Autoscaler) -> Result<Request, Unwritten> {
        let Some(mut object) = part.autoscaler(wanted.target) else {
            return Err(Unwritten::Unsaid("no manifest states it".into()));
        };
        let target = object.pointer("/spec/scaleTargetRef/name").cloned().unwrap_or_default();
        if wanted.target != part.next
            && let Some(former) = self.inventory.formerly(&Identity::of(&object))
        {
            object = former.clone();
        }
        manifest::set(&mut object, "/spec/scaleTargetRef/name", target);
        manifest::set(&mut object, "/spec/minReplicas", wanted.floor);
        manifest::set(&mut object, "/spec/maxReplicas", wanted.ceiling);
        let content = plan::content(&object);
        let force = self.was_stated();
        Ok(self.stated(vec![(object, content)], Some(force)))
    }

    /// A further object: as the release states it, with nothing to do, or as the release before has stated it.
    fn content(self, index: usize, content: &Content) -> Result<Request, Unwritten> {
        let extra = self.inventory.extras.get(index);
        let extra = extra.ok_or_else(|| Unwritten::Unsaid("there is no such object".into()))?;
        if let Some(object) = extra.object_of(content) {
            let object = object.clone();
            return Ok(self.state(object));
        }
        let identity = Identity::of(&extra.object);
        let former = self.inventory.formerly(&identity).filter(|_| extra.old.as_ref() == Some(content));
        let former = former.ok_or_else(|| format!("what {identity} said before is not kept anywhere"))?;
        let former = former.clone();
        Ok(self.state(former))
    }

    /// One object, as manifests state it.
    fn state(self, object: Value) -> Request {
        let content = plan::content(&object);
        self.stated(vec![(object, content)], None)
    }

    /// Whether a release has stated all of these before. Then traffic and floors are its to move: somebody may have moved them
    /// with the command that every deployment prints, and the machine has seen where to.
    fn was_stated(&self) -> bool {
        self.places.iter().all(|(_, mark)| mark.is_some_and(|mark| mark.stated.is_some()))
    }

    /// Objects as manifests state them, each with the content that is noted on it. Fields that others own are not taken from
    /// them unless `force` says so, or somebody has agreed: the server names the owners, and the machine ends with their
    /// names.
    fn stated(self, objects: Vec<(Value, Content)>, force: Option<bool>) -> Request {
        let release = &self.inventory.release;
        let objects = objects.into_iter().zip(&self.places).map(|((mut object, content), (_, mark))| {
            request::at(&mut object, mark.map_or(At::Nothing, of));
            request::sign(&mut object, Manager::Manifests, self.stamp, Some(self.fence));
            request::annotate(&mut object, labels::STATED, format!("{release} {content}"));
            object
        });
        let objects = objects.collect();
        let force = force.unwrap_or(false) || self.inventory.takes_over;
        self.request(Manager::Manifests, Verb::Apply { force }, objects)
    }
}

fn of(mark: &Mark) -> At<'_> {
    At::Read { uid: &mark.uid, resource: mark.resource }
}
