//! Load tests with a verdict: baseline and candidate run side by side, and k6 asks both at the same time.
//!
//! What is measured runs from the images that were built, where a container engine is there, else from the files of the
//! repository. `core/perf` decides in which order, how long, and what it comes to; here it is done.

mod baseline;
mod compare;
mod k6;
mod server;
mod side;
mod told;

use std::time::Duration;

use crate::config::perf::{PerfScenario, PerfSettings};
use crate::core::perf::Side;
use crate::core::perf::judge::{Judgement, Rule, Verdict};
use crate::core::perf::report::{FILE, FORMAT, Report, crossed};
use crate::core::suggest;
use crate::cx::{Cx, files};
use crate::driver::platform;
use crate::error::{Error, Result};

use super::machine;
use compare::{Sides, compare, once};

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
                let sides =
                    Sides { baseline: (side, baseline_runs), candidate: (&candidate, candidate_runs) };
                compare(cx, &load, &sides, &rule, budget)
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
