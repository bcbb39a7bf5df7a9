//! The imports of JavaScript and TypeScript files.

use std::path::{Component, Path, PathBuf};

use super::Import;
use crate::finding::Location;
use crate::rules::TextFile;

/// What a piece of code is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Text(&'t str),
    Sign(char),
}

/// What a file imports, in the order of the lines: `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")`,
/// `require("x")`.
pub fn imports(text: &str) -> Vec<Import> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut is_for_types = false;
    for (position, (token, line)) in tokens.iter().enumerate() {
        let before = |count: usize| Some(tokens.get(position.checked_sub(count)?)?.0);
        match token {
            Token::Word("import" | "export") => {
                is_for_types = matches!(tokens.get(position + 1), Some((Token::Word("type"), _)));
            }
            Token::Text(name) => {
                let statement = matches!(before(1), Some(Token::Word("from" | "import")));
                let call = before(1) == Some(Token::Sign('('))
                    && matches!(before(2), Some(Token::Word("import" | "require")));
                if statement || call {
                    found.push(Import {
                        name: (*name).to_owned(),
                        line: *line,
                        is_immediate: statement && !is_for_types,
                        is_optional: statement && is_for_types,
                    });
                }
            }
            Token::Word(_) | Token::Sign(_) => {}
        }
    }
    found
}

/// Words, strings and signs, each with its line. Comments are left out. A quote that is not closed on its line is none: it
/// stands in a pattern or in a text of JSX.
fn tokens(text: &str) -> Vec<(Token<'_>, u32)> {
    let (mut tokens, mut line, mut at) = (Vec::new(), 1_u32, 0);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut length = c.len_utf8();
        if rest.starts_with("//") {
            length = rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            length = rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if c == '"' || c == '\'' || c == '`' {
            if let Some(inner) = closed(rest, c) {
                length = inner.len() + 2;
                tokens.push((Token::Text(inner), line));
            }
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            length = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
            tokens.push((Token::Word(&rest[..length]), line));
        } else if !c.is_whitespace() {
            tokens.push((Token::Sign(c), line));
        }
        let passed = rest[..length].matches('\n').count();
        line = line.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
        at += length;
    }
    tokens
}

/// What is in the quotes that `text` begins with, where they close.
fn closed(text: &str, quote: char) -> Option<&str> {
    let inner = &text[1..];
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != '`' => return None,
            c if c == quote => return Some(&inner[..at]),
            _ => {}
        }
    }
    None
}

/// The package that a name belongs to: `react-dom/client` to `react-dom`. `None` for what is no package: a path, a module of
/// Node, a name that a bundler makes.
pub fn package(name: &str) -> Option<&str> {
    let name = name.split('?').next().unwrap_or(name);
    if name.is_empty()
        || name.starts_with(['.', '/', '#', '~', '\0'])
        || name.starts_with("@/")
        || name.contains(':')
    {
        return None;
    }
    let parts = if name.starts_with('@') { 2 } else { 1 };
    let end = name.match_indices('/').nth(parts - 1).map_or(name.len(), |(at, _)| at);
    let package = &name[..end];
    (!BUILT_IN.contains(&package)).then_some(package)
}

/// The modules of Node that may be named without `node:` (<https://nodejs.org/api/modules.html#built-in-modules>).
const BUILT_IN: &[&str] = &[
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The paths that a relative name may mean, seen from a file, the likeliest first.
pub fn candidates(from: &Path, name: &str) -> Vec<PathBuf> {
    let name = name.split('?').next().unwrap_or(name);
    let mut path = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let text = path.display().to_string();
    // TypeScript names the file that will be: `./words.js` is `words.ts`.
    let stem = text.strip_suffix(".js").or_else(|| text.strip_suffix(".jsx")).unwrap_or(&text).to_owned();
    let endings = ["ts", "tsx", "js", "jsx", "mts", "mjs"];
    let files = endings.iter().map(|ending| format!("{stem}.{ending}"));
    let folders = endings.iter().map(|ending| format!("{text}/index.{ending}"));
    std::iter::once(text.clone()).chain(files).chain(folders).map(PathBuf::from).collect()
}

/// Where a `package.json` declares a package.
pub fn declared(manifest: TextFile<'_>, name: &str) -> Location {
    let key = format!("\"{name}\":");
    manifest.line_where(|line| line.trim_start().starts_with(&key))
}
