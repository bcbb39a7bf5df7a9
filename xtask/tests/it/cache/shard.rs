//! A run in parts, and one result of all parts: `plan --github-matrix`, `ci --shard`, `ci --merge`.

use std::path::Path;

use expect_test::expect;
use serde_json::Value;

use crate::repository::{Repository, Said};

const TASKS: &str = r#"
[project]
name = "workshop"

[environment]
pass = ["BROKEN", "PLANTED_TOKEN"]

[tasks."setup.all"]
command = ["true"]
uncached = "it looks itself"

[tasks."check.one"]
command = ["sh", "check.sh", "one"]
after = ["setup"]
reads = ["check.sh"]

[tasks."check.two"]
command = ["sh", "check.sh", "two"]
after = ["setup"]
reads = ["check.sh"]

[tasks."check.three"]
command = ["sh", "check.sh", "three"]
reads = ["check.sh"]
"#;

/// Fails where its name is that of `BROKEN`.
const SCRIPT: &str = "echo \"checked $1 with $PLANTED_TOKEN\"\nif [ \"$BROKEN\" = \"$1\" ]; then echo \"$1 is broken\" >&2; exit 7; fi\n";

/// A repository with three checks, two of which wait for one set-up.
fn workshop() -> Repository {
    let repository = Repository::new();
    fill(&repository);
    repository
}

fn fill(repository: &Repository) {
    repository.write("xtask.toml", TASKS);
    repository.write("check.sh", SCRIPT);
    fill_durations(repository);
}

fn fill_durations(repository: &Repository) {
    durations(repository, &[("check.one", 30.0), ("check.two", 20.0), ("check.three", 10.0)]);
}

fn durations(repository: &Repository, seconds: &[(&str, f64)]) {
    let seconds: std::collections::BTreeMap<_, _> = seconds.iter().copied().collect();
    repository.write(".xtask/durations.json", &serde_json::to_string(&seconds).unwrap());
}

fn shard(repository: &Repository, position: &str) -> Said {
    repository.xtask(&["ci", "--shard", position])
}

fn three_shards(repository: &Repository) {
    for position in ["1/3", "2/3", "3/3"] {
        let before = repository.read(".xtask/durations.json");
        shard(repository, position).expect(0);
        assert_eq!(repository.read(".xtask/durations.json"), before, "the next shard is dealt out alike");
    }
}

fn merge(repository: &Repository) -> Said {
    repository.xtask(&["ci", "--merge", "target/xtask/shards"])
}

fn report(repository: &Repository, position: &str) -> Value {
    serde_json::from_str(&repository.read(&format!("target/xtask/shards/{position}/shard.json"))).unwrap()
}

fn tasks(report: &Value) -> Vec<&str> {
    report["tasks"].as_array().unwrap().iter().map(|told| told["end"]["task"].as_str().unwrap()).collect()
}

/// What was said, without how long it took.
fn timeless(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines().filter(|line| !line.starts_with("critical path")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        for number in 1..words.len() {
            if matches!(words[number], "s" | "ms")
                && words[number - 1].starts_with(|c: char| c.is_ascii_digit())
            {
                (words[number - 1], words[number]) = ("TIME", "");
            }
        }
        let line: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        // How long tasks took decides the order of the table.
        if line.len() != 2 || line[0] != "TIME" {
            lines.push_str(&line.join(" "));
            lines.push('\n');
        }
    }
    lines
}

#[test]
fn three_shards_make_one_run() {
    let repository = workshop();
    three_shards(&repository);
    let one = report(&repository, "1-of-3");
    assert_eq!((&one["shard"], &one["exit_code"]), (&"1/3".into(), &0.into()));
    assert_eq!(tasks(&one), ["check.one", "setup.all"]);
    assert_eq!(tasks(&report(&repository, "2-of-3")), ["check.two", "setup.all"]);
    assert_eq!(tasks(&report(&repository, "3-of-3")), ["check.three"]);
    for name in ["events.jsonl", "junit.xml", "logs/check.one.log"] {
        assert!(repository.root().join("target/xtask/shards/1-of-3").join(name).is_file(), "{name}");
    }
    let said = merge(&repository).expect(0);
    expect![[r#"
        passed TIME check.one
        passed TIME check.three
        passed TIME check.two
        passed TIME setup.all


        4 tasks passed in TIME
    "#]]
    .assert_eq(&timeless(&said.stdout));
    let junit = repository.read("target/xtask/junit.xml");
    assert!(junit.contains("<testsuite name=\"tasks\" tests=\"4\" failures=\"0\""), "{junit}");
    let events = repository.read("target/xtask/events.jsonl");
    assert_eq!(events.matches("\"event\":\"task-finished\"").count(), 4, "{events}");
    // How long tasks took on other machines is known here from now on.
    let durations: Value = serde_json::from_str(&repository.read(".xtask/durations.json")).unwrap();
    assert!(durations["check.one"].as_f64().unwrap() < 30.0, "{durations}");
}

#[test]
fn a_missing_shard_makes_the_result_red() {
    let repository = workshop();
    three_shards(&repository);
    std::fs::remove_dir_all(repository.root().join("target/xtask/shards/2-of-3")).unwrap();
    let said = merge(&repository).expect(1);
    expect![[r#"
        passed TIME check.one
        passed TIME check.three
        passed TIME setup.all


        not run: check.two

        error: shard 2/3 has left no report
        hint: look at the job that ran it, and run it again
        error: no report tells of `check.two`
        0 of 4 tasks did not pass, 1 not run
    "#]]
    .assert_eq(&timeless(&said.stdout));
    let junit = repository.read("target/xtask/junit.xml");
    assert!(junit.contains("tests=\"6\" failures=\"2\" errors=\"0\" skipped=\"1\""), "{junit}");
    assert!(junit.contains("name=\"shard 2/3 has left no report\""), "{junit}");
    let variables = [("GITHUB_ACTIONS", "true")];
    let said = repository.xtask_with(&["ci", "--merge", "target/xtask/shards"], &variables).expect(1);
    for line in [
        "::error title=the run::shard 2/3 has left no report",
        "::error title=the run::no report tells of `check.two`",
    ] {
        assert!(said.stdout.lines().any(|other| other == line), "no `{line}`: {}", said.all());
    }
    // Two of them, and the others named one by one.
    std::fs::remove_dir_all(repository.root().join("target/xtask/shards/3-of-3")).unwrap();
    let said = repository.xtask(&["ci", "--merge", "target/xtask/shards/1-of-3/shard.json"]).expect(1);
    assert!(said.stdout.contains("error: shards 2/3, 3/3 have left no report\n"), "{}", said.all());
    assert!(said.stdout.contains("no report tells of `check.three`, `check.two`\n"), "{}", said.all());
}

#[test]
fn a_task_of_no_report_makes_the_result_red() {
    let repository = workshop();
    three_shards(&repository);
    repository.write(
        "xtask.toml",
        &format!("{TASKS}\n[tasks.\"check.four\"]\ncommand = [\"true\"]\nuncached = \"it is new\"\n"),
    );
    let said = merge(&repository).expect(1);
    assert!(said.stdout.contains("error: no report tells of `check.four`\n"), "{}", said.all());
    assert!(!said.stdout.contains("left no report"), "{}", said.all());
    // Those that were not planned are not missed.
    repository
        .xtask(&["ci", "check.one", "check.two", "check.three", "--merge", "target/xtask/shards"])
        .expect(0);
}

#[test]
fn what_failed_in_a_shard_is_shown_with_its_log() {
    let repository = workshop();
    let broken = [("BROKEN", "two"), ("PLANTED_TOKEN", "hunter2-hunter2")];
    for (position, code) in [("1/3", 0), ("2/3", 1), ("3/3", 0)] {
        repository.xtask_with(&["ci", "--shard", position], &broken).expect(code);
    }
    let said = merge(&repository).expect(1);
    for text in [
        "── check.two failed after",
        "checked two with ***\ntwo is broken\n",
        "error: `sh` ended with exit code 7\n",
        "log: target/xtask/shards/2-of-3/logs/check.two.log\n",
        "repeat: cargo xtask ci check.two\n",
        "1 of 4 tasks did not pass\n",
    ] {
        assert!(said.stdout.contains(text), "no `{text}`: {}", said.all());
    }
    for entry in walkdir::WalkDir::new(repository.root().join("target/xtask")).into_iter().flatten() {
        if entry.file_type().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{}", entry.path().display());
        }
    }
}

/// The set-up passes in one shard and not in the other.
#[test]
fn a_task_of_two_shards_counts_as_it_ended_worst() {
    let repository = workshop();
    three_shards(&repository);
    repository.edit("xtask.toml", "command = [\"true\"]", "command = [\"false\"]");
    for position in ["1/3", "2/3"] {
        repository.edit("xtask.toml", "command = [\"false\"]", "command = [\"true\"]");
        shard(&repository, if position == "1/3" { "2/3" } else { "1/3" }).expect(0);
        repository.edit("xtask.toml", "command = [\"true\"]", "command = [\"false\"]");
        shard(&repository, position).expect(1);
        let said = merge(&repository).expect(1);
        assert!(said.stdout.contains("── setup.all failed after"), "{}", said.all());
    }
}

/// A planning job makes the partition; machines that know other durations, or none, keep to it.
#[test]
fn jobs_keep_to_the_partition_of_the_plan() {
    let plan = workshop();
    let matrix: Value =
        serde_json::from_str(&plan.xtask(&["plan", "--github-matrix", "5"]).expect(0).stdout).unwrap();
    let entries = matrix["include"].as_array().unwrap();
    let positions: Vec<&str> = entries.iter().map(|entry| entry["shard"].as_str().unwrap()).collect();
    assert_eq!(positions, ["1/3", "2/3", "3/3"], "a shard without tasks is none");
    let verdict = workshop();
    for entry in entries {
        let job = workshop();
        durations(&job, &[("check.three", 900.0)]);
        let text = |name: &str| entry[name].as_str().unwrap();
        let args = ["ci", "--shard", text("shard"), "--partition", text("partition"), text("tasks")];
        job.xtask(&args).expect(0);
        let folder = format!("{}-of-3", &text("shard")[..1]);
        let from = job.root().join("target/xtask/shards").join(&folder);
        copy(&from, &verdict.root().join("reports").join(format!("shard-{}", &folder[..1])).join(&folder));
    }
    let said = verdict.xtask(&["ci", "--merge", "reports"]).expect(0);
    assert!(said.stdout.contains("\n4 tasks passed in "), "{}", said.all());
    // A job that deals its shard out by its own durations is none of them.
    let job = workshop();
    durations(&job, &[("check.three", 900.0)]);
    shard(&job, "2/3").expect(0);
    let folder = verdict.root().join("reports/shard-2/2-of-3");
    std::fs::remove_dir_all(&folder).unwrap();
    copy(&job.root().join("target/xtask/shards/2-of-3"), &folder);
    let said = verdict.xtask(&["ci", "--merge", "reports"]).expect(5);
    assert!(
        said.stderr.contains(
            "`reports/shard-1/1-of-3/shard.json` and `reports/shard-2/2-of-3/shard.json` are reports of shards that \
             were not dealt out together"
        ),
        "{}",
        said.all()
    );
}

fn copy(from: &Path, to: &Path) {
    xtask::driver::files::copy_all(from, to).unwrap();
}

#[test]
fn reports_of_other_commits_and_of_one_shard_twice_are_refused() {
    let repository = workshop();
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let command = duct::cmd("git", identity.iter().chain(words)).dir(repository.root());
        command.stdout_null().stderr_null().run().unwrap();
    };
    repository.write(".gitignore", ".xtask/\ntarget/\n");
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "one"]);
    three_shards(&repository);
    merge(&repository).expect(0);
    let shards = repository.root().join("target/xtask/shards");
    copy(&shards.join("1-of-3"), &shards.join("old"));
    let said = merge(&repository).expect(5);
    assert!(
        said.stderr.contains(
            "`target/xtask/shards/1-of-3/shard.json` and `target/xtask/shards/old/shard.json` are both reports of shard 1/3"
        ),
        "{}",
        said.all()
    );
    std::fs::remove_dir_all(shards.join("old")).unwrap();
    git(&["commit", "--quiet", "--allow-empty", "--message", "two"]);
    let said = merge(&repository).expect(5);
    assert!(said.stderr.contains(", and this checkout is on commit `"), "{}", said.all());
    // The merge knows the times by now, and by them the shards are others.
    fill_durations(&repository);
    shard(&repository, "2/3").expect(0);
    let said = merge(&repository).expect(5);
    assert!(said.stderr.contains("1-of-3/shard.json` is the report of a run on commit `"), "{}", said.all());
    for position in ["1/3", "3/3"] {
        shard(&repository, position).expect(0);
    }
    merge(&repository).expect(0);
}

#[test]
fn a_damaged_report_is_an_error_with_its_place() {
    let repository = workshop();
    three_shards(&repository);
    let path = "target/xtask/shards/2-of-3/shard.json";
    let whole = repository.read(path);
    let said = |text: &str| {
        repository.write(path, text);
        let said = merge(&repository).expect(1);
        assert!(said.stdout.is_empty(), "{}", said.all());
        said.stderr
    };
    let cut = said(&whole[..whole.len() / 2]);
    let place = |text: &str| {
        let line = text.matches('\n').count() + 1;
        let column = text.len() - text.rfind('\n').map_or(0, |end| end + 1);
        format!("{path}:{line}:{column}: ")
    };
    assert!(cut.contains(&format!("error: `{path}` is no report of a shard: it is cut off\n")), "{cut}");
    assert!(cut.contains(&place(&whole[..whole.len() / 2])), "{cut}");
    for (from, to, words) in [
        ("\"2/3\"", "\"2/1\"", "`2/1` is no shard"),
        ("\"check.two\"", "\"Check.Two\"", "`Check.Two` is no task id"),
        ("\"status\": \"passed\"", "\"status\": \"fine\"", "unknown variant `fine`"),
        ("\"duration_ms\": ", "\"duration_ms\": -", "ms is no duration"),
        ("\"partition\": \"", "\"partition\": \"x", "a digest is 64 lowercase hexadecimal digits"),
        ("\"exit_code\": 0", "\"exit_code\": 300", "invalid value: integer `300`"),
        ("\"commit\"", "\"commit\" \"commit\"", "expected `:`"),
    ] {
        assert!(whole.contains(from), "{from}");
        let stderr = said(&whole.replacen(from, to, 1));
        assert!(
            stderr.contains("is no report of a shard: it is damaged") && stderr.contains(words),
            "{stderr}"
        );
        assert!(stderr.contains(&format!("{path}:")), "{stderr}");
    }
    assert!(said("").contains(": it is cut off"));
    assert!(said(&whole.replacen("\"format\": 1", "\"format\": 2", 1)).contains("another version of xtask"));
    // What does not contradict itself in form may do so in what it says.
    repository.write(path, &whole.replacen("\"exit_code\": 0", "\"exit_code\": 4", 1));
    let stdout = merge(&repository).expect(1).stdout;
    assert!(stdout.contains("shard 2/3 ended with exit code 4, and its report does not say why"), "{stdout}");
    // Wherever it is cut off, it is no report.
    let step = whole.trim_end().len() / 40;
    let ends = (0..whole.trim_end().len()).step_by(step.max(1));
    for end in ends.filter(|&end| whole.is_char_boundary(end)) {
        assert!(said(&whole[..end]).contains("is cut off"), "{end}");
    }
}

#[test]
fn what_is_no_shard_and_no_report_is_refused() {
    let repository = workshop();
    let digest = "0".repeat(64);
    for (args, code, words) in [
        (&["--shard", "4/3"][..], 2, "a shard is written I/N"),
        (&["--shard", "0/3"], 2, "a shard is written I/N"),
        (&["--shard", "1/257"], 2, "of at most 256"),
        (&["--shard", "1/2", "--list"], 2, "cannot be used with"),
        (&["--shard", "1/2", "--partition", &digest, "--affected", "check.one"], 2, "cannot be used with"),
        (&["--shard", "1/2", "--base", "main"], 2, "--affected"),
        (&["--merge", "reports", "--base", "main"], 2, "--affected"),
        (&["--merge", "reports", "--affected", "--list"], 2, "cannot be used with"),
        (&["--shard", "1/2", "--partition", "x", "check"], 2, "64 hexadecimal digits"),
        (&["--partition", &digest, "check.one"], 2, "--shard"),
        (&["--shard", "1/2", "--partition", &digest], 2, "required"),
        (&["--shard", "1/2", "--partition", &digest, "check"], 2, "no task is called `check`"),
        (&["--shard", "1/2", "--partition", &digest, "Check"], 2, "`Check` is no task id"),
        (&["--shard", "1/2", "nothing"], 2, "no task is called `nothing`"),
        (&["--merge", "reports", "--jobs", "2"], 2, "cannot be used with"),
        (&["--merge", "reports", "--no-cache"], 2, "cannot be used with"),
        (&["--merge", "reports", "--shard", "1/2"], 2, "cannot be used with"),
        (&["--merge"], 2, "a value is required"),
        (&["--merge", "reports"], 4, "could not read `reports`"),
        (&["--merge", "."], 1, "there is no report of a shard in `.`"),
    ] {
        let said = repository.xtask(&[&["ci"], args].concat()).expect(code);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.all());
    }
}

/// There are more shards than there is work.
#[test]
fn a_shard_without_tasks_leaves_a_report_too() {
    let repository = workshop();
    for number in 1..=5 {
        let said = shard(&repository, &format!("{number}/5")).expect(0);
        assert_eq!(said.stdout.contains(" has no task"), number > 3, "{}", said.all());
    }
    merge(&repository).expect(0);
    std::fs::remove_dir_all(repository.root().join("target/xtask/shards/5-of-5")).unwrap();
    let said = merge(&repository).expect(1);
    assert!(said.stdout.contains("shard 5/5 has left no report"), "{}", said.all());
}
