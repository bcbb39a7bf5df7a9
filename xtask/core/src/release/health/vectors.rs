//! What other programs say of the same objects, and where we say something else.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize)]
struct Vectors<T> {
    cases: Vec<T>,
}

fn vectors<T: for<'de> Deserialize<'de>>(json: &str) -> Vec<T> {
    serde_json::from_str::<Vectors<T>>(json).unwrap().cases
}

#[derive(Deserialize)]
struct Kubectl {
    generation: u64,
    spec_replicas: u32,
    status: Value,
    message: String,
    done: bool,
}

/// All cases agree; the words are ours.
#[test]
fn counts_are_judged_as_kubectl_does() {
    let cases: Vec<Kubectl> =
        vectors(include_str!("../../../../testdata/release/kubectl_rollout_status_deployment.json"));
    let ours = [
        "deployment `foo`: 0 of 1 pods are of the new template",
        "deployment `foo`: 1 old pod is still there",
        "deployment `foo`: 1 of 2 pods are available",
        "",
        "deployment `foo`: the controller has not seen our write yet",
    ];
    assert_eq!(cases.len(), ours.len());
    for (case, ours) in cases.iter().zip(ours) {
        // The vectors have the names of Go's fields.
        let name = |name: &str| name[..1].to_lowercase() + &name[1..];
        let status: Value = (case.status.as_object().unwrap().iter())
            .map(|(field, value)| (name(field), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let object = json!({"metadata": {"name": "foo", "generation": case.generation},
            "spec": {"replicas": case.spec_replicas}, "status": status});
        let object: Deployment = serde_json::from_value(object).unwrap();
        let (done, words) = match deployment(&object, case.generation) {
            Rollout::Complete => (true, String::new()),
            Rollout::Progressing { words } | Rollout::Stale { words } => (false, words),
            other => panic!("{other:?}"),
        };
        assert_eq!((done, words.as_str()), (case.done, ours), "{}", case.message);
    }
}

#[derive(Deserialize)]
struct Kstatus {
    case: String,
    expect: String,
    object: Value,
}

/// Where we say something else than kstatus, and why.
const DIFFERENT: [(&str, &str, &str); 3] = [
    (
        "podCompletedFailed",
        "Failed",
        "kstatus asks whether a pod has come to rest; we ask whether it does its work, and a failed one does not",
    ),
    (
        "podUnschedulable",
        "InProgress",
        "an autoscaler needs time to bring a node: it counts after a minute, and this object has no times",
    ),
    (
        "jobInProgress",
        "InProgress",
        "kstatus is content with a Job that has started; a migration has to have ended",
    ),
];

/// Kinds that nothing here judges: a release changes no workload of another kind than a Deployment, and waits for none of the
/// others.
const UNJUDGED: [&str; 8] = [
    "PersistentVolumeClaim",
    "StatefulSet",
    "DaemonSet",
    "PodDisruptionBudget",
    "MyCR",
    "CronJob",
    "Service",
    "CustomResourceDefinition",
];

#[test]
fn objects_are_judged_as_kstatus_does_but_for_the_listed_ones() {
    let cases: Vec<Kstatus> = vectors(include_str!("../../../../testdata/release/kstatus_compute.json"));
    let snapshot =
        Snapshot { taken_at: std::time::Duration::from_secs(2_000_000_000), ..Snapshot::default() };
    let mut judged = 0;
    let mut different = Vec::new();
    for Kstatus { case, expect, object } in cases {
        let generation = object["metadata"]["generation"].as_u64().unwrap();
        let kind = object["kind"].as_str().unwrap().to_owned();
        let of_rollout = |rollout| match rollout {
            Rollout::Complete => "Current",
            Rollout::Progressing { .. } | Rollout::Stale { .. } | Rollout::Superseded { .. } => "InProgress",
            Rollout::Hopeless(_) => "Failed",
        };
        let ours = match kind.as_str() {
            "Deployment" => of_rollout(deployment(&serde_json::from_value(object).unwrap(), generation)),
            "Job" => {
                of_rollout(job(&serde_json::from_value(object).unwrap(), &snapshot, &Sightings::default()))
            }
            "ReplicaSet" => match replica_set(&serde_json::from_value(object).unwrap()) {
                None => "Current",
                Some(_) => "InProgress",
            },
            "Pod" => match pod(&serde_json::from_value(object).unwrap(), &snapshot, &Sightings::default()) {
                PodHealth::Ready | PodHealth::Succeeded => "Current",
                PodHealth::Waiting(_) | PodHealth::Leaving => "InProgress",
                PodHealth::Hopeless(_) => "Failed",
            },
            other => {
                assert!(UNJUDGED.contains(&other), "{case}: {other} is not listed");
                continue;
            }
        };
        judged += 1;
        if ours != expect {
            different.push((case, ours));
        }
    }
    let listed: Vec<(String, &str)> =
        DIFFERENT.iter().map(|(case, ours, _)| ((*case).to_owned(), *ours)).collect();
    assert_eq!(different, listed);
    let documented = include_str!("../../../../../docs/releases.md");
    for (case, ours, why) in DIFFERENT {
        let row = format!("| `{case}` | {ours} | {why} |");
        assert!(documented.contains(&row), "`docs/releases.md` does not say: {row}");
    }
    let kinds = UNJUDGED.map(|kind| format!("`{kind}`")).join(", ");
    assert!(documented.contains(&kinds), "`docs/releases.md` does not list {kinds}");
    assert_eq!(judged, 21);
}
