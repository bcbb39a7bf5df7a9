//! The grammar of `bench`.

use clap::Args;

use crate::tasks::bench;

#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    /// The benchmarks of `[bench.suites]`; all of them where none is named
    #[arg(value_name = "NAME")]
    suites: Vec<String>,
    /// Small sizes, for a quick look; nothing is kept
    #[arg(long)]
    quick: bool,
}

impl Bench {
    /// What the task is asked for.
    pub(in crate::cli) fn options(self) -> bench::Options {
        bench::Options { suites: self.suites, quick: self.quick }
    }
}
