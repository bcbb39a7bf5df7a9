//! What a revision is like: how long its pods take to start, what goes wrong with them, how they answer.

use std::time::Duration;

/// What a revision is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Nature {
    /// How long a pod takes until it is ready: between these two.
    pub start: (Duration, Duration),
    /// What goes wrong with its pods.
    pub failure: Option<Failure>,
    /// The share of requests that fail.
    pub error_rate: f64,
    /// The share of requests that take too long.
    pub slow_rate: f64,
}

/// What can go wrong with every pod of a revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    /// It crashes before it is ready.
    AtOnce,
    /// It runs out of memory, so long after it became ready, give or take a half.
    After(Duration),
    /// It crashes at this many requests.
    UnderTraffic(u64),
    /// Its image is not there.
    NoImage,
    /// It is ready, and does not pass a smoke test.
    Unwell,
}

impl Nature {
    /// One that starts within seconds and answers well.
    pub fn good() -> Self {
        let start = (Duration::from_secs(2), Duration::from_secs(12));
        Self { start, failure: None, error_rate: 0.001, slow_rate: 0.01 }
    }

    /// One of which this share of requests fails.
    pub fn failing(error_rate: f64) -> Self {
        Self { error_rate, ..Self::good() }
    }

    /// One with which this goes wrong.
    pub fn broken(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::good() }
    }

    /// Whether its pods fail without anybody asking them anything.
    pub fn is_running_ill(&self) -> bool {
        matches!(self.failure, Some(Failure::AtOnce | Failure::NoImage | Failure::Unwell | Failure::After(_)))
    }

    /// Whether it is as good as `before`, or so much worse that every deployer should find out within the steps of a canary:
    /// `None` where that is not sure.
    pub fn is_good(&self, before: &Self) -> Option<bool> {
        match self.failure {
            Some(Failure::After(time)) if time > Duration::from_mins(2) => None,
            Some(_) => Some(false),
            None if self.error_rate >= 0.1 => Some(false),
            None if self.error_rate > before.error_rate || self.slow_rate > before.slow_rate => None,
            None if self.error_rate <= 0.0025 => Some(true),
            None => None,
        }
    }
}
