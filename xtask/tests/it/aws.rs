//! The aws CLI as the library uses it: what it said once (`testdata/aws/answers.txt`), and what that is taken for.

use std::fmt::Write as _;

use expect_test::expect_file;
use xtask::core::aws::Fault;
use xtask::core::aws::answer::{Asker, words};
use xtask::core::kubectl;
use xtask::core::kubectl::explain::Asked;

const RECORDED: &str = include_str!("../../testdata/aws/answers.txt");

fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    RECORDED.split("=== ").skip(1).filter_map(|section| section.split_once('\n'))
}

fn workflow() -> Asker {
    Asker { is_workflow: true, profile: None }
}

fn person() -> Asker {
    Asker { is_workflow: false, profile: Some("work".to_owned()) }
}

#[test]
fn what_the_cli_says_is_understood_and_has_a_next_step() {
    let mut table = String::new();
    for (name, said) in sections() {
        let fault = Fault::of(said);
        assert_eq!(Fault::of(&format!("\naws: [ERROR]: {}", said.trim())), fault, "{name}: version 2");
        let ours = fault.explain("vitalyst", "eu-central-1", &person());
        writeln!(table, "{name}: {fault:?}\n    {}\n    {}", ours.message, ours.hint).unwrap();
        let theirs = fault.explain("vitalyst", "eu-central-1", &workflow());
        if theirs.hint != ours.hint {
            writeln!(table, "    in a workflow: {}", theirs.hint).unwrap();
        }
        assert!(!ours.hint.is_empty() && !theirs.hint.is_empty(), "{name}");
        assert_eq!(words(said).lines().count(), 1, "{name}");
    }
    expect_file!["aws/answers.txt"].assert_eq(&table);
}

/// Nothing of what was recorded is beyond us.
#[test]
fn everything_is_understood() {
    let not: Vec<&str> =
        sections().filter(|(_, said)| Fault::of(said) == Fault::Other).map(|(name, _)| name).collect();
    assert_eq!(not, [""; 0]);
}

/// The same words, passed on by kubectl that has asked the CLI for a token, have the same next step; those of another program do
/// not.
#[test]
fn kubectl_passes_on_what_is_lacking() {
    let failed = "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 255";
    let hint = |said: &str, asker: &Asker| {
        let answer = kubectl::classify(&format!("{said}{failed}\n")).remove(0);
        let asked = Asked {
            cluster: "production",
            context: "there",
            kubectl: "kubectl --context=there",
            namespace: "v",
            doing: "look",
            asker,
        };
        answer.explain(asked).hint
    };
    let mut known = 0;
    for (name, said) in
        sections().filter(|(name, _)| !matches!(*name, "bad-configuration" | "no-such-command"))
    {
        for asker in [person(), workflow()] {
            if let Some(remedy) = Fault::of(said).remedy(&asker) {
                assert_eq!(hint(said, &asker), remedy, "{name}");
                known += 1;
            }
        }
    }
    assert!(known > 20, "{known}");
    assert!(hint("somebody has to log in\n", &person()).contains("kubectl --context=there auth whoami"));
}

/// Cut anywhere it is still an answer.
#[test]
fn no_text_brings_it_down() {
    for (at, _) in RECORDED.char_indices().step_by(7) {
        for piece in [&RECORDED[..at], &RECORDED[at..]] {
            drop((Fault::of(piece), words(piece).len()));
        }
    }
    for text in [
        "",
        "An error occurred (",
        "An error occurred ()",
        "The config profile (",
        "aws: error: ",
        "\u{fffd}",
    ] {
        drop((Fault::of(text), words(text).len()));
    }
}
