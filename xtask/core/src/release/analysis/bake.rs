//! The time after a promotion: the release serves alone, so there is nothing to compare it to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::judge::{AT_ONCE, FAILURES_MIN, FAR, TICKS, far_above};
use super::objective::{Kind, Objective, Settings, SettingsError, validate};
use super::state::Stretch;
use super::tick::Tick;
use super::verdict::Reason;

/// Restarts of containers that are too many for chance, whichever pods they are of: a second one is a loop, or a leak that
/// reaches one pod after the other.
const RESTARTS_MAX: u32 = 1;

/// Ticks in a row in which half of the requests have to fail. A single one may be an accident of the moment in which requests
/// moved.
const DEAD_TICKS: u32 = 2;

/// The watch over a release that serves alone.
///
/// Without a baseline only a rate far above the objective is evidence against the release: five times as much in each of
/// three ticks, or half of all requests in each of two, and twenty failures in them. Less is an alert. Requests are judged so,
/// not their latency, which depends on what users ask for.
///
/// Containers need no baseline: one that ran out of memory speaks against the release, and so does a second restart. A single
/// one may be a node's fault; it is an alert. The release before stands by, so going back costs little.
///
/// Only time in which something was seen counts: while nobody can measure, the watch stands still.
#[derive(Clone, Debug)]
pub struct Bake {
    settings: Settings,
    objectives: Vec<Objective>,
    /// When it began.
    since: Duration,
    /// When the last tick ended; before the first one, when it began.
    at: Duration,
    /// How much has still to be seen.
    left: Duration,
    streams: Vec<Watched>,
    /// How often the containers of each pod had been started again when it was last seen; `None` before the first look.
    pods: Option<BTreeMap<String, u32>>,
    /// Restarts since the watch began, those of pods that are gone among them.
    restarts: u32,
}

/// What the watch remembers of one objective.
#[derive(Clone, Debug, Default)]
struct Watched {
    /// Ticks in a row in which half of the requests fail.
    dead: Stretch,
    /// Ticks in a row far above the objective.
    far: Stretch,
    /// Ticks in a row above the objective.
    above: Stretch,
}

/// What a tick of the bake says.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum BakeVerdict {
    /// Nothing to say.
    Continue,
    /// Worth a word to a person; nothing is done.
    Alert(Reason),
    /// The release before has to serve again.
    FlipBack(Reason),
    /// The time is over and the release was good.
    Over,
}

impl Bake {
    /// A watch over `length` that begins `at`, as [`Evidence::bake`](super::Evidence::bake) says.
    pub fn new(
        settings: Settings,
        objectives: Vec<Objective>,
        at: Duration,
        length: Duration,
    ) -> Result<Self, SettingsError> {
        validate(&settings, &objectives)?;
        let streams = objectives.iter().map(|_| Watched::default()).collect();
        Ok(Self { settings, objectives, since: at, at, left: length, streams, pods: None, restarts: 0 })
    }

    /// The same watch, over `length` from `at` on: what it has seen speaks for and against the release, and takes nothing off
    /// its time.
    #[must_use]
    pub fn prolonged(mut self, at: Duration, length: Duration) -> Self {
        (self.since, self.at, self.left) = (at, at, length);
        self
    }

    /// How much has still to be seen.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// When it is over, if everything is seen from now on.
    pub fn ends(&self) -> Duration {
        self.at + self.left
    }

    /// How much of a tick was seen: none of it where no pod could be read, or where it spans a gap in which nobody looked.
    fn seen(&self, tick: &Tick) -> Duration {
        if tick.length > self.settings.tick_max || tick.canary.iter().all(|pod| pod.scrape.is_none()) {
            return Duration::ZERO;
        }
        // The first one may have begun before the watch.
        tick.length.min(tick.at.saturating_sub(self.since))
    }

    /// Takes one tick; the pods of the release that serves stand where the canary's did.
    pub fn observe(&mut self, tick: &Tick) -> BakeVerdict {
        let mut alert = match self.containers(tick) {
            Ok(alert) => alert,
            Err(reason) => return BakeVerdict::FlipBack(reason),
        };
        if !tick.length.is_zero() && tick.length <= self.settings.tick_max {
            let sums = tick.sums(&self.settings, &self.objectives);
            let streams = self.objectives.iter().zip(&mut self.streams).zip(&sums.streams);
            for ((objective, stream), sides) in streams {
                if objective.kind == Kind::Latency {
                    continue;
                }
                stream.dead.each(sides.canary, tick.length, AT_ONCE);
                stream.far.each(sides.canary, tick.length, FAR * objective.rate_max);
                stream.above.each(sides.canary, tick.length, objective.rate_max);
                for (stretch, ticks) in [(stream.dead, DEAD_TICKS), (stream.far, TICKS)] {
                    if stretch.ticks >= ticks && stretch.seen.bad >= FAILURES_MIN {
                        return BakeVerdict::FlipBack(far_above(objective, stretch));
                    }
                }
                if stream.above.ticks >= TICKS && stream.above.seen.bad > 1 {
                    alert = alert.or(Some(far_above(objective, stream.above)));
                }
            }
        }
        self.left = self.left.saturating_sub(self.seen(tick));
        self.at = tick.at;
        match alert {
            _ if self.left.is_zero() => BakeVerdict::Over,
            Some(reason) => BakeVerdict::Alert(reason),
            None => BakeVerdict::Continue,
        }
    }

    /// Counts what was started again, in any tick: it says what it says however long nobody looked. What happened before the
    /// watch began is known already.
    fn containers(&mut self, tick: &Tick) -> Result<Option<Reason>, Reason> {
        if let Some(pod) = tick.canary.iter().find(|pod| pod.out_of_memory) {
            return Err(Reason::OutOfMemory { pod: pod.name.clone() });
        }
        let known = self.pods.take();
        let mut alert = None;
        for pod in &tick.canary {
            let before = match &known {
                None => pod.restarts,
                Some(known) => known.get(&pod.name).copied().unwrap_or_default(),
            };
            let more = pod.restarts.saturating_sub(before);
            if more > 0 {
                self.restarts += more;
                alert = Some(Reason::Restarted { pod: pod.name.clone(), restarts: self.restarts });
            }
        }
        let seen = tick.canary.iter().map(|pod| (pod.name.clone(), pod.restarts));
        self.pods = if tick.canary.is_empty() { known } else { Some(seen.collect()) };
        match alert {
            Some(_) if self.restarts > RESTARTS_MAX => {
                Err(Reason::RestartedAgain { restarts: self.restarts })
            }
            alert => Ok(alert),
        }
    }
}
