//! One event as a line for people.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;

use crate::coverage::Coverage;
use crate::text::{self, duration};

/// The longest text of an event that is shown, in columns; the file of the events has all of it.
const WIDTH: usize = 400;

/// An event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// When, since the beginning of the run.
    pub at: Duration,
    /// The task that it belongs to; empty where it belongs to none.
    pub task: String,
    /// How it stands out.
    pub manner: Manner,
    /// What happened.
    pub words: String,
}

/// How an event stands out from the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// Not at all: what tools write.
    Quiet,
    /// As one among many: something begins or goes on.
    Plain,
    /// Something ended as it should.
    Good,
    /// Something should be looked at.
    Doubtful,
    /// Something went wrong.
    Bad,
}

impl Line {
    /// The line for an event.
    pub(super) fn of(at: Duration, event: &Value) -> Self {
        let (manner, words) = told(event);
        let words = text::one_line(&words);
        Self {
            at,
            task: string(event, "task").to_owned(),
            manner,
            words: text::truncate(&words, WIDTH).into_owned(),
        }
    }
}

/// A text of an object; empty where there is none.
pub(super) fn string<'v>(object: &'v Value, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn told(event: &Value) -> (Manner, String) {
    use Manner::{Bad, Doubtful, Good, Plain, Quiet};
    let text = |name: &str| string(event, name);
    let took = || super::read::span(event.get("duration_ms"));
    match text("event") {
        "run-started" => (Plain, format!("run: {}", text("command"))),
        "task-started" => (Plain, "began".to_owned()),
        "step-started" => (Plain, format!("{} began", text("step"))),
        "step-finished" => {
            let manner = if text("status") == "passed" { Plain } else { Bad };
            (manner, format!("{} {} after {}", text("step"), text("status"), duration(took())))
        }
        "command-started" => (Plain, format!("$ {}", text("command"))),
        "output" => (Quiet, text("line").to_owned()),
        "command-finished" => {
            let manner = if text("exit") == "exit 0" { Plain } else { Doubtful };
            (manner, format!("{} after {}: {}", text("exit"), duration(took()), text("command")))
        }
        "progress" => (Quiet, progress(event)),
        "note" if text("level") == "warning" => (Doubtful, format!("warning: {}", text("message"))),
        "note" => (Plain, format!("note: {}", text("message"))),
        "missed" => (Plain, format!("no stored result: {}", list(event.get("because")))),
        "found" => {
            let finding = event.get("finding").unwrap_or(&Value::Null);
            let severity = string(finding, "severity");
            let manner = if severity == "error" { Bad } else { Doubtful };
            (manner, format!("{severity} {}: {}", string(finding, "tool"), string(finding, "message")))
        }
        "tested" => {
            let count = |name: &str| event.pointer(&format!("/counts/{name}")).and_then(Value::as_u64);
            let (passed, failed) = (count("passed").unwrap_or(0), count("failed").unwrap_or(0));
            (if failed == 0 { Good } else { Bad }, format!("tests: {passed} passed, {failed} failed"))
        }
        "covered" => match Coverage::deserialize(event) {
            Ok(coverage) => (Plain, format!("coverage: {}", coverage.in_words())),
            Err(_) => (Doubtful, "the coverage of a component is not as it should be".to_owned()),
        },
        "task-retried" => {
            let why = event.pointer("/failure/message").and_then(Value::as_str).unwrap_or_default();
            (Doubtful, format!("tried again: {} after {}: {why}", text("status"), duration(took())))
        }
        "task-finished" => {
            let manner = match text("status") {
                "passed" => Good,
                "skipped" => Quiet,
                _ => Bad,
            };
            let hit = event.pointer("/reuse/is").and_then(Value::as_str) == Some("hit");
            let how = if hit { "was stored".to_owned() } else { format!("after {}", duration(took())) };
            let why = event.pointer("/failure/message").and_then(Value::as_str);
            (
                manner,
                format!("{} {how}{}", text("status"), why.map_or(String::new(), |why| format!(": {why}"))),
            )
        }
        "narrated" => {
            let line = event.get("line").unwrap_or(&Value::Null);
            let manner = if string(line, "kind") == "back" { Bad } else { Plain };
            (manner, format!("{}: {}", string(line, "subject"), list(line.get("words"))))
        }
        "failed" => {
            (Bad, event.pointer("/error/message").and_then(Value::as_str).unwrap_or("failed").to_owned())
        }
        "run-finished" => {
            let code = event.get("exit_code").and_then(Value::as_u64).unwrap_or_default();
            (if code == 0 { Good } else { Bad }, format!("the run ended with exit code {code}"))
        }
        // What later versions say.
        other => (Quiet, format!("{other} {event}")),
    }
}

fn progress(event: &Value) -> String {
    let number = |name: &str| event.get(name).and_then(Value::as_u64);
    let mut words = number("done").unwrap_or_default().to_string();
    if let Some(total) = number("total") {
        // Writing into a String cannot fail.
        let _infallible = write!(words, " of {total}");
    }
    format!("{words} {}", string(event, "unit"))
}

/// Texts, joined.
fn list(value: Option<&Value>) -> String {
    let words = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join("; ")
}
