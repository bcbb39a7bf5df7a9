//! What has to be asked for one look.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::Inventory;
use crate::release::effect::Object;
use crate::release::labels;
use crate::release::model::Slot;
use crate::release::plan::Identity;

/// A question: one list, or some objects by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// In this namespace; what belongs to none is found from each.
    pub namespace: String,
    /// For these.
    pub asked: Asked,
}

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    /// These objects; those that are not there are no failure.
    Named(Vec<Identity>),
    /// All objects of these kinds, each with its group and version.
    Listed {
        /// The kinds: `("apps/v1", "ReplicaSet")`.
        kinds: Vec<(&'static str, &'static str)>,
        /// Only those with these labels, as `kubectl get --selector` takes it; all where there is none.
        selector: Option<String>,
    },
    /// The events of the object with this uid.
    Events(String),
}

/// What is behind a Deployment.
const WORKERS: [(&str, &str); 2] = [("apps/v1", "ReplicaSet"), ("v1", "Pod")];

impl Inventory {
    /// What to ask for one look. What is named is asked for by its name, so that nobody needs to be allowed to list it, and a
    /// ledger's payloads are not read each time. A kind that the server does not know fails its question, so kinds that are
    /// none of Kubernetes' own have one for themselves.
    pub fn questions(&self) -> Vec<Question> {
        let mut named: BTreeMap<(String, Option<String>), Vec<Identity>> = BTreeMap::new();
        let identities = self.objects().into_iter().flat_map(|object| self.identities(object));
        // A Secret is referred to by its name, and never read.
        for identity in identities.filter(|identity| identity.kind != "Secret") {
            let place =
                (self.namespace_of(&identity).to_owned(), identity.foreign_group().map(str::to_owned));
            named.entry(place).or_default().push(identity);
        }
        let named = named
            .into_iter()
            .map(|((namespace, _), identities)| Question { namespace, asked: Asked::Named(identities) });
        named.chain(self.workers()).chain(self.endpoints()).chain(self.runners()).collect()
    }

    /// The `ReplicaSets` and pods of the Deployments. By label where all of them have it; what came to be before there were
    /// slots has none.
    fn workers(&self) -> Vec<Question> {
        let mut components: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
        for part in &self.parts {
            let Some(deployment) = part.deployment(Slot::A) else { continue };
            let identity = Identity::of(deployment);
            let label = labels::labels(deployment, "/spec/template/metadata/labels").remove(labels::SERVES);
            let here = components.entry(self.namespace_of(&identity).to_owned());
            let here = here.or_insert_with(|| Some(BTreeSet::new()));
            match label.filter(|_| part.is_labelled()) {
                Some(label) => here.iter_mut().for_each(|labels| labels.extend([label.clone()])),
                None => *here = None,
            }
        }
        let question = |(namespace, labels): (String, Option<BTreeSet<String>>)| {
            let selector = labels.map(|labels| one_of(labels::SERVES, labels));
            Question { namespace, asked: Asked::Listed { kinds: WORKERS.to_vec(), selector } }
        };
        components.into_iter().map(question).collect()
    }

    /// The endpoints behind the Services.
    fn endpoints(&self) -> Vec<Question> {
        let services = (0..self.parts.len()).flat_map(|part| self.identities(Object::Service(part)));
        self.by_label("kubernetes.io/service-name", services, ("discovery.k8s.io/v1", "EndpointSlice"))
    }

    /// The pods of the Jobs that change the database.
    fn runners(&self) -> Vec<Question> {
        let jobs = (0..self.jobs.len()).flat_map(|job| self.identities(Object::Job(job)));
        self.by_label("job-name", jobs, ("v1", "Pod"))
    }

    /// All objects of a kind that name one of `owners` in a label.
    fn by_label(
        &self,
        label: &str,
        owners: impl Iterator<Item = Identity>,
        kind: (&'static str, &'static str),
    ) -> Vec<Question> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for owner in owners {
            names.entry(self.namespace_of(&owner).to_owned()).or_default().insert(owner.name);
        }
        let question = |(namespace, names)| {
            let selector = Some(one_of(label, names));
            Question { namespace, asked: Asked::Listed { kinds: vec![kind], selector } }
        };
        names.into_iter().map(question).collect()
    }
}

/// `label in (a,b)`.
fn one_of(label: &str, values: BTreeSet<String>) -> String {
    format!("{label} in ({})", values.into_iter().collect::<Vec<_>>().join(","))
}
