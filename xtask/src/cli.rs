//! The command line: arguments become task options, one `match` calls the task, one place ends the process.

mod arguments;
mod ask;
mod github;
#[cfg(test)]
mod reference;
mod run;
mod shard;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches as _;

use crate::config::Config;
use crate::driver::environment::Environment;
use crate::error::{self, Error, Result};
use crate::event::{Body, Event, Sink as _};
use crate::pipeline::Pipeline;
use crate::tasks::release::{
    adopt, deploy, drift, examine, intervene, pause, pin, repair, rollback, status, unlock,
};
use crate::tasks::{bench, cache, ci, dependencies, docs, doctor, image, lint, rehearse, report, security};
use crate::ui::{self, json::JsonLines};

use arguments::{
    Cache, CacheVerb, Cli, Command, Dependencies, DependenciesVerb, Deployment, Docs, Doctor,
    EnvironmentVerb, OfEnvironment, Output, Verb, grammar,
};
use run::{Again, Session};

/// Runs the command line of this process with the standard pipeline of the repository's components.
pub fn main() -> ExitCode {
    App::new(ci::pipeline).main()
}

/// A command line around a pipeline.
pub struct App {
    pipeline: Box<MakePipeline>,
}

type MakePipeline = dyn Fn(&Config, &ci::Options) -> Pipeline;

impl App {
    /// A command line that runs the tasks of `pipeline`, which is made once `xtask.toml` has been read.
    ///
    /// [`ci::pipeline`] makes the standard tasks of the components; your own are added with [`Pipeline::with`]. A task
    /// whose first word is no command of its own runs as `cargo xtask WORD`.
    pub fn new(pipeline: impl Fn(&Config, &ci::Options) -> Pipeline + 'static) -> Self {
        Self { pipeline: Box::new(pipeline) }
    }

    /// Runs the command line of this process to its exit code.
    pub fn main(self) -> ExitCode {
        let environment = Environment::of_this_process();
        let cli = match parse(std::env::args_os()) {
            Ok(cli) => cli,
            Err(code) => return code,
        };
        let (mode, style) = run::look(&cli.show, &environment);
        let code = error::catch(|| self.dispatch(cli, environment)).unwrap_or_else(|error| {
            let code = error.kind().exit_code();
            match mode {
                ui::Mode::Json => {
                    let event = Event { at: Duration::ZERO, body: Body::Failed { error } };
                    JsonLines::new(std::io::stdout()).event(&event);
                }
                _ => say(std::io::stderr(), &error::render(&error, style)),
            }
            code
        });
        ExitCode::from(code)
    }

    fn dispatch(&self, cli: Cli, environment: Environment) -> Result<u8> {
        cli.show.check(&cli.command)?;
        if let Command::Completions { shell } = cli.command {
            complete(shell);
            return Ok(0);
        }
        let again = Again::of(&cli.command);
        let wishes = cli.command.wishes();
        let sink = if cli.show.is_document(&cli.command) { ui::document } else { ui::human };
        let session = Session::start(self, &cli.show, environment, again, wishes, sink)?;
        let verb = |name: &str, verb: Verb| session.verb(name, &verb, &ci::Options::CHECK);
        match cli.command {
            Command::Ci(ci) => session.ci(ci),
            Command::Test(test) => {
                let options = ci::Options { test_args: test.arguments, ..ci::Options::CHECK };
                session.verb("test", &test.verb, &options)
            }
            Command::Lint(lint) => {
                let fix = if lint.fix { lint::Fix::Apply } else { lint::Fix::Check };
                session.verb("lint", &lint.verb, &ci::Options { fix, ..ci::Options::CHECK })
            }
            Command::Security(security) => {
                let how = security::Options { history: security.history };
                let options = ci::Options { security: how, ..ci::Options::CHECK };
                session.verb("security", &security.verb, &options)
            }
            Command::Image(image) if image.update_bases => {
                session.answer(|cx| image::update_bases(cx, &image.verb.components))
            }
            Command::Image(image) => {
                let options = ci::Options { image: image.options()?, ..ci::Options::CHECK };
                session.image(&image.verb, &options)
            }
            Command::Perf(perf) => session.perf(&perf),
            Command::Bench(asked) => session.answer(|cx| bench::bench(cx, &asked.options())),
            Command::Explain(explain) => session.explain(&explain.tasks),
            Command::Plan(plan) => session.plan(plan, cli.show.output),
            Command::Coverage(coverage) => verb("coverage", coverage),
            Command::Docs(asked) => document(&session, &asked),
            Command::Architecture(architecture) => verb("architecture", architecture),
            Command::Dependencies(dependencies) => answer_or_check(&session, dependencies, cli.show.output),
            Command::Licenses(licenses) => verb("licenses", licenses),
            Command::Sbom(sbom) => verb("sbom", sbom),
            Command::Setup(setup) => verb("setup", setup),
            Command::Update(update) => session.update(&update.options()),
            Command::Deploy(deploy) => match deploy.options() {
                Deployment::Plan(from, show) => session.answer(|cx| deploy::plan(cx, &from, show)),
                Deployment::Release(options) => session.answer(|cx| deploy::deploy(cx, &options)),
            },
            Command::Rollback(rollback) => {
                let options = rollback.options()?;
                session.answer(|cx| rollback::rollback(cx, &options))
            }
            Command::Status(options) => {
                session.answer(|cx| status::status(cx, options.place.environment.as_deref(), options.watch))
            }
            Command::Drift(place) => session.answer(|cx| drift::drift(cx, place.environment.as_deref())),
            Command::Unlock(unlock) => {
                let (options, reason) = unlock.options();
                session.answer(|cx| unlock::unlock(cx, &options, &reason))
            }
            Command::History(history) => session.answer(|cx| match history.options() {
                (options, true) => repair::repair(cx, &options),
                (options, false) => status::history(cx, options.environment.as_deref()),
            }),
            Command::Promote(promote) => {
                let (options, fully) = promote.options();
                session.answer(|cx| intervene::promote(cx, &options, fully))
            }
            Command::Pause(words) => {
                let (options, reason) = words.options();
                session.answer(|cx| pause::pause(cx, &options, reason.as_deref()))
            }
            Command::Resume(resume) => session.answer(|cx| pause::resume(cx, &resume.options())),
            Command::Abort(abort) => session.answer(|cx| intervene::abort(cx, &abort.options())),
            Command::Recover(recover) => session.answer(|cx| intervene::recover(cx, &recover.options())),
            Command::Adopt(adopt) => session.answer(|cx| adopt::adopt(cx, &adopt.options())),
            Command::Environment(OfEnvironment { verb: EnvironmentVerb::Pin(pin) }) => {
                session.answer(|cx| pin::pin(cx, &pin.options()))
            }
            Command::Watch(watch) => session.watch(&watch.tasks),
            Command::Report(options) => session.answer(|cx| report::report(cx, &options.options())),
            Command::Rehearse(options) if options.list => session.answer(rehearse::list),
            Command::Rehearse(options) => session.answer(|cx| rehearse::run(cx, &options.options())),
            Command::Cache(Cache { verb }) => session.answer(|cx| match verb {
                CacheVerb::Stats => cache::stats(cx),
                CacheVerb::Prune(prune) => cache::prune(cx, prune.max_size),
                CacheVerb::Verify => cache::verify(cx),
                CacheVerb::Key(key) => cache::key::key(cx, &key.out),
            }),
            Command::Doctor(Doctor { environment: None }) => session.answer(doctor::run),
            Command::Doctor(Doctor { environment: Some(environment) }) => {
                session.answer(|cx| examine::examine(cx, &environment))
            }
            Command::Own(words) => session.own(&words),
            Command::Completions { .. } => Err(Error::bug("completions need no repository")),
        }
    }
}

/// Prints what a shell needs to complete commands.
fn complete(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut grammar(), "cargo-xtask", &mut script);
    say(std::io::stdout(), &String::from_utf8_lossy(&script));
}

/// Builds documentation, and shows it where that is asked for.
fn document(session: &Session<'_>, asked: &Docs) -> Result<u8> {
    match session.verb("docs", &asked.verb, &ci::Options::CHECK)? {
        0 => session.answer(|cx| docs::show(cx, asked.options())),
        code => Ok(code),
    }
}

/// What is asked about dependencies, or their check.
fn answer_or_check(session: &Session<'_>, mut asked: Dependencies, output: Output) -> Result<u8> {
    if let Some(options) = asked.graph(output) {
        return session.answer(|cx| dependencies::graph(cx, &options));
    }
    match asked.verb {
        Some(DependenciesVerb::Why { package }) => session.answer(|cx| dependencies::why(cx, &package)),
        Some(DependenciesVerb::Outdated { components }) => {
            session.answer(|cx| dependencies::outdated(cx, &components))
        }
        Some(DependenciesVerb::Graph(_)) | None => {
            session.verb("dependencies", &asked.check, &ci::Options::CHECK)
        }
    }
}

/// The command line as arguments; or, where it ends here (help, version, a mistake), the exit code.
fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let matches = grammar().try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches));
    matches.map_err(|error| {
        // Where the reader has gone away there is nobody to tell.
        drop(error.print());
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

fn say(mut out: impl std::io::Write, text: &str) {
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
