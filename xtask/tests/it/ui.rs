//! What people and programs see of a run, as golden texts: a run that passes, one that fails in every way there is, one that
//! is interrupted, and one whose tools say what a terminal or GitHub would obey.

mod files;
mod flaky;
mod gates;
mod logs;
mod pages;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::Expect;
use xtask::Error;
use xtask::core::finding::{Finding, Location, Severity};
use xtask::core::graph::TaskId;
use xtask::core::report::{TestCase, TestOutcome, TestReport};
use xtask::error::Style;
use xtask::event::{Body, Event, Level, RunEnd, Sink, Status, TaskEnd};
use xtask::ui::github::GitHub;
use xtask::ui::log::Log;
use xtask::ui::plain::Plain;
use xtask::ui::record::Record;
use xtask::ui::summary::summary;
use xtask::ui::{Look, Repeat};

fn id(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

fn end(task: &str, status: Status, milliseconds: u64) -> TaskEnd {
    let duration = Duration::from_millis(milliseconds);
    TaskEnd::new(id(task), status, duration)
}

fn passed(task: &str, milliseconds: u64) -> TaskEnd {
    end(task, Status::Passed, milliseconds)
}

fn case(name: &str, outcome: TestOutcome) -> TestCase {
    TestCase {
        group: "tests.test_api".into(),
        name: name.into(),
        path: Some(PathBuf::from("backend/tests/test_api.py")),
        line: Some(31),
        duration: Duration::from_millis(4),
        outcome,
        earlier: Vec::new(),
    }
}

fn tested(task: &str, cases: Vec<TestCase>) -> Body {
    let report = TestReport { name: task.into(), cases };
    Body::Tested { task: id(task), counts: report.counts(), report: Arc::new(report) }
}

fn found(task: &str, severity: Severity, message: &str) -> Body {
    let location = Location::at("backend/src/api.py", Some(3), Some(1));
    let finding = Finding {
        rule: "F401".into(),
        severity,
        location: Some(location),
        help: Some("remove the import".into()),
        ..Finding::error("ruff", message)
    };
    Body::Found { task: id(task), finding }
}

/// A run: what its tasks say, and how they end.
struct Run {
    bodies: Vec<Body>,
    tasks: Vec<TaskEnd>,
    interrupted: bool,
}

impl Run {
    fn new(tasks: Vec<TaskEnd>) -> Self {
        Self { bodies: Vec::new(), tasks, interrupted: false }
    }

    fn with(mut self, body: Body) -> Self {
        self.bodies.push(body);
        self
    }

    fn end(&self) -> RunEnd {
        let critical_path = self.tasks.iter().filter(|task| task.status != Status::Skipped).take(2);
        RunEnd {
            duration: self.tasks.iter().map(|task| task.duration).max().unwrap_or_default(),
            exit_code: 0,
            critical_path: critical_path.map(|task| task.task.clone()).collect(),
            tasks: self.tasks.clone(),
            interrupted: self.interrupted,
            failures: Vec::new(),
        }
    }

    /// The events in their order.
    fn events(&self) -> Vec<Event> {
        let command = "cargo xtask ci".to_owned();
        let mut bodies = vec![Body::RunStarted {
            format: 1,
            command,
            unix_time: 1_700_000_000,
            tasks: self.tasks.len(),
            jobs: 2,
            graph: Vec::new(),
        }];
        let ran = self.tasks.iter().filter(|task| task.status != Status::Skipped);
        bodies.extend(ran.map(|task| Body::TaskStarted { task: task.task.clone() }));
        bodies.extend(self.bodies.iter().cloned());
        bodies.extend(self.tasks.iter().cloned().map(Body::TaskFinished));
        bodies.push(Body::RunFinished(self.end()));
        (0..).zip(bodies).map(|(tens, body)| Event { at: Duration::from_millis(10 * tens), body }).collect()
    }

    /// What a sink writes to the buffer it is given.
    fn written<S: Sink>(&self, sink: impl FnOnce(Buffer) -> S) -> String {
        let buffer = Buffer::default();
        let sink = sink(buffer.clone());
        self.events().iter().for_each(|event| sink.event(event));
        buffer.text()
    }

    fn plain(&self) -> String {
        self.written(|out| Log::new(out, look(), Plain))
    }

    /// The log for GitHub, the random words replaced.
    fn github(&self) -> String {
        let mut text = self.written(|out| Log::new(out, look(), GitHub::default()));
        let mut number = 0;
        while let Some((_, rest)) =
            text.split_once("::stop-commands::").filter(|(_, rest)| !rest.starts_with("TOKEN"))
        {
            let token = rest[..rest.find('\n').unwrap()].to_owned();
            assert_eq!((token.len(), text.matches(&token).count()), (32, 2), "{text}");
            number += 1;
            text = text
                .replacen(&token, "TOKEN", 2)
                .replace("::stop-commands::TOKEN\n", &format!("::stop {number}::\n"));
        }
        text
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn look() -> Look {
    let repeat: Repeat = Arc::new(|task| format!("cargo xtask {}", task.as_str().replacen('.', " ", 1)));
    Look { style: Style { color: false, width: 60 }, repeat }
}

fn green() -> Run {
    Run::new(vec![passed("setup.backend", 2_000), passed("test.backend", 41_200), passed("lint.backend", 40)])
        .with(Body::Output { task: id("test.backend"), line: "collected 2 items".into() })
        .with(tested(
            "test.backend",
            vec![
                case("test_a", TestOutcome::Passed),
                case("test_b", TestOutcome::Skipped { reason: "no database".into() }),
            ],
        ))
        .with(Body::Note {
            task: Some(id("test.backend")),
            level: Level::Warning,
            message: "no PostgreSQL here".into(),
            hint: Some("install it to test on both databases".into()),
        })
}

fn red() -> Run {
    let tests = TaskEnd {
        failure: Some(Error::problems("`pytest` ended with exit code 1").cause("1 test failed")),
        output: "$ cd backend && pytest\nE   assert 3 == 4\n1 failed, 1 passed\n".into(),
        log: Some("target/xtask/logs/test.backend.log".into()),
        ..end("test.backend", Status::Failed, 3_000)
    };
    let lint = TaskEnd {
        failure: Some(
            Error::problems("2 problems found").hint("`cargo xtask lint --fix` mends what can be mended"),
        ),
        ..end("lint.backend", Status::Failed, 400)
    };
    let slow = TaskEnd {
        failure: Some(Error::problems("the task ran out of time")),
        ..end("test.frontend", Status::TimedOut, 600_000)
    };
    let skipped = |task| TaskEnd {
        failure: Some(Error::problems("not run: `test.backend` did not pass")),
        ..end(task, Status::Skipped, 0)
    };
    let failed = TestOutcome::Failed { message: "assert 3 == 4".into(), detail: "trace\nback".into() };
    let tasks =
        vec![passed("setup", 1_000), tests, lint, slow, skipped("docs.backend"), skipped("docs.xtask")];
    Run::new(tasks)
        .with(found("lint.backend", Severity::Note, "looks odd"))
        .with(found("lint.backend", Severity::Error, "`os` imported but unused"))
        .with(tested(
            "test.backend",
            vec![case("test_neighbours", failed), case("test_node", TestOutcome::Passed)],
        ))
}

fn interrupted() -> Run {
    let stopped = |task| TaskEnd {
        failure: Some(Error::interrupted()),
        output: "half of\n".into(),
        log: Some("target/xtask/logs/a.log".into()),
        ..end(task, Status::Interrupted, 1_500)
    };
    let tasks = vec![
        passed("setup", 900),
        stopped("test.backend"),
        stopped("lint.backend"),
        end("docs", Status::Skipped, 0),
    ];
    Run { interrupted: true, ..Run::new(tasks) }
}

/// Every word of a tool tries to be more than a word.
fn hostile() -> Run {
    let evil = "100 %\r\n::error file=a::x\n##[group]y\x1b[2J\x1b[31mred\u{9b}1A\x1b]0;title\x07 \0 a,b:c";
    let failed = TestOutcome::Failed { message: evil.into(), detail: evil.into() };
    let mut test = case(evil, failed);
    test.path = Some(PathBuf::from("a:b,c%\n::d.py"));
    let ended = TaskEnd {
        failure: Some(Error::problems(evil).cause(evil).hint(evil)),
        output: format!("{evil}\n::set-env name=PATH::/evil"),
        log: Some(format!("logs/{evil}").into()),
        ..end("test.backend", Status::Failed, 1)
    };
    Run::new(vec![ended, passed("lint", 2)])
        .with(Body::Output { task: id("lint"), line: evil.into() })
        .with(Body::Output { task: id("lint"), line: "::endgroup::".into() })
        .with(Body::Note {
            task: None,
            level: Level::Info,
            message: "##[error]x".into(),
            hint: Some(evil.into()),
        })
        .with(Body::Answer { text: "::warning::x".into(), data: serde_json::json!({ "a": evil }) })
        .with(found("test.backend", Severity::Error, evil))
        .with(tested("test.backend", vec![test]))
}

fn check(actual: &str, expected: &Expect) {
    assert!(!actual.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{actual:?}");
    expected.assert_eq(actual);
}

#[test]
fn the_last_line_is_the_sum() {
    let last = |run: &Run| {
        let mut record = Record::default();
        run.bodies.iter().for_each(|body| record.take(body));
        let summary = summary(&run.end(), &record, &look()).to_string();
        summary.lines().last().unwrap().to_owned()
    };
    assert_eq!(last(&green()), "1 passed, 0 failed, 1 skipped");
    assert_eq!(last(&red()), "1 passed, 1 failed");
    assert_eq!(last(&interrupted()), "2 of 4 tasks did not pass, 1 not run");
    assert_eq!(last(&Run::new(vec![passed("lint", 41_200)])), "1 task passed in 41.2 s");
    assert_eq!(last(&Run::new(Vec::new())), "0 tasks passed in 0 ms");
}

#[test]
fn long_lists_are_cut_and_counted() {
    let mut run = Run::new((0..1500).map(|number| passed(&format!("unit.t{number}"), number)).collect());
    run.tasks[3] = TaskEnd { failure: Some(Error::problems("found")), ..end("unit.t3", Status::Failed, 3) };
    for number in 0..70 {
        run = run.with(found("unit.t3", Severity::Error, &format!("problem {number}")));
    }
    let text = run.plain();
    let (_, table) = text.split_once("\n\n").unwrap();
    let rows: Vec<&str> = table.lines().take(21).collect();
    assert_eq!(rows[0], "     1.5 s  unit.t1499", "{text}");
    assert_eq!(rows[19], "18 min 16 s  1481 more tasks", "{text}");
    assert!(text.contains("problem 49\n") && !text.contains("problem 50\n"), "{text}");
    assert!(text.contains("\n… and 20 more findings\n"), "{text}");
}
