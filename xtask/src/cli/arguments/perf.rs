//! The options of `cargo xtask perf`.

use std::time::Duration;

use clap::Args;

use super::Run;
use crate::config;
use crate::tasks::perf;

/// The word that stands for no baseline.
const NOTHING: &str = "none";

#[derive(Debug, Args)]
pub(in crate::cli) struct Perf {
    /// A scenario of `[perf.scenarios]`: smoke, load, stress, soak; `smoke` where nothing is named
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// What to compare with: a commit or branch, an image, or `none`; without it, where the history left the branch that the
    /// change is for
    #[arg(long, value_name = "REF|IMAGE")]
    baseline: Option<String>,
    /// When no further pair of runs is begun, `10m`; before `budget` of `[perf]`
    #[arg(long, value_name = "DURATION", value_parser = config::duration)]
    budget: Option<Duration>,
    /// How long one run is, `20s`; before that of the scenario
    #[arg(long, value_name = "DURATION", value_parser = config::duration)]
    duration: Option<Duration>,
    /// Start the servers from the files, also where images were built
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    pub(in crate::cli) run: Run,
}

impl Perf {
    /// How load is made.
    pub(in crate::cli) fn options(&self) -> perf::Options {
        perf::Options {
            scenario: self.scenario.clone(),
            baseline: match self.baseline.as_deref() {
                None => perf::Baseline::Base,
                Some(NOTHING) => perf::Baseline::Nothing,
                Some(name) => perf::Baseline::Named(name.to_owned()),
            },
            budget: self.budget,
            duration: self.duration,
            local: self.local,
        }
    }
}
