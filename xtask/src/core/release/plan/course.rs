//! From a plan to the course of the machine that carries it out.

use std::sync::Arc;

use super::{Further, Part, Plan, Strategy};
use crate::core::release::analysis::Settings;
use crate::core::release::machine;
use crate::core::release::machine::{Course, PartCourse, StepCourse, Timing};
use crate::core::release::model::{ReleaseId, Revision};

impl Plan {
    /// What the machine is to do.
    ///
    /// The probability of a wrong rollback is one for the whole release, so every component is told how many streams all of
    /// them have.
    pub fn course(&self) -> Course {
        let streams = self.parts.iter().map(|part| part.measures.objectives.len()).sum::<usize>();
        let settings =
            Settings { bake: self.bake, ..Settings::new(u32::try_from(streams).unwrap_or(u32::MAX)) };
        let before = ReleaseId { environment: self.release.environment.clone(), number: 0 };
        Course {
            release: self.release.clone(),
            previous: self.previous.clone().unwrap_or(before),
            parts: self.parts.iter().map(|part| course(part, &settings)).collect(),
            extras: self.further.iter().map(Further::extra).collect(),
            timing: Timing::default(),
            account: Arc::default(),
            origin: 0,
        }
    }
}

fn course(part: &Part, settings: &Settings) -> PartCourse {
    let strategy = match &part.strategy {
        Strategy::Canary { steps, .. } => machine::Strategy::Canary(
            steps.iter().map(|step| StepCourse { weight: step.weight, gate: step.gate }).collect(),
        ),
        Strategy::Flip | Strategy::Rolling => machine::Strategy::Flip,
    };
    PartCourse {
        name: part.component.clone(),
        old: part.old.clone().unwrap_or_else(|| Revision("".into())),
        new: part.new.clone(),
        strategy,
        objectives: part.measures.objectives.clone(),
        settings: settings.clone(),
    }
}
