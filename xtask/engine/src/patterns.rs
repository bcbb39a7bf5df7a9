//! Sets of patterns, and the way down a tree with one: of each pattern only what is left to match below the folder that was
//! reached, so that a name costs as much as there are patterns that still may match, however deep it stands.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::pattern::{Pattern, Word};

/// Patterns, and patterns of what is left out of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Patterns {
    /// What is meant.
    pub include: Vec<Pattern>,
    /// What is not, although it is part of something that is.
    pub exclude: Vec<Pattern>,
}

/// What a set of patterns says of a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is meant, and everything below it, but for what is left out.
    Included,
    /// It is not, but something below it may be.
    Below,
    /// Neither it nor anything below it.
    Excluded,
}

/// Patterns as they look from inside of a folder.
#[derive(Clone, Debug)]
pub struct Descent<'p> {
    include: Vec<Left<'p>>,
    exclude: Vec<Left<'p>>,
    /// Whether the folder is meant as a whole.
    included: bool,
}

/// What is left of a pattern: one word at least.
#[derive(Clone, Copy, Debug)]
struct Left<'p> {
    /// Which pattern it is: one may be left in several ways.
    pattern: usize,
    words: &'p [Word],
}

impl From<Pattern> for Patterns {
    fn from(pattern: Pattern) -> Self {
        Self { include: vec![pattern], exclude: Vec::new() }
    }
}

impl Patterns {
    /// Where that is which they mean: the paths that one of them begins with, in order, and none below another. The empty path is
    /// the root.
    pub fn places(&self) -> Vec<PathBuf> {
        let begins = |pattern: &Pattern| pattern.prefix().into_iter().map(OsStr::from_bytes).collect();
        fewest(self.include.iter().map(begins).collect())
    }

    /// What is to be made of a path, whose names these are. What is in a folder that is left out is left out.
    pub fn judge(&self, path: &[&[u8]]) -> Verdict {
        let Some((last, above)) = path.split_last() else { return Verdict::Below };
        let folder = Descent::new(self).follow(above.iter().copied());
        folder.map_or(Verdict::Excluded, |folder| folder.judge(last))
    }

    /// Whether the path is meant, or is in a folder that is.
    pub fn includes(&self, path: &[&[u8]]) -> bool {
        self.judge(path) == Verdict::Included
    }
}

impl<'p> Descent<'p> {
    /// From the root.
    pub fn new(patterns: &'p Patterns) -> Self {
        Self { include: whole(&patterns.include), exclude: whole(&patterns.exclude), included: false }
    }

    /// What is to be made of a name in the folder.
    pub fn judge(&self, name: &[u8]) -> Verdict {
        let mut goes_on = false;
        if self.exclude.iter().any(|left| left.step(name, &mut |_| {})) {
            Verdict::Excluded
        } else if self.included || self.include.iter().any(|left| left.step(name, &mut |_| goes_on = true)) {
            Verdict::Included
        } else if goes_on {
            Verdict::Below
        } else {
            Verdict::Excluded
        }
    }

    /// The same from inside of a folder some names further down; `None` where that is left out.
    pub fn follow<'n>(mut self, names: impl IntoIterator<Item = &'n [u8]>) -> Option<Self> {
        for name in names {
            self = match self.judge(name) {
                Verdict::Excluded => return None,
                verdict => self.enter(name, verdict),
            };
        }
        Some(self)
    }

    /// The same from inside of a folder in this one, of which `verdict` was given.
    pub fn enter(&self, name: &[u8], verdict: Verdict) -> Self {
        let included = self.included || verdict == Verdict::Included;
        let include = if included { Vec::new() } else { below(&self.include, name) };
        Self { include, exclude: below(&self.exclude, name), included }
    }
}

/// The paths in order, without those that are inside another one.
pub(super) fn fewest(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    // A folder comes right before all that is in it.
    paths.sort_unstable();
    paths.dedup_by(|below, above| below.starts_with(above));
    paths
}

fn whole(patterns: &[Pattern]) -> Vec<Left<'_>> {
    patterns.iter().enumerate().map(|(pattern, of)| Left { pattern, words: of.words() }).collect()
}

fn below<'p>(patterns: &[Left<'p>], name: &[u8]) -> Vec<Left<'p>> {
    let mut found: Vec<Left<'p>> = Vec::with_capacity(patterns.len());
    for left in patterns {
        left.step(name, &mut |next| {
            let same = |other: &&Left<'p>| other.pattern == next.pattern;
            let mut known = found.iter().rev().take_while(same);
            if !known.any(|other| other.words.len() == next.words.len()) {
                found.push(next);
            }
        });
    }
    found
}

impl Left<'_> {
    /// Whether it ends with this name; what is left of it below is given away.
    fn step(&self, name: &[u8], rest: &mut impl FnMut(Self)) -> bool {
        let Some((word, words)) = self.words.split_first() else { return false };
        let next = Self { words, ..*self };
        if *word == Word::Folders {
            rest(*self);
            return words.is_empty() || next.step(name, rest);
        }
        if !word.matches(name) {
            return false;
        }
        if !words.is_empty() {
            rest(next);
        }
        words.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a pattern means, by its definition.
    fn matches(words: &[Word], path: &[&[u8]]) -> bool {
        match (words.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((Word::Folders, [])), _) => !path.is_empty(),
            (Some((Word::Folders, rest)), _) => (0..=path.len()).any(|skip| matches(rest, &path[skip..])),
            (Some((word, rest)), Some((name, below))) => word.matches(name) && matches(rest, below),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether a pattern can match below a folder, by its definition.
    fn reaches(words: &[Word], folder: &[&[u8]]) -> bool {
        match (words.split_first(), folder.split_first()) {
            (Some((Word::Folders, _)), _) | (Some(_), None) => true,
            (Some((word, rest)), Some((name, below))) => word.matches(name) && reaches(rest, below),
            (None, _) => false,
        }
    }

    fn judged(patterns: &Patterns, path: &[&[u8]]) -> Verdict {
        let any = |set: &[Pattern], of: fn(&[Word], &[&[u8]]) -> bool, path: &[&[u8]]| {
            set.iter().any(|pattern| of(pattern.words(), path))
        };
        let prefixes = || (1..=path.len()).map(|length| &path[..length]);
        if prefixes().any(|path| any(&patterns.exclude, matches, path)) {
            Verdict::Excluded
        } else if prefixes().any(|path| any(&patterns.include, matches, path)) {
            Verdict::Included
        } else if any(&patterns.include, reaches, path) {
            Verdict::Below
        } else {
            Verdict::Excluded
        }
    }

    /// Every pattern of up to four of these words, alone and beside another one, over every path of up to four names.
    #[test]
    fn a_step_at_a_time_says_what_the_whole_path_says() {
        let words = ["a", "b", "*", "**"];
        let paths: Vec<Vec<&[u8]>> = sequences(&[b"a".as_slice(), b"b"]);
        let parse = |words: &Vec<&str>| Pattern::parse(&words.join("/")).unwrap();
        let all: Vec<Pattern> = sequences(&words).iter().map(parse).collect();
        let mut seen = [0; 3];
        for (position, pattern) in all.iter().enumerate() {
            let other = || all[(position * 7 + 3) % all.len()].clone();
            for patterns in [
                Patterns::from(pattern.clone()),
                Patterns { include: vec![pattern.clone(), other()], exclude: Vec::new() },
                Patterns { include: vec![other()], exclude: vec![pattern.clone()] },
            ] {
                for path in &paths {
                    let expected = judged(&patterns, path);
                    assert_eq!(patterns.judge(path), expected, "{patterns:?} {path:?}");
                    seen[expected as usize] += 1;
                }
            }
        }
        assert!(seen.iter().all(|&count| count > 1000), "each verdict, many times: {seen:?}");
    }

    /// All sequences of one to four of these.
    fn sequences<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
        let mut all: Vec<Vec<T>> = vec![Vec::new()];
        let mut from = 0;
        for _ in 0..4 {
            let to = all.len();
            for position in from..to {
                let longer = of.iter().map(|&one| [&all[position][..], &[one]].concat());
                all.extend(longer.collect::<Vec<_>>());
            }
            from = to;
        }
        all.split_off(1)
    }

    fn names(path: &str) -> Vec<&[u8]> {
        path.split('/').map(str::as_bytes).collect()
    }

    #[test]
    fn a_folder_means_what_is_in_it_but_for_what_is_left_out() {
        let parse = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        let patterns = Patterns {
            include: parse(&["backend", "docs/*.md", "**/Cargo.toml"]),
            exclude: parse(&["**/__pycache__", "backend/docs/build"]),
        };
        for path in ["backend/a.py", "backend/docs/x/y.rst", "docs/a.md", "Cargo.toml", "x/y/Cargo.toml"] {
            assert!(patterns.includes(&names(path)), "{path}");
        }
        for path in ["backend/__pycache__/a.pyc", "backend/docs/build/x", "docs/a/b.md", "README.md", "x"] {
            assert!(!patterns.includes(&names(path)), "{path}");
        }
        assert_eq!(patterns.judge(&names("docs")), Verdict::Below);
        assert_eq!(patterns.judge(&names("backend/docs/build")), Verdict::Excluded);
        let narrow = Patterns { include: parse(&["a/b/*.c"]), exclude: Vec::new() };
        assert_eq!(narrow.judge(&names("a")), Verdict::Below);
        assert_eq!(narrow.judge(&names("b")), Verdict::Excluded);
        assert_eq!(narrow.judge(&names("a/b/c")), Verdict::Excluded);
        assert_eq!(narrow.include[0].prefix(), [b"a", b"b"]);
    }

    #[test]
    fn what_is_left_of_a_hostile_pattern_does_not_grow() {
        let text = format!("{}x", "**/a/".repeat(30));
        let patterns = Patterns::from(Pattern::parse(&text).unwrap());
        let mut descent = Descent::new(&patterns);
        for _ in 0..1000 {
            descent = descent.enter(b"a", Verdict::Below);
            assert!(descent.include.len() <= 61, "{}", descent.include.len());
        }
        assert_eq!(descent.judge(b"x"), Verdict::Included);
    }
}
