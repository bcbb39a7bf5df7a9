//! What goes into a build: the files that `.dockerignore` lets in, and what is wrong with them as a whole.

use std::collections::BTreeMap;

/// A file, link or empty folder of a context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its path in the context, joined by `/`.
    pub path: String,
    /// The permission bits, which engines copy into images.
    pub mode: u32,
    /// What it is.
    pub kind: Kind,
}

/// What an entry of a context is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A file with this many bytes.
    File {
        /// Its size.
        size: u64,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as it is written.
        target: String,
    },
    /// A folder.
    Folder,
    /// A device, a pipe, a socket.
    Other,
}

/// Whether a link at `path` leads out of the context.
pub fn leads_out(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// Why a context must not be sent to an engine; `None` where nothing is wrong.
pub fn problem(entries: &[Entry], size_max: u64) -> Option<Problem> {
    for entry in entries {
        match &entry.kind {
            Kind::Link { target } if leads_out(&entry.path, target) => {
                return Some(Problem::LeadsOut { path: entry.path.clone(), target: target.clone() });
            }
            Kind::Other => return Some(Problem::NoFile { path: entry.path.clone() }),
            _ => {}
        }
    }
    let size = size(entries);
    (size > size_max).then(|| Problem::TooLarge { size, largest: largest(entries) })
}

/// What is wrong with a context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// A link leads out of it.
    LeadsOut {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Something is neither file, folder nor link.
    NoFile {
        /// What.
        path: String,
    },
    /// It is larger than it may be.
    TooLarge {
        /// Its bytes.
        size: u64,
        /// What the most of it is: paths of its top, and their bytes.
        largest: Vec<(String, u64)>,
    },
}

/// The bytes of all files.
pub fn size(entries: &[Entry]) -> u64 {
    let size = |entry: &Entry| if let Kind::File { size } = entry.kind { size } else { 0 };
    entries.iter().map(size).sum()
}

/// The three largest parts: a folder where it is large by many files, a file where it is large by itself.
fn largest(entries: &[Entry]) -> Vec<(String, u64)> {
    let mut parts: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in entries {
        let Kind::File { size } = entry.kind else { continue };
        // Two levels say enough: `data/dumps` rather than `data`.
        let end = entry.path.match_indices('/').nth(1).map_or(entry.path.len(), |(end, _)| end);
        *parts.entry(&entry.path[..end]).or_default() += size;
    }
    let mut parts: Vec<(String, u64)> =
        parts.into_iter().map(|(path, size)| (path.to_owned(), size)).collect();
    parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    parts.truncate(3);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry { path: path.to_owned(), mode: 0o644, kind }
    }

    #[test]
    fn links_stay_inside() {
        for (path, target, out) in [
            ("a", "b", false),
            ("a/b", "../c", false),
            ("a/b", "../../c", true),
            ("a", "..", true),
            ("a/b", "x/../../..", true),
            ("a/b", "./x/../..", false),
            ("a", "/etc/passwd", true),
        ] {
            assert_eq!(leads_out(path, target), out, "{path} → {target}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let file = |path, size| entry(path, Kind::File { size });
        let files =
            [file("data/dumps/a", 600), file("data/dumps/b", 600), file("big.bin", 900), file("src/a", 1)];
        assert_eq!(problem(&files, 5000), None);
        let largest = vec![("data/dumps".to_owned(), 1200), ("big.bin".to_owned(), 900)];
        let Some(Problem::TooLarge { size: 2101, largest: found }) = problem(&files, 2000) else { panic!() };
        assert_eq!(found[..2], largest);
        let link = entry("x/y", Kind::Link { target: "../../z".to_owned() });
        assert!(matches!(problem(&[link], 1), Some(Problem::LeadsOut { .. })));
        assert!(matches!(problem(&[entry("pipe", Kind::Other)], 1), Some(Problem::NoFile { .. })));
    }
}
