//! One file: its scopes, the names that `use` gives them, and the paths that code names.

use crate::rules::lexer::{Kind, Token, tokens};

/// What a file says about paths.
pub(super) struct Scan<'t> {
    /// The scopes: the file itself first, then every block in the order of its opening brace.
    pub(super) scopes: Vec<Scope<'t>>,
    /// The paths.
    pub(super) mentions: Vec<Mention<'t>>,
    /// The macros that it defines.
    pub(super) macros: Vec<&'t str>,
    /// Modules in files of their own that are compiled for tests only.
    pub(super) test_modules: Vec<Vec<&'t str>>,
}

/// A stretch of code in which names mean the same.
pub(super) struct Scope<'t> {
    /// The scope around it; `None` for a module, which sees none of the names around it.
    pub(super) parent: Option<usize>,
    /// The modules that lead to it from the file's own module.
    pub(super) module: Vec<&'t str>,
    /// What `use` and `extern crate` call: name and path.
    pub(super) names: Vec<(&'t str, Path<'t>)>,
}

/// A path as it is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Path<'t> {
    /// Whether it begins with `::`.
    pub(super) global: bool,
    /// Its names.
    pub(super) names: Vec<&'t str>,
}

/// A path in a file.
pub(super) struct Mention<'t> {
    /// Its scope.
    pub(super) scope: usize,
    /// The path.
    pub(super) path: Path<'t>,
    /// The byte at which it begins.
    pub(super) offset: usize,
    /// How it is named.
    pub(super) how: How,
    /// Whether it is compiled for tests only.
    pub(super) test: bool,
}

/// How a path is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    /// By `use` or `extern crate`.
    Import,
    /// By `use …::*`.
    Glob,
    /// In code: an expression, a type, an attribute, a macro's body.
    Code,
}

/// Scans a file.
pub(super) fn scan(text: &str) -> Scan<'_> {
    let scope = Scope { parent: None, module: Vec::new(), names: Vec::new() };
    let result =
        Scan { scopes: vec![scope], mentions: Vec::new(), macros: Vec::new(), test_modules: Vec::new() };
    let mut scanner = Scanner { tokens: tokens(text), position: 0, open: vec![0], test_until: 0, result };
    while scanner.position < scanner.tokens.len() {
        scanner.step();
    }
    scanner.result
}

struct Scanner<'t> {
    tokens: Vec<Token<'t>>,
    position: usize,
    /// The scopes around the position, the innermost last.
    open: Vec<usize>,
    /// Tokens before this one are compiled for tests only.
    test_until: usize,
    result: Scan<'t>,
}

impl<'t> Scanner<'t> {
    fn scope(&self) -> usize {
        self.open.last().copied().unwrap_or_default()
    }

    fn at(&self, ahead: usize) -> Option<&Token<'t>> {
        self.tokens.get(self.position + ahead)
    }

    fn is(&self, ahead: usize, punctuation: &str) -> bool {
        self.at(ahead).is_some_and(|token| token.is(punctuation))
    }

    fn keyword(&self, ahead: usize, keyword: &str) -> bool {
        self.at(ahead).is_some_and(|token| token.is_keyword(keyword))
    }

    fn name(&self, ahead: usize) -> Option<&'t str> {
        self.at(ahead).and_then(Token::name)
    }

    fn step(&mut self) {
        if self.is(0, "#") {
            self.attribute();
        } else if self.is(0, "{") {
            self.open_scope(None);
        } else if self.is(0, "}") {
            if self.open.len() > 1 {
                self.open.pop();
            }
            self.position += 1;
        } else if self.keyword(0, "mod") && self.name(1).is_some() {
            self.module();
        } else if self.keyword(0, "use") && !self.is(1, "<") {
            self.position += 1;
            self.use_tree();
        } else if self.keyword(0, "extern") && self.keyword(1, "crate") {
            self.extern_crate();
        } else if self.keyword(0, "macro_rules") && self.is(1, "!") {
            self.result.macros.extend(self.name(2));
            self.position += 3;
        } else {
            self.path();
        }
    }

    /// Notices the attributes that make what follows a test. What they name is read like any code.
    fn attribute(&mut self) {
        let inner = usize::from(self.is(1, "!"));
        let is_test = self.is(1 + inner, "[") && {
            let is = |ahead: usize, word: &str| self.keyword(2 + inner + ahead, word);
            let parenthesis = |ahead: usize, what: &str| self.is(2 + inner + ahead, what);
            let cfg = is(0, "cfg") && parenthesis(1, "(");
            is(0, "test") && parenthesis(1, "]")
                || cfg && is(2, "test") && parenthesis(3, ")")
                || cfg && is(2, "all") && parenthesis(3, "(") && is(4, "test")
        };
        if is_test {
            let end = if inner == 1 { self.block_end() } else { self.item_end() };
            self.test_until = self.test_until.max(end);
        }
        self.position += 1;
    }

    /// The token behind the block that the position is in.
    fn block_end(&self) -> usize {
        let mut depth = 0usize;
        for (position, token) in self.tokens.iter().enumerate().skip(self.position) {
            match token.text {
                "{" => depth += 1,
                "}" if depth == 0 => return position,
                "}" => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// The token behind the item, field, variant or statement that the attributes here belong to.
    fn item_end(&self) -> usize {
        const WITH_COMMAS: &[&str] = &[
            "pub",
            "fn",
            "mod",
            "use",
            "impl",
            "struct",
            "enum",
            "union",
            "const",
            "static",
            "type",
            "trait",
            "unsafe",
            "async",
            "extern",
            "let",
            "macro_rules",
        ];
        let mut position = self.position;
        while self.tokens.get(position).is_some_and(|token| token.is("#")) {
            position = self.closed(position + 1);
        }
        let is = |word: &&str| self.tokens.get(position).is_some_and(|token| token.is_keyword(word));
        let commas_belong = WITH_COMMAS.iter().any(is);
        // `let … = if … { … } else { … };` goes on behind a brace; an item ends there, but for its semicolon.
        let goes_on = is(&"let");
        while let Some(token) = self.tokens.get(position) {
            match token.text {
                ";" => return position + 1,
                "," if !commas_belong => return position + 1,
                "}" | ")" | "]" => return position,
                "{" if !goes_on => return self.closed(position),
                "{" | "(" | "[" => position = self.closed(position),
                _ => position += 1,
            }
        }
        self.tokens.len()
    }

    /// The token behind the bracket that opens at `position` or, for `#![`, right behind it.
    fn closed(&self, position: usize) -> usize {
        let mut depth = 0usize;
        for (position, token) in self.tokens.iter().enumerate().skip(position) {
            match token.text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" if depth <= 1 => return position + 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// `mod name { … }` or `mod name;`.
    fn module(&mut self) {
        let name = self.name(1);
        if self.is(2, "{") {
            self.position += 2;
            self.open_scope(name);
            return;
        }
        if self.position < self.test_until {
            let mut path = self.result.scopes[self.scope()].module.clone();
            path.extend(name);
            self.result.test_modules.push(path);
        }
        self.position += 2;
    }

    /// Opens the block of a module, or any other block.
    fn open_scope(&mut self, module: Option<&'t str>) {
        let around = self.scope();
        let mut path = self.result.scopes[around].module.clone();
        path.extend(module);
        let parent = module.is_none().then_some(around);
        self.open.push(self.result.scopes.len());
        self.result.scopes.push(Scope { parent, module: path, names: Vec::new() });
        self.position += 1;
    }

    fn mention(&mut self, path: Path<'t>, offset: usize, how: How) {
        // The position is behind the path, at most at the brace that ends the test.
        let test = self.position <= self.test_until;
        self.result.mentions.push(Mention { scope: self.scope(), path, offset, how, test });
    }

    fn import(&mut self, mut path: Path<'t>, alias: Option<&'t str>, offset: usize) {
        // `use a::{self}` is `use a`.
        if path.names.len() > 1 {
            path.names.pop_if(|last| *last == "self");
        }
        let scope = self.scope();
        if let Some(name) = alias.or(path.names.last().copied()) {
            self.result.scopes[scope].names.push((name, path.clone()));
        }
        self.mention(path, offset, How::Import);
    }

    /// The tree behind `use`, to its semicolon.
    fn use_tree(&mut self) {
        let mut prefixes: Vec<Path<'t>> = Vec::new();
        let mut path = Path::default();
        let mut start: Option<usize> = None;
        let mut alias = None;
        while let Some(token) = self.at(0).copied() {
            let end = [",", "}", ";", ")"].iter().any(|end| token.is(end));
            if end && let Some(offset) = start.take() {
                self.import(std::mem::take(&mut path), alias.take(), offset);
            }
            if token.kind == Kind::PathSeparator && path.names.is_empty() {
                path.global = true;
            } else if token.is("{") {
                prefixes.push(path.clone());
                start = None;
            } else if token.is("*") {
                self.mention(path.clone(), start.take().unwrap_or(token.offset), How::Glob);
            } else if token.is_keyword("as") {
                alias = self.name(1);
                self.position += 1;
            } else if let Some(name) = token.name() {
                start.get_or_insert(token.offset);
                path.names.push(name);
            } else if end {
                if token.is("}") {
                    prefixes.pop();
                }
                if token.is(";") || prefixes.is_empty() {
                    break;
                }
                path = prefixes.last().cloned().unwrap_or_default();
            }
            self.position += 1;
        }
        // What ended the tree may be the end of a block around it.
    }

    /// `extern crate name;` or `extern crate name as alias;`.
    fn extern_crate(&mut self) {
        let Some(name) = self.name(2) else {
            self.position += 2;
            return;
        };
        let offset = self.tokens[self.position + 2].offset;
        let alias = self.keyword(3, "as").then(|| self.name(4)).flatten();
        let names = vec![if name == "self" { "crate" } else { name }];
        self.position += 3;
        self.import(Path { global: name != "self", names }, alias, offset);
    }

    /// A path of at least two names, or any other token.
    fn path(&mut self) {
        let global = self.at(0).is_some_and(|token| token.kind == Kind::PathSeparator);
        let before = |back: usize| self.position.checked_sub(back).and_then(|at| self.tokens.get(at));
        // `a.b::<T>()` calls a method, `..a::B` does not; `<T>::a::b` goes on from a type.
        let method =
            before(1).is_some_and(|token| token.is(".")) && !before(2).is_some_and(|token| token.is("."));
        let goes_on = global && before(1).is_some_and(|token| token.is(">") || token.name().is_some());
        let offset = self.at(0).map_or(0, |token| token.offset);
        self.position += usize::from(global);
        let mut names = Vec::new();
        while let Some(name) = self.name(0) {
            names.push(name);
            self.position += 1;
            let separator = self.at(0).is_some_and(|token| token.kind == Kind::PathSeparator);
            if !separator || self.name(1).is_none() {
                break;
            }
            self.position += 1;
        }
        if names.is_empty() && !global {
            self.position += 1;
        } else if names.len() > 1 && !method && !goes_on {
            self.mention(Path { global, names }, offset, How::Code);
        }
    }
}
