//! Which tasks start now: longest remaining path first, within the cores and the memory there are.
//!
//! A state machine without threads or a clock. The caller starts what [`Schedule::start`] names, tells [`Schedule::finish`]
//! how each ended, and asks again.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use crate::graph::Graph;

/// What a run may use at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Processor cores that tasks may keep busy; at least 1.
    pub cores: u32,
    /// Bytes of memory that tasks may need together; `None` for no limit.
    pub memory: Option<u64>,
}

/// What happens to the other tasks when one does not pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnFailure {
    /// Everything that does not wait for it still runs.
    KeepGoing,
    /// Nothing new starts.
    FailFast,
}

/// Why a task was not run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SkipReason {
    /// This task, which it waits for, directly or not, did not pass.
    Dependency(usize),
    /// The run ends early.
    Stopped,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Waiting(usize),
    Ready,
    Running,
    /// It runs, and keeps nothing busy.
    Released,
    Done,
}

/// The state of a run of a graph. Tasks are named by their position in the graph.
#[derive(Debug)]
pub struct Schedule<'g> {
    graph: &'g Graph,
    on_failure: OnFailure,
    limits: Limits,
    priority: Vec<Duration>,
    state: Vec<State>,
    /// Ready tasks, most urgent first; ties in the order of the graph.
    ready: BTreeSet<(Reverse<Duration>, usize)>,
    running: usize,
    released: u32,
    cores: u32,
    memory: u64,
    stopped: bool,
}

impl<'g> Schedule<'g> {
    /// A run of `graph` in which nothing has started. `estimate` is how long a task will probably take.
    pub fn new(
        graph: &'g Graph,
        estimate: impl Fn(usize) -> Duration,
        limits: Limits,
        on_failure: OnFailure,
    ) -> Self {
        let count = graph.nodes().len();
        let mut schedule = Self {
            graph,
            on_failure,
            limits: Limits { cores: limits.cores.max(1), ..limits },
            priority: graph.remaining(estimate),
            state: (0..count).map(|task| State::Waiting(graph.dependencies(task).len())).collect(),
            ready: BTreeSet::new(),
            running: 0,
            released: 0,
            cores: 0,
            memory: 0,
            stopped: false,
        };
        for task in 0..count {
            if graph.dependencies(task).is_empty() {
                schedule.make_ready(task);
            }
        }
        schedule
    }

    /// The tasks to start now; they count as running from here on.
    ///
    /// Cores are a soft limit: a task starts as soon as one core is free, even if it keeps several busy. Waiting for all of
    /// them at once would idle cores or let small tasks starve it, and a short overlap costs nothing but time slices. Memory
    /// is a hard limit, because overlap there means swapping; a task that wants more than there is runs alone.
    #[must_use]
    pub fn start(&mut self) -> Vec<usize> {
        let mut started = Vec::new();
        if self.stopped {
            return started;
        }
        // Looked at one by one: most of a big graph is ready and does not start now.
        let mut after = Bound::Unbounded;
        while self.cores < self.limits.cores
            && let Some(&key) = self.ready.range((after, Bound::Unbounded)).next()
        {
            after = Bound::Excluded(key);
            let (_, task) = key;
            if self.fits(task) {
                self.ready.remove(&key);
                self.state[task] = State::Running;
                self.running += 1;
                self.cores += self.cores_of(task);
                self.memory += self.graph.nodes()[task].memory;
                started.push(task);
            }
        }
        started
    }

    /// Takes back the cores and the memory of a running task that needs no more of them: what it still does is to wait for a disk.
    ///
    /// Of no more tasks at once than there are cores: where the disk is what everybody waits for, more of them do not help it.
    pub fn release(&mut self, task: usize) {
        if self.state[task] == State::Running && self.released < self.limits.cores {
            self.state[task] = State::Released;
            self.released += 1;
            self.give_back(task);
        }
    }

    /// Takes the end of a running task. Returns the tasks that will now never run, and why.
    ///
    /// # Panics
    ///
    /// Where the task is not running: who drives the schedule has lost count, and what it says next would be wrong.
    #[must_use]
    pub fn finish(&mut self, task: usize, passed: bool) -> Vec<(usize, SkipReason)> {
        let was = std::mem::replace(&mut self.state[task], State::Done);
        assert!(
            matches!(was, State::Running | State::Released),
            "only a running task can end, and {task} is {was:?}"
        );
        if was == State::Released {
            self.released -= 1;
        } else {
            self.give_back(task);
        }
        self.running -= 1;
        if passed {
            for &dependent in self.graph.dependents(task) {
                if let State::Waiting(count) = self.state[dependent] {
                    match count {
                        1 => self.make_ready(dependent),
                        _ => self.state[dependent] = State::Waiting(count - 1),
                    }
                }
            }
            return Vec::new();
        }
        let mut skipped = self.skip_dependents(task);
        if self.on_failure == OnFailure::FailFast {
            skipped.extend(self.stop());
        }
        skipped
    }

    /// Starts nothing any more. Returns the tasks that will now never run.
    #[must_use]
    pub fn stop(&mut self) -> Vec<(usize, SkipReason)> {
        self.stopped = true;
        self.ready.clear();
        let mut skipped = Vec::new();
        for (task, state) in self.state.iter_mut().enumerate() {
            if matches!(state, State::Waiting(_) | State::Ready) {
                *state = State::Done;
                skipped.push((task, SkipReason::Stopped));
            }
        }
        skipped
    }

    /// Whether nothing runs and nothing will.
    pub fn is_done(&self) -> bool {
        self.running == 0 && self.ready.is_empty()
    }

    /// How many tasks are running.
    pub fn running(&self) -> usize {
        self.running
    }

    fn give_back(&mut self, task: usize) {
        self.cores -= self.cores_of(task);
        self.memory -= self.graph.nodes()[task].memory;
    }

    fn make_ready(&mut self, task: usize) {
        self.state[task] = State::Ready;
        self.ready.insert((Reverse(self.priority[task]), task));
    }

    /// A task cannot keep more cores busy than it is given.
    fn cores_of(&self, task: usize) -> u32 {
        self.graph.nodes()[task].cores.clamp(1, self.limits.cores)
    }

    fn fits(&self, task: usize) -> bool {
        if self.running == 0 {
            return true;
        }
        let needed = self.memory.saturating_add(self.graph.nodes()[task].memory);
        self.limits.memory.is_none_or(|limit| needed <= limit)
    }

    fn skip_dependents(&mut self, task: usize) -> Vec<(usize, SkipReason)> {
        let mut skipped = Vec::new();
        let mut next = self.graph.dependents(task).to_vec();
        while let Some(dependent) = next.pop() {
            if let State::Waiting(_) = self.state[dependent] {
                self.state[dependent] = State::Done;
                skipped.push((dependent, SkipReason::Dependency(task)));
                next.extend_from_slice(self.graph.dependents(dependent));
            }
        }
        skipped.sort_unstable_by_key(|(task, _)| *task);
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, TaskId};

    fn graph(tasks: &[(&str, &[&str], u32, u64)]) -> Graph {
        let id = |name: &str| TaskId::new(name).unwrap();
        let node = |&(name, after, cores, memory): &(&str, &[&str], u32, u64)| Node {
            after: after.iter().map(|name| id(name)).collect(),
            cores,
            memory,
            ..Node::new(id(name))
        };
        Graph::new(tasks.iter().map(node).collect()).unwrap()
    }

    fn second(_: usize) -> Duration {
        Duration::from_secs(1)
    }

    const TWO: Limits = Limits { cores: 2, memory: None };

    #[test]
    fn the_longest_remaining_path_goes_first() {
        let graph = graph(&[("a", &[], 1, 0), ("b", &[], 1, 0), ("c", &[], 1, 0), ("d", &["c"], 1, 0)]);
        let mut schedule = Schedule::new(&graph, second, TWO, OnFailure::KeepGoing);
        assert_eq!(schedule.start(), [2, 0]);
        assert!(schedule.start().is_empty());
        assert!(schedule.finish(2, true).is_empty());
        assert_eq!(schedule.start(), [1]);
        let _none = schedule.finish(0, true);
        assert_eq!(schedule.start(), [3]);
        assert!(!schedule.is_done());
    }

    #[test]
    fn a_task_starts_on_the_first_free_core_whatever_it_wants() {
        let graph = graph(&[("wide", &[], 8, 0), ("a", &[], 1, 0), ("b", &[], 1, 0)]);
        let mut schedule = Schedule::new(&graph, second, TWO, OnFailure::KeepGoing);
        assert_eq!(schedule.start(), [0]);
        let _none = schedule.finish(0, true);
        assert_eq!(schedule.start(), [1, 2]);
    }

    #[test]
    fn a_task_that_only_waits_for_a_disk_keeps_nobody_from_starting() {
        let graph = graph(&[("a", &[], 1, 90), ("b", &["a"], 1, 90), ("c", &[], 1, 90), ("d", &[], 1, 90)]);
        let limits = Limits { cores: 1, memory: Some(100) };
        let mut schedule = Schedule::new(&graph, second, limits, OnFailure::KeepGoing);
        assert_eq!(schedule.start(), [0]);
        assert!(schedule.start().is_empty());
        schedule.release(0);
        // What waits for it waits until its end.
        assert_eq!(schedule.start(), [2]);
        // No more at once than there are cores; and what does not run has nothing to give.
        schedule.release(2);
        schedule.release(3);
        assert!(schedule.start().is_empty());
        assert!(schedule.finish(0, true).is_empty());
        assert!(schedule.start().is_empty());
        schedule.release(2);
        assert_eq!(schedule.start(), [1]);
        for task in [2, 1] {
            assert!(schedule.finish(task, true).is_empty());
        }
        assert_eq!(schedule.start(), [3]);
        assert!(schedule.finish(3, true).is_empty());
        assert!(schedule.is_done());
    }

    #[test]
    fn memory_holds_back_and_what_wants_too_much_runs_alone() {
        let graph = graph(&[("a", &[], 1, 60), ("b", &[], 1, 60), ("c", &[], 1, 40), ("huge", &[], 1, 500)]);
        let limits = Limits { cores: 4, memory: Some(100) };
        let mut schedule = Schedule::new(&graph, second, limits, OnFailure::KeepGoing);
        assert_eq!(schedule.start(), [0, 2]);
        let _none = schedule.finish(2, true);
        assert!(schedule.start().is_empty());
        let _none = schedule.finish(0, true);
        assert_eq!(schedule.start(), [1]);
        let _none = schedule.finish(1, true);
        assert_eq!(schedule.start(), [3]);
    }

    #[test]
    fn a_failure_skips_what_waits_for_it_and_nothing_else() {
        let graph = graph(&[("a", &[], 1, 0), ("b", &["a"], 1, 0), ("c", &["b"], 1, 0), ("d", &[], 1, 0)]);
        let mut schedule = Schedule::new(&graph, second, TWO, OnFailure::KeepGoing);
        assert_eq!(schedule.start(), [0, 3]);
        assert_eq!(
            schedule.finish(0, false),
            [(1, SkipReason::Dependency(0)), (2, SkipReason::Dependency(0))]
        );
        assert!(!schedule.is_done());
        assert!(schedule.finish(3, true).is_empty());
        assert!(schedule.is_done());
    }

    #[test]
    fn fail_fast_starts_nothing_new() {
        let graph = graph(&[("a", &[], 1, 0), ("b", &[], 1, 0), ("c", &[], 1, 0)]);
        let mut schedule = Schedule::new(&graph, second, TWO, OnFailure::FailFast);
        assert_eq!(schedule.start(), [0, 1]);
        assert_eq!(schedule.finish(0, false), [(2, SkipReason::Stopped)]);
        assert!(schedule.start().is_empty());
        assert!(!schedule.is_done());
        assert!(schedule.finish(1, true).is_empty());
        assert!(schedule.is_done());
    }
}
