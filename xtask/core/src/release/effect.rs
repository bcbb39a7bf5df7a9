//! What the machine may ask for. The driver does it, and says how it went; it decides nothing.

use serde::Serialize;

use crate::release::ledger::Head;
use crate::release::model::{Content, Fence, Revision, Slot};
use crate::release::view::{Autoscaler, Traffic, Version};

/// The number of an effect; it only rises.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize)]
#[serde(transparent)]
pub struct EffectId(pub u64);

/// Something to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Effect {
    /// Its number, under which the result comes back.
    pub id: EffectId,
    /// What it is.
    pub action: Action,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Look at everything that the release owns.
    Look,
    /// Write one object, if it still has that version. `None` makes an object that is not there.
    Write {
        /// The object.
        object: Object,
        /// The version that was read.
        version: Option<Version>,
        /// The number of the owner, written onto the object.
        fence: Fence,
        /// What it is to say.
        change: Change,
    },
    /// Read the metrics of all pods of a component.
    Measure {
        /// The component's position in the plan.
        part: usize,
        /// How many checks to send to each side before, where users are too few; the next tick has them.
        checks: u64,
    },
    /// Ask the pods of a slot the questions of the smoke test.
    Smoke {
        /// The component's position in the plan.
        part: usize,
        /// The slot.
        slot: Slot,
    },
}

/// One of the objects that a release owns.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Object {
    /// Who owns the environment.
    Lease,
    /// What is written down.
    Ledger,
    /// A Deployment of a component.
    Slot(usize, Slot),
    /// The Service of a component.
    Service(usize),
    /// The autoscaler of a component.
    Autoscaler(usize),
    /// A further object of the plan.
    Extra(usize),
    /// A Job that changes the database.
    Job(usize),
}

impl Object {
    /// The position of the component that it belongs to; `None` for what belongs to none.
    pub fn part(self) -> Option<usize> {
        match self {
            Self::Slot(part, _) | Self::Service(part) | Self::Autoscaler(part) => Some(part),
            Self::Lease | Self::Ledger | Self::Extra(_) | Self::Job(_) => None,
        }
    }
}

/// What an object is to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The owner's number alone: from now on every older update fails.
    Fence,
    /// This holder, this many transitions and renewals.
    Lease {
        /// The owner; `None` gives it back.
        holder: Option<u64>,
        /// How often it changed hands.
        transitions: u64,
        /// How often the owner renewed it.
        renewals: u64,
    },
    /// This is written down.
    Ledger(Box<Head>),
    /// This template; `None` leaves it. This many pods.
    Slot {
        /// What it is to run.
        revision: Option<Revision>,
        /// How many pods.
        replicas: u32,
    },
    /// These pods get requests.
    Traffic(Traffic),
    /// This target, floor and ceiling.
    Autoscaler(Autoscaler),
    /// This content of a further object.
    Content(Content),
    /// A Job that does nothing yet, or runs.
    Job {
        /// Whether it does nothing yet. It is made so, because a creation cannot be fenced.
        is_suspended: bool,
    },
}

/// How an effect went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not done, and never will be.
    Refused(Refusal),
    /// Nobody knows. It may be done already, or still happen.
    Unknown,
}

/// Why an effect was not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The object has another version.
    Conflict,
    /// There is one already, or none.
    Existence,
    /// The role may not, or the object is not valid: nothing that trying again would change.
    Denied(String),
}
