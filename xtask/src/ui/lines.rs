//! The lines that every sink for people says alike.

use std::fmt::Write as _;
use std::time::Duration;

use crate::core::gate::{Account, Gap, GapKind, Outcome};
use crate::core::graph::TaskId;
use crate::core::release::narration::{Kind, Layout, Line};
use crate::core::report::TestCounts;
use crate::core::text;
use crate::error::{Style, Tone};
use crate::event::{Attempt, Level, Reuse, Status, TaskEnd};

/// Up to how many tasks the end of each is a line of its own. Of more, those that passed (in a log: those that were there
/// already) are only counted.
pub(super) const EACH_MAX: usize = 60;

/// The answer to a question; nothing where there is none.
pub(super) fn answer(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// The word for how a task ended, and its colour.
pub(super) fn word(status: Status) -> (&'static str, Tone) {
    match status {
        Status::Passed => ("passed", Tone::Good),
        Status::Failed => ("failed", Tone::Bad),
        Status::TimedOut => ("timed out", Tone::Bad),
        Status::Skipped => ("skipped", Tone::Quiet),
        Status::Interrupted => ("interrupted", Tone::Doubtful),
    }
}

/// The line for the end of a task: `passed         41.2 s  test.backend  412 passed, 0 failed`; for a result that was there
/// already `cached                 test.backend  412 passed, 0 failed  saved 41.2 s`.
pub(super) fn task(end: &TaskEnd, counts: Option<TestCounts>, style: Style) -> String {
    let tests = counts
        .map_or_else(String::new, |counts| format!("  {}", style.paint(Tone::Quiet, &counts.to_string())));
    if let Some(Reuse::Hit { saved }) = &end.reuse {
        let word = style.paint(Tone::Good, &format!("{:<11}", "cached"));
        let saved = style.paint(Tone::Quiet, &format!("  saved {}", text::duration(*saved)));
        return format!("{word} {:>10}  {}{tests}{saved}\n", "", end.task);
    }
    let (word, tone) = if end.is_flaky() { ("flaky", Tone::Doubtful) } else { word(end.status) };
    let word = style.paint(tone, &format!("{word:<11}"));
    let duration = text::duration(end.duration);
    format!("{word} {duration:>10}  {}{tests}\n", end.task)
}

/// The line for a try that did not pass and is not the last: `tried again     0.4 s  test.backend  `pytest` ended with exit code
/// 1`.
pub(super) fn retried(task: &TaskId, attempt: &Attempt, style: Style) -> String {
    let word = style.paint(Tone::Doubtful, &format!("{:<11}", "tried again"));
    let duration = text::duration(attempt.duration);
    let why = style.paint(Tone::Quiet, &text::one_line(attempt.failure.message()));
    format!("{word} {duration:>10}  {task}  {why}\n")
}

/// Whether the result was there already.
pub(super) fn is_hit(end: &TaskEnd) -> bool {
    matches!(end.reuse, Some(Reuse::Hit { .. }))
}

/// A note or a warning, with what to do about it.
pub(super) fn note(
    task: Option<&TaskId>,
    level: Level,
    message: &str,
    hint: Option<&str>,
    style: Style,
) -> String {
    let label = match level {
        Level::Info => style.paint(Tone::Strong, "note: "),
        Level::Warning => style.paint(Tone::Doubtful, "warning: "),
    };
    let task = task.map_or_else(String::new, |task| format!("{task}: "));
    let mut lines = format!("{label}{task}{}\n", text::one_line(message));
    if let Some(hint) = hint {
        // Writing into a String cannot fail.
        let _infallible = writeln!(lines, "  {}{}", style.paint(Tone::Hint, "hint: "), text::one_line(hint));
    }
    lines
}

/// What a gate says of its look: `clean: security.backend: pip-audit looked at 31 packages`; with a line for each gap.
pub(super) fn looked(task: &TaskId, account: &Account, style: Style) -> String {
    let Account { tool, coverage, found, suppressed, .. } = account;
    let tool = text::one_line(tool);
    let mut lines = String::new();
    if account.is_whole() || *found > 0 {
        let (outcome, tone) =
            if *found > 0 { (Outcome::Findings, Tone::Doubtful) } else { (Outcome::Clean, Tone::Good) };
        let found = if *found > 0 { format!(", found {found}") } else { String::new() };
        let waived = if *suppressed > 0 { format!(", {suppressed} suppressed") } else { String::new() };
        let label = style.paint(tone, &format!("{outcome}: "));
        lines = format!(
            "{label}{task}: {tool} looked at {}{found}{waived}\n",
            text::one_line(&coverage.to_string())
        );
    }
    lines.push_str(&gaps(task, account, style));
    lines
}

/// What a gate could not look at, and what to do about it.
pub(super) fn gaps(task: &TaskId, account: &Account, style: Style) -> String {
    let tool = text::one_line(&account.tool);
    let mut lines = String::new();
    for Gap { kind, why, hint } in &account.gaps {
        let (outcome, tone) = match kind {
            GapKind::Unanswered | GapKind::CouldNotLook => (Outcome::CouldNotLook, Tone::Doubtful),
            GapKind::ToolError => (Outcome::ToolError, Tone::Bad),
        };
        let label = style.paint(tone, &format!("{outcome}: "));
        // Writing into a String cannot fail.
        let _infallible = writeln!(lines, "{label}{task}: {tool}: {}", text::one_line(why));
        if let Some(hint) = hint {
            let _infallible =
                writeln!(lines, "  {}{}", style.paint(Tone::Hint, "hint: "), text::one_line(hint));
        }
    }
    lines
}

/// What a release says: turns stand out, what explains them does not.
pub(super) fn narrated(line: &Line, layout: Layout, style: Style) -> String {
    let text = layout.text(line);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let tone = match line.kind {
        Kind::Back => Some(Tone::Bad),
        Kind::Event | Kind::Question => Some(Tone::Doubtful),
        Kind::End => Some(Tone::Strong),
        Kind::Next => Some(Tone::Hint),
        Kind::Step | Kind::Change | Kind::Evidence | Kind::Wait => None,
    };
    let first = tone.map_or_else(|| first.to_owned(), |tone| style.paint(tone, first));
    let rest = rest.lines().map(|more| style.paint(Tone::Quiet, more) + "\n");
    [first, "\n".to_owned()].into_iter().chain(rest).collect()
}

/// Names what is running, for a reader who has not seen a line for long.
pub(super) fn running<'t>(tasks: impl Iterator<Item = (&'t TaskId, Duration)>) -> String {
    let tasks: Vec<String> = tasks.map(|(task, time)| format!("{task} ({})", text::seconds(time))).collect();
    format!("running: {}\n", tasks.join(", "))
}
