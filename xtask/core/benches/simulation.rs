//! Nights of a release, one for each seed: how many a second, how they end, which invariants break.
//!
//! - `cargo bench -p xtask-core --bench simulation -- 100000 7` plays a hundred thousand seeds from 7 on, on all cores. It fails
//!   where an invariant breaks, or where good releases are rolled back more often than the analysis promises.
//! - `… -- --json 20000` says its speed as a line for `cargo xtask bench`, which keeps it, and the rest on standard error.
//! - `… -- mutants` searches for the first seed that catches each planted mistake, and prints the table of them.
//!
//! Only counts are kept, so a million seeds need no more memory than one; every ten seconds a line says how far it is.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its tables")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use xtask_core::benchmark::{self, Figure, Unit};
use xtask_core::simulation::{Invariant, Scenario, Verdict, play, run};
use xtask_core::{release, simulation};

#[path = "../src/simulation/tests/mutants/mistake.rs"]
mod mistake;

/// Seeds of a run without arguments.
const SEEDS: u64 = 2_000;

/// How often a long run says how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Seeds of a broken invariant that are shown.
const SHOWN: usize = 20;

/// How many standard deviations more false alarms than promised are taken for chance.
const DEVIATIONS: f64 = 4.0;

/// What is kept of the nights.
#[derive(Default)]
struct Tally {
    nights: u64,
    endings: BTreeMap<String, u64>,
    /// How often each invariant broke, and the first seeds that broke it.
    broken: BTreeMap<Invariant, (u64, Vec<u64>)>,
    length: Duration,
    /// Releases that were as good as the one before, with nothing that hurts their pods; and those that went back.
    good: u64,
    false_alarms: Vec<u64>,
}

impl Tally {
    fn add(&mut self, scenario: &Scenario, verdict: &Verdict) {
        self.nights += 1;
        let ending = verdict.ending().map_or("killed".to_owned(), |ending| format!("{ending:?}"));
        *self.endings.entry(ending).or_default() += 1;
        self.length += verdict.length;
        if let Some(broken) = &verdict.broken {
            let (count, seeds) = self.broken.entry(broken.invariant).or_default();
            *count += 1;
            if seeds.len() < SHOWN {
                seeds.push(verdict.seed);
            }
        }
        if scenario.is_harmless() {
            self.good += 1;
            if verdict.is_rolled_back() {
                self.false_alarms.push(verdict.seed);
            }
        }
    }

    fn join(&mut self, other: Self) {
        self.nights += other.nights;
        self.length += other.length;
        self.good += other.good;
        self.false_alarms.extend(other.false_alarms);
        for (ending, count) in other.endings {
            *self.endings.entry(ending).or_default() += count;
        }
        for (invariant, (count, seeds)) in other.broken {
            let entry = self.broken.entry(invariant).or_default();
            entry.0 += count;
            entry.1.extend(seeds);
            entry.1.sort_unstable();
            entry.1.truncate(SHOWN);
        }
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "mutants") {
        return mutants();
    }
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let (seeds, first) = (numbers.next().unwrap_or(SEEDS), numbers.next().unwrap_or_default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let tally = nights(seeds, first, cores, began);
    let seconds = began.elapsed().as_secs_f64();
    let nights = tally.nights;
    let speed = count(nights) / seconds;
    if std::env::args().any(|argument| argument == "--json") {
        let case = format!("nights of a release, {nights} seeds on {cores} cores");
        let figures = [Figure::measured(case, "xtask", speed, Unit::PerSecond)];
        match benchmark::shown(&figures, true) {
            Ok(lines) => print!("{lines}"),
            Err(why) => eprintln!("{why}"),
        }
        return verdict(&tally);
    }
    println!(
        "{nights} seeds from {first} on in {seconds:.1} s on {cores} cores, {:.0} a second, {} hours of virtual time",
        speed,
        tally.length.as_secs() / 3600
    );
    for (ending, count) in &tally.endings {
        println!("{count:>9} {ending}");
    }
    let alarms = count(tally.false_alarms.len() as u64);
    let rate = alarms / count(tally.good).max(1.0);
    println!("{:>9} of {} good releases rolled back: {:.2} %", alarms, tally.good, 100.0 * rate);
    for (invariant, (count, seeds)) in &tally.broken {
        println!("{count:>9} broke {invariant}, first {seeds:?}");
    }
    println!("{:>9} invariants of {} broken", tally.broken.len(), Invariant::ALL.len());
    for seed in tally.broken.values().filter_map(|(_, seeds)| seeds.first()) {
        println!("{}", run(*seed).story());
    }
    verdict(&tally)
}

/// Fails where an invariant broke, or good releases went back more often than by the chance that is promised.
fn verdict(tally: &Tally) -> ExitCode {
    let alarms = count(tally.false_alarms.len() as u64);
    let alpha = release::analysis::Settings::new(1).alpha;
    let most = alpha * count(tally.good);
    let is_alarmed = alarms > most + DEVIATIONS * most.sqrt();
    if is_alarmed {
        let seeds = &tally.false_alarms[..tally.false_alarms.len().min(SHOWN)];
        eprintln!("more than the {} % that the analysis promises: {seeds:?}", 100.0 * alpha);
    }
    if tally.broken.is_empty() && !is_alarmed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays the nights of some seeds, as many at a time as there are cores.
fn nights(seeds: u64, first: u64, cores: usize, began: Instant) -> Tally {
    let (next, said) = (AtomicU64::new(first), AtomicU64::new(0));
    let play_some = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return tally;
            }
            let scenario = Scenario::drawn(seed);
            let verdict = play(&scenario, false);
            if let Some(broken) = &verdict.broken {
                // At once: a long run that is interrupted has said so.
                eprintln!("seed {seed} broke {}: {}", broken.invariant, broken.words);
            }
            tally.add(&scenario, &verdict);
            let tens = began.elapsed().as_secs() / PROGRESS.as_secs();
            if said.fetch_max(tens, Ordering::Relaxed) < tens {
                let done = seed - first;
                let rate = count(done) / began.elapsed().as_secs_f64();
                eprintln!("{done} of {seeds} seeds, {rate:.0} a second");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(play_some)).collect();
        let mut all = Tally::default();
        threads.into_iter().map(joined).for_each(|tally| all.join(tally));
        all
    })
}

/// The first seed that catches each planted mistake.
fn mutants() -> ExitCode {
    let next = AtomicU64::new(0);
    let search = || {
        let mut found = Vec::new();
        while let Some(mistake) = usize::try_from(next.fetch_add(1, Ordering::Relaxed))
            .ok()
            .and_then(|index| mistake::ALL.get(index))
        {
            let caught = (0..mistake::SEEDS).find(|seed| {
                let is_caught = mistake::caught(*mistake, *seed) == Some(mistake.breaks());
                is_caught && play(&Scenario::drawn(*seed), false).broken.is_none()
            });
            eprintln!("{mistake:?}: {caught:?}");
            found.push((*mistake, caught));
        }
        found
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(search)).collect();
        threads.into_iter().flat_map(joined).collect()
    });
    found.sort_by_key(|(mistake, _)| mistake::ALL.iter().position(|other| other == mistake));
    println!("| mistake | what it does | breaks | caught by seed |\n|---|---|---|---|");
    for (mistake, caught) in &found {
        let seed = caught.map_or_else(|| format!("none of {}", mistake::SEEDS), |seed| seed.to_string());
        println!("| `{mistake:?}` | {} | `{}` | {seed} |", mistake.words(), mistake.breaks());
    }
    if found.iter().all(|(_, caught)| caught.is_some()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a thread came to; its panic is ours.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
