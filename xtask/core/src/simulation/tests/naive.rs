//! Nights with a deployer that does the right things in the right order and knows of no trouble: it takes every answer for a
//! success, and fences nothing. A calm night it gets right; the invariants catch it in the others.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::fault::{Fate, Fault, Moment};
use super::super::scenario::{NAMES, Scenario, Setup};
use super::super::{Deployer, Invariant, Nature, Verdict, play_with, run_with};
use super::*;
use crate::release::effect::{Action, Effect, EffectId};
use crate::release::freeze::UnixSeconds;
use crate::release::ledger::{Journal, Line, Phase};
use crate::release::machine::{Course, End, Ending, Input, Intent};
use crate::release::view::View;

/// What it does next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Begin,
    Prepare,
    Expose,
    Measure,
    Fill,
    Flip(usize),
    Verify,
    Clean,
    Close,
}

struct Naive {
    course: Course,
    stage: Stage,
    /// The mistake that it makes even on a calm night.
    mistake: Option<Mistake>,
    seen: u64,
    ids: u64,
    looked: Option<Duration>,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    PromotesWithoutEvidence,
    ScalesDownFirst,
    FlipsBeforeReady,
    LeavesTheIdleSlot,
    NeverEnds,
}

const LOOK: Duration = Duration::from_secs(5);

impl Naive {
    fn new(course: Course, intent: Intent, now: Duration) -> Self {
        let end = (intent != Intent::Release).then(|| End { ending: Ending::Nothing, reason: String::new() });
        Self { course, stage: Stage::Begin, mistake: None, seen: 0, ids: 0, looked: Some(now), end }
    }

    fn effect(&mut self, action: Action) -> Effect {
        self.ids += 1;
        Effect { id: EffectId(self.ids), action }
    }

    /// Writes an object as it was read.
    fn put(&mut self, view: &View, object: Object, change: Change) -> Effect {
        let version = view.version(object);
        self.effect(Action::Write { object, version, fence: Fence(1), change })
    }

    fn head(view: &View) -> Head {
        view.ledger.as_ref().map_or_else(Head::empty, |read| read.object.clone())
    }

    fn phase(&mut self, view: &View, phase: Phase) -> Effect {
        let journal = Journal::new(self.course.release.clone(), phase, Vec::new());
        let head = Self::head(view).noting(journal, &self.course.account, UnixSeconds::default());
        self.put(view, Object::Ledger, Change::Ledger(Box::new(head)))
    }

    fn step(&mut self, view: &View) -> Vec<Effect> {
        let parts = 0..self.course.parts.len();
        let new = revision(NEW);
        let have = |slot: Slot, count: u32| {
            view.parts.iter().all(|part| part.slot(slot).is_some_and(|read| read.object.available >= count))
        };
        let mut effects = Vec::new();
        let slots =
            |naive: &mut Self, slot: Slot, revision: Option<&Revision>, replicas: u32| -> Vec<Effect> {
                let change = || Change::Slot { revision: revision.cloned(), replicas };
                parts.clone().map(|part| naive.put(view, Object::Slot(part, slot), change())).collect()
            };
        let flip = |naive: &mut Self, traffic: Traffic| -> Vec<Effect> {
            let services = parts.clone().map(Object::Service);
            services.map(|service| naive.put(view, service, Change::Traffic(traffic))).collect()
        };
        match self.stage {
            Stage::Begin => {
                effects.push(self.phase(view, Phase::Intended));
                self.stage = Stage::Prepare;
            }
            Stage::Prepare => {
                effects.push(self.phase(view, Phase::Staged));
                effects.extend(slots(self, Slot::B, Some(&new), 1));
                self.stage = Stage::Expose;
            }
            Stage::Expose if have(Slot::B, 1) => {
                effects.push(self.phase(view, Phase::Exposed(0)));
                effects.extend(flip(self, Traffic::Both));
                self.stage = Stage::Measure;
            }
            Stage::Measure if self.seen > 1_000 || self.mistake == Some(Mistake::PromotesWithoutEvidence) => {
                effects.push(self.phase(view, Phase::Promoting));
                effects.extend(slots(self, Slot::B, None, 3));
                self.stage = Stage::Fill;
                if self.mistake == Some(Mistake::FlipsBeforeReady) {
                    effects.extend(flip(self, Traffic::One(Slot::B)));
                }
            }
            Stage::Measure => {
                effects.extend(parts.map(|part| self.effect(Action::Measure { part, checks: 0 })));
            }
            Stage::Fill if self.mistake == Some(Mistake::ScalesDownFirst) => {
                effects.extend(slots(self, Slot::A, None, 0));
                self.mistake = None;
            }
            Stage::Fill if have(Slot::B, 3) => {
                effects.push(self.phase(view, Phase::Flipping));
                self.stage = Stage::Flip(0);
            }
            Stage::Flip(part) if part < self.course.parts.len() => {
                effects.push(self.put(view, Object::Service(part), Change::Traffic(Traffic::One(Slot::B))));
                self.stage = Stage::Flip(part + 1);
            }
            Stage::Flip(_) => self.stage = Stage::Verify,
            Stage::Verify => {
                effects.push(self.phase(view, Phase::Verifying));
                self.stage = Stage::Clean;
            }
            Stage::Clean => {
                effects.push(self.phase(view, Phase::Cleaning));
                if self.mistake != Some(Mistake::LeavesTheIdleSlot) {
                    effects.extend(slots(self, Slot::A, None, 0));
                }
                self.stage = Stage::Close;
            }
            Stage::Close if self.mistake != Some(Mistake::NeverEnds) => {
                let live = self.course.parts.iter().map(|part| (part.name.clone(), Slot::B)).collect();
                let head =
                    Self::head(view).closed(Ending::Promoted, live, &Line::default(), UnixSeconds::default());
                effects.push(self.put(view, Object::Ledger, Change::Ledger(Box::new(head))));
                self.end = Some(End { ending: Ending::Promoted, reason: "it is done".into() });
            }
            _ => {}
        }
        effects
    }
}

impl Deployer for Naive {
    fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        match input {
            Input::Wake => {
                self.looked = Some(now + LOOK);
                vec![self.effect(Action::Look)]
            }
            Input::Looked(_, Some(view)) => self.step(&view),
            Input::Measured(_, Some(tick)) => {
                self.seen += tick.canary.len() as u64 * 50;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.looked.filter(|_| self.end.is_none())
    }

    fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }
}

fn calm() -> Scenario {
    Scenario::plain(1, vec![Setup::default(), Setup::default()])
}

fn begin(course: Course, intent: Intent, _me: u64, now: Duration) -> Naive {
    Naive::new(course, intent, now)
}

fn night(faults: Vec<Fault>, mistake: Option<Mistake>) -> Verdict {
    let scenario = Scenario { faults, recover: false, ..calm() };
    let begin = move |course, intent, _, now| Naive { mistake, ..Naive::new(course, intent, now) };
    play_with(&scenario, &begin, true)
}

fn broken(verdict: &Verdict) -> Option<Invariant> {
    verdict.broken.as_ref().map(|broken| broken.invariant)
}

#[test]
fn a_calm_night_breaks_nothing() {
    let verdict = night(Vec::new(), None);
    assert_eq!(
        (verdict.broken.clone(), verdict.ending()),
        (None, Some(Ending::Promoted)),
        "{:#?}",
        verdict.timeline
    );
    assert!(verdict.requests.0 > 5_000 && verdict.requests.1 < 50, "{:?}", verdict.requests);
    assert_eq!((verdict.journal, night(Vec::new(), None).timeline), (8, verdict.timeline), "the same again");
}

#[test]
fn each_mistake_is_caught() {
    use Invariant::{AllOrNothing, EveryRunEnds, KnownGoodServes, PromotionNeedsEvidence};
    let table = [
        (Mistake::PromotesWithoutEvidence, PromotionNeedsEvidence),
        (Mistake::ScalesDownFirst, KnownGoodServes),
        (Mistake::FlipsBeforeReady, KnownGoodServes),
        (Mistake::LeavesTheIdleSlot, AllOrNothing),
        (Mistake::NeverEnds, EveryRunEnds),
    ];
    for (mistake, invariant) in table {
        let verdict = night(Vec::new(), Some(mistake));
        assert_eq!(broken(&verdict), Some(invariant), "{mistake:?}: {:?}", verdict.broken);
    }
}

/// It does not read back what became of its writes, does not measure what it promotes, is not followed when it dies.
#[test]
fn each_trouble_is_caught() {
    let lost = night(vec![Fault::Write { nth: 15, fate: Fate::Lost }], None);
    assert_eq!(broken(&lost), Some(Invariant::AllOrNothing), "{:?}", lost.broken);
    let scenario = Scenario::named("dead-canary", 1).unwrap();
    assert_eq!(broken(&play_with(&scenario, &begin, false)), Some(Invariant::DeadCanaryIsOut));
    let killed = Fault::Kill { owner: 0, moment: Moment::Journal { nth: 3, written: true }, next: None };
    let left = play_with(&Scenario { faults: vec![killed], ..calm() }, &begin, false);
    assert_eq!(broken(&left), Some(Invariant::EveryRunEnds), "nobody ends it");
}

#[test]
fn seeds_break_it_and_faults_are_shrunk() {
    let mut caught: BTreeMap<Invariant, (u64, usize)> = BTreeMap::new();
    for seed in 0..60 {
        let verdict = run_with(seed, &begin);
        let faults = verdict.faults.len();
        if let Some(broken) = verdict.broken {
            assert!(!verdict.timeline.is_empty());
            let entry = caught.entry(broken.invariant).or_insert((seed, faults));
            entry.1 = entry.1.max(faults);
        }
    }
    assert!(caught.len() >= 3, "{caught:?}");
    assert!(caught.values().all(|(_, faults)| *faults <= 3), "{caught:?}");
}

#[test]
fn every_name_is_a_scenario() {
    for (name, words) in NAMES {
        let scenario = Scenario::named(name, 1).unwrap_or_else(|| panic!("{name}"));
        assert!(!words.is_empty() && scenario.setups.len() == 2);
        // It only knows how to go on from a release.
        if scenario.course.previous.is_some() {
            let _ = play_with(&scenario, &begin, false).ending();
        }
    }
    assert!(Scenario::named("no-such-night", 1).is_none());
    assert_eq!(Nature::failing(0.5).is_good(&Nature::good()), Some(false));
}
