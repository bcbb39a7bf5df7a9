//! What is running and how far it has come, and the picture of it: a pure function of events, time and size.

use std::time::Duration;

use crate::core::graph::TaskId;
use crate::core::text;
use crate::error::{Style, Tone};
use crate::event::{Body, Event, Status};

/// The phases of the sign that something moves.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How long each phase is seen.
const PHASE: Duration = Duration::from_millis(100);

/// The most running tasks that have a line of their own.
const ROWS_MAX: usize = 24;

/// What is running.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// In the order in which they began.
    running: Vec<Running>,
    done: usize,
    failed: usize,
}

#[derive(Debug)]
struct Running {
    task: TaskId,
    since: Duration,
    /// Its last sign of life.
    last: String,
}

impl Board {
    pub(super) fn take(&mut self, event: &Event) {
        match &event.body {
            Body::RunStarted { .. } => (self.done, self.failed) = (0, 0),
            Body::TaskStarted { task } => {
                self.running.push(Running { task: task.clone(), since: event.at, last: String::new() });
            }
            Body::StepStarted { task, step } => {
                let name = step.as_str().strip_prefix(task.as_str()).unwrap_or(step.as_str());
                self.say(task, name.trim_start_matches('.').to_owned());
            }
            Body::CommandStarted { task, command } => {
                self.say(task, format!("$ {}", text::one_line(command)));
            }
            Body::Output { task, line } => {
                let line = text::one_line(line);
                if !line.is_empty() {
                    self.say(task, line.into_owned());
                }
            }
            Body::Progress { task, done, total, unit } => self.say(task, progress(*done, *total, unit)),
            Body::TaskFinished(end) => {
                self.running.retain(|running| running.task != end.task);
                self.done += 1;
                self.failed += usize::from(matches!(end.status, Status::Failed | Status::TimedOut));
            }
            // What the run has given up on is no longer shown.
            Body::RunFinished(_) => self.running.clear(),
            _ => {}
        }
    }

    fn say(&mut self, task: &TaskId, last: String) {
        if let Some(running) = self.running.iter_mut().find(|running| running.task == *task) {
            running.last = last;
        }
    }

    /// Whether a task is running.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// The lines to be seen now, none wider than the terminal, not more than fit on it. `tasks` is how many the run has.
    pub(super) fn picture(
        &self,
        now: Duration,
        columns: usize,
        rows: usize,
        tasks: Option<usize>,
        style: Style,
    ) -> Vec<String> {
        // A character in the last column makes some terminals begin a new line.
        let columns = columns.saturating_sub(1);
        let phase = usize::try_from(now.as_millis() / PHASE.as_millis()).unwrap_or_default();
        let spinner = style.paint(Tone::Hint, SPINNER[phase % SPINNER.len()]);
        let named = self.running.len().min(ROWS_MAX).min(rows.saturating_sub(3));
        let ids = self.running[..named].iter().map(|running| running.task.as_str().len()).max();
        let ids = ids.unwrap_or_default().min(columns / 2);
        let time = |running: &Running| text::seconds(now.saturating_sub(running.since));
        let times = self.running[..named].iter().map(|running| time(running).len()).max().unwrap_or_default();
        let mut picture = Vec::with_capacity(named + 2);
        for running in &self.running[..named] {
            let id = text::truncate(running.task.as_str(), ids);
            let start = format!(" {id:<ids$} {:>times$}", time(running));
            let room = columns.saturating_sub(1 + text::width(&start) + 2);
            let last = text::truncate(&running.last, room);
            let start = text::truncate(&start, columns.saturating_sub(1)).into_owned();
            let line = format!("{spinner}{start}  {}", style.paint(Tone::Quiet, &last));
            picture.push(if last.is_empty() { format!("{spinner}{start}") } else { line });
        }
        if named < self.running.len() {
            let more = format!("… and {} more running", self.running.len() - named);
            picture.push(text::truncate(&more, columns).into_owned());
        }
        if let Some(tasks) = tasks {
            let failed = if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
            let (done, running) = (self.done, self.running.len());
            let whole = format!("{done}/{tasks} done{failed}, {running} running, {}", text::seconds(now));
            picture.push(style.paint(Tone::Strong, &text::truncate(&whole, columns)));
        }
        picture
    }
}

/// `12/40 packages`, `3.1 MiB of 12.0 MiB`.
fn progress(done: u64, total: Option<u64>, unit: &str) -> String {
    match (unit, total) {
        ("bytes", Some(total)) => format!("{} of {}", text::bytes(done), text::bytes(total)),
        ("bytes", None) => text::bytes(done),
        (unit, Some(total)) => format!("{done}/{total} {unit}"),
        (unit, None) => format!("{done} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::event::TaskEnd;

    fn board() -> Board {
        let mut board = Board::default();
        let id = |name: &str| TaskId::new(name).unwrap();
        let events = [
            (
                0,
                Body::RunStarted {
                    format: 1,
                    command: String::new(),
                    unix_time: 0,
                    tasks: 12,
                    jobs: 4,
                    graph: Vec::new(),
                },
            ),
            (0, Body::TaskStarted { task: id("setup.backend") }),
            (0, Body::TaskStarted { task: id("setup.frontend") }),
            (
                0,
                Body::Progress {
                    task: id("setup.backend"),
                    done: 3 << 20,
                    total: Some(12 << 20),
                    unit: "bytes",
                },
            ),
            (0, Body::TaskStarted { task: id("lint.backend") }),
            (9, Body::StepStarted { task: id("lint.backend"), step: id("lint.backend.ruff") }),
            (9, Body::TaskStarted { task: id("test.backend") }),
            (9, Body::CommandStarted { task: id("test.backend"), command: "cd backend && pytest".into() }),
            (
                9,
                Body::Output {
                    task: id("test.backend"),
                    line: "\x1b[2A\x1b[31m好好好\tgröße 👩‍👩‍👧 ⚠️ and a rather long rest\x1b[0m\x07".into(),
                },
            ),
            (9, Body::Output { task: id("test.backend"), line: " \x1b[K".into() }),
            (9, Body::TaskStarted { task: id("docs.backend") }),
            (
                10,
                Body::TaskFinished(TaskEnd {
                    task: id("docs.backend"),
                    status: Status::Failed,
                    duration: Duration::ZERO,
                    failure: None,
                    output: String::new(),
                    log: None,
                    reuse: None,
                }),
            ),
            (10, Body::Output { task: id("docs.backend"), line: "late words of an ended task".into() }),
        ];
        for (seconds, body) in events {
            board.take(&Event { at: Duration::from_secs(seconds), body });
        }
        board
    }

    fn picture(columns: usize, rows: usize) -> String {
        board().picture(Duration::from_millis(72_345), columns, rows, Some(12), Style::PLAIN).join("\n")
    }

    #[test]
    fn a_line_for_each_task_and_one_for_the_whole() {
        expect![[r#"
            ⠸ setup.backend  1 min 12 s  3.0 MiB of 12.0 MiB
            ⠸ setup.frontend 1 min 12 s
            ⠸ lint.backend   1 min 12 s  ruff
            ⠸ test.backend   1 min 03 s  好好好 größe 👩‍👩‍👧 ⚠️ and a rather long rest
            1/12 done, 1 failed, 4 running, 1 min 12 s"#]]
        .assert_eq(&picture(80, 24));
    }

    #[test]
    fn narrow_and_low_terminals_are_not_overrun() {
        expect![[r#"
            ⠸ setup.backend  1 min 12 s  3.0 MiB o…
            ⠸ setup.frontend 1 min 12 s
            ⠸ lint.backend   1 min 12 s  ruff
            … and 1 more running
            1/12 done, 1 failed, 4 running, 1 min …"#]]
        .assert_eq(&picture(40, 6));
        for style in [Style::PLAIN, Style { color: true, width: 80 }] {
            for columns in 0..120 {
                for rows in 0..12 {
                    let lines = board().picture(Duration::from_mins(1), columns, rows, Some(12), style);
                    assert!(lines.len() <= rows.max(2), "{rows} rows: {lines:#?}");
                    let widest = lines.iter().map(|line| text::width(&text::strip(line))).max().unwrap();
                    assert!(widest <= columns.max(1), "{columns} columns: {lines:#?}");
                }
            }
        }
    }

    #[test]
    fn a_task_alone_has_no_line_for_the_whole() {
        let mut board = Board::default();
        assert!(board.picture(Duration::ZERO, 80, 24, None, Style::PLAIN).is_empty());
        let task = TaskId::new("docs").unwrap();
        board.take(&Event { at: Duration::ZERO, body: Body::TaskStarted { task } });
        expect!["⠋ docs 0 s"]
            .assert_eq(&board.picture(Duration::ZERO, 80, 24, None, Style::PLAIN).join("\n"));
    }

    #[test]
    fn progress_in_words() {
        for (done, total, unit, words) in [
            (3 << 20, Some(12 << 20), "bytes", "3.0 MiB of 12.0 MiB"),
            (512, None, "bytes", "512 B"),
            (3, Some(40), "packages", "3/40 packages"),
            (3, None, "packages", "3 packages"),
        ] {
            assert_eq!(progress(done, total, unit), words);
        }
    }
}
