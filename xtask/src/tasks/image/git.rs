//! What git says about a component: the last commit that touched it, and whether anything was changed since.

use std::path::Path;

use crate::core::command::Command;
use crate::core::image::ignore::Ignore;
use crate::core::image::labels::Revision;
use crate::cx::Cx;
use crate::error::Result;

/// Where a component stands.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The commit of the tree; `None` where there is none.
    pub(super) head: Option<String>,
    /// The last commit that touched the component.
    pub(super) revision: Revision,
    /// Whether something that goes into the image was changed since.
    pub(super) is_dirty: bool,
}

/// Asks git about `folder`. Without a repository or a commit everything counts as not committed.
pub(super) fn state(cx: &Cx, folder: &Path, ignore: &Ignore, dockerfile: &Path) -> Result<State> {
    let git =
        |args: &[&str]| Command::new("git").args(args).env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    let none =
        State { head: None, revision: Revision { name: "uncommitted".to_owned(), time: 0 }, is_dirty: true };
    let log = cx.output(git(&["log", "-1", "--format=%H %ct", "--"]).arg(folder))?;
    let head = cx.output(git(&["rev-parse", "--is-shallow-repository", "HEAD"]))?;
    let (Some((commit, time)), true) = (log.stdout.trim().split_once(' '), head.success()) else {
        cx.note(format!("`{}` is in no commit: the image is labelled so", folder.display()));
        return Ok(none);
    };
    let mut answers = head.stdout.lines();
    let is_shallow = answers.next() == Some("true");
    let head = answers.next().unwrap_or_default().to_owned();
    if is_shallow && head == commit {
        cx.warn(
            "the history is cut off: every component seems to be touched by the newest commit, and gets another digest",
            "fetch all of it: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout",
        );
    }
    let status =
        git(&["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--"]).arg(folder);
    let status = cx.read(status)?;
    // Three characters of state and a blank, then a path from the root of the repository.
    let changed = status.split('\0').filter_map(|line| line.get(3..)).map(Path::new);
    let mut counted = changed.filter(|path| {
        let inside = path.strip_prefix(folder).unwrap_or(path);
        inside == dockerfile || inside.to_str().is_none_or(|inside| !ignore.excludes(inside))
    });
    let is_dirty = counted.next().is_some();
    let name = if is_dirty { format!("{commit}-dirty") } else { commit.to_owned() };
    Ok(State {
        head: Some(head),
        revision: Revision { name, time: time.parse().unwrap_or_default() },
        is_dirty,
    })
}
