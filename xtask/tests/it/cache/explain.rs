//! `cargo xtask explain`: the words for everything that makes a task run again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::{Expect, expect};

use super::Workshop;

/// Three tasks: one makes something, one reads that, one is never stored.
const CHAIN: &str = r#"
[tasks."make.first"]
command = ["sh", "make.sh"]
reads = ["in", "make.sh"]
makes = ["out"]

[tasks."make.second"]
command = ["cp", "out/result", "last"]
after = ["make.first"]
reads = ["out"]
makes = ["last"]

[tasks."send.all"]
command = ["true"]
after = ["make.second"]
uncached = "it talks to the world"

[environment]
pass = ["RUNS"]

[project]
name = "workshop"
"#;

impl Workshop {
    fn explain(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let runs = self.runs_folder().display().to_string();
        let variables: Vec<(&str, &str)> =
            [("RUNS", runs.as_str())].into_iter().chain(variables.iter().copied()).collect();
        self.repository.xtask_with(args, &variables).expect(0).stdout
    }

    /// What `explain make` says; digests and ages are replaced by what they are.
    #[track_caller]
    fn explains(&self, expected: &Expect) {
        expected.assert_eq(&plain(&self.explain(&["explain", "make"], &[])));
    }
}

/// The text with `DIGEST` and `AGE` for what differs from run to run.
fn plain(text: &str) -> String {
    let is_hex = |word: &str| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let line = |line: &str| {
        let line = match (line.split_once(", stored "), line.ends_with(" ago")) {
            (Some((before, _)), true) => format!("{before}, stored AGE ago"),
            _ => line.to_owned(),
        };
        let word = |word: &str| {
            let bare = word.trim_matches(['(', ')']);
            if is_hex(bare) { word.replace(bare, "DIGEST") } else { word.to_owned() }
        };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn before_anything_has_run_and_after_it() {
    let shop = Workshop::new();
    shop.explains(&expect![[r"
        make.thing: miss, no result of it is stored
    "]]);
    shop.settle();
    shop.explains(&expect![[r"
        make.thing: hit, nothing that it depends on has changed (DIGEST)
    "]]);
    fs::remove_dir_all(shop.path("out")).unwrap();
    shop.explains(&expect![[r"
        make.thing: hit, its result is stored and would be put back (DIGEST)
    "]]);
}

#[test]
fn files() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.write("in/a", "ONE\n");
    shop.explains(&expect![[r"
        make.thing: miss, 1 thing differs from the nearest result, stored AGE ago
          `in/a` has changed: DIGEST → DIGEST
    "]]);
    shop.repository.write("in/a", "one\n");
    fs::set_permissions(shop.path("in/a"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(shop.path("in/b"), shop.path("in/c")).unwrap();
    shop.repository.write("in/new", "new\n");
    shop.explains(&expect![[r"
        make.thing: miss, 3 things differ from the nearest result, stored AGE ago
          `in/a` has other permissions: 644 → 755
          `in/b` is called `in/c` now
          `in/new` is new (DIGEST)
    "]]);
    for number in 0..12 {
        shop.repository.write(&format!("in/x{number:02}"), &format!("{number}"));
    }
    let said = shop.explain(&["explain", "make"], &[]);
    assert!(said.contains("15 things differ") && said.ends_with("  and 5 more\n"), "{said}");
}

#[test]
fn the_digests_are_the_old_one_and_the_new_one() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.write("in/a", "ONE\n");
    let digest = |text: &str| xtask::core::fingerprint::Digest::of(text.as_bytes()).short();
    let expected = format!("`in/a` has changed: {} → {}\n", digest("one\n"), digest("ONE\n"));
    let said = shop.explain(&["explain", "make.thing"], &[]);
    assert!(said.ends_with(&expected), "{said}");
}

#[test]
fn of_several_results_the_nearest() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.write("in/b", "three\n");
    shop.repository.write("in/c", "four\n");
    shop.settle();
    // One file differs from the first result, two from the second.
    shop.repository.write("in/b", "two\n");
    shop.explains(&expect![[r"
        make.thing: miss, 1 thing differs from the nearest result, stored AGE ago
          `in/b` has changed: DIGEST → DIGEST
    "]]);
    fs::remove_file(shop.path("in/c")).unwrap();
    shop.repository.write("in/a", "1\n");
    shop.explains(&expect![[r"
        make.thing: miss, 1 thing differs from the nearest result, stored AGE ago
          `in/a` has changed: DIGEST → DIGEST
    "]]);
}

#[test]
fn arguments_variables_and_patterns() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.edit("xtask.toml", "\"first\", \"second\"", "\"second\"");
    shop.repository.edit("xtask.toml", "reads = [", "reads = [\"more\", ");
    let said = plain(&shop.explain(&["explain", "make"], &[("DECLARED", "on")]));
    expect![[r"
        make.thing: miss, 6 things differ from the nearest result, stored AGE ago
          argument 2 of the command: `first` → `second`
          the variable `DECLARED`: nothing → `on`
          what it says it reads: `in` → `more`
          what it says it reads: `make.sh` → `in`
          what it says it reads: nothing → `make.sh`
          argument 3 of the command: `second` → nothing
    "]]
    .assert_eq(&said);
}

#[test]
fn a_secret_is_not_shown() {
    let configuration = Workshop::configuration("\"DECLARED\"", "\"SHOP_TOKEN\"");
    let shop = Workshop::with(&configuration, super::SCRIPT);
    shop.ci_with(&[], &[("SHOP_TOKEN", "first-of-the-secrets")]).expect(0);
    for args in
        [&["explain", "make"][..], &["explain", "make", "--output", "json"], &["plan", "--output", "json"]]
    {
        let said = shop.explain(args, &[("SHOP_TOKEN", "second-of-the-secrets")]);
        assert!(said.contains("SHOP_TOKEN") && !said.contains("of-the-secrets"), "{said}");
    }
}

#[test]
fn another_tool() {
    let tools = tempfile::tempdir().unwrap();
    let tool = tools.path().join("shout");
    let install = |text: &str| {
        fs::write(&tool, format!("#!/bin/sh\necho {text}\n")).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let configuration = Workshop::configuration("env =", "tools = [\"shout\"]\nenv =");
    let shop = Workshop::with(&configuration, super::SCRIPT);
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let variables = [("PATH", path.as_str())];
    install("one");
    shop.ci_with(&[], &variables).expect(0);
    install("two");
    expect![[r"
        make.thing: miss, 1 thing differs from the nearest result, stored AGE ago
          the tool `shout`: DIGEST → DIGEST
    "]]
    .assert_eq(&plain(&shop.explain(&["explain", "make"], &variables)));
    fs::remove_file(&tool).unwrap();
    expect![[r"
        make.thing: miss, 1 thing differs from the nearest result, stored AGE ago
          the tool `shout`: DIGEST → not there
    "]]
    .assert_eq(&plain(&shop.explain(&["explain", "make"], &variables)));
}

#[test]
fn what_goes_before() {
    let shop = Workshop::with(CHAIN, super::SCRIPT);
    shop.ci().expect(0);
    shop.repository.write("in/a", "ONE\n");
    let explains = |args: &[&str]| plain(&shop.explain(args, &[]));
    expect![[r"
        make.first: miss, 1 thing differs from the nearest result, stored AGE ago
          `in/a` has changed: DIGEST → DIGEST
        make.second: miss, 1 thing differs from the nearest result, stored AGE ago
          `make.first`, which goes before, would run anew
        send.all: runs each time: it talks to the world
    "]]
    .assert_eq(&explains(&["ci", "--explain"]));
    expect![[r"
        make.second: miss, 1 thing differs from the nearest result, stored AGE ago
          `make.first`, which goes before, would run anew
    "]]
    .assert_eq(&explains(&["explain", "make.second"]));
    shop.repository.write("in/a", "one\n");
    expect![[r"
        make.first: miss, asked for by `--force`
        make.second: hit, nothing that it depends on has changed (DIGEST)
          as files stand now: `make.first` runs before it
        send.all: runs each time: it talks to the world
    "]]
    .assert_eq(&explains(&["ci", "--explain", "--force", "make.first"]));
    expect![[r"
        make.first: runs each time: the cache is not used
        make.second: runs each time: the cache is not used
        send.all: runs each time: it talks to the world
    "]]
    .assert_eq(&explains(&["ci", "--explain", "--no-cache"]));
}

#[test]
fn what_would_be_put_back_counts_as_if_it_stood_there() {
    let shop = Workshop::with(CHAIN, super::SCRIPT);
    shop.ci().expect(0);
    fs::remove_dir_all(shop.path("out")).unwrap();
    fs::remove_file(shop.path("last")).unwrap();
    shop.explains(&expect![[r"
        make.first: hit, its result is stored and would be put back (DIGEST)
        make.second: hit, its result is stored and would be put back (DIGEST)
    "]]);
    shop.repository.write("out/foreign", "");
    shop.explains(&expect![[r"
        make.first: hit, its result is stored and would be put back (DIGEST)
        make.second: hit, its result is stored and would be put back (DIGEST)
    "]]);
    shop.runs();
    shop.ci().expect(0);
    assert_eq!(shop.runs(), 0, "the run did what was said");
}

#[test]
fn a_damaged_store_is_a_miss_and_stays_as_it_is() {
    let shop = Workshop::large();
    shop.settle();
    fs::remove_dir_all(shop.path("out")).unwrap();
    let all = |kind: &str| -> Vec<std::path::PathBuf> {
        let entries = walkdir::WalkDir::new(shop.store().join(kind)).into_iter().filter_map(Result::ok);
        entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    };
    for blob in all("blobs") {
        fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&blob, "x").unwrap();
    }
    shop.explains(&expect![[r"
        make.thing: miss, the stored result lacks `out/result`
    "]]);
    for entry in all("entries") {
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&entry, "x").unwrap();
    }
    shop.explains(&expect![[r"
        make.thing: miss, the stored result is not to be believed: it is damaged
    "]]);
    assert_eq!((all("entries").len(), all("blobs").len()), (1, 1), "nothing was taken away");
}

#[test]
fn nothing_is_run_and_nothing_written() {
    let shop = Workshop::new();
    let names = || super::names(shop.repository.root());
    let before = names();
    for args in [&["explain", "make"][..], &["ci", "--explain"], &["plan"], &["plan", "--github-matrix", "2"]]
    {
        shop.explain(args, &[]);
        assert_eq!((shop.runs(), names()), (0, before.clone()), "{args:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let shop = Workshop::new();
    for (args, words) in [
        (&["explain"][..], "<TASK>"),
        (&["explain", "make.thong"], "did you mean `make.thing`?"),
        (&["ci", "--explain", "--list"], "cannot be used with"),
        (&["explain", "make", "--output", "svg"], "draw a plan"),
        (&["ci", "--list", "--output", "dot"], "draw a plan"),
        (&["plan", "--github-matrix", "0"], "0 is not in 1..=256"),
    ] {
        let said = shop.repository.xtask(args).expect(2);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.all());
    }
}
