//! Entries that must not be believed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::contents::Contents;
use super::entry::{Entry, EntryError, Origin, Said};
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

fn fingerprint() -> Fingerprint {
    let part = Part { subject: Subject::Task, value: Value::Text("lint.a".to_owned()) };
    Fingerprint::new(vec![part], Arc::new(Manifest::new(vec![file("a", "1")])))
}

fn entry() -> Entry {
    Entry {
        format: FORMAT,
        task: "lint.a".to_owned(),
        outputs: Manifest::new(vec![file("out/x", "2"), link("out/y", "x"), folder("out/z")]),
        said: Said { log: Some(Digest::of(b"log")), ..Said::default() },
        stored: 1_790_000_000,
        took: 1_500,
        contents: Contents::default(),
        origin: Origin::new(&fingerprint()),
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
    assert_eq!(with(std::slice::from_ref(&whole)).said.age_max(None), None);
    assert_eq!(with(std::slice::from_ref(&whole)).said.age_max(Some(minutes(60))), Some(minutes(60)));
    let silent = with(&[whole, look(GapKind::Unanswered)]);
    assert_eq!(silent.said.gap(), Some(GapKind::Unanswered));
    assert_eq!(silent.said.age_max(None), Some(minutes(10)));
    assert_eq!(silent.said.age_max(Some(minutes(60))), Some(minutes(10)));
    assert_eq!(silent.said.age_max(Some(minutes(5))), Some(minutes(5)));
    let worse = with(&[look(GapKind::Unanswered), look(GapKind::ToolError), look(GapKind::CouldNotLook)]);
    assert_eq!(worse.said.gap(), Some(GapKind::ToolError));
    let why = |entry: &Entry, later: u64| {
        let said = entry.said.clone().retold("lint.a", entry.stored, entry.stored + later);
        said.looks[1].gaps[0].why.clone()
    };
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
    assert_eq!(silent.said.clone().retold("lint.a", 0, 0).looks[0], silent.said.looks[0]);
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let entry = entry();
    let key = fingerprint().key();
    assert_eq!(Entry::decode(&entry.encode(&key), &key), Ok(entry.clone()));
    assert_eq!(entry.origin.read(&key), Ok(fingerprint()));
    assert_eq!(entry.origin.read(&Digest::of(b"other")), Err(EntryError::OtherKey));
    assert_eq!(Origin::default().read(&key), Err(EntryError::Damaged));
    assert_eq!(entry.blobs().collect::<Vec<_>>(), [Digest::of(b"2"), Digest::of(b"log")]);
    let mut brings = entry.clone();
    assert_eq!(brings.contents.add(b"log".to_vec()), Digest::of(b"log"));
    assert_eq!(Entry::decode(&brings.encode(&key), &key), Ok(brings.clone()));
    assert_eq!(brings.blobs().collect::<Vec<_>>(), [Digest::of(b"2")]);
    let named_by_bytes = Item { path: PathBuf::from(bytes_name()), ..file("x", "1") };
    let odd = Entry { outputs: Manifest::new(vec![named_by_bytes]), ..entry };
    assert_eq!(Entry::decode(&odd.encode(&key), &key), Ok(odd));
}

fn bytes_name() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9".to_vec())
}

#[test]
fn no_damaged_entry_is_believed() {
    let entry = entry();
    let key = fingerprint().key();
    let bytes = entry.encode(&key);
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        assert!(Entry::decode(&damaged, &key).is_err(), "byte {position}");
        assert!(Entry::decode(&bytes[..position], &key).is_err(), "{position} bytes");
    }
    assert_eq!(Entry::decode(&bytes, &Digest::of(b"other")), Err(EntryError::OtherKey));
    let start = b"xtask entry ";
    let newer = [start, &b"9"[..], &bytes[start.len()..]].concat();
    assert_eq!(Entry::decode(&newer, &key), Err(EntryError::Version));
}

#[test]
fn an_entry_that_would_write_elsewhere_is_refused() {
    let key = fingerprint().key();
    for outside in [file("../x", "1"), file("/etc/passwd", "1"), file("a/../../x", "1")] {
        let entry = Entry { outputs: Manifest::new(vec![outside]), ..entry() };
        assert_eq!(Entry::decode(&entry.encode(&key), &key), Err(EntryError::Outside));
    }
    let through = Manifest::new(vec![link("out", "/etc"), file("out/passwd", "1")]);
    let entry = Entry { outputs: through, ..entry() };
    assert_eq!(Entry::decode(&entry.encode(&key), &key), Err(EntryError::Outside));
}
