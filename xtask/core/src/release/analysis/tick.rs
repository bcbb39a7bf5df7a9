//! What was seen in one tick, pod by pod, and its sums by stream.

use std::time::Duration;

use super::objective::{Kind, Objective, Settings};
use crate::release::metrics::{Counts, Increment, Unmeasured};

/// What was seen of one pod in one tick.
#[derive(Clone, Debug)]
pub struct PodTick {
    /// Its name.
    pub name: String,
    /// Whether it is ready, and so gets traffic.
    pub ready: bool,
    /// How long ago it became ready.
    pub age: Duration,
    /// How often one of its containers was started again, in its whole life.
    pub restarts: u32,
    /// Whether one of its containers ran out of memory.
    pub out_of_memory: bool,
    /// What it counted, one stream for each objective that has a probe; `None` where the scrape failed.
    pub scrape: Option<Increment>,
}

/// Everything that was seen in one tick. The order of the pods says nothing.
#[derive(Clone, Debug, Default)]
pub struct Tick {
    /// When it ended, since the caller's epoch.
    pub at: Duration,
    /// How long it was.
    pub length: Duration,
    /// The pods on trial.
    pub canary: Vec<PodTick>,
    /// The pods that serve the release before; none where there is none.
    pub baseline: Vec<PodTick>,
    /// Synthetic checks, where some were made.
    pub checks: Sides,
}

/// The same count on both sides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sides {
    /// Of the pods on trial.
    pub canary: Counts,
    /// Of those that serve the release before.
    pub baseline: Counts,
}

impl Sides {
    /// Both together.
    pub fn both(self) -> Counts {
        [self.canary, self.baseline].into_iter().sum()
    }
}

/// The sums of a tick, one entry for each objective.
pub(super) struct Sums {
    pub(super) streams: Vec<Sides>,
    /// The baseline's pods in two halves: pods by name, in turn.
    pub(super) halves: Vec<Sides>,
    /// Why the canary's stream could not be measured on at least one pod.
    pub(super) unmeasured: Vec<Option<Unmeasured>>,
    /// Whether the stream of errors was read from at least one canary pod.
    pub(super) measured: bool,
}

impl Tick {
    pub(super) fn sums(&self, settings: &Settings, objectives: &[Objective]) -> Sums {
        let mut baseline: Vec<&PodTick> = self.baseline.iter().filter(|pod| pod.scrape.is_some()).collect();
        baseline.sort_by(|a, b| a.name.cmp(&b.name));
        let mut sums =
            Sums { streams: Vec::new(), halves: Vec::new(), unmeasured: Vec::new(), measured: false };
        let mut position = 0;
        for objective in objectives {
            if objective.probe.is_none() {
                sums.streams.push(self.checks);
                sums.halves.push(Sides::default());
                sums.unmeasured.push(None);
                continue;
            }
            let is_warm = |pod: &PodTick, served: u64| {
                objective.kind != Kind::Latency
                    || (pod.age >= settings.warm_up && served >= settings.warm_up_requests)
            };
            let stream = |pod: &PodTick| -> Option<Result<Counts, Unmeasured>> {
                let scrape = pod.scrape.as_ref()?;
                let served = scrape.served.get(position).copied().unwrap_or_default();
                scrape.streams.get(position).filter(|_| is_warm(pod, served)).cloned()
            };
            let sum = |pods: &mut dyn Iterator<Item = &PodTick>| -> Counts {
                pods.filter_map(|pod| stream(pod)?.ok()).sum()
            };
            sums.streams.push(Sides {
                canary: sum(&mut self.canary.iter()),
                baseline: sum(&mut baseline.iter().copied()),
            });
            sums.halves.push(Sides {
                canary: sum(&mut baseline.iter().copied().step_by(2)),
                baseline: sum(&mut baseline.iter().copied().skip(1).step_by(2)),
            });
            let failure = |pod: &PodTick| stream(pod)?.err().filter(|why| *why != Unmeasured::First);
            sums.unmeasured.push(self.canary.iter().find_map(failure));
            if objective.kind == Kind::Errors {
                sums.measured = self.canary.iter().any(|pod| matches!(stream(pod), Some(Ok(_))));
            }
            position += 1;
        }
        sums
    }
}
