//! Tries a built image: starts it, asks for its health, and ends it as a cluster does.

use std::thread;
use std::time::{Duration, Instant};

use super::build::Output;
use super::engines;
use super::policy::Seen;
use super::prepare::Prepared;
use crate::config::image::ImageSmoke;
use crate::core::command::Command;
use crate::core::image::engine::Engine;
use crate::cx::{Cx, Ended};
use crate::driver::loopback;
use crate::driver::process::{Exit, GRACE};
use crate::error::{Context as _, Error, Result};

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// How long one question may wait for its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the image, waits until it answers, and ends it.
pub(super) fn run(
    cx: &Cx,
    prepared: &Prepared,
    settings: &ImageSmoke,
    output: &Output,
    seen: &Seen,
) -> Result<()> {
    let port = match &settings.port_variable {
        Some(_) => loopback::free_port().context(|| "could not find a free port".to_owned())?,
        None => settings.port,
    };
    let name = format!("xtask-smoke-{}-{}", cx.config().name, prepared.component.name);
    let starter = engines::starter(cx, output.build.engine)?;
    let (before, command, after) = commands(starter, prepared, settings, output, seen, &name, port);
    // What a killed run may have left has this name.
    drop(cx.output(engines::with_variables(cx, after.clone()))?);
    engines::run(cx, before)?;
    let tried = cx.beside(engines::with_variables(cx, command), |runs| ask(cx, settings, port, runs));
    let removed = cx.output(engines::with_variables(cx, after));
    let (answer, ended) = tried?;
    judge(settings, answer, &ended)?;
    removed.map(drop)
}

/// What prepares a container, what starts it, and what takes it away.
fn commands(
    starter: Engine,
    prepared: &Prepared,
    settings: &ImageSmoke,
    output: &Output,
    seen: &Seen,
    name: &str,
    port: u16,
) -> (Vec<Command>, Command, Command) {
    let image = prepared.by_fingerprint();
    let environment = settings.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let variable = settings.port_variable.iter().map(|name| format!("{name}={port}"));
    let environment: Vec<String> =
        environment.chain(variable).flat_map(|line| ["--env".to_owned(), line]).collect();
    let program = starter.program();
    // Another one's image is brought to it: the archive is what was judged.
    let is_elsewhere = starter != output.build.engine;
    if starter == Engine::Buildah {
        let start = &seen.config.config;
        let words = start.entrypoint.iter().chain(&start.cmd);
        let from = Command::new(program).args(["from", "--pull-never", "--name", name]);
        let from = if is_elsewhere {
            from.arg(format!("docker-archive:{}", output.archive.display()))
        } else {
            from.arg(&image)
        };
        let run = Command::new(program).args(["run", "--isolation", "chroot"]).args(environment);
        return (vec![from], run.args([name, "--"]).args(words), Command::new(program).args(["rm", name]));
    }
    let load = Command::new(program).args(["load", "--quiet", "--input"]).arg(&output.archive);
    let load = if is_elsewhere { vec![load] } else { Vec::new() };
    let run = Command::new(program)
        .args(["run", "--rm", "--name", name, "--read-only", "--tmpfs", "/tmp"])
        .args(environment);
    // The network of the machine needs no bridge; on macOS the machine of the containers is another one.
    let run = if cfg!(target_os = "linux") && settings.port_variable.is_some() {
        run.args(["--network", "host"])
    } else {
        run.args(["--publish", &format!("127.0.0.1:{port}:{}", settings.port)])
    };
    (load, run.arg(image), Command::new(program).args(["rm", "--force", name]))
}

/// What asking came to: the last status or error in words, and whether it was 200.
struct Answer {
    is_well: bool,
    last: String,
}

fn ask(cx: &Cx, settings: &ImageSmoke, port: u16, runs: &dyn Fn() -> bool) -> Result<Answer> {
    let start = Instant::now();
    let mut last = "it was not asked".to_owned();
    while runs() && start.elapsed() < settings.timeout {
        cx.check()?;
        match loopback::status(port, &settings.path, PATIENCE) {
            Ok(200) => return Ok(Answer { is_well: true, last: "200".to_owned() }),
            Ok(status) => last = format!("`{}` answered {status}", settings.path),
            Err(error) => last = format!("`{}`: {error}", settings.path),
        }
        thread::sleep(PAUSE);
    }
    Ok(Answer { is_well: false, last })
}

fn judge(settings: &ImageSmoke, answer: Result<Answer>, ended: &Ended) -> Result<()> {
    let answer = answer?;
    let said: Vec<&str> = ended.output.trim().lines().rev().take(10).collect();
    let said = said.into_iter().rev().collect::<Vec<_>>().join("\n");
    let with_words = |error: Error| if said.is_empty() { error } else { error.cause(said.clone()) };
    if !answer.is_well {
        let message = match ended.exit {
            Exit::Stopped => format!("the image did not answer within {} s", settings.timeout.as_secs()),
            exit => format!("the image ended by itself: {exit}"),
        };
        return Err(with_words(Error::problems(message).cause(answer.last))
            .hint("`--no-smoke` builds without a try; what it needs to start stands in `smoke` of its section in xtask.toml"));
    }
    if ended.after >= GRACE {
        let message =
            format!("the image does not end on SIGTERM, but was killed after {} s", GRACE.as_secs());
        return Err(with_words(Error::problems(message))
            .hint("write `CMD` as a list, and let the program listen to SIGTERM"));
    }
    Ok(())
}
