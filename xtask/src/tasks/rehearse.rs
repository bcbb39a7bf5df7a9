//! Rehearses a release: the real machine on a simulated cluster in virtual time, in a night with a name, in the night of a
//! seed, or in many.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::json;

use crate::core::picture::{Picture, Tone};
use crate::core::release::model::Ending;
use crate::core::release::narration::{Layout, outcome};
use crate::core::simulation::figures::Figures;
use crate::core::simulation::recording::Recording;
use crate::core::simulation::scenario::NAMES;
use crate::core::simulation::statistics::Statistics;
use crate::core::simulation::{self, Scenario, Verdict};
use crate::core::{suggest, text};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::event::Body;

/// The scenario of a rehearsal that names none: how a good release goes.
pub const USUAL: &str = "good";

/// The seed of the scenarios that have a name: they are the same for everybody, each time.
const SEED: u64 = 1;

/// How many signs of life many nights give.
const SIGNS: u64 = 200;

/// What to rehearse.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which nights.
    pub nights: Nights,
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
    let width = NAMES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let text: String = NAMES.iter().map(|(name, shows)| format!("{name:<width$}  {shows}\n")).collect();
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
            show(
                cx,
                options,
                &verdict,
                &Night { id: format!("seed-{seed}"), title, command: format!("--seed {seed}") },
            )
        }
        Nights::Named(name) => {
            let scenario = Scenario::named(name, SEED).ok_or_else(|| unknown(name))?;
            let verdict = simulation::play(&scenario.at_rate(options.rate), true);
            let shows = NAMES.iter().find(|(known, _)| known == name).map_or("", |(_, shows)| shows);
            let title = format!("{name}: {shows}");
            show(
                cx,
                options,
                &verdict,
                &Night { id: name.clone(), title, command: format!("--scenario {name}") },
            )
        }
    }
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

/// What a night is called.
struct Night {
    /// As part of a file name.
    id: String,
    title: String,
    /// The arguments that play it again.
    command: String,
}

/// Says what goes wrong in the night of a seed, and everything that happened in it.
fn told(cx: &Cx, verdict: &Verdict) {
    let mut text = format!("seed {}, {}\n", verdict.seed, text::count(verdict.faults.len(), "fault"));
    text.extend(verdict.faults.iter().map(|fault| format!("  {fault:?}\n")));
    text.push_str("what happened\n");
    text.extend(verdict.timeline.iter().map(|line| {
        let seconds = line.at.as_secs_f64();
        format!("{seconds:>10.3}  {}\n", line.words)
    }));
    let faults: Vec<String> = verdict.faults.iter().map(|fault| format!("{fault:?}")).collect();
    cx.emit(Body::Answer { text, data: json!({ "seed": verdict.seed, "faults": faults }) });
}

/// Says how one night went, and draws it.
fn show(cx: &Cx, options: &Options, verdict: &Verdict, night: &Night) -> Result<()> {
    let Some(recording) = &verdict.recording else { return Err(Error::bug("the night was not recorded")) };
    let subjects: BTreeSet<&str> = recording.lines.iter().map(|line| line.subject.as_str()).collect();
    let subjects = subjects.iter().map(|subject| text::width(subject)).max().unwrap_or(0);
    let layout = Layout { subjects, began: None };
    for line in &recording.lines {
        cx.emit(Body::Narrated { line: line.clone(), layout });
    }
    let figures = Figures::of(recording);
    let mut rows = figures.rows();
    rows.push(("the deploy would exit with".to_owned(), exit_code(recording)));
    let path =
        options.out.clone().unwrap_or_else(|| cx.output_folder().join(format!("rehearse-{}.html", night.id)));
    let origin = format!("cargo xtask rehearse {}", night.command);
    let (headline, tone) = headline(verdict);
    let picture =
        Picture { title: &night.title, outcome: &headline, tone, figures: &rows, recording, origin: &origin };
    files::write(&path, picture.html().as_bytes())?;
    let shown = path.strip_prefix(cx.root()).unwrap_or(&path);
    rows.push(("picture".to_owned(), shown.display().to_string()));
    cx.emit(Body::Answer {
        text: format!("\n{}", table(&rows)),
        data: data(verdict, recording, &figures, shown),
    });
    match &verdict.broken {
        None => Ok(()),
        Some(broken) => {
            let message = format!("the invariant `{}` broke: {}", broken.invariant, broken.words);
            Err(Error::problems(message)
                .hint("this is a defect of the release machine: nothing was released"))
        }
    }
}

fn data(verdict: &Verdict, recording: &Recording, figures: &Figures, picture: &Path) -> serde_json::Value {
    json!({
        "seed": verdict.seed,
        "outcome": verdict.ending(),
        "exit_code": recording.end.as_ref().map(|end| end.ending.exit_code()),
        "reason": verdict.ends.last().map(|end| &end.reason),
        "figures": figures,
        "broken": verdict.broken.as_ref().map(|broken| broken.invariant.name()),
        "picture": picture,
    })
}

/// The exit code of the deploy that this rehearses.
fn exit_code(recording: &Recording) -> String {
    match &recording.end {
        Some(end) => format!("{} ({})", end.ending.exit_code(), outcome(end.ending)),
        None => "nothing: it was killed".to_owned(),
    }
}

/// How it ended, in words, and whether that is good.
fn headline(verdict: &Verdict) -> (String, Tone) {
    if let Some(broken) = &verdict.broken {
        return (format!("The invariant {} broke: {}", broken.invariant, broken.words), Tone::Bad);
    }
    let serves = match verdict.ending() {
        Some(Ending::Promoted) => return ("Promoted: the new release serves".to_owned(), Tone::Good),
        Some(Ending::Stuck | Ending::Superseded) | None => "a person has to look",
        Some(_) => "the old release serves",
    };
    let how = verdict.ending().map_or("left alone", outcome);
    let (first, rest) = how.split_at(1);
    let tone = if serves.starts_with("the old") { Tone::Back } else { Tone::Bad };
    (format!("{}{rest}: {serves}", first.to_uppercase()), tone)
}

fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
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
    let some = || -> Result<()> {
        let mut mine = Statistics::default();
        loop {
            cx.check()?;
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            mine.take(&simulation::play(&Scenario::drawn(seed), false));
            if (seed + 1).is_multiple_of((seeds / SIGNS).max(1)) {
                cx.progress(seed + 1, Some(seeds), "nights");
            }
        }
        all.lock().unwrap_or_else(PoisonError::into_inner).merge(mine);
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(some)).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|end| end.unwrap_or_else(|_| Err(Error::bug("a night panicked"))))
            .collect::<Result<Vec<()>>>()
    })?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}
