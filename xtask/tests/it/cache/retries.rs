//! Tasks that are tried again: only where that is declared, with the cause of each try that did not pass, and never as if the
//! first had passed.

use std::time::{Duration, Instant};

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::expect;
use xtask::event::Status;
use xtask::pipeline::Options;
use xtask::{Cx, Error, ErrorKind, Pipeline, Task};

use super::Workshop;
use crate::program::wait_until;

/// Passes from the try on that `$RUNS/needs` names, and leaves something behind each time that the next must not find.
const SCRIPT: &str = r#"
echo run >> "$RUNS/runs"
number=$(wc -l < "$RUNS/runs")
[ -e out/left ] && echo "found what try $((number - 1)) has left" && exit 9
mkdir -p out && echo "$number" > out/left
echo "this is try $number"
[ "$number" -ge "$(cat "$RUNS/needs")" ] || { echo "no luck" >&2; exit 7; }
"#;

const CONFIGURATION: &str = r#"
[project]
name = "workshop"

[tasks."make.thing"]
command = ["sh", "make.sh"]
reads = ["in", "make.sh"]
makes = ["out"]
retries = 2

[environment]
pass = ["RUNS"]
"#;

impl Workshop {
    /// A task that passes on this try, counted from now.
    fn passes_on(configuration: &str, number: usize) -> Self {
        let shop = Self::with(configuration, SCRIPT);
        std::fs::write(shop.runs_folder().join("needs"), number.to_string()).unwrap();
        shop
    }

    fn needs(&self, number: usize) {
        std::fs::write(self.runs_folder().join("needs"), number.to_string()).unwrap();
        std::fs::write(self.runs_folder().join("runs"), "").unwrap();
    }
}

/// The text with times and the place of the repository replaced.
fn timeless(shop: &Workshop, text: &str) -> String {
    let text = text.replace(&shop.repository.root().display().to_string(), "REPOSITORY");
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for number in 1..line.len() {
            let is_unit = ["s", "ms", "s:", "ms:", "s,", "ms,"].contains(&line[number].as_str());
            if is_unit && line[number - 1].starts_with(|c: char| c.is_ascii_digit()) {
                let end: String = line[number].chars().filter(char::is_ascii_punctuation).collect();
                line[number - 1] = format!("TIME{end}");
                line[number] = String::new();
            }
        }
        let line: Vec<&str> = line.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        words.push(line.join(" "));
    }
    words.join("\n") + "\n"
}

#[test]
fn a_pass_on_a_later_try_is_flaky() {
    let shop = Workshop::passes_on(CONFIGURATION, 3);
    let said = shop.ci().expect(0);
    assert_eq!(std::fs::read_to_string(shop.path("out/left")).unwrap(), "3\n");
    expect![[r#"
        tried again TIME make.thing `sh` ended with exit code 7
        tried again TIME make.thing `sh` ended with exit code 7
        flaky TIME make.thing

        flaky: passed only when tried again
        make.thing passed on try 3
        try 1, after TIME: `sh` ended with exit code 7, log: REPOSITORY/target/xtask/logs/make.thing.log.1
        try 2, after TIME: `sh` ended with exit code 7, log: REPOSITORY/target/xtask/logs/make.thing.log.2

        1 task passed in TIME, 1 flaky
    "#]]
    .assert_eq(&timeless(&shop, &said.stdout));
    assert!(shop.repository.read("target/xtask/logs/make.thing.log.2").contains("this is try 2\nno luck\n"));
    assert!(shop.repository.read("target/xtask/logs/make.thing.log").contains("this is try 3\n"));
    let junit = shop.repository.read("target/xtask/junit.xml");
    assert_eq!(
        junit.matches("<flakyFailure message=\"`sh` ended with exit code 7\" type=\"failure\"").count(),
        2,
        "{junit}"
    );
    assert!(
        junit.contains("tests=\"1\" failures=\"0\"") && junit.contains("this is try 1\nno luck\n"),
        "{junit}"
    );
    let events = shop.repository.read("target/xtask/events.jsonl");
    assert!(
        events.contains("\"event\":\"task-retried\",\"task\":\"make.thing\",\"status\":\"failed\""),
        "{events}"
    );
    assert!(events.contains("\"left\":1}\n") && events.contains("\"left\":0}\n"), "{events}");
    assert!(events.contains("\"reason\":\"it passed only on try 3\""), "{events}");
}

/// A flaky result is not there for the next run, which finds out whether it is flaky still; a clean one is stored.
#[test]
fn a_flaky_result_is_not_stored() {
    let shop = Workshop::passes_on(CONFIGURATION, 2);
    let variables = [("GITHUB_ACTIONS", "true")];
    let said = shop.ci_with(&[], &variables).expect(0);
    let annotation =
        "::warning title=flaky%3A make.thing::passed only on try 2%0Atry 1: `sh` ended with exit code 7";
    assert!(said.stdout.lines().any(|line| line == annotation), "{}", said.all());
    shop.needs(1);
    shop.ci_with(&[], &variables).expect(0);
    assert_eq!(
        std::fs::read_to_string(shop.runs_folder().join("runs")).unwrap(),
        "run\n",
        "it ran once more"
    );
    assert!(!shop.path("target/xtask/logs/make.thing.log.1").exists(), "the log of an old try is gone");
    let said = shop.ci_with(&[], &variables).expect(0);
    assert!(said.stdout.contains("cached") && !said.stdout.contains("flaky"), "{}", said.all());
}

#[test]
fn what_never_passes_fails_with_all_its_tries() {
    let shop = Workshop::passes_on(CONFIGURATION, 9);
    let said = shop.ci().expect(1);
    assert_eq!(shop.runs(), 3);
    assert!(said.stdout.contains("    try 2, after "), "{}", said.all());
    assert!(
        said.stdout.contains("this is try 3\nno luck\n") && !said.stdout.contains("flaky"),
        "{}",
        said.all()
    );
    let junit = shop.repository.read("target/xtask/junit.xml");
    assert_eq!(
        (junit.matches("<failure ").count(), junit.matches("<rerunFailure ").count()),
        (1, 2),
        "{junit}"
    );
}

#[test]
fn nothing_is_tried_again_that_does_not_declare_it() {
    let shop = Workshop::passes_on(&CONFIGURATION.replace("retries = 2", "retries = 0"), 2);
    shop.ci().expect(1);
    assert_eq!(shop.runs(), 1);
    for wrong in ["11", "-1", "\"2\"", "1.5"] {
        shop.repository
            .write("xtask.toml", &CONFIGURATION.replace("retries = 2", &format!("retries = {wrong}")));
        let said = shop.ci().expect(3);
        assert!(said.stderr.contains("a whole number from 0 to 10"), "{wrong}: {}", said.all());
    }
}

/// Tasks without a stored result, and runs without the cache, are tried again alike.
#[test]
fn without_the_cache_it_is_the_same() {
    let shop = Workshop::passes_on(CONFIGURATION, 2);
    let said = shop.ci_with(&["--no-cache"], &[]).expect(0);
    assert!(said.stdout.contains(", 1 flaky"), "{}", said.all());
    let uncached = CONFIGURATION.replace("makes = [\"out\"]", "uncached = \"it looks at the sky\"");
    let shop = Workshop::passes_on(&uncached, 2);
    std::fs::remove_file(shop.path("make.sh")).unwrap();
    shop.repository.write("make.sh", &SCRIPT.replace("[ -e out/left ]", "false"));
    let said = shop.ci().expect(0);
    assert!(said.stdout.contains(", 1 flaky"), "{}", said.all());
}

#[test]
fn a_task_that_is_out_of_time_is_not_tried_again() {
    let slow = "echo run >> \"$RUNS/runs\"; sleep 60\n";
    let shop = Workshop::with(&CONFIGURATION.replace("retries = 2", "retries = 2\ntimeout = \"1s\""), slow);
    let start = Instant::now();
    let said = shop.ci().expect(1);
    assert!(said.stdout.contains("make.thing timed out"), "{}", said.all());
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(shop.runs(), 1);
}

/// The time that a task has is that of all its tries.
#[test]
fn tries_share_one_timeout() {
    let slow = "echo run >> \"$RUNS/runs\"; sleep 0.7; exit 1\n";
    let configuration = CONFIGURATION.replace("retries = 2", "retries = 10\ntimeout = \"2s\"");
    let shop = Workshop::with(&configuration, slow);
    let said = shop.ci().expect(1);
    assert!(said.stdout.contains("make.thing timed out"), "{}", said.all());
    assert!((2..5).contains(&shop.runs()));
}

#[test]
fn an_interruption_is_not_tried_again() {
    let slow = "echo run >> \"$RUNS/runs\"; sleep 60\n";
    let shop = Workshop::with(CONFIGURATION, slow);
    let mut child = shop.start();
    wait_until("it runs", || shop.runs_folder().join("runs").exists());
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(shop.runs(), 1);
    let events = shop.repository.read("target/xtask/events.jsonl");
    assert!(!events.contains("task-retried"), "{events}");
}

/// A task that was tried again in a shard is flaky in the merged result as well.
#[test]
fn a_flaky_task_of_a_shard_is_flaky_in_the_merge() {
    let shop = Workshop::passes_on(CONFIGURATION, 2);
    shop.ci_with(&["--shard", "1/1"], &[]).expect(0);
    let said = shop.ci_with(&["--merge", "target/xtask/shards"], &[]).expect(0);
    assert!(said.stdout.contains("make.thing passed on try 2\n"), "{}", said.all());
    assert!(
        said.stdout.contains("log: target/xtask/shards/1-of-1/logs/make.thing.log.1\n"),
        "{}",
        said.all()
    );
    assert!(shop.repository.read("target/xtask/junit.xml").contains("<flakyFailure "));
}

/// What ends otherwise by trying again is tried again, and nothing else.
#[test]
fn the_kind_of_a_failure_decides_whether_it_is_tried_again() {
    for (kind, tries) in [
        (ErrorKind::Problems, 3),
        (ErrorKind::Missing, 3),
        (ErrorKind::Usage, 1),
        (ErrorKind::Configuration, 1),
        (ErrorKind::Refused, 1),
        (ErrorKind::NotReleased, 1),
        (ErrorKind::Stuck, 1),
        (ErrorKind::Bug, 1),
        (ErrorKind::Interrupted, 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let cx = Cx::builder(folder.path()).build();
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let work = move |_: &Cx| {
            counted.fetch_add(1, Ordering::SeqCst);
            Err(Error::new(kind, "no"))
        };
        let pipeline = Pipeline::new().with(Task::new("a", work).retries(2));
        let end = pipeline.run(&cx, &Options::default()).unwrap();
        assert_eq!(count.load(Ordering::SeqCst), tries, "{kind:?}");
        assert_eq!((end.tasks[0].earlier.len(), end.exit_code), (tries as usize - 1, kind.exit_code()));
        assert_ne!(end.tasks[0].status, Status::Passed);
    }
}
