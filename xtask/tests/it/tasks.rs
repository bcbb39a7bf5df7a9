//! The tasks, against small repositories in temporary folders.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use expect_test::expect;
use tempfile::TempDir;
use xtask::config::{Component, ComponentKind, Config};
use xtask::core::finding::{Finding, Location};
use xtask::core::graph::{Node, TaskId};
use xtask::core::report::{TestCase, TestCounts, TestOutcome};
use xtask::cx::{Builder, Cx};
use xtask::driver::environment::Environment;
use xtask::error::{Error, ErrorKind};
use xtask::event::{Body, Event, Level, Sink};
use xtask::tasks::ci;

mod coverage;
mod installed;
mod packages;
mod rust;
mod staged;

/// A repository in a temporary folder, its context, and what was said in it.
struct Repository {
    folder: TempDir,
    cx: Cx,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard(Mutex<Vec<Body>>);

impl Sink for Heard {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.body.clone());
    }
}

impl Repository {
    /// A repository with these files. Its path has a space and letters beyond ASCII.
    fn new(files: &[(&str, &str)]) -> Self {
        Self::with(files, &[], |builder| builder)
    }

    fn with(
        files: &[(&str, &str)],
        variables: &[(&str, &str)],
        extend: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let folder = tempfile::Builder::new().prefix("größe mit leer ").tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let heard = Arc::new(Heard::default());
        // Nothing of what decides where and how the outer cargo compiles.
        let passed = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
        let passed = passed.iter().filter_map(|name| std::env::var_os(name).map(|value| (*name, value)));
        let environment = passed.chain(variables.iter().map(|(name, value)| (*name, value.into())));
        let builder = Cx::builder(root)
            .environment(Environment::new(environment))
            .sink(Arc::clone(&heard) as Arc<dyn Sink>);
        let repository = Self { folder, cx: extend(builder).build(), heard };
        for (path, text) in files {
            repository.write(path, text);
        }
        repository
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs `work` as a task, as a pipeline does.
    fn task<T>(&self, name: &str, work: impl FnOnce(&Cx) -> Result<T, Error>) -> Result<T, Error> {
        self.cx.step(name, work)
    }

    /// What was said since this was asked for the last time.
    fn events(&self) -> Vec<Body> {
        std::mem::take(&mut self.heard.0.lock().unwrap())
    }
}

/// The findings among `events`, and the failed test cases: `place tool[rule] message`, one a line.
fn findings(events: &[Body]) -> String {
    let place = |location: Option<&Location>| location.map_or_else(|| "-".to_owned(), ToString::to_string);
    let lines = |body: &Body| match body {
        Body::Found { finding: Finding { tool, rule, location, message, .. }, .. } => {
            vec![format!("{} {tool}[{rule}] {message}\n", place(location.as_ref()))]
        }
        Body::Tested { report, .. } => {
            let failed = |case: &TestCase| match &case.outcome {
                TestOutcome::Failed { message, .. } => {
                    Some(format!("{} failed {}: {message}\n", place(case.place().as_ref()), case.name))
                }
                _ => None,
            };
            report.cases.iter().filter_map(failed).collect()
        }
        _ => Vec::new(),
    };
    events.iter().flat_map(lines).collect()
}

fn counts(events: &[Body]) -> Vec<TestCounts> {
    let counts = |body: &Body| if let Body::Tested { counts, .. } = body { Some(*counts) } else { None };
    events.iter().filter_map(counts).collect()
}

fn warnings(events: &[Body]) -> Vec<String> {
    let warning = |body: &Body| match body {
        Body::Note { level: Level::Warning, message, .. } => Some(message.clone()),
        _ => None,
    };
    events.iter().filter_map(warning).collect()
}

/// The error with its causes and hints: the kind first, then one a line.
fn words(error: &Error) -> String {
    let causes = error.causes().iter().map(|cause| format!("cause: {cause}\n"));
    let hints = error.hints().iter().map(|hint| format!("hint: {hint}\n"));
    let head = format!("{:?}: {error}\n", error.kind());
    std::iter::once(head).chain(causes).chain(hints).collect()
}

fn component(name: &str, path: &str, kind: ComponentKind) -> Component {
    let path = path.into();
    Component { name: name.to_owned(), path, kind, documented_min: None, image: None, coverage: None }
}

/// The tasks of a pipeline with what each waits for: `id (cores): after, …`.
fn outline(config: &Config) -> String {
    let options = ci::Options::CHECK;
    let cx = Cx::builder("/repo").config(config.clone()).build();
    let graph = ci::pipeline(config, &options).graph(&cx).unwrap();
    let node = |node: &Node| {
        assert!(node.timeout.is_some(), "{} may run for ever", node.id);
        let after: Vec<&str> = node.after.iter().map(TaskId::as_str).collect();
        format!("{} ({}): {}\n", node.id, node.cores, after.join(", "))
    };
    graph.nodes().iter().map(node).collect()
}

#[test]
fn the_pipeline_follows_from_the_components() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = root.join("xtask.toml");
    let config = Config::parse(&file, &std::fs::read_to_string(&file).unwrap()).unwrap();
    expect![[r#"
        setup.tools (1): 
        setup.backend (1): setup.tools
        setup.frontend (1): 
        setup.xtask (1): 
        setup.core (1): 
        setup.driver (1): 
        setup.engine (1): 
        architecture.backend (1): setup.backend
        architecture.frontend (1): 
        architecture.xtask (1): 
        architecture.core (1): 
        architecture.driver (1): 
        architecture.engine (1): 
        architecture.settings (1): 
        architecture.contract (1): setup.backend
        architecture.compatibility (1): 
        security.kubernetes (1): setup.tools
        dependencies.tools (1): 
        dependencies.backend (1): setup.backend
        dependencies.frontend (1): 
        dependencies.xtask (1): 
        dependencies.core (1): 
        dependencies.driver (1): 
        dependencies.engine (1): 
        dependencies.versions (1): 
        licenses.backend (1): setup.backend
        licenses.frontend (1): 
        licenses.xtask (1): 
        licenses.core (1): 
        licenses.driver (1): 
        licenses.engine (1): 
        licenses.tools (1): setup.tools
        licenses.exceptions (1): 
        licenses.notice (1): 
        licenses.fossa (1): 
        licenses.images (1): 
        lint.backend (1): setup.backend, setup.tools
        lint.frontend (1): setup.frontend, setup.tools
        lint.xtask (2): setup.xtask
        lint.core (2): setup.core
        lint.driver (2): setup.driver
        lint.engine (2): setup.engine
        test.backend (1): setup.backend
        test.frontend (1): setup.frontend
        test.xtask (2): setup.xtask
        test.core (2): setup.core
        test.driver (2): setup.driver
        test.engine (2): setup.engine
        coverage.backend (1): test.backend
        coverage.frontend (1): test.frontend
        coverage.xtask (2): setup.xtask
        coverage.core (2): setup.core
        coverage.driver (2): setup.driver
        coverage.engine (2): setup.engine
        docs.backend (1): setup.backend
        docs.frontend (1): setup.frontend
        docs.xtask (2): setup.xtask
        docs.core (2): setup.core
        docs.driver (2): setup.driver
        docs.engine (2): setup.engine
        docs.links (1): 
        docs.site (1): docs.backend, docs.frontend, docs.xtask, docs.core, docs.driver, docs.engine
        security.secrets (1): setup.tools
        security.workflows (1): setup.tools
        security.images (1): setup.tools
        security.tools (1): setup.tools
        security.backend (1): setup.backend, setup.tools
        security.frontend (1): setup.tools
        security.xtask (1): setup.tools
        security.core (1): setup.tools
        security.driver (1): setup.tools
        security.engine (1): setup.tools
        security.built (1): setup.tools
        image.backend (1): 
        image.frontend (1): 
        perf (4294967295): 
        sbom.backend (1): setup.backend
        sbom.frontend (1): 
        sbom.xtask (1): 
        sbom.core (1): 
        sbom.driver (1): 
        sbom.engine (1): 
        sbom.all (1): setup.backend
    "#]]
    .assert_eq(&outline(&config));

    let without_tools = Config { tools: None, ..config };
    assert!(outline(&without_tools).starts_with("setup.backend (1): \n"));
    assert_eq!(outline(&Config::default()), "");
}
