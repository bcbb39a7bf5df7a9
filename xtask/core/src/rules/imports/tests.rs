//! Each form in which a path can be named, once where it breaks a rule and once where it does not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

/// The rules of the small crate below: `a` and `b` may import nothing, `c` may import `a`, `d` is pure.
fn rules() -> [BTreeMap<String, Vec<String>>; 2] {
    let table = |rows: &[(&str, &[&str])]| {
        let row = |(name, list): &(&str, &[&str])| {
            ((*name).to_owned(), list.iter().map(|&item| item.to_owned()).collect())
        };
        rows.iter().map(row).collect()
    };
    let modules = table(&[("a", &[]), ("b", &[]), ("c", &["a"]), ("d", &[]), ("main", &["c"])]);
    let forbidden = table(&[("d", &["std::fs", "std::time::Instant", "clap"])]);
    [modules, forbidden]
}

/// The findings for these files, as `path:line:column: rule: message`.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let [modules, forbidden] = rules();
    let stated_in = Path::new("xtask.toml");
    let rules = Rules { library: "krate", modules: &modules, forbidden: &forbidden, stated_in };
    let all = ["lib.rs", "a.rs", "b.rs", "c.rs", "d.rs", "main.rs"];
    let rest = all.iter().filter(|name| !files.iter().any(|(path, _)| path == *name)).map(|name| (*name, ""));
    let files: Vec<(PathBuf, &str)> =
        files.iter().copied().chain(rest).map(|(path, text)| (Path::new("src").join(path), text)).collect();
    let sources: Vec<Source<'_>> = files
        .iter()
        .map(|(path, text)| Source { path, in_crate: path.strip_prefix("src").unwrap(), text })
        .collect();
    check(rules, &sources)
        .into_iter()
        .map(|finding| {
            let location = finding.location.map(|location| location.to_string()).unwrap_or_default();
            format!("{location}: {}: {}", finding.rule, finding.message)
        })
        .collect()
}

/// Where the findings for one file are, as `line:column`.
fn places(path: &str, text: &str) -> Vec<String> {
    let place = |finding: String| {
        let mut parts = finding.split(':').skip(1);
        format!("{}:{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    findings(&[(path, text)]).into_iter().map(place).collect()
}

#[test]
fn every_form_of_an_import_is_seen() {
    for (text, place) in [
        ("use crate::b;", "1:5"),
        ("use crate::b::x;", "1:5"),
        ("pub use crate::b::x;", "1:9"),
        ("pub(crate) use crate::b::x as y;", "1:16"),
        ("use crate::b::*;", "1:5"),
        ("use crate::{a, b};", "1:16"),
        ("use crate::{a::{x, y}, b::{self, z}};", "1:28"),
        ("use {crate::a, crate::b::x};", "1:16"),
        ("use super::b;", "1:5"),
        ("use self::super::b::x;", "1:5"),
        ("mod m { use super::super::b; }", "1:13"),
        ("mod m { fn f() { super::super::b::x() } }", "1:18"),
        ("use crate::r#b;", "1:5"),
        ("use krate::b;", "1:5"),
        ("use ::krate::b;", ""),
        ("fn f() { crate::b::x() }", "1:10"),
        ("fn f() -> crate::b::X { todo() }", "1:11"),
        ("fn f() -> Option<crate::b::X> { None }", "1:18"),
        ("fn f<T: crate::b::X>() {}", "1:9"),
        ("impl<T> crate::b::X<T> for Y {}", "1:9"),
        ("fn f() { <T as crate::b::X>::new() }", "1:16"),
        ("fn f() { g(..crate::b::new()) }", "1:14"),
        ("fn f() { vec![crate::b::x()] }", "1:15"),
        ("macro_rules! m { () => { $crate::b::x() }; }", "1:27"),
        ("#[derive(crate::b::X)] struct Y;", "1:10"),
        ("fn f() { use crate::b::x; }", "1:14"),
        ("/* ü */ use crate::b;", "1:13"),
        ("use crate::a;\n\n    use crate::b;", "3:9"),
        ("use crate as k; fn f() { k::a::x() }", "1:5"),
        ("use crate::*;", "1:5"),
    ] {
        let expected: &[&str] = if place.is_empty() { &[] } else { &[place] };
        assert_eq!(places("c.rs", text), expected, "{text}");
    }
}

#[test]
fn what_is_allowed_is_allowed() {
    for text in [
        "use crate::a; use crate::a::*; use crate::{a::{b, c}};",
        "use crate::c::x; use self::x; mod b { pub fn x() {} } use b::x; fn f() { b::x() }",
        "// crate::b::x\n/* crate::b */ const S: &str = \"crate::b::x\"; const R: &str = r#\"crate::b\"#;",
        "fn f() { x.b::<T>(); x.crate_::b() }",
        "use std::fs; use b::x; fn f() { b::x() }",
        "#[cfg(test)] use crate::b;",
        "#[cfg(test)] fn f() { crate::b::x() }",
        "#[test] fn f() { crate::b::x() }",
        "#[cfg(test)] #[derive(Debug)] pub struct X { b: crate::b::X }",
        "#[cfg(all(test, unix))] mod tests { mod deep { use crate::b; } }",
        "#[cfg(test)]\nmod tests;",
        "struct X { #[cfg(test)] x: Option<crate::b::X>, y: u8 }",
        "fn f() { #[cfg(test)] let x = { crate::b::x() }; }",
        "#![cfg(test)]\nuse crate::b;",
        "fn f() -> impl Fn() + use<'_> {}",
    ] {
        assert_eq!(places("c.rs", text), [""; 0], "{text}");
    }
}

#[test]
fn tests_end_where_their_item_ends() {
    for (text, place) in [
        ("#[cfg(test)] use crate::b::{x, y}; use crate::b;", "1:40"),
        ("#[cfg(test)] mod tests { fn f() {} } use crate::b;", "1:42"),
        ("#[cfg(test)] fn f<A, B>(x: [u8; 2]) {} use crate::b;", "1:44"),
        ("struct X { #[cfg(test)] x: u8, y: crate::b::Y }", "1:35"),
        ("#[cfg(test)] const fn f() {} use crate::b;", "1:34"),
        ("fn f() { #[cfg(test)] let x = if y { 1 } else { crate::b::x() }; crate::b::y() }", "1:66"),
        ("#[cfg(not(test))] use crate::b;", "1:23"),
        ("#[cfg(any(test, unix))] use crate::b;", "1:29"),
        ("mod m { #![cfg(test)] use crate::b; } use crate::b;", "1:43"),
    ] {
        assert_eq!(places("c.rs", text), [place], "{text}");
    }
}

#[test]
fn every_form_of_a_forbidden_path_is_seen() {
    for (text, place) in [
        ("use std::fs;", "1:5"),
        ("use ::std::fs::File;", "1:7"),
        ("use std::{io, fs};", "1:15"),
        ("use std::fs as files; fn f() { files::read() }", "1:5"),
        ("use std::fs::{self, File};", "1:15"),
        ("fn f() { std::fs::read(\"x\") }", "1:10"),
        ("fn f() { ::std::fs::read(\"x\") }", "1:10"),
        ("use std::time; fn f() { time::Instant::now() }", "1:25"),
        ("use std::time::{self as clock}; fn f() { clock::Instant::now() }", "1:42"),
        ("use std as s; fn f() { s::fs::read() }", "1:24"),
        ("use std::*;", "1:5"),
        ("use std::time::*;", "1:5"),
        ("extern crate clap;", "1:14"),
        ("extern crate clap as c; fn f() { c::x() }", "1:14"),
        ("extern crate std as s; use s::fs;", "1:28"),
        ("#[derive(clap::Parser)] struct X;", "1:10"),
        ("use clap::Parser; #[derive(Parser)] struct X;", "1:5"),
        ("fn f() { { use std::time; } { time::Duration::new(); std::fs::read() } }", "1:54"),
    ] {
        let found = places("d.rs", text);
        assert!(found.contains(&place.to_owned()), "{text}: {found:?}");
    }
    for text in [
        "use std::time::Duration; use std::fmt; use std::time; fn f() { time::Duration::ZERO }",
        "fn f() { let clap = 1; x.clap(); clap + 1 }",
        "mod std { pub mod fs {} } use std::fs;",
        "fn f() { { use std::time; } { time::Instant::now() } }",
        "use std::fsx; use std::time::Instants; use my::clap;",
        "fn f() { <T>::std::fs::read(); Vec::<T>::std::fs::read() }",
        "use std::time; mod m { mod time {} fn f() { time::Instant::now() } }",
        "#[cfg(test)] mod tests { use std::fs; }",
    ] {
        assert_eq!(places("d.rs", text), [""; 0], "{text}");
    }
    assert_eq!(places("c.rs", "use std::fs;"), [""; 0], "forbidden in `d` only");
}

#[test]
fn one_import_is_one_finding() {
    assert_eq!(places("d.rs", "use std::fs;\nfn f() { fs::read(); fs::write() }"), ["1:5"]);
    assert_eq!(places("c.rs", "use crate::b;\nfn f() { b::x(b::y()) }"), ["1:5"]);
    assert_eq!(places("c.rs", "fn f() { crate::b::x(); crate::b::x() }"), ["1:10"]);
}

#[test]
fn modules_in_folders_belong_to_the_top() {
    let deep = ("c/deep/mod.rs", "use super::super::b; use super::x; use crate::c::y; use super::super::a;");
    assert_eq!(findings(&[deep]).len(), 1);
    assert!(
        findings(&[deep])[0].starts_with("src/c/deep/mod.rs:1:5: import-direction: `c` must not import `b`")
    );
    // A name of the root of the module is found from its own file, not from the files below it.
    assert_eq!(findings(&[("c/mod.rs", "mod b; use b::x;"), ("c/b.rs", "")]), [""; 0]);
    assert_eq!(findings(&[("c.rs", "#[cfg(test)] mod tests;"), ("c/tests.rs", "use crate::b;")]), [""; 0]);
}

#[test]
fn the_root_is_followed_to_what_it_re_exports() {
    let root =
        ("lib.rs", "pub mod a; pub mod b; pub use crate::b::{X, Y as Z}; pub use a::W; pub fn own() {}");
    let message = |text: &str| {
        let mut found = findings(&[root, ("c.rs", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found.remove(0)
    };
    let direction = "src/c.rs:1:5: import-direction: `c` must not import";
    assert_eq!(message("use crate::X;"), format!("{direction} `b` (`crate::b::X`): it may import `a`"));
    assert_eq!(
        message("use crate::{Z::new};"),
        format!(
            "src/c.rs:1:13: import-direction: `c` must not import `b` (`crate::b::Y::new`): it may import `a`"
        )
    );
    assert_eq!(
        message("use crate::own;"),
        format!("{direction} the crate's root (`crate::own`): it may import `a`")
    );
    assert_eq!(findings(&[root, ("c.rs", "use crate::W;")]), [""; 0]);
    let macros = ("a.rs", "#[macro_export] macro_rules! shout { () => {} }");
    assert_eq!(findings(&[macros, ("c.rs", "fn f() { crate::shout!() }")]), [""; 0]);
}

#[test]
fn the_binary_calls_the_library_by_its_name() {
    assert_eq!(findings(&[("main.rs", "fn main() { krate::c::run() }")]), [""; 0]);
    assert_eq!(
        findings(&[("main.rs", "use krate::b;\nfn main() {}")]),
        ["src/main.rs:1:5: import-direction: `main` must not import `b` (`crate::b`): it may import `c`"]
    );
}

#[test]
fn rules_and_modules_fit_each_other() {
    assert_eq!(
        findings(&[("new.rs", "use crate::b;"), ("new/deep.rs", "")]),
        ["src/new.rs:1:1: module-without-rule: module `new` has no rule that says what it may import"]
    );
    let [mut modules, mut forbidden] = rules();
    modules.insert("gone".into(), Vec::new());
    modules.insert("a".into(), vec!["lost".into()]);
    forbidden.insert("away".into(), Vec::new());
    let rules =
        Rules { library: "krate", modules: &modules, forbidden: &forbidden, stated_in: Path::new("x.toml") };
    let names: Vec<&str> = vec!["lib", "a", "b", "c", "d", "main"];
    let paths: Vec<PathBuf> = names.iter().map(|name| format!("{name}.rs").into()).collect();
    let sources: Vec<Source<'_>> =
        paths.iter().map(|path| Source { path, in_crate: path, text: "" }).collect();
    let messages: Vec<String> = check(rules, &sources).into_iter().map(|finding| finding.message).collect();
    assert_eq!(
        messages,
        ["away", "gone", "lost"]
            .map(|name| format!("a rule names the module `{name}`, which does not exist"))
    );
}

#[test]
fn the_root_makes_no_circle() {
    let [mut modules, forbidden] = rules();
    modules.insert("a".into(), vec!["lib".into()]);
    let rules =
        Rules { library: "krate", modules: &modules, forbidden: &forbidden, stated_in: Path::new("") };
    let source =
        |(path, text): (&'static str, _)| Source { path: Path::new(path), in_crate: Path::new(path), text };
    let files = [("lib.rs", "pub use a::X; pub fn own() {}"), ("a.rs", "use crate::own;")];
    let rest = ["b.rs", "c.rs", "d.rs", "main.rs"].map(|path| (path, ""));
    let sources: Vec<Source<'_>> = files.into_iter().chain(rest).map(source).collect();
    assert_eq!(check(rules, &sources), []);
}

#[test]
fn circles_are_shown_whole() {
    let found = findings(&[("a.rs", "use crate::c;"), ("b.rs", ""), ("c.rs", "\nuse crate::a::x;")]);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], "src/a.rs:1:5: import-circle: modules import each other in a circle: a → c → a");
    let long = [
        ("a.rs", "use crate::b;"),
        ("b.rs", "use crate::c;"),
        ("c.rs", "use crate::a;"),
        ("d.rs", "use crate::a;"),
    ];
    assert!(findings(&long).last().unwrap().ends_with("in a circle: a → b → c → a"));
}

#[test]
fn crates_are_named_where_paths_begin() {
    let text = "use toml; use {serde_json, clap::Parser}; extern crate libc; #[tokio::main] \
                fn f(memchr: u8) { walkdir::WalkDir::new(x.which, memchr) } /* duct::cmd */";
    let names = ["clap", "libc", "serde_json", "tokio", "toml", "walkdir"];
    assert_eq!(first_names(text).into_iter().collect::<Vec<_>>(), names);
}

#[test]
fn broken_text_is_survived() {
    let text = "use a::{b as c, d::*}; #[cfg(test)] mod t { use super::*; } macro_rules! m { ($x:path) => { $crate::b::x }; } #![cfg(test)] extern crate self as s; mod n { pub use crate::{self, b}; } fn f<'a>() { ::std::fs::x::<T>() }";
    for (start, _) in text.char_indices() {
        findings(&[("d.rs", &text[start..])]);
        findings(&[("d.rs", &text[..start])]);
        findings(&[("d.rs", &[&text[..start], "}", &text[start..]].concat())]);
        findings(&[("d.rs", &[&text[..start], "{", &text[start..]].concat())]);
    }
    findings(&[("d.rs", &"{".repeat(100_000))]);
    findings(&[("d.rs", &format!("use {}", "a::{".repeat(1000)))]);
    findings(&[("d.rs", "use a as b; use b as a; fn f() { a::x() }")]);
}
