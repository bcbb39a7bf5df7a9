//! What one part of a run leaves for whoever makes one result of all parts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{TaskEnd, milliseconds};
use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::Said;
use crate::core::graph::TaskId;
use crate::core::plan::Position;

/// The report of a shard, as it stands in its file `shard.json`: which one it is, and everything that is said again when the
/// reports of all shards are merged. It holds no secrets: what is in it was masked when it was said.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShardReport {
    /// [`ShardReport::FORMAT`].
    pub format: u32,
    /// Which part of the run it is.
    pub shard: Position,
    /// The digest of the partition that it is a part of.
    pub partition: Digest,
    /// The commit of the checkout; `None` where there is none.
    pub commit: Option<String>,
    /// The tasks that it was asked for; what they wait for has run as well.
    pub dealt: Vec<TaskId>,
    /// The command line.
    pub command: String,
    /// When it began, in seconds since 1970.
    pub unix_time: u64,
    /// How many cores its tasks could keep busy.
    pub jobs: u32,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// Whether it was asked to end before its time.
    pub interrupted: bool,
    /// Its exit code.
    pub exit_code: u8,
    /// Its tasks, in the order of the graph.
    pub tasks: Vec<Told>,
}

/// How a task of a shard ended, and what it said.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Told {
    /// How it ended.
    pub end: TaskEnd,
    /// What it found, tested and noted; its log stands beside the report.
    pub said: Said,
}

impl ShardReport {
    /// The version of the form; it rises when a field changes its meaning or goes away. Fields are added without that.
    pub const FORMAT: u32 = 1;

    /// The name of its file.
    pub const FILE: &str = "shard.json";
}
