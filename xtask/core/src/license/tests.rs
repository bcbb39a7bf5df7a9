//! What packages say, what a policy makes of it, and what is found when it is not allowed.

use std::collections::BTreeSet;
use std::path::Path;

use expect_test::expect;

use super::notice::{Texts, notice};
use super::policy::Judgement;
use super::*;
use crate::finding::Finding;
use crate::finding::weakness::{Level, Package as Identity};
use crate::gate::{Answer, Outcome};
use crate::inventory::tests::{LOCK, REQUIREMENTS, distribution};
use crate::inventory::{Inventory, Root, Scope, npm, python};
use crate::rules::TextFile;

fn statements(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn words_are_read_or_stay_unknown() {
    for (said, expected) in [
        (&["MIT"][..], Some("MIT")),
        (&["MIT OR Apache-2.0"], Some("MIT OR Apache-2.0")),
        (&["Unlicense/MIT"], Some("Unlicense OR MIT")),
        (&["(MIT OR GPL-3.0)"], Some("MIT OR GPL-3.0-only")),
        (&["MIT License"], Some("MIT")),
        (&["The MIT License"], Some("MIT")),
        (&["Apache 2.0"], Some("Apache-2.0")),
        (&["Apache License, Version 2.0"], Some("Apache-2.0")),
        (&["Apache-2.0", "Apache Software License"], Some("Apache-2.0")),
        (&["BSD-3-Clause", "BSD License"], Some("BSD-3-Clause")),
        (&["Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"], Some("MPL-2.0")),
        (&["MIT", "ISC License (ISCL)"], Some("(ISC) AND (MIT)")),
        (&["GPL-3.0"], Some("GPL-3.0-only")),
        (&["GNU General Public License v3 or later (GPLv3+)"], Some("GPL-3.0-or-later")),
        (&["Apache-2.0 WITH LLVM-exception"], Some("Apache-2.0 WITH LLVM-exception")),
        // Several licences have these names.
        (&["BSD"], None),
        (&["BSD License"], None),
        (&["Apache Software License"], None),
        (&["Public Domain"], None),
        (&["Dual License"], None),
        (&["MIT", "BSD License"], None),
        (&["UNLICENSED"], None),
        (&["SEE LICENSE IN LICENSE.md"], None),
        (&["MIT/BSD"], None),
        (&["mit OR"], None),
        (&[""], None),
        (&[], None),
        (&["(((((("], None),
    ] {
        assert_eq!(Reading::of(&statements(said)).expression(), expected, "{said:?}");
    }
}

fn policy() -> Policy {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Policy {
        section: "licenses",
        allow: set(&["MIT", "Apache-2.0", "PSF-2.0", "ISC"]),
        allow_development: set(&["MPL-2.0"]),
        ask: set(&["LGPL-3.0-only"]),
        deny: set(&["GPL-3.0-only", "GPL-3.0-or-later"]),
        exceptions: Vec::new(),
    }
}

#[test]
fn of_a_choice_the_best_counts_and_of_a_sum_the_worst() {
    let asked = || Judgement::Ask(vec!["LGPL-3.0-only".to_owned()]);
    let denied = || Judgement::Denied(vec!["GPL-3.0-only".to_owned()]);
    let unlisted = |name: &str| Judgement::Unlisted(vec![name.to_owned()]);
    for (said, scope, expected) in [
        ("MIT", Scope::Production, Judgement::Allowed),
        ("MIT OR GPL-3.0-only", Scope::Production, Judgement::Allowed),
        ("MIT AND GPL-3.0-only", Scope::Production, denied()),
        ("Apache-2.0 WITH LLVM-exception", Scope::Production, Judgement::Allowed),
        ("Apache-2.0+", Scope::Production, Judgement::Allowed),
        ("LGPL-3.0-only", Scope::Production, asked()),
        ("LGPL-3.0-only OR MIT", Scope::Production, Judgement::Allowed),
        ("LGPL-3.0-only AND GPL-3.0-only", Scope::Production, denied()),
        ("MPL-2.0", Scope::Production, unlisted("MPL-2.0")),
        (
            "MPL-2.0 AND (MPL-2.0 OR Zlib)",
            Scope::Production,
            Judgement::Unlisted(vec!["MPL-2.0".to_owned(), "Zlib".to_owned()]),
        ),
        ("MPL-2.0", Scope::Development, Judgement::Allowed),
        ("LicenseRef-Ours", Scope::Production, unlisted("LicenseRef-Ours")),
        ("BSD", Scope::Production, Judgement::Unknown),
    ] {
        let reading = Reading::of(&statements(&[said]));
        assert_eq!(policy().judge(&reading, scope), expected, "{said} {scope:?}");
    }
}

/// `path:line rule message` of what is wrong with an inventory.
fn findings(policy: &Policy, inventory: &Inventory) -> Vec<String> {
    let found = inventory.packages.iter().filter_map(|package| policy.check(package, &inventory.component));
    found
        .map(|Finding { location, rule, message, .. }| format!("{} {rule} {message}", location.unwrap()))
        .collect()
}

fn of_python(license: &str) -> Inventory {
    let file = TextFile { path: Path::new("requirements.txt"), text: REQUIREMENTS };
    let installed = [
        distribution("fastapi", "0.165.0", &["MIT"]),
        distribution("typing-extensions", "4.16.0", &[license]),
    ];
    python::inventory("backend", Root::default(), &[(file, Scope::Production)], Some(&installed))
}

#[test]
fn a_denied_and_an_unknown_licence_are_found_at_their_lines() {
    assert_eq!(findings(&policy(), &of_python("PSF-2.0")), [""; 0]);
    for (license, expected) in [
        (
            "GPL-3.0-or-later",
            "denied `typing-extensions 4.16.0` of backend may not be used: `GPL-3.0-or-later` is denied",
        ),
        (
            "BSD",
            "unknown `typing-extensions 4.16.0` of backend may not be used: `BSD` names no licence, or more than one",
        ),
        (
            "Zlib",
            "unlisted `typing-extensions 4.16.0` of backend may not be used: `Zlib` is in no list of the policy",
        ),
    ] {
        assert_eq!(findings(&policy(), &of_python(license)), [format!("requirements.txt:5 {expected}")]);
    }
    let lock = LOCK.replace(
        r#""version": "1.0.0", "license": "MIT""#,
        r#""version": "1.0.0", "license": "GPL-3.0-only""#,
    );
    let file = TextFile { path: Path::new("package-lock.json"), text: &lock };
    let inventory = npm::inventory("web", file, &|_| Some(r#"{"license": "ISC"}"#.to_owned()));
    assert_eq!(
        findings(&policy(), &inventory),
        ["package-lock.json:5 denied `a 1.0.0` of web may not be used: `GPL-3.0-only` is denied"]
    );
}

#[test]
fn an_exception_is_for_what_the_package_says() {
    let mut policy = policy();
    policy.exceptions.push(Exception {
        packages: BTreeSet::from(["pypi:typing-extensions".to_owned(), "pypi:gone".to_owned()]),
        states: "BSD".to_owned(),
        reason: "read".to_owned(),
        place: None,
    });
    assert_eq!(findings(&policy, &of_python("BSD")), [""; 0]);
    let now = of_python("GPL-3.0-only");
    assert_eq!(findings(&policy, &now).len(), 1, "it says something else now");
    let help =
        now.packages.iter().find_map(|package| policy.check(package, "backend")).unwrap().help.unwrap();
    assert!(help.starts_with("the exception is for `BSD`; look again"), "{help}");
    let unused = policy.unused(&[now], "nothing depends on");
    assert_eq!(unused.len(), 1);
    assert_eq!(unused[0].message, "nothing depends on `pypi:gone` any more, for which there is an exception");
}

#[test]
fn what_an_image_brings_is_judged_by_what_is_known_of_it() {
    let package = |licenses: &[&str]| {
        let mut package = of_python("MIT").packages.remove(0);
        package.identity =
            Identity { ecosystem: "deb".to_owned(), name: "x".to_owned(), version: "1".to_owned() };
        package.licenses = Some(statements(licenses));
        package
    };
    let exception = |states: &str| Exception {
        packages: BTreeSet::from(["deb:x".to_owned()]),
        states: states.to_owned(),
        reason: "read".to_owned(),
        place: None,
    };
    let all = [exception(""), exception("permissive, odd"), exception("LGPL-3.0-only")];
    let silent = "unknown Low `x 1` of the image may not be used: it says nothing of its licence that a program can read";
    let odd = "unknown Low `x 1` of the image may not be used: `permissive, odd` names no licence, or more than one";
    let denied = "denied High `x 1` of the image may not be used: `GPL-3.0-only` is denied";
    for (licenses, exceptions, expected) in [
        (&["MIT", "ISC"][..], &[][..], &[][..]),
        (&[], &[], &[silent]),
        (&[], &all, &[]),
        (&["permissive", "odd"], &[], &[odd]),
        // What is not known hides nothing of what is, and an exception for the one is none for the other.
        (&["permissive", "GPL-3.0-only", "odd"], &[], &[denied, odd]),
        (&["permissive", "GPL-3.0-only", "odd"], &all, &[denied]),
        (&["permissive", "LGPL-3.0-only", "odd"], &all, &[]),
        (
            &["MIT", "permissive"],
            &all,
            &[
                "unknown Low `x 1` of the image may not be used: `permissive` names no licence, or more than one",
            ],
        ),
    ] {
        let policy = Policy { section: "licenses.images", exceptions: exceptions.to_vec(), ..policy() };
        let found = Images { policy, unknown: Level::Low }.check(&package(licenses), "the image");
        let found: Vec<String> = found
            .into_iter()
            .map(|one| format!("{} {:?} {}", one.rule, one.weakness.unwrap().level, one.message))
            .collect();
        assert_eq!(found, expected, "{licenses:?}");
    }
    let policy = Policy { section: "licenses.images", ..policy() };
    let help =
        Images { policy, unknown: Level::High }.check(&package(&[]), "the image").remove(0).help.unwrap();
    assert!(help.starts_with("read its licence in `/usr/share/doc/x/copyright` of the image;"), "{help}");
    assert!(help.contains("`[[licenses.images.exceptions]]` with packages = [\"deb:x\"]"), "{help}");
}

#[test]
fn a_policy_names_single_licences_of_the_list() {
    assert_eq!(single("MIT").as_deref(), Ok("MIT"));
    assert_eq!(
        single("GPL-2.0-only WITH Classpath-exception-2.0").as_deref(),
        Ok("GPL-2.0-only WITH Classpath-exception-2.0")
    );
    for wrong in ["MIT OR ISC", "GPL-3.0", "mitt", "", "BSD"] {
        assert!(single(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_notice_names_what_is_shipped_and_each_text_once() {
    let mut inventory = of_python("PSF-2.0");
    inventory.packages[0].is_direct = true;
    let texts = Texts::from([
        ("pkg:pypi/fastapi@0.165.0".to_owned(), vec!["One text\n".to_owned(), "Other text".to_owned()]),
        ("pkg:pypi/typing-extensions@4.16.0".to_owned(), vec!["One text".to_owned()]),
    ]);
    expect![[r"
        project contains software of others, under these licences.

        backend:
          fastapi 0.165.0: MIT
          typing-extensions 4.16.0: PSF-2.0

        --------------------------------------------------------------------------------
        fastapi 0.165.0

        Other text

        --------------------------------------------------------------------------------
        fastapi 0.165.0, typing-extensions 4.16.0

        One text
    "]]
    .assert_eq(&notice("project", &[inventory], &texts));
    for (name, expected) in [
        ("LICENSE", true),
        ("LICENCE.rst", true),
        ("notice.txt", true),
        ("license.py", false),
        ("README", false),
    ] {
        assert_eq!(super::notice::is_text(name), expected, "{name}");
    }
}

#[test]
fn what_fossa_says_has_four_outcomes() {
    let issue = r#"{"count": 1, "status": "SCANNED", "issues": [{"id": 1, "resolved": false, "type": "policy_conflict",
                    "revisionId": "pip+requests$2.0.0", "rule": {"licenseId": "GPL-3.0-only"}}]}"#;
    for (code, stdout, expected) in [
        (0, "", Outcome::Clean),
        (1, issue, Outcome::Findings),
        (1, r#"{"issues": []}"#, Outcome::ToolError),
        (0, "<html>", Outcome::ToolError),
        (1, r#"{"issues": [{"type": "x"}]}"#, Outcome::ToolError),
        (2, "", Outcome::CouldNotLook),
    ] {
        let answer =
            Answer { code: Some(code), ended: "exit code", stdout, stderr: "no network\n", report: None };
        let look = fossa::look(&answer, 12);
        assert_eq!(look.outcome(), expected, "{code} {stdout}");
        if expected == Outcome::Findings {
            assert_eq!(look.findings[0].message, "`requests 2.0.0`: policy conflict: `GPL-3.0-only`");
        }
    }
}
