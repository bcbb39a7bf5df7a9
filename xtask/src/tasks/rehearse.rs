//! Rehearses a release: the real machine on a simulated cluster in virtual time, in a night with a name, in the night of a
//! seed, or in many.

mod night;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::core::release::plan;
use crate::core::simulation::rehearsal::Ground;
use crate::core::simulation::scenario::NAMES;
use crate::core::simulation::statistics::Statistics;
use crate::core::simulation::{self, Scenario};
use crate::core::{suggest, text};
use crate::cx::Cx;
use crate::error::{Error, Result};
use crate::event::Body;
use crate::tasks::release::prepare::{self, Prepared, Source, prepare};

use night::{Assumed, Night, table, told};

/// The scenario of a rehearsal that names none: how a good release goes.
pub const USUAL: &str = "good";

/// The environment that is rehearsed where none is named.
pub const ENVIRONMENT: &str = "production";

/// The seed of the scenarios that have a name: they are the same for everybody, each time.
const SEED: u64 = 1;

/// How often many nights give a sign of life.
const SIGN: Duration = Duration::from_millis(200);

/// What to rehearse.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which nights.
    pub nights: Nights,
    /// The environment whose release is rehearsed; [`ENVIRONMENT`] where none is given and there is one of that name.
    pub environment: Option<String>,
    /// Requests a second to each component, where the scenario does not say otherwise.
    pub rate: f64,
    /// Where the picture goes; without it, into the output folder.
    pub out: Option<PathBuf>,
}

/// Which nights.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Nights {
    /// The one of that name.
    Named(String),
    /// The one of that seed.
    Seed(u64),
    /// Those of so many seeds.
    Seeds(u64),
}

/// Names the scenarios, with what they show.
pub fn list(cx: &Cx) -> Result<()> {
    let rows: Vec<(String, String)> =
        NAMES.iter().map(|(name, shows)| ((*name).to_owned(), (*shows).to_owned())).collect();
    let text = table(&rows);
    let data: Vec<_> =
        NAMES.iter().map(|(name, shows)| json!({ "scenario": name, "shows": shows })).collect();
    cx.emit(Body::Answer { text, data: data.into() });
    Ok(())
}

/// Rehearses. An error of kind `Problems` where an invariant broke, however the release ended.
pub fn run(cx: &Cx, options: &Options) -> Result<()> {
    match &options.nights {
        Nights::Seeds(seeds) => many(cx, *seeds),
        Nights::Seed(seed) => {
            let verdict = simulation::replay(*seed);
            told(cx, &verdict);
            let title = format!("the night of seed {seed}");
            let command = format!("cargo xtask rehearse --seed {seed}");
            Night { id: format!("seed-{seed}"), title, command, by_hand: Vec::new() }
                .show(cx, options, &verdict)
        }
        Nights::Named(name) => {
            let (_, shows) = NAMES.iter().find(|(known, _)| known == name).ok_or_else(|| unknown(name))?;
            let scenario = Scenario::named(name, SEED).ok_or_else(|| unknown(name))?;
            let prepared = prepared(cx, options.environment.as_deref())?;
            let scenario = scenario.over(prepared.course.clone(), &grounds(&prepared)).at_rate(options.rate);
            let environment = &prepared.environment.name;
            let assumed = Assumed::of(&scenario, environment);
            cx.emit(Body::Answer { text: assumed.text(), data: assumed.data() });
            let verdict = simulation::play(&scenario, true);
            let title = format!("{} to {environment}, {name}: {shows}", prepared.plan.release);
            let command = format!(
                "cargo xtask rehearse --environment {environment} --scenario {name} --rate {}",
                options.rate
            );
            let by_hand = prepared.plan.by_hand.clone();
            Night { id: format!("{environment}-{name}"), title, command, by_hand }.show(cx, options, &verdict)
        }
    }
}

/// The release that would be made of the files as they are.
fn prepared(cx: &Cx, environment: Option<&str>) -> Result<Prepared> {
    let usual = || cx.config().environments.iter().find(|environment| environment.name == ENVIRONMENT);
    let environment = environment.or_else(|| usual().map(|environment| environment.name.as_str()));
    prepare(
        cx,
        &prepare::Options {
            environment: environment.map(str::to_owned),
            source: Source::Imagined,
            images: prepare::Images::Built,
            override_freeze: None,
            override_perf: None,
            without_way_back: false,
        },
    )
}

/// The pods of each component, as the files ask for them.
fn grounds(prepared: &Prepared) -> Vec<Ground> {
    let ground = |part: &plan::Part| {
        let slots = prepared.derived.slots.iter().find(|slots| slots.component == part.component);
        let autoscaler = slots.and_then(|slots| slots.autoscaler(part.slot.other()));
        let number = |path: &str| {
            let number = autoscaler.as_ref()?.pointer(path)?.as_u64()?;
            u32::try_from(number).ok()
        };
        let floor = number("/spec/minReplicas").unwrap_or(1);
        let autoscaler = number("/spec/maxReplicas").map(|ceiling| (floor, ceiling));
        Ground { pods: part.replicas, autoscaler }
    };
    prepared.plan.parts.iter().map(ground).collect()
}

fn unknown(name: &str) -> Error {
    let error = Error::usage(format!("there is no scenario `{name}`"));
    let known = || NAMES.iter().map(|(name, _)| *name);
    let names: Vec<&str> = known().collect();
    let error = match suggest::nearest(name, known()) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    };
    error.hint(format!("there are {}", names.join(", ")))
}

/// Plays the nights of many seeds on all cores.
fn many(cx: &Cx, seeds: u64) -> Result<()> {
    let statistics = cx.step("rehearse", |cx| {
        let statistics = play(cx, seeds)?;
        for (seed, words) in &statistics.first_broken {
            cx.warn(
                format!("seed {seed} broke an invariant, {words}"),
                format!("`cargo xtask rehearse --seed {seed}` replays it with no more faults than it takes"),
            );
        }
        Ok(statistics)
    })?;
    let data = serde_json::to_value(&statistics)
        .map_err(|error| Error::bug("the outcomes cannot be written as JSON").source(error))?;
    cx.emit(Body::Answer { text: format!("{statistics}\n"), data });
    match statistics.broken {
        0 => Ok(()),
        broken => {
            let broken = text::count(usize::try_from(broken).unwrap_or(usize::MAX), "night");
            Err(Error::problems(format!("{broken} broke an invariant")))
        }
    }
}

fn play(cx: &Cx, seeds: u64) -> Result<Statistics> {
    let (next, all) = (AtomicU64::new(0), Mutex::new(Statistics::default()));
    let due = Mutex::new(Duration::ZERO);
    let some = || -> Result<()> {
        let mut mine = Statistics::default();
        loop {
            cx.check()?;
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            mine.take(&simulation::play(&Scenario::drawn(seed), false));
            let mut due = due.lock().unwrap_or_else(PoisonError::into_inner);
            if cx.elapsed() >= *due {
                *due = cx.elapsed() + SIGN;
                cx.progress(seed + 1, Some(seeds), "nights");
            }
        }
        all.lock().unwrap_or_else(PoisonError::into_inner).merge(mine);
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(some)).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .map(|end| end.unwrap_or_else(|_| Err(Error::bug("a night panicked"))))
            .collect::<Result<Vec<()>>>()
    })?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}
