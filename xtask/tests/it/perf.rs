//! `cargo xtask perf` from the command line to `perf.json`: with a k6 of the tests' own, whose figures are those that a small
//! server gives it, and where there is one, with k6 itself.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use xtask::core::perf::report::Report;

use crate::program::wait_until;
use crate::repository::{Repository, Said, somebody_runs};
use crate::schema;

/// Serves the milliseconds that stand in `built` beside it, which is made of `delay`, and says that it is ready.
const SERVER: &str = r#"
import http.server, os, pathlib
assert pathlib.Path(os.environ["DATABASE"]).read_text() == "seeded"
delay = pathlib.Path("built").read_text().strip().encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(delay)))
        self.end_headers()
        self.wfile.write(delay)
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// Writes what k6 would: answers take as long as the server says, give or take what does not matter.
const K6: &str = r#"#!/usr/bin/env python3
import json, os, sys, time, urllib.request
if sys.argv[1] == "version":
    print("k6 v1.1.0 (commit/0, go1, linux/amd64)")
    raise SystemExit(0)
behaviour = os.environ.get("THRESHOLDS", "{}")
delay = float(urllib.request.urlopen(os.environ["BASE_URL"] + "/x").read())
def after(option):
    return sys.argv[sys.argv.index(option) + 1] if option in sys.argv else None
if "hang" in behaviour:
    time.sleep(600)
if "meets" in behaviour and after("--out"):
    os.makedirs("target/here", exist_ok=True)
    open(f"target/here/{delay}", "w")
    for _ in range(200):
        if len(os.listdir("target/here")) == 2:
            break
        time.sleep(0.05)
    else:
        raise SystemExit(107)
if "alone" in behaviour and after("--out"):
    time.sleep(600) if delay < 11 else sys.exit(107)
checks = 0 if "throws" in behaviour else 40
crossed = "late" in behaviour and delay > 100
if after("--summary-export"):
    metrics = {"checks": {"passes": checks, "fails": 0, "value": 1}, "http_reqs": {"count": 41, "rate": 4},
        "iterations": {"count": 20, "rate": 2}, "http_req_failed": {"passes": 0, "fails": 41, "value": 0},
        "http_req_duration": {"med": delay, "thresholds": {"p(95)<100": crossed}}}
    open(after("--summary-export"), "w").write(json.dumps({"metrics": metrics}))
if after("--out"):
    with open(after("--out").removeprefix("csv="), "w") as out:
        out.write("metric_name,timestamp,metric_value,name,scenario\n")
        for number in range(40):
            value = delay * (1 + 0.001 * (number % 7))
            out.write(f"http_req_duration,{100 + number // 10},{value},{'list' if number % 2 else 'node'},browse\n")
raise SystemExit(107 if "breaks" in behaviour else 99 if crossed else 0)
"#;

struct Shop {
    repository: Repository,
}

impl Shop {
    /// A repository with one server whose answers take ten milliseconds, and a k6 of its own.
    fn new() -> Self {
        let repository = Repository::rust();
        repository.edit(
            "xtask.toml",
            "package = \"thing\"\n",
            "package = \"thing\"\n\n[perf]\nscript = \"load.js\"\n\n[perf.servers.thing]\n\
             build = [[\"cp\", \"delay\", \"built\"]]\n\
             prepare = [[\"python3\", \"-c\", \"import os; open(os.environ['DATABASE'], 'w').write('seeded')\"]]\n\
             command = [\"python3\", \"server.py\"]\nport-variable = \"PORT\"\nurl-variable = \"BASE_URL\"\n\
             environment = { DATABASE = \"{folder}/database\" }\n\n[perf.scenarios.smoke]\nduration = \"1s\"\nrate = 1\n\n\
             [perf.scenarios.throws]\nduration = \"1s\"\nrate = 1\nthresholds = { throws = [\"rate>0\"] }\n\n\
             [perf.scenarios.breaks]\nduration = \"1s\"\nrate = 1\nthresholds = { breaks = [\"rate>0\"] }\n\n\
             [perf.scenarios.late]\nduration = \"1s\"\nrate = 1\nthresholds = { late = [\"rate>0\"] }\n\n\
             [perf.scenarios.meets]\nduration = \"1s\"\nrate = 1\nthresholds = { meets = [\"rate>0\"] }\n\n\
             [perf.scenarios.apart]\nduration = \"1s\"\nrate = 1\nin-turn = true\n\n\
             [perf.scenarios.alone]\nduration = \"1s\"\nrate = 1\nthresholds = { alone = [\"rate>0\"] }\n\n\
             [perf.scenarios.hang]\nduration = \"1s\"\nrate = 1\nthresholds = { hang = [\"rate>0\"] }\n",
        );
        repository.write(".gitignore", "/target\n/.xtask\n/bin\n/thing/built\n");
        repository.write("load.js", "// the k6 of this test asks by itself\n");
        repository.write("thing/server.py", SERVER);
        repository.write("thing/delay", "10\n");
        repository.write("bin/k6", K6);
        let k6 = repository.root().join("bin/k6");
        std::fs::set_permissions(k6, std::fs::Permissions::from_mode(0o755)).unwrap();
        let shop = Self { repository };
        shop.git(&["init", "--quiet", "--initial-branch=main"]);
        shop.git(&["add", "."]);
        shop.git(&[
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "commit",
            "--quiet",
            "-m",
            "first",
        ]);
        shop
    }

    fn git(&self, args: &[&str]) {
        let done = Command::new("git").args(args).current_dir(self.repository.root()).status().unwrap();
        assert!(done.success(), "{args:?}");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.repository.command(&[&["perf"], args].concat());
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.repository.root().join("bin").display()));
        command
    }

    fn perf(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn report(&self) -> Report {
        Report::from_json(&self.repository.read("target/xtask/perf.json")).unwrap()
    }
}

#[test]
fn a_change_is_compared_with_the_commit_it_comes_from() {
    let shop = Shop::new();
    // Nothing has changed: there is nothing to compare, and the thresholds alone count.
    let said = shop.perf(&[]).expect(0);
    assert!(said.all().contains("not comparable: nothing has changed since the base"), "{}", said.all());
    assert_eq!(shop.report().runs.len(), 1);

    shop.repository.write("thing/server.py", &format!("{SERVER}\n# changed\n"));
    let said = shop.perf(&[]).expect(0);
    assert!(said.all().contains("same, compared with the base"), "{}", said.all());

    shop.repository.write("thing/delay", "12\n");
    let said = shop.perf(&[]).expect(1);
    assert!(said.all().contains("answers take 20.0 % longer"), "{}", said.all());
    let report = shop.report();
    let sides: String =
        report.runs.iter().map(|run| if run.side.to_string() == "baseline" { 'A' } else { 'B' }).collect();
    assert_eq!(sides, "ABBAAB", "three pairs are enough");
    assert_eq!(report.runs[0].endpoints.keys().collect::<Vec<_>>(), ["list", "node"]);
    assert!(
        report.runs.iter().all(|run| run.servers["thing"].memory_max().is_some_and(|bytes| bytes > 1 << 20))
    );
    assert!(report.baseline.unwrap().commit.is_some());

    // The page draws it, and so does the schema describe it.
    shop.repository.xtask(&["report"]).expect(0);
    let page = shop.repository.read("target/xtask/report.html");
    for words in
        ["Load test", "<b class=\"bad\">worse</b>", "class=\"candidate\"", "class=\"baseline\"", "in MiB"]
    {
        assert!(page.contains(words), "{words}");
    }
    let perf = schema::of("perf");
    let mut written: Value = serde_json::from_str(&shop.repository.read("target/xtask/perf.json")).unwrap();
    let found = schema::problems(&perf, &written, "perf");
    assert!(found.is_empty(), "{found:#?}");
    let unknown = unknown(&perf, &perf, &written, "perf");
    assert!(unknown.is_empty(), "the schema does not know {unknown:?}");
    written["judgement"]["verdict"] = "perhaps".into();
    assert!(!schema::problems(&perf, &written, "perf").is_empty());

    // Another commit by its name, and no baseline at all.
    shop.perf(&["--baseline", "HEAD", "--duration", "2s"]).expect(1);
    let said = shop.perf(&["--baseline", "none", "--strict"]).expect(4);
    assert!(said.all().contains("there is no verdict: not comparable"), "{}", said.all());
    let said = shop.perf(&["--baseline", "no such thing"]).expect(2);
    assert!(said.all().contains("is no commit that git knows, and no image"), "{}", said.all());
    let said = shop.perf(&["--baseline", "ghcr.io/x/thing:1"]).expect(0);
    assert!(
        said.all().contains("the baseline is an image, and the candidate runs from files"),
        "{}",
        said.all()
    );
    let said = shop.perf(&["--scenario", "smok"]).expect(2);
    assert!(said.all().contains("did you mean `smoke`?"), "{}", said.all());
}

/// The fields of a value that its schema has no word about.
fn unknown(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return unknown(root, root.pointer(target.strip_prefix('#').unwrap()).unwrap(), value, at);
    }
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let at = format!("{at}.{name}");
                let rule =
                    schema.pointer(&format!("/properties/{name}")).or(schema.get("additionalProperties"));
                rule.map_or_else(|| vec![at.clone()], |rule| unknown(root, rule, value, &at))
            })
            .collect(),
        Value::Array(items) => {
            let rule = schema.get("items").unwrap_or(&Value::Null);
            items.iter().flat_map(|item| unknown(root, rule, item, at)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn what_measures_nothing_is_no_result() {
    let shop = Shop::new();
    shop.repository.write("thing/delay", "150\n");
    let said = shop.perf(&["--scenario", "throws", "--baseline", "none"]).expect(1);
    assert!(
        said.all().contains("nothing was checked: every journey may have thrown an exception"),
        "{}",
        said.all()
    );
    assert!(!shop.repository.root().join("target/xtask/perf.json").exists(), "nothing old is read as new");
    let said = shop.perf(&["--scenario", "breaks", "--baseline", "none"]).expect(1);
    assert!(
        said.all().contains("its script threw an exception outside of a journey (exit code 107)"),
        "{}",
        said.all()
    );
    let said = shop.perf(&["--scenario", "late", "--baseline", "none"]).expect(1);
    assert!(
        said.all().contains("the candidate crossed `p(95)<100` of `http_req_duration`"),
        "{}",
        said.all()
    );
    assert_eq!(shop.report().crossed.len(), 1);
    // A server that does not stay up says why itself.
    shop.repository.write("thing/server.py", "raise SystemExit('no database')\n");
    let said = shop.perf(&["--baseline", "none"]).expect(1);
    for words in ["`thing` did not stay up", "no database"] {
        assert!(said.all().contains(words), "{}", said.all());
    }
}

#[test]
fn both_sides_are_asked_at_the_same_time_or_in_turn() {
    let shop = Shop::new();
    shop.repository.write("thing/delay", "12\n");
    // Each k6 waits until the other one is there.
    let said = shop.perf(&["--scenario", "meets"]).expect(1);
    assert!(said.all().contains("answers take 20.0 % longer"), "{}", said.all());
    let said = shop.perf(&["--scenario", "apart"]).expect(1);
    assert!(said.all().contains("answers take 20.0 % longer"), "{}", said.all());
    let report = shop.report();
    for two in report.runs.windows(2) {
        let end = two[0].began_ms + two[0].duration_ms;
        assert!(two[1].began_ms >= end, "one began after {} ms, before the end at {end} ms", two[1].began_ms);
    }
    // Where one fails, nobody waits for the other, and it is said which one it was.
    let said = shop.perf(&["--scenario", "alone"]).expect(1);
    for words in ["the candidate could not be measured", "exit code 107"] {
        assert!(said.all().contains(words), "{}", said.all());
    }
}

#[test]
fn an_interruption_ends_servers_and_k6() {
    let shop = Shop::new();
    shop.repository.write("thing/delay", "12\n");
    let mark = shop.repository.root().join("bin/k6").display().to_string();
    let mut process = shop.command(&["--scenario", "hang"]).spawn().unwrap();
    wait_until("k6 runs", || somebody_runs(&format!("{mark} run")));
    let number = process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &number]).status().unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert!(!somebody_runs(&format!("{mark} run")));
    let left = std::fs::read_dir(shop.repository.root().join("target/xtask/scratch")).unwrap().count();
    assert_eq!(left, 0, "databases of servers");
}

#[test]
fn without_a_section_there_is_nothing_to_do() {
    let repository = Repository::rust();
    let said = repository.xtask(&["perf"]);
    assert!(said.code == 2 || said.code == 3, "{}", said.all());
}
