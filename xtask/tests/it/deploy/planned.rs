//! Plans that were saved, and are carried out as they were read or not at all.

use super::long;
use super::shop::{How, Shop};
use crate::cluster::harness::Cluster;

const PLAN: [&str; 5] = ["deploy", "--plan-only", "--out", "plan.json", "--environment=test"];
const CARRY_OUT: [&str; 4] = ["deploy", "--plan", "plan.json", "--yes"];

#[test]
fn a_saved_plan_is_carried_out_unless_something_has_moved_since() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "planned", How::Flip, "1s") else { return };
    let two = [("VERSION", "two")];
    shop.xtask(&PLAN, &two).expect(0, &[]);

    // Another content, another configuration, another environment.
    let ran = shop
        .xtask(&CARRY_OUT, &[("VERSION", "three")])
        .expect(5, &["the plan of `test-2` is not the one that would be made now", "plan again"]);
    println!("{}", ran.text);
    shop.repository.edit("xtask.toml", "bake = \"1s\"", "bake = \"2s\"");
    let ran = shop.xtask(&CARRY_OUT, &two).expect(5, &["~ bake_ms: 1000 → 2000"]);
    println!("{}", ran.text);
    shop.repository.edit("xtask.toml", "bake = \"2s\"", "bake = \"1s\"");
    let elsewhere = [&CARRY_OUT[..], &["--environment", "production"]].concat();
    shop.xtask(&elsewhere, &two).expect(5, &["the plan is of `test`, not of `production`"]);

    // Somebody has been there.
    let label = |label: &str| shop.kubectl_with(&["label", "service", "app", label], "").ok();
    label("by=hand");
    let ran = shop
        .xtask(&CARRY_OUT, &two)
        .expect(5, &["the plan of `test-2` is no longer right", "somebody has changed Service `app`"]);
    println!("{}", ran.text);
    label("by-");

    // A freeze that began meanwhile.
    let freeze = "\n[environments.test.freeze]\nzone = \"UTC\"\nwindows = [\"2000-01-01 - 2100-01-01\"]\n";
    let configuration = shop.repository.read("xtask.toml");
    shop.repository.write("xtask.toml", &format!("{configuration}{freeze}"));
    shop.xtask(&CARRY_OUT, &two).expect(5, &["nothing is released to `test` now", "--override-freeze"]);
    shop.deploy("two", &[]).expect(5, &["nothing is released to `test` now"]);
    shop.repository.write("xtask.toml", &configuration);

    assert!(shop.ledger().unwrap().get("test-2").is_none(), "nothing was begun");
    shop.serves("one");
    shop.xtask(&CARRY_OUT[..3], &two).expect(5, &["nobody has agreed"]);
    shop.xtask(&CARRY_OUT, &two).expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    shop.xtask(&CARRY_OUT, &two).expect(5, &["`test-2` serves, and `test-1` did"]);
}
