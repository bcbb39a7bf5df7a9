//! One call of kubectl: what it is given, what is kept of what it writes, and what its end means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use serde_json::Value;

use super::{Failure, Limits, Means, Target};
use crate::core::kubectl::explain::{Asked, Explanation};
use crate::core::kubectl::{Answer, Fault, classify};
use crate::driver::means::{self, Reply};
use crate::driver::process::{Exit, Request};
use crate::error::{Error, ErrorKind};

/// What all calls for one cluster share.
pub(super) struct Session {
    pub(super) means: Means,
    pub(super) target: Target,
    pub(super) limits: Limits,
}

/// A call that was not made yet.
#[derive(Debug)]
pub(super) struct Call<'c> {
    /// The namespace that is asked; `None` for the target's.
    pub(super) namespace: Option<&'c str>,
    /// What follows the flags that each call has.
    pub(super) arguments: Vec<String>,
    /// What it reads.
    pub(super) stdin: Vec<u8>,
    /// What is being done, as it follows "could not".
    pub(super) doing: String,
}

impl<'c> Call<'c> {
    pub(super) fn new(doing: impl Into<String>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { namespace: None, arguments, stdin: Vec::new(), doing: doing.into() }
    }

    pub(super) fn namespace(mut self, namespace: Option<&'c str>) -> Self {
        self.namespace = namespace;
        self
    }

    pub(super) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(super) fn documents(mut self, documents: &[&Value]) -> Self {
        // kubectl reads documents of JSON one after the other.
        self.stdin = documents.iter().flat_map(|document| format!("{document}\n").into_bytes()).collect();
        self
    }
}

/// How a call ended that kubectl was not pleased with.
#[derive(Debug)]
pub(super) struct Displeased {
    /// What it had written by then.
    pub(super) stdout: String,
    /// Each thing that failed, in order; at least one.
    pub(super) answers: Vec<Answer>,
}

impl Session {
    /// Makes a call and returns what it wrote. Where several things failed, the first is what counts.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<String, Failure> {
        match self.attempt(call)? {
            Ok(stdout) => Ok(stdout),
            Err(displeased) => Err(displeased.answers.into_iter().next().map_or_else(
                || self.failure(call, Fault::Other, "it said nothing"),
                |answer| self.explain(call, &answer),
            )),
        }
    }

    /// Makes a call and returns what it wrote, or what it says went wrong. An error is what kubectl did not say itself.
    pub(super) fn attempt(&self, call: &Call<'_>) -> Result<Result<String, Displeased>, Failure> {
        if self.means.cancel.is_cancelled() {
            return Err(interrupted());
        }
        let asked = self.means.ask(self.request(call)?, self.limits.answer);
        let Reply { exit, stdout, said } = asked.map_err(|error| match error.kind() {
            ErrorKind::Refused | ErrorKind::Interrupted => local(error),
            // It may have been started by then, and have done what it was asked for.
            _ => Failure { fault: Fault::Other, error },
        })?;
        let Some(stdout) = stdout else {
            let most = self.limits.answer;
            return Err(self.failure(call, Fault::TooLong, format!("it wrote more than {most} bytes")));
        };
        match exit {
            Exit::Code(0) => match String::from_utf8(stdout) {
                Ok(stdout) => Ok(Ok(stdout)),
                Err(error) => Err(self.failure(call, Fault::Nonsense, error.to_string())),
            },
            Exit::Code(_) => Ok(Err(Displeased {
                stdout: String::from_utf8_lossy(&stdout).into_owned(),
                answers: classify(&said),
            })),
            Exit::TimedOut => {
                Err(self.failure(call, Fault::TimedOut, means::last_words(&said, "it was ended")))
            }
            Exit::Cancelled | Exit::Stopped => Err(interrupted()),
            // Somebody killed it, or it ran out of memory: what it had done by then is not known.
            exit @ Exit::Signal(_) => Err(self.failure(call, Fault::Other, exit.to_string())),
        }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request, Failure> {
        let request =
            self.means.request("kubectl", self.arguments(call), self.environment(), self.limits.call);
        Ok(Request { stdin: call.stdin.clone(), ..request.map_err(local)? })
    }

    pub(super) fn arguments(&self, call: &Call<'_>) -> Vec<OsString> {
        let Target { context, namespace, kubeconfig, .. } = &self.target;
        let file = kubeconfig.as_ref().map(|file| {
            let mut flag = OsString::from("--kubeconfig=");
            flag.push(file);
            flag
        });
        let flags = [
            format!("--context={context}"),
            format!("--namespace={}", call.namespace.unwrap_or(namespace)),
            format!("--request-timeout={}ms", self.limits.request.as_millis()),
        ];
        let others = flags.into_iter().chain(call.arguments.iter().cloned()).map(OsString::from);
        file.into_iter().chain(others).collect()
    }

    pub(super) fn environment(&self) -> BTreeMap<OsString, OsString> {
        let mut env = self.means.variables();
        // Flags and aliases that the user prefers are meant for the user's own typing. Some versions of kubectl go by the one,
        // some by the other.
        env.extend(
            [("KUBECTL_KUBERC", "false"), ("KUBERC", "off")].map(|(name, off)| (name.into(), off.into())),
        );
        env
    }

    /// The failure that an answer is.
    pub(super) fn explain(&self, call: &Call<'_>, answer: &Answer) -> Failure {
        let Target { cluster, context, namespace, .. } = &self.target;
        let asked = Asked {
            cluster,
            context,
            kubectl: &self.target.by_hand(&self.means.folder),
            namespace: call.namespace.unwrap_or(namespace),
            doing: &call.doing,
            asker: &self.means.asker(),
        };
        let Explanation { message, cause, hint } = answer.explain(asked);
        let kind = match &answer.fault {
            Fault::NoSuchContext | Fault::Misconfigured | Fault::Invalid | Fault::TooLarge => {
                ErrorKind::Configuration
            }
            Fault::Certificate(_)
            | Fault::WrongCluster
            | Fault::AlreadyExists
            | Fault::Conflict
            | Fault::Owned(_)
            | Fault::Denied => ErrorKind::Refused,
            Fault::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Missing,
        };
        Failure { fault: answer.fault.clone(), error: Error::new(kind, message).cause(cause).hint(hint) }
    }

    /// A failure that is ours to see.
    pub(super) fn failure(&self, call: &Call<'_>, fault: Fault, cause: impl Into<String>) -> Failure {
        self.explain(call, &Answer { fault, said: cause.into() })
    }
}

/// Something on this machine.
pub(super) fn local(error: Error) -> Failure {
    let fault = if error.kind() == ErrorKind::Interrupted { Fault::Interrupted } else { Fault::Local };
    Failure { fault, error }
}

/// The run was asked to end.
pub(super) fn interrupted() -> Failure {
    Failure { fault: Fault::Interrupted, error: Error::interrupted() }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("target", &self.target).finish_non_exhaustive()
    }
}
