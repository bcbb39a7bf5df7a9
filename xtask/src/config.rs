//! What a repository says about itself in `xtask.toml`.
//!
//! Text becomes a tree with spans, the tree is read whole, and only a file without any problem becomes a [`Config`]: no code
//! behind this room meets a wrong value. Each field says what its key means, in which unit, and what holds without it; a
//! field `import_contracts` is written `import-contracts`. Sections: `[project]`, `[components.NAME]`, `[tools]`,
//! `[tasks."ID"]`, `[environment]`, `[budget]`, `[dependencies]`, `[licenses]`, `[cache]`, `[docs]`, `[gates]`, `[[waivers]]`, `[image]`,
//! `[coverage]`, `[contracts.NAME]`, `[perf]`, and what [`release`] has: `[release]`, `[environments.NAME]`.
//!
//! Durations are whole numbers with the units `ms`, `s`, `m`, `h`, `d`, added up: `90s`, `1h 30m`. Sizes are a whole number
//! with one of `B`, `KB`, `MB`, `GB`, `TB` (1000s) or `KiB`, `MiB`, `GiB`, `TiB` (1024s). Neither may be zero.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::bench::BenchSettings;
use self::contract::Contract;
use self::coverage::{ComponentCoverage, CoverageSettings};
use self::gates::GateSettings;
use self::image::{ComponentImage, ImageSettings};
use self::perf::PerfSettings;
use self::release::{EnvironmentConfig, Release};
use crate::core::fingerprint::signed::PublicKey;
use crate::core::http::Url;
use crate::core::judgement::Waiver;
use crate::core::license::{Images, Policy};
use crate::error::{Error, Result};

pub mod bench;
pub mod contract;
pub mod coverage;
mod decode;
pub mod gates;
pub mod image;
pub mod perf;
pub mod release;
mod sections;
mod units;
mod values;

/// Reads a duration as `xtask.toml` has it: `90s`, `10m`, `1h 30m`. The error says what is wrong.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text)
}

/// The largest file that is read, in bytes. What people write is a hundred times smaller.
const FILE_MAX: usize = 256 << 10;

/// How many problems are shown; a file with more is not an `xtask.toml`.
const PROBLEMS_MAX: usize = 50;

/// A valid `xtask.toml`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[project] name`: the name of the project, in reports. Required.
    pub name: String,
    /// `[components.NAME]`: the parts of the repository, in the order of the file. Without them there is nothing to do.
    pub components: Vec<Component>,
    /// `[tools]`: Python tools of the repository that belong to no component, in a virtual environment of their own. Without
    /// it there is none.
    pub tools: Option<Tools>,
    /// `[tasks."ID"]`: what tasks need beyond the defaults, by task id. An id that names no task is an error when the
    /// pipeline is composed.
    pub tasks: BTreeMap<String, TaskSettings>,
    /// `[environment]`: variables and secrets.
    pub environment: EnvironmentSettings,
    /// `[budget]`: what dependencies may cost.
    pub budget: Budget,
    /// `[dependencies]`: what was decided about single dependencies.
    pub dependencies: DependencySettings,
    /// `[licenses]`: which licences packages may have: `allow`, `allow-development`, `ask`, `deny`, each a list of licences of
    /// the SPDX list, none in two of them; and `exceptions`, tables with `packages` (`pypi:name`, `npm:name`, `cargo:name`),
    /// `states` (what they say of their licence, word by word) and `reason`. Without it licences are not checked.
    pub licenses: Policy,
    /// `[licenses.images]`: which licences the packages may have that images bring beside the components' own ones, such as
    /// those of the operating system: `allow`, `ask`, `deny` and `exceptions` as in `[licenses]`, for `deb:name` and `apk:name`,
    /// too; and `unknown`, how bad a licence is that no program can read: `low`, `medium`, `high` or `critical`, `high` without
    /// it. From the `level` of `[gates]` on it fails. Without this section the licences of images are not checked.
    pub image_licenses: Option<Images>,
    /// `[cache]`: how much of what tasks made is kept, and where beyond this machine.
    pub cache: CacheSettings,
    /// `[docs]`: the documents, of which one site is made. Without it there is none.
    pub docs: Option<DocsSettings>,
    /// `[gates]`: how findings of gates are judged.
    pub gates: GateSettings,
    /// `[[waivers]]`: findings for which somebody answers until a day, in the order of the file.
    pub waivers: Vec<Waiver>,
    /// `[image]`: what all images have in common.
    pub image: ImageSettings,
    /// `[coverage]`: where coverage is sent.
    pub coverage: CoverageSettings,
    /// `[contracts.NAME]`: interfaces between components, in the order of the file.
    pub contracts: Vec<Contract>,
    /// `[perf]`: load tests. Without it there are none.
    pub perf: Option<PerfSettings>,
    /// `[bench]`: benchmarks of what is in the repository beside their peers. Without it there are none.
    pub bench: Option<BenchSettings>,
    /// `[release]`: what is released. Without it nothing is.
    pub release: Option<Release>,
    /// `[environments.NAME]`: where it is released to, in the order of the file.
    pub environments: Vec<EnvironmentConfig>,
}

/// A part of the repository: `[components.NAME]`.
#[derive(Clone, Debug)]
pub struct Component {
    /// `NAME` in the section's name, one word of a task id: `backend` has the tasks `test.backend`, `lint.backend` and so on.
    pub name: String,
    /// `path`: its folder, relative to the repository's root. Required.
    pub path: PathBuf,
    /// `kind`: `python`, `node` or `rust`; it decides which other keys there are. Required.
    pub kind: ComponentKind,
    /// `documented-min`: how many percent of what is public have to be documented, from 1 to 100: of Python the modules, classes,
    /// functions and methods, of TypeScript what modules export, of Rust everything, so that only 100 is allowed there. Default:
    /// it is not measured.
    pub documented_min: Option<u8>,
    /// `[components.NAME.image]`: the image that is built from it. Without it there is none.
    pub image: Option<ComponentImage>,
    /// `[components.NAME.coverage]`: how much of it its tests have to run. Without it nothing fails.
    pub coverage: Option<ComponentCoverage>,
}

/// What a component is built with.
#[derive(Clone, Debug)]
pub enum ComponentKind {
    /// `python`, in a virtual environment `.venv` in its folder.
    Python(Python),
    /// `node`, with npm.
    Node(Node),
    /// `rust`, a package of the workspace.
    Rust(Rust),
}

/// A Python component. Paths are relative to its folder.
#[derive(Clone, Debug)]
pub struct Python {
    /// `package`: the package whose coverage is measured. Required.
    pub package: String,
    /// `requirements`: the files with pinned, hashed requirements; each `x.txt` is compiled from an `x.in` beside it. Required.
    pub requirements: Vec<PathBuf>,
    /// `docs`: the folder of the Sphinx sources. Without it there are no docs.
    pub docs: Option<PathBuf>,
    /// `import-contracts`: whether import-linter's contracts, as its own configuration states them, are checked. Default:
    /// `false`.
    pub import_contracts: bool,
    /// `[components.NAME.modules]`: for each module or package in `package` (`api`), the others that it may import.
    pub modules: BTreeMap<String, Vec<String>>,
    /// `[components.NAME.forbidden]`: for a module, or for all with `"*"`, the packages (`fastapi`) that it must not import.
    pub forbidden: BTreeMap<String, Vec<String>>,
}

/// A Node component.
#[derive(Clone, Debug)]
pub struct Node {
    /// `test`: the npm script that runs the tests once with coverage. Required.
    pub test: String,
    /// `lint`: the npm scripts that check, in this order. Default: none.
    pub lint: Vec<String>,
    /// `docs`: the npm script that runs typedoc; it is told where to write. Without it there are no docs.
    pub docs: Option<String>,
    /// `fix`: the npm scripts that mend what can be mended, in this order. Default: none.
    pub fix: Vec<String>,
    /// `[components.NAME.modules]`: for each module, a folder or a file of the component (`src/api`), the others that it may
    /// import; the longest name is the one that counts. Default: nothing is checked.
    pub modules: BTreeMap<String, Vec<String>>,
    /// `[components.NAME.forbidden]`: for a module, or for all with `"*"`, the packages (`react`, `node:` for all of Node's own)
    /// that it must not import. Default: none.
    pub forbidden: BTreeMap<String, Vec<String>>,
}

/// A Rust component.
#[derive(Clone, Debug)]
pub struct Rust {
    /// `package`: the package's name. Required.
    pub package: String,
    /// `[components.NAME.modules]`: for each module at the top of the crate, the others that it may import. The roots of the
    /// library and of the binary are called `lib` and `main`; a root without a rule may import everything. Default: nothing
    /// is checked.
    pub modules: BTreeMap<String, Vec<String>>,
    /// `[components.NAME.forbidden]`: for a module, or for all with `"*"`, the paths (`std::fs`) that it must not name, nor anything below them.
    /// Default: none.
    pub forbidden: BTreeMap<String, Vec<String>>,
}

impl Rust {
    /// The name of its library as code has it.
    pub fn library(&self) -> String {
        self.package.replace('-', "_")
    }
}

/// Python tools in a virtual environment of the repository: `[tools]`.
#[derive(Clone, Debug)]
pub struct Tools {
    /// `requirements`: the file with pinned, hashed requirements, relative to the repository's root. Required.
    pub requirements: PathBuf,
}

/// What a task needs beyond the defaults: `[tasks."ID"]`.
#[derive(Clone, Debug, Default)]
pub struct TaskSettings {
    /// `timeout`: how long it may run, a duration of at most a year. Default: the task's own, if it has one.
    pub timeout: Option<Duration>,
    /// `retries`: how often it is tried again where it does not pass, at most 10. Default: the task's own, mostly never.
    pub retries: Option<u32>,
    /// `cores`: how many cores it keeps busy, at least 1. Default: the task's own, mostly 1.
    pub cores: Option<u32>,
    /// `memory`: how much memory it may need, a size. Default: the task's own, mostly little.
    pub memory: Option<u64>,
    /// `env`: the variables it reads beyond those that every command is given; a trailing `*` stands for any ending. Default:
    /// none.
    pub env: Vec<String>,
    /// `command`: the words of a command that is the task. Default: the task is one of the standard ones, or the program's own.
    pub command: Vec<String>,
    /// `about`: what a task with a `command` is for. Default: nothing is said.
    pub about: Option<String>,
    /// `after`: the tasks that a task with a `command` waits for, by id or by its leading words. Default: none.
    pub after: Vec<String>,
    /// `reads`: files that it reads, patterns relative to the repository; with those that a standard task reads anyway.
    /// Default: none, and a task with a `command` then runs each time.
    pub reads: Vec<String>,
    /// `ignores`: files among them that it does not read. Default: none.
    pub ignores: Vec<String>,
    /// `makes`: files that it makes. They are taken away before it runs. Default: none.
    pub makes: Vec<String>,
    /// `tools`: programs that it starts, beside that of its `command`. Default: none.
    pub tools: Vec<String>,
    /// `uncached`: why a task with a `command` runs each time. Default: it does not.
    pub uncached: Option<String>,
    /// `unsandboxed`: why its commands may read what it does not declare, although its result is reused. Default: they may not.
    pub unsandboxed: Option<String>,
}

/// Variables and secrets of all tasks: `[environment]`.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentSettings {
    /// `pass`: variables that every task is given; a trailing `*` stands for any ending. Default: none.
    pub pass: Vec<String>,
    /// `secrets`: variables whose values are secrets although their names do not say so. Default: none.
    pub secrets: Vec<String>,
}

/// Where results of tasks are kept, and how much of them: `[cache]`.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// `size-max`: how large the store may get, a size. A run that has stored something past it throws away what was not used
    /// for longest. Default: `10GB`.
    pub size_max: u64,
    /// The server that keeps them, where one does.
    pub remote: Option<RemoteSettings>,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { size_max: 10_000_000_000, remote: None }
    }
}

/// A server that keeps results for all machines, as Bazel's remote caches over HTTP do.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// `url`: the address below which it has `ac/` and `cas/`; `https://`, or `http://` of this machine. Credentials are in the
    /// environment: `XTASK_CACHE_TOKEN`, or `XTASK_CACHE_USER` and `XTASK_CACHE_PASSWORD`. Default: there is no server, and none
    /// of the following keys.
    pub url: Url,
    /// `public-keys`: the Ed25519 keys of the jobs whose results are believed; `cargo xtask cache key` makes one. Required.
    pub public_keys: Vec<PublicKey>,
    /// `upload`: `trusted`: where `XTASK_CACHE_SIGNING_KEY` is in the environment, what it makes is uploaded; `never`: nothing
    /// is. Default: `trusted`.
    pub upload: Upload,
}

impl RemoteSettings {
    /// Whether jobs that have the key upload results.
    pub fn is_uploaded_to(&self) -> bool {
        self.upload == Upload::Trusted
    }
}

/// Who uploads results.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Upload {
    /// Jobs that have the key to sign them with.
    #[default]
    Trusted,
    /// Nobody.
    Never,
}

/// Where the documents of the repository are: `[docs]`.
#[derive(Clone, Debug)]
pub struct DocsSettings {
    /// `folder`: the folder with the pages of the site, in Markdown, and with contracts and schemas, in JSON; relative to the
    /// repository's root. Each of its folders is a group of pages. Required.
    pub folder: PathBuf,
}

/// What was decided about single dependencies: `[dependencies]`.
#[derive(Clone, Debug, Default)]
pub struct DependencySettings {
    /// `used`: packages (`pypi:name`, `npm:name`) that are needed although no code imports them and no configuration names
    /// them, each with the reason. Default: none.
    pub used: BTreeMap<String, String>,
}

/// What dependencies may cost: `[budget]`. `None`: not checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// `cargo-lock-entries-max`: the most entries in `Cargo.lock`, at least 1.
    pub cargo_lock_entries_max: Option<usize>,
    /// `cargo-compiled-max`: the most crates that are compiled for a Rust component on this platform, itself included, at
    /// least 1.
    pub cargo_compiled_max: Option<usize>,
}

/// Reads a size as people write it: `512MiB`, `10GB`; not zero. The error says what is wrong.
pub fn size(text: &str) -> std::result::Result<u64, String> {
    units::size(text)
}

impl Config {
    /// What the file is called, at the root of the repository.
    pub const FILE: &str = "xtask.toml";

    /// Reads the text of an `xtask.toml`; `path` is what diagnostics call it.
    ///
    /// All problems are reported at once, each with line, caret and the nearest right word.
    ///
    /// # Errors
    ///
    /// One [`Error::configuration`] whose places are the problems in the order of the text, the first 50 of them.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let name = path.display();
        if text.len() > FILE_MAX {
            return Err(Error::configuration(format!("{name} is larger than {} KiB", FILE_MAX >> 10)));
        }
        // Some editors begin a file with a byte order mark; it is no part of the text and would shift the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        decode::Document::new(path, text).read(sections::config).map_err(|mut problems| {
            let count = problems.len();
            problems.truncate(PROBLEMS_MAX);
            let problem = if count == 1 { "problem" } else { "problems" };
            let error = Error::configuration(format!("{name} has {count} {problem}")).places(problems);
            if count > PROBLEMS_MAX {
                return error.hint(format!("only the first {PROBLEMS_MAX} are shown"));
            }
            error
        })
    }

    /// The component of that name.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name == name)
    }

    /// The components that are crates.
    pub fn crates(&self) -> impl Iterator<Item = (&Component, &Rust)> {
        self.components.iter().filter_map(|component| match &component.kind {
            ComponentKind::Rust(rust) => Some((component, rust)),
            ComponentKind::Python(_) | ComponentKind::Node(_) => None,
        })
    }

    /// The variables that the commands of a task are given beyond those that every command has.
    pub fn declared_env(&self, task: &str) -> Vec<String> {
        let own = self.tasks.get(task).map(|settings| settings.env.as_slice()).unwrap_or_default();
        self.environment.pass.iter().chain(own).cloned().collect()
    }
}
