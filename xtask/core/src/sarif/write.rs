//! Findings as SARIF, within what GitHub takes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::model::{
    Answerable, ArtifactLocation, Base, Configuration, Driver, Id, Invocation, Location, Log, Notification,
    Outcome, PhysicalLocation, Properties, Region, Rule, Run, Suppression, Text, Witnesses,
};
use super::{model, uri};
use crate::finding::judged::SuppressedBy;
use crate::finding::weakness::{Confidence, Level};
use crate::finding::{self, Finding, Severity};
use crate::gate::{Account, GapKind};
use crate::text;

/// The most results of a run that GitHub shows; it takes more, and drops the rest.
pub const RESULTS_MAX: usize = 5_000;

/// The most bytes of a file. GitHub takes 10 MB of gzip; what is no larger before is no larger behind, whatever it holds.
pub const BYTES_MAX: usize = 10_000_000 - (64 << 10);

/// The longest message, in characters.
const MESSAGE_MAX: usize = 1_000;

/// What paths are relative to.
const ROOT: &str = "%SRCROOT%";

/// Where a finding is that is nowhere: GitHub takes none without a file. This one is in every repository.
const NOWHERE: &str = "xtask.toml";

/// What one tool has looked at and found in a run.
#[derive(Clone, Copy, Debug)]
pub struct Tool<'t> {
    /// Its name; also that of the category in which GitHub keeps what it finds.
    pub name: &'t str,
    /// Its looks.
    pub accounts: &'t [Account],
    /// What it found.
    pub findings: &'t [Finding],
}

/// A file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// Its text.
    pub text: String,
    /// How many findings were left out, the least bad ones.
    pub left_out: usize,
}

/// The file of one tool: one run with its findings, the worst first, those for which somebody answers behind all others.
pub fn write(tool: &Tool<'_>) -> Written {
    let mut worst: Vec<&Finding> = tool.findings.iter().collect();
    worst.sort_by_key(|finding| {
        let level = finding.weakness.as_ref().map(|weakness| rank(weakness.level));
        (finding.is_suppressed(), Reverse((finding.severity, level)))
    });
    let mut kept = worst.len().min(RESULTS_MAX);
    loop {
        let left_out = worst.len() - kept;
        // Every part is plain data with texts for keys: there is nothing that JSON could not hold.
        let text = serde_json::to_string(&log(tool, &worst[..kept], left_out)).unwrap_or_default();
        if text.len() <= BYTES_MAX || kept == 0 {
            return Written { text: text + "\n", left_out };
        }
        kept = (kept * BYTES_MAX / text.len()).min(kept - 1);
    }
}

fn log<'l>(tool: &Tool<'l>, findings: &[&'l Finding], left_out: usize) -> Log<'l> {
    let mut rules: Vec<Rule<'l>> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let results = findings
        .iter()
        .map(|&finding| {
            let id = if finding.rule.is_empty() { tool.name } else { &finding.rule };
            // The worst come first: a rule is as bad as the first of its findings.
            let index = *known.entry(id).or_insert_with(|| {
                rules.push(rule(id, finding));
                rules.len() - 1
            });
            result(id, index, finding)
        })
        .collect();
    let base = Base { description: Text { text: "the root of the repository".to_owned() } };
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: model::Tool {
                driver: Driver {
                    name: tool.name,
                    version: tool.accounts.iter().find_map(|account| account.version.as_deref()),
                    rules,
                },
            },
            automation_details: Id { id: format!("{}/", tool.name) },
            column_kind: "unicodeCodePoints",
            original_uri_base_ids: BTreeMap::from([(ROOT, base)]),
            invocations: invocations(tool, left_out),
            results,
        }],
    }
}

/// How its looks went; a file without results is then not one of a tool that could not look.
fn invocations(tool: &Tool<'_>, left_out: usize) -> Vec<Invocation> {
    let mut all: Vec<Invocation> = tool.accounts.iter().map(invocation).collect();
    if left_out > 0 {
        let message = format!("{} left out: the worst are kept", text::count(left_out, "finding"));
        let notification = Notification { level: "warning", message: Text { text: message } };
        match all.first_mut() {
            Some(first) => first.tool_execution_notifications.push(notification),
            None => all.push(Invocation {
                execution_successful: true,
                tool_execution_notifications: vec![notification],
            }),
        }
    }
    all
}

fn invocation(account: &Account) -> Invocation {
    let looked = format!("looked at {}", account.coverage);
    let mut notifications = vec![Notification { level: "note", message: Text { text: looked } }];
    notifications.extend(account.gaps.iter().map(|gap| {
        let level = match gap.kind {
            GapKind::Unanswered | GapKind::CouldNotLook => "warning",
            GapKind::ToolError => "error",
        };
        Notification { level, message: words(&gap.why) }
    }));
    Invocation { execution_successful: account.is_whole(), tool_execution_notifications: notifications }
}

fn rule<'l>(id: &'l str, finding: &'l Finding) -> Rule<'l> {
    let weakness = finding.weakness.as_deref();
    let link = weakness.and_then(|weakness| weakness.link.as_deref());
    let link = link.filter(|link| link.starts_with("https://") && !link.contains(char::is_whitespace));
    let help = match (&finding.help, link) {
        (Some(help), _) => words(help),
        (None, Some(link)) => words(&format!("see {link}")),
        (None, None) => words(&finding.message),
    };
    Rule {
        id,
        short_description: words(&finding.message),
        help,
        help_uri: link,
        default_configuration: Configuration { level: level(finding.severity) },
        properties: Properties {
            security_severity: weakness.and_then(|weakness| security_severity(weakness.level)),
            precision: weakness.and_then(|weakness| weakness.confidence).map(precision),
            tags: weakness.map(|_| "security").into_iter().collect(),
        },
    }
}

fn result<'l>(id: &'l str, index: usize, finding: &'l Finding) -> Outcome<'l> {
    let judged = finding.judged.as_deref();
    let prints = judged.map(|judged| ("xtask/v1", judged.fingerprint.as_str()));
    let suppression = judged.and_then(|judged| judged.suppression.as_ref());
    let weakness = finding.weakness.as_deref();
    let (witnesses, aliases) = weakness.map_or_else(Default::default, |weakness| {
        (
            weakness.witnesses.iter().map(String::as_str).collect(),
            weakness.aliases.iter().map(String::as_str).collect(),
        )
    });
    Outcome {
        rule_id: id,
        rule_index: index,
        level: level(finding.severity),
        message: words(&finding.message),
        locations: [Location { physical_location: place(finding.location.as_ref()) }],
        partial_fingerprints: prints.into_iter().collect(),
        suppressions: suppression
            .map(|suppression| {
                let by = match suppression.by {
                    SuppressedBy::Waiver | SuppressedBy::Baseline => "external",
                    SuppressedBy::Source => "inSource",
                };
                Suppression {
                    kind: by,
                    status: "accepted",
                    justification: words(&suppression.reason).text,
                    properties: suppression
                        .owner
                        .as_deref()
                        .map(|owner| Answerable { owner, expires: suppression.expires.as_deref() }),
                }
            })
            .into_iter()
            .collect(),
        properties: Witnesses { witnesses, aliases },
    }
}

fn place(location: Option<&finding::Location>) -> PhysicalLocation {
    let path = location.map_or_else(|| NOWHERE.as_ref(), |location| location.path.as_path());
    let region = location.and_then(|location| {
        let line = location.line.filter(|&line| line > 0)?;
        let end = location.end.filter(|end| end.line >= line);
        Some(Region {
            start_line: line,
            start_column: location.column.filter(|&column| column > 0),
            end_line: end.map(|end| end.line),
            end_column: end.map(|end| end.column).filter(|&column| column > 0),
        })
    });
    let uri_base_id = path.is_relative().then_some(ROOT);
    PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri::from_path(path), uri_base_id },
        region,
    }
}

/// Words of a tool, harmless and not too long.
fn words(said: &str) -> Text {
    let plain = text::strip(said);
    let mut text: String = plain.chars().take(MESSAGE_MAX).collect();
    if text.trim().is_empty() {
        "no message".clone_into(&mut text);
    }
    Text { text }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// What nobody has rated stands where it is judged.
fn rank(level: Level) -> Level {
    if level == Level::Unknown { Level::High } else { level }
}

/// The middle of each rating of CVSS 3.1; GitHub makes the ratings of it again.
fn security_severity(level: Level) -> Option<&'static str> {
    match level {
        Level::Unknown => None,
        Level::Low => Some("2.0"),
        Level::Medium => Some("5.5"),
        Level::High => Some("8.0"),
        Level::Critical => Some("9.5"),
    }
}

fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}
