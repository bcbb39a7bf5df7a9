//! `[perf]`.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;

use super::{check, every_key_says_so, parse};

const COMPLETE: &str = r#"
project.name="x"
[components.backend]
kind = "rust"
path = "backend"
package = "backend"
[perf]
script = "load.js"
margin = "5 %"
pairs-min = 4
budget = "20m"
[perf.thresholds]
checks = ["rate>0.99"]
"http_req_duration{endpoint:list}" = ["p(95)<300", "p(99)<800"]
[perf.servers.backend]
prepare = [["python", "seed.py"]]
command = ["python", "serve.py"]
port-variable = "PORT"
url-variable = "BASE_URL"
ready = "/health"
environment = { DATABASE = "{folder}/x.db" }
timeout = "5s"
[perf.scenarios.stress]
duration = "2m"
rate = 5
rate-max = 50
[perf.scenarios.stress.thresholds]
checks = ["rate>0.5"]
"#;

#[test]
fn everything_that_can_be_said_of_load_tests_arrives() {
    let perf = parse(COMPLETE).unwrap().perf.unwrap();
    assert_eq!((perf.script.as_path(), perf.pairs_min), (Path::new("load.js"), 4));
    assert!((perf.margin - 0.05).abs() < 1e-9);
    assert_eq!(perf.budget, Duration::from_mins(20));
    let [server] = perf.servers.as_slice() else { panic!("one server") };
    assert_eq!((server.name.as_str(), server.ready.as_str()), ("backend", "/health"));
    assert_eq!(server.prepare, [["python", "seed.py"]]);
    assert_eq!(server.command, ["python", "serve.py"]);
    assert_eq!((server.port_variable.as_str(), server.url_variable.as_str()), ("PORT", "BASE_URL"));
    assert_eq!(server.environment["DATABASE"], "{folder}/x.db");
    assert_eq!(server.timeout, Duration::from_secs(5));
    let [scenario] = perf.scenarios.as_slice() else { panic!("one scenario") };
    assert_eq!((scenario.name.as_str(), scenario.rate, scenario.rate_max), ("stress", 5, Some(50)));
    assert_eq!(scenario.duration, Duration::from_mins(2));
    // What a scenario says of a metric stands before what holds for all.
    assert_eq!(scenario.thresholds["checks"], ["rate>0.5"]);
    assert_eq!(scenario.thresholds["http_req_duration{endpoint:list}"], ["p(95)<300", "p(99)<800"]);
    let usual = COMPLETE.replace("margin = \"5 %\"\npairs-min = 4\nbudget = \"20m\"\n", "");
    let usual = usual.replace("ready = \"/health\"\n", "").replace("timeout = \"5s\"\n", "");
    let usual = parse(&usual).unwrap().perf.unwrap();
    assert!((usual.margin - 0.1).abs() < 1e-9);
    assert_eq!((usual.pairs_min, usual.budget), (3, Duration::from_mins(10)));
    assert_eq!(
        (usual.servers[0].ready.as_str(), usual.servers[0].timeout),
        ("/ready", Duration::from_mins(1))
    );
    assert!(parse("project.name = \"x\"").unwrap().perf.is_none());
}

#[test]
fn every_key_of_load_tests_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(COMPLETE, 15, &[]);
}

#[test]
fn what_is_wrong_with_load_tests_is_said_at_its_place() {
    check(
        r#"
project.name = "x"
[components.backend]
kind = "rust"
path = "backend"
package = "backend"
[perf]
margin = "0 %"
pairs-min = 2
[perf.thresholds]
checks = ["95 % are good"]
[perf.servers.bakend]
prepare = [[]]
command = []
port-variable = "PORT"
url-variable = "BASE URL"
environment = { DATABASE = "{file}/x.db" }
[perf.scenarios.smoke]
rate = 0
"#,
        &expect![[r#""#]],
    );
    check(
        "project.name = \"x\"\n[perf]\nscript = \"x.js\"\nservers = {}\nscenarios = {}\n",
        &expect![[r#""#]],
    );
}
