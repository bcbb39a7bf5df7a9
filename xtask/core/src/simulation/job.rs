//! A Job that changes the database: it is made suspended, let go, and ends.

use std::time::Duration;

use crate::release::view::{JobState, Read};

/// A Job, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Job {
    /// What it is like.
    pub nature: JobNature,
    /// How far it has come; `None` where it is not there.
    pub read: Option<Read<JobState>>,
}

/// What a Job is like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JobNature {
    /// How long it runs.
    pub takes: Duration,
    /// Whether it fails then.
    pub fails: bool,
}

impl Job {
    /// What runs ends; its status makes a new version.
    pub(super) fn end(&mut self, version: u64) {
        let fails = self.nature.fails;
        if let Some(read) = self.read.as_mut().filter(|read| read.object == JobState::Running) {
            read.version.resource = version;
            let failed = || JobState::Failed("BackoffLimitExceeded".into());
            read.object = if fails { failed() } else { JobState::Complete };
        }
    }
}
