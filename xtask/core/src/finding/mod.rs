//! Findings are data: what a check found, where, and what to do about it. Several renderers show them.
//!
//! The parsers read what tools write for people, not a second, machine-readable format: one run of the tool gives a reader
//! its own words in the log and the findings with exact places, both from the same bytes. Where a line cannot be understood
//! there is a finding less, never a panic; that the tool failed is known from its exit code alone.

use std::path::PathBuf;

pub mod docker;
pub mod identity;
pub mod judged;
pub mod merge;
pub mod node;
pub mod paths;
pub mod python;
pub mod rust;
pub mod snippet;
pub mod weakness;

pub use judged::Judged;
pub use paths::Paths;
pub use weakness::Weakness;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Deserialize, serde::Serialize)]
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
#[derive(
    Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Deserialize, serde::Serialize,
)]
pub struct Location {
    /// The file, relative to the repository's root.
    pub path: PathBuf,
    /// The line, where the tool said one.
    pub line: Option<u32>,
    /// The column, where the tool said one.
    pub column: Option<u32>,
    /// Behind its last character, where the tool said that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Position>,
}

/// A place in a text. Line and column count from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Deserialize, serde::Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Location {
    /// A file as a whole.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(path, None, None)
    }

    /// A file, and where in it, as far as that is known.
    pub fn at(path: impl Into<PathBuf>, line: Option<u32>, column: Option<u32>) -> Self {
        Self { path: path.into(), line, column, end: None }
    }
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
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
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
    /// What a scanner knows of it beyond that, where it is a weakness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weakness: Option<Box<Weakness>>,
    /// What its gate has made of it, where it is one of a gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Box<Judged>>,
}

impl Finding {
    /// An error that `tool` found, without a rule, a place or help.
    pub fn error(tool: &str, message: impl Into<String>) -> Self {
        Self {
            tool: tool.to_owned(),
            rule: String::new(),
            severity: Severity::Error,
            location: None,
            message: message.into(),
            help: None,
            weakness: None,
            judged: None,
        }
    }

    /// Whether somebody answers for it, so that it fails nothing.
    pub fn is_suppressed(&self) -> bool {
        self.judged.as_ref().is_some_and(|judged| judged.suppression.is_some())
    }

    /// Whether it fails its check.
    pub fn fails(&self) -> bool {
        self.severity == Severity::Error && !self.is_suppressed()
    }

    /// Changes every text of the finding that holds words of others, tool, rule and path excepted.
    pub fn map_text(mut self, map: impl Fn(&str) -> String) -> Self {
        self.message = map(&self.message);
        self.help = self.help.as_deref().map(&map);
        if let Some(judged) = &mut self.judged {
            judged.source = judged.source.as_deref().map(map);
        }
        self
    }
}

/// What a tool's exit code makes of its findings.
///
/// The exit code decides: where a tool passed, nothing it wrote fails the check; and a tool that failed over warnings alone
/// (`-W`, `--max-warnings 0`) was told that they are errors.
pub fn settle(mut findings: Vec<Finding>, passed: bool) -> Vec<Finding> {
    let raise = !passed && findings.iter().all(|finding| finding.severity != Severity::Error);
    for finding in &mut findings {
        match finding.severity {
            Severity::Error if passed => finding.severity = Severity::Warning,
            Severity::Warning if raise => finding.severity = Severity::Error,
            Severity::Error | Severity::Warning | Severity::Note => {}
        }
    }
    findings
}

#[cfg(test)]
mod golden {
    //! What the parsers make of recorded outputs of the real tools, and of outputs that were damaged on the way.

    use std::fmt::Write as _;

    use expect_test::{ExpectFile, expect_file};

    use super::*;

    type Parser = fn(&str, &Paths) -> Vec<Finding>;

    /// One line a finding.
    fn render(findings: &[Finding]) -> String {
        let mut text = String::new();
        for Finding { tool, rule, severity, location, message, help, weakness: _, judged: _ } in findings {
            let place = location.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            writeln!(text, "{severity:?} {place} {tool}[{rule}] {message}").unwrap();
            if let Some(help) = help {
                writeln!(text, "    help: {help}").unwrap();
            }
        }
        text
    }

    macro_rules! recorded {
        ($($name:literal in $folder:literal: $parser:expr,)*) => {
            [$((
                $name,
                $folder,
                $parser as Parser,
                include_str!(concat!("../../../testdata/findings/", $name, ".txt")),
                expect_file![concat!("../../../testdata/findings/", $name, ".golden")],
            )),*]
        };
    }

    fn recordings() -> Vec<(&'static str, &'static str, Parser, &'static str, ExpectFile)> {
        recorded! {
            "ruff" in "backend": python::ruff,
            "black" in "backend": python::black,
            "black-24" in "backend": python::black,
            "mypy" in "backend": python::mypy,
            "mypy-syntax" in "backend": python::mypy,
            "sphinx" in "backend": python::sphinx,
            "eslint" in "frontend": node::script,
            "tsc" in "frontend": node::script,
            "prettier" in "frontend": node::script,
            "hadolint" in "": docker::hadolint,
            "rustfmt" in "": rust::rustfmt,
            "rustfmt-syntax" in "": rust::rustfmt,
            "rustc" in "": |output, paths| rust::cargo("rustc", output, paths),
            "clippy" in "": |output, paths| rust::cargo("clippy", output, paths),
            "rustdoc" in "": |output, paths| rust::cargo("rustdoc", output, paths),
        }
        .into()
    }

    #[test]
    fn recorded_outputs_give_exact_places() {
        for (_, folder, parse, output, expected) in recordings() {
            expected.assert_eq(&render(&parse(output, &Paths::new("/repo", folder))));
        }
    }

    /// Every prefix, every single lost character class, and each tool's output in front of another's parser.
    #[test]
    fn damaged_outputs_never_panic() {
        let all = recordings();
        for (name, folder, parse, output, _) in &all {
            let paths = Paths::new("/repo", folder);
            let whole = parse(output, &paths).len();
            for (end, _) in output.char_indices() {
                assert!(parse(&output[..end], &paths).len() <= whole, "{name} cut at {end}");
            }
            for lost in [':', ' ', '\n', '(', '[', '/', '1', '\u{10ffff}'] {
                parse(&output.replace(lost, ""), &paths);
                parse(&output.replace(lost, "\u{fffd}"), &paths);
            }
            for (_, _, other, ..) in &all {
                other(output, &paths);
            }
        }
    }

    #[test]
    fn the_exit_code_decides() {
        use Severity::{Error, Note, Warning};

        let severities = |found: &[Severity], passed: bool| -> Vec<Severity> {
            let finding = |&severity: &Severity| Finding { severity, ..Finding::error("t", "m") };
            let settled = settle(found.iter().map(finding).collect(), passed);
            settled.iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(severities(&[Error, Warning, Note], true), [Warning, Warning, Note]);
        assert_eq!(severities(&[Error, Warning, Note], false), [Error, Warning, Note]);
        assert_eq!(severities(&[Warning, Note], false), [Error, Note]);
    }
}
