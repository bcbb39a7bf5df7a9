//! Secrets in the files of the repository, and in its history.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Call, Options, scan, scan_where_present};
use crate::core::command::Command;
use crate::core::gate::scanner::{gitleaks, kingfisher, trufflehog};
use crate::core::gate::{Coverage, GapKind, Look, names};
use crate::cx::Cx;
use crate::driver::cache;
use crate::error::{Context as _, Result};
use crate::tasks::gate;

/// How much of a suspect file is looked into, in bytes: a key says what it is in its first line.
const BEGINNING: u64 = 64 << 10;

/// The most paths that are left out by name: a command line has an end, and to look at more than is needed is no harm.
const EXCLUDED_MAX: usize = 4000;

/// Looks for secrets in what git tracks or would: by the names of files, and in their contents; with `history`, in every commit.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where one was found, [`Missing`](crate::ErrorKind::Missing) where a scanner broke.
pub fn secrets(cx: &Cx, options: Options) -> Result<()> {
    let mut looks = vec![by_name(cx)?];
    if options.history {
        looks.extend(in_history(cx)?);
    }
    looks.push(scan(cx, &kingfisher::WORKTREE, &Call { more: excluded(cx)?, ..Call::new("", ".") })?);
    gate::conclude(cx, looks)
}

/// In every commit. kingfisher is given git's own folder: in a worktree it would take the files there for the whole history. Stored
/// results lie in that folder, too, and are in no commit.
fn in_history(cx: &Cx) -> Result<Vec<Look>> {
    let scanner = &kingfisher::HISTORY;
    let stored = cache::place(cx.root(), &cx.tools_folder());
    let inside = cx.output(Command::new("git").args(["rev-parse", "--git-dir"]))?;
    let Some(folder) = stored.parent().filter(|_| inside.success()) else {
        let why = "no commit was looked at: this is no git repository";
        return Ok(vec![Look::blind(scanner.name, scanner.unit, why)]);
    };
    let more = kingfisher::without(&stored.to_string_lossy()).map(OsString::from).to_vec();
    let mut looks = vec![scan(cx, scanner, &Call { more, ..Call::new("", folder) })?];
    for scanner in [&gitleaks::SCANNER, &trufflehog::SCANNER] {
        looks.extend(scan_where_present(cx, scanner, &Call::new("", "."))?);
    }
    Ok(looks)
}

/// The arguments that leave out what git ignores: a scanner that reads `.gitignore` itself knows nothing of worktrees, and leaves
/// out a file that is tracked all the same.
fn excluded(cx: &Cx) -> Result<Vec<OsString>> {
    let ignored =
        listed(cx, &["--others", "--ignored", "--exclude-standard", "--directory"])?.unwrap_or_default();
    let arguments = ignored
        .iter()
        .take(EXCLUDED_MAX)
        .flat_map(|path| kingfisher::without(&format!("./{}", path.display())));
    Ok(arguments.map(OsString::from).collect())
}

/// By the names of files.
fn by_name(cx: &Cx) -> Result<Look> {
    let Some(files) = listed(cx, &["--cached", "--others", "--exclude-standard"])? else {
        let why = "no name of a file was looked at: this is no git repository";
        return Ok(Look::blind(names::TOOL, "file", why));
    };
    let mut look = Look::at(names::TOOL, Coverage::new(files.len(), "file"));
    for file in files.iter().filter(|file| names::is_suspect(file)) {
        match beginning(&cx.root().join(file)) {
            Ok(bytes) => look.findings.extend(bytes.and_then(|bytes| names::check(file, &bytes))),
            Err(error) => {
                let why = format!("`{}` was not looked at: {}", file.display(), error.in_words());
                look = look.gap(GapKind::CouldNotLook, why, None);
            }
        }
    }
    Ok(look)
}

/// The files that `git ls-files` names, relative to the repository; `None` where there is no repository.
fn listed(cx: &Cx, arguments: &[&str]) -> Result<Option<Vec<PathBuf>>> {
    let command = Command::new("git").args(["ls-files", "-z"]).args(arguments).env("GIT_OPTIONAL_LOCKS", "0");
    let output = cx.output(command)?;
    let names = output.stdout.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(output.success().then(|| names.collect()))
}

/// The beginning of a file; `None` where it is gone, or is no file.
fn beginning(path: &Path) -> Result<Option<Vec<u8>>> {
    if !path.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BEGINNING).read_to_end(&mut bytes))
        .context(|| format!("could not read `{}`", path.display()))?;
    Ok(Some(bytes))
}
