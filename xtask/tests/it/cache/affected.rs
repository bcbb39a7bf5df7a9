//! `ci --affected` on real repositories of git: what has changed, and which tasks it concerns.

mod shards;

use std::fs;
use std::path::Path;

use crate::repository::{Repository, Said};

const CONFIGURATION: &str = r#"
[project]
name = "parts"

[tasks."check.docs"]
command = ["true"]
reads = ["docs/**/*.md"]

[tasks."check.theirs"]
command = ["true"]
reads = ["theirs/lib"]

[tasks."make.out"]
command = ["sh", "-c", "mkdir -p out && cp src/a out/a"]
reads = ["src"]
makes = ["out"]

[tasks."run.tool"]
command = ["scripts/tool.sh"]
reads = ["data"]

[tasks."send.docs"]
command = ["true"]
reads = ["docs"]
uncached = "it talks to the world"

[tasks."use.out"]
command = ["true"]
after = ["make.out"]
reads = ["out"]
"#;

const ALL: &str = "check.docs check.theirs make.out run.tool send.docs use.out";

/// Runs git, which must succeed. Returns what it says.
#[track_caller]
fn git_in(folder: &Path, words: &str) -> String {
    let settings = ["user.name=a", "user.email=a@b", "protocol.file.allow=always", "init.defaultBranch=main"];
    let settings = settings.iter().flat_map(|setting| ["-c", setting]);
    let command = duct::cmd("git", settings.chain(words.split(' '))).dir(folder).stderr_to_stdout();
    command.read().unwrap_or_else(|error| panic!("git {words}: {error}"))
}

/// A repository on a branch `topic`, one commit beyond `main`, which is beyond that with a change of `docs/b.md`.
struct Parts(Repository);

impl Parts {
    fn new() -> Self {
        let parts = Self(Repository::new());
        let write = |path: &str, text: &str| parts.0.write(path, text);
        write("xtask.toml", CONFIGURATION);
        write(".gitignore", ".xtask/\ntarget/\nout/\nignored\n");
        for path in ["docs/a.md", "docs/b.md", "docs/a.txt", "src/a", "data/a", "other/a"] {
            write(path, path);
        }
        write("scripts/tool.sh", "#!/bin/sh\n");
        let tool = parts.0.root().join("scripts/tool.sh");
        fs::set_permissions(tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        parts.git("init --quiet");
        parts.commit("first");
        parts.git("checkout --quiet -b topic");
        parts
    }

    #[track_caller]
    fn git(&self, words: &str) -> String {
        git_in(self.0.root(), words)
    }

    fn commit(&self, message: &str) -> String {
        self.git("add --all");
        self.git(&format!("commit --quiet --allow-empty --message {message}"));
        self.git("rev-parse HEAD")
    }

    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        self.0.xtask_with(&[&["ci", "--affected"], args].concat(), variables).expect(0)
    }

    /// The tasks that are selected, and why, where it is said.
    #[track_caller]
    fn selects(&self, expected: &str) -> String {
        self.selects_with(&[], &[], expected)
    }

    #[track_caller]
    fn selects_with(&self, args: &[&str], variables: &[(&str, &str)], expected: &str) -> String {
        let said = self.run(&[args, &["--list"]].concat(), variables);
        let is_task = |line: &&str| ALL.split(' ').any(|task| *line == task);
        let tasks: Vec<&str> = said.stdout.lines().filter(is_task).collect();
        assert_eq!(tasks.join(" "), expected, "{}", said.all());
        said.all()
    }

    /// Selects everything, with these words of why.
    #[track_caller]
    fn selects_all(&self, args: &[&str], variables: &[(&str, &str)], words: &str) {
        let said = self.selects_with(args, variables, ALL);
        assert!(said.contains("all tasks are selected: ") && said.contains(words), "{said}");
    }

    /// What GitHub would say.
    fn event(&self, event: &serde_json::Value) -> String {
        self.0.write(".xtask/event.json", &event.to_string());
        self.0.root().join(".xtask/event.json").display().to_string()
    }
}

#[test]
fn nothing_has_changed() {
    let parts = Parts::new();
    let said = parts.selects("");
    assert!(said.contains("no task is concerned by 0 changed files since "), "{said}");
}

#[test]
fn committed_staged_edited_and_untracked() {
    let parts = Parts::new();
    parts.0.write("docs/a.md", "new");
    parts.selects("check.docs send.docs");
    parts.commit("second");
    parts.selects("check.docs send.docs");
    parts.0.write("data/a", "new");
    parts.git("add data/a");
    parts.selects("check.docs run.tool send.docs");
    parts.git("stash --quiet");
    parts.0.write("src/deep/new", "new");
    let said = parts.selects("check.docs make.out send.docs use.out");
    assert!(said.contains("4 tasks concerned by 2 changed files since "), "{said}");
    parts.selects_with(&["check", "make"], &[], "check.docs make.out");
    parts.selects_with(&["check.theirs"], &[], "");
}

#[test]
fn what_no_task_reads() {
    let parts = Parts::new();
    parts.0.write("other/a", "new");
    parts.0.write("ignored", "git does not see it");
    parts.selects("");
    parts.0.write("docs/a.txt", "new");
    parts.selects("send.docs");
    // A tool of the repository's own, which no pattern names.
    parts.0.write("scripts/tool.sh", "#!/bin/sh\ntrue\n");
    parts.selects("run.tool send.docs");
}

#[test]
fn it_runs_what_is_concerned_and_leaves_nothing_old() {
    let parts = Parts::new();
    parts.0.write("src/a", "new");
    let said = parts.run(&[], &[]);
    assert!(said.stdout.contains("use.out") && !said.stdout.contains("check.docs"), "{}", said.all());
    assert!(parts.0.root().join("target/xtask/junit.xml").exists());
    parts.git("checkout --quiet src/a");
    fs::remove_dir_all(parts.0.root().join("out")).unwrap();
    parts.run(&[], &[]);
    assert!(!parts.0.root().join("target/xtask/junit.xml").exists(), "the report of the run before");
}

#[test]
fn a_renamed_file_counts_on_both_sides() {
    let parts = Parts::new();
    parts.git("mv docs/a.md src/a.md");
    parts.selects("check.docs make.out send.docs use.out");
    parts.commit("renamed");
    parts.selects("check.docs make.out send.docs use.out");
}

#[test]
fn a_deleted_file() {
    let parts = Parts::new();
    parts.git("rm --quiet data/a");
    parts.selects("run.tool");
    parts.commit("deleted");
    parts.selects("run.tool");
}

#[test]
fn the_mode_of_a_file_and_a_link() {
    let parts = Parts::new();
    let file = parts.0.root().join("data/a");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    parts.selects("run.tool");
    parts.git("checkout --quiet data/a");
    std::os::unix::fs::symlink("nowhere", parts.0.root().join("docs/link.md")).unwrap();
    parts.selects("check.docs send.docs");
}

#[test]
fn a_submodule() {
    let parts = Parts::new();
    let theirs = Repository::new();
    theirs.write("lib/a", "1");
    git_in(theirs.root(), "init --quiet");
    git_in(theirs.root(), "add --all");
    git_in(theirs.root(), "commit --quiet --message theirs");
    // The address has blanks, so that it cannot be a word of `git`.
    let command = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    let command = command.iter().copied().chain([theirs.root().to_str().unwrap(), "theirs"]);
    duct::cmd("git", command).dir(parts.0.root()).run().unwrap();
    parts.selects("check.theirs");
    parts.commit("theirs");
    parts.git("branch --force main");
    parts.selects("");
    let inside = parts.0.root().join("theirs");
    fs::write(inside.join("lib/a"), "2").unwrap();
    parts.selects("check.theirs");
    git_in(&inside, "commit --quiet --all --message newer");
    parts.selects("check.theirs");
    parts.commit("newer");
    parts.selects("check.theirs");
}

#[test]
fn a_merge_commit() {
    let parts = Parts::new();
    parts.0.write("docs/a.md", "topic");
    parts.commit("topic");
    parts.git("checkout --quiet main");
    parts.0.write("src/a", "main");
    let main = parts.commit("main");
    // As on a pull request: HEAD is the merge of both.
    parts.git("checkout --quiet --detach main");
    parts.git("merge --quiet --no-ff --no-edit topic");
    parts.selects("check.docs send.docs");
    let event = parts.event(&serde_json::json!({ "pull_request": { "base": { "sha": main } } }));
    let github = [("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_EVENT_PATH", event.as_str())];
    parts.selects_with(&[], &github, "check.docs send.docs");
    // Seen from before main went on, both sides count.
    parts.selects_with(&["--base", "main~1"], &[], "check.docs make.out send.docs use.out");
}

#[test]
fn what_the_base_has_beyond_is_no_change_of_ours() {
    let parts = Parts::new();
    parts.0.write("docs/a.md", "topic");
    parts.commit("topic");
    parts.git("checkout --quiet main");
    parts.0.write("src/a", "main");
    parts.commit("main");
    parts.git("checkout --quiet topic");
    parts.selects("check.docs send.docs");
}

#[test]
fn the_first_commit_and_none() {
    let parts = Parts::new();
    let first = parts.git("rev-parse HEAD");
    parts.selects_with(&["--base", &first], &[], "");
    parts.selects_all(&["--base", &format!("{first}~1")], &[], "is not in this clone");
    parts.git("update-ref -d HEAD");
    parts.selects_all(&[], &[], "git knows no commit here");
    fs::remove_dir_all(parts.0.root().join(".git")).unwrap();
    parts.selects_all(&[], &[], "git knows no commit here");
}

#[test]
fn a_detached_head() {
    let parts = Parts::new();
    parts.0.write("data/a", "new");
    parts.commit("second");
    parts.git("checkout --quiet --detach");
    parts.selects("run.tool");
}

#[test]
fn a_clone_that_was_cut_off() {
    let parts = Parts::new();
    let first = parts.git("rev-parse HEAD");
    parts.0.write("data/a", "new");
    parts.commit("second");
    let folder = tempfile::tempdir().unwrap();
    let source = format!("file://{}", parts.0.root().display());
    let clone = |name: &str, depth: &str| {
        let to = folder.path().join(name);
        let words = ["clone", "--quiet", depth, "--branch", "topic", &source, to.to_str().unwrap()];
        duct::cmd("git", words).run().unwrap();
        Parts(Repository::at(&to))
    };
    let shallow = clone("shallow", "--depth=1");
    let push =
        |parts: &Parts| parts.event(&serde_json::json!({ "before": first, "ref": "refs/heads/topic" }));
    let event = push(&shallow);
    let github = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", event.as_str())];
    shallow.selects_all(&[], &github, "fetch-depth: 0");
    shallow.selects_all(&["--base", "main"], &[], "is not in this clone");
    let whole = clone("whole", "--no-single-branch");
    let event = push(&whole);
    let github = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", event.as_str())];
    whole.selects_with(&[], &github, "run.tool");
}

#[test]
fn a_clone_without_the_place_where_the_history_left() {
    let parts = Parts::new();
    parts.0.write("data/a", "new");
    parts.commit("second");
    parts.git("checkout --quiet main");
    parts.0.write("src/a", "main");
    parts.commit("main");
    let folder = tempfile::tempdir().unwrap();
    let source = format!("file://{}", parts.0.root().display());
    let to = folder.path().join("clone");
    let words = ["clone", "--quiet", "--depth=1", "--no-single-branch", "--branch", "topic", &source];
    duct::cmd("git", words.iter().copied().chain([to.to_str().unwrap()])).run().unwrap();
    let clone = Parts(Repository::at(&to));
    clone.selects_all(&[], &[], "does not hold where the history left");
    clone.selects_all(&["--base", "origin/main"], &[], "fetch-depth: 0");
}

#[test]
fn a_branch_that_is_new_on_github() {
    let parts = Parts::new();
    parts.git("update-ref refs/remotes/origin/trunk main");
    parts.0.write("data/a", "new");
    parts.commit("second");
    let push = |name: &str| {
        parts.event(&serde_json::json!({
            "before": "0".repeat(40), "ref": name, "repository": { "default_branch": "trunk" },
        }))
    };
    let event = push("refs/heads/topic");
    let github = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", event.as_str())];
    parts.selects_with(&[], &github, "run.tool");
    push("refs/heads/trunk");
    parts.selects_all(&[], &github, "for the first time");
    parts.selects_all(
        &[],
        &[("GITHUB_EVENT_NAME", "schedule"), ("GITHUB_EVENT_PATH", event.as_str())],
        "`schedule`",
    );
    // What the command line says goes first.
    parts.selects_with(&["--base", "main"], &github, "run.tool");
}

#[test]
fn what_every_task_depends_on() {
    let parts = Parts::new();
    parts.0.edit("xtask.toml", "\"parts\"", "\"pieces\"");
    parts.selects_all(&[], &[], "`xtask.toml` has changed");
    parts.git("checkout --quiet xtask.toml");
    parts.0.write("other/deep/main.rs", "");
    parts.selects("");
    // cargo says where the package of the program is.
    let package = parts.0.root().join("other").display().to_string();
    parts.selects_all(&[], &[("CARGO_MANIFEST_DIR", &package)], "`other/deep/main.rs` has changed");
    fs::remove_dir_all(parts.0.root().join("other/deep")).unwrap();
    // A name that is no UTF-8 may be anything.
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"a\xff");
    fs::write(parts.0.root().join(name), "").unwrap();
    parts.selects_all(&[], &[], "cannot be read");
}

#[test]
fn a_project_in_a_folder_of_the_repository() {
    let outer = Repository::new();
    outer.write("project/xtask.toml", CONFIGURATION);
    outer.write("project/data/a", "1");
    outer.write("data/a", "1");
    git_in(outer.root(), "init --quiet");
    git_in(outer.root(), "add --all");
    git_in(outer.root(), "commit --quiet --message all");
    let parts = Parts(Repository::at(&outer.root().join("project")));
    outer.write("data/a", "2");
    outer.write("data/new", "2");
    parts.selects("");
    outer.write("project/data/a", "2");
    parts.selects("run.tool");
}

#[test]
fn the_base_goes_with_it_alone() {
    let parts = Parts::new();
    let said = parts.0.xtask(&["ci", "--base", "main"]).expect(2);
    assert!(said.stderr.contains("--affected"), "{}", said.all());
    parts.0.write(".xtask/event.json", "{");
    let event = parts.0.root().join(".xtask/event.json").display().to_string();
    let github = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", event.as_str())];
    let said = parts.0.xtask_with(&["ci", "--affected"], &github).expect(1);
    assert!(said.stderr.contains("is no event of GitHub"), "{}", said.all());
}
