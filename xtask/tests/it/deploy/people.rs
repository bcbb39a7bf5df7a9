//! Releases in which the number of pods, or what they are able to, changes meanwhile; and one with the windows that people have.

use std::time::Duration;

use super::files::AUTOSCALER;
use super::shop::{How, Shop};
use super::{as_long_as_it_takes, long, nothing_lost, row};
use crate::cluster::harness::{Cluster, eventually};

#[test]
fn a_canary_goes_on_while_its_autoscaler_raises_what_serves() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::new(cluster, "scaled", How::Canary, "1s") else { return };
    shop.add(AUTOSCALER);
    shop.deploy("one", &[]).expect(0, &[]);
    let load = shop.load();
    let deploy = shop.start_deploy("two", &[]);
    shop.until(r#"{"exposed":0}"#);
    let floor = r#"{"spec": {"minReplicas": 10}}"#;
    shop.namespace.kubectl(&["patch", "hpa", "app", "--type=merge", "--patch", floor]).ok();
    eventually("the autoscaler has raised what serves", Duration::from_mins(2), || {
        (shop.replicas("app") + shop.replicas("app-b") >= 10).then_some(())
    });
    let ran = deploy.end();
    println!("{}", ran.text);
    let ran = ran.expect(0, &[]);
    shop.serves("two");
    let seen = load.end();
    nothing_lost(&seen);
    let mut replicas = [shop.replicas("app"), shop.replicas("app-b")];
    replicas.sort_unstable();
    // The controller of the autoscaler takes nothing away without metrics.
    assert_eq!(replicas, [0, 10]);
    row("the autoscaler goes from 3 to 10 in the canary", "promoted", &ran, Some(&seen));
}

#[test]
fn what_is_slow_to_start_is_waited_for() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "patient", How::Flip, "2s") else { return };
    let load = shop.load();
    let ran = shop.deploy("two", &[("FAULT", "START_AFTER"), ("VALUE", "20s")]).expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("pods that take 20 s to start", "promoted", &ran, Some(&seen));
}

#[test]
fn what_is_no_longer_ready_gives_its_requests_back() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "unready", How::Canary, "2s") else { return };
    let load = shop.load();
    let ran = shop.deploy("bad", &[("FAULT", "UNREADY_AFTER"), ("VALUE", "40s")]);
    println!("{}", ran.text);
    let ran = ran.expect(6, &[]);
    shop.serves("one");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    assert!(seen.of("bad") > 0, "{seen:?}");
    row("a canary that is no longer ready", "not released", &ran, Some(&seen));
}

#[test]
fn a_release_takes_its_time_with_the_windows_that_people_have() {
    let Some(cluster) = Cluster::get().filter(|_| as_long_as_it_takes()) else { return };
    let Some(shop) = Shop::open(cluster, "defaults", How::Canary, "15m") else { return };
    let load = shop.load();
    // The steps take four minutes and more, the bake a quarter of an hour.
    let ran = shop.start_deploy("two", &[]).end_within(Duration::from_mins(40)).expect(0, &[]);
    println!("{}", ran.text);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("a canary and a bake of 15 minutes, as `xtask.toml` has them", "promoted", &ran, Some(&seen));
}
