//! The scanners that are known: how each is called, which versions of it are known, and how a look is made of its answer.
//!
//! What every scanner has in common is judged here, in one place: that it was killed or ran out of time, that its exit code
//! belongs to what its report says, that it looked at anything at all, that its version is one whose reports were seen. An
//! adapter only reads the report. A new one is a file with a `read` and a [`Scanner`], and a line in [`ALL`].

use serde::de::DeserializeOwned;

use super::{Answer, Coverage, Gap, GapKind, Look};
use crate::finding::weakness::Level;
use crate::finding::{Finding, Paths, Weakness};
use crate::text;
use crate::version::Version;

pub mod actionlint;
pub mod cargo_audit;
pub mod cargo_deny;
mod cvss;
pub mod dependency_check;
pub mod gitleaks;
pub mod hadolint;
pub mod kingfisher;
pub mod npm_audit;
pub mod osv_scanner;
pub mod pip_audit;
pub mod ruff;
pub mod semgrep;
pub mod snyk;
pub mod trivy;
pub mod trufflehog;
pub mod zizmor;

/// All scanners, in the order in which they are documented.
pub const ALL: &[&Scanner] = &[
    &kingfisher::WORKTREE,
    &kingfisher::HISTORY,
    &gitleaks::SCANNER,
    &trufflehog::SCANNER,
    &pip_audit::SCANNER,
    &npm_audit::SCANNER,
    &cargo_deny::SCANNER,
    &cargo_audit::SCANNER,
    &osv_scanner::SCANNER,
    &snyk::SCANNER,
    &dependency_check::SCANNER,
    &ruff::SCANNER,
    &semgrep::SEMGREP,
    &semgrep::OPENGREP,
    &zizmor::SCANNER,
    &actionlint::SCANNER,
    &hadolint::SCANNER,
    &trivy::FILES,
    &trivy::CONFIGURATION,
    &trivy::IMAGE,
];

/// In [`Scanner::arguments`], what is to be looked at.
pub const TARGET: &str = "{target}";

/// In [`Scanner::arguments`], the file that the report is to be written to.
pub const REPORT: &str = "{report}";

/// How [`Answer::ended`] says that the time was over.
pub const OUT_OF_TIME: &str = "ran out of time";

/// How much of what a scanner says is repeated, in columns.
const WORDS_MAX: usize = 300;

/// Reads what a scanner answered: what it looked at and found, or why that cannot be told.
pub type Read = fn(&Answer<'_>, &Paths) -> Result<Look, Gap>;

/// A scanner.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    /// What people call it: `pip-audit`.
    pub name: &'static str,
    /// The name of its executable.
    pub program: &'static str,
    /// What it looks at, in a few words.
    pub about: &'static str,
    /// Arguments that make it say its version.
    pub ask: &'static [&'static str],
    /// The versions whose reports were seen, by their first numbers: `2`, `1.32`.
    pub known: &'static [&'static str],
    /// How it is called; [`TARGET`] and [`REPORT`] stand for paths.
    pub arguments: &'static [&'static str],
    /// Arguments with which it prints a line for each file that it would look at, where its report does not say how many it
    /// has. What it prints then is [`Answer::report`].
    pub census: &'static [&'static str],
    /// Exit codes when it has looked.
    pub clean: &'static [i32],
    /// Exit codes when it has looked and found something.
    pub found: &'static [i32],
    /// What it looks at one by one, in the singular.
    pub unit: &'static str,
    /// Where what it compares with comes from, where that is not in the tool.
    pub feed: Option<&'static str>,
    /// Variables with its own settings: it is given them where they are set, and no other command. A trailing `*` stands for any
    /// ending.
    pub settings: &'static [&'static str],
    /// How to get it.
    pub get: &'static str,
    /// Reads its answer.
    pub read: Read,
}

impl Scanner {
    /// What it looked at and found, by its answer.
    pub fn look(&self, answer: &Answer<'_>, paths: &Paths) -> Look {
        let none = Look::at(self.name, Coverage::new(0, self.unit));
        let Some(code) = answer.code else {
            let kind = if answer.ended == OUT_OF_TIME { GapKind::Unanswered } else { GapKind::ToolError };
            let why = format!("nothing is known of what it looked at: it {}", answer.ended);
            return self.of_feed(none.gap(kind, why, None));
        };
        let look = match (self.read)(answer, paths) {
            Ok(look) => self.of_feed(look),
            Err(gap) => return self.of_feed(Look { gaps: vec![gap], ..none }),
        };
        let (clean, found) = (self.clean.contains(&code), self.found.contains(&code));
        if !clean && !found {
            let why = format!("what it found may not be all: it ended with exit code {code}{}", said(answer));
            return look.gap(GapKind::ToolError, why, None);
        }
        if !clean && look.findings.is_empty() && look.gaps.is_empty() {
            let why = format!("exit code {code} says that it found something, and its report says nothing");
            return look.gap(GapKind::ToolError, why, None);
        }
        if look.coverage.examined == 0 && look.findings.is_empty() && look.gaps.is_empty() {
            return look.gap(GapKind::CouldNotLook, format!("it looked at no {}", self.unit), None);
        }
        look
    }

    /// The look, by a version that calls itself `said`. What an unknown version found counts; that it found all is not sure.
    pub fn by_version(&self, mut look: Look, said: &str) -> Look {
        let Some(version) = Version::find_in(said) else {
            return look.gap(
                GapKind::CouldNotLook,
                "it does not say its version: its report may mean another thing",
                None,
            );
        };
        let number = version.to_string();
        let is_known = |known: &&str| {
            number.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        look.version = Some(number.clone());
        if self.known.iter().any(is_known) {
            return look;
        }
        let which = match self.known {
            [] => "no version's are".to_owned(),
            known => format!("those of {} are", known.join(", ")),
        };
        let why = format!(
            "reports of version {number} are not known, {which}: it may say more than was understood"
        );
        look.gap(GapKind::CouldNotLook, why, Some(self.get))
    }

    /// The look, with what its feed is where that gave no answer. Who has no feed waits for none.
    fn of_feed(&self, mut look: Look) -> Look {
        for gap in look.gaps.iter_mut().filter(|gap| gap.kind == GapKind::Unanswered) {
            match self.feed {
                Some(feed) if gap.hint.is_none() => {
                    gap.hint = Some(format!("it needs {feed}; a company's proxy is named by `HTTPS_PROXY`"));
                }
                Some(_) => {}
                None => gap.kind = GapKind::CouldNotLook,
            }
        }
        look
    }
}

/// The JSON in `text`, whatever lines stand before it.
fn json<T: DeserializeOwned>(answer: &Answer<'_>, text: &str) -> Result<T, Gap> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(no_report(answer, "it wrote no report"));
    }
    let starts = text.match_indices(['{', '[']).map(|(at, _)| at);
    let starts = starts.filter(|&at| at == 0 || text[..at].ends_with('\n'));
    let mut failure = None;
    for start in starts.take(STARTS_MAX) {
        match serde_json::from_str(&text[start..]) {
            Ok(report) => return Ok(report),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if text.starts_with('<') {
        return Err(no_answer(format!("it got a web page where its report should be{}", title(text))));
    }
    let why = failure.map_or_else(|| "it is no JSON".to_owned(), |error| error.to_string());
    Err(no_report(answer, &format!("what it wrote is not its report: {why}")))
}

/// How many lines are tried as the first one of a report.
const STARTS_MAX: usize = 64;

/// The title of a web page, in brackets.
fn title(page: &str) -> String {
    let inner = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    inner.map_or_else(String::new, |(title, _)| format!(" (“{}”)", words(title)))
}

/// Why there is no report: because something could not be reached, or because the tool is broken.
fn no_report(answer: &Answer<'_>, why: &str) -> Gap {
    let kind = if is_unreachable(answer.stderr) || is_unreachable(answer.stdout) {
        GapKind::Unanswered
    } else {
        GapKind::ToolError
    };
    Gap { kind, why: format!("{why}; it ended with {}{}", ended(answer), said(answer)), hint: None }
}

fn ended(answer: &Answer<'_>) -> String {
    answer.code.map_or_else(|| answer.ended.to_owned(), |code| format!("exit code {code}"))
}

/// A gap that is no fault of the tool.
fn could_not_look(why: impl Into<String>) -> Gap {
    Gap { kind: GapKind::CouldNotLook, why: text::one_line(&why.into()).into_owned(), hint: None }
}

/// A gap because what was asked gave no answer that helps.
fn no_answer(why: impl Into<String>) -> Gap {
    Gap { kind: GapKind::Unanswered, ..could_not_look(why) }
}

/// Whether words tell that another machine could not be reached, or gave no answer that helps.
fn is_unreachable(words: &str) -> bool {
    const SIGNS: &[&str] = &[
        "certificate",
        "connection error",
        "connection refused",
        "connection reset",
        "connectionerror",
        "could not resolve",
        "dns error",
        "econnrefused",
        "econnreset",
        "enotfound",
        "etimedout",
        "jsondecodeerror",
        "max retries exceeded",
        "name resolution",
        "network is unreachable",
        "no route to host",
        "no such host",
        "proxy",
        "timed out",
        "unable to access",
    ];
    let lower = words.to_ascii_lowercase();
    SIGNS.iter().any(|sign| lower.contains(sign))
}

/// The line of its standard error that says most, behind a colon; nothing where it said nothing. A traceback of Python says it
/// last.
fn said(answer: &Answer<'_>) -> String {
    let plain = text::strip(answer.stderr);
    let lines = || plain.lines().map(str::trim).filter(|line| !line.is_empty());
    if plain.contains("Traceback (most recent call last)") {
        return lines().next_back().map_or_else(String::new, |line| format!(": {}", words(line)));
    }
    let is_error = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        ["error", "fatal", "failed", "panic"].iter().any(|word| lower.contains(word))
    };
    let line = lines().find(is_error).or_else(|| lines().next_back());
    line.map_or_else(String::new, |line| format!(": {}", words(line)))
}

/// Foreign words, harmless and not long.
fn words(words: &str) -> String {
    text::truncate(&text::one_line(words), WORDS_MAX).into_owned()
}

/// The first sentence or line of a description.
fn first_sentence(description: &str) -> String {
    let plain = text::strip(description.trim());
    let line = plain.lines().find(|line| !line.trim_start_matches(['#', ' ']).is_empty()).unwrap_or_default();
    let line = line.trim_start_matches(['#', ' ']);
    let end = line.find(". ").unwrap_or(line.len());
    words(line[..end].trim_end_matches('.'))
}

/// A weakness that `tool` found.
fn weakness(tool: &str, rule: &str, message: &str, weakness: Weakness) -> Finding {
    Finding { rule: words(rule), weakness: Some(Box::new(weakness)), ..Finding::error(tool, words(message)) }
}

/// A weakness of which only the level is known.
fn of_level(level: Level) -> Weakness {
    Weakness { level, ..Weakness::default() }
}

/// What to do about a package with a weakness.
fn upgrade(fixed: &[String]) -> String {
    match fixed {
        [] => {
            "there is no version without it yet: take another package, or waive it with a reason".to_owned()
        }
        [version] => format!("upgrade to {version}"),
        versions => format!("upgrade to one of {}", versions.join(", ")),
    }
}

#[cfg(test)]
mod tests;
