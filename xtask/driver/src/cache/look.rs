//! Looking at files: which ones a set of patterns means, what stands there, and whether it has moved since.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use super::sight::{Sight, stat};
use crate::core::fingerprint::contents::{Contents, EACH_MAX};
use crate::core::fingerprint::index::Index;
use crate::core::fingerprint::patterns::{Patterns, Verdict};
use crate::core::fingerprint::stat::Stat;
use crate::core::fingerprint::walk::{Failure, Files, Mode, walk};
use crate::core::fingerprint::{Digest, Manifest};
use crate::error::{Context as _, Error, Result};
use crate::files;

/// How old a reading of the clock may be that is used once more.
const LATELY: Duration = Duration::from_millis(100);

/// Looks at the files of a checkout, and remembers digests in its index.
#[derive(Debug)]
pub struct Eye {
    root: PathBuf,
    index: RwLock<Index>,
}

/// What was seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The files and what stands there.
    pub manifest: Arc<Manifest>,
    /// What tells the state of each from another, in the same order.
    stats: Vec<Stat>,
}

impl Seen {
    /// Whether nothing has moved between this look and a later one, not even to become again what it was.
    pub fn is_still(&self, later: &Self) -> bool {
        self == later
    }

    /// The first path that differs from a later look.
    pub fn first_moved<'s>(&'s self, later: &'s Self) -> Option<&'s Path> {
        let (then, now) = (self.states(), later.states());
        let moved = self.paths().find(|path| now.get(path) != then.get(path));
        moved.or_else(|| later.paths().find(|path| !then.contains_key(path)))
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.manifest.files().iter().map(|item| item.path.as_path())
    }

    fn states(&self) -> HashMap<&Path, &Stat> {
        self.paths().zip(&self.stats).collect()
    }
}

impl From<Manifest> for Seen {
    /// What would be seen.
    fn from(manifest: Manifest) -> Self {
        Self { manifest: Arc::new(manifest), stats: Vec::new() }
    }
}

/// One walk: how it looks at the file system, and what was read on the way.
struct Walk<'e> {
    eye: &'e Eye,
    moment: u64,
    sight: &'e Sight,
    learned: Vec<(Vec<u8>, Stat, Digest)>,
    kept: Option<&'e mut Contents>,
}

impl Eye {
    /// Looks at the repository at `root`, with what an index says of it.
    pub fn new(root: impl Into<PathBuf>, index: Index) -> Self {
        Self { root: root.into(), index: RwLock::new(index) }
    }

    /// Reads or changes the index.
    pub fn index<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the files of the patterns are. `moment` is a reading of the file system's [`Clock`] from before, `sight` what
    /// was seen since then, and before anything could change.
    ///
    /// # Errors
    ///
    /// Where something cannot be looked at: a folder without permission, a file that cannot be read.
    pub fn look(&self, patterns: &Patterns, mode: Mode, moment: u64, sight: &Sight) -> Result<Seen> {
        self.walk(patterns, mode, Walk { eye: self, moment, sight, learned: Vec::new(), kept: None })
    }

    /// The same for files that were just made: what is read of them and small is kept, for whoever stores it.
    pub fn look_and_keep(
        &self,
        patterns: &Patterns,
        mode: Mode,
        moment: u64,
        sight: &Sight,
        kept: &mut Contents,
    ) -> Result<Seen> {
        let walk = Walk { eye: self, moment, sight, learned: Vec::new(), kept: Some(kept) };
        self.walk(patterns, mode, walk)
    }

    fn walk(&self, patterns: &Patterns, mode: Mode, mut files: Walk<'_>) -> Result<Seen> {
        let (moment, sight) = (files.moment, files.sight);
        let walked = walk(patterns, mode, &sight.links, &mut files).map_err(|failure| {
            let other = |failure: Failure| Error::bug("could not look at files").source(&*failure);
            failure.downcast::<Error>().map_or_else(other, |error| *error)
        })?;
        if !files.learned.is_empty() {
            self.index(|index| {
                for (path, stat, digest) in files.learned {
                    index.learn(&path, stat, digest, moment);
                }
            });
        }
        Ok(Seen { manifest: Arc::new(walked.manifest), stats: walked.stats })
    }

    /// The digest of the file at `path`, an absolute one, behind all links; `None` where there is none.
    pub fn digest(&self, path: &Path, moment: u64) -> Result<Option<Digest>> {
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.context(|| format!("could not look at `{}`", path.display()))?,
        };
        let name = path.as_os_str().as_bytes();
        self.digest_of(name, path, &stat(&found), moment).map(Some)
    }

    fn known(&self, name: &[u8], stat: &Stat) -> Option<Digest> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).digest(name, stat)
    }

    fn digest_of(&self, name: &[u8], path: &Path, stat: &Stat, moment: u64) -> Result<Digest> {
        if let Some(digest) = self.known(name, stat) {
            return Ok(digest);
        }
        let (digest, was_still) = hash(path, stat, None)?;
        if was_still {
            self.index(|index| index.learn(name, *stat, digest, moment));
        }
        Ok(digest)
    }
}

/// The clock of the file system that a folder is on, in nanoseconds since 1970: whatever is written after a reading has a time that
/// is not before it.
///
/// A reading is the time at which a file in the folder was touched, one file for all of them: ext4 gives the number of a file that was
/// taken away to no other for some seconds, and looks through all of these whenever a file is made.
#[derive(Debug)]
pub struct Clock {
    folder: PathBuf,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Clock {
    /// That of the file system of `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), last: Mutex::default() }
    }

    /// What it says now.
    pub fn now(&self) -> Result<u64> {
        let read = Instant::now();
        let moment = moment(&self.folder)?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((read, moment));
        Ok(moment)
    }

    /// What it said a moment ago, for whoever looks at files that have not been written since, most likely: with an earlier reading
    /// less is remembered of them, and nothing wrong.
    pub fn lately(&self) -> Result<u64> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last {
            Some((read, moment)) if read.elapsed() < LATELY => Ok(moment),
            _ => self.now(),
        }
    }
}

fn moment(folder: &Path) -> Result<u64> {
    let path = folder.join("moment");
    let open = || File::options().create(true).truncate(false).write(true).open(&path);
    let touched = || -> io::Result<Metadata> {
        // One of another user is replaced, as far as that user's folder allows it.
        let file = files::in_folder(&path, open).or_else(|_| fs::remove_file(&path).and_then(|()| open()))?;
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&file, &Timestamps { last_access: now, last_modification: now })?;
        file.metadata()
    };
    Ok(stat(&touched().context(|| format!("could not write `{}`", path.display()))?).changed)
}

/// The digest of a file, and whether it was what `expected` says, which was seen before, from then on. Its content is kept where there
/// is room for it.
fn hash(path: &Path, expected: &Stat, kept: Option<&mut Contents>) -> Result<(Digest, bool)> {
    let failed = || format!("could not read `{}`", path.display());
    let mut file = File::open(path).context(failed)?;
    let digest = if expected.size <= EACH_MAX {
        // The hasher's own way takes memory for much more than most files hold, anew for each.
        let size = usize::try_from(expected.size).unwrap_or_default();
        let mut bytes = vec![0; size + 1];
        let read = match file.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            read => read.context(failed)?,
        };
        bytes.truncate(read);
        // With as much as it is said to hold, it is over, unless it has changed, which is seen below.
        if read != size {
            file.read_to_end(&mut bytes).context(failed)?;
        }
        match kept.filter(|kept| kept.has_room_for(bytes.len() as u64)) {
            Some(kept) => kept.add(bytes),
            None => Digest::of(&bytes),
        }
    } else {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).context(failed)?;
        Digest::new(*hasher.finalize().as_bytes())
    };
    let after = stat(&file.metadata().context(failed)?);
    Ok((digest, after == *expected))
}

impl Files for Walk<'_> {
    fn at(&mut self, path: &Path) -> Result<Option<Stat>, Failure> {
        match fs::symlink_metadata(self.eye.root.join(path)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            found => {
                let found = found.context(|| format!("could not look at `{}`", path.display()))?;
                Ok(Some(stat(&found)))
            }
        }
    }

    fn list(
        &mut self,
        folder: &Path,
        meant: &mut dyn FnMut(&OsStr) -> Option<Verdict>,
    ) -> Result<Vec<(OsString, Verdict, Stat)>, Failure> {
        Ok(self.sight.list(&self.eye.root, folder, meant)?)
    }

    fn digest(&mut self, path: &Path, stat: &Stat) -> Result<Digest, Failure> {
        let name = path.as_os_str().as_bytes();
        if let Some(digest) = self.eye.known(name, stat) {
            return Ok(digest);
        }
        let (digest, was_still) = hash(&self.eye.root.join(path), stat, self.kept.as_deref_mut())?;
        if was_still && stat.is_settled(self.moment) {
            self.learned.push((name.to_vec(), *stat, digest));
        }
        Ok(digest)
    }

    fn target(&mut self, path: &Path) -> Result<PathBuf, Failure> {
        let failed = || format!("could not read the link `{}`", path.display());
        Ok(fs::read_link(self.eye.root.join(path)).context(failed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_between_two_moments_has_a_time_between_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let clock = Clock::new(folder.path());
        let first = clock.lately().unwrap();
        assert_eq!(clock.lately().unwrap(), first);
        for round in 0..50 {
            let before = clock.now().unwrap();
            fs::write(&file, format!("{round}")).unwrap();
            let written = stat(&fs::symlink_metadata(&file).unwrap()).changed;
            let after = clock.now().unwrap();
            assert!(before <= written && written <= after, "{before} {written} {after}");
            assert_eq!(clock.lately().unwrap(), after);
        }
        assert_eq!(files::names(folder.path()).unwrap(), ["file", "moment"]);
    }
}
