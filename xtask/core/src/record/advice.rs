//! What would make a run faster: the same schedule played again, with one thing changed at a time.

use std::collections::HashMap;
use std::time::Duration;

use super::{Record, Reuse, State, Task};
use crate::graph::{Graph, Node, TaskId};
use crate::plan::makespan;
use crate::text::duration;

/// The most tasks of a run for which the schedule is played again; beyond that it takes too long for what it tells.
const TASKS_MAX: usize = 2_000;

/// How many tasks of the longest chain are tried.
const TRIED: usize = 8;

/// Gains below this share of the run are not worth a line.
const WORTH: f64 = 0.02;

/// One thing that would make it faster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Advice {
    /// How much sooner the run would have ended, by the schedule.
    pub(super) gain: Duration,
    /// What to change.
    pub(super) words: String,
}

/// What would have made the run faster, the most first. Empty where nothing is worth it, or where the lines do not tell.
pub(super) fn of(record: &Record) -> Vec<Advice> {
    let Some(graph) = graph(record) else { return Vec::new() };
    let took: HashMap<&str, &Task> = record.tasks.iter().map(|task| (task.id.as_str(), task)).collect();
    let takes =
        |task: usize| took.get(graph.nodes()[task].id.as_str()).map_or(Duration::ZERO, |task| task.took);
    let jobs = record.jobs.max(1);
    let now = makespan(&graph, takes, jobs);
    let length = record.length();
    let mut all = Vec::new();
    let mut advise = |gain: Duration, words: String| {
        if gain.as_secs_f64() >= WORTH * length.as_secs_f64() && gain >= Duration::from_millis(100) {
            all.push(Advice { gain, words });
        }
    };
    let more = jobs.saturating_mul(2);
    let wide = makespan(&graph, takes, more);
    advise(now.saturating_sub(wide), format!("{more} cores instead of {jobs}"));
    let path = graph.critical_path(takes);
    let mut longest: Vec<usize> = path.into_iter().filter(|&task| !takes(task).is_zero()).collect();
    longest.sort_by_key(|&task| std::cmp::Reverse(takes(task)));
    for task in longest.into_iter().take(TRIED) {
        let without =
            makespan(&graph, |other| if other == task { Duration::ZERO } else { takes(other) }, jobs);
        let id = graph.nodes()[task].id.as_str();
        let Some(own) = took.get(id) else { continue };
        let how = match &own.reuse {
            Some(Reuse::Uncached { reason } | Reuse::NotStored { reason }) => {
                format!("a stored result of `{id}`, or a faster one: it is not stored, because {reason}")
            }
            _ => format!("a stored result of `{id}`, or a faster one: it took {}", duration(own.took)),
        };
        advise(now.saturating_sub(without), how);
    }
    let between = length.saturating_sub(now);
    advise(
        between,
        format!(
            "nothing between tasks: so much passed with starting, looking at files and waiting; the tasks alone take {}",
            duration(now)
        ),
    );
    all.sort_by_key(|advice| std::cmp::Reverse(advice.gain));
    all
}

/// The graph of a run that ended; `None` where the lines do not tell it.
fn graph(record: &Record) -> Option<Graph> {
    let has_ended = record.end.as_ref().is_some_and(|end| !end.interrupted);
    let ran =
        record.tasks.iter().filter(|task| !matches!(task.state, State::Unknown | State::Skipped)).count();
    if !has_ended || ran < 2 || record.tasks.len() > TASKS_MAX {
        return None;
    }
    let node = |task: &Task| {
        let mut node = Node::new(TaskId::new(&task.id)?);
        node.after = task.after.iter().map(|id| TaskId::new(id)).collect::<Option<_>>()?;
        node.cores = task.cores.max(1);
        Some(node)
    };
    Graph::new(record.tasks.iter().map(node).collect::<Option<Vec<_>>>()?).ok()
}
