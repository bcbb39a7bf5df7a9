//! Python and Node components whose tools are staged: a runner that plays back what the real tools wrote.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use expect_test::expect;
use xtask::config::{Node, Python};
use xtask::core::report::TestCounts;
use xtask::driver::process::{Exit, Finished, Request, Runner, Stream};
use xtask::tasks::lint::Fix;
use xtask::tasks::{docs, lint, test};

use super::*;

/// What a tool does when it is called.
#[derive(Clone, Copy)]
struct Act {
    /// What must stand in the command line.
    called: &'static str,
    output: &'static str,
    exit: Exit,
    /// Files that it writes, relative to the folder it runs in; `JUNIT` stands for the report that it is told to write.
    files: &'static [(&'static str, &'static str)],
}

const JUNIT: &str = "JUNIT";

const fn act(called: &'static str, output: &'static str, code: i32) -> Act {
    Act { called, output, exit: Exit::Code(code), files: &[] }
}

/// Plays the first act whose words are in the command line, and remembers the calls.
struct Stage {
    acts: Vec<Act>,
    calls: Mutex<Vec<String>>,
}

impl Runner for Stage {
    fn run(
        &self,
        request: &Request,
        output: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<Finished, Error> {
        let program = request.program.file_name().unwrap().to_string_lossy().into_owned();
        let args: Vec<String> = request.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let report = |arg: &String| {
            arg.split_once("junit").and_then(|(_, rest)| Some(rest.split_once('=')?.1.to_owned()))
        };
        let report = args.iter().filter(|arg| arg.starts_with("--")).find_map(report);
        let line = format!("{program} {}", args.join(" "));
        let Some(act) = self.acts.iter().find(|act| line.contains(act.called)) else {
            return Err(Error::bug(format!("nobody plays `{line}`")));
        };
        let shown = report.as_ref().map_or_else(|| line.clone(), |report| line.replace(report, JUNIT));
        self.calls.lock().unwrap().push(shown);
        output(Stream::Stdout, act.output.replace("/repo", &root_of(request)).as_bytes());
        for (path, text) in act.files {
            let path =
                if *path == JUNIT { PathBuf::from(report.as_ref().unwrap()) } else { request.cwd.join(path) };
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Ok(Finished { exit: act.exit, duration: Duration::ZERO, output_held: false })
    }
}

/// The repository of the component in whose folder a command runs.
fn root_of(request: &Request) -> String {
    request.cwd.parent().unwrap().to_string_lossy().into_owned()
}

/// A repository with the component, and a stage for its tools.
struct Theatre {
    repository: Repository,
    stage: Arc<Stage>,
    component: Component,
}

impl Theatre {
    fn new(component: Component, acts: &[Act]) -> Self {
        let stage = Arc::new(Stage { acts: acts.to_vec(), calls: Mutex::default() });
        let runner = Arc::clone(&stage) as Arc<dyn Runner>;
        let repository = Repository::with(&[], &[("API_TOKEN", "hunter2")], |builder| builder.runner(runner));
        Self { repository, stage, component }
    }

    fn python(acts: &[Act]) -> Self {
        let python = Python {
            package: "src".to_owned(),
            requirements: Vec::new(),
            docs: Some("docs/source".into()),
            import_contracts: false,
            modules: BTreeMap::default(),
            forbidden: BTreeMap::default(),
        };
        let theatre = Self::new(component("backend", "backend", ComponentKind::Python(python)), acts);
        for program in ["ruff", "black", "mypy", "python"] {
            theatre.program(&format!("backend/.venv/bin/{program}"));
        }
        theatre
    }

    fn node(acts: &[Act]) -> Self {
        let scripts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let node = Node {
            test: "test:ci".to_owned(),
            docs: None,
            lint: scripts(&["lint", "type-check", "format:check"]),
            fix: scripts(&["lint:fix", "format"]),
            modules: BTreeMap::new(),
            forbidden: BTreeMap::new(),
        };
        Self::new(component("frontend", "frontend", ComponentKind::Node(node)), acts)
    }

    /// A program that is there to be found; the stage plays it.
    fn program(&self, path: &str) {
        self.repository.write(path, "");
        std::fs::set_permissions(self.repository.path(path), PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn lint(&self, fix: Fix) -> Result<(), Error> {
        let options = lint::Options { fix };
        self.repository.task("lint.staged", |cx| lint::component(cx, &self.component, &options))
    }

    fn test(&self, args: &[&str]) -> Result<TestCounts, Error> {
        let options = test::Options { args: args.iter().map(|&arg| arg.to_owned()).collect() };
        self.repository.task("test.staged", |cx| test::component(cx, &self.component, &options))
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.stage.calls.lock().unwrap())
    }

    /// What stands in the output folder, by path.
    fn kept(&self, folder: &str) -> BTreeMap<String, String> {
        let folder = self.repository.cx.output_folder().join(folder);
        let entry = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        };
        std::fs::read_dir(folder).map(|entries| entries.map(entry).collect()).unwrap_or_default()
    }
}

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../testdata/", $name))
    };
}

#[test]
fn all_python_tools_run_and_their_findings_have_places() {
    let theatre = Theatre::python(&[
        act("ruff", recorded!("findings/ruff.txt"), 1),
        act("black", recorded!("findings/black.txt"), 123),
        act("mypy", recorded!("findings/mypy.txt"), 1),
    ]);
    let error = theatre.lint(Fix::Check).unwrap_err();
    assert_eq!(error.message(), "`ruff`, `black`, `mypy` did not pass");
    let found = findings(&theatre.repository.events());
    for line in [
        "backend/src/graph.py:3:8 ruff[F401] `os` imported but unused",
        "backend/src/größe mit leer.py black[] not formatted",
        "backend/src/graph.py:8:12 mypy[return-value] Incompatible return value type (got \"int\", expected \"str\")",
    ] {
        assert!(found.lines().any(|found| found == line), "{line} in\n{found}");
    }
    assert_eq!(
        theatre.calls(),
        [
            "ruff check --output-format full .",
            "black . --check",
            "mypy --no-pretty --show-column-numbers --no-color-output"
        ]
    );
}

#[test]
fn a_tool_that_fails_without_findings_still_says_how() {
    let theatre = Theatre::python(&[
        act("ruff", "ruff failed\n  Cause: no\n", 2),
        act("black", "", 0),
        act("mypy", "", 0),
    ]);
    let error = theatre.lint(Fix::Check).unwrap_err();
    assert_eq!(words(&error), "Problems: `ruff` did not pass\ncause: `ruff` ended with exit code 2\n");
    let shown = theatre.repository.events().into_iter().find_map(|body| match body {
        Body::TaskFinished(end) => Some(end.output),
        _ => None,
    });
    assert!(shown.unwrap().contains("ruff failed\n  Cause: no\n"), "the tool's own words");
}

#[test]
fn a_tool_that_is_not_installed_says_how_to_get_it() {
    let theatre = Theatre::python(&[act("", "", 0)]);
    std::fs::remove_file(theatre.repository.path("backend/.venv/bin/mypy")).unwrap();
    let error = theatre.lint(Fix::Check).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(words(&error).contains("`cargo xtask setup backend`"), "{}", words(&error));
}

#[test]
fn npm_scripts_run_and_their_findings_have_places() {
    let theatre = Theatre::node(&[
        act("type-check", recorded!("findings/tsc.txt"), 2),
        act("format:check", recorded!("findings/prettier.txt"), 2),
        act("lint", recorded!("findings/eslint.txt"), 1),
    ]);
    let error = theatre.lint(Fix::Check).unwrap_err();
    assert_eq!(error.message(), "`lint`, `type-check`, `format:check` did not pass");
    let found = findings(&theatre.repository.events());
    for line in [
        "frontend/src/a.ts:5:3 eslint[no-console] Unexpected console statement",
        "frontend/src/a.ts:7:9 tsc[TS2322] Type 'string' is not assignable to type 'number'.",
        "frontend/src/b c.ts prettier[] not formatted",
    ] {
        assert!(found.lines().any(|found| found == line), "{line} in\n{found}");
    }
    let run = |script| format!("npm run --silent {script}");
    assert_eq!(theatre.calls(), ["lint", "type-check", "format:check"].map(run));
}

#[test]
fn what_mends_runs_first_and_what_is_left_is_found_once() {
    let theatre = Theatre::node(&[
        act("lint:fix", recorded!("findings/eslint.txt"), 1),
        act("lint", recorded!("findings/eslint.txt"), 1),
        act("", "", 0),
    ]);
    let error = theatre.lint(Fix::Apply).unwrap_err();
    assert_eq!(error.message(), "`lint` did not pass");
    assert_eq!(findings(&theatre.repository.events()).lines().count(), 9);
    let run = |script| format!("npm run --silent {script}");
    assert_eq!(theatre.calls(), ["lint:fix", "format", "lint", "type-check", "format:check"].map(run));
}

#[test]
fn a_script_that_is_not_there_is_named() {
    // npm says nothing at all when it is told to be silent.
    let theatre = Theatre::node(&[act("", "", 1)]);
    let error = theatre.lint(Fix::Apply).unwrap_err();
    assert_eq!(error.message(), "`lint:fix`, `format`, `lint`, `type-check`, `format:check` did not pass");
    assert!(
        words(&error).contains("hint: has `frontend/package.json` a script `type-check`?"),
        "{}",
        words(&error)
    );
}

const PASSED: &str = r#"<testsuites><testsuite name="pytest"><testcase name="a"/></testsuite></testsuites>"#;
const EMPTY: &str = r#"<testsuites><testsuite name="pytest"/></testsuites>"#;

#[test]
fn pytest_is_counted_and_its_coverage_kept() {
    let theatre = Theatre::python(&[Act {
        files: &[(JUNIT, recorded!("reports/pytest.xml")), ("coverage.lcov", "SF:a")],
        ..act("pytest", "…\n", 1)
    }]);
    theatre.repository.write("backend/coverage.lcov", "of an earlier run");
    let error = theatre.test(&[]).unwrap_err();
    assert_eq!(words(&error), "Problems: 3 of 6 tests failed\ncause: `python` ended with exit code 1\n");
    let events = theatre.repository.events();
    assert_eq!(counts(&events), [TestCounts { passed: 3, failed: 3, skipped: 2 }]);
    let found = findings(&events);
    let line = "backend/tests/test_api.py:25 failed test_values[raise]: ValueError: no such value";
    assert!(found.lines().any(|found| found == line), "{found}");
    assert_eq!(
        theatre.calls(),
        [
            "python -m pytest --override-ini junit_family=xunit1 --cov=src --cov-branch --cov-report=lcov --junitxml=JUNIT"
        ]
    );
    assert_eq!(theatre.kept("coverage/backend"), [("coverage.lcov".into(), "SF:a".into())].into());
    assert!(theatre.kept("scratch").is_empty(), "raw reports do not stay");
}

#[test]
fn a_part_of_the_tests_measures_no_coverage() {
    let theatre = Theatre::python(&[Act { files: &[(JUNIT, PASSED)], ..act("pytest", "", 0) }]);
    theatre.repository.write("backend/coverage.lcov", "of all tests");
    assert_eq!(theatre.test(&["-k", "a b"]).unwrap(), TestCounts { passed: 1, failed: 0, skipped: 0 });
    assert_eq!(
        theatre.calls(),
        ["python -m pytest --override-ini junit_family=xunit1 --junitxml=JUNIT -k a b"]
    );
    assert_eq!(theatre.kept("coverage/backend"), BTreeMap::new());
    assert!(theatre.repository.path("backend/coverage.lcov").exists());

    let theatre =
        Theatre::node(&[Act { files: &[(JUNIT, recorded!("reports/vitest.xml"))], ..act("test:ci", "", 0) }]);
    let error = theatre.test(&["-t", "App"]).unwrap_err();
    assert_eq!(error.message(), "2 of 3 tests failed", "{error:?}");
    assert_eq!(
        theatre.calls(),
        [
            "npm run --silent test:ci -- --reporter=default --reporter=junit --outputFile.junit=JUNIT --coverage.enabled=false -t App"
        ]
    );
    let counted = counts(&theatre.repository.events());
    assert_eq!(counted, [TestCounts { passed: 1, failed: 2, skipped: 0 }], "unselected is not skipped");
}

#[test]
fn exit_code_and_report_are_weighed_together() {
    const CRASHED: Act = Act { exit: Exit::Signal(11), ..act("pytest", "", 0) };
    let table: [(&str, &[&str], Act, &str); 10] = [
        ("green", &[], Act { files: &[(JUNIT, PASSED)], ..act("", "", 0) }, ""),
        ("no report", &[], act("", "", 0), "`pytest` passed, but left no report"),
        ("no report, failed", &[], act("", "", 4), "`python` ended with exit code 4"),
        (
            "no test",
            &[],
            Act { files: &[(JUNIT, EMPTY)], ..act("", "", 0) },
            "`pytest` passed, but no test ran",
        ),
        (
            "no test, failed",
            &[],
            Act { files: &[(JUNIT, EMPTY)], ..act("", "", 5) },
            "`python` ended with exit code 5",
        ),
        (
            "none selected",
            &["-k", "it's"],
            Act { files: &[(JUNIT, EMPTY)], ..act("", "", 5) },
            r"no test matches `-k 'it'\''s'`",
        ),
        (
            "coverage",
            &[],
            Act { files: &[(JUNIT, PASSED)], ..act("", "", 1) },
            "no test failed, but `pytest` did",
        ),
        (
            "half a report",
            &[],
            Act { files: &[(JUNIT, "<testsuites><tests")], ..act("", "", 3) },
            "`python` ended with exit code 3",
        ),
        (
            "half a report, passed",
            &[],
            Act { files: &[(JUNIT, "<testsuites><tests")], ..act("", "", 0) },
            "could not understand the report of `pytest`",
        ),
        ("killed", &[], Act { files: &[(JUNIT, PASSED)], ..CRASHED }, "`python` was killed by SIGSEGV"),
    ];
    for (name, args, act, expected) in table {
        let theatre = Theatre::python(&[Act { called: "pytest", ..act }]);
        let said = theatre.test(args).map_or_else(|error| error.message().to_owned(), |_| String::new());
        assert_eq!(said, expected, "{name}");
    }
}

#[test]
fn a_secret_that_a_test_prints_is_masked() {
    const LEAKING: &str = r#"<testsuites><testsuite name="pytest"><testcase name="a[hunter2]" file="a.py">
        <failure message="no hunter2">got hunter2</failure></testcase></testsuite></testsuites>"#;
    let theatre = Theatre::python(&[Act { files: &[(JUNIT, LEAKING)], ..act("pytest", "hunter2\n", 1) }]);
    let error = theatre.test(&[]).unwrap_err();
    let events = theatre.repository.events();
    assert_eq!(findings(&events), "backend/a.py failed a[***]: no ***\n");
    let said = format!("{error:?} {events:?}");
    assert!(said.contains("got ***") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_runner_that_left_no_coverage_is_pointed_out() {
    let theatre = Theatre::node(&[Act { files: &[(JUNIT, PASSED)], ..act("test:ci", "", 0) }]);
    for folder in ["frontend/coverage", "target/xtask/coverage/frontend"] {
        theatre.repository.write(&format!("{folder}/lcov.info"), "of an earlier run");
    }
    theatre.test(&[]).unwrap();
    assert_eq!(
        warnings(&theatre.repository.events()),
        ["`vitest` left no coverage in `frontend/coverage/lcov.info`"]
    );
    assert_eq!(theatre.kept("coverage/frontend"), BTreeMap::new());
    let theatre = Theatre::node(&[Act {
        files: &[(JUNIT, PASSED), ("coverage/lcov.info", "SF:a")],
        ..act("test:ci", "", 0)
    }]);
    theatre.test(&[]).unwrap();
    assert_eq!(warnings(&theatre.repository.events()), Vec::<String>::new());
    assert_eq!(theatre.kept("coverage/frontend"), [("lcov.info".into(), "SF:a".into())].into());
}

#[test]
fn sphinx_warnings_are_errors_with_places() {
    let theatre = Theatre::python(&[act("sphinx", recorded!("findings/sphinx.txt"), 1)]);
    let error =
        theatre.repository.task("docs.staged", |cx| docs::component(cx, &theatre.component)).unwrap_err();
    assert_eq!(words(&error), "Problems: 1 problem found\ncause: `python` ended with exit code 1\n");
    let found = findings(&theatre.repository.events());
    expect![[r#"
        backend/docs/source/index.rst:6 sphinx[toc.not_readable] toctree contains reference to nonexisting document 'absent'
        backend/src/graph2.py sphinx[docutils] Inline emphasis start-string without end-string. (docstring of `src.graph2.weight`)
        backend/src/graph2.py sphinx[docutils] Bullet list ends without a blank line; unexpected unindent. (docstring of `src.graph2.weight`)
        backend/docs/source/index.rst:13 sphinx[] Unknown directive type "unknown-directive".
        backend/docs/source/orphan.rst sphinx[toc.not_included] document isn't included in any toctree
        backend/docs/source/index.rst:4 sphinx[ref.doc] unknown document: 'missing'
    "#]]
    .assert_eq(&found);
    assert_eq!(
        theatre.calls(),
        ["python -m sphinx.cmd.build --no-color -E -W --keep-going -b html docs/source docs/build"]
    );
}
