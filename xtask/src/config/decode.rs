//! A decoder over TOML with spans that collects every problem instead of stopping at the first.
//!
//! serde stops at the first wrong value, and cannot say where a key is missing. Here a reader is a function
//! `Fn(&Value) -> Option<T>`: `None` says that a problem was written down and that the reader's caller may give up. A table
//! is read key by key, and what nobody asked for is an unknown key:
//!
//! ```text
//! value.table(|table| {
//!     let path = table.required("path", folder);
//!     let timeout = table.optional("timeout", duration);
//!     Some(Part { path: path?, timeout })
//! })
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::core::diagnostic::{Diagnostic, Place};
use crate::core::suggest;

/// The text that is read, and what is wrong with it so far.
pub(super) struct Document {
    path: Arc<Path>,
    text: Arc<str>,
    /// The bytes of the lines that syntax errors spoil, in the order of the text. What else seems wrong there is their echo.
    broken: Vec<Range<usize>>,
    problems: RefCell<Vec<Diagnostic>>,
}

impl Document {
    /// A document without problems.
    pub(super) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), broken: Vec::new(), problems: RefCell::default() }
    }

    /// Parses the text and reads its root table with `read`. Returns what `read` made of it, or all problems in the order
    /// of the text.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Table<'_, '_>) -> Option<T>,
    ) -> Result<T, Vec<Diagnostic>> {
        let text = Arc::clone(&self.text);
        let (root, errors) = DeTable::parse_recoverable(&text);
        for error in errors {
            self.syntax_error(error.message(), error.span());
        }
        self.broken.sort_by_key(|lines| lines.start);
        self.broken.dedup_by(|next, before| {
            let overlap = next.start <= before.end;
            before.end = if overlap { before.end.max(next.end) } else { before.end };
            overlap
        });
        let mut table = Table::new(&self, String::new(), 0..0, root.get_ref());
        let value = read(&mut table);
        table.finish();
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.span.start);
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(problems),
        }
    }

    /// The parser says what it found and, behind a comma, what it expected.
    fn syntax_error(&mut self, message: &str, span: Option<Range<usize>>) {
        let span = span.unwrap_or(0..0);
        let start = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        // The keys below a broken `[section` end up in some other section, up to the next one.
        let end = if self.text[start..].trim_start().starts_with('[') { "\n[" } else { "\n" };
        let length = self.text[span.start..].find(end);
        self.broken.push(start..length.map_or(self.text.len(), |length| span.start + length));
        let (message, label) = match message.split_once(", expected ") {
            _ if message == "recursion limit" => ("tables are nested too deeply", String::new()),
            Some((message, expected)) => (message, format!("expected {expected}")),
            None => (message, String::new()),
        };
        let problem = self.diagnostic(span, message).label(label);
        self.problems.get_mut().push(problem);
    }

    fn report(&self, problem: Diagnostic) {
        let echo =
            |lines: &Range<usize>| lines.start <= problem.span.start && problem.span.start <= lines.end;
        if !self.broken.iter().any(echo) {
            self.problems.borrow_mut().push(problem);
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::new(Arc::clone(&self.path), Arc::clone(&self.text), span)
    }

    fn diagnostic(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&*self.path, Arc::clone(&self.text), span, message)
    }
}

/// A value with its name.
pub(super) struct Value<'d, 'i> {
    document: &'d Document,
    /// How the value is called from the root: `components.backend.path`.
    name: String,
    /// Its key.
    key: Range<usize>,
    tree: &'d Spanned<DeValue<'i>>,
}

impl<'d, 'i> Value<'d, 'i> {
    /// Where it stands, for what can only be said later.
    pub(super) fn place(&self) -> Place {
        self.document.place(self.tree.span())
    }

    /// Where its key stands.
    pub(super) fn key_place(&self) -> Place {
        self.document.place(self.key.clone())
    }

    /// The text, where it is one.
    pub(super) fn as_text(&self) -> Option<&'d str> {
        self.tree.get_ref().as_str()
    }

    /// The text of a date or a time without quotes, where it is one.
    pub(super) fn as_date(&self) -> Option<String> {
        self.tree.get_ref().as_datetime().map(ToString::to_string)
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.tree.get_ref(), DeValue::Table(_))
    }

    /// Writes down that this value is wrong. The message begins with the value's name: `` `name` must be … ``.
    pub(super) fn wrong<T>(&self, must: &str, label: impl Into<String>) -> Option<T> {
        self.wrong_with_help(must, label, None)
    }

    /// Writes down that this value is wrong, and what to do.
    pub(super) fn wrong_with_help<T>(
        &self,
        must: &str,
        label: impl Into<String>,
        help: Option<String>,
    ) -> Option<T> {
        let message = format!("`{}` {must}", self.name);
        let mut problem = self.document.diagnostic(self.tree.span(), message).label(label);
        problem.help = help;
        self.document.report(problem);
        None
    }

    /// Writes down that this value is not one of those there are, and the nearest that is.
    pub(super) fn unknown<T>(&self, must: &str, found: &str, known: &[&str]) -> Option<T> {
        self.wrong_with_help(must, "", Some(did_you_mean(found, known, "there are")))
    }

    /// Writes down that this value has the wrong type.
    pub(super) fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = match self.tree.get_ref() {
            DeValue::Array(_) => "a list",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Float(_) => "a float",
            DeValue::Integer(_) => "an integer",
            DeValue::String(_) => "a string",
            DeValue::Table(_) => "a table",
        };
        self.wrong(&format!("must be {expected}, not {found}"), format!("expected {expected}"))
    }

    /// The text of a string; `expected` names what the string should hold.
    pub(super) fn text(&self, expected: &str) -> Option<&'d str> {
        self.tree.get_ref().as_str().or_else(|| self.wrong_type(expected))
    }

    /// A boolean.
    pub(super) fn boolean(&self) -> Option<bool> {
        self.tree.get_ref().as_bool().or_else(|| self.wrong_type("`true` or `false`"))
    }

    /// An integer of at least 0; `expected` names what it counts.
    pub(super) fn integer(&self, expected: &str) -> Option<u64> {
        let Some(integer) = self.tree.get_ref().as_integer() else { return self.wrong_type(expected) };
        u64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .or_else(|| self.wrong(&format!("must be {expected}"), "out of range"))
    }

    /// The values of a list.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let Some(array) = self.tree.get_ref().as_array() else { return self.wrong_type("a list") };
        let item = |(position, tree): (usize, &'d Spanned<DeValue<'i>>)| Self {
            document: self.document,
            name: format!("{}[{position}]", self.name),
            key: tree.span(),
            tree,
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// The entries of a table with keys of the writer's choice, in the order of the text.
    pub(super) fn entries(&self) -> Option<Vec<(Key<'d>, Self)>> {
        let DeValue::Table(entries) = self.tree.get_ref() else { return self.wrong_type("a table") };
        let mut entries: Vec<_> = entries
            .iter()
            .map(|(key, tree)| {
                let name = join(&self.name, key.get_ref());
                let key = Key { document: self.document, text: key.get_ref(), span: key.span() };
                let value = Self { document: self.document, name, key: key.span.clone(), tree };
                (key, value)
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        Some(entries)
    }

    /// Reads a table with known keys. Keys that `read` does not ask for are problems.
    pub(super) fn table<T>(&self, read: impl FnOnce(&mut Table<'d, 'i>) -> Option<T>) -> Option<T> {
        let DeValue::Table(entries) = self.tree.get_ref() else { return self.wrong_type("a table") };
        let mut table = Table::new(self.document, self.name.clone(), self.key.clone(), entries);
        let value = read(&mut table);
        table.finish();
        value
    }
}

/// A key of the writer's choice.
pub(super) struct Key<'d> {
    document: &'d Document,
    /// The key.
    pub(super) text: &'d str,
    span: Range<usize>,
}

impl Key<'_> {
    /// Writes down that the key is wrong, and what to do: `` `key` … ``.
    pub(super) fn wrong(&self, what: &str, help: &str) {
        let problem = self.document.diagnostic(self.span.clone(), format!("`{}` {what}", self.text));
        self.document.report(problem.help(help));
    }

    /// Writes down that the key is not one of those there are, and the nearest that is.
    pub(super) fn unknown(&self, what: &str, known: &[&str]) {
        self.wrong(what, &did_you_mean(self.text, known, "there are"));
    }
}

/// A table whose keys are read one by one.
pub(super) struct Table<'d, 'i> {
    document: &'d Document,
    name: String,
    key: Range<usize>,
    entries: BTreeMap<&'d str, (Range<usize>, &'d Spanned<DeValue<'i>>)>,
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
    help: Option<&'static str>,
}

impl<'d, 'i> Table<'d, 'i> {
    fn new(document: &'d Document, name: String, key: Range<usize>, entries: &'d DeTable<'i>) -> Self {
        let entry = |(key, value): (&'d Spanned<_>, _)| {
            let text: &std::borrow::Cow<'i, str> = key.get_ref();
            (text.as_ref(), (key.span(), value))
        };
        let entries = entries.iter().map(entry).collect();
        Self { document, name, key, entries, known: Vec::new(), missing: Vec::new(), help: None }
    }

    /// Reads the value of `key`; that it is not there is a problem.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'d, 'i>) -> Option<T>,
    ) -> Option<T> {
        if !self.entries.contains_key(key) {
            self.missing.push(key);
        }
        self.optional(key, read)
    }

    /// Reads the value of `key` where it is there.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'d, 'i>) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let (span, tree) = self.entries.remove(key)?;
        let name = join(&self.name, key);
        read(&Value { document: self.document, name, key: span, tree })
    }

    /// Lets the other keys pass: what they should be cannot be said.
    pub(super) fn ignore_rest(&mut self) {
        self.entries.clear();
    }

    /// What to say about a key that nobody asks for and that is like none of those there are.
    pub(super) fn help_for_unknown(&mut self, help: &'static str) {
        self.help = Some(help);
    }

    fn finish(mut self) {
        let place =
            if self.name.is_empty() { "at the top".to_owned() } else { format!("in `{}`", self.name) };
        for (key, (span, _)) in std::mem::take(&mut self.entries) {
            let nearest = suggest::nearest(key, self.known.iter().copied());
            // A misspelt key is one mistake, not one too many and one too few.
            self.missing.retain(|missing| Some(*missing) != nearest);
            let help = match self.help {
                Some(help) if nearest.is_none() => help.to_owned(),
                _ => did_you_mean(key, &self.known, &format!("keys {place} are")),
            };
            let problem = self.document.diagnostic(span, format!("unknown key `{key}` {place}"));
            self.document.report(problem.help(help));
        }
        // Where the text is broken, a key may well be there and only unreadable.
        if self.document.broken.is_empty() {
            for key in self.missing {
                let problem =
                    self.document.diagnostic(self.key.clone(), format!("`{key}` is missing {place}"));
                self.document.report(problem);
            }
        }
    }
}

/// The name of `key` in the table `name`, quoted where TOML wants it quoted.
fn join(name: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let dot = if name.is_empty() { "" } else { "." };
    if key.chars().all(bare) && !key.is_empty() {
        format!("{name}{dot}{key}")
    } else {
        format!("{name}{dot}\"{}\"", key.escape_debug())
    }
}

/// The known word nearest to `found`, or all of them behind `lead`.
fn did_you_mean(found: &str, known: &[&str], lead: &str) -> String {
    // Nobody reads a longer list, and looking through all of a hostile one for each of its words would take minutes.
    let known = &known[..known.len().min(100)];
    if let Some(nearest) = suggest::nearest(found, known.iter().copied()) {
        return format!("did you mean `{nearest}`?");
    }
    let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    format!("{lead} {}", known.join(", "))
}
