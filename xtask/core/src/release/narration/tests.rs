//! What is told, in every night that has a name.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;
use crate::simulation::scenario::NAMES;
use crate::simulation::{Scenario, play};

/// What is told in a night.
fn told(name: &str) -> Vec<Line> {
    play(&Scenario::named(name, 1).unwrap(), true).recording.unwrap().lines
}

#[test]
fn lines_stand_below_each_other() {
    let line =
        |at, subject: &str, words: &str| Line::new(Duration::from_secs(at), Kind::Step, subject, words);
    let lines = [
        line(41, "release", "begins").because(["and this\nis why".into(), "really".into()]),
        line(192, "backend-größer", "\x1b[2Jcleared"),
        line(3840, "x", "late"),
    ];
    let text = |began| {
        let layout = Layout { subjects: 14, began };
        let lines: Vec<String> = lines.iter().map(|line| layout.text(line)).collect();
        format!("time:\n{}", lines.concat())
    };
    expect![[r#"
        time:
             41s  release         begins
                                  and this is why
                                  really
          3m 12s  backend-größer  cleared
          1h 04m  x               late
    "#]]
    .assert_eq(&text(None));
    let noon = Duration::from_hours(23);
    expect![[r#"
        time:
        23:00:41      (+41s)  release         begins
                                              and this is why
                                              really
        23:03:12   (+3m 12s)  backend-größer  cleared
        00:04:00   (+1h 04m)  x               late
    "#]]
    .assert_eq(&text(Some(noon)));
}

#[test]
fn every_night_begins_ends_and_says_nothing_twice() {
    for (name, _) in NAMES {
        let lines = told(name);
        let words = |line: &Line| format!("{}: {}", line.subject, line.words.join("; "));
        let first = lines.iter().find(|line| line.kind != Kind::Event).map(words).unwrap();
        // An adoption changes nothing: it has an end and no beginning.
        assert!(first.ends_with("begins") || first.contains("ADOPTED"), "{name}: {first}");
        let ends = lines.iter().filter(|line| line.kind == Kind::End).count();
        assert!(ends > 0, "{name}");
        assert!(lines.len() < 70, "{name}: {} lines", lines.len());
        for pair in lines.windows(2) {
            assert_ne!(words(&pair[0]), words(&pair[1]), "{name}");
            assert!(pair[0].at <= pair[1].at, "{name}: {:?}", pair[1]);
        }
        let backs = lines.iter().filter(|line| line.kind == Kind::Back && line.subject == "release").count();
        assert!(backs <= 1, "{name}");
    }
}

#[test]
fn every_sentence_is_one() {
    let mut seen = BTreeSet::new();
    for words in NAMES.iter().flat_map(|(name, _)| told(name)).flat_map(|line| line.words) {
        assert!(!words.is_empty() && !words.ends_with('.') && !words.contains("  "), "{words:?}");
        assert!(!words.contains("1 pods") && !words.contains("pod serve "), "{words:?}");
        seen.insert(words);
    }
    assert!(seen.iter().any(|words| words.contains("would roll back")));
}
