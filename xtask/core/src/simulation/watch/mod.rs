//! Watches one night: what must hold at every instant.
//!
//! It sees what happens in the cluster and knows what a person did in it; of the deployers it knows only what they write. So
//! it judges any deployer, and takes none at its word.

mod ledger;
mod order;
mod person;
mod rest;

use std::time::Duration;

use super::cluster::Cluster;
use super::component::{Component, Form};
use super::invariant::{Broken, Invariant};
use super::pod::Pod;
use super::scenario::{BEGIN, Scenario, Setup};
use crate::release::effect::{Change, Object};
use crate::release::ledger::Phase;
use crate::release::machine::{Ending, Intent, Strategy};
use crate::release::migration::Migration;
use crate::release::model::{Fence, Slot};
use crate::release::view::{Traffic, View};

use order::Order;
use person::Touched;

/// The position of the old revision among a component's, and of the new one.
const OLD: usize = 0;
pub(super) const NEW: usize = 1;

/// The fewest requests and checks that can earn a promotion: with fewer, even without any error, S stays below 20.
const EVIDENCE_MIN: u64 = 300;

/// How long a canary that fails everything may stay, at 50 requests a second.
const DEAD_MAX: Duration = Duration::from_secs(20);

/// How long the loss of a pod may go unseen: the time of a slow look and of what is written because of it.
const UNSEEN: Duration = Duration::from_secs(10);

/// Watches one night.
#[derive(Debug)]
pub(super) struct Watch {
    broken: Option<Broken>,
    /// Pods that served each component when the night began, or what a person has made of that.
    least: Vec<u32>,
    /// The most pods that each may have.
    peak: Vec<u32>,
    /// What a person has changed by hand and no deployer has mended yet.
    touched: Vec<Touched>,
    /// The newest owner who has read everything under its own fence, or has acted.
    guarded: Fence,
    /// How exposed each new slot was when the last deployer died.
    unwatched: Option<Vec<u32>>,
    /// Requests and checks of the new release that deployers have seen.
    evidence: Vec<u64>,
    /// Somebody has said that it may be promoted.
    pub(super) is_promoted_by_hand: bool,
    /// Since when users get nothing but failures from a canary.
    dead_since: Vec<Option<Duration>>,
    order: Order,
    /// Whether the release that is under way has reached the phase in which its new pods are tested.
    is_verified: bool,
}

/// A write, on its way into the cluster.
pub(super) struct Write<'w> {
    pub(super) object: Object,
    pub(super) fence: Fence,
    pub(super) change: &'w Change,
    /// When it was sent: a webhook, or the network, may have held it since.
    pub(super) sent: Duration,
}

impl Write<'_> {
    /// Whether something that happened at a moment was not to be seen yet when this was asked for.
    fn was_unseen(&self, at: Duration) -> bool {
        self.sent < at + UNSEEN
    }
}

/// What a write is compared to.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Known-good pods that were to serve.
    supply: u32,
    /// What is wrong with it whatever comes of it, if it is let through.
    wrong: Option<(Invariant, String)>,
    is_wish: bool,
}

/// The most pods that a component may have at once, as a plan counts them.
fn planned_peak(setup: &Setup) -> u32 {
    let most = setup.autoscaler.map_or(setup.pods, |(_, ceiling)| ceiling);
    2 * most.max(setup.pods)
}

impl Watch {
    pub(super) fn new(scenario: &Scenario) -> Self {
        // Before its first release nothing of a component is known to be good.
        let both = scenario.setups.iter().zip(&scenario.course.parts);
        let least: Vec<u32> =
            both.map(|(setup, part)| if part.old.is_some() { setup.pods } else { 0 }).collect();
        let peak = scenario.setups.iter().map(planned_peak).collect();
        let parts = least.len();
        Self {
            broken: None,
            least,
            peak,
            touched: vec![Touched::default(); parts],
            guarded: Fence::default(),
            unwatched: None,
            evidence: vec![0; parts],
            is_promoted_by_hand: false,
            dead_since: vec![None; parts],
            order: Order::new(scenario),
            is_verified: false,
        }
    }

    pub(super) fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    pub(super) fn into_broken(self) -> Option<Broken> {
        self.broken
    }

    /// Notes that an invariant does not hold; the first one counts.
    pub(super) fn fail(&mut self, invariant: Invariant, now: Duration, words: impl FnOnce() -> String) {
        if self.broken.is_none() {
            let at = now.saturating_sub(BEGIN);
            self.broken = Some(Broken { invariant, at, words: words() });
        }
    }

    /// A deployer has seen so much of the new release.
    pub(super) fn measured(&mut self, part: usize, count: u64) {
        self.evidence[part] += count;
    }

    /// A deployer was shown this.
    pub(super) fn looked(&mut self, me: u64, view: &View) {
        let Some(lease) = view.lease.as_ref().filter(|lease| lease.object.holder == Some(me)) else { return };
        let fence = Fence(lease.object.transitions);
        let is_ours = |other: Option<Fence>| other.is_none_or(|other| other == fence);
        let all = is_ours(view.ledger.as_ref().map(|read| read.fence))
            && view.jobs.iter().all(|job| is_ours(job.as_ref().map(|read| read.fence)))
            && view.extras.iter().all(|extra| is_ours(extra.as_ref().map(|read| read.fence)))
            && view.parts.iter().all(|part| {
                part.slots.iter().all(|slot| is_ours(slot.as_ref().map(|read| read.fence)))
                    && is_ours(part.service.as_ref().map(|read| read.fence))
                    && is_ours(part.autoscaler.as_ref().map(|read| read.fence))
            });
        if all {
            self.guarded = self.guarded.max(fence);
        }
    }

    /// What has to be known before a write, to judge it after.
    pub(super) fn before(&self, scenario: &Scenario, cluster: &Cluster, write: &Write<'_>) -> Before {
        match (write.object, write.change) {
            (Object::Slot(part, _) | Object::Service(part) | Object::Autoscaler(part), change) => {
                let Some(component) = cluster.components.get(part) else { return Before::default() };
                let is_foreign = !scenario.course.parts[part].changes() && *change != Change::Fence;
                let wrong = is_foreign.then(|| {
                    let words =
                        format!("component {part} does not change, and {:?} is written", write.object);
                    (Invariant::OnlyTheInventory, words)
                });
                let supply = supply(component, is_new_good(cluster, part));
                Before { supply, wrong, is_wish: false }
            }
            (Object::Ledger, Change::Ledger(after)) => {
                let read = cluster.ledger.as_ref();
                let is_wish = read.is_some_and(|read| ledger::is_wish(&read.object, after));
                let wrong = read.filter(|_| !is_wish).and_then(|read| {
                    self.judge_ledger(scenario, cluster, (read.fence, &read.object), (write.fence, after))
                });
                Before { supply: 0, wrong, is_wish }
            }
            (Object::Job(index), Change::Job { is_suspended: false }) => {
                let migration = scenario.course.migrations.get(index);
                let under_way = cluster.ledger.as_ref().and_then(|read| read.object.under_way.as_ref());
                let phase = under_way.map(|journal| journal.phase);
                let is_early = migration.is_some_and(|job| job.kind == Migration::Contract)
                    && phase != Some(Phase::Contracting);
                let words = || format!("what the old release needs is taken away while it is {phase:?}");
                Before {
                    supply: 0,
                    wrong: is_early.then(|| (Invariant::OrderIsKept, words())),
                    is_wish: false,
                }
            }
            (Object::Ledger | Object::Lease | Object::Extra(_) | Object::Job(_), _) => Before::default(),
        }
    }

    /// A write was done.
    pub(super) fn written(
        &mut self,
        scenario: &Scenario,
        cluster: &Cluster,
        write: &Write<'_>,
        before: Before,
    ) {
        let &Write { object, fence, change, .. } = write;
        let now = cluster.now();
        if let Some((invariant, words)) = before.wrong {
            self.fail(invariant, now, || words);
        }
        let is_allowed = before.is_wish
            || is_newer_lease(change, self.guarded)
            || is_harmless_creation(scenario, cluster, object, change);
        if fence < self.guarded && !is_allowed {
            let guarded = self.guarded;
            self.fail(Invariant::OlderOwnersChangeNothing, now, || {
                format!("owner {} changed {object:?} after owner {} had taken over", fence.0, guarded.0)
            });
        }
        if !before.is_wish && !matches!(change, Change::Fence | Change::Lease { .. }) {
            self.guarded = self.guarded.max(fence);
        }
        if let Change::Ledger(head) = change {
            let phase = head.under_way.as_ref().map(|journal| journal.phase);
            self.is_verified |=
                phase.is_some_and(|phase| (Phase::Verifying..Phase::Cleaning).contains(&phase));
        }
        let (Object::Slot(part, _) | Object::Service(part) | Object::Autoscaler(part)) = object else {
            return;
        };
        if *change == Change::Fence {
            return;
        }
        let component = &cluster.components[part];
        self.touched[part].mended(write, component, self.least[part]);
        let after = supply(component, is_new_good(cluster, part));
        let least = before.supply.min(self.least[part]);
        // Between a look and a write that follows it nobody can see that pods are gone, or that a person was there.
        let hurt = component.hurt_at.max(self.touched[part].at);
        let is_hurt = hurt.is_some_and(|at| write.was_unseen(at));
        if after < least && !is_hurt {
            self.fail(Invariant::KnownGoodServes, now, || {
                format!("{object:?} {change:?}: {after} known-good pods serve, {least} did before")
            });
        }
        if let Change::Traffic(traffic) = change {
            self.flipped(scenario, cluster, part, *traffic);
        }
        self.kept_order(scenario, cluster, write);
        self.exposed(cluster, part);
    }

    /// Users are sent elsewhere.
    fn flipped(&mut self, scenario: &Scenario, cluster: &Cluster, part: usize, traffic: Traffic) {
        let Traffic::One(slot) = traffic else { return };
        let course = &scenario.course.parts[part];
        let is_new =
            course.changes() && cluster.components[part].slot(slot).is_some_and(|slot| slot.revision == NEW);
        let is_compared = !course.steps().is_empty();
        let needs = is_compared && !self.is_promoted_by_hand;
        if is_new && needs && self.evidence[part] < EVIDENCE_MIN {
            let seen = self.evidence[part];
            self.fail(Invariant::PromotionNeedsEvidence, cluster.now(), || {
                format!("component {part} was flipped to the new release after {seen} requests and checks")
            });
        }
    }

    /// The last deployer has died, and nothing that it sent is on its way any more.
    pub(super) fn left_alone(&mut self, cluster: &Cluster) {
        self.unwatched = Some(cluster.components.iter().map(exposure).collect());
    }

    /// Somebody is there again.
    pub(super) fn attended(&mut self, now: Duration) {
        self.unwatched = None;
        self.order.attended(now);
    }

    /// Something about a component has changed.
    fn exposed(&mut self, cluster: &Cluster, part: usize) {
        let exposure = exposure(&cluster.components[part]);
        let Some(unwatched) = &mut self.unwatched else { return };
        if exposure > unwatched[part] {
            let before = unwatched[part];
            self.fail(Invariant::UnwatchedNeverRises, cluster.now(), || {
                format!("{exposure} pods of the new release are to serve, {before} were when the last deployer died")
            });
        } else {
            unwatched[part] = exposure;
        }
    }

    /// An autoscaler has changed its Deployment. That is its right, but not with a canary, before anything is decided.
    pub(super) fn scaled(&mut self, cluster: &Cluster, part: usize) {
        let journal = cluster.ledger.as_ref().and_then(|read| read.object.under_way.as_ref());
        if journal.is_none_or(|journal| journal.phase >= Phase::Promoting)
            && let Some(unwatched) = &mut self.unwatched
        {
            unwatched[part] = exposure(&cluster.components[part]);
        }
        self.exposed(cluster, part);
    }

    /// The pods of a component have changed.
    pub(super) fn pods(&mut self, cluster: &Cluster, part: usize) {
        let pods = cluster.components[part].count(Pod::is_active);
        let peak = self.peak[part];
        if pods > peak {
            self.fail(Invariant::PeakIsKept, cluster.now(), || {
                format!("component {part} has {pods} pods, its peak is {peak}")
            });
        }
    }

    /// The endpoints of a component have been written.
    pub(super) fn endpoints(&mut self, scenario: &Scenario, cluster: &Cluster, part: usize) {
        let (component, now) = (&cluster.components[part], cluster.now());
        self.order.endpoints(scenario, cluster, part, self.touched[part].service);
        let is_new_good = is_new_good(cluster, part);
        let is_good = |revision: usize| revision == OLD || (is_new_good && revision == NEW);
        // What no Service knows works as soon as it is ready.
        let serves = |pod: &Pod| if component.service.is_some() { pod.serving } else { pod.is_ready() };
        let serving = component.count(|pod| serves(pod) && is_good(pod.revision));
        // What is asked for and not there was taken by a fault, or is still starting; nobody took it out of traffic.
        let missing = |slot: Slot| {
            let deployment = component.slot(slot).filter(|slot| is_good(slot.revision));
            let ready = |revision| {
                component.count(|pod| pod.slot == slot && pod.revision == revision && pod.is_ready())
            };
            deployment
                .filter(|_| component.selects(slot) || component.service.is_none())
                .map_or(0, |deployment| deployment.wanted.saturating_sub(ready(deployment.revision)))
        };
        let missing = missing(Slot::A) + missing(Slot::B);
        let least = self.least[part];
        if serving + missing < least && !self.touched[part].traffic() {
            self.fail(Invariant::KnownGoodServes, now, || {
                format!("component {part}: {serving} known-good endpoints, {missing} missing, {least} at the start")
            });
        }
        let setup = &scenario.setups[part];
        let course = &scenario.course.parts[part];
        // What rolls goes back pod by pod, and before the component that it depends on: that may take longer.
        let waits = course.steps().is_empty() && scenario.course.parts.iter().any(|part| !part.has_slots());
        let is_compared = course.old.is_some() && !waits;
        if !is_compared || setup.new.error_rate < 1.0 || setup.rate < 50.0 || !scenario.faults.is_empty() {
            return;
        }
        if component.count(|pod| pod.serving && pod.revision == NEW) > 0 {
            self.dead_since[part].get_or_insert(now);
        } else {
            self.dead_since[part] = None;
        }
    }

    /// Time has passed; `is_attended`: some deployer is at work.
    pub(super) fn passed(&mut self, now: Duration, is_attended: bool) {
        let longest = self.dead_since.iter().flatten().min().map(|since| now.saturating_sub(*since));
        if let Some(time) = longest.filter(|time| *time > DEAD_MAX) {
            self.fail(Invariant::DeadCanaryIsOut, now, || {
                format!("a canary that fails every request has served for {} s", time.as_secs())
            });
        }
        if let Some(time) = self.order.mixed_for(now).filter(|_| is_attended) {
            self.fail(Invariant::MixedTimeIsBounded, now, || {
                format!("one component is new and another one old since {} s", time.as_secs())
            });
        }
    }

    /// How a night without faults has to end.
    pub(super) fn ended(&mut self, scenario: &Scenario, ending: Ending, now: Duration) {
        let parts = || scenario.setups.iter().zip(&scenario.course.parts).filter(|(_, part)| part.changes());
        let has_traffic =
            parts().all(|(setup, part)| setup.rate >= 50.0 || part.strategy == Strategy::Rolling);
        let fails = scenario.jobs.iter().any(|job| job.fails);
        if !scenario.faults.is_empty() || !has_traffic || scenario.course.asks() || fails {
            return;
        }
        // What answers nobody shows only whether it runs.
        let is_seen = |setup: &Setup| setup.rate > 0.0 || setup.new.is_running_ill();
        let natures =
            || parts().map(|(setup, _)| setup.new.is_good(&setup.old).filter(|good| *good || is_seen(setup)));
        let expected = if natures().any(|good| good == Some(false)) {
            Ending::RolledBack
        } else if natures().all(|good| good == Some(true)) {
            match scenario.intent {
                Intent::Adopt => Ending::Adopted,
                _ if scenario.course.changes() => Ending::Promoted,
                _ => Ending::Nothing,
            }
        } else {
            return;
        };
        if ending != expected {
            self.fail(Invariant::RightEnding, now, || format!("it ended {ending:?}, not {expected:?}"));
        }
    }
}

/// Whether the new release counts as good: it was decided so, and not taken back.
fn is_new_good(cluster: &Cluster, part: usize) -> bool {
    let Some(head) = cluster.ledger.as_ref().map(|read| &read.object) else { return true };
    match &head.under_way {
        Some(journal) => match journal.phase {
            Phase::Flipping | Phase::Verifying | Phase::Baking | Phase::Cleaning | Phase::Contracting => true,
            // Its flip has still to be undone; what rolls goes back pod by pod.
            Phase::Reverting | Phase::Restoring => {
                let component = &cluster.components[part];
                component.form == Form::Rolling || serves_alone(component, NEW)
            }
            _ => false,
        },
        None => serves_alone(&cluster.components[part], NEW),
    }
}

/// Whether users get nothing but this revision.
fn serves_alone(component: &Component, revision: usize) -> bool {
    if component.form == Form::Rolling {
        return component.slot(Slot::A).is_some_and(|slot| slot.revision == revision);
    }
    match component.service.as_ref().map(|read| read.object) {
        Some(Traffic::One(slot)) => component.slot(slot).is_some_and(|slot| slot.revision == revision),
        Some(Traffic::Adopted) => component.slot(Slot::A).is_some_and(|slot| slot.revision == revision),
        _ => false,
    }
}

/// Known-good pods that serve as soon as the endpoints follow, and that are to stay.
fn supply(component: &Component, is_new_good: bool) -> u32 {
    [Slot::A, Slot::B]
        .into_iter()
        .filter(|slot| component.selects(*slot))
        .map(|slot| {
            let is_good = |revision| revision == OLD || (is_new_good && revision == NEW);
            let ready = component.count(|pod| pod.slot == slot && pod.is_ready() && is_good(pod.revision));
            ready.min(component.wanted(slot))
        })
        .sum()
}

/// Pods of the new release that are to serve.
fn exposure(component: &Component) -> u32 {
    let is_exposed = |slot: &Slot| {
        component.selects(*slot) && component.slot(*slot).is_some_and(|deployment| deployment.revision == NEW)
    };
    [Slot::A, Slot::B].into_iter().filter(is_exposed).map(|slot| component.wanted(slot)).sum()
}

/// Whether a write has made something that does nothing by itself: no version can stop a creation.
fn is_harmless_creation(scenario: &Scenario, cluster: &Cluster, object: Object, change: &Change) -> bool {
    let version = match (object, change) {
        (Object::Slot(part, slot), Change::Slot { replicas: 0, .. }) => {
            cluster.components[part].slots[slot as usize].as_ref().map(|read| read.version)
        }
        (Object::Job(index), Change::Job { is_suspended: true }) => {
            cluster.jobs[index].read.as_ref().map(|read| read.version)
        }
        (Object::Extra(index), Change::Content(content)) => {
            let idle = &scenario.course.extras[index].idle;
            let read = cluster.extras[index].as_ref();
            read.filter(|_| idle.as_ref().is_none_or(|idle| idle == content)).map(|read| read.version)
        }
        (Object::Service(part), Change::Traffic(Traffic::Nobody)) => {
            cluster.components[part].service.as_ref().map(|read| read.version)
        }
        (Object::Ledger, Change::Ledger(head)) if head.serving.is_none() && head.under_way.is_none() => {
            cluster.ledger.as_ref().map(|read| read.version)
        }
        _ => None,
    };
    version.is_some_and(|version| version.uid == version.resource)
}

/// Whether a write makes somebody the owner who is newer than `guarded`.
fn is_newer_lease(change: &Change, guarded: Fence) -> bool {
    matches!(change, Change::Lease { transitions, .. } if Fence(*transitions) > guarded)
}
