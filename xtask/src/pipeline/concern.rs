//! Which tasks a change concerns.

use super::{Footprint, Pipeline, Task};
use crate::core::affected::{Changed, with_dependents};
use crate::core::graph::TaskId;
use crate::cx::Cx;
use crate::driver::process;
use crate::error::Result;

impl Pipeline {
    /// The ids of the selected tasks that a change concerns: those that read or make something that has changed, those of which
    /// nobody knows what they read, and those that wait for one of them.
    pub fn concerned(&self, cx: &Cx, select: &[String], changed: &[Changed]) -> Result<Vec<TaskId>> {
        let graph = self.select(cx, select)?;
        let mut concerned = Vec::with_capacity(graph.nodes().len());
        for task in self.tasks_of(&graph) {
            concerned.push(match task.reads() {
                Some(footprint) => is_concerned(cx, task.id(), footprint, changed)?,
                None => !changed.is_empty(),
            });
        }
        let all = with_dependents(&graph, concerned);
        let nodes = graph.nodes().iter().zip(all).filter(|(_, is_concerned)| *is_concerned);
        Ok(nodes.map(|(node, _)| node.id.clone()).collect())
    }
}

impl Task {
    /// What it reads and makes, as far as that is known.
    fn reads(&self) -> Option<&Footprint> {
        self.footprint().or(self.concern.as_deref())
    }
}

fn is_concerned(cx: &Cx, task: &str, footprint: &Footprint, changed: &[Changed]) -> Result<bool> {
    let parsed = footprint.parsed()?;
    if changed.iter().any(|changed| changed.is_among(&parsed.inputs) || changed.is_among(&parsed.outputs)) {
        return Ok(true);
    }
    // Some tools are the repository's own.
    let variables = cx.environment().for_commands(&cx.config().declared_env(task));
    let own = footprint.programs().into_iter().filter_map(|tool| {
        let path = process::find(tool.as_ref().as_ref(), &variables, cx.root()).ok()?;
        Some(path.strip_prefix(cx.root()).ok()?.to_str()?.trim_start_matches("./").to_owned())
    });
    let own: Vec<String> = own.collect();
    Ok(changed.iter().any(|changed| own.iter().any(|tool| changed.is_at(tool))))
}
