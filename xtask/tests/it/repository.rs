//! Small repositories in temporary folders, and the real program run in them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::program;

/// A repository that goes away with the value.
pub(crate) struct Repository {
    _folder: Option<TempDir>,
    root: PathBuf,
}

/// How the program ended, and what it said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Everything it said, for messages of failing tests.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }
}

impl Repository {
    /// An empty repository.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("xtask it ü ").tempdir().unwrap();
        let root = folder.path().to_owned();
        Self { _folder: Some(folder), root }
    }

    /// A repository in a folder that somebody else takes care of.
    pub(crate) fn at(root: &Path) -> Self {
        Self { _folder: None, root: root.to_owned() }
    }

    /// A repository with one Rust component, `thing`, that passes every check.
    pub(crate) fn rust() -> Self {
        let repository = Self::new();
        repository.fill_rust();
        repository
    }

    /// Writes the files of [`Repository::rust`].
    pub(crate) fn fill_rust(&self) {
        self.write(
            "xtask.toml",
            "[project]\nname = \"small\"\n\n[components.thing]\nkind = \"rust\"\npath = \"thing\"\npackage = \"thing\"\n",
        );
        self.write("Cargo.toml", "[workspace]\nmembers = [\"thing\"]\nresolver = \"3\"\n");
        self.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"thing\"\nversion = \"0.1.0\"\n");
        self.write(
            "thing/Cargo.toml",
            "[package]\nname = \"thing\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        self.write(
            "thing/src/lib.rs",
            "//! A thing.\n\n/// Doubles.\npub fn double(number: u32) -> u32 {\n    number * 2\n}\n\n#[cfg(test)]\n\
             mod tests {\n    #[test]\n    fn doubles() {\n        assert_eq!(super::double(2), 4);\n    }\n}\n",
        );
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The text of a file.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file and its folders.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces a piece of a file that must be there.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "`{from}` is not in {path}");
        self.write(path, &text.replace(from, to));
    }

    /// The program in this repository, with an environment that does not depend on who runs the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).current_dir(&self.root).stdin(Stdio::null()).env_clear();
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "LANG", program::COUNTS]
        {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn xtask(&self, args: &[&str]) -> Said {
        self.xtask_with(args, &[] as &[(&str, &str)])
    }

    /// Runs the program to its end with more variables.
    pub(crate) fn xtask_with<V: AsRef<OsStr>>(&self, args: &[&str], variables: &[(&str, V)]) -> Said {
        let mut command = self.command(args);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts the program; what it says goes nowhere.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Whether a process whose command line contains `marker` runs.
pub(crate) fn somebody_runs(marker: &str) -> bool {
    program::list().lines().any(|line| line.contains(marker))
}
