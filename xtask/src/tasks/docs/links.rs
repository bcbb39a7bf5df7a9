//! Does every link of the documents lead somewhere?

use std::path::{Path, PathBuf};

use crate::core::gate::{Coverage, Look};
use crate::core::rules::TextFile;
use crate::core::site::links;
use crate::cx::Cx;
use crate::error::Result;
use crate::tasks::gate;
use crate::tasks::sources::{files_below, has_extension};

/// What is looked at.
pub(super) const LINK: &str = "link";

/// Checks the links of all Markdown files of the repository: files, anchors and pictures have to be there, addresses elsewhere
/// to be well-formed. Nothing is asked of the network.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where a link leads nowhere.
pub fn links(cx: &Cx) -> Result<()> {
    let documents = files_below(cx, Path::new(""), &|path| has_extension(path, &["md"]))?;
    let files: Vec<TextFile<'_>> = documents.iter().map(|(path, text)| TextFile { path, text }).collect();
    let exists = |path: &Path| has_with_case(cx.root(), path);
    let (count, findings) = links::check(&files, &exists);
    gate::conclude(cx, vec![Look::at(links::TOOL, Coverage::new(count, LINK)).found(findings)])
}

/// Whether something is at a path below a folder, as it is written: where a file system takes `A` for `a`, the next one does not.
fn has_with_case(root: &Path, path: &Path) -> bool {
    let Ok(found) = root.join(path).canonicalize() else { return false };
    let Ok(root) = root.canonicalize() else { return false };
    let written: PathBuf = path.components().collect();
    // A link of the file system leads elsewhere, under another name.
    found.strip_prefix(&root).map_or(true, |found| {
        found == written || !found.to_string_lossy().eq_ignore_ascii_case(&written.to_string_lossy())
    })
}
