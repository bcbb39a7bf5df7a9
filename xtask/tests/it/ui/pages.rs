//! The summary of a step on GitHub, as golden texts.

use std::sync::Arc;

use expect_test::expect;
use xtask::Error;
use xtask::core::finding::Severity;
use xtask::event::{Event, Sink as _, Status, TaskEnd};
use xtask::ui::markdown::{About, Collector};

use super::{Run, check, end, found, green, hostile, interrupted, look, red};

fn about(command: &str) -> About {
    About { command: command.to_owned(), attempt: 1, fork: None, repeat: look().repeat }
}

fn summary(run: &Run, about: &About) -> String {
    let collector = Collector::default();
    run.events().iter().for_each(|event: &Event| collector.event(event));
    collector.text(about, None).unwrap()
}

#[test]
fn of_a_run_that_passes() {
    check(
        &summary(&green(), &about("cargo xtask ci")),
        &expect![[r#"
        ## 3 tasks passed in 41\.2 s

        1 passed, 0 failed, 1 skipped

        ` cargo xtask ci `


        ### What took longest

        | task | took | ended |
        |---|---:|---|
        | ` test.backend ` | 41.2 s | passed |
        | ` setup.backend ` | 2.0 s | passed |
        | ` lint.backend ` | 40 ms | passed |

        The longest chain: setup\.backend → test\.backend

        ### Warnings

        - test\.backend\: no PostgreSQL here
    "#]],
    );
}

#[test]
fn of_a_run_that_fails() {
    let about = About { attempt: 3, fork: Some("them/it".to_owned()), ..about("cargo xtask ci") };
    check(
        &summary(&red(), &about),
        &expect![[r#"
        ## 3 of 6 tasks did not pass, 2 not run

        1 passed, 1 failed

        ` cargo xtask ci `, attempt 3

        From them/it: a pull request from a fork gets no secrets\: nothing is signed for the cache, pushed or released


        ### test\.backend failed after 3.0 s

        \`pytest\` ended with exit code 1\: 1 test failed

        - ` backend/tests/test_api.py:31 ` failed **test\_neighbours**: assert 3 \=\= 4

        <details><summary>What it wrote</summary>

        ```text
        $ cd backend && pytest
        E   assert 3 == 4
        1 failed, 1 passed
        ```

        </details>

        Again: ` cargo xtask test backend `

        ### lint\.backend failed after 0.4 s

        2 problems found

        - ` backend/src/api.py:3:1 ` error ruff F401: \`os\` imported but unused
        - ` backend/src/api.py:3:1 ` note ruff F401: looks odd

        Again: ` cargo xtask lint backend `

        ### test\.frontend timed out after 10 min 00 s

        the task ran out of time


        Again: ` cargo xtask test frontend `

        ### What took longest

        | task | took | ended |
        |---|---:|---|
        | ` test.frontend ` | 10 min 00 s | timed out |
        | ` test.backend ` | 3.0 s | failed |
        | ` setup ` | 1.0 s | passed |
        | ` lint.backend ` | 0.4 s | failed |

        The longest chain: setup → test\.backend
    "#]],
    );
}

#[test]
fn of_an_interrupted_run() {
    check(
        &summary(&interrupted(), &about("cargo xtask ci")),
        &expect![[r#"
        ## interrupted\: test\.backend, lint\.backend were under way

        2 of 4 tasks did not pass, 1 not run

        ` cargo xtask ci `


        ### test\.backend interrupted after 1.5 s

        interrupted


        <details><summary>What it wrote</summary>

        ```text
        half of
        ```

        </details>

        Again: ` cargo xtask test backend `

        ### lint\.backend interrupted after 1.5 s

        interrupted


        <details><summary>What it wrote</summary>

        ```text
        half of
        ```

        </details>

        Again: ` cargo xtask lint backend `

        ### What took longest

        | task | took | ended |
        |---|---:|---|
        | ` test.backend ` | 1.5 s | interrupted |
        | ` lint.backend ` | 1.5 s | interrupted |
        | ` setup ` | 0.9 s | passed |

        The longest chain: setup → test\.backend
    "#]],
    );
}

#[test]
fn of_hostile_tools() {
    check(
        &summary(&hostile(), &about("cargo xtask ci `x` | y")),
        &expect![[r#"
            ## 1 of 2 tasks did not pass

            0 passed, 1 failed

            `` cargo xtask ci `x` | y ``


            ### test\.backend failed after 1 ms

            100 % \:\:error file\=a\:\:x \#\#\[group\]yred  a,b\:c\: 100 % \:\:error file\=a\:\:x \#\#\[group\]yred  a,b\:c

            - ` backend/src/api.py:3:1 ` error ruff F401: 100 % \:\:error file\=a\:\:x \#\#\[group\]yred  a,b\:c
            - ` a:b,c% ::d.py:31 ` failed **100 % \:\:error file\=a\:\:x \#\#\[group\]yred  a,b\:c**: 100 % \:\:error file\=a\:\:x \#\#\[group\]yred  a,b\:c

            <details><summary>What it wrote</summary>

            ```text
            100 %
            ::error file=a::x
            ##[group]yred  a,b:c
            ::set-env name=PATH::/evil
            ```

            </details>

            Again: ` cargo xtask test backend `

            ### What took longest

            | task | took | ended |
            |---|---:|---|
            | ` lint ` | 2 ms | passed |
            | ` test.backend ` | 1 ms | failed |

            The longest chain: test\.backend → lint
        "#]],
    );
}

#[test]
fn of_a_command_that_is_refused() {
    let collector = Collector::default();
    assert_eq!(collector.text(&about("cargo xtask status"), None), None, "nothing to sum up");
    let error = Error::problems("it is <b>frozen</b>").hint("wait until *Monday*");
    check(
        &collector.text(&about("cargo xtask deploy"), Some(&error)).unwrap(),
        &expect![[r#"
        ## it is &lt;b\>frozen&lt;/b\>

        ` cargo xtask deploy `

        - wait until \*Monday\*
    "#]],
    );
}

/// GitHub drops what is longer than 1,048,576 bytes whole.
#[test]
fn it_stays_below_the_limit() {
    let output = "# [x](y) | `z` <b>\n".repeat(100_000);
    let failed = |number: usize| TaskEnd {
        failure: Some(Error::problems("`".repeat(60_000))),
        output: output.clone(),
        log: Some(output.clone().into()),
        ..end(&format!("unit.t{number}"), Status::Failed, 3)
    };
    let mut run = Run::new((0..200).map(failed).collect());
    for number in 0..3_000 {
        run = run.with(found(&format!("unit.t{}", number % 200), Severity::Error, &"|".repeat(5_000)));
    }
    let text = summary(&run, &About { repeat: Arc::clone(&look().repeat), ..about("cargo xtask ci") });
    assert!(text.len() < 1_000_000 && text.len() > 100_000, "{}", text.len());
    assert!(text.starts_with("## 200 of 200 tasks did not pass\n"));
    assert!(text.contains("more parts, in the log"), "{}", &text[text.len() - 200..]);
}
