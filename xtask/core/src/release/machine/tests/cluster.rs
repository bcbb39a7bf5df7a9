//! A cluster that does at once what it is told, and can be told to lie about that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::*;
use crate::release::analysis::{Objective, PodTick, Settings};
use crate::release::effect::{Outcome, Refusal};
use crate::release::ledger::{Entry, Head, Journal, Pause, State};
use crate::release::metrics::{Counts, Increment};
use crate::release::model::{ComponentName, Revision};
use crate::release::view::{Autoscaler, JobState, Lease, Part, Read, SlotState, Traffic};
use crate::release::weights::Weight;

pub(super) const PODS: u32 = 3;

pub(super) fn revision(text: &str) -> Revision {
    Revision(text.into())
}

pub(super) fn course() -> Course {
    let part = |name: &str, strategy: Strategy| PartCourse {
        name: ComponentName(name.into()),
        old: Some(revision("old")),
        replicas: PODS,
        autoscaler: None,
        is_adopted: false,
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
    let steps = [Weight::TENTH, Weight::HALF].map(|weight| Step { weight, gate: false });
    Course {
        release: "production-2".parse().unwrap(),
        previous: Some("production-1".parse().unwrap()),
        extras: Vec::new(),
        migrations: Vec::new(),
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
    /// What somebody says to the machine, and when.
    pub(super) says: Vec<(Duration, Command)>,
    /// What somebody else leaves in the ledger, and when: a pause, or that there is none any more.
    pub(super) leaves: Vec<(Duration, Option<Pause>)>,
    /// The Jobs that fail.
    pub(super) failing_jobs: Vec<usize>,
    /// The Deployment of which no new pod is ever ready.
    pub(super) hopeless: Option<Object>,
    /// The objects that were written, in order.
    pub(super) log: Vec<Object>,
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
                jobs: vec![None; course.migrations.len()],
            },
            versions: 0,
            mood,
            writes: 0,
            late: Vec::new(),
            failing: 0,
            is_blind: false,
            is_unwell: false,
            says: Vec::new(),
            leaves: Vec::new(),
            failing_jobs: Vec::new(),
            hopeless: None,
            log: Vec::new(),
            measured: BTreeMap::new(),
            course,
        };
        let course = cluster.course.clone();
        if let Some(previous) = course.previous.clone() {
            let serving = Entry { state: State::Verified, ..Entry::adopted(previous, Arc::default(), 1_000) };
            let head = Head::new(serving, course.serving_from_a());
            cluster.view.ledger = Some(cluster.fresh(head));
        }
        for (index, course) in course.parts.iter().enumerate() {
            let nothing = Part { slots: [None, None], service: None, autoscaler: None, serving: [0, 0] };
            let part = match &course.old {
                None => nothing,
                Some(old) if !course.has_slots() => {
                    Part { slots: [Some(cluster.fresh(state(&old.0, PODS))), None], ..nothing }
                }
                Some(old) => Part {
                    slots: [Some(cluster.fresh(state(&old.0, PODS))), Some(cluster.fresh(state("older", 0)))],
                    service: Some(cluster.fresh(Traffic::One(Slot::A))),
                    autoscaler: (index == 0)
                        .then(|| cluster.fresh(Autoscaler { target: Slot::A, floor: 2, ceiling: 10 })),
                    serving: [PODS, 0],
                },
            };
            cluster.view.parts.push(part);
            if course.is_adopted {
                let part = &mut cluster.view.parts[index];
                part.slots[1] = None;
                part.service.iter_mut().for_each(|read| read.object = Traffic::Adopted);
            }
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
        let how = (*version, *fence, self.versions);
        self.log.push(*object);
        let view = &mut self.view;
        match (*object, change.clone()) {
            (Object::Lease, Change::Lease { holder, transitions, renewals }) => {
                set(&mut view.lease, how, Some(Lease { holder, transitions, renewals }))
            }
            (Object::Ledger, Change::Ledger(head)) => set(&mut view.ledger, how, Some(*head)),
            (Object::Slot(part, slot), Change::Slot { revision, replicas }) => {
                let cell = &mut view.parts[part].slots[slot as usize];
                let before = cell.as_ref().map(|read| read.object.revision.clone());
                let revision = revision.or(before).expect("a template");
                let mut state = state(&revision.0, replicas);
                if self.hopeless == Some(*object) && &*revision.0 == "new" {
                    (state.available, state.hopeless) = (0, Some("ErrImagePull".into()));
                }
                set(cell, how, Some(state))
            }
            (Object::Service(part), Change::Traffic(traffic)) => {
                set(&mut view.parts[part].service, how, Some(traffic))
            }
            (Object::Autoscaler(part), Change::Autoscaler(autoscaler)) => {
                set(&mut view.parts[part].autoscaler, how, Some(autoscaler))
            }
            (Object::Extra(index), Change::Content(content)) => {
                set(&mut view.extras[index], how, Some(content))
            }
            (Object::Job(index), Change::Job { is_suspended }) => {
                let state = if is_suspended { JobState::Suspended } else { JobState::Running };
                set(&mut view.jobs[index], how, Some(state))
            }
            (Object::Job(index), Change::Fence) => set(&mut view.jobs[index], how, None),
            (Object::Ledger, Change::Fence) => set(&mut view.ledger, how, None),
            (Object::Slot(part, slot), Change::Fence) => {
                set(&mut view.parts[part].slots[slot as usize], how, None)
            }
            (Object::Service(part), Change::Fence) => set(&mut view.parts[part].service, how, None),
            (Object::Autoscaler(part), Change::Fence) => set(&mut view.parts[part].autoscaler, how, None),
            (Object::Extra(index), Change::Fence) => set(&mut view.extras[index], how, None),
            other => panic!("{other:?}"),
        }
    }

    fn look(&mut self, now: Duration) -> View {
        for (course, part) in self.course.parts.iter().zip(&mut self.view.parts) {
            let traffic = part.service.as_ref().map(|read| read.object);
            for slot in [Slot::A, Slot::B] {
                let pods = part.slots[slot as usize].as_ref().map_or(0, |read| read.object.available);
                // Pods that came to be before there were slots lack the labels of one.
                let is_bare = part.slots[slot as usize].as_ref().map(|read| &read.object.revision)
                    == course.old.as_ref();
                let gets = match traffic {
                    Some(Traffic::One(one)) => one == slot && !(course.is_adopted && is_bare),
                    Some(Traffic::Both) => !(course.is_adopted && is_bare),
                    Some(Traffic::Adopted) => slot == Slot::A,
                    Some(Traffic::Nobody | Traffic::Foreign) | None => false,
                };
                part.serving[slot as usize] = if gets { pods } else { 0 };
            }
            let has_served = course.old.is_some() && course.has_slots();
            assert!(part.serving.iter().sum::<u32>() > 0 || !has_served, "somebody serves");
        }
        let view = View { began: now, ..self.view.clone() };
        // What runs has ended by the next look.
        for (index, job) in self.view.jobs.iter_mut().enumerate() {
            if let Some(read) = job.as_mut().filter(|read| read.object == JobState::Running) {
                let fails = self.failing_jobs.contains(&index);
                let failed = || JobState::Failed("BackoffLimitExceeded".into());
                read.object = if fails { failed() } else { JobState::Complete };
            }
        }
        view
    }

    fn measure(&mut self, part: usize, now: Duration) -> Tick {
        let length = now.saturating_sub(self.measured.insert(part, now).unwrap_or(now));
        let runs_new = |slot: usize| {
            let read = self.view.parts[part].slots[slot].as_ref();
            read.is_some_and(|read| read.object.revision == self.course.parts[part].new)
        };
        let new = usize::from(runs_new(1));
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
            Action::Measure { part, .. } => Input::Measured(effect.id, Some(self.measure(*part, now))),
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
            while self.says.first().is_some_and(|(at, _)| *at <= *now) {
                inputs.push(Input::Command(self.says.remove(0).1));
            }
            while self.leaves.first().is_some_and(|(at, _)| *at <= *now) {
                let word = self.leaves.remove(0).1;
                self.leave(word);
            }
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

    /// Leaves a word in the ledger, as another process does: the fence on it stays the owner's.
    fn leave(&mut self, word: Option<Pause>) {
        self.versions += 1;
        let read = self.view.ledger.as_mut().unwrap();
        let head = &read.object;
        let steps = self.course.parts[0].steps().len();
        read.object = word.map_or_else(|| head.resuming(), |pause| head.pausing(pause, steps)).unwrap();
        read.version.resource = self.versions;
    }

    /// The release that is under way, as it is written down.
    pub(super) fn under_way(&self) -> Option<&Journal> {
        self.view.ledger.as_ref()?.object.under_way.as_ref()
    }

    /// The number of the release that serves, as it is written down; 0 for none.
    pub(super) fn serving(&self) -> u32 {
        let head = &self.view.ledger.as_ref().unwrap().object;
        head.serving.as_ref().map_or(0, |release| release.number)
    }

    /// Which slot of which component serves, as it is written down.
    pub(super) fn live(&self) -> Vec<(&str, Slot)> {
        let live = &self.view.ledger.as_ref().unwrap().object.live;
        live.iter().map(|(name, slot)| (&*name.0, *slot)).collect()
    }

    /// Everything is new, or everything is old; nothing is left.
    #[track_caller]
    pub(super) fn at_rest(&self, is_new: bool) {
        let head = &self.view.ledger.as_ref().unwrap().object;
        assert_eq!(head.under_way, None);
        let live = if is_new { Slot::B } else { Slot::A };
        assert!(head.live.len() == 2 && head.live.values().all(|slot| *slot == live), "{:?}", head.live);
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

/// Writes one object, if it has that version; without an object, its fence alone.
fn set<T>(
    cell: &mut Option<Read<T>>,
    (version, fence, resource): (Option<Version>, Fence, u64),
    object: Option<T>,
) -> Outcome {
    match (cell.as_mut(), object) {
        (Some(read), object) if Some(read.version) == version => {
            (read.version.resource, read.fence) = (resource, fence);
            if let Some(object) = object {
                read.object = object;
            }
            Outcome::Done
        }
        (None, Some(object)) if version.is_none() => {
            *cell = Some(Read { version: Version { uid: resource, resource }, fence, object });
            Outcome::Done
        }
        _ => Outcome::Refused(Refusal::Conflict),
    }
}
