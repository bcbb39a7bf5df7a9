//! A run in parts: one of them, which leaves a report, and one result of all reports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::Run;
use super::run::{RUN_FILES, Session, command_line};
use crate::core::graph::{Graph, TaskId};
use crate::core::plan::{partition, without_empty};
use crate::driver::files;
use crate::error::{Error, Result};
use crate::event::{Body, RunEnd, ShardReport, Sink};
use crate::pipeline::{Options, Pipeline};
use crate::tasks::affected::Asked;
use crate::tasks::shard::{self, Dealt};
use crate::ui::shard::Collector;

/// The folder of the reports, in the output folder.
const SHARDS: &str = "shards";

impl Session<'_> {
    /// Prints a matrix of jobs, each with some tasks of `part`; one without entries where it has none.
    pub(super) fn matrix(&self, part: &Graph, count: u32) -> Result<u8> {
        let cx = self.cx();
        // A job without tasks has nothing to be started for.
        let shards = without_empty(Pipeline::shards(cx, part, count));
        let digest = partition(shards.iter().map(|shard| shard.tasks.as_slice()));
        let include: Vec<Value> = shards
            .iter()
            .map(|shard| {
                let tasks: Vec<&str> = shard.tasks.iter().map(TaskId::as_str).collect();
                json!({
                    "shard": shard.shard,
                    "tasks": tasks.join(" "),
                    "estimated_ms": shard.estimated_ms,
                    "partition": digest,
                })
            })
            .collect();
        let data = json!({ "include": include });
        if let Some(job) = self.job() {
            job.output("matrix", &data.to_string())?;
        }
        cx.emit(Body::Answer { text: format!("{data}\n"), data });
        Ok(0)
    }

    /// Runs what was dealt out to one shard, and leaves a report of it.
    pub(super) fn shard(&self, pipeline: &Pipeline, dealt: &Dealt, run: &Run) -> Result<u8> {
        let cx = self.cx();
        if dealt.tasks.is_empty() {
            let shard = dealt.shard;
            cx.note(format!("shard {shard} has no task: fewer are dealt out than there are shards"));
        }
        let folder = cx.output_folder().join(SHARDS).join(dealt.shard.folder());
        let collector = Arc::new(Collector::default());
        let options = Options { keeps_times: false, ..run.options() };
        self.recorded(
            || {
                // What an earlier run has left is not read as what this one does, whatever becomes of it.
                files::remove(&folder)?;
                cx.add_sink(Arc::clone(&collector) as Arc<dyn Sink>);
                pipeline.run_part(cx, &dealt.graph, &options)
            },
            |end| self.leave_report(&folder, dealt, end, &collector),
        )
    }

    /// Writes the report, with what the run has left for people beside it. `shard.json` comes last: where it is, all is.
    fn leave_report(&self, folder: &Path, dealt: &Dealt, end: &RunEnd, collector: &Collector) -> Result<()> {
        let report = ShardReport {
            format: ShardReport::FORMAT,
            shard: dealt.shard,
            partition: dealt.partition,
            commit: dealt.commit.clone(),
            dealt: dealt.tasks.clone(),
            command: self.cx().mask().text(&command_line()),
            unix_time: collector.unix_time(),
            jobs: collector.jobs(),
            duration: end.duration,
            interrupted: end.interrupted,
            exit_code: end.exit_code,
            tasks: collector.tasks(end),
        };
        let output = self.cx().output_folder();
        for name in RUN_FILES.into_iter().chain(["logs"]) {
            files::copy_all(&output.join(name), &folder.join(name))?;
        }
        let mut bytes = serde_json::to_vec_pretty(&report)
            .map_err(|error| Error::bug("the report cannot be written as JSON").source(error))?;
        bytes.push(b'\n');
        files::write(&folder.join(ShardReport::FILE), &bytes)
    }

    /// Makes one run of the reports of all shards of what is asked for.
    pub(super) fn merge(&self, pipeline: &Pipeline, asked: &Asked, reports: &[PathBuf]) -> Result<u8> {
        let work = || shard::merge(self.cx(), pipeline, asked, &command_line(), reports);
        self.recorded(work, |_| Ok(()))
    }
}
