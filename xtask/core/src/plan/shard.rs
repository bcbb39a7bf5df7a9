//! A run in parts, for several machines: each part takes about as long as the others.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fingerprint::{Digest, codec};
use crate::graph::{Graph, TaskId};

/// The most parts of a run: GitHub starts no more jobs from one matrix.
pub const SHARDS_MAX: u32 = 256;

/// The domain of digests of partitions, for BLAKE3's key derivation.
const DOMAIN: &str = "xtask 2026-11 partition of a run, format 1";

/// Which part of a run, and of how many: `2/3` is the second of three.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    number: u32,
    total: u32,
}

impl Position {
    /// The part `number`, from 1, of `total`; `None` where there is no such part, or where there are more than [`SHARDS_MAX`].
    pub fn new(number: u32, total: u32) -> Option<Self> {
        (1 <= number && number <= total && total <= SHARDS_MAX).then_some(Self { number, total })
    }

    /// The position that a text such as `2/3` names.
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (number, total) = text.split_once('/').filter(|(one, all)| is_number(one) && is_number(all))?;
        Self::new(number.parse().ok()?, total.parse().ok()?)
    }

    /// Its number, from 1.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// How many parts there are.
    pub const fn total(self) -> u32 {
        self.total
    }

    /// The name of the folder that its report stands in: `2-of-3`.
    pub fn folder(self) -> String {
        format!("{}-of-{}", self.number, self.total)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.total)
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no shard")))
    }
}

/// A part of a run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Shard {
    /// Which one it is.
    pub shard: Position,
    /// The tasks that it is asked for. What they wait for runs there as well.
    pub tasks: Vec<TaskId>,
    /// How long its tasks take one after the other, with those that they wait for, in milliseconds.
    pub estimated_ms: u64,
}

/// The digest of a partition, from the tasks that each part is asked for: whoever merges parts knows by it that they were dealt
/// out together. The order of the tasks within a part makes no difference.
pub fn partition<'t>(parts: impl IntoIterator<Item = &'t [TaskId]>) -> Digest {
    let mut bytes = codec::Writer::default();
    for part in parts {
        let mut tasks: Vec<&TaskId> = part.iter().collect();
        tasks.sort_unstable();
        bytes.number(tasks.len() as u64);
        for task in tasks {
            bytes.text(task.as_str());
        }
    }
    Digest::new(blake3::derive_key(DOMAIN, bytes.bytes()))
}

/// Deals the tasks of a run out to so many parts.
///
/// Tasks that nothing waits for are dealt out, the longest with what it waits for first, each to the part that is shortest with
/// it (Graham's LPT rule). What several of them wait for costs a part that has it already nothing more, so that tasks with one
/// set-up tend to stay together. The same graph and durations give the same parts on every machine.
pub fn shards(graph: &Graph, takes: impl Fn(usize) -> Duration, count: u32) -> Vec<Shard> {
    let total = count.clamp(1, SHARDS_MAX);
    let count = total as usize;
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
    let shard = |(number, (tasks, load)): (u32, (Vec<TaskId>, Duration))| Shard {
        shard: Position { number, total },
        tasks,
        estimated_ms: super::milliseconds(load),
    };
    (1..).zip(dealt.into_iter().zip(loads)).map(shard).collect()
}

/// The parts that have something to do, numbered anew. A part without tasks is behind all others: of several that are equally
/// short the first gets a task.
pub fn without_empty(mut shards: Vec<Shard>) -> Vec<Shard> {
    shards.retain(|shard| !shard.tasks.is_empty());
    let total = u32::try_from(shards.len()).unwrap_or(SHARDS_MAX);
    for (number, shard) in (1..).zip(&mut shards) {
        shard.shard = Position { number, total };
    }
    shards
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
