//! Tests of the machine on a cluster that does at once what it is told, and can be told to lie about that.

mod care;
mod status;

use std::collections::BTreeMap;

use super::*;
use crate::core::release::analysis::{Objective, PodTick, Settings};
use crate::core::release::effect::{Outcome, Refusal};
use crate::core::release::metrics::{Counts, Increment};
use crate::core::release::model::{ComponentName, Revision};
use crate::core::release::view::{Autoscaler, Lease, Part, Read, SlotState, Traffic};
use crate::core::release::weights::Weight;

const PODS: u32 = 3;

fn revision(text: &str) -> Revision {
    Revision(text.into())
}

fn course() -> Course {
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
        parts: vec![part("backend", Strategy::Canary(steps.to_vec())), part("frontend", Strategy::Flip)],
        timing: Timing::default(),
    }
}

/// What the cluster does with the next effects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mood {
    Good,
    /// Does every n-th write and says that it does not know.
    Forgetful(u64),
    /// Loses every n-th write and says that it does not know.
    Lossy(u64),
    /// Does every n-th write only after the next look.
    Late(u64),
}

struct Cluster {
    view: View,
    versions: u64,
    mood: Mood,
    writes: u64,
    late: Vec<Action>,
    /// Of a hundred canary requests.
    failing: u64,
    /// Whether nothing can be measured.
    is_blind: bool,
    measured: BTreeMap<usize, Duration>,
}

impl Cluster {
    fn new(mood: Mood) -> Self {
        let mut cluster = Self {
            view: View { began: Duration::ZERO, lease: None, ledger: None, parts: Vec::new() },
            versions: 0,
            mood,
            writes: 0,
            late: Vec::new(),
            failing: 0,
            is_blind: false,
            measured: BTreeMap::new(),
        };
        let head = Head {
            serving: "production-1".parse().unwrap(),
            live: vec![Slot::A, Slot::A],
            under_way: None,
            withdrawn: Vec::new(),
        };
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
        cluster
    }

    fn fresh<T>(&mut self, object: T) -> Read<T> {
        self.versions += 1;
        Read { version: Version { uid: self.versions, resource: self.versions }, fence: Fence(0), object }
    }

    fn write(&mut self, action: &Action) -> Outcome {
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
    fn act(&mut self, effect: &Effect, now: Duration) -> Input {
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
            Action::Smoke { .. } => Input::Smoked(effect.id, Some(Ok(()))),
        }
    }

    /// Runs a machine to its end, or until it has asked for `effects_max` effects. Returns how it ended and when.
    fn run(&mut self, intent: Intent, me: u64, now: &mut Duration, effects_max: usize) -> Option<End> {
        let mut machine = Machine::new(course(), intent, me, *now);
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
    fn at_rest(&self, is_new: bool) {
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

const MOODS: [Mood; 10] = [
    Mood::Good,
    Mood::Forgetful(1),
    Mood::Forgetful(3),
    Mood::Lossy(2),
    Mood::Lossy(3),
    Mood::Lossy(7),
    Mood::Late(2),
    Mood::Late(3),
    Mood::Late(5),
    Mood::Late(7),
];

#[test]
fn a_good_release_is_promoted_whatever_becomes_of_its_writes() {
    for mood in MOODS {
        let mut cluster = Cluster::new(mood);
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::Promoted, "{mood:?}: {}", end.reason);
        cluster.at_rest(true);
        assert_eq!(cluster.view.ledger.as_ref().unwrap().object.serving.to_string(), "production-2");
    }
}

#[test]
fn a_bad_release_goes_back_whatever_becomes_of_its_writes() {
    for mood in MOODS {
        let mut cluster = Cluster::new(mood);
        cluster.failing = 20;
        let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
        assert_eq!(end.ending, Ending::RolledBack, "{mood:?}: {}", end.reason);
        cluster.at_rest(false);
        let head = &cluster.view.ledger.as_ref().unwrap().object;
        assert_eq!(head.withdrawn, ["production-2".parse().unwrap()]);
    }
}

/// Killed at every single effect, gone on with by another owner, or ended by one.
#[test]
fn a_release_whose_owner_dies_anywhere_is_finished_or_taken_back() {
    let mut ends = BTreeMap::new();
    for failing in [0, 20] {
        for intent in [Intent::Release, Intent::Recover, Intent::Abort] {
            for killed_at in 0.. {
                let mut cluster = Cluster::new(Mood::Good);
                cluster.failing = failing;
                let mut now = Duration::ZERO;
                if cluster.run(Intent::Release, 1, &mut now, killed_at).is_some() {
                    assert!(killed_at > 40, "it was killed at every effect");
                    break;
                }
                now += Duration::from_mins(1);
                let end = cluster.run(intent, 2, &mut now, usize::MAX).unwrap();
                *ends.entry((failing, format!("{intent:?}"), end.ending)).or_insert(0) += 1;
                let is_new = cluster.view.ledger.as_ref().unwrap().object.serving.number == 2;
                cluster.at_rest(is_new);
                match end.ending {
                    Ending::Promoted => assert!(is_new && failing == 0, "{killed_at} {intent:?}"),
                    // The first owner died after everything was written down.
                    Ending::Nothing | Ending::Refused => {}
                    _ => assert!(!is_new, "{killed_at} {intent:?} {end:?}"),
                }
            }
        }
    }
    assert!(
        ends.keys().any(|(_, intent, ending)| intent == "Release" && *ending == Ending::Promoted),
        "{ends:?}"
    );
    assert!(
        ends.keys().any(|(_, intent, ending)| intent == "Recover" && *ending == Ending::Aborted),
        "{ends:?}"
    );
}

#[test]
fn an_owner_that_was_taken_over_touches_nothing_any_more() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    // The first owner has asked for a write that hangs.
    let mut first = Machine::new(course(), Intent::Release, 1, now);
    let mut inputs = vec![Input::Wake];
    let hanging = loop {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| first.handle(input, now)).collect();
        let slot = |effect: &&Effect| {
            matches!(
                effect.action,
                Action::Write { object: Object::Service(_), change: Change::Traffic(_), .. }
            )
        };
        if let Some(write) = effects.iter().find(slot) {
            break write.clone();
        }
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
        if inputs.is_empty() {
            now = first.deadline().unwrap().max(now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    };
    now += Duration::from_mins(1);
    let end = cluster.run(Intent::Recover, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Aborted);
    cluster.at_rest(false);
    // The write arrives at last, and its owner looks again.
    assert_eq!(cluster.write(&hanging.action), Outcome::Refused(Refusal::Conflict));
    cluster.at_rest(false);
    first.handle(Input::Wrote(hanging.id, Outcome::Unknown), now);
    for _ in 0..20 {
        let effects = first.handle(Input::Wake, now);
        for effect in effects {
            assert!(matches!(effect.action, Action::Look | Action::Measure { .. }), "{effect:?}");
            let answer = cluster.act(&effect, now);
            first.handle(answer, now);
        }
        now += Duration::from_secs(1);
    }
    assert_eq!(first.end().map(|end| end.ending), Some(Ending::Superseded));
}

#[test]
fn a_rollback_does_not_wait_for_a_living_owner_that_does_not_answer() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    assert_eq!(cluster.run(Intent::Release, 1, &mut now, 60), None);
    // It has just given a sign of life.
    let before = now;
    let end = cluster.run(Intent::Abort, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Aborted, "{}", end.reason);
    let took = now.saturating_sub(before);
    assert!(took < Duration::from_secs(30), "{took:?}");
    cluster.at_rest(false);
}

#[test]
fn a_plan_that_the_cluster_has_moved_on_from_is_refused() {
    let mut cluster = Cluster::new(Mood::Good);
    cluster.view.ledger.as_mut().unwrap().object.serving = "production-7".parse().unwrap();
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Refused);
    assert!(end.reason.contains("production-7"), "{}", end.reason);
}
