//! What comes before a release, through the real program: from the files of a repository and a look at a cluster to a plan.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes them when it updates a golden text"
)]

mod bad;
mod cluster;
mod eks;
pub(crate) mod load;
mod pin;
mod scratch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::expect;
use serde_json::{Value, json};
use xtask::Cx;
use xtask::config::Config;
use xtask::core::release::images::Record;
use xtask::core::release::ledger::{self, Entry, Head, Journal, Line, Phase};
use xtask::core::release::machine;
use xtask::core::release::model::{Ending, ReleaseId};
use xtask::core::release::plan::Part;
use xtask::tasks::release::prepare::{Options, Source, prepare};

use scratch::{Scratch, TICKET};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn a_rehearsal_needs_nothing_but_the_files_of_this_repository() {
    let text = std::fs::read_to_string(root().join("xtask.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let cx = Cx::builder(root()).output(folder.path()).config(config).build();
    for environment in ["staging", "production"] {
        let options = Options {
            environment: Some(environment.to_owned()),
            source: Source::Imagined,
            images: xtask::tasks::release::prepare::Images::Built,
            override_freeze: None,
            override_perf: None,
            without_way_back: false,
        };
        let prepared = prepare(&cx, &options).unwrap();
        assert_eq!(prepared.plan.release.to_string(), format!("{environment}-2"));
        assert!(prepared.plan.parts.iter().all(Part::changes));
        let [backend, frontend] = prepared.course.parts.as_slice() else { panic!("two components") };
        assert_eq!(backend.steps().len(), 2);
        assert_eq!(frontend.strategy, machine::Strategy::Flip);
        // One probability for the whole release: every component knows of the streams of all.
        assert_eq!((backend.settings.streams, frontend.settings.streams), (4, 4));
    }
}

#[test]
fn the_template_of_the_ticket_is_planned_from_the_first_release_to_the_next() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    scratch.commit("Begin");
    let first = scratch.plan(&["--out", "plan.json"]);
    expect![[r#"
        release production-1, the first one
          backend: 4b1b3dee6a48a21e goes to slot a
            smoke test: GET /ready answers 200 with `status` = `ready`
            promised: errors at most 1 %
          frontend: 20ce1f4b7cd7af56 goes to slot a
            promised: errors at most 1 %
          no file has a Service for `backend`: one is made for the ports of its pods
          no file has a Service for `frontend`: one is made for the ports of its pods
        steps
          D1       win the Lease, raise the fence on every object, read everything again
          D2       write down that the release begins, who owns it and until when
          D5       backend: 3 pods of 4b1b3dee6a48a21e in slot a, without traffic; smoke test
                   Deployment `vitalyst-backend`
                   Deployment `vitalyst-backend`: replicas 3
          D5       frontend: 2 pods of 20ce1f4b7cd7af56 in slot a, without traffic; smoke test
                   Deployment `vitalyst-frontend`
                   Deployment `vitalyst-frontend`: replicas 2
          P1       decide: from here on the release goes forward or all the way back
          P2       fill the new slots up to what serves, and wait until all are ready
                   Deployment `vitalyst-backend`: replicas 3
                   Deployment `vitalyst-frontend`: replicas 2
          P4       backend: all requests go to slot a
                   Service `vitalyst-backend`: selector {"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}
          P4       frontend: all requests go to slot a
                   Service `vitalyst-frontend`: selector {"vitalyst.io/serves":"frontend","vitalyst.io/slot":"a"}
          P5       verify, and write it down
        at most 1.5 CPU, 3.0 GiB more than now until the bake has ended
        a rollback leaves as it is
          the Secret `vitalyst-secrets`: it is referred to by name and never read
          the migration: what it added stays, and the old release does not mind
    "#]]
    .assert_eq(&first);
    scratch.apply("plan.json");

    scratch.images("1", &[("backend", 'c'), ("frontend", 'b')]);
    scratch.repository.write("backend/main.py", "print()\n");
    scratch.commit("Answer faster");
    scratch.repository.write("README.md", "words\n");
    scratch.commit("Say more");
    expect![[r#"
        release production-1, in place of production-0
          backend: 4b1b3dee6a48a21e → 7cf57894604b54a1 in slot b, by 10 % (gate), 50 %
            smoke test: GET /ready answers 200 with `status` = `ready`
            promised: errors at most 1 %
          frontend: 20ce1f4b7cd7af56 stays in slot a
          no file has a Service for `backend`: one is made for the ports of its pods
          no file has a Service for `frontend`: one is made for the ports of its pods
        2 commits since
          COMMIT Say more (nothing that is released)
          COMMIT Answer faster (backend)
        steps
          D1       win the Lease, raise the fence on every object, read everything again
          D2       write down that the release begins, who owns it and until when
          D3       write 1 object that both releases can live with
                   Service `vitalyst-frontend`: selector {"vitalyst.io/serves":"frontend","vitalyst.io/slot":"a"}
          D5       backend: 1 pod of 7cf57894604b54a1 in slot b, without traffic; smoke test
                   Deployment `vitalyst-backend-b`
                   Deployment `vitalyst-backend-b`: replicas 1
          D6       backend: 1 pod beside 3, 25 % of the requests
                   Service `vitalyst-backend`: selector {"vitalyst.io/serves":"backend"}
          D7       backend: 3 pods beside 3, 50 % of the requests
                   Deployment `vitalyst-backend-b`: replicas 3
          P1       decide: from here on the release goes forward or all the way back
          P2       fill the new slots up to what serves, and wait until all are ready
                   Deployment `vitalyst-backend-b`: replicas 3
          P4       backend: all requests go to slot b
                   Service `vitalyst-backend`: selector {"vitalyst.io/serves":"backend","vitalyst.io/slot":"b"}
          P5       verify, write it down, and keep the old slots as standby while it bakes
          clean-up scale the old slots down, give autoscalers their floor back
                   Deployment `vitalyst-backend`: replicas 0
        at most 1.5 CPU, 3.0 GiB more than now until the bake has ended
        a rollback leaves as it is
          the Secret `vitalyst-secrets`: it is referred to by name and never read
          the migration: what it added stays, and the old release does not mind
        the way back by hand, should everything else fail
          kubectl --context vitalyst-production --namespace vitalyst patch service vitalyst-backend --type json --patch '[{"op":"replace","path":"/spec/selector","value":{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}}]'
    "#]]
    .assert_eq(&scratch.plan(&[]));
    expect![[r#"
        ~ Deployment `vitalyst-backend` → `vitalyst-backend-b`
            ~ metadata.annotations.vitalyst.io/commit: "COMMIT" → "COMMIT"
            ~ metadata.labels.app: "vitalyst-backend" → "vitalyst-backend-b"
            ~ metadata.labels.vitalyst.io/slot: "a" → "b"
            ~ metadata.name: "vitalyst-backend" → "vitalyst-backend-b"
            ~ spec.selector.matchLabels.app: "vitalyst-backend" → "vitalyst-backend-b"
            ~ spec.template.metadata.labels.app: "vitalyst-backend" → "vitalyst-backend-b"
            ~ spec.template.metadata.labels.vitalyst.io/revision: "4b1b3dee6a48a21e" → "7cf57894604b54a1"
            ~ spec.template.metadata.labels.vitalyst.io/slot: "a" → "b"
            ~ spec.template.spec.containers.backend.image: "ghcr.io/vitalyst/backend@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" → "ghcr.io/vitalyst/backend@sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
        ~ Service `vitalyst-backend`
            ~ spec.selector.vitalyst.io/slot: "a" → "b"
    "#]].assert_eq(&scratch.plan(&["--diff"]));
}

#[test]
fn what_a_stranger_wrote_is_planned() {
    let scratch = Scratch::new(scratch::FOREIGN);
    scratch.foreign();
    scratch.commit("Begin");
    let first = scratch.plan(&["--out", "plan.json"]);
    expect![[r#"
        release shop-1, the first one
          cache: dcad911701f04538 begins
            promised: errors at most 1 %
          shop: 07c17b10a32b1c20 goes to slot a
            promised: errors at most 0.5 %
            promised: latency above 250 ms at most 5 %
            promised: payments at most 2 %
        steps
          D1       win the Lease, raise the fence on every object, read everything again
          D2       write down that the release begins, who owns it and until when
          D3       write 9 objects that both releases can live with
                   ConfigMap `shop-settings-c99d7f5da3`
                   Service `cache`: selector {"app":"cache"}
                   PodDisruptionBudget `cache`
                   NetworkPolicy `default-deny`
                   NetworkPolicy `cache`
                   PodMonitor `shop`
                   CustomResourceDefinition `vouchers.shop.example.com`
                   Voucher `autumn`
                   PodDisruptionBudget `shop`
          D5       shop: 4 pods of 07c17b10a32b1c20 in slot a, without traffic; smoke test
                   Deployment `shop`
                   Deployment `shop`: replicas 4
          P1       decide: from here on the release goes forward or all the way back
          P2       fill the new slots up to what serves, and wait until all are ready
                   Deployment `shop`: replicas 4
          P3       let autoscalers scale the new slots
                   HorizontalPodAutoscaler `shop`: scales `shop`, at least 4 pods
          P4       shop: all requests go to slot a
                   Service `shop`: selector {"vitalyst.io/serves":"shop","vitalyst.io/slot":"a"}
          P4       cache: its pods are replaced one after the other
                   Deployment `cache`
                   Deployment `cache`: replicas 1
          P5       verify, and write it down
        at most 5.0 CPU, 9.3 GiB more than now until the bake has ended
    "#]]
    .assert_eq(&first);
    scratch.apply("plan.json");
    scratch.repository.edit("shop.yml", "workers: \"4\"", "workers: \"5\"");
    expect![[r##"
        + ConfigMap `shop-settings-7a2240bb1b`
            + apiVersion: "v1"
            + data.motd: "# not a comment\ncosts $5 or ${PRICE}\n"
            + data.version: "1e3"
            + data.workers: "5"
            + data.zip: "0123"
            + immutable: true
            + kind: "ConfigMap"
            + metadata.name: "shop-settings-7a2240bb1b"
            + metadata.namespace: "shop"
        + PodDisruptionBudget `shop-b`
            + apiVersion: "policy/v1"
            + kind: "PodDisruptionBudget"
            + metadata.name: "shop-b"
            + metadata.namespace: "shop"
            + spec.maxUnavailable: 1
            + spec.selector.matchLabels.app: "shop-b"
        ~ HorizontalPodAutoscaler `shop`
            ~ spec.scaleTargetRef.name: "shop" → "shop-b"
        ~ Deployment `shop` → `shop-b`
            ~ metadata.labels.app: "shop" → "shop-b"
            ~ metadata.labels.vitalyst.io/slot: "a" → "b"
            ~ metadata.name: "shop" → "shop-b"
            ~ spec.selector.matchLabels.app: "shop" → "shop-b"
            ~ spec.template.metadata.labels.app: "shop" → "shop-b"
            ~ spec.template.metadata.labels.vitalyst.io/revision: "07c17b10a32b1c20" → "82167013a110074c"
            ~ spec.template.metadata.labels.vitalyst.io/slot: "a" → "b"
            ~ spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.podAffinityTerm.labelSelector.matchLabels.app: "shop" → "shop-b"
            ~ spec.template.spec.containers.shop.env.WORKERS.valueFrom.configMapKeyRef.name: "shop-settings-c99d7f5da3" → "shop-settings-7a2240bb1b"
            ~ spec.template.spec.initContainers.migrate.env.WORKERS.valueFrom.configMapKeyRef.name: "shop-settings-c99d7f5da3" → "shop-settings-7a2240bb1b"
            ~ spec.template.spec.topologySpreadConstraints.0.labelSelector.matchExpressions.0.values.0: "shop" → "shop-b"
        ~ Service `shop`
            ~ spec.selector.vitalyst.io/slot: "a" → "b"
    "##]].assert_eq(&scratch.plan(&["--diff"]));
}

#[test]
fn a_saved_plan_holds_until_somebody_changes_what_it_writes() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    scratch.plan(&["--out", "plan.json"]);
    scratch.apply("plan.json");
    scratch.images("1", &[("backend", 'c'), ("frontend", 'b')]);
    let words = scratch.plan(&["--out", "saved/plan.json"]);
    assert_eq!(scratch.plan(&["--plan", "saved/plan.json"]), words, "a saved plan says the same");
    let names: Vec<_> = std::fs::read_dir(scratch.repository.root().join("saved")).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside the plan");

    let said = scratch.deploy(&["--plan", "saved/plan.json", "--environment", "staging"]).expect(5);
    expect![[r#"
        error: the plan is of `production`, not of `staging`
    "#]]
    .assert_eq(&said.stderr);
    // An autoscaler may move a number at any time.
    scratch.change(|objects| objects[0]["spec"]["replicas"] = json!(7));
    scratch.deploy(&["--plan", "saved/plan.json"]).expect(0);
    scratch.change(|objects| objects[0]["spec"]["paused"] = json!(true));
    let said = scratch.deploy(&["--plan", "saved/plan.json"]).expect(5);
    expect![[r#"
        error: the plan of `production-1` is no longer right
          caused by: the cluster has moved on since the plan was made: somebody has changed Deployment `vitalyst-backend`
        hint: plan again: `cargo xtask deploy --plan-only`
    "#]].assert_eq(&said.stderr);
    scratch.repository.write("saved/plan.json", "{\"format\": 9}");
    let said = scratch.deploy(&["--plan", "saved/plan.json"]).expect(3);
    expect![[r#"
        error: `saved/plan.json` cannot be carried out
          caused by: this plan has format 9, and only 1 can be carried out
        hint: make it again: `cargo xtask deploy --plan-only --out FILE`
    "#]]
    .assert_eq(&said.stderr);
}

#[test]
fn a_migration_runs_once_before_the_pods_or_after_the_bake() {
    let scratch = Scratch::new(&TICKET.replace("migration = \"expand\"\n", ""));
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    scratch.plan(&["--out", "plan.json"]);
    scratch.apply("plan.json");
    scratch.repository.write("k8s/migrate.yml", JOBS);
    let words = scratch.plan(&["--out", "plan.json"]);
    let lines: Vec<&str> = words
        .lines()
        .map(str::trim)
        .filter(|line| line.contains("migration") || line.contains("Job"))
        .collect();
    expect![[r#"
        D3       run the migration Job `up-04cd04be08`, which adds what the new release needs
        Job `up-04cd04be08`
        end      run the migration Job `down-ca1d3fea88`, which takes away what the old release needs: from here on no rollback goes past this release
        Job `down-ca1d3fea88`
        the migration Job `up-04cd04be08`: what it adds stays, and the old release does not mind
        the migration Job `down-ca1d3fea88`: it runs after the bake, and then there is no way back"#]].assert_eq(&lines.join("\n"));
    let plan: Value = serde_json::from_str(&scratch.repository.read("plan.json")).unwrap();
    assert_eq!(plan["contracts"], true);

    let migrations = plan["migrations"].as_array().unwrap().clone();
    scratch.change(|objects| objects.extend(migrations));
    let words = scratch.plan(&[]);
    assert!(!words.contains("Job"), "what has run does not run again: {words}");
    scratch.repository.edit("k8s/migrate.yml", "[\"up\"]", "[\"up\", \"2\"]");
    let words = scratch.plan(&[]);
    assert!(words.contains("run the migration Job `up-") && !words.contains("Job `down-"), "{words}");
}

/// Two migrations.
const JOBS: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: up, labels: {vitalyst.io/migration: expand}}
spec:
  template:
    spec:
      containers: [{name: up, image: "ghcr.io/vitalyst/backend:1", args: ["up"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: down, annotations: {vitalyst.io/migration: contract}}
spec:
  template:
    spec:
      containers: [{name: down, image: "ghcr.io/vitalyst/backend:1", args: ["down"]}]
"#;

#[test]
fn a_plan_is_data_for_programs() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    scratch.commit("Begin");
    let said = scratch.deploy(&["--output", "json"]).expect(0);
    let event: Value = serde_json::from_str(said.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(event["event"], "answer");
    assert_eq!(event["data"]["release"], "production-1");
    assert_eq!(event["data"]["commit"].as_str().map(str::len), Some(40));
    let measures = &event["data"]["parts"][0]["measures"];
    assert_eq!(measures["objectives"][0]["probe"]["ratio"]["bad"], "http_requests_total{status=~\"5..\"}");
}

#[test]
fn a_freeze_is_said_and_an_override_is_written_down() {
    let always = format!(
        "{TICKET}\n[environments.production.freeze]\nzone = \"Europe/Berlin\"\nwindows = [\"2000-01-01 - 2199-12-31\"]\n"
    );
    let scratch = Scratch::new(&always);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    let words = scratch.plan(&[]);
    let frozen = "  frozen: nothing is released until Wed 2200-01-01 00:00 (Europe/Berlin): the freeze \
                  `2000-01-01 - 2199-12-31` is on\n";
    assert!(words.contains(frozen), "{words}");
    let words = scratch.plan(&["--override-freeze", "the shop is down", "--out", "plan.json"]);
    let overridden = "  the freeze `2000-01-01 - 2199-12-31` is overridden by somebody: the shop is down\n";
    assert!(words.contains(overridden), "{words}");
    let plan: Value = serde_json::from_str(&scratch.repository.read("plan.json")).unwrap();
    assert_eq!(plan["freeze_overridden"]["reason"], "the shop is down");
    let said = scratch.deploy(&["--override-freeze", " "]).expect(2);
    assert!(said.stderr.contains("overridden with a reason"), "{}", said.all());
}

#[test]
fn what_is_not_known_of_commits_is_said_and_no_error() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    let nowhere = scratch.plan(&["--out", "plan.json"]);
    assert!(nowhere.contains("the commits are not known: not a git repository"), "{nowhere}");
    scratch.apply("plan.json");
    scratch.commit("Begin");
    let words = scratch.plan(&[]);
    assert!(words.contains("the cluster does not say which one serves"), "{words}");
    scratch.change(|objects| {
        for object in objects {
            object["metadata"]["annotations"]["vitalyst.io/commit"] = json!("0".repeat(40));
        }
    });
    let words = scratch.plan(&[]);
    assert!(words.contains("COMMIT is not in this repository, or it is a shallow clone"), "{words}");
    scratch.repository.edit("xtask.toml", "name = \"ticket\"", "name = \"tickets\"");
    let words = scratch.plan(&[]);
    assert!(words.contains("files have changed since"), "{words}");
}

#[test]
fn a_release_under_way_has_to_end_first() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    let release = |number: u32| ReleaseId { environment: "production".into(), number };
    let mut head = Head::new(Entry::adopted(release(7), Arc::default(), 0), BTreeMap::new());
    let written = |head: &Head| {
        json!([{
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": ledger::name("production"), "namespace": "vitalyst", "labels": {"vitalyst.io/ledger": "production"}},
            "data": ledger::encode(head).unwrap(),
        }])
    };
    let journal = Journal::new(release(8), Phase::Promoting, Vec::new());
    head = head.noting(journal, &Arc::default(), 0);
    scratch.cluster(&written(&head));
    let said = scratch.deploy(&[]).expect(5);
    expect![[r#"
        error: `production` is not at rest
          caused by: `production-8` is under way, and has to end first
        hint: plan again when it has ended
    "#]]
    .assert_eq(&said.stderr);
    head = head.closed(Ending::RolledBack, BTreeMap::new(), &Line::default(), 60);
    scratch.cluster(&written(&head));
    let words = scratch.plan(&[]);
    assert!(words.starts_with("release production-9, in place of production-7\n"), "{words}");
}

/// Whatever somebody has done to it: no plan is made as if nothing had been released.
#[test]
fn a_damaged_ledger_is_not_read_as_none() {
    let scratch = Scratch::new(TICKET);
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    let release = ReleaseId { environment: "production".into(), number: 7 };
    let head = Head::new(Entry::adopted(release, Arc::default(), 0), BTreeMap::new());
    let without = |key: &str| {
        let mut data = ledger::encode(&head).unwrap();
        data.remove(key).unwrap();
        json!(data)
    };
    let hint = "hint: nothing was written: it may be of another version of this program, or changed by hand\n\
                hint: `cargo xtask history --repair` makes it again, as far as the cluster knows what it said\n";
    for (data, words) in [
        (without("format"), "cannot be read\n  caused by: `format` is missing\n"),
        (without("live"), "cannot be read\n  caused by: `live` is missing\n"),
        (json!({}), "cannot be read\n  caused by: `format` is missing\n"),
        (json!(null), "has something else than texts\n"),
        (json!({"format": 1}), "has something else than texts\n"),
    ] {
        scratch.cluster(&json!([{
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": ledger::name("production"), "namespace": "vitalyst"},
            "data": data,
        }]));
        let said = scratch.deploy(&[]).expect(5);
        assert_eq!(said.stderr, format!("error: the ledger `vitalyst-ledger-production` {words}{hint}"));
    }
}

#[test]
fn what_the_guide_shows_can_be_typed() {
    let guide = std::fs::read_to_string(root().join("docs/guides/deployment.md")).unwrap();
    let blocks = |language: &str| -> Vec<String> {
        let begin = format!("```{language}\n");
        guide.split(&begin).skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
    };
    // In whatever order the guide explains it.
    let text = format!("project.name = \"x\"\n{}", blocks("toml").join("\n"));
    let config = Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let [production] = &config.environments[..] else { panic!("one environment") };
    assert_eq!(production.name, "production");
    assert!(production.eks.is_some() && production.notifications.is_some());
    assert_eq!(Record::from_json(&blocks("json")[0]).unwrap().images.len(), 1);
}

#[test]
fn an_environment_that_is_not_clear_is_asked_for() {
    let scratch = Scratch::new(&TICKET.replace("environments.production", "environments.staging"));
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    scratch.plan(&[]);
    let said = scratch.deploy(&["--environment", "stagin"]).expect(2);
    assert!(said.stderr.contains("did you mean `staging`?"), "{}", said.all());
    let two = format!(
        "{}\n[environments.production]\nmanifests = [\"x.yml\"]\nnamespace = \"a\"\ncontext = \"b\"\n",
        scratch.repository.read("xtask.toml")
    );
    scratch.repository.write("xtask.toml", &two);
    let said = scratch.deploy(&[]).expect(2);
    assert!(said.stderr.contains("there are `staging`, `production`"), "{}", said.all());
    scratch.repository.write("xtask.toml", "[project]\nname = \"x\"\n");
    let said = scratch.deploy(&[]).expect(3);
    assert!(said.stderr.contains("does not say what is released"), "{}", said.all());
}
