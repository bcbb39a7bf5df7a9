//! Finds a cluster for the tests, and speaks to it as they need.
//!
//! The first that is there is taken: the one that `XTASK_TEST_KUBECONFIG` names, a kind or k3d cluster called `xtask-test`, a
//! node of our own (`xtask/tools/cluster`), where `XTASK_TEST_CLUSTER=1` says so or where it was built before. The tests of a
//! process share one; each has a namespace of its own on it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use xtask::core::registry::Digest;

use super::node::{self, Node, Part};
use crate::registry::push_image;

/// What says that a machine must have one, so that a skip does not hide that nothing was tried.
const REQUIRED: &str = "XTASK_TEST_CLUSTER";

/// Names the kubeconfig of a cluster that somebody else takes care of. Its current context is the one.
const GIVEN: &str = "XTASK_TEST_KUBECONFIG";

/// How clusters of kind and k3d are called that are meant for these tests.
const NAME: &str = "xtask-test";

/// The image that the tests deploy; `xtask/tools/cluster/application` says what it can be told to do wrong.
pub(crate) const APPLICATION: &str = "xtask.test/application:1";

/// A cluster, for all tests of this process.
pub(crate) struct Cluster {
    source: Source,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    /// Where kubectl keeps what it has learned of the API.
    cache: PathBuf,
}

enum Source {
    Given,
    Kind,
    K3d,
    Own(Node),
}

/// How kubectl ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// What it printed, where it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }
}

impl Cluster {
    /// The cluster. `None`, said, where there is none and need not be.
    pub(crate) fn get() -> Option<&'static Self> {
        static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
        match CLUSTER.get_or_init(find) {
            Ok(cluster) => Some(cluster),
            Err(reason) => {
                assert!(!required(), "{REQUIRED} is set, and there is no cluster: {reason}");
                println!("skipped: no cluster to test on: {reason} (docs/guides/test-cluster.md)");
                None
            }
        }
    }

    /// A node of our own for one test, which may stop parts of it; it goes with the value. `None`, said, where there can be
    /// none and need not be. It takes some seconds and 0.8 GB, so what can be tried on a shared one is tried there.
    pub(crate) fn alone() -> Option<Self> {
        match own() {
            Ok(cluster) => Some(cluster),
            Err(reason) => {
                assert!(!required(), "{REQUIRED} is set, and there is no node of our own: {reason}");
                println!("skipped: no node of our own: {reason} (docs/guides/test-cluster.md)");
                None
            }
        }
    }

    /// The node, where it is one of our own: only its parts can be stopped, and only its pods and Services be reached at
    /// their addresses.
    pub(crate) fn node(&self) -> Option<&Node> {
        match &self.source {
            Source::Own(node) => Some(node),
            Source::Given | Source::Kind | Source::K3d => None,
        }
    }

    /// The administrator's.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The program that speaks to this cluster: where it is a node of our own, kubectl in its version.
    pub(crate) fn kubectl_program(&self) -> &Path {
        &self.kubectl
    }

    /// Runs kubectl as the administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Said {
        self.kubectl_as(&self.kubeconfig, arguments, "")
    }

    /// Runs kubectl with a kubeconfig and something to read.
    pub(crate) fn kubectl_as(&self, kubeconfig: &Path, arguments: &[&str], input: &str) -> Said {
        let mut child = Command::new(&self.kubectl)
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .env("KUBECACHEDIR", &self.cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end without having read it, and then says why.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// An object as JSON, or a list; `None` where kubectl does not get it.
    pub(crate) fn json(&self, arguments: &[&str]) -> Option<Value> {
        let said = self.kubectl(&[&["get", "--output=json"], arguments].concat());
        serde_json::from_str(&said.stdout).ok().filter(|_| said.code == 0)
    }

    /// A kubeconfig with which one is a service account, for an hour; the file goes away with the value.
    pub(crate) fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> NamedTempFile {
        let token = self.kubectl(&["create", "token", name, "--namespace", namespace, "--duration=1h"]).ok();
        let admin = self.kubectl(&["config", "view", "--raw", "--flatten", "--minify", "--output=json"]).ok();
        let mut config: Value = serde_json::from_str(&admin).unwrap();
        config["users"] = json!([{"name": name, "user": {"token": token.trim()}}]);
        config["contexts"][0]["context"]["user"] = json!(name);
        config["contexts"][0]["context"]["namespace"] = json!(namespace);
        // Only its owner may read it: `tempfile` makes files so.
        let mut file = tempfile::Builder::new().suffix(".kubeconfig").tempfile().unwrap();
        file.write_all(config.to_string().as_bytes()).unwrap();
        file
    }

    /// The port of this machine at which images are pushed for this cluster; what it pulls comes from there, whatever the
    /// registry in a reference is called.
    pub(crate) fn registry(&self) -> Option<u16> {
        self.node().map(Node::registry)
    }

    /// Pushes the application as `name` (`owner/application:v1`), with a version of its own, and returns the digest by which
    /// any reference that ends in `owner/application` is pulled. `None`, said, where the cluster has no registry of ours.
    pub(crate) fn push_application(&self, name: &str, version: &str) -> Option<Digest> {
        let Some(port) = self.registry() else {
            println!("skipped: the cluster pulls from no registry of ours");
            return None;
        };
        let scratch = tempfile::tempdir().unwrap();
        let archive = node::built()?.application();
        run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(scratch.path())).unwrap();
        let read = |name: &str| std::fs::read(scratch.path().join(name)).unwrap();
        let mut config: Value = serde_json::from_slice(&read("config.json")).unwrap();
        config["config"]["Env"] = json!([format!("VERSION={version}")]);
        let registry = format!("localhost:{port}");
        Some(push_image(&registry, name, config.to_string().as_bytes(), &read("layer.tar")))
    }

    /// Gives the cluster the images of an archive of `docker save`.
    pub(crate) fn import(&self, archive: &Path) -> Result<(), String> {
        let mut command = match &self.source {
            Source::Own(node) => return node.import(archive),
            // Whoever gives a cluster has seen to it that it knows the images.
            Source::Given => return Ok(()),
            Source::Kind => {
                let mut command = Command::new("kind");
                command.args(["load", "image-archive"]).arg(archive).args(["--name", NAME]);
                command
            }
            Source::K3d => {
                let mut command = Command::new("k3d");
                command.args(["image", "import"]).arg(archive).args(["--cluster", NAME]);
                command
            }
        };
        run(&mut command).map(drop)
    }

    /// Kills a part of the node as a crash would, for as long as the value lives. For a cluster that the test has
    /// [`Self::alone`]: the other tests on a shared one would fail.
    pub(crate) fn without(&self, part: Part) -> Without<'_> {
        let node = self.node().expect("parts of other clusters cannot be stopped");
        node.stop(part).unwrap();
        Without { cluster: self, node, part }
    }

    /// Waits until the API server answers.
    #[track_caller]
    pub(crate) fn wait_until_ready(&self) {
        let ready = || (self.kubectl(&["get", "--raw", "/readyz"]).code == 0).then_some(());
        eventually("the API server is ready", Duration::from_mins(1), ready);
    }
}

/// A part of the node that is not there; it comes back with the end of this value.
pub(crate) struct Without<'a> {
    cluster: &'a Cluster,
    node: &'a Node,
    part: Part,
}

impl Drop for Without<'_> {
    fn drop(&mut self) {
        let again = self.node.start_again(self.part);
        // A test that is failing already is not to be aborted by a second failure.
        if !std::thread::panicking() {
            again.unwrap();
            self.cluster.wait_until_ready();
        }
    }
}

/// A namespace of a test's own, which goes away with the value and everything in it.
pub(crate) struct Namespace<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> Namespace<'a> {
    /// Makes one whose name begins with `name`; the rest tells it from those of other runs on the same cluster.
    pub(crate) fn new(cluster: &'a Cluster, name: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{}-{number}", std::process::id());
        cluster.kubectl(&["create", "namespace", &name]).ok();
        let namespace = Self { cluster, name };
        // A pod that is made before its service account is refused.
        eventually("the namespace has its service account", Duration::from_mins(1), || {
            namespace.json(&["serviceaccount", "default"])
        });
        namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs kubectl as the administrator, in this namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Said {
        self.cluster.kubectl(&[&["--namespace", &self.name], arguments].concat())
    }

    /// Applies manifests, YAML or JSON.
    #[track_caller]
    pub(crate) fn apply(&self, manifests: &str) {
        let arguments = ["--namespace", &self.name, "apply", "--server-side", "--filename=-"];
        self.cluster.kubectl_as(&self.cluster.kubeconfig, &arguments, manifests).ok();
    }

    /// See [`Cluster::json`].
    pub(crate) fn json(&self, arguments: &[&str]) -> Option<Value> {
        self.cluster.json(&[&["--namespace", &self.name], arguments].concat())
    }

    /// What `GET path` of a Service or pod (`services/NAME:PORT`, `pods/NAME:PORT`) is answered with, asked through the API
    /// server: that works on every cluster. The error is what kubectl says.
    pub(crate) fn ask(&self, whom: &str, path: &str) -> Result<String, String> {
        let path = format!("/api/v1/namespaces/{}/{whom}/proxy{path}", self.name);
        let said = self.cluster.kubectl(&["get", "--raw", &path]);
        if said.code == 0 { Ok(said.stdout) } else { Err(said.stderr) }
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        // Not waited for, and not complained about: a test that fails has more important things to say.
        self.cluster.kubectl(&["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"]);
    }
}

/// Repeats `look` until it gives something; fails the test when `limit` is over.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, limit: Duration, look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn required() -> bool {
    std::env::var(REQUIRED).is_ok_and(|value| value == "1")
}

fn find() -> Result<Cluster, String> {
    // Of this build of the tests, not of the user: what other clusters know must not be mixed with what this one knows.
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let cache = scratch.join("kubectl");
    let on_path = || which::which("kubectl").map_err(|_| "`kubectl` is not installed".to_owned());
    if let Some(given) = std::env::var_os(GIVEN) {
        let kubeconfig = PathBuf::from(given);
        return Ok(Cluster { source: Source::Given, kubeconfig, kubectl: on_path()?, cache });
    }
    let foreign: [(Source, &str, &[&str]); 2] = [
        (Source::Kind, "kind", &["get", "kubeconfig", "--name", NAME]),
        (Source::K3d, "k3d", &["kubeconfig", "get", NAME]),
    ];
    for (source, program, arguments) in foreign {
        // Without a cluster of that name the program says so by its exit code.
        let Ok(text) = run(Command::new(program).args(arguments)) else { continue };
        let mut file = NamedTempFile::new_in(scratch).map_err(|error| error.to_string())?;
        file.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        let kubeconfig = scratch.join(format!("{program}.kubeconfig"));
        file.persist(&kubeconfig).map_err(|error| error.to_string())?;
        let cluster = Cluster { source, kubeconfig, kubectl: on_path()?, cache };
        cluster.import(&node::build()?.application())?;
        return Ok(cluster);
    }
    own()
}

/// A node of our own. What it runs is built only where there must be a cluster: that takes minutes.
fn own() -> Result<Cluster, String> {
    if let Some(obstacle) = node::obstacle() {
        return Err(obstacle);
    }
    let built = match node::built() {
        Some(built) => built,
        None if required() => node::build()?,
        None => return Err(format!("it was not built yet; {REQUIRED}=1 builds it, in some minutes")),
    };
    let node = Node::start(&built)?;
    let (kubeconfig, kubectl, cache) = (node.kubeconfig(), node.kubectl(), node.folder().join("kubectl"));
    Ok(Cluster { source: Source::Own(node), kubeconfig, kubectl, cache })
}

/// What a program prints, where it ends well.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
