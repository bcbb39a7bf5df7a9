//! Where results of tools go: into a private folder while they are raw, into the output folder when they are kept.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Cx, files};
use crate::driver::platform;
use crate::error::{Context as _, Error, Result};

/// The largest file that is taken from a tool, in bytes.
const SIZE_MAX: u64 = 64 << 20;

/// A folder for raw results of tools, which may hold secrets: nobody else can look into it, and it goes when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// The path of `name` in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of the file `name`; `None` where it was not written. Bytes that are no UTF-8 become U+FFFD.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        let bytes = read_bounded(&self.file(name))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next run of the same step removes what could not be removed now.
        drop(files::remove(&self.path));
    }
}

impl Cx {
    /// A folder of this process and this step alone, empty, under the output folder. What a killed run left there is removed.
    pub fn scratch(&self) -> Result<Scratch> {
        let folder = self.output_folder().join("scratch");
        let step = self.step.clone().unwrap_or_else(|| self.task_or_root());
        let id = std::process::id();
        for name in files::names(&folder)? {
            let owner =
                name.strip_prefix(step.as_str()).and_then(|rest| rest.strip_prefix('.')?.parse().ok());
            if owner.is_some_and(|owner| owner == id || !platform::is_alive(owner)) {
                files::remove(&folder.join(name))?;
            }
        }
        let path = folder.join(format!("{step}.{id}"));
        files::create_private_folder(&path)?;
        Ok(Scratch { path })
    }

    /// Keeps a copy of `file`, a path relative to the repository, as `name` in the output folder, masked. Returns whether the
    /// file was there.
    pub fn keep(&self, file: &Path, name: &Path) -> Result<bool> {
        let Some(bytes) = read_bounded(&self.root().join(file))? else { return Ok(false) };
        files::write(&self.output_folder().join(name), &self.mask().bytes(&bytes))?;
        Ok(true)
    }
}

impl Cx {
    /// Whether the file at `path`, however large, holds a secret of this run.
    pub(crate) fn is_secret_in(&self, path: &Path) -> Result<bool> {
        let overlap = match self.mask().longest() {
            0 => return Ok(false),
            longest => longest - 1,
        };
        let failed = || format!("could not read `{}`", path.display());
        let mut file = File::open(path).context(failed)?;
        // A secret that two pieces share is whole in the end of the first and the second together.
        let (mut buffer, mut kept) = (vec![0; overlap + (1 << 20)], 0);
        loop {
            let count = match file.read(&mut buffer[kept..]) {
                Ok(0) => return Ok(false),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.context(failed)?,
            };
            let filled = kept + count;
            if self.mask().finds_in(&buffer[..filled]) {
                return Ok(true);
            }
            kept = overlap.min(filled);
            buffer.copy_within(filled - kept..filled, 0);
        }
    }
}

fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.context(|| format!("could not read `{}`", path.display()))?,
    };
    if bytes.len() as u64 > SIZE_MAX {
        return Err(Error::problems(format!("`{}` is larger than {} MiB", path.display(), SIZE_MAX >> 20)));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::driver::environment::Environment;

    fn cx(root: &Path) -> Cx {
        let environment = Environment::new([("API_TOKEN", "hunter2")]);
        Cx::builder(root).environment(environment).output(root.join("out")).build()
    }

    #[test]
    fn raw_results_are_private_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let cx = cx(folder.path());
        let dead = folder.path().join("out/scratch/xtask.999999999");
        std::fs::create_dir_all(&dead).unwrap();
        let scratch = cx.scratch().unwrap();
        assert!(!dead.exists(), "what a killed run left");
        assert_eq!(std::fs::metadata(&scratch.path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(scratch.read("junit.xml").unwrap(), None);
        std::fs::write(scratch.file("junit.xml"), b"a\xffb").unwrap();
        assert_eq!(scratch.read("junit.xml").unwrap().as_deref(), Some("a\u{fffd}b"));
        let path = scratch.path.clone();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_secret_in_a_file_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let cx = cx(folder.path());
        let path = folder.path().join("big");
        for position in [0, 5, (1 << 20) - 3, (1 << 20) + 2, 3 << 20] {
            let mut bytes = vec![b'x'; position];
            bytes.extend(b"hunter2");
            std::fs::write(&path, bytes).unwrap();
            assert!(cx.is_secret_in(&path).unwrap(), "at {position}");
        }
        std::fs::write(&path, vec![b'x'; 3 << 20]).unwrap();
        assert!(!cx.is_secret_in(&path).unwrap());
        assert!(cx.is_secret_in(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn what_is_kept_is_masked() {
        let folder = tempfile::tempdir().unwrap();
        let cx = cx(folder.path());
        std::fs::write(folder.path().join("lcov.info"), "SF:hunter2\n").unwrap();
        assert!(cx.keep(Path::new("lcov.info"), Path::new("coverage/x/lcov.info")).unwrap());
        assert!(!cx.keep(Path::new("absent"), Path::new("coverage/x/absent")).unwrap());
        assert_eq!(files::read(&folder.path().join("out/coverage/x/lcov.info")).unwrap(), "SF:***\n");
        assert_eq!(files::names(&folder.path().join("out/coverage/x")).unwrap(), ["lcov.info"]);
    }
}
