//! What eslint, tsc and prettier write.

use super::{Finding, Paths, Severity};
use crate::text::strip;

/// The output of an npm script. Which tools it calls is the script's own affair, so each of the known formats is looked for;
/// no line belongs to two of them.
pub fn script(output: &str, paths: &Paths) -> Vec<Finding> {
    let output = strip(output);
    let mut findings = eslint(&output, paths);
    findings.extend(output.lines().filter_map(|line| tsc(line, paths)));
    findings.extend(output.lines().filter_map(|line| prettier(line, paths)));
    findings
}

/// typedoc: `[warning] message`, `[error] message`, or with `path:line:column - ` before the message.
pub fn typedoc(output: &str, paths: &Paths) -> Vec<Finding> {
    let output = strip(output);
    output.lines().filter_map(|line| typedoc_line(line, paths)).collect()
}

fn typedoc_line(line: &str, paths: &Paths) -> Option<Finding> {
    let (severity, rest) = match line.split_once("] ")? {
        ("[error", rest) => (Severity::Error, rest),
        ("[warning", rest) => (Severity::Warning, rest),
        _ => return None,
    };
    // How many there were is no finding.
    if rest.starts_with("Found ") {
        return None;
    }
    let place = rest.split_once(" - ").and_then(|(place, message)| Some((paths.locate(place)?, message)));
    let (location, message) = match place {
        Some((location, message)) if location.line.is_some() => (Some(location), message),
        _ => (None, rest),
    };
    Some(Finding { severity, location, ..Finding::error("typedoc", message.trim()) })
}

/// eslint's `stylish` format: a path, and under it rows of `line:column  severity  message  rule`.
fn eslint(output: &str, paths: &Paths) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut path = None;
    for line in output.lines() {
        match path.and_then(|path| eslint_row(line, path, paths)) {
            Some(finding) => findings.push(finding),
            None => path = (!line.starts_with(' ') && !line.is_empty()).then_some(line),
        }
    }
    findings
}

fn eslint_row(line: &str, path: &str, paths: &Paths) -> Option<Finding> {
    let (place, rest) = line.strip_prefix("  ")?.trim_start().split_once(' ')?;
    let (row, column) = place.split_once(':')?;
    row.parse::<u32>().ok().zip(column.parse::<u32>().ok())?;
    let (severity, rest) = rest.trim_start().split_once(' ')?;
    let severity = match severity {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => return None,
    };
    let rest = rest.trim();
    let (message, rule) = match rest.rsplit_once("  ") {
        Some((message, rule)) if !rule.contains(' ') => (message, rule),
        _ => (rest, ""),
    };
    let location = paths.locate(&format!("{path}:{place}"));
    Some(Finding { rule: rule.to_owned(), severity, location, ..Finding::error("eslint", message.trim()) })
}

/// tsc without `--pretty`: `path(line,column): error TS2322: message`, or without a place.
fn tsc(line: &str, paths: &Paths) -> Option<Finding> {
    let (place, message) = line.split_once("error TS")?;
    let (number, message) = message.split_once(": ")?;
    number.parse::<u32>().ok()?;
    let location = if place.is_empty() {
        None
    } else {
        let (path, numbers) = place.strip_suffix("): ")?.rsplit_once('(')?;
        Some(paths.locate(&format!("{path}:{}", numbers.replace(',', ":")))?)
    };
    Some(Finding { rule: format!("TS{number}"), location, ..Finding::error("tsc", message.trim()) })
}

/// `prettier --check`: `[warn] path` for a file that it would change, `[error] path: reason (line:column)` for one that it
/// cannot parse.
fn prettier(line: &str, paths: &Paths) -> Option<Finding> {
    if let Some(reason) = line.strip_prefix("[error] ") {
        let (path, message) = reason.split_once(": ")?;
        let numbers = message.rsplit_once(" (")?.1.strip_suffix(')')?;
        let location =
            paths.locate(&format!("{path}:{numbers}")).filter(|location| location.line.is_some())?;
        return Some(Finding { location: Some(location), ..Finding::error("prettier", message.trim()) });
    }
    let path = line.strip_prefix("[warn] ")?;
    // Sentences are warned of on such lines too; a file has an extension, and no full stop at its end.
    let extension = path.rsplit_once('.').is_some_and(|(_, extension)| {
        !extension.is_empty() && extension.chars().all(|c| c.is_ascii_alphanumeric())
    });
    let help = Some("`prettier --write` mends it".to_owned());
    extension.then(|| Finding {
        location: paths.locate(path),
        help,
        ..Finding::error("prettier", "not formatted")
    })
}
