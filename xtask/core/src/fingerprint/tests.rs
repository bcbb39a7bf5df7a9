//! Keys that must differ, entries that must not be believed, and the words of a change.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;

use super::entry::{Entry, EntryError, Said};
use super::explain::changes;
use super::manifest::Item;
use super::*;
use crate::gate::{Account, Coverage, GapKind, Look};

fn file(path: &str, bytes: &str) -> Item {
    let content =
        Content::File { mode: 0o644, digest: Digest::of(bytes.as_bytes()), size: bytes.len() as u64 };
    Item { path: path.into(), content }
}

fn link(path: &str, target: &str) -> Item {
    Item { path: path.into(), content: Content::Link { target: target.into() } }
}

fn folder(path: &str) -> Item {
    Item { path: path.into(), content: Content::Folder { mode: 0o755 } }
}

fn text(subject: Subject, text: &str) -> Part {
    Part { subject, value: Value::Text(text.to_owned()) }
}

fn fingerprint(parts: &[Part], files: &[Item]) -> Fingerprint {
    Fingerprint::new(parts.to_vec(), Arc::new(Manifest::new(files.to_vec())))
}

#[test]
fn whatever_differs_has_another_key() {
    let executable =
        Item { path: "a".into(), content: Content::File { mode: 0o755, digest: Digest::of(b"1"), size: 1 } };
    let variable = |value: Value| Part { subject: Subject::Variable("A".to_owned()), value };
    let all = [
        fingerprint(&[], &[]),
        fingerprint(&[], &[file("a", "1"), file("b", "2")]),
        fingerprint(&[], &[file("a", "2"), file("b", "1")]),
        fingerprint(&[], &[file("a", "1"), file("c", "2")]),
        fingerprint(&[], &[file("a", "1")]),
        fingerprint(&[], &[executable]),
        fingerprint(&[], &[file("a", "1"), folder("b")]),
        fingerprint(&[], &[file("a", "1"), file("b", "")]),
        fingerprint(&[], &[link("a", "b")]),
        fingerprint(&[], &[link("a", "c")]),
        fingerprint(&[], &[link("ab", "")]),
        fingerprint(&[text(Subject::Argument(0, 1), "x"), text(Subject::Argument(0, 2), "y")], &[]),
        fingerprint(&[text(Subject::Argument(0, 1), "y"), text(Subject::Argument(0, 2), "x")], &[]),
        fingerprint(&[text(Subject::Argument(0, 1), "xy"), text(Subject::Argument(0, 2), "")], &[]),
        fingerprint(&[text(Subject::Argument(0, 1), "x y")], &[]),
        fingerprint(&[variable(Value::Absent)], &[]),
        fingerprint(&[variable(Value::Text(String::new()))], &[]),
        fingerprint(&[variable(Value::Text("1".to_owned()))], &[]),
        fingerprint(&[variable(Value::Hidden(Digest::of(b"1")))], &[]),
        fingerprint(&[variable(Value::Digest(Digest::of(b"1")))], &[]),
        fingerprint(&[text(Subject::Tool("A".to_owned()), "1")], &[]),
        fingerprint(&[text(Subject::Dependency("A".to_owned()), "1")], &[]),
        fingerprint(&[text(Subject::Setting("A".to_owned()), "1")], &[]),
        fingerprint(&[text(Subject::Declared(Declared::Inputs, 0), "1")], &[]),
        fingerprint(&[text(Subject::Declared(Declared::Outputs, 0), "1")], &[]),
    ];
    let keys: BTreeSet<Digest> = all.iter().map(Fingerprint::key).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn order_of_declaration_is_no_difference() {
    let (one, two) = (text(Subject::Task, "t"), text(Subject::Tool("cc".to_owned()), "1"));
    assert_eq!(
        fingerprint(&[one.clone(), two.clone()], &[file("a", "1"), file("b", "2")]).key(),
        fingerprint(&[two, one], &[file("b", "2"), file("a", "1")]).key(),
    );
}

/// A key that changes without [`FORMAT`] makes every stored result useless and says nothing; one that does not change although
/// the meaning of a part did is a lie.
#[test]
fn the_form_of_keys_stands() {
    let key =
        fingerprint(&[text(Subject::Task, "lint.a")], &[file("a/b", "1"), link("c", "a"), folder("d")]).key();
    expect!["4273ecbd40961618346800dcc40ee9a5ccf8430d85b1a15015673ecf99df91c2"].assert_eq(&key.to_string());
}

fn entry() -> Entry {
    Entry {
        format: FORMAT,
        task: "lint.a".to_owned(),
        fingerprint: fingerprint(&[text(Subject::Task, "lint.a")], &[file("a", "1")]),
        outputs: Manifest::new(vec![file("out/x", "2"), link("out/y", "x"), folder("out/z")]),
        said: Said { log: Some(Digest::of(b"log")), ..Said::default() },
        stored: 1_790_000_000,
        took: 1_500,
    }
}

#[test]
fn the_silence_of_a_feed_is_remembered_for_a_while() {
    let minutes = Duration::from_mins;
    let look = |kind| Look::at("pip-audit", Coverage::new(0, "package")).gap(kind, "no answer", None);
    let with = |looks: &[Look]| {
        let looks = looks.iter().map(|look| Account::of(look, 0, 0)).collect();
        Entry { said: Said { looks, ..Said::default() }, ..entry() }
    };
    let whole = Look::at("ruff", Coverage::new(3, "file"));
    assert_eq!((with(&[]).said.gap(), with(std::slice::from_ref(&whole)).said.gap()), (None, None));
    assert_eq!(with(std::slice::from_ref(&whole)).age_max(None), None);
    assert_eq!(with(std::slice::from_ref(&whole)).age_max(Some(minutes(60))), Some(minutes(60)));
    let silent = with(&[whole, look(GapKind::Unanswered)]);
    assert_eq!(silent.said.gap(), Some(GapKind::Unanswered));
    assert_eq!(silent.age_max(None), Some(minutes(10)));
    assert_eq!(silent.age_max(Some(minutes(60))), Some(minutes(10)));
    assert_eq!(silent.age_max(Some(minutes(5))), Some(minutes(5)));
    let worse = with(&[look(GapKind::Unanswered), look(GapKind::ToolError), look(GapKind::CouldNotLook)]);
    assert_eq!(worse.said.gap(), Some(GapKind::ToolError));
    let why = |entry: &Entry, later: u64| entry.retold(entry.stored + later).looks[1].gaps[0].why.clone();
    let words = "no answer (asked 3 minutes ago; again in 7 minutes, or with `--force lint.a`)";
    assert_eq!(why(&silent, 190), words);
    assert_eq!(
        why(&silent, 0),
        "no answer (asked 0 seconds ago; again in 10 minutes, or with `--force lint.a`)"
    );
    assert_eq!(
        why(&silent, 9_999),
        "no answer (asked 2 hours ago; again in 1 minute, or with `--force lint.a`)"
    );
    assert_eq!(why(&worse, 190), "no answer");
    assert_eq!(silent.retold(0).looks[0], silent.said.looks[0]);
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let entry = entry();
    let key = entry.fingerprint.key();
    assert_eq!(Entry::decode(&entry.encode(), &key), Ok(entry.clone()));
    assert_eq!(entry.blobs().collect::<Vec<_>>(), [Digest::of(b"2"), Digest::of(b"log")]);
    let named_by_bytes = Item { path: PathBuf::from(bytes_name()), ..file("x", "1") };
    let odd = Entry { outputs: Manifest::new(vec![named_by_bytes]), ..entry };
    assert_eq!(Entry::decode(&odd.encode(), &key), Ok(odd));
}

fn bytes_name() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9".to_vec())
}

#[test]
fn no_damaged_entry_is_believed() {
    let entry = entry();
    let (bytes, key) = (entry.encode(), entry.fingerprint.key());
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        assert!(Entry::decode(&damaged, &key).is_err(), "byte {position}");
        assert!(Entry::decode(&bytes[..position], &key).is_err(), "{position} bytes");
    }
    assert_eq!(Entry::decode(&bytes, &Digest::of(b"other")), Err(EntryError::OtherKey));
    let newer = String::from_utf8(bytes).unwrap().replacen("entry 1", "entry 2", 1);
    assert_eq!(Entry::decode(newer.as_bytes(), &key), Err(EntryError::Version));
}

#[test]
fn an_entry_that_would_write_elsewhere_is_refused() {
    for outside in [file("../x", "1"), file("/etc/passwd", "1"), file("a/../../x", "1")] {
        let entry = Entry { outputs: Manifest::new(vec![outside]), ..entry() };
        assert_eq!(Entry::decode(&entry.encode(), &entry.fingerprint.key()), Err(EntryError::Outside));
    }
    let through = Manifest::new(vec![link("out", "/etc"), file("out/passwd", "1")]);
    let entry = Entry { outputs: through, ..entry() };
    assert_eq!(Entry::decode(&entry.encode(), &entry.fingerprint.key()), Err(EntryError::Outside));
}

#[test]
fn what_changed_is_said_in_words() {
    let before = fingerprint(
        &[
            text(Subject::Argument(0, 1), "--strict"),
            text(Subject::Variable("CI".to_owned()), "1"),
            Part { subject: Subject::Tool("ruff".to_owned()), value: Value::Digest(Digest::of(b"old")) },
            Part { subject: Subject::Variable("TOKEN".to_owned()), value: Value::Hidden(Digest::of(b"s")) },
        ],
        &[file("a", "1"), file("b", "2"), file("c", "3"), link("d", "a"), file("gone", "9"), folder("f")],
    );
    let executable =
        Item { path: "b".into(), content: Content::File { mode: 0o755, digest: Digest::of(b"2"), size: 1 } };
    let now = fingerprint(
        &[
            text(Subject::Argument(0, 1), "--fast"),
            Part { subject: Subject::Variable("CI".to_owned()), value: Value::Absent },
            Part { subject: Subject::Tool("ruff".to_owned()), value: Value::Digest(Digest::of(b"new")) },
            Part { subject: Subject::Variable("TOKEN".to_owned()), value: Value::Hidden(Digest::of(b"t")) },
            text(Subject::Dependency("setup.a".to_owned()), "x"),
        ],
        &[file("a", "one"), executable, file("e", "3"), link("d", "b"), file("new", "8"), file("f", "now")],
    );
    let words: Vec<String> = changes(&before, &now).iter().map(|change| format!("{change}\n")).collect();
    expect![[r#"
        argument 1 of the command: `--strict` → `--fast`
        the variable `CI`: `1` → not there
        the variable `TOKEN` has changed; what it is, is a secret
        the tool `ruff`: 96a4257289f9 → b20ab0a020a4
        the task `setup.a`, which goes before: nothing → `x`
        `a` has changed: d63bd9a826af → d33fb48ab5ad
        `b` has other permissions: 644 → 755
        `d` leads elsewhere: `a` → `b`
        `c` is called `e` now
        `f` is something else: an empty folder → 470e9beee498
        `new` is new (658325b1f32c)
        `gone` is gone (026ed82c4fff)
    "#]]
    .assert_eq(&words.concat());
    assert!(changes(&now, &now).is_empty());
}
