//! Deployers that die, and who comes after them.

use std::time::{Duration, Instant};

use super::shop::{How, Shop};
use super::{long, nothing_lost, row};
use crate::cluster::harness::Cluster;

/// When a deployer is killed: as soon as the ledger says that it has come so far.
const DEATHS: [&str; 6] = ["intended", "staged", "promoting", "flipping", "verifying", "baking"];

#[test]
fn whatever_the_moment_of_a_deployers_death_recover_brings_the_old_release_back() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "recover", How::Flip, "10m") else { return };
    let load = shop.load();
    for death in DEATHS {
        let deploy = shop.start_deploy("two", &[]);
        let phase = shop.until_at_least(death);
        deploy.kill();
        let ran = shop.xtask(&["recover"], &[]).expect(0, &[]);
        println!("{}", ran.text);
        shop.serves("one");
        shop.is_at_rest();
        row(
            &format!("the deployer dies in `{phase}`, then `recover`"),
            "the release before serves",
            ran.took,
            Some(&load.seen()),
        );
    }
    nothing_lost(&load.end());
}

#[test]
fn whatever_the_moment_of_a_deployers_death_the_next_deploy_goes_on() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "go-on", How::Flip, "5s") else { return };
    let load = shop.load();
    let versions = ["two", "three", "four", "five", "six", "seven"];
    for (death, version) in DEATHS.into_iter().zip(versions) {
        let deploy = shop.start_deploy(version, &[]);
        let phase = shop.until_at_least(death);
        deploy.kill();
        let ran = shop.deploy(version, &[]).expect(0, &[]);
        println!("{}", ran.text);
        shop.serves(version);
        shop.is_at_rest();
        row(
            &format!("the deployer dies in `{phase}`, then the same `deploy`"),
            "promoted",
            ran.took,
            Some(&load.seen()),
        );
    }
    nothing_lost(&load.end());
}

#[test]
fn a_rollback_does_not_wait_for_the_lease_of_a_dead_deployer() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "dead", How::Flip, "10m") else { return };
    let load = shop.load();
    let deploy = shop.start_deploy("two", &[]);
    shop.until("baking");
    shop.serves("two");
    deploy.kill();
    let began = Instant::now();
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &[]);
    shop.serves("one");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    let last = seen.versions["two"].last.saturating_duration_since(began);
    assert!(last < Duration::from_secs(25), "{last:?}");
    let outcome = format!("the release before serves, {:.1} s after the command began", last.as_secs_f64());
    row("rollback in the bake of a dead deployer", &outcome, ran.took, Some(&seen));
}
