//! Questions to git.

use crate::core::command::Command;
use crate::cx::Cx;
use crate::error::{ErrorKind, Result};

/// What git says, without the last line's end; `None` where it fails or is not there.
pub(super) fn ask(cx: &Cx, args: &[&str]) -> Result<Option<String>> {
    let command = Command::new("git").args(args).env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    match cx.output(command) {
        Ok(output) if output.success() => Ok(Some(output.stdout.trim_end_matches('\n').to_owned())),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// The commit of the checkout; `None` where there is none.
pub(super) fn head(cx: &Cx) -> Result<Option<String>> {
    commit(cx, "HEAD")
}

/// The commit of a name; `None` where git knows none of that name.
pub(super) fn commit(cx: &Cx, name: &str) -> Result<Option<String>> {
    ask(cx, &["rev-parse", "--verify", "--quiet", "--end-of-options", &as_commit(name)])
}

/// A name as that of a commit: of the one a tag is of, too.
pub(super) fn as_commit(name: &str) -> String {
    format!("{name}^{{commit}}")
}
