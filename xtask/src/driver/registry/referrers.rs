//! What says something about an image: SBOMs, provenances, signatures, kept beside it (OCI distribution specification 1.1,
//! "Listing Referrers").

use super::session::{Ask, Place};
use super::{Access, Content, Descriptor, Fetched, Presence, Registry};
use crate::core::registry::manifest::{Annotations, Document, EMPTY_CONFIG, Index, Manifest};
use crate::core::registry::media::{EMPTY, OCI_INDEX, OCI_MANIFEST};
use crate::core::registry::{Digest, MediaType, Reference};
use crate::driver::http::Method;
use crate::error::{Error, Result};

/// How many pages of a list are read.
const PAGES_MAX: usize = 100;

/// How often a list under a tag is written again when somebody else wrote it at the same time.
const WRITES_MAX: usize = 5;

/// A file that is attached to an image.
#[derive(Clone, Debug)]
pub struct Attachment<'a> {
    /// What it is: `application/vnd.cyclonedx+json`.
    pub media_type: &'a str,
    /// It.
    pub bytes: &'a [u8],
    /// Remarks, such as `org.opencontainers.image.title`.
    pub annotations: Annotations,
}

impl Registry {
    /// What says something about `subject`, a reference with a digest; with an artifact type, only what is of that type.
    pub fn referrers(&self, subject: &Reference, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let digest = digest_of(subject)?;
        let mut found = match self.listed(subject, digest)? {
            Some(listed) => listed,
            None => self.tagged(subject, digest)?,
        };
        found.retain(|one| artifact_type.is_none_or(|wanted| one.artifact_type.as_deref() == Some(wanted)));
        Ok(found)
    }

    /// Attaches files to an image, and returns the digest of what they are attached by. Doing it twice is doing it once.
    pub fn attach(
        &self,
        subject: &Reference,
        artifact_type: &str,
        files: &[Attachment<'_>],
        annotations: &Annotations,
    ) -> Result<Digest> {
        let subject_descriptor = match self.exists(subject)? {
            Presence::Present(descriptor) => descriptor,
            Presence::Unknown(error) => return Err(error),
            Presence::Absent => {
                return Err(Error::missing(format!("`{subject}` is not there"))
                    .hint("push the image before what is attached to it"));
            }
        };
        self.upload(subject, EMPTY, Content::Bytes(EMPTY_CONFIG))?;
        let mut layers = Vec::new();
        for file in files {
            let layer = self.upload(subject, file.media_type, Content::Bytes(file.bytes))?;
            layers.push(Descriptor { annotations: file.annotations.clone(), ..layer });
        }
        let subject = subject.with_digest(&subject_descriptor.digest);
        let manifest = Manifest::referrer(subject_descriptor, artifact_type, layers, annotations.clone());
        let bytes = json(&manifest)?;
        let own = Descriptor {
            artifact_type: Some(artifact_type.to_owned()),
            annotations: annotations.clone(),
            ..Descriptor::of(OCI_MANIFEST, &bytes)
        };
        let at = subject.with_digest(&own.digest);
        let (digest, response) = self.write_manifest(&at, &MediaType::new(OCI_MANIFEST), &bytes)?;
        // A registry that keeps lists of referrers says so.
        if response.header("oci-subject").is_none() {
            self.list_under_tag(&subject, &own)?;
        }
        Ok(digest)
    }

    /// What the registry lists; `None` where it keeps no lists.
    fn listed(&self, subject: &Reference, digest: &Digest) -> Result<Option<Vec<Descriptor>>> {
        let name = self.repository(subject)?;
        let mut found = Vec::new();
        let mut place = Place::Repository(format!("referrers/{digest}"));
        for _ in 0..PAGES_MAX {
            let ask = Ask::at(Method::Get, Access::Pull, name, place).header("accept", OCI_INDEX);
            let response = self.0.ask(&ask)?;
            let media_type = MediaType::new(response.header("content-type").unwrap_or_default());
            match response.status {
                200 if media_type.as_str() == OCI_INDEX => {}
                // Without lists, some registries know nothing of the address and some have another answer there.
                200 | 404 | 405 if found.is_empty() => return Ok(None),
                _ => return Err(self.0.unexpected(&ask, &response)),
            }
            let fetched = Fetched {
                descriptor: Descriptor::of(OCI_INDEX, &response.body),
                bytes: response.body.clone(),
            };
            found.extend(index(&fetched)?.manifests);
            let next = response.all("link").find_map(next_page).and_then(|next| response.url.join(next));
            match next {
                Some(next) if next.same_origin(&response.url) => place = Place::Url(next),
                _ => return Ok(Some(found)),
            }
        }
        Err(Error::missing(format!("`{}` lists referrers of `{subject}` without an end", self.name())))
    }

    /// What is listed under the tag that stands in for a list.
    fn tagged(&self, subject: &Reference, digest: &Digest) -> Result<Vec<Descriptor>> {
        match self.fetch(&subject.with_tag(&digest.tag())?)? {
            Ok(fetched) => Ok(index(&fetched)?.manifests),
            Err(Presence::Unknown(error)) => Err(error),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Adds to that list. It has no lock: what was written is read back, and written again where somebody else was faster.
    fn list_under_tag(&self, subject: &Reference, own: &Descriptor) -> Result<()> {
        let digest = digest_of(subject)?;
        let tag = subject.with_tag(&digest.tag())?;
        for _ in 0..WRITES_MAX {
            let mut manifests = self.tagged(subject, digest)?;
            if manifests.iter().any(|one| one.digest == own.digest) {
                return Ok(());
            }
            manifests.push(own.clone());
            self.put_manifest(&tag, &MediaType::new(OCI_INDEX), &json(&Index::new(manifests))?)?;
        }
        Err(Error::missing(format!(
            "the list of what is attached to `{subject}` does not keep what is written to it"
        ))
        .hint("others may be writing to it: try again"))
    }
}

fn digest_of(subject: &Reference) -> Result<&Digest> {
    subject.digest().ok_or_else(|| Error::bug(format!("`{subject}` has no digest to be referred to by")))
}

fn index(fetched: &Fetched) -> Result<Index> {
    match fetched.document()? {
        Document::Index(index) => Ok(index),
        Document::Manifest(_) => Err(Error::missing("a list of referrers is no list")),
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::bug("could not write a document").source(error))
}

/// The address in `<…>; rel="next"` (RFC 8288).
fn next_page(link: &str) -> Option<&str> {
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = |parameter: &str| parameter.trim().trim_end_matches('"').replace('"', "") == "rel=next";
    parameters.split(';').any(is_next).then_some(address)
}
