//! The sources of a component, for rules that read code.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::config::{Component, Config, Rust};
use crate::core::rules::imports::{Rules, Source};
use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Error, Result};

/// Folders that hold what was made or installed, and no code of the repository.
const MADE: &[&str] = &["__pycache__", "build", "coverage", "dist", "node_modules", "target"];

/// The Rust files below `path`, or the file that it is, with their texts, in the order of their names; none where nothing is
/// there. Paths are relative to the repository.
pub(super) fn rust_files(cx: &Cx, path: &Path) -> Result<Vec<(PathBuf, String)>> {
    below(cx, path, &|_| true, &|path| has_extension(path, &["rs"]))
}

/// Does something with the code of a Rust component and the rules for its imports.
pub(super) fn with_imports<T>(
    cx: &Cx,
    component: &Component,
    rust: &Rust,
    work: impl FnOnce(Rules<'_>, &[Source<'_>]) -> T,
) -> Result<T> {
    let root = component.path.join("src");
    let texts = rust_files(cx, &root)?;
    let source =
        |(path, text)| Source { path, in_crate: Path::strip_prefix(path, &root).unwrap_or(path), text };
    let sources: Vec<Source<'_>> =
        texts.iter().map(|(path, text)| (path.as_path(), text.as_str())).map(source).collect();
    let rules = Rules {
        library: &rust.library(),
        modules: &rust.modules,
        forbidden: &rust.forbidden,
        stated_in: Path::new(Config::FILE),
    };
    Ok(work(rules, &sources))
}

/// The files below `path` that `is_wanted`, likewise. What is hidden, made or installed is left out.
pub(super) fn files_below(
    cx: &Cx,
    path: &Path,
    is_wanted: &dyn Fn(&Path) -> bool,
) -> Result<Vec<(PathBuf, String)>> {
    let is_own = |name: &str| !name.starts_with('.') && !MADE.contains(&name);
    below(cx, path, &is_own, is_wanted)
}

/// Whether a file has one of these extensions.
pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}

fn below(
    cx: &Cx,
    path: &Path,
    is_own: &dyn Fn(&str) -> bool,
    is_wanted: &dyn Fn(&Path) -> bool,
) -> Result<Vec<(PathBuf, String)>> {
    let top = cx.root().join(path);
    if !top.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let walk = WalkDir::new(&top).sort_by_file_name().into_iter();
    let enter = |entry: &DirEntry| {
        entry.depth() == 0 || !entry.file_type().is_dir() || entry.file_name().to_str().is_none_or(is_own)
    };
    for entry in walk.filter_entry(enter) {
        cx.check()?;
        let entry = entry.map_err(|error| {
            Error::missing(format!("could not look into `{}`", path.display())).source(error)
        })?;
        if is_wanted(entry.path()) && entry.file_type().is_file() {
            let below = entry.path().strip_prefix(cx.root()).unwrap_or(entry.path());
            found.push((below.to_owned(), files::read(entry.path())?));
        }
    }
    Ok(found)
}
