//! The page of a run, made by the real program of real runs and of what is left of them.

use std::fmt::Write as _;

use crate::browser;
use crate::repository::Repository;

/// A repository in which one task passes, one fails, and one waits for the failed one.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write(
        "xtask.toml",
        "[project]\nname = \"small\"\n\n[tasks.\"lint.good\"]\ncommand = [\"sh\", \"-c\", \"cat in.txt\"]\nreads = [\"in.txt\"]\n\n\
         [tasks.\"lint.bad\"]\ncommand = [\"sh\", \"-c\", \"echo '<b>&broken'; exit 3\"]\nreads = [\"in.txt\"]\n\n\
         [tasks.\"docs.late\"]\ncommand = [\"true\"]\nreads = [\"in.txt\"]\nafter = [\"lint.bad\"]\n",
    );
    repository.write("in.txt", "first\n");
    repository
}

const PAGE: &str = "target/xtask/report.html";

#[test]
fn a_run_becomes_a_page() {
    let repository = repository();
    let said = repository.xtask(&["report"]).expect(4);
    assert!(said.stderr.contains("there is no run in"), "{}", said.all());
    repository.xtask(&["ci"]).expect(1);
    let said = repository.xtask(&["report"]).expect(0);
    assert_eq!(said.stdout, format!("1 of 3 tasks did not pass, 1 not run\n{PAGE}\n"));
    let page = repository.read(PAGE);
    for words in [
        "<h1 class=\"bad\">1 of 3 tasks did not pass, 1 not run</h1>",
        "no result of it is stored",
        "&lt;b&gt;&amp;broken",
        "not run: <code>lint.bad</code> did not pass",
        "cargo xtask ci lint.bad",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    // The graph stands in the lines, so that the page can say what would be faster.
    let events = repository.read("target/xtask/events.jsonl");
    assert!(events.contains(r#"{"task":"docs.late","after":["lint.bad"],"cores":1}"#), "{events}");

    repository.write("in.txt", "second\n");
    repository.xtask(&["ci", "lint.good"]).expect(0);
    assert!(!repository.root().join(PAGE).exists(), "the page of another run is none of this one");
    repository.xtask(&["report", "--out", "deep/page.html"]).expect(0);
    let page = repository.read("deep/page.html");
    assert!(page.contains("<h1 class=\"good\">1 task passed in "), "{page}");
    assert!(page.contains("in.txt"), "what has changed is named: {page}");
    repository.xtask(&["ci", "lint.good"]).expect(0);
    repository.xtask(&["report"]).expect(0);
    assert!(repository.read(PAGE).contains("nothing that it depends on has changed"));
}

#[test]
fn what_is_left_of_a_run_is_shown() {
    let repository = repository();
    repository.xtask(&["ci"]).expect(1);
    let events = repository.read("target/xtask/events.jsonl");
    let half: String = events.chars().take(events.len() * 2 / 3).collect();
    repository.write("target/xtask/events.jsonl", &half);
    repository.write("target/xtask/junit.xml", "<testsuites><testsuite");
    let said = repository.xtask(&["report"]).expect(0);
    assert!(said.stdout.contains("The run did not end"), "{}", said.all());
    assert!(said.all().contains("is no event and was left out"), "{}", said.all());
    let page = repository.read(PAGE);
    for words in ["class=\"damage\"", "the end of the run is missing", "is not valid XML", "lint.good"] {
        assert!(page.contains(words), "{words}\n{page}");
    }
}

#[test]
fn parts_have_one_verdict_and_a_missing_one_is_red() {
    let repository = repository();
    for (part, tasks, code) in [("part-1", "lint.good", 0), ("part-2", "lint.bad", 1)] {
        repository.xtask(&["ci", tasks]).expect(code);
        for name in ["events.jsonl", "junit.xml"] {
            repository.write(&format!("{part}/{name}"), &repository.read(&format!("target/xtask/{name}")));
        }
    }
    repository.xtask(&["report", "--merge", "part-1", "part-1"]).expect(0);
    let said = repository.xtask(&["report", "--merge", "part-1", "part-2"]).expect(1);
    assert!(said.stderr.contains("1 of 2 parts did not pass"), "{}", said.all());
    let said = repository.xtask(&["report", "--merge", "part-1", "part-3"]).expect(1);
    assert!(
        said.stdout.contains("1 of 2 parts did not end; of 1 task that are known none failed\n"),
        "{}",
        said.all()
    );
    assert!(repository.read(PAGE).contains("part-3: there is no <code>events.jsonl</code>"));
    let said = repository.xtask(&["report", "--merge", "part-1", "part-2", "--output", "json"]).expect(1);
    let answer = said.stdout.lines().find(|line| line.contains("\"answer\"")).unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["data"]["passed"], false);
    assert_eq!(answer["data"]["page"], PAGE);
}

#[test]
fn source_is_shown_and_nothing_outside_of_the_repository() {
    let repository = Repository::new();
    repository.write("xtask.toml", "[project]\nname = \"small\"\n");
    repository.write("src/<x>.py", "import os\nimport <sys>\n");
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "the private line\n").unwrap();
    std::os::unix::fs::symlink(outside.path(), repository.root().join("link.py")).unwrap();
    let mut events = String::new();
    for path in ["src/<x>.py", "link.py", "../../../../etc/hostname", outside.path().to_str().unwrap()] {
        let finding = serde_json::json!({ "tool": "ruff", "rule": "F401", "severity": "error", "message": "odd", "help": null,
            "location": { "path": path, "line": 1, "column": null } });
        let event = serde_json::json!({ "at_ms": 1.0, "event": "found", "task": "lint", "finding": finding });
        writeln!(events, "{event}").unwrap();
    }
    repository.write("target/xtask/events.jsonl", &events);
    repository.xtask(&["report"]).expect(0);
    let page = repository.read(PAGE);
    assert_eq!(page.matches("<pre class=\"source\">").count(), 1, "{page}");
    assert!(page.contains("import &lt;sys&gt;") && !page.contains("the private line"), "{page}");
}

#[test]
fn it_is_opened_in_the_browser_of_the_desktop() {
    let repository = repository();
    repository.xtask(&["ci", "lint.good"]).expect(0);
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    repository.write(&format!("bin/{program}"), "#!/bin/sh\necho \"$DISPLAY $1\" > opened.txt\n");
    let script = repository.root().join("bin").join(program);
    std::fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", repository.root().join("bin").display());
    repository.xtask_with(&["report", "--open"], &[("PATH", path.as_str()), ("DISPLAY", ":7")]).expect(0);
    let opened = repository.read("opened.txt");
    assert_eq!(opened.trim(), format!(":7 {}", repository.root().join(PAGE).display()));
    let said = repository.xtask_with(&["report", "--open"], &[("PATH", "/nowhere")]).expect(4);
    assert!(said.stderr.contains("report.html` yourself"), "{}", said.all());
}

#[test]
fn twenty_thousand_events_take_no_second() {
    let repository = Repository::new();
    repository.write("xtask.toml", "[project]\nname = \"small\"\n");
    let mut events =
        String::from("{\"at_ms\":0.0,\"event\":\"run-started\",\"format\":1,\"command\":\"x\",\"jobs\":2}\n");
    for number in 0..20_000 {
        writeln!(events, "{{\"at_ms\":{number}.0,\"event\":\"output\",\"task\":\"test.it\",\"line\":\"compiling <{number}> of many\"}}").unwrap();
    }
    repository.write("target/xtask/events.jsonl", &events);
    // Time of the processor, which other tests may have at the same time; the shell's `times` says it of its children.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "\"$0\" report && times", env!("CARGO_BIN_EXE_xtask")]).current_dir(repository.root());
    let output = shell.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let times = said.lines().last().unwrap().split_whitespace();
    let seconds = |time: &str| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    let took: f64 = times.map(seconds).sum();
    assert!(took < 1.0, "{took} s");
    let page = repository.read(PAGE);
    assert!(page.contains("compiling &lt;19999&gt; of many"));
    assert!(page.matches('<').count() < 61_000, "few elements for each event");
}

#[test]
fn a_browser_shows_it_under_its_own_policy() {
    let Some(browser) = browser::find() else { return };
    let complaints = |page: &std::path::Path| browser::show(browser, &format!("file://{}", page.display())).1;
    let repository = repository();
    repository.xtask(&["ci"]).expect(1);
    repository.xtask(&["report", "--out", "page.html"]).expect(0);
    // A space in a path is no part of an address.
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, repository.read("page.html")).unwrap();
    assert_eq!(complaints(&page), Vec::<String>::new());
    // One letter of the style, one script, and it says so: the policy holds.
    let text = repository.read("page.html");
    for (from, to) in
        [("--paper: #ffffff", "--paper: #fffffe"), ("</main>", "<script>document.title</script></main>")]
    {
        std::fs::write(&page, text.replacen(from, to, 1)).unwrap();
        let said = complaints(&page);
        assert!(said.iter().any(|line| line.contains("Content Security Policy")), "{from}: {said:?}");
    }
}
