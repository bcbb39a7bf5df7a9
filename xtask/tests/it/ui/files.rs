//! What programs read of a run: JSON lines and JUnit.

use std::io::{self, Write};
use std::path::Path;

use expect_test::expect;
use xtask::core::report::junit;
use xtask::event::Sink as _;
use xtask::ui::json::JsonLines;
use xtask::ui::junit::Collector;
use xtask::ui::log::Log;
use xtask::ui::plain::Plain;

use super::{Run, check, hostile, interrupted, look, red};

#[test]
fn json_lines() {
    let lines = red().written(JsonLines::new);
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{lines}");
    check(
        &lines,
        &expect![[r#"
        {"at_ms":0.0,"event":"run-started","format":1,"command":"cargo xtask ci","unix_time":1700000000,"tasks":6,"jobs":2}
        {"at_ms":10.0,"event":"task-started","task":"setup"}
        {"at_ms":20.0,"event":"task-started","task":"test.backend"}
        {"at_ms":30.0,"event":"task-started","task":"lint.backend"}
        {"at_ms":40.0,"event":"task-started","task":"test.frontend"}
        {"at_ms":50.0,"event":"found","task":"lint.backend","finding":{"tool":"ruff","rule":"F401","severity":"note","location":{"path":"backend/src/api.py","line":3,"column":1},"message":"looks odd","help":"remove the import"}}
        {"at_ms":60.0,"event":"found","task":"lint.backend","finding":{"tool":"ruff","rule":"F401","severity":"error","location":{"path":"backend/src/api.py","line":3,"column":1},"message":"`os` imported but unused","help":"remove the import"}}
        {"at_ms":70.0,"event":"tested","task":"test.backend","counts":{"passed":1,"failed":1,"skipped":0}}
        {"at_ms":80.0,"event":"task-finished","task":"setup","status":"passed","duration_ms":1000.0}
        {"at_ms":90.0,"event":"task-finished","task":"test.backend","status":"failed","duration_ms":3000.0,"failure":{"kind":"problems","message":"`pytest` ended with exit code 1","causes":["1 test failed"]},"output":"$ cd backend && pytest\nE   assert 3 == 4\n1 failed, 1 passed\n","log":"target/xtask/logs/test.backend.log"}
        {"at_ms":100.0,"event":"task-finished","task":"lint.backend","status":"failed","duration_ms":400.0,"failure":{"kind":"problems","message":"2 problems found","hints":["`cargo xtask lint --fix` mends what can be mended"]}}
        {"at_ms":110.0,"event":"task-finished","task":"test.frontend","status":"timed-out","duration_ms":600000.0,"failure":{"kind":"problems","message":"the task ran out of time"}}
        {"at_ms":120.0,"event":"task-finished","task":"docs.backend","status":"skipped","duration_ms":0.0,"failure":{"kind":"problems","message":"not run: `test.backend` did not pass"}}
        {"at_ms":130.0,"event":"task-finished","task":"docs.xtask","status":"skipped","duration_ms":0.0,"failure":{"kind":"problems","message":"not run: `test.backend` did not pass"}}
        {"at_ms":140.0,"event":"run-finished","duration_ms":600000.0,"exit_code":0,"tasks":[{"task":"setup","status":"passed","duration_ms":1000.0},{"task":"test.backend","status":"failed","duration_ms":3000.0,"failure":{"kind":"problems","message":"`pytest` ended with exit code 1","causes":["1 test failed"]},"output":"$ cd backend && pytest\nE   assert 3 == 4\n1 failed, 1 passed\n","log":"target/xtask/logs/test.backend.log"},{"task":"lint.backend","status":"failed","duration_ms":400.0,"failure":{"kind":"problems","message":"2 problems found","hints":["`cargo xtask lint --fix` mends what can be mended"]}},{"task":"test.frontend","status":"timed-out","duration_ms":600000.0,"failure":{"kind":"problems","message":"the task ran out of time"}},{"task":"docs.backend","status":"skipped","duration_ms":0.0,"failure":{"kind":"problems","message":"not run: `test.backend` did not pass"}},{"task":"docs.xtask","status":"skipped","duration_ms":0.0,"failure":{"kind":"problems","message":"not run: `test.backend` did not pass"}}],"critical_path":["setup","test.backend"],"interrupted":false}
    "#]],
    );
    check(
        &interrupted().written(JsonLines::new),
        &expect![[r#"
        {"at_ms":0.0,"event":"run-started","format":1,"command":"cargo xtask ci","unix_time":1700000000,"tasks":4,"jobs":2}
        {"at_ms":10.0,"event":"task-started","task":"setup"}
        {"at_ms":20.0,"event":"task-started","task":"test.backend"}
        {"at_ms":30.0,"event":"task-started","task":"lint.backend"}
        {"at_ms":40.0,"event":"task-finished","task":"setup","status":"passed","duration_ms":900.0}
        {"at_ms":50.0,"event":"task-finished","task":"test.backend","status":"interrupted","duration_ms":1500.0,"failure":{"kind":"interrupted","message":"interrupted"},"output":"half of\n","log":"target/xtask/logs/a.log"}
        {"at_ms":60.0,"event":"task-finished","task":"lint.backend","status":"interrupted","duration_ms":1500.0,"failure":{"kind":"interrupted","message":"interrupted"},"output":"half of\n","log":"target/xtask/logs/a.log"}
        {"at_ms":70.0,"event":"task-finished","task":"docs","status":"skipped","duration_ms":0.0}
        {"at_ms":80.0,"event":"run-finished","duration_ms":1500.0,"exit_code":0,"tasks":[{"task":"setup","status":"passed","duration_ms":900.0},{"task":"test.backend","status":"interrupted","duration_ms":1500.0,"failure":{"kind":"interrupted","message":"interrupted"},"output":"half of\n","log":"target/xtask/logs/a.log"},{"task":"lint.backend","status":"interrupted","duration_ms":1500.0,"failure":{"kind":"interrupted","message":"interrupted"},"output":"half of\n","log":"target/xtask/logs/a.log"},{"task":"docs","status":"skipped","duration_ms":0.0}],"critical_path":["setup","test.backend"],"interrupted":true}
    "#]],
    );
    for line in hostile().written(JsonLines::new).lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

/// Writes as long as there is room.
struct Small(usize, io::ErrorKind);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(self.1)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_cannot_be_written_is_said_at_the_end() {
    let finish = |room, kind| {
        let sink = JsonLines::new(Small(room, kind));
        red().events().iter().for_each(|event| sink.event(event));
        sink.finish()
    };
    assert!(finish(1 << 20, io::ErrorKind::StorageFull).is_ok());
    let error = finish(200, io::ErrorKind::StorageFull).unwrap_err();
    assert_eq!((error.message(), error.hints().len()), ("could not write the events of the run", 1));
    // A reader who has seen enough is no trouble.
    assert!(finish(200, io::ErrorKind::BrokenPipe).is_ok());
    let log = Log::new(Small(10, io::ErrorKind::BrokenPipe), look(), Plain);
    red().events().iter().for_each(|event| log.event(event));
}

#[test]
fn junit_of_tasks_and_tests() {
    let xml = |run: &Run| {
        let collector = Collector::default();
        run.events().iter().for_each(|event| collector.event(event));
        collector.xml()
    };
    check(
        &xml(&red()),
        &expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="tasks" tests="6" failures="3" errors="0" skipped="2" time="604.400000" timestamp="2023-11-14T22:13:20Z">
            <testcase classname="tasks" name="setup" time="1.000000"/>
            <testcase classname="tasks" name="test.backend" time="3.000000">
              <failure message="`pytest` ended with exit code 1">$ cd backend &amp;&amp; pytest
        E   assert 3 == 4
        1 failed, 1 passed
        error: `pytest` ended with exit code 1
          caused by: 1 test failed
        </failure>
            </testcase>
            <testcase classname="tasks" name="lint.backend" time="0.400000">
              <failure message="2 problems found">error: 2 problems found
        hint: `cargo xtask lint --fix` mends what can be mended
        </failure>
            </testcase>
            <testcase classname="tasks" name="test.frontend" time="600.000000">
              <failure message="the task ran out of time">error: the task ran out of time
        </failure>
            </testcase>
            <testcase classname="tasks" name="docs.backend" time="0.000000">
              <skipped message="not run: `test.backend` did not pass"/>
            </testcase>
            <testcase classname="tasks" name="docs.xtask" time="0.000000">
              <skipped message="not run: `test.backend` did not pass"/>
            </testcase>
          </testsuite>
          <testsuite name="test.backend" tests="2" failures="1" errors="0" skipped="0" time="0.008000" timestamp="2023-11-14T22:13:20Z">
            <testcase classname="tests.test_api" name="test_neighbours" file="backend/tests/test_api.py" line="31" time="0.004000">
              <failure message="assert 3 == 4">trace
        back</failure>
            </testcase>
            <testcase classname="tests.test_api" name="test_node" file="backend/tests/test_api.py" line="31" time="0.004000"/>
          </testsuite>
        </testsuites>
    "#]],
    );
    let report = junit::read("all", Path::new(""), &xml(&hostile())).unwrap();
    assert_eq!(report.cases.len(), 3);
}
