//! In which order runs are made, and when there are enough.
//!
//! Baseline and candidate take turns as A B B A: what drifts, a machine that gets warm or a neighbour that gets busy, then
//! falls on both alike (a balanced crossover design). Each two runs are a pair. After the least number of pairs the verdict
//! is asked for; as long as it is open and the time allows, another pair is made.

use std::time::Duration;

use super::Side;

/// The side of the run with this number, from 0.
pub const fn side(number: usize) -> Side {
    match number % 4 {
        0 | 3 => Side::Baseline,
        _ => Side::Candidate,
    }
}

/// How long comparing may take.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The least number of pairs before a verdict is believed.
    pub pairs_min: usize,
    /// When no further pair is begun.
    pub budget: Duration,
}

/// What is done next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Another run, against this side.
    Run(Side),
    /// It is over: there is a verdict.
    Decided,
    /// It is over: the next pair would not end within the budget.
    OutOfBudget,
}

impl Plan {
    /// What is done after `made` runs that took `elapsed` together; `is_decided` is asked between pairs only.
    pub fn next(&self, made: usize, elapsed: Duration, is_decided: impl FnOnce() -> bool) -> Next {
        // A pair that was begun is made whole: half of one says nothing.
        if !made.is_multiple_of(2) || made / 2 < self.pairs_min {
            return Next::Run(side(made));
        }
        if is_decided() {
            return Next::Decided;
        }
        let pairs = u32::try_from(made / 2).unwrap_or(u32::MAX);
        let a_pair = elapsed.checked_div(pairs).unwrap_or_default();
        if elapsed.saturating_add(a_pair) > self.budget { Next::OutOfBudget } else { Next::Run(side(made)) }
    }
}
