//! A log that grows line by line: nothing is taken back, so it can be piped, stored and followed.
//!
//! A [`Dialect`] says how the lines look to who reads them; when they come is the same for all: a line when a task ends,
//! notes, a sign of life when nothing was said for long, and the summary.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::pulse::Pulse;
use super::record::Record;
use super::{Look, lines, lock, say, summary};
use crate::core::graph::TaskId;
use crate::event::{Body, Event, RunEnd, Sink, Status, TaskEnd};

/// How long a log may be silent while tasks run. CI systems end jobs that say nothing, and people lose patience earlier.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How the lines of a log look.
pub trait Dialect: Send + 'static {
    /// A command of a task wrote a line.
    fn output(&mut self, task: &TaskId, line: &str);
    /// A task ended; `line` says how.
    fn task(&mut self, end: &TaskEnd, line: String) -> String;
    /// Lines that may hold foreign words.
    fn note(&mut self, lines: String) -> String;
    /// The end of the run, with everything that is to be seen last.
    fn summary(&mut self, end: &RunEnd, record: &Record, summary: summary::Summary) -> String;
}

/// The sink that writes a log.
pub struct Log<W, D> {
    inner: Arc<Mutex<Inner<W, D>>>,
    pulse: Mutex<Option<Pulse>>,
}

struct Inner<W, D> {
    out: W,
    look: Look,
    dialect: D,
    record: Record,
    /// When each running task began.
    running: BTreeMap<TaskId, Duration>,
    /// When the last line was written.
    said: Duration,
    /// How many tasks the run has.
    tasks: usize,
}

impl<W: Write + Send + 'static, D: Dialect> Log<W, D> {
    /// A log of `dialect` that is written to `out`.
    pub fn new(out: W, look: Look, dialect: D) -> Self {
        let (record, running, said) = (Record::default(), BTreeMap::new(), Duration::ZERO);
        let inner = Inner { out, look, dialect, record, running, said, tasks: 0 };
        Self { inner: Arc::new(Mutex::new(inner)), pulse: Mutex::new(None) }
    }

    fn start_pulse(&self, at: Duration) {
        let (inner, start) = (Arc::clone(&self.inner), Instant::now());
        let pulse = Pulse::start(Duration::from_secs(1), move || lock(&inner).beat(at + start.elapsed()));
        drop(lock(&self.pulse).replace(pulse));
    }
}

impl<W: Write + Send + 'static, D: Dialect> Sink for Log<W, D> {
    fn event(&self, event: &Event) {
        match &event.body {
            Body::RunStarted { .. } => self.start_pulse(event.at),
            // Before the summary is written: the pulse writes to the same place.
            Body::RunFinished(_) => drop(lock(&self.pulse).take()),
            _ => {}
        }
        lock(&self.inner).event(event);
    }
}

impl<W: Write, D: Dialect> Inner<W, D> {
    fn event(&mut self, event: &Event) {
        let style = self.look.style;
        self.record.take(&event.body);
        let text = match &event.body {
            Body::RunStarted { tasks, .. } => {
                self.tasks = *tasks;
                return;
            }
            Body::TaskStarted { task } => {
                self.running.insert(task.clone(), event.at);
                return;
            }
            Body::Output { task, line } => return self.dialect.output(task, line),
            Body::TaskRetried { task, attempt, .. } => {
                self.running.remove(task);
                self.dialect.note(lines::retried(task, attempt, style))
            }
            Body::TaskFinished(end) => {
                self.running.remove(&end.task);
                if end.status == Status::Skipped || (lines::is_hit(end) && self.tasks > lines::EACH_MAX) {
                    // The summary names or counts them together.
                    return;
                }
                self.dialect.task(end, lines::task(end, self.record.counts(&end.task), style))
            }
            Body::Note { task, level, message, hint } => {
                self.dialect.note(lines::note(task.as_ref(), *level, message, hint.as_deref(), style))
            }
            // Of many gates those are named that could not look.
            Body::Looked { account, .. } if account.is_whole() && self.tasks > lines::EACH_MAX => return,
            Body::Looked { task, account } => self.dialect.note(lines::looked(task, account, style)),
            Body::Narrated { line, layout } => self.dialect.note(lines::narrated(line, *layout, style)),
            Body::Answer { text, .. } => self.dialect.note(lines::answer(text)),
            Body::RunFinished(end) => {
                let summary = summary::summary(end, &self.record, &self.look);
                self.dialect.summary(end, &self.record, summary)
            }
            _ => return,
        };
        self.say(event.at, &text);
    }

    /// Gives a sign of life where that is due.
    fn beat(&mut self, now: Duration) {
        if !self.running.is_empty() && now.saturating_sub(self.said) >= SILENCE_MAX {
            let line =
                lines::running(self.running.iter().map(|(task, since)| (task, now.saturating_sub(*since))));
            self.say(now, &line);
        }
    }

    fn say(&mut self, at: Duration, text: &str) {
        say(&mut self.out, text);
        self.said = at;
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::Plain;
    use super::*;
    use crate::error::Style;

    #[test]
    fn a_long_silence_is_broken() {
        let look = Look { style: Style::PLAIN, repeat: Arc::new(TaskId::to_string) };
        let log = Log::new(Vec::new(), look, Plain);
        let at = Duration::from_secs;
        let start = |name| Body::TaskStarted { task: TaskId::new(name).unwrap() };
        let said = || String::from_utf8(std::mem::take(&mut lock(&log.inner).out)).unwrap();
        lock(&log.inner).beat(at(100));
        assert_eq!(said(), "", "nothing runs");
        log.event(&Event { at: at(100), body: start("test.backend") });
        log.event(&Event { at: at(110), body: start("lint") });
        lock(&log.inner).beat(at(129));
        assert_eq!(said(), "running: lint (19 s), test.backend (29 s)\n");
        lock(&log.inner).beat(at(158));
        assert_eq!(said(), "", "said 29 s ago");
        lock(&log.inner).beat(at(200));
        assert_eq!(said(), "running: lint (1 min 30 s), test.backend (1 min 40 s)\n");
    }
}
