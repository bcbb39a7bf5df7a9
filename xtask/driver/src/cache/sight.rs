//! What one look at a checkout has seen, for the next one at the same moment: many tasks read the same folders.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::core::fingerprint::sight::{Before, Folder, Folders};
use crate::core::fingerprint::stat::Stat;
use crate::core::fingerprint::walk::Links;
use crate::error::{Context as _, Error, Result};

/// What was seen at one moment, while nothing changes.
#[derive(Debug, Default)]
pub struct Sight {
    /// Which paths above are links.
    pub(super) links: Links,
    /// `None` where one look is all that this is for.
    folders: Option<Folders>,
}

impl Sight {
    /// For the looks of many tasks.
    pub fn shared() -> Self {
        Self { folders: Some(Folders::default()), ..Self::default() }
    }

    /// What is in a folder, of the names that are meant, with what was said of each. `root` is where its path begins.
    pub(super) fn list<V>(
        &self,
        root: &Path,
        folder: &Path,
        meant: &mut dyn FnMut(&OsStr) -> Option<V>,
    ) -> Result<Vec<(OsString, V, Stat)>> {
        let path = root.join(folder);
        let listed = match &self.folders {
            None => return once(&path, meant),
            Some(folders) => match folders.look(folder) {
                Before::Never => return once(&path, meant),
                Before::Once => folders.keep(folder, kept(&path, &mut |name| meant(name).is_some())?),
                Before::Often(listed) => listed,
            },
        };
        let mut entries = Vec::with_capacity(listed.len());
        for (name, seen) in listed.iter() {
            let Some(said) = meant(name) else { continue };
            let stat = if let Some(stat) = seen.get() {
                *stat
            } else {
                let path = path.join(name);
                let found = there(fs::symlink_metadata(&path), || path)?;
                *seen.get_or_init(|| found)
            };
            entries.extend(stat.map(|stat| (name.clone(), said, stat)));
        }
        Ok(entries)
    }
}

/// What is in a folder of the names that are meant.
fn once<V>(folder: &Path, meant: &mut dyn FnMut(&OsStr) -> Option<V>) -> Result<Vec<(OsString, V, Stat)>> {
    let mut entries = Vec::new();
    read(folder, |name, look| {
        if let Some(said) = meant(&name)
            && let Some(stat) = look()?
        {
            entries.push((name, said, stat));
        }
        Ok(())
    })?;
    Ok(entries)
}

/// All names in a folder, and what stands there of those that are `wanted` now.
fn kept(folder: &Path, wanted: &mut dyn FnMut(&OsStr) -> bool) -> Result<Folder> {
    let mut entries = Folder::new();
    read(folder, |name, look| {
        let seen = if wanted(&name) { OnceLock::from(look()?) } else { OnceLock::new() };
        entries.push((name, seen));
        Ok(())
    })?;
    Ok(entries)
}

/// Reads a folder, name by name, each with a way to look at what stands there.
fn read(
    folder: &Path,
    mut entry: impl FnMut(OsString, &dyn Fn() -> Result<Option<Stat>>) -> Result<()>,
) -> Result<()> {
    let failed = || format!("could not look into `{}`", folder.display());
    for found in fs::read_dir(folder).context(failed)? {
        let found = found.context(failed)?;
        entry(found.file_name(), &|| there(found.metadata(), || found.path()))?;
    }
    Ok(())
}

/// What stands at a path, by what the file system says of it. What went away while we looked was gone before.
fn there(found: io::Result<Metadata>, path: impl FnOnce() -> PathBuf) -> Result<Option<Stat>> {
    match found {
        Ok(found) => Ok(Some(stat(&found))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("could not look at `{}`", path().display()), error)),
    }
}

/// What tells the state of what stands at a path from another, by what the metadata say.
pub(crate) fn stat(found: &Metadata) -> Stat {
    Stat {
        size: found.size(),
        modified: Stat::time(found.mtime(), found.mtime_nsec()),
        changed: Stat::time(found.ctime(), found.ctime_nsec()),
        inode: found.ino(),
        device: found.dev(),
        mode: found.mode(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sight: &Sight, root: &Path, wanted: &[&str]) -> Vec<(String, u64)> {
        let meant = &mut |name: &OsStr| wanted.iter().position(|other| name == *other);
        let listed = sight.list(root, Path::new("in"), meant);
        let of = |(name, said, stat): (OsString, usize, Stat)| {
            assert_eq!(name, *wanted[said]);
            (name.into_string().unwrap(), stat.size)
        };
        let mut found: Vec<_> = listed.unwrap().into_iter().map(of).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn whoever_looks_later_sees_the_same_moment_and_what_nobody_has_asked_for_yet() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, text: &str| fs::write(root.join("in").join(name), text).unwrap();
        fs::create_dir(root.join("in")).unwrap();
        write("a", "1");
        write("b", "22");
        let (sight, all) = (Sight::shared(), ["a", "b", "c"]);
        let (a, b) = (("a".to_owned(), 1), ("b".to_owned(), 2));
        assert_eq!(names(&sight, root, &all), [a.clone(), b.clone()]);
        assert_eq!(names(&sight, root, &["a"]), std::slice::from_ref(&a));
        // From here on it knows the names, and what `a` is; `b` it looks at when somebody asks.
        write("a", "longer");
        write("c", "333");
        assert_eq!(names(&sight, root, &all), [a.clone(), b]);
        fs::remove_file(root.join("in/b")).unwrap();
        assert_eq!(names(&sight, root, &all).len(), 2);
        // One look alone always looks itself.
        let alone = Sight::default();
        for _ in 0..3 {
            assert_eq!(names(&alone, root, &all), [("a".to_owned(), 6), ("c".to_owned(), 3)]);
            write("a", "longer");
        }
        assert!(sight.list(root, Path::new("none"), &mut |_| Some(())).is_err());
    }
}
