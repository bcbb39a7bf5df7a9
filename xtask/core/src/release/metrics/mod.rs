//! What pods say of themselves: pages of metrics, parsed, summed, and turned into counts per tick.
//!
//! [`parse`] reads a page, a [`Selector`] names the series that are summed, a [`Probe`] says which sums make one stream of
//! events, and [`Series`] keeps the last reading of each pod so that counters become counts of what happened since.
//!
//! Pages come from programs that are on trial, so nothing in them is trusted: a page that cannot be one is an error, a line
//! that cannot be read is skipped and counted, a sum that cannot be a count is unmeasured. Nothing unmeasured is ever read as
//! zero.

mod exposition;
mod selector;
mod series;
#[cfg(test)]
mod tests;
mod total;

use std::ops::AddAssign;

pub use exposition::{BYTES_MAX, Exposition, PageError, Sample, parse};
pub use selector::{Match, Selector, SelectorError};
pub use series::{Increment, Probe, Series};
pub use total::{Histogram, Unmeasured};

/// How often something happened, and how often of that it went wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// What went wrong; never more than `total`.
    pub bad: u64,
    /// Everything, the bad included.
    pub total: u64,
}

impl Counts {
    /// Counts of `bad` among `total`; where more went wrong than happened, which two counters read one after the other can
    /// say, everything went wrong.
    pub fn new(bad: u64, total: u64) -> Self {
        Self { bad: bad.min(total), total }
    }

    /// What did not go wrong.
    pub fn good(self) -> u64 {
        self.total.saturating_sub(self.bad)
    }

    /// The share that went wrong, from 0 to 1; `None` where nothing happened.
    pub fn rate(self) -> Option<f64> {
        (self.total > 0).then(|| to_float(self.bad) / to_float(self.total))
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.bad = self.bad.saturating_add(other.bad);
        self.total = self.total.saturating_add(other.total);
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}

/// A count as a number to calculate with; exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts above 2^53 are refused where they are read")]
pub fn to_float(count: u64) -> f64 {
    count as f64
}
