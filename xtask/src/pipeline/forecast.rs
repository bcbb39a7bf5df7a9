//! What a run would do, found out by looking: nothing is run, and nothing is written.
//!
//! It asks the same questions of the same cache as a run, in the order of the graph. Two things a run knows and a look does
//! not: what a task leaves that runs, and what one reads whose turn comes after a result has been put back. The second follows
//! from what is stored; the first is said, as what the answer assumes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use super::ahead::Ahead;
use super::durations::Durations;
use super::reuse::{Cache, Caching, Earlier, Looked, OFF, Ready};
use super::run::machine_cores;
use super::{Footprint, Pipeline, Reusable, Task};
use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::explain::{Change, nearest};
use crate::core::fingerprint::{Content, Digest, Fingerprint, Manifest, Part, Subject};
use crate::core::graph::{Graph, TaskId};
use crate::core::plan::{CHANGES_MAX, Outlook, Plan, Planned, Shard, Why, milliseconds, shards};
use crate::cx::Cx;
use crate::driver::cache::Found;
use crate::error::{Error, Result};

/// What would be put back before a task: what stands there now, and what will.
type Replaced = Arc<(Manifest, Manifest)>;

/// What is known so far of a task, for those that wait for it.
#[derive(Clone, Default)]
struct Known {
    key: Option<Digest>,
    /// Whether it would run and what it depends on would be new.
    is_new: bool,
    /// Whether something stored may still fit once what goes before has run.
    may_fit: bool,
    /// What would be put back before and with it, by task.
    replaced: BTreeMap<usize, Replaced>,
    /// What would run before and with it.
    running: BTreeSet<usize>,
}

impl Pipeline {
    /// What a run of a part of its graph would do. Nothing is run, and nothing is written.
    ///
    /// # Errors
    ///
    /// Where it is interrupted. What cannot be looked at is part of the plan.
    pub fn plan(&self, cx: &Cx, part: &Graph, jobs: Option<u32>, caching: &Caching) -> Result<Plan> {
        let tasks = self.tasks_of(part);
        let jobs = jobs.unwrap_or_else(machine_cores);
        let cache = Cache::open_to_look(cx, caching.clone()).map(Arc::new);
        let ahead = Ahead::new(cx, part, &tasks, cache.as_ref().ok().cloned());
        let planned = thread::scope(|scope| {
            let mut lookers = ahead.start(scope);
            let planned = Forecast::new(cx, part, &tasks, &cache, &ahead).go();
            lookers.finish();
            planned
        });
        Ok(Plan::new(part, planned?, jobs))
    }

    /// A part of its graph in so many parts again that take about as long as each other, by how long tasks took when they last
    /// passed here. What is stored makes no difference: every machine that knows the same durations gets the same parts.
    pub fn shards(cx: &Cx, part: &Graph, count: u32) -> Vec<Shard> {
        let durations = Durations::load(cx);
        let takes = |task: usize| durations.estimate(&part.nodes()[task].id);
        shards(part, takes, count)
    }
}

struct Forecast<'f> {
    cx: &'f Cx,
    graph: &'f Graph,
    tasks: &'f [&'f Task],
    /// The error says why there is none.
    cache: &'f Result<Arc<Cache>>,
    ahead: &'f Ahead<'f>,
    durations: Durations,
    known: Vec<Known>,
}

impl<'f> Forecast<'f> {
    fn new(
        cx: &'f Cx,
        graph: &'f Graph,
        tasks: &'f [&'f Task],
        cache: &'f Result<Arc<Cache>>,
        ahead: &'f Ahead<'f>,
    ) -> Self {
        let known = vec![Known::default(); tasks.len()];
        Self { cx, graph, tasks, cache, ahead, durations: Durations::load(cx), known }
    }

    fn go(mut self) -> Result<Vec<Planned>> {
        let mut planned: Vec<Option<Planned>> = vec![None; self.tasks.len()];
        for &task in self.graph.order() {
            self.cx.check()?;
            let mut known = self.before(task);
            let outlook = self.outlook(task, &mut known);
            let assumes = self.assumes(&outlook, &known);
            if outlook.runs() {
                known.running.insert(task);
            }
            self.known[task] = known;
            let node = &self.graph.nodes()[task];
            planned[task] = Some(Planned {
                task: node.id.clone(),
                about: self.tasks[task].about.clone(),
                after: self.graph.dependencies(task).iter().map(|&other| self.id(other).clone()).collect(),
                outlook,
                assumes,
                estimated_ms: 0,
                measured_ms: self.durations.measured(&node.id).map(milliseconds),
            });
        }
        Ok(planned.into_iter().flatten().collect())
    }

    fn id(&self, task: usize) -> &TaskId {
        &self.graph.nodes()[task].id
    }

    /// What those that it waits for leave it.
    fn before(&self, task: usize) -> Known {
        let mut all = Known::default();
        for &other in self.graph.dependencies(task) {
            let known = &self.known[other];
            all.replaced.extend(known.replaced.iter().map(|(&task, both)| (task, Arc::clone(both))));
            all.running.extend(&known.running);
        }
        all
    }

    /// The tasks that run before and may change the answer: whether something stored fits depends on what they leave.
    fn assumes(&self, outlook: &Outlook, known: &Known) -> Vec<TaskId> {
        let is_open = match outlook {
            Outlook::Uncached { .. } | Outlook::Miss { why: Why::Forced, .. } => false,
            Outlook::Miss { why: Why::New | Why::Changed { .. }, .. } => known.may_fit,
            Outlook::Hit { .. } | Outlook::Miss { .. } | Outlook::Unreadable { .. } => true,
        };
        let running = known.running.iter().filter(|_| is_open);
        running.map(|&task| self.id(task).clone()).collect()
    }

    fn outlook(&self, task: usize, known: &mut Known) -> Outlook {
        let footprint = match &self.tasks[task].reusable {
            Reusable::By(footprint) => footprint,
            Reusable::Not(reason) => return Outlook::Uncached { reason: reason.to_string() },
        };
        let cache = match self.cache {
            Ok(cache) if cache.is_off() => {
                return Outlook::Uncached { reason: OFF.to_owned() };
            }
            Ok(cache) => cache,
            Err(error) => return Outlook::Unreadable { reason: error.in_words() },
        };
        let before = self.graph.dependencies(task).iter();
        let before: Vec<(TaskId, Digest)> =
            before.filter_map(|&other| Some((self.id(other).clone(), self.known[other].key?))).collect();
        let replaced: Vec<&Replaced> = known.replaced.values().collect();
        let ready = match self.looked(task, footprint, &replaced) {
            Ok(looked) => looked.after(&before),
            Err(error) => return Outlook::Unreadable { reason: error.in_words() },
        };
        let key = ready.key;
        known.key = Some(key);
        if cache.is_forced(self.id(task)) {
            return Outlook::Miss { key, why: Why::Forced };
        }
        if cache.is_in_place(&ready) {
            return Outlook::Hit { key, in_place: true };
        }
        match cache.store().peek(&key) {
            Found::Entry(entry) if !cache.may_use(&ready.stands, &entry.said, entry.stored) => {
                if self.cx.is_strict() && entry.said.gap().is_some() {
                    let reason = "the stored result lacks the answer of a feed".to_owned();
                    return Outlook::Miss { key, why: Why::Damaged { reason } };
                }
                let age_max = entry.said.age_max(ready.stands.age_max).unwrap_or_default().as_secs();
                Outlook::Miss { key, why: Why::Stale { stored: entry.stored, age_max } }
            }
            Found::Entry(entry) => match lacking(cache, &ready, &entry) {
                None => {
                    let both = (Manifest::clone(&ready.stands.outputs.manifest), entry.outputs);
                    let in_place = both.0 == both.1;
                    known.replaced.insert(task, Arc::new(both));
                    Outlook::Hit { key, in_place }
                }
                Some(reason) => Outlook::Miss { key, why: Why::Damaged { reason } },
            },
            Found::Fault(error) => Outlook::Miss { key, why: Why::Damaged { reason: error.in_words() } },
            Found::Nothing => {
                known.is_new = true;
                let stored = cache.stored(self.id(task));
                let left = cache
                    .left_key(self.id(task))
                    .filter(|key| stored.iter().all(|stored| stored.key != *key));
                let fits = |stored: &Earlier| may_fit(&stored.fingerprint, &ready.fingerprint);
                known.may_fit = left.is_some() || stored.iter().any(fits);
                Outlook::Miss { key, why: self.why(&stored, task, &ready.fingerprint) }
            }
        }
    }

    /// What the result of a task depends on, with what would be put back before it in its place.
    fn looked(&self, task: usize, footprint: &Footprint, replaced: &[&Replaced]) -> Result<Looked> {
        let looked =
            self.ahead.of(task).ok_or_else(|| Error::bug("a cached task was not looked at"))?.clone()?;
        if replaced.is_empty() {
            return Ok(looked);
        }
        let parsed = footprint.parsed()?;
        let mut inputs = Manifest::clone(looked.inputs());
        for both in replaced {
            inputs = inputs.replaced(&parsed.inputs, &both.0, &both.1);
        }
        looked.reading(self.id(task), inputs)
    }

    /// What differs from the stored result that differs least.
    fn why(&self, stored: &[Earlier], task: usize, now: &Fingerprint) -> Why {
        let fingerprints: Vec<&Fingerprint> = stored.iter().map(|stored| &stored.fingerprint).collect();
        let Some((position, changes)) = nearest(&fingerprints, now) else { return Why::New };
        let (mut runs_before, mut others) = (Vec::new(), Vec::new());
        for change in changes {
            match self.new_before(task, &change) {
                Some(before) => runs_before.push(before),
                None => others.push(change),
            }
        }
        let left_out = others.len().saturating_sub(CHANGES_MAX);
        others.truncate(CHANGES_MAX);
        let nearest = &stored[position];
        Why::Changed { nearest: nearest.key, stored: nearest.at, runs_before, changes: others, left_out }
    }

    /// The task before this one that would run because it is new, where it is that which has changed.
    fn new_before(&self, task: usize, change: &Change) -> Option<TaskId> {
        let Change::Part { part: Subject::Dependency(name), now: Some(_), .. } = change else { return None };
        let before = self.graph.dependencies(task).iter();
        let mut new = before.filter(|&&other| self.known[other].is_new).map(|&other| self.id(other));
        new.find(|id| id.as_str() == name).cloned()
    }
}

/// What of a stored result would have to be put back, and is missing or damaged.
fn lacking(cache: &Cache, ready: &Ready, entry: &Entry) -> Option<String> {
    let there = &ready.stands.outputs.manifest;
    let missing = entry.outputs.files().iter().find(|item| match &item.content {
        Content::File { digest, .. } => {
            there.get(&item.path) != Some(&item.content) && !cache.store().is_sound(entry, digest)
        }
        Content::Link { .. } | Content::Folder { .. } => false,
    });
    if let Some(item) = missing {
        return Some(format!("the stored result lacks `{}`", item.path.display()));
    }
    let log = entry.said.log.filter(|log| !cache.store().is_sound(entry, log));
    log.map(|_| "the stored result lacks its log".to_owned())
}

/// Whether a stored result may fit once what goes before has run: that can change files, and with them tools, and nothing else.
fn may_fit(stored: &Fingerprint, now: &Fingerprint) -> bool {
    let rest = |fingerprint: &Fingerprint| -> Vec<Part> {
        let parts = fingerprint.parts().iter();
        parts.filter(|part| !matches!(part.subject, Subject::Tool(_))).cloned().collect()
    };
    rest(stored) == rest(now)
}
