//! Releases that somebody takes back.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::load::Load;
use super::run::Ran;
use super::shop::{How, RATE, Shop};
use super::{long, nothing_lost, row};
use crate::cluster::harness::{Cluster, Namespace};

/// Pods that are ready five seconds after their start.
const SLOW: [(&str, &str); 2] = [("FAULT", "READY_AFTER"), ("VALUE", "5s")];

#[test]
fn a_rollback_in_the_bake_is_a_flip_and_kubectl_starts_pods() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::new(cluster, "bake", How::Flip, "1s") else { return };
    // What others have measured with, too.
    shop.repository.edit(
        "k8s/app.template.yml",
        "preStop: {sleep: {seconds: 3}}",
        "preStop: {sleep: {seconds: 5}}",
    );
    shop.deploy("one", &SLOW).expect(0, &[]);
    shop.bakes("10m");
    let load = shop.load();
    let deploy = shop.start_deploy("two", &SLOW);
    shop.until("baking");
    shop.serves("two");
    let rollback = shop.start(&["rollback", "--yes"], &[]);
    let began = rollback.began();
    let rollback = rollback.end().expect(0, &["test-2", "test-1"]);
    println!("{}", rollback.text);
    let deploy = deploy.end().expect(6, &[]);
    println!("{}", deploy.text);
    taken_back(&shop, load, "two", began, "rollback in the bake, from another process", &rollback);
    assert_eq!(shop.state("test-2"), "aborted");
    if long() {
        after_the_bake(&shop);
    }

    let (took, last) = by_kubectl(&shop);
    println!(
        "kubectl rollout undo and rollout status: {:.2} s, the last answer {:.2} s after the command began",
        took.as_secs_f64(),
        last.as_secs_f64()
    );
}

/// The old pods are gone: all of them are started at once, and get the requests when they are ready.
fn after_the_bake(shop: &Shop<'_>) {
    shop.repository.edit("xtask.toml", "bake = \"10m\"", "bake = \"1s\"");
    shop.deploy("three", &SLOW).expect(0, &[]);
    shop.serves("three");
    let load = shop.load();
    let rollback = shop.start(&["rollback", "--yes"], &[]);
    let began = rollback.began();
    let rollback = rollback.end().expect(0, &["test-1"]);
    println!("{}", rollback.text);
    let scenario = "rollback after the bake, of pods that are ready after 5 s";
    taken_back(shop, load, "three", began, scenario, &rollback);
}

/// `one` serves again, nobody has lost a request, and `version` has answered for the last time so long after the command `began`.
fn taken_back(shop: &Shop<'_>, load: Load, version: &str, began: Instant, scenario: &str, rollback: &Ran) {
    shop.serves("one");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row(scenario, "the release before serves", rollback, Some(&seen));
    let last = seen.versions[version].last.saturating_duration_since(began).as_secs_f64();
    println!("the last answer of the release that was taken back: {last:.2} s after the command began");
}

/// The same with kubectl: how long its commands take, and when the release that is taken back has answered for the last time.
fn by_kubectl(shop: &Shop<'_>) -> (Duration, Duration) {
    let namespace = Namespace::new(shop.cluster, "undo");
    let rolled_out = || namespace.kubectl(&["rollout", "status", "deployment/app", "--timeout=120s"]).ok();
    for version in ["one", "two"] {
        namespace.apply(&shop.plain(version, &SLOW));
        rolled_out();
    }
    let service = namespace.json(&["service", "app"]).unwrap();
    let address = format!("{}:80", service["spec"]["clusterIP"].as_str().unwrap());
    let load = Load::new(address.parse().unwrap(), RATE);
    std::thread::sleep(Duration::from_secs(1));
    let began = Instant::now();
    namespace.kubectl(&["rollout", "undo", "deployment/app"]).ok();
    rolled_out();
    let took = began.elapsed();
    std::thread::sleep(Duration::from_secs(8));
    (took, load.end().versions["two"].last.saturating_duration_since(began))
}

#[test]
fn the_second_of_two_who_deploy_is_refused_and_the_one_who_is_interrupted_goes_back() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::open(cluster, "two", How::Flip, "10s") else { return };
    let load = shop.load();
    let first = shop.start_deploy("two", &[]);
    shop.until("baking");
    shop.deploy("three", &[]).expect(5, &["is under way", "the files state something else"]);
    let ran = first.end().expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    assert_eq!(seen.of("three"), 0);
    row("a second deploy while one is under way", "refused, the first one promoted", &ran, Some(&seen));

    let load = shop.load();
    let deploy = shop.start_deploy("three", &[]);
    shop.until("baking");
    deploy.signal(Signal::INT);
    let ran = deploy.end().expect(6, &["the release is taken back"]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("interrupted in the bake", "the release before serves", &ran, Some(&seen));
}
