//! A real API server, where `XTASK_TEST_KUBECONFIG` names the configuration that leads to one: its current context, as
//! somebody who may make namespaces and roles.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::{Value, json};
use xtask::core::kubectl::Fault;
use xtask::core::kubectl::document::{Name, Seen};
use xtask::core::kubectl::ownership::taken_over;
use xtask::core::kubectl::review::Need;
use xtask::core::kubectl::scrape::{Miss, Window};
use xtask::driver::kubectl::{Failure, Kubectl, Logs, Mode, Query};

use super::namespace::{Real, all};
use super::said;

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}})
}

fn deployment(name: &str, replicas: u32) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "example.invalid/x:1"}]}},
        },
    })
}

fn fault(result: Result<Value, Failure>) -> Fault {
    match result {
        Ok(object) => panic!("it was done: {object}"),
        Err(failure) => failure.fault,
    }
}

fn one(results: Vec<Result<Value, Failure>>) -> Result<Value, Failure> {
    <[_; 1]>::try_from(results).map_or_else(|all| panic!("{} results", all.len()), |[one]| one)
}

#[test]
fn a_write_is_good_for_one_version_of_one_object() {
    let Some(real) = Real::new() else { return };
    let kubectl = &real.admin;
    let name = Name::of(&map("x", "")).unwrap();
    let made = one(kubectl.create("xtask", &[map("x", "1")], Mode::Really)).unwrap();
    let first = Seen::of(&made).unwrap();
    assert_eq!(fault(one(kubectl.create("xtask", &[map("x", "2")], Mode::Really))), Fault::AlreadyExists);
    let changed = kubectl.patch("xtask", &name, &first, json!({"data": {"k": "2"}}), Mode::Really).unwrap();
    assert_eq!(changed["data"]["k"], "2");
    let second = Seen::of(&changed).unwrap();
    assert_eq!(second.uid, first.uid);
    // Whatever the way: the version that was seen first is over.
    let stale = |result| assert_eq!(fault(result), Fault::Conflict);
    stale(kubectl.patch("xtask", &name, &first, json!({"data": {"k": "3"}}), Mode::Really));
    stale(kubectl.replace("xtask", &first, map("x", "3"), Mode::Really));
    stale(one(kubectl.apply("xtask", &[first.onto(map("x", "2"))], Mode::Really)));
    stale(one(kubectl.apply("xtask", &[first.onto(map("x", "2"))], Mode::DryRun)));
    // And so is one of another object of this name.
    let stranger = Seen { uid: "11111111-1111-1111-1111-111111111111".to_owned(), ..second.clone() };
    stale(kubectl.patch("xtask", &name, &stranger, json!({"data": {"k": "3"}}), Mode::Really));
    stale(kubectl.replace("xtask", &stranger, map("x", "3"), Mode::Really));
    stale(one(kubectl.apply("xtask", &[stranger.onto(map("x", "2"))], Mode::Really)));
    assert_eq!(kubectl.delete(&name, &stranger.uid).unwrap_err().fault, Fault::Conflict);

    let dry = kubectl.replace("xtask", &second, map("x", "4"), Mode::DryRun).unwrap();
    assert_eq!(dry["data"]["k"], "4");
    let found = kubectl.get(&Query::objects(std::slice::from_ref(&name))).unwrap();
    assert_eq!(found[0]["data"]["k"], "2");
    kubectl.delete(&name, &second.uid).unwrap();
    assert!(kubectl.get(&Query::objects(std::slice::from_ref(&name))).unwrap().is_empty());
    // What is gone does not come back.
    stale(one(kubectl.apply("xtask", &[second.onto(map("x", "2"))], Mode::Really)));
    let gone = kubectl.patch("xtask", &name, &second, json!({"data": null}), Mode::Really);
    assert_eq!(fault(gone), Fault::NotFound);
    assert_eq!(kubectl.delete(&name, &second.uid).unwrap_err().fault, Fault::NotFound);
}

#[test]
fn a_lease_is_won_by_one_of_many() {
    let Some(real) = Real::new() else { return };
    let lease = |holder: &str, count: usize| {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
            "spec": {"holderIdentity": holder, "leaseTransitions": count},
        })
    };
    let made: Vec<bool> = in_threads(4, |at| {
        one(real.admin.create("xtask", &[lease(&at.to_string(), 0)], Mode::Really)).map_or_else(
            |failure| {
                assert_eq!(failure.fault, Fault::AlreadyExists);
                false
            },
            |_| true,
        )
    });
    assert_eq!(made.iter().filter(|won| **won).count(), 1);
    // Each counts up five times, and none of that is lost.
    in_threads(4, |at| {
        for _ in 0..5 {
            loop {
                let names = [Name::of(&lease("", 0)).unwrap()];
                let found = real.admin.get(&Query::objects(&names)).unwrap().remove(0);
                let count = found["spec"]["leaseTransitions"].as_u64().unwrap();
                let next = lease(&at.to_string(), usize::try_from(count).unwrap() + 1);
                let seen = Seen::of(&found).unwrap();
                match real.admin.replace("xtask", &seen, next, Mode::Really) {
                    Ok(_) => break,
                    Err(failure) => assert_eq!(failure.fault, Fault::Conflict, "{failure:?}"),
                }
            }
        }
    });
    let found = real.admin.get(&Query::kinds(&["lease.v1.coordination.k8s.io"])).unwrap();
    assert_eq!(found[0]["spec"]["leaseTransitions"], 20);
}

fn in_threads<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|at| scope.spawn(move || work(at))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// What became of each, in words.
fn fates(results: &[Result<Value, Failure>]) -> String {
    let words = results.iter().map(|result| match result {
        Ok(object) => format!("{} done", object["metadata"]["name"].as_str().unwrap()),
        Err(failure) => format!("{:?}", failure.fault).split(['(', ' ']).next().unwrap().to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn of_several_objects_each_has_its_own_fate() {
    let Some(real) = Real::new() else { return };
    let kubectl = &real.admin;
    let documents = [map("a", "1"), deployment("d", 2), deployment("s", 2)];
    let made = kubectl.apply("xtask", &documents, Mode::Really);
    assert_eq!(fates(&made), "a done, d done, s done");
    let seen = Seen::of(made[2].as_ref().unwrap()).unwrap();
    let stale = Seen { resource_version: "1".to_owned(), ..seen };
    let mut elsewhere = map("e", "1");
    elsewhere["metadata"]["namespace"] = json!("default");
    let elsewhere = || elsewhere.clone();
    let documents = [
        map("c", "1"),
        deployment("d", 3),
        stale.onto(deployment("s", 2)),
        json!({"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "x"}}),
        map("a", "2"),
        elsewhere(),
    ];
    // Who made them first owns the fields; the others are tried all the same, each by itself.
    let dry = kubectl.apply("second", &documents, Mode::DryRun);
    assert_eq!(fates(&dry), "c done, Owned, Conflict, NoSuchKind, Owned, e done");
    // In one call not all of it is known. Nothing is taken for done that was not, or the other way round.
    let written = kubectl.apply("second", &documents[..5], Mode::Really);
    assert_eq!(fates(&written), "Other, Other, Conflict, NoSuchKind, Other");
    assert!(written[0].as_ref().unwrap_err().fault.leaves_unknown());
    let made = kubectl.create(
        "xtask",
        &[map("a", ""), map("f", ""), deployment("d", 1), map("g", "")],
        Mode::Really,
    );
    assert_eq!(fates(&made), "AlreadyExists, f done, AlreadyExists, g done");
    let owned = one(kubectl.apply("second", &[deployment("d", 3)], Mode::DryRun)).unwrap_err();
    expect![[r#"
        exit 5
        error: `xtask` owns fields that would change in the cluster of `production`
          caused by: error: Apply failed with 1 conflict: conflict with "xtask": .spec.replicas
        hint: take the fields out of the manifest, or have them taken over on purpose
    "#]]
    .assert_eq(&said(&owned));
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let Some(real) = Real::new() else { return };
    let kubectl = &real.admin;
    all(kubectl.apply("xtask", &[deployment("d", 1)], Mode::Really));
    let mut selector = deployment("d", 1);
    selector["spec"]["selector"]["matchLabels"]["app"] = json!("e");
    selector["spec"]["template"]["metadata"]["labels"]["app"] = json!("e");
    let mut unknown = deployment("e", 1);
    unknown["spec"]["template"]["spec"]["containers"][0]["imagex"] = json!("x");
    let mut several = deployment("E", 1);
    several["spec"]["replicas"] = json!(-1);
    let table = [selector, unknown.clone(), several, map("large", &"x".repeat(1_100_000))];
    let mut words = String::new();
    for document in table {
        words += &said(&one(kubectl.apply("xtask", &[document], Mode::DryRun)).unwrap_err());
    }
    words += &said(&one(kubectl.create("xtask", &[unknown], Mode::DryRun)).unwrap_err());
    let nowhere = real.home.at(&kubectl.target().context, "xtask-absent");
    words += &said(&one(nowhere.apply("xtask", &[map("x", "")], Mode::Really)).unwrap_err());
    assert!(nowhere.get(&Query::kinds(&["service", "deployment.v1.apps"])).unwrap().is_empty());
    words += &said(&kubectl.get(&Query::kinds(&["service", "database.v1.example.com"])).unwrap_err());
    let logs = Logs { namespace: None, pod: "nowhere", container: "c", lines: 5, is_previous: false };
    assert_eq!(kubectl.logs(logs).unwrap_err().fault, Fault::NotFound);
    expect![[r#"
        exit 3
        error: the cluster of `production` refuses to write Deployment `d`
          caused by: The Deployment "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"e"}}: field is immutable
        hint: correct the manifest: its own words name the field
        exit 3
        error: the cluster of `production` refuses to write Deployment `e`
          caused by: Error from server: failed to create typed patch object (NAMESPACE/e; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="c"].imagex: field not declared in schema
        hint: correct the manifest: its own words name the field
        exit 3
        error: the cluster of `production` refuses to write Deployment `E`
          caused by: The Deployment "E" is invalid:
              * metadata.name: Invalid value: "E": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
              * spec.replicas: Invalid value: -1: must be greater than or equal to 0
        hint: correct the manifest: its own words name the field
        exit 3
        error: the cluster of `production` refuses to write ConfigMap `large`: it is too large
          caused by: The ConfigMap "large" is invalid: []: Too long: may not be more than 1048576 bytes
        hint: an object may have 1 MiB, a request 3 MiB: split it
        exit 3
        error: the cluster of `production` refuses to write Deployment `e`
          caused by: Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.template.spec.containers[0].imagex"
        hint: correct the manifest: its own words name the field
        exit 4
        error: could not write ConfigMap `x` in the cluster of `production`
          caused by: Error from server (NotFound): namespaces "xtask-absent" not found
        hint: something that is needed is not there: does the namespace `xtask-absent` exist?
        exit 4
        error: the cluster of `production` lacks a kind of the manifests
          caused by: error: the server doesn't have a resource type "database"
        hint: it may be too old or too new for the `apiVersion` that is stated
    "#]].assert_eq(&words.replace(real.namespace(), "NAMESPACE"));
}

#[test]
fn a_role_that_lacks_something_is_told_what() {
    let Some(real) = Real::new() else { return };
    all(real.admin.apply("xtask", &[deployment("d", 1), map("x", "1")], Mode::Really));
    let rights = [
        ("get", "deployments.apps"),
        ("list", "deployments.apps"),
        ("get", "pods/log"),
        ("create", "configmaps"),
    ];
    let (_home, limited) = real.as_account(&rights);
    let namespace = Some(real.namespace());
    let needs = [
        Need::new("list", "deployments.apps", namespace),
        Need::new("patch", "deployments.apps", namespace),
        Need::new("patch", "deployments.apps/scale", namespace),
        Need::new("get", "pods/log", namespace),
        Need::new("get", "pods/proxy", namespace),
        Need::new("list", "deployments.apps", Some("default")),
        Need { name: Some("kube-system".to_owned()), ..Need::new("get", "namespaces", None) },
    ];
    let verdicts = limited.may(&needs).unwrap();
    let allowed: Vec<String> = needs
        .iter()
        .zip(&verdicts)
        .map(|(need, verdict)| format!("{need}: {}", verdict.is_allowed))
        .collect();
    assert_eq!(
        allowed,
        [
            "list deployments.apps: true",
            "patch deployments.apps: false",
            "patch deployments.apps/scale: false",
            "get pods/log: true",
            "get pods/proxy: false",
            "list deployments.apps: false",
            "get namespaces kube-system: false",
        ]
    );
    assert!(real.admin.may(&needs).unwrap().iter().all(|verdict| verdict.is_allowed));

    assert_eq!(limited.get(&Query::kinds(&["deployment.v1.apps"])).unwrap().len(), 1);
    let mut words = said(&limited.get(&Query::kinds(&["deployment.v1.apps", "service"])).unwrap_err());
    words += &said(&one(limited.apply("xtask", &[deployment("d", 2)], Mode::Really)).unwrap_err());
    words += &said(&limited.cluster_uid().unwrap_err());
    // What a deployer is allowed it can do, without rights that kubectl would want for checks of its own.
    all(limited.create("xtask", &[map("y", "1")], Mode::Really));
    expect![[r#"
        exit 4
        error: `system:serviceaccount:NAMESPACE:limited` may not `list` `services` in the namespace `NAMESPACE`
          caused by: Error from server (Forbidden): services is forbidden: User "system:serviceaccount:NAMESPACE:limited" cannot list resource "services" in API group "" in the namespace "NAMESPACE"
        hint: ask whoever runs the cluster of `production` for a Role with the verb `list` on `services`
        exit 4
        error: `system:serviceaccount:NAMESPACE:limited` may not `patch` `deployments.apps` in the namespace `NAMESPACE`
          caused by: Error from server (Forbidden): deployments.apps "d" is forbidden: User "system:serviceaccount:NAMESPACE:limited" cannot patch resource "deployments" in API group "apps" in the namespace "NAMESPACE"
        hint: ask whoever runs the cluster of `production` for a Role with the verb `patch` on `deployments.apps`
        exit 4
        error: `system:serviceaccount:NAMESPACE:limited` may not `get` `namespaces` in the namespace `kube-system`
          caused by: Error from server (Forbidden): namespaces "kube-system" is forbidden: User "system:serviceaccount:NAMESPACE:limited" cannot get resource "namespaces" in API group "" in the namespace "kube-system"
        hint: ask whoever runs the cluster of `production` for a Role with the verb `get` on `namespaces`
    "#]].assert_eq(&words.replace(real.namespace(), "NAMESPACE"));
}

#[test]
fn a_cluster_is_known_by_its_uid() {
    let Some(real) = Real::new() else { return };
    let uid = real.admin.cluster_uid().unwrap();
    assert_eq!(uid.len(), 36);
    real.admin.expect_cluster(&uid).unwrap();
    let wrong = real.admin.expect_cluster("11111111-1111-1111-1111-111111111111").unwrap_err();
    assert_eq!(wrong.fault, Fault::WrongCluster);
    let words = said(&wrong).replace(&uid, "UID").replace(&real.admin.target().context, "CONTEXT");
    expect![[r#"
        exit 5
        error: the context `CONTEXT` does not lead to the cluster of `production`
          caused by: the uid of its namespace `kube-system` is `UID`, expected is `11111111-1111-1111-1111-111111111111`
        hint: nothing was done there; somebody may have changed what the context stands for
    "#]].assert_eq(&words);
    let versions = real.admin.version().unwrap();
    println!("{versions:?}: {:?}", versions.warning());
    assert_eq!(versions.server.major(), 1);
}

/// Why `apply` is for whole documents: kubectl gives us everything that was applied in its older way.
#[test]
fn what_was_applied_in_the_older_way_is_taken_over() {
    let Some(real) = Real::new() else { return };
    let kubectl = &real.admin;
    std::fs::write(real.home.path().join("d.json"), deployment("d", 3).to_string()).unwrap();
    let file = real.home.path().join("d.json").display().to_string();
    let context = format!("--context={}", kubectl.target().context);
    let namespace = format!("--namespace={}", real.namespace());
    real.home.by_hand(&[&context, &namespace, "apply", "--filename", &file]);
    let names = [Name::of(&deployment("d", 3)).unwrap()];
    let found = |kubectl: &Kubectl| kubectl.get(&Query::objects(&names).with_managers()).unwrap().remove(0);
    let before = found(kubectl);
    assert_eq!(taken_over(&before), ["kubectl-client-side-apply"]);
    assert!(before["metadata"]["managedFields"].is_array());
    // A patch does not do that.
    let note = json!({"metadata": {"annotations": {"note": "1"}}});
    kubectl.patch("xtask", &names[0], &Seen::of(&before).unwrap(), note, Mode::Really).unwrap();
    assert_eq!(taken_over(&found(kubectl)), ["kubectl-client-side-apply"]);
    all(kubectl.apply("xtask", &[deployment("d", 3)], Mode::Really));
    let after = found(kubectl);
    assert!(taken_over(&after).is_empty());
    assert_eq!(after["spec"]["replicas"], 3);
}

/// The pods are imagined, for a scheduler that is not there; what they say this machine says for them.
#[test]
fn a_page_of_a_pod_comes_through_the_server() {
    let Some(real) = Real::new() else { return };
    let Some(address) = real.own_address() else {
        println!("skipped: this machine has no address but the loopback's");
        return;
    };
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || super::proxy::serve_pages(&listener));
    let kubectl = &real.admin;
    let pod = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {
                "schedulerName": "xtask-nobody", "serviceAccountName": "default", "automountServiceAccountToken": false,
                "containers": [{"name": "c", "image": "example.invalid/x:1"}],
            },
        })
    };
    let end = Instant::now() + Duration::from_secs(10);
    while let Err(failure) = one(kubectl.create("test", &[pod("good")], Mode::Really)) {
        // The service account of the namespace is made a moment after it.
        assert!(Instant::now() < end, "{}", said(&failure));
        thread::sleep(Duration::from_millis(200));
    }
    all(kubectl.create("test", &[pod("deaf")], Mode::Really));
    let context = format!("--context={}", kubectl.target().context);
    let namespace = format!("--namespace={}", real.namespace());
    let ip = address.to_string();
    for (name, ip) in [("good", ip.as_str()), ("deaf", "192.0.2.77")] {
        let status = json!({"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}}).to_string();
        real.home.by_hand(&[
            &context,
            &namespace,
            "patch",
            "pod",
            name,
            "--subresource=status",
            "--type=merge",
            "--patch",
            &status,
        ]);
    }
    let window = Window { namespace: real.namespace().to_owned(), port, page: "/metrics".to_owned() };
    let proxy = kubectl.proxy(std::slice::from_ref(&window)).unwrap();
    let names = ["good", "gone", "deaf"].map(str::to_owned);
    let pages = proxy.scrape(&window, &names).unwrap();
    let pages: BTreeMap<&str, &Result<Vec<u8>, Miss>> =
        names.iter().map(String::as_str).zip(&pages).collect();
    if matches!(pages["good"], Err(Miss::Deaf | Miss::Late)) {
        println!("skipped: the API server does not reach this machine");
        return;
    }
    assert_eq!(pages["good"].as_deref(), Ok(&b"requests_total 7\n"[..]));
    assert_eq!(pages["gone"], &Err(Miss::Gone));
    assert!(matches!(pages["deaf"], Err(Miss::Deaf | Miss::Late)), "{:?}", pages["deaf"]);
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(proxy.scrape(&window, &names[..1]).unwrap()[0].is_ok());
    }
    println!("a page takes {:?}", begun.elapsed() / 20);
    // Who may not ask pods sees nothing, and does not blame the pod. It takes no more than one right.
    let (_home, limited) = real.as_account(&[("get", "pods")]);
    let proxy = limited.proxy(std::slice::from_ref(&window)).unwrap();
    assert_eq!(proxy.scrape(&window, &names[..1]).unwrap(), [Err(Miss::Forbidden)]);
    let role = [Name {
        api_version: "rbac.authorization.k8s.io/v1".to_owned(),
        kind: "Role".to_owned(),
        namespace: None,
        name: "limited".to_owned(),
    }];
    let seen = Seen::of(&kubectl.get(&Query::objects(&role)).unwrap()[0]).unwrap();
    let rights = json!({"rules": [{"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]}]});
    kubectl.patch("test", &role[0], &seen, rights, Mode::Really).unwrap();
    assert!(proxy.scrape(&window, &names[..1]).unwrap()[0].is_ok());
}
