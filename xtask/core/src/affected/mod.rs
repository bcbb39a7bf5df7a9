//! Which tasks a change concerns: what git says has changed, and the tasks that read or make any of it, or wait for one that
//! does.
//!
//! Whatever is not understood concerns everything: a task too many costs time, one too few hides a failure.

use crate::fingerprint::patterns::{Patterns, Verdict};
use crate::graph::Graph;

mod event;

pub use event::{Since, since};

/// The mode of a submodule in a tree of git (git-fast-import(1)).
const SUBMODULE: &str = "160000";

/// Something that has changed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Changed {
    /// Its path, relative to the repository.
    pub path: String,
    /// Whether it is a repository of its own, of which git does not say what in it has changed.
    pub is_repository: bool,
}

impl Changed {
    /// Whether the name is whole: it holds nothing that stands for bytes that were no UTF-8, or for a secret.
    pub fn is_legible(&self) -> bool {
        !self.path.contains('\u{fffd}') && !self.path.contains("***")
    }

    /// Whether it is, or may hold, something that the patterns mean.
    pub fn is_among(&self, patterns: &Patterns) -> bool {
        let names: Vec<&[u8]> = self.path.split('/').map(str::as_bytes).collect();
        match patterns.judge(&names) {
            Verdict::Included => true,
            Verdict::Below => self.is_repository,
            Verdict::Excluded => false,
        }
    }

    /// Whether it is at this path, or in the folder there.
    pub fn is_at(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// What `git diff --raw -z --no-renames` says (git-diff(1), RAW OUTPUT FORMAT); `None` where that is something else.
pub fn read_diff(text: &str) -> Option<Vec<Changed>> {
    let mut words = text.split_terminator('\0');
    let mut changed = Vec::new();
    while let Some(state) = words.next() {
        let [before, now, _, _, _] = state.strip_prefix(':')?.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        let path = words.next()?.to_owned();
        changed.push(Changed { path, is_repository: [before, now].contains(&SUBMODULE) });
    }
    Some(changed)
}

/// What `git ls-files --others -z` says. A repository in the repository that is no submodule ends with `/`.
pub fn read_untracked(text: &str) -> Vec<Changed> {
    let changed = |path: &str| match path.strip_suffix('/') {
        Some(path) => Changed { path: path.to_owned(), is_repository: true },
        None => Changed { path: path.to_owned(), is_repository: false },
    };
    text.split_terminator('\0').map(changed).collect()
}

/// The tasks that are concerned, by position: those that are so themselves, and all that wait for one of them.
pub fn with_dependents(graph: &Graph, mut concerned: Vec<bool>) -> Vec<bool> {
    for &task in graph.order() {
        concerned[task] |= graph.dependencies(task).iter().any(|&other| concerned[other]);
    }
    concerned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::pattern::Pattern;

    fn changed(path: &str, is_repository: bool) -> Changed {
        Changed { path: path.to_owned(), is_repository }
    }

    #[test]
    fn what_git_says_is_read() {
        let text = ":100644 100644 bcd1234 0000000 M\0a b/ü\0:160000 160000 a1 a2 M\0sub\0:000000 100755 0 1 A\0new\n\0";
        let expected = vec![changed("a b/ü", false), changed("sub", true), changed("new\n", false)];
        assert_eq!(read_diff(text), Some(expected));
        assert_eq!(read_diff(""), Some(Vec::new()));
        for wrong in ["x\0", ":1 2 3 4\0a\0", ":1 2 3 4 M\0", "::100644 100644 0 0 R100 x\0a\0"] {
            assert_eq!(read_diff(wrong), None, "{wrong:?}");
        }
        assert_eq!(read_untracked("a\0b/\0"), [changed("a", false), changed("b", true)]);
    }

    #[test]
    fn a_change_is_among_what_a_pattern_means() {
        let patterns = |include: &[&str], exclude: &[&str]| Patterns {
            include: include.iter().map(|text| Pattern::parse(text).unwrap()).collect(),
            exclude: exclude.iter().map(|text| Pattern::parse(text).unwrap()).collect(),
        };
        let set = patterns(&["in", "docs/**/*.md"], &["**/target", "in/not"]);
        let cases = [
            ("in", false, true),
            ("in/deep/file", false, true),
            ("inner", false, false),
            ("in/not/file", false, false),
            ("in/target/x", false, false),
            ("docs/a.md", false, true),
            ("docs/a.txt", false, false),
            // A repository of its own may hold what is meant, wherever that could be in it.
            ("docs/theirs", true, true),
            ("docs", true, true),
            ("other", true, false),
            ("in/not", true, false),
            ("docs/theirs", false, false),
        ];
        for (path, is_repository, expected) in cases {
            assert_eq!(changed(path, is_repository).is_among(&set), expected, "{path} {is_repository}");
        }
        assert!(!changed("a\u{fffd}", false).is_legible() && !changed("a***", false).is_legible());
        assert!(
            changed("a/b", false).is_at("a")
                && changed("a", false).is_at("a")
                && !changed("ab", false).is_at("a")
        );
    }
}
