//! Which runs are made, in which order, and when there are enough.
//!
//! Runs come in pairs, one of each side. Both are made at the same time, so that what a neighbour does to the machine falls on both
//! alike: a duet (Bulej, Horký, Tůma, Farquet and Prokopec, *Duet Benchmarking: Improving Measurement Accuracy in the Cloud*, 2020).
//! Where one side alone uses all of the machine they would measure each other: there they are made in turn, as A B B A, so that
//! what drifts does so for both (a balanced crossover design). After the least number of pairs the verdict is asked for; as long as
//! it is open and the time allows, another pair is made.

use std::time::Duration;

use super::Side;

/// The sides of the pair with this number, from 0, in the order of their numbers and, where they run in turn, of their runs.
pub const fn order(pair: usize) -> [Side; 2] {
    if pair.is_multiple_of(2) { [Side::Baseline, Side::Candidate] } else { [Side::Candidate, Side::Baseline] }
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
    /// Another pair of runs, in this order.
    Pair([Side; 2]),
    /// It is over: there is a verdict.
    Decided,
    /// It is over: the next pair would not end within the budget.
    OutOfBudget,
}

impl Plan {
    /// What is done after `made` pairs that took `elapsed` together; `is_decided` is asked where there are enough of them.
    pub fn next(&self, made: usize, elapsed: Duration, is_decided: impl FnOnce() -> bool) -> Next {
        if made < self.pairs_min {
            return Next::Pair(order(made));
        }
        if is_decided() {
            return Next::Decided;
        }
        let a_pair = elapsed.checked_div(u32::try_from(made).unwrap_or(u32::MAX)).unwrap_or_default();
        if elapsed.saturating_add(a_pair) > self.budget { Next::OutOfBudget } else { Next::Pair(order(made)) }
    }
}
