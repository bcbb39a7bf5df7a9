//! Findings that a tool has written as SARIF.
//!
//! Tools differ in what they leave out: rules are named or counted, places have a base or none, levels stand at the result, at
//! its rule, or nowhere. A part that is not understood costs that part; a file that is none costs the look.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::uri;
use crate::finding::judged::{Judged, SuppressedBy, Suppression};
use crate::finding::weakness::{Confidence, Level, Weakness};
use crate::finding::{self, Finding, Paths, Position, Severity};
use crate::text::one_line;

/// What a tool has written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The version of the tool, where it says that.
    pub version: Option<String>,
    /// What it found.
    pub findings: Vec<Finding>,
    /// How many files it names as those that it looked at; 0 where it names none.
    pub files: usize,
    /// What it could not do, in its own words.
    pub trouble: Vec<String>,
}

/// Why a text is no SARIF that can be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SarifError {
    /// It is empty.
    #[error("the report is empty")]
    Empty,
    /// It is no JSON, or JSON of something else.
    #[error("the report is no SARIF: {0}")]
    Other(String),
    /// It has a version that is not known.
    #[error("the report has version {0} of SARIF, and only 2.1.0 is known")]
    Version(String),
    /// It has no run: nothing says that the tool has looked.
    #[error("the report has no run")]
    NoRun,
}

/// Reads what `tool` has written in the folder of `paths`.
///
/// A finding with `security-severity` at its rule is a weakness; one that a comment in the source suppresses stays one, and is
/// marked so.
pub fn read(tool: &str, text: &str, paths: &Paths) -> Result<Report, SarifError> {
    if text.trim().is_empty() {
        return Err(SarifError::Empty);
    }
    // Some editors and tools on Windows begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let log: Log = serde_json::from_str(text).map_err(|error| SarifError::Other(error.to_string()))?;
    if log.version.is_empty() {
        return Err(SarifError::Other("it names no version".to_owned()));
    }
    if log.version != "2.1.0" {
        return Err(SarifError::Version(one_line(&log.version).chars().take(20).collect()));
    }
    let mut runs = log.runs;
    if runs.is_empty() {
        return Err(SarifError::NoRun);
    }
    let mut report = Report::default();
    for run in &mut runs {
        let results = std::mem::take(&mut run.results).ok_or_else(|| {
            // The specification: no list means that the tool did not get so far.
            SarifError::Other("a run without a list of results has not looked at anything".to_owned())
        })?;
        let driver = &run.tool.driver;
        let version = driver.semantic_version.as_ref().or(driver.version.as_ref());
        report.version = report.version.take().or_else(|| version.cloned());
        report.files += run.artifacts.len();
        for invocation in &run.invocations {
            let said = &invocation.tool_execution_notifications;
            let errors = said.iter().filter(|said| said.level.as_deref() == Some("error"));
            let before = report.trouble.len();
            report.trouble.extend(errors.map(|said| said.message.words(None)));
            if invocation.execution_successful == Some(false) && report.trouble.len() == before {
                report.trouble.push("it says that it did not succeed".to_owned());
            }
        }
        let found = results.iter().filter(|result| !result.is_none());
        report.findings.extend(found.map(|result| run.finding(tool, result, paths)));
    }
    Ok(report)
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    version: String,
    #[serde(default)]
    runs: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    results: Option<Vec<Outcome>>,
    #[serde(default)]
    artifacts: Vec<Artifact>,
    #[serde(default)]
    invocations: Vec<Invocation>,
    #[serde(default)]
    original_uri_base_ids: BTreeMap<String, ArtifactLocation>,
}

#[derive(Deserialize)]
struct Tool {
    driver: Driver,
    #[serde(default)]
    extensions: Vec<Driver>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    version: Option<String>,
    semantic_version: Option<String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    id: String,
    help: Option<Message>,
    help_uri: Option<String>,
    short_description: Option<Message>,
    default_configuration: Option<Configuration>,
    #[serde(default)]
    message_strings: BTreeMap<String, Message>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Deserialize)]
struct Configuration {
    level: Option<String>,
}

#[derive(Default, Deserialize)]
struct Properties {
    #[serde(rename = "security-severity")]
    security_severity: Option<serde_json::Value>,
    precision: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Artifact {
    location: Option<ArtifactLocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: Option<bool>,
    #[serde(default)]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    level: Option<String>,
    #[serde(default)]
    message: Message,
}

/// A result; the word is taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: Option<String>,
    rule_index: Option<usize>,
    rule: Option<RuleReference>,
    level: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    message: Message,
    #[serde(default)]
    locations: Vec<Location>,
    #[serde(default)]
    suppressions: Vec<Suppressed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleReference {
    id: Option<String>,
    index: Option<usize>,
    tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
struct ComponentReference {
    index: Option<usize>,
}

#[derive(Default, Deserialize)]
struct Message {
    text: Option<String>,
    markdown: Option<String>,
    id: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Option<PhysicalLocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Option<ArtifactLocation>,
    region: Option<Region>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: Option<String>,
    uri_base_id: Option<String>,
    index: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: Option<u32>,
    start_column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
}

#[derive(Deserialize)]
struct Suppressed {
    kind: Option<String>,
    status: Option<String>,
    justification: Option<String>,
}

impl Outcome {
    /// Whether it says that nothing is wrong: some tools write down what they have checked as well.
    fn is_none(&self) -> bool {
        matches!(self.kind.as_deref(), Some("pass" | "notApplicable"))
    }

    /// Whether it says that something is wrong, not that somebody should look.
    fn is_failure(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "fail")
    }
}

impl Run {
    fn finding(&self, tool: &str, result: &Outcome, paths: &Paths) -> Finding {
        let rule = self.rule(result);
        let id = result.rule_id.as_ref().or(result.rule.as_ref().and_then(|rule| rule.id.as_ref()));
        let id = id.or_else(|| rule.map(|rule| &rule.id)).map_or("", String::as_str);
        let score = rule.and_then(|rule| rule.properties.security_severity.as_ref()).and_then(number);
        let message = result.message.words(rule);
        let weakness = score.filter(|_| result.is_failure()).map(|score| {
            let precision = rule.and_then(|rule| rule.properties.precision.as_ref());
            let link = rule.and_then(|rule| rule.help_uri.clone());
            Box::new(Weakness {
                level: Level::of_score(score),
                confidence: precision.and_then(|word| confidence(word.as_str()?)),
                link,
                ..Weakness::default()
            })
        });
        Finding {
            rule: one_line(id).into_owned(),
            severity: severity(result, rule),
            location: result.locations.first().and_then(|location| self.place(location, paths)),
            help: rule.and_then(help).filter(|help| says_more(help, &message)),
            weakness,
            judged: suppression(&result.suppressions).map(|suppression| {
                Box::new(Judged { fingerprint: String::new(), source: None, suppression: Some(suppression) })
            }),
            ..Finding::error(tool, message)
        }
    }

    fn rule(&self, result: &Outcome) -> Option<&Rule> {
        let reference = result.rule.as_ref();
        let component = reference
            .and_then(|rule| rule.tool_component.as_ref()?.index)
            .map_or(Some(&self.tool.driver), |extension| self.tool.extensions.get(extension))?;
        let index = result.rule_index.or_else(|| reference.and_then(|rule| rule.index));
        if let Some(index) = index {
            return component.rules.get(index);
        }
        let id = result.rule_id.as_ref()?;
        // `CA1000/1` is a finer name of the rule `CA1000`.
        let coarse = id.rsplit_once('/').map_or(id.as_str(), |(coarse, _)| coarse);
        let of = |id: &str| component.rules.iter().find(|rule| rule.id == id);
        of(id).or_else(|| of(coarse))
    }

    fn place(&self, location: &Location, paths: &Paths) -> Option<finding::Location> {
        let physical = location.physical_location.as_ref()?;
        let artifact = physical.artifact_location.as_ref()?;
        let path = paths.relative(&self.path(artifact, 0)?);
        let region = physical.region.as_ref();
        let line = region.and_then(|region| region.start_line).filter(|&line| line > 0);
        let column = region.and_then(|region| region.start_column).filter(|&column| column > 0);
        let end = region.and_then(|region| {
            let line = region.end_line.or(region.start_line)?;
            Some(Position { line, column: region.end_column? })
        });
        let end =
            end.filter(|end| Some(*end) > line.map(|line| Position { line, column: column.unwrap_or(1) }));
        let column = column.filter(|_| line.is_some());
        Some(finding::Location {
            end: end.filter(|_| column.is_some()),
            ..finding::Location::at(path, line, column)
        })
    }

    /// The path of a place, by itself or by its number, below its base. A base may have one of its own; they may also go round.
    fn path(&self, artifact: &ArtifactLocation, depth: usize) -> Option<PathBuf> {
        let listed = || self.artifacts.get(artifact.index?)?.location.as_ref();
        let artifact = if artifact.uri.is_some() { artifact } else { listed()? };
        let path = uri::to_path(artifact.uri.as_deref()?)?;
        let base = artifact.uri_base_id.as_ref().and_then(|id| self.original_uri_base_ids.get(id));
        match base {
            Some(base) if path.is_relative() && depth < 8 => {
                Some(self.path(base, depth + 1).unwrap_or_default().join(path))
            }
            _ => Some(path),
        }
    }
}

impl Message {
    fn words(&self, rule: Option<&Rule>) -> String {
        let named = || rule?.message_strings.get(self.id.as_ref()?)?.text.as_ref();
        let words = self.text.as_ref().or_else(named).or(self.markdown.as_ref());
        let described = || rule?.short_description.as_ref()?.text.as_ref();
        let words = words.or_else(described).map_or("no message", String::as_str);
        let mut words = words.to_owned();
        for (number, argument) in self.arguments.iter().enumerate() {
            words = words.replace(&format!("{{{number}}}"), argument);
        }
        one_line(&words).into_owned()
    }
}

/// What is to be done, in one line: the help of rules is whole pages for some tools.
fn help(rule: &Rule) -> Option<String> {
    let text = rule.help.as_ref()?.text.as_ref()?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(one_line(line).into_owned())
}

/// Whether help is more than the message once more, or the form that it was made from.
fn says_more(help: &str, message: &str) -> bool {
    let form = help.split('{').next().unwrap_or_default();
    !message.contains(form.trim_end())
}

fn severity(result: &Outcome, rule: Option<&Rule>) -> Severity {
    if !result.is_failure() {
        return Severity::Note;
    }
    let usual = || rule?.default_configuration.as_ref()?.level.as_deref();
    match result.level.as_deref().or_else(usual) {
        Some("error") => Severity::Error,
        Some("note" | "none") => Severity::Note,
        // So says the specification.
        _ => Severity::Warning,
    }
}

/// Whether somebody has said at its place that it may stay. One that is under review or was rejected suppresses nothing.
fn suppression(all: &[Suppressed]) -> Option<Suppression> {
    let accepted =
        all.iter().all(|suppressed| suppressed.status.as_deref().is_none_or(|status| status == "accepted"));
    let first = all.first().filter(|_| accepted)?;
    let by = match first.kind.as_deref() {
        Some("external") => SuppressedBy::Baseline,
        _ => SuppressedBy::Source,
    };
    let reason = first.justification.as_deref().unwrap_or("a comment at its place says so");
    Some(Suppression { by, reason: one_line(reason).into_owned(), owner: None, expires: None })
}

fn number(value: &serde_json::Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())
        .filter(|score| (0.0..=10.0).contains(score))
}

fn confidence(word: &str) -> Option<Confidence> {
    match word {
        "low" => Some(Confidence::Low),
        "medium" => Some(Confidence::Medium),
        "high" | "very-high" => Some(Confidence::High),
        _ => None,
    }
}
