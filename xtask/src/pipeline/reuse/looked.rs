//! What the result of a task depends on, as it was looked at.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::core::fingerprint::entry::{Entry, Said};
use crate::core::fingerprint::index::Left;
use crate::core::fingerprint::key::key_of;
use crate::core::fingerprint::{Digest, Fingerprint, Manifest, Part, Subject, Value};
use crate::core::graph::TaskId;
use crate::cx::Programs;
use crate::driver::cache::Seen;
use crate::error::{Error, Result};

/// What the result of a task depends on but for the tasks before it, looked at.
#[derive(Clone)]
pub(in crate::pipeline) struct Looked {
    /// What is its own.
    pub(super) parts: Vec<Part>,
    /// What many tasks have in common.
    pub(super) common: Arc<Vec<Part>>,
    pub(super) programs: Programs,
    pub(super) inputs: Arc<Seen>,
    pub(in crate::pipeline) stands: Stands,
}

/// What stands where a result would.
#[derive(Clone)]
pub(in crate::pipeline) struct Stands {
    /// What stands where the task makes something.
    pub(in crate::pipeline) outputs: Arc<Seen>,
    /// How long ago a result was stored at most that may be used again.
    pub(in crate::pipeline) age_max: Option<Duration>,
    /// What this checkout was left with, and what it said, where that is what stands there: read while others look at files.
    pub(super) left: Option<Arc<(Left, Said)>>,
}

/// What the result of a task depends on.
pub(in crate::pipeline) struct Ready {
    pub(in crate::pipeline) fingerprint: Fingerprint,
    pub(in crate::pipeline) key: Digest,
    pub(super) programs: Programs,
    pub(in crate::pipeline) inputs: Arc<Seen>,
    pub(in crate::pipeline) stands: Stands,
    /// Whether something else may stand there by now: a try has left it, or a result that could be put back only in part.
    pub(super) is_touched: Cell<bool>,
}

impl Looked {
    /// The key of its result, with the keys of the tasks before it: that of [`Looked::after`], for much less.
    pub(in crate::pipeline) fn key(&self, before: &[(TaskId, Digest)]) -> Digest {
        key_of(&[&self.parts, &self.common, &dependencies(before)], &self.inputs.manifest)
    }

    /// All of what the result depends on, with the keys of the tasks before it.
    pub(in crate::pipeline) fn after(self, before: &[(TaskId, Digest)]) -> Ready {
        let Self { mut parts, common, programs, inputs, stands } = self;
        parts.extend(common.iter().cloned());
        parts.extend(dependencies(before));
        let fingerprint = Fingerprint::new(parts, Arc::clone(&inputs.manifest));
        let key = fingerprint.key();
        Ready { fingerprint, key, programs, inputs, stands, is_touched: Cell::new(false) }
    }

    /// The same with other files to read.
    pub(in crate::pipeline) fn reading(mut self, task: &TaskId, inputs: Manifest) -> Result<Self> {
        self.inputs = Arc::new(inputs.into());
        self.apart(task)
    }

    /// Itself, where what the task reads and what it makes have nothing in common.
    pub(super) fn apart(self, task: &TaskId) -> Result<Self> {
        let Some(both) = self.stands.outputs.manifest.common(&self.inputs.manifest) else { return Ok(self) };
        let path = both.display();
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
    /// Whether a result may be used at `now` that was stored at `stored`, in seconds since 1970, and said this. One that lacks the
    /// answer of a feed may be for a while, but not in a `strict` run, which that fails.
    pub(super) fn may_use(&self, said: &Said, stored: u64, now: u64, strict: bool) -> bool {
        !(strict && said.gap().is_some()) && Entry::is_fresh(stored, said.age_max(self.age_max), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::gate::{Account, Coverage, GapKind, Look};

    #[test]
    fn what_lacks_an_answer_is_used_for_a_while_and_not_where_that_fails() {
        let silent =
            Look::at("npm-audit", Coverage::new(0, "package")).gap(GapKind::Unanswered, "no answer", None);
        let silent = Said { looks: vec![Account::of(&silent, 0, 0)], ..Said::default() };
        let seen = Arc::new(Seen::from(Manifest::default()));
        let may_use = |said: &Said, hours: Option<u64>, minutes: u64, strict: bool| {
            let age_max = hours.map(Duration::from_hours);
            let stands = Stands { outputs: Arc::clone(&seen), age_max, left: None };
            stands.may_use(said, 1_000, 1_000 + 60 * minutes, strict)
        };
        for (said, hours, minutes, strict, expected) in [
            (&silent, None, 10, false, true),
            (&silent, None, 11, false, false),
            (&silent, Some(1), 11, false, false),
            (&silent, None, 1, true, false),
            (&Said::default(), None, 11, true, true),
            (&Said::default(), Some(1), 60, false, true),
            (&Said::default(), Some(1), 61, false, false),
        ] {
            let is_silent = said.gap().is_some();
            assert_eq!(
                may_use(said, hours, minutes, strict),
                expected,
                "{is_silent} {hours:?} {minutes} {strict}"
            );
        }
    }

    #[test]
    fn the_key_is_the_same_by_both_ways() {
        let part = |subject, text: &str| Part { subject, value: Value::Text(text.to_owned()) };
        let seen = Arc::new(Seen::from(Manifest::default()));
        let looked = Looked {
            parts: vec![part(Subject::Tool("sh".to_owned()), "1"), part(Subject::Task, "test.a")],
            common: Arc::new(vec![part(Subject::Variable("PATH".to_owned()), "/bin")]),
            programs: Programs::default(),
            inputs: Arc::clone(&seen),
            stands: Stands { outputs: seen, age_max: None, left: None },
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
