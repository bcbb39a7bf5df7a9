//! Releases that must not serve.

use super::shop::{How, Shop};
use super::{nothing_lost, row};
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
    row(scenario, "not released", ran.took, Some(&seen));
}

#[test]
fn what_crashes_or_cannot_be_pulled_never_serves() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::open(cluster, "bad", How::Flip, "2s") else { return };
    let absent = format!("ghcr.io/shop/app@sha256:{}", "0".repeat(64));
    is_kept_out(&shop, "an image that is not there", &[("IMAGE", &absent)], &["not found"]);
    let crash = [("FAULT", "CRASH_AFTER"), ("VALUE", "300ms")];
    is_kept_out(&shop, "a crash loop", &crash, &["exit code 1"]);
}

#[test]
fn what_says_that_it_is_unwell_never_serves() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::open(cluster, "unwell", How::Flip, "2s") else { return };
    let unhealthy = [("FAULT", "UNHEALTHY"), ("VALUE", "true")];
    is_kept_out(&shop, "a smoke test that fails", &unhealthy, &["/health"]);
    let slow = [("FAULT", "START_AFTER"), ("VALUE", "10m")];
    is_kept_out(&shop, "pods that are not ready in time", &slow, &["not ready"]);

    // What has failed is not gone back to.
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(5, &["test-2: rolled back"]);
    row("rollback past nothing but failed releases", "refused", ran.took, None);
}
