//! The summary of a step, as GitHub shows it above the logs: the verdict, what failed and why, what took long, what was reused.
//!
//! GitHub drops a summary above 1 MiB whole, so that pieces are left out, and counted, before that. Whatever tools wrote is
//! escaped, or stands in a block of text.

use std::sync::Mutex;
use std::time::Duration;

use super::record::Record;
use super::{Repeat, lines, lock, summary};
use crate::core::coverage::Share;
use crate::core::finding::{Finding, Severity};
use crate::core::markdown::{block, code, escape, folded};
use crate::core::release::narration::Line;
use crate::core::report::{TestCase, TestOutcome};
use crate::core::text;
use crate::error::{Error, Style};
use crate::event::{Body, Event, Level, Reuse, RunEnd, Sink, Status, TaskEnd};

/// How long a summary gets at most, in bytes. The limit is 1,048,576.
const SIZE_MAX: usize = 900_000;

/// How many tasks that did not pass are shown, with how many lines and bytes of what each wrote, and how many of its problems.
const FAILED_MAX: usize = 30;
/// See [`FAILED_MAX`].
const EXCERPT_LINES: usize = 60;
/// See [`FAILED_MAX`].
const EXCERPT_BYTES: usize = 12_000;
/// See [`FAILED_MAX`].
const NAMED_MAX: usize = 20;

/// How many of the slowest tasks are shown, and how many lines of a release.
const SLOWEST: usize = 10;
/// See [`SLOWEST`].
const TOLD_MAX: usize = 400;

/// What a summary is about.
#[derive(Clone)]
pub struct About {
    /// The command line.
    pub command: String,
    /// Which attempt of the job this is, from 1.
    pub attempt: u32,
    /// The fork that the pull request comes from.
    pub fork: Option<String>,
    /// The command that repeats a task.
    pub repeat: Repeat,
}

/// The sink that collects what a summary is made of.
#[derive(Default)]
pub struct Collector {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    record: Record,
    end: Option<RunEnd>,
    told: Vec<Line>,
    warnings: Vec<String>,
}

impl Sink for Collector {
    fn event(&self, event: &Event) {
        let mut inner = lock(&self.inner);
        inner.record.take(&event.body);
        match &event.body {
            Body::RunFinished(end) => inner.end = Some(end.clone()),
            Body::Narrated { line, .. } => inner.told.push(line.clone()),
            Body::Note { level: Level::Warning, task, message, .. } => {
                let task = task.as_ref().map_or_else(String::new, |task| format!("{task}: "));
                inner.warnings.push(format!("{task}{message}"));
            }
            _ => {}
        }
    }
}

impl Collector {
    /// The summary; `None` where there is nothing to sum up. `error` is what the command ended with.
    pub fn text(&self, about: &About, error: Option<&Error>) -> Option<String> {
        let inner = lock(&self.inner);
        if inner.end.is_none() && inner.told.is_empty() && error.is_none() {
            return None;
        }
        let mut page = Page { text: String::new(), left_out: 0 };
        page.head(&inner, about, error);
        if let Some(end) = &inner.end {
            page.failures(&inner.record, end, about);
            page.coverage(&inner.record);
            page.slowest(end);
            page.cache(end);
        }
        page.told(&inner.told);
        page.warnings(&inner.warnings);
        if page.left_out > 0 {
            page.text.extend([format!("\n… and {}, in the log\n", text::count(page.left_out, "more part"))]);
        }
        Some(page.text)
    }
}

struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    /// Adds a piece where there is room for it.
    fn add(&mut self, piece: &str) {
        if self.text.len() + piece.len() <= SIZE_MAX {
            self.text.push_str(piece);
        } else {
            self.left_out += 1;
        }
    }

    fn head(&mut self, inner: &Inner, about: &About, error: Option<&Error>) {
        let verdict = inner.end.as_ref().map(|end| summary::verdict(end, &inner.record, Style::PLAIN));
        let verdict = match (verdict, error) {
            (Some(verdict), _) => verdict,
            (None, Some(error)) => error.in_words(),
            (None, None) => {
                inner.told.last().and_then(|line| line.words.first()).cloned().unwrap_or_default()
            }
        };
        let mut verdict = verdict.lines().filter(|line| !line.is_empty());
        let head = format!("## {}\n\n", escape(verdict.next().unwrap_or_default()));
        self.add(&head);
        for line in verdict {
            self.add(&format!("{}\n\n", escape(line)));
        }
        let attempt = if about.attempt > 1 { format!(", attempt {}", about.attempt) } else { String::new() };
        self.add(&format!("{}{attempt}\n\n", code(&about.command)));
        if let Some(fork) = &about.fork {
            self.add(&format!("From {}: {}\n\n", escape(fork), escape(FORK)));
        }
        for hint in error.iter().flat_map(|error| error.hints()) {
            self.add(&format!("- {}\n", escape(hint)));
        }
    }

    fn failures(&mut self, record: &Record, end: &RunEnd, about: &About) {
        let is_bad = |task: &&TaskEnd| !matches!(task.status, Status::Passed | Status::Skipped);
        let bad: Vec<&TaskEnd> = end.tasks.iter().filter(is_bad).collect();
        for task in bad.iter().take(FAILED_MAX) {
            self.add(&failure(record, task, &about.repeat));
        }
        self.left_out += bad.len().saturating_sub(FAILED_MAX);
    }

    fn coverage(&mut self, record: &Record) {
        let mut table = String::from(
            "\n### Coverage\n\n| component | lines | branches | of the change |\n|---|---:|---:|---:|\n",
        );
        let mut missing = Vec::new();
        for coverage in record.coverage() {
            let share = |now: Share, then: Option<Share>| {
                let more = then.and_then(|then| now.more_than(then));
                now.percent() + &more.map_or_else(String::new, |more| format!(" ({more})"))
            };
            let before = coverage.before.as_ref();
            let changed = coverage.changed.as_ref();
            table.extend([format!(
                "| {} | {} | {} | {} |\n",
                code(&coverage.component),
                share(coverage.lines(), before.map(|before| before.lines)),
                share(coverage.branches(), before.map(|before| before.branches)),
                changed.map_or_else(|| "–".to_owned(), |changed| changed.lines.percent())
            )]);
            let uncovered = changed.into_iter().flat_map(|changed| &changed.uncovered);
            missing.extend(uncovered.map(|(path, spans)| {
                let spans: Vec<String> = spans.iter().take(NAMED_MAX).map(ToString::to_string).collect();
                format!("- {} {}\n", code(&path.display().to_string()), spans.join(", "))
            }));
        }
        if record.coverage().next().is_none() {
            return;
        }
        self.add(&table);
        if !missing.is_empty() {
            let rest = missing.len().saturating_sub(NAMED_MAX);
            let shown = missing[..missing.len() - rest].concat();
            let more = if rest > 0 {
                format!("- … and {}\n", text::count(rest, "more file"))
            } else {
                String::new()
            };
            self.add(&format!("\n{}", folded("Changed lines that no test runs", &(shown + &more))));
        }
    }

    fn slowest(&mut self, end: &RunEnd) {
        let mut ran: Vec<&TaskEnd> = end.tasks.iter().filter(|task| !task.duration.is_zero()).collect();
        ran.sort_by_key(|task| std::cmp::Reverse(task.duration));
        if ran.len() < 2 {
            return;
        }
        let mut table = String::from("\n### What took longest\n\n| task | took | ended |\n|---|---:|---|\n");
        for task in ran.iter().take(SLOWEST) {
            let (word, _) = lines::word(task.status);
            table.extend([format!(
                "| {} | {} | {word} |\n",
                code(task.task.as_str()),
                text::duration(task.duration)
            )]);
        }
        let path: Vec<&str> = end.critical_path.iter().map(crate::core::graph::TaskId::as_str).collect();
        if !path.is_empty() {
            table.extend([format!("\nThe longest chain: {}\n", escape(&path.join(" → ")))]);
        }
        self.add(&table);
    }

    fn cache(&mut self, end: &RunEnd) {
        let (mut hits, mut saved, mut stored) = (0_usize, Duration::ZERO, 0_usize);
        let mut not_stored = String::new();
        for task in &end.tasks {
            match &task.reuse {
                Some(Reuse::Hit { saved: took }) => {
                    hits += 1;
                    saved += *took;
                }
                Some(Reuse::Stored) => stored += 1,
                Some(Reuse::NotStored { reason }) => {
                    not_stored.extend([format!(
                        "- {} is not stored: {}\n",
                        code(task.task.as_str()),
                        escape(reason)
                    )]);
                }
                Some(Reuse::Uncached { .. }) | None => {}
            }
        }
        if hits + stored == 0 && not_stored.is_empty() {
            return;
        }
        self.add(&format!(
            "\n### Cache\n\n{hits} of {} were stored already, which saved {}; {stored} newly stored\n\n{not_stored}",
            text::count(end.tasks.len(), "task"),
            text::duration(saved)
        ));
    }

    fn told(&mut self, told: &[Line]) {
        if told.is_empty() {
            return;
        }
        let rows = told.iter().rev().take(TOLD_MAX).rev().map(|line| {
            let words: Vec<String> = line.words.iter().map(|words| escape(words)).collect();
            format!("| {} | {} | {} |\n", text::seconds(line.at), escape(&line.subject), words.join("<br>"))
        });
        let rows = rows.collect::<Vec<_>>().concat();
        self.left_out += told.len().saturating_sub(TOLD_MAX);
        self.add(&format!("\n### The release\n\n| time | who | what |\n|---:|---|---|\n{rows}"));
    }

    fn warnings(&mut self, warnings: &[String]) {
        if warnings.is_empty() {
            return;
        }
        let list = warnings.iter().take(NAMED_MAX).map(|words| format!("- {}\n", escape(words)));
        let list = list.collect::<Vec<_>>().concat();
        self.left_out += warnings.len().saturating_sub(NAMED_MAX);
        self.add(&format!("\n### Warnings\n\n{list}"));
    }
}

/// What the job of a fork does not do.
pub const FORK: &str =
    "a pull request from a fork gets no secrets: nothing is signed for the cache, pushed or released";

fn failure(record: &Record, task: &TaskEnd, repeat: &Repeat) -> String {
    let (word, _) = lines::word(task.status);
    let mut piece =
        format!("\n### {} {word} after {}\n\n", escape(task.task.as_str()), text::duration(task.duration));
    if let Some(failure) = &task.failure {
        piece.extend([format!("{}\n\n", escape(&failure.in_words()))]);
    }
    let mut findings: Vec<&Finding> = record.findings(&task.task).iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let found = findings.iter().map(|finding| of_finding(finding));
    let cases = record.reports(&task.task).iter().flat_map(|report| &report.cases).filter_map(of_case);
    let mut problems: Vec<String> = found.chain(cases).collect();
    let rest = problems.len().saturating_sub(NAMED_MAX);
    problems.truncate(NAMED_MAX);
    piece += &problems.concat();
    if rest > 0 {
        piece.extend([format!("- … and {}\n", text::count(rest, "more problem"))]);
    }
    let output = excerpt(&task.output);
    if !output.is_empty() {
        piece.extend([format!("\n{}", folded("What it wrote", &block(&output)))]);
    }
    piece + &format!("\nAgain: {}\n", code(&repeat(&task.task)))
}

fn of_finding(finding: &Finding) -> String {
    let place = finding.location.as_ref().map_or_else(String::new, |place| code(&place.to_string()) + " ");
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let rule = format!("{} {}", finding.tool, finding.rule);
    format!("- {place}{severity} {}: {}\n", escape(rule.trim_end()), escape(&finding.message))
}

fn of_case(case: &TestCase) -> Option<String> {
    let TestOutcome::Failed { message, .. } = &case.outcome else { return None };
    let place = case.place().map_or_else(String::new, |place| code(&place.to_string()) + " ");
    Some(format!("- {place}failed **{}**: {}\n", escape(&case.name), escape(message)))
}

/// The end of what a task wrote: what went wrong stands there.
fn excerpt(output: &str) -> String {
    // More than is shown: escape sequences go away.
    let (tail, was_cut) = end_of(output.trim_end(), 4 * EXCERPT_BYTES);
    let plain = text::strip(tail);
    let lines: Vec<&str> = plain.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(EXCERPT_LINES)..].join("\n");
    let (last, is_cut) = end_of(&last, EXCERPT_BYTES);
    let more = if was_cut || is_cut || lines.len() > EXCERPT_LINES { "…\n" } else { "" };
    format!("{more}{last}")
}

/// The last bytes of a text, and whether that is not all of it.
fn end_of(text: &str, bytes: usize) -> (&str, bool) {
    let from = text.len().saturating_sub(bytes);
    let from = (from..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    (&text[from..], from > 0)
}
