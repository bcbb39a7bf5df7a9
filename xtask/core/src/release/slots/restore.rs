//! From what was kept of a release back to its objects.

use serde_json::Value;

use super::{Derived, Rolling, Slots};
use crate::release::ledger::Piece;
use crate::release::model::Revision;
use crate::release::{labels, manifest};

/// What was kept of one component.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What the ledger says of it.
    pub piece: Piece,
    /// Its objects, in the order of [`Derived::payloads`].
    pub objects: Vec<Value>,
}

/// Why what was kept cannot be brought back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the payload `{payload}` does not hold the objects of a component")]
pub struct Unlike {
    /// The payload.
    pub payload: String,
}

impl Derived {
    /// The objects of a release, as [`Derived::payloads`] kept them: without its migrations, which are not done again.
    ///
    /// # Errors
    ///
    /// When a payload holds something else than a component.
    pub fn restore(kept: Vec<Kept>, rest: Vec<Value>) -> Result<Self, Unlike> {
        let mut derived = Self { slots: Vec::new(), rolling: Vec::new(), rest };
        for Kept { piece, objects } in kept {
            let unlike = || Unlike { payload: piece.payload.to_string() };
            let of = |kind: &str| -> Vec<Value> {
                objects.iter().filter(|object| object["kind"] == kind).cloned().collect()
            };
            let deployments = of("Deployment");
            let (budgets, services, mut autoscalers) =
                (of("PodDisruptionBudget"), of("Service"), of("HorizontalPodAutoscaler"));
            let known = deployments.len() + budgets.len() + services.len() + autoscalers.len();
            if known != objects.len() || autoscalers.len() > 1 || budgets.len() % 2 != 0 {
                return Err(unlike());
            }
            match <[Value; 2]>::try_from(deployments) {
                Ok(deployments) => {
                    let (of_a, of_b) = budgets.split_at(budgets.len() / 2);
                    derived.slots.push(Slots {
                        component: piece.component.clone(),
                        revision: revision(&deployments[0]).unwrap_or_else(|| piece.revision.clone()),
                        // How many serve is asked of the cluster; nobody keeps that.
                        replicas: 1,
                        replicas_on_trial: None,
                        deployments,
                        budgets: [of_a.to_vec(), of_b.to_vec()],
                        services,
                        service_is_made: false,
                        autoscaler: autoscalers.pop(),
                    });
                }
                Err(deployments) => {
                    let [deployment] = <[Value; 1]>::try_from(deployments).map_err(|_| unlike())?;
                    if known != 1 {
                        return Err(unlike());
                    }
                    let revision = revision(&deployment).unwrap_or_else(|| piece.revision.clone());
                    let component = piece.component.clone();
                    derived.rolling.push(Rolling { component, revision, replicas: 1, deployment });
                }
            }
        }
        Ok(derived)
    }
}

/// What a Deployment's pods are labelled with. What ran before the first release was written down by another name than the one
/// that its pods get when it is brought back.
fn revision(deployment: &Value) -> Option<Revision> {
    let label = manifest::join("/spec/template/metadata/labels", labels::REVISION);
    deployment.pointer(&label)?.as_str().map(|label| Revision(label.into()))
}
