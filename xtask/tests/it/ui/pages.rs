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
    check(&summary(&green(), &about("cargo xtask ci")), &expect![[r#""#]]);
}

#[test]
fn of_a_run_that_fails() {
    let about = About { attempt: 3, fork: Some("them/it".to_owned()), ..about("cargo xtask ci") };
    check(&summary(&red(), &about), &expect![[r#""#]]);
}

#[test]
fn of_an_interrupted_run() {
    check(&summary(&interrupted(), &about("cargo xtask ci")), &expect![[r#""#]]);
}

#[test]
fn of_hostile_tools() {
    check(&summary(&hostile(), &about("cargo xtask ci `x` | y")), &expect![[r#""#]]);
}

#[test]
fn of_a_command_that_is_refused() {
    let collector = Collector::default();
    assert_eq!(collector.text(&about("cargo xtask status"), None), None, "nothing to sum up");
    let error = Error::problems("it is <b>frozen</b>").hint("wait until *Monday*");
    check(&collector.text(&about("cargo xtask deploy"), Some(&error)).unwrap(), &expect![[r#""#]]);
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
