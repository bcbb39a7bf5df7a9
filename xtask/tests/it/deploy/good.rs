//! Releases with which nothing is wrong.

use super::shop::{How, Shop};
use super::{nothing_lost, row};
use crate::cluster::harness::Cluster;
use crate::release::load;

impl Shop<'_> {
    /// What the pods that serve have from their ConfigMap.
    fn setting(&self) -> String {
        let faults = self.namespace.ask("services/app:80", "/faults").unwrap();
        ["1ms", "2ms"].into_iter().find(|setting| faults.contains(setting)).unwrap_or(&faults).to_owned()
    }

    /// The repository has load tests, and one of the image that it releases, with this verdict.
    fn was_load_tested(&self, verdict: &str) {
        self.repository.write("target/xtask/perf.json", &load::left_behind(&self.image(), verdict, &[]));
        let configuration = self.repository.read("xtask.toml");
        if !configuration.contains("[perf]") {
            let component = "[components.app]\nkind = \"rust\"\npath = \"app\"\npackage = \"app\"\n";
            let perf = load::section("app");
            self.repository.write("xtask.toml", &format!("{configuration}\n{component}{perf}"));
        }
    }
}

#[test]
fn good_releases_follow_each_other_and_go_back_without_a_lost_request() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::new(cluster, "good", How::Flip, "2s") else { return };

    let ran = shop.deploy("one", &[]).expect(0, &["serves"]);
    shop.serves("one");
    shop.is_at_rest();
    row("the first release", "promoted", &ran, None);

    let ran =
        shop.xtask(&["rollback", "--yes"], &[]).expect(5, &["there is nothing that `test` can go back to"]);
    row("rollback with nothing to go back to", "refused", &ran, None);

    let load = shop.load();
    let ran = shop.deploy("one", &[]).expect(0, &["nothing is released"]);
    row("the same again", "nothing to do", &ran, None);
    let ran = shop.deploy("two", &[]).expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("a good release, all requests at once", "promoted", &ran, Some(&seen));

    let load = shop.load();
    let settings = [("LATENCY", "2ms")];
    let ran = shop.deploy("two", &settings).expect(0, &[]);
    assert_eq!(shop.setting(), "2ms");
    let seen = load.end();
    nothing_lost(&seen);
    row("a change of a ConfigMap alone", "promoted", &ran, Some(&seen));

    let load = shop.load();
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &["test-2"]);
    shop.serves("two");
    assert_eq!(shop.setting(), "1ms");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("rollback after the bake", "the release before serves", &ran, Some(&seen));
    assert_eq!(shop.state("test-3"), "withdrawn");

    let load = shop.load();
    let ran = shop.xtask(&["rollback", "--yes", "--to", "test-3"], &[]).expect(0, &["was withdrawn"]);
    shop.serves("two");
    assert_eq!(shop.setting(), "2ms");
    let seen = load.end();
    nothing_lost(&seen);
    row("rollback to a named release", "it serves", &ran, Some(&seen));

    shop.was_load_tested("worse");
    let ran = shop.deploy("three", &settings).expect(5, &["the load test", "answers take so long"]);
    shop.serves("two");
    row("images that a load test has found to be slower", "refused", &ran, None);
    shop.was_load_tested("same");
    shop.xtask(&["deploy", "--plan-only"], &[("VERSION", "three")]).expect(0, &[]);
}
