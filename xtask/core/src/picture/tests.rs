//! The page as text: what it is made of, and what cannot break out of it.

use std::time::Duration;

use super::*;
use crate::release::ledger::Phase;
use crate::release::model::ComponentName;
use crate::release::narration::{Kind, Line};
use crate::simulation::recording::{Mark, MarkKind, PartRecording, Pods, Span};
use crate::simulation::scenario::NAMES;
use crate::simulation::traffic::Tally;
use crate::simulation::{Scenario, play};

const SECOND: fn(u64) -> Duration = Duration::from_secs;

/// A minute of a canary of one component, with this as every name in it.
fn minute(name: &str) -> Recording {
    let pods = |at, serving: [u32; 2], ready| Pods { at: SECOND(at), serving, ready };
    let span = |from, until, old, new| {
        let tally = |(requests, failed)| Tally { requests, failed, slow: 0 };
        Span { from: SECOND(from), until: SECOND(until), sides: [tally(old), tally(new)], unserved: 0 }
    };
    let part = PartRecording {
        name: ComponentName(name.into()),
        changes: true,
        usual: [0.0; 2],
        objective: Some(0.01),
        pods: vec![pods(0, [3, 0], [3, 0]), pods(10, [3, 1], [3, 1]), pods(30, [3, 0], [3, 1])],
        spans: vec![
            span(0, 10, (500, 0), (0, 0)),
            span(10, 30, (750, 0), (250, 50)),
            span(30, 60, (1500, 15), (0, 0)),
        ],
    };
    let marks = vec![
        Mark { at: SECOND(20), kind: MarkKind::Fault, words: name.to_owned() },
        Mark { at: SECOND(30), kind: MarkKind::Decision, words: format!("back: {name}") },
    ];
    Recording {
        parts: vec![part],
        phases: vec![
            (SECOND(0), None),
            (SECOND(2), Some(Phase::Staged)),
            (SECOND(10), Some(Phase::Exposed(0))),
            (SECOND(30), Some(Phase::Reverting)),
            (SECOND(60), None),
        ],
        marks,
        turned_back: Some(SECOND(30)),
        end: None,
        lines: vec![Line::new(SECOND(2), Kind::Step, name, name).because([name.to_owned()])],
        length: SECOND(60),
    }
}

fn page(name: &str) -> String {
    let figures = [(name.to_owned(), name.to_owned())];
    let recording = minute(name);
    let picture = Picture {
        title: name,
        outcome: name,
        tone: Tone::Back,
        figures: &figures,
        recording: &recording,
        origin: name,
    };
    picture.html()
}

/// The drawing in a page, which has to be sound XML.
fn drawing(page: &str) -> &str {
    let (begin, end) = (page.find("<svg").unwrap(), page.find("</svg>").unwrap() + "</svg>".len());
    let drawing = &page[begin..end];
    roxmltree::Document::parse(drawing).unwrap();
    drawing
}

#[test]
fn a_small_picture() {
    let page = page("backend");
    let (head, body) = page.split_once("<body>").unwrap();
    assert!(
        head.starts_with("<!doctype html>\n<html lang=\"en\">")
            && head.contains("prefers-color-scheme: dark")
    );
    expect_test::expect_file!["testdata/minute.html"].assert_eq(body);
    drawing(&page);
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let page = page("backend");
    for outside in ["<script", "http:", "https:", "src=", "@import", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn hostile_names_stay_names() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'/><style>*{display:none}</style>",
        "&lt;b&gt; &#x3c;b",
        "]]></title></svg><h1>",
        "\x1b[31mred\0\x08",
        "a\nb\tc",
    ];
    let plain = page("backend");
    let tags = |page: &str| page.matches('<').count();
    for name in hostile {
        let page = page(name);
        drawing(&page);
        assert_eq!(tags(&page), tags(&plain), "{name:?} is markup");
        assert!(!page.contains(|c: char| c.is_control() && c != '\n'), "{name:?}");
    }
}

#[test]
fn every_night_can_be_drawn() {
    for (name, _) in NAMES {
        let verdict = play(&Scenario::named(name, 1).unwrap(), true);
        let recording = verdict.recording.unwrap();
        let picture = Picture {
            title: name,
            outcome: "",
            tone: Tone::Good,
            figures: &[],
            recording: &recording,
            origin: "",
        };
        let page = picture.html();
        let drawing = drawing(&page);
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{name}");
        assert!(page.len() < 200_000, "{name}: {} bytes", page.len());
    }
}
