//! A release and the load test of its images.

use serde_json::json;

use super::scratch::{Scratch, TICKET};

/// What a configuration says of load tests of a component.
pub(crate) fn section(component: &str) -> String {
    format!(
        r#"
[perf]
script = "load.js"
[perf.servers.{component}]
command = ["serve"]
port-variable = "PORT"
url-variable = "BASE_URL"
[perf.scenarios.smoke]
duration = "1s"
rate = 1
"#
    )
}

/// What is left behind by a load test of an image.
pub(crate) fn left_behind(image: &str, verdict: &str, crossed: &[&str]) -> String {
    let machine = json!({"identity": "1", "system": "linux", "kernel": "6", "processor": "x", "cores": 2,
        "memory_bytes": 1, "k6": "v1.1.0"});
    let report = json!({
        "format": 1, "unix_time": 1, "scenario": "load", "runs": [], "crossed": crossed,
        "candidate": {"name": "the images", "runner": "docker", "images": [image], "machine": machine},
        "judgement": {"verdict": verdict, "reason": "answers take so long", "pairs": 3, "figures": []},
    });
    report.to_string()
}

impl Scratch {
    /// Writes the load test of the backend's image with this digit.
    fn load_test(&self, digit: char, verdict: &str, crossed: &[&str]) {
        let image = format!("ghcr.io/vitalyst/backend@sha256:{}", digit.to_string().repeat(64));
        self.repository.write("target/xtask/perf.json", &left_behind(&image, verdict, crossed));
    }
}

#[test]
fn a_plan_says_what_stands_against_it_and_why_it_goes_on_all_the_same() {
    let scratch = Scratch::new(&format!("{TICKET}{}", section("backend")));
    scratch.ticket();
    scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
    scratch.commit("Begin");
    let says = |arguments: &[&str], words: &str| {
        let text = scratch.plan(arguments);
        assert!(text.contains(words), "{words}: {text}");
    };
    says(&[], "these images were not load-tested");
    for (digit, verdict, crossed, words) in [
        (
            'a',
            "worse",
            vec![],
            "the load test stands against it: it is worse than the baseline: answers take so long",
        ),
        (
            'a',
            "same",
            vec!["`rate>0.9` of `checks`"],
            "stands against it: the candidate crossed `rate>0.9` of `checks`",
        ),
        ('a', "undecided", vec![], "the load test of these images is undecided: answers take so long"),
        ('c', "worse", vec![], "the load test was of other images than these"),
    ] {
        scratch.load_test(digit, verdict, &crossed);
        says(&[], words);
    }
    scratch.load_test('a', "worse", &[]);
    says(&["--override-perf", "the old one is down"], "in spite of the load test: the old one is down");
    scratch.load_test('a', "same", &[]);
    assert!(!scratch.plan(&[]).contains("load test"));
    scratch.repository.write("target/xtask/perf.json", "{}");
    says(&[], "`perf.json` cannot be read: it does not say its `format`");
}
