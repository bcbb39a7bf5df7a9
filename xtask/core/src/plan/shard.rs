//! A run in parts, for several machines: each part takes about as long as the others.

use std::time::Duration;

use serde::Serialize;

use crate::graph::{Graph, TaskId};

/// A part of a run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Shard {
    /// Its number and how many there are: `1/3`.
    pub shard: String,
    /// The tasks that it is asked for. What they wait for runs there as well.
    pub tasks: Vec<TaskId>,
    /// How long its tasks take one after the other, with those that they wait for, in milliseconds.
    pub estimated_ms: u64,
}

/// Deals the tasks of a run out to so many parts.
///
/// Tasks that nothing waits for are dealt out, the longest with what it waits for first, each to the part that is shortest with
/// it (Graham's LPT rule). What several of them wait for costs a part that has it already nothing more, so that tasks with one
/// set-up tend to stay together. The same graph and durations give the same parts on every machine.
pub fn shards(graph: &Graph, takes: impl Fn(usize) -> Duration, count: usize) -> Vec<Shard> {
    let count = count.max(1);
    let last = (0..graph.nodes().len()).filter(|&task| graph.dependents(task).is_empty());
    let mut units: Vec<(Duration, usize, Vec<usize>)> = last
        .map(|task| {
            let needed = with_dependencies(graph, task);
            (needed.iter().map(|&task| takes(task)).sum(), task, needed)
        })
        .collect();
    units.sort_by(|one, other| {
        let id = |unit: &(Duration, usize, Vec<usize>)| graph.nodes()[unit.1].id.clone();
        other.0.cmp(&one.0).then_with(|| id(one).cmp(&id(other)))
    });
    let mut has = vec![vec![false; graph.nodes().len()]; count];
    let mut loads = vec![Duration::ZERO; count];
    let mut dealt: Vec<Vec<TaskId>> = vec![Vec::new(); count];
    for (_, task, needed) in units {
        let more = |shard: usize| -> Duration {
            needed.iter().filter(|&&task| !has[shard][task]).map(|&task| takes(task)).sum()
        };
        // The first of several that are equally short; of those the one with the fewest tasks.
        let best = (0..count).min_by_key(|&shard| (loads[shard] + more(shard), dealt[shard].len()));
        let shard = best.unwrap_or_default();
        loads[shard] += more(shard);
        for task in needed {
            has[shard][task] = true;
        }
        dealt[shard].push(graph.nodes()[task].id.clone());
    }
    let shard = |(number, (tasks, load)): (usize, (Vec<TaskId>, Duration))| Shard {
        shard: format!("{}/{count}", number + 1),
        tasks,
        estimated_ms: super::milliseconds(load),
    };
    dealt.into_iter().zip(loads).enumerate().map(shard).collect()
}

/// The task and everything that it waits for, directly or not.
fn with_dependencies(graph: &Graph, task: usize) -> Vec<usize> {
    let mut seen = vec![false; graph.nodes().len()];
    seen[task] = true;
    let mut all = vec![task];
    let mut next = 0;
    while next < all.len() {
        for &other in graph.dependencies(all[next]) {
            if !std::mem::replace(&mut seen[other], true) {
                all.push(other);
            }
        }
        next += 1;
    }
    all
}
