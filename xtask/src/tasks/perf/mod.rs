//! Load tests with a verdict: baseline and candidate run side by side, k6 asks them in turn.
//!
//! What is measured runs from the images that were built, where a container engine is there, else from the files of the
//! repository. `core/perf` decides in which order, how long, and what it comes to; here it is done.

mod baseline;
mod k6;
mod server;
mod side;
mod told;

use std::time::{Duration, Instant};

use crate::config::perf::{PerfScenario, PerfSettings};
use crate::core::perf::Side;
use crate::core::perf::interleave::{Next, Plan};
use crate::core::perf::judge::{Judgement, Rule, Verdict, judge};
use crate::core::perf::machine::Subject;
use crate::core::perf::report::{FILE, FORMAT, Report, crossed};
use crate::core::perf::run::Run;
use crate::core::suggest;
use crate::core::text;
use crate::cx::{Cx, files};
use crate::driver::platform;
use crate::error::{Error, ErrorKind, Result};

use super::machine;
use server::Running;
use side::Started;

/// The scenario that is meant where none is named, if there is one of that name.
const USUAL: &str = "smoke";

/// The confidence of all intervals.
const CONFIDENCE: f64 = 0.95;

/// How load is made, and what with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenario; without it `smoke`, or the first of the file.
    pub scenario: Option<String>,
    /// What it is compared with.
    pub baseline: Baseline,
    /// When no further pair of runs is begun; without it, what xtask.toml says.
    pub budget: Option<Duration>,
    /// How long one run is; without it, what the scenario says.
    pub duration: Option<Duration>,
    /// Whether it is run from the files also where images could be started.
    pub local: bool,
}

impl Options {
    /// The usual scenario, compared with the base.
    pub const USUAL: Self =
        Self { scenario: None, baseline: Baseline::Base, budget: None, duration: None, local: false };
}

/// How long all of it may take at most: the budget, and what is outside of it, which is the set-up of both sides and a last pair.
pub(super) fn timeout(settings: &PerfSettings, options: &Options) -> Duration {
    /// For virtual environments, images, seeded databases.
    const SET_UP: Duration = Duration::from_mins(30);
    let budget = options.budget.unwrap_or(settings.budget);
    let longest = settings.scenarios.iter().map(|scenario| scenario.duration).max().unwrap_or_default();
    SET_UP.saturating_add(budget).saturating_add(options.duration.unwrap_or(longest).saturating_mul(2))
}

/// What the candidate is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Baseline {
    /// Where the history left the branch that changes are for.
    Base,
    /// Nothing: the thresholds alone count.
    Nothing,
    /// A commit of git, or an image, by its name.
    Named(String),
}

/// Runs the load test, writes `perf.json`, and says what it came to.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where the candidate is worse or crossed a threshold;
/// [`Missing`](crate::ErrorKind::Missing) where nothing could be measured, and in a strict run where there is no verdict.
pub fn perf(cx: &Cx, options: &Options) -> Result<()> {
    let settings = cx.config().perf.as_ref().ok_or_else(|| {
        Error::configuration("`xtask.toml` has no `[perf]`")
            .hint("`docs/guides/performance.md` shows what it says about load tests")
    })?;
    let scenario = scenario(settings, options)?;
    let k6 = cx.step("k6", k6::find)?;
    let machine = machine::of(&k6.version);
    let scratch = cx.scratch()?;
    let candidate = side::candidate(cx, settings, options, &machine)?;
    let baseline =
        cx.step("baseline", |cx| baseline::prepare(cx, settings, options, &candidate, &machine))?;
    let unix_time = platform::unix_time();
    // What an earlier test has found is not to be taken for what this one finds.
    files::remove(&cx.output_folder().join(FILE))?;
    let budget = options.budget.unwrap_or(settings.budget);
    let rule = Rule { margin: settings.margin, confidence: CONFIDENCE, pairs_min: settings.pairs_min };
    let load = k6::Load { k6: &k6, settings, scenario: &scenario, scratch: &scratch };
    let (runs, judgement) =
        candidate.with_servers(cx, settings, &scratch, |candidate_runs| match &baseline {
            Ok(side) => side.with_servers(cx, settings, &scratch, |baseline_runs| {
                let sides = [(side, baseline_runs), (&candidate, candidate_runs)];
                in_turn(cx, &load, sides, &rule, budget)
            }),
            Err(reason) => {
                let run = once(cx, &load, candidate_runs)?;
                Ok((vec![run], Judgement::not_comparable(reason.clone())))
            }
        })?;
    let report = Report {
        format: FORMAT,
        unix_time,
        scenario: scenario.name.clone(),
        crossed: crossed(runs.iter().filter(|run| run.side == Side::Candidate)),
        candidate: candidate.subject,
        baseline: baseline.ok().map(|side| side.subject),
        runs,
        judgement,
    };
    write(cx, &report)?;
    conclude(cx, &report)
}

/// The scenario that is asked for, as the options change it.
fn scenario(settings: &PerfSettings, options: &Options) -> Result<PerfScenario> {
    let known = || settings.scenarios.iter().map(|scenario| scenario.name.as_str());
    let named = |name: &str| settings.scenarios.iter().find(|scenario| scenario.name == name);
    let scenario = match &options.scenario {
        None => named(USUAL).or(settings.scenarios.first()),
        Some(name) => named(name),
    };
    let Some(mut scenario) = scenario.cloned() else {
        let name = options.scenario.as_deref().unwrap_or(USUAL);
        let error = Error::usage(format!("there is no scenario `{name}`"));
        return Err(match suggest::nearest(name, known()) {
            Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
            None => error.hint(format!("there are {}", known().collect::<Vec<_>>().join(", "))),
        });
    };
    scenario.duration = options.duration.unwrap_or(scenario.duration);
    Ok(scenario)
}

/// One run against the candidate alone.
fn once(cx: &Cx, load: &k6::Load<'_>, servers: &[Running]) -> Result<Run> {
    let start = Instant::now();
    let shown = k6::Shown { number: 1, total: Some(1), start };
    cx.step("run-1", |cx| load.run(cx, Side::Candidate, servers, &shown))
}

/// Runs in turn until there is a verdict, or no time.
fn in_turn(
    cx: &Cx,
    load: &k6::Load<'_>,
    sides: [(&Started, &[Running]); 2],
    rule: &Rule,
    budget: Duration,
) -> Result<(Vec<Run>, Judgement)> {
    let [(baseline, baseline_servers), (candidate, candidate_servers)] = sides;
    let subjects: [&Subject; 2] = [&baseline.subject, &candidate.subject];
    // A server that has just started is slow in its first answers: both sides are asked once, and what they say is left out.
    for (side, servers) in [(Side::Baseline, baseline_servers), (Side::Candidate, candidate_servers)] {
        cx.step(&format!("warm-{side}"), |cx| load.warm(cx, servers))
            .map_err(|error| unmeasured(error, side))?;
    }
    let plan = Plan { pairs_min: rule.pairs_min, budget };
    let start = Instant::now();
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let judged = || judge(subjects[0], subjects[1], &runs, rule);
        let is_decided = || judged().verdict != Verdict::Undecided;
        match plan.next(runs.len(), start.elapsed(), is_decided) {
            Next::Run(side) => {
                let servers = if side == Side::Baseline { baseline_servers } else { candidate_servers };
                let number = runs.len() + 1;
                let total = (number <= 2 * rule.pairs_min).then_some(2 * rule.pairs_min);
                let shown = k6::Shown { number, total, start };
                let run = cx.step(&format!("run-{number}"), |cx| load.run(cx, side, servers, &shown));
                let run = run.map_err(|error| unmeasured(error, side))?;
                runs.push(run);
            }
            Next::Decided => {
                let judgement = judged();
                return Ok((runs, judgement));
            }
            Next::OutOfBudget => {
                let mut judgement = judged();
                let spent = format!("; the budget of {} is spent", text::duration(budget));
                judgement.reason.push_str(&spent);
                return Ok((runs, judgement));
            }
        }
    }
}

/// An error with the side that could not be measured; an interruption speaks for itself.
fn unmeasured(error: Error, side: Side) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => error,
        _ => error.context(format!("the {side} could not be measured")),
    }
}

/// Writes the report, masked.
fn write(cx: &Cx, report: &Report) -> Result<()> {
    let mut json = serde_json::to_vec_pretty(report)
        .map_err(|error| Error::bug("the load test cannot be written as JSON").source(error))?;
    json.push(b'\n');
    files::write(&cx.output_folder().join(FILE), &cx.mask().bytes(&json))
}

/// Says what it came to, and fails where that is bad.
fn conclude(cx: &Cx, report: &Report) -> Result<()> {
    for line in told::lines(report) {
        cx.note(line);
    }
    if let Some(objection) = report.objection() {
        return Err(Error::problems(objection).hint(format!(
            "`{FILE}` in the output folder has all figures; `cargo xtask report` draws them"
        )));
    }
    match report.judgement.verdict {
        Verdict::Better | Verdict::Same => Ok(()),
        verdict if cx.is_strict() => {
            Err(Error::missing(format!("there is no verdict: {verdict}")).cause(&report.judgement.reason))
        }
        Verdict::Undecided => {
            cx.warn(
                "the load test is undecided",
                "run it on a quieter machine, with a larger `--budget`, or with longer runs: `--duration`",
            );
            Ok(())
        }
        Verdict::NotComparable | Verdict::Worse => Ok(()),
    }
}
