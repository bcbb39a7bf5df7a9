//! How long tasks take, for the order in which they start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::core::graph::TaskId;
use crate::core::plan::UNKNOWN;
use crate::cx::Cx;
use crate::driver::files;
use crate::event::{Reuse, Status, TaskEnd};

/// How long tasks took when they last passed: the best guess for how long they will take.
#[derive(Default)]
pub(super) struct Durations {
    path: PathBuf,
    seconds: BTreeMap<String, f64>,
    changed: bool,
}

impl Durations {
    /// A missing or damaged file is an empty one: the estimates only order tasks.
    pub(super) fn load(cx: &Cx) -> Self {
        let path = cx.tools_folder().join("durations.json");
        let text = std::fs::read(&path).unwrap_or_default();
        Self { path, seconds: serde_json::from_slice(&text).unwrap_or_default(), changed: false }
    }

    pub(super) fn estimate(&self, task: &TaskId) -> Duration {
        self.measured(task).unwrap_or(UNKNOWN)
    }

    /// How long it took when it last passed.
    pub(super) fn measured(&self, task: &TaskId) -> Option<Duration> {
        Duration::try_from_secs_f64(*self.seconds.get(task.as_str())?).ok()
    }

    pub(super) fn record(&mut self, end: &TaskEnd) {
        if end.status == Status::Passed && !matches!(end.reuse, Some(Reuse::Hit { .. })) {
            self.changed = true;
            self.seconds.insert(end.task.to_string(), end.last_try().as_secs_f64());
        }
    }

    pub(super) fn save(&self, cx: &Cx) {
        if !self.changed {
            return;
        }
        let text = serde_json::to_vec_pretty(&self.seconds).unwrap_or_default();
        if let Err(error) = files::write(&self.path, &text) {
            cx.warn_of(&error, "the next run does not know how long tasks take");
        }
    }
}
