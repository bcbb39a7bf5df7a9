//! What larger releases take, and what the program itself takes: figures that `--nocapture` shows.

use std::time::Duration;

use super::long;
use super::shop::{How, Shop};
use crate::cluster::harness::Cluster;

/// How many objects a plan is of, beside those that every release has.
const OBJECTS: usize = 48;

#[test]
fn fifty_objects_are_planned_and_the_program_takes_little() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "size", How::Flip, "30s") else { return };
    let deploy = shop.start_deploy("two", &[]);
    shop.until("baking");
    // Watched by the second, and then every five.
    std::thread::sleep(Duration::from_secs(20));
    let (elapsed, spent) = (deploy.began().elapsed(), deploy.spent());
    let (peak, own) = (deploy.memory("VmHWM"), deploy.memory("RssAnon"));
    deploy.end().expect(0, &[]);
    let share = 100.0 * spent.as_secs_f64() / elapsed.as_secs_f64();
    println!(
        "a deploy and 20 s of its watch: {share:.1} % of a core, {peak} KiB at most, {own} without the program's file, kubectl apart"
    );

    for number in 0..OBJECTS {
        shop.add(&format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: extra-{number}}}\ndata: {{key: \"{number}\"}}\n"
        ));
    }
    let plan = shop.xtask(&["deploy", "--plan-only"], &[("VERSION", "three")]).expect(0, &["extra-47"]);
    println!("a plan of {} objects and those of before: {:.2} s", OBJECTS, plan.took.as_secs_f64());
}
