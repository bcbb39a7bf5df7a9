//! The tools that are installed for this repository, where they are: a new version that writes something else than the
//! recorded ones shows here.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use xtask::config::{Node, Python};
use xtask::tasks::lint::Fix;
use xtask::tasks::{docs, lint, test};

use super::*;

/// The folder of this repository, where it has been set up.
fn installed(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    path.exists().then(|| path.canonicalize().unwrap())
}

const PYTHON: &[(&str, &str)] = &[
    (
        "backend/pyproject.toml",
        "[tool.ruff.lint]\nselect = [\"F\"]\n[tool.mypy]\npackages = [\"src\"]\nstrict = true\n[tool.pytest.ini_options]\npythonpath = [\".\"]\n",
    ),
    ("backend/src/__init__.py", ""),
    (
        "backend/src/a.py",
        "\"\"\"A module.\"\"\"\n\nimport os\n\n\ndef double(x: int) -> str:\n    \"\"\"Double *it.\"\"\"\n    return x *  2\n",
    ),
    (
        "backend/tests/test_a.py",
        "from src.a import double\n\n\ndef test_passes():\n    assert double(1) == 2\n\n\ndef test_fails():\n    value = double(2)\n    assert value == 5\n",
    ),
    (
        "backend/docs/source/conf.py",
        "import pathlib\nimport sys\n\nsys.path.insert(0, str(pathlib.Path(__file__).parents[2]))\nextensions = [\"sphinx.ext.autodoc\"]\n",
    ),
    (
        "backend/docs/source/index.rst",
        "Title\n=====\n\n:doc:`absent`\n\n.. automodule:: src.a\n   :members:\n",
    ),
];

#[test]
fn python_tools_write_what_is_read() {
    let Some(environment) = installed("backend/.venv") else { return };
    let repository = Repository::new(PYTHON);
    symlink(environment, repository.path("backend/.venv")).unwrap();
    let python = Python {
        package: "src".to_owned(),
        requirements: Vec::new(),
        docs: Some("docs/source".into()),
        import_contracts: false,
        modules: BTreeMap::default(),
        forbidden: BTreeMap::default(),
    };
    let backend = component("backend", "backend", ComponentKind::Python(python));
    let lint = |fix| repository.task("lint", |cx| lint::component(cx, &backend, &lint::Options { fix }));
    assert_eq!(lint(Fix::Check).unwrap_err().message(), "`ruff`, `black`, `mypy` did not pass");
    let found = findings(&repository.events());
    expect![[r#"
        backend/src/a.py:3:8 ruff[F401] `os` imported but unused
        backend/src/a.py black[] not formatted
        backend/src/a.py:8:12 mypy[return-value] Incompatible return value type (got "int", expected "str")
    "#]]
    .assert_eq(&found);

    let options = test::Options { args: Vec::new() };
    let error = repository.task("test", |cx| test::component(cx, &backend, &options)).unwrap_err();
    assert_eq!(error.message(), "1 of 2 tests failed");
    let events = repository.events();
    expect![[r#"
        backend/tests/test_a.py:10 failed test_fails: assert 4 == 5
    "#]]
    .assert_eq(&findings(&events));
    assert_eq!(counts(&events), [TestCounts { passed: 1, failed: 1, skipped: 0 }]);
    assert!(repository.cx.output_folder().join("coverage/backend/coverage.lcov").is_file());
    let options = test::Options { args: vec!["-k".to_owned(), "absent".to_owned()] };
    let error = repository.task("test", |cx| test::component(cx, &backend, &options)).unwrap_err();
    assert_eq!(error.message(), "no test matches `-k absent`");

    // A second time too: a page that is up to date is read again.
    let warned = expect![[r#"
        backend/src/a.py sphinx[docutils] Inline emphasis start-string without end-string. (docstring of `src.a.double`)
        backend/docs/source/index.rst:4 sphinx[ref.doc] unknown document: 'absent'
    "#]];
    for _ in 0..2 {
        repository.task("docs", |cx| docs::component(cx, &backend)).unwrap_err();
        warned.assert_eq(&findings(&repository.events()));
    }

    // What can be mended is; the wrong type is for a person.
    assert_eq!(lint(Fix::Apply).unwrap_err().message(), "`mypy` did not pass");
}

const NODE: &[(&str, &str)] = &[
    (
        "frontend/package.json",
        r#"{"type": "module", "scripts": {"lint": "eslint .", "lint:fix": "eslint --fix .", "type-check": "tsc --noEmit",
            "format:check": "prettier --check src", "format": "prettier --write src", "test:ci": "vitest run --coverage"}}"#,
    ),
    (
        "frontend/tsconfig.json",
        r#"{"compilerOptions": {"strict": true, "types": []}, "include": ["src/a.ts"]}"#,
    ),
    (
        "frontend/eslint.config.js",
        "import ts from 'typescript-eslint';\nexport default [{ files: ['src/a.ts'], languageOptions: { parser: ts.parser }, rules: { 'no-var': 'error', 'no-console': 'error' } }];\n",
    ),
    (
        "frontend/vite.config.js",
        "export default { cacheDir: '.vite', test: { coverage: { reporter: ['json', 'lcov'] } } };\n",
    ),
    ("frontend/src/a.ts", "export const a: number = 'x';\nvar b  = a;\nconsole.log(b);\n"),
    (
        "frontend/src/a.test.ts",
        "import { expect, it } from 'vitest';\n\nit('passes', () => {\n  expect(1).toBe(1);\n});\n\nit('fails', () => {\n  expect(1).toBe(2);\n});\n",
    ),
];

#[test]
fn node_tools_write_what_is_read() {
    let Some(modules) = installed("frontend/node_modules") else { return };
    let repository = Repository::new(NODE);
    symlink(modules, repository.path("frontend/node_modules")).unwrap();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let node = Node {
        test: "test:ci".to_owned(),
        docs: None,
        lint: names(&["lint", "type-check", "format:check"]),
        fix: names(&["lint:fix", "format"]),
        modules: BTreeMap::new(),
        forbidden: BTreeMap::new(),
    };
    let frontend = component("frontend", "frontend", ComponentKind::Node(node));
    let lint = |fix| repository.task("lint", |cx| lint::component(cx, &frontend, &lint::Options { fix }));
    assert_eq!(lint(Fix::Check).unwrap_err().message(), "`lint`, `type-check`, `format:check` did not pass");
    expect![[r#"
        frontend/src/a.ts:2:1 eslint[no-var] Unexpected var, use let or const instead
        frontend/src/a.ts:3:1 eslint[no-console] Unexpected console statement
        frontend/src/a.ts:1:14 tsc[TS2322] Type 'string' is not assignable to type 'number'.
        frontend/src/a.test.ts prettier[] not formatted
        frontend/src/a.ts prettier[] not formatted
    "#]]
    .assert_eq(&findings(&repository.events()));

    let options = test::Options { args: Vec::new() };
    let error = repository.task("test", |cx| test::component(cx, &frontend, &options)).unwrap_err();
    assert_eq!(error.message(), "1 of 2 tests failed");
    let events = repository.events();
    expect![[r#"
        frontend/src/a.test.ts:8 failed fails: expected 1 to be 2 // Object.is equality
    "#]]
    .assert_eq(&findings(&events));
    assert_eq!(counts(&events), [TestCounts { passed: 1, failed: 1, skipped: 0 }]);
    let options = test::Options { args: vec!["-t".to_owned(), "passes".to_owned()] };
    let passed = repository.task("test", |cx| test::component(cx, &frontend, &options)).unwrap();
    assert_eq!(passed, TestCounts { passed: 1, failed: 0, skipped: 0 });
    let options = test::Options { args: vec!["-t".to_owned(), "absent".to_owned()] };
    let error = repository.task("test", |cx| test::component(cx, &frontend, &options)).unwrap_err();
    assert_eq!(error.message(), "no test matches `-t absent`");

    assert_eq!(lint(Fix::Apply).unwrap_err().message(), "`lint`, `type-check` did not pass");
}
