//! A cluster in virtual time, and bad nights in it: what the release machine is tried against, and what `rehearse` shows.
//!
//! Everything follows from one seed. The cluster has the objects of a release with their versions, controllers that follow
//! them, pods that start and crash, users with connections that they keep, and autoscalers. Deployers talk to it through
//! effects that can be lost, late, done twice or never answered; they are killed, put to sleep, and started twice. Faults
//! come first, then calm; then an end is demanded.
//!
//! - [`cluster`], [`component`], [`pod`], [`traffic`]: what is there, and what it does by itself.
//! - [`nature`], [`job`]: what a revision and a Job are like. [`fault`]: what goes wrong. [`scenario`]: both together, by name
//!   or by seed.
//! - [`play`]: one night. [`invariant`]: what must hold in it. [`verdict`]: how it went.
//! - `draw` draws the faults, `trouble` lets them happen, `exchange` carries writes and answers, `watch` watches.

pub mod cluster;
pub mod component;
mod deployer;
mod draw;
mod exchange;
pub mod fault;
pub mod figures;
pub mod invariant;
pub mod job;
mod kinds;
pub mod nature;
pub mod pod;
mod queue;
pub mod random;
pub mod recording;
pub mod rehearsal;
pub mod scenario;
pub mod scrape;
pub mod statistics;
#[cfg(test)]
mod tests;
pub mod traffic;
mod trouble;
pub mod verdict;
mod watch;
mod words;
mod world;

use crate::release::machine::Machine;

pub use deployer::{Begin, Deployer};
pub use invariant::{Broken, Invariant};
pub use nature::Nature;
pub use scenario::Scenario;
pub use verdict::Verdict;
pub use world::{play, play_with};

/// Plays the night of a seed. One that breaks an invariant is played again with fewer faults, one less each time as long as
/// it still breaks that one, and comes with its timeline.
pub fn run(seed: u64) -> Verdict {
    run_with(seed, &Machine::new)
}

/// The same with other deployers.
pub fn run_with<D: Deployer>(seed: u64, begin: &Begin<D>) -> Verdict {
    let scenario = Scenario::drawn(seed);
    let verdict = play_with(&scenario, begin, false);
    match verdict.broken {
        Some(broken) => shrunk(scenario, broken.invariant, begin),
        None => verdict,
    }
}

/// The night of a seed with everything that happened; of one that breaks an invariant, with no more faults than it takes.
pub fn replay(seed: u64) -> Verdict {
    let verdict = run(seed);
    if verdict.broken.is_none() { play(&Scenario::drawn(seed), true) } else { verdict }
}

/// Takes faults away that are not needed to break this invariant.
fn shrunk<D: Deployer>(mut scenario: Scenario, invariant: Invariant, begin: &Begin<D>) -> Verdict {
    let breaks = |scenario: &Scenario| {
        play_with(scenario, begin, false).broken.is_some_and(|broken| broken.invariant == invariant)
    };
    let mut index = 0;
    while index < scenario.faults.len() {
        let fault = scenario.faults.remove(index);
        if !breaks(&scenario) {
            scenario.faults.insert(index, fault);
            index += 1;
        }
    }
    play_with(&scenario, begin, true)
}
