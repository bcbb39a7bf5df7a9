//! Small lock files, each with what it says.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};

use super::graph::Graph;
use super::outdated::{self, Outdated, Step};
use super::*;
use crate::gate::Answer;
use crate::rules::TextFile;

/// One line a package, then the gaps.
fn check(inventory: &Inventory, expected: &Expect) {
    let mut text = String::new();
    for package in &inventory.packages {
        let needs: Vec<&str> =
            package.needs.iter().map(|&need| inventory.packages[need].identity.name.as_str()).collect();
        let hashes: Vec<String> =
            package.hashes.iter().map(|hash| format!("{}:{}", hash.algorithm, &hash.digits[..4])).collect();
        let marks =
            [(package.is_direct, "direct"), (package.is_own, "own"), (package.is_elsewhere, "elsewhere")];
        let marks: Vec<&str> = marks.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
        writeln!(
            text,
            "{} {:?} [{}] {:?} {:?} needs {needs:?} at {}",
            package.purl(),
            package.scope,
            marks.join(" "),
            package.licenses,
            hashes,
            package.declared,
        )
        .unwrap();
    }
    for gap in &inventory.gaps {
        writeln!(text, "gap: {}", gap.why).unwrap();
    }
    expected.assert_eq(&text);
}

pub(crate) const REQUIREMENTS: &str = "\
fastapi==0.165.0 \\
    --hash=sha256:896f48462042bb4f162147eb8fac7e858753dc1f486765709baf105d70e4fc5b \\
    --hash=sha256:dd94d4128319c1e1d50535ab023ab698f850a4d2822f0e181747b46f4ff3c0ab
    # via -r requirements.in
Typing_Extensions==4.16.0 \\
    --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8
    # via
    #   -c other.txt
    #   fastapi[all]
tzdata==2026.6 ; sys_platform == 'win32' --hash=md5:no
    # via fastapi
";

pub(crate) fn distribution(name: &str, version: &str, licenses: &[&str]) -> python::Distribution {
    python::Distribution {
        name: name.to_owned(),
        version: version.to_owned(),
        licenses: licenses.iter().map(|&word| word.to_owned()).collect(),
    }
}

fn of_python(installed: Option<&[python::Distribution]>) -> Inventory {
    let file = TextFile { path: Path::new("backend/requirements.txt"), text: REQUIREMENTS };
    python::inventory("backend", Root::default(), &[(file, Scope::Production)], installed)
}

#[test]
fn python_pins_are_read_with_their_annotations() {
    let installed =
        [distribution("FastAPI", "0.165.0", &["MIT"]), distribution("typing-extensions", "4.16.0", &[])];
    check(
        &of_python(Some(&installed)),
        &expect![[r#"
            pkg:pypi/fastapi@0.165.0 Production [direct] Some(["MIT"]) ["SHA-256:896f", "SHA-256:dd94"] needs ["typing-extensions", "tzdata"] at backend/requirements.txt:1
            pkg:pypi/typing-extensions@4.16.0 Production [] Some([]) ["SHA-256:481c"] needs [] at backend/requirements.txt:5
            pkg:pypi/tzdata@2026.6 Production [elsewhere] None [] needs [] at backend/requirements.txt:10
        "#]],
    );
    let gaps =
        |inventory: Inventory| -> Vec<String> { inventory.gaps.into_iter().map(|gap| gap.why).collect() };
    let what = "no licence is known of what is not installed in the version that is pinned:";
    assert_eq!(gaps(of_python(None)), [format!("{what} `fastapi`, `typing-extensions`, `tzdata`")]);
    // Another version says nothing of this one.
    let other =
        [distribution("fastapi", "0.1.0", &["MIT"]), distribution("typing-extensions", "4.16.0", &[])];
    assert_eq!(gaps(of_python(Some(&other))), [format!("{what} `fastapi`")]);
    let bare = TextFile { path: Path::new("x.txt"), text: "a==1\n" };
    let bare = python::inventory(
        "x",
        Root::default(),
        &[(bare, Scope::Production)],
        Some(&[distribution("a", "1", &[])]),
    );
    assert_eq!(gaps(bare), ["nothing says who needs `a`"]);
}

#[test]
fn core_metadata_says_licences_in_three_ways() {
    for (headers, expected) in [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other\n", vec!["MIT OR Apache-2.0"]),
        (
            "License: BSD-3-Clause\nClassifier: License :: OSI Approved :: BSD License\n",
            vec!["BSD-3-Clause", "BSD License"],
        ),
        (
            "Classifier: License :: Public Domain\nClassifier: License :: OSI Approved\n",
            vec!["Public Domain"],
        ),
        ("License: MIT License\n\n        Permission is\n", vec!["MIT License"]),
        (
            "License: The whole text\n        Permission is hereby\nClassifier: License :: OSI Approved :: MIT License\n",
            vec!["MIT License"],
        ),
        ("License: UNKNOWN\nLicense-File: LICENSE\n", vec![]),
    ] {
        let found = python::distribution(&format!(
            "Metadata-Version: 2.1\nName: a\nVersion: 1\n{headers}\nName: b\n"
        ));
        assert_eq!(found.unwrap().licenses, expected, "{headers}");
    }
    assert_eq!(python::distribution("Name: a\n\nVersion: 1\n"), None);
    assert_eq!(python::distribution(""), None);
}

pub(crate) const LOCK: &str = r#"{
  "name": "web", "version": "0.1.0", "lockfileVersion": 3,
  "packages": {
    "": { "name": "web", "version": "0.1.0", "license": "MIT", "dependencies": { "a": "1" }, "devDependencies": { "@s/b": "2" } },
    "node_modules/a": {
      "version": "1.0.0", "license": "MIT", "dependencies": { "c": "1" },
      "integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
    },
    "node_modules/a/node_modules/c": { "version": "1.0.0", "license": { "type": "ISC" } },
    "node_modules/c": { "version": "2.0.0", "dev": true, "peerDependencies": { "a": "1" } },
    "node_modules/@s/b": { "version": "2.0.0", "dev": true, "licenses": [{ "type": "MIT" }, { "type": "GPL-3.0" }], "dependencies": { "c": "2" } },
    "node_modules/bundled": { "inBundle": true },
    "packages/own": { "version": "1.0.0" }
  }
}"#;

fn of_npm(text: &str) -> Inventory {
    let lock = TextFile { path: Path::new("web/package-lock.json"), text };
    npm::inventory("web", lock, &|key| (key == "node_modules/c").then(|| r#"{"license": "0BSD"}"#.to_owned()))
}

#[test]
fn npm_names_lead_to_the_nearest_folder() {
    check(
        &of_npm(LOCK),
        &expect![[r#"
            pkg:npm/%40s/b@2.0.0 Development [direct] Some(["MIT OR GPL-3.0"]) [] needs ["c"] at web/package-lock.json:11
            pkg:npm/a@1.0.0 Production [direct] Some(["MIT"]) ["SHA-512:cf83"] needs ["c"] at web/package-lock.json:5
            pkg:npm/c@1.0.0 Production [] Some(["ISC"]) [] needs [] at web/package-lock.json:9
            pkg:npm/c@2.0.0 Development [] Some(["0BSD"]) [] needs ["a"] at web/package-lock.json:10
        "#]],
    );
    let silent = of_npm(&LOCK.replace(r#""license": "MIT", "dependencies""#, r#""dependencies""#));
    assert_eq!(silent.gaps.len(), 1);
    for damaged in ["", "{", "[]", r#"{"packages": 1}"#, r#"{"dependencies": {}}"#] {
        let found = of_npm(damaged);
        assert_eq!((found.packages.len(), found.gaps[0].kind), (0, GapKind::ToolError), "{damaged}");
    }
    for (end, _) in LOCK.char_indices() {
        drop(of_npm(&LOCK[..end]));
    }
}

#[test]
fn chains_say_why_a_package_is_there() {
    let inventory = of_npm(LOCK);
    let named = |word: &str| inventory.named(word);
    assert_eq!(
        (named("c"), named("npm:c"), named("c@2.0.0"), named("x")),
        (vec![2, 3], vec![2, 3], vec![3], vec![])
    );
    assert_eq!(inventory.chains(2), [vec![1, 2], vec![0, 3, 1, 2]]);
    assert_eq!(inventory.chains(0), [vec![0]]);
    assert_eq!(inventory.circles(), Vec::<Vec<usize>>::new());
}

#[test]
fn a_graph_is_text_and_pictures() {
    let inventory = of_npm(LOCK);
    let graph = Graph::of_packages(std::slice::from_ref(&inventory), true);
    expect![[r#"
        web 0.1.0: @s/b, a
        @s/b 2.0.0: c
        a 1.0.0: c
        c 2.0.0: a

        1 component, 4 packages, 5 dependencies, 0 circles
    "#]]
    .assert_eq(&graph.text());
    let dot = Graph::of_packages(&[inventory], false).drawing().dot();
    expect![[r##"
        digraph dependencies {
          rankdir=LR;
          node [shape=box, style=filled, fontname="sans-serif"];
          "web" [label="web\ncomponent 0.1.0", fillcolor="#ddf4ff", penwidth=3];
          "pkg:npm/a@1.0.0" [label="a\n1.0.0", fillcolor="#dafbe1", penwidth=1];
          "pkg:npm/c@1.0.0" [label="c\n1.0.0", fillcolor="#f6f8fa", penwidth=1];
          "web" -> "pkg:npm/a@1.0.0" [penwidth=1];
          "pkg:npm/a@1.0.0" -> "pkg:npm/c@1.0.0" [penwidth=1];
        }
    "##]]
    .assert_eq(&dot);
}

#[test]
fn what_others_imply_is_not_drawn_and_circles_are_red() {
    let names = ["a", "b", "c", "d"].map(str::to_owned);
    let edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("d", "c")];
    let edges = edges.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let graph = Graph::of_modules("x", &names.into_iter().collect(), &edges);
    assert_eq!(graph.circles, [vec![2, 3]]);
    let drawing = graph.drawing();
    // Into and within a circle every line stays.
    assert_eq!(drawing.lines.len(), 5);
    assert_eq!(drawing.boxes.iter().filter(|one| one.is_thick).count(), 2);
    assert!(graph.text().contains("circle: c, d\n"));
    let svg = drawing.svg();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("#cf222e"));
    let straight = [("a", "b"), ("b", "c"), ("a", "c")].map(|(from, to)| (from.to_owned(), to.to_owned()));
    let names = ["a", "b", "c"].map(str::to_owned).into_iter().collect();
    let graph = Graph::of_modules("x", &names, &straight.into_iter().collect());
    assert_eq!((graph.edges.len(), graph.drawing().lines.len()), (3, 2));
}

#[test]
fn hashes_are_known_by_function_and_length() {
    let good = format!("sha256:{}", "Ab".repeat(32));
    assert_eq!(Hash::parse(&good).unwrap().digits, "ab".repeat(32));
    for bad in ["sha256:ab", "md5:00", "", "sha256", &format!("sha256:{}", "zz".repeat(32))] {
        assert_eq!(Hash::parse(bad), None, "{bad}");
    }
}

#[test]
fn steps_are_named_by_the_first_number_that_differs() {
    for (current, latest, step) in [
        ("1.2.3", "1.2.4", Step::Patch),
        ("1.2.3", "1.3.0", Step::Minor),
        ("1.2.3", "2.0.0", Step::Major),
        ("0.2.3", "0.3.0", Step::Major),
        ("0.2.3", "0.2.4", Step::Patch),
        ("26.3", "26.3.1", Step::Patch),
        ("1.0.0-rc.1", "1.0.0", Step::Patch),
        ("x", "y", Step::Patch),
    ] {
        assert_eq!(Step::between(current, latest), step, "{current} {latest}");
    }
}

type Read = fn(&Answer<'_>) -> Result<Vec<Outdated>, String>;

fn answer<'a>(code: i32, stdout: &'a str, stderr: &'a str) -> Answer<'a> {
    Answer { code: Some(code), ended: "exit code", stdout, stderr, report: None }
}

#[test]
fn what_is_out_of_date_is_read_or_it_is_said_why_not() {
    let found = |read: Read, answer: Answer<'_>| -> Vec<String> {
        let found = read(&answer).unwrap();
        found.iter().map(|one| format!("{} {} {} {}", one.name, one.current, one.latest, one.step)).collect()
    };
    let uv = r#"[{"name":"docutils","version":"0.22.4","latest_version":"0.23","latest_filetype":"wheel"}]"#;
    assert_eq!(found(outdated::uv, answer(0, uv, "Using Python")), ["docutils 0.22.4 0.23 major"]);
    let npm = r#"{"eslint": {"current": "9.39.5", "wanted": "9.39.5", "latest": "10.15.0"},
                  "vite": [{"wanted": "8.3.8", "latest": "8.4.0"}], "same": {"current": "1.0.0", "latest": "1.0.0"}}"#;
    assert_eq!(
        found(outdated::npm, answer(1, npm, "")),
        ["eslint 9.39.5 10.15.0 major", "vite 8.3.8 8.4.0 minor"]
    );
    assert_eq!(found(outdated::npm, answer(0, "", "")), [""; 0]);
    let cargo = "    Updating crates.io index\n     Locking 1 package to latest Rust 1.95 compatible version\n    \
                 Updating serde v1.0.228 -> v1.0.229\n   Unchanged toml v0.9.0 (available: v1.2.2+spec-1.1.0)\nwarning: x\n";
    assert_eq!(
        found(outdated::cargo, answer(0, "", cargo)),
        ["serde 1.0.228 1.0.229 patch", "toml 0.9.0 1.2.2+spec-1.1.0 major"]
    );
    let proxy = "<html>";
    let refused = r#"{"error": {"code": "ECONNREFUSED", "summary": "request to the registry failed\nreason: refused"}}"#;
    for (read, answer, why) in [
        (
            outdated::uv as Read,
            answer(2, "", "error: Failed to fetch\n  cause: Connection refused\n"),
            "exit code: cause: Connection refused",
        ),
        (outdated::uv, answer(0, proxy, ""), "no report: "),
        (outdated::uv, answer(0, r#"[{"name": "a"}]"#, ""), "an entry of its report has no name or version"),
        (outdated::npm, answer(1, refused, ""), "request to the registry failed"),
        (outdated::npm, answer(1, proxy, ""), "no report: "),
        (outdated::npm, answer(7, "{}", "boom"), "exit code: boom"),
        (
            outdated::cargo,
            answer(101, "", "error: failed to download\n"),
            "exit code: error: failed to download",
        ),
        (outdated::cargo, answer(0, "", ""), "it does not say what it would lock"),
    ] {
        let said = read(&answer).unwrap_err();
        assert!(said.starts_with(why), "{said}");
    }
}
