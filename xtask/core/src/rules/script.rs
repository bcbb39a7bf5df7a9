//! TypeScript and JavaScript as tokens: as much of the lexical structure as is needed to find imports, variables and requests.
//!
//! A parser would see through more, and is a program of its own that has to be installed. Names and strings look the same to a
//! lexer as long as it knows what is no code: comments, regular expressions, the text between tags. Broken text never fails; it
//! ends in some token. The structure is that of ECMA-262, chapter "Lexical grammar".

use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A name or a keyword.
    Name,
    /// A string in quotes.
    Text,
    /// A string in backticks.
    Template,
    /// A number.
    Number,
    /// A regular expression.
    Pattern,
    /// Any other character.
    Punctuation,
}

/// A piece of a script.
#[derive(Clone, Copy, Debug)]
pub struct Token<'t> {
    /// What it is.
    pub kind: Kind,
    /// Its text, quotes included.
    pub text: &'t str,
    /// The byte at which it begins.
    pub offset: usize,
}

impl<'t> Token<'t> {
    /// Its text, where it is a name.
    pub fn name(&self) -> Option<&'t str> {
        (self.kind == Kind::Name).then_some(self.text)
    }

    /// Whether it is this name or this character.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Name | Kind::Punctuation) && self.text == text
    }

    /// What a string holds; `None` for other tokens, and for a template with code in it.
    pub fn string(&self) -> Option<Cow<'t, str>> {
        let parts = match self.kind {
            Kind::Text => return Some(unescape(inner(self.text))),
            Kind::Template => self.parts(),
            _ => return None,
        };
        match parts.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [Part::Text(text)] => Some(unescape(text)),
            _ => None,
        }
    }

    /// The parts of a template.
    pub fn parts(&self) -> Vec<Part<'t>> {
        let text = inner(self.text);
        let mut parts = Vec::new();
        let (mut start, mut at) = (0, 0);
        while at < text.len() {
            let rest = &text[at..];
            if let Some(escaped) = rest.strip_prefix('\\') {
                at += 1 + escaped.chars().next().map_or(0, char::len_utf8);
            } else if rest.starts_with("${") {
                if start < at {
                    parts.push(Part::Text(&text[start..at]));
                }
                let end = code_end(text, at + 2);
                parts.push(Part::Code { code: &text[at + 2..end], offset: self.offset + 1 + at + 2 });
                at = (end + 1).min(text.len());
                start = at;
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        if start < text.len() {
            parts.push(Part::Text(&text[start..]));
        }
        parts
    }
}

/// A part of a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part<'t> {
    /// Text as it is written.
    Text(&'t str),
    /// `${code}`.
    Code {
        /// What stands between the braces.
        code: &'t str,
        /// The byte of the script at which it begins.
        offset: usize,
    },
}

/// The tokens of a script; those in templates are among them, each template before what is in it.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    lex(text, 0, &mut tokens, 0);
    tokens
}

/// How deeply templates are looked into.
const DEPTH_MAX: usize = 16;

fn lex<'t>(text: &'t str, offset: usize, tokens: &mut Vec<Token<'t>>, depth: usize) {
    let first = tokens.len();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let Some(start) = rest.chars().next() else { return };
        let skipped = skip(rest, start);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        let (kind, length) = token(rest, start, tokens[first..].last());
        let token = Token { kind, text: &rest[..length], offset: offset + at };
        tokens.push(token);
        if kind == Kind::Template && depth < DEPTH_MAX {
            for part in token.parts() {
                if let Part::Code { code, offset } = part {
                    lex(code, offset, tokens, depth + 1);
                }
            }
        }
        at += length;
    }
}

/// The bytes of white space or of a comment.
fn skip(rest: &str, start: char) -> usize {
    if start.is_whitespace() || start == '\u{feff}' {
        return start.len_utf8();
    }
    if rest.starts_with("//") || rest.starts_with("#!") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    match rest.strip_prefix("/*") {
        Some(body) => body.find("*/").map_or(rest.len(), |end| end + 4),
        None => 0,
    }
}

fn token(rest: &str, start: char, last: Option<&Token<'_>>) -> (Kind, usize) {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let span = |rest: &str| rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
    match start {
        '"' | '\'' => match quoted(rest, start) {
            Some(length) => (Kind::Text, length),
            None => (Kind::Punctuation, 1),
        },
        '`' => (Kind::Template, template(rest)),
        '/' => match pattern(rest, last) {
            Some(length) => (Kind::Pattern, length),
            None => (Kind::Punctuation, 1),
        },
        '0'..='9' => {
            let whole = span(rest);
            let fraction =
                rest[whole..].strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            let fraction = fraction.map(span);
            (Kind::Number, whole + fraction.map_or(0, |length| length + 1))
        }
        _ if is_name(start) => (Kind::Name, span(rest)),
        _ => (Kind::Punctuation, start.len_utf8()),
    }
}

/// The length of a string, which ends on its line; an apostrophe in the text between tags begins none.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\n' => return None,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The length of a template, to the end of the text where it is not closed.
fn template(rest: &str) -> usize {
    let mut at = 1;
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with('`') {
            return at + 1;
        }
        if let Some(escaped) = here.strip_prefix('\\') {
            at += 1 + escaped.chars().next().map_or(0, char::len_utf8);
        } else if here.starts_with("${") {
            at = (code_end(rest, at + 2) + 1).min(rest.len());
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Where the code of a template that begins at `start` ends: at its closing brace.
fn code_end(text: &str, start: usize) -> usize {
    let (mut at, mut depth) = (start, 0usize);
    while at < text.len() {
        let here = &text[at..];
        let Some(c) = here.chars().next() else { break };
        match c {
            '}' if depth == 0 => return at,
            '{' => depth += 1,
            '}' => depth -= 1,
            '`' => {
                at += template(here);
                continue;
            }
            '"' | '\'' => {
                at += quoted(here, c).unwrap_or(1);
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    text.len()
}

/// The length of a regular expression; `None` where the slash divides, or closes a tag.
fn pattern(rest: &str, last: Option<&Token<'_>>) -> Option<usize> {
    const KEYWORDS: &[&str] = &["return", "case", "typeof", "in", "of", "void", "delete"];
    let divides = last.is_some_and(|last| match last.kind {
        Kind::Name => !KEYWORDS.contains(&last.text),
        Kind::Punctuation => matches!(last.text, ")" | "]" | "}" | "<"),
        Kind::Text | Kind::Template | Kind::Number | Kind::Pattern => true,
    });
    if divides {
        return None;
    }
    let mut in_class = false;
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\n' => return None,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A string without its quotes, as far as they are there.
fn inner(text: &str) -> &str {
    let Some(quote) = text.chars().next() else { return text };
    let body = &text[quote.len_utf8()..];
    body.strip_suffix(quote).unwrap_or(body)
}

/// A backslash stands for what follows it. Line ends and characters by their number are in no path and in no name.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut own = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        own.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let shown = |token: &Token<'_>| format!("{:?}:{}", token.kind, token.text);
        tokens(text).iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_code_is_told_from_what_is_not() {
        for (text, expected) in [
            ("// a\n/* b */ c", "Name:c"),
            ("#!/usr/bin/env node\na", "Name:a"),
            ("'a\\'b' \"c\"", "Text:'a\\'b' Text:\"c\""),
            (
                "<p>Don't</p>",
                "Punctuation:< Name:p Punctuation:> Name:Don Punctuation:' Name:t Punctuation:< Punctuation:/ Name:p Punctuation:>",
            ),
            ("a / b / c", "Name:a Punctuation:/ Name:b Punctuation:/ Name:c"),
            (
                "x = /[/'\"]\\/y/.test(z)",
                "Name:x Punctuation:= Pattern:/[/'\"]\\/y/ Punctuation:. Name:test Punctuation:( Name:z Punctuation:)",
            ),
            ("1.5 20_000 3.x", "Number:1.5 Number:20_000 Number:3 Punctuation:. Name:x"),
            (
                "`a${b + `c${d}` + '}'}e` f",
                "Template:`a${b + `c${d}` + '}'}e` Name:b Punctuation:+ Template:`c${d}` Name:d Punctuation:+ Text:'}' Name:f",
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn templates_have_parts_with_places() {
        let text = "x(`${base}/nodes/${id(`y`)}?z`)";
        let template = tokens(text)[2];
        let parts = template.parts();
        assert_eq!(parts.len(), 4, "{parts:?}");
        for part in parts {
            match part {
                Part::Text(part) => assert!(["/nodes/", "?z"].contains(&part), "{part}"),
                Part::Code { code, offset } => assert!(text[offset..].starts_with(code), "{code}"),
            }
        }
        assert_eq!(tokens("`plain`")[0].string().as_deref(), Some("plain"));
        assert_eq!(tokens("``")[0].string().as_deref(), Some(""));
        assert_eq!(tokens("'a\\'b'")[0].string().as_deref(), Some("a'b"));
        assert_eq!(template.string(), None);
    }

    #[test]
    fn any_text_ends() {
        let text = "import x from './ä'; const r = /a[/]b\\//g; `t${`u${'}'}`}` <p>it's</p> 1.0 // c\n/* d";
        for (start, _) in text.char_indices() {
            for (end, _) in text.char_indices().filter(|(end, _)| *end >= start) {
                let part = &text[start..end];
                assert!(
                    tokens(part).iter().all(|token| part[token.offset..].starts_with(token.text)),
                    "{part}"
                );
            }
        }
    }
}
