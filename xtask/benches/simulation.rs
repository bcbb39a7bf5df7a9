//! Nights of a release, one for each seed: how many a second, how they end, which invariants break.
//!
//! `cargo bench -p xtask --bench simulation -- 100000 7` plays a hundred thousand seeds from 7 on, on all cores; it fails
//! where an invariant breaks.

#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use xtask::core::simulation::{Scenario, Verdict, play, run};

/// Seeds of a run without arguments.
const SEEDS: u64 = 2_000;

fn main() -> ExitCode {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let (seeds, first) = (numbers.next().unwrap_or(SEEDS), numbers.next().unwrap_or_default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, began) = (AtomicU64::new(first), Instant::now());
    let play_some = || {
        let mut verdicts = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return verdicts;
            }
            let verdict = play(&Scenario::drawn(seed), false);
            let ending = verdict.ending().map_or("killed".to_owned(), |ending| format!("{ending:?}"));
            verdicts.push((seed, ending, verdict.broken.map(|broken| broken.invariant), verdict.length));
        }
    };
    let verdicts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(play_some)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let (mut endings, mut broken) = (BTreeMap::<String, u64>::new(), BTreeMap::<_, Vec<u64>>::new());
    let mut hours = 0;
    for (seed, ending, invariant, length) in verdicts {
        *endings.entry(ending).or_default() += 1;
        hours += length.as_secs() / 60;
        if let Some(invariant) = invariant {
            broken.entry(invariant).or_default().push(seed);
        }
    }
    println!(
        "{seeds} seeds from {first} on in {seconds:.1} s on {cores} cores, {} hours of virtual time",
        hours / 60
    );
    for (ending, count) in endings {
        println!("{count:>9} {ending}");
    }
    for (invariant, seeds) in &mut broken {
        seeds.sort_unstable();
        println!("{:>9} broke {invariant}, first {:?}", seeds.len(), &seeds[..seeds.len().min(100)]);
    }
    for seed in broken.values().filter_map(|seeds| seeds.first()) {
        print(&run(*seed));
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(verdict: &Verdict) {
    println!("seed {}: {:?}", verdict.seed, verdict.broken);
    for fault in &verdict.faults {
        println!("    {fault:?}");
    }
    for line in &verdict.timeline {
        println!("{:>10.3} {}", line.at.as_secs_f64(), line.words);
    }
}
