//! The variables that a script reads: `process.env.NAME`, and `env.NAME` of whatever is called so.
//!
//! A function whose first parameter is used as the name, `env[name]`, reads what it is called with; a second argument is then
//! the default. Behind `??` and `||` stands a default as well, and what is only compared need not be there. What `import.meta`
//! has is put in when a bundle is built, and is no variable of a process.

use super::Read;
use crate::diagnostic::position;
use crate::finding::Location;
use crate::rules::TextFile;
use crate::rules::script::{Kind, Token, tokens};

/// The variables that a script reads, in the order of the text.
pub fn reads(file: TextFile<'_>) -> Vec<Read> {
    let tokens = tokens(file.text);
    let mut reads = Vec::new();
    let mut readers: Vec<&str> = Vec::new();
    for index in 0..tokens.len() {
        if !tokens[index].is("env") || is_of_import(&tokens[..index]) {
            continue;
        }
        let Some((name, end)) = member(&tokens, index) else { continue };
        match name {
            Name::Literal(token, name) => reads.push(Read {
                name,
                is_required: is_required(&tokens[end..]),
                default: number(&tokens[end..], &["?", "?"]).or_else(|| number(&tokens[end..], &["|", "|"])),
                location: place(file, token),
            }),
            Name::Parameter(parameter) => readers.extend(reader(&tokens[..index], parameter)),
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let is_call = token.name().is_some_and(|name| readers.contains(&name))
            && tokens.get(index + 1).is_some_and(|next| next.is("("));
        let named = tokens.get(index + 2).filter(|named| is_call && named.kind == Kind::Text);
        let Some((named, name)) = named.and_then(|named| Some((named, named.string()?))) else { continue };
        let has_default = tokens.get(index + 3).is_some_and(|next| next.is(","));
        let default = tokens.get(index + 4).filter(|_| has_default).and_then(as_number);
        reads.push(Read {
            name: name.into_owned(),
            is_required: !has_default,
            default,
            location: place(file, named),
        });
    }
    reads.sort_by(|one, other| one.location.cmp(&other.location));
    reads
}

enum Name<'a, 't> {
    Literal(&'a Token<'t>, String),
    Parameter(&'t str),
}

/// `env.NAME`, `env?.NAME`, `env['NAME']`, `env[name]` at `index`: the name, and where the expression ends.
fn member<'a, 't>(tokens: &'a [Token<'t>], index: usize) -> Option<(Name<'a, 't>, usize)> {
    let mut at = index + 1;
    if tokens.get(at)?.is("?") && tokens.get(at + 1)?.is(".") {
        at += 1;
    }
    if tokens.get(at)?.is(".") && !tokens.get(at + 1)?.is("[") {
        let token = tokens.get(at + 1)?;
        let name = token.name().filter(|name| is_variable(name))?;
        return Some((Name::Literal(token, name.to_owned()), at + 2));
    }
    if tokens.get(at)?.is(".") {
        at += 1;
    }
    let inner = tokens.get(at + 1).filter(|_| tokens[at].is("["))?;
    if !tokens.get(at + 2)?.is("]") {
        return None;
    }
    match inner.name() {
        Some(name) => Some((Name::Parameter(name), at + 3)),
        None => Some((
            Name::Literal(inner, inner.string().filter(|name| is_variable(name))?.into_owned()),
            at + 3,
        )),
    }
}

fn is_variable(name: &str) -> bool {
    let well = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.chars().all(well)
}

/// Whether `import.meta.` stands before.
fn is_of_import(before: &[Token<'_>]) -> bool {
    matches!(before, [.., import, dot, meta, last] if import.is("import") && dot.is(".") && meta.is("meta") && last.is("."))
}

/// Whether the value is used as it is: neither replaced by a default nor only compared.
fn is_required(behind: &[Token<'_>]) -> bool {
    let is = |signs: &[&str]| {
        behind.iter().zip(signs).all(|(token, sign)| token.is(sign)) && behind.len() >= signs.len()
    };
    !(is(&["?", "?"]) || is(&["|", "|"]) || is(&["=", "="]) || is(&["!", "="]) || is(&["?", "."]))
}

/// The number behind these signs.
fn number(behind: &[Token<'_>], signs: &[&str]) -> Option<u64> {
    let is = behind.iter().zip(signs).all(|(token, sign)| token.is(sign));
    behind.get(signs.len()).filter(|_| is).and_then(as_number)
}

fn as_number(token: &Token<'_>) -> Option<u64> {
    match token.kind {
        Kind::Number => token.text.replace('_', "").parse().ok(),
        _ => token.string()?.parse().ok(),
    }
}

/// The function around, whose first parameter is `parameter`: `function integer(name: string, …`, `integer = (name, …`.
fn reader<'t>(before: &[Token<'t>], parameter: &str) -> Option<&'t str> {
    let starts = |index: &usize| {
        let at = |offset: usize| before.get(index + offset);
        at(0).is_some_and(|token| token.name().is_some())
            && at(1).is_some_and(|token| token.is("(") || token.is("="))
            && before[index + 1..]
                .iter()
                .find(|token| !token.is("=") && !token.is("("))
                .is_some_and(|token| token.is(parameter))
    };
    let index = (0..before.len()).rev().find(starts)?;
    before[index].name()
}

fn place(file: TextFile<'_>, token: &Token<'_>) -> Location {
    let (line, column) = position(file.text, token.offset);
    Location::at(file.path, u32::try_from(line).ok(), u32::try_from(column).ok())
}
