//! A look at many pods, and how long it takes: a figure that `--nocapture` shows.

use std::time::Instant;

use serde_json::{Value, json};
use xtask::driver::kubectl::{Mode, Query};

use super::namespace::{Real, all};

const PODS: usize = 200;

/// What a release asks for all of at each look; everything else it asks for by name.
const KINDS: [&str; 2] = ["replicaset.v1.apps", "pod"];

#[test]
fn two_hundred_pods_are_seen_in_one_look() {
    let Some(real) = Real::new() else { return };
    // Nobody schedules them. What a pod that runs says of itself is in an annotation, so that there is as much to read.
    let pod = |number: usize| -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod-{number}"), "labels": {"app": "many"}, "annotations": {"status": "x".repeat(2_000)}},
            "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "example.invalid/x:1"}]},
        })
    };
    let pods: Vec<Value> = (0..PODS).map(pod).collect();
    all(real.admin.create("test", &pods, Mode::Really));
    let mut times = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        let seen = real.admin.get(&Query::kinds(&KINDS).labelled("app=many")).unwrap();
        times.push(began.elapsed());
        assert_eq!(seen.iter().filter(|object| object["kind"] == "Pod").count(), PODS);
    }
    times.sort_unstable();
    println!("a look at {PODS} pods: {:.0?}, from {:.0?} to {:.0?}", times[4], times[0], times[8]);
}
