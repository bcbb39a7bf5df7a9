//! Live lines on a terminal: one for each running task, one for the whole.
//!
//! Events only change the board; a thread draws it ten times a second, so that a flood of events costs next to nothing.
//! What stays (the end of each task, notes, the summary) goes to standard output, the live lines to standard error.

mod board;
mod screen;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::pulse::Pulse;
use super::record::Record;
use super::{Look, lines, lock, say, summary};
use crate::event::{Body, Event, Sink, Status};
use board::Board;
use screen::{Screen, Size};

/// The pause between two pictures.
const PAUSE: Duration = Duration::from_millis(100);

/// The sink that draws.
pub struct Bars {
    inner: Arc<Mutex<Inner>>,
    pulse: Mutex<Option<Pulse>>,
}

struct Inner {
    out: Box<dyn Write + Send>,
    /// One bar whose message is the whole picture: indicatif takes it away, draws it anew, and knows the rows it takes.
    bar: ProgressBar,
    screen: Screen,
    look: Look,
    record: Record,
    board: Board,
    /// What is to be written above the picture.
    lines: String,
    /// How many tasks the run has, where there is a run.
    tasks: Option<usize>,
}

impl Bars {
    /// Draws on the terminal of this process.
    pub fn on_terminal(look: Look) -> Self {
        let size = || super::size(io::stderr()).unwrap_or((80, 24));
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), Box::new(size), look)
    }

    fn new(out: Box<dyn Write + Send>, live: Box<dyn Write + Send>, size: Size, look: Look) -> Self {
        let screen = Screen::new(live, size);
        let bar =
            ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(screen.clone())));
        // The only template in use, and a valid one; the default would show a bar around the picture.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let (record, board) = (Record::default(), Board::default());
        let inner = Inner { out, bar, screen, look, record, board, lines: String::new(), tasks: None };
        Self { inner: Arc::new(Mutex::new(inner)), pulse: Mutex::new(None) }
    }

    fn start_pulse(&self, at: Duration) {
        let mut pulse = lock(&self.pulse);
        if pulse.is_none() {
            let (inner, start) = (Arc::clone(&self.inner), Instant::now());
            *pulse = Some(Pulse::start(PAUSE, move || lock(&inner).draw(at + start.elapsed())));
        }
    }

    /// Ends the live lines; what is to stay is written.
    fn stop_pulse(&self) {
        // The last picture is over before it is taken away.
        drop(lock(&self.pulse).take());
        lock(&self.inner).clear();
    }
}

impl Sink for Bars {
    fn event(&self, event: &Event) {
        let live = lock(&self.inner).event(event);
        if live { self.start_pulse(event.at) } else { self.stop_pulse() }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.stop_pulse();
    }
}

impl Inner {
    /// Takes an event; whether there is something to see live afterwards.
    fn event(&mut self, event: &Event) -> bool {
        let style = self.look.style;
        self.record.take(&event.body);
        self.board.take(event);
        match &event.body {
            Body::RunStarted { tasks, .. } => self.tasks = Some(*tasks),
            Body::TaskFinished(end) => {
                let counted = end.status == Status::Passed
                    && !end.is_flaky()
                    && self.tasks.is_some_and(|tasks| tasks > lines::EACH_MAX);
                if !counted && end.status != Status::Skipped {
                    self.lines.push_str(&lines::task(end, self.record.counts(&end.task), style));
                }
            }
            Body::TaskRetried { task, attempt, .. } => {
                self.lines.push_str(&lines::retried(task, attempt, style));
            }
            Body::Note { task, level, message, hint } => {
                let note = lines::note(task.as_ref(), *level, message, hint.as_deref(), style);
                self.lines.push_str(&note);
            }
            Body::Looked { task, account } => self.lines.push_str(&lines::gaps(task, account, style)),
            Body::Narrated { line, layout } => self.lines.push_str(&lines::narrated(line, *layout, style)),
            Body::Answer { text, .. } => self.lines.push_str(&lines::answer(text)),
            Body::RunFinished(end) => {
                self.tasks = None;
                let summary = summary::summary(end, &self.record, &self.look);
                self.lines.push_str(&summary.to_string());
            }
            _ => {}
        }
        self.tasks.is_some() || self.board.is_busy()
    }

    fn draw(&mut self, now: Duration) {
        self.screen.follow_size();
        if !self.lines.is_empty() {
            self.clear();
        }
        let (columns, rows) = self.screen.size();
        let picture = self.board.picture(now, columns, rows, self.tasks, self.look.style);
        self.bar.set_message(picture.join("\n"));
    }

    /// Takes the picture away and writes what stays.
    fn clear(&mut self) {
        self.screen.follow_size();
        self.bar.set_message("");
        if !self.lines.is_empty() {
            say(&mut self.out, &std::mem::take(&mut self.lines));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use expect_test::expect;

    use super::*;
    use crate::core::graph::TaskId;
    use crate::error::Style;
    use crate::event::{Level, RunEnd, TaskEnd};

    /// A terminal: what it shows, as far as the sequences are used here.
    #[derive(Clone)]
    struct Terminal(Arc<Mutex<Cells>>);

    struct Cells {
        columns: Arc<AtomicUsize>,
        lines: Vec<Vec<char>>,
        row: usize,
        column: usize,
    }

    impl Terminal {
        fn new(columns: &Arc<AtomicUsize>) -> Self {
            let columns = Arc::clone(columns);
            Self(Arc::new(Mutex::new(Cells { columns, lines: vec![Vec::new()], row: 0, column: 0 })))
        }

        fn text(&self) -> String {
            let cells = lock(&self.0);
            let lines = cells.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
            lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
        }

        /// Another width, as terminals do it that wrap what has become too long.
        fn resize(&self, columns: usize) {
            let mut cells = lock(&self.0);
            cells.columns.store(columns, Ordering::SeqCst);
            let row = cells.row;
            let mut lines = Vec::new();
            for (number, line) in std::mem::take(&mut cells.lines).iter().enumerate() {
                let pieces = line.chunks(columns).map(<[char]>::to_vec);
                lines.extend(if line.is_empty() { vec![Vec::new()] } else { pieces.collect() });
                if number == row {
                    cells.row = lines.len() - 1;
                }
            }
            cells.lines = lines;
        }
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut cells = lock(&self.0);
            let text = std::str::from_utf8(bytes).unwrap();
            let mut rest = text.chars();
            while let Some(c) = rest.next() {
                match c {
                    '\r' => cells.column = 0,
                    '\n' => {
                        (cells.row, cells.column) = (cells.row + 1, 0);
                        if cells.row == cells.lines.len() {
                            cells.lines.push(Vec::new());
                        }
                    }
                    '\x1b' => {
                        assert_eq!(rest.next(), Some('['));
                        let sequence: String = rest.by_ref().take_while(char::is_ascii_digit).collect();
                        // `take_while` took the final character too.
                        let end = text.len() - rest.as_str().len();
                        let count: usize = sequence.parse().unwrap_or(1);
                        let row = cells.row;
                        match &text[end - 1..end] {
                            "A" => cells.row = row.saturating_sub(count),
                            "B" => cells.row = (row + count).min(cells.lines.len() - 1),
                            "K" => cells.lines[row].clear(),
                            "J" => {
                                cells.lines.truncate(row + 1);
                                cells.lines[row].clear();
                            }
                            other => panic!("unknown sequence {other}"),
                        }
                    }
                    c => {
                        assert!(!c.is_control(), "{c:?} in {text:?}");
                        let (row, column) = (cells.row, cells.column);
                        let line = &mut cells.lines[row];
                        line.resize(line.len().max(column + 1), ' ');
                        line[column] = c;
                        cells.column += 1;
                        assert!(cells.column <= cells.columns.load(Ordering::SeqCst), "too wide: {text:?}");
                    }
                }
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn bars(columns: &Arc<AtomicUsize>) -> (Bars, Terminal) {
        let terminal = Terminal::new(columns);
        let seen = Arc::clone(columns);
        let size: Size = Box::new(move || (seen.load(Ordering::SeqCst), 24));
        let look = Look { style: Style::PLAIN, repeat: Arc::new(|task| format!("repeat {task}")) };
        (Bars::new(Box::new(terminal.clone()), Box::new(terminal.clone()), size, look), terminal)
    }

    fn end(task: &str) -> TaskEnd {
        let task = TaskId::new(task).unwrap();
        let (status, duration) = (Status::Passed, Duration::from_secs(2));
        TaskEnd::new(task, status, duration)
    }

    fn started(tasks: usize) -> Body {
        Body::RunStarted {
            format: 1,
            command: String::new(),
            unix_time: 0,
            tasks,
            jobs: 2,
            graph: Vec::new(),
        }
    }

    /// Says events without the thread, and draws by hand.
    fn say(bars: &Bars, bodies: impl IntoIterator<Item = Body>) {
        let mut inner = lock(&bars.inner);
        for body in bodies {
            inner.event(&Event { at: Duration::ZERO, body });
        }
        inner.draw(Duration::from_secs(1));
    }

    #[test]
    fn what_stays_is_written_above_what_moves() {
        let (bars, terminal) = bars(&Arc::new(AtomicUsize::new(60)));
        let task = |name| Body::TaskStarted { task: TaskId::new(name).unwrap() };
        say(&bars, [started(3), task("a"), task("b")]);
        expect![[r#"
            ⠋ a 1 s
            ⠋ b 1 s
            0/3 done, 2 running, 1 s"#]]
        .assert_eq(&terminal.text());
        let note = Body::Note { task: None, level: Level::Info, message: "mind this".into(), hint: None };
        say(&bars, [note, Body::TaskFinished(end("a"))]);
        expect![[r#"
            note: mind this
            passed           2.0 s  a
            ⠋ b 1 s
            1/3 done, 1 running, 1 s"#]]
        .assert_eq(&terminal.text());
        say(&bars, [task("c")]);
        say(&bars, [Body::TaskFinished(end("b")), Body::TaskFinished(end("c"))]);
        let (tasks, critical_path) = (vec![end("a"), end("b"), end("c")], Vec::new());
        let duration = Duration::from_secs(4);
        let end =
            RunEnd { duration, exit_code: 0, tasks, critical_path, interrupted: false, failures: Vec::new() };
        bars.event(&Event { at: Duration::ZERO, body: Body::RunFinished(end) });
        expect![[r#"
            note: mind this
            passed           2.0 s  a
            passed           2.0 s  b
            passed           2.0 s  c

                 2.0 s  a
                 2.0 s  b
                 2.0 s  c

            3 tasks passed in 4.0 s"#]]
        .assert_eq(&terminal.text());
    }

    #[test]
    fn a_terminal_that_becomes_narrow_keeps_no_remains() {
        let columns = Arc::new(AtomicUsize::new(60));
        let (bars, terminal) = bars(&columns);
        let tasks = ["first", "second"].map(|name| TaskId::new(name).unwrap());
        let output = |task: &TaskId| Body::Output { task: task.clone(), line: "word ".repeat(20) };
        say(&bars, [started(2), Body::TaskFinished(end("before"))]);
        say(&bars, tasks.iter().map(|task| Body::TaskStarted { task: task.clone() }));
        say(&bars, tasks.iter().map(output));
        for width in [25, 70, 31, 10, 60] {
            terminal.resize(width);
            say(&bars, []);
            let lines = terminal.text();
            let live = lines.lines().filter(|line| line.starts_with('⠋')).count();
            assert_eq!((live, lines.matches("/2 done").count()), (2, 1), "{width} columns:\n{lines}");
            assert!(lines.replace('\n', "").contains("before"), "{lines}");
        }
    }

    #[test]
    fn of_many_tasks_those_that_passed_are_counted() {
        let (bars, terminal) = bars(&Arc::new(AtomicUsize::new(60)));
        say(&bars, [started(lines::EACH_MAX + 1), Body::TaskFinished(end("a"))]);
        let failed = TaskEnd { status: Status::Failed, ..end("b") };
        say(&bars, [Body::TaskFinished(failed)]);
        expect![[r#"
            failed           2.0 s  b
            2/61 done, 1 failed, 0 running, 1 s"#]]
        .assert_eq(&terminal.text());
    }

    #[test]
    fn a_task_without_a_run_leaves_nothing_that_moves() {
        let (bars, terminal) = bars(&Arc::new(AtomicUsize::new(60)));
        let event = |body| bars.event(&Event { at: Duration::ZERO, body });
        event(Body::TaskStarted { task: TaskId::new("a").unwrap() });
        assert!(lock(&bars.pulse).is_some());
        event(Body::TaskFinished(end("a")));
        assert!(lock(&bars.pulse).is_none());
        event(Body::Answer { text: "all tools are there\n".into(), data: serde_json::Value::Null });
        expect![[r#"
            passed           2.0 s  a
            all tools are there"#]]
        .assert_eq(&terminal.text());
    }
}
