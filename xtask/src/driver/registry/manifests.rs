//! Manifests: whether they are there, what they say, another name for one.

use super::session::Ask;
use super::{Access, Descriptor, Fetched, Presence, Registry, wrong_digest};
use crate::core::http::Fault;
use crate::core::registry::manifest::{ImageConfig, MANIFEST_SIZE_MAX, Manifest};
use crate::core::registry::media::ACCEPT;
use crate::core::registry::{Digest, MediaType, Reference};
use crate::driver::http::{Failure, Method, Response};
use crate::error::{Error, Result};

impl Registry {
    /// Whether an image is there.
    ///
    /// An error says that it would not help to go on: the run was interrupted, the registry is not who it says it is, or the
    /// credentials cannot be read. Everything else that went wrong is [`Presence::Unknown`].
    pub fn exists(&self, reference: &Reference) -> Result<Presence> {
        let ask = self.ask_for_manifest(Method::Head, reference)?;
        let response = match self.0.ask(&ask) {
            Ok(response) => response,
            Err(failure) => return unknown(failure),
        };
        match response.status {
            200 => {}
            404 => return Ok(Presence::Absent),
            _ => return Ok(Presence::Unknown(self.0.unexpected(&ask, &response))),
        }
        let media_type = media_type(&response);
        let digest = response.header("docker-content-digest").and_then(|digest| digest.parse().ok());
        let size = response.header("content-length").and_then(|length| length.parse().ok());
        match (digest, size) {
            (Some(digest), Some(size)) if media_type.is_manifest() && comparable(reference, &digest) => {
                self.compare(reference.digest(), &digest)?;
                Ok(Presence::Present(Descriptor { digest, size, ..Descriptor::of(media_type.as_str(), b"") }))
            }
            // It says too little of itself: look at the thing.
            _ => match self.fetch(reference)? {
                Ok(fetched) => Ok(Presence::Present(fetched.descriptor)),
                Err(presence) => Ok(presence),
            },
        }
    }

    /// Fetches a manifest.
    pub fn manifest(&self, reference: &Reference) -> Result<Fetched> {
        match self.fetch(reference)? {
            Ok(fetched) => Ok(fetched),
            Err(Presence::Unknown(error)) => Err(error),
            Err(_) => {
                Err(Error::missing(format!("`{reference}` is not there")).hint("check the name and the tag"))
            }
        }
    }

    /// Fetches what an image is run with.
    pub fn image_config(&self, reference: &Reference, manifest: &Manifest) -> Result<ImageConfig> {
        let bytes = self.blob(reference, &manifest.config)?;
        ImageConfig::parse(&bytes)
            .map_err(|invalid| super::service(invalid).context(format!("could not read `{reference}`")))
    }

    /// Writes a manifest under a tag, or under its digest, and returns the digest.
    ///
    /// What it speaks of has to be there before.
    pub fn put_manifest(&self, to: &Reference, media_type: &MediaType, bytes: &[u8]) -> Result<Digest> {
        self.write_manifest(to, media_type, bytes).map(|(digest, _)| digest)
    }

    /// The same, with the answer.
    pub(super) fn write_manifest(
        &self,
        to: &Reference,
        media_type: &MediaType,
        bytes: &[u8],
    ) -> Result<(Digest, Response)> {
        let digest = match to.digest() {
            Some(digest) if !digest.names(bytes) => {
                return Err(Error::bug(format!("`{to}` does not name what was to be written there")));
            }
            Some(digest) => digest.clone(),
            None => Digest::of(bytes),
        };
        let path = format!("manifests/{}", to.identifier());
        let ask = Ask::new(Method::Put, Access::Push, self.repository(to)?, path)
            .header("content-type", media_type.as_str())
            .body(bytes);
        let response = self.0.ask(&ask)?;
        if response.status != 201 {
            return Err(self.0.unexpected(&ask, &response));
        }
        if let Some(stored) = response.header("docker-content-digest") {
            // It may use another algorithm than we do, which says nothing.
            match stored.parse::<Digest>() {
                Ok(stored) if stored.algorithm() != digest.algorithm() => {}
                Ok(stored) if stored == digest => {}
                _ => return Err(wrong_digest(self.name(), &digest, stored)),
            }
        }
        Ok((digest, response))
    }

    /// Or what that says about its presence.
    pub(super) fn fetch(&self, reference: &Reference) -> Result<Result<Fetched, Presence>> {
        let ask = self.ask_for_manifest(Method::Get, reference)?.length_max(MANIFEST_SIZE_MAX);
        let response = match self.0.ask(&ask) {
            Ok(response) => response,
            Err(failure) => return unknown(failure).map(Err),
        };
        match response.status {
            200 => {}
            404 => return Ok(Err(Presence::Absent)),
            _ => return Ok(Err(Presence::Unknown(self.0.unexpected(&ask, &response)))),
        }
        let said = response.header("docker-content-digest").and_then(|digest| digest.parse::<Digest>().ok());
        for wanted in reference.digest().into_iter().chain(&said) {
            if !wanted.names(&response.body) {
                return Err(wrong_digest(self.name(), wanted, &Digest::of(&response.body).to_string()));
            }
        }
        let media_type = media_type(&response);
        if !media_type.is_manifest() {
            let message = format!("`{}` sent no manifest for `{reference}` but `{media_type}`", self.name());
            let error =
                Error::missing(message).hint("something else may answer in its place, such as a proxy");
            return Ok(Err(Presence::Unknown(error)));
        }
        let mut descriptor = Descriptor::of(media_type.as_str(), &response.body);
        if let Some(digest) = reference.digest() {
            descriptor.digest = digest.clone();
        }
        Ok(Ok(Fetched { descriptor, bytes: response.body }))
    }

    fn ask_for_manifest<'r>(&self, method: Method, reference: &'r Reference) -> Result<Ask<'r>> {
        let path = format!("manifests/{}", reference.identifier());
        let ask = Ask::new(method, Access::Pull, self.repository(reference)?, path);
        Ok(ask.header("accept", ACCEPT.join(", ")))
    }

    pub(super) fn compare(&self, wanted: Option<&Digest>, came: &Digest) -> Result<()> {
        match wanted {
            Some(wanted) if wanted != came => Err(wrong_digest(self.name(), wanted, &came.to_string())),
            _ => Ok(()),
        }
    }
}

/// What no answer says about the presence of something.
pub(super) fn unknown(failure: Failure) -> Result<Presence> {
    match failure.fault {
        Fault::NotReached | Fault::CutOff | Fault::TooLong | Fault::Nonsense => {
            Ok(Presence::Unknown(failure.error))
        }
        Fault::Certificate(_) | Fault::NoTls | Fault::Refused | Fault::Local | Fault::Interrupted => {
            Err(failure.error)
        }
    }
}

/// Whether a digest says the same about a content as the one that was asked for, or nothing: both are of one kind.
fn comparable(reference: &Reference, digest: &Digest) -> bool {
    reference.digest().is_none_or(|wanted| wanted.algorithm() == digest.algorithm())
}

fn media_type(response: &Response) -> MediaType {
    MediaType::new(response.header("content-type").unwrap_or_default())
}
