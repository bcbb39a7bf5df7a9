//! What tasks ask over the network.

use std::sync::{Arc, PoisonError};

use super::Cx;
use crate::core::http::retry::Policy;
use crate::driver::http::Client;
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
