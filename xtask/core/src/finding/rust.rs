//! What rustfmt, and cargo for the compiler, clippy and rustdoc, write.

use super::snippet::{self, Header};
use super::{Finding, Paths, Severity};
use crate::text::strip;

/// The messages of `tool` (the compiler, clippy or rustdoc) in the form for people. cargo says the same message of a crate and
/// of its tests once.
pub fn cargo(tool: &str, output: &str, paths: &Paths) -> Vec<Finding> {
    snippet::parse(output, paths, |line| {
        let Some((word, message)) = line.split_once(": ") else { return Header::Other };
        let (level, code) = word.split_once('[').unwrap_or((word, ""));
        let severity = match level {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            "help" => return Header::Help(message.to_owned()),
            _ => return Header::Other,
        };
        let rule = code.trim_end_matches(']').to_owned();
        Header::Message(Finding { rule, severity, ..Finding::error(tool, message.trim()) })
    })
}

/// `cargo fmt -- --check`: a finding for each difference, at the first line that differs, and for what it cannot parse.
pub fn rustfmt(output: &str, paths: &Paths) -> Vec<Finding> {
    let mut findings = cargo("rustfmt", output, paths);
    // Between the head of a difference and its first changed line; the finding's line moves along.
    let mut context: Option<Finding> = None;
    for line in strip(output).lines() {
        if let Some(place) = line.strip_prefix("Diff in ") {
            findings.extend(context.take());
            let location = paths.locate(place.trim_end_matches(':'));
            let help = Some("`cargo fmt` mends it".to_owned());
            context = Some(Finding { location, help, ..Finding::error("rustfmt", "not formatted") });
        } else if let Some(mut finding) = context.take() {
            if line.starts_with(['-', '+']) {
                findings.push(finding);
            } else {
                let location = finding.location.as_mut();
                if let Some(number) = location.and_then(|location| location.line.as_mut()) {
                    *number = number.saturating_add(1);
                }
                context = Some(finding);
            }
        }
    }
    findings.extend(context);
    findings
}
