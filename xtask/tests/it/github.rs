//! The program as a step of a job of GitHub Actions: what it reads of the job, what it tells it, and how it is cancelled.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::repository::{Repository, somebody_runs};

/// Variables that the runner gives to a step.
fn job(repository: &Repository) -> Vec<(&'static str, String)> {
    let file = |name: &str| repository.root().join("runner").join(name).display().to_string();
    repository.write("runner/kept", "");
    vec![
        ("CI", "true".to_owned()),
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_EVENT_PATH", file("event.json")),
        ("GITHUB_STEP_SUMMARY", file("summary.md")),
        ("GITHUB_OUTPUT", file("output")),
        ("GITHUB_TOKEN", "ghs_secretsecret".to_owned()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "idtokenidtoken".to_owned()),
        ("AWS_SESSION_TOKEN", "first-line\nsecond-line".to_owned()),
    ]
}

fn repository(script: &str) -> Repository {
    let repository = Repository::new();
    repository.write("check.sh", script);
    repository.write(
        "xtask.toml",
        "[project]\nname = \"small\"\n\n[tasks.\"lint.own\"]\ncommand = [\"sh\", \"check.sh\"]\nreads = [\"check.sh\"]\n\n\
         [tasks.\"lint.two\"]\ncommand = [\"true\"]\nreads = [\"check.sh\"]\n",
    );
    repository
}

#[test]
fn a_step_sums_up_what_happened() {
    let repository = repository("echo '</details><script>'; echo '```'; echo '::error::no'; exit 3\n");
    let mut variables = job(&repository);
    variables.push(("GITHUB_RUN_ATTEMPT", "2".to_owned()));
    repository.write(
        "runner/event.json",
        &json!({ "pull_request": { "head": { "repo": { "full_name": "them/it" } },
        "base": { "repo": { "full_name": "us/it" } } } })
        .to_string(),
    );
    repository.write("runner/summary.md", "before\n");
    let said = repository.xtask_with(&["ci"], &variables).expect(1);
    assert!(
        said.stdout.contains("note: from them/it: a pull request from a fork gets no secrets"),
        "{}",
        said.all()
    );
    let summary = repository.read("runner/summary.md");
    for words in [
        "before\n## 1 of 2 tasks did not pass\n",
        "` cargo xtask ci `, attempt 2\n",
        r"From them/it: a pull request from a fork gets no secrets\: nothing is signed for the cache, pushed or released",
        "### lint\\.own failed after ",
        "````text\n",
        "\n```\n::error::no\n````\n",
        "Again: ` cargo xtask lint own `\n",
        "1 newly stored\n",
    ] {
        assert!(summary.contains(words), "{words}\n{summary}");
    }
    let outside: String = summary.split("````").step_by(2).collect();
    assert!(!outside.contains("<script"), "{summary}");
    // Without a job nobody is told.
    repository.write("runner/summary.md", "");
    repository.xtask(&["ci"]).expect(1);
    assert_eq!(repository.read("runner/summary.md"), "");
}

#[test]
fn a_summary_that_cannot_be_written_fails_nothing() {
    let repository = repository("true\n");
    let mut variables = job(&repository);
    variables.push(("GITHUB_STEP_SUMMARY", "/nowhere/summary.md".to_owned()));
    let said = repository.xtask_with(&["ci"], &variables).expect(0);
    assert!(said.stdout.contains("hint: the summary of this step is missing"), "{}", said.all());
}

#[test]
fn a_command_that_is_refused_says_so_in_the_summary() {
    let repository = repository("true\n");
    repository.xtask_with(&["report"], &job(&repository)).expect(4);
    let summary = repository.read("runner/summary.md");
    assert!(summary.starts_with("## there is no run in "), "{summary}");
}

#[test]
fn a_matrix_becomes_an_output() {
    let repository = repository("true\n");
    repository.xtask_with(&["plan", "--github-matrix", "2"], &job(&repository)).expect(0);
    let output = repository.read("runner/output");
    let lines: Vec<&str> = output.lines().collect();
    let word = lines[0].strip_prefix("matrix<<").unwrap();
    assert_eq!((word.len(), lines[2], lines.len()), (32, word, 3), "{output}");
    let matrix: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(matrix["include"][0]["shard"], "1/2");
}

#[test]
fn the_tokens_of_a_job_reach_no_child_and_no_log() {
    let repository = repository("env; echo first-line; echo \"and second-line\"; cat token.txt; exit 1\n");
    repository.write("token.txt", "ghs_secretsecret\n");
    repository.edit("xtask.toml", "reads = [\"check.sh\"]\n\n", "reads = [\"check.sh\", \"token.txt\"]\n\n");
    let said = repository.xtask_with(&["ci", "lint.own"], &job(&repository)).expect(1);
    let log = repository.read("target/xtask/logs/lint.own.log");
    assert!(log.contains("PATH="), "{log}");
    let summary = repository.read("runner/summary.md");
    for name in ["GITHUB_TOKEN", "ACTIONS_ID_TOKEN", "AWS_SESSION"] {
        assert!(!log.contains(name), "{name} {log}");
    }
    for secret in ["ghs_secret", "first-line", "second-line", "idtoken"] {
        for text in
            [&said.stdout, &said.stderr, &log, &summary, &repository.read("target/xtask/events.jsonl")]
        {
            assert!(!text.contains(secret), "{secret} {text}");
        }
    }
}

/// The runner sends SIGINT to the process of the step alone, SIGTERM after 7.5 s and SIGKILL after 2.5 s more
/// (actions/runner, `ProcessInvoker`). `exec` puts the program in the place of that process.
#[test]
fn a_cancelled_step_ends_before_it_is_killed() {
    let repository = repository("trap '' TERM INT; sleep 402\n");
    repository.write("step.sh", &format!("exec '{}' ci lint.own\n", env!("CARGO_BIN_EXE_xtask")));
    let mut command = Command::new("bash");
    command.args(["-e", "step.sh"]).current_dir(repository.root()).stdin(Stdio::null());
    command.envs(job(&repository)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let step = command.spawn().unwrap();
    let start = Instant::now();
    while !somebody_runs("sleep 402") {
        assert!(start.elapsed() < Duration::from_mins(1), "the task does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    let cancelled = Instant::now();
    assert!(Command::new("kill").args(["-INT", &step.id().to_string()]).status().unwrap().success());
    let output = step.wait_with_output().unwrap();
    let took = cancelled.elapsed();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(took < Duration::from_millis(7_500), "{took:?}");
    assert!(said.contains("interrupted: lint.own was under way"), "{said}");
    assert!(!somebody_runs("sleep 402"), "nothing is left behind");
    let summary = repository.read("runner/summary.md");
    assert!(summary.starts_with("## interrupted\\: lint\\.own was under way\n"), "{summary}");
}
