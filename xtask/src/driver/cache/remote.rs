//! Results on a server that others can read and write: fetched into the store on disk, and uploaded from it.
//!
//! Of what the server gives, nothing is believed but what a trusted job has signed
//! ([`Signed`](crate::core::fingerprint::signed::Signed)), and no content that does not have its digest. A result is in the store only
//! once all its contents are, so that whoever looks there need not know where it came from.
//!
//! A server that does not answer, or not in time, is left out for the rest of the run: it costs what
//! [`server`](crate::core::fingerprint::server) allows, once. Uploads go on beside the tasks on a thread of their own, a bounded queue
//! before it, and end with the run.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Store;
use super::uploads::Uploads;
use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::server::{self, Meaning};
use crate::core::fingerprint::signed::{Blob, Name, PublicKey, Signed, Signer};
use crate::core::http::{Fault, Url, status_words};
use crate::core::secret::Secret;
use crate::driver::http::{Client, Failure, Method, Request, Response};
use crate::error::{Error, Result};

/// How many contents of a result are fetched at once.
const AT_ONCE: usize = 8;

/// How long what a server says may be where it does not have a content, in bytes.
const WORDS_MAX: u64 = 64 << 10;

/// What it takes to speak to a server.
#[derive(Debug)]
pub struct Means {
    /// Who asks.
    pub client: Client,
    /// The address below which it has `ac/` and `cas/`.
    pub url: Url,
    /// The value of `Authorization`.
    pub authorization: Option<Secret>,
    /// Whose results are believed.
    pub trusted: Vec<PublicKey>,
    /// The key of this job, where it is a trusted one: then what it makes is uploaded.
    pub signer: Option<Signer>,
}

/// A server that keeps results. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Remote(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) means: Means,
    /// Whether it is left out from now on.
    left_out: AtomicBool,
    /// Contents that were not what their names say: uploaded whatever the server says that it has.
    distrusted: Mutex<HashSet<Name>>,
    fetched: AtomicUsize,
    pub(super) uploads: Uploads,
}

/// What a server has under a key.
#[derive(Debug)]
pub enum Fetched {
    /// Nothing, or it is not asked any more.
    Nothing,
    /// This, which is in the store now.
    Entry(Box<Entry>),
    /// Something that is not to be believed, or could not be stored, and why.
    Fault(Error),
    /// No answer that could be used: it is left out from now on. Said once.
    LeftOut(Error),
}

/// What came of it in a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many results were fetched.
    pub fetched: usize,
    /// How many were uploaded.
    pub uploaded: usize,
    /// How many were to be uploaded and were not.
    pub given_up: usize,
    /// Why, where something went wrong and it was not merely too slow.
    pub trouble: Option<Error>,
}

/// Why there is no result.
enum Miss {
    Absent,
    Fault(Error),
    Unusable(Error),
    Interrupted,
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        match failure.fault {
            Fault::Interrupted => Self::Interrupted,
            Fault::TooLong => Self::Fault(failure.error),
            _ => Self::Unusable(failure.error),
        }
    }
}

impl Remote {
    /// A server. It is not asked anything yet.
    pub fn new(means: Means) -> Self {
        Self(Arc::new(Inner {
            means,
            left_out: AtomicBool::new(false),
            distrusted: Mutex::default(),
            fetched: AtomicUsize::new(0),
            uploads: Uploads::default(),
        }))
    }

    /// The server, for a reader.
    pub fn name(&self) -> String {
        self.0.means.url.authority()
    }

    /// The result under `key`, with all its contents in `store`.
    pub fn fetch(&self, store: &Store, key: &Digest) -> Fetched {
        if self.0.is_left_out() {
            return Fetched::Nothing;
        }
        match self.0.fetch(store, key) {
            Ok(entry) => {
                self.0.fetched.fetch_add(1, Ordering::Relaxed);
                Fetched::Entry(Box::new(entry))
            }
            Err(Miss::Fault(error)) => Fetched::Fault(error),
            Err(Miss::Unusable(error)) if self.0.leave_out() => Fetched::LeftOut(error),
            // Tasks beside this one may have found, and said, the same.
            Err(Miss::Absent | Miss::Interrupted | Miss::Unusable(_)) => Fetched::Nothing,
        }
    }

    /// Uploads a stored result with its contents, beside everything else; only a trusted job does. What does not fit into the queue
    /// is given up.
    pub fn offer(&self, store: &Store, key: Digest, entry: Entry) {
        if self.0.means.signer.is_some() {
            self.0.uploads.push(self, store, key, entry);
        }
    }

    /// Waits for uploads, no longer than `patience`, and says what came of all.
    pub fn finish(&self, patience: Duration) -> Tally {
        let (uploaded, given_up, trouble) = self.0.uploads.finish(patience);
        // Where it was left out, that has been said.
        let trouble = trouble.filter(|_| !self.0.is_left_out());
        Tally { fetched: self.0.fetched.load(Ordering::Relaxed), uploaded, given_up, trouble }
    }
}

impl Inner {
    pub(super) fn is_left_out(&self) -> bool {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Leaves the server out; whether it was not before.
    pub(super) fn leave_out(&self) -> bool {
        !self.left_out.swap(true, Ordering::Relaxed)
    }

    pub(super) fn distrusted(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.distrusted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request for what is at `path` below the server's address.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<Request<'static>> {
        let base = &self.means.url;
        let target = format!("{}/{path}", base.target().trim_end_matches('/'));
        let url = Url::new(base.scheme(), &base.authority(), &target)
            .ok_or_else(|| Error::bug(format!("`{path}` makes no address")))?;
        Ok(Request::new(method, url).authorization(self.means.authorization.clone()))
    }

    /// An answer that could not be used, in words.
    pub(super) fn unexpected(&self, response: &Response) -> Error {
        let (server, status) = (self.means.url.authority(), response.status);
        let error = Error::missing(format!("`{server}` answered {status} ({})", status_words(status)));
        match Meaning::of(status) {
            Meaning::Denied if self.means.authorization.is_none() => error.hint(
                "it wants to know who asks: `XTASK_CACHE_TOKEN`, or `XTASK_CACHE_USER` and `XTASK_CACHE_PASSWORD`",
            ),
            Meaning::Denied => error.hint("the credentials in `XTASK_CACHE_…` are wrong, or may not do this"),
            _ => error.hint("look at the server's log, and at `[cache] url` in xtask.toml"),
        }
    }

    fn fetch(&self, store: &Store, key: &Digest) -> Result<Entry, Miss> {
        let local = Miss::Fault;
        let request = self.request(Method::Get, &server::result_path(key)).map_err(local)?;
        let request = request.timeout(server::PATIENCE).length_max(server::STATEMENT_MAX);
        let response = self.there(&request)?;
        let signed = Signed::decode(&response.body, key, &self.means.trusted).map_err(|refusal| {
            let (server, key) = (self.means.url.authority(), key.short());
            Miss::Fault(
                Error::refused(format!("the result `{key}` of `{server}` was refused")).source(refusal),
            )
        })?;
        let largest = signed.blobs.iter().map(|blob| blob.size).max().unwrap_or(0);
        if largest > server::BLOB_MAX || signed.size() > server::RESULT_MAX {
            return Err(Miss::Fault(Error::refused("the result is larger than what is fetched")));
        }
        let missing = signed.blobs.iter().filter(|blob| !store.has(&blob.digest, blob.size));
        self.fetch_all(store, &missing.copied().collect::<Vec<_>>())?;
        store.put(key, &signed.entry, None).map_err(local)?;
        Ok(signed.entry)
    }

    /// Fetches contents into the store, several at once, in the time that all of them may take.
    fn fetch_all(&self, store: &Store, blobs: &[Blob]) -> Result<(), Miss> {
        let size = blobs.iter().map(|blob| blob.size).sum();
        let end = Instant::now() + server::patience(size);
        let queue = Mutex::new(blobs.iter());
        let failed = Mutex::new(None);
        let first = || failed.lock().unwrap_or_else(PoisonError::into_inner);
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some(blob) = next() {
                let fetched = self.fetch_blob(store, blob, end);
                let mut first = first();
                if let Err(miss) = fetched {
                    first.get_or_insert(miss);
                }
                if first.is_some() {
                    return;
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..blobs.len().min(AT_ONCE) {
                scope.spawn(work);
            }
            work();
        });
        first().take().map_or(Ok(()), Err)
    }

    fn fetch_blob(&self, store: &Store, blob: &Blob, end: Instant) -> Result<(), Miss> {
        let request = self.request(Method::Get, &server::blob_path(&blob.name)).map_err(Miss::Fault)?;
        let left = end.saturating_duration_since(Instant::now());
        let wrong = |how: &str| {
            self.distrusted().insert(blob.name);
            let (server, name) = (self.means.url.authority(), blob.digest.short());
            Miss::Fault(Error::refused(format!("the content `{name}` of `{server}` is {how}")))
        };
        let response = match self.there(&request.timeout(left).length_max(blob.size.max(WORDS_MAX))) {
            Ok(response) => response,
            Err(Miss::Fault(_)) => return Err(wrong("longer than what was signed")),
            Err(miss) => return Err(miss),
        };
        if Digest::of(&response.body) != blob.digest {
            return Err(wrong("not what was signed"));
        }
        store.put_bytes(&response.body).map(drop).map_err(Miss::Fault)
    }

    fn there(&self, request: &Request<'_>) -> Result<Response, Miss> {
        let response = self.means.client.send(request)?;
        match Meaning::of(response.status) {
            Meaning::There => Ok(response),
            Meaning::Absent => Err(Miss::Absent),
            Meaning::Denied | Meaning::Trouble => Err(Miss::Unusable(self.unexpected(&response))),
        }
    }
}
