//! The release machine in two thousand drawn nights: none breaks an invariant.

use std::sync::atomic::{AtomicU64, Ordering};

use xtask::core::simulation::{Scenario, play, run};

/// How many nights; many more: `cargo bench -p xtask-core --bench simulation -- COUNT FIRST`.
const SEEDS: u64 = 2_000;

#[test]
fn drawn_nights_break_nothing() {
    let next = AtomicU64::new(0);
    let search = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= SEEDS {
            return None;
        }
        if play(&Scenario::drawn(seed), false).broken.is_some() {
            next.store(SEEDS, Ordering::Relaxed);
            return Some(seed);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let broken = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(search)).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).min()
    });
    if let Some(seed) = broken {
        panic!("{}", run(seed).story());
    }
}
