//! What a run would do: which tasks would run and which have a stored result, why, how long it would take, and in which parts
//! it can be done on several machines.
//!
//! A plan is made by looking and nothing else. It says what holds as things stand now; where a task that runs before may make
//! a difference to that, it says which one. Its JSON form is described by `docs/schemas/plan.schema.json`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::fingerprint::Digest;
use crate::fingerprint::explain::Change;
use crate::graph::{Graph, TaskId};
use crate::schedule::{Limits, OnFailure, Schedule};

mod drawing;
pub mod merge;
mod shard;
mod words;

pub use shard::{Position, SHARDS_MAX, Shard, partition, shards, without_empty};

/// The version of the JSON form; it rises when a field changes its meaning or goes away. Fields are added without that.
pub const FORMAT: u32 = 1;

/// How many changes of one task are shown; the rest is counted.
pub const CHANGES_MAX: usize = 10;

/// What is taken for the duration of a task of which nothing is known.
pub const UNKNOWN: Duration = Duration::from_secs(1);

/// What a run would do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: u32,
    /// How many cores its tasks may keep busy.
    pub jobs: u32,
    /// How long it would take, in milliseconds: the order in which a run starts its tasks, with the durations below.
    pub estimated_ms: u64,
    /// The chain of tasks that would take longest; tasks with a stored result take no time and are not in it.
    pub critical_path: Vec<TaskId>,
    /// The tasks, in the order of the pipeline.
    pub tasks: Vec<Planned>,
}

/// What a run would do with a task.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// The task.
    pub task: TaskId,
    /// What it is for.
    pub about: String,
    /// The tasks that it waits for.
    pub after: Vec<TaskId>,
    /// What would become of it.
    #[serde(flatten)]
    pub outlook: Outlook,
    /// Tasks that run before it and may change what is said here: what they leave is known only then.
    pub assumes: Vec<TaskId>,
    /// How long it would take, in milliseconds; 0 where its result is stored.
    pub estimated_ms: u64,
    /// How long it takes when it runs, in milliseconds, as it was measured when it last passed; without it, nobody knows.
    pub measured_ms: Option<u64>,
}

/// What would become of a task.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outlook", rename_all = "kebab-case")]
pub enum Outlook {
    /// Its result is stored.
    Hit {
        /// The key of the result.
        key: Digest,
        /// Whether what it made stands where it was left, so that nothing has to be put back.
        in_place: bool,
    },
    /// It would run, although its result can be stored.
    Miss {
        /// The key under which its result would be stored.
        key: Digest,
        /// Why.
        why: Why,
    },
    /// It would run, as it does each time.
    Uncached {
        /// Why.
        reason: String,
    },
    /// It would run, and its result would not be stored: what it depends on cannot be looked at.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// Why a task would run although its result can be stored.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Why {
    /// No result of it is stored.
    New,
    /// It was asked for whatever is stored.
    Forced,
    /// A result is stored, and is not whole.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// A result is stored, and it depends on what changes without the repository: by now it is too old.
    Stale {
        /// When that was stored, in seconds since 1970.
        stored: u64,
        /// How many seconds it may be used.
        age_max: u64,
    },
    /// Something differs from every stored result.
    Changed {
        /// The key of the stored result that differs least.
        nearest: Digest,
        /// When that was stored, in seconds since 1970.
        stored: u64,
        /// Tasks that go before it and would run, because what they depend on has changed.
        runs_before: Vec<TaskId>,
        /// What differs beside that, at most [`CHANGES_MAX`] things.
        changes: Vec<Change>,
        /// How many more things differ.
        left_out: usize,
    },
}

impl Outlook {
    /// Whether the task would run.
    pub const fn runs(&self) -> bool {
        !matches!(self, Self::Hit { .. })
    }
}

impl Plan {
    /// The plan of a run of `graph` with so many cores; `tasks` are in its order, without their estimates.
    pub fn new(graph: &Graph, mut tasks: Vec<Planned>, jobs: u32) -> Self {
        for planned in &mut tasks {
            let takes = planned.measured_ms.unwrap_or(milliseconds(UNKNOWN));
            planned.estimated_ms = if planned.outlook.runs() { takes } else { 0 };
        }
        let takes = |task: usize| Duration::from_millis(tasks[task].estimated_ms);
        let estimated_ms = milliseconds(makespan(graph, takes, jobs));
        let path = graph.critical_path(takes).into_iter().filter(|&task| tasks[task].outlook.runs());
        let critical_path = path.map(|task| tasks[task].task.clone()).collect();
        Self { format: FORMAT, jobs, estimated_ms, critical_path, tasks }
    }
}

/// Whole milliseconds.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long a run takes with so many cores, when every task passes and takes as long as is said. Memory is left out of it: how
/// much is free then, nobody knows.
pub fn makespan(graph: &Graph, takes: impl Fn(usize) -> Duration, cores: u32) -> Duration {
    let limits = Limits { cores, memory: None };
    let mut schedule = Schedule::new(graph, &takes, limits, OnFailure::KeepGoing);
    let mut now = Duration::ZERO;
    let mut running: BTreeSet<(Duration, usize)> = BTreeSet::new();
    loop {
        running.extend(schedule.start().into_iter().map(|task| (now + takes(task), task)));
        let Some((end, task)) = running.pop_first() else { return now };
        now = end;
        // Everything passes, so that nothing is skipped.
        drop(schedule.finish(task, true));
    }
}

#[cfg(test)]
mod tests;
