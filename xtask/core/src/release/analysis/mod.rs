//! Whether a canary may go on: a sequential comparison with the release that serves beside it.
//!
//! Every tick, [`Analysis::observe`] takes what canary and baseline counted and answers with a [`Verdict`]. Layer by layer:
//!
//! 0. *Facts.* A container that restarted or ran out of memory rolls back. A pod that is ready, answers users and cannot be
//!    measured while the baseline can is taken out of traffic.
//! 1. *Roll back on evidence.* One [`Excess`] for each stream of events: a bet that the canary's rate is more than the
//!    tolerated 1.25 times the baseline's. Where it is not, the bet is unfair to us, and by Ville's inequality its value
//!    reaches m/α with a probability of at most α/m, **however often one looks**. With m streams a release that is no worse
//!    is rolled back with a probability of at most α in its whole life. A canary of which half fails is out at once.
//! 2. *Promote on evidence.* [`Compliance`] is a bet against "the error rate is at or above the objective". Nothing but that
//!    bet won, for long enough and without a suspicion from layer 1, promotes. No data never promotes; where traffic is too
//!    sparse to decide in time, synthetic checks take part.
//! 3. *Advice.* CPU and memory are compared once, at the end, by an exact rank test ([`rank::larger`]).
//!
//! Two guards watch the assumptions: the same bet between baseline pods (when it wins, traffic comes in clusters and a
//! comparison proves nothing), and a limit on the errors of both sides together (when it breaks, the experiment itself may be
//! what hurts).
//!
//! `docs/analysis.md` has the measured error rates and detection times.

mod bake;
mod excess;
mod judge;
mod objective;
mod promotion;
pub mod rank;
pub(in crate::release) mod report;
mod state;
#[cfg(test)]
mod tests;
mod tick;
pub(in crate::release) mod verdict;

pub use bake::{Bake, BakeVerdict};
pub use excess::{Compliance, Excess, RATIOS};
pub use judge::Analysis;
pub use objective::{Kind, Objective, Settings, SettingsError, probes};
pub use promotion::{Basis, Checks, Evidence, Gap, Missing};
pub use report::{Report, StreamReport, grouped};
pub use state::State;
pub(in crate::release) use state::milliseconds;
pub use tick::{PodTick, Sides, Tick};
pub use verdict::{Reason, Verdict};
