//! What cannot be released is refused, with line and caret.

use std::fmt::Write as _;

use expect_test::expect;

use super::scratch::{Scratch, TICKET};

/// What is said of a repository whose manifests are `manifests` beside the ticket's, with its exit code in front.
fn refused(config: &str, manifests: &str, images: &[(&str, char)]) -> String {
    let scratch = Scratch::new(config);
    scratch.ticket();
    scratch.repository.write("k8s/more.yml", manifests);
    scratch.images("1", images);
    let said = scratch.deploy(&[]);
    assert_eq!(said.stdout, "", "{}", said.all());
    format!("exit {}\n{}", said.code, said.stderr)
}

const BOTH: [(&str, char); 2] = [("backend", 'a'), ("frontend", 'b')];

const EMPTY: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nothing}\n";

#[test]
fn a_duplicate_key() {
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: the key `kind` stands here a second time
         --> k8s/more.yml:3:1
          |
        3 | kind: Secret
          | ^^^^ the first one is in line 2
    "#]]
    .assert_eq(&refused(TICKET, &EMPTY.replace("kind: ConfigMap", "kind: ConfigMap\nkind: Secret"), &BOTH));
}

#[test]
fn a_tab() {
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: tabs disallowed within this context (block indentation)
         --> k8s/more.yml:4:2
          |
        4 |     name: x
          |     ^
          |
          = help: YAML is indented with spaces
    "#]]
    .assert_eq(&refused(TICKET, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n", &BOTH));
}

#[test]
fn ten_megabytes() {
    let large = format!("{EMPTY}data: {{text: {}}}\n", "x".repeat(10 << 20));
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: this file has 10.0 MiB
         --> k8s/more.yml:1:1
          |
        1 | apiVersion: v1
          | ^^^^^^^^^^^^^^ at most 8.0 MiB are read
          |
          = help: split the file, or give large data another home than a manifest
    "#]]
    .assert_eq(&refused(TICKET, &large, &BOTH));
}

#[test]
fn a_billion_laughs() {
    let mut text = EMPTY.to_owned() + "data:\n  a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n";
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        writeln!(text, "  a{level}: &a{level} [{}]", [before.as_str(); 9].join(", ")).unwrap();
    }
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: this file holds more than 200000 values once its anchors are expanded
          --> k8s/more.yml:10:17
           |
        10 |   a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
           |                 ^^^
    "#]]
    .assert_eq(&refused(TICKET, &text, &BOTH));
}

#[test]
fn an_image_without_a_digest() {
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: the image `ghcr.io/vitalyst/frontend:1` has no digest
          --> k8s/deployment.template.yml:56:16
           |
        56 |         image: ${REGISTRY}/${REPOSITORY_OWNER}/${FRONTEND_IMAGE}:${VERSION}
           |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a tag can move
           |
           = help: built was `ghcr.io/vitalyst/backend:1`
    "#]]
    .assert_eq(&refused(TICKET, EMPTY, &BOTH[..1]));
}

#[test]
fn two_deployments_with_one_selector() {
    let twin = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: twin}
spec:
  selector: {matchLabels: {app: vitalyst-backend}}
  template:
    metadata: {labels: {app: vitalyst-backend}}
    spec: {containers: []}
";
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: Deployment `vitalyst-backend` and Deployment `twin` have one selector
         --> k8s/more.yml:5:3
          |
        5 |   selector: {matchLabels: {app: vitalyst-backend}}
          |   ^^^^^^^^ `app=vitalyst-backend`, as in k8s/deployment.template.yml:7
          |
          = help: each would count and delete the other's pods: give each a label of its own
    "#]]
    .assert_eq(&refused(TICKET, twin, &BOTH));
}

#[test]
fn a_service_that_selects_nothing() {
    let service = "\
apiVersion: v1
kind: Service
metadata: {name: vitalyst-backend}
spec:
  selector: {app: vitalyst-backnd}
  ports: [{port: 80}]
";
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: Service `vitalyst-backend` selects nothing
         --> k8s/more.yml:5:19
          |
        5 |   selector: {app: vitalyst-backnd}
          |                   ^^^^^^^^^^^^^^^ no pod has `app=vitalyst-backnd`
          |
          = help: did you mean `vitalyst-backend`?
    "#]]
    .assert_eq(&refused(TICKET, service, &BOTH));
}

#[test]
fn a_strategy_that_cannot_reach_its_weight() {
    let scratch = Scratch::new(&TICKET.replace("steps = ", "weight-max = 20\nsteps = "));
    scratch.ticket();
    // What serves has to bear the labels by which requests are shared: it was released once.
    scratch.images("1", &BOTH);
    scratch.plan(&["--out", "plan.json"]);
    scratch.apply("plan.json");
    scratch.images("1", &[("backend", 'c'), ("frontend", 'b')]);
    let said = scratch.deploy(&[]).expect(3);
    expect![[r#"
        error: this release cannot be planned

        error: step 1 of `backend`: the share nearest to 10 % is 1 of 4 pods: 25.0 %, above `weight-max` = 20 %; with 4 serving pods it can be had
          --> xtask.toml:18:10
           |
        18 | steps = [{ weight = "10 %", gate = true }, 50]
           |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        error: step 2 of `backend`: the weight of 50 % is above `weight-max` = 20 %
          --> xtask.toml:18:44
           |
        18 | steps = [{ weight = "10 %", gate = true }, 50]
           |                                            ^^
    "#]].assert_eq(&said.stderr);
}

#[test]
fn pods_that_nothing_could_send_a_request_to() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &BOTH);
    scratch.repository.edit(
        "k8s/deployment.template.yml",
        "        ports:\n        - containerPort: 8000\n",
        "",
    );
    expect![[r#"
        error: this release cannot be planned

        error: `backend` has no Service, and its containers name no port that one could be made for: nothing can share its requests out
          --> xtask.toml:16:12
           |
        16 | strategy = "canary"
           |            ^^^^^^^^
    "#]].assert_eq(&scratch.deploy(&[]).expect(3).stderr);
}

#[test]
fn a_service_in_the_cluster_that_would_not_follow() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &BOTH);
    let service = |selector: serde_json::Value| {
        serde_json::json!([{
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "vitalyst"},
            "spec": {"selector": selector},
        }])
    };
    scratch.cluster(&service(serde_json::json!({"app": "vitalyst-backend"})));
    expect![[r#"
        error: `production` is not at rest
          caused by: the Service `api` selects the pods of `backend`, and no manifest states it: it would stay where it is
        hint: look at it: `kubectl --context=vitalyst-production --namespace=vitalyst get service api --output=yaml`
        hint: state it in the manifests of `backend`, so that it follows, or let it select other pods
    "#]].assert_eq(&scratch.deploy(&[]).expect(5).stderr);
    scratch.cluster(&service(serde_json::json!({"vitalyst.io/serves": "backend"})));
    scratch.plan(&[]);
}

#[test]
fn a_contract_migration_without_a_way_back() {
    let scratch = Scratch::new(&TICKET.replace("\"expand\"", "\"contract\""));
    scratch.ticket();
    scratch.images("1", &BOTH);
    scratch.plan(&["--out", "plan.json"]);
    scratch.apply("plan.json");
    scratch.images("1", &[("backend", 'c'), ("frontend", 'b')]);
    expect![[r#"
        error: this release cannot be planned

        error: a contract migration takes away what the release that serves needs: no rollback can bring it back, and a canary would break the pods beside it
          --> xtask.toml:12:13
           |
        12 | migration = "contract"
           |             ^^^^^^^^^^
    "#]].assert_eq(&scratch.deploy(&[]).expect(5).stderr);
    let words = scratch.plan(&["--without-way-back"]);
    assert!(words.contains("what it took away is gone, and there is no way back"), "{words}");
}

#[test]
fn more_than_the_quota_leaves() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &BOTH);
    scratch.cluster(&serde_json::json!([{
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "vitalyst"},
        "status": {"hard": {"requests.cpu": "2"}, "used": {"requests.cpu": "1500m"}},
    }]));
    expect![[r#"
        error: this release cannot be planned
          caused by: at its peak the release needs 1.5 CPU, 3.0 GiB more than now, and the quota leaves 0.5 CPU, any memory
    "#]].assert_eq(&scratch.deploy(&[]).expect(5).stderr);
}

#[test]
fn what_xtask_toml_names_and_the_files_do_not_have() {
    let wrong = TICKET.replace("deployment = \"vitalyst-backend\"", "deployment = \"vitalyst-backnd\"");
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: no manifest of `production` has a Deployment `vitalyst-backnd`
          --> xtask.toml:15:14
           |
        15 | deployment = "vitalyst-backnd"
           |              ^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `vitalyst-backend`?
    "#]]
    .assert_eq(&refused(&wrong, EMPTY, &BOTH));
    let wrong = TICKET.replace("manifests = [\"k8s\"]", "manifests = [\"k8\"]");
    expect![[r#"
        exit 3
        error: a file that xtask.toml names is not there

        error: there is no `k8`
          --> xtask.toml:29:14
           |
        29 | manifests = ["k8"]
           |              ^^^^
    "#]]
    .assert_eq(&refused(&wrong, EMPTY, &BOTH));
    let wrong = TICKET.replace("BACKEND_IMAGE =", "BACKEND_IMAGES =").replace(", default = \"1\"", "");
    expect![[r#"
        exit 3
        error: the variables of `production` are not complete

        error: `VERSION` is not set in the environment
          --> xtask.toml:38:1
           |
        38 | VERSION = { env = "VERSION" }
           | ^^^^^^^
           |
           = help: set it, or give `VERSION` a `default`
    "#]]
    .assert_eq(&refused(&wrong, EMPTY, &BOTH));
    let wrong = wrong.replace("{ env = \"VERSION\" }", "\"1\"");
    expect![[r#"
        exit 3
        error: the files of `production` have 1 problem

        error: `BACKEND_IMAGE` is not defined
          --> k8s/deployment.template.yml:17:48
           |
        17 |         image: ${REGISTRY}/${REPOSITORY_OWNER}/${BACKEND_IMAGE}:${VERSION}
           |                                                ^^^^^^^^^^^^^^^^
           |
           = help: did you mean `BACKEND_IMAGES`?
    "#]]
    .assert_eq(&refused(&wrong, EMPTY, &BOTH));
    let wrong = format!(
        "{TICKET}[environments.production.freeze]\nzone = \"Europe/Berln\"\nwindows = [\"Fri 16:00 - Mon 07:00\"]\n"
    );
    expect![[r#"
        exit 3
        error: it cannot be told whether there is a freeze

        error: this machine has no time zone `Europe/Berln`
          --> xtask.toml:40:8
           |
        40 | zone = "Europe/Berln"
           |        ^^^^^^^^^^^^^^
           |
           = help: zones are the files below `/usr/share/zoneinfo`, of the package tzdata: `Europe/Berlin`
    "#]]
    .assert_eq(&refused(&wrong, EMPTY, &BOTH));
}

#[test]
fn a_secret_in_a_variable() {
    let scratch = Scratch::new(&TICKET.replace("env = \"VERSION\"", "env = \"API_TOKEN\""));
    scratch.ticket();
    scratch.images("1", &BOTH);
    let arguments = ["deploy", "--plan-only", "--snapshot", "cluster.json"];
    let said = scratch.repository.xtask_with(&arguments, &[("API_TOKEN", "s3cr3t-s3cr3t")]).expect(3);
    assert!(!said.all().contains("s3cr3t"), "{}", said.all());
    expect![[r#"
        error: the variables of `production` are not complete

        error: `API_TOKEN` holds a secret
          --> xtask.toml:38:1
           |
        38 | VERSION = { env = "API_TOKEN", default = "1" }
           | ^^^^^^^
           |
           = help: a manifest can be read by whoever can read the object: refer to a Secret by its name
    "#]]
    .assert_eq(&said.stderr);
}

#[test]
fn a_secret_in_a_manifest_and_in_a_commit() {
    const SECRET: &str = "s3cr3t-s3cr3t";
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &BOTH);
    scratch.commit("Begin");
    scratch.plan(&["--out", "plan.json"]);
    scratch.apply("plan.json");
    let settings =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  token: s3cr3t-s3cr3t\n";
    scratch.repository.write("k8s/settings.yml", settings);
    scratch.commit(&format!("Write {SECRET} into the settings"));
    let arguments = ["deploy", "--plan-only", "--snapshot", "cluster.json"];
    for more in [&[][..], &["--diff"], &["--output", "json"]] {
        let arguments = [&arguments, more].concat();
        let said = scratch.repository.xtask_with(&arguments, &[("API_TOKEN", SECRET)]).expect(0);
        assert!(!said.all().contains(SECRET) && said.all().contains("***"), "{more:?} {}", said.all());
        // It is there for somebody who does not know it for one.
        assert!(scratch.repository.xtask(&arguments).all().contains(SECRET), "{more:?}");
    }
}

#[test]
fn what_is_no_snapshot_and_no_record() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &BOTH);
    for text in ["", "[]", "{\"kind\": \"Pod\"}", "{\"kind\": \"List\", \"items\": [1]}"] {
        scratch.repository.write("cluster.json", text);
        let said = scratch.deploy(&[]).expect(3);
        assert!(
            said.stderr.starts_with("error: `cluster.json` is no snapshot of a cluster\n"),
            "{}",
            said.all()
        );
    }
    scratch.repository.write("target/xtask/images.json", "{\"format\": 1, \"images\": [{}]}");
    let said = scratch.deploy(&[]).expect(3);
    assert!(said.stderr.contains("images.json` is no record of images\n"), "{}", said.all());
}

#[test]
fn an_image_that_is_asked_for_and_not_stated() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
    let stated = format!("ghcr.io/vitalyst/backend@{}", digest('1'));
    let from = "${REGISTRY}/${REPOSITORY_OWNER}/${BACKEND_IMAGE}:${VERSION}";
    scratch.repository.edit("k8s/deployment.template.yml", from, &stated);
    scratch.repository.edit("xtask.toml", "BACKEND_IMAGE = \"backend\"\n", "");
    let name = |name: &str, digit: char| format!("ghcr.io/vitalyst/{name}@{}", digest(digit));
    let (backend, frontend) = (name("backend", 'a'), name("frontend", 'b'));
    let said = scratch.deploy(&["--image", &backend, "--image", &frontend]);
    expect![[r#"
        exit 5
        error: the files of `production` state another digest than the one that is asked for in 1 place

        error: the image `ghcr.io/vitalyst/backend` is stated with a digest of its own
          --> k8s/deployment.template.yml:17:16
           |
        17 |         image: ghcr.io/vitalyst/backend@sha256:1111111111111111111111111111111111111111111111111111111111111111
           |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ asked for is `sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`
           |
           = help: state a tag here, and the digest that is asked for takes its place; or ask for nothing, and this one is released
    "#]].assert_eq(&format!("exit {}\n{}", said.code, said.stderr));
    // A record that is named says the same; the one that a build leaves says what tags mean, and nothing else.
    scratch.images("1", &BOTH);
    let record = ["--images", "target/xtask/images.json"];
    assert!(scratch.deploy(&record).expect(5).stderr.contains("digest of its own"));
    scratch.deploy(&[]).expect(0);
    // What is asked for twice is no contradiction, and what nobody states is one.
    scratch.deploy(&["--image", &stated, "--image", &frontend]).expect(0);
    let said = scratch.deploy(&["--image", &frontend, "--image", &name("backed", 'a')]);
    expect![[r#"
        exit 5
        error: no manifest of `production` has an image of `ghcr.io/vitalyst/backed`
        hint: there is `ghcr.io/vitalyst/backend`
    "#]]
    .assert_eq(&format!("exit {}\n{}", said.code, said.stderr));
}
