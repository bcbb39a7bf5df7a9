//! A plan as a picture. What would become of a task is said by a word and by a colour; the chain that takes longest is drawn
//! thick.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Outlook, Plan, Planned};
use crate::drawing::{Box, Drawing};
use crate::graph::TaskId;
use crate::text;

impl Plan {
    /// For Graphviz.
    pub fn dot(&self) -> String {
        self.drawing().dot()
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        self.drawing().svg()
    }

    fn drawing(&self) -> Drawing {
        let index: BTreeMap<&TaskId, usize> =
            self.tasks.iter().enumerate().map(|(position, planned)| (&planned.task, position)).collect();
        let lines = self.tasks.iter().enumerate().flat_map(|(to, planned)| {
            let before = planned.after.iter().filter_map(|id| Some((id, *index.get(id)?)));
            before.map(move |(id, from)| (from, to, self.is_critical(id, &planned.task)))
        });
        let boxes = self.tasks.iter().map(|planned| Box {
            id: planned.task.to_string(),
            label: planned.task.to_string(),
            detail: planned.state(),
            tip: planned.reason(),
            colours: colours(&planned.outlook),
            is_thick: self.critical_path.contains(&planned.task),
        });
        Drawing { name: "plan", title: self.title(), boxes: boxes.collect(), lines: lines.collect() }
    }

    fn title(&self) -> String {
        let run = self.tasks.iter().filter(|planned| planned.outlook.runs()).count();
        let time = text::duration(Duration::from_millis(self.estimated_ms));
        format!("{run} of {} would run, about {time}", text::count(self.tasks.len(), "task"))
    }

    fn is_critical(&self, before: &TaskId, task: &TaskId) -> bool {
        self.critical_path.windows(2).any(|pair| pair[0] == *before && pair[1] == *task)
    }
}

impl Planned {
    /// What would become of it, and how long that takes.
    fn state(&self) -> String {
        let word = self.outlook.word();
        if self.outlook.runs() {
            format!("{word}, {}", text::duration(Duration::from_millis(self.estimated_ms)))
        } else {
            word.to_owned()
        }
    }
}

/// The colours of a box and of its border.
const fn colours(outlook: &Outlook) -> (&'static str, &'static str) {
    match outlook {
        Outlook::Hit { .. } => ("#dafbe1", "#1a7f37"),
        Outlook::Miss { .. } => ("#ddf4ff", "#0969da"),
        Outlook::Uncached { .. } => ("#f6f8fa", "#57606a"),
        Outlook::Unreadable { .. } => ("#ffebe9", "#cf222e"),
    }
}
