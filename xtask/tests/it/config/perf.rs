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
build = [["python", "compile.py"]]
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
in-turn = true
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
    assert_eq!(server.build, [["python", "compile.py"]]);
    assert_eq!(server.prepare, [["python", "seed.py"]]);
    assert_eq!(server.command, ["python", "serve.py"]);
    assert_eq!((server.port_variable.as_str(), server.url_variable.as_str()), ("PORT", "BASE_URL"));
    assert_eq!(server.environment["DATABASE"], "{folder}/x.db");
    assert_eq!(server.timeout, Duration::from_secs(5));
    let [scenario] = perf.scenarios.as_slice() else { panic!("one scenario") };
    assert_eq!((scenario.name.as_str(), scenario.rate, scenario.rate_max), ("stress", 5, Some(50)));
    assert_eq!((scenario.duration, scenario.in_turn), (Duration::from_mins(2), true));
    // What a scenario says of a metric stands before what holds for all.
    assert_eq!(scenario.thresholds["checks"], ["rate>0.5"]);
    assert_eq!(scenario.thresholds["http_req_duration{endpoint:list}"], ["p(95)<300", "p(99)<800"]);
    let usual = COMPLETE.replace("margin = \"5 %\"\npairs-min = 4\nbudget = \"20m\"\n", "");
    let usual = usual
        .replace("in-turn = true\n", "")
        .replace("ready = \"/health\"\n", "")
        .replace("timeout = \"5s\"\n", "");
    let usual = parse(&usual).unwrap().perf.unwrap();
    assert!((usual.margin - 0.1).abs() < 1e-9);
    assert!(!usual.scenarios[0].in_turn);
    assert_eq!((usual.pairs_min, usual.budget), (3, Duration::from_mins(10)));
    assert_eq!(
        (usual.servers[0].ready.as_str(), usual.servers[0].timeout),
        ("/ready", Duration::from_mins(1))
    );
    assert!(parse("project.name = \"x\"").unwrap().perf.is_none());
}

#[test]
fn every_key_of_load_tests_says_so_when_its_value_has_a_wrong_type() {
    // A component that is wrong itself is none that a server could be named after; a variable has a name and a value.
    every_key_says_so(COMPLETE, 22, &["kind", "path", "package", "environment"]);
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
        &expect![[r#"
            xtask.toml has 11 problems
            7:2: `script` is missing in `perf`
            8:10: `perf.margin` must be a share of more than 0 and less than 100 percent such as "0.5 %"
            9:13: `perf.pairs-min` must be a whole number of at least 3 [too few to judge by]
            11:11: `perf.thresholds.checks[0]` must be a threshold of k6 such as "p(95)<300"
            12:15: `bakend` must be a component (did you mean `backend`?)
            13:12: `perf.servers.bakend.prepare[0]` must be the words of a command [empty]
            14:11: `perf.servers.bakend.command` must be the words of a command [empty]
            16:16: `perf.servers.bakend.url-variable` must be the name of a variable [expected letters, digits and `_`]
            17:15: `perf.servers.bakend.environment` may hold `{folder}`, and servers that stand above it [`DATABASE` has `{file}`]
            18:17: `duration` is missing in `perf.scenarios.smoke`
            19:8: `perf.scenarios.smoke.rate` must be a whole number of at least 1 [zero]
        "#]],
    );
    check(
        "project.name = \"x\"\n[perf]\nscript = \"x.js\"\nservers = {}\nscenarios = {}\n",
        &expect![[r#"
            xtask.toml has 2 problems
            4:11: `perf.servers` must name at least one server
            5:13: `perf.scenarios` must name at least one scenario
        "#]],
    );
}
