//! Runs as lines, and the pages made of them.

use expect_test::{expect, expect_file};

use super::*;
use crate::drawing;
use crate::report::{TestCase, TestOutcome};

/// The lines of a small run in which a test failed, with this as every text that comes from outside.
fn lines(word: &str) -> String {
    let events = [
        serde_json::json!({ "at_ms": 0.0, "event": "run-started", "format": 1, "command": word, "unix_time": 1_700_000_000,
            "tasks": 4, "jobs": 2, "graph": [
                { "task": "setup", "cores": 1 },
                { "task": "test.api", "after": ["setup"], "cores": 1 },
                { "task": "lint", "cores": 1 },
                { "task": "docs", "after": ["test.api"], "cores": 1 },
            ] }),
        serde_json::json!({ "at_ms": 10.0, "event": "task-started", "task": "setup" }),
        serde_json::json!({ "at_ms": 12.0, "event": "task-started", "task": "lint" }),
        serde_json::json!({ "at_ms": 15.0, "event": "note", "task": "setup", "level": "warning", "message": word, "hint": word }),
        serde_json::json!({ "at_ms": 1000.0, "event": "task-finished", "task": "setup", "status": "passed", "duration_ms": 990.0,
            "reuse": { "is": "uncached", "reason": word } }),
        serde_json::json!({ "at_ms": 1001.0, "event": "task-started", "task": "test.api" }),
        serde_json::json!({ "at_ms": 1002.0, "event": "missed", "task": "test.api", "because": [word] }),
        serde_json::json!({ "at_ms": 1003.0, "event": "step-started", "task": "test.api", "step": "test.api.run" }),
        serde_json::json!({ "at_ms": 1004.0, "event": "command-started", "task": "test.api", "command": word }),
        serde_json::json!({ "at_ms": 1500.0, "event": "output", "task": "test.api", "line": word }),
        serde_json::json!({ "at_ms": 2990.0, "event": "step-finished", "task": "test.api", "step": "test.api.run", "status": "failed",
            "duration_ms": 1987.0 }),
        serde_json::json!({ "at_ms": 2991.0, "event": "tested", "task": "test.api", "counts": { "passed": 1, "failed": 1, "skipped": 0 } }),
        serde_json::json!({ "at_ms": 2992.0, "event": "found", "task": "test.api", "finding": { "tool": word, "rule": word,
            "severity": "error", "location": { "path": word, "line": 3, "column": null }, "message": word, "help": word } }),
        serde_json::json!({ "at_ms": 2993.0, "event": "covered", "task": "coverage.api", "component": word, "files": [
            { "path": word, "lines": { "covered": 5, "total": 8 }, "branches": { "covered": 1, "total": 2 }, "uncovered": [[3, 5]] },
            { "path": "whole", "lines": { "covered": 2, "total": 2 }, "branches": { "covered": 0, "total": 0 }, "uncovered": [] },
        ], "changed": { "since": word, "lines": { "covered": 1, "total": 2 }, "uncovered": [[word, [[3, 3]]]] },
            "before": { "commit": word, "lines": { "covered": 1, "total": 2 }, "branches": { "covered": 1, "total": 2 } } }),
        serde_json::json!({ "at_ms": 2994.0, "event": "narrated", "line": { "at_ms": 30_000, "kind": "evidence", "subject": word,
            "words": [word], "measured": { "stream": word, "canary": { "bad": 2, "total": 400 }, "baseline": { "bad": 1, "total": 1200 },
                "weight": 0.1, "e": 3.5, "threshold": 400.0 } } }),
        serde_json::json!({ "at_ms": 3000.0, "event": "run-finished", "duration_ms": 3000.0, "exit_code": 1, "interrupted": false,
            "critical_path": ["setup", "test.api"], "tasks": [
                { "task": "setup", "status": "passed", "duration_ms": 990.0, "reuse": { "is": "uncached", "reason": word } },
                { "task": "test.api", "status": "failed", "duration_ms": 1999.0, "output": word, "log": word,
                  "failure": { "kind": "problems", "message": word, "causes": [word], "hints": [word] } },
                { "task": "lint", "status": "passed", "duration_ms": 0.0, "reuse": { "is": "hit", "saved_ms": 5000.0 } },
                { "task": "docs", "status": "skipped", "duration_ms": 0.0, "failure": { "message": "not run: `test.api` did not pass" } },
            ] }),
    ];
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

fn case(word: &str, outcome: TestOutcome, took: u64) -> TestCase {
    let duration = Duration::from_millis(took);
    TestCase {
        group: word.to_owned(),
        name: word.to_owned(),
        path: Some(word.into()),
        line: Some(3),
        duration,
        outcome,
        earlier: Vec::new(),
    }
}

fn failed(word: &str) -> TestOutcome {
    TestOutcome::Failed { message: word.to_owned(), detail: word.to_owned() }
}

fn record(word: &str) -> Record {
    let mut record = Record::read(word, &lines(word));
    let skipped = TestOutcome::Skipped { reason: word.to_owned() };
    let cases = vec![case(word, failed(word), 400), case("other", skipped, 0)];
    record.reports = vec![TestReport { name: "test.api".to_owned(), cases }];
    let source = format!("one\ntwo\n{word}\nfour\nfive\nsix");
    record.findings[0].excerpt = Excerpt::around(&source, 3);
    let span = Span { first: 3, last: 3 };
    let excerpt = Excerpt::of(&source, span).unwrap();
    record.uncovered = vec![Uncovered { component: word.to_owned(), path: word.into(), span, excerpt }];
    let suite =
        history::Suite { name: word.to_owned(), failed: vec![word.to_owned()], ..history::Suite::default() };
    let run =
        history::Run { commit: Some(word.to_owned()), command: word.to_owned(), ..history::Run::default() };
    record.history = vec![history::Run { suites: vec![suite], ..run.clone() }, run];
    let layer = |is_base| Layer { made_by: word.to_owned(), size: 12_345_678, is_base };
    record.images = vec![(word.to_owned(), vec![layer(true), layer(false)])];
    let label = drawing::Box { label: word.to_owned(), tip: word.to_owned(), ..drawing::Box::default() };
    let drawing =
        drawing::Drawing { title: word.to_owned(), boxes: vec![label], ..drawing::Drawing::default() };
    record.drawings = vec![(word.to_owned(), drawing.svg())];
    record
}

fn page(records: &[Record]) -> String {
    Page { records, origin: "made by hand" }.html()
}

#[test]
fn a_small_run() {
    let page = page(&[record("word")]);
    let (_, body) = page.split_once("<body>").unwrap();
    expect_file!["testdata/run.html"].assert_eq(body);
}

#[test]
fn hostile_words_stay_words() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'/><style>*{display:none}</style>",
        "</pre></details></svg><h1>",
        "&lt;b&gt; &#x3c;b ]]>",
        "# **bold** [a](javascript:alert(1)) | cell",
        "::error::no %0A command ##[error]",
        "\x1b[31mred\0\x08\x1b]8;;http://x\x07",
        "ltr\u{202e}rtl",
        "two\nlines\tand\r\nmore",
    ];
    let plain = page(&[record("word")]);
    // Between backticks something is set as code, which none of these words has.
    let tags = |page: &str| page.matches('<').count();
    for word in hostile {
        let page = page(&[record(word)]);
        assert_eq!(tags(&page), tags(&plain), "{word:?} is markup");
        assert!(!page.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{word:?}");
        assert!(!page.contains('\u{202e}'), "{word:?}");
        for drawing in page.split("<svg").skip(1) {
            let drawing = format!("<svg{}</svg>", drawing.split_once("</svg>").unwrap().0);
            roxmltree::Document::parse(&drawing).unwrap();
        }
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let page = page(&[record("word")]);
    for outside in ["<script", "http:", "https:", "src=", "@import", "<link", "style=\""] {
        assert!(!page.contains(outside), "{outside}");
    }
    let handlers = page.split('<').filter(|tag| tag.split('>').next().is_some_and(|tag| tag.contains(" on")));
    assert_eq!(handlers.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn damage_is_said_and_the_rest_is_shown() {
    let whole = lines("word");
    let cut = &whole[..whole.rfind("\"critical_path\"").unwrap()];
    let noise = whole.replacen("{\"at_ms\":12.0", "\u{fffd}\0{", 1).replacen("{\"at_ms\":15.0", "[", 1);
    let twice = format!("{whole}{whole}");
    let later = whole.replacen("\"format\":1", "\"format\":2", 1);
    let odd = whole.replacen("\"severity\":\"error\"", "\"severity\":7", 1);
    let said = |text: &str| {
        let record = Record::read("part", text);
        format!("{} tasks, {}: {}", record.tasks.len(), record.has_passed(), record.damage.join("; "))
    };
    expect![[r#"
        4 tasks, false: 
        4 tasks, false: line 16 is no event and was left out; the end of the run is missing: it was killed, or is under way
        4 tasks, false: 2 lines are no events and were left out, the first is line 3
        4 tasks, false: the lines are those of more than one run
        4 tasks, false: the lines were written by a later version: some may mean something else
        4 tasks, false: a finding is not as it should be
        0 tasks, false: there are no events
        0 tasks, false: line 1 is no event and was left out; there are no events"#]]
    .assert_eq(&[&whole, cut, &noise, &twice, &later, &odd, "", "x"].map(said).join("\n"));
    // Whatever is lost, there is a page.
    for end in (0..whole.len()).step_by(7) {
        let record = Record::read("part", &whole[..end]);
        assert!(page(&[record]).contains("did not end"), "{end}");
    }
    for lost in ['"', ':', '{', '}', '[', ',', '0'] {
        page(&[Record::read("part", &whole.replace(lost, ""))]);
    }
}

#[test]
fn a_part_that_is_missing_is_no_success() {
    let passed = Record { end: Some(End::default()), ..Record::default() };
    let verdict = |records: &[Record]| Page { records, origin: "" }.verdict();
    assert!(verdict(std::slice::from_ref(&passed)).1);
    let missing = Record::missing("shard-2", "there is nothing");
    let (words, is_good) = verdict(&[passed.clone(), missing.clone()]);
    assert_eq!((words.as_str(), is_good), ("1 of 2 parts did not end; nothing is known of its tasks", false));
    assert!(page(&[passed, missing]).contains("shard-2: there is nothing"));
    assert!(!verdict(&[]).1);
}

#[test]
fn what_passed_one_time_and_failed_another_is_flaky() {
    let part = |name: &str, outcomes: Vec<TestOutcome>| {
        let cases = outcomes.into_iter().map(|outcome| case("sometimes", outcome, 200)).collect();
        Record {
            name: name.to_owned(),
            reports: vec![TestReport { name: "test".to_owned(), cases }],
            ..Record::default()
        }
    };
    let sums = |records: &[Record]| {
        let outcomes = outcomes::Outcomes::of(records);
        (
            outcomes.failed.len(),
            outcomes.flaky.iter().map(|(_, failed, times)| (*failed, *times)).collect::<Vec<_>>(),
        )
    };
    let good = || TestOutcome::Passed;
    assert_eq!(sums(&[part("1", vec![good()]), part("2", vec![failed("x")])]), (0, vec![(1, 2)]));
    assert_eq!(sums(&[part("1", vec![failed("x"), good()])]), (0, vec![(1, 2)]));
    assert_eq!(sums(&[part("1", vec![failed("x")]), part("2", vec![failed("x")])]), (1, vec![]));
    assert_eq!(sums(&[part("1", vec![good(), good()])]), (0, vec![]));
}

#[test]
fn a_task_that_passed_when_it_was_tried_again_is_flaky() {
    let text = [
        r#"{"at_ms":5,"event":"task-retried","task":"test","status":"failed","duration_ms":4,"failure":{"message":"it *was* late"},"left":1}"#,
        r#"{"at_ms":9,"event":"task-finished","task":"test","status":"passed","duration_ms":8,"earlier":[{"status":"failed","failure":{"message":"it *was* late"}}]}"#,
        r#"{"at_ms":9,"event":"run-finished","duration_ms":9,"exit_code":0,"tasks":[{"task":"test","status":"passed","duration_ms":8,"earlier":[{"failure":{"message":"it *was* late"}}]}]}"#,
    ];
    let record = Record::read("part", &text.join("\n"));
    let page = page(&[record]);
    for words in [
        "<dd>1 passed, 1 of them flaky</dd>",
        "<td class=\"doubt\">flaky</td>",
        "<br>try 1 did not pass: it *was* late",
        "tried again: failed after 4 ms: it *was* late",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
}

#[test]
fn advice_is_what_the_schedule_says() {
    // Three tasks of a second each that wait for nothing, on one core, and one of four seconds behind the first.
    let task = |id: &str, after: &[&str], took| Task {
        id: id.to_owned(),
        after: after.iter().map(|id| (*id).to_owned()).collect(),
        took: Duration::from_secs(took),
        state: State::Passed,
        ..Task::default()
    };
    let tasks = vec![task("a", &[], 1), task("b", &[], 1), task("c", &[], 1), task("d", &["a"], 4)];
    let end = End { took: Duration::from_secs(8), ..End::default() };
    let record = Record { tasks, jobs: 1, end: Some(end), ..Record::default() };
    let advice = advice::of(&record);
    let told: Vec<String> =
        advice.iter().map(|advice| format!("{} s: {}", advice.gain.as_secs(), advice.words)).collect();
    expect![[r#"
        4 s: a stored result of `d`, or a faster one: it took 4.0 s
        2 s: 2 cores instead of 1
        1 s: a stored result of `a`, or a faster one: it took 1.0 s
        1 s: nothing between tasks: so much passed with starting, looking at files and waiting; the tasks alone take 7.0 s"#]].assert_eq(&told.join("\n"));
    // Who does not know the graph advises nothing.
    let interrupted = End { interrupted: true, ..End::default() };
    assert_eq!(advice::of(&Record { end: Some(interrupted), ..record.clone() }), []);
    let mut odd = record;
    odd.tasks[3].after = vec!["NO NAME".to_owned()];
    assert_eq!(advice::of(&odd), []);
}

#[test]
fn an_excerpt_is_around_its_line() {
    let lines = |number| {
        Excerpt::around("1\n2\n3\n4\n5\n6", number).map(|excerpt| (excerpt.first, excerpt.lines.concat()))
    };
    assert_eq!(lines(1), Some((1, "123".to_owned())));
    assert_eq!(lines(4), Some((2, "23456".to_owned())));
    assert_eq!(lines(6), Some((4, "456".to_owned())));
    assert_eq!((lines(7), lines(0)), (None, None));
}
