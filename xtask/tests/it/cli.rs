//! The program from outside: what it says, how it ends, what it leaves.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use crate::program::wait_until;
use crate::repository::{Repository, somebody_runs};

#[test]
fn a_run_leaves_events_reports_and_logs() {
    let repository = Repository::rust();
    let said = repository.xtask(&["ci"]).expect(0);
    assert!(said.stdout.ends_with("\n1 passed, 0 failed\n"), "{}", said.all());
    assert!(!said.stdout.contains('\x1b'), "a pipe gets no escape codes");
    for line in repository.read("target/xtask/events.jsonl").lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["event"].is_string() && event["at_ms"].is_number(), "{line}");
    }
    assert!(repository.read("target/xtask/junit.xml").contains("name=\"tests::doubles\""));
    assert!(repository.read("target/xtask/logs/test.thing.log").starts_with("$ cargo test"));
}

#[test]
fn what_is_broken_is_named_with_file_and_line() {
    let repository = Repository::rust();
    let source = "thing/src/lib.rs";
    let last_screen = |args: &[&str], place: &str| {
        let said = repository.xtask(args).expect(1);
        let lines: Vec<&str> = said.stdout.lines().collect();
        let screen = lines[lines.len().saturating_sub(40)..].join("\n");
        assert!(screen.contains(place), "no `{place}` in:\n{}", said.all());
        assert!(screen.contains(&format!("cargo xtask {} thing", args[0])), "{}", said.all());
    };
    repository.edit(source, "    number * 2", "  number * 2");
    last_screen(&["lint"], "thing/src/lib.rs:5");
    repository.edit(source, "  number * 2", "    return number * 2;");
    last_screen(&["lint"], "thing/src/lib.rs:5");
    repository.edit(source, "    return number * 2;", "    number * 3");
    last_screen(&["test"], "thing/src/lib.rs:12");
    repository.edit(source, "    number * 3", "    number * 2");
    repository.edit(source, "/// Doubles.", "/// Doubles like [`quadruple`].");
    last_screen(&["docs"], "thing/src/lib.rs:3");
}

#[test]
fn fix_mends_what_can_be_mended() {
    let repository = Repository::rust();
    let before = repository.read("thing/src/lib.rs");
    repository.edit("thing/src/lib.rs", "    number * 2", "  number * 2");
    repository.xtask(&["lint", "--fix"]).expect(0);
    assert_eq!(repository.read("thing/src/lib.rs"), before);
}

#[test]
fn arguments_reach_the_test_runner() {
    let repository = Repository::rust();
    let said = repository.xtask(&["test", "thing", "--", "--", "--skip", "doubles"]);
    assert!(said.stdout.contains("no test matches"), "{}", said.all());
    assert!(said.stdout.contains("cargo xtask test thing -- -- --skip doubles"), "{}", said.all());
}

#[test]
fn an_interruption_ends_everything_and_exits_with_130() {
    let repository = Repository::rust();
    let marker = format!("sleeping-{}", std::process::id());
    repository.write(
        "thing/src/lib.rs",
        &format!(
            "//! A thing.\n\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn sleeps() {{\n        \
             std::process::Command::new(\"sh\")\n            .args([\"-c\", \"trap '' TERM; sleep 300; : {marker}\"])\n            \
             .status()\n            .unwrap();\n    }}\n}}\n"
        ),
    );
    for signal in ["INT", "TERM"] {
        let mut child = repository.start(&["test"]);
        wait_until("the test sleeps", || somebody_runs(&marker));
        let start = Instant::now();
        let kill =
            std::process::Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(130), None), "SIG{signal}");
        assert!(start.elapsed() < Duration::from_secs(7), "SIG{signal} took {:?}", start.elapsed());
        assert!(!somebody_runs(&marker), "SIG{signal} left a process");
        let events = repository.read("target/xtask/events.jsonl");
        let last: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["interrupted"]), (&"run-finished".into(), &true.into()));
    }
}

#[test]
fn a_kill_leaves_no_process_behind() {
    let repository = Repository::rust();
    let marker = format!("orphan-{}", std::process::id());
    repository.edit(
        "thing/src/lib.rs",
        "assert_eq!(super::double(2), 4);",
        &format!(
            "std::process::Command::new(\"sh\").args([\"-c\", \"sleep 300; : {marker}\"]).status().unwrap();"
        ),
    );
    let mut child = repository.start(&["test"]);
    wait_until("the test sleeps", || somebody_runs(&marker));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the guard has ended the group", || !somebody_runs(&marker));
}

#[test]
fn a_secret_is_in_nothing_that_is_said_or_written() {
    const SECRET: &str = "s3cr3t-value-of-the-test";
    let repository = Repository::rust();
    repository.write(
        "xtask.toml",
        &(repository.read("xtask.toml") + "\n[tasks.\"test.thing\"]\nenv = [\"PLANTED_TOKEN\"]\n"),
    );
    repository.edit(
        "thing/src/lib.rs",
        "assert_eq!(super::double(2), 4);",
        "panic!(\"{} {:?}\", \"before\", std::env::var(\"PLANTED_TOKEN\"));",
    );
    let said = repository.xtask_with(&["test"], &[("PLANTED_TOKEN", SECRET)]).expect(1);
    assert!(said.stdout.contains("before Ok(\"***\")"), "{}", said.all());
    assert!(!said.all().contains(SECRET), "{}", said.all());
    let mut files = 0;
    for entry in walkdir::WalkDir::new(repository.root().join("target/xtask")).into_iter().flatten() {
        if entry.file_type().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{}", entry.path().display());
            files += 1;
        }
    }
    assert!(files >= 3, "events, junit and a log");
}

#[test]
fn a_variable_that_is_not_declared_does_not_reach_a_task() {
    let repository = Repository::rust();
    repository.edit(
        "thing/src/lib.rs",
        "assert_eq!(super::double(2), 4);",
        "assert_eq!(std::env::var_os(\"UNDECLARED\"), None);",
    );
    repository.xtask_with(&["test"], &[("UNDECLARED", "1")]).expect(0);
}

#[test]
fn a_wrong_command_line_is_refused_with_the_nearest_right_word() {
    let repository = Repository::rust();
    let said = repository.xtask(&["tset"]).expect(2);
    assert!(said.stderr.contains("did you mean `test`?"), "{}", said.all());
    let said = repository.xtask(&["test", "thnig"]).expect(2);
    assert!(said.stderr.contains("did you mean `thing`?"), "{}", said.all());
    let said = repository.xtask(&["test.thing", "lint.thing"]).expect(2);
    assert!(said.stderr.contains("`cargo xtask ci test.thing lint.thing` runs several"), "{}", said.all());
    repository.xtask(&["ci", "--jobs", "0"]).expect(2);
    repository.xtask(&["--no-such-option"]).expect(2);
    repository.xtask(&[]).expect(2);
}

#[test]
fn a_wrong_configuration_is_refused_with_all_its_problems() {
    let repository = Repository::rust();
    repository.edit("xtask.toml", "name = \"small\"", "nmae = \"small\"");
    repository.edit("xtask.toml", "kind = \"rust\"", "kind = \"rust\"\ncolour = 1");
    let said = repository.xtask(&["ci"]).expect(3);
    assert!(said.stderr.contains("xtask.toml:2:1") && said.stderr.contains("`name`"), "{}", said.all());
    assert!(said.stderr.contains("xtask.toml:6:1") && said.stderr.contains("colour"), "{}", said.all());
    repository.write("xtask.toml", "[project]\nname = \"x\"\n\n[tasks.\"test.nothing\"]\ntimeout = \"1m\"\n");
    let said = repository.xtask(&["ci"]).expect(3);
    assert!(said.stderr.contains("test.nothing"), "{}", said.all());
}

#[test]
fn outside_of_a_repository_there_is_a_hint() {
    let folder = Repository::new();
    let said = folder.xtask(&["ci"]).expect(3);
    assert!(
        said.stderr.contains("there is no `xtask.toml`") && said.stderr.contains("hint:"),
        "{}",
        said.all()
    );
}

#[test]
fn help_names_groups_examples_and_exit_codes() {
    let repository = Repository::new();
    let help = repository.xtask(&["--help"]).expect(0).stdout;
    for text in ["Checks:\n  ci ", "This machine:\n  setup ", "Exit codes:\n    0  done", "--output <FORM>"] {
        assert!(help.contains(text), "no `{text}` in:\n{help}");
    }
    for command in [
        "ci",
        "test",
        "lint",
        "docs",
        "architecture",
        "dependencies",
        "licenses",
        "sbom",
        "setup",
        "doctor",
        "completions",
    ] {
        let help = repository.xtask(&[command, "--help"]).expect(0).stdout;
        assert!(help.contains("Examples:\n  cargo xtask ") && help.contains("Exit codes:"), "{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(repository.xtask(&["completions", shell]).expect(0).stdout.contains("lint"), "{shell}");
    }
}

#[test]
fn every_command_speaks_json() {
    let repository = Repository::rust();
    for args in [&["ci", "--list"][..], &["doctor"], &["docs"], &["test", "nothing"], &["setup"]] {
        let said = repository.xtask(&[args, &["--output", "json"]].concat());
        assert!(!said.stdout.is_empty(), "{args:?}: {}", said.all());
        for line in said.stdout.lines() {
            let event: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|_| panic!("{args:?}: {line}"));
            assert!(event["event"].is_string(), "{line}");
        }
    }
}

#[test]
fn two_runs_at_once_take_turns() {
    let repository = Repository::rust();
    let mut first = repository.start(&["test"]);
    wait_until("the first run has the lock", || repository.root().join(".xtask/run.lock").exists());
    repository.xtask(&["docs"]).expect(0);
    assert_eq!(first.wait().unwrap().code(), Some(0));
}

#[test]
fn without_git_and_in_a_dirty_checkout_the_result_is_the_same() {
    let repository = Repository::rust();
    let git = |args: &[&str]| {
        let status = std::process::Command::new("git").args(args).current_dir(repository.root()).status();
        assert!(status.unwrap().success());
    };
    repository.xtask(&["test"]).expect(0);
    git(&["init", "--quiet"]);
    repository.xtask(&["test"]).expect(0);
}
