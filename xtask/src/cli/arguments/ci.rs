//! The grammar of `ci`.

use std::path::PathBuf;

use clap::Args;

use super::Run;
use crate::core::fingerprint::Digest;
use crate::core::plan::{Position, SHARDS_MAX};

/// How tasks run, which says nothing where none is run.
const OF_A_RUN: [&str; 9] = [
    "jobs",
    "fail_fast",
    "keep_going",
    "no_cache",
    "force",
    "no_sandbox",
    "strict",
    "offline",
    "write_baseline",
];

#[derive(Debug, Args)]
pub(in crate::cli) struct Ci {
    /// Tasks, by name or by the first words of it: `test`, `lint.backend`
    #[arg(value_name = "TASK")]
    pub(in crate::cli) tasks: Vec<String>,
    /// Name the tasks, and do nothing
    #[arg(long)]
    pub(in crate::cli) list: bool,
    /// Say of each task whether it would run, and why, and do nothing
    #[arg(long, conflicts_with = "list")]
    pub(in crate::cli) explain: bool,
    /// Leave out what no change concerns: of the commits since the base, and of what is not committed
    #[arg(long)]
    pub(in crate::cli) affected: bool,
    /// The branch or commit since which changes count; without it, what GitHub says of its event, else the default branch
    #[arg(long, value_name = "REF", requires = "affected")]
    pub(in crate::cli) base: Option<String>,
    /// Run one of N parts of the tasks, which take about as long as each other, and leave a report of it in
    /// target/xtask/shards/
    #[arg(long, value_name = "I/N", value_parser = position, conflicts_with_all = ["list", "explain", "affected"])]
    pub(in crate::cli) shard: Option<Position>,
    /// The partition by `plan --github-matrix` that this shard is a part of: the tasks are not dealt out here
    #[arg(long, value_name = "DIGEST", value_parser = digest, requires_all = ["shard", "tasks"])]
    pub(in crate::cli) partition: Option<Digest>,
    /// Run nothing: make one result of the reports of all shards, which are files or stand in folders
    #[arg(long, value_name = "REPORT", num_args = 1.., conflicts_with_all = ["list", "explain", "affected", "shard"])]
    #[arg(conflicts_with_all = OF_A_RUN)]
    pub(in crate::cli) merge: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) run: Run,
}

fn position(text: &str) -> Result<Position, String> {
    Position::parse(text).ok_or_else(|| {
        format!("a shard is written I/N, such as 2/3: the second of three, of at most {SHARDS_MAX}")
    })
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "a partition is named by 64 hexadecimal digits".to_owned())
}
