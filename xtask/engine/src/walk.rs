//! Which files a set of patterns means, and what stands there: the decisions of a walk; the file system is looked at by others.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::digest::Digest;
use super::manifest::{Content, Item, Manifest};
use super::patterns::{Descent, Patterns, Verdict};
use super::stat::{Kind, Stat};

/// Why a walk could not go on, in the words of whoever looked.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How exact a look is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// At what a task reads. Of permissions counts whether a file can be executed, as git knows it: what else there is differs
    /// between machines. A folder is empty where nothing in it counts.
    Inputs,
    /// At what it makes. All permissions count, and a folder is empty where nothing is in it.
    Outputs,
}

/// A file system. Paths are relative to its root; no link is followed.
pub trait Files {
    /// What stands at a path, if anything does.
    fn at(&mut self, path: &Path) -> Result<Option<Stat>, Failure>;

    /// What is in a folder, in any order, of the names that are meant, with what was said of each.
    fn list(
        &mut self,
        folder: &Path,
        meant: &mut dyn FnMut(&OsStr) -> Option<Verdict>,
    ) -> Result<Vec<(OsString, Verdict, Stat)>, Failure>;

    /// The digest of a file.
    fn digest(&mut self, path: &Path, stat: &Stat) -> Result<Digest, Failure>;

    /// Where a link leads, as it is written.
    fn target(&mut self, path: &Path) -> Result<PathBuf, Failure>;
}

/// Which paths are links, as far as walks at one moment have asked: what many patterns begin with is looked at once.
#[derive(Debug, Default)]
pub struct Links(Mutex<HashMap<PathBuf, bool>>);

impl Links {
    fn is_link(&self, path: &Path, files: &mut dyn Files) -> Result<bool, Failure> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&is_link) = known().get(path) {
            return Ok(is_link);
        }
        let is_link = files.at(path)?.is_some_and(|stat| stat.kind() == Kind::Link);
        known().insert(path.to_owned(), is_link);
        Ok(is_link)
    }
}

/// What a walk has found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Walked {
    /// The files and what stands there.
    pub manifest: Manifest,
    /// What tells the state of each from another, in the order of the manifest. Two walks with the same manifest and the same
    /// states have seen the same, and nothing has been written in between, not even what was there before.
    pub stats: Vec<Stat>,
}

/// Looks for the files that the patterns mean.
///
/// # Errors
///
/// Those of `files`.
pub fn walk(
    patterns: &Patterns,
    mode: Mode,
    links: &Links,
    files: &mut dyn Files,
) -> Result<Walked, Failure> {
    let mut walk = Walk { patterns, mode, files, found: Vec::new() };
    // What is found in their order, each by the names in order, is in order.
    for place in &patterns.places() {
        walk.start(place, links)?;
    }
    let (items, stats) = walk.found.into_iter().unzip();
    Ok(Walked { manifest: Manifest::of_sorted(items), stats })
}

struct Walk<'w> {
    patterns: &'w Patterns,
    mode: Mode,
    files: &'w mut dyn Files,
    found: Vec<(Item, Stat)>,
}

impl Walk<'_> {
    /// Looks at a path that a pattern begins with, or at the whole repository where that is empty.
    fn start(&mut self, path: &Path, links: &Links) -> Result<(), Failure> {
        let root = Descent::new(self.patterns);
        let Some(last) = path.file_name() else {
            return self.folder(&root, path).map(drop);
        };
        let above = path.parent().into_iter().flatten().map(OsStrExt::as_bytes);
        let Some(descent) = root.follow(above) else { return Ok(()) };
        // What is behind a link is not in the repository by this name: a task that reads it declares where it really is.
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            if links.is_link(folder, self.files)? {
                return Ok(());
            }
        }
        match self.files.at(path)? {
            Some(stat) => {
                let (name, verdict) = (last.as_bytes(), descent.judge(last.as_bytes()));
                self.item(&descent, name, verdict, path.to_owned(), &stat).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Looks at what stands at a path, a name in the folder that the descent has reached, of which it has said `verdict`. Returns
    /// whether anything of it is meant.
    fn item(
        &mut self,
        descent: &Descent<'_>,
        name: &[u8],
        verdict: Verdict,
        path: PathBuf,
        stat: &Stat,
    ) -> Result<bool, Failure> {
        if verdict == Verdict::Excluded {
            return Ok(false);
        }
        let included = verdict == Verdict::Included;
        let mode = self.mode_of(stat);
        if stat.kind() == Kind::Folder {
            let filled = self.folder(&descent.enter(name, verdict), &path)?;
            if included && !filled {
                self.found.push((Item { path, content: Content::Folder { mode } }, *stat));
                return Ok(true);
            }
            return Ok(filled);
        }
        if !included {
            return Ok(false);
        }
        let content = match stat.kind() {
            Kind::Link => Content::Link { target: self.files.target(&path)? },
            Kind::File => {
                let digest = self.files.digest(&path, stat)?;
                Content::File { mode, digest, size: stat.size }
            }
            Kind::Folder | Kind::Other => return Ok(true),
        };
        self.found.push((Item { path, content }, *stat));
        Ok(true)
    }

    /// Looks at what is in a folder that the descent has reached. Returns whether anything in it is meant.
    fn folder(&mut self, descent: &Descent<'_>, path: &Path) -> Result<bool, Failure> {
        let mut is_all = true;
        let mut meant = |name: &OsStr| match descent.judge(name.as_bytes()) {
            Verdict::Excluded => {
                is_all = false;
                None
            }
            verdict => Some(verdict),
        };
        let mut entries = self.files.list(path, &mut meant)?;
        entries.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        // Who takes away what a task has made would take an empty folder with all that another one has made in it since.
        let mut filled = self.mode == Mode::Outputs && !is_all;
        for (name, verdict, stat) in &entries {
            filled |= self.item(descent, name.as_bytes(), *verdict, joined(path, name), stat)?;
        }
        Ok(filled)
    }

    fn mode_of(&self, stat: &Stat) -> u32 {
        let mode = stat.mode;
        match self.mode {
            Mode::Outputs => mode & 0o7777,
            Mode::Inputs if stat.kind() == Kind::Folder || mode & 0o100 != 0 => 0o755,
            Mode::Inputs => 0o644,
        }
    }
}

/// The path of a name in a folder, made at once: there is one for each file.
fn joined(folder: &Path, name: &OsStr) -> PathBuf {
    let mut path = PathBuf::with_capacity(folder.as_os_str().len() + 1 + name.len());
    path.push(folder);
    path.push(name);
    path
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::pattern::Pattern;
    use super::*;

    fn stat(kind: Kind) -> Stat {
        let mode = match kind {
            Kind::File => 0o100_644,
            Kind::Link => 0o120_777,
            Kind::Folder => 0o040_755,
            Kind::Other => 0o010_644,
        };
        let stat = Stat { size: 1, modified: 0, changed: 0, inode: 0, device: 0, mode };
        assert_eq!(stat.kind(), kind);
        stat
    }

    /// Files and links by path, folders by what is in them; counts how often it was asked for a path.
    #[derive(Default)]
    struct Memory {
        paths: BTreeMap<PathBuf, Kind>,
        asked: BTreeMap<PathBuf, usize>,
    }

    impl Memory {
        fn new(paths: &[&str]) -> Self {
            let mut memory = Self::default();
            for path in paths {
                let (path, kind) = match (path.strip_suffix('@'), path.strip_suffix('/')) {
                    (Some(link), _) => (link, Kind::Link),
                    (None, Some(folder)) => (folder, Kind::Folder),
                    (None, None) => (*path, Kind::File),
                };
                for above in Path::new(path).ancestors().skip(1) {
                    memory.paths.entry(above.to_owned()).or_insert(Kind::Folder);
                }
                memory.paths.insert(path.into(), kind);
            }
            memory
        }
    }

    impl Files for Memory {
        fn at(&mut self, path: &Path) -> Result<Option<Stat>, Failure> {
            *self.asked.entry(path.to_owned()).or_default() += 1;
            Ok(self.paths.get(path).copied().map(stat))
        }

        fn list(
            &mut self,
            folder: &Path,
            meant: &mut dyn FnMut(&OsStr) -> Option<Verdict>,
        ) -> Result<Vec<(OsString, Verdict, Stat)>, Failure> {
            let inside = self.paths.iter().filter(|(path, _)| path.parent() == Some(folder));
            let named = inside.filter_map(|(path, &kind)| Some((path.file_name()?, kind)));
            let mut listed: Vec<_> =
                named.filter_map(|(name, kind)| Some((name.to_owned(), meant(name)?, stat(kind)))).collect();
            listed.reverse();
            Ok(listed)
        }

        fn digest(&mut self, path: &Path, _: &Stat) -> Result<Digest, Failure> {
            if path.ends_with("unreadable") {
                return Err("not allowed".into());
            }
            Ok(Digest::of(path.as_os_str().as_bytes()))
        }

        fn target(&mut self, _: &Path) -> Result<PathBuf, Failure> {
            Ok("elsewhere".into())
        }
    }

    fn seen(files: &mut Memory, include: &[&str], exclude: &[&str]) -> String {
        seen_by(Mode::Inputs, files, include, exclude)
    }

    fn seen_by(mode: Mode, files: &mut Memory, include: &[&str], exclude: &[&str]) -> String {
        let parse = |patterns: &[&str]| patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        let patterns = Patterns { include: parse(include), exclude: parse(exclude) };
        let walked = walk(&patterns, mode, &Links::default(), files).unwrap();
        assert_eq!(walked.stats.len(), walked.manifest.files().len(), "one state each");
        let again = Manifest::new(walked.manifest.files().to_vec());
        assert_eq!(again, walked.manifest, "sorted, and no path twice");
        let paths = walked.manifest.files().iter().map(|item| item.path.display().to_string());
        paths.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_walk_goes_by_the_names_and_not_by_the_bytes_of_paths() {
        // `!` and `-` come before `/`, `0` after it: sorted as text, these would stand elsewhere.
        let files = &mut Memory::new(&["a/b/c", "a/b-c", "a/b!/x", "a/b0", "a!", "a-b/y", "a/b/!"]);
        assert_eq!(seen(files, &["**"], &[]), "a/b/! a/b/c a/b!/x a/b-c a/b0 a! a-b/y");
        assert_eq!(seen(files, &["a"], &[]), "a/b/! a/b/c a/b!/x a/b-c a/b0");
        assert_eq!(seen(files, &["a/b0", "a/b", "a/*"], &[]), "a/b/! a/b/c a/b!/x a/b-c a/b0");
        assert_eq!(
            seen(files, &["a-b", "a/b-c", "a!", "a/b/!", "a/b", "a/b0"], &[]),
            "a/b/! a/b/c a/b-c a/b0 a! a-b/y"
        );
    }

    #[test]
    fn what_is_left_out_is_not_looked_at() {
        let files = &mut Memory::new(&["src/a", "src/cache/unreadable", "src/empty/", "src/cache/x"]);
        assert_eq!(seen(files, &["src"], &["src/cache"]), "src/a src/empty");
    }

    #[test]
    fn a_folder_with_what_another_task_makes_is_no_empty_one_of_this_one() {
        let files =
            &mut Memory::new(&["out/a", "out/api/core/x", "out/api/none/", "out/both/core/", "out/core/x"]);
        let spared = &["out/*/core", "out/core"];
        assert_eq!(seen_by(Mode::Outputs, files, &["out"], spared), "out/a out/api/none");
        assert_eq!(
            seen_by(Mode::Outputs, files, &["out"], &["out/*/core", "out/core", "out/api/none"]),
            "out/a"
        );
        assert_eq!(seen(files, &["out"], spared), "out/a out/api/none out/both");
    }

    #[test]
    fn what_is_behind_a_link_has_another_name() {
        let files = &mut Memory::new(&["real/a", "real/down@", "link@", "link/a"]);
        assert_eq!(seen(files, &["link/a", "real"], &[]), "real/a real/down");
        assert_eq!(seen(files, &["link"], &[]), "link");
    }

    #[test]
    fn what_many_patterns_begin_with_is_looked_at_once() {
        let files = &mut Memory::new(&["packages/a/src/x", "packages/a/out", "packages/b/out"]);
        let links = Links::default();
        for text in ["packages/a/src", "packages/a/out", "packages/b/out"] {
            let patterns = Patterns::from(Pattern::parse(text).unwrap());
            walk(&patterns, Mode::Outputs, &links, files).unwrap();
        }
        assert_eq!((files.asked[Path::new("packages")], files.asked[Path::new("packages/a")]), (1, 1));
    }

    #[test]
    fn a_failure_is_in_the_words_of_whoever_looked() {
        let files = &mut Memory::new(&["src/unreadable"]);
        let patterns = Patterns { include: vec![Pattern::parse("src").unwrap()], exclude: Vec::new() };
        let failure = walk(&patterns, Mode::Outputs, &Links::default(), files).unwrap_err();
        assert_eq!(failure.to_string(), "not allowed");
    }
}
