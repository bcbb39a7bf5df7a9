//! Collects what gates have looked at and found, for the files of a run.

mod page;

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::lock;
use crate::core::gate::Seen;
use crate::core::graph::TaskId;
use crate::event::{Body, Event, Sink};

pub use page::page;

/// The sink that collects.
#[derive(Debug, Default)]
pub struct Collector {
    inner: Mutex<BTreeMap<TaskId, Seen>>,
}

impl Collector {
    /// What each gate has seen so far.
    pub fn seen(&self) -> BTreeMap<TaskId, Seen> {
        lock(&self.inner).clone()
    }
}

impl Sink for Collector {
    fn event(&self, event: &Event) {
        match &event.body {
            Body::Looked { task, account } => {
                lock(&self.inner).entry(task.clone()).or_default().accounts.push(account.clone());
            }
            // Only a task that says what it has looked at is a gate; it says so before what it has found.
            Body::Found { task, finding } => {
                if let Some(seen) = lock(&self.inner).get_mut(task) {
                    seen.findings.push(finding.clone());
                }
            }
            // What a try has seen that did not pass, the next one looks at again.
            Body::TaskRetried { task, .. } => drop(lock(&self.inner).remove(task)),
            _ => {}
        }
    }
}
