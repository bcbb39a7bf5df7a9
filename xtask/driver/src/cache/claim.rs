//! Who makes a result: one process at a time, and all others wait for it.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::unfinished::{READ_ONLY, publish};
use crate::error::{Context as _, Result};
use crate::files;

/// How long what a claim says of its holder is at most, in bytes: whatever is longer is the result, which is being written.
const HOLDER_MAX: usize = 100;

/// The right to make a result, held until it is dropped or the result has its place; the system frees it when its holder dies.
///
/// It is a lock on the file that becomes the stored result: one file less to make for each. Whoever has opened that file before it
/// got its place, and has the lock of it afterwards, sees that it stands there no more.
#[derive(Debug)]
pub struct Claim {
    file: File,
    /// Where it stands; `None` once it was moved to its place.
    path: Option<PathBuf>,
    /// How long it is, in bytes.
    length: u64,
}

impl Claim {
    /// The claim whose file stands at `path`, or who holds it.
    pub(super) fn try_take(path: &Path, holder: &str) -> Result<std::result::Result<Self, String>> {
        loop {
            let open = || File::options().create(true).truncate(false).read(true).write(true).open(path);
            let taken = files::in_folder(path, open).and_then(|file| Self::of(file, path, holder));
            if let Some(taken) = taken.context(|| format!("could not lock `{}`", path.display()))? {
                return Ok(taken);
            }
        }
    }

    /// The claim of a file that was opened at `path`, or who holds it; `None` where the file stands there no more.
    fn of(
        mut file: File,
        path: &Path,
        holder: &str,
    ) -> io::Result<Option<std::result::Result<Self, String>>> {
        match file.try_lock() {
            Ok(()) => {
                let Some(left) = standing(&file, path)? else { return Ok(None) };
                if left > 0 {
                    file.set_len(0)?;
                }
                file.write_all(holder.as_bytes())?;
                Ok(Some(Ok(Self { file, path: Some(path.to_owned()), length: holder.len() as u64 })))
            }
            Err(TryLockError::WouldBlock) => {
                let said = fs::read_to_string(path).unwrap_or_default();
                let is_holder = (1..=HOLDER_MAX).contains(&said.len());
                Ok(Some(Err(if is_holder { said } else { "another process".to_owned() })))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Writes the result and moves it to its place: whole or not at all.
    pub(super) fn fulfil(mut self, bytes: &[u8], place: &Path) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(bytes)?;
        if self.length > bytes.len() as u64 {
            self.file.set_len(bytes.len() as u64)?;
        }
        self.file.sync_data()?;
        if let Some(path) = &self.path {
            publish(path, place)?;
        }
        // Somebody else's may stand there from now on.
        self.path = None;
        // Not before: what a crash leaves of a claim has to be claimed by others. It stays right without.
        drop(self.file.set_permissions(Permissions::from_mode(READ_ONLY)));
        Ok(())
    }
}

impl Drop for Claim {
    /// To close the file is not enough: a process that is being started has it open, too, until it becomes another program.
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Ok(Some(_)) = standing(&self.file, path)
        {
            drop(fs::remove_file(path));
        }
        drop(self.file.unlock());
    }
}

/// Takes away what is left at `path` of a claim, or of a file that was being written; not a claim that somebody holds.
pub(super) fn sweep(path: &Path) {
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
        && let Ok(Some(_)) = standing(&file, path)
    {
        // What cannot be removed now is removed by the next one.
        drop(fs::remove_file(path));
    }
}

/// How long the file is, where it is the one that stands at `path`.
fn standing(file: &File, path: &Path) -> io::Result<Option<u64>> {
    let own = file.metadata()?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => {
            let found = found?;
            Ok(((found.dev(), found.ino()) == (own.dev(), own.ino())).then_some(own.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_has_one_holder_who_says_who_it_is_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unfinished/key");
        // Left behind by a process that is gone: the file alone claims nothing.
        files::write(&path, b"a very long name of somebody who died").unwrap();
        let claim = Claim::try_take(&path, "first").unwrap().unwrap();
        assert_eq!(Claim::try_take(&path, "second").unwrap().unwrap_err(), "first");
        sweep(&path);
        assert!(path.exists(), "it is held");
        // As a process has it that another thread starts.
        let _inherited = claim.file.try_clone().unwrap();
        drop(claim);
        assert!(files::names(&folder.path().join("unfinished")).unwrap().is_empty());
        files::write(&path, b"left behind").unwrap();
        sweep(&path);
        assert!(!path.exists());
        let claim = Claim::try_take(&path, "second").unwrap().unwrap();
        assert_eq!(files::read(&path).unwrap(), "second");
        drop(claim);
    }

    #[test]
    fn whoever_waits_for_what_has_its_place_by_now_does_not_touch_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, place) = (folder.path().join("unfinished/key"), folder.path().join("entries/ab/c"));
        let claim = Claim::try_take(&path, "first").unwrap().unwrap();
        // Opened, and not yet locked, when the first one is done.
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let (early, other) = (open(), open());
        claim.fulfil(b"the result, which is longer than who makes it", &place).unwrap();
        assert!(Claim::of(early, &path, "second").unwrap().is_none());
        let second = Claim::try_take(&path, "second").unwrap().unwrap();
        assert!(Claim::of(other, &path, "third").unwrap().is_none(), "another file stands there now");
        // It is given up when somebody else's stands there.
        fs::remove_file(&path).unwrap();
        let third = Claim::try_take(&path, "third").unwrap().unwrap();
        drop(second);
        assert_eq!(files::read(&path).unwrap(), "third");
        drop(third);
        assert_eq!(files::read(&place).unwrap(), "the result, which is longer than who makes it");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, READ_ONLY);
    }

    #[test]
    fn many_who_want_to_make_it_make_it_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (path, place) = (folder.path().join("unfinished/key"), folder.path().join("entries/ab/c"));
        let work = || {
            for _ in 0..200 {
                if let Ok(claim) = Claim::try_take(&path, "somebody").unwrap() {
                    // Somebody else's would be written to.
                    assert!(standing(&claim.file, &path).unwrap().is_some());
                    claim.fulfil(b"the result", &place).unwrap();
                }
                assert!(fs::read(&place).map_or(true, |bytes| bytes == b"the result"));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(work);
            }
        });
        assert_eq!(files::read(&place).unwrap(), "the result");
    }
}
