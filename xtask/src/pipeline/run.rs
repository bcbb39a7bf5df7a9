//! One run of a pipeline: a schedule, threads that work, and a channel on which they say how they ended.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::ahead::{Ahead, Lookers};
use super::durations::Durations;
use super::retry::tries;
use super::reuse::Cache;
use super::workers::Workers;
use super::{Options, Pipeline, Reusable, Task};
use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::Said;
use crate::core::graph::{Graph, TaskId};
use crate::core::schedule::{Limits, Schedule, SkipReason};
use crate::core::text::{bytes, count};
use crate::cx::{Cx, Ground};
use crate::driver::cache::Store;
use crate::driver::{files, platform};
use crate::error::{self, Error, ErrorKind, Result};
use crate::event::{Body, FORMAT, Reuse, RunEnd, Scheduled, Status, TaskEnd};

/// How long a cancelled run waits for its tasks. Commands are ended within five seconds; a task that does not look at its
/// context is left behind.
const PATIENCE: Duration = Duration::from_secs(6);

enum Message {
    /// This task has made what it makes, and stores it.
    Stores(usize),
    /// This task ended.
    Finished(usize, Finished),
    Cancelled,
}

/// How a task ended that was run, or whose result was put back.
struct Finished {
    end: TaskEnd,
    /// The key of its result, where that may be used again.
    key: Option<Digest>,
    /// It has said that it has changed nothing.
    is_unchanged: bool,
}

/// The cache, as another thread opens it.
type Opening<'s> = ScopedJoinHandle<'s, Result<Cache>>;

/// Runs a part of a pipeline, which is among these tasks. What the cache knows of the files is much to read: where one of them can
/// use it, it is opened while it is found out which part, and the run is made ready.
pub(super) fn run<'g>(
    cx: &Cx,
    pipeline: &Pipeline,
    among: impl IntoIterator<Item = &'g Task>,
    part: impl FnOnce() -> Result<Cow<'g, Graph>>,
    options: &Options,
) -> Result<RunEnd> {
    let can_use = |task: &Task| task.footprint().is_some();
    thread::scope(|scope| {
        let opens = || Cache::open(cx, options.caching.clone());
        let opening = among.into_iter().any(can_use).then(|| scope.spawn(opens));
        let durations = scope.spawn(|| Durations::load(cx));
        let part = part()?;
        let tasks = pipeline.tasks_of(&part);
        let opening = opening.filter(|_| tasks.iter().copied().any(can_use));
        Run::new(cx, &part, tasks, options).go(opening, durations)
    })
}

/// One run.
struct Run<'r> {
    cx: &'r Cx,
    graph: &'r Graph,
    tasks: Vec<&'r Task>,
    options: &'r Options,
    cores: u32,
    ends: Vec<Option<TaskEnd>>,
    /// The keys of results.
    keys: Vec<Option<Digest>>,
    /// Tasks that were run or put back in this run and may have changed something, or wait for one that was: what was seen of
    /// files before counts no more.
    touched: Vec<bool>,
    durations: Durations,
    workers: Workers,
    /// `None` where nothing is to be reused, or nothing can be.
    cache: Option<Arc<Cache>>,
}

impl<'r> Run<'r> {
    fn new(cx: &'r Cx, graph: &'r Graph, tasks: Vec<&'r Task>, options: &'r Options) -> Self {
        let count = graph.nodes().len();
        Self {
            cx,
            graph,
            tasks,
            options,
            cores: options.jobs.unwrap_or_else(machine_cores).max(1),
            ends: vec![None; count],
            keys: vec![None; count],
            touched: vec![false; count],
            durations: Durations::default(),
            workers: Workers::default(),
            cache: None,
        }
    }

    /// The cache that was opened, where a task can use it and it could be.
    fn opened(&self, opening: Option<Opening<'_>>) -> Option<Arc<Cache>> {
        let panicked = |_| Err(Error::bug("could not open the cache"));
        match opening?.join().unwrap_or_else(panicked) {
            Ok(cache) => Some(Arc::new(cache)),
            Err(error) => {
                self.cx.warn_of(&error, "nothing is reused, and nothing stored");
                None
            }
        }
    }

    /// Takes away the logs of tasks that are not part of this run, so that no old one is read as new. Those of the others are
    /// replaced by what they do.
    fn sweep_logs(&self) {
        let folder = self.cx.output_folder().join("logs");
        let names = files::names(&folder).unwrap_or_default();
        if names.is_empty() {
            return;
        }
        let ids: std::collections::HashSet<&str> =
            self.graph.nodes().iter().map(|node| node.id.as_str()).collect();
        for name in names {
            let is_ours = name.strip_suffix(".log").is_some_and(|id| ids.contains(id));
            if !is_ours && let Err(error) = files::remove(&folder.join(&name)) {
                self.cx.warn_of(&error, "a log of another run stays");
            }
        }
    }

    fn go(
        mut self,
        opening: Option<Opening<'_>>,
        durations: ScopedJoinHandle<'_, Durations>,
    ) -> Result<RunEnd> {
        let start = Instant::now();
        self.cx.emit(Body::RunStarted {
            format: FORMAT,
            command: self.cx.mask().text(&self.options.command),
            unix_time: platform::unix_time(),
            tasks: self.graph.nodes().len(),
            jobs: self.cores,
            graph: self.graph.nodes().iter().map(Scheduled::from).collect(),
        });
        self.cache = self.opened(opening);
        let tasks = self.tasks.clone();
        let ahead = Ahead::new(self.cx, self.graph, &tasks, self.cache.clone());
        thread::scope(|scope| {
            let mut lookers = ahead.start(scope);
            self.sweep_logs();
            // Without them the order is a worse one.
            self.durations = durations.join().unwrap_or_default();
            let ended = self.all(&ahead, &mut lookers);
            lookers.finish();
            ended
        })?;
        if self.options.keeps_times {
            self.durations.save(self.cx);
        }
        if let Some(cache) = &self.cache {
            cache.close(self.cx);
            make_room(self.cx, cache.store());
        }
        platform::give_back((ahead.into_looked(), self.cache.take()));
        Ok(self.finish(start.elapsed()))
    }

    /// Takes all tasks, until the last has ended or the run is given up.
    fn all(&mut self, ahead: &Ahead<'_>, lookers: &mut Lookers<'_>) -> Result<()> {
        let limits = Limits { cores: self.cores, memory: platform::memory_available() };
        let estimate = |task: usize| self.durations.estimate(&self.graph.nodes()[task].id);
        let mut schedule = Schedule::new(self.graph, estimate, limits, self.options.on_failure);
        let (sender, receiver) = mpsc::channel();
        let on_cancel = sender.clone();
        self.cx.cancel().on_cancel(move || drop(on_cancel.send(Message::Cancelled)));
        let mut give_up: Option<Instant> = None;
        loop {
            let mut starting: VecDeque<usize> = schedule.start().into();
            while let Some(task) = starting.pop_front() {
                if let Some((end, key)) = self.in_place(task, ahead) {
                    self.finished(&mut schedule, task, end, Some(key));
                    starting.extend(schedule.start());
                } else {
                    lookers.finish();
                    self.spawn(task, sender.clone())?;
                }
            }
            if schedule.is_done() {
                break;
            }
            let message = match give_up {
                None => receiver.recv().ok(),
                Some(end) => receiver.recv_timeout(end.saturating_duration_since(Instant::now())).ok(),
            };
            match message {
                Some(Message::Stores(task)) => schedule.release(task),
                Some(Message::Finished(task, Finished { end, key, is_unchanged })) => {
                    self.touched[task] |= !is_unchanged;
                    self.finished(&mut schedule, task, end, key);
                }
                Some(Message::Cancelled) => {
                    give_up = give_up.or(Some(Instant::now() + PATIENCE));
                    self.skip(schedule.stop());
                }
                None => break,
            }
        }
        Ok(())
    }

    fn finished(&mut self, schedule: &mut Schedule<'_>, task: usize, end: TaskEnd, key: Option<Digest>) {
        let passed = end.status == Status::Passed;
        self.keys[task] = key;
        self.durations.record(&end);
        self.end(task, end);
        self.skip(schedule.finish(task, passed));
    }

    /// The keys of the tasks that this one waits for.
    fn before(&self, task: usize) -> Vec<(TaskId, Digest)> {
        let key = |&other: &usize| Some((self.graph.nodes()[other].id.clone(), self.keys[other]?));
        self.graph.dependencies(task).iter().filter_map(key).collect()
    }

    /// The end of a task whose result stands where it was left, as far as that is sure without another look at its files.
    fn in_place(&mut self, task: usize, ahead: &Ahead<'_>) -> Option<(TaskEnd, Digest)> {
        self.touched[task] |= self.graph.dependencies(task).iter().any(|&other| self.touched[other]);
        if self.touched[task] {
            return None;
        }
        // Whatever is wrong is said by the look that follows.
        let looked = ahead.of(task)?.as_ref().ok()?;
        let key = looked.key(&self.before(task));
        let end =
            self.cache.as_ref()?.in_place(self.cx, &self.graph.nodes()[task].id, &key, &looked.stands)?;
        Some((end, key))
    }

    fn spawn(&self, task: usize, sender: mpsc::Sender<Message>) -> Result<()> {
        let node = &self.graph.nodes()[task];
        let (cx, id, work) = (self.cx.clone(), node.id.clone(), Arc::clone(&self.tasks[task].work));
        let deadline = node.timeout.map(|timeout| Instant::now() + timeout);
        let (cache, before) = (self.cache.clone(), self.before(task));
        let reusable = self.tasks[task].reusable.clone();
        let own = self.cx.config().tasks.get(id.as_str()).and_then(|own| own.retries);
        let retries = own.unwrap_or(self.tasks[task].retries);
        let stores =
            cache.as_ref().is_some_and(|cache| !cache.is_off()) && self.tasks[task].footprint().is_some();
        let body = move || {
            let is_unchanged = Cell::new(false);
            let run = |ground| {
                let mut said = Said::default();
                let (_, end) = cx.run_task(id.clone(), deadline, ground, |cx| {
                    let result = error::catch(|| work(cx));
                    said = cx.said();
                    is_unchanged.set(result.is_ok() && cx.is_unchanged());
                    result
                });
                // A pass is not tried again; in the rare case that the sandbox objects to it, it is, beside what has started.
                if stores && end.status == Status::Passed {
                    drop(sender.send(Message::Stores(task)));
                }
                (end, said)
            };
            let (end, key) = match (&cache, &reusable) {
                (Some(cache), Reusable::By(footprint)) => {
                    cache.run(&cx, &id, footprint, &before, retries, run)
                }
                (None, Reusable::By(_)) => {
                    let end = tries(&cx, &id, retries, || run(Ground::default())).0;
                    (uncached(end, "the cache could not be opened"), None)
                }
                (_, Reusable::Not(reason)) => {
                    (uncached(tries(&cx, &id, retries, || run(Ground::default())).0, reason), None)
                }
            };
            // What has outputs of its own had them taken away before; what a try that failed has changed, nobody knows.
            let may_stand = matches!(reusable, Reusable::Not(_)) && end.earlier.is_empty();
            let finished = Finished { end, key, is_unchanged: may_stand && is_unchanged.get() };
            // Nobody listens any more only when the run gave up on this task.
            drop(sender.send(Message::Finished(task, finished)));
        };
        self.workers.give(body)
    }

    fn skip(&mut self, skipped: Vec<(usize, SkipReason)>) {
        for (task, reason) in skipped {
            let message = match reason {
                SkipReason::Dependency(other) => {
                    format!("not run: `{}` did not pass", self.graph.nodes()[other].id)
                }
                SkipReason::Stopped => "not run: the run ended early".to_owned(),
            };
            let id = self.graph.nodes()[task].id.clone();
            let end = TaskEnd {
                failure: Some(Error::problems(message)),
                ..TaskEnd::new(id, Status::Skipped, Duration::ZERO)
            };
            self.end(task, end);
        }
    }

    fn end(&mut self, task: usize, end: TaskEnd) {
        self.cx.emit(Body::TaskFinished(end.clone()));
        self.ends[task] = Some(end);
    }

    fn finish(self, duration: Duration) -> RunEnd {
        let interrupted = self.cx.cancel().is_cancelled();
        let left_behind = |(position, end): (usize, Option<TaskEnd>)| {
            end.unwrap_or_else(|| TaskEnd {
                failure: Some(Error::interrupted()),
                ..TaskEnd::new(self.graph.nodes()[position].id.clone(), Status::Interrupted, duration)
            })
        };
        let tasks: Vec<TaskEnd> = self.ends.into_iter().enumerate().map(left_behind).collect();
        let path = self.graph.critical_path(|task| tasks[task].duration);
        let critical_path = path.into_iter().map(|task| self.graph.nodes()[task].id.clone()).collect();
        let exit_code = verdict(&tasks, &[], interrupted);
        let end = RunEnd { duration, exit_code, tasks, critical_path, interrupted, failures: Vec::new() };
        self.cx.emit(Body::RunFinished(end.clone()));
        end
    }
}

/// Throws away what was not used for longest, where the store has grown past what is configured.
fn make_room(cx: &Cx, store: &Store) {
    match store.keep_below(cx.config().cache.size_max) {
        Ok(None) => {}
        Ok(Some(pruned)) => {
            let results = count(usize::try_from(pruned.entries).unwrap_or(usize::MAX), "stored result");
            let left = bytes(pruned.left);
            cx.note(format!("the cache had grown past `size-max`: {results} thrown away, {left} left"));
        }
        Err(error) => cx.warn_of(&error, "the cache stays larger than `size-max` of xtask.toml says"),
    }
}

/// How many cores this machine has.
pub(super) fn machine_cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

fn uncached(end: TaskEnd, reason: &str) -> TaskEnd {
    end.by(Reuse::Uncached { reason: reason.to_owned() })
}

/// The exit code of a run. An interruption says more than what was found before it, a defect of ours more than problems, and
/// problems more than a tool that is missing.
pub(super) fn verdict(tasks: &[TaskEnd], failures: &[Error], interrupted: bool) -> u8 {
    if interrupted {
        return ErrorKind::Interrupted.exit_code();
    }
    let ran = tasks.iter().filter(|end| end.status != Status::Skipped);
    let kinds: Vec<ErrorKind> =
        ran.filter_map(|end| end.failure.as_ref()).chain(failures).map(Error::kind).collect();
    let first = [ErrorKind::Bug, ErrorKind::Problems].into_iter().find(|kind| kinds.contains(kind));
    first.or_else(|| kinds.first().copied()).map_or(0, ErrorKind::exit_code)
}
