//! A release from end to end through JSON: the real machine, the requests it comes to, a store that takes them, and controllers
//! that do the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use xtask::core::calendar;
use xtask::core::mask::Mask;
use xtask::core::release::analysis::{Objective, PodTick, Tick};
use xtask::core::release::effect::{Action, Effect, Outcome};
use xtask::core::release::health::Sightings;
use xtask::core::release::labels::{Selector, labels};
use xtask::core::release::ledger::Phase;
use xtask::core::release::machine::{Command, End, Input, Intent, Machine};
use xtask::core::release::metrics::{Counts, Increment};
use xtask::core::release::model::Ending;
use xtask::core::release::plan::{Identity, Live, Plan, Wish, plan};
use xtask::core::release::slots::Derived;
use xtask::core::release::view::View;
use xtask::core::release::wire::{
    Answer, Asked, Inventory, Look, Manager, Moment, Order, Owner, Question, Request, outcome, stated,
};

use super::controllers;
use super::store::Store;

pub(crate) const NAMESPACE: &str = "vitalyst";

/// The time at which the machine's clock stands at zero, in seconds since 1970.
const ORIGIN: u64 = 1_700_000_000;

/// What becomes of the answers to writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    Good,
    /// Every n-th is done, and nobody hears of it.
    Forgetful(u64),
    /// Every n-th is lost.
    Lossy(u64),
    /// Every n-th is done after the next look.
    Late(u64),
}

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) store: Store,
    pub(crate) now: Duration,
    pub(crate) mood: Mood,
    /// Everything that was asked for, in order.
    pub(crate) requests: Vec<Request>,
    /// The owner of the next release.
    pub(crate) owner: u64,
    /// Of a hundred requests to a canary.
    pub(crate) failing: u64,
    /// Somebody aborts in this phase.
    pub(crate) aborts: Option<Phase>,
    /// Its owner dies where somebody would abort it.
    pub(crate) dies: bool,
    /// Its owner dies after so many requests.
    pub(crate) dies_after: Option<usize>,
    late: Vec<Request>,
    look: Option<Look>,
    sightings: Sightings,
    measured: BTreeMap<usize, Duration>,
}

/// A release that can be carried out.
pub(crate) struct Release {
    pub(crate) plan: Plan,
    pub(crate) inventory: Inventory,
    derived: Derived,
}

impl Release {
    /// The same, where somebody has agreed that fields are taken from others.
    pub(crate) fn taking_over(self) -> Self {
        Self { inventory: self.inventory.taking_over(), ..self }
    }
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self {
            store: Store::default(),
            now: Duration::ZERO,
            mood: Mood::Good,
            requests: Vec::new(),
            owner: 1,
            failing: 0,
            aborts: None,
            dies: false,
            dies_after: None,
            late: Vec::new(),
            look: None,
            sightings: Sightings::default(),
            measured: BTreeMap::new(),
        }
    }

    /// The release of `derived` upon what is there; `former` is what serves now.
    pub(crate) fn plan(&self, mut wish: Wish, derived: Derived, former: Option<&Derived>) -> Release {
        for wanted in &mut wish.components {
            wanted.measures.objectives = vec![Objective::errors(
                "http_requests_total{status=~\"5xx\"}".parse().unwrap(),
                "http_requests_total".parse().unwrap(),
                0.01,
            )];
        }
        let live = Live::read("production", NAMESPACE, self.store.all(), &derived).unwrap();
        let plan = plan(&wish, &derived, &live).unwrap();
        let inventory = Inventory::new(&plan, &derived, NAMESPACE, kept(former)).unwrap();
        Release { plan, inventory, derived }
    }

    /// Carries a release out.
    pub(crate) fn run(&mut self, release: &Release, intent: Intent) -> End {
        let account = release.plan.account(&release.derived, "anna", &Mask::default()).unwrap();
        let course = release.plan.course(account, ORIGIN.try_into().unwrap());
        let mut machine = Machine::new(course, intent, self.owner, self.now);
        let mut inputs = vec![Input::Wake];
        for _ in 0..20_000 {
            let mut effects = Vec::new();
            if self.aborts.is_some() && machine.phase() == self.aborts {
                self.aborts = None;
                if self.dies {
                    return End::new(Ending::Superseded, "its owner is dead");
                }
                inputs.push(Input::Command(Command::Abort));
            }
            for input in inputs.drain(..) {
                effects.extend(machine.handle(input, self.now));
            }
            for effect in effects {
                if self.dies_after.is_some_and(|count| self.requests.len() >= count) {
                    return End::new(Ending::Superseded, "its owner is dead");
                }
                inputs.push(self.act(release, &effect));
            }
            if let Some(end) = machine.end() {
                return end.clone();
            }
            if inputs.is_empty() {
                let next = machine.deadline().expect("it waits for something");
                self.now = next.max(self.now + Duration::from_millis(1));
                inputs.push(Input::Wake);
            }
        }
        panic!("it ends: {machine:#?}");
    }

    fn act(&mut self, release: &Release, effect: &Effect) -> Input {
        match &effect.action {
            Action::Look => Input::Looked(effect.id, Some(self.look(&release.inventory))),
            Action::Write { object, version, fence, change } => {
                let (effect, object, version, fence) = (effect.id, *object, *version, *fence);
                let at = self.unix();
                let order = Order { effect, object, version, fence, change, at };
                let owner = Owner { number: self.owner, name: "anna".into() };
                let look = self.look.as_ref().unwrap();
                let outcome = match release.inventory.write(look, order, &owner) {
                    Ok(request) => self.send(request),
                    Err(unwritten) => unwritten.into(),
                };
                Input::Wrote(effect, outcome)
            }
            Action::Measure { part, .. } => Input::Measured(effect.id, Some(self.measure(release, *part))),
            Action::Smoke { .. } => Input::Smoked(effect.id, Some(Ok(()))),
        }
    }

    fn send(&mut self, request: Request) -> Outcome {
        // As text, as a server gets it.
        let objects = request.objects.iter().map(|object| serde_json::from_str(&object.to_string()).unwrap());
        let request = Request { objects: objects.collect(), ..request };
        self.requests.push(request.clone());
        let count = self.requests.len() as u64;
        match self.mood {
            Mood::Lossy(n) if count.is_multiple_of(n) => Outcome::Unknown,
            Mood::Late(n) if count.is_multiple_of(n) => {
                self.late.push(request);
                Outcome::Unknown
            }
            Mood::Forgetful(n) if count.is_multiple_of(n) => {
                self.answer(&request);
                Outcome::Unknown
            }
            _ => outcome(&self.answer(&request)),
        }
    }

    /// The store does it, and only what is asked for moves pods: a template alone leaves their number as it is.
    fn answer(&mut self, request: &Request) -> Vec<Answer> {
        let replicas = |store: &Store| -> BTreeMap<Identity, Value> {
            let all = store.of("Deployment").into_iter();
            all.map(|deployment| (Identity::of(&deployment), deployment["spec"]["replicas"].clone()))
                .collect()
        };
        let before = replicas(&self.store);
        let answers = self.store.request(request);
        for (deployment, count) in replicas(&self.store) {
            let was = before.get(&deployment);
            let is_asked = request.manager == Manager::Replicas || (was.is_none() && count == 0);
            assert!(is_asked || was == Some(&count), "{deployment} has {count} pods instead of {was:?}");
        }
        answers
    }

    fn unix(&self) -> Duration {
        self.now + Duration::from_secs(ORIGIN)
    }

    pub(crate) fn look(&mut self, inventory: &Inventory) -> View {
        let clock = calendar::timestamp(self.unix().as_secs());
        controllers::work(&mut self.store, &clock);
        let answers = answer(&self.store, &inventory.questions());
        let moment = Moment { began: self.now, taken_at: self.unix() };
        let look = inventory.look(&answers, moment, &mut self.sightings).unwrap();
        for request in std::mem::take(&mut self.late) {
            self.answer(&request);
        }
        self.look.insert(look).view.clone()
    }

    fn measure(&mut self, release: &Release, part: usize) -> Tick {
        let now = self.now;
        let length = now.saturating_sub(self.measured.insert(part, now).unwrap_or(now));
        let pod = |name: &str, bad: u64| PodTick {
            name: name.into(),
            ready: true,
            age: Duration::from_hours(1),
            restarts: 0,
            out_of_memory: false,
            scrape: Some(Increment {
                streams: vec![Ok(Counts { bad, total: 100 })],
                served: vec![1_000_000],
                restarted: false,
            }),
        };
        let view = &self.look.as_ref().unwrap().view.parts[part];
        let mut tick = Tick { at: now, length, ..Tick::default() };
        for (serving, slot) in view.serving.iter().zip(&view.slots) {
            let Some(slot) = slot else { continue };
            let runs_new = slot.object.revision == release.plan.parts[part].new;
            // What rolls in place has no Service.
            match (*serving > 0 || view.service.is_none(), runs_new) {
                (false, _) => {}
                (true, true) => tick.canary.push(pod("new", self.failing)),
                (true, false) => tick.baseline.push(pod("old", 0)),
            }
        }
        tick
    }
}

/// What is kept of a release, as it comes back.
pub(crate) fn kept(derived: Option<&Derived>) -> Vec<Value> {
    let payloads = derived.map(|derived| derived.payloads().unwrap());
    let each = payloads.into_iter().flat_map(|payloads| {
        payloads.components.into_iter().map(|(_, payload)| payload).chain(payloads.rest)
    });
    each.flat_map(|payload| stated(&payload.name, &payload.bytes).unwrap()).collect()
}

/// What a server answers to questions: that and nothing else.
pub(crate) fn answer(store: &Store, questions: &[Question]) -> Vec<Value> {
    let answers = questions.iter().flat_map(|Question { namespace, asked }| match asked {
        Asked::Named(identities) => {
            let is = |object: &Value| identities.iter().any(|identity| identity.is(object, namespace));
            store.all().into_iter().filter(is).collect::<Vec<_>>()
        }
        Asked::Events(uid) => {
            let is_of = |object: &Value| object["involvedObject"]["uid"] == uid.as_str();
            store.all().into_iter().filter(|object| object["kind"] == "Event" && is_of(object)).collect()
        }
        Asked::Listed { kinds, selector } => {
            let selected = |object: &Value| {
                let identity = Identity::of(object);
                kinds.contains(&(identity.api_version.as_str(), identity.kind.as_str()))
                    && selector.as_ref().is_none_or(|selector| selects(selector, object))
            };
            store.all().into_iter().filter(selected).collect()
        }
    });
    answers.collect()
}

/// `label in (a,b)`.
fn selects(selector: &str, object: &Value) -> bool {
    let (label, values) = selector.strip_suffix(')').unwrap().split_once(" in (").unwrap();
    let values: Vec<&str> = values.split(',').collect();
    let expression = serde_json::json!({"key": label, "operator": "In", "values": values});
    let selector = Selector::read(&serde_json::json!({"matchExpressions": [expression]}), "").unwrap();
    selector.matches(&labels(object, "/metadata/labels"))
}
