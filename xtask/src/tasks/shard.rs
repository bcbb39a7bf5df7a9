//! One part of a run, and one result of all parts.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::affected::{self, Asked, Scope};
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

/// The `shard` of a run of `part`, which is dealt out here, by how long tasks took on this machine.
pub fn deal(cx: &Cx, pipeline: &Pipeline, part: &Graph, shard: Position) -> Result<Dealt> {
    let shards = Pipeline::shards(cx, part, shard.total());
    let digest = partition(shards.iter().map(|shard| shard.tasks.as_slice()));
    let own = shards.into_iter().find(|other| other.shard == shard);
    dealt(cx, pipeline, shard, digest, own.map(|own| own.tasks).unwrap_or_default())
}

/// The `shard` of a partition that was planned: these tasks.
pub fn planned(
    cx: &Cx,
    pipeline: &Pipeline,
    tasks: &[String],
    shard: Position,
    partition: Digest,
) -> Result<Dealt> {
    let id = |name: &String| TaskId::new(name).ok_or_else(|| Error::usage(format!("`{name}` is no task id")));
    dealt(cx, pipeline, shard, partition, tasks.iter().map(id).collect::<Result<_>>()?)
}

fn dealt(
    cx: &Cx,
    pipeline: &Pipeline,
    shard: Position,
    partition: Digest,
    tasks: Vec<TaskId>,
) -> Result<Dealt> {
    let graph = pipeline.part(cx, &tasks)?;
    Ok(Dealt { shard, partition, commit: git::head(cx)?, tasks, graph })
}

/// Makes one result of the reports at `paths`: files, or folders in which they stand. What is asked for decides which tasks they
/// have to tell of.
///
/// Where no task is concerned by a change, no machine need have been started: then it does not matter that there is no report,
/// nor the folder for it.
pub fn merge(
    cx: &Cx,
    pipeline: &Pipeline,
    asked: &Asked,
    command: &str,
    paths: &[PathBuf],
) -> Result<RunEnd> {
    let mut reports = Vec::new();
    let mut lacking = None;
    for path in paths {
        match report_files(path)? {
            Ok(files) => {
                for file in files {
                    let report = read(&file)?;
                    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
                    reports.push(Filed { folder, report });
                }
            }
            Err(nothing) => lacking = lacking.or(Some(nothing)),
        }
    }
    let part = affected::part(cx, pipeline, asked, &places(cx, &reports))?;
    let needs_none = asked.scope != Scope::Whole && part.nodes().is_empty();
    if let Some(lacking) = lacking.filter(|_| !needs_none) {
        return Err(lacking);
    }
    Pipeline::merge(cx, &part, command, reports, git::head(cx)?.as_deref())
}

/// The folders of reports that stand in the repository, relative to its root: that they were brought here is no change of it.
fn places(cx: &Cx, reports: &[Filed]) -> Vec<String> {
    let Ok(root) = cx.root().canonicalize() else { return Vec::new() };
    let place = |filed: &Filed| {
        let folder = filed.folder.canonicalize().ok()?;
        let place = folder.strip_prefix(&root).ok()?.to_str()?.to_owned();
        // Beside a report at the root stands everything else.
        (!place.is_empty()).then_some(place)
    };
    reports.iter().filter_map(place).collect()
}

/// The files that reports are, at or below `path`; the inner error says that there is none.
fn report_files(path: &Path) -> Result<std::result::Result<Vec<PathBuf>, Error>> {
    if path.is_file() {
        return Ok(Ok(vec![path.to_owned()]));
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let is_absent = error.depth() == 0
                    && error.io_error().is_some_and(|error| error.kind() == ErrorKind::NotFound);
                let place = error.path().unwrap_or(path).display().to_string();
                let error = Error::missing(format!("could not read `{place}`")).source(error);
                return if is_absent { Ok(Err(error)) } else { Err(error) };
            }
        };
        if entry.file_type().is_file() && entry.file_name() == ShardReport::FILE {
            found.push(entry.into_path());
        }
    }
    if found.is_empty() {
        let message = format!("there is no report of a shard in `{}`", path.display());
        return Ok(Err(Error::problems(message)
            .hint("`ci --shard` leaves it in target/xtask/shards/: a folder with a `shard.json`")));
    }
    Ok(Ok(found))
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
