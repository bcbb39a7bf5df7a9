//! The whole way of a push to main: the commands of the workflows' jobs in their order, on a copy of this repository, with a real
//! registry, a real load test and a real cluster. A good commit reaches the users; a bad one is taken back by itself.

use std::path::Path;

use serde_json::{Value, json};

use super::own::{Own, PATIENCE, together};
use super::run::Ran;
use super::{long, nothing_lost, row};
use crate::cluster::harness::Cluster;

/// What a job does: its name, its command in the workflow, and what is run of it here. The tests and the lint of xtask itself
/// would run themselves; its documentation takes minutes; no feed of advisories can be had; two minutes of runs
/// say as much of the way as ten.
const JOBS: [(&str, &str, &str); 9] = [
    (
        "architecture",
        "ci architecture dependencies",
        "ci architecture.backend architecture.frontend architecture.settings architecture.contract dependencies.versions",
    ),
    ("test", "ci test coverage", "ci test.backend test.frontend"),
    ("lint", "ci lint", "ci lint.backend lint.frontend"),
    (
        "security",
        "ci security licenses --strict",
        "ci security.secrets security.kubernetes security.workflows security.images licenses.backend licenses.frontend",
    ),
    ("documentation", "ci docs", "ci docs.backend docs.frontend"),
    ("build", "image --push --locked", "image --push --locked --engine buildah"),
    ("performance", "perf --scenario load", "perf --scenario smoke --budget 2m"),
    (
        "verdict",
        "report --merge runs/run-architecture runs/run-test runs/run-lint runs/run-security runs/run-documentation",
        "report --merge runs/run-architecture runs/run-test runs/run-lint runs/run-security runs/run-documentation",
    ),
    ("deploy", "deploy --environment production --yes", "deploy --environment production --yes"),
];

/// The commands of the jobs of a workflow, in its order.
fn commands(text: &str) -> Vec<String> {
    let commands = text.lines().filter_map(|line| line.split_once("run: exec cargo xtask "));
    commands.map(|(_, rest)| rest.split(", env:").next().unwrap().trim_end_matches(" }").to_owned()).collect()
}

/// Runs the jobs for the commit that was made last, until one fails or the last has ended.
fn push(own: &Own<'_>) -> Vec<(&'static str, Ran, String)> {
    let head = own.git(&["rev-parse", "HEAD"]);
    let before = own.git(&["rev-list", "--max-count=1", "--skip=1", "HEAD"]);
    let event = json!({ "ref": "refs/heads/main", "before": before, "after": head });
    own.repository.write("runner/event.json", &event.to_string());
    let file = |name: &str| own.repository.root().join("runner").join(name).display().to_string();
    drop(std::fs::remove_dir_all(own.repository.root().join("runs")));
    let mut ended = Vec::new();
    for (job, _, command) in JOBS {
        own.repository.write("runner/summary.md", "");
        let variables = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_EVENT_NAME", "push".to_owned()),
            ("GITHUB_EVENT_PATH", file("event.json")),
            ("GITHUB_JOB", job.to_owned()),
            ("GITHUB_REF", "refs/heads/main".to_owned()),
            ("GITHUB_SHA", head.clone()),
            ("GITHUB_STEP_SUMMARY", file("summary.md")),
            ("GITHUB_OUTPUT", file("output")),
        ];
        let arguments: Vec<&str> = command.split(' ').collect();
        let ran = own.start(&arguments, &variables).end_within(PATIENCE);
        println!(
            "=== {job}: {command}: exit code {}, {:.0} s\n{}",
            ran.code,
            ran.took.as_secs_f64(),
            ran.text
        );
        keep(own, job);
        let failed = ran.code != 0;
        ended.push((job, ran, own.repository.read("runner/summary.md")));
        if failed {
            break;
        }
    }
    let recovered = own.start(&["recover", "--environment", "production"], &[]).end_within(PATIENCE);
    recovered.expect(0, &[]);
    ended
}

/// What the job leaves for the verdict.
fn keep(own: &Own<'_>, job: &str) {
    let from = own.repository.root().join("target/xtask");
    let to = own.repository.root().join(format!("runs/run-{job}"));
    std::fs::create_dir_all(&to).unwrap();
    let files = std::fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file() && path.extension().is_some()) {
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

/// The outcome of the load test of these images.
fn performance(own: &Own<'_>) -> Value {
    serde_json::from_str(&own.repository.read("target/xtask/perf.json")).unwrap()
}

#[test]
fn the_commands_are_those_of_the_workflows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".github/workflows");
    let read = |name: &str| commands(&std::fs::read_to_string(root.join(name)).unwrap());
    let mut all = read("ci.yml");
    all.extend(read("deploy.yml"));
    let mut expected: Vec<&str> = JOBS.iter().map(|(_, command, _)| *command).collect();
    expected.push("recover --environment production");
    assert_eq!(all, expected);
}

#[test]
fn a_push_to_main_reaches_the_users_and_a_bad_one_goes_back_by_itself() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(own) = Own::new(cluster, "whole") else { return };
    own.repository.edit("xtask.toml", "bake = \"15m\"", "bake = \"20s\"");
    let ignored = own.repository.read(".gitignore");
    own.repository.write(".gitignore", &format!("{ignored}/runner/\n/runs/\n"));
    own.commit("Bake for less long");
    let names =
        |ended: &[(&'static str, Ran, String)]| ended.iter().map(|(job, ..)| *job).collect::<Vec<_>>();
    let all = JOBS.map(|(job, ..)| job);

    let first = push(&own);
    assert_eq!(names(&first), all);
    assert!(first.iter().all(|(_, ran, _)| ran.code == 0), "every job passes");
    let released = own.built("backend");
    assert_eq!((own.serving("backend"), own.serving("frontend").1), ((released, 3), 2));

    own.is_changed();
    let load = own.load();
    let good = push(&own);
    assert_eq!(names(&good), all);
    let released = own.built("backend");
    assert_eq!(own.serving("backend"), (released.clone(), 3));
    println!("{}", performance(&own)["verdict"]);
    let seen = together(load);
    nothing_lost(&seen);
    row("a push to main, from its tests to its users", "promoted", &good.last().unwrap().1, Some(&seen));

    own.is_broken();
    let load = own.load();
    let bad = push(&own);
    assert_eq!(names(&bad), all, "its tests see nothing");
    let (_, deployed, summary) = bad.into_iter().last().unwrap();
    let deployed = deployed.expect(6, &["ROLLED BACK"]);
    assert!(summary.contains("ROLLED BACK"), "{summary}");
    assert_eq!(own.serving("backend"), (released, 3));
    let seen = together(load);
    assert_eq!(seen.dropped, 0, "{seen:?}");
    let outcome = format!("rolled back; {} answers with status 500", seen.bad());
    row("a bad push to main, from its tests to the way back", &outcome, &deployed, Some(&seen));
}
