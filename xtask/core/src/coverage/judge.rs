//! Whether enough ran.

use std::cmp::Reverse;
use std::fmt;

use super::{Coverage, FileCoverage, Share, percent};
use crate::finding::{Finding, Location};

/// The tool in whose name findings are made.
const TOOL: &str = "coverage";

/// How many of the worst files are named.
const WORST: usize = 3;

/// A share that has to be reached, in tenths of a percent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Threshold(u64);

impl Threshold {
    /// Reads it as people write it: `80 %`, `99.5 %`. From 0.1 to 100.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.trim().strip_suffix('%')?.trim_end();
        let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(tenths) || whole.len() > 3 || tenths.len() != 1 {
            return None;
        }
        let value = whole.parse::<u64>().ok()? * 10 + tenths.parse::<u64>().ok()?;
        (1..=1000).contains(&value).then_some(Self(value))
    }

    /// Whether a share reaches it. Where there is nothing that could run, nothing is missing.
    pub fn is_reached_by(self, share: Share) -> bool {
        u128::from(share.covered) * 1000 >= u128::from(share.total) * u128::from(self.0)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent(self.0))
    }
}

/// What has to run at least. `None`: as little as there is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Minimum {
    /// Of the lines of a component.
    pub lines: Option<Threshold>,
    /// Of its branches.
    pub branches: Option<Threshold>,
    /// Of the lines that a change has brought.
    pub changed: Option<Threshold>,
}

/// What falls short of the least that has to run: a finding each, and one for each place of the change that did not run, where
/// too little of that did.
pub fn judge(coverage: &Coverage, minimum: &Minimum) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = &coverage.component;
    let mut short = |rule: &str, what: &str, share: Share, minimum: Option<Threshold>, help: String| {
        let Some(minimum) = minimum.filter(|minimum| !minimum.is_reached_by(share)) else { return false };
        let message = format!(
            "{} of the {what} of `{name}` ran in its tests ({} of {}), at least {minimum} have to",
            share.percent(),
            share.covered,
            share.total
        );
        let help = (!help.is_empty()).then_some(help);
        findings.push(Finding { rule: rule.to_owned(), help, ..Finding::error(TOOL, message) });
        true
    };
    short("lines-min", "lines", coverage.lines(), minimum.lines, worst(coverage, |file| file.lines));
    short(
        "branches-min",
        "branches",
        coverage.branches(),
        minimum.branches,
        worst(coverage, |file| file.branches),
    );
    let Some(changed) = &coverage.changed else { return findings };
    let help = "test them, or say in the review why not; the lines are named one by one".to_owned();
    if short("changed-min", "changed lines", changed.lines, minimum.changed, help) {
        for (path, spans) in &changed.uncovered {
            findings.extend(spans.iter().map(|span| Finding {
                rule: "changed".to_owned(),
                location: Some(Location::at(path, Some(span.first), None)),
                ..Finding::error(TOOL, not_run(span.first, span.last))
            }));
        }
    }
    findings
}

fn not_run(first: u32, last: u32) -> String {
    if first == last {
        format!("line {first} has changed, and no test runs it")
    } else {
        format!("lines {first} to {last} have changed, and no test runs them")
    }
}

/// The files of which most did not run, in words.
fn worst(coverage: &Coverage, share: impl Fn(&FileCoverage) -> Share) -> String {
    let missing = |file: &&FileCoverage| share(file).total - share(file).covered.min(share(file).total);
    let mut files: Vec<&FileCoverage> = coverage.files.iter().filter(|file| missing(file) > 0).collect();
    files.sort_by_key(|file| Reverse(missing(file)));
    let words = files.iter().take(WORST).map(|file| {
        let (path, missing) = (file.path.display(), missing(file));
        format!("`{path}` ({missing} did not run, {})", share(file).percent())
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { String::new() } else { format!("most is missing in {}", words.join(", ")) }
}
