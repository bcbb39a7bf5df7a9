//! The plan of a release of this repository: complete, in words and as JSON, bound to what it was made from, or refused.

mod under_way;

use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};
use xtask::core::release::capacity::Resources;
use xtask::core::release::images::Image;
use xtask::core::release::manifest::Manifest;
use xtask::core::release::model::{ComponentName, Revision, Slot};
use xtask::core::release::objects::{self, Objects, Source};
use xtask::core::release::plan::{
    Live, LiveComponent, Measures, Migration, Plan, Refused, Step, Strategy, Wanted, Wish, plan,
};
use xtask::core::release::slots::{self, Component, Derived};
use xtask::core::release::template::Variables;
use xtask::core::release::view::Traffic;
use xtask::core::release::weights::Weight;

const PLAIN: &str = include_str!("../../testdata/release/plain.template.yml");

const NAMES: [&str; 2] = ["backend", "frontend"];

/// The objects of a release of this version, with these lines added to the manifests.
fn manifests(version: &str, more: &str) -> Objects {
    let path = "k8s/deployment.template.yml";
    let text = format!("{PLAIN}{more}");
    let values = [
        ("REGISTRY", "ghcr.io"),
        ("REPOSITORY_OWNER", "vitalyst"),
        ("BACKEND_IMAGE", "vitalyst-backend"),
        ("FRONTEND_IMAGE", "vitalyst-frontend"),
        ("API_URL", "https://api.vitalyst.io"),
        ("SITE_URL", "https://vitalyst.io"),
        ("VERSION", version),
    ];
    let images = NAMES.map(|name| Image {
        component: ComponentName(name.into()),
        reference: format!("ghcr.io/vitalyst/vitalyst-{name}:{version}"),
        digest: format!("sha256:{}", if name == "backend" { version } else { "f" }.repeat(64)),
    });
    let file = Source { path: path.into(), text, template: true };
    objects::read(&[file], &[], Variables::new("variables", values), &images).unwrap()
}

fn component<'m>(name: &str, objects: &'m Objects) -> Component<'m> {
    let is =
        |object: &&Manifest| object.kind() == "Deployment" && object.name() == format!("vitalyst-{name}");
    let deployment = objects.manifests.iter().find(is).unwrap();
    Component { name: ComponentName(name.into()), deployment }
}

/// The same with two slots for each component.
pub(crate) fn derived(version: &str, more: &str) -> Derived {
    let objects = manifests(version, more);
    slots::derive(&NAMES.map(|name| component(name, &objects)), &objects.manifests, &[]).unwrap()
}

/// The same with a backend that keeps its one Deployment.
pub(crate) fn rolling(version: &str, more: &str) -> Derived {
    let objects = manifests(version, more);
    let mut derived = slots::derive(&[component("frontend", &objects)], &objects.manifests, &[]).unwrap();
    derived.roll(&component("backend", &objects), &objects.manifests);
    derived
}

/// What is in the cluster once `derived` serves in slot a.
fn live(derived: &Derived) -> Live {
    let mut objects = Vec::new();
    let mut components = Vec::new();
    for slots in &derived.slots {
        let revision = slots.revision.clone();
        components.push(LiveComponent {
            name: slots.component.clone(),
            slot: Slot::A,
            revision,
            replicas: slots.replicas,
        });
        objects.push(slots.deployment(Slot::A).clone());
        objects.extend(slots.services(Traffic::One(Slot::A)));
        objects.extend(slots.autoscaler(Slot::A));
    }
    for (number, object) in objects.iter_mut().enumerate() {
        object["metadata"]["uid"] = json!(format!("uid-{number}"));
        object["metadata"]["resourceVersion"] = json!("7");
        object["status"] = json!({"observedGeneration": 1});
    }
    Live {
        release: Some("production-41".parse().unwrap()),
        components,
        namespace: "vitalyst".to_owned(),
        objects,
        number: 41,
        ..Live::default()
    }
}

fn weight(percent: u32) -> Weight {
    Weight::new(percent).unwrap()
}

pub(crate) fn wish() -> Wish {
    let steps = vec![Step { weight: weight(10), gate: false }, Step { weight: weight(50), gate: true }];
    let canary = Strategy::Canary { steps, weight_max: Weight::HALF };
    Wish {
        release: "production-42".parse().unwrap(),
        context: "vitalyst production".to_owned(),
        components: vec![wanted("backend", canary), wanted("frontend", Strategy::Flip)],
        migration: Migration::Expand,
        without_way_back: false,
        commit: None,
        commits: vec!["1234abc Answer faster".to_owned()],
        remarks: Vec::new(),
        bake: Duration::from_mins(15),
        frozen: None,
        freeze_overridden: None,
    }
}

fn wanted(name: &str, strategy: Strategy) -> Wanted {
    Wanted { name: ComponentName(name.into()), strategy, measures: Measures::default() }
}

pub(crate) const AUTOSCALER: &str = "
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: vitalyst-backend
spec:
  minReplicas: 2
  maxReplicas: 6
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: vitalyst-backend
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: tidy
spec:
  schedule: '@daily'
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: tidy
              image: ${REGISTRY}/${REPOSITORY_OWNER}/${BACKEND_IMAGE}:${VERSION}
";

#[test]
fn a_plan_lists_every_object_in_the_order_of_writes() {
    let mut live = live(&derived("1", AUTOSCALER));
    live.room = Some(Resources { cpu_millis: 10_000, memory_bytes: 20 << 30 });
    let plan = plan(&wish(), &derived("2", AUTOSCALER), &live).unwrap();
    expect![[r#"
        release production-42, in place of production-41
          backend: 6ddb047ac576286c → 5c733afce84f681e in slot b, by 10 %, 50 % (gate)
          frontend: 4a40ea73ed8a8ce3 stays in slot a
        1 commit since
          1234abc Answer faster
        steps
          D1       win the Lease, raise the fence on every object, read everything again
          D2       write down that the release begins, who owns it and until when
          D3       write 1 object that both releases can live with
                   Service `vitalyst-frontend`: selector {"vitalyst.io/serves":"frontend","vitalyst.io/slot":"a"}
          D4       keep autoscalers from taking a serving pod away
                   HorizontalPodAutoscaler `vitalyst-backend`: scales `vitalyst-backend`, at least 3 pods
          D5       backend: 1 pod of 5c733afce84f681e in slot b, without traffic; smoke test
                   Deployment `vitalyst-backend-b`
                   Deployment `vitalyst-backend-b`: replicas 1
          D6       backend: 1 pod beside 3, 25 % of the requests
                   Service `vitalyst-backend`: selector {"vitalyst.io/serves":"backend"}
          D7       backend: 3 pods beside 3, 50 % of the requests
                   Deployment `vitalyst-backend-b`: replicas 3
          P1       decide: from here on the release goes forward or all the way back
          P2       fill the new slots up to what serves, and wait until all are ready
                   Deployment `vitalyst-backend-b`: replicas 3
          P3       let autoscalers scale the new slots
                   HorizontalPodAutoscaler `vitalyst-backend`: scales `vitalyst-backend-b`, at least 3 pods
          P4       backend: all requests go to slot b
                   Service `vitalyst-backend`: selector {"vitalyst.io/serves":"backend","vitalyst.io/slot":"b"}
          P4       roll what has one slot
                   CronJob `tidy`
          P5       verify, write it down, and keep the old slots as standby while it bakes
          clean-up scale the old slots down, give autoscalers their floor back
                   Deployment `vitalyst-backend`: replicas 0
                   HorizontalPodAutoscaler `vitalyst-backend`: scales `vitalyst-backend-b`, at least 2 pods
        at most 4.5 CPU, 9.0 GiB more than now until the bake has ended; quota leaves 10.0 CPU, 20.0 GiB
        a rollback leaves as it is
          the Secret `vitalyst-secrets`: it is referred to by name and never read
          the migration: what it added stays, and the old release does not mind
        the way back by hand, should everything else fail
          kubectl --context 'vitalyst production' --namespace vitalyst patch service vitalyst-backend --type json --patch '[{"op":"replace","path":"/spec/selector","value":{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}}]'
    "#]].assert_eq(&plan.words());
    let names: Vec<&str> = plan.phases.iter().map(|phase| phase.id.as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(plan.parts[1].extra == Resources::default(), "the frontend does not change, and costs nothing");
}

#[test]
fn components_take_their_steps_together_and_are_promoted_in_their_order() {
    let mut live = live(&derived("1", ""));
    live.components[1].revision = Revision("older".into());
    let mut wish = wish();
    wish.components[1].strategy = wish.components[0].strategy.clone();
    wish.components.reverse();
    let plan = plan(&wish, &derived("2", ""), &live).unwrap();
    let words: Vec<String> = plan
        .phases
        .iter()
        .filter_map(|phase| Some(format!("{} {}", phase.id, phase.words.split_once(':')?.0)))
        .collect();
    expect![[r#"
        D5 frontend
        D5 backend
        D6 frontend
        D6 backend
        D7 frontend
        D7 backend
        P1 decide
        P4 frontend
        P4 backend"#]]
    .assert_eq(&words.join("\n"));
}

#[test]
fn a_difference_names_the_fields_that_change() {
    let old = derived("1", AUTOSCALER);
    let more = AUTOSCALER.replace("maxReplicas: 6", "maxReplicas: 8");
    let before = live(&old);
    let plan = plan(&wish(), &derived("2", &more), &before).unwrap();
    expect![[r#"
        ~ HorizontalPodAutoscaler `vitalyst-backend`
            ~ spec.maxReplicas: 6 → 8
            ~ spec.scaleTargetRef.name: "vitalyst-backend" → "vitalyst-backend-b"
        ~ Deployment `vitalyst-backend` → `vitalyst-backend-b`
            ~ metadata.labels.app: "vitalyst-backend" → "vitalyst-backend-b"
            ~ metadata.labels.vitalyst.io/slot: "a" → "b"
            ~ metadata.name: "vitalyst-backend" → "vitalyst-backend-b"
            ~ spec.selector.matchLabels.app: "vitalyst-backend" → "vitalyst-backend-b"
            ~ spec.template.metadata.labels.app: "vitalyst-backend" → "vitalyst-backend-b"
            ~ spec.template.metadata.labels.vitalyst.io/revision: "6ddb047ac576286c" → "5c733afce84f681e"
            ~ spec.template.metadata.labels.vitalyst.io/slot: "a" → "b"
            ~ spec.template.spec.containers.backend.image: "ghcr.io/vitalyst/vitalyst-backend@sha256:1111111111111111111111111111111111111111111111111111111111111111" → "ghcr.io/vitalyst/vitalyst-backend@sha256:2222222222222222222222222222222222222222222222222222222222222222"
            ~ spec.template.spec.initContainers.migrate.image: "ghcr.io/vitalyst/vitalyst-backend@sha256:1111111111111111111111111111111111111111111111111111111111111111" → "ghcr.io/vitalyst/vitalyst-backend@sha256:2222222222222222222222222222222222222222222222222222222222222222"
        ~ Service `vitalyst-backend`
            ~ spec.selector.vitalyst.io/slot: "a" → "b"
        + CronJob `tidy`
            + apiVersion: "batch/v1"
            + kind: "CronJob"
            + metadata.name: "tidy"
            + spec.jobTemplate.spec.template.spec.containers: [{"image":"ghcr.io/vitalyst/vitalyst-backend@sha256:2222222222222222222222222222222222222222222222222222222222222222","name":"tidy"}]
            + spec.schedule: "@daily"
    "#]].assert_eq(&plan.diff(&before));
}

#[test]
fn a_saved_plan_is_the_plan() {
    let plan = plan(&wish(), &derived("2", ""), &live(&derived("1", ""))).unwrap();
    let json = plan.to_json().unwrap();
    assert_eq!(Plan::from_json(&json).unwrap(), plan);
    assert_eq!(Plan::from_json(&json.replacen("\"format\": 1", "\"format\": 2", 1)), Err(Refused::Format(2)));
    for text in ["", "{}", "[1]", &json[..json.len() / 2]] {
        assert!(matches!(Plan::from_json(text), Err(Refused::Unreadable(_))), "{text}");
    }
}

#[test]
fn a_saved_plan_is_not_the_one_of_other_files_or_another_configuration() {
    let (old, new) = (derived("1", ""), derived("2", ""));
    let saved = plan(&wish(), &new, &live(&old)).unwrap();
    let moved =
        |wish: &Wish, derived: &Derived| saved.moved(&plan(wish, derived, &live(&old)).unwrap()).unwrap();
    assert_eq!(moved(&wish(), &new), [""; 0]);
    // Words about the moment are no part of the decision.
    let later = Wish { remarks: vec!["it rains".into()], frozen: Some("until Monday".into()), ..wish() };
    assert_eq!(moved(&later, &new), [""; 0]);
    let longer = Wish { bake: wish().bake + Duration::from_secs(1), ..wish() };
    let said = moved(&longer, &new);
    assert!(said.len() == 1 && said[0].starts_with("~ bake_ms: "), "{said:?}");
    assert!(!moved(&wish(), &derived("3", "")).is_empty(), "another content");
    assert!(!saved.moved(&plan(&wish(), &new, &live(&new)).unwrap()).unwrap().is_empty(), "another cluster");
}

#[test]
fn a_plan_is_refused_once_somebody_has_changed_what_it_writes() {
    let derived = derived("2", AUTOSCALER);
    let before = live(&self::derived("1", AUTOSCALER));
    let plan = plan(&wish(), &derived, &before).unwrap();
    assert_eq!(plan.check(&before), Ok(()));
    let after = |change: &dyn Fn(&mut Live)| {
        let mut live = before.clone();
        change(&mut live);
        plan.check(&live)
    };
    let set = |pointer: &'static str, value: Value| {
        move |live: &mut Live| {
            xtask::core::release::manifest::set(&mut live.objects[0], pointer, value.clone());
        }
    };
    for harmless in [
        set("/spec/replicas", json!(5)),
        set("/status/replicas", json!(5)),
        set("/metadata/resourceVersion", json!("8")),
        set("/metadata/generation", json!(8)),
        set("/metadata/annotations/deployment.kubernetes.io~1revision", json!("8")),
    ] {
        assert_eq!(after(&harmless), Ok(()));
    }
    let moved = |words: &str| Err(Refused::Moved(words.to_owned()));
    let deployment = "Deployment `vitalyst-backend`";
    assert_eq!(
        after(&set("/spec/paused", json!(true))),
        moved(&format!("somebody has changed {deployment}"))
    );
    assert_eq!(
        after(&set("/metadata/labels/x", json!("y"))),
        moved(&format!("somebody has changed {deployment}"))
    );
    assert_eq!(after(&set("/metadata/uid", json!("other"))), moved(&format!("{deployment} is another one")));
    let gone = after(&|live| live.objects.retain(|object| object["metadata"]["uid"] != "uid-0"));
    assert_eq!(gone, moved(&format!("{deployment} is gone")));
    let there = after(&|live| {
        let slot_b = derived.slots[0].deployment(Slot::B).clone();
        live.objects.push(slot_b);
    });
    assert_eq!(there, moved("Deployment `vitalyst-backend-b` is there now"));
    let later = after(&|live| live.release = Some("production-43".parse().unwrap()));
    assert_eq!(later, moved("`production-43` serves, and `production-41` did"));
}

#[test]
fn the_first_release_has_nothing_to_go_back_to() {
    let plan = plan(&wish(), &derived("1", ""), &Live::default()).unwrap();
    assert!(plan.parts.iter().all(|part| part.slot == Slot::A && part.splits.is_empty()));
    assert!(plan.by_hand.is_empty());
    let phases: Vec<&str> = plan.phases.iter().map(|phase| phase.id.as_str()).collect();
    assert_eq!(phases, ["D1", "D2", "D5", "D5", "P1", "P2", "P4", "P4", "P5"]);
}

#[test]
fn what_was_there_before_the_first_release_is_flipped_and_can_be_given_its_requests_back() {
    let mut live = live(&derived("1", ""));
    for object in &mut live.objects {
        if object["kind"] == "Deployment" {
            object["spec"]["template"]["metadata"]["labels"] = json!({"app": object["metadata"]["name"]});
        } else {
            object["spec"]["selector"] = json!({"app": object["metadata"]["name"]});
        }
    }
    let plan = plan(&wish(), &derived("2", ""), &live).unwrap();
    assert_eq!((&plan.parts[0].strategy, plan.parts[0].slot), (&Strategy::Flip, Slot::B));
    assert_eq!(
        plan.remarks,
        [
            "`backend` flips this time: the pods that serve do not have the labels by which requests are shared"
        ]
    );
    assert_eq!(
        plan.by_hand,
        [
            "kubectl --context 'vitalyst production' --namespace vitalyst patch service vitalyst-backend --type json --patch \
          '[{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{\"app\":\"vitalyst-backend\"}}]'"
        ]
    );
}

#[test]
fn nothing_to_release_writes_only_what_is_around_the_pods() {
    let derived = derived("1", AUTOSCALER);
    let plan = plan(&wish(), &derived, &live(&derived)).unwrap();
    expect![[r#"
        release production-42, in place of production-41
          backend: 6ddb047ac576286c stays in slot a
          frontend: 4a40ea73ed8a8ce3 stays in slot a
        1 commit since
          1234abc Answer faster
        steps
          D1       win the Lease, raise the fence on every object, read everything again
          D2       write down that the release begins, who owns it and until when
          D3       write 3 objects that both releases can live with
                   Service `vitalyst-backend`: selector {"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}
                   HorizontalPodAutoscaler `vitalyst-backend`: scales `vitalyst-backend`, at least 2 pods
                   Service `vitalyst-frontend`: selector {"vitalyst.io/serves":"frontend","vitalyst.io/slot":"a"}
          P4       roll what has one slot
                   CronJob `tidy`
          P5       verify, and write it down
        no component changes
        a rollback leaves as it is
          the Secret `vitalyst-secrets`: it is referred to by name and never read
          the migration: what it added stays, and the old release does not mind
    "#]].assert_eq(&plan.words());
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    let (old, new) = (derived("1", ""), derived("2", ""));
    let refused = |wish: &Wish, live: &Live| {
        let refused = plan(wish, &new, live).unwrap_err();
        refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let mut said = Vec::new();
    let mut note = |words: String| said.push(words);
    let mut one = live(&old);
    one.components[0].replicas = 1;
    let mut small = wish();
    if let Strategy::Canary { weight_max, .. } = &mut small.components[0].strategy {
        *weight_max = weight(30);
    }
    note(refused(&small, &one));
    let mut full = live(&old);
    full.room = Some(Resources { cpu_millis: 1000, memory_bytes: 64 << 30 });
    note(refused(&wish(), &full));
    let mut contract = wish();
    contract.migration = Migration::Contract;
    note(refused(&contract, &live(&old)));
    contract.without_way_back = true;
    assert!(plan(&contract, &new, &live(&old)).is_ok());
    let mut other = wish();
    other.components[1].name = ComponentName("frontnd".into());
    note(refused(&other, &live(&old)));
    expect![[r#"
        step 1 of `backend`: the share nearest to 10 % is 1 of 2 pods: 50.0 %, above `weight-max` = 30 %; with 3 serving pods it can be had
        step 2 of `backend`: the weight of 50 % is above `weight-max` = 30 %
        at its peak the release needs 1.5 CPU, 3.0 GiB more than now, and the quota leaves 1.0 CPU, 64.0 GiB
        a contract migration takes away what the release that serves needs: no rollback can bring it back, and a canary would break the pods beside it
        `frontend` has two slots, and nothing says by which strategy it gets from one to the other
        there is a strategy for `frontnd`, which has no slots"#]].assert_eq(&said.join("\n"));
}

#[test]
fn revisions_are_what_decides() {
    let (one, two) = (derived("1", ""), derived("2", ""));
    let revision = |derived: &Derived, index: usize| -> Revision { derived.slots[index].revision.clone() };
    assert_ne!(revision(&one, 0), revision(&two, 0));
    assert_eq!(revision(&one, 1), revision(&two, 1), "the frontend has the same digest under another tag");
}

/// What a selector says is what is read back: a slot that serves, both, or nobody after a first release was taken back.
#[test]
fn who_serves_is_read_from_the_selectors() {
    let derived = derived("1", "");
    let read = |traffic: Traffic| {
        let of = |slots: &slots::Slots| {
            let deployments = [Slot::A, Slot::B].map(|slot| slots.deployment(slot).clone());
            deployments.into_iter().chain(slots.services(traffic)).collect::<Vec<_>>()
        };
        let objects = derived.slots.iter().flat_map(of).collect();
        let live =
            Live::read("production", "vitalyst", objects, &derived).map_err(|unclear| unclear.to_string())?;
        Ok::<_, String>(live.components.iter().map(|component| component.slot).collect::<Vec<_>>())
    };
    assert_eq!(read(Traffic::One(Slot::A)), Ok(vec![Slot::A; 2]));
    assert_eq!(read(Traffic::One(Slot::B)), Ok(vec![Slot::B; 2]));
    assert_eq!(read(Traffic::Nobody), Ok(Vec::new()));
    let refused = read(Traffic::Both).unwrap_err();
    assert!(refused.contains("gives requests to both slots of `backend`"), "{refused}");
}
