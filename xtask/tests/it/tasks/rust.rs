//! A Rust crate with one of everything, and the real cargo.

use std::collections::BTreeMap;

use expect_test::expect;
use xtask::config::Rust;
use xtask::core::report::TestCounts;
use xtask::tasks::lint::Fix;
use xtask::tasks::{docs, lint, test};

use super::*;

const MANIFEST: &str = r#"
[package]
name = "small-crate"
version = "0.1.0"
edition = "2024"
"#;

const LOCK: &str = r#"
version = 4

[[package]]
name = "small-crate"
version = "0.1.0"
"#;

const LIB: &str = r#"//! A small crate. See [`Nowhere`].

/// Adds.
pub fn add(a: i32, b: i32) -> i32 {
    return a+b;
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        assert_eq!(super::add(1, 1), 2);
    }

    #[test]
    fn fails() {
        assert_eq!(super::add(1, 1), 3, "one and one");
    }

    #[test]
    #[ignore = "not now"]
    fn ignored() {}
}
"#;

fn crate_with(lib: &str) -> (Repository, Component) {
    crate_in(lib, &[])
}

fn crate_in(lib: &str, variables: &[(&str, &str)]) -> (Repository, Component) {
    let files = [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCK), ("src/lib.rs", lib)];
    let rust = Rust {
        package: "small-crate".to_owned(),
        modules: BTreeMap::default(),
        forbidden: BTreeMap::default(),
    };
    let repository = Repository::with(&files, variables, |builder| builder);
    (repository, component("small", "", ComponentKind::Rust(rust)))
}

fn no_args() -> test::Options {
    test::Options { args: Vec::new() }
}

#[test]
fn lint_finds_format_and_clippy_at_their_lines_and_mends_both() {
    let (repository, small) = crate_with(LIB);
    let lint = |fix| repository.task("lint.small", |cx| lint::component(cx, &small, &lint::Options { fix }));
    let error = lint(Fix::Check).unwrap_err();
    expect![[r#"
        Problems: `rustfmt`, `clippy` did not pass
        cause: rustfmt: 1 problem found
        cause: `cargo` ended with exit code 1
        cause: clippy: 1 problem found
        cause: `cargo` ended with exit code 101
    "#]]
    .assert_eq(&words(&error));
    expect![[r#"
        src/lib.rs:5 rustfmt[] not formatted
        src/lib.rs:5:5 clippy[clippy::needless_return] unneeded `return` statement
    "#]]
    .assert_eq(&findings(&repository.events()));
    assert_eq!(
        std::fs::read_to_string(repository.path("src/lib.rs")).unwrap(),
        LIB,
        "a check changes nothing"
    );

    lint(Fix::Apply).unwrap();
    let mended = std::fs::read_to_string(repository.path("src/lib.rs")).unwrap();
    assert_eq!(mended, LIB.replace("return a+b;", "a + b"));
    lint(Fix::Check).unwrap();
    assert_eq!(findings(&repository.events()), "");
}

#[test]
fn lint_says_what_it_could_not_mend() {
    let (repository, small) = crate_with(
        "//! A crate.\n\n#[deprecated]\nfn old() {}\n\n/// Calls.\npub fn new() {\n    old();\n    return ();\n}\n",
    );
    let options = lint::Options { fix: Fix::Apply };
    let error = repository.task("lint.small", |cx| lint::component(cx, &small, &options)).unwrap_err();
    assert_eq!(error.message(), "`clippy` did not pass");
    assert_eq!(
        findings(&repository.events()),
        "src/lib.rs:8:5 clippy[deprecated] use of deprecated function `old`\n"
    );
}

#[test]
fn tests_are_counted_and_failures_have_lines() {
    let (repository, small) = crate_with(LIB);
    let error = repository.task("test.small", |cx| test::component(cx, &small, &no_args())).unwrap_err();
    expect![[r#"
        Problems: 1 of 2 tests failed
        cause: `cargo` ended with exit code 101
    "#]]
    .assert_eq(&words(&error));
    let events = repository.events();
    assert_eq!(
        findings(&events),
        "src/lib.rs:17 failed tests::fails: assertion `left == right` failed: one and one\n"
    );
    assert_eq!(counts(&events), [TestCounts { passed: 1, failed: 1, skipped: 1 }]);

    let select = |name: &str| test::Options { args: vec![name.to_owned()] };
    let passed = repository.task("test.small", |cx| test::component(cx, &small, &select("adds"))).unwrap();
    assert_eq!(passed, TestCounts { passed: 1, failed: 0, skipped: 0 });
    let error =
        repository.task("test.small", |cx| test::component(cx, &small, &select("absent"))).unwrap_err();
    assert_eq!(words(&error), "Problems: no test matches `absent`\n");
}

#[test]
fn green_without_a_test_is_not_green() {
    let (repository, small) = crate_with("//! A crate without tests.\n");
    let error = repository.task("test.small", |cx| test::component(cx, &small, &no_args())).unwrap_err();
    assert_eq!(error.message(), "`cargo test` passed, but no test ran");
    assert_eq!(counts(&repository.events()), [TestCounts::default()]);
}

#[test]
fn tests_that_do_not_compile_have_lines_too() {
    let (repository, small) =
        crate_with("//! A crate.\n\n#[test]\nfn types() {\n    let _x: u8 = \"a\";\n}\n");
    let error = repository.task("test.small", |cx| test::component(cx, &small, &no_args())).unwrap_err();
    assert_eq!(words(&error), "Problems: 1 problem found\ncause: `cargo` ended with exit code 101\n");
    let events = repository.events();
    assert_eq!(findings(&events), "src/lib.rs:5:18 rustc[E0308] mismatched types\n");
    assert_eq!(counts(&events), []);
}

#[test]
fn a_warning_of_the_documentation_is_an_error() {
    let (repository, small) = crate_with(LIB);
    let error = repository.task("docs.small", |cx| docs::component(cx, &small)).unwrap_err();
    assert_eq!(error.message(), "1 problem found");
    assert_eq!(
        findings(&repository.events()),
        "src/lib.rs:1:26 rustdoc[rustdoc::broken_intra_doc_links] unresolved link to `Nowhere`\n"
    );
    repository.write("src/lib.rs", &LIB.replace(" See [`Nowhere`].", ""));
    let built = repository.task("docs.small", |cx| docs::component(cx, &small)).unwrap();
    assert!(built.join("index.html").is_file(), "{}", built.display());
}

#[test]
fn a_lock_file_that_does_not_match_is_an_error_and_stays() {
    let (repository, small) = crate_with(LIB);
    let stale = LOCK.replace("small-crate", "renamed");
    repository.write("Cargo.lock", &stale);
    let error = repository.task("test.small", |cx| test::component(cx, &small, &no_args())).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Problems, "`cargo` ended with exit code 101"));
    assert_eq!(std::fs::read_to_string(repository.path("Cargo.lock")).unwrap(), stale);
}

#[test]
fn cargo_compiles_with_the_variables_that_xtask_was_compiled_with() {
    let lib = "//! A crate.\n\n#[test]\nfn is_special() {\n    assert!(cfg!(special));\n}\n";
    let variables = [("RUSTFLAGS", "--cfg special"), ("UNRELATED", "--cfg other")];
    let (repository, small) = crate_in(lib, &variables);
    repository.task("test.small", |cx| test::component(cx, &small, &no_args())).unwrap();
    let commands = repository.events();
    let command = commands.iter().find_map(|body| match body {
        Body::CommandStarted { command, .. } => Some(command.as_str()),
        _ => None,
    });
    let expected =
        "RUSTFLAGS='--cfg special' cargo test --locked --color never --package small-crate --no-fail-fast";
    assert_eq!(command, Some(expected), "so that it can be repeated");
}
