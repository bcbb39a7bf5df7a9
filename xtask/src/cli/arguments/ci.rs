//! The grammar of `ci`.

use std::path::PathBuf;

use clap::Args;

use super::{Choice, Run};
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
    #[command(flatten)]
    pub(in crate::cli) choice: Choice,
    /// Name the tasks, and do nothing
    #[arg(long)]
    pub(in crate::cli) list: bool,
    /// Say of each task whether it would run, and why, and do nothing
    #[arg(long, conflicts_with = "list")]
    pub(in crate::cli) explain: bool,
    /// Run one of N parts of the tasks, which take about as long as each other, and leave a report of it in
    /// target/xtask/shards/
    #[arg(long, value_name = "I/N", value_parser = position, conflicts_with_all = ["list", "explain"])]
    pub(in crate::cli) shard: Option<Position>,
    /// The partition by `plan --github-matrix` that this shard is a part of: the tasks are not dealt out here
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    #[arg(requires_all = ["shard", "tasks"], conflicts_with = "affected")]
    pub(in crate::cli) partition: Option<Digest>,
    /// Run nothing: make one result of the reports of all shards, which are files or stand in folders
    #[arg(long, value_name = "REPORT", num_args = 1.., conflicts_with_all = ["list", "explain", "shard"])]
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
