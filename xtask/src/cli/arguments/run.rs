//! How tasks run, and the commands that are little more than a verb and its components.

use clap::Args;

use super::Command;
use crate::core::schedule::OnFailure;
use crate::cx::Wishes;
use crate::pipeline::{Caching, Options};
use crate::tasks::docs;

/// How tasks run.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in crate::cli) struct Run {
    /// How many cores tasks may keep busy; as many as the machine has where it is not given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) jobs: Option<u32>,
    /// Start nothing new once something has failed
    #[arg(long, overrides_with = "keep_going")]
    pub(in crate::cli) fail_fast: bool,
    /// Run everything that does not wait for what failed (the default)
    #[arg(long, overrides_with = "fail_fast")]
    pub(in crate::cli) keep_going: bool,
    /// Look for no stored result, and store none
    #[arg(long)]
    pub(in crate::cli) no_cache: bool,
    /// Run these tasks whatever is stored: `test`, `lint.backend`
    #[arg(long, value_name = "TASK")]
    pub(in crate::cli) force: Vec<String>,
    /// Let cached tasks read what they do not declare; their results are not stored
    #[arg(long)]
    pub(in crate::cli) no_sandbox: bool,
    /// Fail where a gate could not look; findings win
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Ask nothing of the network; what that makes impossible is said
    #[arg(long)]
    pub(in crate::cli) offline: bool,
    /// Write what gates find now to the baseline of `[gates]`: it fails nothing any more
    #[arg(long)]
    pub(in crate::cli) write_baseline: bool,
}

impl Run {
    /// How a pipeline is run that way, with all its tasks.
    pub(in crate::cli) fn options(&self) -> Options {
        Options {
            jobs: self.jobs,
            on_failure: if self.fail_fast { OnFailure::FailFast } else { OnFailure::KeepGoing },
            command: crate::cli::run::command_line(),
            caching: self.caching(),
            ..Options::default()
        }
    }

    pub(in crate::cli) fn caching(&self) -> Caching {
        // What fails nothing only because it is being accepted must not be found as passed later.
        let off = self.no_cache || self.write_baseline;
        Caching { off, force: self.force.clone(), no_sandbox: self.no_sandbox }
    }

    fn wishes(&self) -> Wishes {
        Wishes { strict: self.strict, offline: self.offline, accepts: self.write_baseline }
    }
}

impl Command {
    /// How tasks run, where the command runs some.
    pub(in crate::cli) fn run(&self) -> Option<&Run> {
        match self {
            Self::Ci(ci) => Some(&ci.run),
            Self::Test(test) => Some(&test.verb.run),
            Self::Lint(lint) => Some(&lint.verb.run),
            Self::Security(security) => Some(&security.verb.run),
            Self::Image(image) => Some(&image.verb.run),
            Self::Perf(perf) => Some(&perf.run),
            Self::Dependencies(dependencies) => Some(&dependencies.check.run),
            Self::Docs(docs) => Some(&docs.verb.run),
            Self::Architecture(verb)
            | Self::Coverage(verb)
            | Self::Licenses(verb)
            | Self::Sbom(verb)
            | Self::Setup(verb) => Some(&verb.run),
            _ => None,
        }
    }

    /// What is wanted of gates, where the command runs tasks.
    pub(in crate::cli) fn wishes(&self) -> Wishes {
        match self {
            Self::Watch(watch) => {
                Wishes { strict: watch.strict, offline: watch.offline, ..Wishes::default() }
            }
            other => other.run().map(Run::wishes).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    /// Tasks, by name or by the first words of it: `test`, `lint.backend`
    #[arg(value_name = "TASK")]
    pub(in crate::cli) tasks: Vec<String>,
    /// Fail where a gate could not look; findings win
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Ask nothing of the network; what that makes impossible is said
    #[arg(long)]
    pub(in crate::cli) offline: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Verb {
    /// Components; all where none is named
    #[arg(value_name = "COMPONENT")]
    pub(in crate::cli) components: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) run: Run,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Docs {
    #[command(flatten)]
    pub(in crate::cli) verb: Verb,
    /// Show the site in the browser
    #[arg(long, conflicts_with = "components")]
    open: bool,
    /// Serve the site on this machine, on a port that is free, until Ctrl-C
    #[arg(long, conflicts_with = "components")]
    serve: bool,
}

impl Docs {
    /// How the site is shown once it is built.
    pub(in crate::cli) const fn options(&self) -> docs::Options {
        docs::Options { open: self.open, serve: self.serve }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Lint {
    #[command(flatten)]
    pub(in crate::cli) verb: Verb,
    /// Mend what can be mended
    #[arg(long)]
    pub(in crate::cli) fix: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Security {
    #[command(flatten)]
    pub(in crate::cli) verb: Verb,
    /// Look for secrets in every commit, too
    #[arg(long)]
    pub(in crate::cli) history: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    pub(in crate::cli) verb: Verb,
    /// Arguments for pytest, vitest or `cargo test`
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(in crate::cli) arguments: Vec<String>,
}
