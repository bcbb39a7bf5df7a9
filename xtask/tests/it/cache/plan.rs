//! `cargo xtask plan`: what a run would do, in its four forms, and in parts.

use expect_test::expect;
use serde_json::Value;

use super::Workshop;
use crate::schema;

const TASKS: &str = r#"
[project]
name = "workshop"

[environment]
pass = ["RUNS"]

[tasks."make.thing"]
command = ["sh", "make.sh"]
reads = ["in", "make.sh"]
makes = ["out"]

[tasks."check.one"]
command = ["true"]
reads = ["in/a"]

[tasks."check.two"]
command = ["true"]
about = "look at the thing"
after = ["make"]
reads = ["out"]

[tasks."send.all"]
command = ["true"]
after = ["check"]
uncached = "it talks to the world"
"#;

impl Workshop {
    fn plan(&self, args: &[&str]) -> String {
        let runs = self.runs_folder().display().to_string();
        let args: Vec<&str> = ["plan"].iter().chain(args).copied().collect();
        self.repository.xtask_with(&args, &[("RUNS", &runs)]).expect(0).stdout
    }

    /// The plan as data.
    fn plan_data(&self, args: &[&str]) -> Value {
        let said = self.plan(&[args, &["--output", "json"]].concat());
        let answer: Value = serde_json::from_str(said.trim_end()).unwrap();
        answer["data"].clone()
    }

    fn durations(&self, seconds: &[(&str, f64)]) {
        let seconds: std::collections::BTreeMap<_, _> = seconds.iter().copied().collect();
        self.repository.write(".xtask/durations.json", &serde_json::to_string(&seconds).unwrap());
    }
}

#[test]
fn as_a_table() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    shop.ci().expect(0);
    shop.durations(&[("make.thing", 4.0), ("check.one", 90.0), ("check.two", 2.5)]);
    shop.repository.write("in/new", "");
    expect![[r#"
        task        cache     time    why
        check.one   hit               nothing that it depends on has changed
        check.two   miss      2.5 s   `make.thing`, which goes before, would run anew
        make.thing  miss      4.0 s   `in/new` is new (af1349b9f5f9)
        send.all    uncached  1.0 s?  it talks to the world

        3 tasks would run, 1 stored; about 7.5 s on 2 cores
        1 task never passed here: 1.0 s is assumed for each
        longest chain: make.thing → check.two → send.all
    "#]]
    .assert_eq(&shop.plan(&["--jobs", "2"]));
}

#[test]
fn of_the_tasks_that_are_named_with_what_they_wait_for() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    let data = shop.plan_data(&["check.two"]);
    let tasks: Vec<&str> =
        data["tasks"].as_array().unwrap().iter().map(|task| task["task"].as_str().unwrap()).collect();
    assert_eq!(tasks, ["check.two", "make.thing"]);
}

#[test]
fn cores_decide_how_long_it_takes() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    shop.durations(&[("make.thing", 4.0), ("check.one", 9.0), ("check.two", 2.0), ("send.all", 1.0)]);
    let takes = |jobs: &str| shop.plan_data(&["--jobs", jobs])["estimated_ms"].as_u64().unwrap();
    assert_eq!((takes("1"), takes("2"), takes("9")), (16_000, 10_000, 10_000));
}

/// Plans of all kinds keep to the schema: what is stored, what is new, changed, forced, damaged, uncached, unreadable.
#[test]
fn the_json_is_what_the_schema_says() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    let mut plans = vec![shop.plan_data(&[])];
    shop.ci().expect(0);
    plans.push(shop.plan_data(&[]));
    plans.push(shop.plan_data(&["--force", "make"]));
    plans.push(shop.plan_data(&["--no-cache"]));
    shop.repository.edit("xtask.toml", "\"make.sh\"]", "\"make.sh\", \"more\"]");
    std::fs::rename(shop.path("in/b"), shop.path("in/c")).unwrap();
    std::os::unix::fs::symlink("c", shop.path("in/link")).unwrap();
    plans.push(shop.plan_data(&[]));
    // What a task reads and makes at once.
    shop.repository.edit("xtask.toml", "reads = [\"in\"", "reads = [\"out\", \"in\"");
    plans.push(shop.plan_data(&[]));
    let text = serde_json::to_string(&plans).unwrap();
    for word in
        ["hit", "miss", "uncached", "unreadable", "new", "forced", "changed", "renamed", "file", "part"]
    {
        assert!(text.contains(&format!("\":\"{word}\"")), "no plan has `{word}`: {text}");
    }
    let schema = schema::of("plan");
    for plan in &plans {
        let problems = schema::problems(&schema, plan, "plan");
        assert!(problems.is_empty(), "{problems:#?}\n{plan:#}");
    }
    // The checker finds what is wrong.
    for (path, wrong) in [("format", "1".into()), ("estimated_ms", (-1).into()), ("tasks", Value::Null)] {
        let mut plan = plans[0].clone();
        plan[path] = wrong;
        assert!(!schema::problems(&schema, &plan, "plan").is_empty(), "{path}");
    }
    let mut plan = plans[0].clone();
    plan["tasks"][0]["outlook"] = "maybe".into();
    assert!(!schema::problems(&schema, &plan, "plan").is_empty());
    plan["tasks"][0].as_object_mut().unwrap().remove("outlook");
    assert!(!schema::problems(&schema, &plan, "plan").is_empty());
}

#[test]
fn as_a_graph_and_as_a_picture() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    shop.ci().expect(0);
    shop.durations(&[("make.thing", 4.0), ("check.one", 90.0), ("check.two", 2.5)]);
    shop.repository.write("in/new", "");
    expect![[r##"
        digraph plan {
          rankdir=LR;
          node [shape=box, style=filled, fontname="sans-serif"];
          "check.one" [label="check.one\nhit", fillcolor="#dafbe1", penwidth=1];
          "check.two" [label="check.two\nmiss, 2.5 s", fillcolor="#ddf4ff", penwidth=3];
          "make.thing" [label="make.thing\nmiss, 4.0 s", fillcolor="#ddf4ff", penwidth=3];
          "send.all" [label="send.all\nuncached, 1.0 s", fillcolor="#f6f8fa", penwidth=3];
          "make.thing" -> "check.two" [penwidth=3];
          "check.one" -> "send.all" [penwidth=1];
          "check.two" -> "send.all" [penwidth=3];
        }
    "##]]
    .assert_eq(&shop.plan(&["--output", "dot"]));
    let svg = shop.plan(&["--output", "svg"]);
    let texts: Vec<&str> =
        svg.split("</text>").filter_map(|piece| piece.rsplit_once('>')).map(|(_, text)| text).collect();
    let expected = [
        "check.one",
        "hit",
        "check.two",
        "miss, 2.5 s",
        "make.thing",
        "miss, 4.0 s",
        "send.all",
        "uncached, 1.0 s",
    ];
    assert_eq!(texts[..expected.len()], expected);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert_eq!(svg.matches("<path ").count(), 3);
}

#[test]
fn a_matrix_for_github() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    shop.durations(&[("make.thing", 4.0), ("check.one", 9.0), ("check.two", 2.0)]);
    for variables in [&[][..], &[("GITHUB_ACTIONS", "true")]] {
        let said =
            shop.repository.xtask_with(&["plan", "check", "--github-matrix", "2"], variables).expect(0);
        let expected = serde_json::json!({ "include": [
            { "shard": "1/2", "tasks": "check.one", "estimated_ms": 9000 },
            { "shard": "2/2", "tasks": "check.two", "estimated_ms": 6000 },
        ]});
        let mut matrix: Value = serde_json::from_str(&said.stdout).unwrap();
        let mut digests = std::collections::BTreeSet::new();
        for entry in matrix["include"].as_array_mut().unwrap() {
            digests.insert(entry.as_object_mut().unwrap().remove("partition").unwrap().to_string());
        }
        assert_eq!((matrix, digests.len()), (expected, 1));
        assert_eq!(said.stdout.lines().count(), 1, "it fits into an output of a step");
    }
    let data = shop.plan_data(&["check", "--github-matrix", "9"]);
    assert_eq!(data["include"].as_array().unwrap().len(), 2, "no job has nothing to do");
}

#[test]
fn what_makes_no_difference_to_a_matrix_is_refused() {
    let shop = Workshop::with(TASKS, super::SCRIPT);
    for (args, words) in [
        (&["--github-matrix", "2", "--jobs", "2"][..], "cannot be used with"),
        (&["--github-matrix", "2", "--no-cache"], "cannot be used with"),
        (&["--github-matrix", "2", "--force", "make"], "cannot be used with"),
        (&["--github-matrix", "2", "--output", "svg"], "draw a plan"),
        (&["--base", "main"], "--affected"),
    ] {
        let said = shop.repository.xtask(&[&["plan"], args].concat()).expect(2);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.all());
    }
}
