//! Contents: layers, configurations, and whatever else a manifest speaks of.

use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::manifests::unknown;
use super::session::{Ask, Place};
use super::{Access, Descriptor, Presence, Registry, wrong_digest};
use crate::core::http::url::Scheme;
use crate::core::http::{Fault, Url};
use crate::core::registry::digest::{Algorithm, Hasher};
use crate::core::registry::{Digest, Reference};
use crate::driver::http::{Method, Response};
use crate::error::{Context as _, Error, Result};

/// How much is sent at once, in bytes. A content that fits is sent in one request.
const CHUNK: u64 = 8 << 20;

/// How often an upload is taken up again or begun anew without having come further.
const SETBACKS_MAX: u32 = 4;

/// A content that is to be uploaded.
#[derive(Clone, Copy, Debug)]
pub enum Content<'c> {
    /// Bytes.
    Bytes(&'c [u8]),
    /// A file; nobody may write to it meanwhile.
    File(&'c Path),
}

/// A content that is being read.
enum Source<'c> {
    Bytes(&'c [u8]),
    File { path: &'c Path, file: File, size: u64 },
}

impl<'c> Content<'c> {
    fn open(self) -> Result<Source<'c>> {
        Ok(match self {
            Self::Bytes(bytes) => Source::Bytes(bytes),
            Self::File(path) => {
                let failed = || format!("could not read `{}`", path.display());
                let file = File::open(path).context(failed)?;
                let size = file.metadata().context(failed)?.len();
                Source::File { path, file, size }
            }
        })
    }
}

impl Source<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File { size, .. } => *size,
        }
    }

    /// The bytes from `offset` on, [`CHUNK`] of them at most.
    fn chunk(&self, offset: u64) -> Result<Cow<'_, [u8]>> {
        let length = usize::try_from(self.size().saturating_sub(offset).min(CHUNK)).unwrap_or(usize::MAX);
        match self {
            Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Cow::Borrowed(&bytes[start..start + length]))
            }
            Self::File { path, file, .. } => {
                let mut chunk = vec![0; length];
                file.read_exact_at(&mut chunk, offset)
                    .context(|| format!("could not read `{}`", path.display()))?;
                Ok(Cow::Owned(chunk))
            }
        }
    }

    fn descriptor(&self, media_type: &str) -> Result<Descriptor> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut offset = 0;
        while offset < self.size() {
            hasher.update(&self.chunk(offset)?);
            offset += CHUNK;
        }
        Ok(Descriptor { digest: hasher.finish(), size: self.size(), ..Descriptor::of(media_type, b"") })
    }
}

/// How one try to upload ended.
enum Try {
    Done,
    /// The content has to be looked for, or begun anew. Why.
    Again(Error),
}

impl Registry {
    /// Whether a content is there.
    pub fn blob_exists(&self, repository: &Reference, digest: &Digest) -> Result<Presence> {
        let ask =
            Ask::new(Method::Head, Access::Pull, self.repository(repository)?, format!("blobs/{digest}"));
        self.look(&ask, digest)
    }

    fn look(&self, ask: &Ask<'_>, digest: &Digest) -> Result<Presence> {
        let response = match self.0.ask(ask) {
            Ok(response) => response,
            Err(failure) => return unknown(failure),
        };
        let size = response.header("content-length").and_then(|length| length.parse().ok());
        Ok(match (response.status, size) {
            (200, Some(size)) => {
                let of = Descriptor::of("application/octet-stream", b"");
                Presence::Present(Descriptor { digest: digest.clone(), size, ..of })
            }
            (404, _) => Presence::Absent,
            _ => Presence::Unknown(self.0.unexpected(ask, &response)),
        })
    }

    /// Fetches a content whole, into memory: it must not be longer than its descriptor says.
    pub fn blob(&self, repository: &Reference, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let path = format!("blobs/{}", descriptor.digest);
        let ask = Ask::new(Method::Get, Access::Pull, self.repository(repository)?, path)
            .length_max(descriptor.size);
        let response = self.0.ask(&ask)?;
        if response.status != 200 {
            return Err(self.0.unexpected(&ask, &response));
        }
        if !descriptor.digest.names(&response.body) {
            let came = Digest::of(&response.body).to_string();
            return Err(wrong_digest(self.name(), &descriptor.digest, &came));
        }
        Ok(response.body)
    }

    /// Uploads a content, unless it is there.
    ///
    /// A big one goes in pieces. When the connection breaks, the registry is asked how far it came, and the upload goes on
    /// from there.
    pub fn upload(
        &self,
        repository: &Reference,
        media_type: &str,
        content: Content<'_>,
    ) -> Result<Descriptor> {
        let source = content.open()?;
        let descriptor = source.descriptor(media_type)?;
        let digest = &descriptor.digest;
        let name = self.repository(repository)?;
        // With the right to write, so that one token does for the whole.
        let look = Ask::new(Method::Head, Access::Push, name, format!("blobs/{digest}"));
        let mut setbacks = 0;
        loop {
            if matches!(self.look(&look, digest)?, Presence::Present(_)) {
                return Ok(descriptor);
            }
            match self.try_upload(name, &source, digest)? {
                Try::Done => return Ok(descriptor),
                Try::Again(error) => {
                    setbacks += 1;
                    if setbacks >= SETBACKS_MAX {
                        return Err(
                            error.context(format!("could not upload `{digest}` to `{}`", self.name()))
                        );
                    }
                    self.0.pause(setbacks)?;
                }
            }
        }
    }

    /// Makes a content of another repository of this registry available in this one, without sending it. False where the
    /// registry does not do that, or does not have it.
    pub fn mount(&self, to: &Reference, from: &str, digest: &Digest) -> Result<bool> {
        let name = self.repository(to)?;
        let path = format!("blobs/uploads/?mount={digest}&from={from}");
        let ask = Ask { also: Some(from), ..Ask::new(Method::Post, Access::Push, name, path).once() };
        let response = self.0.ask(&ask)?;
        match response.status {
            201 => Ok(true),
            202 => {
                // An upload was begun instead. That it is not ended either costs the registry a little, and us nothing.
                if let Ok(location) = location(&response) {
                    let end = Ask::at(Method::Delete, Access::Push, name, Place::Url(location)).once();
                    drop(self.0.ask(&end));
                }
                Ok(false)
            }
            _ => Err(self.0.unexpected(&ask, &response)),
        }
    }

    fn try_upload(&self, name: &str, source: &Source<'_>, digest: &Digest) -> Result<Try> {
        let begin = Ask::new(Method::Post, Access::Push, name, "blobs/uploads/");
        let response = self.0.ask(&begin)?;
        if response.status != 202 {
            return Err(self.0.unexpected(&begin, &response));
        }
        let mut place = location(&response)?;
        let mut rest = Cow::Borrowed(&[][..]);
        if source.size() <= CHUNK {
            rest = source.chunk(0)?;
        } else {
            match self.send_pieces(name, source, place)? {
                Ok(end) => place = end,
                Err(error) => return Ok(Try::Again(error)),
            }
        }
        let place = place.with_query("digest", &digest.to_string());
        let put = Ask::at(Method::Put, Access::Push, name, Place::Url(place))
            .header("content-type", "application/octet-stream")
            .body(&rest)
            .once();
        let response = match self.0.ask(&put) {
            Err(failure) if failure.fault == Fault::CutOff => return Ok(Try::Again(failure.error)),
            response => response?,
        };
        match response.status {
            201 => {}
            // The upload is not known any more, did not arrive whole, or met a registry in trouble.
            400 | 404 | 416 | 500..=599 => return Ok(Try::Again(self.0.unexpected(&put, &response))),
            _ => return Err(self.0.unexpected(&put, &response)),
        }
        match response.header("docker-content-digest").map(str::parse::<Digest>) {
            Some(Ok(stored)) if stored.algorithm() == digest.algorithm() => {
                self.compare(Some(digest), &stored)?;
            }
            _ => {}
        }
        Ok(Try::Done)
    }

    /// Sends a content in pieces. Returns where it is to be closed, or why it has to be begun anew.
    fn send_pieces(&self, name: &str, source: &Source<'_>, mut place: Url) -> Result<Result<Url, Error>> {
        let (mut offset, mut furthest, mut setbacks) = (0, 0, 0);
        while offset < source.size() {
            let chunk = source.chunk(offset)?;
            let end = offset + u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            let patch = Ask::at(Method::Patch, Access::Push, name, Place::Url(place.clone()))
                .header("content-type", "application/octet-stream")
                .header("content-range", format!("{offset}-{}", end - 1))
                .body(&chunk)
                .once();
            let error = match self.0.ask(&patch) {
                Ok(response) if response.status == 202 => {
                    place = location(&response)?;
                    // A registry may take less than it was given.
                    offset = taken(&response).unwrap_or(end).min(end);
                    (offset <= furthest).then(|| self.0.unexpected(&patch, &response))
                }
                Ok(response) if matches!(response.status, 416 | 500..=599) => {
                    Some(self.0.unexpected(&patch, &response))
                }
                Ok(response) if response.status == 404 => {
                    return Ok(Err(self.0.unexpected(&patch, &response)));
                }
                Ok(response) => return Err(self.0.unexpected(&patch, &response)),
                Err(failure) if failure.fault == Fault::CutOff => Some(failure.error),
                Err(failure) => return Err(failure.error),
            };
            let Some(error) = error else {
                (furthest, setbacks) = (offset, 0);
                continue;
            };
            setbacks += 1;
            if setbacks >= SETBACKS_MAX {
                return Ok(Err(error));
            }
            self.0.pause(setbacks)?;
            let status = Ask::at(Method::Get, Access::Push, name, Place::Url(place.clone()));
            let response = self.0.ask(&status)?;
            match (response.status, taken(&response)) {
                (204, Some(taken)) if taken <= source.size() => {
                    place = location(&response).unwrap_or(place);
                    offset = taken;
                }
                _ => return Ok(Err(error)),
            }
        }
        Ok(Ok(place))
    }
}

/// Where an upload goes on.
fn location(response: &Response) -> Result<Url> {
    let (here, header) = (response.url.authority(), response.header("location"));
    let Some(next) = header.and_then(|location| response.url.join(location)) else {
        return Err(Error::missing(format!("`{here}` did not say where an upload goes on"))
            .hint("check that it is a registry of container images"));
    };
    if next.scheme() == Scheme::Http && !next.is_loopback() {
        let message = format!("`{here}` sends us on to `{}` in the clear", next.authority());
        return Err(Error::refused(message).hint(
            "it may not know that a proxy before it speaks TLS: that one has to send `X-Forwarded-Proto: https`",
        ));
    }
    Ok(next)
}

/// How much of an upload a registry has. It counts from 0 and names the last byte; of nothing, registries say `0-0`.
fn taken(response: &Response) -> Option<u64> {
    let (_, last) = response.header("range")?.trim_start_matches("bytes=").split_once('-')?;
    let last: u64 = last.parse().ok()?;
    Some(if last == 0 { 0 } else { last.saturating_add(1) })
}
