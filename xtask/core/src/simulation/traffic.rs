//! The requests of users: who gets them, who fails them, who counts them.

use std::time::Duration;

use super::cluster::Shared;
use super::component::Component;
use super::nature::Failure;
use super::pod::State;
use crate::release::model::Slot;

/// How long clients keep their connections: after this time a third still has the pod it had.
const KEPT: f64 = 2.0;

/// The requests to a component.
#[derive(Clone, Debug)]
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    /// What one pod is meant to take, requests a second.
    pub rate_of_pod: f64,
    /// Requests so far.
    pub requests: u64,
    /// Those of them that failed, whoever was to blame.
    pub failed: u64,
    /// Those that found nobody.
    pub unserved: u64,
    /// What the first revision answered, then what all others did.
    pub sides: [Tally; 2],
    /// Until when they have been counted.
    pub(super) until: Duration,
}

/// What became of requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// How many there were.
    pub requests: u64,
    /// Those that failed: an error was answered, or a connection refused.
    pub failed: u64,
    /// Those that took too long.
    pub slow: u64,
}

impl Tally {
    /// What was counted since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            failed: self.failed - before.failed,
            slow: self.slow - before.slow,
        }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            failed: self.failed + other.failed,
            slow: self.slow + other.slow,
        }
    }
}

impl Component {
    /// Lets the requests flow until now. To be called before anything changes that they depend on.
    pub(super) fn flow(&mut self, shared: &mut Shared) {
        let seconds = shared.now.saturating_sub(self.load.until).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        self.load.until = shared.now;
        let serving = f64::from(self.count(|pod| pod.serving));
        let kept = (-seconds / KEPT).exp();
        let mut total = 0.0;
        for pod in &mut self.pods {
            let goal = if pod.serving { 1.0 / serving } else { 0.0 };
            pod.share = goal + (pod.share - goal) * kept;
            total += pod.share;
        }
        let requests = self.load.rate * seconds;
        if serving == 0.0 {
            // New connections are refused; only those that are kept go on.
            let refused = shared.random.rounded(requests * (1.0 - total).max(0.0));
            self.load.requests += refused;
            self.load.failed += refused;
            self.load.unserved += refused;
            total = total.max(1.0);
        }
        let mut overrun = false;
        for pod in &mut self.pods {
            if pod.share < 1e-4 {
                continue;
            }
            let nature = &self.revisions[pod.revision].1;
            let count = shared.random.rounded(requests * pod.share / total);
            self.load.requests += count;
            let tally = &mut self.load.sides[pod.revision.min(1)];
            tally.requests += count;
            if !matches!(pod.state, State::Ready | State::Leaving) {
                self.load.failed += count; // the connection is refused, nobody counts it
                tally.failed += count;
                continue;
            }
            let mut some = |rate: f64| if rate >= 1.0 { count } else { among(count, rate, shared) };
            let (errors, slow) = (some(nature.error_rate), some(nature.slow_rate));
            pod.counters.requests += count;
            pod.counters.errors += errors;
            pod.counters.slow += slow;
            self.load.failed += errors;
            tally.failed += errors;
            tally.slow += slow;
            overrun |=
                matches!(nature.failure, Some(Failure::UnderTraffic(most)) if pod.counters.requests >= most);
        }
        if overrun {
            for index in 0..self.pods.len() {
                let pod = &self.pods[index];
                let failure = self.revisions[pod.revision].1.failure;
                if matches!(failure, Some(Failure::UnderTraffic(most)) if pod.counters.requests >= most) {
                    self.crash(index, shared);
                }
            }
        }
    }

    /// How many pods of a slot its share of the requests needs.
    pub(super) fn demand(&self, slot: Slot) -> u32 {
        let serving = self.count(|pod| pod.serving);
        if serving == 0 {
            return 0;
        }
        let share = f64::from(self.count(|pod| pod.serving && pod.slot == slot)) / f64::from(serving);
        // An autoscaler tolerates a tenth.
        ceiling(self.load.rate * share / self.load.rate_of_pod - 0.1)
    }
}

/// How many of `count` are hit at this rate.
fn among(count: u64, rate: f64, shared: &mut Shared) -> u64 {
    shared.random.times(crate::release::metrics::to_float(count) * rate).min(count)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn ceiling(number: f64) -> u32 {
    number.ceil() as u32
}
