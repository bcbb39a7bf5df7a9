//! Releases that must not serve.

use super::shop::{How, Shop};
use super::{long, nothing_lost, row};
use crate::cluster::harness::Cluster;

/// Releases `version`, and asserts that it never gets a request and `one` goes on.
fn is_kept_out(shop: &Shop<'_>, scenario: &str, variables: &[(&str, &str)], words: &[&str]) {
    let load = shop.load();
    let ran = shop.deploy("bad", variables).expect(6, words);
    shop.serves("one");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    assert_eq!(seen.of("bad"), 0, "{seen:?}");
    println!("{}", ran.text);
    row(scenario, "not released", &ran, Some(&seen));
}

#[test]
fn what_cannot_be_pulled_or_crashes_or_is_unwell_never_serves() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::open(cluster, "bad", How::Flip, "2s") else { return };
    let absent = format!("ghcr.io/shop/app@sha256:{}", "0".repeat(64));
    let words = ["not found", "says most", "the registry has no such image", "event Failed"];
    is_kept_out(&shop, "an image that is not there", &[("IMAGE", &absent)], &words);
    let crash = [("FAULT", "CRASH_AFTER"), ("VALUE", "300ms")];
    let words = ["says most", "exit code 1: the application's own", "of container `app`", "        | "];
    is_kept_out(&shop, "a crash loop", &crash, &words);
    let unhealthy = [("FAULT", "UNHEALTHY"), ("VALUE", "true")];
    is_kept_out(&shop, "a smoke test that fails", &unhealthy, &["`GET /health` answers 500"]);

    // A Secret that is there, without the key.
    let with_key = "envFrom: [{configMapRef: {name: settings}}]";
    let reference = "            - {name: KEY, valueFrom: {secretKeyRef: {name: app-secrets, key: url}}}";
    shop.namespace.kubectl(&["create", "secret", "generic", "app-secrets", "--from-literal=other=x"]).ok();
    shop.repository.edit(
        "k8s/app.template.yml",
        &format!("          {with_key}"),
        &format!("{reference}\n          {with_key}"),
    );
    let words = ["CreateContainerConfigError", "the Secret `app-secrets` has no key `url`"];
    is_kept_out(&shop, "a key of a Secret that is not there", &[], &words);

    // What has failed is not gone back to.
    let ran =
        shop.xtask(&["rollback", "--yes"], &[]).expect(5, &["there is nothing that `test` can go back to"]);
    row("rollback past nothing but failed releases", "refused", &ran, None);
}

#[test]
fn what_is_not_ready_in_time_never_serves() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "slow", How::Flip, "2s") else { return };
    let slow = [("FAULT", "START_AFTER"), ("VALUE", "10m")];
    is_kept_out(
        &shop,
        "pods that are not ready within `progressDeadlineSeconds`",
        &slow,
        &["waited in vain"],
    );
}

#[test]
fn a_canary_that_fails_is_out_before_many_have_seen_it() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "canary", How::Canary, "2s") else { return };
    for (scenario, rate) in
        [("a canary that fails every request", "1"), ("a canary that fails one request in ten", "0.1")]
    {
        let load = shop.load();
        let ran = shop.deploy("bad", &[("FAULT", "ERROR_RATE"), ("VALUE", rate)]).expect(6, &["app"]);
        shop.serves("one");
        shop.is_at_rest();
        let seen = load.end();
        println!("{}", ran.text);
        assert_eq!((seen.dropped, seen.versions["one"].bad), (0, 0), "{seen:?}");
        let bad = seen.versions["bad"];
        assert!(bad.bad > 0 && bad.good + bad.bad < seen.versions["one"].good, "{seen:?}");
        let span = bad.last.saturating_duration_since(bad.first).as_secs_f64();
        let outcome = format!("rolled back; {} answers with status 500 in {span:.1} s", bad.bad);
        row(scenario, &outcome, &ran, Some(&seen));
    }
}

#[test]
fn a_canary_with_which_nothing_is_wrong_is_promoted() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "steps", How::Canary, "2s") else { return };
    let load = shop.load();
    let ran = shop.deploy("two", &[]).expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("a good canary, by steps", "promoted", &ran, Some(&seen));
}

#[test]
fn what_finds_no_room_never_serves() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "quota", How::Flip, "2s") else { return };
    shop.namespace.kubectl(&["create", "quota", "few", "--hard=pods=4"]).ok();
    let load = shop.load();
    let ran = shop.deploy("bad", &[]).expect(6, &["exceeded quota"]);
    println!("{}", ran.text);
    shop.serves("one");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    assert_eq!(seen.of("bad"), 0);
    row("a quota that leaves room for one pod", "not released", &ran, Some(&seen));
}
