//! Keeping the store small and sound: how much there is, what goes first, and whether everything is what it says it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::store::Found;
use super::{Store, claim};
use crate::core::fingerprint::Digest;
use crate::error::{Context as _, Result};

/// How old something unfinished is when whoever wrote it is surely gone.
const STALE: Duration = Duration::from_hours(24);

/// The file that says how large the store is: numbers of bytes, one a line, to be added up.
const SIZE: &str = "size";

/// How many lines that file may have.
const LINES_MAX: usize = 10_000;

/// How long bytes are kept that no result needs: another process may be storing the result that does.
const YOUNG: Duration = Duration::from_hours(1);

/// How much there is.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Stats {
    /// The folder.
    pub folder: PathBuf,
    /// Stored results.
    pub entries: u64,
    /// Different contents of files.
    pub blobs: u64,
    /// Bytes, of both.
    pub bytes: u64,
    /// Results of each task.
    pub tasks: BTreeMap<String, u64>,
}

/// What was thrown away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Pruned {
    /// Results.
    pub entries: u64,
    /// Contents of files that no result needs any more.
    pub blobs: u64,
    /// Bytes, of both.
    pub bytes: u64,
    /// Bytes that are left.
    pub left: u64,
}

/// What was found when everything was read.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// Results that are whole.
    pub entries: u64,
    /// Contents that are what they say.
    pub blobs: u64,
    /// What was wrong, in words; it was taken away.
    pub faults: Vec<String>,
}

/// A file of the store.
#[derive(Debug)]
struct Stored {
    digest: Digest,
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl Store {
    /// How much there is.
    pub fn stats(&self) -> Result<Stats> {
        let (entries, blobs) = (self.all("entries")?, self.all("blobs")?);
        let mut tasks = BTreeMap::new();
        for stored in &entries {
            if let Found::Entry(entry) = self.find(&stored.digest) {
                *tasks.entry(entry.task).or_default() += 1;
            }
        }
        let bytes = entries.iter().chain(&blobs).map(|stored| stored.size).sum();
        let folder = self.folder().to_owned();
        Ok(Stats { folder, entries: entries.len() as u64, blobs: blobs.len() as u64, bytes, tasks })
    }

    /// Throws results away, the least recently used first, until no more than `bytes` are left; and bytes that no result needs.
    pub fn prune(&self, bytes: u64) -> Result<Pruned> {
        let now = SystemTime::now();
        let is_older =
            |than: SystemTime, age: Duration| now.duration_since(than).is_ok_and(|passed| passed > age);
        for (path, found) in listed(&self.workplace())? {
            if found.modified().is_ok_and(|modified| is_older(modified, STALE)) {
                claim::sweep(&path);
            }
        }
        let (mut entries, blobs) = (self.all("entries")?, self.all("blobs")?);
        entries.sort_unstable_by_key(|stored| std::cmp::Reverse((stored.used, stored.digest)));
        let sizes: BTreeMap<Digest, u64> = blobs.iter().map(|stored| (stored.digest, stored.size)).collect();
        let (mut pruned, mut kept) = (Pruned::default(), BTreeSet::new());
        let mut full = false;
        for stored in entries {
            let Found::Entry(entry) = self.find(&stored.digest) else { continue };
            let more: BTreeSet<Digest> = entry.blobs().filter(|blob| !kept.contains(blob)).collect();
            let needs = stored.size + more.iter().filter_map(|blob| sizes.get(blob)).sum::<u64>();
            // The first that does not fit ends it: an older one that is small enough was not used more recently.
            full |= pruned.left + needs > bytes;
            if full {
                remove(&stored.path)?;
                pruned.entries += 1;
                pruned.bytes += stored.size;
            } else {
                kept.extend(more);
                pruned.left += needs;
            }
        }
        for stored in blobs.iter().filter(|stored| !kept.contains(&stored.digest)) {
            if !full && !is_older(stored.used, YOUNG) {
                pruned.left += stored.size;
                continue;
            }
            remove(&stored.path)?;
            pruned.blobs += 1;
            pruned.bytes += stored.size;
        }
        if self.folder().is_dir() {
            self.begin_size(pruned.left)?;
        }
        Ok(pruned)
    }

    /// Keeps the store below `bytes`, after something was written to it; `None` where there was nothing to do.
    ///
    /// How large it is, is known without a look at every file: each process appends to one file what it has written, and a look
    /// at the store begins that file anew. It never says less than there is, but for what is written in the moment in which it
    /// is begun anew.
    pub fn keep_below(&self, bytes: u64) -> Result<Option<Pruned>> {
        let grown = self.grown();
        if grown == 0 {
            return Ok(None);
        }
        let path = self.folder().join(SIZE);
        let size = match fs::read_to_string(&path) {
            Ok(text) if text.lines().count() < LINES_MAX => {
                let known: u64 = text.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
                let mut file = fs::File::options().append(true).open(&path).context(|| written(&path))?;
                file.write_all(format!("{grown}\n").as_bytes()).context(|| written(&path))?;
                known + grown
            }
            _ => {
                let all = [self.all("entries")?, self.all("blobs")?];
                let size = all.iter().flatten().map(|stored| stored.size).sum();
                self.begin_size(size)?;
                size
            }
        };
        if size <= bytes {
            return Ok(None);
        }
        // Well below, so that the next runs have nothing to do.
        self.prune(bytes / 4 * 3).map(Some)
    }

    fn begin_size(&self, size: u64) -> Result<()> {
        crate::files::write(&self.folder().join(SIZE), format!("{size}\n").as_bytes())
    }

    /// Reads everything, and takes away what is not what it says it is.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64) -> Result<()>) -> Result<Verified> {
        let (entries, blobs) = (self.all("entries")?, self.all("blobs")?);
        let total = (entries.len() + blobs.len()) as u64;
        let mut verified = Verified::default();
        for (done, stored) in blobs.iter().enumerate() {
            progress(done as u64, total)?;
            match self.bytes(&stored.digest) {
                Ok(_) => verified.blobs += 1,
                Err(error) => verified.faults.push(error.to_string()),
            }
        }
        for (done, stored) in entries.iter().enumerate() {
            progress((blobs.len() + done) as u64, total)?;
            match self.find(&stored.digest) {
                Found::Nothing => {}
                Found::Fault(error) => verified.faults.push(error.to_string()),
                Found::Entry(entry) => {
                    let lacks = entry.blobs().find(|blob| !self.blob(blob).is_file());
                    let trouble = match (lacks, entry.origin.read(&stored.digest)) {
                        (None, Ok(_)) => {
                            verified.entries += 1;
                            continue;
                        }
                        (Some(blob), _) => format!("lacks {}", blob.short()),
                        (None, Err(error)) => format!("is not to be believed, {error},"),
                    };
                    remove(&stored.path)?;
                    verified
                        .faults
                        .push(format!("a result of `{}` {trouble} and was thrown away", entry.task));
                }
            }
        }
        Ok(verified)
    }

    fn all(&self, kind: &str) -> Result<Vec<Stored>> {
        let mut all = Vec::new();
        for (shard, _) in listed(&self.folder().join(kind))? {
            let Some(start) = shard.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                continue;
            };
            for (path, found) in listed(&shard)? {
                let rest = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(digest) = Digest::parse(&format!("{start}{rest}")) else { continue };
                let used = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                all.push(Stored { digest, path, size: found.len(), used });
            }
        }
        Ok(all)
    }
}

/// What is in a folder; nothing where it is not there.
fn listed(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>> {
    let failed = || format!("could not look into `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.context(failed)?,
    };
    let mut listed = Vec::new();
    for entry in entries {
        let entry = entry.context(failed)?;
        // What another process has taken away meanwhile is gone, and no fault.
        if let Ok(found) = entry.metadata() {
            listed.push((entry.path(), found));
        }
    }
    Ok(listed)
}

fn written(path: &Path) -> String {
    format!("could not write `{}`", path.display())
}

fn remove(path: &Path) -> Result<()> {
    crate::files::remove(path)
}
