//! From event lines to a record.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::line::string;
use super::{End, Found, Line, Note, Record, Step, Task};
use crate::coverage::Coverage;
use crate::finding::Finding;
use crate::release::narration::Measured;
use crate::report::TestCounts;

/// The version of the event lines that is known here; a later one may mean something else by the same words.
const FORMAT: u64 = 1;

/// The longest line that is read, in bytes. A failed task's line holds its output, which is bounded far below.
const LINE_MAX: usize = 16 << 20;

/// Milliseconds, as event lines have them. What is no time is none.
pub(super) fn span(value: Option<&Value>) -> Duration {
    let milliseconds = value.and_then(Value::as_f64).unwrap_or_default();
    Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default()
}

/// The same for serde.
pub(super) fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    Value::deserialize(from).map(|value| span(Some(&value)))
}

impl Record {
    /// Reads the event lines of a run that is to be called `name`. Nothing is refused: what cannot be read is counted among the
    /// [`damage`](Self::damage).
    pub fn read(name: impl Into<String>, text: &str) -> Self {
        let record = Self { name: name.into(), ..Self::default() };
        let mut reader = Reader { record, places: HashMap::new() };
        let (mut unread, mut first) = (0_usize, 0);
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let event = if line.len() > LINE_MAX { None } else { serde_json::from_str::<Value>(line).ok() };
            if let Some(event) = event.filter(|event| event.get("event").is_some_and(Value::is_string)) {
                reader.take(&event);
            } else {
                unread += 1;
                first = if unread == 1 { number + 1 } else { first };
            }
        }
        reader.close(unread, first)
    }
}

struct Reader {
    record: Record,
    /// Where each task is.
    places: HashMap<String, usize>,
}

impl Reader {
    fn take(&mut self, event: &Value) {
        let at = span(event.get("at_ms"));
        let text = |name: &str| string(event, name).to_owned();
        match string(event, "event") {
            "run-started" => self.begin(event),
            "task-started" => {
                if let Some(task) = self.task(event) {
                    task.began = Some(at);
                }
            }
            "step-started" => {
                if let Some(task) = self.task(event) {
                    task.steps.push(Step { id: text("step"), began: at, took: None, passed: true });
                }
            }
            "step-finished" => {
                let step = text("step");
                let open = self.task(event).and_then(|task| {
                    task.steps.iter_mut().rev().find(|other| other.id == step && other.took.is_none())
                });
                if let Some(open) = open {
                    open.took = Some(span(event.get("duration_ms")));
                    open.passed = string(event, "status") == "passed";
                }
            }
            "missed" => {
                let because: Vec<String> = list(event.get("because"));
                if let Some(task) = self.task(event) {
                    task.missed = because;
                }
            }
            "note" => self.record.notes.push(Note {
                task: text("task"),
                is_warning: string(event, "level") == "warning",
                message: text("message"),
                hint: text("hint"),
            }),
            "found" => match event.get("finding").map(Finding::deserialize) {
                Some(Ok(finding)) => {
                    self.record.findings.push(Found { task: text("task"), finding, excerpt: None });
                }
                _ => self.odd("a finding"),
            },
            "tested" => match event.get("counts").map(TestCounts::deserialize) {
                Some(Ok(counts)) => *self.record.counts.get_or_insert_default() += counts,
                _ => self.odd("the sums of a test run"),
            },
            "covered" => match Coverage::deserialize(event) {
                Ok(coverage) => self.record.coverage.push(coverage),
                Err(_) => self.odd("the coverage of a component"),
            },
            "narrated" => {
                let line = event.get("line").unwrap_or(&Value::Null);
                if let Some(measured) = line.get("measured") {
                    match Measured::deserialize(measured) {
                        Ok(measured) => {
                            let subject = string(line, "subject").to_owned();
                            self.record.canaries.push((span(line.get("at_ms")), subject, measured));
                        }
                        Err(_) => self.odd("what was measured of a canary"),
                    }
                }
            }
            "task-finished" => self.end_of(event),
            "run-finished" => {
                // The ends of tasks once more, in the order of the graph.
                for task in event.get("tasks").and_then(Value::as_array).into_iter().flatten() {
                    self.end_of(task);
                }
                self.record.end = Some(End {
                    took: span(event.get("duration_ms")),
                    exit_code: number(event, "exit_code")
                        .and_then(|code| u8::try_from(code).ok())
                        .unwrap_or(1),
                    critical_path: list(event.get("critical_path")),
                    interrupted: event.get("interrupted").and_then(Value::as_bool).unwrap_or_default(),
                });
            }
            _ => {}
        }
        self.record.lines.push(Line::of(at, event));
    }

    fn begin(&mut self, event: &Value) {
        if !self.record.command.is_empty() {
            self.record.damage.push("the lines are those of more than one run".to_owned());
        }
        if number(event, "format").unwrap_or_default() > FORMAT {
            let words = "the lines were written by a later version: some may mean something else";
            self.record.damage.push(words.to_owned());
        }
        string(event, "command").clone_into(&mut self.record.command);
        self.record.began = number(event, "unix_time");
        self.record.jobs =
            number(event, "jobs").and_then(|jobs| u32::try_from(jobs).ok()).unwrap_or_default();
        for node in event.get("graph").and_then(Value::as_array).into_iter().flatten() {
            let after = list(node.get("after"));
            let cores = number(node, "cores").and_then(|cores| u32::try_from(cores).ok()).unwrap_or(1);
            if let Some(task) = self.task(node) {
                task.after = after;
                task.cores = cores;
            }
        }
    }

    /// The task that an object names; `None` where it names none.
    fn task(&mut self, object: &Value) -> Option<&mut Task> {
        let id = string(object, "task");
        if id.is_empty() {
            return None;
        }
        let next = self.record.tasks.len();
        let place = *self.places.entry(id.to_owned()).or_insert(next);
        if place == next {
            self.record.tasks.push(Task { id: id.to_owned(), cores: 1, ..Task::default() });
        }
        self.record.tasks.get_mut(place)
    }

    fn end_of(&mut self, object: &Value) {
        fn field<T: for<'de> Deserialize<'de>>(object: &Value, name: &str) -> Option<T> {
            object.get(name).and_then(|value| T::deserialize(value).ok())
        }
        let took = span(object.get("duration_ms"));
        let Some(state) = field(object, "status") else { return self.odd("the end of a task") };
        let Some(task) = self.task(object) else { return self.odd("the end of a task") };
        task.state = state;
        task.took = took;
        task.failure = field(object, "failure");
        task.reuse = field(object, "reuse");
        let tries = object.get("earlier").and_then(Value::as_array).into_iter().flatten();
        task.earlier = tries.map(|attempt| field(attempt, "failure").unwrap_or_default()).collect();
        string(object, "output").clone_into(&mut task.output);
        string(object, "log").clone_into(&mut task.log);
    }

    fn odd(&mut self, what: &str) {
        let words = format!("{what} is not as it should be");
        if !self.record.damage.contains(&words) {
            self.record.damage.push(words);
        }
    }

    fn close(mut self, unread: usize, first: usize) -> Record {
        let damage = &mut self.record.damage;
        match unread {
            0 => {}
            1 => damage.push(format!("line {first} is no event and was left out")),
            _ => damage
                .push(format!("{unread} lines are no events and were left out, the first is line {first}")),
        }
        if self.record.lines.is_empty() {
            damage.push("there are no events".to_owned());
        } else if self.record.end.is_none() {
            damage.push("the end of the run is missing: it was killed, or is under way".to_owned());
        }
        self.record
    }
}

fn number(object: &Value, name: &str) -> Option<u64> {
    object.get(name).and_then(Value::as_u64)
}

fn list(value: Option<&Value>) -> Vec<String> {
    let words = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}
