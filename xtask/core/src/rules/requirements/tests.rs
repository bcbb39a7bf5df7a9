//! Small files, each with one fault.

use super::*;

/// The findings for `x.in` and `x.txt` among these files, as `path:line: rule: message`.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let read = |path: &Path| {
        files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
    };
    let found = check(Path::new("x.in"), Path::new("x.txt"), &read);
    let render =
        |finding: Finding| format!("{}: {}: {}", finding.location.unwrap(), finding.rule, finding.message);
    found.into_iter().map(render).collect()
}

const PINNED: &str = "\
Foo.Bar==1.5 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via -r x.in
baz-qux==2.0 ; python_version >= '3.11' --hash=sha256:cc # via foo
";

#[test]
fn a_compiled_file_answers_its_source() {
    for source in [
        "",
        "# nothing\n",
        "foo-bar\n",
        "FOO_bar[extra,more] >=1.2, <2 # a comment\nbaz.qux~=2.0\n",
        "foo-bar==1.5.*\n--index-url somewhere\n-e .\n",
        "absent ; sys_platform == 'win32'\n",
        "foo-bar (>=1)\n",
        "foo-bar \\\n  >=1 \\\n  # the reason\n",
    ] {
        assert_eq!(findings(&[("x.in", source), ("x.txt", PINNED)]), [""; 0], "{source}");
    }
}

#[test]
fn what_a_compiled_file_lacks_is_found() {
    for (source, expected) in [
        ("\nabsent", "x.in:2: missing: `absent` is missing in `x.txt`"),
        ("\n\nfoo.bar >= 2", "x.in:3: out-of-step: `x.txt` pins `foo-bar` to 1.5, which is not `>= 2`"),
        ("foo-bar!=1.5", "x.in:1: out-of-step: `x.txt` pins `foo-bar` to 1.5, which is not `!=1.5`"),
        (
            "foo-bar<1 ; python_version > '3'",
            "x.in:1: out-of-step: `x.txt` pins `foo-bar` to 1.5, which is not `<1`",
        ),
        ("-r gone.in", "x.in:1: unreadable: `gone.in` cannot be read"),
        ("%%", "x.in:1: unreadable: `%%` is no requirement"),
        ("foo-bar is nice", "x.in:1: unreadable: `foo-bar is nice` is no requirement"),
    ] {
        assert_eq!(findings(&[("x.in", source), ("x.txt", PINNED)]), [expected], "{source}");
    }
}

#[test]
fn a_compiled_file_is_pinned_and_hashed() {
    for (compiled, expected) in [
        ("\nfoo==1.0\n", "x.txt:2: unhashed: `foo` has no `--hash=`"),
        ("foo>=1.0 --hash=sha256:aa", "x.txt:1: unpinned: `foo` is not pinned with `==`"),
        ("foo==1.* --hash=sha256:aa", "x.txt:1: unpinned: `foo` is not pinned with `==`"),
        ("foo==1.0,<2 --hash=sha256:aa", "x.txt:1: unpinned: `foo` is not pinned with `==`"),
        ("foo --hash=sha256:aa", "x.txt:1: unpinned: `foo` is not pinned with `==`"),
        ("foo @ file:///x.whl --hash=sha256:aa", "x.txt:1: unpinned: `foo` is not pinned with `==`"),
    ] {
        assert_eq!(findings(&[("x.in", ""), ("x.txt", compiled)]), [expected], "{compiled}");
    }
    assert_eq!(findings(&[("x.in", "")]), ["x.txt: unreadable: `x.txt` cannot be read"]);
    assert_eq!(findings(&[("x.txt", "")]), ["x.in: unreadable: `x.in` cannot be read"]);
}

#[test]
fn other_files_are_followed() {
    let more = ("more.in", "-r x.in\nabsent");
    assert_eq!(
        findings(&[("x.in", "-r more.in"), more, ("x.txt", PINNED)]),
        ["more.in:2: missing: `absent` is missing in `x.txt`"]
    );
    // A constraint asks for nothing, but what is there must agree with it: both files are installed together.
    let base = ("base.txt", "absent==1.0 --hash=sha256:aa\nfoo-bar==1.4 --hash=sha256:aa\n");
    for option in ["-c base.txt", "--constraint base.txt", "--constraint=base.txt", "-cbase.txt"] {
        assert_eq!(
            findings(&[("x.in", option), base, ("x.txt", PINNED)]),
            ["base.txt:2: out-of-step: `x.txt` pins `foo-bar` to 1.5, which is not `==1.4`"],
            "{option}"
        );
    }
}

#[test]
fn names_are_compared_normalised() {
    for (name, expected) in [("Foo", "foo"), ("a_-.b", "a-b"), ("A.B-c_d", "a-b-c-d"), ("-x-", "x"), ("", "")]
    {
        assert_eq!(python_name(name), expected);
    }
}

#[test]
fn any_text_is_survived() {
    let text = "foo[a]==1.0 \\\n --hash=sha256:ä ; x # y\n-r x.in\n-c\n--requirement=\n@\n[]\n==\n\\";
    for (at, _) in text.char_indices() {
        findings(&[("x.in", &text[..at]), ("x.txt", &text[at..])]);
        findings(&[("x.in", &text[at..]), ("x.txt", &text[..at])]);
    }
}
