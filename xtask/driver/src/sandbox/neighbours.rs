//! What stands beside a folder and the folders above it, held open: the same for each command of a run, and most of what a sandbox
//! costs where it is looked for each time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags, open};

use crate::cache::stat;
use crate::core::fingerprint::stat::Stat;

/// How long a folder has to have been left alone before what is in it is kept: a second change within one step of a file system's
/// clock leaves no trace, and no clock that is in use has longer steps.
const SETTLED: Duration = Duration::from_secs(2);

/// What stands beside folders, by their paths.
static KNOWN: Mutex<Option<HashMap<PathBuf, Beside>>> = Mutex::new(None);

/// What stands beside a folder.
struct Beside {
    /// The folder above when it was looked into: its times change with each name that comes or goes.
    state: Stat,
    places: Arc<Vec<OwnedFd>>,
}

/// What stands beside `root` and beside the folders above it.
pub(super) fn of(root: &Path) -> io::Result<Vec<Arc<Vec<OwnedFd>>>> {
    root.ancestors().filter_map(|folder| Some(beside(folder, folder.parent()?))).collect()
}

/// What stands beside `folder` in the one above it.
fn beside(folder: &Path, above: &Path) -> io::Result<Arc<Vec<OwnedFd>>> {
    let state = stat(&above.metadata()?);
    if let Some(known) =
        known(|known| known.get(folder).filter(|known| known.state == state).map(Beside::places))
    {
        return Ok(known);
    }
    let before = (SystemTime::now() - SETTLED).duration_since(UNIX_EPOCH).unwrap_or_default();
    // What was kept is of no use any more, and holds files open.
    known(|known| known.remove(folder));
    let places = Arc::new(look(folder, above)?);
    if state.is_settled(u64::try_from(before.as_nanos()).unwrap_or(0)) {
        let kept = Beside { state, places: Arc::clone(&places) };
        known(|known| known.insert(folder.to_owned(), kept));
    }
    Ok(places)
}

fn known<T>(with: impl FnOnce(&mut HashMap<PathBuf, Beside>) -> T) -> T {
    with(KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

fn look(folder: &Path, above: &Path) -> io::Result<Vec<OwnedFd>> {
    let entries = match fs::read_dir(above) {
        Ok(entries) => entries,
        // It can be passed through, not listed: what else is in it cannot be allowed by name, and stays refused.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        // Where a link leads is allowed by what it leads to: it may lead into the repository.
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let path = entry.path();
        if path != folder && !is_link {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // What went away meanwhile, or cannot be reached, cannot be read either.
            found.extend(open(&path, flags, Mode::empty()));
        }
    }
    Ok(found)
}

impl Beside {
    fn places(&self) -> Arc<Vec<OwnedFd>> {
        Arc::clone(&self.places)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};

    use super::*;

    #[test]
    fn what_comes_and_goes_beside_a_folder_is_seen() {
        let temporary = tempfile::tempdir().unwrap();
        let (above, root) = (temporary.path(), temporary.path().join("root"));
        fs::create_dir(&root).unwrap();
        let count = || beside(&root, above).unwrap().len();
        assert_eq!(count(), 0);
        fs::write(above.join("a"), "").unwrap();
        assert_eq!(count(), 1);
        assert!(known(|known| !known.contains_key(&root)), "nothing is kept of a folder that changes");
        // As if it had been left alone for long.
        let kept = Beside { state: stat(&above.metadata().unwrap()), places: Arc::default() };
        known(|known| known.insert(root.clone(), kept));
        assert_eq!(count(), 0, "what was kept is used");
        File::open(above).unwrap().set_times(FileTimes::new().set_modified(UNIX_EPOCH)).unwrap();
        assert_eq!(count(), 1);
        fs::remove_file(above.join("a")).unwrap();
        assert_eq!(count(), 0);
    }
}
