//! One result from the reports of all shards of a run: what they say is said again, and what they do not say is said as well.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use super::Pipeline;
use super::durations::Durations;
use super::run::verdict;
use crate::core::fingerprint::entry::Said;
use crate::core::graph::{Graph, TaskId};
use crate::core::plan::Position;
use crate::core::plan::merge::{Disagreement, Statement, missing};
use crate::core::text::count;
use crate::cx::Cx;
use crate::driver::platform;
use crate::error::{Error, Result};
use crate::event::{Body, FORMAT, RunEnd, Scheduled, ShardReport, Status, TaskEnd, Told};

/// How many tasks an error names.
const NAMED_MAX: usize = 20;

/// The report of a shard, and where it was found.
#[derive(Clone, Debug)]
pub struct Filed {
    /// The folder that it stands in, with the logs of its tasks.
    pub folder: PathBuf,
    /// The report.
    pub report: ShardReport,
}

impl Pipeline {
    /// Makes one run of the reports of its shards. `part` is the part of its graph that was dealt out, `checkout` is the commit of
    /// the checkout that says which tasks there are.
    ///
    /// A task that ran in several shards counts as it ended worst. The run does not pass where a shard has left no report, or a
    /// task of the run is in none; of a part without tasks there may be no report at all. How long tasks took is remembered, as
    /// after a run.
    ///
    /// # Errors
    ///
    /// Where the reports are not those of one run of this pipeline on this commit.
    pub fn merge(
        cx: &Cx,
        part: &Graph,
        command: &str,
        mut reports: Vec<Filed>,
        checkout: Option<&str>,
    ) -> Result<RunEnd> {
        let statements: Vec<Statement> = reports.iter().map(Filed::statement).collect();
        let missing = if part.nodes().is_empty() && statements.is_empty() {
            Vec::new()
        } else {
            missing(&statements, checkout).map_err(|error| refused(&error))?
        };
        reports.sort_by_key(|filed| filed.report.shard);
        let worst = worst(part, &reports)?;
        let all = || reports.iter().map(|filed| &filed.report);
        cx.emit(Body::RunStarted {
            format: FORMAT,
            command: cx.mask().text(command),
            unix_time: all().map(|report| report.unix_time).min().unwrap_or_else(platform::unix_time),
            tasks: part.nodes().len(),
            jobs: all().map(|report| report.jobs).fold(0, u32::saturating_add),
            graph: part.nodes().iter().map(Scheduled::from).collect(),
        });
        let mut durations = Durations::load(cx);
        let mut tasks = Vec::with_capacity(part.nodes().len());
        let mut untold = Vec::new();
        for node in part.nodes() {
            let (end, said) = if let Some((filed, told)) = worst.get(&node.id) {
                (filed.end(&told.end), told.said.clone())
            } else {
                untold.push(&node.id);
                (untold_end(&node.id), Said::default())
            };
            cx.say_again(&node.id, &said);
            durations.record(&end);
            cx.emit(Body::TaskFinished(end.clone()));
            tasks.push(end);
        }
        durations.save(cx);
        let interrupted = all().any(|report| report.interrupted);
        let mut failures = failures(&missing, &untold);
        if verdict(&tasks, &failures, interrupted) == 0 {
            // A report that is not of one mind with itself makes nothing green.
            failures.extend(all().filter(|report| report.exit_code != 0).map(|report| {
                let (shard, code) = (report.shard, report.exit_code);
                let message =
                    format!("shard {shard} ended with exit code {code}, and its report does not say why");
                Error::problems(message)
            }));
        }
        let path = part.critical_path(|task| tasks[task].duration);
        let end = RunEnd {
            duration: all().map(|report| report.duration).max().unwrap_or_default(),
            exit_code: verdict(&tasks, &failures, interrupted),
            critical_path: path.into_iter().map(|task| part.nodes()[task].id.clone()).collect(),
            tasks,
            interrupted,
            failures,
        };
        cx.emit(Body::RunFinished(end.clone()));
        Ok(end)
    }
}

/// For each task that a report tells of the one that tells the worst of it; of several such, the first.
fn worst<'r>(graph: &Graph, reports: &'r [Filed]) -> Result<BTreeMap<&'r TaskId, (&'r Filed, &'r Told)>> {
    let known: HashSet<&TaskId> = graph.nodes().iter().map(|node| &node.id).collect();
    let mut worst: BTreeMap<&TaskId, (&Filed, &Told)> = BTreeMap::new();
    for filed in reports {
        for told in &filed.report.tasks {
            let task = &told.end.task;
            if !known.contains(task) {
                let message = format!("`{}` tells of `{task}`, which is not part of this run", filed.place());
                return Err(Error::refused(message).hint(
                    "name the tasks, `--affected` and `--base` as they were when the shards were dealt out",
                ));
            }
            let worst = worst.entry(task).or_insert((filed, told));
            if gravity(&told.end) > gravity(&worst.1.end) {
                *worst = (filed, told);
            }
        }
    }
    Ok(worst)
}

/// What the reports do not tell.
fn failures(missing: &[Position], untold: &[&TaskId]) -> Vec<Error> {
    let mut failures = Vec::new();
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let (noun, verb) = if names.len() == 1 { ("shard", "has") } else { ("shards", "have") };
        failures.push(
            Error::problems(format!("{noun} {} {verb} left no report", names.join(", ")))
                .hint("look at the job that ran it, and run it again"),
        );
    }
    if !untold.is_empty() {
        let named: Vec<String> = untold.iter().take(NAMED_MAX).map(|task| format!("`{task}`")).collect();
        let rest = match untold.len() - named.len() {
            0 => String::new(),
            rest => format!(", and {}", count(rest, "more task")),
        };
        failures.push(Error::problems(format!("no report tells of {}{rest}", named.join(", "))));
    }
    failures
}

impl Filed {
    fn place(&self) -> String {
        self.folder.join(ShardReport::FILE).display().to_string()
    }

    fn statement(&self) -> Statement {
        let ShardReport { shard, partition, commit, dealt, .. } = &self.report;
        Statement {
            place: self.place(),
            shard: *shard,
            partition: *partition,
            commit: commit.clone(),
            dealt: dealt.clone(),
        }
    }

    /// The end of one of its tasks, with the logs that stand beside the report: those of the other machine are not here.
    fn end(&self, end: &TaskEnd) -> TaskEnd {
        let here = |log: &Option<PathBuf>| {
            let path = self.folder.join("logs").join(log.as_ref()?.file_name()?);
            path.is_file().then_some(path)
        };
        let mut end = TaskEnd { log: here(&end.log), ..end.clone() };
        for attempt in &mut end.earlier {
            attempt.log = here(&attempt.log);
        }
        end
    }
}

/// The end of a task of which nobody knows how it ended.
fn untold_end(task: &TaskId) -> TaskEnd {
    TaskEnd {
        failure: Some(Error::problems("no report tells of it")),
        ..TaskEnd::new(task.clone(), Status::Skipped, Duration::ZERO)
    }
}

/// How bad the end of a task is, for one that ran in several shards.
fn gravity(end: &TaskEnd) -> u8 {
    match end.status {
        Status::Passed => u8::from(end.is_flaky()),
        Status::Skipped => 2,
        Status::Interrupted => 3,
        Status::TimedOut => 4,
        Status::Failed => 5,
    }
}

fn refused(error: &Disagreement) -> Error {
    let hint = match error {
        Disagreement::Nothing => "name the folders that the reports of all shards stand in",
        Disagreement::Twice { .. } => "leave one of them out: of a job that ran again, the later one counts",
        Disagreement::Partitions { .. } | Disagreement::OtherTasks => {
            "let one `plan --github-matrix` deal all shards out, and give each job its `tasks` and its `partition`"
        }
        Disagreement::Commits { .. } | Disagreement::Checkout { .. } => {
            "run all shards, and merge them, on the same commit"
        }
    };
    Error::refused(error.to_string()).hint(hint)
}
