//! What people ask before a run, and `ci`, which is asked for a part of one. Nothing but a run writes, and a plan to the outputs of a
//! step on GitHub.

use serde_json::{Value, json};

use super::arguments::{Ci, Output, Plan};
use super::run::{RUN_FILES, Session};
use crate::core::plan;
use crate::driver::{files, platform};
use crate::error::{Error, Result};
use crate::event::Body;
use crate::pipeline::Caching;
use crate::tasks::affected::{self, Selection};
use crate::tasks::ci;

impl Session<'_> {
    /// Runs the checks that are selected, or says something about them.
    pub(super) fn ci(&self, ci: Ci) -> Result<u8> {
        let mut select = ci.tasks;
        if ci.affected {
            let pipeline = self.pipeline(&ci::Options::CHECK);
            match affected::select(self.cx(), &pipeline, &select, ci.base.as_deref())? {
                Selection::Tasks(tasks) => select = tasks,
                Selection::Nothing => return self.forget_last_run(),
            }
        }
        if !ci.merge.is_empty() {
            return self.merge(&select, &ci.merge);
        }
        if let Some(shard) = ci.shard {
            return self.shard(&select, &ci.run, shard, ci.partition);
        }
        match (ci.list, ci.explain) {
            (true, _) => self.list(&select),
            (false, true) => self.explain(&select, &ci.run.caching(), true),
            (false, false) => self.run(select, &ci.run, &ci::Options::CHECK),
        }
    }

    /// Takes away what the last run left, so that nothing old is read as new.
    fn forget_last_run(&self) -> Result<u8> {
        for name in RUN_FILES {
            files::remove(&self.cx().output_folder().join(name))?;
        }
        Ok(0)
    }

    /// Says of each selected task whether it would run, and why; with `needs`, also of those that they wait for.
    pub(super) fn explain(&self, select: &[String], caching: &Caching, needs: bool) -> Result<u8> {
        let cx = self.cx();
        let mut plan = self.pipeline(&ci::Options::CHECK).plan(cx, select, None, caching)?;
        let is_named = |planned: &plan::Planned| {
            needs || select.iter().any(|selector| planned.task.is_selected_by(selector))
        };
        plan.tasks.retain(is_named);
        let data = json!({ "format": plan.format, "tasks": in_json(&plan.tasks)? });
        cx.emit(Body::Answer { text: plan.explanation(platform::unix_time()), data });
        Ok(0)
    }

    /// Says what a run would do, in the form that is asked for.
    pub(super) fn plan(&self, arguments: &Plan, output: Output) -> Result<u8> {
        let cx = self.cx();
        let pipeline = self.pipeline(&ci::Options::CHECK);
        if let Some(count) = arguments.github_matrix {
            return self.matrix(&arguments.tasks, count);
        }
        let plan = pipeline.plan(cx, &arguments.tasks, arguments.jobs, &arguments.caching())?;
        let text = match output {
            Output::Dot => plan.dot(),
            Output::Svg => plan.svg(),
            Output::Auto | Output::Plain | Output::Github | Output::Json => plan.text(),
        };
        cx.emit(Body::Answer { text, data: in_json(&plan)? });
        Ok(0)
    }
}

fn in_json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::bug("the plan cannot be written as JSON").source(error))
}
