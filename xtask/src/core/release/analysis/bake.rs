//! The time after a promotion: the release serves alone, so there is nothing to compare it to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::judge::{FAILURES_MIN, FAR};
use super::objective::{Kind, Objective, Settings};
use super::state::Stretch;
use super::tick::Tick;
use super::verdict::Reason;

/// Ticks in a row that a rate has to be too high.
const TICKS: u32 = 3;

/// The watch over a release that serves alone.
///
/// Without a baseline only a rate far above the objective is evidence against the release: five times as much in each of
/// three ticks, and twenty failures in them. Less is an alert. Requests are judged so, not their latency, which depends on
/// what users ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bake {
    until: Duration,
    tick_max: Duration,
    streams: Vec<Watched>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Watched {
    name: String,
    rate_max: f64,
    /// Whether its rate says something about the release alone.
    is_judged: bool,
    far: Stretch,
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
    /// A watch of `length` from `at` on, as [`Evidence::bake`](super::Evidence::bake) says.
    pub fn new(settings: &Settings, objectives: &[Objective], at: Duration, length: Duration) -> Self {
        let watched = |objective: &Objective| Watched {
            name: objective.name.clone(),
            rate_max: objective.rate_max,
            is_judged: objective.kind != Kind::Latency,
            far: Stretch::default(),
            above: Stretch::default(),
        };
        let streams = objectives.iter().map(watched).collect();
        Self { until: at + length, tick_max: settings.tick_max, streams }
    }

    /// Takes one tick; the pods of the release that serves stand where the canary's did.
    pub fn observe(&mut self, settings: &Settings, objectives: &[Objective], tick: &Tick) -> BakeVerdict {
        let mut alert = None;
        if !tick.length.is_zero() && tick.length <= self.tick_max {
            let sums = tick.sums(settings, objectives);
            for (stream, sides) in
                self.streams.iter_mut().zip(&sums.streams).filter(|(stream, _)| stream.is_judged)
            {
                stream.far.each(sides.canary, tick.length, FAR * stream.rate_max);
                stream.above.each(sides.canary, tick.length, stream.rate_max);
                let reason = |stretch: Stretch| Reason::FarAbove {
                    stream: stream.name.clone(),
                    seen: stretch.seen,
                    ticks: stretch.ticks,
                    rate_max: stream.rate_max,
                };
                if stream.far.ticks >= TICKS && stream.far.seen.bad >= FAILURES_MIN {
                    return BakeVerdict::FlipBack(reason(stream.far));
                }
                if stream.above.ticks >= TICKS && stream.above.seen.bad > 1 {
                    alert = alert.or(Some(reason(stream.above)));
                }
            }
        }
        match alert {
            _ if tick.at >= self.until => BakeVerdict::Over,
            Some(reason) => BakeVerdict::Alert(reason),
            None => BakeVerdict::Continue,
        }
    }
}
