//! `licenses`, `sbom` and `dependencies` as people call them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::repository::{Repository, Said};

const LOCK: &str = r#"{
  "name": "web", "version": "0.1.0", "lockfileVersion": 3,
  "packages": {
    "": { "name": "web", "version": "0.1.0", "dependencies": { "a": "^1.0.0" }, "devDependencies": { "b": "^2.0.0" } },
    "node_modules/a": { "version": "1.0.0", "license": "MIT", "integrity": "sha512-x", "dependencies": { "c": "1" } },
    "node_modules/b": { "version": "2.0.0", "license": "ISC", "integrity": "sha512-x", "dev": true },
    "node_modules/c": { "version": "1.2.0", "license": "MIT", "integrity": "sha512-x" }
  }
}
"#;

/// A repository with one Node component that passes all three.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write(
        "xtask.toml",
        "[project]\nname = \"small\"\n\n[components.web]\nkind = \"node\"\npath = \"web\"\ntest = \"test\"\n\n[licenses]\nallow = [\"MIT\"]\n\
         allow-development = [\"ISC\"]\n",
    );
    repository.write(
        "web/package.json",
        "{\n  \"name\": \"web\",\n  \"version\": \"0.1.0\",\n  \"dependencies\": {\n    \"a\": \"^1.0.0\"\n  },\n  \"devDependencies\": {\n    \"b\": \
         \"^2.0.0\"\n  }\n}\n",
    );
    repository.write("web/package-lock.json", LOCK);
    repository.write("web/src/main.ts", "import a from \"a\";\nimport \"./words\";\n");
    repository.write("web/src/words.ts", "export const word = \"x\";\n");
    repository.write("web/test/main.test.ts", "import b from \"b\";\n");
    repository
}

fn said(repository: &Repository, args: &[&str], code: i32) -> Said {
    repository.xtask_with(args, &[("SOURCE_DATE_EPOCH", "1767225600")]).expect(code)
}

#[test]
fn licences_are_checked_and_a_notice_is_written() {
    let repository = repository();
    said(&repository, &["licenses"], 0);
    assert!(repository.read("target/xtask/NOTICE").contains("web:\n  a 1.0.0: MIT\n  c 1.2.0: MIT\n"));
    let again = said(&repository, &["licenses", "web"], 0);
    assert!(again.all().contains("cached") || again.all().contains("reused"), "{}", again.all());
    repository.edit(
        "web/package-lock.json",
        r#""version": "1.2.0", "license": "MIT""#,
        r#""version": "1.2.0", "license": "GPL-3.0""#,
    );
    let found = said(&repository, &["licenses", "web"], 1).all();
    assert!(
        found.contains("web/package-lock.json:7") && found.contains("`c 1.2.0` of web may not be used"),
        "{found}"
    );
    // What was decided about it, and what is decided about nothing.
    let toml = repository.read("xtask.toml");
    let exception =
        "[[licenses.exceptions]]\npackages = [\"npm:c\"]\nstates = \"GPL-3.0-only\"\nreason = \"read\"\n";
    repository.write("xtask.toml", &format!("{toml}\n{exception}"));
    said(&repository, &["licenses"], 0);
    repository.write("web/package-lock.json", LOCK);
    repository.edit("xtask.toml", "npm:c", "npm:gone");
    let unused = said(&repository, &["licenses", "exceptions"], 1).all();
    assert!(unused.contains("nothing depends on `npm:gone` any more"), "{unused}");
}

#[test]
fn bills_of_materials_have_the_same_bytes() {
    let repository = repository();
    let names = ["web", "all"].map(|name| format!("target/xtask/sbom/{name}.cdx.json"));
    let written = || {
        said(&repository, &["sbom"], 0);
        names.clone().map(|name| repository.read(&name))
    };
    let first = written();
    assert_eq!(first, written());
    let bom: serde_json::Value = serde_json::from_str(&first[0]).unwrap();
    assert_eq!(bom["metadata"]["timestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(bom["components"][0]["purl"], "pkg:npm/a@1.0.0");
    // Without a commit nothing says of what time it is.
    let without = repository.xtask(&["sbom", "web"]).expect(4).all();
    assert!(without.contains("SOURCE_DATE_EPOCH"), "{without}");
    let wrong = repository.xtask_with(&["sbom", "web"], &[("SOURCE_DATE_EPOCH", "now")]).expect(2).all();
    assert!(wrong.contains("no number of seconds"), "{wrong}");
}

/// The official schema comes with a package of Python, `cyclonedx-python-lib[json-validation]`; where this names a Python that
/// has it, it is used.
const VALIDATOR: &str = "XTASK_CYCLONEDX_PYTHON";

#[test]
fn bills_of_materials_follow_the_schema() {
    // Two of the tools of this repository bring the schema, and what validates with it.
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".xtask/tools/bin/python");
    let own = own.exists().then(|| own.into_os_string());
    let Some(python) = std::env::var_os(VALIDATOR).or(own) else {
        println!(
            "skipped: {VALIDATOR} is not set, and the tools are not installed: `cargo xtask setup tools`"
        );
        return;
    };
    let repository = repository();
    said(&repository, &["sbom"], 0);
    let script = "import sys\nfrom cyclonedx.schema import SchemaVersion\nfrom cyclonedx.validation.json import JsonStrictValidator\n\
                  error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())\nsys.exit(str(error) if error else 0)";
    for name in ["web", "all"] {
        let path = repository.root().join(format!("target/xtask/sbom/{name}.cdx.json"));
        let output = std::process::Command::new(&python).args(["-c", script]).arg(path).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn questions_about_dependencies_are_answered() {
    let repository = repository();
    let answer = |args: &[&str]| said(&repository, args, 0).stdout;
    let why = answer(&["dependencies", "why", "c", "--output", "plain"]);
    assert_eq!(why, "c 1.2.0 of web, web/package-lock.json:7\n  web → a 1.0.0 → c 1.2.0\n");
    let unknown = said(&repository, &["dependencies", "why", "cc"], 2).stderr;
    assert!(
        unknown.contains("no component depends on `cc`") && unknown.contains("did you mean"),
        "{unknown}"
    );
    let graph = answer(&["dependencies", "graph", "--output", "plain"]);
    assert_eq!(graph, "web 0.1.0: a\na 1.0.0: c\n\n1 component, 2 packages, 2 dependencies, 0 circles\n");
    assert!(answer(&["dependencies", "graph", "web", "--development"]).contains("3 packages"));
    let modules = answer(&["dependencies", "graph", "web", "--modules", "--output", "plain"]);
    assert_eq!(modules, "src/main.ts: src/words.ts\n\n2 modules, 1 dependency, 0 circles\n");
    let json = answer(&["dependencies", "graph", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&json["data"]["format"], &json["data"]["nodes"][1]["id"]),
        (&1.into(), &"pkg:npm/a@1.0.0".into())
    );
    for args in [&["dependencies", "graph", "--output", "svg"][..], &["dependencies", "--output", "svg"]] {
        let svg = answer(args);
        assert!(svg.starts_with("<svg ") && svg.contains(">a</text>"), "{svg}");
    }
    assert!(
        answer(&["dependencies", "graph", "web", "--output", "dot"]).starts_with("digraph dependencies {")
    );
    for (args, words) in [
        (&["dependencies", "graph", "webb"][..], "did you mean `web`?"),
        (&["dependencies", "why", "a", "--output", "svg"], "draw a plan, or dependencies"),
        (&["dependencies", "graph", "web", "--modules", "--development"], "cannot be used with"),
        (&["dependencies", "outdated", "nothing"], "there is no component `nothing`"),
    ] {
        let refused = said(&repository, args, 2).stderr;
        assert!(refused.contains(words), "{args:?}: {refused}");
    }
}

#[test]
fn what_is_imported_has_to_be_declared() {
    let repository = repository();
    said(&repository, &["dependencies", "web"], 0);
    repository.edit("web/src/words.ts", "export", "import \"c\";\nimport \"./main\";\nexport");
    repository.write("web/test/main.test.ts", "\n");
    let found = said(&repository, &["dependencies", "web"], 1).all();
    for words in [
        "error[dependencies undeclared]: `c` comes with `c`, which `web/package.json` does not ask for\n --> web/src/words.ts:1:1\n",
        "error[dependencies unused]: nothing imports `b`, and no configuration names it\n --> web/package.json:8:5\n",
        "these files import each other in a circle: `web/src/main.ts`, `web/src/words.ts`",
    ] {
        assert!(found.contains(words), "no `{words}` in {found}");
    }
}

#[test]
fn what_is_out_of_date_is_named_or_it_is_said_that_nobody_knows() {
    let repository = repository();
    let npm = |script: &str| {
        let path = repository.root().join("bin/npm");
        repository.write("bin/npm", script);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", repository.root().join("bin").display(), std::env::var("PATH").unwrap());
        repository.xtask_with(&["dependencies", "outdated", "--output", "plain"], &[("PATH", path.as_str())])
    };
    let found =
        npm("#!/bin/sh\necho '{\"a\": {\"current\": \"1.0.0\", \"latest\": \"1.1.0\"}}'\nexit 1\n").expect(0);
    assert_eq!(
        found.stdout,
        "component  package  locked  newest  step\nweb        a        1.0.0   1.1.0   minor\n"
    );
    assert_eq!(npm("#!/bin/sh\necho '{}'\n").expect(0).stdout, "nothing is out of date in 1 component\n");
    let blind = npm("#!/bin/sh\necho '{\"error\": {\"summary\": \"request failed\"}}'\nexit 1\n").expect(0);
    assert!(blind.stdout.ends_with("nothing is known of newer versions\n"), "{}", blind.all());
    assert!(
        blind.all().contains("the newest versions of web are not known: request failed"),
        "{}",
        blind.all()
    );
}
