//! What a command may read, held by the kernel: Landlock (Linux 5.19 and later), without privileges.
//!
//! A restricted command may read and execute everything outside of the repository and, inside, the paths that it was given.
//! What it starts is restricted likewise, and there is no way back. A path is allowed by where it leads: a link inside that
//! leads to something that was not given is refused. What cannot be refused: names, sizes and times (`stat`, listing a folder), and
//! writing, but for a file that would become readable by being moved. Landlock allows to write by folder, not by name, and what
//! tools leave stands beside what they read; so whatever a command writes is judged by what stands there afterwards.
//!
//! Landlock only allows. "Everything outside" is a rule for each neighbour of the repository and of the folders above it, made
//! when a command starts: what comes to be right beside them later cannot be read by that command. This is why a command has a
//! folder of its own for temporary files where the usual one is above the repository.
//!
//! A restriction is that of a thread, and is inherited. So a command starts from a thread that restricts itself first and ends
//! right afterwards. It brings `no_new_privs` along: what is set-uid gains nothing, and nothing can be mounted.

mod audit;
#[cfg(target_os = "linux")]
mod neighbours;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub use audit::Audit;

/// Sandboxes of this process, for their names.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// What a command may read inside of a repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sandbox {
    /// Without links.
    root: PathBuf,
    inside: Vec<PathBuf>,
    temporary: Option<PathBuf>,
    /// The name of the threads that restrict themselves, by which the kernel's audit knows them: fifteen bytes at most.
    name: String,
    is_audited: bool,
}

impl Sandbox {
    /// For the repository at `root`: `inside` are the files and folders there that may be read, relative to it.
    pub fn new(root: &Path, inside: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let root = root.canonicalize()?;
        if root.parent().is_none() {
            return Err(io::Error::other("the repository is the root of the file system"));
        }
        let name = format!("box-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let inside = inside.into_iter().collect();
        Ok(Self { root, inside, temporary: None, name, is_audited: false })
    }

    /// Has the kernel's audit told of what commands are refused.
    pub fn audited(mut self, is_audited: bool) -> Self {
        self.is_audited = is_audited;
        self
    }

    /// The name of the threads that commands are started from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives commands a folder of their own for temporary files.
    pub fn temporary(mut self, folder: impl Into<PathBuf>) -> Self {
        self.temporary = Some(folder.into());
        self
    }

    /// The folder for temporary files, where it is not the usual one.
    pub fn temporary_folder(&self) -> Option<&Path> {
        self.temporary.as_deref()
    }

    /// Restricts the calling thread, and all threads and processes that it starts from now on.
    ///
    /// # Errors
    ///
    /// Where the kernel cannot, or not once more: sixteen restrictions may lie upon each other.
    pub fn enter(&self) -> io::Result<()> {
        system::enter(&self.root, &self.inside, self.is_audited)
            .map_err(|error| io::Error::other(format!("the sandbox could not be made: {error}")))
    }
}

/// Why there is no sandbox on this machine; `None` where there is one.
pub fn unavailable() -> Option<String> {
    system::unavailable()
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::os::fd::OwnedFd;
    use std::path::{Path, PathBuf};

    use landlock::{
        AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, Ruleset, RulesetAttr as _,
        RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    };
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, open, openat2};

    use crate::sandbox::neighbours;

    pub(super) fn unavailable() -> Option<String> {
        ruleset()
            .err()
            .map(|_| "this kernel has no Landlock of Linux 5.19 or later, or it is turned off".to_owned())
    }

    pub(super) fn enter(
        root: &Path,
        inside: &[PathBuf],
        is_audited: bool,
    ) -> Result<(), Box<dyn std::error::Error>> {
        // Restricted at all, a file may leave its folder only where that is allowed.
        let everywhere = open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let mut rules = ruleset()?.add_rule(PathBeneath::new(everywhere, AccessFs::Refer))?;
        for beside in neighbours::of(root)? {
            for place in beside.iter() {
                rules = rules.add_rule(PathBeneath::new(place, access()))?;
            }
        }
        for place in inside_of(root, inside) {
            rules = rules.add_rule(PathBeneath::new(place, access()))?;
        }
        // Kernels before 6.15 tell of nothing.
        rules.set_compatibility(CompatLevel::BestEffort).log_new_exec(is_audited)?.restrict_self()?;
        Ok(())
    }

    /// Restricts this thread so that it can read nothing more, and tries to.
    pub(super) fn try_in_vain() -> Result<(), RulesetError> {
        ruleset()?.restrict_self()?;
        // That it fails is the purpose.
        drop(fs::File::open("/dev/null"));
        Ok(())
    }

    fn access() -> BitFlags<AccessFs> {
        AccessFs::ReadFile | AccessFs::Execute
    }

    fn ruleset() -> Result<RulesetCreated, RulesetError> {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(access() | AccessFs::Refer)?
            .create()
    }

    /// Those of the paths inside that are there, by this name and not through a link.
    fn inside_of<'p>(root: &'p Path, inside: &'p [PathBuf]) -> impl Iterator<Item = OwnedFd> + 'p {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        inside.iter().filter_map(move |path| {
            // Joined with nothing, a path gets a slash at its end.
            let path = if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) };
            openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::path::{Path, PathBuf};

    pub(super) fn unavailable() -> Option<String> {
        Some("this system has no Landlock".to_owned())
    }

    pub(super) fn enter(_root: &Path, _inside: &[PathBuf], _is_audited: bool) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::thread;

    use super::*;

    /// What a thread can read that restricts itself like this.
    fn readable(sandbox: &Sandbox, paths: &[PathBuf]) -> Vec<bool> {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                sandbox.enter().unwrap();
                paths.iter().map(|path| fs::read(path).is_ok()).collect()
            });
            thread.join().unwrap()
        })
    }

    #[test]
    fn only_what_is_given_can_be_read_inside_and_everything_outside() {
        if unavailable().is_some() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        for name in ["in/deep/file", "in/link/../file", "file", "other", "in2/file"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::write(folder.path().join("beside"), "x").unwrap();
        symlink(&root, folder.path().join("to the repository")).unwrap();
        symlink("../other", root.join("in/to other")).unwrap();
        symlink("../file", root.join("in/to file")).unwrap();
        symlink("in2", root.join("linked")).unwrap();
        // By another name of the repository, and with what is not there or not a folder.
        let given = ["in", "file", "linked", "absent", "file/none"].map(PathBuf::from);
        let sandbox = Sandbox::new(&folder.path().join("to the repository"), given).unwrap();
        let table = [
            ("repository/in/deep/file", true),
            ("repository/file", true),
            ("repository/in/to file", true),
            ("beside", true),
            ("repository/other", false),
            ("repository/in/to other", false),
            ("repository/in2/file", false),
            ("repository/linked/file", false),
            ("to the repository/other", false),
        ];
        let paths = table.map(|(path, _)| folder.path().join(path));
        let privileges = || {
            let status = fs::read_to_string("/proc/thread-self/status").unwrap();
            status.lines().find(|line| line.starts_with("NoNewPrivs")).map(str::to_owned)
        };
        let before = privileges();
        assert_eq!(readable(&sandbox, &paths), table.map(|(_, readable)| readable));
        // It was that thread, and no other.
        assert!(paths.iter().all(|path| fs::read(path).is_ok()));
        assert_eq!(privileges(), before);
    }

    #[test]
    fn the_whole_repository_can_be_given() {
        if unavailable().is_some() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        let file = [folder.path().join("file")];
        let given = |paths: &[&str]| Sandbox::new(folder.path(), paths.iter().map(PathBuf::from)).unwrap();
        assert_eq!(readable(&given(&[""]), &file), [true]);
        assert_eq!(readable(&given(&[]), &file), [false]);
        assert!(Sandbox::new(Path::new("/"), []).is_err());
    }
}
