//! One part of a run, and one result of all parts.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::git;
use crate::core::fingerprint::Digest;
use crate::core::graph::{Graph, TaskId};
use crate::core::plan::{Position, partition};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::event::{RunEnd, ShardReport};
use crate::pipeline::{Filed, Pipeline};

/// The largest report that is read, in bytes: the output of two thousand failed tasks.
const SIZE_MAX: u64 = 512 << 20;

/// A part of a run, dealt out.
#[derive(Clone, Debug)]
pub struct Dealt {
    /// Which part it is.
    pub shard: Position,
    /// The digest of the partition that it is a part of.
    pub partition: Digest,
    /// The commit of the checkout; `None` where there is none.
    pub commit: Option<String>,
    /// The tasks that it is asked for.
    pub tasks: Vec<TaskId>,
    /// These tasks and what they wait for.
    pub graph: Graph,
}

/// A part of a run of the selected tasks. Where a `planned` partition is named, they are that part of it; otherwise they are
/// dealt out here, by how long tasks took on this machine.
pub fn deal(
    cx: &Cx,
    pipeline: &Pipeline,
    select: &[String],
    shard: Position,
    planned: Option<Digest>,
) -> Result<Dealt> {
    let (tasks, digest) = if let Some(digest) = planned {
        let id =
            |name: &String| TaskId::new(name).ok_or_else(|| Error::usage(format!("`{name}` is no task id")));
        (select.iter().map(id).collect::<Result<Vec<TaskId>>>()?, digest)
    } else {
        let shards = pipeline.shards(cx, select, shard.total())?;
        let digest = partition(shards.iter().map(|shard| shard.tasks.as_slice()));
        let own = shards.into_iter().find(|other| other.shard == shard);
        (own.map(|own| own.tasks).unwrap_or_default(), digest)
    };
    let graph = pipeline.part(cx, &tasks)?;
    Ok(Dealt { shard, partition: digest, commit: git::head(cx)?, tasks, graph })
}

/// Makes one result of the reports at `paths`: files, or folders in which they stand.
pub fn merge(
    cx: &Cx,
    pipeline: &Pipeline,
    select: &[String],
    command: &str,
    paths: &[PathBuf],
) -> Result<RunEnd> {
    let mut reports = Vec::new();
    for path in paths {
        for file in report_files(path)? {
            let report = read(&file)?;
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            reports.push(Filed { folder, report });
        }
    }
    pipeline.merge(cx, select, command, reports, git::head(cx)?.as_deref())
}

/// The files that reports are, at or below `path`.
fn report_files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let place = error.path().unwrap_or(path).display().to_string();
            Error::missing(format!("could not read `{place}`")).source(error)
        })?;
        if entry.file_type().is_file() && entry.file_name() == ShardReport::FILE {
            found.push(entry.into_path());
        }
    }
    if found.is_empty() {
        let message = format!("there is no report of a shard in `{}`", path.display());
        return Err(Error::problems(message)
            .hint("`ci --shard` leaves it in target/xtask/shards/: a folder with a `shard.json`"));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<ShardReport> {
    let place = file.display();
    let size = std::fs::metadata(file).map(|found| found.len()).unwrap_or_default();
    if size > SIZE_MAX {
        return Err(Error::problems(format!("`{place}` is larger than {} MiB", SIZE_MAX >> 20)));
    }
    let bytes = files::read_bytes(file)?;
    // What another version has written may lack what is looked for here: the version says more about that than its absence.
    if let Ok(Version { format }) = serde_json::from_slice(&bytes)
        && format != ShardReport::FORMAT
    {
        return Err(Error::problems(format!("`{place}` was written by another version of xtask"))
            .hint("run all shards, and merge them, on the same commit"));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        let what = if error.is_eof() { "it is cut off" } else { "it is damaged" };
        Error::problems(format!("`{place}` is no report of a shard: {what}"))
            .cause(format!("{place}:{line}:{column}: {words}"))
            .hint("run the job again that has left it")
    })
}

/// As much of a report as tells which form it has.
#[derive(serde::Deserialize)]
struct Version {
    format: u32,
}
