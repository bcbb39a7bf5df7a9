//! What the result of a task depends on, as it was looked at.

use std::sync::Arc;
use std::time::Duration;

use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::key::key_of;
use crate::core::fingerprint::manifest::Item;
use crate::core::fingerprint::{Digest, Fingerprint, Manifest, Part, Subject, Value};
use crate::core::graph::TaskId;
use crate::driver::cache::Seen;
use crate::driver::platform;
use crate::error::{Error, Result};

/// What the result of a task depends on but for the tasks before it, looked at.
#[derive(Clone)]
pub(in crate::pipeline) struct Looked {
    /// What is its own.
    pub(super) parts: Vec<Part>,
    /// What many tasks have in common.
    pub(super) common: Arc<Vec<Part>>,
    pub(super) inputs: Arc<Seen>,
    pub(in crate::pipeline) stands: Stands,
}

/// What stands where a result would.
#[derive(Clone)]
pub(in crate::pipeline) struct Stands {
    /// What stands where the task makes something.
    pub(in crate::pipeline) outputs: Arc<Seen>,
    /// The digest of its log.
    pub(super) log: Option<Digest>,
    /// How long ago a result was stored at most that may be used again.
    pub(in crate::pipeline) age_max: Option<Duration>,
}

/// What the result of a task depends on.
pub(in crate::pipeline) struct Ready {
    pub(in crate::pipeline) fingerprint: Fingerprint,
    pub(in crate::pipeline) key: Digest,
    pub(in crate::pipeline) inputs: Arc<Seen>,
    pub(in crate::pipeline) stands: Stands,
}

impl Looked {
    /// The key of its result, with the keys of the tasks before it: that of [`Looked::after`], for much less.
    pub(in crate::pipeline) fn key(&self, before: &[(TaskId, Digest)]) -> Digest {
        key_of(&[&self.parts, &self.common, &dependencies(before)], &self.inputs.manifest)
    }

    /// All of what the result depends on, with the keys of the tasks before it.
    pub(in crate::pipeline) fn after(self, before: &[(TaskId, Digest)]) -> Ready {
        let Self { mut parts, common, inputs, stands } = self;
        parts.extend(common.iter().cloned());
        parts.extend(dependencies(before));
        let fingerprint = Fingerprint::new(parts, Arc::clone(&inputs.manifest));
        Ready { key: fingerprint.key(), fingerprint, inputs, stands }
    }

    /// The same with other files to read.
    pub(in crate::pipeline) fn reading(mut self, task: &TaskId, inputs: Manifest) -> Result<Self> {
        self.inputs = Arc::new(inputs.into());
        self.apart(task)
    }

    /// Itself, where what the task reads and what it makes have nothing in common.
    pub(super) fn apart(self, task: &TaskId) -> Result<Self> {
        let is_read = |item: &&Item| self.inputs.manifest.get(&item.path).is_some();
        let Some(both) = self.stands.outputs.manifest.files().iter().find(is_read) else { return Ok(self) };
        let path = both.path.display();
        Err(Error::configuration(format!("`{path}` is among what `{task}` reads and what it makes"))
            .hint("what it makes is taken away before it runs: leave it out of what it reads"))
    }

    /// What it reads.
    pub(in crate::pipeline) fn inputs(&self) -> &Manifest {
        &self.inputs.manifest
    }
}

fn dependencies(before: &[(TaskId, Digest)]) -> Vec<Part> {
    let part = |(task, key): &(TaskId, Digest)| Part {
        subject: Subject::Dependency(task.to_string()),
        value: Value::Digest(*key),
    };
    before.iter().map(part).collect()
}

impl Stands {
    /// Whether a result that was stored then may still be used.
    pub(in crate::pipeline) fn is_fresh(&self, stored: u64) -> bool {
        Entry::is_fresh(stored, self.age_max, platform::unix_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_same_by_both_ways() {
        let part = |subject, text: &str| Part { subject, value: Value::Text(text.to_owned()) };
        let seen = Arc::new(Seen::from(Manifest::default()));
        let looked = Looked {
            parts: vec![part(Subject::Tool("sh".to_owned()), "1"), part(Subject::Task, "test.a")],
            common: Arc::new(vec![part(Subject::Variable("PATH".to_owned()), "/bin")]),
            inputs: Arc::clone(&seen),
            stands: Stands { outputs: seen, log: None, age_max: None },
        };
        let before = ["b", "a"].map(|name| (TaskId::new(name).unwrap(), Digest::of(name.as_bytes())));
        let keys = [&before[..], &before[..1], &[]].map(|before| {
            let key = looked.key(before);
            assert_eq!(key, looked.clone().after(before).key, "{before:?}");
            key
        });
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    }
}
