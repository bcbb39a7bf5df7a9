//! Talks to clusters, through kubectl: so that whatever lets the user in lets us in, too.
//!
//! What this room does for whoever uses it, and cannot be talked out of:
//!
//! - The context and the namespace are always stated: which context is the current one is what somebody chose for something
//!   else.
//! - Documents go in by standard input. Every user of the machine can read arguments.
//! - Every call has a time limit and a limit for the length of its answer, and ends with the run.
//! - What kubectl is set to by its user's `kuberc` changes nothing here.
//! - What was not done is told apart from what nobody knows: [`Fault::leaves_unknown`](crate::core::kubectl::Fault::leaves_unknown).
//!
//! It does not try again, and reads nothing back: whether that is wise is the caller's to know. [`Kubectl`] can be used from
//! several threads at once; a call that hangs holds up nobody else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::core::command::quote;
use crate::core::kubectl::Fault;

mod access;
mod proxy;
mod read;
mod session;
mod write;

pub use crate::driver::means::Means;
pub use proxy::{Proxy, SCRAPE_LENGTH_MAX, SCRAPE_TIMEOUT};
pub use read::{Logs, Query};
pub use write::Mode;

use session::Session;

/// Which cluster, and where in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// What the cluster is called in words: the name of the environment.
    pub cluster: String,
    /// The context of kubectl's configuration that leads to it.
    pub context: String,
    /// The namespace of what states no other.
    pub namespace: String,
    /// The file with that configuration, where it is not its user's.
    pub kubeconfig: Option<PathBuf>,
}

impl Target {
    /// How a person calls kubectl for it, in the folder where the run has begun: `kubectl --context=there`.
    fn by_hand(&self, folder: &Path) -> String {
        let file = self.kubeconfig.as_ref().map(|file| file.strip_prefix(folder).unwrap_or(file));
        let file =
            file.map_or(String::new(), |file| format!(" --kubeconfig={}", quote(&file.to_string_lossy())));
        format!("kubectl{file} --context={}", quote(&self.context))
    }
}

/// How long and how much.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How long one request to the server may take. kubectl may need several for one call, and asks up to five times what
    /// kinds there are.
    pub request: Duration,
    /// How long one call of kubectl may take.
    pub call: Duration,
    /// How long its answer may be, in bytes.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request: Duration::from_secs(10), call: Duration::from_secs(30), answer: 64 << 20 }
    }
}

/// One cluster, seen from one namespace of it. Cheap to clone; may be used from several threads at once.
#[derive(Clone, Debug)]
pub struct Kubectl(Arc<Session>);

/// Nothing, or nothing that is known.
pub type Failure = super::failure::Failure<Fault>;

impl Kubectl {
    /// The cluster behind a context. Nothing is asked yet.
    pub fn new(means: Means, target: Target) -> Self {
        Self(Arc::new(Session { means, target, limits: Limits::default() }))
    }

    /// The same with other limits.
    pub fn limits(&self, limits: Limits) -> Self {
        Self(Arc::new(Session { means: self.0.means.clone(), target: self.0.target.clone(), limits }))
    }

    /// Which cluster, and where in it.
    pub fn target(&self) -> &Target {
        &self.0.target
    }
}
