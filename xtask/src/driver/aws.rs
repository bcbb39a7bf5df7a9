//! Asks Amazon, through the aws CLI: so that whatever lets its user in lets us in, too.
//!
//! Each question only reads. The region and the form of the answer are always stated: which ones are the user's is what somebody
//! chose for something else.

use std::ffi::OsString;
use std::time::Duration;

use crate::core::aws::answer::words;
use crate::core::aws::{Cluster, Described, Fault, Identity, Unusable};
use crate::driver::means::{self, Means, Reply};
use crate::driver::process::Exit;
use crate::error::{Error, ErrorKind};

/// How long one question may take. It is one request, which the CLI repeats where Amazon is too busy.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer may be, in bytes. That about a cluster has three thousand.
const ANSWER_MAX: usize = 1 << 20;

/// Amazon, asked about one cluster.
#[derive(Clone)]
pub struct Aws {
    means: Means,
    cluster: Cluster,
}

/// Nothing, or nothing that is known.
pub type Failure = super::failure::Failure<Fault>;

impl Aws {
    /// Nothing is asked yet.
    pub fn new(means: Means, cluster: Cluster) -> Self {
        Self { means, cluster }
    }

    /// Which cluster it is asked about.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Who we are to Amazon. Nobody needs a right to ask that.
    pub fn identity(&self) -> Result<Identity, Failure> {
        let answer = self.ask(&["sts", "get-caller-identity"])?;
        Identity::read(&answer).ok_or_else(|| self.failure(Fault::Nonsense, "it names nobody"))
    }

    /// What there is to know of the cluster.
    pub fn describe(&self) -> Result<Described, Failure> {
        let answer = self.ask(&["eks", "describe-cluster", "--name", &self.cluster.name])?;
        Described::read(&answer, &self.cluster).map_err(|unusable| {
            let fault = match &unusable {
                Unusable::Nonsense | Unusable::Other(_) => Fault::Nonsense,
                Unusable::State(_) => Fault::Unavailable,
            };
            self.failure(fault, unusable.to_string())
        })
    }

    fn ask(&self, question: &[&str]) -> Result<String, Failure> {
        if self.means.cancel.is_cancelled() {
            return Err(interrupted());
        }
        let region = ["--region", &self.cluster.region, "--output", "json"];
        let args = question.iter().chain(&region).map(OsString::from).collect();
        let mut env = self.means.variables();
        // Where it believes that a person looks on, version 2 asks back and opens a pager.
        env.extend(
            [("AWS_PAGER", ""), ("AWS_CLI_AUTO_PROMPT", "off")]
                .map(|(name, value)| (name.into(), value.into())),
        );
        let request = self.means.request("aws", args, env, TIMEOUT).map_err(local)?;
        let Reply { exit, stdout, said } = self.means.ask(request, ANSWER_MAX).map_err(local)?;
        let Some(stdout) = stdout else {
            return Err(self.failure(Fault::Nonsense, format!("it wrote more than {ANSWER_MAX} bytes")));
        };
        match exit {
            Exit::Code(0) => {
                String::from_utf8(stdout).map_err(|error| self.failure(Fault::Nonsense, error.to_string()))
            }
            Exit::Code(_) => Err(self.failure(Fault::of(&said), words(&said))),
            Exit::TimedOut => Err(self.failure(Fault::TimedOut, means::last_words(&said, "it was ended"))),
            Exit::Cancelled | Exit::Stopped => Err(interrupted()),
            exit @ Exit::Signal(_) => Err(self.failure(Fault::Other, exit.to_string())),
        }
    }

    fn failure(&self, fault: Fault, cause: impl Into<String>) -> Failure {
        let Cluster { name, region, .. } = &self.cluster;
        let words = fault.explain(name, region, &self.means.asker());
        let kind = match fault {
            Fault::NoSuchCluster | Fault::NoSuchProfile(_) | Fault::Misconfigured => ErrorKind::Configuration,
            Fault::Certificate => ErrorKind::Refused,
            Fault::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Missing,
        };
        Failure { fault, error: Error::new(kind, words.message).cause(cause).hint(words.hint) }
    }
}

/// Something on this machine.
fn local(error: Error) -> Failure {
    let fault = if error.kind() == ErrorKind::Interrupted { Fault::Interrupted } else { Fault::Local };
    Failure { fault, error }
}

/// The run was asked to end.
fn interrupted() -> Failure {
    Failure { fault: Fault::Interrupted, error: Error::interrupted() }
}
