//! The workflow of the guide, run: a run on several machines, of all tasks and of what a change concerns.

use std::fs;

use serde_json::json;

use super::{Ran, Server, commit, git, request};
use crate::repository::Repository;
use crate::workflows::{files, values};

const CONFIGURATION: &str = r#"
[project]
name = "small"

[tasks."check.one"]
command = ["sh", "-c", "! grep -q bad one"]
reads = ["one"]

[tasks."check.two"]
command = ["sh", "-c", "! grep -q bad two"]
reads = ["two"]

[tasks."check.three"]
command = ["sh", "-c", "! grep -q bad three"]
reads = ["three"]

[tasks."look.around"]
command = ["true"]
uncached = "nobody knows what it looks at"
"#;

/// The first block of YAML below a heading of the guide.
fn block(heading: &str) -> String {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/pipeline.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, below) = guide.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, yaml) = below.split_once("\n```yaml\n").unwrap();
    yaml.split_once("```").unwrap().0.to_owned()
}

/// The jobs of the guide as a workflow that runs here: with the actions that the repository has pinned, and without a store for
/// durations.
fn workflow(jobs: &str) -> String {
    let all: String = files("workflows").into_iter().map(|(_, text)| text).collect();
    let pinned = |name: &str| {
        let uses = values(&all, "uses").into_iter().find(|uses| uses.starts_with(&format!("{name}@")));
        uses.unwrap().split([',', ' ']).next().unwrap().to_owned()
    };
    let mut text = format!("on: [pull_request]\njobs:\n{}", without_store(jobs));
    let checkout = pinned("actions/checkout");
    text = text.replace(
        "    steps:\n",
        &format!("    runs-on: ubuntu-24.04\n    steps:\n      - uses: {checkout}\n"),
    );
    for name in ["actions/upload-artifact", "actions/download-artifact"] {
        text = text.replace(&format!("{name}@…"), &pinned(name));
    }
    text
}

/// The jobs without the steps that keep durations.
fn without_store(jobs: &str) -> String {
    let mut steps: Vec<String> = Vec::new();
    for line in jobs.split_inclusive('\n') {
        match steps.last_mut() {
            Some(step) if step.starts_with("      - ") && line.starts_with("        ") => step.push_str(line),
            _ => steps.push(line.to_owned()),
        }
    }
    steps.retain(|step| !step.contains("actions/cache/"));
    steps.concat()
}

/// The jobs of the guide, with the lines that it says are others with `--affected`.
fn affected() -> String {
    let mut jobs = block("## A run on several machines");
    for line in block("### On several machines").lines() {
        let usual = line.replace(" --affected", "");
        let has = |line: &str| jobs.lines().any(|other| other == line);
        if has(&usual) {
            jobs = jobs.replace(&usual, line);
        } else if line.trim_start().starts_with("if: ") {
            jobs = jobs.replace("    needs: plan\n", &format!("    needs: plan\n{line}\n"));
        } else {
            assert!(line.trim_start().starts_with('#'), "the jobs before have no `{line}`");
        }
    }
    jobs
}

impl Server {
    /// Runs jobs for a request that changes these files.
    fn run_request(&self, jobs: &str, changed: &[(&str, &str)]) -> Ran {
        let root = self.path("repository");
        for folder in [root.clone(), self.path("store"), self.path("printed")] {
            drop(fs::remove_dir_all(&folder).or_else(|_| fs::remove_file(&folder)));
        }
        fs::create_dir_all(self.path("store")).unwrap();
        let repository = Repository::at(&root);
        repository.write("xtask.toml", CONFIGURATION);
        repository.write(".gitignore", "/target/\n/.xtask/\n");
        repository.write(".github/workflows/guide.yml", &workflow(jobs));
        for name in ["one", "two", "three"] {
            repository.write(name, "good");
        }
        commit(&root);
        let base = duct::cmd!("git", "rev-parse", "HEAD").dir(&root).read().unwrap();
        git(&root, &["remote", "add", "origin", "https://github.com/us/it"]);
        for (path, text) in changed {
            repository.write(path, text);
        }
        git(&root, &["commit", "--quiet", "--all", "--allow-empty", "--message", "Change"]);
        let mut payload = request("us/it");
        payload["pull_request"]["base"]["sha"] = json!(base);
        self.run("pull_request", &payload, &[])
    }
}

impl Ran {
    /// How many shards ran.
    fn shards(&self) -> usize {
        self.steps.iter().filter(|(_, name, _)| name.contains("ci --shard")).count()
    }
}

#[test]
fn the_jobs_of_the_guide_run_everything() {
    let Some(server) = Server::start("good\n") else { return };
    let jobs = block("## A run on several machines");
    let ran = server.run_request(&jobs, &[("one", "better")]);
    assert_eq!((ran.job("plan"), ran.job("verdict")), ("success", "success"), "{}", ran.log);
    assert_eq!(ran.shards(), 3, "{}", ran.log);
    assert!(ran.printed.contains("\n4 tasks passed in "), "{}", ran.printed);
}

#[test]
fn the_jobs_of_the_guide_run_what_a_change_concerns() {
    let Some(server) = Server::start("good\n") else { return };
    let ran = server.run_request(&affected(), &[("one", "better")]);
    assert_eq!((ran.job("plan"), ran.job("verdict")), ("success", "success"), "{}", ran.log);
    assert_eq!(ran.shards(), 2, "{}", ran.log);
    assert!(ran.printed.contains("\n2 tasks passed in "), "{}", ran.printed);
    let ran = server.run_request(&affected(), &[("one", "better"), ("two", "bad")]);
    assert_eq!((ran.job("plan"), ran.job("verdict")), ("success", "failure"), "{}", ran.log);
    assert!(ran.printed.contains("1 of 3 tasks did not pass"), "{}", ran.printed);
}

/// A matrix without entries starts no job, and the verdict is there all the same.
#[test]
fn the_jobs_of_the_guide_pass_where_nothing_is_concerned() {
    let Some(server) = Server::start("good\n") else { return };
    let ran = server.run_request(&affected(), &[]);
    assert_eq!((ran.job("plan"), ran.job("verdict")), ("success", "success"), "{}", ran.log);
    assert_eq!(ran.shards(), 0, "{}", ran.log);
    assert_eq!(ran.ran("ci --affected --merge reports"), Some("success"), "{}", ran.log);
    assert!(ran.printed.contains("{\"include\":[]}"), "{}", ran.printed);
    assert!(ran.printed.contains("note: no task is concerned by 0 changed files since "), "{}", ran.printed);
}
