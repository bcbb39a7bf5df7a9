//! Clusters that go away in the middle, and people who reach into a release.

use std::time::Duration;

use super::shop::{How, Shop};
use super::{long, nothing_lost, row};
use crate::cluster::harness::Cluster;
use crate::cluster::node::Part;

#[test]
fn a_release_survives_the_absence_of_the_api_server_and_of_etcd() {
    if !long() {
        return;
    }
    let Some(cluster) = Cluster::alone() else { return };
    let Some(shop) = Shop::open(&cluster, "away", How::Flip, "30s") else { return };
    let outages = [
        ("the API server is restarted while pods start", "staged", Part::ApiServer, Duration::ZERO, "two"),
        ("etcd is away for 20 s in the bake", "baking", Part::Etcd, Duration::from_secs(20), "three"),
    ];
    let load = shop.load();
    for (scenario, phase, part, length, version) in outages {
        let deploy = shop.start_deploy(version, &[]);
        shop.until(phase);
        let away = cluster.without(part);
        std::thread::sleep(length);
        drop(away);
        let ran = deploy.end();
        println!("{}", ran.text);
        let ran = ran.expect(0, &[]);
        shop.serves(version);
        shop.is_at_rest();
        row(scenario, "promoted", &ran, Some(&load.seen()));
    }
    nothing_lost(&load.end());
}

#[test]
fn people_who_reach_into_a_bake_do_not_leave_it_half_done() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "people", How::Flip, "20s") else { return };

    let load = shop.load();
    let deploy = shop.start_deploy("two", &[]);
    shop.until("baking");
    shop.namespace.kubectl(&["scale", "deployment/app", "--replicas=1"]).ok();
    let ran = deploy.end();
    println!("{}", ran.text);
    let ran = ran.expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("somebody scales the standby down", "promoted", &ran, Some(&seen));

    let load = shop.load();
    let deploy = shop.start_deploy("three", &[]);
    shop.until("staged");
    shop.namespace.kubectl(&["delete", "deployment/app", "--wait=false"]).ok();
    let ran = deploy.end();
    println!("{}", ran.text);
    let seen = load.end();
    nothing_lost(&seen);
    assert!([0, 6].contains(&ran.code), "{}", ran.text);
    shop.serves(if ran.code == 0 { "three" } else { "two" });
    row(
        "somebody deletes the new Deployment while its pods start",
        &format!("exit code {}", ran.code),
        &ran,
        Some(&seen),
    );
}
