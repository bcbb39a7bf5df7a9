//! The end of a run as text: what took how long, what did not pass and why, and the verdict.
//!
//! Ordered for a reader who sees the last screen first: the failed tasks stand behind everything else, and the very last
//! line is the sum.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::record::Record;
use super::{Look, lines};
use crate::core::coverage::Coverage;
use crate::core::finding::{Finding, Location, Severity};
use crate::core::graph::TaskId;
use crate::core::report::{TestCase, TestOutcome};
use crate::core::text;
use crate::error::{Style, Tone, render, render_finding};
use crate::event::{Reuse, RunEnd, Status, TaskEnd};

/// The most rows of the table of durations; what is shorter is summed.
const ROWS_MAX: usize = 20;

/// The most findings, and the most failed tests, that are named for a task; the log and the JUnit file have all.
const NAMED_MAX: usize = 50;

/// The summary of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Summary {
    /// Durations and what did not pass; holds words of tools.
    pub text: String,
    /// The last lines; words of ours alone. Where there were tests, the last one is `N passed, N failed` or `N passed, N
    /// failed, N skipped`.
    pub verdict: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(&self.verdict)
    }
}

/// The summary of a run that ended so, with what `record` has seen of it.
pub fn summary(end: &RunEnd, record: &Record, look: &Look) -> Summary {
    let mut writer = Writer { text: String::new(), look, record };
    if end.tasks.len() > 1 {
        writer.durations(end);
        writer.critical_path(end);
    }
    writer.skipped(end);
    let of_status = |status| end.tasks.iter().filter(move |task| task.status == status);
    of_status(Status::Interrupted).for_each(|task| writer.interrupted(task));
    let failed: Vec<&TaskEnd> = of_status(Status::TimedOut).chain(of_status(Status::Failed)).collect();
    for task in &failed {
        writer.failed(task);
    }
    writer.index(&failed);
    writer.flaky(end);
    if !writer.text.is_empty() {
        writer.text.push('\n');
    }
    Summary { text: writer.text, verdict: verdict(end, record, look.style) }
}

struct Writer<'s> {
    text: String,
    look: &'s Look,
    record: &'s Record,
}

impl Writer<'_> {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _infallible = writeln!(self.text, "{line}");
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        self.look.style.paint(tone, text)
    }

    fn durations(&mut self, end: &RunEnd) {
        let ran = end.tasks.iter().filter(|task| task.status != Status::Skipped && !lines::is_hit(task));
        let mut ran: Vec<&TaskEnd> = ran.collect();
        if ran.is_empty() {
            return;
        }
        ran.sort_by_key(|task| std::cmp::Reverse(task.duration));
        let rows = if ran.len() > ROWS_MAX { ROWS_MAX - 1 } else { ran.len() };
        self.text.push('\n');
        let ids = ran[..rows].iter().map(|task| task.task.as_str().len()).max().unwrap_or_default();
        for task in &ran[..rows] {
            let (word, tone) = lines::word(task.status);
            let word = if task.status == Status::Passed { String::new() } else { self.paint(tone, word) };
            let row = format!("{:>10}  {:<ids$}  {word}", text::duration(task.duration), task.task);
            self.line(format_args!("{}", row.trim_end()));
        }
        if let Some(rest) = ran.get(rows..).filter(|rest| !rest.is_empty()) {
            let sum: Duration = rest.iter().map(|task| task.duration).sum();
            self.line(format_args!("{:>10}  {}", text::duration(sum), text::count(rest.len(), "more task")));
        }
    }

    fn critical_path(&mut self, end: &RunEnd) {
        let duration_of =
            |id: &TaskId| end.tasks.iter().find(|task| task.task == *id).map(|task| task.duration);
        let sum: Duration = end.critical_path.iter().filter_map(duration_of).sum();
        let path: Vec<&str> = end.critical_path.iter().map(TaskId::as_str).collect();
        if !path.is_empty() && !sum.is_zero() {
            self.line(format_args!("critical path {}: {}", text::duration(sum), path.join(" → ")));
        }
    }

    fn skipped(&mut self, end: &RunEnd) {
        let skipped = end.tasks.iter().filter(|task| task.status == Status::Skipped);
        let names: Vec<&str> = skipped.map(|task| task.task.as_str()).collect();
        if !names.is_empty() {
            let shown = names.len().min(NAMED_MAX);
            let rest = match names.len() - shown {
                0 => String::new(),
                rest => format!(" and {rest} more"),
            };
            let list = names[..shown].join(", ");
            self.line(format_args!("\n{} {list}{rest}", self.paint(Tone::Quiet, "not run:")));
        }
    }

    fn interrupted(&mut self, end: &TaskEnd) {
        self.heading(end);
        self.log(end);
    }

    fn failed(&mut self, end: &TaskEnd) {
        self.heading(end);
        let output = text::strip(&end.output);
        let output = output.trim_end().trim_start_matches('\n');
        if !output.is_empty() {
            self.line(format_args!("{output}\n"));
        }
        let record = self.record;
        self.findings(record.findings(&end.task));
        self.tests(record.reports(&end.task).iter().flat_map(|report| &report.cases));
        if let Some(failure) = &end.failure {
            self.text.push_str(&render(failure, self.look.style));
        }
        self.log(end);
        self.earlier(end);
        self.line(format_args!("repeat: {}", self.paint(Tone::Strong, &(self.look.repeat)(&end.task))));
    }

    /// The tasks that passed only when they were tried again, and why they did not before: what is green now may be red
    /// tomorrow.
    fn flaky(&mut self, end: &RunEnd) {
        let flaky: Vec<&TaskEnd> = end.tasks.iter().filter(|task| task.is_flaky()).collect();
        if flaky.is_empty() {
            return;
        }
        self.line(format_args!("\n{}", self.paint(Tone::Doubtful, "flaky: passed only when tried again")));
        for end in flaky {
            self.line(format_args!("{} passed on try {}", end.task, end.earlier.len() + 1));
            self.earlier(end);
            let record = self.record;
            let cases = record.reports(&end.task).iter().flat_map(|report| &report.cases);
            let mut count = 0;
            for case in cases.filter(|case| case.is_flaky()) {
                count += 1;
                if count <= NAMED_MAX {
                    let place = case.place().as_ref().map(place).unwrap_or_default();
                    self.line(format_args!("    {place}flaky {}", text::one_line(&case.name)));
                }
            }
            if count > NAMED_MAX {
                self.line(format_args!("    … and {}", text::count(count - NAMED_MAX, "more flaky test")));
            }
        }
    }

    /// Why the tries before the last one did not pass.
    fn earlier(&mut self, end: &TaskEnd) {
        for (number, attempt) in (1..).zip(&end.earlier) {
            let (after, why) = (text::duration(attempt.duration), attempt.failure.in_words());
            let log = attempt
                .log
                .as_ref()
                .map_or_else(String::new, |log| format!(", log: {}", text::one_line(&log.to_string_lossy())));
            self.line(format_args!("    try {number}, after {after}: {}{log}", text::one_line(&why)));
        }
    }

    /// Where more than one task failed, only the last block is on the last screen: a line for each says where to begin.
    fn index(&mut self, failed: &[&TaskEnd]) {
        if failed.len() < 2 {
            return;
        }
        self.line(format_args!(""));
        let ids = failed.iter().map(|end| end.task.as_str().len()).max().unwrap_or_default();
        for end in failed {
            let task = format!("{:<ids$}", end.task);
            let line = format!("{}  {}", self.paint(Tone::Bad, &task), self.first(end));
            self.line(format_args!("{}", line.trim_end()));
        }
    }

    /// The first thing that a task has to say about its failure, with its place where it has one.
    fn first(&self, end: &TaskEnd) -> String {
        let findings = self.record.findings(&end.task);
        // Of equally severe ones the first: `max_by_key` would take the last.
        let finding = findings.iter().rev().max_by_key(|finding| finding.severity);
        let cases = self.record.reports(&end.task).iter().flat_map(|report| &report.cases);
        let mut failed = cases.filter(|case| matches!(case.outcome, TestOutcome::Failed { .. }));
        if let Some(finding) = finding {
            let place = finding.location.as_ref().map(place).unwrap_or_default();
            return format!("{place}{}", text::one_line(&finding.message));
        }
        if let Some(case) = failed.next() {
            let place = case.place().as_ref().map(place).unwrap_or_default();
            return format!("{place}{}", text::one_line(&case.name));
        }
        let failure = end.failure.as_ref().map(|failure| text::one_line(failure.message()).into_owned());
        failure.unwrap_or_default()
    }

    fn heading(&mut self, end: &TaskEnd) {
        let (word, tone) = lines::word(end.status);
        let after = text::duration(end.duration);
        let title = format!("── {} {word} after {after} ", end.task);
        let rule = "─".repeat(self.look.style.width.min(100).saturating_sub(text::width(&title)));
        self.line(format_args!("\n{}", self.paint(tone, &format!("{title}{rule}"))));
    }

    fn log(&mut self, end: &TaskEnd) {
        if let Some(log) = &end.log {
            self.line(format_args!("log: {}", text::one_line(&log.to_string_lossy())));
        }
    }

    fn findings(&mut self, findings: &[Finding]) {
        // The ones that fail the task first; in their own order otherwise.
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in sorted.iter().take(NAMED_MAX) {
            if let Some(excerpt) = render_finding(finding, self.look.style) {
                self.text.push_str(&excerpt);
                continue;
            }
            let place =
                finding.location.as_ref().map_or_else(String::new, |location| format!("{location}: "));
            let (label, tone) = match finding.severity {
                Severity::Error => ("error", Tone::Bad),
                Severity::Warning => ("warning", Tone::Doubtful),
                Severity::Note => ("note", Tone::Strong),
            };
            let rule = format!("{} {}", finding.tool, finding.rule);
            let message = text::one_line(&finding.message);
            self.line(format_args!(
                "{}{}[{}]: {message}",
                place,
                self.paint(tone, label),
                text::one_line(&rule)
            ));
            if let Some(help) = &finding.help {
                self.line(format_args!("    {}{}", self.paint(Tone::Hint, "help: "), text::one_line(help)));
            }
        }
        self.rest(findings.len(), "finding");
    }

    fn tests<'t>(&mut self, cases: impl Iterator<Item = &'t TestCase>) {
        let failed = cases.filter_map(|case| match &case.outcome {
            TestOutcome::Failed { message, .. } => Some((case, message)),
            _ => None,
        });
        let mut count = 0;
        for (case, message) in failed {
            count += 1;
            if count > NAMED_MAX {
                continue;
            }
            let place = match case.place() {
                Some(location) => place(&location),
                None if case.group.is_empty() => String::new(),
                None => format!("{}: ", text::one_line(&case.group)),
            };
            let failed = self.paint(Tone::Bad, "failed");
            self.line(format_args!("{place}{failed} {}", text::one_line(&case.name)));
            if !message.is_empty() {
                self.line(format_args!("    {}", text::one_line(message)));
            }
        }
        self.rest(count, "failed test");
    }

    /// Closes a list that may be longer than what was named of it.
    fn rest(&mut self, count: usize, noun: &str) {
        if count > NAMED_MAX {
            self.line(format_args!("… and {}", text::count(count - NAMED_MAX, &format!("more {noun}"))));
        }
        if count > 0 {
            self.text.push('\n');
        }
    }
}

/// Where something is, as editors and terminals recognise it: `path:line:column: `.
fn place(location: &Location) -> String {
    format!("{}: ", text::one_line(&location.to_string()))
}

/// How much of a run was there already.
fn reused(end: &RunEnd) -> String {
    let saved = end.tasks.iter().filter_map(|task| match &task.reuse {
        Some(Reuse::Hit { saved }) => Some(*saved),
        _ => None,
    });
    match saved.clone().count() {
        0 => String::new(),
        count => format!(", {count} from the cache ({} saved)", text::duration(saved.sum())),
    }
}

/// How much of a run passed only when it was tried again.
fn flaky(end: &RunEnd, style: Style) -> String {
    match end.tasks.iter().filter(|task| task.is_flaky()).count() {
        0 => String::new(),
        count => format!(", {}", style.paint(Tone::Doubtful, &format!("{count} flaky"))),
    }
}

/// Names the gates that could not look, so that nobody takes what they did not find for what is not there.
fn blind(record: &Record, style: Style) -> String {
    let mut gates: BTreeMap<&TaskId, BTreeSet<&str>> = BTreeMap::new();
    for (task, tool, _) in record.gaps() {
        gates.entry(task).or_default().insert(tool);
    }
    if gates.is_empty() {
        return String::new();
    }
    let name = |(task, tools): (&&TaskId, &BTreeSet<&str>)| {
        // The verdict stands where GitHub reads commands: of a name only that is kept which is in every name.
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
        let tools: Vec<_> =
            tools.iter().map(|tool| text::one_line(tool).replace(|c| !plain(c), "")).collect();
        format!("{task} ({})", tools.join(", "))
    };
    let names: Vec<String> = gates.iter().take(NAMED_MAX).map(name).collect();
    let rest = match gates.len() - names.len() {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    let line = format!("{} could not look: {}{rest}", text::count(gates.len(), "gate"), names.join(", "));
    style.paint(Tone::Doubtful, &line) + "\n"
}

/// The last lines of a summary.
pub(super) fn verdict(end: &RunEnd, record: &Record, style: Style) -> String {
    let count = |wanted: &dyn Fn(Status) -> bool| end.tasks.iter().filter(|task| wanted(task.status)).count();
    let passed = count(&|status| status == Status::Passed);
    let skipped = count(&|status| status == Status::Skipped);
    let bad = end.tasks.len() - passed - skipped;
    let mut verdict = String::new();
    if end.interrupted {
        let under_way = end.tasks.iter().filter(|task| task.status == Status::Interrupted);
        let names: Vec<&str> = under_way.map(|task| task.task.as_str()).collect();
        let what = match names[..] {
            [] => "no task was under way".to_owned(),
            [name] => format!("{name} was under way"),
            _ => format!("{} were under way", names.join(", ")),
        };
        verdict = style.paint(Tone::Doubtful, &format!("interrupted: {what}"));
        verdict.push('\n');
    }
    for failure in &end.failures {
        verdict.push_str(&render(failure, style));
    }
    let failures = end.failures.len();
    let tasks = if bad == 0 && skipped == 0 && failures == 0 {
        let line = format!("{} passed in {}", text::count(passed, "task"), text::duration(end.duration));
        style.paint(Tone::Good, &line) + &reused(end) + &flaky(end, style)
    } else {
        let not_run = if skipped == 0 { String::new() } else { format!(", {skipped} not run") };
        let line = format!("{bad} of {} did not pass{not_run}", text::count(end.tasks.len(), "task"));
        style.paint(if bad + failures == 0 { Tone::Doubtful } else { Tone::Bad }, &line)
    };
    verdict.push_str(&tasks);
    verdict.push('\n');
    if record.suppressed() > 0 {
        let line = format!(
            "{} suppressed by waivers, the baseline or comments",
            text::count(record.suppressed(), "finding")
        );
        verdict.push_str(&style.paint(Tone::Quiet, &line));
        verdict.push('\n');
    }
    verdict.push_str(&blind(record, style));
    let coverage: Vec<String> = record.coverage().map(Coverage::in_words).collect();
    if !coverage.is_empty() {
        // The names of components are ids; all else is ours.
        verdict.extend(["coverage: ".to_owned(), coverage.join("; "), "\n".to_owned()]);
    }
    if let Some(counts) = record.total() {
        let tone = if counts.failed == 0 { Tone::Good } else { Tone::Bad };
        verdict.push_str(&style.paint(tone, &counts.to_string()));
        verdict.push('\n');
    }
    verdict
}
