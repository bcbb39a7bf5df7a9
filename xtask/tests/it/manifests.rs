//! Manifests: the files of this repository, those of the ticket and a stranger's become exact objects; whatever cannot be
//! right is refused with line and caret.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use serde_json::Value;
use xtask::core::diagnostic::Diagnostic;
use xtask::core::release::images::Image;
use xtask::core::release::model::{ComponentName, Slot};
use xtask::core::release::objects::{self, Objects, Source};
use xtask::core::release::slots::{self, Component, Derived, Traffic};
use xtask::core::release::template::Variables;
use xtask::error::{self, Error, Style};

const TICKET: &str = include_str!("../../testdata/release/ticket.template.yml");
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
    (Variables::new("variables", values), images)
}

fn rendered(problems: Vec<Diagnostic>) -> String {
    error::render(&Error::configuration("manifests are wrong").places(problems), Style::PLAIN)
}

/// Derives slots for these components; each is the Deployment of this name.
fn derive(objects: &Objects, components: &[(&str, &str)]) -> Derived {
    let component = |(name, deployment): &(&str, &str)| {
        let is = |manifest: &&xtask::core::release::manifest::Manifest| {
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
    assert_eq!(derived.rest.len(), 0, "everything belongs to a component");
    assert_eq!((backend.replicas, backend.replicas_on_trial), (3, Some(1)));
    assert_eq!((frontend.replicas, frontend.replicas_on_trial), (2, Some(1)));
    expect![[r#"
        "app": "vitalyst-backend", → "app": "vitalyst-backend-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
        "name": "vitalyst-backend" → "name": "vitalyst-backend-b"
        "app": "vitalyst-backend" → "app": "vitalyst-backend-b"
        "app": "vitalyst-backend", → "app": "vitalyst-backend-b",
        "vitalyst.io/slot": "a" → "vitalyst.io/slot": "b"
    "#]]
    .assert_eq(&difference(backend.deployment(Slot::A), backend.deployment(Slot::B)));
    let pods =
        backend.deployment(Slot::A).pointer("/spec/template/metadata/labels/vitalyst.io~1revision").unwrap();
    assert_eq!(pods, &Value::from(backend.revision.to_string()));
    assert_ne!(backend.revision, frontend.revision);
    let selector = |traffic| backend.services(traffic)[0]["spec"]["selector"].to_string();
    assert_eq!(selector(Traffic::Both), r#"{"vitalyst.io/serves":"backend"}"#);
    assert_eq!(
        selector(Traffic::Only(Slot::A)),
        r#"{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}"#
    );
    assert_eq!(
        selector(Traffic::Only(Slot::B)),
        r#"{"vitalyst.io/serves":"backend","vitalyst.io/slot":"b"}"#
    );
    let pinned = backend.deployment(Slot::B).to_string().matches("vitalyst-backend@sha256:aaaa").count();
    assert_eq!(pinned, 2, "the container and the one before it");
}

#[test]
fn the_template_of_the_ticket_makes_two_slots() {
    let (variables, images) = release();
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
    let (mut variables, images) = release();
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

fn refused(path: &str, text: &str, expected: &Expect) {
    let problems = problems(path, text);
    assert!(!problems.is_empty());
    expected.assert_eq(&rendered(problems));
}

/// A Deployment of this name, with these lines in its spec and its pods' spec.
fn deployment(name: &str, spec: &str, pods: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
{spec}  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
{pods}      containers:
      - name: {name}
        image: ghcr.io/vitalyst/vitalyst-backend:0123
---
"
    )
}

#[test]
fn what_is_no_yaml_is_refused() {
    refused("k8s/a.yml", "kind: A\nkind: B\n", &expect![[r#"
        error: manifests are wrong

        error: the key `kind` stands here a second time
         --> k8s/a.yml:2:1
          |
        2 | kind: B
          | ^^^^ the first one is in line 1
    "#]]);
    refused("k8s/a.yml", "kind: A\nspec:\n\ta: 1\n", &expect![[r#"
        error: manifests are wrong

        error: tabs disallowed within this context (block indentation)
         --> k8s/a.yml:3:2
          |
        3 |     a: 1
          |     ^
          |
          = help: YAML is indented with spaces
    "#]]);
    refused("k8s/a.yml", "kind: [A\nspec: {\n", &expect![[r#"
        error: manifests are wrong

        error: illegal placement of ':' indicator
         --> k8s/a.yml:2:5
          |
        2 | spec: {
          |     ^
    "#]]);
    refused("k8s/a.yml", &format!("kind: A\nspec: {}\n", "[".repeat(200)), &expect![[r#"
        error: manifests are wrong

        error: values are nested more than 100 deep
         --> k8s/a.yml:2:106
          |
        2 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
          |                                                ^
    "#]]);
    refused("k8s/a.yml", &format!("kind: A # {}\n", "x".repeat(10 << 20)), &expect![[r#"
        error: manifests are wrong

        error: this file has 10.0 MiB
         --> k8s/a.yml:1:1
          |
        1 | kind: A # xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ at most 8.0 MiB are read
          |
          = help: split the file, or give large data another home than a manifest
    "#]]);
    let mut laughs = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (before, now) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let ten = vec![format!("*{before}"); 10].join(", ");
        writeln!(laughs, "{now}: &{now} [{ten}]").unwrap();
    }
    refused("k8s/a.yml", &laughs, &expect![[r#"
        error: manifests are wrong

        error: this file holds more than 200000 values once its anchors are expanded
         --> k8s/a.yml:6:8
          |
        6 | f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
          |        ^^
    "#]]);
    refused("k8s/a.yml", "a: &a {b: *a}\n", &expect![[r#"
        error: manifests are wrong

        error: an anchor cannot hold itself
         --> k8s/a.yml:1:11
          |
        1 | a: &a {b: *a}
          |           ^^
    "#]]);
    refused("k8s/a.yml", "on: !secret x\n1: .inf\n<<: 7\nc: !!int x\n", &expect![[r#"
        error: manifests are wrong

        error: a key must be a text, and this is a boolean
         --> k8s/a.yml:1:1
          |
        1 | on: !secret x
          | ^^
          |
          = help: put it in quotes

        error: Kubernetes does not know the tag `!secret`
         --> k8s/a.yml:1:5
          |
        1 | on: !secret x
          |     ^^^^^^^^^

        error: `.inf` is a number that Kubernetes cannot read
         --> k8s/a.yml:2:4
          |
        2 | 1: .inf
          |    ^^^^
          |
          = help: put it in quotes if a text is meant

        error: only mappings can be merged
         --> k8s/a.yml:3:5
          |
        3 | <<: 7
          |     ^

        error: `x` is no `!!int`
         --> k8s/a.yml:4:4
          |
        4 | c: !!int x
          |    ^^^^^^^
    "#]]);
}

#[test]
fn what_is_no_object_is_refused() {
    refused("k8s/a.yml", "- a\n---\n7\n---\n# nothing\n---\n{}\n", &expect![[r#"
        error: manifests are wrong

        error: this document is no Kubernetes object
         --> k8s/a.yml:1:1
          |
        1 | - a
          | ^ expected a mapping

        error: this document is no Kubernetes object
         --> k8s/a.yml:3:1
          |
        3 | 7
          | ^ expected a mapping

        error: `apiVersion` is missing
         --> k8s/a.yml:7:1
          |
        7 | {}
          | ^

        error: `kind` is missing
         --> k8s/a.yml:7:1
          |
        7 | {}
          | ^

        error: `metadata.name` is missing
         --> k8s/a.yml:7:1
          |
        7 | {}
          | ^
    "#]]);
    refused("k8s/a.yml", "apiVersion: 1\nkind: ''\nmetadata: {generateName: x-}\n", &expect![[r#"
        error: manifests are wrong

        error: `apiVersion` must be a text
         --> k8s/a.yml:1:13
          |
        1 | apiVersion: 1
          |             ^
          |
          = help: put it in quotes

        error: `kind` is empty
         --> k8s/a.yml:2:7
          |
        2 | kind: ''
          |       ^^

        error: `metadata.name` is missing
         --> k8s/a.yml:3:1
          |
        3 | metadata: {generateName: x-}
          | ^^^^^^^^
          |
          = help: a release has to find its objects again: `generateName` cannot be used
    "#]]);
    refused(
        "k8s/a.yml",
        "\
apiVersion: extensions/v1beta1
kind: Deployment
metadata: {name: x}
---
apiVersion: app/v1
kind: Deploymnt
metadata: {name: x}
---
apiVersion: apps/v1
kind: Deploymnt
metadata: {name: x}
---
apiVersion: v1
kind: List
metadata: {name: x}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: x, labels: {version: 7, zone: x}}
spec: [1]
",
        &expect![[r#"
            error: manifests are wrong

            error: `extensions/v1beta1` is no version of `Deployment`
             --> k8s/a.yml:1:13
              |
            1 | apiVersion: extensions/v1beta1
              |             ^^^^^^^^^^^^^^^^^^
              |
              = help: write `apps/v1`

            error: Kubernetes has no group `app`
             --> k8s/a.yml:5:13
              |
            5 | apiVersion: app/v1
              |             ^^^^^^
              |
              = help: did you mean `apps`?

            error: `apps/v1` has no kind `Deploymnt`
              --> k8s/a.yml:10:7
               |
            10 | kind: Deploymnt
               |       ^^^^^^^^^
               |
               = help: did you mean `Deployment`?

            error: a `List` is not read
              --> k8s/a.yml:14:7
               |
            14 | kind: List
               |       ^^^^
               |
               = help: write its items as documents with `---` between them

            error: `spec` must be a mapping, not a list
              --> k8s/a.yml:20:1
               |
            20 | spec: [1]
               | ^^^^

            error: `version` must be a text, and this is a number
              --> k8s/a.yml:19:39
               |
            19 | metadata: {name: x, labels: {version: 7, zone: x}}
               |                                       ^
               |
               = help: put it in quotes
        "#]],
    );
}

#[test]
fn what_a_template_cannot_be_filled_with_is_refused() {
    let text = "\
# ${…} in a comment is nobody's concern.
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${REGISTRI}
data:
  version: ${VERSION}
  quoted: \"${VERSION}\"
  joined: v${VERSION}
  price: $5 and $$5
  home: >-
    a $HOME
    b ${
  flow: [${frontend}, \"${REGISTRY}\"]
";
    refused("k8s/a.template.yml", text, &expect![[r#"
        error: manifests are wrong

        error: `REGISTRI` is not defined
         --> k8s/a.template.yml:5:9
          |
        5 |   name: ${REGISTRI}
          |         ^^^^^^^^^^^
          |
          = help: did you mean `REGISTRY`?

        error: `VERSION` makes this `0123`, which Kubernetes reads as a number, 83
         --> k8s/a.template.yml:7:12
          |
        7 |   version: ${VERSION}
          |            ^^^^^^^^^^
          |
          = help: put it in double quotes where a text is meant; where a number is, write `!!int` in front

        error: a lone `$`
          --> k8s/a.template.yml:10:10
           |
        10 |   price: $5 and $$5
           |          ^
           |
           = help: write `${NAME}` for a variable, `$$` for a dollar

        error: a lone `$`
          --> k8s/a.template.yml:12:7
           |
        12 |     a $HOME
           |       ^
           |
           = help: write `${NAME}` for a variable, `$$` for a dollar

        error: `${` without `}`
          --> k8s/a.template.yml:13:7
           |
        13 |     b ${
           |       ^^
           |
           = help: end the variable: `${NAME}`

        error: `frontend` is no name for a variable
          --> k8s/a.template.yml:14:10
           |
        14 |   flow: [${frontend}, "${REGISTRY}"]
           |          ^^^^^^^^^^^
           |
           = help: a name is capital letters, digits and `_`, as in `${IMAGE_TAG}`
    "#]]);
}

#[test]
fn an_image_without_digest_is_refused() {
    let text = deployment("a", "", "      initContainers:\n      - {name: wait, image: busybox}\n");
    refused("k8s/a.yml", &text, &expect![[r#"
        error: manifests are wrong

        error: the image `busybox` has no digest
          --> k8s/a.yml:15:29
           |
        15 |       - {name: wait, image: busybox}
           |                             ^^^^^^^ a tag can move
           |
           = help: write it with its digest, `repository@sha256:…`, or build it with the release
    "#]]);
}

#[test]
fn selectors_that_select_too_much_or_nothing_are_refused() {
    let a = deployment("a", "", "");
    refused("k8s/a.yml", &format!("{a}{}", a.replacen("name: a", "name: b", 1)), &expect![[r#"
        error: manifests are wrong

        error: Deployment `a` and Deployment `b` have one selector
          --> k8s/a.yml:23:3
           |
        23 |   selector:
           |   ^^^^^^^^ `app=a`, as in k8s/a.yml:6
           |
           = help: each would count and delete the other's pods: give each a label of its own
    "#]]);
    let more = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: vitalist}
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: one}
spec: {selector: {matchLabels: {app: vitalyst}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: two}
spec: {selector: {matchExpressions: [{key: app, operator: Exists}]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: all}
spec: {selector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec: {podSelector: {matchLabels: {app: zebra}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {scaleTargetRef: {kind: Deployment, name: vitalist}}
";
    refused("k8s/a.yml", &format!("{}{more}", deployment("vitalyst", "", "")), &expect![[r#"
        error: manifests are wrong

        error: Service `web` selects nothing
          --> k8s/a.yml:22:19
           |
        22 |   selector: {app: vitalist}
           |                   ^^^^^^^^ no pod has `app=vitalist`
           |
           = help: did you mean `vitalyst`?

        error: the selector of Service `empty` is empty, so that it has no endpoints
          --> k8s/a.yml:27:8
           |
        27 | spec: {selector: {}}
           |        ^^^^^^^^
           |
           = help: name a label of the pods, or leave it out

        error: a pod under two disruption budgets cannot be evicted: PodDisruptionBudget `one` selects it, too
          --> k8s/a.yml:37:8
           |
        37 | spec: {selector: {matchExpressions: [{key: app, operator: Exists}]}}
           |        ^^^^^^^^ see k8s/a.yml:32

        error: the selector of PodDisruptionBudget `all` is empty, and an empty one selects every pod
          --> k8s/a.yml:42:8
           |
        42 | spec: {selector: {}}
           |        ^^^^^^^^
           |
           = help: name a label of its own pods

        error: NetworkPolicy `p` selects nothing
          --> k8s/a.yml:47:41
           |
        47 | spec: {podSelector: {matchLabels: {app: zebra}}}
           |                                         ^^^^^ no pod has `app=zebra`

        error: HorizontalPodAutoscaler `h` scales the Deployment `vitalist`, which is not there
          --> k8s/a.yml:52:49
           |
        52 | spec: {scaleTargetRef: {kind: Deployment, name: vitalist}}
           |                                                 ^^^^^^^^
           |
           = help: did you mean `vitalyst`?
    "#]]);
}

#[test]
fn what_cannot_have_two_slots_is_refused() {
    let pods = "      volumes:
      - {name: data, persistentVolumeClaim: {claimName: data}}
";
    refused("k8s/a.yml", &deployment("a", "", pods), &expect![[r#"
        error: manifests are wrong

        error: pods of two slots would mount `data`, and nothing says that they may
          --> k8s/a.yml:15:57
           |
        15 |       - {name: data, persistentVolumeClaim: {claimName: data}}
           |                                                         ^^^^
           |
           = help: give the component `strategy = "rolling"`, or state the claim with `ReadWriteMany`
    "#]]);
    let own = deployment("a", "", "").replace("app: a", "tier: web");
    refused("k8s/a.yml", &own, &expect![[r#"
        error: manifests are wrong

        error: slot b of Deployment `a` would select the pods of slot a
         --> k8s/a.yml:6:3
          |
        6 |   selector:
          |   ^^^^^^^^ asks for tier=web
          |
          = help: select by a label with the Deployment's name, such as `app: a`
    "#]]);
    let policy = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec: {podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [b]}, {key: vitalyst.io/slot, operator: NotIn, values: [b]}]}}
";
    refused("k8s/a.yml", &format!("{}{policy}", deployment("a", "", "")), &expect![[r#"
        error: manifests are wrong

        error: the slots differ in `app`, and what this would have to be for the other one is unclear
          --> k8s/a.yml:21:42
           |
        21 | spec: {podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [b]}, {key: vita...
           |                                          ^^^
    "#]]);
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
