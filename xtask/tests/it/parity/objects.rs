//! The one component of a situation, as its manifests state it: what serves, and what is new.

use std::time::Duration;

use serde_json::{Value, json};
use xtask::core::release::images::Image;
use xtask::core::release::model::{ComponentName, Content, Revision, Slot};
use xtask::core::release::objects::{self, Source};
use xtask::core::release::plan::{
    Live, LiveComponent, Measures, Migration, Plan, Strategy, Wanted, Wish, content, plan,
};
use xtask::core::release::slots::{self, Component, Derived};
use xtask::core::release::template::Variables;
use xtask::core::release::view::Traffic;
use xtask::core::release::wire::Inventory;
use xtask::core::release::{labels, manifest};

use super::situations::Kind;
use crate::wire::kept;

const MANIFESTS: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  replicas: 3
  minReadySeconds: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      automountServiceAccountToken: false
      dnsPolicy: Default
      terminationGracePeriodSeconds: 15
      containers:
        - name: app
          image: ${IMAGE}
          env:
            - {name: VERSION, value: "${VERSION}"}
            - {name: "${FAULT}", value: "${VALUE}"}
          ports: [{name: http, containerPort: 8000}]
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          resources: {requests: {cpu: "${CPU}", memory: 16Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  minReplicas: 3
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  labels: {vitalyst.io/migration: expand}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app: migrate}}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      dnsPolicy: Default
      containers:
        - name: migrate
          image: ${IMAGE}
          args: [migrate]
          env: [{name: MIGRATION_TAKES, value: 2s}, {name: "${FAULT}", value: "${VALUE}"}]
          resources: {requests: {cpu: 10m, memory: 16Mi}}
"#;

/// What is released.
pub(super) struct Objects {
    old: Derived,
    plan: Plan,
    /// What the machine's words mean to a server.
    pub(super) inventory: Inventory,
}

impl Objects {
    /// The objects of a new release of that kind, in a namespace; `image` is the application, by its digest.
    pub(super) fn new(namespace: &str, kind: Kind, image: Option<&str>) -> Self {
        let absent = format!("ghcr.io/parity/app@sha256:{}", "0".repeat(64));
        let image = image.unwrap_or(
            "ghcr.io/parity/app@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        );
        let old = derived(image, "one", ["NOTHING", "wrong"], "10m");
        let fault = match kind {
            Kind::Crashes => ["CRASH_AFTER", "300ms"],
            Kind::Slow => ["READY_AFTER", "8s"],
            Kind::NeverReady => ["UNREADY", "true"],
            Kind::MigrationFails => ["MIGRATION_FAILS", "true"],
            Kind::Good | Kind::NoImage | Kind::TooLarge | Kind::Scaled => ["NOTHING", "wrong"],
        };
        let image = if kind == Kind::NoImage { &absent } else { image };
        let new = derived(image, "two", fault, if kind == Kind::TooLarge { "100" } else { "10m" });
        let plan = plan(&wish(), &new, &live(&old, namespace)).unwrap();
        let inventory = Inventory::new(&plan, &new, namespace, kept(Some(&old))).unwrap();
        Self { old, plan, inventory }
    }

    /// What serves, and what is new.
    pub(super) fn revisions(&self) -> [Revision; 2] {
        let part = &self.plan.parts[0];
        [part.old.clone().unwrap(), part.new.clone()]
    }

    /// What the further object is to say.
    pub(super) fn content(&self) -> Content {
        self.plan.further[0].new.clone()
    }

    /// What is in the cluster before, as the release before has stated it: what serves, in slot a, its Service, and the
    /// autoscaler where there is one.
    pub(super) fn before(&self, is_scaled: bool) -> Vec<Value> {
        let slots = &self.old.slots[0];
        let autoscaler = slots.autoscaler(Slot::A).filter(|_| is_scaled);
        let stated =
            [slots.deployment(Slot::A).clone()].into_iter().chain(slots.services(Traffic::One(Slot::A)));
        let mut objects: Vec<Value> = stated.chain(autoscaler).collect();
        for object in &mut objects {
            let stated = format!("parity-1 {}", content(object).0);
            manifest::set(object, &manifest::join("/metadata/annotations", labels::STATED), stated);
        }
        objects[0]["spec"]["replicas"] = json!(3);
        objects
    }
}

fn derived(image: &str, version: &str, [fault, value]: [&str; 2], cpu: &str) -> Derived {
    let values = [("IMAGE", image), ("VERSION", version), ("FAULT", fault), ("VALUE", value), ("CPU", cpu)];
    let file = Source { path: "k8s/app.template.yml".into(), text: MANIFESTS.to_owned(), template: true };
    let none: [Image; 0] = [];
    let objects = objects::read(&[file], &[], Variables::new("variables", values), &none).unwrap();
    let deployment = objects.manifests.iter().find(|manifest| manifest.kind() == "Deployment").unwrap();
    let component = Component { name: name(), deployment };
    slots::derive(&[component], &objects.manifests, &[]).unwrap()
}

fn name() -> ComponentName {
    ComponentName("app".into())
}

/// What is read of the cluster before.
fn live(old: &Derived, namespace: &str) -> Live {
    let slots = &old.slots[0];
    let component =
        LiveComponent { name: name(), slot: Slot::A, revision: slots.revision.clone(), replicas: 3 };
    let mut objects = vec![slots.deployment(Slot::A).clone()];
    objects.extend(slots.services(Traffic::One(Slot::A)));
    for (number, object) in objects.iter_mut().enumerate() {
        object["metadata"]["uid"] = json!(format!("uid-{number}"));
        object["metadata"]["resourceVersion"] = json!("7");
    }
    Live {
        release: Some("parity-1".parse().unwrap()),
        components: vec![component],
        namespace: namespace.to_owned(),
        objects,
        number: 1,
        ..Live::default()
    }
}

fn wish() -> Wish {
    Wish {
        release: "parity-2".parse().unwrap(),
        context: "parity".to_owned(),
        components: vec![Wanted { name: name(), strategy: Strategy::Flip, measures: Measures::default() }],
        migration: Migration::Expand,
        without_way_back: false,
        commit: None,
        commits: Vec::new(),
        remarks: Vec::new(),
        bake: Duration::from_secs(1),
        frozen: None,
        freeze_overridden: None,
    }
}
