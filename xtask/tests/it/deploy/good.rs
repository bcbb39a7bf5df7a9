//! Releases with which nothing is wrong.

use super::shop::{How, Shop};
use super::{nothing_lost, row};
use crate::cluster::harness::Cluster;

#[test]
fn good_releases_follow_each_other_and_go_back_without_a_lost_request() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::new(cluster, "good", How::Flip, "2s") else { return };

    let ran = shop.deploy("one", &[]).expect(0, &["serves"]);
    shop.serves("one");
    shop.is_at_rest();
    row("the first release", "promoted", ran.took, None);

    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(5, &["there is nothing that `test` can go back to"]);
    row("rollback with nothing to go back to", "refused", ran.took, None);

    let load = shop.load();
    let ran = shop.deploy("one", &[]).expect(0, &["nothing is released"]);
    row("the same again", "nothing to do", ran.took, None);
    let ran = shop.deploy("two", &[]).expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("a good release, all requests at once", "promoted", ran.took, Some(&seen));

    shop.deploy("three", &[]).expect(0, &[]);
    let load = shop.load();
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &["test-2"]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("rollback after the bake", "the release before serves", ran.took, Some(&seen));
    assert_eq!(shop.state("test-3"), "withdrawn");

    let load = shop.load();
    let ran = shop.xtask(&["rollback", "--yes", "--to", "test-3"], &[]).expect(0, &["was withdrawn"]);
    shop.serves("three");
    let seen = load.end();
    nothing_lost(&seen);
    row("rollback to a named release", "it serves", ran.took, Some(&seen));
}
