//! Files that are not whole yet: written beside their place, synced, and moved there.

use std::fs::{self, File, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::core::fingerprint::Digest;
use crate::files;

/// The mode of what is stored: nothing is written to it again.
pub(super) const READ_ONLY: u32 = 0o444;

/// A file that nobody else writes to; taken away on drop unless it got its place.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: File,
    path: Option<PathBuf>,
}

impl Unfinished {
    /// A new file in `folder`.
    pub(super) fn new(folder: &Path, name: &str) -> io::Result<Self> {
        loop {
            let path = files::unused(folder, name);
            let open = || File::options().read(true).write(true).create_new(true).open(&path);
            match files::in_folder(&path, open) {
                // Of a process that is gone and had the same number, or has it in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return Ok(Self { file: opened?, path: Some(path) }),
            }
        }
    }

    /// Writes these bytes to it, so that they are on the disk.
    pub(super) fn write(&mut self, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.sync(mode)
    }

    /// Copies a file to it, so that it is on the disk, and returns the digest of what arrived.
    pub(super) fn copy(&mut self, from: &Path, mode: u32) -> io::Result<Digest> {
        // Inside of the kernel, which shares the blocks where the file system can.
        io::copy(&mut File::open(from)?, &mut self.file)?;
        self.file.rewind()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&self.file)?;
        self.sync(mode)?;
        Ok(Digest::new(*hasher.finalize().as_bytes()))
    }

    fn sync(&self, mode: u32) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))?;
        self.file.sync_data()
    }

    /// Moves it to its place.
    pub(super) fn publish(mut self, place: &Path) -> io::Result<()> {
        let Some(path) = &self.path else { return Err(io::ErrorKind::NotFound.into()) };
        publish(path, place)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            drop(fs::remove_file(path));
        }
    }
}

/// Moves a finished file to its place.
pub(super) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    files::in_folder(to, || fs::rename(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_get_its_place_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (beside, place) = (folder.path().join("unfinished"), folder.path().join("a/b"));
        let mut file = Unfinished::new(&beside, "stored").unwrap();
        file.write(b"half", READ_ONLY).unwrap();
        assert_eq!(files::names(&beside).unwrap().len(), 1);
        drop(file);
        assert!(files::names(&beside).unwrap().is_empty() && !place.exists());
        let mut file = Unfinished::new(&beside, "stored").unwrap();
        file.write(b"whole", READ_ONLY).unwrap();
        file.publish(&place).unwrap();
        assert!(files::names(&beside).unwrap().is_empty());
        assert_eq!(files::read(&place).unwrap(), "whole");
        let mut copied = Unfinished::new(&beside, "stored").unwrap();
        assert_eq!(copied.copy(&place, 0o755).unwrap(), Digest::of(b"whole"));
        copied.publish(&folder.path().join("c")).unwrap();
        let found = fs::metadata(folder.path().join("c")).unwrap();
        assert_eq!((found.len(), found.permissions().mode() & 0o777), (5, 0o755));
    }

    #[test]
    fn what_another_process_of_this_number_left_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        // The names of the next writers of this process, of all its threads.
        let next = files::unused(folder.path(), "stored");
        let name = next.file_name().unwrap().to_str().unwrap();
        let (start, turn) = name.strip_suffix(".tmp").unwrap().rsplit_once('.').unwrap();
        let turn: u64 = turn.parse().unwrap();
        let left: Vec<PathBuf> =
            (1..200).map(|more| folder.path().join(format!("{start}.{}.tmp", turn + more))).collect();
        for path in &left {
            fs::write(path, "left").unwrap();
        }
        let mut file = Unfinished::new(folder.path(), "stored").unwrap();
        file.write(b"own", READ_ONLY).unwrap();
        assert!(left.iter().all(|path| files::read(path).unwrap() == "left"));
    }
}
