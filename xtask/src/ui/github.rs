//! The log for GitHub Actions: groups to fold, annotations on files and lines.
//!
//! GitHub reads commands from the log (`::name key=value::data`, and the old `##[name]` anywhere in a line), so whatever a
//! tool wrote stands between `::stop-commands::TOKEN` and `::TOKEN::`, where it is only text. Groups do not nest, and GitHub
//! shows them folded: the output of a task that passed is in one, that of a task that did not is in none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::log::Dialect;
use super::record::Record;
use super::summary::Summary;
use crate::core::capture::Capture;
use crate::core::finding::{Finding, Location, Severity};
use crate::core::graph::TaskId;
use crate::core::report::{TestCase, TestOutcome};
use crate::core::text;
use crate::event::{RunEnd, Status, TaskEnd};

/// How much of each end of a running task's output is kept for its group, in bytes.
const KEPT: usize = 32 << 10;

/// The most annotations; GitHub keeps ten of each severity for a step and drops the rest without a word.
const ANNOTATIONS_MAX: usize = 10;

/// The longest message of an annotation, in characters; GitHub cuts at 4,096 bytes with the escapes.
const MESSAGE_MAX: usize = 1_000;

/// Groups and annotations.
pub struct GitHub {
    /// What running tasks wrote.
    outputs: BTreeMap<TaskId, Capture>,
    token: Box<dyn FnMut() -> String + Send>,
}

impl Default for GitHub {
    fn default() -> Self {
        Self { outputs: BTreeMap::new(), token: Box::new(random) }
    }
}

/// A word that no tool can guess: the keys of the hasher come from the system's randomness.
pub(crate) fn random() -> String {
    let [a, b] = [(), ()].map(|()| RandomState::new().build_hasher().finish());
    format!("{a:016x}{b:016x}")
}

impl Dialect for GitHub {
    fn output(&mut self, task: &TaskId, line: &str) {
        let capture = self.outputs.entry(task.clone()).or_insert_with(|| Capture::new(KEPT, KEPT));
        capture.push(text::strip(line).as_bytes());
        capture.push(b"\n");
    }

    fn task(&mut self, end: &TaskEnd, line: String) -> String {
        match self.outputs.remove(&end.task) {
            Some(output) if end.status == Status::Passed => {
                format!("::group::{}\n{}::endgroup::\n", escape(line.trim_end()), self.sealed(&output.text()))
            }
            _ => line,
        }
    }

    fn note(&mut self, lines: String) -> String {
        if lines.contains("##[") || lines.lines().any(|line| line.trim_start().starts_with("::")) {
            self.sealed(&lines)
        } else {
            lines
        }
    }

    fn summary(&mut self, end: &RunEnd, record: &Record, summary: Summary) -> String {
        // Behind the words of tools only the verdict may stand; commands go first.
        let annotations = annotations(end, record);
        let text = if annotations.is_empty() { self.note(summary.text) } else { self.sealed(&summary.text) };
        format!("{annotations}{text}{}", summary.verdict)
    }
}

impl GitHub {
    /// `text`, in which GitHub reads no commands.
    fn sealed(&mut self, text: &str) -> String {
        let token = (self.token)();
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        format!("::stop-commands::{token}\n{text}{newline}::{token}::\n")
    }
}

/// Something worth a mark in the list of changed files.
struct Annotation {
    severity: Severity,
    location: Option<Location>,
    title: String,
    message: String,
}

/// The commands for the worst findings, the failed tests and the tasks that failed without either.
fn annotations(end: &RunEnd, record: &Record) -> String {
    let mut all = Vec::new();
    for task in &end.tasks {
        let before = all.len();
        all.extend(record.findings(&task.task).iter().map(of_finding));
        let cases = record.reports(&task.task).iter().flat_map(|report| &report.cases);
        all.extend(cases.filter_map(of_test));
        let nothing = all[before..].iter().all(|annotation| annotation.severity != Severity::Error);
        if matches!(task.status, Status::Failed | Status::TimedOut)
            && nothing
            && let Some(failure) = &task.failure
        {
            let (title, message) = (task.task.to_string(), failure.message().to_owned());
            all.push(Annotation { severity: Severity::Error, location: None, title, message });
        }
    }
    all.extend(end.tasks.iter().filter(|task| task.is_flaky()).map(of_flaky));
    all.extend(end.failures.iter().map(|failure| {
        let (title, message) = ("the run".to_owned(), failure.message().to_owned());
        Annotation { severity: Severity::Error, location: None, title, message }
    }));
    all.extend(record.gaps().map(|(task, tool, gap)| {
        let (title, message) = (task.to_string(), format!("{tool} did not look at everything: {}", gap.why));
        Annotation { severity: Severity::Warning, location: None, title, message }
    }));
    all.sort_by_key(|annotation| std::cmp::Reverse(annotation.severity));
    let mut commands: String = all.iter().take(ANNOTATIONS_MAX).map(Annotation::command).collect();
    if let Some(rest) = all.len().checked_sub(ANNOTATIONS_MAX).filter(|&rest| rest > 0) {
        // Writing into a String cannot fail.
        let _infallible = writeln!(commands, "… and {}, named below", text::count(rest, "more problem"));
    }
    commands
}

fn of_finding(finding: &Finding) -> Annotation {
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let title = format!("{} {}", finding.tool, finding.rule).trim_end().to_owned();
    Annotation { severity: finding.severity, location: finding.location.clone(), title, message }
}

fn of_flaky(end: &TaskEnd) -> Annotation {
    let mut message = format!("passed only on try {}", end.earlier.len() + 1);
    for (number, attempt) in (1..).zip(&end.earlier) {
        // Writing into a String cannot fail.
        let _infallible = write!(message, "\ntry {number}: {}", attempt.failure.message());
    }
    let title = format!("flaky: {}", end.task);
    Annotation { severity: Severity::Warning, location: None, title, message }
}

fn of_test(case: &TestCase) -> Option<Annotation> {
    let TestOutcome::Failed { message, .. } = &case.outcome else { return None };
    let (title, message) = (format!("failed: {}", case.name), message.clone());
    Some(Annotation { severity: Severity::Error, location: case.place(), title, message })
}

impl Annotation {
    fn command(&self) -> String {
        let name = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties = Vec::new();
        if let Some(Location { path, line, column, end }) = &self.location {
            properties.push(format!("file={}", escape_property(&path.to_string_lossy())));
            properties.extend(line.map(|line| format!("line={line}")));
            properties.extend(end.map(|end| format!("endLine={}", end.line)));
            properties.extend(column.map(|column| format!("col={column}")));
            // GitHub shows columns only of what stands on one line.
            let on_one_line = end.filter(|end| Some(end.line) == *line);
            properties.extend(on_one_line.map(|end| format!("endColumn={}", end.column)));
        }
        properties.push(format!("title={}", escape_property(&self.title)));
        let message: String = text::strip(&self.message).chars().take(MESSAGE_MAX).collect();
        format!("::{name} {}::{}\n", properties.join(","), escape(&message))
    }
}

/// The data of a command.
fn escape(data: &str) -> String {
    text::strip(data).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn escape_property(value: &str) -> String {
    escape(value).replace(':', "%3A").replace(',', "%2C")
}
