//! What ruff, black, mypy and Sphinx write.

use super::snippet::{self, Header};
use super::{Finding, Location, Paths, Severity};
use crate::text::strip;

/// `ruff check --output-format full`.
pub fn ruff(output: &str, paths: &Paths) -> Vec<Finding> {
    snippet::parse(output, paths, |line| {
        let Some((rule, message)) = line.split_once(' ') else { return Header::Other };
        if rule == "help:" {
            return Header::Help(message.to_owned());
        }
        let word = rule.trim_end_matches(':');
        let is_code = word.ends_with(|c: char| c.is_ascii_digit())
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_alphanumeric());
        let is_name = rule.ends_with(':') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if !is_code && !is_name {
            return Header::Other;
        }
        let message = message.strip_prefix("[*] ").unwrap_or(message);
        Header::Message(Finding { rule: word.to_owned(), ..Finding::error("ruff", message.trim()) })
    })
}

/// `black --check`: the files that it would change, and those that it cannot parse.
pub fn black(output: &str, paths: &Paths) -> Vec<Finding> {
    let finding = |line: &str| {
        if let Some(path) = line.strip_prefix("would reformat ") {
            let help = Some("`black` mends it".to_owned());
            return Some(Finding {
                location: paths.locate(path),
                help,
                ..Finding::error("black", "not formatted")
            });
        }
        if let Some(place) = line.strip_prefix("error: cannot parse: ") {
            return Some(Finding {
                location: paths.locate(place),
                ..Finding::error("black", "cannot parse")
            });
        }
        // Before version 26: `error: cannot format PATH: Cannot parse …: LINE:COLUMN: SOURCE`.
        let (path, reason) = line.strip_prefix("error: cannot format ")?.split_once(": ")?;
        let place = reason.split(": ").find(|part| part.split(':').all(|n| n.parse::<u32>().is_ok()));
        let place = place.map_or_else(|| path.to_owned(), |numbers| format!("{path}:{numbers}"));
        Some(Finding { location: paths.locate(&place), ..Finding::error("black", reason.trim()) })
    };
    strip(output).lines().filter_map(finding).collect()
}

/// `mypy --no-pretty --show-column-numbers`. A note about the place before it becomes its help.
pub fn mypy(output: &str, paths: &Paths) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for line in strip(output).lines() {
        let levels = [(": error: ", Severity::Error), (": note: ", Severity::Note)];
        let parts = levels.iter().find_map(|(word, severity)| {
            line.split_once(word).map(|(place, message)| (place, *severity, message))
        });
        let Some((place, severity, message)) = parts else { continue };
        let Some(location) = paths.locate(place).filter(|location| location.line.is_some()) else { continue };
        let (message, rule) = trailing_rule(message);
        match findings.last_mut() {
            Some(before) if severity == Severity::Note && same_line(before, &location) => {
                before.help.get_or_insert(message);
            }
            _ => findings.push(Finding {
                rule,
                severity,
                location: Some(location),
                ..Finding::error("mypy", message)
            }),
        }
    }
    findings
}

fn same_line(finding: &Finding, location: &Location) -> bool {
    finding.location.as_ref().is_some_and(|own| own.path == location.path && own.line == location.line)
}

/// Sphinx: `PATH:LINE: WARNING: message [rule]`.
///
/// A docstring's lines are counted from its own beginning, so that the finding names the file and the object, not a line.
pub fn sphinx(output: &str, paths: &Paths) -> Vec<Finding> {
    let finding = |line: &str| {
        let levels =
            [("WARNING: ", Severity::Warning), ("ERROR: ", Severity::Error), ("CRITICAL: ", Severity::Error)];
        let (place, severity, message) = levels.iter().find_map(|(word, severity)| {
            let (place, message) = line.split_once(word)?;
            Some((place.trim_end(), *severity, message))
        })?;
        // What is under way stands on the same line: `checking consistency... PATH: WARNING: …`.
        let place = place.rsplit("... ").next().unwrap_or(place);
        let place = if place.is_empty() { "" } else { place.strip_suffix(':')? };
        let (mut message, rule) = trailing_rule(message);
        let location = match place.split_once(":docstring of ") {
            Some((path, object)) => {
                let object = object.rsplit_once(':').map_or(object, |(object, _)| object);
                message = format!("{message} (docstring of `{object}`)");
                paths.locate(path)
            }
            None => paths.locate(place),
        };
        Some(Finding { rule, severity, location, ..Finding::error("sphinx", message) })
    };
    strip(output).lines().filter_map(finding).collect()
}

/// `message [rule]`, taken apart.
fn trailing_rule(text: &str) -> (String, String) {
    let text = text.trim_end();
    let is_rule = |rule: &str| !rule.is_empty() && !rule.contains(|c: char| c.is_whitespace() || c == '[');
    let parts = text.strip_suffix(']').and_then(|rest| rest.rsplit_once(" ["));
    match parts.filter(|(_, rule)| is_rule(rule)) {
        Some((message, rule)) => (message.trim().to_owned(), rule.to_owned()),
        None => (text.to_owned(), String::new()),
    }
}
