//! What `.dockerignore` lets into a build context: the rules of <https://docs.docker.com/build/concepts/context/#dockerignore-files>.
//!
//! The last pattern that matches a path, or a folder above it, decides. `*` and `?` stop at a slash, `**` does not, `!` lets in
//! again. A pattern always speaks of the context's root; a leading slash changes nothing.

use std::ops::Range;

/// The patterns of a `.dockerignore`.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// A pattern that is none, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: &'static str,
}

#[derive(Clone, Debug)]
struct Pattern {
    lets_in: bool,
    /// The folders before the first wildcard.
    fixed: Vec<String>,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Literal(char),
    /// `?`.
    One,
    /// `*`.
    Some,
    /// `**` at the end, or in front of something that is no slash.
    All,
    /// `**/`: any number of folders, none among them.
    Folders,
    /// `[a-z]`, `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Ignore {
    /// Reads a `.dockerignore`.
    ///
    /// # Errors
    ///
    /// The first pattern that is none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut patterns = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let span = start..start + line.trim_end().len();
            start += line.len();
            // Only a `#` in the first column makes a comment, as docker has it.
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let (lets_in, line) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let clean = clean(line);
            if clean.is_empty() {
                if lets_in {
                    return Err(Malformed { span, message: "`!` lets nothing in" });
                }
                continue;
            }
            let tokens = tokens(&clean).map_err(|message| Malformed { span, message })?;
            let wildcard = |part: &&str| !part.contains(['*', '?', '[', '\\']);
            let fixed = clean.split('/').take_while(wildcard).map(str::to_owned).collect();
            patterns.push(Pattern { lets_in, fixed, tokens });
        }
        Ok(Self { patterns })
    }

    /// Whether a path, its parts joined by `/`, is left out.
    pub fn excludes(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        let prefixes: Vec<&str> = ends.map(|end| &path[..end]).collect();
        let hit = |pattern: &&Pattern| prefixes.iter().any(|prefix| pattern.matches(prefix));
        self.patterns.iter().rev().find(hit).is_some_and(|pattern| !pattern.lets_in)
    }

    /// Whether nothing below a folder can be let in, so that nobody has to look.
    pub fn excludes_all_of(&self, folder: &str) -> bool {
        let below = |pattern: &Pattern| {
            let parts = folder.split('/').zip(&pattern.fixed);
            pattern.lets_in && parts.fold(true, |same, (part, fixed)| same && part == fixed)
        };
        self.excludes(folder) && !self.patterns.iter().any(below)
    }
}

impl Pattern {
    /// Follows all ways through the pattern at once, so that no pattern takes long.
    fn matches(&self, path: &str) -> bool {
        // For each token: may it be entered here, and are we inside of a `**/`?
        let mut states = vec![(false, false); self.tokens.len() + 1];
        self.enter(&mut states, 0);
        for c in path.chars() {
            let mut next = vec![(false, false); states.len()];
            for (position, token) in self.tokens.iter().enumerate() {
                let (fresh, inside) = states[position];
                if !fresh && !inside {
                    continue;
                }
                match token {
                    Token::Folders => {
                        next[position].1 = true;
                        if c == '/' {
                            self.enter(&mut next, position + 1);
                        }
                    }
                    Token::All => self.enter(&mut next, position),
                    Token::Some if c != '/' => self.enter(&mut next, position),
                    _ if token.takes(c) => self.enter(&mut next, position + 1),
                    _ => {}
                }
            }
            states = next;
        }
        states[self.tokens.len()].0
    }

    /// Enters a token, and those behind it where it may be nothing.
    fn enter(&self, states: &mut [(bool, bool)], position: usize) {
        for (state, token) in
            states[position..].iter_mut().zip(self.tokens[position..].iter().map(Some).chain([None]))
        {
            state.0 = true;
            if !matches!(token, Some(Token::Some | Token::All | Token::Folders)) {
                break;
            }
        }
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Literal(literal) => *literal == c,
            Self::One => c != '/',
            Self::Class { negated, ranges } => {
                c != '/' && *negated != ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
            }
            Self::Some | Self::All | Self::Folders => false,
        }
    }
}

/// The path without empty parts, `.` and `..`, as Go's `filepath.Clean` makes it of one below a root.
fn clean(line: &str) -> String {
    let mut parts = Vec::new();
    for part in line.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn tokens(pattern: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                while chars.next_if_eq(&'*').is_some() {}
                if chars.next_if_eq(&'/').is_some() { Token::Folders } else { Token::All }
            }
            '*' => Token::Some,
            '?' => Token::One,
            '\\' => Token::Literal(chars.next().ok_or("a `\\` at the end escapes nothing")?),
            '[' => class(&mut chars).ok_or("a `[` without its `]`")?,
            c => Token::Literal(c),
        });
    }
    Ok(tokens)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges }),
            '\\' => chars.next()?,
            c => c,
        };
        let last = if chars.next_if_eq(&'-').is_some() { chars.next()? } else { first };
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded<'p>(text: &str, paths: &[&'p str]) -> Vec<&'p str> {
        let ignore = Ignore::parse(text).unwrap();
        paths.iter().copied().filter(|path| ignore.excludes(path)).collect()
    }

    /// The table of the documentation, and what it says in words.
    #[test]
    fn patterns_mean_what_the_documentation_says() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("# comment", &["# comment", "comment"], &[]),
            (
                "*/temp*",
                &["somedir/temporary.txt", "somedir/temp", "temp", "a/b/temp"],
                &["somedir/temporary.txt", "somedir/temp"],
            ),
            ("*/*/temp*", &["a/b/temporary.txt", "a/temp", "a/b/c/temp"], &["a/b/temporary.txt"]),
            ("temp?", &["tempa", "tempb", "temp", "tempab", "x/tempa"], &["tempa", "tempb"]),
            ("**/*.go", &["a.go", "a/b.go", "a/b/c.go", "a.goo"], &["a.go", "a/b.go", "a/b/c.go"]),
            ("/foo/bar", &["foo/bar", "foo/bar/baz", "x/foo/bar"], &["foo/bar", "foo/bar/baz"]),
            ("foo/bar", &["foo/bar"], &["foo/bar"]),
            ("*.md\n!README.md", &["README.md", "a.md", "docs/a.md"], &["a.md"]),
            (
                "*.md\n!README*.md\nREADME-secret.md",
                &["README-secret.md", "README-a.md"],
                &["README-secret.md"],
            ),
            ("*.md\nREADME-secret.md\n!README*.md", &["README-secret.md", "a.md"], &["a.md"]),
            (
                "*\n!src\n**/__pycache__",
                &["a", "src", "src/a", "src/b/__pycache__/c"],
                &["a", "src/b/__pycache__/c"],
            ),
            ("a/**", &["a", "a/b", "a/b/c"], &["a/b", "a/b/c"]),
            ("**/a/**/b", &["a/b", "x/a/y/z/b", "ab", "a/xb"], &["a/b", "x/a/y/z/b"]),
            ("a**b", &["ab", "axb", "a/x/b", "b"], &["ab", "axb", "a/x/b"]),
            ("**", &["a", "a/b"], &["a", "a/b"]),
            ("[a-c]x", &["ax", "cx", "dx"], &["ax", "cx"]),
            ("[^a-c]x", &["ax", "dx", "/x"], &["dx"]),
            ("[]]x\n\\*", &["]x", "*", "a"], &["]x", "*"]),
            ("./a/../b//c/", &["b/c", "a"], &["b/c"]),
            ("  a  \r\n\r\n .\n/", &["a", "b"], &["a"]),
            (" # a", &["# a", "a"], &["# a"]),
            ("größe?", &["größe1", "grosse1"], &["größe1"]),
        ];
        for (text, paths, expected) in table {
            assert_eq!(excluded(text, paths), *expected, "{text:?}");
        }
    }

    #[test]
    fn folders_are_skipped_only_where_nothing_in_them_can_come_back() {
        let ignore = Ignore::parse("*\n!src/app\n!docs\nnode_modules").unwrap();
        for (folder, skipped) in
            [("src", false), ("src/app", false), ("src/other", true), ("lib", true), ("node_modules", true)]
        {
            assert_eq!(ignore.excludes_all_of(folder), skipped, "{folder}");
        }
        let anywhere = Ignore::parse("a\n!**/keep").unwrap();
        assert!(!anywhere.excludes_all_of("a"));
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        for (text, span) in [("a\n[b", 2..4), ("!", 0..1), ("x\\", 0..2), ("[a-", 0..3), ("[]", 0..2)] {
            assert_eq!(Ignore::parse(text).unwrap_err().span, span, "{text:?}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = "*a".repeat(60) + "**/".repeat(60).as_str();
        let path = "a".repeat(4000);
        assert!(!Ignore::parse(&format!("{pattern}b")).unwrap().excludes(&path));
    }
}
