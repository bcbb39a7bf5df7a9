//! The workflows stay thin and closed: what a job does is one command of xtask, and what it may do is said.

mod act;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn github() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".github")
}

/// The YAML files below a folder, by their names, with their lines.
fn files(folder: &str) -> Vec<(String, String)> {
    let entries = walkdir::WalkDir::new(github().join(folder)).sort_by_file_name();
    let paths = entries.into_iter().map(|entry| entry.unwrap().into_path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yml"));
    yaml.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    })
    .collect()
}

/// What stands behind a key at the beginning of a line or of an item.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let value = |line: &'t str| {
        let item = line.trim_start().trim_start_matches("- ");
        item.strip_prefix("{ ").unwrap_or(item).strip_prefix(key)?.strip_prefix(": ")
    };
    text.lines().filter_map(value).collect()
}

/// The jobs of a workflow: their ids, and their lines.
fn jobs(text: &str) -> Vec<(&str, String)> {
    let mut jobs: Vec<(&str, String)> = Vec::new();
    for line in text.split_once("\njobs:\n").unwrap().1.lines() {
        match line
            .strip_prefix("  ")
            .and_then(|line| line.strip_suffix(':'))
            .filter(|id| !id.starts_with(' '))
        {
            Some(id) => jobs.push((id, String::new())),
            None => jobs.last_mut().unwrap().1.extend([line, "\n"]),
        }
    }
    jobs
}

#[test]
fn a_step_is_an_action_with_a_full_hash_or_one_command_of_xtask() {
    for (name, text) in files("workflows").into_iter().chain(files("actions")) {
        for run in values(&text, "run") {
            // What is secret comes by the environment, on the same line.
            let run = run.split_once(", env: {").map_or(run, |(run, _)| run);
            assert!(run.starts_with("exec cargo xtask ") && !run.contains("${{"), "{name}: {run}");
            let odd = run.contains([';', '|', '&', '<', '>', '`', '('])
                || run.matches('$').count() != run.matches("=\"$").count();
            assert!(!odd, "{name}: {run}");
        }
        for uses in values(&text, "uses") {
            if uses.starts_with("./") {
                continue;
            }
            let (action, version) = uses.split_once(" # v").unwrap_or_else(|| panic!("{name}: {uses}"));
            let action = action.split_once(',').map_or(action, |(action, _)| action);
            let hash = action.split_once('@').unwrap().1;
            assert!(hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}: {uses}");
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{name}: {uses}");
        }
        assert_eq!(
            text.matches("actions/checkout@").count(),
            text.matches("persist-credentials: false").count(),
            "{name}"
        );
        assert!(!text.contains("pull_request_target"), "{name}");
    }
}

#[test]
fn a_job_may_do_what_it_says_and_ends() {
    for (name, text) in files("workflows") {
        assert!(text.contains("\npermissions: {}\n"), "{name}");
        for (id, job) in jobs(&text) {
            assert_eq!(values(&job, "permissions").len(), 1, "{name}: {id}");
            if values(&job, "uses").iter().all(|uses| !uses.starts_with("./.github/workflows")) {
                assert_eq!(values(&job, "timeout-minutes").len(), 1, "{name}: {id}");
                assert!(job.contains("run: exec cargo xtask"), "{name}: {id}");
            }
            let takes_role = job.contains("aws-actions/configure-aws-credentials@");
            let unattended = ["deploy", "rollback", "recover"].contains(&id);
            assert_eq!(job.contains("id-token: write"), unattended, "{name}: {id}");
            if takes_role {
                assert!(unattended && !job.contains("toolchain"), "{name}: {id} uses a cache");
                assert!(
                    job.contains("aws-region: eu-central-1") && job.contains("allowed-account-ids"),
                    "{name}: {id}"
                );
            }
        }
    }
}

#[test]
fn the_jobs_of_ci_are_those_of_the_pipeline_in_their_order() {
    let files = files("workflows");
    let text = &files.iter().find(|(name, _)| name == "ci.yml").unwrap().1;
    let jobs = jobs(text);
    let order: Vec<&str> = jobs.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        order,
        [
            "architecture",
            "test",
            "lint",
            "security",
            "documentation",
            "build",
            "performance",
            "verdict",
            "deploy"
        ]
    );
    let needs = |id: &str| {
        let job = &jobs.iter().find(|(other, _)| *other == id).unwrap().1;
        values(job, "needs").first().copied().unwrap_or_default().to_owned()
    };
    assert_eq!(needs("build"), "[test, lint, security]");
    assert_eq!(needs("documentation"), "[test, lint, security]");
    assert_eq!(needs("verdict"), "[architecture, test, lint, security, documentation]");
    assert_eq!(needs("performance"), "[build]");
    assert_eq!(needs("deploy"), "[verdict, build, performance]");
    // Each part whose record the verdict reads keeps one.
    let merged = text.lines().find(|line| line.contains("report --merge")).unwrap();
    let merged: BTreeSet<&str> =
        merged.split_whitespace().filter_map(|word| word.strip_prefix("runs/")).collect();
    let keeps = |(_, job): &&(&str, String)| job.contains("uses: ./.github/actions/keep, if: always()");
    let kept: BTreeSet<&str> = jobs.iter().filter(keeps).map(|(id, _)| *id).collect();
    assert_eq!(
        merged,
        kept.iter().map(|id| format!("run-{id}")).collect::<Vec<_>>().iter().map(String::as_str).collect()
    );
}

#[test]
fn a_way_back_waits_for_nobody_and_a_deploy_is_not_cut_off() {
    let files = files("workflows");
    let text = |name: &str| &files.iter().find(|(other, _)| other == name).unwrap().1;
    assert!(values(text("rollback.yml"), "concurrency").is_empty());
    let back = &jobs(text("rollback.yml"))[0].1;
    assert_eq!(
        values(back, "environment"),
        ["${{ inputs.environment }}-unattended"],
        "the one without reviewers"
    );
    assert_eq!(
        values(text("deploy.yml"), "concurrency"),
        ["{ group: deploy-production, cancel-in-progress: false }"]
    );
    assert_eq!(values(text("deploy.yml"), "environment"), ["production"]);
    assert!(
        text("deploy.yml")
            .contains("- if: always()\n        run: exec cargo xtask recover --environment production\n")
    );
    assert!(text("recover.yml").contains("*/5 * * * *"));
}

#[test]
fn they_are_shorter_than_what_they_replace() {
    let lines: usize = files("workflows").iter().map(|(_, text)| text.lines().count()).sum();
    assert!(lines <= 220, "{lines} lines");
}

#[test]
fn the_clusters_of_the_workflows_are_those_of_the_configuration() {
    let root = github().parent().unwrap().to_owned();
    let text = std::fs::read_to_string(root.join("xtask.toml")).unwrap();
    let config = xtask::config::Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let contexts = std::process::Command::new("kubectl")
        .args(["--kubeconfig", "k8s/kubeconfig.yml", "config", "get-contexts", "--output=name"])
        .current_dir(&root)
        .output()
        .unwrap();
    let contexts = String::from_utf8(contexts.stdout).unwrap();
    let known: BTreeSet<&str> = contexts.lines().collect();
    for environment in &config.environments {
        let context = environment.context.value.as_str();
        assert!(known.contains(context), "{context}: {known:?}");
    }
}
