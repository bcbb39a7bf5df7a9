//! Files: written whole or not at all, locked, hashed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Error, Result};

/// How many files this process has begun to write: two threads never write to one temporary file.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Reads a text file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(|| format!("could not read `{}`", path.display()))
}

/// Reads a file of any kind.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).context(|| format!("could not read `{}`", path.display()))
}

/// Writes a file so that a reader sees the old content or the new one, whatever happens in between.
///
/// The folder is made where it is missing.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    write_with_mode(path, content, 0o666)
}

/// Writes a file that nobody but its owner can read, in a folder that nobody else can look into, so that a reader sees the old
/// content or the new one.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        match fs::symlink_metadata(folder) {
            Ok(found) if found.is_dir() => fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
                .context(|| format!("could not make `{}` private", folder.display()))?,
            _ => create_private_folder(folder)?,
        }
    }
    write_with_mode(path, content, 0o600)
}

/// `mode` is what the process lets pass of it (`umask`).
fn write_with_mode(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    let folder = path.parent().ok_or_else(|| Error::bug(format!("`{}` has no folder", path.display())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = unused(folder, &name);
    let open = || File::options().write(true).create(true).truncate(true).mode(mode).open(&temporary);
    let written = in_folder(&temporary, open)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The half-written file is ours alone; that it cannot be removed either changes nothing about the first error.
        drop(fs::remove_file(&temporary));
    }
    written.context(failed)
}

/// Does something in the folder of a path, which is made where it is missing: it is there nearly always.
pub fn in_folder<T>(path: &Path, mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match work() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            work()
        }
        done => done,
    }
}

/// A path in `folder` that no other writer uses, of this process or another: for a file that is not whole yet.
pub fn unused(folder: &Path, name: &str) -> PathBuf {
    let turn = WRITES.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".{name}.{}.{turn}.tmp", std::process::id()))
}

/// Removes a file or a whole folder. That nothing is there is no error. Links are removed, not followed.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("could not remove `{}`", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Copies a file, or a folder with everything in it, to a place where nothing stands. Links are followed. That nothing is
/// there is no error.
pub fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("could not copy `{}` to `{}`", from.display(), to.display());
    let found = match fs::metadata(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.context(failed)?,
    };
    if found.is_dir() {
        fs::create_dir_all(to).context(failed)?;
        for entry in fs::read_dir(from).context(failed)? {
            let name = entry.context(failed)?.file_name();
            copy_all(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).context(failed)?;
    }
    fs::copy(from, to).map(drop).context(failed)
}

/// Makes a folder that nobody but its owner can look into, and the folders above it where they are missing.
pub fn create_private_folder(path: &Path) -> Result<()> {
    let above = path.parent().map_or(Ok(()), fs::create_dir_all);
    above
        .and_then(|()| fs::DirBuilder::new().mode(0o700).create(path))
        .context(|| format!("could not make `{}`", path.display()))
}

/// What tells one state of a file from another without reading it.
///
/// Good for programs, which are replaced and not edited. A file that people edit can change without changing this.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// Where the file really is, behind all links.
    pub path: PathBuf,
    size: u64,
    modified_ns: u64,
}

impl Identity {
    /// The identity of the file at `path`; `None` where nothing is there, or links lead nowhere.
    pub fn of(path: &Path) -> Option<Self> {
        let path = fs::canonicalize(path).ok()?;
        let found = fs::metadata(&path).ok()?;
        // A time before 1970 is one like any other here: it only has to be the same tomorrow.
        let modified = found.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified_ns = u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX);
        Some(Self { path, size: found.len(), modified_ns })
    }
}

/// What tells whether a file was written since: its time, its size, which file it is, its mode. `None` where nothing is there.
///
/// A link is itself, not what it leads to.
pub fn stamp(path: &Path) -> Option<crate::core::watch::Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::symlink_metadata(path).ok()?;
    let modified = found.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let modified = u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX);
    Some([modified, found.len(), found.ino(), u64::from(found.mode())])
}

/// The names in a folder, sorted; none where the folder is not there. Names that are no UTF-8 are left out.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context(|| format!("could not read `{}`", folder.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.context(|| format!("could not read `{}`", folder.display()))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// An exclusive lock between processes, held until it is dropped; the system frees it when its holder dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at `path` if nobody holds it. `holder` is written into the file for whoever has to wait.
    pub fn try_take(path: &Path, holder: &str) -> Result<std::result::Result<Self, String>> {
        let failed = || format!("could not lock `{}`", path.display());
        let open = || File::options().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = in_folder(path, open).context(failed)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).context(failed)?;
                Ok(Ok(Self { file }))
            }
            Err(fs::TryLockError::WouldBlock) => Ok(Err(fs::read_to_string(path).unwrap_or_default())),
            Err(fs::TryLockError::Error(error)) => Err(Error::io(failed(), error)),
        }
    }
}

impl Drop for Lock {
    /// To close the file is not enough: a process that is being started has it open, too, until it becomes another program.
    fn drop(&mut self) {
        drop(self.file.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/größe.json");
        write(&path, b"1").unwrap();
        write(&path, b"22").unwrap();
        assert_eq!(read(&path).unwrap(), "22");
        assert_eq!(names(path.parent().unwrap()).unwrap(), ["größe.json"]);
        // A folder stands where the file should go: the error names it, and the folder stays as it was.
        let error = write(path.parent().unwrap(), b"3").unwrap_err();
        assert!(error.message().contains("new"), "{error:?}");
        assert_eq!(names(folder.path()).unwrap(), ["new"]);
    }

    #[test]
    fn a_private_file_is_private_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("above/private/a.json");
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        write_private(&path, b"1").unwrap();
        let private = path.parent().unwrap();
        assert_eq!((mode(private), mode(&path)), (0o700, 0o600));
        fs::set_permissions(private, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"2").unwrap();
        assert_eq!((mode(private), mode(&path), read(&path).unwrap()), (0o700, 0o600, "2".to_owned()));
        // Somebody would like us to write elsewhere.
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(folder.path(), &elsewhere).unwrap();
        write_private(&elsewhere.join("b.json"), b"3").unwrap_err();
        assert!(!folder.path().join("b.json").exists());
    }

    #[test]
    fn remove_takes_links_and_not_what_they_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::create_dir(&target).unwrap();
        fs::write(target.join("kept"), "").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        remove(&link).unwrap();
        assert_eq!(names(folder.path()).unwrap(), ["target"]);
        assert_eq!(names(&target).unwrap(), ["kept"]);
        remove(&target).unwrap();
        remove(&target).unwrap();
        assert!(names(&target).unwrap().is_empty());
    }

    #[test]
    fn an_identity_follows_links_and_changes_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(Identity::of(&link), None);
        fs::write(&file, "a").unwrap();
        let before = Identity::of(&link).unwrap();
        assert_eq!(Some(&before), Identity::of(&file).as_ref());
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), before);
        fs::write(&file, "ab").unwrap();
        assert_ne!(Some(before), Identity::of(&file));
    }

    #[test]
    fn a_lock_has_one_holder_and_says_who_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/a.lock");
        // Left behind by a process that is gone: the file alone locks nothing.
        write(&path, b"a very long name of somebody who died").unwrap();
        let lock = Lock::try_take(&path, "first").unwrap().unwrap();
        assert_eq!(Lock::try_take(&path, "second").unwrap().unwrap_err(), "first");
        // As a process has it that another thread starts.
        let _inherited = lock.file.try_clone().unwrap();
        drop(lock);
        let _lock = Lock::try_take(&path, "second").unwrap().unwrap();
        assert_eq!(read(&path).unwrap(), "second");
    }
}
