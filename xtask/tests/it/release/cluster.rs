//! A cluster that kubectl reads: one that answers, and ones that do not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use expect_test::expect;
use serde_json::{Value, json};

use super::scratch::{Scratch, TICKET};
use crate::repository::Said;

/// Says why a test is left out where there is no kubectl.
pub(super) fn has_kubectl() -> bool {
    let there = which::which("kubectl").is_ok();
    if !there {
        println!("skipped: there is no kubectl on this machine");
    }
    there
}

/// A repository whose context leads to this address.
pub(super) fn leads_to(address: &str) -> Scratch {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    let config = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "vitalyst-production", "context": {"cluster": "c", "user": "u"}}],
    });
    scratch.repository.write("kubeconfig", &config.to_string());
    scratch
}

fn deploy(scratch: &Scratch) -> Said {
    let config = scratch.repository.root().join("kubeconfig");
    let home = scratch.repository.root().to_owned();
    scratch.repository.xtask_with(&["deploy", "--plan-only"], &[("KUBECONFIG", &config), ("HOME", &home)])
}

#[test]
fn a_cluster_that_does_not_answer() {
    if !has_kubectl() {
        return;
    }
    // Bound once and let go: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = deploy(&leads_to(&format!("http://{address}"))).expect(4);
    expect![[r#"
        error: the cluster of `production` does not answer
          caused by: The connection to the server ADDRESS was refused - did you specify the right host or port?
        hint: `kubectl --context=vitalyst-production version` should answer; is a VPN or a proxy missing?
    "#]].assert_eq(&said.stderr.replace(&address.to_string(), "ADDRESS"));
}

#[test]
fn a_context_that_nobody_knows() {
    if !has_kubectl() {
        return;
    }
    let scratch = leads_to("http://127.0.0.1:1");
    scratch.repository.edit("xtask.toml", "context = \"vitalyst-production\"", "context = \"vitalyst\"");
    expect![[r#"
        error: `production` cannot be looked at

        error: kubectl knows no context `vitalyst`
          --> xtask.toml:31:11
           |
        31 | context = "vitalyst"
           |           ^^^^^^^^^^ there is one called `vitalyst-production`
           |
           = help: `kubectl config get-contexts` lists them; `KUBECONFIG` names the file
    "#]]
    .assert_eq(&deploy(&scratch).expect(3).stderr);
}

#[test]
fn a_machine_without_kubectl() {
    let scratch = leads_to("http://127.0.0.1:1");
    let empty = scratch.repository.root().join("empty");
    let said = scratch.repository.xtask_with(&["deploy", "--plan-only"], &[("PATH", &empty)]).expect(4);
    expect![[r#"
        error: `kubectl` is not there
        hint: `cargo xtask doctor` says how to get `kubectl`
    "#]]
    .assert_eq(&said.stderr);
}

/// What the server is asked for, and what it answers: a path, a status, a body.
pub(super) type Answers = Vec<(&'static str, u16, Value)>;

/// What kubectl has to know of the kinds before it asks for objects.
pub(super) fn discovery() -> Answers {
    let group = |name: &str, version: &str| {
        let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    let resource = |name: &str, kind: &str| json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": true, "kind": kind, "verbs": ["get", "list"]});
    let list = |version: &str, resources: Value| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources});
    let core = json!([
        resource("configmaps", "ConfigMap"),
        resource("resourcequotas", "ResourceQuota"),
        resource("services", "Service"),
        // One that belongs to no namespace.
        {"name": "namespaces", "singularName": "namespace", "namespaced": false, "kind": "Namespace", "verbs": ["get"]},
    ]);
    vec![
        ("/api", 200, json!({"kind": "APIVersions", "versions": ["v1"]})),
        ("/apis", 200, json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group("apps", "v1")]})),
        ("/api/v1", 200, list("v1", core)),
        ("/apis/apps/v1", 200, list("apps/v1", json!([resource("deployments", "Deployment")]))),
    ]
}

/// A server that gives these answers, and 404 to everything else, for as long as the tests run.
pub(super) fn serve(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(answers);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answers = Arc::clone(&answers);
            thread::spawn(move || drop(answer(&stream, &answers)));
        }
    });
    address
}

/// Answers one request, and closes.
fn answer(mut stream: &TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut request = BufReader::new(stream);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = first.split([' ', '?']).nth(1).unwrap_or_default();
    let missing = (
        path,
        404,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}),
    );
    let (_, status, body) = answers.iter().find(|(known, ..)| *known == path).unwrap_or(&missing);
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn list(kind: &str, version: &str, items: &Value) -> Value {
    json!({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": items})
}

#[test]
fn a_cluster_that_answers_says_the_same_as_a_snapshot_of_it() {
    if !has_kubectl() {
        return;
    }
    let scratch = leads_to("http://127.0.0.1:1");
    scratch.plan(&["--out", "plan.json"]);
    scratch.apply("plan.json");
    scratch.images("1", &[("backend", 'c'), ("frontend", 'b')]);
    let words = scratch.plan(&[]);
    assert!(words.contains("in place of production-0"), "{words}");
    let snapshot: Value = serde_json::from_str(&scratch.repository.read("cluster.json")).unwrap();
    let mut answers = discovery();
    let of_kind = |kind: &str| {
        let objects = snapshot["items"].as_array().unwrap().iter().filter(|object| object["kind"] == kind);
        objects.cloned().collect::<Value>()
    };
    answers.extend([
        (
            "/apis/apps/v1/namespaces/vitalyst/deployments",
            200,
            list("DeploymentList", "apps/v1", &of_kind("Deployment")),
        ),
        ("/api/v1/namespaces/vitalyst/configmaps", 200, list("ConfigMapList", "v1", &json!([]))),
        ("/api/v1/namespaces/vitalyst/resourcequotas", 200, list("ResourceQuotaList", "v1", &json!([]))),
        ("/api/v1/namespaces/vitalyst/services", 200, list("ServiceList", "v1", &of_kind("Service"))),
    ]);
    let address = serve(answers);
    scratch.repository.edit("kubeconfig", "http://127.0.0.1:1", &address);
    assert_eq!(deploy(&scratch).expect(0).stdout, words);
}

#[test]
fn a_cluster_that_does_not_let_one_look() {
    if !has_kubectl() {
        return;
    }
    let mut answers = discovery();
    let forbidden = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "deployments.apps is forbidden: User \"u\" cannot list resource \"deployments\" in API group \"apps\" \
                    in the namespace \"vitalyst\"",
    });
    answers.extend([
        ("/apis/apps/v1/namespaces/vitalyst/deployments", 403, forbidden),
        ("/api/v1/namespaces/vitalyst/configmaps", 200, list("ConfigMapList", "v1", &json!([]))),
        ("/api/v1/namespaces/vitalyst/resourcequotas", 200, list("ResourceQuotaList", "v1", &json!([]))),
        ("/api/v1/namespaces/vitalyst/services", 200, list("ServiceList", "v1", &json!([]))),
    ]);
    expect![[r#"
        error: `u` may not `list` `deployments.apps` in the namespace `vitalyst`
          caused by: Error from server (Forbidden): deployments.apps is forbidden: User "u" cannot list resource "deployments" in API group "apps" in the namespace "vitalyst"
        hint: ask whoever runs the cluster of `production` for a Role with the verb `list` on `deployments.apps`
    "#]].assert_eq(&deploy(&leads_to(&serve(answers))).expect(4).stderr);
}
