//! The gates, on small repositories in which something is planted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use xtask::config::Config;
use xtask::core::finding::Finding;
use xtask::core::gate::{Account, Outcome};
use xtask::cx::{Builder, Cx};
use xtask::driver::environment::Environment;
use xtask::error::Error;
use xtask::event::{Body, Event, Sink};

mod feed;
mod planted;
mod staged;

/// A repository, and what was heard of the gates that looked at it.
struct Repository {
    folder: TempDir,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard(Mutex<Vec<Body>>);

impl Sink for Heard {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.body.clone());
    }
}

/// What a gate said.
struct Said {
    result: Result<(), Error>,
    findings: Vec<Finding>,
    accounts: Vec<Account>,
}

impl Said {
    /// `path:line tool[rule]`, sorted, one a line.
    fn places(&self) -> String {
        let place = |finding: &Finding| {
            let location = finding.location.as_ref();
            let line = location
                .and_then(|location| location.line)
                .map_or_else(String::new, |line| format!(":{line}"));
            let path = location.map_or_else(String::new, |location| location.path.display().to_string());
            format!("{path}{line} {}[{}]\n", finding.tool, finding.rule)
        };
        let mut lines: Vec<String> = self.findings.iter().map(place).collect();
        lines.sort();
        lines.concat()
    }

    /// How the look of a tool went.
    #[track_caller]
    fn outcome(&self, tool: &str) -> Outcome {
        self.account(tool).outcome
    }

    /// What is said of the look of a tool.
    #[track_caller]
    fn account(&self, tool: &str) -> &Account {
        let account = self.accounts.iter().find(|account| account.tool == tool);
        account.unwrap_or_else(|| panic!("`{tool}` did not look: {:?}", self.accounts))
    }
}

impl Repository {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("größe mit leer ").tempdir().unwrap();
        let repository = Self { folder, heard: Arc::default() };
        for (path, text) in files {
            repository.write(path, text);
        }
        repository
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn git(&self, words: &[&str]) {
        let mut git = Command::new("git");
        git.current_dir(self.folder.path()).args([
            "-c",
            "user.name=Tester",
            "-c",
            "user.email=tester@example.com",
        ]);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = git.args(words).output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Commits everything, in a repository that is made where there is none.
    fn commit(&self) {
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "a change"]);
    }

    /// Makes tools of this repository those of the planted one. Says which of them is missing.
    fn with_tools(&self, names: &[&str]) -> Result<(), String> {
        let bin = self.root().join(".xtask/tools/bin");
        std::fs::create_dir_all(&bin).unwrap();
        for name in names {
            let own =
                Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".xtask/tools/bin").join(name);
            if !own.exists() {
                return Err(format!("`{name}` is not installed: `cargo xtask setup tools`"));
            }
            std::os::unix::fs::symlink(own, bin.join(name)).unwrap();
        }
        Ok(())
    }

    fn cx(&self, variables: &[(&str, &str)], extend: impl FnOnce(Builder) -> Builder) -> Cx {
        let root = self.root();
        let file = root.join("xtask.toml");
        let config = if file.exists() {
            Config::parse(&file, &std::fs::read_to_string(&file).unwrap()).unwrap()
        } else {
            Config::default()
        };
        let home = std::env::var("HOME").unwrap_or_default();
        let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
        let rustup = std::env::var("RUSTUP_HOME").unwrap_or_else(|_| format!("{home}/.rustup"));
        let path = std::env::var("PATH").unwrap();
        let usual =
            [("PATH", path.as_str()), ("HOME", &home), ("CARGO_HOME", &cargo), ("RUSTUP_HOME", &rustup)];
        let environment = Environment::new(usual.into_iter().chain(variables.iter().copied()));
        let builder = Cx::builder(root).config(config).environment(environment);
        extend(builder.sink(Arc::clone(&self.heard) as Arc<dyn Sink>)).build()
    }

    /// Lets a gate look.
    fn look(&self, cx: &Cx, gate: impl FnOnce(&Cx) -> Result<(), Error>) -> Said {
        self.heard.0.lock().unwrap().clear();
        let result = cx.step("security", gate);
        let mut said = Said { result, findings: Vec::new(), accounts: Vec::new() };
        for body in self.heard.0.lock().unwrap().drain(..) {
            match body {
                Body::Found { finding, .. } => said.findings.push(finding),
                Body::Looked { account, .. } => said.accounts.push(account),
                _ => {}
            }
        }
        said
    }
}

/// Says that a test did not run, and why.
fn skipped(why: &str) {
    println!("skipped: {why}");
}
