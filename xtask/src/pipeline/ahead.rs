//! Looking at the files of all tasks before anything runs, on threads of their own, while the run already takes the first tasks:
//! whoever needs first what was not looked at yet looks at it.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Scope, ScopedJoinHandle};

use super::Task;
use super::reuse::{Cache, Looked};
use crate::core::graph::Graph;
use crate::cx::Cx;
use crate::error::{self, Result};

/// Threads that look: more wait for each other, and for the disk.
const THREADS_MAX: usize = 8;

/// What the tasks of a graph depend on, as it was before any of them ran.
pub(super) struct Ahead<'a> {
    cx: &'a Cx,
    graph: &'a Graph,
    tasks: &'a [&'a Task],
    /// `None` where nothing is to be reused, or nothing can be: then each task is looked at when it runs, and not before.
    cache: Option<Arc<Cache>>,
    looked: Vec<OnceLock<Result<Looked>>>,
    /// What the threads look at, in this order: what has most to be looked at comes first, so that they are done at the same time.
    order: Vec<usize>,
    /// How far they have come.
    next: AtomicUsize,
}

/// The threads that look.
pub(super) struct Lookers<'s> {
    ahead: &'s Ahead<'s>,
    threads: Vec<ScopedJoinHandle<'s, ()>>,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(
        cx: &'a Cx,
        graph: &'a Graph,
        tasks: &'a [&'a Task],
        cache: Option<Arc<Cache>>,
    ) -> Self {
        let looked = tasks.iter().map(|_| OnceLock::new()).collect();
        let cache = cache.filter(|cache| !cache.is_off());
        let mut order = graph.order().to_vec();
        if let Some(cache) = &cache {
            let sizes = cache.sizes(graph.nodes().iter().map(|node| &node.id));
            order.sort_by_key(|&task| Reverse(sizes[task]));
        }
        Self { cx, graph, tasks, cache, looked, order, next: AtomicUsize::new(0) }
    }

    /// What this task depends on; `None` where its result is never used again.
    pub(super) fn of(&self, task: usize) -> Option<&Result<Looked>> {
        let (cache, footprint) = (self.cache.as_ref()?, self.tasks[task].footprint()?);
        let look = || cache.look(self.cx, &self.graph.nodes()[task].id, footprint, false);
        Some(self.looked[task].get_or_init(look))
    }

    /// What was looked at, for whoever has no use for the rest any more.
    pub(super) fn into_looked(self) -> Vec<OnceLock<Result<Looked>>> {
        self.looked
    }

    /// Starts to look at everything, with all cores but the one that goes on.
    pub(super) fn start<'s>(&'s self, scope: &'s Scope<'s, '_>) -> Lookers<'s> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.cache.is_some() { (cores - 1).clamp(1, THREADS_MAX) } else { 0 };
        Lookers { ahead: self, threads: (0..threads).map(|_| scope.spawn(|| self.work())).collect() }
    }

    fn work(&self) {
        while let Some(&task) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.cx.check().is_err() {
                return;
            }
            self.of(task);
        }
    }
}

impl Lookers<'_> {
    /// Looks along until everything was looked at: from then on something may run.
    pub(super) fn finish(&mut self) {
        // A look that panicked is made once more by the task that needs it, and fails that task.
        if !self.threads.is_empty() {
            drop(error::catch(|| {
                self.ahead.work();
                Ok(())
            }));
        }
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}
