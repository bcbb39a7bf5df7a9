//! The runs that a verdict needs: in pairs, of both sides at the same time or in turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::k6::{Load, Shown};
use super::server::Running;
use super::side::Started;
use crate::core::perf::Side;
use crate::core::perf::judge::{Judgement, Rule, Verdict, judge};
use crate::core::perf::pairs::{Next, Plan};
use crate::core::perf::run::Run;
use crate::core::text;
use crate::cx::Cx;
use crate::error::{Error, ErrorKind, Result};

/// Both sides, ready to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<'s> {
    pub(super) baseline: (&'s Started, &'s [Running]),
    pub(super) candidate: (&'s Started, &'s [Running]),
}

impl<'s> Sides<'s> {
    fn servers(&self, side: Side) -> &'s [Running] {
        match side {
            Side::Baseline => self.baseline.1,
            Side::Candidate => self.candidate.1,
        }
    }
}

/// One run against the candidate alone.
pub(super) fn once(cx: &Cx, load: &Load<'_>, servers: &[Running]) -> Result<Run> {
    let shown = Shown {
        number: 1,
        before: Duration::ZERO,
        total: Some(load.scenario.duration),
        start: Instant::now(),
    };
    cx.step("run-1", |cx| load.run(cx, Side::Candidate, servers, &shown, &|| true))
}

/// Pairs of runs until there is a verdict, or no time.
pub(super) fn compare(
    cx: &Cx,
    load: &Load<'_>,
    sides: &Sides<'_>,
    rule: &Rule,
    budget: Duration,
) -> Result<(Vec<Run>, Judgement)> {
    // A server that has just started is slow in its first answers: both sides are asked once, and what they say is left out.
    for side in [Side::Baseline, Side::Candidate] {
        cx.step(&format!("warm-{side}"), |cx| load.warm(cx, sides.servers(side)))
            .map_err(|error| unmeasured(error, side))?;
    }
    let plan = Plan { pairs_min: rule.pairs_min, budget };
    let start = Instant::now();
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let judged = || judge(&sides.baseline.0.subject, &sides.candidate.0.subject, &runs, rule);
        let made = runs.len() / 2;
        match plan.next(made, start.elapsed(), || judged().verdict != Verdict::Undecided) {
            Next::Pair(order) => {
                let total = (made < rule.pairs_min).then_some(rule.pairs_min);
                runs.extend(pair(cx, load, sides, &Place { pair: made, pairs: total, order, start })?);
            }
            Next::Decided => {
                let judgement = judged();
                return Ok((runs, judgement));
            }
            Next::OutOfBudget => {
                let mut judgement = judged();
                let spent = format!("; the budget of {} is spent", text::duration(budget));
                judgement.reason.push_str(&spent);
                return Ok((runs, judgement));
            }
        }
    }
}

/// Which pair of runs it is.
#[derive(Debug)]
struct Place {
    /// Its number, from 0.
    pair: usize,
    /// How many there will be, where that is known.
    pairs: Option<usize>,
    /// Which side begins.
    order: [Side; 2],
    /// When the first pair began.
    start: Instant,
}

/// One run of each side.
fn pair(cx: &Cx, load: &Load<'_>, sides: &Sides<'_>, place: &Place) -> Result<[Run; 2]> {
    let is_in_turn = load.scenario.in_turn;
    let times =
        |count: usize| load.scenario.duration.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let each = if is_in_turn { 2 } else { 1 };
    let run = |position: usize, goes_on: &dyn Fn() -> bool| {
        let side = place.order[position];
        let number = place.pair * 2 + position + 1;
        let before = times(place.pair * each + if is_in_turn { position } else { 0 });
        let shown =
            Shown { number, before, total: place.pairs.map(|pairs| times(pairs * each)), start: place.start };
        cx.step(&format!("run-{number}"), |cx| load.run(cx, side, sides.servers(side), &shown, goes_on))
            .map_err(|error| unmeasured(error, side))
    };
    if is_in_turn {
        return Ok([run(0, &|| true)?, run(1, &|| true)?]);
    }
    let has_failed = AtomicBool::new(false);
    let run = |position| {
        let run = run(position, &|| !has_failed.load(Ordering::Relaxed));
        has_failed.fetch_or(run.is_err(), Ordering::Relaxed);
        run
    };
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        let one = run(0);
        (one, other.join().unwrap_or_else(|_| Err(Error::bug("a run of the load test panicked"))))
    });
    match (one, other) {
        (Ok(one), Ok(other)) => Ok([one, other]),
        // Where one has failed, the other was ended: that it was is not what went wrong.
        (Err(error), Err(other)) if error.kind() == ErrorKind::Interrupted => Err(other),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// An error with the side that could not be measured; an interruption speaks for itself.
fn unmeasured(error: Error, side: Side) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => error,
        _ => error.context(format!("the {side} could not be measured")),
    }
}
