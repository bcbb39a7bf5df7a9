//! Engines on this machine: which of them work, and what their failures mean.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::Options;
use super::prepare::Prepared;
use crate::core::command::Command;
use crate::core::image::engine::{self, Choice, Demand, Engine, State};
use crate::core::image::trouble;
use crate::cx::{Cx, files};
use crate::error::{Error, ErrorKind, Result};

/// How long an engine may take to say that it works. A builder of buildx may have to be started.
const PATIENCE: Duration = Duration::from_mins(1);

/// Variables that engines read: where a daemon is, where images are stored, where credentials lie, the cache of GitHub
/// Actions. A trailing `*` stands for any ending.
const VARIABLES: &[&str] = &[
    "DOCKER_*",
    "BUILDX_*",
    "BUILDKIT_*",
    "CONTAINER_HOST",
    "CONTAINERS_*",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "REGISTRY_AUTH_FILE",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_RESULTS_URL",
    "ACTIONS_CACHE_URL",
    "ACTIONS_CACHE_SERVICE_V2",
];

/// The command with the variables that engines read.
pub(in crate::tasks) fn with_variables(cx: &Cx, command: Command) -> Command {
    let set: Vec<_> = command.environment().keys().cloned().collect();
    // buildah ends where this folder has no file, instead of going on without credentials as docker does.
    let has_file = |path: &OsStr| Path::new(path).join("config.json").is_file();
    let wants_file =
        [Engine::Buildah, Engine::Podman].iter().any(|engine| command.program() == engine.program());
    let variables = cx.environment().named(VARIABLES).into_iter().filter(|(name, value)| {
        !set.contains(name) && (!wants_file || name != "DOCKER_CONFIG" || has_file(value))
    });
    variables.fold(command, |command, (name, value)| command.env(name, value))
}

/// The engine that builds, and why; said to the reader.
pub(super) fn choose(cx: &Cx, prepared: &Prepared, options: &Options) -> Result<Engine> {
    let mounts = prepared.dockerfile.needs_mounts().map(|instruction| {
        let place = prepared.dockerfile.diagnostic(instruction.span.clone(), "");
        format!("`{}:{}`", prepared.dockerfile_path.display(), place.position().0)
    });
    let demand = Demand { mounts };
    match engine::choose(options.engine, &demand, |engine| ask(cx, engine))? {
        Ok(Choice { engine, reason }) => {
            cx.note(format!("{engine} builds: {reason}"));
            Ok(engine)
        }
        Err(refusal) => {
            let error = refusal.causes.into_iter().fold(Error::missing(refusal.message), Error::cause);
            Err(error.hint(refusal.hint))
        }
    }
}

pub(super) fn ask(cx: &Cx, engine: Engine) -> Result<State> {
    let question = |arguments: &[&str]| {
        let command = Command::new(engine.program()).args(arguments).timeout(PATIENCE);
        cx.output(with_variables(cx, command))
    };
    match question(engine.proof()) {
        Ok(output) if output.success() && engine == Engine::Buildx => {
            let store = || question(&engine::STORE).map(|output| output.stdout);
            engine::of_builder(&output.stdout, store)
        }
        Ok(output) if output.success() => Ok(State::Works),
        Ok(output) => {
            let said = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
            let line = said.trim().lines().next().unwrap_or_default();
            let line = if line.is_empty() { output.exit.to_string() } else { line.to_owned() };
            Ok(State::Broken(line))
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) if cx.find(engine.program()).is_err() => {
            drop(error);
            Ok(State::Absent)
        }
        Err(error) => Ok(State::Broken(error.to_string())),
    }
}

/// Who starts what `builder` has built, so that it can be tried.
pub(super) fn starter(cx: &Cx, builder: Engine) -> Result<Engine> {
    let mut causes = Vec::new();
    for &engine in builder.starters() {
        // The one that has just built works.
        if engine == builder {
            return Ok(engine);
        }
        match ask(cx, engine)?.why_not(engine) {
            None => return Ok(engine),
            Some(why_not) => causes.push(why_not),
        }
    }
    let error = Error::missing(format!("nothing here can start what {builder} has built"));
    Err(causes.into_iter().fold(error, Error::cause).hint("`--no-smoke` builds without a try"))
}

/// Runs commands of an engine, one after the other. What they say about a failure becomes its cause.
pub(super) fn run(cx: &Cx, commands: Vec<Command>) -> Result<()> {
    for command in commands {
        let attempt = cx.attempt(with_variables(cx, command))?;
        if let Some(error) = attempt.error {
            return Err(explained(error, &attempt.output));
        }
    }
    Ok(())
}

fn explained(error: Error, output: &str) -> Error {
    match trouble::explain(output) {
        Some(trouble) => {
            let kind = if trouble.is_missing { ErrorKind::Missing } else { error.kind() };
            let explained = Error::new(kind, trouble.message).cause(error.message());
            let explained = if trouble.line.is_empty() { explained } else { explained.cause(trouble.line) };
            explained.hint(trouble.hint)
        }
        None => error,
    }
}

/// The text of a small file that an engine wrote.
pub(super) fn written(path: &std::path::Path) -> Result<String> {
    files::read(path).map(|text| text.trim().to_owned())
}
