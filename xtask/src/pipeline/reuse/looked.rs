//! What the result of a task depends on, as it was looked at.

use std::sync::Arc;
use std::time::Duration;

use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::manifest::Item;
use crate::core::fingerprint::{Digest, Fingerprint, Manifest, Part, Subject, Value};
use crate::core::graph::TaskId;
use crate::driver::cache::Seen;
use crate::driver::platform;
use crate::error::{Error, Result};

/// What the result of a task depends on but for the tasks before it, looked at.
#[derive(Clone)]
pub(in crate::pipeline) struct Looked {
    pub(super) parts: Vec<Part>,
    pub(super) inputs: Arc<Seen>,
    pub(in crate::pipeline) outputs: Arc<Seen>,
    /// The digest of its log.
    pub(super) log: Option<Digest>,
    pub(super) age_max: Option<Duration>,
}

/// What the result of a task depends on.
pub(in crate::pipeline) struct Ready {
    pub(in crate::pipeline) fingerprint: Fingerprint,
    pub(in crate::pipeline) key: Digest,
    pub(in crate::pipeline) inputs: Arc<Seen>,
    pub(in crate::pipeline) outputs: Arc<Seen>,
    pub(super) log: Option<Digest>,
    /// How long ago a result was stored at most that may be used again.
    pub(in crate::pipeline) age_max: Option<Duration>,
}

impl Looked {
    /// All of what the result depends on, with the keys of the tasks before it.
    pub(in crate::pipeline) fn after(self, before: &[(TaskId, Digest)]) -> Ready {
        let Self { mut parts, inputs, outputs, log, age_max } = self;
        parts.extend(before.iter().map(|(task, key)| Part {
            subject: Subject::Dependency(task.to_string()),
            value: Value::Digest(*key),
        }));
        let fingerprint = Fingerprint::new(parts, Arc::clone(&inputs.manifest));
        Ready { key: fingerprint.key(), fingerprint, inputs, outputs, log, age_max }
    }

    /// The same with other files to read.
    pub(in crate::pipeline) fn reading(mut self, task: &TaskId, inputs: Manifest) -> Result<Self> {
        self.inputs = Arc::new(inputs.into());
        self.apart(task)
    }

    /// Itself, where what the task reads and what it makes have nothing in common.
    pub(super) fn apart(self, task: &TaskId) -> Result<Self> {
        let is_read = |item: &&Item| self.inputs.manifest.get(&item.path).is_some();
        let Some(both) = self.outputs.manifest.files().iter().find(is_read) else { return Ok(self) };
        let path = both.path.display();
        Err(Error::configuration(format!("`{path}` is among what `{task}` reads and what it makes"))
            .hint("what it makes is taken away before it runs: leave it out of what it reads"))
    }

    /// What it reads.
    pub(in crate::pipeline) fn inputs(&self) -> &Manifest {
        &self.inputs.manifest
    }
}

impl Ready {
    /// Whether a result that was stored then may still be used.
    pub(in crate::pipeline) fn is_fresh(&self, stored: u64) -> bool {
        Entry::is_fresh(stored, self.age_max, platform::unix_time())
    }
}
