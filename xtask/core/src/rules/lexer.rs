//! Rust text as tokens: as much of the language's lexical structure as is needed to find the paths that code names.
//!
//! A parser would see through more, and would cost every first run some seconds of compiling it. Paths look the same to a
//! lexer as long as it knows what is no code: comments, literals, lifetimes. Broken text never fails; it ends in some token.
//! The structure is that of the Rust Reference, chapter "Lexical structure".

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A raw name (`r#type`), which is never a keyword. Its text is without the `r#`.
    RawName,
    /// `'a`.
    Lifetime,
    /// A string, character or number.
    Literal,
    /// `::`.
    PathSeparator,
    /// Any other character.
    Punctuation,
}

/// A piece of Rust.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    /// What it is.
    pub(super) kind: Kind,
    /// Its text.
    pub(super) text: &'t str,
    /// The byte at which it begins.
    pub(super) offset: usize,
}

impl<'t> Token<'t> {
    /// Its text, where it is a name.
    pub(super) fn name(&self) -> Option<&'t str> {
        matches!(self.kind, Kind::Name | Kind::RawName).then_some(self.text)
    }

    /// Whether it is this keyword.
    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        self.kind == Kind::Name && self.text == keyword
    }

    /// Whether it is this character.
    pub(super) fn is(&self, punctuation: &str) -> bool {
        self.kind == Kind::Punctuation && self.text == punctuation
    }
}

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, position: 0 };
    lexer.skip_start();
    std::iter::from_fn(|| lexer.next()).collect()
}

struct Lexer<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    /// Skips a byte order mark and the line for a Unix loader.
    fn skip_start(&mut self) {
        if self.rest().starts_with('\u{feff}') {
            self.position = '\u{feff}'.len_utf8();
        }
        if self.rest().starts_with("#!") && !self.rest()[2..].trim_start().starts_with('[') {
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        self.position += memchr::memchr(b'\n', self.rest().as_bytes()).unwrap_or(self.rest().len());
    }

    fn next(&mut self) -> Option<Token<'t>> {
        self.skip_space();
        let offset = self.position;
        let first = self.rest().chars().next()?;
        let kind = match first {
            '"' => self.string(1),
            '\'' => self.quote(),
            '0'..='9' => self.number(),
            _ if is_name_start(first) => return Some(self.word(offset)),
            ':' if self.rest().starts_with("::") => {
                self.position += 2;
                Kind::PathSeparator
            }
            _ => {
                self.position += first.len_utf8();
                Kind::Punctuation
            }
        };
        Some(Token { kind, text: &self.text[offset..self.position], offset })
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            self.position += rest.len() - rest.trim_start().len();
            if self.rest().starts_with("//") {
                self.skip_line();
            } else if self.rest().starts_with("/*") {
                self.skip_comment();
            } else {
                return;
            }
        }
    }

    /// Comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0usize;
        let bytes = self.text.as_bytes();
        while self.position < bytes.len() {
            match &bytes[self.position..] {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.position += 2;
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    self.position += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.position += 1,
            }
        }
    }

    /// A string whose opening quote ends `prefix` bytes from here.
    fn string(&mut self, prefix: usize) -> Kind {
        self.position += prefix;
        self.escaped(b'"')
    }

    /// Goes behind the next `end` that no backslash stands before.
    fn escaped(&mut self, end: u8) -> Kind {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.position) {
            self.position += 1;
            if byte == end {
                break;
            }
            if byte == b'\\' {
                self.position += self.rest().chars().next().map_or(0, char::len_utf8);
            }
        }
        Kind::Literal
    }

    /// A raw string whose hashes begin `prefix` bytes from here; nothing happens where there is none.
    fn raw_string(&mut self, prefix: usize) -> Option<Kind> {
        let behind = &self.rest()[prefix..];
        let hashes = behind.len() - behind.trim_start_matches('#').len();
        let body = behind[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |found| found + end.len());
        self.position = self.text.len() - body.len() + length;
        Some(Kind::Literal)
    }

    /// A character or a lifetime: `'a'` is one, `'a` the other.
    fn quote(&mut self) -> Kind {
        self.position += 1;
        let mut chars = self.rest().chars();
        match (chars.next(), chars.next()) {
            (Some('\\'), _) => self.escaped(b'\''),
            (Some(character), Some('\'')) => {
                self.position += character.len_utf8() + 1;
                Kind::Literal
            }
            (Some(first), _) if is_name_start(first) => {
                self.skip_name();
                Kind::Lifetime
            }
            _ => Kind::Punctuation,
        }
    }

    /// A number with its suffix. The dot of `1.max(2)` and the dots of `1..2` are no part of it.
    fn number(&mut self) -> Kind {
        self.skip_name();
        let mut chars = self.rest().chars();
        if chars.next() == Some('.') && chars.next().is_some_and(|next| next.is_ascii_digit()) {
            self.position += 1;
            self.skip_name();
        }
        Kind::Literal
    }

    /// A name, or a literal that begins with letters: `b'x'`, `r#"…"#`, `c"…"`.
    fn word(&mut self, offset: usize) -> Token<'t> {
        self.skip_name();
        let word = &self.text[offset..self.position];
        let next = self.rest().as_bytes().first();
        let kind = match (word, next) {
            ("b" | "c", Some(b'"')) => Some(self.string(1)),
            ("b", Some(b'\'')) => Some(self.quote()),
            ("r" | "br" | "cr", Some(b'"' | b'#')) => self.raw_string(0),
            _ => None,
        };
        if let Some(kind) = kind {
            return Token { kind, text: &self.text[offset..self.position], offset };
        }
        if word == "r" && self.rest().strip_prefix('#').is_some_and(|name| name.starts_with(is_name_start)) {
            self.position += 1;
            let start = self.position;
            self.skip_name();
            return Token { kind: Kind::RawName, text: &self.text[start..self.position], offset };
        }
        Token { kind: Kind::Name, text: word, offset }
    }

    fn skip_name(&mut self) {
        let rest = self.rest();
        self.position += rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).iter().map(|token| (token.kind, token.text)).collect()
    }

    fn names(text: &str) -> Vec<&str> {
        tokens(text).iter().filter_map(Token::name).collect()
    }

    #[test]
    fn what_is_no_code_has_no_names() {
        for text in [
            "// a::b",
            "/// a::b\n//! c\n",
            "/* a /* b */ c */",
            "/* never closed /* a */",
            "\"a::b \\\" c\"",
            "\"never closed",
            "\"ends in a backslash \\",
            "b\"a\" c\"b\" br\"c\" cr\"d\"",
            "r\"a\\\" r#\"a \" b\"# br##\"a \"# b\"##",
            "r#\"never closed\"",
            "'a' '\\'' '\\u{1F600}' b'x' '\"' 'ä' '日'",
            "'a: 'static '_",
            "0xff 1_000u32 1.5e3 1e-5 0b1 1.",
            "#!/usr/bin/env a\n",
            "\u{feff}// a",
        ] {
            assert_eq!(names(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_code_has_its_names() {
        for (text, expected) in [
            ("a/* b */c // d\ne", vec!["a", "c", "e"]),
            ("r#type r b br", vec!["type", "r", "b", "br"]),
            ("'a' b 'c d 'e' f", vec!["b", "d", "f"]),
            ("f('\"') g \"'\" h", vec!["f", "g", "h"]),
            ("1.max(2) 1..n x.0.y", vec!["max", "n", "x", "y"]),
            ("r#\"\"# a r##\"\"#\"## b", vec!["a", "b"]),
            ("größe::日本", vec!["größe", "日本"]),
            ("\"\\\\\" a", vec!["a"]),
            ("#![cfg(test)] a", vec!["cfg", "test", "a"]),
            ("<'a, T: 'a>", vec!["T"]),
            ("b'\\'' a", vec!["a"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn separators_are_one_token() {
        use Kind::{Name, PathSeparator, Punctuation};
        let expected = [(Name, "a"), (PathSeparator, "::"), (Name, "b"), (Punctuation, ":"), (Name, "c")];
        assert_eq!(texts("a :: b : c"), expected);
    }

    #[test]
    fn any_text_ends() {
        let text = "use a::{b as c, d::*}; fn f<'a>(x: &'a str) -> char { r#\"ä\"#; b'\\x00'; '\\''; /* /* */ */ 1.0 }";
        for (start, _) in text.char_indices() {
            for (end, _) in text.char_indices().filter(|(end, _)| *end >= start) {
                let part = &text[start..end];
                assert!(tokens(part).iter().all(|token| part[token.offset..].contains(token.text)), "{part}");
            }
        }
    }
}
