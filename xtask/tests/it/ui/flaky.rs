//! What is seen of a task whose tests failed before it was tried again.

use std::time::Duration;

use expect_test::expect;
use xtask::Error;
use xtask::core::report::{TestCase, TestOutcome};
use xtask::event::{Attempt, Body, Sink as _, Status, TaskEnd};
use xtask::ui::junit::Collector;

use super::{Run, case, check, id, passed, tested};

fn attempt() -> Attempt {
    Attempt {
        status: Status::Failed,
        duration: Duration::from_millis(700),
        failure: Error::problems("`pytest` ended with exit code 1")
            .cause("\x1b[31m1 test failed\n::error::no"),
        output: "E   assert 3 == 4\n".to_owned(),
        log: Some("target/xtask/logs/test.backend.log.1".into()),
    }
}

fn failed() -> TestCase {
    let detail = "E   assert 3 == 4".to_owned();
    case("test_counts", TestOutcome::Failed { message: "assert 3 == 4".to_owned(), detail })
}

fn flaky() -> Run {
    let end = TaskEnd { earlier: vec![attempt()], ..passed("test.backend", 1500) };
    let retried = Body::TaskRetried { task: id("test.backend"), attempt: attempt(), left: 1 };
    let fine = || case("test_reads", TestOutcome::Passed);
    Run::new(vec![passed("setup", 900), end])
        .with(tested("test.backend", vec![failed(), fine()]))
        .with(retried)
        .with(Body::TaskStarted { task: id("test.backend") })
        .with(tested("test.backend", vec![case("test_counts", TestOutcome::Passed), fine()]))
}

#[test]
fn for_people() {
    check(
        &flaky().plain(),
        &expect![[r#"
        tried again      0.7 s  test.backend  `pytest` ended with exit code 1
        passed           0.9 s  setup
        flaky            1.5 s  test.backend  2 passed, 0 failed

             1.5 s  test.backend
             0.9 s  setup
        critical path 2.4 s: setup → test.backend

        flaky: passed only when tried again
        test.backend passed on try 2
            try 1, after 0.7 s: `pytest` ended with exit code 1: 1 test failed ::error::no, log: target/xtask/logs/test.backend.log.1
            backend/tests/test_api.py:31: flaky test_counts

        2 tasks passed in 1.5 s, 1 flaky
        2 passed, 0 failed
    "#]],
    );
}

#[test]
fn for_github() {
    check(
        &flaky().github(),
        &expect![[r#"
        tried again      0.7 s  test.backend  `pytest` ended with exit code 1
        passed           0.9 s  setup
        flaky            1.5 s  test.backend  2 passed, 0 failed
        ::warning title=flaky%3A test.backend::passed only on try 2%0Atry 1: `pytest` ended with exit code 1
        ::stop 1::

             1.5 s  test.backend
             0.9 s  setup
        critical path 2.4 s: setup → test.backend

        flaky: passed only when tried again
        test.backend passed on try 2
            try 1, after 0.7 s: `pytest` ended with exit code 1: 1 test failed ::error::no, log: target/xtask/logs/test.backend.log.1
            backend/tests/test_api.py:31: flaky test_counts

        ::TOKEN::
        2 tasks passed in 1.5 s, 1 flaky
        2 passed, 0 failed
    "#]],
    );
}

#[test]
fn for_programs() {
    let collector = Collector::default();
    flaky().events().iter().for_each(|event| collector.event(event));
    check(
        &collector.xml(),
        &expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="tasks" tests="2" failures="0" errors="0" skipped="0" time="1.700000" timestamp="2023-11-14T22:13:20Z">
            <testcase classname="tasks" name="setup" time="0.900000"/>
            <testcase classname="tasks" name="test.backend" time="0.800000">
              <flakyFailure message="`pytest` ended with exit code 1" type="failure" time="0.700000"><stackTrace>E   assert 3 == 4
        error: `pytest` ended with exit code 1
          caused by: 1 test failed
              ::error::no
        </stackTrace></flakyFailure>
            </testcase>
          </testsuite>
          <testsuite name="test.backend" tests="2" failures="0" errors="0" skipped="0" time="0.008000" timestamp="2023-11-14T22:13:20Z">
            <testcase classname="tests.test_api" name="test_counts" file="backend/tests/test_api.py" line="31" time="0.004000">
              <flakyFailure message="assert 3 == 4" type="failure" time="0.004000"><stackTrace>E   assert 3 == 4</stackTrace></flakyFailure>
            </testcase>
            <testcase classname="tests.test_api" name="test_reads" file="backend/tests/test_api.py" line="31" time="0.004000"/>
          </testsuite>
        </testsuites>
    "#]],
    );
}
