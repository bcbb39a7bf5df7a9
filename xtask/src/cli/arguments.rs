//! The grammar: commands, their options, and the words of their help.

mod cache;
mod image;
mod plan;
mod rehearse;
mod release;
mod show;

use clap::{Args, Parser, Subcommand};

use crate::pipeline::Caching;

pub(super) use self::cache::{Cache, CacheVerb};
pub(super) use self::image::Image;
pub(super) use self::plan::{Explain, Plan};
pub(super) use self::rehearse::Rehearse;
pub(super) use self::release::{
    Deploy, Deployment, Doctor, EnvironmentVerb, History, Intervene, OfEnvironment, Pause, Place, Promote,
    Recover, Rollback, Status, Unlock,
};
pub(super) use self::show::{Output, Show};

/// What the whole program is for; the first line of its help.
const ABOUT: &str = "Build, check and release this repository";

/// The heading of the options that every command has.
const GLOBAL: &str = "Global options";

/// The exit codes, as every help shows them.
const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  problems were found
    2  the command line makes no sense
    3  xtask.toml, or a file it points to, is wrong
    4  a tool, a service or a resource of the machine is missing
    5  refused: it would have been wrong or unsafe
    6  not released; the old release serves
    7  stuck: a person has to look
   70  a defect of xtask
  130  interrupted";

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = ABOUT,
    version,
    disable_help_subcommand = true,
    allow_external_subcommands = true,
    help_template = "{about}\n\n{usage-heading} {usage}\n\n{before-help}Global options:\n{options}{after-help}",
    after_help = EXIT_CODES,
    max_term_width = 100,
    disable_help_flag = true,
    disable_version_flag = true,
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) show: Show,
    /// Print the version
    #[arg(short = 'V', long, action = clap::ArgAction::Version, help_heading = GLOBAL)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run all checks, or those that are named, with what they need
    #[command(after_help = "\
Examples:
  cargo xtask ci                      everything, as on the build server
  cargo xtask ci test lint            tests and linters, with their set-up
  cargo xtask ci test.backend         one task
  cargo xtask ci --affected           what the changes of this branch concern
  cargo xtask ci --list               what there is
  cargo xtask ci --output json        a JSON object on a line for each event")]
    Ci(Ci),
    /// Say of each task whether it would run or has a stored result, and why; runs nothing, changes nothing
    #[command(after_help = "\
Examples:
  cargo xtask explain test.backend    what differs from the nearest stored run
  cargo xtask explain test lint       all tasks that begin with these words
  cargo xtask ci --explain            all tasks of a run")]
    Explain(Explain),
    /// Say what a run would do: what would run and why, how long it would take; runs nothing, changes nothing
    #[command(after_help = "\
Examples:
  cargo xtask plan                    everything
  cargo xtask plan test               tests, with their set-up
  cargo xtask plan --output json      for a program, as docs/schemas/plan.schema.json says
  cargo xtask plan --output svg > plan.svg
  cargo xtask plan --output dot | dot -Tpdf > plan.pdf
  cargo xtask plan --github-matrix 3  a matrix for three jobs")]
    Plan(Plan),
    /// Run the tests of all components, or of those that are named
    #[command(after_help = "\
Examples:
  cargo xtask test                    all components
  cargo xtask test backend            one
  cargo xtask test backend -- -k name arguments for pytest
  cargo xtask test xtask -- --lib     arguments for `cargo test`

The last line sums the reports of all runners: `412 passed, 0 failed`.")]
    Test(Test),
    /// Check format, style and types; `--fix` mends what can be mended
    #[command(after_help = "\
Examples:
  cargo xtask lint                    all components
  cargo xtask lint frontend --fix     mend what can be mended, name the rest")]
    Lint(Lint),
    /// Build the documentation; a warning is an error
    #[command(after_help = "\
Examples:
  cargo xtask docs backend            into backend/docs/build")]
    Docs(Verb),
    /// Check who may import whom
    #[command(after_help = "\
Examples:
  cargo xtask architecture            all components that have rules
  cargo xtask architecture xtask      one")]
    Architecture(Verb),
    /// Check lock files, unused and duplicate dependencies, and what they cost
    #[command(after_help = "\
Examples:
  cargo xtask dependencies            all components
  cargo xtask dependencies xtask      one")]
    Dependencies(Verb),
    /// Look for secrets, known vulnerabilities, dangerous code and configuration
    #[command(after_help = "\
Examples:
  cargo xtask security                everything; says what it could not look at
  cargo xtask security backend        the packages and the code of one component
  cargo xtask security secrets workflows images
  cargo xtask security secrets --history
                                      every commit, not only the files as they are

A scanner that is missing, hangs or cannot reach its feed is named with what it did not look at.")]
    Security(Security),
    /// Rehearse a release on a simulated cluster, in virtual time
    #[command(after_help = "\
Examples:
  cargo xtask rehearse                            how a good release goes, and how long it takes
  cargo xtask rehearse --list                     the scenarios, and what they show
  cargo xtask rehearse --scenario bad-canary      one of them
  cargo xtask rehearse --seeds 10000              ten thousand bad nights, as fast as the machine can
  cargo xtask rehearse --seed 812                 one of those, with all that happened in it

Nothing is released and no cluster is asked: the release that xtask.toml and the manifests describe runs
on a simulated cluster, as if it served already and everything in it changed. It says what the deployment
would say, how long that takes, when a bad release is found and how many requests suffer from it, and
draws that as a page in target/xtask/.

Exits with 0 however the release ends, and says the exit code that the deployment would have; with 1
where an invariant of the release machine broke. Each seed draws a night of its own, components and
faults: there the environment and the rate make no difference.")]
    Rehearse(Rehearse),
    /// Install what the checks need, pinned, under the repository
    #[command(after_help = "\
Examples:
  cargo xtask setup                   everything; nothing to do the second time
  cargo xtask setup backend           one component, with the tools it needs")]
    Setup(Verb),
    /// Say which tools are there, which are missing, and how to get them
    #[command(after_help = "\
Examples:
  cargo xtask doctor
  cargo xtask doctor --output json    the same for a program
  cargo xtask doctor --environment production    could a release begin there? changes nothing

Exits with 4 when something is missing that the checks, or a release, need.")]
    Doctor(Doctor),
    /// Release: plan it, show the plan, ask, carry it out with a canary, watch it
    #[command(after_help = "\
Examples:
  cargo xtask deploy --environment staging             shows the plan, asks, releases
  cargo xtask deploy --environment production --yes    the same in a script
  cargo xtask deploy --environment production --from staging
                                                       exactly what staging verified
  cargo xtask deploy --plan-only --environment production --out plan.json
  cargo xtask deploy --plan-only --plan plan.json      is it still right?
  cargo xtask deploy --plan plan.json                  carries it out, or says what has moved
  cargo xtask deploy --plan-only --diff --snapshot cluster.json

A release that is interrupted is taken back; interrupted once more, or killed, it is left to
`cargo xtask recover`. Run again, it goes on where it was.

Exits with 0 when the new release serves, 5 when nothing was begun, 6 when the old release serves,
7 when a person has to look.")]
    Deploy(Deploy),
    /// Take a release back: the one under way, or the one that serves
    #[command(after_help = "\
Examples:
  cargo xtask rollback --environment production                      to the newest verified release before
  cargo xtask rollback --environment production --to production-41   to that one
  cargo xtask rollback --environment production --to 3f2c1a          to the one of that commit

While a release is under way, it is that one which is taken back, whoever owns it. Within its bake the
release before stands by: requests move at once, and no pod has to start.")]
    Rollback(Rollback),
    /// Say what serves an environment and how far the release under way has come
    #[command(after_help = "\
Examples:
  cargo xtask status --environment production
  cargo xtask status --environment production --watch        until nothing is under way
  cargo xtask status --environment production --output json")]
    Status(Status),
    /// Name the releases of an environment, the newest first
    #[command(after_help = "\
Examples:
  cargo xtask history --environment production
  cargo xtask history --environment production --repair      where somebody has damaged the ledger")]
    History(History),
    /// Say what in the cluster is no longer as it was released, and who has changed it; changes nothing
    #[command(after_help = "\
Examples:
  cargo xtask drift --environment production
  cargo xtask drift --environment production --output json     the same for a program

Exits with 1 where something differs, 4 where it could not look, 5 while a release is under way.")]
    Drift(Place),
    /// Let the release under way go on through its gate; with `--full`, to its promotion
    #[command(after_help = "\
Examples:
  cargo xtask promote --environment production          at a gate
  cargo xtask promote --environment production --full   whatever the evidence says")]
    Promote(Promote),
    /// Hold the release under way at the step of its canary where it is
    #[command(after_help = "\
Examples:
  cargo xtask pause --environment production --reason 'a look at the logs'
  cargo xtask status --environment production            since when, by whom, and until when it waits

It goes on being measured, and a verdict ends it. Nobody's answer is waited for longer than `pause-max`
of xtask.toml (an hour): then it is taken back.")]
    Pause(Pause),
    /// Let the release under way go on after a pause
    #[command(after_help = "\
Examples:
  cargo xtask resume --environment production")]
    Resume(Intervene),
    /// End the release under way: the one before serves again
    #[command(after_help = "\
Examples:
  cargo xtask abort --environment production")]
    Abort(Intervene),
    /// End a release whose owner is gone; does nothing where there is none
    #[command(after_help = "\
Examples:
  cargo xtask recover --environment production   a last step of a workflow, and every five minutes")]
    Recover(Recover),
    /// Take the Lease of an environment away from a holder who will not come back
    #[command(after_help = "\
Examples:
  cargo xtask unlock --environment production --reason 'the runner is gone'

It is seldom needed: `rollback` takes a release over by itself, and `recover` does so when its owner has
given no sign for half a minute.")]
    Unlock(Unlock),
    /// Write down what runs already as release 0, and change nothing of it
    #[command(after_help = "\
Examples:
  cargo xtask adopt --environment production")]
    Adopt(Intervene),
    /// Write down which cluster an environment means
    #[command(after_help = "\
Examples:
  cargo xtask environment pin --environment production   its uid, into xtask.toml

The uid of the namespace kube-system tells a cluster from every other one. Every command that speaks to
one looks at it first, and refuses another cluster than the pinned one with exit code 5.")]
    Environment(OfEnvironment),
    /// Build the images of all components, or of those that are named; push them with `--push`
    #[command(after_help = "\
Examples:
  cargo xtask image                   build what has changed, look at it, try it
  cargo xtask image backend --push    and push it to the registry of xtask.toml
  cargo xtask image --push --registry 127.0.0.1:5000 --locked
  cargo xtask image --build-arg BASE_IMAGE=mirror.example.com/python@sha256:…

What was pushed stands in target/xtask/images.json, which `cargo xtask deploy` reads.")]
    Image(Image),
    /// Look after the stored results of tasks
    #[command(after_help = "\
Examples:
  cargo xtask cache stats                     how much there is, and where
  cargo xtask cache prune --max-size 500MB    throw away what was not used for longest
  cargo xtask cache verify                    read everything; exits with 1 where something was damaged
  cargo xtask cache key --out ~/cache.key     make the key with which trusted jobs sign what they upload")]
    Cache(Cache),
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  cargo xtask completions bash > ~/.local/share/bash-completion/completions/cargo-xtask
  cargo xtask completions zsh  > ~/.zfunc/_cargo-xtask
  cargo xtask completions fish > ~/.config/fish/completions/cargo-xtask.fish

They complete the command `cargo-xtask`: alias it to `cargo xtask`.")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// A task of this repository's own pipeline.
    #[command(external_subcommand)]
    Own(Vec<String>),
}

/// How tasks run.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Run {
    /// How many cores tasks may keep busy; as many as the machine has where it is not given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) jobs: Option<u32>,
    /// Start nothing new once something has failed
    #[arg(long, overrides_with = "keep_going")]
    pub(super) fail_fast: bool,
    /// Run everything that does not wait for what failed (the default)
    #[arg(long, overrides_with = "fail_fast")]
    pub(super) keep_going: bool,
    /// Look for no stored result, and store none
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Run these tasks whatever is stored: `test`, `lint.backend`
    #[arg(long, value_name = "TASK")]
    pub(super) force: Vec<String>,
    /// Let cached tasks read what they do not declare; their results are not stored
    #[arg(long)]
    pub(super) no_sandbox: bool,
}

impl Run {
    pub(super) fn caching(&self) -> Caching {
        Caching { off: self.no_cache, force: self.force.clone(), no_sandbox: self.no_sandbox }
    }
}

#[derive(Debug, Args)]
pub(super) struct Ci {
    /// Tasks, by name or by the first words of it: `test`, `lint.backend`
    #[arg(value_name = "TASK")]
    pub(super) tasks: Vec<String>,
    /// Name the tasks, and do nothing
    #[arg(long)]
    pub(super) list: bool,
    /// Say of each task whether it would run, and why, and do nothing
    #[arg(long, conflicts_with = "list")]
    pub(super) explain: bool,
    /// Leave out what no change concerns: of the commits since the base, and of what is not committed
    #[arg(long)]
    pub(super) affected: bool,
    /// The branch or commit since which changes count; without it, what GitHub says of its event, else the default branch
    #[arg(long, value_name = "REF", requires = "affected")]
    pub(super) base: Option<String>,
    #[command(flatten)]
    pub(super) run: Run,
}

#[derive(Debug, Args)]
pub(super) struct Verb {
    /// Components; all where none is named
    #[arg(value_name = "COMPONENT")]
    pub(super) components: Vec<String>,
    #[command(flatten)]
    pub(super) run: Run,
}

#[derive(Debug, Args)]
pub(super) struct Lint {
    #[command(flatten)]
    pub(super) verb: Verb,
    /// Mend what can be mended
    #[arg(long)]
    pub(super) fix: bool,
}

#[derive(Debug, Args)]
pub(super) struct Security {
    #[command(flatten)]
    pub(super) verb: Verb,
    /// Look for secrets in every commit, too
    #[arg(long)]
    pub(super) history: bool,
}

#[derive(Debug, Args)]
pub(super) struct Test {
    #[command(flatten)]
    pub(super) verb: Verb,
    /// Arguments for pytest, vitest or `cargo test`
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(super) arguments: Vec<String>,
}

/// The commands in groups, as the help shows them. A test holds that every command stands in one.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Checks",
        &["ci", "test", "lint", "docs", "architecture", "dependencies", "security", "explain", "plan"],
    ),
    (
        "Releases",
        &[
            "image",
            "deploy",
            "rollback",
            "status",
            "drift",
            "history",
            "promote",
            "pause",
            "resume",
            "abort",
            "recover",
            "adopt",
            "unlock",
            "environment",
            "rehearse",
        ],
    ),
    ("This machine", &["setup", "doctor", "cache", "completions"]),
];

/// The names of the commands.
pub(super) fn verbs() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|(_, names)| *names).copied()
}

/// The grammar with the groups in its help.
pub(super) fn grammar() -> clap::Command {
    use clap::CommandFactory as _;
    let grammar = Cli::command();
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text.push_str(heading);
        text.push_str(":\n");
        for name in *names {
            let about = grammar.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text.extend(["  ".to_owned(), format!("{name:<14}"), about, "\n".to_owned()]);
        }
        text.push('\n');
    }
    text.push_str("`cargo xtask COMMAND --help` says more.\n");
    verbs().fold(grammar.before_help(text), |grammar, verb| {
        grammar.mut_subcommand(verb, |command| {
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            command.after_help(format!("{examples}\n\n{EXIT_CODES}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }

    #[test]
    fn every_command_stands_in_one_group_and_has_an_example() {
        let grammar = grammar();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let mut named: Vec<&str> = grammar.get_subcommands().map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        named.sort_unstable();
        assert_eq!(grouped, named);
        for command in grammar.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  cargo xtask "), "{}", command.get_name());
        }
    }
}
