//! `cargo xtask bench` from the command line to the document: with benchmarks that say what they are told to, and with one of
//! this repository's own, with small sizes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::repository::Repository;

const DOCUMENT: &str =
    "# Speed\n\nmeasured by hand\n\n<!-- begin bench -->\n<!-- end bench -->\n\nmore by hand\n";

/// A repository with two benchmarks: what they say stands in a file each.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write(
        "xtask.toml",
        "[project]\nname = \"small\"\n\n[bench]\ndocument = \"docs/speed.md\"\nplot = \"docs/images/speed.svg\"\n\
         history = \"docs/speed.jsonl\"\n\n[bench.suites.first]\ntitle = \"The first\"\ncommand = [\"cat\"]\n\
         whole = [\"first.txt\"]\nquick = [\"quick.txt\"]\n\n[bench.suites.second]\ntitle = \"The second\"\n\
         command = [\"sh\", \"-c\"]\nwhole = [\"cat second.txt; test \\\"$BENCH_END\\\" != bad\"]\nenv = [\"BENCH_*\"]\n",
    );
    repository.write("docs/speed.md", DOCUMENT);
    repository.write("first.txt", &lines(&[("one", "ours", 100.0), ("one", "theirs", 200.0)]));
    repository.write("quick.txt", &lines(&[("small", "ours", 1.0)]));
    repository.write("second.txt", "{\"case\":\"two\",\"side\":\"ours\",\"absent\":\"no network\"}\n");
    repository.write(".gitignore", "/target\n/.xtask\n");
    git(&repository, &["init", "--quiet"]);
    commit(&repository);
    repository
}

fn git(repository: &Repository, args: &[&str]) {
    let status = Command::new("git").args(args).current_dir(repository.root()).status().unwrap();
    assert!(status.success(), "{args:?}");
}

fn commit(repository: &Repository) {
    git(repository, &["add", "--all"]);
    git(
        repository,
        &["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message", "all"],
    );
}

fn lines(figures: &[(&str, &str, f64)]) -> String {
    let line = |(case, side, value): &(&str, &str, f64)| {
        format!("{{\"case\":\"{case}\",\"side\":\"{side}\",\"value\":{value},\"unit\":\"ms\"}}\n")
    };
    figures.iter().map(line).collect()
}

fn history(repository: &Repository) -> Vec<Value> {
    let text = repository.read("docs/speed.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn figures_are_shown_and_kept_and_what_was_written_by_hand_stays() {
    let repository = repository();
    let said = repository.xtask(&["bench"]).expect(0);
    for words in ["| one | 100 ms | 200 ms, 2.00 × |", "two, ours: not there: no network", "docs/speed.jsonl"]
    {
        assert!(said.all().contains(words), "{words}\n{}", said.all());
    }
    let document = repository.read("docs/speed.md");
    assert!(document.starts_with("# Speed\n\nmeasured by hand\n\n<!-- begin bench -->\n\n!["), "{document}");
    assert!(document.ends_with("<!-- end bench -->\n\nmore by hand\n"), "{document}");
    assert!(document.contains("### The first\n\n`cargo xtask bench first`, 2"), "{document}");
    assert!(document.contains("](images/speed.svg)"), "{document}");
    // What could not be measured at all is no figure to be kept.
    assert!(!document.contains("The second"), "{document}");
    assert!(repository.read("docs/images/speed.svg").contains("2.00 ×"));
    let kept = history(&repository);
    assert_eq!(kept.len(), 2);
    assert_eq!((kept[1]["suite"].as_str(), kept[1]["ratio"].as_f64()), (Some("first"), Some(2.0)));
    assert!(kept[1]["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0), "{kept:?}");

    assert_eq!(
        (kept[0]["modified"].as_bool(), kept[0]["commit"].as_str().map(str::len)),
        (Some(false), Some(40))
    );

    // The next run is added; a ratio that has moved is said. Another benchmark's last figures stay.
    repository.write("first.txt", &lines(&[("one", "ours", 100.0), ("one", "theirs", 150.0)]));
    let said = repository.xtask(&["bench", "first"]).expect(0);
    assert!(said.stdout.contains("moved: one: 1.50 × of `theirs`, and 2.00 × on 2"), "{}", said.all());
    let kept = history(&repository);
    assert_eq!(kept.len(), 4);
    // What is measured was changed, and is not committed; what a run has written itself is no change.
    assert_eq!(kept[3]["modified"], true);
    commit(&repository);
    repository.write("docs/speed.md", &(repository.read("docs/speed.md") + "by hand\n"));
    repository.xtask(&["bench", "first"]).expect(0);
    assert_eq!(history(&repository)[5]["modified"], false);
    assert!(repository.read("docs/speed.md").contains("| one | 100 ms | 150 ms, 1.50 × |"));
    repository.write("second.txt", &lines(&[("two", "ours", 3.0)]));
    repository.xtask(&["bench", "second"]).expect(0);
    let document = repository.read("docs/speed.md");
    assert!(document.contains("1.50 ×") && document.contains("| two | 3.00 ms |"), "{document}");
}

#[test]
fn a_quick_look_keeps_nothing() {
    let repository = repository();
    let said = repository.xtask(&["bench", "first", "--quick"]).expect(0);
    assert!(
        said.stdout.contains("| small | 1.00 ms |") && said.all().contains("nothing was kept"),
        "{}",
        said.all()
    );
    assert_eq!(repository.read("docs/speed.md"), DOCUMENT);
    assert!(!repository.root().join("docs/speed.jsonl").exists());
    let said = repository.xtask(&["bench", "first", "--quick", "--output", "json"]).expect(0);
    let answer: Value = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|line: &Value| line["event"] == "answer")
        .unwrap();
    assert_eq!(answer["data"]["figures"][0]["case"], "small");
}

#[test]
fn what_cannot_be_measured_or_written_is_said_before_and_after() {
    let repository = repository();
    let said = repository.xtask(&["bench", "frist"]).expect(2);
    assert!(said.stderr.contains("did you mean `first`?"), "{}", said.all());
    // What was measured before a benchmark failed is kept.
    let said = repository.xtask_with(&["bench"], &[("BENCH_END", "bad")]).expect(1);
    assert!(said.stderr.contains("`sh` ended with exit code 1"), "{}", said.all());
    assert_eq!(history(&repository).len(), 2);
    repository.write("first.txt", "| no | json |\n");
    let said = repository.xtask(&["bench", "first"]).expect(1);
    assert!(said.stderr.contains("line 1 is no figure"), "{}", said.all());
    // Where there is no place for figures, none are measured.
    repository.write("first.txt", &lines(&[("one", "ours", 1.0)]));
    repository.write("docs/speed.md", "# Speed\n\n<!-- end bench -->\n");
    let said = repository.xtask(&["bench", "first"]).expect(3);
    assert!(said.stderr.contains("it has no line `<!-- begin bench -->`"), "{}", said.all());
    assert_eq!(history(&repository).len(), 2);
    repository.write("docs/speed.md", DOCUMENT);
    repository.edit("docs/speed.jsonl", "\"format\":1", "\"format\":7");
    let said = repository.xtask(&["bench", "first"]).expect(3);
    assert!(said.stderr.contains("has format 7"), "{}", said.all());
    repository.write("xtask.toml", "[project]\nname = \"small\"\n");
    let said = repository.xtask(&["bench"]).expect(3);
    assert!(said.stderr.contains("has no `[bench]`"), "{}", said.all());
}

#[test]
fn this_repository_measures_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let repository = Repository::at(root);
    let said = repository.xtask(&["bench", "schedule", "--quick"]).expect(0);
    assert!(said.stdout.contains("| 100 trivial tasks, independent | "), "{}", said.all());
    let is_there = Command::new("ninja").arg("--version").output().is_ok();
    assert_eq!(said.stdout.contains("`ninja` is not on PATH"), !is_there, "{}", said.all());
    // What this repository has kept can be read, and the document shows it.
    let kept = xtask::core::benchmark::history::read(&repository.read("docs/benchmarks.jsonl")).unwrap();
    assert!(!kept.is_empty());
    let document = repository.read("docs/performance.md");
    let suites = ["cache", "schedule", "images", "simulation"];
    for suite in suites.iter().filter(|suite| kept.iter().any(|line| line.suite == **suite)) {
        assert!(document.contains(&format!("`cargo xtask bench {suite}`, 2")), "{suite}");
    }
}
