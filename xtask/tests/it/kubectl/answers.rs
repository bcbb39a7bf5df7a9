//! What the real kubectl said (`testdata/kubectl/answers.txt`), and what that is taken for.

use std::fmt::Write as _;

use expect_test::expect_file;
use xtask::core::kubectl::{Fault, classify};

const RECORDED: &str = include_str!("../../../testdata/kubectl/answers.txt");

#[test]
fn what_kubectl_says_is_understood() {
    let mut table = String::new();
    for section in RECORDED.split("=== ").skip(1) {
        let (name, stderr) = section.split_once('\n').unwrap();
        writeln!(table, "{name}").unwrap();
        for answer in classify(stderr) {
            let passes = if answer.fault.may_pass() { ", may pass" } else { "" };
            let unknown = if answer.fault.leaves_unknown() { ", a write is unknown" } else { "" };
            writeln!(table, "    {:?}{passes}{unknown}", answer.fault).unwrap();
            assert!(!answer.said.contains("Please review the fields"), "{name}");
        }
    }
    expect_file!["answers.txt"].assert_eq(&table);
}

/// Nothing of what was recorded is beyond us, but for a flag that we do not give and a namespace that we do not mix up.
#[test]
fn hardly_anything_is_not_understood() {
    let sections = RECORDED.split("=== ").skip(1).filter_map(|section| section.split_once('\n'));
    let not: Vec<&str> = sections
        .filter(|(_, stderr)| classify(stderr).iter().any(|answer| answer.fault == Fault::Other))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(not, ["namespace-other", "no-such-flag"]);
}

/// Cut anywhere, and with bytes that are no text, it is still an answer.
#[test]
fn no_text_brings_it_down() {
    let text: String = RECORDED.chars().filter(|c| *c != '\u{0}').collect();
    for (at, _) in text.char_indices().step_by(37) {
        for piece in [&text[..at], &text[at..]] {
            assert!(!classify(&piece[..piece.floor_char_boundary(400)]).is_empty());
        }
    }
    for text in
        ["", "\n\n", "Error from server (", "The \" is invalid", "User \"", "exec: executable ", "\u{fffd}"]
    {
        assert_eq!(classify(text).len(), 1, "{text}");
    }
}
