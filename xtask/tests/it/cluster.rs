//! A real cluster: that it comes up and is what the tests of releases take it for. `docs/guides/test-cluster.md` says how to
//! get one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) mod deployer;
pub(crate) mod harness;
pub(crate) mod life;
pub(crate) mod node;

use harness::{APPLICATION, Cluster, Namespace, eventually};

/// Longer than anything takes on a slow machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A Deployment `application` of three pods, and a Service of that name on port 80. An empty version is the image's.
pub(crate) fn application(version: &str, variables: &[(&str, &str)]) -> String {
    let version = Some(("VERSION", version)).filter(|(_, version)| !version.is_empty());
    let variables = variables.iter().chain(&version);
    let variables: Vec<Value> =
        variables.map(|(name, value)| json!({"name": name, "value": value})).collect();
    let labels = json!({"app": "application"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "application"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": false,
                    "dnsPolicy": "Default",
                    "containers": [{
                        "name": "application", "image": APPLICATION, "imagePullPolicy": "IfNotPresent",
                        "env": variables,
                        "ports": [{"containerPort": 8000}],
                        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 1},
                        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                    }],
                },
            },
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "application"},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8000}]},
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [deployment, service]}).to_string()
}

fn rolled_out(namespace: &Namespace<'_>) {
    namespace.kubectl(&["rollout", "status", "deployment/application", "--timeout=60s"]).ok();
}

/// The addresses behind the Service that take requests.
fn endpoints(namespace: &Namespace<'_>) -> Vec<String> {
    let selector = "--selector=kubernetes.io/service-name=application";
    let Some(slices) = namespace.json(&["endpointslices", selector]) else { return Vec::new() };
    let slices = slices["items"].as_array().unwrap().iter();
    let endpoints = slices.flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
    let ready = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true);
    ready.map(|endpoint| endpoint["addresses"][0].as_str().unwrap().to_owned()).collect()
}

/// What `GET path` of this address is answered with, asked without the API server.
fn get(address: &str, port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((address, port)).ok()?;
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn its_nodes_are_ready_for_whoever_holds_the_kubeconfig() {
    let Some(cluster) = Cluster::get() else { return };
    let output = Command::new(cluster.kubectl_program())
        .args(["wait", "node", "--all", "--for=condition=Ready", "--timeout=60s", "--kubeconfig"])
        .arg(cluster.kubeconfig())
        .env_remove("KUBECONFIG")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn three_pods_become_ready_and_answer() {
    let Some(cluster) = Cluster::get() else { return };
    let namespace = Namespace::new(cluster, "pods");
    namespace.apply(&application("one", &[]));
    rolled_out(&namespace);
    let ready = eventually("three endpoints are ready", LIMIT, || {
        Some(endpoints(&namespace)).filter(|ready| ready.len() == 3)
    });
    let answer =
        eventually("the service answers", LIMIT, || namespace.ask("services/application:80", "/").ok());
    assert!(answer.contains(r#""version":"one""#), "{answer}");
    let metrics = namespace.ask("services/application:80", "/metrics").unwrap();
    assert!(metrics.contains("http_requests_total{") && metrics.contains("_bucket{"), "{metrics}");

    if cluster.node().is_none() {
        return;
    }
    for address in &ready {
        assert!(get(address, 8000, "/health").unwrap().contains(r#""status":"ok""#));
    }
    let service = namespace.json(&["service", "application"]).unwrap();
    let address = service["spec"]["clusterIP"].as_str().unwrap();
    assert!(get(address, 80, "/").unwrap().contains(r#""version":"one""#));
}

#[test]
fn a_release_can_be_told_to_be_a_bad_one() {
    let Some(cluster) = Cluster::get() else { return };
    let namespace = Namespace::new(cluster, "faults");
    namespace.apply(&application("bad", &[("ERROR_RATE", "1"), ("DRAIN", "1s")]));
    rolled_out(&namespace);
    let pods = namespace.json(&["pods"]).unwrap();
    let pod = format!("pods/{}:8000", pods["items"][0]["metadata"]["name"].as_str().unwrap());
    let error = namespace.ask(&pod, "/").unwrap_err();
    assert!(error.contains("InternalError"), "{error}");
    let metrics = namespace.ask(&pod, "/metrics").unwrap();
    assert!(metrics.contains(r#"status="5xx"} 1"#), "{metrics}");

    let unready = [("UNREADY", "true")];
    namespace.apply(&application("unready", &unready));
    eventually("a pod runs and is not ready", LIMIT, || {
        let pods = namespace.json(&["pods"])?;
        pods["items"].as_array()?.iter().find(|pod| {
            let status = &pod["status"]["containerStatuses"][0];
            let variables = &pod["spec"]["containers"][0]["env"];
            status["ready"] == false && status["started"] == true && variables[0]["name"] == "UNREADY"
        })?;
        Some(())
    });
    assert_eq!(endpoints(&namespace).len(), 3, "the old ones serve");

    namespace.apply(&application("crashing", &[("CRASH_AFTER", "500ms")]));
    let reason = eventually("a pod has crashed", LIMIT, || {
        let pods = namespace.json(&["pods"])?;
        let ended = pods["items"].as_array()?.iter().find_map(|pod| {
            let status = &pod["status"]["containerStatuses"][0];
            [&status["lastState"], &status["state"]]
                .into_iter()
                .find_map(|state| state.get("terminated"))
                .cloned()
        })?;
        Some(ended).filter(|ended| ended["exitCode"] == 1)
    });
    assert_eq!(reason["reason"], "Error");
}

#[test]
fn a_service_account_may_what_its_role_says_and_nothing_else() {
    let Some(cluster) = Cluster::get() else { return };
    let namespace = Namespace::new(cluster, "account");
    namespace.kubectl(&["create", "serviceaccount", "reader"]).ok();
    namespace.kubectl(&["create", "role", "reader", "--verb=get,list", "--resource=services"]).ok();
    let subject = format!("--serviceaccount={}:reader", namespace.name());
    namespace.kubectl(&["create", "rolebinding", "reader", "--role=reader", &subject]).ok();
    let kubeconfig = cluster.service_account_kubeconfig(namespace.name(), "reader");
    let as_reader = |arguments: &[&str]| cluster.kubectl_as(kubeconfig.path(), arguments, "");
    eventually("the role is known", LIMIT, || (as_reader(&["get", "services"]).code == 0).then_some(()));
    let said = as_reader(&["get", "pods"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("forbidden") && said.stderr.contains(":reader"), "{said:?}");
}

#[test]
fn what_is_pushed_is_pulled_whatever_the_registry_is_called() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(digest) = cluster.push_application("owner/application:v1", "pushed") else { return };
    let namespace = Namespace::new(cluster, "pull");
    // Without a version of their own the pods have the image's.
    let manifests = application("", &[]);
    namespace.apply(&manifests.replace(APPLICATION, &format!("ghcr.io/owner/application@{digest}")));
    rolled_out(&namespace);
    let answer =
        eventually("the service answers", LIMIT, || namespace.ask("services/application:80", "/").ok());
    assert!(answer.contains(r#""version":"pushed""#), "{answer}");
    namespace.apply(&manifests.replace(APPLICATION, "ghcr.io/owner/application:absent"));
    let message = eventually("the absent image is reported", LIMIT, || {
        let pods = namespace.json(&["pods"])?;
        pods["items"].as_array()?.iter().find_map(|pod| {
            let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
            Some(waiting["message"].as_str()?.to_owned()).filter(|_| waiting["reason"] == "ErrImagePull")
        })
    });
    assert!(message.contains("not found"), "{message}");
}

#[test]
fn an_archive_is_imported_and_what_is_none_is_refused() {
    let Some(cluster) = Cluster::get() else { return };
    if cluster.node().is_none() {
        println!("skipped: the cluster is not a node of our own");
        return;
    }
    let error = cluster.import(Path::new("/absent archive")).unwrap_err();
    assert!(error.contains("no such file"), "{error}");

    let scratch = tempfile::tempdir().unwrap();
    let unpack = |archive: &Path| {
        let mut tar = Command::new("tar");
        tar.arg("-xf").arg(archive).arg("-C").arg(scratch.path());
        assert!(tar.status().unwrap().success());
    };
    unpack(&node::built().unwrap().application());
    unpack(&scratch.path().join("layer.tar"));
    let archive = scratch.path().join("imported.tar");
    let mut image = Command::new(node::tools().join("image.sh"));
    image
        .args(["xtask.test/imported:1".as_ref(), scratch.path().join("application").as_os_str()])
        .arg(&archive);
    assert!(image.status().unwrap().success());
    cluster.import(&archive).unwrap();
    let namespace = Namespace::new(cluster, "import");
    namespace.apply(&application("one", &[]).replace(APPLICATION, "xtask.test/imported:1"));
    rolled_out(&namespace);
}
