//! What is kept of a run for those that come after it: how its tests ended, and what they ran.

use super::git;
use crate::core::coverage::Coverage;
use crate::core::record::history::{self, Kept, Run, Suite};
use crate::core::report::TestReport;
use crate::cx::{Cx, files};
use crate::error::Result;
use crate::event::{HISTORY_FILE, RunEnd, TASKS_SUITE};

/// The runs that are known, the oldest first.
///
/// # Errors
///
/// Where the file is there and cannot be read.
pub fn earlier(cx: &Cx) -> Result<Vec<Run>> {
    Ok(history::read(&text(cx)?))
}

fn text(cx: &Cx) -> Result<String> {
    let path = cx.output_folder().join(HISTORY_FILE);
    if path.is_file() { files::read(&path) } else { Ok(String::new()) }
}

/// Adds a run that began at `unix_time`, in seconds since 1970. One without tests and without coverage is none that anybody asks
/// for later.
///
/// # Errors
///
/// Where the file cannot be read or written.
pub fn keep(
    cx: &Cx,
    end: &RunEnd,
    (command, unix_time): (&str, u64),
    reports: &[TestReport],
    coverage: &[Coverage],
) -> Result<()> {
    let suites: Vec<Suite> =
        reports.iter().filter(|report| report.name != TASKS_SUITE).map(Suite::of).collect();
    if suites.is_empty() && coverage.is_empty() {
        return Ok(());
    }
    let run = Run {
        began: unix_time,
        commit: git::head(cx)?,
        command: command.to_owned(),
        exit_code: end.exit_code,
        took_ms: u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX),
        suites,
        coverage: coverage.iter().map(Kept::of).collect(),
    };
    let text = history::with(&text(cx)?, &run);
    files::write(&cx.output_folder().join(HISTORY_FILE), cx.mask().text(&text).as_bytes())
}
