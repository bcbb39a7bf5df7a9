//! The coverage of a component: what its tests have run, how much of a change that is, and whether it is enough.
//!
//! The tests of Python and Node count while they run anyway, and leave a tracefile; here it is read. Those of Rust have to be
//! compiled once more to count, so that who wants to know asks for it.

mod llvm;
mod upload;

use std::path::{Path, PathBuf};

use super::{affected, gate, git, history};
use crate::config::{Component, ComponentKind};
use crate::core::affected::read_untracked;
use crate::core::coverage::{self, Changes, Coverage, Trace};
use crate::core::finding::Paths;
use crate::core::fingerprint::{pattern::Pattern, patterns::Patterns};
use crate::core::gate::{self as looks, GapKind, Look};
use crate::core::record;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// The tool in whose name is said what could not be measured.
const TOOL: &str = "coverage";

/// The merged tracefile of a run, in the output folder.
pub const LCOV_FILE: &str = "coverage.lcov";

/// The sums of a run, in the output folder.
pub const SUMS_FILE: &str = "coverage.json";

/// Whether there is something to measure: of Rust, where `[components.NAME.coverage]` asks for it.
pub fn applies(component: &Component) -> bool {
    !matches!(component.kind, ComponentKind::Rust(_)) || component.coverage.is_some()
}

/// Sums and judges what the tests of the component have run.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where it is less than `[components.NAME.coverage]` wants.
pub fn component(cx: &Cx, component: &Component) -> Result<()> {
    let text = match &component.kind {
        ComponentKind::Rust(rust) => match llvm::measure(cx, component, rust)? {
            Ok(text) => text,
            Err(look) => return gate::conclude(cx, vec![look]),
        },
        ComponentKind::Python(_) | ComponentKind::Node(_) => {
            let Some(text) = kept(cx, component)? else {
                let why = format!("the tests of `{}` have left no coverage", component.name);
                let look = Look::broken(TOOL, "file", why);
                return gate::conclude(cx, vec![look.hint(format!("`cargo xtask test {}`", component.name))]);
            };
            text
        }
    };
    let trace = match trace(cx, component, &text) {
        Ok(trace) => trace,
        Err(error) => {
            let why = format!("the coverage of `{}` cannot be read: {error}", component.name);
            return gate::conclude(cx, vec![Look::broken(TOOL, "file", why)]);
        }
    };
    let changes = changes(cx, component)?;
    let mut sums = trace.sum(&component.name, changes.as_ref().ok());
    let base = changes.as_ref().ok().map(|changes| changes.since.as_str());
    sums.before = record::history::before(&history::earlier(cx)?, &component.name, base);
    let minimum = component.coverage.as_ref().map(|coverage| coverage.minimum).unwrap_or_default();
    let found = coverage::judge(&sums, &minimum);
    let mut look = Look::at(TOOL, looks::Coverage::new(sums.files.len(), "file")).found(found);
    if let (Err((reason, hint)), Some(_)) = (&changes, minimum.changed) {
        let why = format!("nobody knows which lines have changed: {reason}");
        look = look.gap(GapKind::CouldNotLook, why, Some(hint));
    }
    cx.covered(sums);
    files::write(&lcov(cx, component), trace.lcov().as_bytes())?;
    upload::upload(cx, component)?;
    gate::conclude(cx, vec![look])
}

/// Where the tracefile of a component is put, with paths relative to the repository.
fn lcov(cx: &Cx, component: &Component) -> PathBuf {
    cx.output_folder().join(format!("coverage/{}.lcov", component.name))
}

/// The file with its coverage that the runner of a component writes, relative to the component.
pub(super) const fn written_by(kind: &ComponentKind) -> Option<&'static str> {
    match kind {
        ComponentKind::Python(_) => Some("coverage.lcov"),
        ComponentKind::Node(_) => Some("coverage/lcov.info"),
        ComponentKind::Rust(_) => None,
    }
}

/// What the tests of the component have left.
fn kept(cx: &Cx, component: &Component) -> Result<Option<String>> {
    let Some(name) = written_by(&component.kind).and_then(|path| Path::new(path).file_name()) else {
        return Ok(None);
    };
    let path = cx.output_folder().join("coverage").join(&component.name).join(name);
    path.is_file().then(|| files::read(&path)).transpose()
}

/// The trace of the component alone: without what is another component's, and without what does not count.
fn trace(cx: &Cx, component: &Component, text: &str) -> std::result::Result<Trace, coverage::LcovError> {
    let folder = match component.kind {
        // Those of Rust are absolute.
        ComponentKind::Rust(_) => Path::new(""),
        ComponentKind::Python(_) | ComponentKind::Node(_) => &component.path,
    };
    let mut trace = Trace::read(text, &Paths::new(cx.root(), folder))?;
    let ignores = component.coverage.iter().flat_map(|coverage| &coverage.ignores);
    // They were read before: each is a pattern.
    let include = ignores.filter_map(|pattern| Pattern::parse(pattern).ok()).collect();
    let left_out = Patterns { include, exclude: Vec::new() };
    let inner: Vec<&Path> = cx
        .config()
        .components
        .iter()
        .map(|other| other.path.as_path())
        .filter(|path| *path != component.path && path.starts_with(&component.path))
        .collect();
    trace.files.retain(|path, _| {
        let Ok(own) = path.strip_prefix(&component.path) else { return false };
        let words: Vec<&[u8]> = own.iter().map(std::ffi::OsStr::as_encoded_bytes).collect();
        !left_out.includes(&words) && !inner.iter().any(|other| path.starts_with(other))
    });
    Ok(trace)
}

/// The lines of the component that have changed since the branch that `--affected` compares with; or why that is not known, and
/// what to do.
fn changes(cx: &Cx, component: &Component) -> Result<std::result::Result<Changes, (String, String)>> {
    let commit = match affected::base(cx)? {
        Ok(commit) => commit,
        Err(unknown) => return Ok(Err(unknown)),
    };
    let path = component.path.display().to_string();
    let diff = ["diff", "--unified=0", "--no-prefix", "--no-renames", "--no-ext-diff", "--no-color"];
    let diff = [&diff[..], &["--relative", &commit, "--", &path]].concat();
    let diff = git::ask(cx, &diff)?.and_then(|text| Changes::read(&commit, &text));
    let untracked = ["ls-files", "--others", "--exclude-standard", "-z", "--", &path];
    let (Some(mut changes), Some(untracked)) = (diff, git::ask(cx, &untracked)?) else {
        let hint = "`git status` may say why".to_owned();
        return Ok(Err(("git does not say what has changed".to_owned(), hint)));
    };
    let untracked = read_untracked(&untracked).into_iter().filter(|changed| !changed.is_repository);
    changes.add_untracked(untracked.map(|changed| changed.path.into()));
    Ok(Ok(changes))
}

/// Writes what a run has measured, all components together: as a tracefile, and the sums as JSON.
///
/// # Errors
///
/// Where a file cannot be read or written.
pub fn write(cx: &Cx, measured: &[Coverage]) -> Result<()> {
    if measured.is_empty() {
        return Ok(());
    }
    let mut all = String::new();
    for sums in measured {
        let Some(component) = cx.config().component(&sums.component) else { continue };
        let path = lcov(cx, component);
        // A merged run has sums of other machines, and none of their tracefiles. Each is of files of its own.
        if path.is_file() {
            all.push_str(&files::read(&path)?);
        }
    }
    if !all.is_empty() {
        files::write(&cx.output_folder().join(LCOV_FILE), cx.mask().text(&all).as_bytes())?;
    }
    let mut json = serde_json::to_vec_pretty(measured)
        .map_err(|error| Error::bug("the coverage cannot be written as JSON").source(error))?;
    json.push(b'\n');
    files::write(&cx.output_folder().join(SUMS_FILE), &cx.mask().bytes(&json))
}
