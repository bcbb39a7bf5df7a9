//! kubectl as the library uses it: what its words mean, and the real program against servers good and bad.

mod answers;
mod away;
mod namespace;
mod proxy;
mod real;
mod size;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use xtask::core::mask::Mask;
use xtask::driver::cancel::Cancel;
use xtask::driver::environment::Environment;
use xtask::driver::kubectl::{Failure, Kubectl, Means, Target};
use xtask::driver::process::Processes;
use xtask::error::{Style, render};

/// Says why a test is left out where there is no kubectl.
fn has_kubectl() -> bool {
    let there = which::which("kubectl").is_ok();
    if !there {
        println!("skipped: there is no kubectl on this machine");
    }
    there
}

/// A user's home with a configuration of kubectl in it.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    cancel: Cancel,
}

impl Home {
    /// One context, `there`, that leads to `cluster` as `user`.
    fn new(cluster: &Value, user: &Value) -> Self {
        let home = Self::empty();
        let config = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
        });
        home.config(&config.to_string());
        home
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let variables = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", folder.path().display().to_string()),
            ("KUBECONFIG", path("kubeconfig")),
            ("KUBECACHEDIR", path("cache")),
            ("XDG_RUNTIME_DIR", folder.path().display().to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Self { folder, variables: variables.to_vec(), cancel: Cancel::default() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self, text: &str) {
        std::fs::write(self.folder.path().join("kubeconfig"), text).unwrap();
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    fn kubectl(&self) -> Kubectl {
        self.at("there", "v")
    }

    fn at(&self, context: &str, namespace: &str) -> Kubectl {
        let means = Means {
            environment: Environment::new(self.variables.iter().cloned()),
            variables: Vec::new(),
            runner: Arc::new(Processes::new(self.cancel.clone())),
            cancel: self.cancel.clone(),
            mask: Mask::new(&["s3cret-t0ken"]),
            folder: PathBuf::from("/"),
            deadline: None,
        };
        let (cluster, context, namespace) =
            ("production".to_owned(), context.to_owned(), namespace.to_owned());
        Kubectl::new(means, Target { cluster, context, namespace, kubeconfig: None })
    }
}

/// A failure as a person reads it, and whether a write would be unknown.
fn said(failure: &Failure) -> String {
    let unknown = if failure.fault.leaves_unknown() { " (a write is unknown)" } else { "" };
    let code = failure.error.kind().exit_code();
    format!("exit {code}{unknown}\n{}", render(&failure.error, Style::PLAIN))
}
