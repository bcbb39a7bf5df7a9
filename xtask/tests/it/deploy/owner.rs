//! Deployers that die, and who comes after them.

use std::time::{Duration, Instant};

use super::shop::{How, Shop};
use super::{long, nothing_lost, row};
use crate::cluster::harness::Cluster;

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
    row("rollback in the bake of a dead deployer", &outcome, &ran, Some(&seen));
}
