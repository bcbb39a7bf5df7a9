//! The grammar: commands, their options, and the words of their help.

mod bench;
mod cache;
mod choice;
mod ci;
mod dependencies;
pub(super) mod groups;
mod image;
mod perf;
mod plan;
mod rehearse;
mod release;
mod report;
mod run;
mod show;
mod update;

use clap::{Parser, Subcommand};

pub(super) use self::bench::Bench;
pub(super) use self::cache::{Cache, CacheVerb};
pub(super) use self::choice::Choice;
pub(super) use self::ci::Ci;
pub(super) use self::dependencies::{Dependencies, DependenciesVerb};
pub(super) use self::groups::{grammar, verbs};
pub(super) use self::image::Image;
pub(super) use self::perf::Perf;
pub(super) use self::plan::{Explain, Plan};
pub(super) use self::rehearse::Rehearse;
pub(super) use self::release::{
    Deploy, Deployment, Doctor, EnvironmentVerb, History, Intervene, OfEnvironment, Pause, Place, Promote,
    Recover, Rollback, Status, Unlock,
};
pub(super) use self::report::Report;
pub(super) use self::run::{Docs, Lint, Run, Security, Test, Verb, Watch};
pub(super) use self::show::{Output, Show};
pub(super) use self::update::Update;

/// What the whole program is for; the first line of its help.
const ABOUT: &str = "Build, check and release this repository";

/// The heading of the options that every command has.
pub(super) const GLOBAL: &str = "Global options";

/// How many columns a help has at most.
const WIDTH: usize = 100;

/// The exit codes, as every help shows them.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  problems were found
    2  the command line makes no sense
    3  xtask.toml, or a file it points to, is wrong
    4  a tool, service or resource of the machine is missing; with `--strict`, a gate could not look
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
    max_term_width = WIDTH,
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
  cargo xtask ci --shard 2/3          the second of three parts of it, for three machines
  cargo xtask ci --merge reports      one result of the reports of all parts
  cargo xtask ci --affected --merge reports
                                      the same where only what the changes concern was dealt out
  cargo xtask ci --strict             a gate that could not look fails
  cargo xtask ci --output json        a JSON object on a line for each event")]
    Ci(Ci),
    /// Say of each task whether it would run or has a stored result, and why; runs nothing
    #[command(after_help = "\
Examples:
  cargo xtask explain test.backend    what differs from the nearest stored run
  cargo xtask explain test lint       all tasks that begin with these words
  cargo xtask ci --explain            all tasks of a run")]
    Explain(Explain),
    /// Say what would run and why, and how long it would take; runs nothing
    #[command(after_help = "\
Examples:
  cargo xtask plan                    everything
  cargo xtask plan test               tests, with their set-up
  cargo xtask plan --affected         what the changes of this branch concern
  cargo xtask plan --output json      for a program, as docs/schemas/plan.schema.json says
  cargo xtask plan --output svg > plan.svg
  cargo xtask plan --output dot | dot -Tpdf > plan.pdf
  cargo xtask plan --github-matrix 3  a matrix for three jobs
  cargo xtask plan --affected --github-matrix 3
                                      of what the changes concern; no entries where that is nothing")]
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
    /// Run the tests and say how much of the code, and of what has changed, they run
    #[command(after_help = "\
Examples:
  cargo xtask coverage                all components
  cargo xtask coverage backend        one
  cargo xtask coverage core           of Rust: compiles and runs the tests once more, counting

How much it has to be stands in `[components.NAME.coverage]`. What did not run is in `cargo xtask report`; \
target/xtask/coverage.lcov has all lines, coverage.json the sums.")]
    Coverage(Verb),
    /// Check format, style and types; `--fix` mends what can be mended
    #[command(after_help = "\
Examples:
  cargo xtask lint                    all components
  cargo xtask lint frontend --fix     mend what can be mended, name the rest")]
    Lint(Lint),
    /// Build the documentation; a warning is an error
    #[command(after_help = "\
Examples:
  cargo xtask docs                    all of it, as one site in target/xtask/site
  cargo xtask docs --open             and shows it in the browser
  cargo xtask docs --serve            and serves it on this machine, until Ctrl-C
  cargo xtask docs backend            one component, into backend/docs/build
  cargo xtask docs links              whether every link of the documents leads somewhere")]
    Docs(Docs),
    /// Check who may import whom, and that code, images, manifests and interfaces agree
    #[command(after_help = "\
Examples:
  cargo xtask architecture            everything that has rules
  cargo xtask architecture xtask      the imports of one component
  cargo xtask architecture settings   variables, ports and names, as all sides have them
  cargo xtask architecture contract   interfaces between components")]
    Architecture(Verb),
    /// Check lock files, undeclared, unused and duplicate dependencies, and what they cost
    #[command(after_help = "\
Examples:
  cargo xtask dependencies                    check all components
  cargo xtask dependencies xtask              one
  cargo xtask dependencies graph backend      who needs whom
  cargo xtask dependencies graph xtask --output svg > xtask.svg
  cargo xtask dependencies why urllib3        the chains that lead to a package
  cargo xtask dependencies outdated           what has newer versions, and how far they are")]
    Dependencies(Dependencies),
    /// Check the licences of all dependencies against `[licenses]`, and write the NOTICE
    #[command(after_help = "\
Examples:
  cargo xtask licenses                all components and tools, the NOTICE, FOSSA if there is a key
  cargo xtask licenses backend        one component
  cargo xtask licenses notice         only the NOTICE, into target/xtask/NOTICE
  cargo xtask licenses images         what the images bring along that were built here

Which licences are allowed, and what was decided about single packages, stands in `[licenses]`. FOSSA is \
asked, too, where FOSSA_API_KEY is in the environment and `fossa` on PATH.")]
    Licenses(Verb),
    /// Write bills of materials: CycloneDX 1.6, of each component and of all together
    #[command(after_help = "\
Examples:
  cargo xtask sbom                    into target/xtask/sbom/, NAME.cdx.json and all.cdx.json
  cargo xtask sbom backend            one component
  SOURCE_DATE_EPOCH=0 cargo xtask sbom    another time than that of the commit

The same commit has the same bytes. What an image brings beside the packages of its component is in them \
once the image was built here.")]
    Sbom(Verb),
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
    /// Bring what is pinned up to date, as far as the manifests allow; say what has moved
    #[command(after_help = "\
Examples:
  cargo xtask update                  tools, requirements, npm's and cargo's lock files
  cargo xtask update backend tools    those of one component, and the tools of the repository
  cargo xtask update --dry-run        says what would move, and writes nothing

Lock files are written when all of them could be made, or none is. Manifests stay as they are.")]
    Update(Update),
    /// Run checks, and again what a change concerns, until Ctrl-C
    #[command(after_help = "\
Examples:
  cargo xtask watch                   everything
  cargo xtask watch test lint         tests and linters
  cargo xtask watch test.backend      one task")]
    Watch(Watch),
    /// Make one page of the last run: what did not pass, where the time went, findings
    #[command(after_help = "\
Examples:
  cargo xtask report                          target/xtask/report.html
  cargo xtask report --open                   and shows it in the browser
  cargo xtask report --merge shard-1 shard-2 shard-3
                                              the parts of a run that several machines ran, as one

The page needs neither a network nor a script, and shows what can be read of a run that was killed. \
With `--merge` it exits with 1 where a part did not pass, or is not there.")]
    Report(Report),
    /// Rehearse a release on a simulated cluster, in virtual time
    #[command(after_help = "\
Examples:
  cargo xtask rehearse                            how a good release goes, and how long it takes
  cargo xtask rehearse --list                     the scenarios, and what they show
  cargo xtask rehearse --scenario bad-canary      one of them
  cargo xtask rehearse --seeds 10000              ten thousand bad nights, as fast as it can
  cargo xtask rehearse --seed 812                 one of those, with all that happened in it

Nothing is released and no cluster is asked: the release that xtask.toml and the manifests describe runs \
on a simulated cluster, as if it served already and everything in it changed. It says what the deployment \
would say, how long that takes, when a bad release is found and how many requests suffer from it, and \
draws that as a page in target/xtask/.

Exits with 0 however the release ends, and says the exit code that the deployment would have; with 1 \
where an invariant of the release machine broke. Each seed draws a night of its own, components and \
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

A release that is interrupted is taken back; interrupted once more, or killed, it is left to \
`cargo xtask recover`. Run again, it goes on where it was.

Exits with 0 when the new release serves, 5 when nothing was begun, 6 when the old release serves, \
7 when a person has to look.")]
    Deploy(Deploy),
    /// Take a release back: the one under way, or the one that serves
    #[command(after_help = "\
Examples:
  cargo xtask rollback --environment production                      to the newest verified before
  cargo xtask rollback --environment production --to production-41   to that one
  cargo xtask rollback --environment production --to 3f2c1a          to the one of that commit

While a release is under way, it is that one which is taken back, whoever owns it. Within its bake the \
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
    /// Say what in the cluster is no longer as it was released, and who has changed it
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
  cargo xtask status --environment production   since when, by whom, and until when it waits

It goes on being measured, and a verdict ends it. Nobody's answer is waited for longer than `pause-max` \
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

It is seldom needed: `rollback` takes a release over by itself, and `recover` does so when its owner has \
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

The uid of the namespace kube-system tells a cluster from every other one. Every command that speaks to \
one looks at it first, and refuses another cluster than the pinned one with exit code 5.")]
    Environment(OfEnvironment),
    /// Build the images of all components, or of some; push them with `--push`
    #[command(after_help = "\
Examples:
  cargo xtask image                   build what has changed, look at it, try it
  cargo xtask image backend --push    and push it to the registry of xtask.toml
  cargo xtask image --push --registry 127.0.0.1:5000 --locked
  cargo xtask image --build-arg BASE_IMAGE=mirror.example.com/python@sha256:…

What was pushed stands in target/xtask/images.json, which `cargo xtask deploy` reads.")]
    Image(Image),
    /// Put the servers under load, compare with the base, and say better, same or worse
    #[command(after_help = "\
Examples:
  cargo xtask perf                                  the working copy, and where the branch began
  cargo xtask perf --scenario load --baseline main  longer, and compared with main
  cargo xtask perf --baseline none                  the thresholds alone
  cargo xtask perf --duration 20s --budget 15m      longer runs, and more of them
  cargo xtask report --open                         latency, throughput and memory, drawn

Baseline and candidate run side by side on this machine and are asked at the same time, until the verdict is \
clear or the budget is spent. What was built by `cargo xtask image --push` is started where a container engine \
is there, else the files. All figures stand in target/xtask/perf.json.

Exits with 1 where the candidate is worse, or crossed a threshold of `[perf]`; with `--strict`, with 4 \
where there is no verdict.")]
    Perf(Perf),
    /// Run the benchmarks beside their peers, show the figures, and keep them
    #[command(after_help = "\
Examples:
  cargo xtask bench                   all of them, into the document and the history of `[bench]`
  cargo xtask bench cache schedule    two of them; of the others the last figures stay
  cargo xtask bench --quick           small sizes, for a look: nothing is kept

They take an hour and want a quiet machine, so no other command runs them. Times differ between machines \
and hours: what is compared with earlier runs is the ratio to the peers, which are measured in the same \
run. A peer that is not there is said to be missing.")]
    Bench(Bench),
    /// Look after the stored results of tasks
    #[command(after_help = "\
Examples:
  cargo xtask cache stats                     how much there is, and where
  cargo xtask cache prune --max-size 500MB    throw away what was not used for longest
  cargo xtask cache verify                    read everything; exits with 1 if something is damaged
  cargo xtask cache key --out ~/cache.key     make the key with which trusted jobs sign uploads")]
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
