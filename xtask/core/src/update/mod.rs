//! What an update of lock files comes to: which packages they pin, and which of them have moved how far.
//!
//! Tools say what they change in words of their own, and not all of them do. The files before and after say it alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::table::aligned;
use crate::text::count;

mod lock;
mod pinned;

pub use lock::{LockError, LockKind};
pub use pinned::Pinned;

/// What a lock file pins: of each package, by name, the versions.
pub type Locked = BTreeMap<String, BTreeSet<Pinned>>;

/// How far a package has moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The first number that is not zero has risen, which may break who uses it: `1.4.0 → 2.0.0`, `0.4.2 → 0.5.0`.
    Major,
    /// The number behind it has risen.
    Minor,
    /// Something behind that has risen, or only what stands behind the numbers differs.
    Patch,
    /// From or to a version that is not released: `2.0.0-rc.1`, `3.0b2`, `1.0.dev4`.
    PreRelease,
    /// To an earlier version.
    Back,
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
}

impl Step {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
            Self::PreRelease => "pre-release",
            Self::Back => "back",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A package that has moved.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Move {
    /// Its name.
    pub package: String,
    /// The version that was pinned, where it was.
    pub from: Option<String>,
    /// The version that is pinned now, where it is.
    pub to: Option<String>,
    /// How far that is.
    pub step: Step,
}

/// What has moved between two states of a lock file, by the names of the packages.
///
/// Of a package that is pinned in several versions, those that went and those that came are paired in their order.
pub fn moves(before: &Locked, after: &Locked) -> Vec<Move> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeSet::new();
    let mut moves = Vec::new();
    for name in names {
        let (before, after) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
        let mut gone = before.difference(after);
        let mut come = after.difference(before);
        loop {
            let (from, to) = (gone.next(), come.next());
            let step = match (from, to) {
                (None, None) => break,
                (Some(from), Some(to)) => from.step_to(to),
                (None, Some(_)) => Step::Added,
                (Some(_), None) => Step::Removed,
            };
            let [from, to] = [from, to].map(|version| version.map(ToString::to_string));
            moves.push(Move { package: name.clone(), from, to, step });
        }
    }
    moves
}

/// What has moved in lock files, by their paths, as a table with a last line that sums it up; `is_written` is whether the files
/// have changed, or only would.
pub fn table(files: &[(String, Vec<Move>)], is_written: bool) -> String {
    let head = ["package", "from", "to", "step", "in"].map(str::to_owned);
    let mut rows = vec![head];
    for (path, moves) in files {
        for Move { package, from, to, step } in moves {
            let [from, to] = [from, to].map(|version| version.clone().unwrap_or_default());
            rows.push([package.clone(), from, to, step.word().to_owned(), path.clone()]);
        }
    }
    let moved = files.iter().filter(|(_, moves)| !moves.is_empty()).count();
    let sum = match (rows.len() - 1, is_written) {
        (0, _) => return format!("nothing has moved in {}\n", count(files.len(), "lock file")),
        (packages, true) => format!("{} moved in {}", count(packages, "package"), count(moved, "lock file")),
        (packages, false) => {
            let files = count(moved, "lock file");
            format!("{} would move in {files}; nothing was written", count(packages, "package"))
        }
    };
    format!("{}\n{sum}\n", aligned(&rows))
}

#[cfg(test)]
mod tests;
