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
use crate::tasks::affected::{self, Scope};
use crate::tasks::{ci, shard};

impl Session<'_> {
    /// Runs the checks that are selected, or says something about them.
    pub(super) fn ci(&self, ci: Ci) -> Result<u8> {
        let cx = self.cx();
        let pipeline = self.pipeline(&ci::Options::CHECK);
        let asked = ci.choice.asked();
        if !ci.merge.is_empty() {
            return self.merge(&pipeline, &asked, &ci.merge);
        }
        if let (Some(shard), Some(partition)) = (ci.shard, ci.partition) {
            let dealt = shard::planned(cx, &pipeline, &asked.tasks, shard, partition)?;
            return self.shard(&pipeline, &dealt, &ci.run);
        }
        let part = affected::part(cx, &pipeline, &asked, &[])?;
        if let Some(shard) = ci.shard {
            let dealt = shard::deal(cx, &pipeline, &part, shard)?;
            return self.shard(&pipeline, &dealt, &ci.run);
        }
        match (ci.list, ci.explain) {
            (true, _) => Ok(self.list(&pipeline, &part)),
            (false, true) => {
                let plan = pipeline.plan(cx, &part, None, &ci.run.caching())?;
                self.tell_why(&plan)
            }
            (false, false) if asked.scope != Scope::Whole && part.nodes().is_empty() => {
                self.forget_last_run()
            }
            (false, false) => self.run_part(pipeline, part, &ci.run),
        }
    }

    /// Takes away what the last run left, so that nothing old is read as new.
    fn forget_last_run(&self) -> Result<u8> {
        for name in RUN_FILES {
            files::remove(&self.cx().output_folder().join(name))?;
        }
        Ok(0)
    }

    /// Says of each selected task whether it would run, and why.
    pub(super) fn explain(&self, select: &[String]) -> Result<u8> {
        let cx = self.cx();
        let pipeline = self.pipeline(&ci::Options::CHECK);
        let part = pipeline.select(cx, select)?;
        let mut plan = pipeline.plan(cx, &part, None, &Caching::default())?;
        plan.tasks.retain(|planned| select.iter().any(|selector| planned.task.is_selected_by(selector)));
        self.tell_why(&plan)
    }

    fn tell_why(&self, plan: &plan::Plan) -> Result<u8> {
        let data = json!({ "format": plan.format, "tasks": in_json(&plan.tasks)? });
        self.cx().emit(Body::Answer { text: plan.explanation(platform::unix_time()), data });
        Ok(0)
    }

    /// Says what a run would do, in the form that is asked for.
    pub(super) fn plan(&self, arguments: Plan, output: Output) -> Result<u8> {
        let cx = self.cx();
        let pipeline = self.pipeline(&ci::Options::CHECK);
        let caching = arguments.caching();
        let part = affected::part(cx, &pipeline, &arguments.choice.asked(), &[])?;
        if let Some(count) = arguments.github_matrix {
            return self.matrix(&part, count);
        }
        let plan = pipeline.plan(cx, &part, arguments.jobs, &caching)?;
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
