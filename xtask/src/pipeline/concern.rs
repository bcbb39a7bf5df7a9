//! Which tasks a change concerns.

use super::known::own_programs;
use super::{Footprint, Pipeline, Task};
use crate::core::affected::{Changed, with_dependents};
use crate::core::graph::TaskId;
use crate::cx::Cx;
use crate::error::Result;

impl Pipeline {
    /// The ids of the selected tasks that a change concerns: those that read or make something that has changed, those of which
    /// nobody knows what they read, and those that wait for one of them.
    pub fn concerned(&self, cx: &Cx, select: &[String], changed: &[Changed]) -> Result<Vec<TaskId>> {
        let graph = self.select(cx, select)?;
        let mut concerned = Vec::with_capacity(graph.nodes().len());
        for task in self.tasks_of(&graph) {
            concerned.push(match task.reads() {
                Some(footprint) => is_concerned(cx, footprint, changed)?,
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

fn is_concerned(cx: &Cx, footprint: &Footprint, changed: &[Changed]) -> Result<bool> {
    let parsed = footprint.parsed()?;
    if changed.iter().any(|changed| changed.is_among(&parsed.inputs) || changed.is_among(&parsed.outputs)) {
        return Ok(true);
    }
    // Some tools are the repository's own.
    let own = own_programs(cx, footprint);
    let own: Vec<&str> =
        own.iter().filter_map(|path| path.to_str()).map(|path| path.trim_start_matches("./")).collect();
    Ok(changed.iter().any(|changed| own.iter().any(|tool| changed.is_at(tool))))
}
