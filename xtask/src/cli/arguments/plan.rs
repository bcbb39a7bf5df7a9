//! The grammar of what people ask before a run: what it would do, and why.

use clap::Args;

use super::Choice;
use crate::pipeline::Caching;

#[derive(Debug, Args)]
pub(in crate::cli) struct Explain {
    /// Tasks, by name or by the first words of it: `test`, `lint.backend`
    #[arg(value_name = "TASK", required = true)]
    pub(in crate::cli) tasks: Vec<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Plan {
    #[command(flatten)]
    pub(in crate::cli) choice: Choice,
    /// How many cores tasks may keep busy; as many as the machine has where it is not given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) jobs: Option<u32>,
    /// As if no stored result were looked for
    #[arg(long)]
    no_cache: bool,
    /// As if these tasks ran whatever is stored: `test`, `lint.backend`
    #[arg(long, value_name = "TASK")]
    force: Vec<String>,
    /// Print a matrix of N jobs for GitHub Actions, each with a part of the tasks that takes about as long as the others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    #[arg(conflicts_with_all = ["jobs", "no_cache", "force"])]
    pub(in crate::cli) github_matrix: Option<u32>,
}

impl Plan {
    /// How stored results would be used.
    pub(in crate::cli) fn caching(&self) -> Caching {
        Caching { off: self.no_cache, force: self.force.clone(), ..Caching::default() }
    }
}
