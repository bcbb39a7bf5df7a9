//! Who of a release that does not get ready is asked why, and what for.

use std::time::Duration;

use serde_json::Value;

use super::inventory::Inventory;
use super::look::Unseen;
use super::questions::{Asked, Question};
use crate::release::effect::Object;
use crate::release::health::{self, Metadata, Pod, ReplicaSet, Suspect};
use crate::release::labels;
use crate::release::model::Slot;
use crate::release::plan::Identity;

/// Who is to be asked why a release does not get ready.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Witness {
    /// The component, or the Job.
    pub subject: String,
    /// Where it is.
    pub namespace: String,
    /// What is known of it already.
    pub suspect: Suspect,
}

impl Witness {
    /// What happened to it. To be asked when something is wrong, and not in each look: there are many events, and a server keeps
    /// them for an hour.
    pub fn question(&self) -> Question {
        Question { namespace: self.namespace.clone(), asked: Asked::Events(self.suspect.uid.clone()) }
    }
}

impl Inventory {
    /// Who says most about why this release does not get ready, in `objects`, the answers to all of [`Inventory::questions`].
    /// `None` where nothing is wrong with a pod of its own: those of the release before do not count. `taken_at` is the time of
    /// the look by the server's clock, since the Unix epoch.
    ///
    /// # Errors
    ///
    /// When an answer is none of a Kubernetes server.
    pub fn witness(&self, objects: &[Value], taken_at: Duration) -> Result<Option<Witness>, Unseen> {
        let snapshots = self.snapshots(objects, taken_at)?;
        let of_parts = self.parts.iter().filter(|part| part.changes).filter_map(|part| {
            let deployment = part.deployment(Slot::A)?;
            let serves =
                labels::labels(deployment, "/spec/template/metadata/labels").remove(labels::SERVES)?;
            let is_new = |metadata: &Metadata| {
                let is = |label: &str, value: &str| {
                    metadata.labels.get(label).is_some_and(|found| *found == *value)
                };
                is(labels::SERVES, &serves) && is(labels::REVISION, &part.new.0)
            };
            let identity = Identity::of(deployment);
            let namespace = self.namespace_of(&identity);
            let snapshot = snapshots.get(namespace)?;
            let pods = snapshot.pods.iter().filter(|pod: &&Pod| is_new(&pod.metadata));
            let sets = snapshot.replica_sets.iter().filter(|set: &&ReplicaSet| is_new(&set.metadata));
            Some(Witness {
                subject: part.name.to_string(),
                namespace: namespace.to_owned(),
                suspect: health::suspect(pods, sets)?,
            })
        });
        let of_jobs = (0..self.jobs.len()).filter_map(|job| {
            let identity = self.identities(Object::Job(job)).into_iter().next()?;
            let namespace = self.namespace_of(&identity).to_owned();
            let snapshot = snapshots.get(namespace.as_str())?;
            let is_own = |pod: &&Pod| pod.metadata.labels.get("job-name") == Some(&identity.name);
            let suspect = health::suspect(snapshot.pods.iter().filter(is_own), [])?;
            Some(Witness { subject: identity.name, namespace, suspect })
        });
        // Where a migration fails no pod of a component is started; what failed first in the order of promotion is told.
        Ok(of_jobs.chain(of_parts).min_by_key(|witness| witness.suspect.trouble))
    }
}
