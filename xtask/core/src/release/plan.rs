//! The plan of a release: everything that will be written, in the order in which it will be written.
//!
//! Nothing is left to choose when it is carried out, so it can be read, saved, compared and refused beforehand. It is bound to
//! what it was made from: once somebody has changed one of the objects it would write, it is refused.

mod bound;
mod course;
mod diff;
mod further;
mod live;
mod refused;
mod same;
mod steps;
mod wish;
mod words;

use std::time::Duration;

use serde_json::Value;

pub use self::bound::{Bound, Identity};
pub use self::further::{Further, content};
use self::live::bears_labels;
pub use self::live::{Live, LiveComponent, Unclear};
pub use self::refused::Refused;
pub use self::steps::find_secrets;
pub use self::wish::{Measures, Scrape, Smoke, Strategy, Wanted, Wish};
use super::analysis::milliseconds;
use super::capacity::Resources;
use super::freeze::Override;
use super::machine::Bounds;
use super::migration;
pub use super::migration::Migration;
use super::model::{ComponentName, ReleaseId, Revision, Slot};
use super::slots::{Derived, Rolling, Slots};
pub use super::weights::Step;
use super::weights::{self, Split};

/// The version of the format of a saved plan.
const FORMAT: u32 = 1;

/// A release, decided.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    format: u32,
    /// The release.
    pub release: ReleaseId,
    /// The release that serves when this one begins.
    pub previous: Option<ReleaseId>,
    /// The components, in the order in which they are promoted.
    pub parts: Vec<Part>,
    /// The objects beside those of the components, in the order in which they are written.
    pub further: Vec<Further>,
    /// The migrations that run with it, in the order of the files: a Job whose content has run already is not among them.
    pub migrations: Vec<Value>,
    /// What is written, in order.
    pub phases: Vec<Phase>,
    /// What differs from what was wished, and why, in words.
    pub remarks: Vec<String>,
    /// Whether it takes something away that older releases need: no rollback goes past it.
    pub contracts: bool,
    /// What a rollback leaves as the release made it, in words.
    pub stays: Vec<String>,
    /// The commit that is released.
    pub commit: Option<String>,
    /// The commits since the release that serves.
    pub commits: Vec<String>,
    /// How long the release is watched after its promotion.
    #[serde(with = "milliseconds", rename = "bake_ms")]
    pub bake: Duration,
    /// Until when nothing is released, in words, where that was so when it was made.
    pub frozen: Option<String>,
    /// That somebody releases in a freeze all the same.
    pub freeze_overridden: Option<Override>,
    /// What the plan was made from.
    pub bound: Vec<Bound>,
    /// What quotas left when it was made.
    pub room: Option<Resources>,
    /// What brings the old release back by hand, should everything else fail: commands for a shell.
    pub by_hand: Vec<String>,
}

/// What happens to one component.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// The component.
    pub component: ComponentName,
    /// What it runs; `None` before its first release.
    pub old: Option<Revision>,
    /// What it is to run.
    pub new: Revision,
    /// The slot that the new revision goes to; it serves already where nothing changes.
    pub slot: Slot,
    /// How it gets there.
    pub strategy: Strategy,
    /// How it is judged.
    pub measures: Measures,
    /// The autoscaler that is stated for it; one of a component that keeps its one Deployment is an object like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaler: Option<Bounds>,
    /// Whether its live pods came to be before there were slots, without the labels of one.
    pub is_adopted: bool,
    /// The pods that serve, which is what the new slot is filled up to.
    pub replicas: u32,
    /// The pods of each step of the canary.
    pub splits: Vec<Split>,
    /// What the pods beside the serving ones ask for, at most: until the bake has ended.
    pub extra: Resources,
}

impl Part {
    /// Whether anything of it is to change.
    pub fn changes(&self) -> bool {
        self.old.as_ref() != Some(&self.new)
    }
}

/// A part of the plan that is finished before the next one begins.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Phase {
    /// Its place in the order of writes, as in `docs/architecture.md`.
    pub id: String,
    /// What it does, in words.
    pub words: String,
    /// The objects that are written, in order.
    pub writes: Vec<Write>,
}

/// One object that is written.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Write {
    /// In whose name.
    pub hand: Hand,
    /// The fields that this hand owns, of an object that they name.
    pub object: Value,
}

/// The field managers of a release. To own a number of replicas and to leave it out resets it to 1, so it has its own hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hand {
    /// What the manifests state.
    Manifests,
    /// `spec.replicas` of a Deployment.
    Replicas,
}

/// The objects of a component.
#[derive(Clone, Copy, Debug)]
enum Objects<'d> {
    Slots(&'d Slots),
    Rolling(&'d Rolling),
}

impl<'d> Objects<'d> {
    fn of(name: &ComponentName, derived: &'d Derived) -> Option<Self> {
        let slots = derived.slots.iter().find(|slots| slots.component == *name).map(Self::Slots);
        let rolling = derived.rolling.iter().find(|rolling| rolling.component == *name).map(Self::Rolling);
        slots.or(rolling)
    }

    /// The Deployment that the new revision goes to.
    fn deployment(self, part: &Part) -> &'d Value {
        match self {
            Self::Slots(slots) => slots.deployment(part.slot),
            Self::Rolling(rolling) => &rolling.deployment,
        }
    }
}

/// Makes the plan.
///
/// # Errors
///
/// All reasons why the release cannot be carried out as wished.
pub fn plan(wish: &Wish, derived: &Derived, live: &Live) -> Result<Plan, Vec<Refused>> {
    let mut refused = Vec::new();
    let mut parts = Vec::new();
    let mut planned = Vec::new();
    let mut remarks = wish.remarks.clone();
    let wanted = |name: &ComponentName| wish.components.iter().any(|wanted| wanted.name == *name);
    let strategic = derived.slots.iter().map(|slots| &slots.component).filter(|name| !wanted(name));
    refused.extend(strategic.cloned().map(Refused::NoStrategy));
    for wanted in &wish.components {
        let name = &wanted.name;
        let Some(objects) = Objects::of(name, derived) else {
            refused.push(Refused::NoSlots(name.clone()));
            continue;
        };
        let part = match objects {
            Objects::Slots(slots) => {
                if slots.has_no_service() {
                    refused.push(Refused::NoService(name.clone()));
                } else if slots.service_is_made {
                    remarks.push(format!(
                        "no file has a Service for `{name}`: one is made for the ports of its pods"
                    ));
                }
                part(slots, wanted, live, &mut refused)
            }
            Objects::Rolling(rolling) => rolling_part(rolling, wanted, live),
        };
        if part.changes() && part.old.is_some() && part.strategy != wanted.strategy {
            remarks.push(format!(
                "`{name}` flips this time: the pods that serve do not have the labels by which requests are shared"
            ));
        }
        parts.push(part);
        planned.push(objects);
    }
    let needed = parts.iter().fold(Resources::default(), |sum, part| sum + part.extra);
    if let Some(room) = live.room.filter(|room| !needed.fits(*room)) {
        refused.push(Refused::NoRoom { needed, room });
    }
    let first = live.components.is_empty();
    if wish.migration == Migration::Contract && !wish.without_way_back && !first {
        refused.push(Refused::NoWayBack);
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut phases = steps::phases(&parts, &planned, derived, live);
    if let Some(commit) = &wish.commit {
        let own: Vec<Identity> = parts
            .iter()
            .zip(&planned)
            .map(|(part, objects)| Identity::of(objects.deployment(part)))
            .collect();
        steps::sign(&mut phases, &own, commit);
    }
    let due = |job: &&Value| migration::of(job) != Migration::None && live.find(job).is_none();
    let migrations: Vec<Value> = derived.rest.iter().filter(due).cloned().collect();
    let contracts = |job: &Value| migration::of(job) == Migration::Contract;
    let written = phases.iter().flat_map(|phase| &phase.writes).map(|write| &write.object);
    Ok(Plan {
        format: FORMAT,
        release: wish.release.clone(),
        previous: live.release.clone(),
        bound: bound::to(written, live),
        contracts: wish.migration == Migration::Contract || migrations.iter().any(contracts),
        stays: steps::stays(wish.migration, &migrations, &parts, &planned),
        commit: wish.commit.clone(),
        commits: wish.commits.clone(),
        bake: wish.bake,
        frozen: wish.frozen.clone(),
        freeze_overridden: wish.freeze_overridden.clone(),
        room: live.room,
        by_hand: steps::by_hand(&wish.context, &parts, &planned, live),
        further: further::of(&parts, &planned, derived, live),
        migrations,
        remarks,
        parts,
        phases,
    })
}

fn part(slots: &Slots, wanted: &Wanted, live: &Live, refused: &mut Vec<Refused>) -> Part {
    let serving = live.components.iter().find(|component| component.name == slots.component);
    let replicas = serving.map_or(slots.replicas, |serving| serving.replicas);
    let old = serving.map(|serving| serving.revision.clone());
    let changes = old.as_ref() != Some(&slots.revision);
    let slot = match serving {
        Some(serving) if changes => serving.slot.other(),
        Some(serving) => serving.slot,
        None => Slot::A,
    };
    let mut splits = Vec::new();
    // The Service of a canary asks for labels that pods from before the first release do not have: all requests would go
    // to the canary.
    let shared = serving.is_some_and(|serving| bears_labels(slots, serving.slot, live));
    let strategy = match &wanted.strategy {
        Strategy::Canary { .. } if changes && !shared => &Strategy::Flip,
        stated => stated,
    };
    if let (Strategy::Canary { steps, weight_max }, true) = (strategy, changes) {
        for (index, step) in steps.iter().enumerate() {
            match weights::split(replicas, step.weight, *weight_max) {
                Ok(split) => splits.push(split),
                Err(source) => {
                    refused.push(Refused::Unreachable { component: slots.component.clone(), index, source });
                }
            }
        }
    }
    let template = slots.deployment(slot).pointer("/spec/template").unwrap_or(&Value::Null);
    let ceiling =
        slots.autoscaler(slot).and_then(|autoscaler| autoscaler.pointer("/spec/maxReplicas")?.as_u64());
    let peak = ceiling.and_then(|ceiling| u32::try_from(ceiling).ok()).unwrap_or(0).max(replicas);
    // Both slots at once, each as large as an autoscaler may make it, less what is there now.
    let pods = if serving.is_some() { peak.saturating_mul(2) - replicas } else { peak };
    let extra = if changes { Resources::of_pod(template) * pods } else { Resources::default() };
    Part {
        component: slots.component.clone(),
        old,
        new: slots.revision.clone(),
        slot,
        strategy: strategy.clone(),
        measures: wanted.measures.clone(),
        autoscaler: slots.autoscaler(slot).as_ref().and_then(bounds),
        is_adopted: serving.is_some() && !shared,
        replicas,
        splits,
        extra,
    }
}

/// How far an autoscaler goes: without a floor of its own, as Kubernetes has it, one pod.
fn bounds(autoscaler: &Value) -> Option<Bounds> {
    let count = |pointer: &str| u32::try_from(autoscaler.pointer(pointer)?.as_u64()?).ok();
    Some(Bounds { floor: count("/spec/minReplicas").unwrap_or(1), ceiling: count("/spec/maxReplicas")? })
}

/// A component that keeps its one Deployment: while it rolls there is one pod more.
fn rolling_part(rolling: &Rolling, wanted: &Wanted, live: &Live) -> Part {
    let serving = live.components.iter().find(|component| component.name == rolling.component);
    let old = serving.map(|serving| serving.revision.clone());
    let replicas = serving.map_or(rolling.replicas, |serving| serving.replicas);
    let template = rolling.deployment.pointer("/spec/template").unwrap_or(&Value::Null);
    let pods = match &old {
        None => replicas,
        Some(old) => u32::from(*old != rolling.revision),
    };
    Part {
        component: rolling.component.clone(),
        old,
        new: rolling.revision.clone(),
        slot: Slot::A,
        strategy: Strategy::Rolling,
        measures: wanted.measures.clone(),
        autoscaler: None,
        is_adopted: false,
        replicas,
        splits: Vec::new(),
        extra: Resources::of_pod(template) * pods,
    }
}

impl Plan {
    /// The plan in words, for people.
    pub fn words(&self) -> String {
        words::of(self)
    }

    /// The plan as a difference to what is in the cluster, field by field; a Deployment is compared with the one that serves.
    pub fn diff(&self, live: &Live) -> String {
        diff::of(self, live)
    }

    /// The plan as JSON, to be saved.
    ///
    /// # Errors
    ///
    /// Never for a plan made here: everything in it has a form in JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// When it is none, or of another format.
    pub fn from_json(text: &str) -> Result<Self, Refused> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Refused::Unreadable(error.to_string()))?;
        match value.get("format").and_then(Value::as_u64) {
            Some(format) if format != u64::from(FORMAT) => {
                return Err(Refused::Format(u32::try_from(format).unwrap_or(u32::MAX)));
            }
            _ => {}
        }
        serde_json::from_value(value).map_err(|error| Refused::Unreadable(error.to_string()))
    }

    /// Whether the cluster is still what the plan was made from. Pods that come and go, and a count that an autoscaler moves,
    /// do not matter.
    ///
    /// # Errors
    ///
    /// The first object that is another one, has changed, is gone, or is there now.
    pub fn check(&self, live: &Live) -> Result<(), Refused> {
        if live.release != self.previous {
            let name = |release: &Option<ReleaseId>| {
                release.as_ref().map_or("nothing".to_owned(), ToString::to_string)
            };
            let words = format!("`{}` serves, and `{}` did", name(&live.release), name(&self.previous));
            return Err(Refused::Moved(words));
        }
        bound::check(&self.bound, live).map_err(Refused::Moved)
    }
}
