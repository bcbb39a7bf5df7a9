//! The plan of a release: everything that will be written, in the order in which it will be written.
//!
//! Nothing is left to choose when it is carried out, so it can be read, saved, compared and refused beforehand. It is bound to
//! what it was made from: once somebody has changed one of the objects it would write, it is refused.

mod bound;
mod diff;
mod steps;
mod words;

use serde_json::Value;

pub use self::bound::{Bound, Identity};
use super::capacity::Resources;
use super::labels;
use super::model::{ComponentName, ReleaseId, Revision, Slot};
use super::slots::{Derived, Slots};
use super::weights::{self, Split, Unreachable, Weight};

/// The version of the format of a saved plan.
const FORMAT: u32 = 1;

/// How a component gets to its new revision.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// By shares of its requests.
    Canary {
        /// The steps, in order.
        steps: Vec<Step>,
        /// The largest share that the canary may have.
        weight_max: Weight,
    },
    /// All at once, after a smoke test.
    Flip,
}

/// One step of a canary.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Step {
    /// The wanted share.
    pub weight: Weight,
    /// Whether a person has to say that it may go on.
    pub gate: bool,
}

/// What a release does to the database.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Migration {
    /// Nothing.
    #[default]
    None,
    /// It adds what the new release needs; the old one does not mind.
    Expand,
    /// It takes away what the old release needs: after it there is no way back.
    Contract,
}

/// What is to be released, beside the objects.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The release.
    pub release: ReleaseId,
    /// The strategy of each component that has two slots, in the order in which they are promoted.
    pub strategies: Vec<(ComponentName, Strategy)>,
    /// What it does to the database.
    pub migration: Migration,
    /// Whether somebody has said that it may be released although it cannot be taken back.
    pub without_way_back: bool,
    /// The commits since the release that serves, newest first, for people.
    pub commits: Vec<String>,
}

/// What is in the cluster.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The release that serves; `None` before the first one.
    pub release: Option<ReleaseId>,
    /// The components that serve. One that is missing has never been released.
    pub components: Vec<LiveComponent>,
    /// The objects that the plan might write, as they were read: above all the Deployments and Services that serve.
    pub objects: Vec<Value>,
    /// What quotas leave of CPU and memory, where there are some.
    pub room: Option<Resources>,
}

/// A component that serves.
#[derive(Clone, Debug)]
pub struct LiveComponent {
    /// The component.
    pub name: ComponentName,
    /// The slot that serves.
    pub slot: Slot,
    /// What it runs.
    pub revision: Revision,
    /// How many pods it has.
    pub replicas: u32,
}

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
    /// What is written, in order.
    pub phases: Vec<Phase>,
    /// What differs from what was wished, and why, in words.
    pub remarks: Vec<String>,
    /// What a rollback leaves as the release made it, in words.
    pub stays: Vec<String>,
    /// The commits since the release that serves.
    pub commits: Vec<String>,
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

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// A step of a canary cannot have its share.
    #[error("step {step} of `{component}`: {source}", step = index + 1)]
    Unreachable {
        /// The component.
        component: ComponentName,
        /// The position of the step.
        index: usize,
        /// Why.
        source: Unreachable,
    },
    /// Quotas do not leave enough.
    #[error("at its peak the release needs {needed} more than now, and the quota leaves {room}")]
    NoRoom {
        /// What is needed.
        needed: Resources,
        /// What is left.
        room: Resources,
    },
    /// The migration would leave no way back.
    #[error(
        "a contract migration takes away what the release that serves needs: no rollback can bring it back, and a canary \
         would break the pods beside it"
    )]
    NoWayBack,
    /// A component has two slots and no strategy.
    #[error("`{0}` has two slots, and nothing says by which strategy it gets from one to the other")]
    NoStrategy(ComponentName),
    /// A strategy has no component.
    #[error("there is a strategy for `{0}`, which has no slots")]
    NoSlots(ComponentName),
    /// A saved plan was written by another version of this program.
    #[error("this plan has format {0}, and only {FORMAT} can be carried out")]
    Format(u32),
    /// A saved plan cannot be read.
    #[error("this is no plan: {0}")]
    Unreadable(String),
    /// The cluster has moved on.
    #[error("the cluster has moved on since the plan was made: {0}")]
    Moved(String),
}

/// Makes the plan.
///
/// # Errors
///
/// All reasons why the release cannot be carried out as wished.
pub fn plan(wish: &Wish, derived: &Derived, live: &Live) -> Result<Plan, Vec<Refused>> {
    let mut refused = Vec::new();
    let mut parts = Vec::new();
    let named = |name: &ComponentName| derived.slots.iter().find(|slots| slots.component == *name);
    for slots in &derived.slots {
        if !wish.strategies.iter().any(|(name, _)| *name == slots.component) {
            refused.push(Refused::NoStrategy(slots.component.clone()));
        }
    }
    let mut planned: Vec<&Slots> = Vec::new();
    let mut remarks = Vec::new();
    for (name, strategy) in &wish.strategies {
        match named(name) {
            Some(slots) => {
                let part = part(slots, strategy, live, &mut refused);
                if part.changes() && part.old.is_some() && part.strategy != *strategy {
                    remarks.push(format!(
                        "`{name}` flips this time: the pods that serve do not have the labels by which requests are shared"
                    ));
                }
                parts.push(part);
                planned.push(slots);
            }
            None => refused.push(Refused::NoSlots(name.clone())),
        }
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
    let phases = steps::phases(&parts, &planned, derived, live);
    let written = phases.iter().flat_map(|phase| &phase.writes).map(|write| &write.object);
    Ok(Plan {
        format: FORMAT,
        release: wish.release.clone(),
        previous: live.release.clone(),
        bound: bound::to(written, &live.objects),
        stays: steps::stays(wish.migration, &parts, &planned),
        commits: wish.commits.clone(),
        room: live.room,
        by_hand: steps::by_hand(&parts, &planned, live),
        remarks,
        parts,
        phases,
    })
}

fn part(slots: &Slots, strategy: &Strategy, live: &Live, refused: &mut Vec<Refused>) -> Part {
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
    let strategy = if changes && !shared { &Strategy::Flip } else { strategy };
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
        replicas,
        splits,
        extra,
    }
}

/// Whether the live pods of a slot have the labels that its manifest gives them, the revision aside.
fn bears_labels(slots: &Slots, slot: Slot, live: &Live) -> bool {
    let pointer = "/spec/template/metadata/labels";
    let identity = Identity::of(slots.deployment(slot));
    let wanted = labels::labels(slots.deployment(slot), pointer);
    let found = live.objects.iter().find(|object| identity.is(object));
    let found = found.map(|object| labels::labels(object, pointer)).unwrap_or_default();
    [labels::SERVES, labels::SLOT]
        .iter()
        .all(|label| found.contains_key(*label) && found.get(*label) == wanted.get(*label))
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
        bound::check(&self.bound, &live.objects).map_err(Refused::Moved)
    }
}
