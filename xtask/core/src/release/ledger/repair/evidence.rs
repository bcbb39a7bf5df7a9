//! What a cluster shows of releases, without a ledger.

use std::sync::Arc;

use super::super::payload::PayloadName;
use crate::release::model::{ComponentName, ReleaseId, Revision, Slot};

/// What the cluster shows of releases, beside the ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Evidence {
    /// The components, in the order in which they are promoted.
    pub components: Vec<Component>,
    /// What was kept for rollbacks.
    pub payloads: Vec<Stored>,
    /// Whether there is a Job that takes something away from the database.
    pub contracts: bool,
}

/// A component in the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Component {
    /// What it is called.
    pub name: ComponentName,
    /// Its Deployments, slot a and slot b.
    pub slots: [Option<Stands>; 2],
    /// Whether a Service gives requests to them.
    pub served: [bool; 2],
}

/// A Deployment in the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stands {
    /// What its pods run.
    pub revision: Revision,
    /// The release that stated it last; `None` for what nobody has released.
    pub stated: Option<ReleaseId>,
    /// The commit it was released from.
    pub commit: Option<Arc<str>>,
    /// How many pods it is to have.
    pub replicas: u32,
}

/// A payload in the cluster that holds what its name says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Its name.
    pub name: PayloadName,
    /// The component, and what its pods run by it; `None` where it holds objects of no component.
    pub of: Option<(ComponentName, Revision)>,
    /// When it was made, as the server writes it: times in that form sort as texts do.
    pub created: String,
}

impl Component {
    /// The slot that gets the requests of this component, where only one does.
    pub(super) fn serving_slot(&self) -> Option<Slot> {
        match self.served {
            [true, false] => Some(Slot::A),
            [false, true] => Some(Slot::B),
            _ => None,
        }
    }
}
