//! Looking at files: which ones a set of patterns means, what stands there, and whether it has moved since.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use crate::core::fingerprint::index::{Index, Stat};
use crate::core::fingerprint::manifest::Item;
use crate::core::fingerprint::pattern::{Patterns, Verdict};
use crate::core::fingerprint::{Content, Digest, Manifest};
use crate::driver::files;
use crate::error::{Context as _, Result};

/// How much of permissions counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Whether a file can be executed, as git knows it: what else there is differs between machines.
    Executable,
    /// All of it.
    Exact,
}

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
    /// What tells their state from another, in the order of the walk; links and empty folders included. Two looks with the same
    /// states have the same files, and nothing has been written in between, not even what was there before.
    states: Vec<(PathBuf, Stat)>,
}

impl Seen {
    /// Whether nothing has moved between this look and a later one.
    pub fn is_still(&self, later: &Self) -> bool {
        self.states == later.states
    }

    /// The first path that differs from a later look.
    pub fn first_moved<'s>(&'s self, later: &'s Self) -> Option<&'s Path> {
        let of = |states: &'s [(PathBuf, Stat)]| -> HashMap<&'s Path, &'s Stat> {
            states.iter().map(|(path, stat)| (path.as_path(), stat)).collect()
        };
        let (then, now) = (of(&self.states), of(&later.states));
        let moved = self.states.iter().find(|(path, stat)| now.get(path.as_path()) != Some(&stat));
        let came = || later.states.iter().find(|(path, _)| !then.contains_key(path.as_path()));
        moved.or_else(came).map(|(path, _)| path.as_path())
    }
}

impl From<Manifest> for Seen {
    /// What would be seen.
    fn from(manifest: Manifest) -> Self {
        Self { manifest: Arc::new(manifest), states: Vec::new() }
    }
}

/// One walk over one set of patterns.
struct Walk<'e> {
    eye: &'e Eye,
    patterns: &'e Patterns,
    mode: Mode,
    moment: u64,
    items: Vec<Item>,
    states: Vec<(PathBuf, Stat)>,
    learned: Vec<(Vec<u8>, Stat, Digest)>,
}

impl Eye {
    /// Looks at the repository at `root`, with what an index says of it.
    pub fn new(root: impl Into<PathBuf>, index: Index) -> Self {
        Self { root: root.into(), index: RwLock::new(index) }
    }

    /// Reads or changes the index.
    pub fn index<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        change(&mut self.index.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What the files of the patterns are. `moment` is a reading of the file system's clock ([`moment`]) from before.
    ///
    /// # Errors
    ///
    /// Where something cannot be looked at: a folder without permission, a file that cannot be read.
    pub fn look(&self, patterns: &Patterns, mode: Mode, moment: u64) -> Result<Seen> {
        let mut walk = Walk {
            eye: self,
            patterns,
            mode,
            moment,
            items: Vec::new(),
            states: Vec::new(),
            learned: Vec::new(),
        };
        let mut done: Vec<PathBuf> = Vec::new();
        for pattern in &patterns.include {
            let prefix: Vec<&[u8]> = pattern.prefix();
            let start: PathBuf = prefix.iter().map(|name| std::ffi::OsStr::from_bytes(name)).collect();
            // What one pattern begins with may be what another has walked already.
            if done.iter().any(|other| start.starts_with(other)) {
                continue;
            }
            walk.start(&start)?;
            done.push(start);
        }
        let Walk { items, states, learned, .. } = walk;
        if !learned.is_empty() {
            self.index(|index| {
                for (path, stat, digest) in learned {
                    index.learn(&path, stat, digest, moment);
                }
            });
        }
        Ok(Seen { manifest: Arc::new(Manifest::new(items)), states })
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
        self.index.read().unwrap_or_else(std::sync::PoisonError::into_inner).digest(name, stat)
    }

    fn digest_of(&self, name: &[u8], path: &Path, stat: &Stat, moment: u64) -> Result<Digest> {
        if let Some(digest) = self.known(name, stat) {
            return Ok(digest);
        }
        let (digest, was_still) = hash(path, stat)?;
        if was_still {
            self.index(|index| index.learn(name, *stat, digest, moment));
        }
        Ok(digest)
    }
}

/// A reading of the clock of the file system that `folder` is on, in nanoseconds since 1970: whatever is written after it has
/// a time that is not before it.
pub fn moment(folder: &Path) -> Result<u64> {
    let path = files::unused(folder, "moment");
    let failed = || format!("could not write `{}`", path.display());
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, b"")).context(failed)?;
    let found = fs::symlink_metadata(&path).context(failed);
    files::remove(&path)?;
    let found = found?;
    Ok(stat(&found).changed)
}

fn stat(found: &Metadata) -> Stat {
    // A time before 1970 is one that never settles.
    let nanoseconds = |seconds: i64, rest: i64| {
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX / 2_000_000_000);
        seconds * 1_000_000_000 + u64::try_from(rest).unwrap_or(0)
    };
    Stat {
        size: found.size(),
        modified: nanoseconds(found.mtime(), found.mtime_nsec()),
        changed: nanoseconds(found.ctime(), found.ctime_nsec()),
        inode: found.ino(),
        device: found.dev(),
        mode: found.mode(),
    }
}

/// The digest of a file, and whether it was what `stat` says before and afterwards.
fn hash(path: &Path, expected: &Stat) -> Result<(Digest, bool)> {
    let failed = || format!("could not read `{}`", path.display());
    let file = File::open(path).context(failed)?;
    let before = stat(&file.metadata().context(failed)?);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file).context(failed)?;
    let after = stat(&file.metadata().context(failed)?);
    Ok((Digest::new(*hasher.finalize().as_bytes()), before == *expected && after == before))
}

impl Walk<'_> {
    /// Looks at a path that a pattern begins with, or at the whole repository where that is empty.
    fn start(&mut self, path: &Path) -> Result<()> {
        let names: Vec<&[u8]> = path.iter().map(OsStrExt::as_bytes).collect();
        if names.is_empty() {
            return self.folder(&[], Path::new(""), false).map(drop);
        }
        let mut above = false;
        for length in 1..names.len() {
            match self.patterns.judge(&names[..length], above) {
                Verdict::Excluded => return Ok(()),
                Verdict::Included => above = true,
                Verdict::Below => {}
            }
        }
        let absolute = self.eye.root.join(path);
        // What is behind a link is not in the repository by this name: a task that reads it declares where it really is.
        let linked = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        if linked.into_iter().any(|above| self.eye.root.join(above).is_symlink()) {
            return Ok(());
        }
        match fs::symlink_metadata(&absolute) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(())
            }
            found => {
                let found = found.context(|| format!("could not look at `{}`", path.display()))?;
                self.item(&names, path.to_owned(), &found, above).map(drop)
            }
        }
    }

    /// Looks at what stands at a path. Returns whether anything of it is meant.
    fn item(&mut self, names: &[&[u8]], path: PathBuf, found: &Metadata, above: bool) -> Result<bool> {
        let verdict = self.patterns.judge(names, above);
        if verdict == Verdict::Excluded {
            return Ok(false);
        }
        let included = verdict == Verdict::Included;
        let kind = found.file_type();
        if kind.is_dir() {
            let filled = self.folder(names, &path, included)?;
            if included && !filled {
                self.keep(path, Content::Folder { mode: self.mode_of(found) }, found);
                return Ok(true);
            }
            return Ok(filled);
        }
        if !included {
            return Ok(false);
        }
        if kind.is_symlink() {
            let target = fs::read_link(self.eye.root.join(&path))
                .context(|| format!("could not read the link `{}`", path.display()))?;
            self.keep(path, Content::Link { target }, found);
        } else if kind.is_file() {
            let stat = stat(found);
            let digest = self.digest(&path, &stat)?;
            let content = Content::File { mode: self.mode_of(found), digest, size: stat.size };
            self.keep(path, content, found);
        }
        // Sockets and pipes hold nothing that a result could depend on.
        Ok(true)
    }

    /// Looks at what is in a folder. Returns whether anything in it is meant.
    fn folder(&mut self, names: &[&[u8]], path: &Path, included: bool) -> Result<bool> {
        let absolute = self.eye.root.join(path);
        let failed = || format!("could not look into `{}`", absolute.display());
        let mut entries = Vec::new();
        for entry in fs::read_dir(&absolute).context(failed)? {
            let entry = entry.context(failed)?;
            entries.push((entry.file_name(), entry));
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut filled = false;
        for (name, entry) in &entries {
            let mut below: Vec<&[u8]> = names.to_vec();
            below.push(name.as_bytes());
            if self.patterns.judge(&below, included) == Verdict::Excluded {
                continue;
            }
            let found = match entry.metadata() {
                // It went away while we looked: as if it had gone before.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found.context(|| format!("could not look at `{}`", entry.path().display()))?,
            };
            filled |= self.item(&below, path.join(name), &found, included)?;
        }
        Ok(filled)
    }

    fn digest(&mut self, path: &Path, stat: &Stat) -> Result<Digest> {
        let name = path.as_os_str().as_bytes();
        if let Some(digest) = self.eye.known(name, stat) {
            return Ok(digest);
        }
        let (digest, was_still) = hash(&self.eye.root.join(path), stat)?;
        if was_still && stat.is_settled(self.moment) {
            self.learned.push((name.to_vec(), *stat, digest));
        }
        Ok(digest)
    }

    fn keep(&mut self, path: PathBuf, content: Content, found: &Metadata) {
        self.states.push((path.clone(), stat(found)));
        self.items.push(Item { path, content });
    }

    fn mode_of(&self, found: &Metadata) -> u32 {
        match self.mode {
            Mode::Exact => found.mode() & 0o7777,
            Mode::Executable if found.is_dir() || found.mode() & 0o100 != 0 => 0o755,
            Mode::Executable => 0o644,
        }
    }
}
