//! A folder that looks like another one, with some files of its own: what a tool may write to without touching the original.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Result};

/// Makes `to`, an absolute path at which nothing stands, look like `from`. The files at `own`, paths in it, are copies; everything
/// beside them and the folders above them is a link to the original. What is called one of `without` is left out where it
/// stands beside a copy.
pub fn mirror(from: &Path, to: &Path, own: &[PathBuf], without: &[&str]) -> Result<()> {
    make(from, to, Path::new(""), own, without)
}

fn make(from: &Path, to: &Path, folder: &Path, own: &[PathBuf], without: &[&str]) -> Result<()> {
    let failed = |path: &Path| format!("could not mirror `{}`", path.display());
    let (source, target) = (from.join(folder), to.join(folder));
    fs::create_dir_all(&target).context(|| failed(&source))?;
    let holds_own = own.iter().any(|path| path.parent() == Some(folder));
    for entry in fs::read_dir(&source).context(|| failed(&source))? {
        let name = entry.context(|| failed(&source))?.file_name();
        let path = folder.join(&name);
        // The mirror may stand inside of what it mirrors.
        let is_left_out = holds_own && without.iter().any(|other| *other == name);
        if is_left_out || to.starts_with(from.join(&path)) && !own.iter().any(|file| file.starts_with(&path))
        {
            continue;
        }
        let (original, copy) = (from.join(&path), to.join(&path));
        if own.contains(&path) {
            fs::copy(&original, &copy).map(drop).context(|| failed(&original))?;
        } else if own.iter().any(|file| file.starts_with(&path)) {
            make(from, to, &path, own, without)?;
        } else {
            symlink(&original, &copy).context(|| failed(&original))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::files;

    #[test]
    fn what_is_written_to_a_copy_stays_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("from/out/mirror"));
        for path in ["a/b/lock", "a/b/manifest", "a/b/modules/x", "a/c/modules/y", "top"] {
            files::write(&from.join(path), path.as_bytes()).unwrap();
        }
        mirror(&from, &to, &["a/b/lock".into(), "a/b/absent".into()], &["modules"]).unwrap();
        for path in ["a/b/lock", "a/b/manifest", "a/c/modules/y", "top"] {
            assert_eq!(files::read(&to.join(path)).unwrap(), path);
        }
        assert!(!to.join("a/b/modules").exists(), "left out beside a copy");
        assert!(!to.join("out").exists(), "the mirror is not in the mirror");
        files::write(&to.join("a/b/lock"), b"new").unwrap();
        files::write(&to.join("a/b/manifest"), b"new").unwrap();
        assert_eq!(files::read(&from.join("a/b/lock")).unwrap(), "a/b/lock");
        assert_eq!(files::read(&from.join("a/b/manifest")).unwrap(), "a/b/manifest");
    }
}
