//! The workflows run: by act (github.com/nektos/act), on this machine, with stand-ins for the actions of others.
//!
//! What runs are the workflows as they are and the real program, in a small repository. `image` alone is a stand-in: it is tried
//! elsewhere, with a real registry. The release ends at a cluster that the small repository does not have.

mod guide;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{files, github, values};
use crate::repository::Repository;

/// Turns a machine without act from a skip into a failure.
const REQUIRED: &str = "XTASK_REQUIRE_ACT";

const CONFIGURATION: &str = r#"
[project]
name = "small"

[tasks."architecture.small"]
command = ["cat", "in.txt"]
reads = ["in.txt"]

[tasks."dependencies.small"]
command = ["cat", "in.txt"]
reads = ["in.txt"]

[tasks."lint.small"]
command = ["cat", "in.txt"]
reads = ["in.txt"]

[tasks."test.small"]
command = ["sh", "-c", "env; cat in.txt; ! grep -q bad in.txt"]
reads = ["in.txt"]

[tasks."coverage.small"]
command = ["true"]
reads = ["in.txt"]
after = ["test.small"]

[tasks."security.small"]
command = ["cat", "in.txt"]
reads = ["in.txt"]

[tasks."licenses.small"]
command = ["cat", "in.txt"]
reads = ["in.txt"]

[tasks."docs.small"]
command = ["sh", "-c", "mkdir -p target/xtask/site && cp in.txt target/xtask/site/index.html"]
reads = ["in.txt"]
makes = ["target/xtask/site/"]
"#;

/// What stands in for an action, by the beginning of its name: its inputs, and what it does with them.
const ACTIONS: [(&str, &str, &str); 6] = [
    ("actions/checkout", "persist-credentials", "cp -r \"$STORE/../repository/.\" ."),
    ("actions/cache", "path key restore-keys", "true"),
    (
        "actions/upload-artifact",
        "name path retention-days overwrite",
        "mkdir -p \"$STORE/$NAME\" && cp -r $PATHS \"$STORE/$NAME/\"",
    ),
    (
        "actions/download-artifact",
        "name pattern path run-id github-token",
        // Where nothing is of that pattern, there is no folder either (`run` in its src/download-artifact.ts).
        "if [ -n \"$NAME\" ]; then mkdir -p \"$PATHS\" && cp -r \"$STORE/$NAME/.\" \"$PATHS\"; \
         else for one in \"$STORE\"/$PATTERN; do [ ! -e \"$one\" ] || { mkdir -p \"$PATHS\" && cp -r \"$one\" \"$PATHS\"; }; done; fi",
    ),
    ("github/codeql-action/upload-sarif", "sarif_file", "true"),
    (
        "",
        "registry username password role-to-assume aws-region allowed-account-ids role-duration-seconds",
        "true",
    ),
];

/// A repository with the workflows, the actions, and what jobs leave behind.
struct Server {
    folder: tempfile::TempDir,
}

/// What became of a run.
struct Ran {
    /// The result of each job that ran.
    jobs: BTreeMap<String, String>,
    /// The commands of xtask, with the job and the result.
    steps: Vec<(String, String, String)>,
    log: String,
    /// What xtask printed. act does not wait for the last lines of a step that failed (`HostEnvironment::exec`).
    printed: String,
}

impl Ran {
    fn job(&self, name: &str) -> &str {
        self.jobs.get(name).map_or("not run", String::as_str)
    }

    fn ran(&self, command: &str) -> Option<&str> {
        let step = self.steps.iter().find(|(_, name, _)| name.contains(command));
        step.map(|(_, _, result)| result.as_str())
    }
}

impl Server {
    /// `None`, and a line, where act is not installed.
    fn start(input: &str) -> Option<Self> {
        if which::which("act").is_err() {
            assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and `act` is not installed");
            println!("skipped: `act` is not installed");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("xtask-act-").tempdir().unwrap();
        let server = Self { folder };
        let repository = Repository::at(&server.path("repository"));
        repository.write("xtask.toml", CONFIGURATION);
        repository.write("in.txt", input);
        repository.write(".gitignore", "/target/\n/.xtask/\n/runs/\n");
        for (name, text) in files("workflows") {
            repository.write(&format!(".github/workflows/{name}"), &text);
        }
        for action in ["toolchain", "keep"] {
            let path = format!("actions/{action}/action.yml");
            repository
                .write(&format!(".github/{path}"), &std::fs::read_to_string(github().join(path)).unwrap());
        }
        commit(repository.root());
        git(repository.root(), &["remote", "add", "origin", "https://github.com/us/it"]);
        for (index, (name, inputs, script)) in ACTIONS.iter().enumerate() {
            let action = Repository::at(&server.path("actions").join(index.to_string()));
            let inputs: String =
                inputs.split(' ').map(|name| format!("  {name}: {{}}\n")).collect::<Vec<_>>().concat();
            let (_, folder) = parts(name);
            action.write(&format!("{folder}action.yml"), &format!(
                "name: stand-in\ndescription: stand-in\ninputs:\n{inputs}runs:\n  using: composite\n  steps:\n    - shell: bash\n      \
                 env: {{ NAME: \"${{{{ inputs.name }}}}\", PATTERN: \"${{{{ inputs.pattern }}}}\", PATHS: \"${{{{ inputs.path }}}}\" }}\n      \
                 run: |\n        {script}\n"
            ));
            commit(action.root());
        }
        let cargo = server.path("bin/cargo");
        Repository::at(&server.path("bin")).write("cargo", &format!(
            "#!/bin/sh\nshift\ncase \"$1\" in image) mkdir -p target/xtask; echo '{{}}' > target/xtask/images.json; exit 0;; perf) echo '{{}}' > target/xtask/perf.json; exit 0;; esac\n\
             {{ '{}' \"$@\"; echo $? > '{status}'.$$; }} 2>&1 | tee -a '{printed}'\nexit \"$(cat '{status}'.$$)\"\n",
            env!("CARGO_BIN_EXE_xtask"),
            status = server.path("status").display(),
            printed = server.path("printed").display()
        ));
        std::fs::set_permissions(cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir_all(server.path("store")).unwrap();
        Some(server)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs what an event starts.
    fn run(&self, event: &str, payload: &Value, arguments: &[&str]) -> Ran {
        std::fs::write(self.path("event.json"), payload.to_string()).unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut act = Command::new("act");
        act.arg(event).args(arguments).args([
            "--platform",
            "ubuntu-24.04=-self-hosted",
            "--json",
            "--actor",
            "somebody",
        ]);
        act.args(["--secret", "GITHUB_TOKEN=ghs_secretsecret", "--eventpath"]).arg(self.path("event.json"));
        act.args([
            "--env",
            &format!("STORE={}", self.path("store").display()),
            "--env",
            &format!("PATH={path}"),
        ]);
        let mut actions: Vec<String> = files("workflows")
            .iter()
            .chain(&files("actions"))
            .flat_map(|(_, text)| {
                let uses = values(text, "uses").into_iter().filter(|uses| !uses.starts_with("./"));
                uses.map(|uses| uses.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
            })
            .collect();
        actions.sort_unstable();
        actions.dedup();
        for action in actions {
            let index = ACTIONS.iter().position(|(name, ..)| action.starts_with(name)).unwrap();
            let stand_in = self.path("actions").join(index.to_string());
            let (name, hash) = action.split_once('@').unwrap();
            let (name, _) = parts(name);
            act.args(["--local-repository", &format!("{name}@{hash}={}", stand_in.display())]);
        }
        act.current_dir(self.path("repository")).env("PATH", path).env("XDG_CACHE_HOME", self.path("cache"));
        act.env_remove("GITHUB_TOKEN").env("HOME", self.folder.path());
        let output = act.output().unwrap();
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut ran = Ran {
            jobs: BTreeMap::new(),
            steps: Vec::new(),
            log: log.clone() + &String::from_utf8_lossy(&output.stderr),
            printed: std::fs::read_to_string(self.path("printed")).unwrap_or_default(),
        };
        for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let job = text("jobID");
            if !text("jobResult").is_empty() {
                ran.jobs.insert(job, text("jobResult"));
            } else if text("stage") == "Main"
                && !text("stepResult").is_empty()
                && text("step").contains("cargo xtask")
            {
                ran.steps.push((job, text("step"), text("stepResult")));
            }
        }
        ran
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"];
    let done = Command::new("git").args(identity).args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// The repository of an action, and the folder in it, with a slash at its end where there is one.
fn parts(action: &str) -> (String, String) {
    let words: Vec<&str> = action.split('/').collect();
    let (repository, folder) = words.split_at(words.len().min(2));
    (repository.join("/"), folder.iter().flat_map(|name| [*name, "/"]).collect())
}

fn commit(folder: &Path) {
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "Begin"]);
}

/// The payload of a pull request, from this repository or another one.
fn request(from: &str) -> Value {
    let repository = |name: &str| json!({ "full_name": name });
    json!({ "pull_request": { "number": 7, "head": { "ref": "topic", "repo": repository(from) }, "base": { "ref": "main", "repo": repository("us/it") } } })
}

#[test]
fn a_push_to_main_goes_all_the_way_to_the_deployment() {
    let Some(server) = Server::start("good\n") else { return };
    let ran = server.run("push", &json!({ "ref": "refs/heads/main", "before": "0".repeat(40) }), &[]);
    for job in ["architecture", "test", "lint", "security", "documentation", "build", "verdict"] {
        assert_eq!(ran.job(job), "success", "{job}\n{}", ran.log);
    }
    // The small repository has no environment: nothing is begun, and what may be left of it is looked after all the same.
    assert_eq!(ran.job("deploy"), "failure", "{}", ran.log);
    assert_eq!(ran.ran("xtask deploy --environment production --yes"), Some("failure"));
    assert_eq!(ran.ran("xtask recover --environment production"), Some("failure"), "it ran");
    let store = server.path("store");
    let page = std::fs::read_to_string(store.join("report/report.html")).unwrap();
    assert!(page.contains("<h1 class=\"good\">") && page.contains("runs/run-lint"), "{page}");
    for kept in [
        "run-test/events.jsonl",
        "run-architecture/junit.xml",
        "documentation/site/index.html",
        "images/images.json",
    ] {
        assert!(store.join(kept).is_file(), "{kept}");
    }
    assert!(!format!("{}{}", ran.log, ran.printed).contains("ghs_secretsecret"), "no token is shown");
}

#[test]
fn a_pull_request_of_a_fork_that_fails_is_red_and_builds_nothing() {
    let Some(server) = Server::start("bad\n::error::from a tool\n") else { return };
    let ran = server.run("pull_request", &request("them/it"), &[]);
    let results = ["architecture", "test", "lint", "security", "documentation", "build", "verdict", "deploy"]
        .map(|job| ran.job(job));
    assert_eq!(
        results,
        ["success", "failure", "success", "success", "not run", "not run", "failure", "not run"],
        "{}",
        ran.log
    );
    assert!(
        ran.printed.contains("from them/it: a pull request from a fork gets no secrets"),
        "{}",
        ran.printed
    );
    assert!(ran.printed.contains("::error title=test.small"), "the failure is marked\n{}", ran.printed);
    // The part that did not run makes the verdict red by itself, too.
    let page = std::fs::read_to_string(server.path("store/report/report.html")).unwrap();
    assert!(page.contains("1 of 5 parts did not end; 1 of "), "{page}");
    let summary = ran.printed.contains("tasks did not pass") || ran.printed.contains("task did not pass");
    assert!(summary, "{}", ran.printed);
}

#[test]
fn somebody_rolls_back_by_hand_and_words_stay_words() {
    let Some(server) = Server::start("good\n") else { return };
    let reason = "it's \"$(touch stolen)\" `touch stolen` ; touch stolen";
    let inputs = json!({ "inputs": { "release": "previous", "environment": "staging", "reason": reason } });
    let ran = server.run("workflow_dispatch", &inputs, &["--workflows", ".github/workflows/rollback.yml"]);
    assert_eq!(ran.steps.len(), 1, "{}", ran.log);
    // Without environments it ends at the configuration, behind the command line.
    assert!(ran.log.contains("exit status 3"), "{}", ran.log);
    assert!(!ran.printed.contains("unexpected argument"), "{}", ran.printed);
    let stolen = walkdir::WalkDir::new(server.folder.path())
        .into_iter()
        .any(|entry| entry.unwrap().file_name() == "stolen");
    assert!(!stolen, "{}", ran.log);
}
