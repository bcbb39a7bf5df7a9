//! A repository whose one component runs in a namespace of its own, and the program run in it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use xtask::core::registry::Digest;

use super::load::{Load, ask};
use crate::cluster::harness::{Cluster, Namespace, Said, eventually};
use crate::program;
use crate::repository::Repository;

/// Longer than any step takes on a slow machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// Requests a second. The machine that runs the tests runs the cluster as well.
pub(crate) const RATE: u32 = 50;

/// Its settings come from a ConfigMap: a change of them alone is a release, too.
const MANIFESTS: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  LATENCY: ${LATENCY}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels: {app: app}
spec:
  replicas: 3
  minReadySeconds: 1
  progressDeadlineSeconds: 60
  selector:
    matchLabels: {app: app}
  template:
    metadata:
      labels: {app: app}
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
          envFrom: [{configMapRef: {name: settings}}]
          ports: [{name: http, containerPort: 8000}]
          readinessProbe:
            httpGet: {path: /ready, port: http}
            periodSeconds: 1
          lifecycle:
            preStop: {sleep: {seconds: 3}}
          resources:
            requests: {cpu: 10m, memory: 16Mi}
            limits: {cpu: 200m, memory: 64Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: app
spec:
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: http}]
"#;

/// The phases of a release without steps, in their order, as the ledger names them.
pub(crate) const PHASES: [&str; 9] =
    ["intended", "stated", "floored", "staged", "promoting", "flipping", "verifying", "baking", "cleaning"];

/// How the component is released.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Flip,
    Canary,
}

/// The repository, and where it is released to.
pub(crate) struct Shop<'c> {
    pub(crate) cluster: &'c Cluster,
    pub(crate) namespace: Namespace<'c>,
    pub(crate) repository: Repository,
}

/// How the program ended, what it said, and how long it took.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    /// What it said, as a terminal would show it.
    pub(crate) text: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Asserts the exit code, and that all of `words` were said.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        for words in words {
            assert!(self.text.contains(words), "`{words}` was not said:\n{}", self.text);
        }
        self
    }
}

impl<'c> Shop<'c> {
    /// A shop that has not released anything. `None`, said, where the cluster is not a node of our own: requests go to the
    /// address of a Service, and images are pulled from a registry of ours.
    pub(crate) fn new(cluster: &'c Cluster, name: &str, how: How, bake: &str) -> Option<Self> {
        let digest = cluster.push_application("shop/app:v1", "image")?;
        let shop = Self { cluster, namespace: Namespace::new(cluster, name), repository: Repository::new() };
        let context = cluster.kubectl(&["config", "current-context"]).ok();
        let strategy = match how {
            How::Flip => "strategy = \"flip\"",
            How::Canary => "strategy = \"canary\"\nsteps = [\"10 %\", \"50 %\"]",
        };
        shop.repository.write(
            "xtask.toml",
            &configuration(shop.namespace.name(), context.trim(), strategy, bake, &digest),
        );
        shop.repository.write("k8s/app.template.yml", MANIFESTS);
        Some(shop)
    }

    /// A shop whose release `test-1` is version `one`, and serves.
    pub(crate) fn open(cluster: &'c Cluster, name: &str, how: How, bake: &str) -> Option<Self> {
        let shop = Self::new(cluster, name, how, "1s")?;
        shop.deploy("one", &[]).expect(0, &[]);
        shop.bakes(bake);
        shop.serves("one");
        Some(shop)
    }

    /// From now on a release bakes for this long, and not for a second.
    pub(crate) fn bakes(&self, bake: &str) {
        self.repository.edit("xtask.toml", "bake = \"1s\"", &format!("bake = \"{bake}\""));
    }

    /// The program, in this repository, with these variables beside those that everybody has.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = program::with_default_signals(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).current_dir(self.repository.root()).stdin(Stdio::null()).env_clear();
        let inherited =
            ["PATH", "HOME", "LANG"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(inherited).env("USER", "tester").env("KUBECONFIG", self.cluster.kubeconfig());
        command.envs(variables.iter().copied());
        command
    }

    /// Runs it to its end.
    pub(crate) fn xtask(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        self.start(arguments, variables).end()
    }

    /// Starts it.
    pub(crate) fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        let output = tempfile::Builder::new().prefix("said").tempfile().unwrap();
        let (file, path) = output.keep().unwrap();
        let began = Instant::now();
        let child = self
            .command(arguments, variables)
            .stdout(file.try_clone().unwrap())
            .stderr(File::options().append(true).open(&path).unwrap())
            .spawn()
            .unwrap();
        Running { child, path, began }
    }

    /// Releases a version, with something wrong with it.
    pub(crate) fn deploy(&self, version: &str, variables: &[(&str, &str)]) -> Ran {
        self.start_deploy(version, variables).end()
    }

    /// Begins to.
    pub(crate) fn start_deploy(&self, version: &str, variables: &[(&str, &str)]) -> Running {
        self.start(&["deploy", "--yes"], &[&[("VERSION", version)], variables].concat())
    }

    /// The address of the Service.
    pub(crate) fn address(&self) -> SocketAddr {
        let service = self.namespace.json(&["service", "app"]).unwrap();
        let address = service["spec"]["clusterIP"].as_str().unwrap();
        SocketAddr::new(address.parse().unwrap(), 80)
    }

    /// The manifests as somebody would write them who has never heard of this program.
    pub(crate) fn plain(&self, version: &str, variables: &[(&str, &str)]) -> String {
        let configuration = self.repository.read("xtask.toml");
        let image = configuration.split('"').find(|text| text.starts_with("ghcr.io/")).unwrap();
        let others = [
            ("IMAGE", image),
            ("VERSION", version),
            ("LATENCY", "1ms"),
            ("FAULT", "NOTHING"),
            ("VALUE", "wrong"),
        ];
        let text = self.repository.read("k8s/app.template.yml");
        variables
            .iter()
            .chain(&others)
            .fold(text, |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }

    /// Runs kubectl in the namespace with something to read.
    pub(crate) fn kubectl_with(&self, arguments: &[&str], input: &str) -> Said {
        let arguments = [&["--namespace", self.namespace.name()], arguments].concat();
        self.cluster.kubectl_as(self.cluster.kubeconfig(), &arguments, input)
    }

    /// Users of the Service.
    pub(crate) fn load(&self) -> Load {
        Load::new(self.address(), RATE)
    }

    /// Asserts that this version answers, and no other.
    #[track_caller]
    pub(crate) fn serves(&self, version: &str) {
        let address = self.address();
        for _ in 0..12 {
            assert_eq!(ask(address), Ok((true, version.to_owned())));
        }
    }

    /// What the ledger says, by its keys.
    pub(crate) fn ledger(&self) -> Option<Value> {
        Some(self.namespace.json(&["configmap", "vitalyst-ledger-test"])?["data"].take())
    }

    /// How far the release under way is, in the words of the ledger.
    pub(crate) fn phase(&self) -> Option<String> {
        let under_way: Value = serde_json::from_str(self.ledger()?["under-way"].as_str()?).unwrap();
        let phase = &under_way["phase"];
        Some(phase.as_str().map_or_else(|| phase.to_string(), str::to_owned))
    }

    /// Waits until the release under way is in this phase.
    #[track_caller]
    pub(crate) fn until(&self, phase: &str) {
        eventually(phase, LIMIT, || (self.phase()? == phase).then_some(()));
    }

    /// Waits until the release under way is in this phase or a later one, and returns which.
    #[track_caller]
    pub(crate) fn until_at_least(&self, phase: &str) -> String {
        let place = |phase: &str| PHASES.iter().position(|other| *other == phase);
        eventually(phase, LIMIT, || self.phase().filter(|reached| place(reached) >= place(phase)))
    }

    /// What became of a release.
    pub(crate) fn state(&self, release: &str) -> String {
        let entry = self.ledger().unwrap()[release].as_str().unwrap_or_default().to_owned();
        let entry: Value = serde_json::from_str(&entry).unwrap_or_default();
        entry["is"].as_str().unwrap_or_default().to_owned()
    }

    /// How many pods a Deployment is to have; 0 where it is not there.
    pub(crate) fn replicas(&self, deployment: &str) -> i64 {
        let found = self.namespace.json(&["deployment", deployment]);
        found.and_then(|found| found["spec"]["replicas"].as_i64()).unwrap_or(0)
    }

    /// Asserts that nothing is under way, and that one slot has all the pods.
    #[track_caller]
    pub(crate) fn is_at_rest(&self) {
        let ledger = self.ledger().unwrap();
        assert!(ledger.get("under-way").is_none(), "{ledger}");
        let mut replicas = [self.replicas("app"), self.replicas("app-b")];
        replicas.sort_unstable();
        assert_eq!(replicas, [0, 3]);
    }
}

fn configuration(namespace: &str, context: &str, strategy: &str, bake: &str, digest: &Digest) -> String {
    format!(
        r#"[project]
name = "shop"

[release]
order = ["app"]
bake = "{bake}"

[release.components.app]
deployment = "app"
{strategy}
metrics = {{ port = 8000, path = "/metrics" }}
smoke = [{{ path = "/health" }}]

[release.components.app.objectives]
errors = {{ bad = 'http_requests_total{{status=~"5xx"}}', total = "http_requests_total", rate-max = "1 %" }}

[environments.test]
manifests = ["k8s/app.template.yml"]
namespace = "{namespace}"
context = "{context}"

[environments.test.variables]
IMAGE = {{ env = "IMAGE", default = "ghcr.io/shop/app@{digest}" }}
VERSION = {{ env = "VERSION", default = "one" }}
LATENCY = {{ env = "LATENCY", default = "1ms" }}
FAULT = {{ env = "FAULT", default = "NOTHING" }}
VALUE = {{ env = "VALUE", default = "wrong" }}
"#
    )
}

/// The program while it runs. It is killed where the test ends before.
pub(crate) struct Running {
    child: Child,
    path: PathBuf,
    began: Instant,
}

impl Running {
    /// When it was started.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let code = status.code().unwrap_or(-1);
                return Ran { code, text: self.said(), took: self.began.elapsed() };
            }
            assert!(self.began.elapsed() < LIMIT * 4, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it, as the end of its machine would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.path));
    }
}
