//! Two slots per component: what slot b is, and what everything that knew slot a has to become.
//!
//! The pods that were measured are the pods that get promoted, so each component has two Deployments that take turns. Slot a is
//! the one in the files. Slot b is derived from it, so that they cannot grow apart; an overlay may name what differs. Traffic
//! is one field, the selector of the Service. Whatever else selects the pods of slot a (policies, budgets, monitors, affinity)
//! is rewritten for both slots, or proven to need no change, or refused: a policy that forgets slot b would show only when the
//! slots have changed places.

mod adapt;
mod deployment;
mod overlay;
mod restore;

use std::time::Duration;

use serde_json::{Value, json};

use self::adapt::{Form, Pair};
pub use self::restore::{Kept, Unlike};
use super::images;
use super::labels::{self, NOBODY, SLOT, Selector};
use super::ledger::{Payload, Unstorable};
use super::manifest::{self, Manifest};
use super::migration::{self, Migration};
use super::model::{ComponentName, Revision, Slot};
use super::revision;
use super::view::Traffic;
use crate::diagnostic::Diagnostic;
use crate::suggest;

/// A component that gets two slots, and the Deployment that is its slot a.
#[derive(Clone, Debug)]
pub struct Component<'m> {
    /// Its name.
    pub name: ComponentName,
    /// Slot a, as the files state it.
    pub deployment: &'m Manifest,
}

/// The objects of a component that has two slots.
#[derive(Clone, Debug)]
pub struct Slots {
    /// The component.
    pub component: ComponentName,
    /// What both slots run when they run this.
    pub revision: Revision,
    /// The pods that the files ask for.
    pub replicas: u32,
    /// The pods with which a slot begins its trial, before it gets requests, where an overlay says so.
    pub replicas_on_trial: Option<u32>,
    deployments: [Value; 2],
    budgets: [Vec<Value>; 2],
    services: Vec<Value>,
    /// Whether no file states a Service, so that one was made.
    pub service_is_made: bool,
    autoscaler: Option<Value>,
}

impl Slots {
    /// All of its objects, in both slots, slot a's Deployment first.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Value> {
        let both = self.deployments.iter().chain(self.budgets.iter().flatten());
        both.chain(&self.services).chain(&self.autoscaler)
    }

    /// The Deployment of a slot, without `replicas`: those belong to another field manager.
    pub fn deployment(&self, slot: Slot) -> &Value {
        &self.deployments[slot as usize]
    }

    /// The same with something written onto the Deployments of both slots.
    #[must_use]
    pub(super) fn annotated(mut self, annotate: impl Fn(&mut Value)) -> Self {
        self.deployments.iter_mut().for_each(annotate);
        self
    }

    /// The disruption budgets of a slot.
    pub fn budgets(&self, slot: Slot) -> &[Value] {
        &self.budgets[slot as usize]
    }

    /// Whether nothing shares requests out, because its pods have no port to send them to.
    pub fn has_no_service(&self) -> bool {
        self.services.is_empty()
    }

    /// The Services of the component when `traffic` gets its requests; none where that is somebody else's selector, which is
    /// never written.
    pub fn services(&self, traffic: Traffic) -> Vec<Value> {
        let slot = match traffic {
            Traffic::Both => return self.services.clone(),
            Traffic::One(slot) => json!(slot),
            Traffic::Nobody => json!(NOBODY),
            Traffic::Adopted | Traffic::Foreign => return Vec::new(),
        };
        let mut services = self.services.clone();
        for service in &mut services {
            manifest::set(service, &manifest::join("/spec/selector", SLOT), slot.clone());
        }
        services
    }

    /// The autoscaler, if there is one, when it scales `slot`.
    pub fn autoscaler(&self, slot: Slot) -> Option<Value> {
        let mut autoscaler = self.autoscaler.clone()?;
        let name = self.deployment(slot).pointer("/metadata/name").cloned();
        manifest::set(&mut autoscaler, "/spec/scaleTargetRef/name", name);
        Some(autoscaler)
    }
}

/// A component that keeps its one Deployment.
#[derive(Clone, Debug)]
pub struct Rolling {
    /// The component.
    pub component: ComponentName,
    /// What its pods run when they run this.
    pub revision: Revision,
    /// The pods that the files ask for.
    pub replicas: u32,
    /// Its Deployment, without `replicas`.
    pub deployment: Value,
}

/// All objects of an environment, with two slots for each component that gets them.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The components with two slots, in the order in which they were named.
    pub slots: Vec<Slots>,
    /// The components that [`Derived::roll`] named.
    pub rolling: Vec<Rolling>,
    /// Everything else in the order of the files. Selectors of pods are rewritten, the rest is untouched.
    pub rest: Vec<Value>,
}

/// The manifests that are kept of a release.
#[derive(Clone, Debug)]
pub struct Payloads {
    /// Those of each component.
    pub components: Vec<(ComponentName, Payload)>,
    /// Those of everything else, where there is something else.
    pub rest: Option<Payload>,
}

impl Derived {
    /// Takes the Deployment of a component that keeps its one Deployment out of [`Derived::rest`].
    pub fn roll(&mut self, component: &Component<'_>, manifests: &[Manifest]) {
        let own = |object: &Value| {
            object.get("kind").and_then(Value::as_str) == Some("Deployment")
                && object.pointer("/metadata/name") == component.deployment.object.pointer("/metadata/name")
                && object.pointer("/metadata/namespace")
                    == component.deployment.object.pointer("/metadata/namespace")
        };
        let Some(position) = self.rest.iter().position(own) else { return };
        let mut deployment = self.rest.remove(position);
        let configuration = revision::configuration(component.deployment, manifests);
        let template = deployment.pointer("/spec/template").unwrap_or(&Value::Null);
        let revision = revision::revision(&[template], &[], &configuration);
        manifest::set(
            &mut deployment,
            &manifest::join("/spec/template/metadata/labels", labels::REVISION),
            json!(revision),
        );
        let replicas = deployment.get_mut("spec").and_then(|spec| manifest::remove(spec, "replicas"));
        let replicas = replicas.and_then(|count| u32::try_from(count.as_u64()?).ok()).unwrap_or(1);
        self.rolling.push(Rolling { component: component.name.clone(), revision, replicas, deployment });
    }

    /// Every object that a release may write, in both slots.
    pub fn stated(&self) -> Vec<&Value> {
        let slots = self.slots.iter().flat_map(Slots::objects);
        slots.chain(self.rolling.iter().map(|rolling| &rolling.deployment)).chain(&self.rest).collect()
    }

    /// How long its pods may take until they are ready: the longest `progressDeadlineSeconds` that a Deployment states, ten
    /// minutes where it states none, as Kubernetes has it. A controller holds it against a new template only, and the first pods
    /// of a slot come after its template.
    pub fn ready_within(&self) -> Duration {
        let deployments = self.stated().into_iter().filter(|object| object["kind"] == "Deployment");
        let stated = deployments.map(|deployment| deployment.pointer("/spec/progressDeadlineSeconds"));
        let seconds = stated.map(|seconds| seconds.and_then(Value::as_u64).unwrap_or(600)).max();
        Duration::from_secs(seconds.unwrap_or(600))
    }

    /// What is kept of it, so that a later release can bring it back. Migrations are not among them: what one has done is not done again by going back.
    ///
    /// # Errors
    ///
    /// When a Deployment has a name that Kubernetes would not take.
    pub fn payloads(&self) -> Result<Payloads, Unstorable> {
        let slots = self.slots.iter().map(|slots| (&slots.component, slots.objects().collect()));
        let rolling = self.rolling.iter().map(|rolling| (&rolling.component, vec![&rolling.deployment]));
        let components = slots.chain(rolling).map(|(component, objects): (_, Vec<&Value>)| {
            let name = objects[0].pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            Ok((component.clone(), Payload::new(name, &objects)?))
        });
        let lasting = |object: &&Value| migration::of(object) == Migration::None;
        let rest: Vec<&Value> = self.rest.iter().filter(lasting).collect();
        let rest = (!rest.is_empty()).then(|| Payload::new("objects", &rest)).transpose()?;
        Ok(Payloads { components: components.collect::<Result<_, Unstorable>>()?, rest })
    }
}

impl Payloads {
    /// All of them, in the order in which an account names them.
    pub fn all(&self) -> impl Iterator<Item = &Payload> {
        self.components.iter().map(|(_, payload)| payload).chain(&self.rest)
    }
}

/// Derives the objects of both slots of `components`, and changes what selects their pods.
///
/// `manifests` are all objects of the environment with images and configuration pinned, `overlays` what is laid over the
/// Deployment of slot b that they name.
///
/// # Errors
///
/// Everything that cannot be proven right.
pub fn derive(
    components: &[Component<'_>],
    manifests: &[Manifest],
    overlays: &[Manifest],
) -> Result<Derived, Vec<Diagnostic>> {
    let mut problems = unknown_overlays(components, overlays);
    let mut pairs = Vec::new();
    for component in components {
        match deployment::pair(&component.name.0, component.deployment, manifests) {
            Ok(pair) => pairs.push(pair),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut slots = Vec::new();
    for (component, pair) in components.iter().zip(&pairs) {
        match of_component(component, pair, &pairs, manifests, overlays) {
            Ok(derived) => slots.push(derived),
            Err(found) => problems.extend(found),
        }
    }
    let mut rest = Vec::new();
    for manifest in manifests {
        if owner(manifest, components, &pairs).is_none() {
            match adapted(manifest, &pairs) {
                Ok(object) => rest.push(object),
                Err(found) => problems.extend(found),
            }
        }
    }
    if problems.is_empty() { Ok(Derived { slots, rolling: Vec::new(), rest }) } else { Err(problems) }
}

/// The component that an object belongs to: to be written for one slot, or anew with each move of traffic.
fn owner(manifest: &Manifest, components: &[Component<'_>], pairs: &[Pair]) -> Option<usize> {
    let namespace = manifest.text("/metadata/namespace");
    let selects = |form: Form| {
        let value = manifest.object.pointer("/spec/selector")?;
        let selector = form.read(value, "/spec/selector").ok().filter(|selector| !selector.is_empty())?;
        let near = |pair: &Pair| pair.namespace.as_deref() == namespace && selector.matches(&pair.labels[0]);
        pairs.iter().position(near)
    };
    let is = |name: &str, kind: &str| {
        let deployment = |component: &Component<'_>| {
            component.deployment.name() == name
                && component.deployment.text("/metadata/namespace") == namespace
        };
        if kind == "Deployment" { components.iter().position(deployment) } else { None }
    };
    match manifest.kind() {
        "Service" => selects(Form::Plain),
        "PodDisruptionBudget" => selects(Form::Expressions),
        "HorizontalPodAutoscaler" => is(
            manifest.text("/spec/scaleTargetRef/name").unwrap_or_default(),
            manifest.text("/spec/scaleTargetRef/kind").unwrap_or_default(),
        ),
        kind => is(manifest.name(), kind),
    }
}

fn of_component(
    component: &Component<'_>,
    pair: &Pair,
    pairs: &[Pair],
    manifests: &[Manifest],
    overlays: &[Manifest],
) -> Result<Slots, Vec<Diagnostic>> {
    let deployment = component.deployment;
    let over = overlays.iter().find(|over| lies_over(over, deployment));
    let manifest_of = |kind: &'static str| {
        let own = move |manifest: &&Manifest| {
            manifest.kind() == kind
                && owner(manifest, std::slice::from_ref(component), std::slice::from_ref(pair)) == Some(0)
        };
        manifests.iter().filter(own)
    };
    let mut configuration = revision::configuration(deployment, manifests);
    configuration.extend(over.map(|over| revision::configuration(over, manifests)).into_iter().flatten());
    let template = |manifest: &'_ Manifest| manifest.object.pointer("/spec/template").cloned();
    let templates: Vec<Value> = [Some(deployment), over].into_iter().flatten().filter_map(template).collect();
    let changed: Vec<&str> = pair.changed.iter().map(|changed| changed.key.as_str()).collect();
    let revision = revision::revision(&templates.iter().collect::<Vec<_>>(), &changed, &configuration);

    let mut problems = Vec::new();
    let deployments = deployment::both(deployment, over, pairs, pair, &revision)
        .map_err(|found| problems.extend(found))
        .unwrap_or_default();
    let mut services = Vec::new();
    for manifest in manifest_of("Service") {
        let mut service = manifest.object.clone();
        let pointer = "/spec/selector";
        if let Some(selector) = service.pointer_mut(pointer) {
            problems.extend(adapt::adapt(selector, Form::Plain, (manifest, pointer), pairs, None));
        }
        services.push(service);
    }
    let service_is_made = services.is_empty();
    if service_is_made {
        services.extend(made_service(&component.name, deployment));
    }
    let mut budgets = [Vec::new(), Vec::new()];
    for manifest in manifest_of("PodDisruptionBudget") {
        match budget(manifest, pair) {
            Ok([a, b]) => {
                budgets[0].push(a);
                budgets[1].push(b);
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let replicas = |manifest: &Manifest| {
        manifest
            .object
            .pointer("/spec/replicas")
            .and_then(Value::as_u64)
            .and_then(|count| u32::try_from(count).ok())
    };
    Ok(Slots {
        component: component.name.clone(),
        revision,
        replicas: replicas(deployment).unwrap_or(1),
        replicas_on_trial: over.and_then(replicas),
        deployments,
        budgets,
        service_is_made: service_is_made && !services.is_empty(),
        services,
        autoscaler: manifest_of("HorizontalPodAutoscaler").next().map(|manifest| manifest.object.clone()),
    })
}

/// A Service for a component whose files have none: requests can only be moved where something shares them out. `None` where
/// the pods have no port to send them to.
fn made_service(name: &ComponentName, deployment: &Manifest) -> Option<Value> {
    let containers = deployment.object.pointer("/spec/template/spec/containers")?.as_array()?;
    let ports = containers.iter().filter_map(|container| container.get("ports")?.as_array()).flatten();
    let ports: Vec<Value> = ports
        .filter_map(|port| {
            let number = port.get("containerPort")?;
            let name = port.get("name").cloned().unwrap_or_else(|| json!(format!("port-{number}")));
            let protocol = port.get("protocol").cloned().unwrap_or_else(|| json!("TCP"));
            Some(json!({"name": name, "port": number, "targetPort": number, "protocol": protocol}))
        })
        .collect();
    if ports.is_empty() {
        return None;
    }
    let mut service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": deployment.name()},
        "spec": {"selector": {labels::SERVES: name}, "ports": ports},
    });
    if let Some(namespace) = deployment.text("/metadata/namespace") {
        manifest::set(&mut service, "/metadata/namespace", namespace);
    }
    Some(service)
}

/// A budget for each slot. A pod under two of them cannot be evicted, and one over both would count the standby as serving.
fn budget(manifest: &Manifest, pair: &Pair) -> Result<[Value; 2], Vec<Diagnostic>> {
    let pointer = "/spec/selector";
    let wrong = |(at, message): labels::Wrong| vec![manifest.diagnostic(&at, message)];
    let mut both = [manifest.object.clone(), manifest.object.clone()];
    manifest::set(&mut both[1], "/metadata/name", format!("{}{}", manifest.name(), Slot::B.suffix()));
    let stated = Selector::read(&manifest.object["spec"]["selector"], pointer).map_err(wrong)?;
    if stated.matches(&pair.labels[1]) {
        for (budget, slot) in both.iter_mut().zip([Slot::A, Slot::B]) {
            manifest::set(budget, &manifest::join("/spec/selector/matchLabels", SLOT), json!(slot));
        }
    } else if let Some(selector) = both[1].pointer_mut(pointer) {
        labels::rewrite(selector, false, pointer, &pair.changed, labels::Becomes::SlotB).map_err(wrong)?;
    }
    let selectors = both.iter().map(|budget| Selector::read(&budget["spec"]["selector"], pointer));
    let selectors = selectors.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let right = |one: usize, other: usize| {
        selectors[one].matches(&pair.labels[one]) && !selectors[one].matches(&pair.labels[other])
    };
    if right(0, 1) && right(1, 0) {
        return Ok(both);
    }
    let message = format!("{manifest} cannot be proven to have one slot each");
    Err(vec![manifest.diagnostic(pointer, message).label(format!("asks for {stated}"))])
}

/// An object that is written as it is but for the selectors of pods in it.
fn adapted(manifest: &Manifest, pairs: &[Pair]) -> Result<Value, Vec<Diagnostic>> {
    let pointers = match manifest.kind() {
        "NetworkPolicy" => {
            let mut pointers = vec!["/spec/podSelector".to_owned()];
            for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
                let count = |pointer: &str| {
                    manifest.object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
                };
                for rule in 0..count(&format!("/spec/{direction}")) {
                    let list = format!("/spec/{direction}/{rule}/{peers}");
                    pointers.extend((0..count(&list)).map(|peer| format!("{list}/{peer}/podSelector")));
                }
            }
            pointers
        }
        "PodMonitor" => vec!["/spec/selector".to_owned()],
        kind => images::pod_template(kind)
            .map(|template| deployment::pod_selectors(&manifest.object, template))
            .unwrap_or_default(),
    };
    let mut object = manifest.object.clone();
    let mut problems = Vec::new();
    for pointer in pointers {
        if let Some(selector) = object.pointer_mut(&pointer) {
            problems.extend(adapt::adapt(selector, Form::Expressions, (manifest, &pointer), pairs, None));
        }
    }
    if problems.is_empty() { Ok(object) } else { Err(problems) }
}

fn lies_over(over: &Manifest, deployment: &Manifest) -> bool {
    let name = over.name().strip_suffix(Slot::B.suffix());
    over.kind() == "Deployment"
        && name == Some(deployment.name())
        && over
            .text("/metadata/namespace")
            .is_none_or(|own| Some(own) == deployment.text("/metadata/namespace"))
}

/// A problem for each overlay that lies over nothing.
fn unknown_overlays(components: &[Component<'_>], overlays: &[Manifest]) -> Vec<Diagnostic> {
    let lost = overlays
        .iter()
        .filter(|over| !components.iter().any(|component| lies_over(over, component.deployment)));
    lost.map(|over| {
        let names: Vec<String> = components
            .iter()
            .map(|component| format!("{}{}", component.deployment.name(), Slot::B.suffix()))
            .collect();
        let message = format!("{over} lies over no slot b");
        let problem = over.diagnostic("/metadata/name", message);
        match suggest::nearest(over.name(), names.iter().map(String::as_str)) {
            Some(nearest) if nearest != over.name() => problem.help(format!("did you mean `{nearest}`?")),
            _ => problem.help(format!("there are the Deployments `{}`", names.join("`, `"))),
        }
    })
    .collect()
}
