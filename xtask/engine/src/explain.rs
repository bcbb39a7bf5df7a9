//! Why a task runs again: what differs between what its result would depend on now and what a stored one depended on.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::key::{Declared, Fingerprint, Subject, Value};
use super::manifest::{Content, Item, Manifest};
use super::raw;

/// How many letters of a value are shown.
const WORDS: usize = 48;

/// One thing that differs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// A file: what it was and what it is.
    File {
        /// The path, relative to the repository.
        #[serde(serialize_with = "raw::serialize")]
        path: PathBuf,
        /// What stood there.
        before: Option<Content>,
        /// What stands there now.
        now: Option<Content>,
    },
    /// A file that has another name now, and the same content.
    Renamed {
        /// Its name then.
        #[serde(serialize_with = "raw::serialize")]
        before: PathBuf,
        /// Its name now.
        #[serde(serialize_with = "raw::serialize")]
        now: PathBuf,
    },
    /// Anything else.
    Part {
        /// What it is.
        part: Subject,
        /// What it was.
        before: Option<Value>,
        /// What it is now.
        now: Option<Value>,
    },
}

/// What differs, the parts before the files.
pub fn changes(before: &Fingerprint, now: &Fingerprint) -> Vec<Change> {
    let mut changes = parts(before, now);
    changes.extend(files(before.inputs(), now.inputs()));
    changes
}

/// How much differs: the nearest of several stored results is the one with the least. Another program or command says more
/// than another file.
pub fn distance(before: &Fingerprint, now: &Fingerprint) -> usize {
    parts(before, now).len() * 4 + files(before.inputs(), now.inputs()).len()
}

/// Of several stored results the one that differs least, by its position, and what differs. Of two that differ as much, the first.
pub fn nearest(stored: &[&Fingerprint], now: &Fingerprint) -> Option<(usize, Vec<Change>)> {
    let position = (0..stored.len()).min_by_key(|&position| distance(stored[position], now))?;
    Some((position, changes(stored[position], now)))
}

fn parts(before: &Fingerprint, now: &Fingerprint) -> Vec<Change> {
    let index = |fingerprint: &Fingerprint| -> BTreeMap<Subject, Value> {
        fingerprint.parts().iter().map(|part| (part.subject.clone(), part.value.clone())).collect()
    };
    let (mut before, now) = (index(before), index(now));
    let mut changes = Vec::new();
    for (part, value) in now {
        match before.remove(&part) {
            Some(old) if old == value => {}
            old => changes.push(Change::Part { part, before: old, now: Some(value) }),
        }
    }
    changes.extend(before.into_iter().map(|(part, old)| Change::Part { part, before: Some(old), now: None }));
    changes
}

/// What differs between two sets of files.
pub fn files(before: &Manifest, now: &Manifest) -> Vec<Change> {
    if before == now {
        return Vec::new();
    }
    let index = |manifest: &Manifest| -> BTreeMap<PathBuf, Content> {
        manifest.files().iter().map(|Item { path, content }| (path.clone(), content.clone())).collect()
    };
    let (before, now) = (index(before), index(now));
    let mut gone: Vec<_> = before.iter().filter(|(path, _)| !now.contains_key(*path)).collect();
    let mut changes = Vec::new();
    for (path, content) in &now {
        let old = before.get(path);
        if old == Some(content) {
            continue;
        }
        let twin =
            gone.iter().position(|(_, other)| old.is_none() && *other == content && !content.is_empty());
        changes.push(match twin {
            Some(twin) => Change::Renamed { before: gone.remove(twin).0.clone(), now: path.clone() },
            None => Change::File { path: path.clone(), before: old.cloned(), now: Some(content.clone()) },
        });
    }
    changes.extend(gone.into_iter().map(|(path, old)| Change::File {
        path: path.clone(),
        before: Some(old.clone()),
        now: None,
    }));
    changes
}

impl Content {
    /// Whether it holds nothing that one could know again.
    fn is_empty(&self) -> bool {
        matches!(self, Self::File { size: 0, .. } | Self::Folder { .. })
    }
}

impl fmt::Display for Change {
    /// One line: what changed, from what to what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { before, now } => {
                write!(f, "`{}` is called `{}` now", before.display(), now.display())
            }
            Self::File { path, before: None, now: Some(now) } => {
                write!(f, "`{}` is new ({})", path.display(), Words(now))
            }
            Self::File { path, before: Some(before), now: None } => {
                write!(f, "`{}` is gone ({})", path.display(), Words(before))
            }
            Self::File { path, before: Some(before), now: Some(now) } => changed(f, path, before, now),
            Self::File { path, before: None, now: None } => write!(f, "`{}`", path.display()),
            Self::Part { part, before: Some(Value::Hidden(_)), now: Some(Value::Hidden(_)) } => {
                write!(f, "{part} has changed; what it is, is a secret")
            }
            Self::Part { part, before: Some(Value::Text(before)), now: Some(Value::Text(now)) } => {
                let (before, now) = where_they_differ(before, now);
                write!(f, "{part}: `{before}` → `{now}`")
            }
            Self::Part { part, before, now } => {
                write!(f, "{part}: {} → {}", Shown(before.as_ref()), Shown(now.as_ref()))
            }
        }
    }
}

/// Long words around the place where they begin to differ; short ones whole.
fn where_they_differ(before: &str, now: &str) -> (String, String) {
    let same = before.chars().zip(now.chars()).take_while(|(one, other)| one == other).count();
    let cut = |text: &str| {
        if text.chars().count() <= WORDS {
            return text.to_owned();
        }
        let skipped = same.saturating_sub(WORDS / 3);
        let rest = text.chars().skip(skipped);
        let mut shown: String = rest.clone().take(WORDS).collect();
        if skipped > 0 {
            shown.insert(0, '…');
        }
        if rest.count() > WORDS {
            shown.push('…');
        }
        shown
    };
    (cut(before), cut(now))
}

fn changed(f: &mut fmt::Formatter<'_>, path: &Path, before: &Content, now: &Content) -> fmt::Result {
    let path = path.display();
    match (before, now) {
        (Content::File { digest: old, mode: was, .. }, Content::File { digest: new, mode: is, .. })
            if old == new =>
        {
            write!(f, "`{path}` has other permissions: {was:o} → {is:o}")
        }
        (Content::File { digest: old, .. }, Content::File { digest: new, .. }) => {
            write!(f, "`{path}` has changed: {} → {}", old.short(), new.short())
        }
        (Content::Link { target: old }, Content::Link { target: new }) => {
            write!(f, "`{path}` leads elsewhere: `{}` → `{}`", old.display(), new.display())
        }
        (before, now) => write!(f, "`{path}` is something else: {} → {}", Words(before), Words(now)),
    }
}

struct Words<'c>(&'c Content);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Content::File { digest, .. } => write!(f, "{}", digest.short()),
            Content::Link { target } => write!(f, "a link to `{}`", target.display()),
            Content::Folder { .. } => f.write_str("an empty folder"),
        }
    }
}

struct Shown<'v>(Option<&'v Value>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nothing"),
            Some(Value::Absent) => f.write_str("not there"),
            Some(Value::Text(text)) => write!(f, "`{text}`"),
            Some(Value::Hidden(_)) => f.write_str("a secret"),
            Some(Value::Digest(digest)) => f.write_str(&digest.short()),
        }
    }
}

impl fmt::Display for Subject {
    /// What it is, as a reader knows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task => f.write_str("the task"),
            Self::Program => f.write_str("the program that runs the tasks"),
            Self::Platform => f.write_str("the platform"),
            Self::Setting(name) => write!(f, "the setting `{name}`"),
            Self::Argument(_, 0) => f.write_str("the command"),
            Self::Argument(_, word) => write!(f, "argument {word} of the command"),
            Self::Folder(_) => f.write_str("the folder of the command"),
            Self::Input(_) => f.write_str("the standard input of the command"),
            Self::CommandVariable(_, name) | Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::Tool(name) => write!(f, "the tool `{name}`"),
            Self::Dependency(task) => write!(f, "the task `{task}`, which goes before"),
            Self::Declared(Declared::Inputs, _) => f.write_str("what it says it reads"),
            Self::Declared(Declared::Outputs, _) => f.write_str("what it says it makes"),
            Self::Declared(Declared::Spared, _) => f.write_str("what it says it leaves to others"),
        }
    }
}
