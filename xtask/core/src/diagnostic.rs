//! A place in a text file and what is to be said about it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A message about a span of a text that is at hand, so that the line can be shown with a caret.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The file, relative to the repository where it lies in it.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: Arc<str>,
    /// The bytes of `text` the message is about.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What stands beside the caret; empty for nothing.
    pub label: String,
    /// What to do, where that is known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without label and help.
    pub fn new(
        path: impl Into<PathBuf>,
        text: Arc<str>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), text, span, message: message.into(), label: String::new(), help: None }
    }

    /// Adds what stands beside the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the span's start, both from 1; the column counts characters.
    pub fn position(&self) -> (usize, usize) {
        position(&self.text, self.span.start)
    }
}

/// A place in a text file of which something may have to be said later.
#[derive(Clone, Debug)]
pub struct Place {
    path: Arc<Path>,
    text: Arc<str>,
    span: Range<usize>,
}

impl Place {
    /// The bytes `span` of `text`, which is what the file at `path` holds.
    pub fn new(path: impl Into<Arc<Path>>, text: Arc<str>, span: Range<usize>) -> Self {
        Self { path: path.into(), text, span }
    }

    /// The text of the whole file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the text that stand here.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// A message about what stands here.
    pub fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&*self.path, Arc::clone(&self.text), self.span.clone(), message)
    }
}

/// Line and column of byte `offset` in `text`, both from 1; the column counts characters.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
