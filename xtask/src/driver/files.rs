//! Files: written whole or not at all, locked, hashed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::error::{Context as _, Error, Result};

/// Reads a text file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(|| format!("could not read `{}`", path.display()))
}

/// Writes a file so that a reader sees the old content or the new one, whatever happens in between.
///
/// The folder is made where it is missing.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    let folder = path.parent().ok_or_else(|| Error::bug(format!("`{}` has no folder", path.display())))?;
    fs::create_dir_all(folder).context(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The half-written file is ours alone; that it cannot be removed either changes nothing about the first error.
        drop(fs::remove_file(&temporary));
    }
    written.context(failed)
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

/// An exclusive lock between processes, held until it is dropped; the system frees it when its holder dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path` if nobody holds it. `holder` is written into the file for whoever has to wait.
    pub fn try_take(path: &Path, holder: &str) -> Result<std::result::Result<Self, String>> {
        let failed = || format!("could not lock `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(failed)?;
        }
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(path).context(failed)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).context(failed)?;
                Ok(Ok(Self { _file: file }))
            }
            Err(fs::TryLockError::WouldBlock) => Ok(Err(fs::read_to_string(path).unwrap_or_default())),
            Err(fs::TryLockError::Error(error)) => Err(Error::io(failed(), error)),
        }
    }
}
