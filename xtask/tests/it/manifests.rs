//! Manifests: the files of this repository, those of the ticket and a stranger's become exact objects; whatever cannot be
//! right is refused with line and caret.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::{expect, expect_file};
use serde_json::Value;
use xtask::core::diagnostic::Diagnostic;
use xtask::core::release::images::Image;
use xtask::core::release::manifest;
use xtask::core::release::migration::{self, Migration};
use xtask::core::release::model::{ComponentName, Slot};
use xtask::core::release::objects::{self, Objects, Source};
use xtask::core::release::plan::Identity;
use xtask::core::release::slots::{self, Component, Derived};
use xtask::core::release::template::Variables;
use xtask::core::release::view::Traffic;
use xtask::error::{self, Error, Style};

use crate::cluster::harness::{Cluster, Namespace};

const TICKET: &str = include_str!("../../testdata/release/ticket.template.yml");
const PLAIN: &str = include_str!("../../testdata/release/plain.template.yml");
const FOREIGN: &str = include_str!("../../testdata/release/foreign.yml");

fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.to_owned(), template: path.contains("template") }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn of_repository(path: &str) -> Source {
    source(path, &std::fs::read_to_string(repository().join(path)).unwrap())
}

fn image(component: &str, reference: &str, digit: char) -> Image {
    Image {
        component: ComponentName(component.into()),
        reference: reference.to_owned(),
        digest: format!("sha256:{}", digit.to_string().repeat(64)),
    }
}

/// The images and variables of a release of this repository.
fn release() -> (Variables, Vec<Image>) {
    release_with(&[
        ("API_URL", "https://api.vitalyst.io"),
        ("SITE_URL", "https://vitalyst.io"),
        ("INGRESS_NAMESPACE", "ingress-nginx"),
        ("CONTROL_PLANE", "10.0.0.0/24"),
    ])
}

/// The images and variables of a release of the ticket, and `more`.
fn release_with(more: &[(&str, &str)]) -> (Variables, Vec<Image>) {
    let values = [
        ("REGISTRY", "ghcr.io"),
        ("REPOSITORY_OWNER", "vitalyst"),
        ("BACKEND_IMAGE", "vitalyst-backend"),
        ("FRONTEND_IMAGE", "vitalyst-frontend"),
        ("VERSION", "0123"),
    ];
    let images = vec![
        image("backend", "ghcr.io/vitalyst/vitalyst-backend:0123", 'a'),
        image("frontend", "ghcr.io/vitalyst/vitalyst-frontend:0123", 'b'),
    ];
    (Variables::new("variables", values.iter().chain(more).copied()), images)
}

fn rendered(problems: Vec<Diagnostic>) -> String {
    error::render(&Error::configuration("manifests are wrong").places(problems), Style::PLAIN)
}

/// Derives slots for these components; each is the Deployment of this name.
fn derive(objects: &Objects, components: &[(&str, &str)]) -> Derived {
    let component = |(name, deployment): &(&str, &str)| {
        let is = |manifest: &&manifest::Manifest| {
            manifest.kind() == "Deployment" && manifest.name() == *deployment
        };
        let deployment = objects.manifests.iter().find(is).unwrap();
        Component { name: ComponentName((*name).into()), deployment }
    };
    let components: Vec<Component<'_>> = components.iter().map(component).collect();
    slots::derive(&components, &objects.manifests, &objects.overlays)
        .unwrap_or_else(|problems| panic!("{}", rendered(problems)))
}

/// What is in slot b and not in slot a, line by line of their JSON.
fn difference(a: &Value, b: &Value) -> String {
    let (a, b) = (serde_json::to_string_pretty(a).unwrap(), serde_json::to_string_pretty(b).unwrap());
    assert_eq!(a.lines().count(), b.lines().count());
    let mut text = String::new();
    for (a, b) in a.lines().zip(b.lines()).filter(|(a, b)| a != b) {
        writeln!(text, "{} → {}", a.trim(), b.trim()).unwrap();
    }
    text
}

#[test]
fn the_files_of_this_repository_make_two_slots() {
    let (variables, images) = release();
    let files = [of_repository("k8s/deployment.template.yml")];
    let overlays = [of_repository("k8s/canary/backend.yml"), of_repository("k8s/canary/frontend.yml")];
    let objects =
        objects::read(&files, &overlays, variables, &images).unwrap_or_else(|p| panic!("{}", rendered(p)));
    let derived = derive(&objects, &[("backend", "vitalyst-backend"), ("frontend", "vitalyst-frontend")]);
    let [backend, frontend] = derived.slots.as_slice() else { panic!("two components") };
    let rest: Vec<String> = derived.rest.iter().map(|object| Identity::of(object).to_string()).collect();
    expect![[r#"
        ServiceAccount `vitalyst-backend`
        ServiceAccount `vitalyst-frontend`
        Job `vitalyst-migrate-ca99203eb0`
        NetworkPolicy `vitalyst-backend`
        NetworkPolicy `vitalyst-migrate`
        NetworkPolicy `vitalyst-frontend`"#]]
    .assert_eq(&rest.join("\n"));
    let budgets = |slots: &slots::Slots, slot| slots.budgets(slot)[0]["spec"]["selector"].to_string();
    assert_eq!(budgets(backend, Slot::A), r#"{"matchLabels":{"app":"vitalyst-backend"}}"#);
    assert_eq!(budgets(backend, Slot::B), r#"{"matchLabels":{"app":"vitalyst-backend-b"}}"#);
    let scales = |slot| backend.autoscaler(slot).unwrap()["spec"]["scaleTargetRef"]["name"].clone();
    assert_eq!([scales(Slot::A), scales(Slot::B)], ["vitalyst-backend", "vitalyst-backend-b"]);
    assert_eq!((backend.replicas, backend.replicas_on_trial), (3, Some(1)));
    assert_eq!((frontend.replicas, frontend.replicas_on_trial), (2, Some(1)));
    expect![[r#"
        "app": "vitalyst-backend", → "app": "vitalyst-backend-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
        "name": "vitalyst-backend" → "name": "vitalyst-backend-b"
        "app": "vitalyst-backend" → "app": "vitalyst-backend-b"
        "app": "vitalyst-backend", → "app": "vitalyst-backend-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
        "app": "vitalyst-backend" → "app": "vitalyst-backend-b"
    "#]]
    .assert_eq(&difference(backend.deployment(Slot::A), backend.deployment(Slot::B)));
    let pods =
        backend.deployment(Slot::A).pointer("/spec/template/metadata/labels/vitalyst.io~1revision").unwrap();
    assert_eq!(pods, &Value::from(backend.revision.to_string()));
    assert_ne!(backend.revision, frontend.revision);
    let selector = |traffic| backend.services(traffic)[0]["spec"]["selector"].to_string();
    assert_eq!(selector(Traffic::Both), r#"{"vitalyst.io/serves":"backend"}"#);
    assert_eq!(selector(Traffic::One(Slot::A)), r#"{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}"#);
    assert_eq!(selector(Traffic::One(Slot::B)), r#"{"vitalyst.io/serves":"backend","vitalyst.io/slot":"b"}"#);
    assert_eq!(selector(Traffic::Nobody), r#"{"vitalyst.io/serves":"backend","vitalyst.io/slot":"none"}"#);
    assert!(backend.services(Traffic::Foreign).is_empty());
    let pinned = backend.deployment(Slot::B).to_string().matches("vitalyst-backend@sha256:aaaa").count();
    assert_eq!(pinned, 1);
    let job = derived.rest.iter().find(|object| object["kind"] == "Job").unwrap();
    assert!(job.to_string().contains("vitalyst-backend@sha256:aaaa"), "of the image that it comes with");
    assert_eq!(migration::of(job), Migration::Expand);
}

#[test]
fn the_template_of_the_ticket_makes_two_slots() {
    let (variables, images) = release_with(&[]);
    let objects =
        objects::read(&[source("k8s/deployment.template.yml", TICKET)], &[], variables, &images).unwrap();
    let derived = derive(&objects, &[("backend", "vitalyst-backend"), ("frontend", "vitalyst-frontend")]);
    let a = derived.slots[0].deployment(Slot::A);
    assert_eq!(a["spec"]["selector"].to_string(), r#"{"matchLabels":{"app":"vitalyst-backend"}}"#);
    assert_eq!(a["spec"].get("replicas"), None, "the count belongs to another hand");
    assert_eq!(a.pointer("/spec/template/spec/containers/0/resources/limits/cpu"), Some(&Value::from("1")));
    expect![[r#"
        "app": "vitalyst-backend", → "app": "vitalyst-backend-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
        "name": "vitalyst-backend" → "name": "vitalyst-backend-b"
        "app": "vitalyst-backend" → "app": "vitalyst-backend-b"
        "app": "vitalyst-backend", → "app": "vitalyst-backend-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
    "#]]
    .assert_eq(&difference(a, derived.slots[0].deployment(Slot::B)));
}

#[test]
fn what_a_stranger_wrote_is_read_as_kubernetes_reads_it() {
    let images = [
        image("shop", "registry.example.com/shop/shop:1.4", '1'),
        image("proxy", "registry.example.com/shop/proxy:7", '2'),
    ];
    let objects = objects::read(&[source("shop.yml", FOREIGN)], &[], Variables::default(), &images)
        .unwrap_or_else(|problems| panic!("{}", rendered(problems)));
    let derived = derive(&objects, &[("shop", "shop")]);
    let shop = &derived.slots[0];
    let mut text = difference(shop.deployment(Slot::A), shop.deployment(Slot::B));
    let pods = &shop.deployment(Slot::B)["spec"]["template"];
    for pointer in [
        "/metadata/annotations",
        "/spec/initContainers/0",
        "/spec/containers/0",
        "/spec/affinity/podAffinity",
    ] {
        writeln!(text, "{pointer}: {}", pods.pointer(pointer).unwrap()).unwrap();
    }
    for slot in [Slot::A, Slot::B] {
        let autoscaler = shop.autoscaler(slot).unwrap();
        writeln!(text, "{slot}: {}", autoscaler["spec"]["scaleTargetRef"]["name"]).unwrap();
        writeln!(text, "{slot}: {}", shop.budgets(slot)[0]).unwrap();
    }
    writeln!(text, "{}", shop.services(Traffic::Both)[0]["spec"]).unwrap();
    for object in &derived.rest {
        writeln!(text, "{object}").unwrap();
    }
    expect![[r##"
        "app": "shop", → "app": "shop-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
        "name": "shop", → "name": "shop-b",
        "app": "shop" → "app": "shop-b"
        "app": "shop", → "app": "shop-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
        "app": "shop" → "app": "shop-b"
        "shop" → "shop-b"
        /metadata/annotations: {"checked-on":"2026-11-24"}
        /spec/initContainers/0: {"env":[{"name":"WORKERS","valueFrom":{"configMapKeyRef":{"key":"workers","name":"shop-settings-c99d7f5da3"}}},{"name":"PORT","value":"8080"}],"image":"registry.example.com/shop/shop@sha256:1111111111111111111111111111111111111111111111111111111111111111","name":"migrate","resources":{"limits":{"cpu":0.5,"memory":1000000000}}}
        /spec/containers/0: {"env":[{"name":"WORKERS","valueFrom":{"configMapKeyRef":{"key":"workers","name":"shop-settings-c99d7f5da3"}}},{"name":"PORT","value":"8080"}],"image":"registry.example.com/shop/shop@sha256:1111111111111111111111111111111111111111111111111111111111111111","name":"shop","ports":[{"containerPort":8080,"name":"http"}],"resources":{"limits":{"cpu":0.5,"memory":1000000000}}}
        /spec/affinity/podAffinity: {"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":"cache"}},"topologyKey":"topology.kubernetes.io/zone"}]}
        a: "shop"
        a: {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"shop","namespace":"shop"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"shop"}}}}
        b: "shop-b"
        b: {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"shop-b","namespace":"shop"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"shop-b"}}}}
        {"ports":[{"port":80,"targetPort":"http"}],"selector":{"vitalyst.io/serves":"shop"}}
        {"apiVersion":"v1","data":{"motd":"# not a comment\ncosts $5 or ${PRICE}\n","version":"1e3","workers":"4","zip":"0123"},"immutable":true,"kind":"ConfigMap","metadata":{"name":"shop-settings-c99d7f5da3","namespace":"shop"}}
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"cache","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"cache"}},"template":{"metadata":{"labels":{"app":"cache","tier":"store"}},"spec":{"containers":[{"image":"registry.example.com/cache@sha256:00000000000000000000000000000000000000000000000000000000000000ff","name":"cache"}]}}}}
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"cache","namespace":"shop"},"spec":{"ports":[{"port":6379}],"selector":{"app":"cache"}}}
        {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"cache","namespace":"shop"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"tier":"store"}}}}
        {"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"default-deny","namespace":"shop"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}}
        {"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"cache","namespace":"shop"},"spec":{"ingress":[{"from":[{"podSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["shop","shop-b"]}]}},{"podSelector":{"matchLabels":{"app":"elsewhere"}}}]}],"podSelector":{"matchLabels":{"app":"cache"}}}}
        {"apiVersion":"monitoring.coreos.com/v1","kind":"PodMonitor","metadata":{"name":"shop","namespace":"shop"},"spec":{"selector":{"matchExpressions":[{"key":"app","operator":"In","values":["shop","cache","shop-b"]}]}}}
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"vouchers.shop.example.com"},"spec":{"group":"shop.example.com","names":{"kind":"Voucher","plural":"vouchers"},"scope":"Namespaced"}}
        {"apiVersion":"shop.example.com/v1","kind":"Voucher","metadata":{"labels":{"year":2026},"name":"autumn","namespace":"shop"},"spec":{"percent":8}}
    "##]].assert_eq(&text);
}

/// Reads `text` as a release of this repository would be read, and derives slots where that works.
fn problems(path: &str, text: &str) -> Vec<Diagnostic> {
    let (mut variables, images) = release_with(&[]);
    let file = source(path, text);
    if !file.template {
        variables = Variables::default();
    }
    let objects = match objects::read(&[file], &[], variables, &images) {
        Ok(objects) => objects,
        Err(problems) => return problems,
    };
    let deployments = objects.manifests.iter().filter(|manifest| manifest.kind() == "Deployment");
    let component = |deployment| Component { name: ComponentName("backend".into()), deployment };
    let components: Vec<Component<'_>> = deployments.map(component).take(1).collect();
    slots::derive(&components, &objects.manifests, &objects.overlays).err().unwrap_or_default()
}

/// Each file in `bad/` is refused in the words beside it, with line and caret.
#[test]
fn what_cannot_be_right_is_refused_at_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/release/bad");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "yml")).collect();
    assert!(files.len() > 10);
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let problems = problems(name, &std::fs::read_to_string(&path).unwrap());
        assert!(!problems.is_empty(), "{name}");
        expect_file![path.with_extension("golden")].assert_eq(&rendered(problems));
    }
}

#[test]
fn an_overlay_names_what_differs_and_contradicts_nothing() {
    let (variables, images) = release();
    let overlay = |text: &str| {
        let files = [of_repository("k8s/deployment.template.yml")];
        let head = "apiVersion: apps/v1\nkind: Deployment\n";
        let overlays = [source("k8s/canary/backend.yml", &format!("{head}{text}"))];
        let objects = objects::read(&files, &overlays, variables.clone(), &images)
            .unwrap_or_else(|p| panic!("{}", rendered(p)));
        let is = |object: &&manifest::Manifest| {
            object.kind() == "Deployment" && object.name() == "vitalyst-backend"
        };
        let deployment = objects.manifests.iter().find(is).unwrap();
        let component = Component { name: ComponentName("backend".into()), deployment };
        slots::derive(&[component], &objects.manifests, &objects.overlays)
    };
    let plain = overlay("metadata: {name: vitalyst-backend-b}\n").unwrap();
    let more =
        "spec: {template: {spec: {containers: [{name: backend, env: [{name: TRIAL, value: 'yes'}]}]}}}";
    let derived = overlay(&format!("metadata: {{name: vitalyst-backend-b}}\n{more}\n")).unwrap();
    let env = derived.slots[0].deployment(Slot::B).pointer("/spec/template/spec/containers/0/env").unwrap();
    assert_eq!(
        env.as_array().unwrap().last().unwrap(),
        &serde_json::json!({"name": "TRIAL", "value": "yes"})
    );
    assert_eq!(derived.slots[0].deployment(Slot::A).pointer("/spec/template/spec/containers/0/env/4"), None);
    assert_ne!(
        derived.slots[0].revision, plain.slots[0].revision,
        "what runs in slot b is a part of the revision"
    );

    let wrong = "\
metadata: {name: vitalyst-backend-b, labels: {app: vitalyst-backend}}
spec:
  selector: {matchLabels: {tier: x}}
  template: {metadata: {labels: {vitalyst.io/slot: a}}}
";
    let mut said = rendered(overlay(wrong).unwrap_err());
    said.push_str(&rendered(overlay("metadata: {name: vitalyst-backnd-b}\n").unwrap_err()));
    expect![[r#"
        error: manifests are wrong

        error: `selector` of slot b must be {"matchLabels":{"app":"vitalyst-backend-b"}}
         --> k8s/canary/backend.yml:5:3
          |
        5 |   selector: {matchLabels: {tier: x}}
          |   ^^^^^^^^
          |
          = help: leave it out: it is derived from slot a

        error: `app` of slot b must be "vitalyst-backend-b"
         --> k8s/canary/backend.yml:3:52
          |
        3 | metadata: {name: vitalyst-backend-b, labels: {app: vitalyst-backend}}
          |                                                    ^^^^^^^^^^^^^^^^
          |
          = help: leave it out: it is derived from slot a

        error: `vitalyst.io/slot` of slot b must be "b"
         --> k8s/canary/backend.yml:6:52
          |
        6 |   template: {metadata: {labels: {vitalyst.io/slot: a}}}
          |                                                    ^
          |
          = help: leave it out: it is derived from slot a
        error: manifests are wrong

        error: Deployment `vitalyst-backnd-b` lies over no slot b
         --> k8s/canary/backend.yml:3:18
          |
        3 | metadata: {name: vitalyst-backnd-b}
          |                  ^^^^^^^^^^^^^^^^^
          |
          = help: did you mean `vitalyst-backend-b`?
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_budget_by_component_becomes_one_by_slot() {
    let (variables, images) =
        release_with(&[("API_URL", "https://api.vitalyst.io"), ("SITE_URL", "https://vitalyst.io")]);
    let budget = "
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: backend}
spec: {maxUnavailable: 1, selector: {matchLabels: {vitalyst.io/serves: backend}}}
";
    let file = source("plain.template.yml", &format!("{PLAIN}{budget}"));
    let objects = objects::read(&[file], &[], variables, &images).unwrap();
    let derived = derive(&objects, &[("backend", "vitalyst-backend")]);
    for (slot, name) in [(Slot::A, "backend"), (Slot::B, "backend-b")] {
        let [budget] = derived.slots[0].budgets(slot) else { panic!("one budget") };
        assert_eq!(budget["metadata"]["name"], name);
        let labels = serde_json::json!({"vitalyst.io/serves": "backend", "vitalyst.io/slot": slot});
        assert_eq!(budget["spec"]["selector"]["matchLabels"], labels);
    }
}

#[test]
fn what_would_take_too_much_is_refused() {
    let said = |text: &str| {
        let problems = problems("k8s/a.yml", text);
        let [problem] = problems.as_slice() else { panic!("one problem") };
        let (line, column) = problem.position();
        format!("{line}:{column}: {}", problem.message)
    };
    assert_eq!(
        said(&format!("kind: A\nspec: {}\n", "[".repeat(200))),
        "2:106: values are nested more than 100 deep"
    );
    assert_eq!(said(&format!("kind: A # {}\n", "x".repeat(10 << 20))), "1:1: this file has 10.0 MiB");
    let doubled = problems("k8s/a.yml", &"a: 1\n".repeat(1 << 20));
    assert_eq!(doubled.len(), 100, "a hundred problems are enough");
    let mut laughs = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (before, now) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let ten = vec![format!("*{before}"); 10].join(", ");
        writeln!(laughs, "{now}: &{now} [{ten}]").unwrap();
    }
    assert_eq!(said(&laughs), "6:8: this file holds more than 200000 values once its anchors are expanded");
}

#[test]
fn no_input_brings_the_reader_down() {
    let own = of_repository("k8s/deployment.template.yml").text;
    let words = [
        "\t", "{", "}", "[", "*a", "&a ", "null", "- ", ": ", "!!int ", "'", "\"", "${", "<<: ", "1e3", "\n",
        "ü", "|",
    ];
    let mut seed: usize = 7;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for text in [own.as_str(), FOREIGN] {
        for _ in 0..300 {
            let mut broken = text.to_owned();
            for _ in 0..=random(3) {
                let mut at = random(broken.len());
                while !broken.is_char_boundary(at) {
                    at -= 1;
                }
                let length = broken[at..].chars().take(random(12)).map(char::len_utf8).sum::<usize>();
                broken.replace_range(at..at + length, words[random(words.len())]);
            }
            for problem in problems("k8s/x.template.yml", &broken) {
                assert!(
                    broken.get(problem.span.clone()).is_some() || problem.path.ends_with("variables"),
                    "{broken}"
                );
            }
        }
    }
}

/// What is stated twice, is misspelt or has a wrong type is refused by a strict server; so is what another object forbids.
#[test]
fn a_server_takes_every_object_of_this_repository() {
    let Some(cluster) = Cluster::get() else { return };
    let namespace = Namespace::new(cluster, "manifests");
    let (variables, images) = release();
    let files = [of_repository("k8s/deployment.template.yml")];
    let overlays = [of_repository("k8s/canary/backend.yml"), of_repository("k8s/canary/frontend.yml")];
    let objects =
        objects::read(&files, &overlays, variables, &images).unwrap_or_else(|p| panic!("{}", rendered(p)));
    let derived = derive(&objects, &[("backend", "vitalyst-backend"), ("frontend", "vitalyst-frontend")]);
    let take = |text: &str| {
        let arguments = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
        let all = [&["--namespace", namespace.name()], arguments.as_slice()].concat();
        cluster.kubectl_as(cluster.kubeconfig(), &all, text)
    };
    let stated = derived.stated();
    for object in &stated {
        let said = take(&object.to_string());
        assert_eq!(said.code, 0, "{}: {}", Identity::of(object), said.stderr);
        // What could be safer is said as a warning.
        assert!(!said.stderr.contains("Warning"), "{}: {}", Identity::of(object), said.stderr);
    }
    let role = take(&of_repository("k8s/rbac/deployer.yml").text);
    assert_eq!((role.code, role.stdout.lines().count()), (0, 5), "{}", role.stderr);
    let wrong = stated[0].to_string().replacen("\"metadata\":{", "\"metadata\":{\"nmae\":\"x\",", 1);
    assert_eq!(take(&wrong).code, 1, "the server is asked to be strict");
}
