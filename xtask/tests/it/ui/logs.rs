//! The logs for people, as golden texts.

use expect_test::expect;
use xtask::core::finding::Severity;

use super::{check, found, green, hostile, interrupted, red};

#[test]
fn plain_of_a_run_that_passes() {
    check(
        &green().plain(),
        &expect![[r#"
        warning: test.backend: no PostgreSQL here
          hint: install it to test on both databases
        passed           2.0 s  setup.backend
        passed          41.2 s  test.backend  1 passed, 0 failed, 1 skipped
        passed           40 ms  lint.backend

            41.2 s  test.backend
             2.0 s  setup.backend
             40 ms  lint.backend
        critical path 43.2 s: setup.backend → test.backend

        3 tasks passed in 41.2 s
        1 passed, 0 failed, 1 skipped
    "#]],
    );
}

#[test]
fn plain_of_a_run_that_fails() {
    check(
        &red().plain(),
        &expect![[r#"
            passed           1.0 s  setup
            failed           3.0 s  test.backend  1 passed, 1 failed
            failed           0.4 s  lint.backend
            timed out   10 min 00 s  test.frontend

            10 min 00 s  test.frontend  timed out
                 3.0 s  test.backend   failed
                 1.0 s  setup
                 0.4 s  lint.backend   failed
            critical path 4.0 s: setup → test.backend

            not run: docs.backend, docs.xtask

            ── test.frontend timed out after 10 min 00 s ───────────────
            error: the task ran out of time
            repeat: cargo xtask test frontend

            ── test.backend failed after 3.0 s ─────────────────────────
            $ cd backend && pytest
            E   assert 3 == 4
            1 failed, 1 passed

            backend/tests/test_api.py:31: failed test_neighbours
                assert 3 == 4

            error: `pytest` ended with exit code 1
              caused by: 1 test failed
            log: target/xtask/logs/test.backend.log
            repeat: cargo xtask test backend

            ── lint.backend failed after 0.4 s ─────────────────────────
            backend/src/api.py:3:1: error[ruff F401]: `os` imported but unused
                help: remove the import
            backend/src/api.py:3:1: note[ruff F401]: looks odd
                help: remove the import

            error: 2 problems found
            hint: `cargo xtask lint --fix` mends what can be mended
            repeat: cargo xtask lint backend

            test.frontend  the task ran out of time
            test.backend   backend/tests/test_api.py:31: test_neighbours
            lint.backend   backend/src/api.py:3:1: `os` imported but unused

            3 of 6 tasks did not pass, 2 not run
            1 passed, 1 failed
        "#]],
    );
}

#[test]
fn plain_of_an_interrupted_run() {
    check(
        &interrupted().plain(),
        &expect![[r#"
        passed           0.9 s  setup
        interrupted      1.5 s  test.backend
        interrupted      1.5 s  lint.backend

             1.5 s  test.backend  interrupted
             1.5 s  lint.backend  interrupted
             0.9 s  setup
        critical path 2.4 s: setup → test.backend

        not run: docs

        ── test.backend interrupted after 1.5 s ────────────────────
        log: target/xtask/logs/a.log

        ── lint.backend interrupted after 1.5 s ────────────────────
        log: target/xtask/logs/a.log

        interrupted: test.backend, lint.backend were under way
        2 of 4 tasks did not pass, 1 not run
    "#]],
    );
}

#[test]
fn plain_of_hostile_tools() {
    check(
        &hostile().plain(),
        &expect![[r#"
        note: ##[error]x
          hint: 100 % ::error file=a::x ##[group]yred  a,b:c
        ::warning::x
        failed            1 ms  test.backend  0 passed, 1 failed
        passed            2 ms  lint

              2 ms  lint
              1 ms  test.backend  failed
        critical path 3 ms: test.backend → lint

        ── test.backend failed after 1 ms ──────────────────────────
        100 %
        ::error file=a::x
        ##[group]yred  a,b:c
        ::set-env name=PATH::/evil

        backend/src/api.py:3:1: error[ruff F401]: 100 % ::error file=a::x ##[group]yred  a,b:c
            help: remove the import

        a:b,c% ::d.py:31: failed 100 % ::error file=a::x ##[group]yred  a,b:c
            100 % ::error file=a::x ##[group]yred  a,b:c

        error: 100 %
            ::error file=a::x
            ##[group]yred  a,b:c
          caused by: 100 %
              ::error file=a::x
              ##[group]yred  a,b:c
        hint: 100 %
            ::error file=a::x
            ##[group]yred  a,b:c
        log: logs/100 % ::error file=a::x ##[group]yred  a,b:c
        repeat: cargo xtask test backend

        1 of 2 tasks did not pass
        0 passed, 1 failed
    "#]],
    );
}

#[test]
fn github_of_a_run_that_passes() {
    check(
        &green().github(),
        &expect![[r#"
        warning: test.backend: no PostgreSQL here
          hint: install it to test on both databases
        passed           2.0 s  setup.backend
        ::group::passed          41.2 s  test.backend  1 passed, 0 failed, 1 skipped
        ::stop 1::
        collected 2 items
        ::TOKEN::
        ::endgroup::
        passed           40 ms  lint.backend

            41.2 s  test.backend
             2.0 s  setup.backend
             40 ms  lint.backend
        critical path 43.2 s: setup.backend → test.backend

        3 tasks passed in 41.2 s
        1 passed, 0 failed, 1 skipped
    "#]],
    );
}

#[test]
fn github_of_a_run_that_fails() {
    check(
        &red().github(),
        &expect![[r#"
            passed           1.0 s  setup
            failed           3.0 s  test.backend  1 passed, 1 failed
            failed           0.4 s  lint.backend
            timed out   10 min 00 s  test.frontend
            ::error file=backend/tests/test_api.py,line=31,title=failed%3A test_neighbours::assert 3 == 4
            ::error file=backend/src/api.py,line=3,col=1,title=ruff F401::`os` imported but unused%0Ahelp: remove the import
            ::error title=test.frontend::the task ran out of time
            ::notice file=backend/src/api.py,line=3,col=1,title=ruff F401::looks odd%0Ahelp: remove the import
            ::stop 1::

            10 min 00 s  test.frontend  timed out
                 3.0 s  test.backend   failed
                 1.0 s  setup
                 0.4 s  lint.backend   failed
            critical path 4.0 s: setup → test.backend

            not run: docs.backend, docs.xtask

            ── test.frontend timed out after 10 min 00 s ───────────────
            error: the task ran out of time
            repeat: cargo xtask test frontend

            ── test.backend failed after 3.0 s ─────────────────────────
            $ cd backend && pytest
            E   assert 3 == 4
            1 failed, 1 passed

            backend/tests/test_api.py:31: failed test_neighbours
                assert 3 == 4

            error: `pytest` ended with exit code 1
              caused by: 1 test failed
            log: target/xtask/logs/test.backend.log
            repeat: cargo xtask test backend

            ── lint.backend failed after 0.4 s ─────────────────────────
            backend/src/api.py:3:1: error[ruff F401]: `os` imported but unused
                help: remove the import
            backend/src/api.py:3:1: note[ruff F401]: looks odd
                help: remove the import

            error: 2 problems found
            hint: `cargo xtask lint --fix` mends what can be mended
            repeat: cargo xtask lint backend

            test.frontend  the task ran out of time
            test.backend   backend/tests/test_api.py:31: test_neighbours
            lint.backend   backend/src/api.py:3:1: `os` imported but unused

            ::TOKEN::
            3 of 6 tasks did not pass, 2 not run
            1 passed, 1 failed
        "#]],
    );
}

#[test]
fn github_of_hostile_tools() {
    check(
        &hostile().github(),
        &expect![[r#"
        ::stop 1::
        note: ##[error]x
          hint: 100 % ::error file=a::x ##[group]yred  a,b:c
        ::TOKEN::
        ::stop 2::
        ::warning::x
        ::TOKEN::
        failed            1 ms  test.backend  0 passed, 1 failed
        ::group::passed            2 ms  lint
        ::stop 3::
        100 %
        ::error file=a::x
        ##[group]yred  a,b:c
        ::endgroup::
        ::TOKEN::
        ::endgroup::
        ::error file=backend/src/api.py,line=3,col=1,title=ruff F401::100 %25%0A::error file=a::x%0A##[group]yred  a,b:c%0Ahelp: remove the import
        ::error file=a%3Ab%2Cc%25%0A%3A%3Ad.py,line=31,title=failed%3A 100 %25%0A%3A%3Aerror file=a%3A%3Ax%0A##[group]yred  a%2Cb%3Ac::100 %25%0A::error file=a::x%0A##[group]yred  a,b:c
        ::stop 4::

              2 ms  lint
              1 ms  test.backend  failed
        critical path 3 ms: test.backend → lint

        ── test.backend failed after 1 ms ──────────────────────────
        100 %
        ::error file=a::x
        ##[group]yred  a,b:c
        ::set-env name=PATH::/evil

        backend/src/api.py:3:1: error[ruff F401]: 100 % ::error file=a::x ##[group]yred  a,b:c
            help: remove the import

        a:b,c% ::d.py:31: failed 100 % ::error file=a::x ##[group]yred  a,b:c
            100 % ::error file=a::x ##[group]yred  a,b:c

        error: 100 %
            ::error file=a::x
            ##[group]yred  a,b:c
          caused by: 100 %
              ::error file=a::x
              ##[group]yred  a,b:c
        hint: 100 %
            ::error file=a::x
            ##[group]yred  a,b:c
        log: logs/100 % ::error file=a::x ##[group]yred  a,b:c
        repeat: cargo xtask test backend

        ::TOKEN::
        1 of 2 tasks did not pass
        0 passed, 1 failed
    "#]],
    );
}

/// GitHub keeps ten annotations and drops the others without a word.
#[test]
fn github_marks_the_worst_ten() {
    let mut run = red();
    for number in 0..30 {
        run = run.with(found("lint.backend", Severity::Warning, &format!("warning {number}")));
    }
    let log = run.github();
    let commands = |name: &str| log.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!((commands("::error "), commands("::warning "), commands("::notice ")), (3, 7, 0), "{log}");
    assert!(log.contains("\n… and 24 more problems, named below\n"), "{log}");
}
