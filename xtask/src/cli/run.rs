//! From a command to a finished run: the repository, its configuration, who listens, one run at a time, and what it leaves.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::cli::App;
use crate::cli::arguments::{Command, Perf, Run, Show, Verb, verbs};
use crate::cli::github::Job;
use crate::config::Config;
use crate::core::command;
use crate::core::graph::{Graph, TaskId};
use crate::core::mask::Mask;
use crate::core::suggest;
use crate::cx::{Cx, Wishes};
use crate::driver::cancel::Cancel;
use crate::driver::environment::Environment;
use crate::driver::{files, platform, signals};
use crate::error::{Context as _, Error, Result, Style};
use crate::event::{Body, EVENTS_FILE, JUNIT_FILE, REPORT_FILE, RunEnd, Sink};
use crate::pipeline::Pipeline;
use crate::tasks::{ci, coverage, gate, history, image, update};
use crate::ui::{self, markdown};

/// The width of text where no terminal says one.
const WIDTH: usize = 120;

/// What a run, and who reports on it, leaves in the output folder beside logs.
pub(super) const RUN_FILES: [&str; 6] =
    [EVENTS_FILE, JUNIT_FILE, gate::SARIF, REPORT_FILE, coverage::LCOV_FILE, coverage::SUMS_FILE];

/// How often a run that waits for another one looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A command that has found its repository.
pub(super) struct Session<'a> {
    app: &'a App,
    cx: Cx,
    job: Option<Job>,
    repeat: ui::Repeat,
    look: (ui::Mode, Style),
}

impl<'a> Session<'a> {
    /// Finds the repository, reads what it says about itself, and decides who listens.
    ///
    /// `again` is what a task is repeated with. `sink` makes the one for people.
    pub(super) fn start(
        app: &'a App,
        show: &Show,
        environment: Environment,
        again: Again<'_>,
        wishes: Wishes,
        sink: fn(ui::Mode, Style, ui::Repeat) -> Arc<dyn Sink>,
    ) -> Result<Self> {
        let cwd = std::env::current_dir().context(|| "could not find the working folder".to_owned())?;
        let root = find_root(&cwd)?;
        let cancel = Cancel::default();
        let config = config(&root)?;
        signals::install(&cancel)?;
        let (mode, style) = look(show, &environment);
        let mask = Mask::new(&environment.secrets(&config.environment.secrets));
        let repeat = again.repeat(mask.text(&command_line()));
        let human = sink(mode, style, Arc::clone(&repeat));
        let job = Job::of(&environment);
        let builder = Cx::builder(root).config(config).environment(environment).cancel(cancel);
        let cx = builder.wishes(wishes).sink(human).build();
        Ok(Self { app, cx, job, repeat, look: (mode, style) })
    }

    /// The same once more, for another run: with what `xtask.toml` says now, and a flag of its own that ends it.
    pub(super) fn again(&self, cancel: Cancel) -> Result<Self> {
        let (mode, style) = self.look;
        let human = ui::human(mode, style, Arc::clone(&self.repeat));
        let environment = self.cx.environment().clone();
        let (root, job) = (self.cx.root(), Job::of(&environment));
        let builder = Cx::builder(root).config(config(root)?).environment(environment);
        let cx = builder.cancel(cancel).wishes(self.cx.wishes()).sink(human).build();
        Ok(Self { app: self.app, cx, job, repeat: Arc::clone(&self.repeat), look: self.look })
    }

    /// Runs all tasks that begin with `verb`, or those of the named components.
    pub(super) fn verb(&self, verb: &str, arguments: &Verb, options: &ci::Options) -> Result<u8> {
        let selectors = self.pipeline(options).graph(&self.cx)?.selectors();
        let mut select = Vec::new();
        for name in &arguments.components {
            let id = format!("{verb}.{}", name.strip_prefix(&format!("{verb}.")).unwrap_or(name));
            if !selectors.contains(&id) {
                let known = selectors.iter().filter_map(|other| other.strip_prefix(&format!("{verb}.")));
                return Err(unknown(format!("`{verb}` knows no component `{name}`"), name, known));
            }
            select.push(id);
        }
        if select.is_empty() {
            select.push(verb.to_owned());
        }
        self.run(&select, &arguments.run, options)
    }

    /// Builds images, unless the command line asks for what cannot be.
    pub(super) fn image(&self, arguments: &Verb, options: &ci::Options) -> Result<u8> {
        image::check(&self.cx, &options.image)?;
        self.verb("image", arguments, options)
    }

    /// Puts the servers under load.
    pub(super) fn perf(&self, arguments: &Perf) -> Result<u8> {
        let options = ci::Options { perf: arguments.options(), ..ci::Options::CHECK };
        self.run(&["perf".to_owned()], &arguments.run, &options)
    }

    /// Runs a task of the repository's own.
    pub(super) fn own(&self, words: &[String]) -> Result<u8> {
        let id = words.join(".");
        let pipeline = self.pipeline(&ci::Options::CHECK);
        let selectors = pipeline.graph(&self.cx)?.selectors();
        if selectors.contains(&id) {
            return self.run(&[id], &Run::default(), &ci::Options::CHECK);
        }
        if let [first, ..] = words
            && words.iter().all(|word| selectors.contains(word))
        {
            let error = Error::usage(format!("`cargo xtask {first}` runs one task"));
            return Err(error.hint(format!("`cargo xtask ci {}` runs several", words.join(" "))));
        }
        let word = words.first().map_or("", String::as_str);
        let mut known: Vec<&str> = verbs().collect();
        known.extend(selectors.iter().map(String::as_str));
        Err(unknown(format!("there is no command `{word}`"), word, known))
    }

    /// Names the tasks that a run of a part of the pipeline would have.
    pub(super) fn list(&self, pipeline: &Pipeline, part: &Graph) -> u8 {
        let width = part.nodes().iter().map(|node| node.id.as_str().len()).max().unwrap_or(0);
        let mut text = String::new();
        let mut data = Vec::new();
        for node in part.nodes() {
            let about = pipeline.purpose(&node.id);
            text.push_str(format!("{:<width$}  {about}", node.id).trim_end());
            text.push('\n');
            data.push(serde_json::json!({ "task": node.id, "about": about, "after": node.after }));
        }
        self.cx.emit(Body::Answer { text, data: data.into() });
        0
    }

    /// The job of GitHub Actions that this is a step of.
    pub(super) const fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// Begins to collect for the summary of the step, where somebody looks at one.
    fn collect(&self) -> Option<Arc<markdown::Collector>> {
        self.job.as_ref().filter(|job| job.wants_summary())?;
        let summary = Arc::new(markdown::Collector::default());
        self.cx.add_sink(Arc::clone(&summary) as Arc<dyn Sink>);
        Some(summary)
    }

    /// Writes the summary of this step, with what the gates of a run have seen behind it.
    fn sum_up(&self, summary: Option<&markdown::Collector>, gates: &str, error: Option<&Error>) {
        let (Some(job), Some(summary)) = (&self.job, summary) else { return };
        let command = self.cx.mask().text(&command_line());
        let repeat = Arc::clone(&self.repeat);
        let about = markdown::About { command, attempt: job.attempt, fork: job.fork.clone(), repeat };
        let text = summary.text(&about, error).map(|text| self.cx.mask().text(&(text + gates)));
        if let Some(Err(error)) = text.map(|text| job.sum_up(&text)) {
            self.cx.warn_of(&error, "the summary of this step is missing");
        }
    }

    /// The context of the command.
    pub(super) fn cx(&self) -> &Cx {
        &self.cx
    }

    /// Runs a task that answers a question and leaves nothing behind.
    pub(super) fn answer(&self, task: impl FnOnce(&Cx) -> Result<()>) -> Result<u8> {
        let summary = self.collect();
        let done = task(&self.cx);
        self.sum_up(summary.as_deref(), "", done.as_ref().err());
        done.map(|()| 0)
    }

    /// Brings what is pinned up to date, while no run reads it.
    pub(super) fn update(&self, options: &update::Options) -> Result<u8> {
        let _lock = self.lock()?;
        self.answer(|cx| update::update(cx, options))
    }

    /// Runs the selected tasks and writes down what happened.
    pub(super) fn run(&self, select: &[String], run: &Run, options: &ci::Options) -> Result<u8> {
        let pipeline = self.pipeline(options);
        // Refused before anything is touched.
        let part = pipeline.select(&self.cx, select)?;
        self.run_part(pipeline, part, run)
    }

    /// Runs a part of the pipeline and writes down what happened.
    pub(super) fn run_part(&self, pipeline: Pipeline, part: Graph, run: &Run) -> Result<u8> {
        let ended = self.recorded(|| pipeline.run_part(&self.cx, &part, &run.options()), |_| Ok(()));
        platform::give_back((pipeline, part));
        ended
    }

    /// Does what makes a run, alone in this checkout, and writes down what happened; `keep` is what is left to be done then.
    pub(super) fn recorded(
        &self,
        work: impl FnOnce() -> Result<RunEnd>,
        keep: impl FnOnce(&RunEnd) -> Result<()>,
    ) -> Result<u8> {
        let cx = &self.cx;
        if cx.accepts_findings() {
            gate::check_baseline(cx)?;
        }
        if cx.is_offline() {
            cx.note("offline: nothing is asked of the network; what is not installed yet cannot be");
        }
        let _lock = self.lock()?;
        let files = RunFiles::begin(cx)?;
        if let Some(fork) = self.job.as_ref().and_then(|job| job.fork.as_deref()) {
            cx.note(format!("from {fork}: {}", markdown::FORK));
        }
        let summary = self.collect();
        let end = work()?;
        self.sum_up(summary.as_deref(), &ui::gates::page(&files.gates.seen()), None);
        match files.finish(cx, &end).and_then(|()| keep(&end)) {
            // What the tasks found says more than that it could not be written down.
            Err(error) if end.exit_code != 0 => {
                cx.warn_of(&error, "the records of this run are not complete");
            }
            finished => finished?,
        }
        Ok(end.exit_code)
    }

    pub(super) fn pipeline(&self, options: &ci::Options) -> Pipeline {
        (self.app.pipeline)(self.cx.config(), options)
    }

    /// One run at a time: two would overwrite each other's coverage, reports and logs.
    fn lock(&self) -> Result<files::Lock> {
        let path = self.cx.tools_folder().join("run.lock");
        let holder = format!("process {}", std::process::id());
        let mut said = false;
        loop {
            match files::Lock::try_take(&path, &holder)? {
                Ok(lock) => return Ok(lock),
                Err(other) if !said => {
                    self.cx.note(format!("waiting for another run in this checkout ({other})"));
                    said = true;
                }
                Err(_) => {}
            }
            self.cx.check()?;
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// The files that a run leaves in the output folder.
struct RunFiles {
    events: Arc<ui::json::JsonLines<BufWriter<File>>>,
    junit: Arc<ui::junit::Collector>,
    gates: Arc<ui::gates::Collector>,
}

impl RunFiles {
    /// Takes away what the last run left, so that nothing old is read as new, and begins to listen. Logs are the pipeline's
    /// business: those of results that are reused stay.
    fn begin(cx: &Cx) -> Result<Self> {
        let folder = cx.output_folder();
        for name in RUN_FILES {
            files::remove(&folder.join(name))?;
        }
        std::fs::create_dir_all(folder).context(|| format!("could not make `{}`", folder.display()))?;
        let path = folder.join(EVENTS_FILE);
        let file = File::create(&path).context(|| format!("could not write `{}`", path.display()))?;
        let events = Arc::new(ui::json::JsonLines::new(BufWriter::new(file)));
        let junit = Arc::new(ui::junit::Collector::default());
        cx.add_sink(Arc::clone(&events) as Arc<dyn crate::event::Sink>);
        cx.add_sink(Arc::clone(&junit) as Arc<dyn crate::event::Sink>);
        let gates = Arc::new(ui::gates::Collector::default());
        cx.add_sink(Arc::clone(&gates) as Arc<dyn crate::event::Sink>);
        Ok(Self { events, junit, gates })
    }

    fn finish(&self, cx: &Cx, end: &RunEnd) -> Result<()> {
        let folder = cx.output_folder();
        let (reports, measured) = (self.junit.reports(), self.junit.coverage());
        let about = (cx.mask().text(&command_line()), self.junit.unix_time());
        let seen = self.gates.seen();
        // What takes long, at the same time.
        thread::scope(|scope| {
            let tested = scope.spawn(|| {
                files::write(&folder.join(JUNIT_FILE), cx.mask().text(&self.junit.xml()).as_bytes())?;
                coverage::write(cx, &measured)
            });
            let kept = history::keep(cx, end, (&about.0, about.1), &reports, &measured);
            let failed = || format!("could not write `{}`", folder.join(EVENTS_FILE).display());
            let kept = kept.and_then(|()| self.events.finish().context(failed));
            let kept = kept.and_then(|()| gate::write_sarif(cx, &seen));
            kept.and(
                tested.join().unwrap_or_else(|_| Err(Error::bug("could not write down what was tested"))),
            )
        })?;
        if cx.accepts_findings() { gate::write_baseline(cx, &seen) } else { Ok(()) }
    }
}

/// What the repository says about itself.
fn config(root: &Path) -> Result<Config> {
    Config::parse(Path::new(Config::FILE), &files::read(&root.join(Config::FILE))?)
}

/// The command line of this process, as a shell reads it.
pub(super) fn command_line() -> String {
    let words = std::env::args().skip(1);
    words.fold("cargo xtask".to_owned(), |line, word| format!("{line} {}", command::quote(&word)))
}

/// How to show what happens.
pub(super) fn look(show: &Show, environment: &Environment) -> (ui::Mode, Style) {
    let (mode, suggested) = ui::choose(&ui::Surroundings {
        asked: show.mode(),
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stderr_is_terminal: std::io::stderr().is_terminal(),
        variable: &|name| environment.get(name).map(str::to_owned),
    });
    let width = ui::columns().unwrap_or(WIDTH);
    (mode, Style { color: show.color(suggested), width })
}

/// An error about a word that is none of the `known` ones.
fn unknown<'k>(message: String, word: &str, known: impl IntoIterator<Item = &'k str>) -> Error {
    let error = Error::usage(message);
    match suggest::nearest(word, known) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error.hint("`cargo xtask --help` names the commands, `cargo xtask ci --list` the tasks"),
    }
}

/// What a task is repeated with.
pub(super) enum Again<'a> {
    /// The arguments that tests get.
    Arguments(&'a [String]),
    /// The whole command line, if it is a task of this command: what it does goes by the options.
    Line(&'static str),
}

impl<'a> Again<'a> {
    /// Of this command.
    pub(super) fn of(command: &'a Command) -> Self {
        match command {
            Command::Test(test) => Self::Arguments(&test.arguments),
            Command::Image(_) => Self::Line("image"),
            Command::Perf(_) => Self::Line("perf"),
            Command::Bench(_) => Self::Line("bench"),
            _ => Self::Arguments(&[]),
        }
    }

    /// The command that repeats a task of a run with this command line.
    fn repeat(self, line: String) -> ui::Repeat {
        match self {
            Self::Arguments(arguments) => {
                let arguments = arguments.to_vec();
                Arc::new(move |task| repeat(task, &arguments))
            }
            Self::Line(verb) => {
                Arc::new(move |task| if task.is_selected_by(verb) { line.clone() } else { repeat(task, &[]) })
            }
        }
    }
}

/// The command that runs one task alone: `cargo xtask test backend` for `test.backend`.
fn repeat(task: &TaskId, passed_on: &[String]) -> String {
    let id = task.as_str();
    let Some((verb, component)) = id.split_once('.').filter(|(verb, _)| verbs().any(|other| other == *verb))
    else {
        return format!("cargo xtask ci {id}");
    };
    let arguments = passed_on.iter().filter(|_| verb == "test").map(|argument| command::quote(argument));
    let words: Vec<String> = arguments.collect();
    let separator = if words.is_empty() { "" } else { " -- " };
    format!("cargo xtask {verb} {component}{separator}{}", words.join(" "))
}

/// The nearest folder at or above `start` with an `xtask.toml`.
fn find_root(start: &Path) -> Result<PathBuf> {
    let root = start.ancestors().find(|folder| folder.join(Config::FILE).is_file());
    root.map(Path::to_owned).ok_or_else(|| {
        Error::configuration(format!("there is no `xtask.toml` in `{}` or above", start.display()))
            .hint("run it inside the repository; `[project] name = \"…\"` is all that the file needs")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_whose_options_decide_what_it_does_is_repeated_with_them() {
        let line = "cargo xtask image backend --push --registry 127.0.0.1:5000";
        let image = Again::Line("image").repeat(line.to_owned());
        let id = |name: &str| TaskId::new(name).unwrap();
        assert_eq!(image(&id("image.backend")), line);
        assert_eq!(image(&id("setup.tools")), "cargo xtask setup tools");
        let test = Again::Arguments(&["-k".to_owned(), "a name".to_owned()]).repeat(String::new());
        assert_eq!(test(&id("test.backend")), "cargo xtask test backend -- -k 'a name'");
        assert_eq!(test(&id("lint.backend")), "cargo xtask lint backend");
    }
}
