//! Messages with a piece of source under them, as the Rust compiler, clippy, rustdoc and ruff write them.
//!
//! ```text
//! error: unneeded `return` statement
//!  --> src/lib.rs:6:5
//!   |
//! 6 |     return a+b;
//!   |     ^^^^^^^^^^
//!   = help: for further information visit https://…/index.html#needless_return
//! help: remove `return`
//! ```

use super::{Finding, Paths};
use crate::text::strip;

/// What a line at the left edge begins.
#[derive(Debug)]
pub enum Header {
    /// A message; its place follows.
    Message(Finding),
    /// A word of advice about the message before it, which may have a place of its own.
    Help(String),
    /// Something else.
    Other,
}

/// The findings in `output`. `header` says what a line at the left edge means for the tool.
pub fn parse(output: &str, paths: &Paths, header: impl Fn(&str) -> Header) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut waiting: Option<Finding> = None;
    for line in strip(output).lines() {
        let inner = line.trim_start();
        if let Some(place) = inner.strip_prefix("--> ") {
            if let Some(mut finding) = waiting.take() {
                finding.location = paths.locate(place.trim_end());
                findings.push(finding);
            }
        } else if inner.len() == line.len() && !line.is_empty() && !is_source(line) {
            match header(line) {
                Header::Message(finding) => waiting = Some(finding),
                Header::Help(help) => {
                    waiting = None;
                    add_help(findings.last_mut(), &help);
                }
                Header::Other => waiting = None,
            }
        } else if let Some(finding) = findings.last_mut() {
            note(finding, inner);
        }
    }
    findings
}

/// Whether the line shows source: a line number and a bar, or marks that begin at the left edge.
fn is_source(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len()
        && (rest.trim_start().starts_with('|') || rest.starts_with(" - ") || rest.starts_with(" + "))
}

/// What the lines under a message say about it: its rule, and what to do.
fn note(finding: &mut Finding, line: &str) {
    if let Some(page) = line.strip_prefix("= help: for further information visit ") {
        if let Some((_, rule)) = page.rsplit_once('#') {
            finding.rule = format!("clippy::{}", rule.trim_end());
        }
    } else if let Some(origin) = line.strip_prefix("= note: `") {
        if finding.rule.is_empty()
            && let Some(rule) = lint_level(origin)
        {
            finding.rule = rule;
        }
    } else if let Some(help) = line.strip_prefix("= help: ") {
        if !help.starts_with("to override `") {
            add_help(Some(finding), help);
        }
    } else if line.starts_with('|')
        && let Some((_, help)) = line.split_once("^ help: ")
    {
        add_help(Some(finding), help);
    }
}

/// The lint in ``-D unused-variables` implied by …`` or ``#[warn(unused_variables)]` on by default``.
fn lint_level(origin: &str) -> Option<String> {
    let (setting, _) = origin.split_once('`')?;
    let lint = match setting.strip_prefix("#[") {
        Some(attribute) => attribute.split_once('(')?.1.trim_end_matches([')', ']']),
        None => setting.strip_prefix('-')?.split_once(' ')?.1,
    };
    Some(lint.replace('-', "_"))
}

fn add_help(finding: Option<&mut Finding>, help: &str) {
    if let Some(finding) = finding
        && finding.help.is_none()
        && !help.trim().is_empty()
    {
        finding.help = Some(help.trim().to_owned());
    }
}
