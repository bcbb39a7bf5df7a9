//! The cluster by itself, written by hand, and nights with a deployer that knows no better.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Act, Cluster};
use super::component::Component;
use super::nature::{Failure, Nature};
use super::pod::Pod;
use super::random::Random;
use super::scrape::{Ask, Blind, Monitor};
use crate::release::analysis::Tick;
use crate::release::effect::{Change, Object, Outcome, Refusal};
use crate::release::ledger::{Entry, Head};
use crate::release::metrics::{Counts, Unmeasured};
use crate::release::model::{Fence, ReleaseId, Revision, Slot};
use crate::release::view::{Autoscaler, Traffic, Version};

mod mutants;
mod naive;
mod nights;

const OLD: &str = "old";
const NEW: &str = "new";

/// One component with three pods and 50 requests a second.
struct Lab {
    cluster: Cluster,
    random: Random,
}

impl Lab {
    fn new(new: Nature) -> Self {
        Self::with(new, |component| component)
    }

    fn with(new: Nature, shape: impl FnOnce(Component) -> Component) -> Self {
        let revisions = vec![(revision(OLD), Nature::failing(0.0)), (revision(NEW), new)];
        let component = shape(Component::new(0, 3, revisions, 50.0));
        let release = ReleaseId { environment: "production".into(), number: 1 };
        let head = Head::new(Entry::adopted(release, Arc::default(), 0), BTreeMap::new());
        let begin = Duration::from_mins(1);
        let mut cluster = Cluster::new(vec![component], Some(head), Random::new(3), begin);
        cluster.settle();
        Self { cluster, random: Random::new(5) }
    }

    fn part(&self) -> &Component {
        &self.cluster.components[0]
    }

    fn version(&mut self, object: Object) -> Option<Version> {
        self.cluster.mark(object).map(|(version, _)| *version)
    }

    /// Writes what was just read.
    fn write(&mut self, object: Object, change: &Change) -> Outcome {
        let version = self.version(object);
        self.cluster.write(object, version, Fence(1), change)
    }

    fn stage(&mut self, slot: Slot, template: &str, replicas: u32) {
        let change = Change::Slot { revision: Some(revision(template)), replicas };
        assert_eq!(self.write(Object::Slot(0, slot), &change), Outcome::Done);
    }

    fn select(&mut self, traffic: Traffic) {
        assert_eq!(self.write(Object::Service(0), &Change::Traffic(traffic)), Outcome::Done);
    }

    fn pass(&mut self, seconds: u64) {
        self.cluster.advance(self.cluster.now() + Duration::from_secs(seconds));
    }

    fn serving(&self) -> [u32; 2] {
        self.cluster.look(self.cluster.now()).parts[0].serving
    }

    fn tick(&mut self, monitor: &mut Monitor, blind: Blind) -> Option<Tick> {
        self.pass(5);
        let at = self.cluster.now();
        let new = &revision(NEW);
        monitor.tick(&mut self.cluster, Ask { part: 0, new, checks: 0, blind }, &mut self.random, at)
    }
}

fn revision(name: &str) -> Revision {
    Revision(name.into())
}

#[test]
fn a_write_needs_the_version_that_it_was_made_from() {
    let mut lab = Lab::new(Nature::good());
    let service = Object::Service(0);
    let both = Change::Traffic(Traffic::Both);
    let stale = lab.version(service);
    assert_eq!(lab.write(service, &Change::Fence), Outcome::Done, "a take-over");
    assert_eq!(lab.part().service.as_ref().unwrap().fence, Fence(1));
    let late = lab.cluster.write(service, stale, Fence(0), &both);
    assert_eq!(late, Outcome::Refused(Refusal::Conflict), "a write of the owner before");
    let created = lab.cluster.write(service, None, Fence(1), &both);
    assert_eq!(created, Outcome::Refused(Refusal::Conflict), "as a server refuses to apply what is there");
    let current = lab.version(service);
    lab.cluster.act(0, Act::Delete(service));
    let gone = lab.cluster.write(service, current, Fence(1), &both);
    assert_eq!(gone, Outcome::Refused(Refusal::Conflict), "it is not made again by chance");
    assert_eq!(lab.cluster.write(service, None, Fence(1), &both), Outcome::Done);
    let again = lab.cluster.write(service, current, Fence(1), &both);
    assert_eq!(again, Outcome::Refused(Refusal::Conflict), "another uid");
    let foreign = lab.cluster.write(Object::Service(7), None, Fence(1), &both);
    assert!(matches!(foreign, Outcome::Refused(Refusal::Denied(_))));
    let lease = Change::Lease { holder: Some(1), transitions: 1, renewals: 0 };
    assert_eq!(lab.write(Object::Lease, &lease), Outcome::Done);
    assert!(matches!(lab.write(Object::Ledger, &lease), Outcome::Refused(Refusal::Denied(_))));
}

/// A version also grows old because of what the controllers write, without anybody else at work.
#[test]
fn the_status_of_a_deployment_makes_versions() {
    let mut lab = Lab::new(Nature::good());
    lab.stage(Slot::B, NEW, 2);
    let stale = lab.version(Object::Slot(0, Slot::B));
    assert!(!lab.part().slot(Slot::B).unwrap().observed);
    lab.pass(30);
    assert!(lab.part().slot(Slot::B).unwrap().observed);
    let change = Change::Slot { revision: None, replicas: 3 };
    let late = lab.cluster.write(Object::Slot(0, Slot::B), stale, Fence(1), &change);
    assert_eq!(late, Outcome::Refused(Refusal::Conflict));
    assert_eq!(lab.part().slots[Slot::B as usize].as_ref().unwrap().fence, Fence(1), "no foreign fence");
}

#[test]
fn a_release_by_hand_never_leaves_a_service_empty() {
    let mut lab = Lab::new(Nature::good());
    assert_eq!(lab.serving(), [3, 0]);
    lab.stage(Slot::B, NEW, 1);
    lab.pass(30);
    assert_eq!(lab.serving(), [3, 0], "out of traffic");
    lab.select(Traffic::Both);
    lab.pass(1);
    assert_eq!(lab.serving(), [3, 1]);
    lab.stage(Slot::B, NEW, 3);
    lab.pass(30);
    lab.select(Traffic::One(Slot::B));
    let flip = lab.cluster.now();
    while lab.cluster.now() < flip + Duration::from_millis(200) {
        assert!(lab.serving().iter().sum::<u32>() >= 3, "{:?}", lab.serving());
        lab.cluster.advance(lab.cluster.now() + Duration::from_millis(1));
    }
    assert_eq!(lab.serving(), [0, 3]);
    lab.pass(5);
    lab.stage(Slot::A, OLD, 0);
    lab.pass(30);
    lab.cluster.flow(0);
    let load = &lab.part().load;
    assert_eq!((lab.part().pods.len(), load.unserved), (3, 0));
    assert!((4_700..4_900).contains(&load.requests), "{}", load.requests);
    lab.select(Traffic::Foreign);
    lab.pass(60);
    lab.cluster.flow(0);
    assert!(lab.part().load.unserved > 2_500, "nobody is selected: {}", lab.part().load.unserved);
}

/// Keep-alive connections stay for a few seconds with a pod that was taken out of the endpoints.
#[test]
fn clients_keep_their_connections_for_a_while() {
    let mut lab = Lab::new(Nature::good());
    lab.stage(Slot::B, NEW, 3);
    lab.pass(30);
    lab.select(Traffic::One(Slot::B));
    let count = |lab: &mut Lab| -> u64 {
        lab.cluster.flow(0);
        lab.part().pods.iter().filter(|pod| pod.slot == Slot::A).map(|pod| pod.counters.requests).sum()
    };
    lab.pass(1);
    let first = count(&mut lab);
    lab.pass(1);
    let second = count(&mut lab);
    lab.pass(20);
    let before = count(&mut lab);
    lab.pass(20);
    assert!(second > first && count(&mut lab) == before);
}

#[test]
fn a_template_is_changed_pod_by_pod() {
    let mut lab = Lab::new(Nature::good());
    lab.stage(Slot::A, NEW, 3);
    for _ in 0..600 {
        lab.cluster.advance(lab.cluster.now() + Duration::from_millis(100));
        assert!(lab.part().count(Pod::is_active) <= 4 && lab.part().count(Pod::is_ready) >= 3);
    }
    assert!(lab.part().pods.iter().all(|pod| pod.revision == 1) && lab.part().pods.len() == 3);
}

#[test]
fn pods_fail_as_their_revision_does() {
    let hopeless = |new: Nature, after: u64| {
        let mut lab = Lab::new(new);
        lab.stage(Slot::B, NEW, 2);
        lab.pass(after);
        let view = lab.cluster.look(lab.cluster.now());
        let slot = view.parts[0].slot(Slot::B).unwrap().object.clone();
        (slot.available, slot.hopeless)
    };
    assert_eq!(hopeless(Nature::good(), 30), (2, None));
    assert_eq!(hopeless(Nature::broken(Failure::AtOnce), 8).1.unwrap(), "CrashLoopBackOff");
    assert_eq!(hopeless(Nature::broken(Failure::NoImage), 8).1.unwrap(), "ErrImagePull: not found");

    let mut lab = Lab::new(Nature::broken(Failure::UnderTraffic(100)));
    lab.stage(Slot::B, NEW, 1);
    lab.pass(120);
    assert_eq!(lab.part().pods.iter().map(|pod| pod.restarts).sum::<u32>(), 0);
    lab.select(Traffic::Both);
    let mut monitor = Monitor::default();
    let ticks: Vec<Tick> = (0..6).filter_map(|_| lab.tick(&mut monitor, Blind::default())).collect();
    assert!(ticks.iter().any(|tick| tick.canary[0].restarts > 0));

    let mut lab = Lab::new(Nature::broken(Failure::After(Duration::from_mins(2))));
    lab.stage(Slot::B, NEW, 1);
    lab.pass(60);
    assert!(lab.part().pods.iter().all(|pod| !pod.out_of_memory));
    lab.pass(140);
    assert!(lab.part().pods.iter().any(|pod| pod.out_of_memory && pod.restarts == 1));
}

#[test]
fn a_quota_refuses_pods() {
    let mut lab = Lab::new(Nature::good());
    lab.cluster.limit(0, Some(4));
    lab.stage(Slot::B, NEW, 3);
    lab.pass(20);
    let hopeless = |lab: &Lab| {
        let view = lab.cluster.look(lab.cluster.now());
        view.parts[0].slot(Slot::B).unwrap().object.hopeless.clone()
    };
    assert_eq!((lab.part().count(Pod::is_active), hopeless(&lab)), (4, None));
    lab.pass(20);
    assert_eq!(hopeless(&lab).as_deref(), Some("FailedCreate: exceeded quota"));
    lab.cluster.limit(0, None);
    lab.pass(60);
    assert_eq!((lab.part().count(Pod::is_ready), hopeless(&lab)), (6, None));
}

#[test]
fn a_lost_node_takes_pods_and_they_come_back() {
    let mut lab = Lab::new(Nature::good());
    lab.cluster.lose_node(2);
    assert_eq!(lab.part().pods.len(), 1);
    lab.pass(60);
    assert_eq!(lab.serving(), [3, 0]);
}

#[test]
fn an_autoscaler_follows_the_load_between_its_bounds() {
    let mut lab = Lab::with(Nature::good(), |component| component.with_autoscaler(2, 10));
    assert_eq!(lab.part().wanted(Slot::A), 3);
    lab.cluster.multiply_load(3.3);
    lab.pass(60);
    assert_eq!(lab.serving(), [10, 0]);
    lab.cluster.multiply_load(0.1);
    lab.pass(120);
    assert_eq!(lab.part().wanted(Slot::A), 10, "not at once");
    lab.pass(300);
    assert_eq!(lab.part().wanted(Slot::A), 2);
    let floor = Change::Autoscaler(Autoscaler { target: Slot::A, floor: 5, ceiling: 10 });
    assert_eq!(lab.write(Object::Autoscaler(0), &floor), Outcome::Done);
    lab.pass(60);
    assert_eq!(lab.serving(), [5, 0]);
    lab.stage(Slot::A, OLD, 0);
    lab.pass(60);
    assert_eq!(lab.part().wanted(Slot::A), 0, "what was scaled to nothing is left alone");
}

#[test]
fn ticks_have_what_was_counted_since_the_last_one() {
    let mut lab = Lab::new(Nature::failing(1.0));
    lab.stage(Slot::B, NEW, 1);
    lab.pass(30);
    lab.select(Traffic::Both);
    lab.pass(30);
    let mut monitor = Monitor::default();
    let counts = |tick: &Tick| -> [Counts; 2] {
        [&tick.canary, &tick.baseline].map(|pods| {
            let scrapes = pods.iter().filter_map(|pod| pod.scrape.as_ref());
            scrapes.filter_map(|scrape| scrape.streams[0].clone().ok()).sum()
        })
    };
    let first = lab.tick(&mut monitor, Blind::default()).unwrap();
    assert_eq!(first.canary[0].scrape.as_ref().unwrap().streams[0], Err(Unmeasured::First));
    assert_eq!(counts(&first), [Counts::default(); 2]);
    let second = lab.tick(&mut monitor, Blind::default()).unwrap();
    let [canary, baseline] = counts(&second);
    assert_eq!(second.length, Duration::from_secs(5));
    assert_eq!((canary.bad, baseline.bad), (canary.total, 0));
    assert!(
        (50..75).contains(&canary.total) && (175..200).contains(&baseline.total),
        "{canary:?} {baseline:?}"
    );
    let blind = Blind { canary: true, baseline: false };
    let dark = lab.tick(&mut monitor, blind).unwrap();
    assert!(dark.canary[0].scrape.is_none() && dark.baseline.iter().all(|pod| pod.scrape.is_some()));
    let back = lab.tick(&mut monitor, Blind::default()).unwrap();
    assert_eq!(back.canary[0].scrape.as_ref().unwrap().streams[0], Err(Unmeasured::First), "no backlog");
    assert!(lab.tick(&mut monitor, Blind { canary: true, baseline: true }).is_none());
}
