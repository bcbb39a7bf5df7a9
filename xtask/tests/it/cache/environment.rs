//! Commands, variables, tools.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use xtask::core::command::Command;
use xtask::cx::Cx;
use xtask::driver::environment::Environment;
use xtask::pipeline::{Footprint, Options, Pipeline, Task};

use super::Workshop;

fn install(tool: &Path, text: &str) {
    fs::create_dir_all(tool.parent().unwrap()).unwrap();
    fs::write(tool, format!("#!/bin/sh\necho {text}\n")).unwrap();
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_command_edited() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.edit("xtask.toml", "\"first\"", "\"First\"");
    shop.makes_anew();
}

#[test]
fn two_arguments_swapped() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.edit("xtask.toml", "\"first\", \"second\"", "\"second\", \"first\"");
    shop.makes_anew();
    shop.repository.edit("xtask.toml", "\"second\", \"first\"", "\"second first\"");
    shop.makes_anew();
}

#[test]
fn a_declared_variable() {
    let shop = Workshop::new();
    let run = |value: Option<&str>| {
        let variables: Vec<(&str, &str)> = value.map(|value| ("DECLARED", value)).into_iter().collect();
        shop.ci_with(&[], &variables).expect(0);
        shop.runs()
    };
    assert_eq!((run(None), run(None)), (1, 0));
    assert_eq!((run(Some("")), run(Some(""))), (1, 0), "empty is not absent");
    assert_eq!((run(Some("1")), run(Some("2")), run(Some("1")), run(None)), (1, 1, 0, 0));
}

#[test]
fn an_undeclared_variable_does_not_reach_the_task() {
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\necho \"${UNDECLARED-absent} $(env | grep -c UNDECLARED || true)\" > out/result\n";
    let shop = Workshop::with(&Workshop::configuration("pass", "pass"), script);
    shop.ci_with(&[], &[("UNDECLARED", "1")]).expect(0);
    assert_eq!(shop.repository.read("out/result"), "absent 0\n");
    shop.ci_with(&[], &[("UNDECLARED", "2")]).expect(0);
    assert_eq!(shop.runs(), 1, "it makes no difference");
}

#[test]
fn another_tool_of_that_name() {
    let configuration = Workshop::configuration("env =", "tools = [\"shout\"]\nenv =");
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\nshout > out/result\n";
    let shop = Workshop::with(&configuration, script);
    let tools = tempfile::tempdir().unwrap();
    let tool = tools.path().join("shout");
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let run = || {
        shop.ci_with(&[], &[("PATH", &path)]).expect(0);
        (shop.runs(), shop.repository.read("out/result"))
    };
    install(&tool, "old");
    assert_eq!((run(), run()), ((1, "old\n".to_owned()), (0, "old\n".to_owned())));
    install(&tool, "new");
    assert_eq!((run(), run()), ((1, "new\n".to_owned()), (0, "new\n".to_owned())));
}

#[test]
fn the_tool_that_counts_is_the_one_that_is_started() {
    let (repository, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (tools.path().join("first"), tools.path().join("second"));
    install(&second.join("shout"), "counted");
    let path = format!("{}:{}:/usr/bin:/bin", first.display(), second.display());
    let cx = Cx::builder(repository.path()).environment(Environment::new([("PATH", path)])).build();
    let task = |name: &str, footprint: Footprint| {
        // From now on another program is the first of that name.
        let (earlier, name) = (first.join("shout"), name.to_owned());
        let work = move |cx: &Cx| {
            let before = cx.read(Command::new(&name))?;
            install(&earlier, "come meanwhile");
            let after = cx.read(Command::new(&name))?;
            assert_eq!((before.as_str(), after.as_str()), ("counted", "counted"));
            Ok(())
        };
        Task::new("shout", work).cached(footprint)
    };
    let run = |task: Task| {
        let passed = Pipeline::new().with(task).run(&cx, &Options::default()).unwrap().exit_code == 0;
        fs::remove_file(first.join("shout")).unwrap();
        passed
    };
    assert!(run(task("shout", Footprint::new().tools(["shout"]))));
    assert!(!run(task("shout", Footprint::new())), "nothing depends on what is not declared");
}

#[test]
fn a_secret_is_in_nothing_that_is_stored() {
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\necho \"with $DECLARED\"\necho done > out/result\n";
    let configuration = Workshop::configuration("[environment]", "[environment]\nsecrets = [\"DECLARED\"]");
    let shop = Workshop::with(&configuration, script);
    let run = |secret: &str| {
        shop.ci_with(&[], &[("DECLARED", secret)]).expect(0);
        shop.runs()
    };
    assert_eq!((run("hunter2hunter2"), run("hunter2hunter2"), run("other-secret")), (1, 0, 1));
    for entry in walkdir::WalkDir::new(shop.path("")).into_iter().filter_map(Result::ok) {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let found = bytes.windows(14).any(|window| window == b"hunter2hunter2");
        assert!(!found, "{}", entry.path().display());
    }
    // A task that writes it into what it makes is not stored at all: neither in the entry nor, where that is too large, beside it.
    for before in ["", "head -c 20000 /dev/zero; "] {
        shop.repository.write(
            "make.sh",
            &format!(
                "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\n({before}echo \"$DECLARED\") > out/result\n"
            ),
        );
        let said = shop.ci_with(&[], &[("DECLARED", "hunter2hunter2")]).expect(0);
        assert!(said.all().contains("`out/result` holds a secret"), "{}", said.all());
        shop.runs();
        assert_eq!(run("hunter2hunter2"), 1);
        for entry in walkdir::WalkDir::new(shop.store()).into_iter().filter_map(Result::ok) {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            assert!(
                !bytes.windows(14).any(|window| window == b"hunter2hunter2"),
                "{}",
                entry.path().display()
            );
        }
    }
}

#[test]
fn the_flags_of_the_compiler() {
    let repository = crate::repository::Repository::rust();
    repository.xtask(&["lint"]).expect(0);
    let explain =
        |flags: &[(&str, &str)]| repository.xtask_with(&["explain", "lint.thing"], flags).expect(0).all();
    let same = explain(&[]);
    assert!(!same.contains("RUSTFLAGS") && same.contains("hit"), "{same}");
    let other = explain(&[("RUSTFLAGS", "--cfg other")]);
    assert!(other.contains("the variable `RUSTFLAGS`: nothing → `--cfg other`"), "{other}");
}
