//! The cache, tried in the ways in which caches lie: each test is one situation, on real files and with real processes.

mod affected;
mod environment;
mod explain;
mod inputs;
mod outputs;
mod plan;
mod processes;
mod remote;
mod retries;
mod sandbox;
mod sequences;
mod shard;
mod storage;
mod unchanged;
mod upkeep;

use std::cell::Cell;
use std::path::PathBuf;

use crate::repository::{Repository, Said};

/// A repository with one task, `make.thing`, that reads `in` and makes `out/result` from all of it, and says each time that
/// it has run.
pub(crate) struct Workshop {
    pub(crate) repository: Repository,
    runs: tempfile::TempDir,
    seen: Cell<usize>,
}

/// What `make.thing` does: everything that is in `in`, with names, kinds and modes, in one file.
const SCRIPT: &str = r#"
set -eu
echo run >> "$RUNS/runs"
mkdir -p out
(cd in && find . -printf '%y %M %p %l\n' -type f -exec cat {} \; | sort) > out/result
echo "made from $(find in -type f | wc -l) files"
"#;

const CONFIGURATION: &str = r#"
[project]
name = "workshop"

[tasks."make.thing"]
command = ["sh", "make.sh", "first", "second"]
reads = ["in", "make.sh"]
makes = ["out"]
env = ["DECLARED"]

[environment]
pass = ["RUNS"]
"#;

impl Workshop {
    pub(crate) fn new() -> Self {
        Self::with(CONFIGURATION, SCRIPT)
    }

    /// With another task, or another script for it.
    pub(crate) fn with(configuration: &str, script: &str) -> Self {
        let repository = Repository::new();
        repository.write("xtask.toml", configuration);
        repository.write("make.sh", script);
        repository.write("in/a", "one\n");
        repository.write("in/b", "two\n");
        Self { repository, runs: tempfile::tempdir().unwrap(), seen: Cell::new(0) }
    }

    /// With so much to read that what it makes of it stands in the store under its digest, and not in the entry of the result.
    pub(crate) fn large() -> Self {
        let shop = Self::new();
        shop.repository.write("in/a", &"one of many lines\n".repeat(1_000));
        shop
    }

    /// The configuration, with a piece of it replaced.
    pub(crate) fn configuration(from: &str, to: &str) -> String {
        assert!(CONFIGURATION.contains(from), "{from}");
        CONFIGURATION.replace(from, to)
    }

    /// Runs the pipeline.
    pub(crate) fn ci(&self) -> Said {
        self.ci_with(&[], &[])
    }

    /// Runs the pipeline with more arguments and variables.
    pub(crate) fn ci_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        let args: Vec<&str> = ["ci"].iter().chain(args).copied().collect();
        let runs = self.runs.path().display().to_string();
        let variables: Vec<(&str, &str)> =
            [("RUNS", runs.as_str())].into_iter().chain(variables.iter().copied()).collect();
        self.repository.xtask_with(&args, &variables)
    }

    /// How often the task has run since this was last asked.
    pub(crate) fn runs(&self) -> usize {
        let all = std::fs::read_to_string(self.runs.path().join("runs")).unwrap_or_default().lines().count();
        all - self.seen.replace(all)
    }

    /// Runs the pipeline, which must pass; whether the task ran.
    #[track_caller]
    pub(crate) fn ran(&self) -> bool {
        let said = self.ci().expect(0);
        let runs = self.runs();
        assert!(runs < 2, "ran {runs} times: {}", said.all());
        runs == 1
    }

    /// Makes the thing and sees that it is not made again.
    #[track_caller]
    pub(crate) fn settle(&self) {
        self.ci().expect(0);
        self.runs();
        assert!(!self.ran(), "nothing changed, and it ran");
    }

    /// Sees that the task runs, and that what it made is what stands in `in` now.
    #[track_caller]
    pub(crate) fn makes_anew(&self) {
        assert!(self.ran(), "it did not run");
        assert!(!self.ran(), "nothing changed, and it ran again");
    }

    /// Starts the pipeline and does not wait for it.
    pub(crate) fn start(&self) -> std::process::Child {
        self.start_in(&self.repository)
    }

    /// Starts the pipeline of another worktree.
    pub(crate) fn start_in(&self, repository: &Repository) -> std::process::Child {
        let mut command = repository.command(&["ci"]);
        command.env("RUNS", self.runs.path()).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null()).spawn().unwrap()
    }

    /// Makes the repository one of git, and a second worktree of it.
    pub(crate) fn worktree(&self) -> Repository {
        let git = |words: &[&str]| {
            let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
            let command = duct::cmd("git", identity.iter().chain(words)).dir(self.repository.root());
            command.stdout_null().stderr_null().run().unwrap();
        };
        self.repository.write(".gitignore", "out/\n.xtask/\ntarget/\n");
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "all"]);
        let other = self.runs.path().join("worktree");
        git(&["worktree", "add", "--quiet", other.to_str().unwrap()]);
        Repository::at(&other)
    }

    /// The folder outside of the repository in which the task says that it has run.
    pub(crate) fn runs_folder(&self) -> &std::path::Path {
        self.runs.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.repository.root().join(path)
    }

    /// The folder of the store.
    pub(crate) fn store(&self) -> PathBuf {
        self.path(".xtask/xtask-cache")
    }
}

/// The names in a folder, sorted.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}
