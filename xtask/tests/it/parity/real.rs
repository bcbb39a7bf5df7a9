//! A real cluster as a stage: through the requests and the looks that a release makes, and no others.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use xtask::core::mask::Mask;
use xtask::core::release::effect::{Change, EffectId, Object, Outcome};
use xtask::core::release::health::Sightings;
use xtask::core::release::labels;
use xtask::core::release::model::{Fence, Revision, Slot};
use xtask::core::release::view::{Traffic, View};
use xtask::core::release::wire::{Look, Manager, Moment, Order, Owner, outcome};
use xtask::driver::cancel::Cancel;
use xtask::driver::environment::Environment;
use xtask::driver::kubectl::{Kubectl, Means, Target};
use xtask::driver::platform;
use xtask::driver::process::Processes;
use xtask::tasks::release::{ask_all, carry};

use super::objects::Objects;
use super::play::{self, Stage};
use super::situations::{Deed, Kind, Situation, Upon};
use crate::cluster::harness::{Cluster, Namespace, eventually};

struct Real<'c> {
    namespace: Namespace<'c>,
    cluster: &'c Cluster,
    objects: Objects,
    kubectl: Kubectl,
    sightings: Sightings,
    began: Instant,
    last: Option<Look>,
    kept: Option<Look>,
    effects: u64,
}

/// The normal form of a situation.
pub(super) fn play(cluster: &Cluster, situation: &Situation, image: &str) -> String {
    let namespace = Namespace::new(cluster, "parity");
    let objects = Objects::new(namespace.name(), situation.kind, Some(image));
    let before = objects.before(situation.kind == Kind::Scaled);
    let before = json!({"apiVersion": "v1", "kind": "List", "items": before}).to_string();
    let manager = format!("--field-manager={}", Manager::Manifests.name());
    let arguments = ["--namespace", namespace.name(), "apply", "--server-side", &manager, "--filename=-"];
    cluster.kubectl_as(cluster.kubeconfig(), &arguments, &before).ok();
    let kubectl = kubectl(cluster, namespace.name());
    let mut stage = Real {
        namespace,
        cluster,
        objects,
        kubectl,
        sightings: Sightings::default(),
        began: Instant::now(),
        last: None,
        kept: None,
        effects: 0,
    };
    loop {
        let view = stage.look();
        let part = &view.parts[0];
        if part.serving(Slot::A) == 3 && part.slot(Slot::A).is_some_and(|read| read.object.available == 3) {
            break;
        }
        assert!(stage.began.elapsed() < Duration::from_mins(2), "{view:?}");
    }
    let steps = situation.steps(&stage.objects);
    play::play(&mut stage, &steps)
}

fn kubectl(cluster: &Cluster, namespace: &str) -> Kubectl {
    let context = cluster.kubectl(&["config", "current-context"]).ok();
    let cancel = Cancel::default();
    let variables = [
        ("PATH", std::env::var("PATH").unwrap()),
        ("HOME", std::env::var("HOME").unwrap()),
        ("KUBECONFIG", cluster.kubeconfig().display().to_string()),
    ];
    let means = Means {
        environment: Environment::new(variables.map(|(name, value)| (name.to_owned(), value))),
        variables: Vec::new(),
        runner: Arc::new(Processes::new(cancel.clone())),
        cancel,
        mask: Mask::default(),
        folder: PathBuf::from("/"),
        deadline: None,
    };
    let target = Target {
        cluster: "parity".to_owned(),
        context: context.trim().to_owned(),
        namespace: namespace.to_owned(),
        kubeconfig: None,
    };
    Kubectl::new(means, target)
}

impl Real<'_> {
    fn name(slot: Slot) -> &'static str {
        match slot {
            Slot::A => "app",
            Slot::B => "app-b",
        }
    }

    fn by_hand(&self, arguments: &[&str]) {
        self.namespace.kubectl(arguments).ok();
    }
}

impl Stage for Real<'_> {
    fn look(&mut self) -> View {
        let moment = Moment { began: self.began.elapsed(), taken_at: platform::since_epoch() };
        let objects = ask_all(&self.kubectl, &self.objects.inventory.questions()).unwrap();
        let look = self.objects.inventory.look(&objects, moment, &mut self.sightings).unwrap();
        self.last.insert(look).view.clone()
    }

    fn remember(&mut self) {
        self.kept.clone_from(&self.last);
    }

    fn write(&mut self, object: Object, change: &Change, upon: Upon) -> Outcome {
        let look = match upon {
            Upon::Last => &self.last,
            Upon::Kept => &self.kept,
        };
        let look = look.as_ref().unwrap();
        self.effects += 1;
        let version = look.view.version(object);
        let (effect, at) = (EffectId(self.effects), platform::since_epoch());
        let order = Order { effect, object, version, fence: Fence(1), change, at };
        let owner = Owner { number: 7, name: "parity".to_owned() };
        match self.objects.inventory.write(look, order, &owner) {
            Ok(request) => outcome(&carry(&self.kubectl, &request)),
            Err(unwritten) => unwritten.into(),
        }
    }

    fn act(&mut self, deed: &Deed) {
        match *deed {
            Deed::Scale(slot, pods) => {
                self.by_hand(&["scale", "deployment", Self::name(slot), &format!("--replicas={pods}")]);
            }
            Deed::Select(traffic) => {
                let selector = match traffic {
                    Traffic::One(slot) => json!({(labels::SERVES): "app", (labels::SLOT): slot}),
                    Traffic::Both => json!({(labels::SERVES): "app"}),
                    _ => json!({"app": "somebody-else"}),
                };
                let patch = json!([{"op": "replace", "path": "/spec/selector", "value": selector}]);
                self.by_hand(&["patch", "service", "app", "--type=json", "--patch", &patch.to_string()]);
            }
            Deed::Delete(object) => {
                for identity in self.objects.inventory.identities(object) {
                    let what = format!("{}/{}", identity.kind.to_lowercase(), identity.name);
                    self.by_hand(&["delete", &what, "--wait=false"]);
                }
            }
            Deed::Quota(pods) => self.by_hand(&["create", "quota", "few", &format!("--hard=pods={pods}")]),
            Deed::LosePod => {
                let pods = self.namespace.json(&["pods"]).unwrap();
                let pod = pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
                self.by_hand(&["delete", "pod", &pod, "--grace-period=0", "--force"]);
            }
            Deed::Own => {
                let arguments = [
                    "--namespace",
                    self.namespace.name(),
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=somebody",
                    "--filename=-",
                ];
                let map = json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
                    "data": {"greeting": "good morning"},
                });
                let cluster = self.cluster;
                cluster.kubectl_as(cluster.kubeconfig(), &arguments, &map.to_string()).ok();
                eventually("it is written", Duration::from_secs(10), || {
                    self.namespace.json(&["configmap", "settings"])
                });
            }
        }
    }

    fn now(&mut self) -> Duration {
        self.began.elapsed()
    }

    fn revisions(&self) -> [Revision; 2] {
        self.objects.revisions()
    }
}
