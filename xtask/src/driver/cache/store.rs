//! What was stored: bytes by their digest, results by their key.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::{Entry, EntryError};
use crate::driver::files;
use crate::error::{Context as _, Error, Result};

/// How many results of a task are known by its name, for whoever asks why it runs again.
const KNOWN: usize = 12;

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

    /// Whether the bytes with that digest are there and are what they say; nothing is taken away.
    pub fn is_sound(&self, digest: &Digest) -> bool {
        fs::read(self.blob(digest)).is_ok_and(|bytes| Digest::of(&bytes) == *digest)
    }

    /// Stores a result. Its bytes have to be there before.
    pub fn put(&self, key: &Digest, entry: &Entry) -> Result<()> {
        self.write(&self.entry_path(key), &entry.encode(key))?;
        let others = self.known(&entry.task).into_iter().filter(|other| other != key);
        let lines: Vec<String> =
            [*key].into_iter().chain(others).take(KNOWN).map(|key| key.to_string()).collect();
        let text = lines.join("\n");
        files::write(&self.names(&entry.task), text.as_bytes())
    }

    /// The keys under which the latest results of a task were stored, the newest first.
    pub fn known(&self, task: &str) -> Vec<Digest> {
        let text = fs::read_to_string(self.names(task)).unwrap_or_default();
        text.lines().filter_map(Digest::parse).collect()
    }

    fn names(&self, task: &str) -> PathBuf {
        self.folder.join("tasks").join(task)
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
        let blob = self.blob(digest);
        let failed = || format!("could not store `{}`", path.display());
        let temporary = self.temporary()?;
        let stored = copy(path, &temporary, 0o444).context(failed).and_then(|found| {
            if found != *digest {
                return Err(Error::problems(format!("`{}` changed while it was stored", path.display())));
            }
            publish(&temporary, &blob).context(failed)?;
            self.grown.fetch_add(size, Ordering::Relaxed);
            Ok(())
        });
        if stored.is_err() {
            drop(fs::remove_file(&temporary));
        }
        stored
    }

    /// Whether bytes with that digest are there, as far as one sees from outside. What is there is in use from now on.
    pub(super) fn has(&self, digest: &Digest, size: u64) -> bool {
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

    /// Writes the bytes with that digest to `path`, whole or not at all, with these permissions. What stood there is replaced.
    pub fn write_out(&self, digest: &Digest, path: &Path, mode: u32) -> Result<()> {
        let failed = || format!("could not restore `{}`", path.display());
        let folder =
            path.parent().ok_or_else(|| Error::bug(format!("`{}` has no folder", path.display())))?;
        fs::create_dir_all(folder).context(failed)?;
        let temporary = files::unused(folder, "xtask");
        let written = copy(&self.blob(digest), &temporary, mode).context(failed).and_then(|found| {
            if found != *digest {
                return Err(self.damaged(digest));
            }
            fs::rename(&temporary, path).context(failed)
        });
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
        written
    }

    pub(super) fn damaged(&self, digest: &Digest) -> Error {
        let path = self.blob(digest);
        drop(files::remove(&path));
        Error::problems(format!("`{}` is damaged and was thrown away", path.display()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let failed = || format!("could not store `{}`", path.display());
        let temporary = self.temporary()?;
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.set_permissions(Permissions::from_mode(0o444))?;
            file.sync_data()
        });
        let written = written.and_then(|()| publish(&temporary, path)).context(failed);
        match written {
            Ok(()) => {
                self.grown.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            Err(_) => drop(fs::remove_file(&temporary)),
        }
        written
    }

    /// How many bytes were written to it by this value; nothing is counted for what was there already.
    pub fn grown(&self) -> u64 {
        self.grown.load(Ordering::Relaxed)
    }

    /// A path for a file that is not whole yet.
    fn temporary(&self) -> Result<PathBuf> {
        let folder = self.folder.join("unfinished");
        fs::create_dir_all(&folder).context(|| format!("could not make `{}`", folder.display()))?;
        Ok(files::unused(&folder, "stored"))
    }

    /// The lock on a key: whoever holds it makes the result, everybody else waits and finds it.
    pub fn try_lock(&self, key: &Digest, holder: &str) -> Result<std::result::Result<files::Lock, String>> {
        files::Lock::try_take(&self.folder.join("locks").join(key.to_string()), holder)
    }
}

/// Puts a finished file into its place.
fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(temporary, path)
}

fn touch(path: &Path) -> io::Result<()> {
    // A file without permission to write can be given times by its owner; `File::set_times` needs no more than a descriptor.
    File::open(path)?.set_times(FileTimes::new().set_modified(SystemTime::now()))
}

/// Copies a file and returns the digest of what arrived.
fn copy(from: &Path, to: &Path, mode: u32) -> io::Result<Digest> {
    let mut source = File::open(from)?;
    let mut target = File::options().read(true).write(true).create_new(true).open(to)?;
    // Inside of the kernel, which shares the blocks where the file system can.
    io::copy(&mut source, &mut target)?;
    target.rewind()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&target)?;
    target.set_permissions(Permissions::from_mode(mode))?;
    target.sync_data()?;
    Ok(Digest::new(*hasher.finalize().as_bytes()))
}
