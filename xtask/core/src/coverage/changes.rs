//! Which lines a change has brought, by what git says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Span;

/// The lines that have changed since a commit, by file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// The commit.
    pub since: String,
    /// By the path, relative to the repository.
    pub files: BTreeMap<PathBuf, Lines>,
}

/// Lines of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lines {
    /// All: the file is new.
    All,
    /// Those of these spans, in order.
    In(Vec<Span>),
}

impl Lines {
    /// Whether a line, counted from 1, is one of them.
    pub fn holds(&self, line: u32) -> bool {
        match self {
            Self::All => true,
            Self::In(spans) => {
                let behind = spans.partition_point(|span| span.last < line);
                spans.get(behind).is_some_and(|span| span.first <= line)
            }
        }
    }
}

impl Changes {
    /// What `git diff --unified=0 --no-prefix` says (git-diff(1), "GENERATING PATCH TEXT WITH -P"); `None` where that is
    /// something else. Lines that are gone are none of a file.
    pub fn read(since: &str, diff: &str) -> Option<Self> {
        let mut changes = Self { since: since.to_owned(), ..Self::default() };
        let mut path: Option<PathBuf> = None;
        let mut lines = diff.split('\n');
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("+++ ") {
                // Behind a name with spaces stands a tab.
                path = Some(unquoted(name.trim_end_matches('\t'))?.into());
            } else if line.starts_with("diff --git ") {
                path = None;
            } else if let Some(hunk) = line.strip_prefix("@@ -") {
                let (old, new) = hunk.split_once(" +")?;
                let (_, gone) = range(old)?;
                let (first, added) = range(new.split_once(" @@")?.0)?;
                // The lines themselves may look like anything.
                for _ in 0..gone.checked_add(added)? {
                    lines.next()?;
                }
                if added > 0 {
                    let span = Span { first, last: first.checked_add(added - 1)? };
                    let of_file = changes.files.entry(path.clone()?).or_insert(Lines::In(Vec::new()));
                    if let Lines::In(spans) = of_file {
                        spans.push(span);
                    }
                }
            }
        }
        Some(changes)
    }

    /// Adds files that git does not track: everything in them is new.
    pub fn add_untracked(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        self.files.extend(paths.into_iter().map(|path| (path, Lines::All)));
    }
}

/// `first,count`, or `first` alone for one line.
fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

/// A name as git quotes one that is out of the ordinary: in C's way, bytes in octal digits (git-config(1), `core.quotePath`).
fn unquoted(name: &str) -> Option<String> {
    let Some(quoted) = name.strip_prefix('"') else { return Some(name.to_owned()) };
    let mut bytes = Vec::new();
    let mut rest = quoted.strip_suffix('"')?.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            byte @ (b'"' | b'\\') => byte,
            byte @ b'0'..=b'3' => {
                let digits = [byte, rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?
            }
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}
