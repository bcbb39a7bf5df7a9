//! `${NAME}` in manifests, filled in without ever being able to change what the manifest is.
//!
//! A variable is filled into the value that YAML has already read, not into the text before it is read. So nothing in a
//! value (a quote, a `: `, a line end) can add a key or end a string, and a value is never expanded again. What filling
//! in the text would have changed silently is an error: where a bare value would read as a number or a word such as
//! `yes`, the manifest has to say whether a text or a number is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};
use crate::suggest;

/// What stands for `$`, `{` and `}` of a variable while YAML reads the text: YAML gives `{` and `}` a meaning of their
/// own, but none to these characters of the private-use area.
const DOLLAR: char = '\u{e000}';
const OPEN: char = '\u{e001}';
const CLOSE: char = '\u{e002}';

/// The values that templates are filled with, and which of them were used so far.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    origin: PathBuf,
    values: BTreeMap<String, String>,
    places: BTreeMap<String, Place>,
    used: BTreeSet<String>,
}

impl Variables {
    /// Values by name. `origin` says where they come from and stands where a file's name would in a diagnostic.
    pub fn new(
        origin: impl Into<PathBuf>,
        values: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { origin: origin.into(), values, places: BTreeMap::new(), used: BTreeSet::new() }
    }

    /// Says where values are stated, so that one that nobody asks for can be shown there.
    pub fn at(mut self, places: impl IntoIterator<Item = (String, Place)>) -> Self {
        self.places.extend(places);
        self
    }

    /// A problem for each value that no template read so far asks for.
    pub fn unused(&self) -> Vec<Diagnostic> {
        let mut text = String::new();
        let mut spans = Vec::new();
        for (name, value) in &self.values {
            spans.push((name, text.len()..text.len() + name.len()));
            // Writing into a String cannot fail.
            let _infallible = writeln!(text, "{name}={}", value.escape_debug());
        }
        let text: Arc<str> = text.into();
        let unused = spans.into_iter().filter(|(name, _)| !self.used.contains(*name));
        unused
            .map(|(name, span)| {
                let message = format!("no template uses `{name}`");
                let problem = match self.places.get(name) {
                    Some(place) => place.diagnostic(message),
                    None => Diagnostic::new(&self.origin, Arc::clone(&text), span, message),
                };
                match suggest::nearest(name, self.used.iter().map(String::as_str)) {
                    Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                    None => problem.help("leave it out, or use it"),
                }
            })
            .collect()
    }

    /// The value of `name`, or what is wrong with it and what to do.
    fn value(&mut self, name: &str) -> Result<&str, (String, Option<String>)> {
        self.used.insert(name.to_owned());
        match self.values.get(name) {
            Some(value) if value.is_empty() => Err((format!("`{name}` is empty"), None)),
            Some(value) => Ok(value),
            None => {
                let nearest = suggest::nearest(name, self.values.keys().map(String::as_str));
                let help = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
                Err((format!("`{name}` is not defined"), help))
            }
        }
    }
}

/// The text with stand-ins, character by character, so that the n-th character of both is at the same place.
///
/// # Errors
///
/// The byte span of a character that is needed as a stand-in.
pub(super) fn conceal(text: &str) -> Result<String, Range<usize>> {
    let taken = |c: char| matches!(c, DOLLAR | OPEN | CLOSE);
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| taken(c)) {
        return Err(at..at + c.len_utf8());
    }
    let mut concealed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        concealed.push_str(&rest[..at]);
        concealed.push(DOLLAR);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            concealed.push(DOLLAR);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            concealed.push(OPEN);
            rest = after;
            let end = rest.find(['}', '$', '\n', '"', '\'']).filter(|&end| rest[end..].starts_with('}'));
            if let Some(end) = end {
                concealed.push_str(&rest[..end]);
                concealed.push(CLOSE);
                rest = &rest[end + 1..];
            }
        }
    }
    concealed.push_str(rest);
    Ok(concealed)
}

/// `concealed` with its own characters again.
pub(super) fn reveal(concealed: &str) -> String {
    let own = |c| match c {
        DOLLAR => '$',
        OPEN => '{',
        CLOSE => '}',
        c => c,
    };
    concealed.chars().map(own).collect()
}

/// A part of a scalar of a template.
#[derive(Debug, Eq, PartialEq)]
enum Piece {
    Text(char),
    /// `$$`.
    Dollar,
    Variable(String),
    /// What is wrong, and what to do.
    Wrong(String, &'static str),
}

/// The parts of `concealed`, with the character where each starts and how many characters it is long.
fn pieces(concealed: &[char]) -> Vec<(Range<usize>, Piece)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(&c) = concealed.get(at) {
        let rest = &concealed[at..];
        let (length, piece) = match (c, rest.get(1).copied()) {
            (DOLLAR, Some(DOLLAR)) => (2, Piece::Dollar),
            (DOLLAR, Some(OPEN)) => variable(rest),
            (DOLLAR, _) => (
                1,
                Piece::Wrong("a lone `$`".to_owned(), "write `${NAME}` for a variable, `$$` for a dollar"),
            ),
            _ => (1, Piece::Text(c)),
        };
        pieces.push((at..at + length, piece));
        at += length;
    }
    pieces
}

/// The variable that `rest` begins with, with its length.
fn variable(rest: &[char]) -> (usize, Piece) {
    let end = rest.iter().skip(2).position(|&c| matches!(c, CLOSE | DOLLAR)).map(|end| end + 2);
    let Some(end) = end.filter(|&end| rest[end] == CLOSE) else {
        return (2, Piece::Wrong("`${` without `}`".to_owned(), "end the variable: `${NAME}`"));
    };
    let name: String = rest[2..end].iter().collect();
    let starts_well = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    if starts_well && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
        return (end + 1, Piece::Variable(name));
    }
    let message = format!("`{}` is no name for a variable", reveal(&name));
    (end + 1, Piece::Wrong(message, "a name is capital letters, digits and `_`, as in `${IMAGE_TAG}`"))
}

/// What filling in made of a scalar.
pub(super) struct Filled {
    /// The text.
    pub(super) text: String,
    /// The variables in it.
    pub(super) variables: Vec<String>,
}

/// A problem in a scalar: which of its characters, what is wrong, what to do.
pub(super) type Problem = (Range<usize>, String, Option<String>);

/// Fills the scalar that YAML read as `value`. `source` is how it is written, quotes included: places are found in it.
pub(super) fn fill(
    value: &str,
    source: &[char],
    variables: &mut Variables,
    problems: &mut Vec<Problem>,
) -> Filled {
    for (span, piece) in pieces(source) {
        match piece {
            Piece::Text(_) | Piece::Dollar => {}
            Piece::Variable(name) => {
                if let Err((message, help)) = variables.value(&name) {
                    problems.push((span, message, help));
                }
            }
            Piece::Wrong(message, help) => problems.push((span, message, Some(help.to_owned()))),
        }
    }
    let value: Vec<char> = value.chars().collect();
    let stand_ins = |text: &[char]| text.iter().filter(|c| matches!(**c, DOLLAR | OPEN | CLOSE)).count();
    if stand_ins(&value) != stand_ins(source) {
        let message = "a template cannot hold the characters U+E000 to U+E002, escaped or not".to_owned();
        problems.push((0..source.len(), message, None));
    }
    let mut filled = Filled { text: String::new(), variables: Vec::new() };
    for (_, piece) in pieces(&value) {
        match piece {
            Piece::Text(c) => filled.text.push(c),
            Piece::Dollar => filled.text.push('$'),
            Piece::Variable(name) => {
                filled.text.push_str(variables.value(&name).unwrap_or_default());
                filled.variables.push(name);
            }
            Piece::Wrong(..) => {}
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_text(text: &str) -> Result<String, Vec<Problem>> {
        let mut variables =
            Variables::new("given", [("A", "1"), ("B_2", "${A}$$"), ("EMPTY", ""), ("VERSION", "v")]);
        let concealed = conceal(text).unwrap();
        let mut problems = Vec::new();
        let source: Vec<char> = concealed.chars().collect();
        let filled = fill(&concealed, &source, &mut variables, &mut problems);
        if problems.is_empty() { Ok(filled.text) } else { Err(problems) }
    }

    #[test]
    fn variables_are_filled_in_once() {
        for (text, filled) in [
            ("", ""),
            ("größe", "größe"),
            ("${A}", "1"),
            ("x${A}${A}y", "x11y"),
            ("${B_2}", "${A}$$"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$$$${A}$$${A}", "$${A}$1"),
            ("{}", "{}"),
        ] {
            assert_eq!(fill_text(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_named_where_it_stands() {
        for (text, span, message) in [
            ("größe $HOME", 6..7, "a lone `$`"),
            ("5 $", 2..3, "a lone `$`"),
            ("x ${A", 2..4, "`${` without `}`"),
            ("${}", 0..3, "`` is no name for a variable"),
            ("${a}", 0..4, "`a` is no name for a variable"),
            ("${1A}", 0..5, "`1A` is no name for a variable"),
            ("${A:-x}", 0..7, "`A:-x` is no name for a variable"),
            ("${VERSIN}", 0..9, "`VERSIN` is not defined"),
            ("a${EMPTY}", 1..9, "`EMPTY` is empty"),
        ] {
            let problems = fill_text(text).unwrap_err();
            let [(at, found, _)] = problems.as_slice() else { panic!("{text}: {problems:?}") };
            assert_eq!((at, found.as_str()), (&span, message), "{text}");
        }
    }

    #[test]
    fn a_character_that_reads_like_a_variable_is_refused() {
        let source: Vec<char> = conceal("\"\\uE000{A}${A}\"").unwrap().chars().collect();
        let value = conceal("${A}").unwrap();
        let mut problems = Vec::new();
        let mut variables = Variables::new("given", [("A", "1")]);
        fill(&format!("{DOLLAR}{{A}}{value}"), &source, &mut variables, &mut problems);
        let said: Vec<_> = problems.into_iter().map(|(_, message, _)| message).collect();
        assert_eq!(said, ["a template cannot hold the characters U+E000 to U+E002, escaped or not"]);
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let problems = fill_text("${VERSIN} ${ZEBRA}").unwrap_err();
        assert_eq!(problems[0].2.as_deref(), Some("did you mean `VERSION`?"));
        assert_eq!(problems[1].2, None);
    }

    #[test]
    fn concealing_keeps_every_character_at_its_place() {
        for text in ["a: ${A}\n", "ü$${x} ${\"} ${A\n} $", "{}$", "${${A}}"] {
            let concealed = conceal(text).unwrap();
            assert_eq!(concealed.chars().count(), text.chars().count());
            assert!(!concealed.contains('$'));
            assert_eq!(reveal(&concealed), text);
        }
        assert_eq!(conceal("ü\u{e001}"), Err(2..5));
    }

    #[test]
    fn a_value_that_nobody_asks_for_is_named() {
        let mut variables = Variables::new("--set", [("VERSON", "1\n2"), ("A", "x"), ("ZEBRA", "z")]);
        let concealed = conceal("${VERSION}${A}").unwrap();
        let source: Vec<char> = concealed.chars().collect();
        fill(&concealed, &source, &mut variables, &mut Vec::new());
        let unused = variables.unused();
        let said: Vec<_> =
            unused.iter().map(|p| (p.position(), p.message.as_str(), p.help.as_deref())).collect();
        assert_eq!(
            said,
            [
                ((2, 1), "no template uses `VERSON`", Some("did you mean `VERSION`?")),
                ((3, 1), "no template uses `ZEBRA`", Some("leave it out, or use it")),
            ]
        );
    }
}
