//! Releases with which nothing is wrong.

use serde_json::json;

use super::shop::{How, Shop};
use super::{nothing_lost, row};
use crate::cluster::harness::Cluster;

const PERF: &str = r#"
[components.app]
kind = "rust"
path = "app"
package = "app"

[perf]
script = "load.js"

[perf.servers.app]
command = ["serve"]
port-variable = "PORT"
url-variable = "BASE_URL"

[perf.scenarios.smoke]
duration = "1s"
rate = 1
"#;

impl Shop<'_> {
    /// What the pods that serve have from their ConfigMap.
    fn setting(&self) -> String {
        let faults = self.namespace.ask("services/app:80", "/faults").unwrap();
        ["1ms", "2ms"].into_iter().find(|setting| faults.contains(setting)).unwrap_or(&faults).to_owned()
    }

    /// The repository has load tests, and one of the image that it releases, with this verdict.
    fn was_load_tested(&self, verdict: &str) {
        let configuration = self.repository.read("xtask.toml");
        let image = configuration.split('"').find(|text| text.starts_with("ghcr.io/")).unwrap();
        let machine = json!({"identity": "1", "system": "linux", "kernel": "6", "processor": "x", "cores": 2,
            "memory_bytes": 1, "k6": "v1.1.0"});
        let report = json!({
            "format": 1, "unix_time": 1, "scenario": "load", "runs": [], "crossed": [],
            "candidate": {"name": "the images", "runner": "docker", "images": [image], "machine": machine},
            "judgement": {"verdict": verdict, "reason": "answers take a fifth longer", "pairs": 3, "figures": []},
        });
        self.repository.write("target/xtask/perf.json", &report.to_string());
        if !configuration.contains("[perf]") {
            self.repository.write("xtask.toml", &format!("{configuration}{PERF}"));
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
    let ran = shop.deploy("three", &settings).expect(5, &["the load test", "answers take a fifth longer"]);
    shop.serves("two");
    row("images that a load test has found to be slower", "refused", &ran, None);
    shop.was_load_tested("same");
    shop.xtask(&["deploy", "--plan-only"], &[("VERSION", "three")]).expect(0, &[]);
}
