//! A repository whose one component runs in a namespace of its own, and the program run in it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::files::{MANIFESTS, configuration};
use super::load::{Load, ask};
use super::run::{Ran, Running};
use crate::cluster::deployer::Deployer;
use crate::cluster::harness::{Cluster, Namespace, Said, eventually};
use crate::program;
use crate::repository::Repository;

/// Longer than any step takes on a slow machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// Requests a second. The machine that runs the tests runs the cluster as well.
pub(crate) const RATE: u32 = 50;

/// Where its manifests are.
pub(super) const TEMPLATE: &str = "k8s/app.template.yml";

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
    /// Who releases it: the program has the rights of `k8s/rbac/` and no others. What a test does by hand is an
    /// administrator's.
    pub(crate) deployer: Deployer<'c>,
}

impl<'c> Shop<'c> {
    /// A shop that has not released anything. `None`, said, where the cluster is not a node of our own: requests go to the
    /// address of a Service, and images are pulled from a registry of ours.
    pub(crate) fn new(cluster: &'c Cluster, name: &str, how: How, bake: &str) -> Option<Self> {
        let digest = cluster.push_application("shop/app:v1", "image")?;
        let namespace = Namespace::new(cluster, name);
        let deployer = Deployer::new(cluster, &namespace);
        let shop = Self { cluster, namespace, repository: Repository::new(), deployer };
        let context = cluster.kubectl(&["config", "current-context"]).ok();
        let configuration = configuration(shop.namespace.name(), context.trim(), how, bake, &digest);
        shop.repository.write("xtask.toml", &configuration);
        shop.repository.write(TEMPLATE, MANIFESTS);
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

    /// From now on it has these objects, too.
    pub(crate) fn add(&self, manifests: &str) {
        self.repository.write(TEMPLATE, &format!("{}{manifests}", self.repository.read(TEMPLATE)));
    }

    /// From now on a release bakes for this long, and not for a second.
    pub(crate) fn bakes(&self, bake: &str) {
        self.repository.edit("xtask.toml", "bake = \"1s\"", &format!("bake = \"{bake}\""));
    }

    /// The program, in this repository, with these variables beside those that everybody has.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = program::with_default_signals(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).current_dir(self.repository.root()).stdin(Stdio::null()).env_clear();
        let inherited = ["PATH", "HOME", "LANG", program::COUNTS]
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(inherited).env("USER", "tester").env("KUBECONFIG", self.deployer.kubeconfig());
        command.envs(variables.iter().copied());
        command
    }

    /// Runs it to its end.
    pub(crate) fn xtask(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        self.start(arguments, variables).end()
    }

    /// Starts it.
    pub(crate) fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        Running::start(&mut self.command(arguments, variables))
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

    /// The image that it releases where nothing else is said.
    pub(crate) fn image(&self) -> String {
        let configuration = self.repository.read("xtask.toml");
        configuration.split('"').find(|text| text.starts_with("ghcr.io/")).unwrap().to_owned()
    }

    /// The manifests as somebody would write them who has never heard of this program.
    pub(crate) fn plain(&self, version: &str, variables: &[(&str, &str)]) -> String {
        let image = self.image();
        let others = [
            ("IMAGE", image.as_str()),
            ("VERSION", version),
            ("LATENCY", "1ms"),
            ("FAULT", "NOTHING"),
            ("VALUE", "wrong"),
        ];
        let text = self.repository.read(TEMPLATE);
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

    /// Whether somebody has left the wish that the release under way ends.
    pub(crate) fn is_to_end(&self) -> bool {
        let under_way =
            self.ledger().and_then(|ledger| serde_json::from_str(ledger["under-way"].as_str()?).ok());
        under_way.is_some_and(|under_way: Value| under_way["abort"] == true)
    }

    /// Waits until the release under way is in this phase.
    #[track_caller]
    pub(crate) fn until(&self, phase: &str) {
        eventually(phase, LIMIT, || (self.phase()? == phase).then_some(()));
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
