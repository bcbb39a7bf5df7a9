//! Tasks with an order: which function runs when, side by side, and what the run as a whole comes to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::core::graph::{Graph, GraphError, Node, TaskId};
use crate::core::schedule::{Limits, OnFailure, Schedule, SkipReason};
use crate::cx::Cx;
use crate::driver::{files, platform};
use crate::error::{self, Error, ErrorKind, Result};
use crate::event::{Body, FORMAT, RunEnd, Status, TaskEnd};

type Work = dyn Fn(&Cx) -> Result<()> + Send + Sync;

/// How long a cancelled run waits for its tasks. Commands are ended within five seconds; a task that does not look at its
/// context is left behind.
const PATIENCE: Duration = Duration::from_secs(6);

/// A function with a name, and what decides when it may run.
#[derive(Clone)]
pub struct Task {
    id: String,
    about: String,
    after: Vec<String>,
    cores: u32,
    memory: u64,
    timeout: Option<Duration>,
    on_demand: bool,
    work: Arc<Work>,
}

impl Task {
    /// The task `id` (dotted words: `lint.shell`) that does `work`.
    pub fn new(id: impl Into<String>, work: impl Fn(&Cx) -> Result<()> + Send + Sync + 'static) -> Self {
        Self {
            id: id.into(),
            about: String::new(),
            after: Vec::new(),
            cores: 1,
            memory: 0,
            timeout: None,
            on_demand: false,
            work: Arc::new(work),
        }
    }

    /// What the task is for, in a few words.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// Tasks that must have passed before. A leading part of an id stands for all tasks that begin with it.
    pub fn after<S: Into<String>>(mut self, tasks: impl IntoIterator<Item = S>) -> Self {
        self.after.extend(tasks.into_iter().map(Into::into));
        self
    }

    /// How many processor cores it keeps busy; 1 unless said.
    pub fn cores(mut self, cores: u32) -> Self {
        self.cores = cores;
        self
    }

    /// How many bytes of memory it may need, where that is much.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How long it may run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Leaves it out of a run that names no tasks.
    pub fn on_demand(mut self) -> Self {
        self.on_demand = true;
        self
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// How a pipeline is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which tasks, by id or by its leading words, with what they wait for; all where empty.
    pub select: Vec<String>,
    /// How many cores tasks may keep busy; without it, as many as the machine has.
    pub jobs: Option<u32>,
    /// What happens when a task does not pass.
    pub on_failure: OnFailure,
    /// The command line, for the record.
    pub command: String,
}

/// A set of tasks.
#[derive(Clone, Default)]
pub struct Pipeline {
    tasks: Vec<Task>,
}

impl Pipeline {
    /// A pipeline without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task.
    pub fn with(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds tasks.
    pub fn extend(mut self, tasks: impl IntoIterator<Item = Task>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// The tasks, in the order in which they were added.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The graph of the tasks, with what `xtask.toml` says about them.
    pub fn graph(&self, cx: &Cx) -> Result<Graph> {
        let mut ids = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            ids.push(TaskId::new(&task.id).ok_or_else(|| {
                Error::usage(format!("`{}` is no task id", task.id))
                    .hint("a task id is lowercase words joined by dots: `lint.shell`")
            })?);
        }
        let settings = &cx.config().tasks;
        if let Some(unknown) = settings.keys().find(|name| !self.tasks.iter().any(|task| task.id == **name)) {
            let ids = self.tasks.iter().map(Task::id);
            let error = Error::configuration(format!("xtask.toml: `[tasks.\"{unknown}\"]` names no task"));
            return Err(match crate::core::suggest::nearest(unknown, ids) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error,
            });
        }
        let node = |(task, id): (&Task, &TaskId)| {
            let mut node = Node::new(id.clone());
            for selector in &task.after {
                let before = node.after.len();
                node.after.extend(
                    ids.iter().filter(|other| *other != id && other.is_selected_by(selector)).cloned(),
                );
                if node.after.len() == before {
                    node.after.push(TaskId::new(selector).unwrap_or_else(TaskId::root));
                }
            }
            let own = settings.get(&task.id);
            node.cores = own.and_then(|own| own.cores).unwrap_or(task.cores);
            node.memory = own.and_then(|own| own.memory).unwrap_or(task.memory);
            node.timeout = own.and_then(|own| own.timeout).or(task.timeout);
            node
        };
        Graph::new(self.tasks.iter().zip(&ids).map(node).collect()).map_err(|error| explain(&error))
    }

    /// The part of the graph that `selectors` name, with what it waits for; where there are none, all of it but what runs on
    /// demand.
    pub fn select(&self, cx: &Cx, selectors: &[String]) -> Result<Graph> {
        let usual: Vec<String>;
        let mut selectors = selectors;
        if selectors.is_empty() && self.tasks.iter().any(|task| task.on_demand) {
            usual = self.tasks.iter().filter(|task| !task.on_demand).map(|task| task.id.clone()).collect();
            selectors = &usual;
        }
        self.graph(cx)?.select(selectors).map_err(|error| explain(&error))
    }

    /// What the task of that name is for.
    pub fn purpose(&self, id: &TaskId) -> &str {
        self.tasks.iter().find(|task| task.id == id.as_str()).map_or("", |task| &task.about)
    }

    /// Runs the selected tasks and what they wait for. The result says how each ended; the error is for a run that could
    /// not begin.
    pub fn run(&self, cx: &Cx, options: &Options) -> Result<RunEnd> {
        let graph = self.select(cx, &options.select)?;
        let work: BTreeMap<&str, &Arc<Work>> =
            self.tasks.iter().map(|task| (task.id(), &task.work)).collect();
        let work: Vec<Arc<Work>> =
            graph.nodes().iter().map(|node| Arc::clone(work[node.id.as_str()])).collect();
        Run::new(cx, &graph, work, options).go()
    }
}

fn explain(error: &GraphError) -> Error {
    let nearest = match error {
        GraphError::Unknown { nearest, .. } | GraphError::NothingSelected { nearest, .. } => nearest.clone(),
        GraphError::Duplicate(_) | GraphError::Cycle(_) => None,
    };
    let error = Error::usage(error.to_string());
    match nearest {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error.hint("`cargo xtask ci --list` names all tasks"),
    }
}

enum Message {
    Finished(usize, TaskEnd),
    Cancelled,
}

/// One run: a schedule, threads that work, and a channel on which they say how they ended.
struct Run<'r> {
    cx: &'r Cx,
    graph: &'r Graph,
    work: Vec<Arc<Work>>,
    options: &'r Options,
    cores: u32,
    ends: Vec<Option<TaskEnd>>,
    durations: Durations,
}

impl<'r> Run<'r> {
    fn new(cx: &'r Cx, graph: &'r Graph, work: Vec<Arc<Work>>, options: &'r Options) -> Self {
        let machine =
            thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
        let ends = vec![None; graph.nodes().len()];
        let durations = Durations::load(cx);
        Self { cx, graph, work, options, cores: options.jobs.unwrap_or(machine).max(1), ends, durations }
    }

    fn go(mut self) -> Result<RunEnd> {
        let start = Instant::now();
        self.cx.emit(Body::RunStarted {
            format: FORMAT,
            command: self.cx.mask().text(&self.options.command),
            unix_time: platform::unix_time(),
            tasks: self.graph.nodes().len(),
            jobs: self.cores,
        });
        let limits = Limits { cores: self.cores, memory: platform::memory_available() };
        let estimate = |task: usize| self.durations.estimate(&self.graph.nodes()[task].id);
        let mut schedule = Schedule::new(self.graph, estimate, limits, self.options.on_failure);
        let (sender, receiver) = mpsc::channel();
        let on_cancel = sender.clone();
        self.cx.cancel().on_cancel(move || drop(on_cancel.send(Message::Cancelled)));
        let mut give_up: Option<Instant> = None;
        loop {
            for task in schedule.start() {
                self.spawn(task, sender.clone())?;
            }
            if schedule.is_done() {
                break;
            }
            let message = match give_up {
                None => receiver.recv().ok(),
                Some(end) => receiver.recv_timeout(end.saturating_duration_since(Instant::now())).ok(),
            };
            match message {
                Some(Message::Finished(task, end)) => {
                    let passed = end.status == Status::Passed;
                    self.durations.record(&end);
                    self.end(task, end);
                    self.skip(schedule.finish(task, passed));
                }
                Some(Message::Cancelled) => {
                    give_up = give_up.or(Some(Instant::now() + PATIENCE));
                    self.skip(schedule.stop());
                }
                None => break,
            }
        }
        self.durations.save(self.cx);
        Ok(self.finish(start.elapsed()))
    }

    fn spawn(&self, task: usize, sender: mpsc::Sender<Message>) -> Result<()> {
        let node = &self.graph.nodes()[task];
        let (cx, id, work) = (self.cx.clone(), node.id.clone(), Arc::clone(&self.work[task]));
        let deadline = node.timeout.map(|timeout| Instant::now() + timeout);
        let body = move || {
            let (_, end) = cx.run_task(id, deadline, |cx| error::catch(|| work(cx)));
            // Nobody listens any more only when the run gave up on this task.
            drop(sender.send(Message::Finished(task, end)));
        };
        match thread::Builder::new().name(node.id.to_string()).spawn(body) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io(format!("could not start a thread for `{}`", node.id), error)),
        }
    }

    fn skip(&mut self, skipped: Vec<(usize, SkipReason)>) {
        for (task, reason) in skipped {
            let message = match reason {
                SkipReason::Dependency(other) => {
                    format!("not run: `{}` did not pass", self.graph.nodes()[other].id)
                }
                SkipReason::Stopped => "not run: the run ended early".to_owned(),
            };
            let end = TaskEnd {
                task: self.graph.nodes()[task].id.clone(),
                status: Status::Skipped,
                duration: Duration::ZERO,
                failure: Some(Error::new(ErrorKind::Problems, message)),
                output: String::new(),
                log: None,
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
                task: self.graph.nodes()[position].id.clone(),
                status: Status::Interrupted,
                duration,
                failure: Some(Error::interrupted()),
                output: String::new(),
                log: None,
            })
        };
        let tasks: Vec<TaskEnd> = self.ends.into_iter().enumerate().map(left_behind).collect();
        let path = self.graph.critical_path(|task| tasks[task].duration);
        let critical_path = path.into_iter().map(|task| self.graph.nodes()[task].id.clone()).collect();
        let exit_code = verdict(&tasks, interrupted);
        let end = RunEnd { duration, exit_code, tasks, critical_path, interrupted };
        self.cx.emit(Body::RunFinished(end.clone()));
        end
    }
}

/// The exit code of a run. An interruption says more than what was found before it, a defect of ours more than problems, and
/// problems more than a tool that is missing.
fn verdict(tasks: &[TaskEnd], interrupted: bool) -> u8 {
    if interrupted {
        return ErrorKind::Interrupted.exit_code();
    }
    let ran = tasks.iter().filter(|end| end.status != Status::Skipped);
    let kinds: Vec<ErrorKind> = ran.filter_map(|end| end.failure.as_ref().map(Error::kind)).collect();
    let first = [ErrorKind::Bug, ErrorKind::Problems].into_iter().find(|kind| kinds.contains(kind));
    first.or_else(|| kinds.first().copied()).map_or(0, ErrorKind::exit_code)
}

/// How long tasks took when they last passed: the best guess for how long they will take.
struct Durations {
    path: PathBuf,
    seconds: BTreeMap<String, f64>,
}

impl Durations {
    /// A missing or damaged file is an empty one: the estimates only order tasks.
    fn load(cx: &Cx) -> Self {
        let path = cx.tools_folder().join("durations.json");
        let text = std::fs::read(&path).unwrap_or_default();
        Self { path, seconds: serde_json::from_slice(&text).unwrap_or_default() }
    }

    fn estimate(&self, task: &TaskId) -> Duration {
        let seconds = self.seconds.get(task.as_str()).copied().unwrap_or(1.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1))
    }

    fn record(&mut self, end: &TaskEnd) {
        if end.status == Status::Passed {
            self.seconds.insert(end.task.to_string(), end.duration.as_secs_f64());
        }
    }

    fn save(&self, cx: &Cx) {
        let text = serde_json::to_vec_pretty(&self.seconds).unwrap_or_default();
        if let Err(error) = files::write(&self.path, &text) {
            cx.warn_of(&error, "the next run does not know how long tasks take");
        }
    }
}
