//! What gates have looked at and found, as a part of the summary of a step of GitHub Actions.
//!
//! GitHub drops a summary of more than a mebibyte whole, so that what is named is bounded. Markdown and HTML in the words of tools
//! are only words: every character that could be more is written as its number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::core::finding::{Finding, Severity};
use crate::core::gate::Seen;
use crate::core::graph::TaskId;
use crate::core::text;

/// The most findings that are named, and the most gaps.
const NAMED_MAX: usize = 50;

/// The longest words of a tool, in characters.
const WORDS_MAX: usize = 300;

/// The part; empty where there was no gate.
pub fn page(seen: &BTreeMap<TaskId, Seen>) -> String {
    if seen.is_empty() {
        return String::new();
    }
    let mut page = "## Gates\n\n| gate | tool | outcome | looked at | found | suppressed |\n| --- | --- | --- | --- | ---: | ---: |\n".to_owned();
    for (task, Seen { accounts, .. }) in seen {
        for account in accounts {
            let (tool, looked_at) = (words(&account.tool), words(&account.coverage.to_string()));
            let (outcome, found, suppressed) = (account.outcome, account.found, account.suppressed);
            // Writing into a String cannot fail.
            let _infallible =
                writeln!(page, "| {task} | {tool} | {outcome} | {looked_at} | {found} | {suppressed} |");
        }
    }
    let gaps = seen.iter().flat_map(|(task, seen)| {
        let of = seen.accounts.iter().flat_map(|account| account.gaps.iter().map(move |gap| (account, gap)));
        of.map(move |(account, gap)| format!("- {task}: {}: {}", words(&account.tool), words(&gap.why)))
    });
    list(&mut page, "Not looked at", gaps.collect());
    let mut findings: Vec<&Finding> = seen.values().flat_map(|seen| &seen.findings).collect();
    findings.retain(|finding| !finding.is_suppressed());
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    list(&mut page, "Findings", findings.into_iter().map(line).collect());
    page
}

fn list(page: &mut String, heading: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    // Writing into a String cannot fail.
    let _infallible = writeln!(page, "\n### {heading}\n");
    let left = lines.len().saturating_sub(NAMED_MAX);
    for line in lines.into_iter().take(NAMED_MAX) {
        let _infallible = writeln!(page, "{line}");
    }
    if left > 0 {
        let _infallible = writeln!(page, "- … and {left} more");
    }
}

fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "**error**",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let place = finding
        .location
        .as_ref()
        .map_or_else(String::new, |location| format!("{}: ", words(&location.to_string())));
    format!(
        "- {severity} {place}{} ({} {})",
        words(&finding.message),
        words(&finding.tool),
        words(&finding.rule)
    )
}

/// Words of others, on one line, in which nothing is more than a character.
fn words(said: &str) -> String {
    let mut plain = String::new();
    for c in text::one_line(said).chars().take(WORDS_MAX) {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '/' | ';') {
            plain.push(c);
        } else {
            // Writing into a String cannot fail.
            let _infallible = write!(plain, "&#{};", u32::from(c));
        }
    }
    plain
}
