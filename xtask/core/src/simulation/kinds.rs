//! Kinds of releases: what makes of the usual one a first one, an adoption, one with a gate, a worker, a migration.

use std::time::Duration;

use super::job::JobNature;
use super::scenario::Scenario;
use crate::release::machine::{Course, Extra, Intent, MigrationCourse, Strategy};
use crate::release::migration::Migration;
use crate::release::model::{Content, ReleaseId};

impl Scenario {
    /// The same with a gate after the last step.
    pub fn with_gate(mut self) -> Self {
        self.course = self.course.with_gate();
        self
    }

    /// An adoption of what the release was to be.
    pub fn with_adoption(mut self) -> Self {
        self.intent = Intent::Adopt;
        self.course = self.course.adoption();
        self.with_adopted()
    }

    /// The same where the last component is a worker without requests, replaced pod by pod.
    pub fn with_worker(mut self) -> Self {
        if let Some(setup) = self.setups.last_mut() {
            setup.rate = 0.0;
        }
        self.course = self.course.with_worker();
        self
    }

    /// The same with a Job that expands the database and one that contracts it, of which one may fail.
    pub fn with_migrations(mut self, failing: Option<usize>) -> Self {
        self.course = self.course.with_migrations();
        let nature = |index| JobNature { takes: Duration::from_secs(30), fails: failing == Some(index) };
        self.jobs = (0..self.course.migrations.len()).map(nature).collect();
        self
    }

    /// The same where what runs came to be before there were slots.
    pub fn with_adopted(mut self) -> Self {
        self.course.parts.iter_mut().for_each(|part| part.is_adopted = true);
        self
    }

    /// The same where nothing has been released yet.
    pub fn first(mut self) -> Self {
        self.course = self.course.first();
        self
    }

    /// The same release with further objects.
    pub fn with_extras(mut self) -> Self {
        self.course.extras = extras();
        self
    }
}

impl Course {
    /// The same with a gate after the last step of each canary.
    pub(super) fn with_gate(mut self) -> Self {
        for part in &mut self.parts {
            if let Strategy::Canary(steps) = &mut part.strategy
                && let Some(last) = steps.last_mut()
            {
                last.gate = true;
            }
        }
        self
    }

    /// Whether a person is asked on the way.
    pub(super) fn asks(&self) -> bool {
        self.parts.iter().any(|part| part.steps().iter().any(|step| step.gate))
    }

    /// Writing down what runs, of which nothing changes.
    pub(super) fn adoption(mut self) -> Self {
        let release = ReleaseId { number: 0, ..self.release };
        (self.release, self.previous) = (release, None);
        self.parts.iter_mut().for_each(|part| part.old = Some(part.new.clone()));
        self
    }

    /// The same where the last component is a worker without requests, replaced pod by pod.
    pub(super) fn with_worker(mut self) -> Self {
        if let Some(part) = self.parts.last_mut() {
            part.strategy = Strategy::Rolling;
            part.objectives.clear();
        }
        self
    }

    /// The same with a Job that expands the database, and one that contracts it.
    pub(super) fn with_migrations(mut self) -> Self {
        let job = |name: &str, kind| MigrationCourse { name: name.into(), kind };
        self.migrations =
            vec![job("Job expand", Migration::Expand), job("Job contract", Migration::Contract)];
        self
    }

    /// The same where nothing has been released yet.
    pub(super) fn first(mut self) -> Self {
        self.previous = None;
        self.parts.iter_mut().for_each(|part| part.old = None);
        self
    }
}

/// Further objects of every kind: one that stays, one that changes, one that goes by its content, and two workloads, of which
/// the second is new.
fn extras() -> Vec<Extra> {
    let content = |text: &str| Content(text.into());
    let extra = |name: &str, old: Option<&str>, new: &str| Extra {
        name: name.into(),
        old: old.map(content),
        new: content(new),
        idle: None,
        is_immutable: false,
        late: false,
    };
    let workload = |extra: Extra| Extra { idle: Some(content("idle")), late: true, ..extra };
    vec![
        extra("PodDisruptionBudget backend", Some("one"), "one"),
        extra("NetworkPolicy backend", Some("one"), "two"),
        Extra { is_immutable: true, ..extra("ConfigMap settings-two", None, "two") },
        workload(extra("CronJob nightly", Some("one"), "two")),
        workload(extra("Deployment worker", None, "two")),
    ]
}
