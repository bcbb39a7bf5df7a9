//! What a deployer measures: counters of pods, turned into counts since it last read them.

use std::time::Duration;

use super::cluster::Cluster;
use super::pod::{Counters, Pod};
use super::random::Random;
use crate::release::analysis::{PodTick, Sides, Tick};
use crate::release::metrics::{Counts, Increment, Unmeasured, to_float};
use crate::release::model::Revision;

/// The share of scrapes that fail by themselves.
const FAILING: f64 = 0.002;

/// Which pods cannot be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Blind {
    /// Those on trial.
    pub canary: bool,
    /// Those that serve the release before.
    pub baseline: bool,
}

/// What a deployer wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'r> {
    /// The component.
    pub part: usize,
    /// What runs on trial.
    pub new: &'r Revision,
    /// How many checks are sent to each side where a pod is ready.
    pub checks: u64,
    /// Which pods cannot be read.
    pub blind: Blind,
}

/// The memory of one deployer for one component. Another deployer has another: what was counted meanwhile is nobody's tick.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    at: Option<Duration>,
    /// Of each pod, how often it was started again and what it had counted.
    readings: Vec<(u32, u32, Counters)>,
}

impl Monitor {
    /// Reads the pods of a component. `None` where nothing answers. `at` is the time on the deployer's clock.
    pub fn tick(
        &mut self,
        cluster: &mut Cluster,
        Ask { part, new, checks, blind }: Ask<'_>,
        random: &mut Random,
        at: Duration,
    ) -> Option<Tick> {
        cluster.flow(part);
        let now = cluster.now();
        let component = &cluster.components[part];
        let position = component.revisions.iter().position(|(revision, _)| revision == new)?;
        let length = at.saturating_sub(self.at.replace(at).unwrap_or(at));
        let (mut readings, mut answers) = (Vec::with_capacity(self.readings.len()), 0_u32);
        let mut tick = Tick { at, length, ..Tick::default() };
        for pod in component.pods.iter().filter(|pod| pod.is_active()) {
            let is_canary = pod.revision == position;
            let unseen = if is_canary { blind.canary } else { blind.baseline };
            let fails = unseen || !pod.is_ready() || random.chance(FAILING);
            let scrape = (!fails).then(|| {
                answers += 1;
                let known = self.readings.iter().find(|(id, ..)| *id == pod.id);
                readings.push((pod.id, pod.restarts, pod.counters));
                increment(pod, known.map(|(_, restarts, counters)| (*restarts, *counters)))
            });
            let side = if is_canary { &mut tick.canary } else { &mut tick.baseline };
            side.push(PodTick {
                name: pod.id.to_string(),
                ready: pod.is_ready(),
                age: if pod.is_ready() { now.saturating_sub(pod.ready_since) } else { Duration::ZERO },
                restarts: pod.restarts,
                out_of_memory: pod.out_of_memory,
                scrape,
            });
        }
        self.readings = readings;
        let mut checked = |pods: &[PodTick], position: usize| {
            if checks == 0 || !pods.iter().any(|pod| pod.ready) {
                return Counts::default();
            }
            let rate = component.revisions[position].1.error_rate;
            Counts::new(random.times(to_float(checks) * rate).min(checks), checks)
        };
        tick.checks = Sides { canary: checked(&tick.canary, position), baseline: checked(&tick.baseline, 0) };
        let is_dark = answers == 0 && (blind.canary || blind.baseline);
        (!is_dark).then_some(tick)
    }
}

fn increment(pod: &Pod, known: Option<(u32, Counters)>) -> Increment {
    let Counters { requests, errors, slow, resets } = pod.counters;
    let streams = |total, errors, slow| vec![Ok(Counts::new(errors, total)), Ok(Counts::new(slow, total))];
    match known {
        None => {
            let first = || vec![Err(Unmeasured::First); 2];
            Increment { streams: first(), served: vec![0; 2], restarted: false }
        }
        Some((restarts, before)) if (restarts, before.resets) != (pod.restarts, resets) => {
            Increment { streams: streams(requests, errors, slow), served: vec![0; 2], restarted: true }
        }
        Some((_, before)) => Increment {
            streams: streams(requests - before.requests, errors - before.errors, slow - before.slow),
            served: vec![before.requests; 2],
            restarted: false,
        },
    }
}
