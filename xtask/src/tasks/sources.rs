//! The files of a folder with code, for rules that read it.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Error, Result};

/// Folders that hold what was made or installed, and no code of the repository.
const MADE: &[&str] = &["__pycache__", "build", "coverage", "dist", "node_modules", "target"];

/// The Rust files below `path`, or the file that it is, with their texts, in the order of their names; none where nothing is
/// there. Paths are relative to the repository.
pub(super) fn rust_files(cx: &Cx, path: &Path) -> Result<Vec<(PathBuf, String)>> {
    files_below(cx, path, &["rs"])
}

/// The files below `path` with one of these extensions. What is hidden, made or installed is left out.
pub(super) fn files_below(cx: &Cx, path: &Path, extensions: &[&str]) -> Result<Vec<(PathBuf, String)>> {
    let top = cx.root().join(path);
    if !top.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let is_code = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let is_made = entry.file_type().is_dir() && (name.starts_with('.') || MADE.contains(&&*name));
        entry.depth() == 0 || !is_made
    };
    for entry in WalkDir::new(&top).sort_by_file_name().into_iter().filter_entry(is_code) {
        cx.check()?;
        let entry = entry.map_err(|error| {
            Error::missing(format!("could not look into `{}`", path.display())).source(error)
        })?;
        let extension = entry.path().extension().and_then(|extension| extension.to_str());
        let is_wanted = extension.is_some_and(|extension| extensions.contains(&extension));
        if is_wanted && entry.file_type().is_file() {
            let below = entry.path().strip_prefix(cx.root()).unwrap_or(entry.path());
            found.push((below.to_owned(), files::read(entry.path())?));
        }
    }
    Ok(found)
}
