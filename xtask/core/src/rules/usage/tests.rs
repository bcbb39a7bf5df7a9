//! Imports as people write them, and what is planted among them.

use super::*;

fn names(imports: &[Import]) -> Vec<String> {
    let mark = |import: &Import| match (import.is_immediate, import.is_optional) {
        (true, false) => "",
        (false, false) => " later",
        (_, true) => " optional",
    };
    imports.iter().map(|import| format!("{}:{}{}", import.line, import.name, mark(import))).collect()
}

#[test]
fn imports_of_python_are_found_where_they_are() {
    let text = r#""""A docstring that says `import nothing`.

import nothing
"""
import os, a.b as c  # import nothing
from x import (
    y,
    z as w,  # from nothing import it
)
from . import near
from ..far.away import thing
text = 'import nothing' "from nothing import it"; import after
long = 1 + \
    2
try:
    import maybe
except ImportError:
    maybe = None
if TYPE_CHECKING:
    from types_only import T
def f():
    import late
    return "\"import nothing"
import last
"#;
    assert_eq!(
        names(&python::imports(text)),
        [
            "5:os",
            "5:a.b",
            "6:x.y",
            "6:x.z",
            "10:.near",
            "11:..far.away.thing",
            "12:after",
            "16:maybe optional",
            "20:types_only.T optional",
            "22:late later",
            "24:last",
        ]
    );
    for (end, _) in text.char_indices() {
        drop(python::imports(&text[..end]));
    }
}

#[test]
fn names_of_python_lead_upwards_from_their_package() {
    for (from, is_package, name, expected) in [
        ("src.api.app", false, "os.path", "os.path"),
        ("src.api.app", false, ".errors", "src.api.errors"),
        ("src.api.app", false, "..main.x", "src.main.x"),
        ("src.api", true, ".app", "src.api.app"),
        ("src", false, "....x", "x"),
    ] {
        assert_eq!(python::absolute(from, is_package, name), expected, "{from} {name}");
    }
    let record = "yaml/__init__.py,sha256=x,1\n_yaml.cpython-311.so,,\nsix.py,,\nx-1.dist-info/RECORD,,\n../../bin/x,,\n\"odd,name/a.py\",,\n";
    let tops: Vec<String> = python::top_names(record).into_iter().collect();
    assert_eq!(tops, ["_yaml", "odd,name", "six", "yaml"]);
}

#[test]
fn imports_of_scripts_are_found_where_they_are() {
    let text = r#"import "./side-effect.css";
import React, { useState } from "react";
import type { Node } from 'types-only';
// import x from "nothing"
/* import x from "nothing"
*/
export * from "./all";
export { a } from "again";
const lazy = () => import("lazy/page");
const old = require("old");
const text = "from"; const other = 'import';
const pattern = /['"]/; const it = <p>don't import</p>;
import {
  b,
} from "@scope/name/deep";
const template = `import x from "nothing"`;
"#;
    assert_eq!(
        names(&script::imports(text)),
        [
            "1:./side-effect.css",
            "2:react",
            "3:types-only optional",
            "7:./all",
            "8:again",
            "9:lazy/page later",
            "10:old later",
            "15:@scope/name/deep",
        ]
    );
    for (end, _) in text.char_indices() {
        drop(script::imports(&text[..end]));
    }
}

#[test]
fn names_of_scripts_lead_to_packages_or_files() {
    for (name, expected) in [
        ("react", Some("react")),
        ("react-dom/client", Some("react-dom")),
        ("@scope/name/deep", Some("@scope/name")),
        ("icon.svg?raw", Some("icon.svg")),
        ("node:fs", None),
        ("fs/promises", None),
        ("./near", None),
        ("@/own", None),
        ("virtual:pwa", None),
        ("", None),
    ] {
        assert_eq!(script::package(name), expected, "{name}");
    }
    let found = script::candidates(Path::new("web/src/app.tsx"), "../common/words.js");
    assert!(found.contains(&PathBuf::from("web/common/words.ts")));
    assert!(found.contains(&PathBuf::from("web/common/words.js")));
}

fn source(path: &str, is_development: bool, imports: &[(&str, u32)]) -> Source {
    let import = |&(name, line): &(&str, u32)| Import {
        name: name.to_owned(),
        line,
        is_immediate: true,
        is_optional: false,
    };
    Source { path: path.into(), is_development, imports: imports.iter().map(import).collect() }
}

fn declared(name: &str, line: u32, is_development: bool) -> Declared {
    Declared {
        name: name.to_owned(),
        is_development,
        location: Location::at("x.in", Some(line), None),
        is_used_otherwise: false,
    }
}

/// The findings, where a name is a file where there is one of that name, and else a package.
fn found(sources: &[Source], declared: &[Declared]) -> Vec<String> {
    let target = |_: &Source, import: &Import| match import.name.as_str() {
        "std" => Target::Nothing,
        "nobody" => Target::Unknown,
        name if sources.iter().any(|source| source.path == Path::new(name)) => Target::File(name.into()),
        name => Target::Packages(BTreeSet::from([name.to_owned()])),
    };
    let usage = Usage { sources, declared, manifest: Path::new("x.in"), ecosystem: "pypi" };
    let render =
        |finding: Finding| format!("{} {} {}", finding.location.unwrap(), finding.rule, finding.message);
    usage.check(&target).into_iter().map(render).collect()
}

#[test]
fn undeclared_and_unused_dependencies_are_found() {
    let code = source("a.py", false, &[("std", 1), ("there", 2)]);
    let tests = source("tests/t.py", true, &[("pytest", 1), ("there", 2)]);
    let declared = [declared("there", 1, false), declared("pytest", 2, true)];
    assert_eq!(found(&[code.clone(), tests.clone()], &declared), [""; 0]);
    let planted = source("b.py", false, &[("hidden", 3), ("pytest", 4), ("nobody", 5)]);
    assert_eq!(
        found(&[code.clone(), tests, planted, source("c.py", false, &[("hidden", 9)])], &declared),
        [
            "b.py:3 undeclared `hidden` comes with `hidden`, which `x.in` does not ask for",
            "b.py:4 undeclared `pytest` comes with `pytest`, which is there for development only",
            "b.py:5 undeclared `nobody` comes with no package that is installed",
        ]
    );
    assert_eq!(
        found(std::slice::from_ref(&code), &declared),
        ["x.in:2 unused nothing imports `pytest`, and no configuration names it"]
    );
    let excused = [declared[0].clone(), Declared { is_used_otherwise: true, ..declared[1].clone() }];
    assert_eq!(found(&[code], &excused), [""; 0]);
}

#[test]
fn a_circle_of_files_is_found_once() {
    let files = [
        source("a.py", false, &[("b.py", 1)]),
        source("b.py", false, &[("c.py", 2)]),
        source("c.py", false, &[("a.py", 3), ("c.py", 4)]),
        source("d.py", false, &[("a.py", 1)]),
    ];
    assert_eq!(
        found(&files, &[]),
        ["a.py:1 circle these files import each other in a circle: `a.py`, `b.py`, `c.py`"]
    );
    let mut later = files.clone();
    later[2].imports[0].is_immediate = false;
    assert_eq!(found(&later, &[]), [""; 0], "what is imported later closes no circle");
}

#[test]
fn versions_that_differ_are_found() {
    let version = |name: &str, component: &str, version: &str| {
        (name.to_owned(), component.to_owned(), version.to_owned(), Location::at(component, Some(1), None))
    };
    let same = [version("a", "x", "1"), version("a", "y", "1"), version("b", "x", "1")];
    assert!(different_versions(&same).is_empty());
    let found = different_versions(&[version("a", "x", "1"), version("a", "y", "2"), version("a", "y", "1")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "`a` differs between components: x has 1, y has 1 and 2");
    assert_eq!(found[0].severity, Severity::Warning);
}
