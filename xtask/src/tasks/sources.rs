//! The Rust files of a folder, for rules that read code.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Error, Result};

/// The Rust files below `path`, or the file that it is, with their texts, in the order of their names; none where nothing is
/// there. Paths are relative to the repository.
pub(super) fn rust_files(cx: &Cx, path: &Path) -> Result<Vec<(PathBuf, String)>> {
    let top = cx.root().join(path);
    if !top.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(&top).sort_by_file_name() {
        cx.check()?;
        let entry = entry.map_err(|error| {
            Error::missing(format!("could not look into `{}`", path.display())).source(error)
        })?;
        let is_rust = entry.path().extension().is_some_and(|extension| extension == "rs");
        if is_rust && entry.file_type().is_file() {
            let below = entry.path().strip_prefix(cx.root()).unwrap_or(entry.path());
            found.push((below.to_owned(), files::read(entry.path())?));
        }
    }
    Ok(found)
}
