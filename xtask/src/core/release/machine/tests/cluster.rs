//! A cluster that does at once what it is told, and can be told to lie about that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::*;
use crate::core::release::analysis::{Objective, PodTick, Settings};
use crate::core::release::effect::{Outcome, Refusal};
use crate::core::release::ledger::{Entry, Head, State};
use crate::core::release::metrics::{Counts, Increment};
use crate::core::release::model::{ComponentName, Revision};
use crate::core::release::view::{Autoscaler, Lease, Part, Read, SlotState, Traffic};
use crate::core::release::weights::Weight;

pub(super) const PODS: u32 = 3;

pub(super) fn revision(text: &str) -> Revision {
    Revision(text.into())
}

pub(super) fn course() -> Course {
    let part = |name: &str, strategy: Strategy| PartCourse {
        name: ComponentName(name.into()),
        old: revision("old"),
        new: revision("new"),
        strategy,
        objectives: vec![Objective::errors(
            "http_requests_total{status=~\"5xx\"}".parse().unwrap(),
            "http_requests_total".parse().unwrap(),
            0.01,
        )],
        settings: Settings {
            // Short, because the machine is killed at each of its effects.
            window: Duration::from_secs(20),
            measured_min: Duration::from_secs(20),
            bake: Duration::from_secs(30),
            ..Settings::new(1)
        },
    };
    let steps = [Weight::TENTH, Weight::HALF].map(|weight| StepCourse { weight, gate: false });
    Course {
        release: "production-2".parse().unwrap(),
        previous: "production-1".parse().unwrap(),
        extras: Vec::new(),
        parts: vec![part("backend", Strategy::Canary(steps.to_vec())), part("frontend", Strategy::Flip)],
        timing: Timing::default(),
        account: Arc::default(),
        origin: 2_000,
    }
}

/// What the cluster does with the next effects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mood {
    Good,
    /// Does every n-th write and says that it does not know.
    Forgetful(u64),
    /// Loses every n-th write and says that it does not know.
    Lossy(u64),
    /// Does every n-th write only after the next look.
    Late(u64),
}

pub(super) struct Cluster {
    pub(super) course: Course,
    pub(super) view: View,
    versions: u64,
    mood: Mood,
    writes: u64,
    late: Vec<Action>,
    /// Of a hundred canary requests.
    pub(super) failing: u64,
    /// Whether nothing can be measured.
    pub(super) is_blind: bool,
    /// Whether no pod passes a smoke test.
    pub(super) is_unwell: bool,
    measured: BTreeMap<usize, Duration>,
}

impl Cluster {
    pub(super) fn new(mood: Mood) -> Self {
        Self::of(course(), mood)
    }

    /// What there is before a release.
    pub(super) fn of(course: Course, mood: Mood) -> Self {
        let mut cluster = Self {
            view: View {
                began: Duration::ZERO,
                lease: None,
                ledger: None,
                parts: Vec::new(),
                extras: Vec::new(),
            },
            versions: 0,
            mood,
            writes: 0,
            late: Vec::new(),
            failing: 0,
            is_blind: false,
            is_unwell: false,
            measured: BTreeMap::new(),
            course,
        };
        let serving = Entry {
            state: State::Verified,
            ..Entry::adopted("production-1".parse().unwrap(), Arc::default(), 1_000)
        };
        let head = Head::new(serving, vec![Slot::A, Slot::A]);
        cluster.view.ledger = Some(cluster.fresh(head));
        for index in 0..2 {
            let live = cluster.fresh(state("old", PODS));
            let idle = cluster.fresh(state("older", 0));
            let service = cluster.fresh(Traffic::One(Slot::A));
            let autoscaler = Autoscaler { target: Slot::A, floor: 2, ceiling: 10 };
            let autoscaler = (index == 0).then(|| cluster.fresh(autoscaler));
            cluster.view.parts.push(Part {
                slots: [Some(live), Some(idle)],
                service: Some(service),
                autoscaler,
                serving: [PODS, 0],
            });
        }
        for old in cluster.course.extras.iter().map(|extra| extra.old.clone()).collect::<Vec<_>>() {
            let read = old.map(|content| cluster.fresh(content));
            cluster.view.extras.push(read);
        }
        cluster
    }

    fn fresh<T>(&mut self, object: T) -> Read<T> {
        self.versions += 1;
        Read { version: Version { uid: self.versions, resource: self.versions }, fence: Fence(0), object }
    }

    pub(super) fn write(&mut self, action: &Action) -> Outcome {
        let Action::Write { object, version, fence, change } = action else { panic!("a write") };
        self.versions += 1;
        let resource = self.versions;
        match (*object, change.clone()) {
            (Object::Lease, Change::Lease { holder, transitions, renewals }) => {
                let lease = Lease { holder, transitions, renewals };
                if self.view.lease.is_none() && version.is_none() {
                    self.view.lease = Some(self.fresh(lease));
                    return Outcome::Done;
                }
                set(&mut self.view.lease, *version, *fence, resource, |object| *object = lease)
            }
            (Object::Ledger, change) => set(&mut self.view.ledger, *version, *fence, resource, |object| {
                if let Change::Ledger(head) = change {
                    *object = *head;
                }
            }),
            (Object::Slot(part, slot), change) => {
                let slots = &mut self.view.parts[part].slots[slot as usize];
                set(slots, *version, *fence, resource, |object| {
                    if let Change::Slot { revision, replicas } = change {
                        if let Some(revision) = revision {
                            object.revision = revision;
                        }
                        object.wanted = replicas;
                        object.available = replicas;
                        object.pods = replicas;
                    }
                })
            }
            (Object::Service(part), change) => {
                let service = &mut self.view.parts[part].service;
                set(service, *version, *fence, resource, |object| {
                    if let Change::Traffic(traffic) = change {
                        *object = traffic;
                    }
                })
            }
            (Object::Autoscaler(part), change) => {
                let autoscaler = &mut self.view.parts[part].autoscaler;
                set(autoscaler, *version, *fence, resource, |object| {
                    if let Change::Autoscaler(new) = change {
                        *object = new;
                    }
                })
            }
            (Object::Extra(index), Change::Content(content)) if version.is_none() => {
                match &self.view.extras[index] {
                    None => self.view.extras[index] = Some(Read { fence: *fence, ..self.fresh(content) }),
                    Some(_) => return Outcome::Refused(Refusal::Existence),
                }
                Outcome::Done
            }
            (Object::Extra(index), change) => {
                set(&mut self.view.extras[index], *version, *fence, resource, |object| {
                    if let Change::Content(content) = change {
                        *object = content;
                    }
                })
            }
            other => panic!("{other:?}"),
        }
    }

    fn look(&mut self, now: Duration) -> View {
        for part in &mut self.view.parts {
            let traffic = part.service.as_ref().unwrap().object;
            for slot in [Slot::A, Slot::B] {
                let pods = part.slots[slot as usize].as_ref().unwrap().object.available;
                let gets = matches!(traffic, Traffic::Both) || traffic == Traffic::One(slot);
                part.serving[slot as usize] = if gets { pods } else { 0 };
            }
            assert!(part.serving.iter().sum::<u32>() > 0, "somebody serves");
        }
        View { began: now, ..self.view.clone() }
    }

    fn measure(&mut self, part: usize, now: Duration) -> Tick {
        let length = now.saturating_sub(self.measured.insert(part, now).unwrap_or(now));
        let new =
            usize::from(self.view.parts[part].slots[1].as_ref().unwrap().object.revision == revision("new"));
        let pod = |name: &str, bad: u64, total: u64| PodTick {
            name: name.into(),
            ready: true,
            age: Duration::from_hours(1),
            restarts: 0,
            out_of_memory: false,
            scrape: (!self.is_blind).then(|| Increment {
                streams: vec![Ok(Counts { bad, total })],
                served: vec![1_000_000],
                restarted: false,
            }),
        };
        let serving = self.view.parts[part].serving;
        let canary = if serving[new] > 0 { vec![pod("new", self.failing, 100)] } else { Vec::new() };
        let baseline = if serving[1 - new] > 0 { vec![pod("old", 0, 100)] } else { Vec::new() };
        Tick { at: now, length, canary, baseline, ..Tick::default() }
    }

    /// Does what was asked for; returns the answers.
    pub(super) fn act(&mut self, effect: &Effect, now: Duration) -> Input {
        match &effect.action {
            Action::Look => {
                let view = self.look(now);
                for action in std::mem::take(&mut self.late) {
                    self.write(&action);
                }
                Input::Looked(effect.id, Some(view))
            }
            action @ Action::Write { .. } => {
                self.writes += 1;
                let hit = |n: u64| self.writes.is_multiple_of(n);
                match self.mood {
                    Mood::Forgetful(n) if hit(n) => {
                        self.write(action);
                        Input::Wrote(effect.id, Outcome::Unknown)
                    }
                    Mood::Lossy(n) if hit(n) => Input::Wrote(effect.id, Outcome::Unknown),
                    Mood::Late(n) if hit(n) => {
                        self.late.push(action.clone());
                        Input::Wrote(effect.id, Outcome::Unknown)
                    }
                    _ => Input::Wrote(effect.id, self.write(action)),
                }
            }
            Action::Measure { part } => Input::Measured(effect.id, Some(self.measure(*part, now))),
            Action::Smoke { .. } if self.is_unwell => {
                Input::Smoked(effect.id, Some(Err("`/health` answers 500".into())))
            }
            Action::Smoke { .. } => Input::Smoked(effect.id, Some(Ok(()))),
        }
    }

    /// Runs a machine to its end, or until it has asked for `effects_max` effects. Returns how it ended and when.
    pub(super) fn run(
        &mut self,
        intent: Intent,
        me: u64,
        now: &mut Duration,
        effects_max: usize,
    ) -> Option<End> {
        let mut machine = Machine::new(self.course.clone(), intent, me, *now);
        let mut inputs = vec![Input::Wake];
        let mut count = 0;
        let mut rounds = 0;
        loop {
            rounds += 1;
            assert!(rounds < 20_000, "it ends: {:?} {machine:#?}", self.mood);
            let mut effects = Vec::new();
            for input in inputs.drain(..) {
                effects.extend(machine.handle(input, *now));
            }
            for effect in effects {
                count += 1;
                if count > effects_max {
                    return None;
                }
                inputs.push(self.act(&effect, *now));
            }
            if let Some(end) = machine.end() {
                return Some(end.clone());
            }
            if inputs.is_empty() {
                *now =
                    machine.deadline().expect("it waits for something").max(*now + Duration::from_millis(1));
                inputs.push(Input::Wake);
            }
        }
    }

    /// Everything is new, or everything is old; nothing is left.
    #[track_caller]
    pub(super) fn at_rest(&self, is_new: bool) {
        let head = &self.view.ledger.as_ref().unwrap().object;
        assert_eq!(head.under_way, None);
        let live = if is_new { Slot::B } else { Slot::A };
        assert_eq!(head.live, [live, live]);
        for part in &self.view.parts {
            let state = |slot: Slot| &part.slot(slot).unwrap().object;
            assert_eq!(part.service.as_ref().unwrap().object, Traffic::One(live));
            assert_eq!(state(live).revision, revision(if is_new { "new" } else { "old" }));
            assert_eq!((state(live).wanted, state(live.other()).wanted), (PODS, 0));
        }
        let autoscaler = self.view.parts[0].autoscaler.as_ref().unwrap().object;
        assert_eq!(autoscaler, Autoscaler { target: live, floor: 2, ceiling: 10 });
    }
}

fn state(text: &str, pods: u32) -> SlotState {
    SlotState {
        revision: revision(text),
        wanted: pods,
        observed: true,
        available: pods,
        pods,
        hopeless: None,
    }
}

/// Writes one object, if it has that version.
fn set<T>(
    read: &mut Option<Read<T>>,
    version: Option<Version>,
    fence: Fence,
    resource: u64,
    change: impl FnOnce(&mut T),
) -> Outcome {
    match read {
        Some(read) if Some(read.version) == version => {
            read.version.resource = resource;
            read.fence = fence;
            change(&mut read.object);
            Outcome::Done
        }
        _ => Outcome::Refused(Refusal::Conflict),
    }
}
