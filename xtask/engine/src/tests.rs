//! Keys that must differ, and the words of a change.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use expect_test::expect;

use super::explain::changes;
use super::manifest::Item;
use super::pattern::Pattern;
use super::patterns::Patterns;
use super::*;

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
        fingerprint(&[text(Subject::Declared(Declared::Spared, 0), "1")], &[]),
    ];
    let keys: BTreeSet<Digest> = all.iter().map(Fingerprint::key).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn a_fingerprint_is_read_as_it_was_written() {
    let subjects = [
        Subject::Task,
        Subject::Program,
        Subject::Platform,
        Subject::Setting("größe".to_owned()),
        Subject::Argument(1, 200),
        Subject::Folder(2),
        Subject::Input(3),
        Subject::CommandVariable(4, "A".to_owned()),
        Subject::Variable("B".to_owned()),
        Subject::Tool("cc".to_owned()),
        Subject::Dependency("build.a".to_owned()),
        Subject::Declared(Declared::Inputs, 0),
        Subject::Declared(Declared::Outputs, u32::MAX),
        Subject::Declared(Declared::Spared, 1),
    ];
    let digest = Digest::of(b"1");
    let values =
        [Value::Absent, Value::Text("words".to_owned()), Value::Hidden(digest), Value::Digest(digest)];
    let part = |(at, subject): (usize, &Subject)| Part {
        subject: subject.clone(),
        value: values[at % values.len()].clone(),
    };
    let parts: Vec<Part> = subjects.iter().enumerate().map(part).collect();
    let odd = OsStr::from_bytes(b"caf\xe9");
    let files = [file("a", "1"), link("b", "a"), folder("d"), Item { path: odd.into(), ..file("", "2") }];
    let written = fingerprint(&parts, &files);
    let bytes = written.encode();
    let read = Fingerprint::decode(&bytes).unwrap();
    assert_eq!((&read, read.key()), (&written, written.key()));
    for length in 0..bytes.len() {
        assert_eq!(Fingerprint::decode(&bytes[..length]), None, "{length} bytes of it");
    }
    assert_eq!(Fingerprint::decode(&[&bytes[..], b"x"].concat()), None);
    // No count makes a reader take memory for what is not there.
    assert_eq!(Fingerprint::decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), None);
    assert_eq!(
        Manifest::decode(&Manifest::new(files.to_vec()).encode()),
        Some(Manifest::new(files.to_vec()))
    );
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
    expect!["2892b196f1bf2c5054c548a61e13653b76f4a4f82c856cee68f0f63a356d0528"].assert_eq(&key.to_string());
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

/// What a task reads from the result of another one is known before that result is put back.
#[test]
fn a_result_that_is_put_back_takes_the_place_of_what_stands() {
    let set = |items: &[Item]| Manifest::new(items.to_vec());
    let executable = |path: &str, mode: u32| Item {
        path: path.into(),
        content: Content::File { mode, digest: Digest::of(b"2"), size: 1 },
    };
    let read = set(&[file("out/kept", "1"), file("out/old", "1"), folder("out/empty"), file("src/a", "1")]);
    let there = set(&[file("out/old", "1")]);
    let made = set(&[
        executable("out/new", 0o755),
        executable("out/plain", 0o600),
        executable("out/empty/x", 0o644),
        link("out/link", "new"),
        Item { path: "out/folder".into(), content: Content::Folder { mode: 0o700 } },
        file("elsewhere/x", "1"),
    ]);
    let parse = |text: &str| Pattern::parse(text).unwrap();
    let patterns = Patterns { include: vec![parse("out"), parse("src")], exclude: vec![parse("**/none")] };
    let expected = set(&[
        file("out/kept", "1"),
        executable("out/new", 0o755),
        executable("out/plain", 0o644),
        executable("out/empty/x", 0o644),
        link("out/link", "new"),
        folder("out/folder"),
        file("src/a", "1"),
    ]);
    assert_eq!(read.replaced(&patterns, &there, &made), expected);
    assert_eq!(read.replaced(&patterns, &Manifest::default(), &Manifest::default()), read);
}

#[test]
fn a_set_that_leads_outside_is_known() {
    let inside = [file("a", "1"), link("b", "/etc"), folder("c"), file("c/d", "1"), file("b-c", "1")];
    assert!(Manifest::new(inside.to_vec()).stays_inside());
    for outside in
        [file("/a", "1"), file("../a", "1"), file("a/../../b", "1"), file("b/passwd", "1"), file("", "1")]
    {
        let all: Vec<Item> = inside.iter().cloned().chain([outside]).collect();
        assert!(!Manifest::new(all.clone()).stays_inside(), "{:?}", all.last());
    }
}

#[test]
fn a_set_says_what_is_in_it() {
    let set =
        Manifest::new(vec![file("b", "22"), folder("c"), file("a", "1"), link("d", "a"), file("a", "3")]);
    assert_eq!(
        set.files().iter().map(|item| item.path.to_str().unwrap()).collect::<Vec<_>>(),
        ["a", "b", "c", "d"]
    );
    assert_eq!(set.size(), 3);
    assert_eq!(set.get(std::path::Path::new("d")), Some(&Content::Link { target: "a".into() }));
    assert_eq!(set.get(std::path::Path::new("e")), None);
}

#[test]
fn what_two_sets_have_in_common_is_found_wherever_it_stands() {
    let all: Vec<Item> = ["a", "a/b", "a/b-c", "a-b", "b", "c/x", "d"].map(folder).into();
    // Every set of these beside every other: by what comes first in both, looked for one by one.
    let set = |which: usize| {
        let picked = all.iter().enumerate().filter(|(position, _)| which >> position & 1 == 1);
        Manifest::new(picked.map(|(_, item)| item.clone()).collect())
    };
    for (one, other) in (0..1 << all.len()).flat_map(|one| (0..1 << all.len()).map(move |other| (one, other)))
    {
        let (ours, theirs) = (set(one), set(other));
        let both = ours.files().iter().map(|item| item.path.as_path());
        let expected = both.into_iter().find(|path| theirs.get(path).is_some());
        assert_eq!(ours.common(&theirs), expected, "{ours:?} {theirs:?}");
    }
}

#[test]
fn a_digest_is_its_digits() {
    let digest = Digest::of(b"1");
    assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    assert_eq!(format!("{digest:?}"), digest.to_string()[..12]);
    for other in ["", "12", &"g".repeat(64), &digest.to_string().to_uppercase(), &format!("{digest}0")] {
        assert_eq!(Digest::parse(other), None, "{other}");
    }
}
