//! Tasks that are tried again where they do not pass, because somebody has declared that this may help.

use std::path::PathBuf;
use std::time::Instant;

use crate::core::graph::TaskId;
use crate::cx::Cx;
use crate::error::{Context as _, Error, ErrorKind};
use crate::event::{Attempt, Body, Status, TaskEnd};

/// Runs a task until it passes, or has been tried again `retries` times. What `once` returns beside its end is that of the last
/// try.
///
/// Only problems, and what is missing and may come, are worth another try. An interruption is no failure of the task, its time
/// is up for all of its tries, and what was refused or is wrong in the configuration is so the next time.
pub(super) fn tries<T>(
    cx: &Cx,
    task: &TaskId,
    retries: u32,
    mut once: impl FnMut() -> (TaskEnd, T),
) -> (TaskEnd, T) {
    let start = Instant::now();
    let mut earlier = Vec::new();
    for left in (0..retries).rev() {
        let (end, rest) = once();
        if !may_help(cx, &end) {
            return (with(end, earlier, start), rest);
        }
        let attempt = failed(cx, task, end, earlier.len() + 1);
        cx.emit(Body::TaskRetried { task: task.clone(), attempt: attempt.clone(), left });
        earlier.push(attempt);
    }
    let (end, rest) = once();
    (with(end, earlier, start), rest)
}

/// Whether another try may end otherwise.
fn may_help(cx: &Cx, end: &TaskEnd) -> bool {
    let kind = end.failure.as_ref().map(Error::kind);
    end.status == Status::Failed
        && matches!(kind, Some(ErrorKind::Problems | ErrorKind::Missing))
        && !cx.cancel().is_cancelled()
}

fn with(end: TaskEnd, earlier: Vec<Attempt>, start: Instant) -> TaskEnd {
    if earlier.is_empty() { end } else { TaskEnd { duration: start.elapsed(), earlier, ..end } }
}

/// A try that is over, with its log put aside: the next one writes another.
fn failed(cx: &Cx, task: &TaskId, end: TaskEnd, number: usize) -> Attempt {
    let failure = end.failure.unwrap_or_else(|| Error::bug(format!("`{task}` failed without a reason")));
    let aside = |log: PathBuf| {
        // No task can have a log of this name.
        let path = log.with_added_extension(number.to_string());
        let moved = std::fs::rename(&log, &path).context(|| format!("could not move `{}`", log.display()));
        match moved {
            Ok(()) => Some(path),
            Err(error) => {
                cx.warn_of(&error, "the log of this try is lost");
                None
            }
        }
    };
    Attempt {
        status: end.status,
        duration: end.duration,
        failure,
        output: end.output,
        log: end.log.and_then(aside),
    }
}
