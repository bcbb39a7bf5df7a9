//! Servers under load: prepared, started, waited for, ended.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::side::{Source, Started};
use crate::config::Component;
use crate::config::perf::PerfServer;
use crate::core::command::Command;
use crate::core::perf::run::Usage;
use crate::cx::{Cx, Ended, Scratch, files};
use crate::driver::process::Exit;
use crate::driver::{loopback, platform, usage};
use crate::error::{Context as _, Error, Result};
use crate::tasks::image::container::{self, Container};
use crate::tasks::image::engines;

/// The variable by which the processes of a server are found.
const MARK: &str = "XTASK_PERF_SERVER";

/// Where a container finds the folder of its server.
const FOLDER_INSIDE: &str = "/data";

/// The pause between two questions whether a server is ready, and how long one may take.
const PAUSE: Duration = Duration::from_millis(50);
/// See [`PAUSE`].
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that is ready.
#[derive(Clone, Debug)]
pub(super) struct Running {
    /// Its component.
    pub(super) name: String,
    /// The variable of the script that its address goes into.
    pub(super) url_variable: String,
    /// Its address.
    pub(super) url: String,
    processes: Vec<u32>,
}

impl Running {
    /// What it has used so far; `None` where that cannot be known.
    pub(super) fn used(&self) -> Option<usage::Used> {
        usage::of(&self.processes)
    }
}

/// What a server has used between two moments, with looks in between.
#[derive(Debug)]
pub(super) struct Watch<'s> {
    server: &'s Running,
    before: Option<usage::Used>,
    usage: Usage,
}

impl<'s> Watch<'s> {
    /// Begins to watch.
    pub(super) fn new(server: &'s Running) -> Self {
        Self { server, before: server.used(), usage: Usage::default() }
    }

    /// Looks once.
    pub(super) fn look(&mut self) {
        if let Some(used) = self.server.used() {
            let spent = self.before.map(|before| used.cpu.saturating_sub(before.cpu));
            self.usage.cpu_seconds = spent.map(|spent| spent.as_secs_f64());
            self.usage.memory_bytes.push(used.memory);
        }
    }

    /// What was seen.
    pub(super) fn end(mut self) -> (String, Usage) {
        self.look();
        (self.server.name.clone(), self.usage)
    }
}

/// Makes of the files of the checkout at `root` what is started.
pub(super) fn build(cx: &Cx, root: &Path, server: &PerfServer) -> Result<()> {
    let cwd = root.join(&component_of(cx, server)?.path);
    for words in &server.build {
        cx.run(from_files(&cwd, words))
            .map_err(|error| error.context(format!("`{}` could not be built", server.name)))?;
    }
    Ok(())
}

pub(super) fn component_of<'c>(cx: &'c Cx, server: &PerfServer) -> Result<&'c Component> {
    let component = cx.config().components.iter().find(|component| component.name == server.name);
    component.ok_or_else(|| Error::bug("a server without a component"))
}

/// A command of a component in its folder: programs of its virtual environment come first.
fn from_files(folder: &Path, words: &[String]) -> Command {
    let (program, arguments) = words.split_first().map_or(("", words), |(one, rest)| (one.as_str(), rest));
    let own = folder.join(".venv/bin").join(program);
    let program = if own.exists() { own } else { program.into() };
    Command::new(program).args(arguments).cwd(folder)
}

/// Starts `servers` one after the other, those that are `running` before them, and does `work` while all of them run.
pub(super) fn with<T>(
    cx: &Cx,
    side: &Started,
    servers: &[PerfServer],
    running: &[Running],
    scratch: &Scratch,
    work: &mut dyn FnMut(&[Running]) -> Result<T>,
) -> Result<T> {
    let Some((server, rest)) = servers.split_first() else { return work(running) };
    let port = loopback::free_port().context(|| "could not find a free port".to_owned())?;
    // Two sides have a folder each: what one writes must not be what the other reads.
    // The time keeps what a killed run has left from being taken for this one.
    let mark = format!("{}-{port}-{}", server.name, platform::since_epoch().as_millis());
    let folder = scratch.file(&mark);
    files::create_private_folder(&folder)?;
    let place = Place { side, server, running, folder, mark, port };
    let (before, command, after) = place.commands(cx)?;
    for command in before {
        cx.run(engines::with_variables(cx, command)).map_err(|error| {
            error.context(format!("`{}` of {} could not be prepared", server.name, side.subject.name))
        })?;
    }
    let beside = cx.beside(engines::with_variables(cx, command), |runs| {
        let waited = place.wait(cx, runs);
        waited.map_err(|error| error.context(format!("{} could not be started", side.subject.name)))?;
        let url = format!("http://127.0.0.1:{port}");
        let processes = usage::marked(MARK, &place.mark);
        let (name, url_variable) = (server.name.clone(), server.url_variable.clone());
        let mut all = running.to_vec();
        all.push(Running { name, url_variable, url, processes });
        with(cx, side, rest, &all, scratch, work)
    });
    let removed = after.map(|command| cx.output(engines::with_variables(cx, command)));
    let (done, ended) = beside?;
    match done {
        Ok(done) => removed.transpose().map(|_| done),
        Err(error) => Err(with_words(error, &ended)),
    }
}

/// What a server wrote at the end, as the cause of an error, where it ended by itself.
fn with_words(error: Error, ended: &Ended) -> Error {
    if ended.exit == Exit::Stopped {
        return error;
    }
    let said: Vec<&str> = ended.output.trim().lines().rev().take(10).collect();
    let error = error.cause(format!("the server ended by itself: {}", ended.exit));
    if said.is_empty() { error } else { error.cause(said.into_iter().rev().collect::<Vec<_>>().join("\n")) }
}

/// Where a server is started.
struct Place<'p> {
    side: &'p Started,
    server: &'p PerfServer,
    running: &'p [Running],
    folder: PathBuf,
    mark: String,
    port: u16,
}

impl Place<'_> {
    /// What prepares it, what starts it, and what takes it away.
    fn commands(&self, cx: &Cx) -> Result<(Vec<Command>, Command, Option<Command>)> {
        let server = self.server;
        match &self.side.source {
            Source::Files(root) => {
                let cwd = root.join(&component_of(cx, server)?.path);
                let environment = self.environment(&self.folder.display().to_string());
                let command = |words: &[String]| {
                    let command = from_files(&cwd, words);
                    environment.iter().fold(command, |command, (name, value)| command.env(name, value))
                };
                let before = server.prepare.iter().map(|words| command(words)).collect();
                Ok((before, command(&server.command), None))
            }
            Source::Images(engine, images) => {
                let image =
                    images.get(&server.name).ok_or_else(|| Error::bug("a server without an image"))?;
                container::open_to_all(&self.folder)?;
                let container = Container {
                    image,
                    name: &format!("xtask-perf-{}", self.mark),
                    environment: &self.environment(FOLDER_INSIDE),
                    folder: (&self.folder, FOLDER_INSIDE),
                };
                Ok(container.commands(*engine, &server.prepare, &server.command))
            }
        }
    }

    fn environment(&self, folder: &str) -> Vec<(String, String)> {
        let filled = |text: &String| {
            let text = text.replace("{folder}", folder);
            self.running
                .iter()
                .fold(text, |text, other| text.replace(&format!("{{{}}}", other.name), &other.url))
        };
        let own = self.server.environment.iter().map(|(name, text)| (name.clone(), filled(text)));
        let port = (self.server.port_variable.clone(), self.port.to_string());
        own.chain([port, (MARK.to_owned(), self.mark.clone())]).collect()
    }

    /// Waits until it answers.
    fn wait(&self, cx: &Cx, runs: &dyn Fn() -> bool) -> Result<()> {
        let start = Instant::now();
        let mut last = "it was not asked".to_owned();
        while runs() && start.elapsed() < self.server.timeout {
            cx.check()?;
            match loopback::status(self.port, &self.server.ready, PATIENCE) {
                Ok(200) => return Ok(()),
                Ok(status) => last = format!("`{}` answered {status}", self.server.ready),
                Err(error) => last = format!("`{}`: {error}", self.server.ready),
            }
            thread::sleep(PAUSE);
        }
        cx.check()?;
        let name = &self.server.name;
        let error = if runs() {
            let seconds = self.server.timeout.as_secs();
            Error::problems(format!("`{name}` was not ready within {seconds} s"))
                .hint(format!("`timeout` in `[perf.servers.{name}]` gives it longer"))
        } else {
            Error::problems(format!("`{name}` did not stay up"))
        };
        Err(error.cause(last))
    }
}
