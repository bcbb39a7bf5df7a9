//! Findings are data: what a check found, where, and what to do about it. Several renderers show them.

use std::path::PathBuf;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; fails nothing.
    Note,
    /// Should be looked at; fails nothing.
    Warning,
    /// Fails the check.
    Error,
}

/// Where a finding is. Lines and columns count from 1.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize)]
pub struct Location {
    /// The file, relative to the repository's root.
    pub path: PathBuf,
    /// The line, where the tool said one.
    pub line: Option<u32>,
    /// The column, where the tool said one.
    pub column: Option<u32>,
}

impl std::fmt::Display for Location {
    /// `path:line:column`, as far as they are known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())?;
        for number in [self.line, self.column].into_iter().map_while(|number| number) {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

/// One thing that a check found.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Finding {
    /// The tool that found it: `ruff`.
    pub tool: String,
    /// The tool's name for the rule: `F401`; empty where it has none.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, where the tool said that.
    pub location: Option<Location>,
    /// What is wrong, on one line.
    pub message: String,
    /// What to do, where that is known.
    pub help: Option<String>,
}
