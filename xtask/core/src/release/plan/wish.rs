//! What is wanted of a release: what people state, beside the objects.

use std::fmt;
use std::time::Duration;

use crate::release::analysis::Objective;
use crate::release::freeze::Override;
use crate::release::migration::Migration;
use crate::release::model::{ComponentName, ReleaseId};
use crate::release::weights::{Step, Weight};

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
    /// All at once, after a smoke test of one pod.
    Flip,
    /// All at once, with all pods started together: a release that was verified before.
    Restore,
    /// Pod by pod in the one Deployment it has: for what cannot be there twice.
    Rolling,
}

/// What is to be released, beside the objects.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The release.
    pub release: ReleaseId,
    /// The context of kubectl's configuration that leads to the cluster, for commands that people run by hand.
    pub context: String,
    /// The components, in the order in which they are promoted.
    pub components: Vec<Wanted>,
    /// What it does to the database.
    pub migration: Migration,
    /// Whether somebody has said that it may be released although it cannot be taken back.
    pub without_way_back: bool,
    /// The commit that is released, where the repository has one: written down with the release, so that the next plan can
    /// say what has come since.
    pub commit: Option<String>,
    /// The commits since the release that serves, newest first, for people.
    pub commits: Vec<String>,
    /// What else a reader should know, in words.
    pub remarks: Vec<String>,
    /// How long it is watched after its promotion.
    pub bake: Duration,
    /// Until when nothing is released, in words, where that is so.
    pub frozen: Option<String>,
    /// That somebody releases in a freeze all the same.
    pub freeze_overridden: Option<Override>,
}

/// A component that is to be released.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The component.
    pub name: ComponentName,
    /// How it gets to its new revision.
    pub strategy: Strategy,
    /// How it is judged.
    pub measures: Measures,
}

/// How a component is judged.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measures {
    /// What is asked of a new pod before it gets requests.
    pub smoke: Vec<Smoke>,
    /// Where its pods say what they have counted.
    pub scrape: Option<Scrape>,
    /// What is promised about it.
    pub objectives: Vec<Objective>,
}

/// A question to a new pod, and the answer it has to give.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Smoke {
    /// The path of a GET request: `/ready`.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// What has to be in the answer, which is JSON then: a dotted path of keys.
    pub field: Option<String>,
    /// The text that has to stand there; anything will do where none is given.
    pub value: Option<String>,
}

impl fmt::Display for Smoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {} answers {}", self.path, self.status)?;
        match (&self.field, &self.value) {
            (Some(field), Some(value)) => write!(f, " with `{field}` = `{value}`"),
            (Some(field), None) => write!(f, " with a `{field}`"),
            (None, _) => Ok(()),
        }
    }
}

/// Where pods say what they have counted.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scrape {
    /// The port of the container.
    pub port: u16,
    /// The path: `/metrics`.
    pub path: String,
}
