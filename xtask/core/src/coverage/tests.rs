//! Tracefiles of the real tools, damaged ones, changes, and what falls short.

use super::*;
use crate::finding::{Finding, Paths};

fn read(text: &str, folder: &str) -> Result<Trace, LcovError> {
    Trace::read(text, &Paths::new("/repo", folder))
}

/// What the tools wrote of the same few lines, in their folders.
const RECORDED: [(&str, &str, &str); 3] = [
    ("backend", include_str!("../../../testdata/coverage/pytest.lcov"), "backend/src/shop.py"),
    ("frontend", include_str!("../../../testdata/coverage/vitest.lcov"), "frontend/src/shop.ts"),
    ("", include_str!("../../../testdata/coverage/llvm-cov.lcov"), "src/lib.rs"),
];

#[test]
fn what_the_tools_write_is_read() {
    let sum = |(folder, text, path): (&str, &str, &str)| {
        let coverage = read(text, folder).unwrap().sum("shop", None);
        assert_eq!(coverage.files.len(), 1, "{coverage:?}");
        let file = &coverage.files[0];
        assert_eq!(file.path, Path::new(path));
        let uncovered: Vec<String> = file.uncovered.iter().map(ToString::to_string).collect();
        (file.lines, file.branches, uncovered.join(" "))
    };
    let share = |covered, total| Share { covered, total };
    let [pytest, vitest, llvm] = RECORDED.map(sum);
    assert_eq!(pytest, (share(5, 6), share(1, 2), "4".to_owned()));
    assert_eq!(vitest, (share(2, 3), share(3, 4), "3".to_owned()));
    assert_eq!(llvm, (share(9, 10), share(0, 0), "5".to_owned()));
}

#[test]
fn damage_is_told_from_what_did_not_run() {
    use LcovError::{Cut, Empty, Line};
    let line = |line, what| Line { line, what };
    for (text, error) in [
        ("", Empty),
        ("TN:\n", Empty),
        ("SF:a.py\nDA:1,1\n", Cut),
        ("SF:a.py\nSF:b.py\n", line(2, "a record begins in another one")),
        ("end_of_record\n", line(1, "a record ends that has not begun")),
        ("DA:1,1\n", line(1, "it is of no file")),
        ("BRDA:1,0,0,1\n", line(1, "it is of no file")),
        ("SF:a.py\nDA:1\n", line(2, "it has no count")),
        ("SF:a.py\nDA:0,1\n", line(2, "it is of no line")),
        ("SF:a.py\nDA:1,-1\n", line(2, "its count is no number")),
        ("SF:a.py\nBRDA:1,0,1\n", line(2, "a branch has a line, a block, a way and a count")),
        ("SF:a.py\nBRDA:1,0,1,x\n", line(2, "a branch has a line, a block, a way and a count")),
    ] {
        assert_eq!(read(text, "").unwrap_err(), error, "{text:?}");
    }
    // Of a cut file nothing is read, wherever it was cut; of none is there a panic.
    for (folder, text, _) in RECORDED {
        for end in (0..text.trim_end().len()).filter(|&end| text.is_char_boundary(end)) {
            assert!(read(&text[..end], folder).is_err(), "{}", &text[..end]);
        }
        for lost in [':', ',', '\n', '1', 'S'] {
            drop(read(&text.replace(lost, ""), folder));
        }
    }
    assert_eq!(read("SF:/elsewhere/a.py\nDA:1,1\nend_of_record\n", "").unwrap(), Trace::default());
}

#[test]
fn what_is_written_is_read_back() {
    let mut all = Trace::default();
    for (folder, text, _) in RECORDED {
        all.merge(read(text, folder).unwrap());
    }
    assert_eq!(all.files.len(), 3);
    assert_eq!(read(&all.lcov(), "").unwrap(), all);
    // Twice the same, added up: other counts, the same sums.
    let mut twice = all.clone();
    twice.merge(all.clone());
    assert_ne!(twice, all);
    assert_eq!(twice.sum("all", None), all.sum("all", None));
    let huge = "SF:a\nDA:1,18446744073709551615\nend_of_record\n";
    let twice = read(&format!("{huge}{huge}"), "").unwrap();
    assert_eq!(twice.files[Path::new("a")].lines[&1], u64::MAX);
}

/// A file of which these lines ran, and these not.
fn trace(path: &str, ran: &[u32], did_not: &[u32]) -> Trace {
    let lines = ran.iter().map(|&line| (line, 1)).chain(did_not.iter().map(|&line| (line, 0)));
    let file = FileTrace { lines: lines.collect(), branches: BTreeMap::new() };
    Trace { files: [(path.into(), file)].into() }
}

const DIFF: &str = "\
diff --git a b.py a b.py
index 1..2 100644
--- a b.py\t
+++ a b.py\t
@@ -1 +1,2 @@ def f():
-+++ not a name
++++ not a name either
+@@ -1 +1 @@
@@ -5,2 +6,0 @@
-gone
-gone
@@ -9,0 +8 @@
+new
\\ No newline at end of file
diff --git \"gr\\303\\266\\303\\237e.py\" \"gr\\303\\266\\303\\237e.py\"
new file mode 100644
--- /dev/null
+++ \"gr\\303\\266\\303\\237e.py\"
@@ -0,0 +1,3 @@
+a
+b
+c
diff --git x.png x.png
Binary files x.png and x.png differ
diff --git gone.py gone.py
--- gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x
";

#[test]
fn changed_lines_are_those_that_git_names() {
    let mut changes = Changes::read("abc", DIFF).unwrap();
    let span = |first, last| Span { first, last };
    let expected: BTreeMap<PathBuf, Lines> = [
        ("a b.py".into(), Lines::In(vec![span(1, 2), span(8, 8)])),
        ("größe.py".into(), Lines::In(vec![span(1, 3)])),
    ]
    .into();
    assert_eq!(changes.files, expected);
    changes.add_untracked(["new.py".into()]);
    let holds = |path: &str, line| changes.files[Path::new(path)].holds(line);
    assert_eq!([1, 2, 3, 7, 8, 9].map(|line| holds("a b.py", line)), [true, true, false, false, true, false]);
    assert!(holds("new.py", 4000));
    assert_eq!(Changes::read("abc", "").unwrap().files, BTreeMap::new());
    for damaged in ["@@ -1 +1 @@\n+x\n", "+++ a\n@@ -1 +x @@\n", "+++ a\n@@ -1 +1,9 @@\n+x", "+++ \"a\\9\"\n"]
    {
        assert_eq!(Changes::read("abc", damaged), None, "{damaged:?}");
    }
    for end in (0..DIFF.len()).filter(|&end| DIFF.is_char_boundary(end)) {
        drop(Changes::read("abc", &DIFF[..end]));
    }
}

#[test]
fn changed_lines_are_summed_apart() {
    let changes = Changes::read("abc", DIFF).unwrap();
    let mut trace = trace("a b.py", &[1, 3, 4], &[2, 5, 8, 9]);
    trace.merge(self::trace("other.py", &[], &[1]));
    let coverage = trace.sum("backend", Some(&changes));
    assert_eq!(coverage.lines(), Share { covered: 3, total: 8 });
    let of_change = coverage.changed.as_ref().unwrap();
    assert_eq!(of_change.lines, Share { covered: 1, total: 3 });
    let span = |first, last| Span { first, last };
    assert_eq!(of_change.uncovered, [("a b.py".into(), vec![span(2, 2), span(8, 8)])]);
    // Across lines that cannot run, not across one that did.
    assert_eq!(coverage.files[0].uncovered, [span(2, 2), span(5, 9)]);
    assert_eq!(coverage.in_words(), "backend 37.5 % of lines, 33.3 % of what has changed");
    assert_eq!(
        serde_json::from_str::<Coverage>(&serde_json::to_string(&coverage).unwrap()).unwrap(),
        coverage
    );
}

#[test]
fn a_share_is_never_rounded_up() {
    let share = |covered, total| Share { covered, total };
    for (share, words) in [
        (share(0, 0), "–"),
        (share(0, 7), "0 %"),
        (share(2, 3), "66.6 %"),
        (share(9999, 10000), "99.9 %"),
        (share(3, 3), "100 %"),
        (share(u64::MAX - 1, u64::MAX), "99.9 %"),
    ] {
        assert_eq!(share.percent(), words);
    }
    let parse = |text: &str| Threshold::parse(text).map(|threshold| threshold.to_string());
    for text in ["80 %", "99.5 %", "100 %", "0.1 %"] {
        assert_eq!(parse(text).as_deref(), Some(text));
    }
    assert_eq!(parse(" 80% ").as_deref(), Some("80 %"));
    for text in ["", "80", "%", "0 %", "100.1 %", "-1 %", "+1 %", "80.25 %", "1e2 %", ".5 %", "9999999 %"] {
        assert_eq!(parse(text), None, "{text:?}");
    }
    let all = Threshold::parse("100 %").unwrap();
    assert!(!all.is_reached_by(share(u64::MAX - 1, u64::MAX)) && all.is_reached_by(share(0, 0)));
}

#[test]
fn what_falls_short_is_named() {
    let changes = Changes::read("abc", DIFF).unwrap();
    let mut trace = trace("a b.py", &[1, 3, 4], &[2, 5, 8, 9]);
    trace.merge(self::trace("other.py", &[1], &[2]));
    let coverage = trace.sum("backend", Some(&changes));
    let minimum = |text: &str| Threshold::parse(text);
    let words = |minimum: &Minimum| -> Vec<String> {
        let words = |finding: Finding| {
            let place = finding.location.as_ref().map_or_else(String::new, |place| format!("{place}: "));
            let help = finding.help.map_or_else(String::new, |help| format!(" / {help}"));
            format!("{place}{}: {}{help}", finding.rule, finding.message)
        };
        judge(&coverage, minimum).into_iter().map(words).collect()
    };
    let lines = minimum("44.5 %");
    assert_eq!(
        words(&Minimum { lines, branches: minimum("100 %"), changed: minimum("50 %") }),
        [
            "lines-min: 44.4 % of the lines of `backend` ran in its tests (4 of 9), at least 44.5 % have to / most is \
             missing in `a b.py` (4 did not run, 42.8 %), `other.py` (1 did not run, 50 %)",
            "changed-min: 33.3 % of the changed lines of `backend` ran in its tests (1 of 3), at least 50 % have to / test \
             them, or say in the review why not; the lines are named one by one",
            "a b.py:2: changed: line 2 has changed, and no test runs it",
            "a b.py:8: changed: line 8 has changed, and no test runs it",
        ]
    );
    assert!(
        words(&Minimum { lines: minimum("44.4 %"), branches: None, changed: minimum("33.3 %") }).is_empty()
    );
    assert!(words(&Minimum::default()).is_empty());
}
