//! The grammar of `rehearse`.

use std::path::PathBuf;

use clap::Args;

use crate::tasks::rehearse;

#[derive(Debug, Args)]
pub(in crate::cli) struct Rehearse {
    /// The environment whose files and components are rehearsed; `production` where it is not given
    #[arg(long, value_name = "NAME", conflicts_with_all = ["seed", "seeds", "list"])]
    environment: Option<String>,
    /// A scenario by its name; `good` where nothing is named
    #[arg(long, value_name = "NAME", conflicts_with_all = ["seed", "seeds"])]
    scenario: Option<String>,
    /// The night of a seed; of one that breaks an invariant, with no more faults than it takes
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "rate"])]
    seed: Option<u64>,
    /// The nights of so many seeds, on all cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["out", "rate"])]
    seeds: Option<u64>,
    /// Name the scenarios, and do nothing
    #[arg(long, conflicts_with_all = ["scenario", "seed", "seeds", "rate", "out"])]
    pub(in crate::cli) list: bool,
    /// Requests a second that are assumed for each component, where the scenario does not say otherwise
    #[arg(long, value_name = "RATE", default_value = "50", value_parser = rate)]
    rate: f64,
    /// Where the picture goes
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
}

impl Rehearse {
    /// What the task is asked for.
    pub(in crate::cli) fn options(self) -> rehearse::Options {
        let nights = match (self.seeds, self.seed, self.scenario) {
            (Some(seeds), _, _) => rehearse::Nights::Seeds(seeds),
            (None, Some(seed), _) => rehearse::Nights::Seed(seed),
            (None, None, scenario) => {
                rehearse::Nights::Named(scenario.unwrap_or_else(|| rehearse::USUAL.to_owned()))
            }
        };
        rehearse::Options { nights, environment: self.environment, rate: self.rate, out: self.out }
    }
}

/// Requests a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number of requests a second, as in 50".to_owned())?;
    if (0.01..=10_000.0).contains(&rate) { Ok(rate) } else { Err("between 0.01 and 10000".to_owned()) }
}
