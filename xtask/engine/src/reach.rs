//! Where a task may read inside the repository: the fewest paths that hold all it has declared.
//!
//! The kernel's sandbox knows no patterns. It is given files and folders before a command starts, and a folder means whatever
//! is in it, then and later. So a pattern that is a path is given as that path, whether something stands there or not; of any
//! other pattern it is what was seen to match that is given. What is ignored is what the task leaves for itself: it is in reach
//! as well.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::pattern::Pattern;
use super::patterns::{Patterns, fewest};

/// Paths inside the repository that a task may read, with whatever is in those that are folders.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reach {
    /// The paths, relative to the repository's root, sorted; none is inside another. The empty one is the root.
    pub paths: Vec<PathBuf>,
    /// Those declared as folders, whose last word is followed by a slash or by `**`, that the task makes or ignores: they are
    /// made before it runs, because what is not there cannot be given.
    pub folders: Vec<PathBuf>,
}

impl Reach {
    /// Of a task that reads and ignores `inputs`, which were seen to be `manifest`, and makes `outputs`.
    pub fn new(inputs: &Patterns, outputs: &Patterns, manifest: &Manifest) -> Self {
        let own = || inputs.exclude.iter().chain(&outputs.include);
        let whole = inputs.include.iter().chain(own()).filter_map(Pattern::place).map(|names| path(&names));
        let mut reach = Self { paths: fewest(whole.collect()), folders: Vec::new() };
        let folders = own().filter(|pattern| pattern.is_folder()).filter_map(Pattern::place);
        reach.folders = folders.map(|names| path(&names)).collect();
        reach.folders.sort_unstable();
        reach.folders.dedup();
        if inputs.include.iter().any(|pattern| pattern.place().is_none()) {
            let items = manifest.files().iter().filter(|item| !reach.covers(&item.path));
            let mut matching: Vec<PathBuf> = items.filter_map(|item| topmost(inputs, &item.path)).collect();
            matching.append(&mut reach.paths);
            reach.paths = fewest(matching);
        }
        reach
    }

    /// Whether the path is one of these, or inside of one.
    pub fn covers(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.paths.binary_search_by(|own| own.as_path().cmp(above)).is_ok())
    }
}

/// The first folder on the way to `path` that is meant as a whole, or the file itself.
fn topmost(inputs: &Patterns, path: &Path) -> Option<PathBuf> {
    let names: Vec<&[u8]> = path.iter().map(OsStrExt::as_bytes).collect();
    let included = |length: &usize| inputs.includes(&names[..*length]);
    (1..=names.len()).find(included).map(|length| self::path(&names[..length]))
}

fn path(names: &[&[u8]]) -> PathBuf {
    names.iter().map(|name| OsStr::from_bytes(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{Content, Item};
    use super::*;

    fn patterns(include: &[&str], exclude: &[&str]) -> Patterns {
        let parse = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        Patterns { include: parse(include), exclude: parse(exclude) }
    }

    fn manifest(paths: &[&str]) -> Manifest {
        let item = |path: &&str| Item { path: path.into(), content: Content::Folder { mode: 0o755 } };
        Manifest::new(paths.iter().map(item).collect())
    }

    #[track_caller]
    fn check(inputs: (&[&str], &[&str]), makes: &[&str], seen: &[&str], paths: &[&str], folders: &[&str]) {
        let reach = Reach::new(&patterns(inputs.0, inputs.1), &patterns(makes, &[]), &manifest(seen));
        let owned = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!((reach.paths, reach.folders), (owned(paths), owned(folders)));
    }

    #[test]
    fn it_is_the_fewest_paths_that_hold_what_is_declared() {
        // A folder is one path, with what is ignored in it, and whether it stands there or not.
        check((&["a", "a/b", "a-b", "c/d.x"], &["**/cache"]), &[], &["a/1"], &["a", "a-b", "c/d.x"], &[]);
        check((&["in/**", "a/"], &[]), &[], &["in/1", "in/2"], &["a", "in"], &[]);
        // Of what is no path, what was seen; a folder that matches, as a whole.
        check(
            (&["d/*.md", "**/fix"], &[]),
            &[],
            &["d/a.md", "x/fix/1", "x/fix/2"],
            &["d/a.md", "x/fix"],
            &[],
        );
        check((&["a", "**/*.c"], &[]), &[], &["a/1.c", "b/1.c"], &["a", "b/1.c"], &[]);
        check((&["*"], &["t"]), &[], &["a/1", "b"], &["a", "b", "t"], &[]);
        check((&["**"], &[]), &[], &["a/1", "b"], &[""], &[]);
        // What it makes and leaves; folders that are known to be folders are made for it.
        check(
            (&["a"], &["target/", "t/**", "u"]),
            &["out/", "log", "s/*.x"],
            &[],
            &["a", "log", "out", "t", "target", "u"],
            &["out", "t", "target"],
        );
        check((&["a/", "b/**"], &[]), &[], &[], &["a", "b"], &[]);
    }

    #[test]
    fn it_covers_what_is_inside() {
        let reach = Reach::new(&patterns(&["a", "b/c"], &[]), &patterns(&[], &[]), &manifest(&[]));
        for path in ["a", "a/x/y", "b/c", "b/c/d"] {
            assert!(reach.covers(Path::new(path)), "{path}");
        }
        for path in ["ab", "b", "b/cd", ""] {
            assert!(!reach.covers(Path::new(path)), "{path}");
        }
    }
}
