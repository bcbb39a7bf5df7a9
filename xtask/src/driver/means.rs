//! Programs that speak to a cloud for their user, kubectl and the CLI of that cloud: what they are called with, and what they reply.
//!
//! They are asked something and answer on standard output; what they say beside it, on standard error, is for people.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::aws::answer::Asker;
use crate::core::capture::Capture;
use crate::core::mask::Mask;
use crate::driver::cancel::Cancel;
use crate::driver::environment::Environment;
use crate::driver::process::{self, Exit, Request, Runner, Stream};
use crate::error::Result;

/// What they, and the programs that get credentials for them, need beyond what every command is given: where they keep what
/// they know, who they are to a cloud, and where they can ask a person.
const VARIABLES: &[&str] = &[
    "KUBECONFIG",
    "KUBECACHEDIR",
    "AWS_*",
    "CLOUDSDK_*",
    "GOOGLE_*",
    "USE_GKE_GCLOUD_AUTH_PLUGIN",
    "AZURE_*",
    "AAD_*",
    "ARM_*",
    "DIGITALOCEAN_*",
    "OCI_*",
    "IBMCLOUD_*",
    "TELEPORT_*",
    "TSH_*",
    "VAULT_*",
    "OKTA_*",
    "KUBELOGIN_*",
    "SSH_AUTH_SOCK",
    "GNUPGHOME",
    "PASSWORD_STORE_*",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "BROWSER",
];

/// How much of what they say is kept, in bytes at each end.
const SAID: usize = 64 << 10;

/// What of a run they are called with.
#[derive(Clone)]
pub struct Means {
    /// What they, and the programs that get credentials for them, find around them.
    pub environment: Environment,
    /// The variables that the task declared beyond those that every command, and each of them, is given.
    pub variables: Vec<String>,
    /// Who runs them.
    pub runner: Arc<dyn Runner>,
    /// What ends waiting.
    pub cancel: Cancel,
    /// What replaces secrets in what they say. Objects are not touched: they may be written back.
    pub mask: Mask,
    /// The folder they run in.
    pub folder: PathBuf,
    /// When the task's time is up.
    pub deadline: Option<Instant>,
}

/// What became of a question.
#[derive(Debug)]
pub(super) struct Reply {
    /// How the program ended.
    pub(super) exit: Exit,
    /// What it answered; `None` where that was longer than it may be, and the program was ended.
    pub(super) stdout: Option<Vec<u8>>,
    /// What it said, without secrets.
    pub(super) said: String,
}

impl Means {
    /// What they find around them.
    pub(super) fn variables(&self) -> BTreeMap<OsString, OsString> {
        let mut env = self.environment.for_commands(&self.variables);
        env.extend(self.environment.named(VARIABLES));
        env
    }

    /// A question that may take so long, or until the task's time is up.
    ///
    /// # Errors
    ///
    /// When the program is not there.
    pub(super) fn request(
        &self,
        program: &str,
        args: Vec<OsString>,
        env: BTreeMap<OsString, OsString>,
        limit: Duration,
    ) -> Result<Request> {
        let program = process::find(program.as_ref(), &env, &self.folder)?;
        let end = Instant::now() + limit;
        Ok(Request {
            program,
            args,
            env,
            cwd: self.folder.clone(),
            stdin: Vec::new(),
            apart: true,
            deadline: Some(self.deadline.map_or(end, |deadline| deadline.min(end))),
            stop: None,
            sandbox: None,
        })
    }

    /// Asks, and takes an answer of at most `most` bytes.
    ///
    /// # Errors
    ///
    /// When the program could not be started, or not be seen to its end.
    pub(super) fn ask(&self, request: Request, most: usize) -> Result<Reply> {
        let stop = Cancel::default();
        let request = Request { stop: Some(stop.clone()), ..request };
        let mut stdout = Vec::new();
        let mut stderr = Capture::new(SAID, SAID);
        let finished = self.runner.run(&request, &mut |stream, bytes| match stream {
            Stream::Stderr => stderr.push(bytes),
            Stream::Stdout if stdout.len() + bytes.len() > most => stop.cancel(),
            Stream::Stdout => stdout.extend_from_slice(bytes),
        })?;
        Ok(Reply {
            exit: finished.exit,
            stdout: (!stop.is_cancelled()).then_some(stdout),
            said: self.mask.text(&stderr.text()),
        })
    }

    /// Who asks Amazon, where it is asked.
    pub(super) fn asker(&self) -> Asker {
        Asker {
            is_workflow: self.environment.get("GITHUB_ACTIONS") == Some("true"),
            profile: self.environment.filled("AWS_PROFILE").map(str::to_owned),
        }
    }
}

/// What a program had said before it was ended.
pub(super) fn last_words(said: &str, otherwise: &str) -> String {
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.unwrap_or(otherwise).to_owned()
}
