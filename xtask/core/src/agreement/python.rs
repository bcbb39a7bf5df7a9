//! The variables that Python reads: `os.environ["NAME"]`, `os.getenv("NAME")`, and the fields of pydantic's `BaseSettings`.
//!
//! A field's variable is its name behind the class's `env_prefix`, in capitals, or what `alias` or `validation_alias` says
//! (`docs.pydantic.dev/latest/concepts/pydantic_settings`). A field without a default is required. Expressions are looked at as
//! they are written; a name that is put together while the program runs is not found.

use super::Read;
use crate::finding::Location;
use crate::rules::TextFile;

/// The variables that a module reads, in the order of the text.
pub fn reads(file: TextFile<'_>) -> Vec<Read> {
    let lines = logical_lines(file.text);
    let mut reads = Vec::new();
    for line in &lines {
        reads.extend(of_environment(file, line));
    }
    for (index, line) in lines.iter().enumerate() {
        let is_settings = line.text.starts_with("class ") && line.text.contains("(BaseSettings");
        if line.indent == 0 && is_settings {
            let body: Vec<&Line> = lines[index + 1..].iter().take_while(|line| line.indent > 0).collect();
            reads.extend(of_settings(file, &body));
        }
    }
    reads.sort_by(|one, other| one.location.cmp(&other.location));
    reads
}

/// A statement, however many lines it is written on; without comments.
struct Line {
    /// The number of its first line.
    number: usize,
    /// How far it is indented.
    indent: usize,
    text: String,
}

/// The statements of a module. An unclosed bracket or string ends with the text.
fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut number, mut depth) = (1, 0usize);
    let mut current = Line { number: 1, indent: 0, text: String::new() };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '#' => length = rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => {
                length = string_length(rest, c);
                current.text.push_str(&rest[..length]);
            }
            '\\' if rest[1..].starts_with('\n') => length = 2,
            '\n' if depth == 0 => {
                if !current.text.trim().is_empty() {
                    lines.push(current);
                }
                current = Line { number: number + 1, indent: 0, text: String::new() };
            }
            ' ' | '\t' if current.text.is_empty() => current.indent += 1,
            _ => {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                current.text.push(if c == '\n' { ' ' } else { c });
            }
        }
        number += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    if !current.text.trim().is_empty() {
        lines.push(current);
    }
    lines
}

/// The bytes of a string that begins here, in one quote or in three.
fn string_length(text: &str, quote: char) -> usize {
    let triple = quote.to_string().repeat(3);
    let (end, start) = if text.starts_with(&triple) { (triple, 3) } else { (quote.to_string(), 1) };
    let mut at = start;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(&end) {
            return at + end.len();
        }
        if end.len() == 1 && rest.starts_with('\n') {
            return at;
        }
        let mut chars = rest.chars();
        at += match chars.next() {
            Some('\\') => 1 + chars.next().map_or(0, char::len_utf8),
            Some(c) => c.len_utf8(),
            None => break,
        };
    }
    text.len()
}

fn of_environment(file: TextFile<'_>, line: &Line) -> Vec<Read> {
    let mut reads = Vec::new();
    for (call, is_required) in [("environ[", true), ("environ.get(", false), ("getenv(", false)] {
        for (at, _) in line.text.match_indices(call) {
            let Some(name) = literal(&line.text[at + call.len()..]) else { continue };
            let default = line.text[at + call.len()..].split_once(',').and_then(|(_, rest)| number(rest));
            reads.push(Read { name, is_required, default, location: place(file, line) });
        }
    }
    reads
}

fn of_settings(file: TextFile<'_>, body: &[&Line]) -> Vec<Read> {
    let prefix = body
        .iter()
        .find(|line| line.text.starts_with("model_config") || line.text.starts_with("env_prefix"))
        .and_then(|line| argument(&line.text, "env_prefix"))
        .and_then(literal)
        .unwrap_or_default();
    let depth = body.iter().map(|line| line.indent).min().unwrap_or_default();
    let fields = body.iter().filter(|line| line.indent == depth);
    fields.filter_map(|line| field(file, line, &prefix)).collect()
}

/// `name: Annotation = value` as the variable that sets it.
fn field(file: TextFile<'_>, line: &Line, prefix: &str) -> Option<Read> {
    let (name, rest) = line.text.split_once(':')?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with('_');
    if !is_name || name.is_empty() || rest.trim_start().starts_with("ClassVar") || name == "model_config" {
        return None;
    }
    let value = top_level(rest, '=').map(|at| rest[at + 1..].trim());
    let given = |key: &str| value.and_then(|value| argument(value, key));
    let alias = given("validation_alias").or_else(|| given("alias")).and_then(literal);
    let (is_required, default) = match value {
        None => (true, None),
        Some(value) if value.starts_with("Field(") => {
            let first = value["Field(".len()..].trim_start();
            let keyed = given("default").or_else(|| given("default_factory"));
            let positional = Some(first).filter(|_| top_level_argument_is_plain(first));
            match keyed.or(positional) {
                Some(default) if !default.starts_with("...") => (false, number(default)),
                _ => (true, None),
            }
        }
        Some(value) => (value.starts_with("..."), number(value)),
    };
    let name = alias.unwrap_or_else(|| format!("{prefix}{name}").to_uppercase());
    Some(Read { name, is_required, default, location: place(file, line) })
}

/// Whether the first argument of a call has no key: `1, ge=0` and not `ge=0`.
fn top_level_argument_is_plain(arguments: &str) -> bool {
    let end = [top_level(arguments, ','), top_level(arguments, ')')].into_iter().flatten().min();
    let first = &arguments[..end.unwrap_or(arguments.len())];
    !first.trim().is_empty() && top_level(first, '=').is_none()
}

/// The first `wanted` that stands in no bracket and in no string, and is no part of `==`, `<=` and the like.
fn top_level(text: &str, wanted: char) -> Option<usize> {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '"' | '\'' => {
                at += string_length(&text[at..], c);
                continue;
            }
            _ if c == wanted && depth == 0 => {
                let is_comparison =
                    text[at + 1..].starts_with('=') || text[..at].ends_with(['=', '!', '<', '>']);
                if c != '=' || !is_comparison {
                    return Some(at);
                }
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += c.len_utf8();
    }
    None
}

/// What stands behind `key=` in a call.
fn argument<'t>(call: &'t str, key: &str) -> Option<&'t str> {
    let found = call.match_indices(key).find(|(at, _)| {
        let starts = call[..*at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        starts && call[at + key.len()..].trim_start().starts_with('=')
    })?;
    let behind = call[found.0 + key.len()..].trim_start();
    Some(behind[1..].trim_start())
}

/// The string that a text begins with.
fn literal(text: &str) -> Option<String> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let length = string_length(text, quote);
    text.get(1..length.checked_sub(1)?).map(str::to_owned)
}

/// The whole number that a text begins with, in quotes or not.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_start().trim_start_matches(['"', '\'']);
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(text.len());
    text[..end].replace('_', "").parse().ok()
}

fn place(file: TextFile<'_>, line: &Line) -> Location {
    Location::at(file.path, u32::try_from(line.number).ok(), u32::try_from(line.indent + 1).ok())
}
