//! The role of `k8s/rbac/`: with it a release works, and what it lacks is named before anything is changed.

use std::collections::BTreeSet;
use std::path::Path;

use expect_test::expect;
use serde_json::Value;
use xtask::core::kubectl::review::Need;
use xtask::core::release::plan::Identity;
use xtask::core::release::{manifest, rights};

use crate::cluster::deployer::{self, ROLE};
use crate::cluster::harness::{APPLICATION, Cluster, Namespace};
use crate::repository::{Repository, Said};

/// The kinds that the manifests of this repository have, with the test's application in them.
const MANIFESTS: &str = include_str!("../../testdata/release/every-kind.template.yml");

/// A repository, and who releases it to a namespace.
struct Deployer<'c> {
    cluster: &'c Cluster,
    namespace: Namespace<'c>,
    repository: Repository,
    account: deployer::Deployer<'c>,
}

impl<'c> Deployer<'c> {
    /// `change` is what becomes of the rules of the role.
    fn new(cluster: &'c Cluster, name: &str, change: impl Fn(&mut Vec<Value>)) -> Option<Self> {
        let namespace = Namespace::new(cluster, name);
        let account = deployer::Deployer::changed(cluster, &namespace, change);
        let context = cluster.kubectl(&["config", "current-context"]).ok();
        let uid = cluster.json(&["namespace", "kube-system"])?["metadata"]["uid"].as_str()?.to_owned();
        let repository = Repository::new();
        repository.write("xtask.toml", &configuration(namespace.name(), context.trim(), &uid));
        repository.write("k8s.template.yml", MANIFESTS);
        Some(Self { cluster, namespace, repository, account })
    }

    fn xtask(&self, arguments: &[&str]) -> Said {
        let config = self.account.kubeconfig().to_str().unwrap();
        let folder = self.cluster.kubectl_program().parent().unwrap().to_str().unwrap();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        let image = image(self.cluster);
        self.repository.xtask_with(arguments, &[("KUBECONFIG", config), ("PATH", &path), ("IMAGE", &image)])
    }

    /// The objects of these kinds in the namespace.
    fn there(&self, kinds: &str) -> Vec<String> {
        let found = self.namespace.json(&[kinds]).unwrap();
        let names = found["items"].as_array().unwrap().iter();
        names.map(|object| format!("{} {}", object["kind"], object["metadata"]["name"])).collect()
    }
}

fn configuration(namespace: &str, context: &str, uid: &str) -> String {
    format!(
        r#"[project]
name = "shop"

[release]
order = ["app"]
bake = "1s"

[release.components.app]
deployment = "app"
strategy = "flip"
metrics = {{ port = 8000 }}
smoke = [{{ path = "/health" }}]
objectives.errors = {{ bad = 'http_requests_total{{status=~"5xx"}}', total = "http_requests_total" }}

[environments.test]
manifests = ["k8s.template.yml"]
namespace = "{namespace}"
context = "{context}"
cluster = "{uid}"

[environments.test.variables]
IMAGE = {{ env = "IMAGE" }}

[environments.test.notifications]
webhook = {{ env = "NOWHERE" }}
"#
    )
}

/// The application as an image with a digest: pushed where the cluster has a registry of ours.
fn image(cluster: &Cluster) -> String {
    static IMAGE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let pushed = || {
        let digest = cluster.push_application("rbac/app:v1", "one");
        // By the name at which this machine reaches that registry, so that it can be looked for, too.
        let registry = cluster.registry().unwrap_or_default();
        digest.map_or_else(
            || APPLICATION.to_owned(),
            |digest| format!("localhost:{registry}/rbac/app@{digest}"),
        )
    };
    IMAGE.get_or_init(pushed).clone()
}

#[test]
fn the_role_is_enough_for_a_first_release_and_to_see_it() {
    let Some(cluster) = Cluster::get() else { return };
    // Images are released by digest, and only a registry of ours gives the application one.
    if cluster.registry().is_none() {
        println!("skipped: the cluster pulls from no registry of ours");
        return;
    }
    let Some(deployer) = Deployer::new(cluster, "rbac", |_| {}) else { panic!("no role") };
    deployer.xtask(&["deploy", "--yes"]).expect(0);
    let said = deployer.xtask(&["status"]).expect(0);
    assert!(said.stdout.starts_with("test-1 serves `test`\n"), "{}", said.all());
    assert!(said.stdout.contains("nothing is under way"), "{}", said.all());
    let scales = deployer.namespace.json(&["horizontalpodautoscaler", "app"]).unwrap();
    assert_eq!(scales["spec"]["scaleTargetRef"]["name"], "app", "the first release makes what is not there");
    assert_eq!((&scales["spec"]["minReplicas"], &scales["spec"]["maxReplicas"]), (&2.into(), &4.into()));
    let said = deployer.xtask(&["doctor", "--environment", "test"]).expect(0);
    let said = steady(&said.stdout, &deployer);
    expect![[r#"
        look | at | state | found
        files | ok | 10 objects, every variable has a value
        context | CONTEXT | ok | kubectl knows it
        kubectl | ok | 1.34.4, the cluster 1.34.4
        cluster | UID | ok | the pinned one
        role | configmaps | ok | get, list, create, update, patch, delete
        role | leases.coordination.k8s.io | ok | get, create, update
        role | deployments.apps | ok | get, list, create, patch
        role | services | ok | get, list, create, patch
        role | replicasets.apps | ok | list
        role | pods | ok | list, get
        role | endpointslices.discovery.k8s.io | ok | list
        role | resourcequotas | ok | list
        role | pods/proxy | ok | get
        role | horizontalpodautoscalers.autoscaling | ok | get, list, create, patch
        role | jobs.batch | ok | get, list, create, patch
        role | networkpolicies.networking.k8s.io | ok | get, list, create, patch
        role | poddisruptionbudgets.policy | ok | get, list, create, patch
        role | serviceaccounts | ok | get, list, create, patch
        role | namespaces kube-system | ok | get
        role | events | ok | list
        role | pods/log | ok | get
        secret | app-secrets | could not look | the role may not look, and need not
        metrics | app | ok | N bytes from a pod
        image | IMAGE | ok | the registry has it
        notification | webhook | could be better | `NOWHERE` is not set

        secret app-secrets: somebody who may: `kubectl --context CONTEXT --namespace NAMESPACE get secret app-secrets`"#]]
    .assert_eq(&said);
    // Nobody holds the Lease after a release; what somebody holds can be taken away, and why is written onto it.
    let unlock = ["unlock", "--yes", "--reason", "the runner is gone"];
    let said = deployer.xtask(&unlock).expect(5);
    assert!(said.stderr.contains("nobody holds `test`"), "{}", said.all());
    let held = r#"{"spec": {"holderIdentity": "anna"}}"#;
    let lease = ["lease", "vitalyst-release-test"];
    deployer.namespace.kubectl(&[&["patch"], &lease[..], &["--type=merge", "--patch", held]].concat()).ok();
    let said = deployer.xtask(&unlock).expect(0);
    assert!(said.stdout.contains("`anna` holds `test` since"), "{}", said.all());
    let lease = deployer.namespace.json(&lease).unwrap();
    assert_eq!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default(), "");
    let why = lease["metadata"]["annotations"]["vitalyst.io/unlocked"].as_str().unwrap_or_default();
    assert!(why.ends_with("from anna: the runner is gone"), "{lease}");
    // The role cannot read what it does not need.
    let denied = |arguments: &[&str]| {
        let namespace = ["--namespace", deployer.namespace.name()];
        let said = cluster.kubectl_as(deployer.account.kubeconfig(), &[&namespace, arguments].concat(), "");
        assert!(said.code == 1 && said.stderr.contains("forbidden"), "{arguments:?}: {said:?}");
    };
    denied(&["get", "secrets"]);
    denied(&["delete", "deployment", "app"]);
    denied(&["get", "namespaces"]);
    denied(&["get", "pods", "--namespace=kube-system"]);
}

#[test]
fn what_the_role_lacks_is_named_and_nothing_is_changed() {
    let Some(cluster) = Cluster::get() else { return };
    if cluster.registry().is_none() {
        println!("skipped: the cluster pulls from no registry of ours");
        return;
    }
    for (resource, words) in [
        ("leases", "it may not `create` `leases.coordination.k8s.io` in the namespace `"),
        ("pods/proxy", "it may not `get` `pods/proxy` in the namespace `"),
        ("endpointslices", "it may not `list` `endpointslices.discovery.k8s.io` in the namespace `"),
    ] {
        let without = |rules: &mut Vec<Value>| rules.retain(|rule| rule["resources"][0] != resource);
        let Some(deployer) = Deployer::new(cluster, "lacks", without) else { panic!("no role") };
        let said = deployer.xtask(&["doctor", "--environment", "test"]).expect(4);
        let row = format!("role `{}`: may not", words.split('`').nth(3).unwrap());
        assert!(said.stderr.contains(&row), "{}", said.all());
        let before = deployer.there("configmaps");
        let said = deployer.xtask(&["deploy", "--yes"]).expect(4);
        assert!(said.stderr.contains(words), "{}", said.all());
        assert_eq!(deployer.there("deployments,services,leases,jobs"), [""; 0]);
        assert_eq!(deployer.there("configmaps"), before);
    }
}

/// What a doctor says, without what is another one each time.
fn steady(text: &str, deployer: &Deployer<'_>) -> String {
    let uid = deployer.cluster.json(&["namespace", "kube-system"]).unwrap()["metadata"]["uid"].clone();
    let context = deployer.cluster.kubectl(&["config", "current-context"]).ok();
    let image = image(deployer.cluster);
    let names = [
        (image.replace("sha256:", "").chars().take(image.find('@').unwrap() + 13).collect(), "IMAGE"),
        (uid.as_str().unwrap().to_owned(), "UID"),
        (context.trim().to_owned(), "CONTEXT"),
        (deployer.namespace.name().to_owned(), "NAMESPACE"),
    ];
    let text = names.iter().fold(text.to_owned(), |text, (name, word)| text.replace(name, word));
    // Columns are as wide as the longest name, and a page of metrics has as many bytes as requests want.
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        let line = words.join(" | ");
        match line.split_once(" bytes from ") {
            Some((before, _)) => format!(
                "{} N bytes from a pod",
                before.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end()
            ),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every verb on every resource that the roles in the file allow.
fn allowed() -> BTreeSet<(String, String)> {
    let objects = manifest::read(Path::new("deployer.yml"), ROLE, None).unwrap();
    let rules = objects.iter().filter_map(|object| object.object.get("rules")?.as_array());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut allowed = BTreeSet::new();
    for rule in rules.flatten() {
        let group = text(&rule["apiGroups"][0]);
        let all = |field: &str| rule[field].as_array().unwrap().iter().map(text).collect::<Vec<_>>();
        for resource in all("resources") {
            let resource = if group.is_empty() { resource } else { format!("{resource}.{group}") };
            allowed.extend(all("verbs").into_iter().map(|verb| (verb, resource.clone())));
        }
    }
    allowed
}

#[test]
fn the_role_is_what_is_asked_for_and_nothing_more() {
    let kinds = [
        ("v1", "ServiceAccount"),
        ("apps/v1", "Deployment"),
        ("batch/v1", "Job"),
        ("policy/v1", "PodDisruptionBudget"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ];
    let stated = kinds.map(|(api_version, kind)| Identity {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: None,
        name: "x".to_owned(),
    });
    let needs = rights::of_release("vitalyst", &stated).into_iter().chain([rights::of_identity()]);
    let needs = needs.chain(rights::of_explanation("vitalyst"));
    let asked: BTreeSet<(String, String)> = needs
        .map(|need| {
            let words = Need { name: None, ..need }.to_string();
            let (verb, resource) = words.split_once(' ').unwrap();
            (verb.to_owned(), resource.to_owned())
        })
        .collect();
    assert_eq!(allowed(), asked);
}
