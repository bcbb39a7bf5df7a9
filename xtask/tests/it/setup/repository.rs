//! A small repository to set up, and what its set-up did and said.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use xtask::config::{Component, ComponentKind, Config, Node, Python, Rust, Tools};
use xtask::driver::cancel::Cancel;
use xtask::driver::environment::Environment;
use xtask::driver::process::{Finished, Processes, Request, Runner, Stream};
use xtask::event::{Body, Event, Sink};
use xtask::tasks::setup::{self, State};
use xtask::{Cx, Error, Result};

pub(super) const UV: &str = include_str!("../../../tools/requirements.txt");
pub(super) const SIX: &str =
    "six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n";
pub(super) const SIX_WRONG: &str =
    "six==1.17.0 --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000\n";
pub(super) const PACKAGE: &str = r#"{"name":"front","version":"1.0.0","dependencies":{"isarray":"2.0.5"}}"#;
pub(super) const PACKAGE_LOCK: &str = r#"{"name":"front","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{
"":{"name":"front","version":"1.0.0","dependencies":{"isarray":"2.0.5"}},
"node_modules/isarray":{"version":"2.0.5","license":"MIT",
"integrity":"sha512-xHjhDr3cNBK0BzdUJSPXZntQUx/mwMS5Rw4A7lPJ90XGAO6ISP/ePDNuo0vhqOZU+UD5JoodwCAAoZQd3FeAKw=="}}}"#;

/// Runs commands and remembers them.
pub(super) struct Recording {
    processes: Processes,
    pub(super) requests: Mutex<Vec<Request>>,
}

impl Runner for Recording {
    fn run(&self, request: &Request, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<Finished> {
        self.requests.lock().unwrap().push(copy(request));
        self.processes.run(request, output)
    }
}

pub(super) fn copy(request: &Request) -> Request {
    Request {
        program: request.program.clone(),
        args: request.args.clone(),
        env: request.env.clone(),
        cwd: request.cwd.clone(),
        stdin: request.stdin.clone(),
        apart: request.apart,
        deadline: request.deadline,
        stop: request.stop.clone(),
        sandbox: request.sandbox.clone(),
    }
}

/// Remembers what was said.
#[derive(Default)]
pub(super) struct Said {
    pub(super) notes: Mutex<Vec<String>>,
    pub(super) answer: Mutex<serde_json::Value>,
}

impl Sink for Said {
    fn event(&self, event: &Event) {
        match &event.body {
            Body::Note { message, .. } => self.notes.lock().unwrap().push(message.clone()),
            Body::Answer { data, .. } => *self.answer.lock().unwrap() = data.clone(),
            _ => {}
        }
    }
}

/// A repository with a Python component and a Node component, and one way to set it up.
pub(super) struct Repository {
    pub(super) folder: tempfile::TempDir,
    pub(super) cx: Cx,
    pub(super) runner: Arc<Recording>,
    pub(super) said: Arc<Said>,
}

impl Repository {
    pub(super) fn new() -> Self {
        Self::with_environment(std::env::vars_os())
    }

    pub(super) fn with_environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("größe und leer");
        for (path, text) in [
            ("tools/requirements.txt", UV),
            ("backend/requirements.txt", SIX),
            ("frontend/package.json", PACKAGE),
            ("frontend/package-lock.json", PACKAGE_LOCK),
        ] {
            write(&root.join(path), text);
        }
        Self::at(folder, &root, variables)
    }

    pub(super) fn at(
        folder: tempfile::TempDir,
        root: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        // uv links installed files to those of its cache, and these tests damage what is installed.
        let variables = variables.into_iter().chain([("UV_LINK_MODE".into(), "copy".into())]);
        let cancel = Cancel::default();
        let processes = Processes::new(cancel.clone());
        let runner = Arc::new(Recording { processes, requests: Mutex::default() });
        let said = Arc::new(Said::default());
        let cx = Cx::builder(root)
            .config(config())
            .environment(Environment::new(variables))
            .cancel(cancel)
            .runner(runner.clone())
            .sink(said.clone())
            .build();
        Self { folder, cx, runner, said }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.cx.root().join(path)
    }

    pub(super) fn set_up(&self, name: &str) -> Result<()> {
        setup::component(&self.cx, self.cx.config().component(name).unwrap()).map(drop)
    }

    /// How many processes `work` started.
    pub(super) fn processes(&self, work: impl FnOnce(&Self) -> Result<()>) -> usize {
        let before = self.runner.requests.lock().unwrap().len();
        work(self).unwrap_or_else(|error| panic!("{error:?}"));
        self.runner.requests.lock().unwrap().len() - before
    }

    pub(super) fn state(&self, task: &str) -> State {
        let states = setup::states(&self.cx);
        states.into_iter().find(|(name, _, _)| name == task).unwrap().2
    }

    pub(super) fn heard(&self, words: &str) -> bool {
        self.said.notes.lock().unwrap().iter().any(|message| message.contains(words))
    }

    /// Whether six can be imported in the component's environment.
    pub(super) fn imports_six(&self) -> bool {
        let python = self.path("backend/.venv/bin/python");
        let status = std::process::Command::new(python)
            .args(["-c", "import six; assert six.__version__ == '1.17.0'"])
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

pub(super) fn config() -> Config {
    let python = Python {
        package: "src".into(),
        requirements: vec!["requirements.txt".into()],
        docs: None,
        import_contracts: false,
        modules: BTreeMap::default(),
        forbidden: BTreeMap::default(),
    };
    let node = Node {
        test: "test".into(),
        docs: None,
        lint: vec![],
        fix: vec![],
        modules: BTreeMap::new(),
        forbidden: BTreeMap::new(),
    };
    let rust = Rust { package: "rusty".into(), modules: [].into(), forbidden: [].into() };
    let component = |name: &str, kind| Component {
        name: name.into(),
        path: name.into(),
        kind,
        documented_min: None,
        image: None,
        coverage: None,
    };
    Config {
        components: vec![
            component("backend", ComponentKind::Python(python)),
            component("frontend", ComponentKind::Node(node)),
            component("rusty", ComponentKind::Rust(rust)),
        ],
        tools: Some(Tools { requirements: "tools/requirements.txt".into() }),
        ..Config::default()
    }
}

pub(super) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The whole of an error, for searching.
pub(super) fn whole(error: &Error) -> String {
    let parts = [&[error.to_string()], error.causes(), error.hints()].concat();
    parts.join("\n")
}

/// Whether a first set-up failed only because the registries are out of reach; says so.
pub(super) fn offline(result: &Result<()>) -> bool {
    let offline = result.as_ref().is_err_and(|error| whole(error).contains("the registry is out of reach"));
    if offline {
        println!("skipped: the registries are out of reach");
    }
    offline
}

/// This environment with another `PATH`.
pub(super) fn with_path(path: &Path) -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| name != "PATH").chain([("PATH".into(), path.into())]).collect()
}

/// A folder for `PATH` that holds links to these programs.
pub(super) fn path_of(folder: &Path, programs: &[&str]) -> PathBuf {
    let path = folder.join("path");
    fs::create_dir_all(&path).unwrap();
    let real = Cx::builder("/").environment(Environment::of_this_process()).build();
    for program in programs {
        symlink(real.find(program).unwrap(), path.join(program)).unwrap();
    }
    path
}

pub(super) fn script(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
