//! Looks at a build context: lists and hashes what `.dockerignore` lets in, and refuses what no build should be sent.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use walkdir::WalkDir;

use crate::core::diagnostic::Diagnostic;
use crate::core::image::context::{self, Entry, Kind, Problem};
use crate::core::image::ignore::Ignore;
use crate::cx::{Cx, files};
use crate::error::{Context as _, Error, Result};

/// An entry, and the hash of its content where it is a file.
pub(super) type Hashed = (Entry, Option<blake3::Hash>);

/// The rules of the context in `folder`, a path relative to the repository.
pub(super) fn ignore(cx: &Cx, folder: &Path) -> Result<Ignore> {
    let path = folder.join(".dockerignore");
    let absolute = cx.root().join(&path);
    if !absolute.exists() {
        return Ok(Ignore::default());
    }
    let text = files::read(&absolute)?;
    Ignore::parse(&text).map_err(|malformed| {
        let place = Diagnostic::new(&path, text.as_str().into(), malformed.span, malformed.message);
        Error::configuration(format!("`{}` cannot be read", path.display())).places([place])
    })
}

/// What goes into a build of `folder`, in the order of the paths.
pub(super) fn entries(cx: &Cx, folder: &Path, ignore: &Ignore, size_max: u64) -> Result<Vec<Hashed>> {
    let root = cx.root().join(folder);
    let mut entries = Vec::new();
    let mut walk = WalkDir::new(&root).min_depth(1).sort_by_file_name().into_iter();
    while let Some(found) = walk.next() {
        cx.check()?;
        let found = found.map_err(|error| {
            Error::missing(format!("could not look into `{}`", folder.display())).source(error)
        })?;
        let path = found.path().strip_prefix(&root).unwrap_or(found.path());
        let Some(path) = path.to_str().map(|path| path.replace(std::path::MAIN_SEPARATOR, "/")) else {
            let message = format!("`{}` has a name that is no UTF-8", found.path().display());
            return Err(Error::problems(message).hint("rename it, or name it in .dockerignore"));
        };
        let is_folder = found.file_type().is_dir();
        if is_folder && ignore.excludes_all_of(&path) {
            walk.skip_current_dir();
            continue;
        }
        if ignore.excludes(&path) {
            continue;
        }
        let failed = || format!("could not read `{}`", found.path().display());
        let metadata = fs::symlink_metadata(found.path()).context(failed)?;
        let kind = if is_folder {
            Kind::Folder
        } else if metadata.is_symlink() {
            let target = fs::read_link(found.path()).context(failed)?;
            Kind::Link { target: target.to_string_lossy().into_owned() }
        } else if metadata.is_file() {
            Kind::File { size: metadata.len() }
        } else {
            Kind::Other
        };
        entries.push(Entry { path, mode: metadata.permissions().mode() & 0o7777, kind });
    }
    // Before anything is read: nobody wants to wait until two gigabytes are hashed to hear that they should not be there.
    if let Some(problem) = context::problem(&entries, size_max) {
        return Err(refusal(folder, &problem, size_max));
    }
    entries.into_iter().map(|entry| hashed(cx, &root, entry)).collect()
}

fn hashed(cx: &Cx, root: &Path, entry: Entry) -> Result<Hashed> {
    if !matches!(entry.kind, Kind::File { .. }) {
        return Ok((entry, None));
    }
    cx.check()?;
    let path = root.join(&entry.path);
    let mut hasher = blake3::Hasher::new();
    let read = fs::File::open(&path).and_then(|file| hasher.update_reader(file).map(drop));
    read.context(|| format!("could not read `{}`", path.display()))?;
    Ok((entry, Some(hasher.finalize())))
}

fn refusal(folder: &Path, problem: &Problem, size_max: u64) -> Error {
    let shown = folder.display();
    let ignored = folder.join(".dockerignore");
    let ignored = ignored.display();
    match problem {
        Problem::LeadsOut { path, target } => Error::refused(format!(
            "`{shown}/{path}` is a link that leads out of the build context, to `{target}`"
        ))
        .hint(format!("put a copy there, or leave it out of the build in `{ignored}`")),
        Problem::NoFile { path } => {
            Error::refused(format!("`{shown}/{path}` is neither file, folder nor link"))
                .hint(format!("leave it out of the build in `{ignored}`"))
        }
        Problem::TooLarge { size, largest } => {
            let message = format!(
                "{} MB would go into the build of `{shown}`, at most {} MB may",
                mb(*size),
                mb(size_max)
            );
            let error = largest.iter().fold(Error::refused(message), |error, (path, size)| {
                error.cause(format!("`{shown}/{path}`: {} MB", mb(*size)))
            });
            error
                .hint(format!("leave out what the image does not need: a line in `{ignored}` for each"))
                .hint("`context-max` in `[image]` of xtask.toml allows for more")
        }
    }
}

fn mb(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}
