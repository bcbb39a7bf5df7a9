//! Asks registries of container images, and writes to them.
//!
//! What cannot be had is an error, what is not there is [`Presence::Absent`], and what a registry does not let us see is
//! neither: [`Presence::Unknown`]. Whatever comes with a digest is compared with it before anybody gets to see it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::http::retry::Policy;
use crate::core::mask::Mask;
use crate::core::registry::answer::Access;
use crate::core::registry::manifest::{Descriptor, Document};
use crate::core::registry::{Digest, Invalid, Reference};
use crate::driver::cancel::Cancel;
use crate::driver::environment::Environment;
use crate::driver::http::Client;
use crate::driver::process::Runner;
use crate::error::{Error, Result};

mod blobs;
mod login;
mod manifests;
mod referrers;
mod session;

pub use blobs::Content;
pub use referrers::Attachment;

use session::Session;

/// What of a run a registry is asked with.
#[derive(Clone)]
pub struct Means {
    /// Who speaks HTTP.
    pub client: Client,
    /// Where to look for credentials, and what helpers are given.
    pub environment: Environment,
    /// Who runs the helpers that keep credentials.
    pub runner: Arc<dyn Runner>,
    /// How often and how patiently it is asked again.
    pub retries: Policy,
    /// What ends waiting.
    pub cancel: Cancel,
    /// What replaces secrets in what helpers say.
    pub mask: Mask,
    /// The folder helpers run in.
    pub folder: PathBuf,
}

/// One registry. Cheap to clone; clones share what it was told about them.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Session>);

/// Whether something is in a registry.
#[derive(Clone, Debug)]
pub enum Presence {
    /// It is there.
    Present(Descriptor),
    /// It is not: the registry has looked and answered 404.
    Absent,
    /// The registry could not be asked, or did not say. Why.
    Unknown(Error),
}

/// A manifest as it is in a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// What it is.
    pub descriptor: Descriptor,
    /// It; its digest is the descriptor's.
    pub bytes: Vec<u8>,
}

impl Fetched {
    /// What it says.
    pub fn document(&self) -> Result<Document> {
        Document::parse(&self.descriptor.media_type, &self.bytes).map_err(|invalid| {
            service(invalid).context(format!("could not read `{}`", self.descriptor.digest))
        })
    }
}

impl Registry {
    /// The registry of this name: `ghcr.io`, `localhost:5000`, `docker.io`. Nothing is asked yet.
    pub fn connect(means: Means, registry: &str) -> Result<Self> {
        Session::new(means, registry).map(Arc::new).map(Self)
    }

    /// Its name, as it stands in references.
    pub fn name(&self) -> &str {
        self.0.registry()
    }

    /// The repository of a reference, which has to be in this registry.
    fn repository<'r>(&self, reference: &'r Reference) -> Result<&'r str> {
        if reference.registry() == self.name() {
            return Ok(reference.repository());
        }
        Err(Error::bug(format!("`{reference}` was asked for at `{}`", self.name())))
    }
}

/// What a registry sent makes no sense.
fn service(invalid: Invalid) -> Error {
    let error = Error::missing(invalid.message);
    invalid.hint.into_iter().fold(error, Error::hint)
}

/// What came is not what was asked for.
fn wrong_digest(registry: &str, wanted: &Digest, came: &str) -> Error {
    Error::refused(format!("`{registry}` sent something else than was asked for"))
        .cause(format!("wanted was `{wanted}`, what came is `{came}`"))
        .hint(
            "it, or a proxy before it, has a broken storage or is not to be trusted: nothing of it was used",
        )
}
