//! What a release is to do: its components, their strategies, its times; and how it can end.

use std::sync::Arc;
use std::time::Duration;

use crate::release::analysis::{Objective, Settings};
use crate::release::effect::Object;
use crate::release::freeze::UnixSeconds;
use crate::release::ledger::{Account, Consent, Head, Live, Phase};
use crate::release::migration::Migration;
use crate::release::model::{ComponentName, Content, Ending, ReleaseId, Revision, Slot};
use crate::release::weights::{self, Step};

/// What is wanted of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Intent {
    /// Release the course; go on with it where it was begun by somebody who is gone.
    Release,
    /// End what has no living owner: eject an orphaned canary, end a bake.
    Recover,
    /// Write down what runs as the release of the course, and change nothing of it.
    Adopt,
    /// Take the release that is under way back, whoever owns it.
    Abort,
    /// Let the release that is under way go on, whoever owns it: at the gate or in the hold where it stands.
    Promote(Consent),
}

impl Intent {
    /// The exit code of the process that wanted this, when it has ended so. To whoever wanted the release to end, that the one
    /// before serves is what was wanted.
    pub const fn exit_code(self, ending: Ending) -> u8 {
        let has_ended = matches!(
            ending,
            Ending::RolledBack | Ending::Aborted | Ending::Inconclusive | Ending::NoEvidence
        );
        if has_ended && matches!(self, Self::Abort | Self::Recover) { 0 } else { ending.exit_code() }
    }
}

/// The whole of a release, decided.
#[derive(Clone, Debug)]
pub struct Course {
    /// The release.
    pub release: ReleaseId,
    /// The release that served when this one was planned; `None` where nothing did.
    pub previous: Option<ReleaseId>,
    /// The components, those first that others depend on.
    pub parts: Vec<PartCourse>,
    /// Everything else, in the order in which it is written.
    pub extras: Vec<Extra>,
    /// The Jobs that change the database and have not run yet, in the order in which they run.
    pub migrations: Vec<MigrationCourse>,
    /// The times.
    pub timing: Timing,
    /// What the ledger says of it.
    pub account: Arc<Account>,
    /// The time at which the machine's clock stood at zero.
    pub origin: UnixSeconds,
}

impl Course {
    /// Whether anything is to change at all.
    pub fn changes(&self) -> bool {
        self.parts.iter().any(PartCourse::changes) || self.changes_extras() || !self.migrations.is_empty()
    }

    /// Whether one of the further objects is to change.
    pub fn changes_extras(&self) -> bool {
        self.extras.iter().any(Extra::changes)
    }

    /// The components that serve before the release, where no slot of ours has ever flipped: from slot a.
    pub fn serving_from_a(&self) -> Live {
        let serving = self.parts.iter().filter(|part| part.old.is_some());
        serving.map(|part| (part.name.clone(), Slot::A)).collect()
    }

    /// What the machine's clock shows, as a time that others can read.
    pub fn unix(&self, now: Duration) -> UnixSeconds {
        self.origin.saturating_add(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    }

    /// Whether a Job of that kind has to run.
    pub fn migrates(&self, kind: Migration) -> bool {
        self.migrations.iter().any(|job| job.kind == kind)
    }

    /// An object in words.
    pub fn words(&self, object: Object) -> String {
        let part = |index: usize| self.parts.get(index).map_or("?", |part| &part.name.0);
        match object {
            Object::Lease => "the lease".into(),
            Object::Ledger => "the ledger".into(),
            Object::Slot(index, slot) => format!("slot {slot} of {}", part(index)),
            Object::Service(index) => format!("the Service of {}", part(index)),
            Object::Autoscaler(index) => format!("the autoscaler of {}", part(index)),
            Object::Job(index) => self.migrations.get(index).map_or("?", |job| &job.name).into(),
            Object::Extra(index) => self.extras.get(index).map_or("?", |extra| &extra.name).into(),
        }
    }
}

/// A Job that changes the database. Its name goes with its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MigrationCourse {
    /// What it is called, for people: `Job migrate-1f2e`.
    pub name: Arc<str>,
    /// What it does: one that expands runs before the first new pod, one that contracts when nobody goes back any more.
    pub kind: Migration,
}

/// An object beside those of the components: a config map, a network policy, a budget, a worker without traffic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Extra {
    /// What it is called, for people: `ConfigMap backend-settings`.
    pub name: Arc<str>,
    /// What it says before the release; `None` where it is not there.
    pub old: Option<Content>,
    /// What it is to say.
    pub new: Content,
    /// What a workload says that has nothing to do: no pods, suspended. It is made so, because a creation cannot be fenced and
    /// may come late, and a way back leaves it so. `None` for what does nothing by itself.
    pub idle: Option<Content>,
    /// Whether its name goes with its content: then it is made, and never changed.
    pub is_immutable: bool,
    /// Whether it is written after the components have flipped: a workload that is no slot.
    pub late: bool,
}

impl Extra {
    /// Whether it is to be written.
    pub fn changes(&self) -> bool {
        self.old.as_ref() != Some(&self.new)
    }
}

/// How far an autoscaler goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// The fewest pods, at least 1.
    pub floor: u32,
    /// The most pods.
    pub ceiling: u32,
}

/// What happens to one component.
#[derive(Clone, Debug)]
pub struct PartCourse {
    /// The component.
    pub name: ComponentName,
    /// What it runs; `None` before its first release.
    pub old: Option<Revision>,
    /// What it is to run; the same where it does not change, and then nothing of it is touched.
    pub new: Revision,
    /// How it gets there.
    pub strategy: Strategy,
    /// How many pods its first release has; after that, as many as serve.
    pub replicas: u32,
    /// The autoscaler that its manifests state; one that is not there is made once its requests have moved. `None` where
    /// nobody scales it.
    pub autoscaler: Option<Bounds>,
    /// Whether its pods came to be before there were slots. They lack the labels of one, so no share of the requests can be
    /// given away from them, and only slot a's own selector reaches them.
    pub is_adopted: bool,
    /// What is measured.
    pub objectives: Vec<Objective>,
    /// How sure the analysis has to be.
    pub settings: Settings,
}

impl PartCourse {
    /// Whether anything of it is to change.
    pub fn changes(&self) -> bool {
        self.old.as_ref() != Some(&self.new)
    }

    /// Whether it has two slots that take turns.
    pub fn has_slots(&self) -> bool {
        self.strategy != Strategy::Rolling
    }

    /// The slot that its new revision goes to, where `live` serves.
    pub fn next(&self, live: Slot) -> Slot {
        if self.has_slots() { live.other() } else { live }
    }

    /// The slot that serves once it has been promoted.
    pub fn promoted(&self, live: Slot) -> Slot {
        if self.changes() { self.next(live) } else { live }
    }

    /// The slot that serves; of a component that has never served, the one that its first release does not go to.
    pub fn live(&self, head: &Head) -> Slot {
        head.live.get(&self.name).copied().unwrap_or_else(|| self.next(Slot::A))
    }

    /// The steps of its canary; none where it does not change, or has nothing to be compared with.
    pub fn steps(&self) -> &[Step] {
        match &self.strategy {
            Strategy::Canary(steps) if self.changes() && self.old.is_some() && !self.is_adopted => steps,
            Strategy::Canary(_) | Strategy::Flip | Strategy::Restore | Strategy::Rolling => &[],
        }
    }

    /// How many pods are on trial in a step, beside `serving` that serve: the count whose share is nearest to the weight,
    /// the smaller one of two equally near, and never none. Where it flips: one, for the smoke test; all at its first release,
    /// and where it has been verified before: then the time until it serves again counts.
    pub fn trial(&self, step: usize, serving: u32) -> u32 {
        if self.old.is_none() || self.strategy == Strategy::Restore {
            return serving;
        }
        let Some(step) = self.steps().get(step).or(self.steps().last()) else { return 1 };
        weights::nearest(serving, step.weight).canary
    }
}

/// How a component gets to its new revision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Strategy {
    /// By steps of its requests.
    Canary(Vec<Step>),
    /// All at once, after a smoke test of one pod.
    Flip,
    /// All at once, with all pods started together: a release that was verified before.
    Restore,
    /// Pod by pod in its one Deployment, which is slot a: for what must not run twice, or has no requests to share. Its new
    /// pods take over as the Deployment's own strategy says, and there are none of them on trial.
    Rolling,
}

/// The times of a release.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// How often to look while something moves.
    pub look: Duration,
    /// How often to look otherwise.
    pub look_steady: Duration,
    /// How often to measure.
    pub tick: Duration,
    /// How long an effect may go without an answer.
    pub answer: Duration,
    /// How long pods may take until they are ready.
    pub ready: Duration,
    /// How long requests under way may take after their pod got no more.
    pub drain: Duration,
    /// How long the owner may go without a sign of life.
    pub lease: Duration,
    /// How often the owner gives one.
    pub renew: Duration,
    /// How long to wait for another owner to end.
    pub wait: Duration,
    /// How long another owner has to give way to a rollback, before it is taken over.
    pub give_way: Duration,
    /// How long the way back and the clean-up may take, before a person is called.
    pub patience: Duration,
    /// How long to hold when the evidence is not enough, for a person to decide; none without a person.
    pub hold: Duration,
    /// How long the Jobs of a migration may take.
    pub migration: Duration,
    /// How long a gate or a pause waits for a person.
    pub gate: Duration,
}

impl Timing {
    /// How long a phase may wait for something without a break.
    pub fn limit(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Expanding | Phase::Contracting => self.migration,
            Phase::Cleaning | Phase::Reverting | Phase::Restoring => self.patience,
            Phase::Intended
            | Phase::Stated
            | Phase::Floored
            | Phase::Staged
            | Phase::Exposed(_)
            | Phase::Holding
            | Phase::Promoting
            | Phase::Flipping
            | Phase::Verifying
            | Phase::Baking => self.ready,
        }
    }
}

impl Default for Timing {
    /// Those of the documentation.
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            look_steady: Duration::from_secs(5),
            tick: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            ready: Duration::from_mins(10),
            drain: Duration::from_secs(5),
            lease: Duration::from_secs(30),
            renew: Duration::from_secs(10),
            wait: Duration::from_mins(2),
            give_way: Duration::from_secs(10),
            patience: Duration::from_mins(30),
            hold: Duration::ZERO,
            migration: Duration::from_mins(30),
            gate: Duration::from_hours(1),
        }
    }
}

/// What somebody wants while it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command {
    /// Go on at the gate, once the evidence is there.
    Promote,
    /// Promote, whatever the evidence says.
    PromoteFully,
    /// Stay where it is.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Take it back.
    Abort,
}

/// How a release ended, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct End {
    /// How.
    pub ending: Ending,
    /// Why, in words for a person.
    pub reason: String,
}

impl End {
    /// An end.
    pub fn new(ending: Ending, reason: impl Into<String>) -> Self {
        Self { ending, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::weights::Weight;

    #[test]
    fn a_step_takes_its_share_a_flip_one_pod_for_the_smoke_test_and_a_way_back_all() {
        let steps = [Weight::TENTH, Weight::HALF].map(|weight| Step { weight, gate: false });
        let part = PartCourse {
            name: ComponentName("backend".into()),
            old: Some(Revision("1".into())),
            new: Revision("2".into()),
            strategy: Strategy::Canary(steps.to_vec()),
            replicas: 5,
            autoscaler: None,
            is_adopted: false,
            objectives: Vec::new(),
            settings: Settings::new(1),
        };
        assert_eq!([0, 1, 2].map(|step| part.trial(step, 7)), [1, 7, 7]);
        let flip = PartCourse { strategy: Strategy::Flip, ..part.clone() };
        let restored = PartCourse { strategy: Strategy::Restore, ..part.clone() };
        assert_eq!([&flip, &restored].map(|part| part.trial(0, 7)), [1, 7]);
        assert!(restored.steps().is_empty());
        let first = PartCourse { old: None, ..part.clone() };
        assert_eq!((first.trial(0, 7), first.steps().len()), (7, 0));
        let rolling = PartCourse { strategy: Strategy::Rolling, ..part.clone() };
        assert_eq!([&part, &rolling].map(|part| part.promoted(Slot::A)), [Slot::B, Slot::A]);
        let same = PartCourse { old: Some(part.new.clone()), ..part };
        assert!(same.steps().is_empty() && !same.changes() && same.promoted(Slot::A) == Slot::A);
    }
}
