//! The imports of Python files.

use std::collections::BTreeSet;
use std::path::Path;

use super::Import;

/// What a file imports, in the order of the lines. A name out of a module (`from a import b`) is given as `a.b`, for `b` may be
/// a module; what is relative keeps its dots: `..a.b`.
pub fn imports(text: &str) -> Vec<Import> {
    let mut found = Vec::new();
    // The blocks around a line: how far they are indented, and whether what is in them is optional.
    let mut blocks: Vec<(usize, bool)> = Vec::new();
    for Statement { line, indent, text } in statements(text) {
        blocks.retain(|(outer, _)| *outer < indent);
        let head = text.trim_end();
        if head.ends_with(':') && !head.starts_with("import ") {
            let optional =
                head.starts_with("try") || head.starts_with("except") || head.contains("TYPE_CHECKING");
            blocks.push((indent, optional));
            continue;
        }
        let is_optional = blocks.iter().any(|(_, optional)| *optional);
        let mut push = |name: String| {
            found.push(Import { name, line, is_immediate: blocks.is_empty(), is_optional });
        };
        if let Some(modules) = head.strip_prefix("import ") {
            modules.split(',').filter_map(first_word).for_each(|module| push(module.to_owned()));
        } else if let Some((module, names)) = head
            .strip_prefix("from ")
            .and_then(|rest| rest.split_once(" import").or(rest.split_once("import")))
        {
            let module = module.trim();
            let joint = if module.ends_with('.') { "" } else { "." };
            let names = names.trim().trim_matches(['(', ')']);
            names.split(',').filter_map(first_word).for_each(|name| push(format!("{module}{joint}{name}")));
        }
    }
    found
}

fn first_word(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}

struct Statement {
    line: u32,
    indent: usize,
    text: String,
}

/// The statements of a file, each on one line: without comments, what is in quotes left empty, brackets and continued lines
/// joined.
fn statements(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let (mut current, mut start, mut line, mut depth) = (String::new(), 1, 1, 0_usize);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '#' => {
                length = rest.find('\n').unwrap_or(rest.len());
            }
            '"' | '\'' => {
                length = quoted(rest);
                line += lines(&rest[..length]);
                current.push_str("\"\"");
            }
            '\\' if rest[1..].starts_with('\n') => {
                (length, line) = (2, line + 1);
                current.push(' ');
            }
            '\n' | ';' if depth == 0 => {
                push(&mut statements, &mut current, start);
                line += u32::from(c == '\n');
                start = line;
            }
            '\n' => {
                line += 1;
                current.push(' ');
            }
            '(' | '[' | '{' => {
                depth += 1;
                current.push(c);
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                current.push(c);
            }
            c => current.push(c),
        }
        rest = &rest[length..];
    }
    push(&mut statements, &mut current, start);
    statements
}

fn push(statements: &mut Vec<Statement>, current: &mut String, line: u32) {
    let text = current.trim_start();
    if !text.is_empty() {
        let indent = current.len() - text.len();
        statements.push(Statement { line, indent, text: text.to_owned() });
    }
    current.clear();
}

/// How many bytes the string takes that `text` begins with; up to the end of the line where a short one is not closed.
fn quoted(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let (open, close) = if text.starts_with(&triple) { (3, triple.as_str()) } else { (1, quote) };
    let mut at = open;
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(close) {
            return at + close.len();
        }
        if c == '\n' && open == 1 {
            return at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

/// The name of a file's module within a component: `src/api/__init__.py` is `src.api`.
pub fn module(path: &str) -> Option<String> {
    let stem = path.strip_suffix(".py")?;
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    Some(stem.replace('/', "."))
}

/// The module that a name leads to which stands in the module `from`; a name with dots in front leads upwards from its
/// package. `is_package`: whether `from` is the `__init__.py` of one.
pub fn absolute(from: &str, is_package: bool, name: &str) -> String {
    let dots = name.len() - name.trim_start_matches('.').len();
    if dots == 0 {
        return name.to_owned();
    }
    let up = if is_package { dots - 1 } else { dots };
    let parts: Vec<&str> = from.split('.').collect();
    let base = &parts[..parts.len().saturating_sub(up)];
    let rest = &name[dots..];
    base.iter().copied().chain((!rest.is_empty()).then_some(rest)).collect::<Vec<_>>().join(".")
}

/// The names under which what an installed package brings can be imported, by its list of files, `RECORD`
/// (<https://packaging.python.org/en/latest/specifications/recording-installed-packages/>).
pub fn top_names(record: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let path = match line.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => line.split(',').next()?,
        };
        let (top, rest) = path.split_once('/').map_or((path, None), |(top, rest)| (top, Some(rest)));
        let extension =
            Path::new(top).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_other =
            top.starts_with('.') || top == "__pycache__" || ["dist-info", "data"].contains(&extension);
        let name = match rest {
            Some(_) => top,
            // A file: a module, or a compiled one with the platform in its name.
            None if ["py", "so", "pyd"].contains(&extension) => top.split('.').next()?,
            None => return None,
        };
        (!is_other && !name.is_empty()).then(|| name.to_owned())
    };
    record.lines().filter_map(name).collect()
}
