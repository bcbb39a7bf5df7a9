//! `[licenses]` and `[dependencies]`.

use expect_test::expect;

use super::{check, every_key_says_so, parse};
use xtask::core::finding::weakness::Level;
use xtask::core::license::Policy;

const COMPLETE: &str = r#"
project.name="x"
[dependencies.used]
"pypi:a" = "a plugin"
[licenses]
allow = ["MIT", "Apache-2.0"]
allow-development = ["MPL-2.0"]
ask = ["LGPL-3.0-only"]
deny = ["GPL-2.0-only WITH Classpath-exception-2.0"]
[[licenses.exceptions]]
packages = ["pypi:a", "npm:@s/b"]
states = "BSD License"
reason = "read"
[licenses.images]
allow = ["Zlib"]
ask = ["GPL-1.0-only"]
deny = ["LicenseRef-public-domain"]
unknown = "medium"
[[licenses.images.exceptions]]
packages = ["deb:libc6", "apk:musl", "pypi:pip", "npm:npm"]
states = "permissive"
reason = "read"
"#;

#[test]
fn everything_that_can_be_said_of_licences_arrives() {
    let config = parse(COMPLETE).unwrap();
    assert_eq!(config.dependencies.used.get("pypi:a").map(String::as_str), Some("a plugin"));
    let policy = config.licenses;
    assert!(
        policy.is_stated() && policy.allow.contains("MIT") && policy.allow_development.contains("MPL-2.0")
    );
    assert!(policy.ask.contains("LGPL-3.0-only"));
    assert!(policy.deny.contains("GPL-2.0-only WITH Classpath-exception-2.0"));
    let [exception] = policy.exceptions.as_slice() else { panic!("{:?}", policy.exceptions) };
    assert_eq!(
        (exception.packages.len(), exception.states.as_str(), exception.reason.as_str()),
        (2, "BSD License", "read")
    );
    let images = config.image_licenses.unwrap();
    assert_eq!(images.unknown, Level::Medium);
    let Policy { section, allow, ask, deny, exceptions, .. } = images.policy;
    assert_eq!((section, exceptions[0].packages.len()), ("licenses.images", 4));
    for (list, name) in [(allow, "Zlib"), (ask, "GPL-1.0-only"), (deny, "LicenseRef-public-domain")] {
        assert!(list.contains(name), "{name}");
    }
    let without = parse("project.name = \"x\"").unwrap();
    assert!(!without.licenses.is_stated() && without.image_licenses.is_none());
    let unsaid = parse("project.name = \"x\"\n[licenses.images]\nallow = [\"MIT\"]").unwrap();
    assert_eq!(unsaid.image_licenses.unwrap().unknown, Level::High);
    // A package that says nothing.
    assert!(parse(&COMPLETE.replace("\"BSD License\"", "\"\"")).is_ok());
}

#[test]
fn every_key_of_licences_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(&COMPLETE.replace("\"pypi:a\" =", "\"pypi:a\"="), 14, &[]);
}

#[test]
fn a_policy_that_means_nothing_is_refused() {
    check(
        "project.name = \"x\"\n[dependencies.used]\nreact = \"why\"\n\"npm:x\" = \"\"\n[licenses]\nallow = [\"MIT\", \"GPL-3.0\", \"MIT OR ISC\"]\n\
         deny = [\"MIT\"]\n[[licenses.exceptions]]\npackages = [\"requests\"]\nstates = \"BSD\"\n",
        &expect![[r#"
            xtask.toml has 7 problems
            3:1: `react` is no package (expected `pypi:`, `npm:` or `cargo:` and a name)
            4:11: `dependencies.used."npm:x"` must not be empty
            6:17: `licenses.allow[1]` must be a licence of the SPDX list such as "MIT" [a deprecated license identifier was used]
            6:28: `licenses.allow[2]` must be a licence of the SPDX list such as "MIT" [names one licence each, not a choice or a sum]
            7:9: `licenses.deny[0]` is in `allow` already
            8:1: `reason` is missing in `licenses.exceptions[0]`
            9:13: `licenses.exceptions[0].packages[0]` must be a package such as "pypi:requests" [expected `pypi:`, `npm:` or `cargo:` and a name]
        "#]],
    );
    check(
        "project.name = \"x\"\n[licenses.images]\nallow = [\"MIT\"]\ndeny = [\"MIT\"]\nallow-development = []\nunknown = \"bad\"\n\
         [[licenses.images.exceptions]]\npackages = [\"cargo:x\"]\nstates = \"\"\nreason = \"x\"\n",
        &expect![[r#"
            xtask.toml has 4 problems
            4:9: `licenses.images.deny[0]` is in `allow` already
            5:1: unknown key `allow-development` in `licenses.images` (did you mean `allow`?)
            6:11: `licenses.images.unknown` must be `low` or `medium` or `high` or `critical` (there are `low`, `medium`, `high`, `critical`)
            8:13: `licenses.images.exceptions[0].packages[0]` must be a package such as "pypi:requests" [expected `deb:`, `apk:`, `pypi:` or `npm:` and a name]
        "#]],
    );
}
