//! Collects what the tasks of a shard come to, for the report that is merged with those of the other shards.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::lock;
use super::record::Record;
use crate::core::fingerprint::entry::{Note, Said};
use crate::core::graph::TaskId;
use crate::event::{Body, Event, Level, RunEnd, Sink, Told};

/// The sink that collects.
#[derive(Debug, Default)]
pub struct Collector {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    unix_time: u64,
    jobs: u32,
    notes: BTreeMap<TaskId, Vec<Note>>,
    record: Record,
}

impl Collector {
    /// When the run began, in seconds since 1970.
    pub fn unix_time(&self) -> u64 {
        lock(&self.inner).unix_time
    }

    /// How many cores its tasks could keep busy.
    pub fn jobs(&self) -> u32 {
        lock(&self.inner).jobs
    }

    /// The tasks of the run that ended so, with what they said.
    pub fn tasks(&self, end: &RunEnd) -> Vec<Told> {
        let inner = lock(&self.inner);
        let said = |task: &TaskId| Said {
            log: None,
            notes: inner.notes.get(task).cloned().unwrap_or_default(),
            findings: inner.record.findings(task).to_vec(),
            looks: inner.record.looks(task).to_vec(),
            reports: inner.record.reports(task).to_vec(),
            covered: inner.record.covered(task).cloned().into_iter().collect(),
        };
        end.tasks.iter().map(|end| Told { end: end.clone(), said: said(&end.task) }).collect()
    }
}

impl Sink for Collector {
    fn event(&self, event: &Event) {
        let mut inner = lock(&self.inner);
        inner.record.take(&event.body);
        match &event.body {
            Body::RunStarted { unix_time, jobs, .. } => (inner.unix_time, inner.jobs) = (*unix_time, *jobs),
            Body::Note { task: Some(task), level, message, hint } => {
                let (warns, message, hint) = (*level == Level::Warning, message.clone(), hint.clone());
                inner.notes.entry(task.clone()).or_default().push(Note { warns, message, hint });
            }
            _ => {}
        }
    }
}
