//! Why a task runs although results of it are stored.

use super::Cache;
use crate::core::fingerprint::explain::nearest;
use crate::core::fingerprint::{Digest, Fingerprint};
use crate::core::graph::TaskId;
use crate::core::text::count;
use crate::cx::Cx;
use crate::driver::cache::Found;
use crate::event::Body;

/// How many things that differ are named.
const NAMED_MAX: usize = 5;

/// A result that is still stored.
pub(in crate::pipeline) struct Earlier {
    /// Under which key.
    pub(in crate::pipeline) key: Digest,
    /// Since when, in seconds since 1970.
    pub(in crate::pipeline) at: u64,
    /// What it depends on.
    pub(in crate::pipeline) fingerprint: Fingerprint,
}

impl Cache {
    /// The latest results of a task that are still stored.
    pub(in crate::pipeline) fn stored(&self, task: &TaskId) -> Vec<Earlier> {
        let entry = |key: Digest| match self.store.peek(&key) {
            Found::Entry(entry) => {
                let fingerprint = entry.origin.read(&key).ok()?;
                Some(Earlier { key, at: entry.stored, fingerprint })
            }
            Found::Nothing | Found::Fault(_) => None,
        };
        self.store.known(task.as_str()).into_iter().filter_map(entry).collect()
    }

    /// Says what differs from the stored result that differs least.
    pub(super) fn say_missed(&self, cx: &Cx, task: &TaskId, now: &Fingerprint) {
        let because = if self.is_forced(task) {
            vec!["asked for by `--force`".to_owned()]
        } else {
            self.differs(task, now)
        };
        let because = because.iter().map(|words| cx.mask().text(words)).collect();
        cx.emit(Body::Missed { task: task.clone(), because });
    }

    fn differs(&self, task: &TaskId, now: &Fingerprint) -> Vec<String> {
        let stored = self.stored(task);
        let fingerprints: Vec<&Fingerprint> = stored.iter().map(|stored| &stored.fingerprint).collect();
        let Some((_, changes)) = nearest(&fingerprints, now) else {
            return vec!["no result of it is stored".to_owned()];
        };
        let mut words: Vec<String> = changes.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        match changes.len() {
            0 => words.push("the stored result is not whole".to_owned()),
            all if all > NAMED_MAX => words.push(format!("and {}", count(all - NAMED_MAX, "more change"))),
            _ => {}
        }
        words
    }
}
