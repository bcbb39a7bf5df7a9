//! What was stored: bytes by their digest, results by their key.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::unfinished::{READ_ONLY, Unfinished};
use super::{Claim, known};
use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::{Entry, EntryError};
use crate::error::{Context as _, Error, Result};
use crate::files;

/// Results on disk.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// How many bytes were written to it by this value.
    grown: AtomicU64,
}

/// What there is under a key.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// This.
    Entry(Box<Entry>),
    /// Something that is not to be believed, or cannot be read, and why.
    Fault(Error),
}

impl Store {
    /// The store in `folder`, which is made when something is stored.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), grown: AtomicU64::new(0) }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of the bytes with this digest.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.sharded("blobs", digest)
    }

    pub(super) fn entry_path(&self, key: &Digest) -> PathBuf {
        self.sharded("entries", key)
    }

    fn sharded(&self, kind: &str, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.folder.join(kind).join(&name[..2]).join(&name[2..])
    }

    /// The result under `key`. What is not to be believed is taken away.
    pub fn find(&self, key: &Digest) -> Found {
        match self.read(key) {
            Err(found) => found,
            Ok(Ok(entry)) => Found::Entry(Box::new(entry)),
            Ok(Err(error)) => {
                let path = self.entry_path(key);
                drop(files::remove(&path));
                Found::Fault(
                    Error::problems(format!("the stored result `{}` was thrown away", path.display()))
                        .source(error),
                )
            }
        }
    }

    /// The result under `key`, and nothing is taken away whatever is wrong with it.
    pub fn peek(&self, key: &Digest) -> Found {
        match self.read(key) {
            Err(found) => found,
            Ok(Ok(entry)) => Found::Entry(Box::new(entry)),
            Ok(Err(error)) => {
                Found::Fault(Error::problems("the stored result is not to be believed").source(error))
            }
        }
    }

    /// What stands under `key`; what cannot be read is none, or a fault.
    fn read(&self, key: &Digest) -> std::result::Result<std::result::Result<Entry, EntryError>, Found> {
        let path = self.entry_path(key);
        match fs::read(&path) {
            Ok(bytes) => Ok(Entry::decode(&bytes, key)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Found::Nothing),
            Err(error) => Err(Found::Fault(Error::io(format!("could not read `{}`", path.display()), error))),
        }
    }

    /// Whether the content of a result with that digest is there and is what it says; nothing is taken away.
    pub fn is_sound(&self, entry: &Entry, digest: &Digest) -> bool {
        entry.contents.get(digest).is_some()
            || fs::read(self.blob(digest)).is_ok_and(|bytes| Digest::of(&bytes) == *digest)
    }

    /// Stores a result, with the claim to it where one is held. The contents that it does not bring along have to be there before.
    pub fn put(&self, key: &Digest, entry: &Entry, claim: Option<Claim>) -> Result<()> {
        let (place, bytes) = (self.entry_path(key), entry.encode(key));
        match claim {
            None => self.write(&place, &bytes)?,
            Some(claim) => {
                claim.fulfil(&bytes, &place).context(|| format!("could not store `{}`", place.display()))?;
                self.has_grown(bytes.len() as u64);
            }
        }
        // Without it, the result is there all the same.
        drop(known::add(&self.folder, &entry.task, key));
        Ok(())
    }

    /// The keys under which the latest results of a task were stored, the newest first.
    pub fn known(&self, task: &str) -> Vec<Digest> {
        known::of(&self.folder, task)
    }

    /// Stores bytes.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.blob(&digest);
        if !self.has(&digest, bytes.len() as u64) {
            self.write(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Stores the bytes of a file, which must have this digest.
    pub fn put_file(&self, path: &Path, digest: &Digest, size: u64) -> Result<()> {
        if self.has(digest, size) {
            return Ok(());
        }
        let failed = || format!("could not store `{}`", path.display());
        let mut file = self.unfinished().context(failed)?;
        if file.copy(path, READ_ONLY).context(failed)? != *digest {
            return Err(Error::problems(format!("`{}` changed while it was stored", path.display())));
        }
        file.publish(&self.blob(digest)).context(failed)?;
        self.has_grown(size);
        Ok(())
    }

    /// Whether bytes with that digest are there, as far as one sees from outside. What is there is in use from now on.
    pub fn has(&self, digest: &Digest, size: u64) -> bool {
        let path = self.blob(digest);
        let there = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() == size);
        there && touch(&path).is_ok()
    }

    /// Says that a result is in use.
    pub fn use_entry(&self, key: &Digest) {
        // It only decides what is thrown away first.
        drop(touch(&self.entry_path(key)));
    }

    /// The bytes with that digest; a fault where they are missing or damaged, which are then taken away.
    pub fn bytes(&self, digest: &Digest) -> Result<Vec<u8>> {
        let path = self.blob(digest);
        let bytes = fs::read(&path).context(|| format!("could not read `{}`", path.display()))?;
        if Digest::of(&bytes) != *digest {
            return Err(self.damaged(digest));
        }
        Ok(bytes)
    }

    /// Writes the content of a result with that digest to `path`, whole or not at all, with these permissions. What stood there is
    /// replaced.
    pub fn write_out(&self, entry: &Entry, digest: &Digest, path: &Path, mode: u32) -> Result<()> {
        let failed = || format!("could not restore `{}`", path.display());
        let folder =
            path.parent().ok_or_else(|| Error::bug(format!("`{}` has no folder", path.display())))?;
        let mut file = Unfinished::new(folder, "xtask").context(failed)?;
        match entry.contents.get(digest) {
            Some(bytes) => file.write(bytes, mode).context(failed)?,
            None if file.copy(&self.blob(digest), mode).context(failed)? == *digest => {}
            None => return Err(self.damaged(digest)),
        }
        file.publish(path).context(failed)
    }

    pub(super) fn damaged(&self, digest: &Digest) -> Error {
        let path = self.blob(digest);
        drop(files::remove(&path));
        Error::problems(format!("`{}` is damaged and was thrown away", path.display()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let write = || -> io::Result<()> {
            let mut file = self.unfinished()?;
            file.write(bytes, READ_ONLY)?;
            file.publish(path)
        };
        write().context(|| format!("could not store `{}`", path.display()))?;
        self.has_grown(bytes.len() as u64);
        Ok(())
    }

    /// How many bytes were written to it by this value; nothing is counted for what was there already.
    pub fn grown(&self) -> u64 {
        self.grown.load(Ordering::Relaxed)
    }

    fn has_grown(&self, bytes: u64) {
        self.grown.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Where files stand that are not whole yet.
    pub(super) fn workplace(&self) -> PathBuf {
        self.folder.join("unfinished")
    }

    fn unfinished(&self) -> io::Result<Unfinished> {
        Unfinished::new(&self.workplace(), "stored")
    }

    /// The claim to the result under a key: whoever holds it makes the result, everybody else waits and finds it. The error is who
    /// that is.
    pub fn claim(&self, key: &Digest, holder: &str) -> Result<std::result::Result<Claim, String>> {
        Claim::try_take(&self.workplace().join(key.to_string()), holder)
    }
}

fn touch(path: &Path) -> io::Result<()> {
    // A file without permission to write can be given times by its owner; `File::set_times` needs no more than a descriptor.
    File::open(path)?.set_times(FileTimes::new().set_modified(SystemTime::now()))
}
