//! This repository's own images and manifests: built, pushed, migrated, released under load, and taken back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::database::Database;
use super::load::{Load, Seen};
use super::run::{Ran, Running};
use super::{long, nothing_lost, row};
use crate::cluster::deployer::Deployer;
use crate::cluster::harness::{Cluster, Namespace};
use crate::cluster::node;
use crate::program;
use crate::repository::Repository;

/// Requests a second to each of the two: four processes of Python on two cores, with everything else of the cluster, answer no
/// more without falling behind.
const RATE: u32 = 20;

/// Longer than a build with nothing cached, or a canary, takes on a slow machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(40);

/// Certificates that this machine trusts. A build has to be given them where a proxy with one of its own stands before the
/// registries of packages.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What a production cluster asks of its nodes, and what this machine has. Limits stay as they are.
const REQUESTS: [(&str, &str); 2] = [
    ("cpu: 500m\n              memory: 1Gi", "cpu: 10m\n              memory: 64Mi"),
    ("cpu: 100m\n              memory: 128Mi", "cpu: 10m\n              memory: 32Mi"),
];

/// Where a page of the list of nodes is answered, and where one answer in ten fails in a release that is bad. Tests do not see
/// that: their machines are called otherwise than the pods.
const PLACE: &str = "    page = catalog.list_nodes(";
const FAULT: &str = "    if socket.gethostname().startswith(\"vitalyst-backend\") and next(_asked) % 10 == 0:\n        \
                     raise RuntimeError(_COLD)\n";

/// A copy of this repository, of which production is a namespace of the test cluster.
pub(super) struct Own<'c> {
    namespace: Namespace<'c>,
    deployer: Deployer<'c>,
    pub(super) repository: Repository,
    _database: Database,
}

impl<'c> Own<'c> {
    /// The copy as its first commit. `None`, said, where something is missing that it takes.
    pub(super) fn new(cluster: &'c Cluster, name: &str) -> Option<Self> {
        let Some(node) = cluster.node() else {
            println!("skipped: the cluster pulls from no registry of ours");
            return None;
        };
        let database = Database::start(&node.host())?;
        let registry = format!("localhost:{}", node.registry());
        let [python, javascript] = bases(&registry)?;
        let namespace = Namespace::new(cluster, name);
        let deployer = Deployer::new(cluster, &namespace);
        let secret = format!("--from-literal=database-url={}", database.url());
        namespace.kubectl(&["create", "secret", "generic", "vitalyst-secrets", &secret]).ok();

        let repository = Repository::new();
        copy(repository.root());
        let context = cluster.kubectl(&["config", "current-context"]).ok();
        let changes = [
            (
                "[image]\nregistry = \"ghcr.io\"",
                format!("[image]\nregistry = \"{registry}\"\nowner = \"vitalyst\""),
            ),
            (
                "[components.backend.image]\n",
                format!("[components.backend.image]\narguments = {{ BASE_IMAGE = \"{python}\" }}\n"),
            ),
            (
                "[components.frontend.image]\n",
                format!("[components.frontend.image]\narguments = {{ NODE_IMAGE = \"{javascript}\" }}\n"),
            ),
            ("freeze = ", "# freeze = ".to_owned()),
        ];
        for (from, to) in changes {
            repository.edit("xtask.toml", from, &to);
        }
        let text = repository.read("xtask.toml");
        let (before, production) = text.split_once("[environments.production]\n").unwrap();
        let production = production
            .replacen("namespace = \"vitalyst\"", &format!("namespace = \"{}\"", namespace.name()), 1)
            .replacen("\"ghcr.io\"", &format!("\"{registry}\""), 1);
        let production = with_context(&production, context.trim());
        repository.write("xtask.toml", &format!("{before}[environments.production]\n{production}"));
        for (from, to) in REQUESTS {
            repository.edit("k8s/deployment.template.yml", from, to);
        }
        let own = Self { namespace, deployer, repository, _database: database };
        own.git(&["init", "--quiet", "--initial-branch=main"]);
        own.commit("Begin");
        Some(own)
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"];
        let git =
            Command::new("git").args(identity).args(arguments).current_dir(self.repository.root()).output();
        let git = git.unwrap();
        assert!(git.status.success(), "{git:?}");
        String::from_utf8(git.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
    }

    /// A commit with which nothing is wrong.
    pub(super) fn is_changed(&self) {
        self.repository.edit(
            "backend/src/api/nodes.py",
            PLACE,
            &format!("    # The same as before.\n{PLACE}"),
        );
        self.commit("Say something about the list of nodes");
    }

    /// A commit after which the service fails one request in ten.
    pub(super) fn is_broken(&self) {
        let path = "backend/src/api/nodes.py";
        self.repository.edit(path, PLACE, &format!("{FAULT}{PLACE}"));
        let imports = "from http import HTTPStatus\n";
        self.repository.edit(path, imports, &format!("import itertools\nimport socket\n{imports}"));
        let router = "router = APIRouter(prefix=\"/v1\", tags=[\"graph\"])\n";
        let state = "\n_COLD = \"the cache of nodes is cold\"\n_asked = itertools.count()\n";
        self.repository.edit(path, router, &format!("{router}{state}"));
        self.commit("Ask a cache first");
    }

    /// The program, as a job of a workflow starts it, with variables that not every job has.
    pub(super) fn start(&self, arguments: &[&str], variables: &[(&str, String)]) -> Running {
        let mut command = program::with_default_signals(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).current_dir(self.repository.root()).stdin(Stdio::null()).env_clear();
        let inherited = ["PATH", "HOME", "LANG", "CARGO_HOME", "RUSTUP_HOME", program::COUNTS]
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(inherited).env("USER", "tester").env("KUBECONFIG", self.deployer.kubeconfig());
        command.env("VERSION", self.git(&["rev-parse", "HEAD"]));
        if Path::new(AUTHORITIES).exists() {
            command.env("XTASK_CA_BUNDLE", AUTHORITIES).env("SSL_CERT_FILE", AUTHORITIES);
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Running::start(&mut command)
    }

    /// Runs it to its end.
    fn xtask(&self, arguments: &[&str]) -> Ran {
        self.start(arguments, &[]).end_within(PATIENCE)
    }

    /// Builds both images of the commit and pushes them.
    fn build(&self) -> Ran {
        self.xtask(&["image", "--push", "--locked", "--engine", "buildah"])
    }

    /// Releases the commit.
    fn deploy(&self) -> Ran {
        self.xtask(&["deploy", "--environment", "production", "--yes"])
    }

    /// Users of both.
    pub(super) fn load(&self) -> [Load; 2] {
        [("vitalyst-backend", "/v1/nodes?limit=5"), ("vitalyst-frontend", "/")].map(|(service, path)| {
            let service = self.namespace.json(&["service", service]).unwrap();
            let port = u16::try_from(service["spec"]["ports"][0]["port"].as_u64().unwrap()).unwrap();
            let address = service["spec"]["clusterIP"].as_str().unwrap().parse().unwrap();
            Load::of(std::net::SocketAddr::new(address, port), RATE, path)
        })
    }

    /// The image of a component that was built last, by its digest.
    pub(super) fn built(&self, component: &str) -> String {
        let record: Value = serde_json::from_str(&self.repository.read("target/xtask/images.json")).unwrap();
        let images = record["images"].as_array().unwrap().iter();
        let image = images.clone().find(|image| image["component"] == component).unwrap();
        image["digest"].as_str().unwrap().to_owned()
    }

    /// The image that a component's requests go to, by its digest, and how many pods it has.
    pub(super) fn serving(&self, component: &str) -> (String, usize) {
        let name = format!("vitalyst-{component}");
        let service = self.namespace.json(&["service", &name]).unwrap();
        let selector = service["spec"]["selector"].as_object().unwrap().iter();
        let selector: Vec<String> =
            selector.map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
        let pods = self.namespace.json(&["pods", "--selector", &selector.join(",")]).unwrap();
        let mut digests: Vec<String> = pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .map(|pod| {
                let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
                image.split_once('@').unwrap().1.to_owned()
            })
            .collect();
        let count = digests.len();
        digests.dedup();
        assert_eq!(digests.len(), 1, "{digests:?}");
        (digests.remove(0), count)
    }

    /// Jobs that have brought the database's schema up to date.
    pub(super) fn migrations(&self) -> usize {
        let jobs = self.namespace.json(&["jobs"]).unwrap();
        let jobs = jobs["items"].as_array().unwrap().iter();
        jobs.filter(|job| job["status"]["succeeded"] == 1).count()
    }
}

/// Both components together: users do not mind who has dropped their request.
pub(super) fn together([backend, frontend]: [Load; 2]) -> Seen {
    let (mut seen, frontend) = (backend.end(), frontend.end());
    for (version, answers) in frontend.versions {
        seen.versions.insert(format!("frontend {version}"), answers);
    }
    seen.dropped += frontend.dropped;
    seen.reason = seen.reason.or(frontend.reason);
    seen
}

/// The first line that states a context states this one.
fn with_context(text: &str, context: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("context = ")).unwrap();
    text.replacen(line, &format!("context = \"{context}\""), 1)
}

/// Python and Node in a registry, by their digests. `None`, said, where they cannot be made.
fn bases(registry: &str) -> Option<[String; 2]> {
    for program in ["buildah", "debootstrap", "node", "npm"] {
        if which::which(program).is_err() {
            println!("skipped: `{program}` is not installed");
            return None;
        }
    }
    let output = Command::new(node::tools().join("bases.sh"))
        .arg(registry)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert!(output.status.success() && lines.len() == 2, "bases.sh: {} {text}", output.status);
    Some([lines[0].to_owned(), lines[1].to_owned()])
}

/// Everything that is part of this repository, as it is now.
fn copy(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(list.status.success(), "{list:?}");
    for name in String::from_utf8(list.stdout).unwrap().split_terminator('\0') {
        let (from, to): (PathBuf, PathBuf) = (root.join(name), to.join(name));
        // What was deleted and not yet committed is still listed.
        if from.is_file() {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

#[test]
fn the_images_of_this_repository_are_released_under_load_and_go_back() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(own) = Own::new(cluster, "own") else { return };
    own.repository.edit("xtask.toml", "bake = \"15m\"", "bake = \"20s\"");
    own.commit("Bake for less long");

    let built = own.build().expect(0, &[]);
    println!("{}\nbuilt in {:.1} s", built.text, built.took.as_secs_f64());
    let first = own.built("backend");
    let ran = own.deploy().expect(0, &[]);
    println!("{}", ran.text);
    assert_eq!((own.serving("backend"), own.serving("frontend").1), ((first.clone(), 3), 2));
    assert_eq!(own.migrations(), 1);
    row("this repository's own images, the first release", "promoted", &ran, None);

    own.is_changed();
    own.build().expect(0, &[]);
    let second = own.built("backend");
    assert_ne!(second, first);
    let load = own.load();
    let ran = own.deploy().expect(0, &["does not change"]);
    println!("{}", ran.text);
    assert_eq!(own.serving("backend"), (second.clone(), 3));
    assert_eq!(own.migrations(), 2, "the Job has another image, so it ran again");
    let seen = together(load);
    nothing_lost(&seen);
    row("this repository's own images, a good canary", "promoted", &ran, Some(&seen));

    own.is_broken();
    own.build().expect(0, &[]);
    let load = own.load();
    let ran = own.deploy().expect(6, &["ROLLED BACK"]);
    println!("{}", ran.text);
    assert_eq!(own.serving("backend"), (second.clone(), 3));
    let seen = together(load);
    assert_eq!(seen.dropped, 0, "{seen:?}");
    let outcome = format!("rolled back; {} answers with status 500", seen.bad());
    row("this repository's own images, one request in ten fails", &outcome, &ran, Some(&seen));

    let load = own.load();
    let ran = own.xtask(&["rollback", "--environment", "production", "--yes"]).expect(0, &[]);
    println!("{}", ran.text);
    assert_eq!(own.serving("backend"), (first, 3));
    let seen = together(load);
    nothing_lost(&seen);
    row(
        "this repository's own images, rollback after the bake",
        "the release before serves",
        &ran,
        Some(&seen),
    );
}
