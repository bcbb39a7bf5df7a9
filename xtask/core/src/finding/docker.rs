//! What hadolint writes about Dockerfiles.

use super::{Finding, Paths, Severity};
use crate::text::strip;

/// hadolint's `tty` format: `path:line RULE severity: message`; for what it cannot read, `path:line:column message`.
pub fn hadolint(output: &str, paths: &Paths) -> Vec<Finding> {
    strip(output).lines().filter_map(|line| finding(line, paths)).collect()
}

fn finding(line: &str, paths: &Paths) -> Option<Finding> {
    let (place, rest) = line.split_once(' ')?;
    let location = paths.locate(place).filter(|location| location.line.is_some())?;
    let known = rest.split_once(' ').and_then(|(rule, rest)| {
        let (severity, message) = rest.split_once(": ")?;
        let severity = match severity {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            "info" | "style" => Severity::Note,
            _ => return None,
        };
        Some((rule, severity, message))
    });
    let (rule, severity, message) = known.unwrap_or(("", Severity::Error, rest));
    let location = Some(location);
    Some(Finding { rule: rule.to_owned(), severity, location, ..Finding::error("hadolint", message.trim()) })
}
