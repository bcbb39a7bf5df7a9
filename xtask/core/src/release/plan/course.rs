//! From a plan to the course of the machine that carries it out.

use std::sync::Arc;

use serde_json::Value;

use super::{Further, Identity, Part, Plan, Strategy};
use crate::mask::Mask;
use crate::release::analysis::Settings;
use crate::release::freeze::UnixSeconds;
use crate::release::ledger::{Account, Line, Piece, Unstorable};
use crate::release::machine;
use crate::release::machine::{Course, MigrationCourse, PartCourse, Timing};
use crate::release::migration;
use crate::release::slots::Derived;

impl Plan {
    /// What the machine is to do.
    ///
    /// The probability of a wrong rollback is one for the whole release, so every component is told how many streams all of
    /// them have.
    ///
    /// `account` is what the ledger says of it, `origin` the time at which the machine's clock stands at zero.
    pub fn course(&self, account: Account, origin: UnixSeconds) -> Course {
        let streams = self.parts.iter().map(|part| part.measures.objectives.len()).sum::<usize>();
        let settings =
            Settings { bake: self.bake, ..Settings::new(u32::try_from(streams).unwrap_or(u32::MAX)) };
        Course {
            release: self.release.clone(),
            previous: self.previous.clone(),
            parts: self.parts.iter().map(|part| course(part, &settings)).collect(),
            migrations: self.migrations.iter().map(migration_course).collect(),
            extras: self.further.iter().map(Further::extra).collect(),
            timing: Timing::default(),
            account: Arc::new(account),
            origin,
        }
    }

    /// What the ledger is to say of it: `derived` is what it was made from, `who` begins it, and `mask` takes secrets out of
    /// their words.
    ///
    /// # Errors
    ///
    /// When the manifests cannot be kept.
    pub fn account(&self, derived: &Derived, who: &str, mask: &Mask) -> Result<Account, Unstorable> {
        let payloads = derived.payloads()?;
        let piece = |part: &Part| {
            let (component, payload) =
                payloads.components.iter().find(|(component, _)| *component == part.component)?;
            let payload = payload.name.clone();
            Some(Piece { component: component.clone(), revision: part.new.clone(), payload })
        };
        Ok(Account {
            pieces: self.parts.iter().filter_map(piece).collect(),
            objects: payloads.rest.as_ref().map(|payload| payload.name.clone()),
            commit: self.commit.as_deref().map(Arc::from),
            who: Line::new(who, mask),
            contracts: self.contracts,
            unfrozen: self.freeze_overridden.as_ref().map(|freeze| Line::new(&freeze.reason, mask)),
            ..Account::default()
        })
    }
}

fn migration_course(job: &Value) -> MigrationCourse {
    MigrationCourse { name: Identity::of(job).to_string().into(), kind: migration::of(job) }
}

fn course(part: &Part, settings: &Settings) -> PartCourse {
    let strategy = match &part.strategy {
        Strategy::Canary { steps, .. } => machine::Strategy::Canary(steps.clone()),
        Strategy::Flip => machine::Strategy::Flip,
        Strategy::Restore => machine::Strategy::Restore,
        Strategy::Rolling => machine::Strategy::Rolling,
    };
    PartCourse {
        name: part.component.clone(),
        old: part.old.clone(),
        new: part.new.clone(),
        strategy,
        replicas: part.replicas,
        autoscaler: part.autoscaler,
        is_adopted: part.is_adopted,
        objectives: part.measures.objectives.clone(),
        settings: settings.clone(),
    }
}
