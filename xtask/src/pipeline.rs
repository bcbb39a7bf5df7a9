//! Tasks with an order: which function runs when, side by side, and what the run as a whole comes to.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::core::command::Command;
use crate::core::diagnostic::Diagnostic;
use crate::core::graph::{Graph, GraphError, Names, Node, TaskId};
use crate::core::schedule::OnFailure;
use crate::core::suggest;
use crate::cx::Cx;
use crate::error::{Error, Result};
use crate::event::RunEnd;

mod ahead;
mod concern;
mod confine;
mod durations;
mod forecast;
mod known;
mod merge;
mod remote;
mod retry;
mod reuse;
mod run;
mod workers;

pub use crate::core::footprint::Footprint;
pub use merge::Filed;
pub use reuse::Caching;

type Work = dyn Fn(&Cx) -> Result<()> + Send + Sync;

/// Whether a result can be used again.
#[derive(Clone, Debug)]
enum Reusable {
    /// It depends on this.
    By(Arc<Footprint>),
    /// It cannot, and why.
    Not(Cow<'static, str>),
}

/// A function with a name, and what decides when it may run.
#[derive(Clone)]
pub struct Task {
    id: String,
    about: String,
    after: Vec<String>,
    cores: u32,
    memory: u64,
    timeout: Option<Duration>,
    retries: u32,
    on_demand: bool,
    is_alone: bool,
    is_gate: bool,
    reusable: Reusable,
    /// What it reads, where its result is not used again.
    concern: Option<Arc<Footprint>>,
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
            retries: 0,
            on_demand: false,
            is_alone: false,
            is_gate: false,
            reusable: Reusable::Not("nothing says what it reads and makes".into()),
            concern: None,
            work: Arc::new(work),
        }
    }

    /// The task `id` that runs one command, and says what that command reads and makes: the command is part of its footprint.
    pub fn command(id: impl Into<String>, command: Command, footprint: Footprint) -> Self {
        let command = Arc::new(command);
        let run = Arc::clone(&command);
        Self::new(id, move |cx| cx.run(Command::clone(&run))).cached(footprint.command(command))
    }

    /// Makes its result one that is used again as long as nothing of this changes.
    pub fn cached(mut self, footprint: Footprint) -> Self {
        self.reusable = Reusable::By(Arc::new(footprint));
        self
    }

    /// Says why its result is never used again.
    pub fn uncached(mut self, reason: impl Into<String>) -> Self {
        self.reusable = Reusable::Not(Cow::Owned(reason.into()));
        self
    }

    /// Says what a task reads whose result is never used again, so that `ci --affected` leaves it out where none of that has
    /// changed. Without it, any change concerns such a task.
    pub fn concerns(mut self, footprint: Footprint) -> Self {
        self.concern = Some(Arc::new(footprint));
        self
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

    /// How often it is tried again where it does not pass; never unless said. Its timeout is one for all of its tries. A pass
    /// that took several is called flaky wherever results are shown, and its result is not stored.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Leaves it out of a run that names no tasks.
    pub fn on_demand(mut self) -> Self {
        self.on_demand = true;
        self
    }

    /// Leaves it out of a run that does not name it itself: the name of its verb is not enough.
    pub fn alone(mut self) -> Self {
        self.is_alone = true;
        self.on_demand()
    }

    /// Says that it is a gate: what it finds goes past `[[waivers]]` and the baseline. Waivers of other tasks are refused.
    pub fn gate(mut self) -> Self {
        self.is_gate = true;
        self
    }

    /// What its result depends on, where it is used again.
    fn footprint(&self) -> Option<&Footprint> {
        match &self.reusable {
            Reusable::By(footprint) => Some(footprint),
            Reusable::Not(_) => None,
        }
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
    /// How stored results are used.
    pub caching: Caching,
    /// Whether the times that tasks take are remembered, for the order and the parts of later runs. A shard leaves that to the
    /// merge: until then all shards are dealt out alike.
    pub keeps_times: bool,
}

impl Default for Options {
    /// All tasks, on all cores, to the end, with what is stored.
    fn default() -> Self {
        Self {
            select: Vec::new(),
            jobs: None,
            on_failure: OnFailure::KeepGoing,
            command: String::new(),
            caching: Caching::default(),
            keeps_times: true,
        }
    }
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
        let names = Names::new(&ids);
        let settings = &cx.config().tasks;
        let known = LazyCell::new(|| self.tasks.iter().map(Task::id).collect::<HashSet<&str>>());
        if let Some(unknown) = settings.keys().find(|name| !known.contains(name.as_str())) {
            let ids = self.tasks.iter().map(Task::id);
            let error = Error::configuration(format!("xtask.toml: `[tasks.\"{unknown}\"]` names no task"));
            return Err(match suggest::nearest(unknown, ids) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error,
            });
        }
        self.check_waivers(cx)?;
        let node = |(task, id): (&Task, &TaskId)| {
            let mut node = Node::new(id.clone());
            for selector in &task.after {
                let before = node.after.len();
                let others = names.selected_by(selector).into_iter().map(|position| &ids[position]);
                node.after.extend(others.filter(|other| *other != id).cloned());
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

    /// A waiver for what is no gate would waive nothing, and nobody would see that.
    fn check_waivers(&self, cx: &Cx) -> Result<()> {
        let gates = || self.tasks.iter().filter(|task| task.is_gate).map(Task::id);
        let others = cx.config().waivers.iter().filter(|waiver| !gates().any(|gate| gate == waiver.gate));
        let places: Vec<Diagnostic> = others
            .map(|waiver| {
                let name = &waiver.gate;
                let is_task = self.tasks.iter().any(|task| task.id == *name);
                let what = if is_task { "no gate: it finds nothing that could be waived" } else { "no task" };
                let place = waiver.place.diagnostic(format!("`{name}` is {what}"));
                // Of a task that is none, the gate that looks at the same component.
                let (_, subject) = name.rsplit_once('.').unwrap_or(("", name));
                let beside = format!("security.{subject}");
                let near = gates().find(|gate| is_task && *gate == beside);
                match near.or_else(|| suggest::nearest(name, gates())) {
                    Some(nearest) => place.help(format!("did you mean `{nearest}`?")),
                    None => place.help("gates are the tasks of `architecture`, `dependencies`, `licenses`, `lint` and `security`"),
                }
            })
            .collect();
        if places.is_empty() {
            return Ok(());
        }
        Err(Error::configuration("a waiver of xtask.toml is for what is no gate").places(places))
    }

    /// The part of the graph that `selectors` name, with what it waits for; where there are none, all of it but what runs on
    /// demand. What has to be named itself is in no part that only its verb names.
    pub fn select(&self, cx: &Cx, selectors: &[String]) -> Result<Graph> {
        let mut chosen = selectors.to_vec();
        if selectors.is_empty() && self.tasks.iter().any(|task| task.on_demand) {
            chosen = self.tasks.iter().filter(|task| !task.on_demand).map(|task| task.id.clone()).collect();
        } else if self.tasks.iter().any(|task| task.is_alone) {
            chosen = selectors.iter().flat_map(|selector| self.named(selector)).collect();
        }
        self.graph(cx)?.select(&chosen).map_err(|error| explain(&error))
    }

    /// The tasks that a selector names, without those of its verb that have to be named themselves; itself where that is none.
    fn named(&self, selector: &str) -> Vec<String> {
        let below = format!("{selector}.");
        let of_verb = |task: &&Task| task.id.starts_with(&below) && !task.is_alone;
        let named = self.tasks.iter().filter(|task| task.id == selector || of_verb(task));
        let named: Vec<String> = named.map(|task| task.id.clone()).collect();
        if named.is_empty() { vec![selector.to_owned()] } else { named }
    }

    /// What the task of that name is for.
    pub fn purpose(&self, id: &TaskId) -> &str {
        self.tasks.iter().find(|task| task.id == id.as_str()).map_or("", |task| &task.about)
    }

    /// The tasks of a graph that was made from them, in its order.
    fn tasks_of(&self, graph: &Graph) -> Vec<&Task> {
        let by_name: LazyCell<BTreeMap<&str, &Task>, _> =
            LazyCell::new(|| self.tasks.iter().map(|task| (task.id(), task)).collect());
        // A graph keeps their order, so that the next one is seldom far.
        let mut rest = self.tasks.iter();
        let nodes = graph.nodes().iter().map(|node| node.id.as_str());
        nodes.map(|id| rest.find(|task| task.id == id).unwrap_or_else(|| by_name[id])).collect()
    }

    /// Runs the selected tasks and what they wait for. The result says how each ended; the error is for a run that could
    /// not begin.
    pub fn run(&self, cx: &Cx, options: &Options) -> Result<RunEnd> {
        run::run(cx, self, self.tasks.iter(), || self.select(cx, &options.select).map(Cow::Owned), options)
    }

    /// The same for a part of its graph, whatever `options` select.
    pub fn run_part(&self, cx: &Cx, part: &Graph, options: &Options) -> Result<RunEnd> {
        run::run(cx, self, self.tasks_of(part), || Ok(Cow::Borrowed(part)), options)
    }

    /// The part of the graph that these tasks are, with what they wait for; without tasks, none of it.
    pub fn part(&self, cx: &Cx, tasks: &[TaskId]) -> Result<Graph> {
        self.graph(cx)?.needed_by(tasks).map_err(|error| explain(&error))
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
