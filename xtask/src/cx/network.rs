//! What tasks ask over the network.

use std::sync::{Arc, PoisonError};

use super::Cx;
use crate::core::aws::Cluster;
use crate::core::command::Command;
use crate::core::http::retry::Policy;
use crate::driver::aws::Aws;
use crate::driver::http::Client;
use crate::driver::kubectl::{self, Kubectl, Target};
use crate::driver::process::{Finished, Request, Runner, Stream};
use crate::driver::registry::{Means, Registry};
use crate::error::Result;

impl Cx {
    /// Who speaks HTTP for this run.
    pub fn http(&self) -> &Client {
        &self.shared.http
    }

    /// A registry of container images by its name: `ghcr.io`, `localhost:5000`, `docker.io`. Nothing is asked yet.
    ///
    /// All who ask for one registry share one client of it, and the tokens that it was given.
    pub fn registry(&self, name: &str) -> Result<Registry> {
        let mut registries = self.shared.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = registries.get(name) {
            return Ok(registry.clone());
        }
        let means = Means {
            client: self.http().clone(),
            environment: self.environment().clone(),
            runner: Arc::clone(&self.shared.runner),
            retries: Policy::default(),
            cancel: self.cancel().clone(),
            mask: self.mask().clone(),
            folder: self.root().to_owned(),
        };
        let registry = Registry::connect(means, name)?;
        registries.insert(name.to_owned(), registry.clone());
        Ok(registry)
    }
}

impl Cx {
    /// A cluster, seen from one namespace of it. Nothing is asked yet.
    ///
    /// What kubectl is called with is said and logged like every command of the task that this context belongs to; what it
    /// answers is not: objects are long, and may hold what is nobody's business.
    pub fn kubectl(&self, target: Target) -> Kubectl {
        Kubectl::new(self.means(), target)
    }

    /// Amazon, asked about one cluster. Nothing is asked yet. What is said and logged is the same as of [`kubectl`](Self::kubectl).
    pub fn aws(&self, cluster: Cluster) -> Aws {
        Aws::new(self.means(), cluster)
    }

    /// What programs are called with that speak to a cloud.
    fn means(&self) -> kubectl::Means {
        kubectl::Means {
            environment: self.environment().clone(),
            variables: self.config().declared_env(self.task().map_or("", |task| task.as_str())),
            runner: Arc::new(Told(self.clone())),
            cancel: self.cancel().clone(),
            mask: self.mask().clone(),
            folder: self.root().to_owned(),
            deadline: self.deadline(),
        }
    }
}

/// Runs what a driver has put together as the commands of a task are run: seen, masked, and without secrets among arguments.
struct Told(Cx);

impl Runner for Told {
    fn run(&self, request: &Request, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<Finished> {
        let program = request.program.file_name().unwrap_or(request.program.as_os_str());
        let command = Command::new(program).args(&request.args);
        self.0.refuse_visible_secrets(&command)?;
        self.0.perform(&command, request, output)
    }
}
