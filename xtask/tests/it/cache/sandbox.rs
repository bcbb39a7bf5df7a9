//! What a cached task reads is what it declares: the kernel refuses it the rest of the repository.
//!
//! Where the kernel has no Landlock, nothing can be seen here but that it is said.

use std::fs;
use std::os::unix::fs::symlink;

use super::{CONFIGURATION, Workshop};

/// A workshop whose task runs these lines, in a repository with a file `undeclared`; `None` where there is no sandbox.
fn workshop(lines: &str) -> Option<Workshop> {
    configured(CONFIGURATION, lines)
}

fn configured(configuration: &str, lines: &str) -> Option<Workshop> {
    if xtask::driver::sandbox::unavailable().is_some() {
        return None;
    }
    let script = format!("set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\n{lines}\n");
    let shop = Workshop::with(configuration, &script);
    shop.repository.write("undeclared", "secret\n");
    Some(shop)
}

/// The configuration with more keys for the task.
fn with(keys: &str) -> String {
    Workshop::configuration("env =", &format!("{keys}\nenv ="))
}

#[test]
fn an_undeclared_file_read() {
    let Some(shop) = workshop("cat in/a undeclared > out/result") else { return };
    for _ in 0..2 {
        let said = shop.ci().expect(1).all();
        assert_eq!(shop.runs(), 1, "nothing of it is stored");
        for words in [
            "undeclared: Permission denied",
            "`make.thing` is cached: its sandbox lets it read inside the repository only what it declares",
            "add it to `reads` in `[tasks.\"make.thing\"]` of xtask.toml",
            "`--no-sandbox` shows whether the sandbox was the reason",
        ] {
            assert!(said.contains(words), "{words} is not in {said}");
        }
    }
    // Declared, it is an input like any other.
    shop.repository.edit("xtask.toml", "\"make.sh\"]", "\"make.sh\", \"undeclared\"]");
    shop.settle();
    shop.repository.write("undeclared", "another\n");
    shop.makes_anew();
}

#[test]
fn a_failure_of_another_kind_says_nothing_of_the_sandbox() {
    let Some(shop) = workshop("echo broken >&2; exit 3") else { return };
    let said = shop.ci().expect(1).all();
    assert!(!said.contains("sandbox"), "{said}");
}

#[test]
fn what_is_declared_and_what_is_outside_can_be_read() {
    let lines = "cat in/a in/b make.sh \"$RUNS/runs\" /etc/passwd > out/result\nmktemp > \"$RUNS/temporary\"\necho x > \"$(cat \"$RUNS/temporary\")\"\ncat \"$(cat \"$RUNS/temporary\")\" >> out/result\nls -R . > /dev/null\nstat undeclared > /dev/null";
    let Some(shop) = workshop(lines) else { return };
    shop.settle();
    let temporary = fs::read_to_string(shop.runs_folder().join("temporary")).unwrap();
    assert!(temporary.contains("/target/xtask/tmp/make.thing/"), "the usual folder is above: {temporary}");
    assert!(!shop.path("target/xtask/tmp/make.thing").exists(), "it goes with the task");
}

#[test]
fn what_it_makes_can_be_read_by_itself() {
    // The folder is made before the task: what is not there when a command starts cannot be given.
    let configuration = Workshop::configuration("makes = [\"out\"]", "makes = [\"out/\"]");
    let lines = "cat in/a > out/half\ncat out/half > out/result";
    let Some(shop) = configured(&configuration, lines) else { return };
    shop.settle();
    assert_eq!(shop.repository.read("out/result"), "one\n");
    // Nobody knows that it will be a folder.
    let shop = configured(CONFIGURATION, lines).unwrap();
    assert!(shop.ci().expect(1).all().contains("out/half: Permission denied"));
}

#[test]
fn what_comes_to_be_in_a_declared_folder_can_be_read() {
    let lines = "mkdir -p in/cache/deep\necho new > in/cache/deep/file\ncat in/cache/deep/file > out/result";
    let Some(shop) = configured(&with("ignores = [\"in/cache\"]"), lines) else { return };
    shop.settle();
    assert_eq!(shop.repository.read("out/result"), "new\n");
}

#[test]
fn what_a_tool_leaves_for_itself_can_be_read_and_written() {
    let lines = "test -e own/state || echo first > own/state\ncat own/state > out/result";
    let Some(shop) = configured(&with("ignores = [\"own/\"]"), lines) else { return };
    shop.settle();
    shop.repository.write("own/state", "second\n");
    assert!(!shop.ran(), "it is no input");
    shop.ci_with(&["--force", "make"], &[]).expect(0);
    assert_eq!(shop.repository.read("out/result"), "second\n");
}

#[test]
fn a_link_that_leads_to_an_undeclared_file() {
    let Some(shop) = workshop("cat in/link > out/result") else { return };
    symlink("../undeclared", shop.path("in/link")).unwrap();
    assert!(shop.ci().expect(1).all().contains("in/link: Permission denied"));
    // Back to where it may read.
    fs::remove_file(shop.path("in/link")).unwrap();
    symlink("a", shop.path("in/link")).unwrap();
    shop.runs();
    assert!(shop.ran());
    // A way out of the repository and back is none.
    let way = shop.runs_folder().join("way");
    symlink(shop.path(""), &way).unwrap();
    shop.repository.write("make.sh", "cat \"$RUNS/way/undeclared\"\n");
    assert!(shop.ci().expect(1).all().contains("way/undeclared: Permission denied"));
}

#[test]
fn an_undeclared_program_in_the_repository() {
    let Some(shop) = workshop("./tool > out/result") else { return };
    let install = |text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        shop.repository.write("tool", &format!("#!/bin/sh\necho {text}\n"));
        fs::set_permissions(shop.path("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    install("old");
    shop.ci().expect(1);
    shop.repository.edit("xtask.toml", "env =", "tools = [\"./tool\"]\nenv =");
    shop.runs();
    shop.settle();
    install("new");
    shop.makes_anew();
}

#[test]
fn grandchildren_are_restricted_too() {
    let lines = "sh -c 'sh -c \"cat undeclared\" & wait $!' > out/result";
    let Some(shop) = workshop(lines) else { return };
    assert!(shop.ci().expect(1).all().contains("undeclared: Permission denied"));
    // One that leaves its group and session as well.
    let shop = workshop("setsid sh -c 'cat undeclared' > out/result").unwrap();
    assert!(shop.ci().expect(1).all().contains("undeclared: Permission denied"));
}

#[test]
fn it_is_turned_off_for_a_run() {
    let Some(shop) = workshop("cat undeclared > out/result") else { return };
    let said = shop.ci_with(&["--no-sandbox"], &[]).expect(0).all();
    assert!(
        said.contains("whether tasks read only what they declare is not checked: `--no-sandbox`"),
        "{said}"
    );
    assert_eq!(shop.runs(), 1);
    // What nobody has checked is not what others find.
    shop.ci().expect(1);
    assert_eq!(shop.runs(), 1);
    // What was checked is found.
    shop.repository.write("make.sh", "echo run >> \"$RUNS/runs\"; mkdir -p out; cat in/a > out/result\n");
    shop.settle();
    shop.ci_with(&["--no-sandbox"], &[]).expect(0);
    assert_eq!(shop.runs(), 0);
}

#[test]
fn it_is_turned_off_for_a_task_with_a_reason() {
    let configuration = with("unsandboxed = \"it needs everything\"");
    let Some(shop) = configured(&configuration, "cat undeclared > out/result") else { return };
    let said = shop.ci().expect(0).all();
    assert!(said.contains("`make.thing` may read everything: it needs everything"), "{said}");
    shop.runs();
    assert!(!shop.ran(), "its result is one all the same");
    // Sandboxed again, what nobody has checked is not found any more.
    shop.repository.edit("xtask.toml", "unsandboxed = \"it needs everything\"\n", "");
    shop.ci().expect(1);
    assert_eq!(shop.runs(), 1);
}

#[test]
fn without_a_cache_it_is_the_same() {
    let Some(shop) = workshop("cat undeclared > out/result") else { return };
    assert!(shop.ci_with(&["--no-cache"], &[]).expect(1).all().contains("undeclared: Permission denied"));
}

#[test]
fn a_task_that_is_not_cached_is_not_restricted() {
    let configuration = with("uncached = \"it looks at the weather\"");
    let Some(shop) = configured(&configuration, "cat undeclared > out/result") else { return };
    assert!(shop.ran());
    assert_eq!(shop.repository.read("out/result"), "secret\n");
}

#[test]
fn by_a_pattern_what_matches_and_no_more() {
    let configuration = Workshop::configuration("reads = [\"in\",", "reads = [\"in/*.c\", \"**/all\",");
    let lines = "cat in/1.c in/2.c deep/all/x > out/result\ntest ! -e also || cat in/1.h";
    let Some(shop) = configured(&configuration, lines) else { return };
    for name in ["in/1.c", "in/2.c", "in/1.h", "deep/all/x", "deep/other"] {
        shop.repository.write(name, "x\n");
    }
    shop.settle();
    shop.repository.write("also", "");
    shop.ci_with(&["--force", "make"], &[]).expect(1);
    shop.repository.write("make.sh", "cat deep/other\n");
    shop.ci().expect(1);
}

#[test]
fn files_may_change_their_folders_and_gain_nothing() {
    let lines = "mkdir -p in/cache/a in/cache/b\necho x > in/cache/a/x\nmv in/cache/a/x in/cache/b/x\nln in/cache/b/x in/cache/a/y\ncat in/cache/b/x in/cache/a/y > out/result";
    let Some(shop) = configured(&with("ignores = [\"in/cache\"]"), lines) else { return };
    shop.settle();
    assert_eq!(shop.repository.read("out/result"), "x\nx\n");
    for lines in ["mv undeclared in/cache/z\ncat in/cache/z", "ln undeclared in/cache/z\ncat in/cache/z"] {
        shop.repository.write("make.sh", &format!("set -eu\n{lines} > out/result\n"));
        shop.ci().expect(1);
        assert_eq!(shop.repository.read("undeclared"), "secret\n");
    }
}

#[test]
fn of_git_only_where_it_is() {
    let lines = "cat .git > out/result 2> /dev/null || cat .git/HEAD > out/result";
    let Some(shop) = workshop(lines) else { return };
    let worktree = shop.worktree();
    assert!(shop.ci().expect(1).all().contains(".git/HEAD: Permission denied"));
    assert!(shop.start_in(&worktree).wait().unwrap().success());
    assert!(worktree.read("out/result").starts_with("gitdir: "));
}

/// Whether the kernel says what it has refused: only root hears it, and only while the audit is on.
fn is_audited() -> bool {
    let is_audited = xtask::driver::sandbox::Audit::open().is_some();
    if !is_audited {
        println!("skipped: the audit is off (`auditctl -e 1`), or not for this user");
    }
    is_audited
}

#[test]
fn a_refusal_that_the_tool_has_swallowed() {
    let Some(shop) = workshop("cat in/a > out/result\ncat undeclared 2> /dev/null || true") else { return };
    if !is_audited() {
        return;
    }
    for _ in 0..2 {
        let said = shop.ci().expect(1).all();
        assert_eq!(shop.runs(), 1, "nothing of it is stored");
        for words in [
            "`make.thing` passed although it could not read `undeclared`, which it does not declare",
            "declare it with `reads`, or keep its tools from looking for it",
        ] {
            assert!(said.contains(words), "{words} is not in {said}");
        }
    }
    // What is outside of the repository, and what is not there, are no business of it.
    let lines = "cat in/a > out/result\ncat absent 2> /dev/null || true\ncat /proc/1/mem 2> /dev/null | head -c 0 || true";
    workshop(lines).unwrap().settle();
}
