//! Everything the program says: work emits [`Event`]s, sinks decide how they look.
//!
//! The same events make the live lines, the plain log, GitHub's groups, the JSON lines and JUnit; nobody else writes to the
//! terminal. Serialized, an event is one JSON object with `at_ms` (milliseconds since the start of the run) and `event` (its
//! name); fields are only ever added.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::coverage::Coverage;
use crate::core::finding::Finding;
use crate::core::gate::Account;
use crate::core::graph::{Node, TaskId};
use crate::core::release::narration::{Layout, Line};
use crate::core::report::{TestCounts, TestReport};
use crate::error::Error;

mod milliseconds;
mod report;

pub use report::{ShardReport, Told};

/// The version of the JSON form of events; it rises when a field changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// The file in the output folder that holds the events of a run, a line each.
pub const EVENTS_FILE: &str = "events.jsonl";

/// The file in the output folder that holds what tests and tasks of a run came to, as JUnit XML.
pub const JUNIT_FILE: &str = "junit.xml";

/// The file in the output folder that holds what is to be known of earlier runs, a line each.
pub const HISTORY_FILE: &str = "history.jsonl";

/// The page that `report` makes of them.
pub const REPORT_FILE: &str = "report.html";

/// The name of the suite of [`JUNIT_FILE`] in which each task is a case.
pub const TASKS_SUITE: &str = "tasks";

/// Something that happened, and when.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Time since the start of the run.
    #[serde(rename = "at_ms", with = "milliseconds")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Body {
    /// A run begins.
    RunStarted {
        /// [`FORMAT`].
        format: u32,
        /// The command line, as a shell reads it.
        command: String,
        /// Seconds since 1970-01-01T00:00:00Z.
        unix_time: u64,
        /// How many tasks the run has.
        tasks: usize,
        /// How many cores its tasks may keep busy.
        jobs: u32,
        /// The tasks as the schedule sees them, in the order of the graph.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        graph: Vec<Scheduled>,
    },
    /// A task begins.
    TaskStarted {
        /// Its name.
        task: TaskId,
    },
    /// A stored result was looked for, and none fits: the task runs.
    Missed {
        /// The task.
        task: TaskId,
        /// What differs from the stored result that differs least, a sentence each.
        because: Vec<String>,
    },
    /// A part of a task begins.
    StepStarted {
        /// The task it is part of.
        task: TaskId,
        /// Its name, which begins with the task's.
        step: TaskId,
    },
    /// A command was started.
    CommandStarted {
        /// The task it belongs to.
        task: TaskId,
        /// The command as a shell reads it, masked.
        command: String,
    },
    /// A command wrote a line. Shown live; of a long output only the first lines come as events, the log has all of it.
    Output {
        /// The task the command belongs to.
        task: TaskId,
        /// The line, masked, without its end.
        line: String,
    },
    /// A command ended.
    CommandFinished {
        /// The task it belongs to.
        task: TaskId,
        /// The command as a shell reads it, masked.
        command: String,
        /// How it ended, in words: `exit 0`, `killed by SIGKILL`.
        exit: String,
        /// How long it ran.
        #[serde(rename = "duration_ms", with = "milliseconds")]
        duration: Duration,
    },
    /// A part of a task ended.
    StepFinished {
        /// The task it is part of.
        task: TaskId,
        /// Its name, which begins with the task's.
        step: TaskId,
        /// How it ended.
        status: Status,
        /// How long it took.
        #[serde(rename = "duration_ms", with = "milliseconds")]
        duration: Duration,
    },
    /// How far a long step has come.
    Progress {
        /// The task.
        task: TaskId,
        /// What is done.
        done: u64,
        /// What there is to do, where that is known.
        total: Option<u64>,
        /// What is counted: `bytes`, `packages`.
        unit: &'static str,
    },
    /// Something a reader should know.
    Note {
        /// The task it concerns, if one.
        task: Option<TaskId>,
        /// How much it matters.
        level: Level,
        /// One sentence, lowercase, without a full stop.
        message: String,
        /// What to do, where there is something to do.
        hint: Option<String>,
    },
    /// A check found something.
    Found {
        /// The task that looked.
        task: TaskId,
        /// What it found.
        finding: Finding,
    },
    /// A gate has looked, or could not.
    Looked {
        /// The task it belongs to.
        task: TaskId,
        /// What it says of its look.
        #[serde(flatten)]
        account: Account,
    },
    /// A test runner reported.
    Tested {
        /// The task that ran it.
        task: TaskId,
        /// The sums.
        counts: TestCounts,
        /// The cases; in the JUnit file, not in the JSON lines.
        #[serde(skip)]
        report: Arc<TestReport>,
    },
    /// It was summed what the tests of a component run.
    Covered {
        /// The task that summed it.
        task: TaskId,
        /// The sums.
        #[serde(flatten)]
        coverage: Arc<Coverage>,
    },
    /// A task did not pass, and is tried again: it begins anew.
    TaskRetried {
        /// The task.
        task: TaskId,
        /// How this try ended.
        #[serde(flatten)]
        attempt: Attempt,
        /// How often it may be tried after this.
        left: u32,
    },
    /// A task ended.
    TaskFinished(TaskEnd),
    /// A release says what it does, or a rehearsal what it would.
    Narrated {
        /// What is said.
        line: Line,
        /// How its lines stand below each other.
        #[serde(skip)]
        layout: Layout,
    },
    /// What a command that answers a question has to say: text for a reader, data for a program.
    Answer {
        /// The text, ready to be shown.
        #[serde(skip)]
        text: String,
        /// The same as data.
        data: serde_json::Value,
    },
    /// A command could not do its work: what a run that never began, or that could not keep its records, ends with.
    Failed {
        /// Why.
        error: Error,
    },
    /// A run ended.
    RunFinished(RunEnd),
}

/// A task as the schedule sees it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Scheduled {
    /// Its name.
    pub task: TaskId,
    /// The tasks that must have passed before it starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<TaskId>,
    /// How many cores it keeps busy.
    pub cores: u32,
}

impl From<&Node> for Scheduled {
    fn from(node: &Node) -> Self {
        Self { task: node.id.clone(), after: node.after.clone(), cores: node.cores }
    }
}

/// How a task ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TaskEnd {
    /// Its name.
    pub task: TaskId,
    /// How it ended.
    pub status: Status,
    /// How long it took, with all its tries.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// Why it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Error>,
    /// What its commands wrote; empty for a task that passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// The file with all its output, where there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
    /// What the cache had to do with it, where the task passed in a pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// The tries before the last one, where it was tried again: none of them passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Attempt>,
}

impl TaskEnd {
    /// A task that ended so, with nothing to say about it.
    pub const fn new(task: TaskId, status: Status, duration: Duration) -> Self {
        Self {
            task,
            status,
            duration,
            failure: None,
            output: String::new(),
            log: None,
            reuse: None,
            earlier: Vec::new(),
        }
    }

    /// Whether it passed only when it was tried again.
    pub fn is_flaky(&self) -> bool {
        self.status == Status::Passed && !self.earlier.is_empty()
    }

    /// How long its last try took.
    pub fn last_try(&self) -> Duration {
        self.duration.saturating_sub(self.earlier.iter().map(|attempt| attempt.duration).sum())
    }

    /// The same with what the cache had to do with it, where it passed.
    pub(crate) fn by(self, reuse: Reuse) -> Self {
        Self { reuse: (self.status == Status::Passed).then_some(reuse), ..self }
    }
}

/// A try of a task that did not pass, before the last one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Attempt {
    /// How it ended.
    pub status: Status,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// Why it did not pass.
    pub failure: Error,
    /// What its commands wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// The file with all its output, where there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

/// What the cache had to do with a task that passed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Reuse {
    /// It was not run: the result was there, and what the task said was said again.
    Hit {
        /// How long it took when it was run.
        #[serde(rename = "saved_ms", with = "milliseconds")]
        saved: Duration,
    },
    /// It was run, and its result was stored.
    Stored,
    /// It was run, and its result was not stored.
    NotStored {
        /// Why.
        reason: String,
    },
    /// Nobody asked for a stored result.
    Uncached {
        /// Why.
        reason: String,
    },
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
pub struct RunEnd {
    /// How long it took.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// The exit code of the process.
    pub exit_code: u8,
    /// The end of each task, in the order of the graph.
    pub tasks: Vec<TaskEnd>,
    /// The chain of tasks that took longest.
    pub critical_path: Vec<TaskId>,
    /// Whether the run was asked to end before its time.
    pub interrupted: bool,
    /// What went wrong beside the tasks: of a run that is made from the reports of shards, what they do not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Error>,
}

/// How a task or a part of one ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It did what it should.
    Passed,
    /// It found problems, or could not do its work.
    Failed,
    /// It ran longer than it may.
    TimedOut,
    /// It was not run, because a task it waits for did not pass or because the run ends early.
    Skipped,
    /// It was ended by an interruption.
    Interrupted,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Something is not as it should be.
    Warning,
}

/// Somebody who listens to events.
pub trait Sink: Send + Sync {
    /// Takes the next event. Called from several threads, one call at a time.
    fn event(&self, event: &Event);
}
