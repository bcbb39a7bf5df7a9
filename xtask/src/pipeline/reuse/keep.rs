//! Keeping a result: what a task has read is looked at once more, and what it has made is stored.

use std::fs;
use std::sync::Arc;

use super::{Cache, Ready};
use crate::core::fingerprint::contents::Contents;
use crate::core::fingerprint::entry::{Entry, Origin, Said};
use crate::core::fingerprint::index::Left;
use crate::core::fingerprint::walk::Mode;
use crate::core::fingerprint::{Content, Digest, FORMAT};
use crate::core::gate::{Account, GapKind};
use crate::core::graph::TaskId;
use crate::cx::Cx;
use crate::driver::cache::{Claim, Sight};
use crate::driver::platform;
use crate::error::{Context as _, Error, Result};
use crate::event::TaskEnd;
use crate::pipeline::{Footprint, remote};

/// What a task that passed has left.
pub(super) struct Made<'t> {
    pub(super) end: &'t TaskEnd,
    pub(super) said: Said,
    /// The right to make this result, where it could be had.
    pub(super) claim: Option<Claim>,
}

impl Cache {
    pub(super) fn store_result(
        &self,
        cx: &Cx,
        task: &TaskId,
        footprint: &Footprint,
        ready: &Ready,
        made: Made<'_>,
    ) -> Result<(), NotStored> {
        let Made { end, mut said, claim } = made;
        // Nobody is to read tomorrow that nothing was found where nobody could look today.
        let blind = |account: &&Account| account.gaps.iter().any(|gap| gap.kind != GapKind::Unanswered);
        if let Some(blind) = said.looks.iter().find(blind) {
            return Err(NotStored::Blind(format!("`{}` did not look at everything", blind.tool)));
        }
        let moment = self.clock.now()?;
        let parsed = footprint.parsed().map_err(Error::from)?;
        let sight = Sight::default();
        let inputs = self.eye.look(&parsed.inputs, Mode::Inputs, moment, &sight)?;
        if !ready.inputs.is_still(&inputs) {
            let path =
                ready.inputs.first_moved(&inputs).map(|path| path.display().to_string()).unwrap_or_default();
            return Err(NotStored::Because(format!("`{path}` was written to while it ran")));
        }
        let mut contents = Contents::default();
        if let Some(log) = &end.log {
            let bytes = fs::read(log).context(|| format!("could not read `{}`", log.display()))?;
            let is_small = contents.has_room_for(bytes.len() as u64);
            said.log = Some(if is_small { contents.add(bytes) } else { self.store.put_bytes(&bytes)? });
        }
        let eye = &self.eye;
        let outputs = eye.look_and_keep(&parsed.outputs, Mode::Outputs, moment, &sight, &mut contents)?;
        for item in outputs.manifest.files() {
            if let Content::File { digest, size, .. } = &item.content {
                let path = cx.root().join(&item.path);
                let because = |what: &str| NotStored::Because(format!("`{}` {what}", item.path.display()));
                // What stands as it stood before was not read.
                if contents.get(digest).is_none() && contents.has_room_for(*size) {
                    let bytes = fs::read(&path).context(|| format!("could not read `{}`", path.display()))?;
                    if contents.add(bytes) != *digest {
                        return Err(because("was written to after it"));
                    }
                }
                match contents.get(digest) {
                    Some(bytes) if cx.mask().finds_in(bytes) => return Err(because("holds a secret")),
                    Some(bytes) if bytes.len() as u64 != *size => {
                        return Err(because("was written to after it"));
                    }
                    Some(_) => {}
                    None if cx.is_secret_in(&path)? => return Err(because("holds a secret")),
                    None => self.store.put_file(&path, digest, *size)?,
                }
            }
        }
        let took = u64::try_from(end.duration.as_micros()).unwrap_or(u64::MAX);
        let entry = Entry {
            format: FORMAT,
            task: task.to_string(),
            outputs: Arc::unwrap_or_clone(outputs.manifest),
            said,
            stored: platform::unix_time(),
            took,
            contents,
            origin: Origin::new(&ready.fingerprint),
        };
        self.store.put(&ready.key, &entry, claim)?;
        self.leave(task, &ready.key, &entry);
        // Another machine may get an answer.
        if let Some(remote) = self.remote.as_ref().filter(|_| entry.said.gap().is_none()) {
            remote::offer(cx, remote, &self.store, ready.key, entry);
        }
        Ok(())
    }

    /// Notes what this checkout is left with.
    pub(super) fn leave(&self, task: &TaskId, key: &Digest, entry: &Entry) {
        let said = (!entry.said.is_silent()).then(|| serde_json::to_vec(&entry.said));
        // As if nothing were left: the result is looked for in the store.
        let Ok(said) = said.transpose().map(|said| said.map(Into::into)) else { return };
        let left = Left {
            key: *key,
            outputs: entry.outputs.digest(),
            files: entry.outputs.files().len() as u64,
            log: entry.said.log,
            said,
            took: entry.took,
            stored: entry.stored,
            used: self.today,
        };
        self.eye.index(|index| index.leave(task.as_str(), Some(left)));
    }
}

/// Why a result is not stored.
pub(super) enum NotStored {
    /// It would be wrong to.
    Because(String),
    /// A gate did not look at everything.
    Blind(String),
    /// It could not be done.
    Fault(Error),
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}
