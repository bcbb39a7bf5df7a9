//! Which files are meant: a pattern of paths.
//!
//! A pattern is a path relative to the repository's root whose words may hold `*` (anything), `?` (one character) and `[a-z]`
//! or `[!a-z]` (one of these, none of these); the word `**` stands for any number of folders, none included. A pattern that
//! matches a folder means everything in it. What a version control system ignores is of no concern here: a file that a task
//! reads counts, whoever ignores it.

use std::fmt;

/// A pattern of paths.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: String,
    words: Vec<Word>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// `**`
    Folders,
    /// A name as it is.
    Plain(Vec<u8>),
    /// A name with `*`, `?` or `[…]` in it.
    Wild(Vec<Piece>),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    Any,
    One,
    Byte(u8),
    /// Ranges, and whether they are those that do not match.
    Class(Vec<(u8, u8)>, bool),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// It is empty, or the whole repository, or begins with `/`.
    #[error("`{0}` is no path inside of the repository")]
    NotInside(String),
    /// It has a word `.`, `..` or none between two slashes.
    #[error("`{pattern}` has a word `{word}`, which no path has")]
    Word {
        /// The pattern.
        pattern: String,
        /// The word.
        word: String,
    },
    /// A `[` without its `]`.
    #[error("`{0}` has a `[` without its `]`")]
    Unclosed(String),
}

impl Pattern {
    /// The pattern that `text` writes.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        if trimmed.is_empty() || trimmed.starts_with('/') {
            return Err(PatternError::NotInside(text.to_owned()));
        }
        let word = |word: &str| match word {
            "" | "." | ".." => Err(PatternError::Word { pattern: text.to_owned(), word: word.to_owned() }),
            "**" => Ok(Word::Folders),
            _ if word.contains(['*', '?', '[']) => {
                pieces(word.as_bytes()).map(Word::Wild).ok_or_else(|| PatternError::Unclosed(text.to_owned()))
            }
            _ => Ok(Word::Plain(word.as_bytes().to_vec())),
        };
        // As many as there are: each task has some patterns.
        let mut words = Vec::with_capacity(1 + trimmed.matches('/').count());
        for text in trimmed.split('/') {
            words.push(word(text)?);
        }
        Ok(Self { text: text.to_owned(), words })
    }

    /// The patterns that `texts` write.
    ///
    /// # Errors
    ///
    /// That of the first one that is none.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, PatternError> {
        let mut patterns = Vec::with_capacity(texts.len());
        for text in texts {
            patterns.push(Self::parse(text)?);
        }
        Ok(patterns)
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// The names that every path that it matches begins with.
    pub fn prefix(&self) -> Vec<&[u8]> {
        self.words
            .iter()
            .map_while(|word| match word {
                Word::Plain(name) => Some(name.as_slice()),
                Word::Folders | Word::Wild(_) => None,
            })
            .collect()
    }

    /// The names of the one path that it means with everything in it, where it means one: `a/b`, `a/b/`, `a/b/**`.
    pub fn place(&self) -> Option<Vec<&[u8]>> {
        let prefix = self.prefix();
        self.words[prefix.len()..].iter().all(|word| *word == Word::Folders).then_some(prefix)
    }

    /// Whether what it means can only be in a folder: it ends with `/` or `**`.
    pub fn is_folder(&self) -> bool {
        self.text.ends_with('/') || self.words.last() == Some(&Word::Folders)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn pieces(word: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        pieces.push(match byte {
            b'*' => Piece::Any,
            b'?' => Piece::One,
            b'[' => {
                let negated = rest.first().is_some_and(|byte| matches!(byte, b'!' | b'^'));
                let body = &rest[usize::from(negated)..];
                // A `]` right at the start is one of the characters.
                let end = 1 + body.get(1..)?.iter().position(|&byte| byte == b']')?;
                rest = &body[end + 1..];
                Piece::Class(ranges(&body[..end]), negated)
            }
            byte => Piece::Byte(byte),
        });
    }
    Some(pieces)
}

fn ranges(body: &[u8]) -> Vec<(u8, u8)> {
    let mut ranges = Vec::new();
    let mut rest = body;
    while let Some((&first, after)) = rest.split_first() {
        (rest, ranges) = match after {
            [b'-', last, after @ ..] => (after, [ranges, vec![(first, *last)]].concat()),
            _ => (after, [ranges, vec![(first, first)]].concat()),
        };
    }
    ranges
}

impl Word {
    /// Whether it stands for this name.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Folders => true,
            Self::Plain(plain) => plain == name,
            Self::Wild(pieces) => matches_pieces(pieces, name),
        }
    }
}

/// Greedy, with one step back to the last `*`: no pattern takes more than pieces × length.
fn matches_pieces(pieces: &[Piece], name: &[u8]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < name.len() {
        match pieces.get(piece) {
            Some(Piece::Any) => {
                back = Some((piece, at));
                piece += 1;
            }
            Some(one) if let Some(length) = one.takes(&name[at..]) => {
                piece += 1;
                at += length;
            }
            _ => match back {
                Some((any, from)) => {
                    back = Some((any, from + 1));
                    piece = any + 1;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    pieces[piece..].iter().all(|piece| *piece == Piece::Any)
}

impl Piece {
    /// How many bytes of the rest it takes.
    fn takes(&self, rest: &[u8]) -> Option<usize> {
        let &first = rest.first()?;
        match self {
            Self::Any => None,
            Self::Byte(byte) => (*byte == first).then_some(1),
            // A character, not a byte, where the name is UTF-8.
            Self::One => Some(character(rest)),
            Self::Class(ranges, negated) => {
                let found = ranges.iter().any(|(from, to)| (*from..=*to).contains(&first));
                (found != *negated).then(|| if *negated { character(rest) } else { 1 })
            }
        }
    }
}

fn character(bytes: &[u8]) -> usize {
    1 + bytes[1..].iter().take(3).take_while(|byte| bytes[0] >= 0xc0 && (0x80..0xc0).contains(*byte)).count()
}

#[cfg(test)]
mod tests {
    use super::super::patterns::{Descent, Patterns, Verdict};
    use super::*;

    fn names(path: &str) -> Vec<&[u8]> {
        path.split('/').map(str::as_bytes).collect()
    }

    /// Whether it means the path itself, whatever it says of the folders that the path is in.
    fn matches(pattern: &Pattern, path: &str) -> bool {
        let patterns = Patterns::from(pattern.clone());
        let (names, mut descent) = (names(path), Descent::new(&patterns));
        let (last, above) = names.split_last().unwrap();
        for name in above {
            descent = descent.enter(name, Verdict::Below);
        }
        descent.judge(last) == Verdict::Included
    }

    #[test]
    fn patterns_match_whole_paths() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("a/b", &["a/b"], &["a", "a/b/c", "a/bb", "b"]),
            ("a/*.py", &["a/x.py", "a/.py"], &["a/x.pyc", "a/b/x.py", "x.py"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "b/a"]),
            ("**/c", &["c", "a/c", "a/b/c"], &["a/cc", "c/a"]),
            ("a/**/c", &["a/c", "a/b/c", "a/b/b/c"], &["a", "c", "a/c/d"]),
            ("x?", &["xa", "xß"], &["x", "xab"]),
            ("[a-c]1", &["a1", "c1"], &["d1", "-1", "a"]),
            ("[!a-c]1", &["d1", "ß1"], &["a1", "1"]),
            ("[]x]", &["]", "x"], &["[", ""]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a", "b"]),
            ("Cargo.toml/", &["Cargo.toml"], &["Cargo.toml/x"]),
        ];
        for (pattern, matching, others) in table {
            let pattern = Pattern::parse(pattern).unwrap();
            for path in *matching {
                assert!(matches(&pattern, path), "{pattern} {path}");
            }
            for path in *others {
                assert!(!matches(&pattern, path), "{pattern} {path}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        let message = |text: &str| Pattern::parse(text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(message(""), "`` is no path inside of the repository");
        assert_eq!(message("/etc"), "`/etc` is no path inside of the repository");
        assert_eq!(message("a/../b"), "`a/../b` has a word `..`, which no path has");
        assert_eq!(message("a//b"), "`a//b` has a word ``, which no path has");
        for text in ["[", "a[b", "[!", "[]", "[!]"] {
            assert_eq!(message(text), format!("`{text}` has a `[` without its `]`"));
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = Pattern::parse(&format!("{}b", "*a".repeat(40))).unwrap();
        assert!(!matches(&pattern, &"a".repeat(4000)));
    }
}
