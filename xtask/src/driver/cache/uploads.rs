//! What is on its way to a server: a bounded queue, and the thread that empties it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Remote, Store};
use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::manifest::Item;
use crate::core::fingerprint::server::{self, Meaning};
use crate::core::fingerprint::signed::{Blob, Name};
use crate::core::fingerprint::{Content, Digest};
use crate::driver::http::{Method, Request, Response};
use crate::error::{Error, Result};

/// How many results may wait.
const RESULTS_MAX: usize = 256;

/// How many bytes they may hold together.
const BYTES_MAX: u64 = 1 << 30;

/// The uploads of a run.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    state: Mutex<State>,
    /// Said whenever an upload has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Upload>,
    bytes: u64,
    /// Whether the thread runs.
    works: bool,
    /// Whether nothing more is begun.
    over: bool,
    uploaded: usize,
    given_up: usize,
    trouble: Option<Error>,
}

#[derive(Debug)]
struct Upload {
    store: Store,
    key: Digest,
    entry: Entry,
}

impl Upload {
    fn size(&self) -> u64 {
        self.entry.outputs.size()
    }

    fn is_too_large(&self) -> bool {
        let too_large =
            |item: &Item| matches!(item.content, Content::File { size, .. } if size > server::BLOB_MAX);
        self.size() > server::RESULT_MAX || self.entry.outputs.files().iter().any(too_large)
    }
}

impl Uploads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, remote: &Remote, store: &Store, key: Digest, entry: Entry) {
        let upload = Upload { store: Store::new(store.folder()), key, entry };
        let mut state = self.state();
        if upload.is_too_large() {
            state.given_up += 1;
            state.trouble.get_or_insert_with(|| {
                Error::refused(format!(
                    "the result of `{}` is larger than what is uploaded",
                    upload.entry.task
                ))
            });
            return;
        }
        let bytes = state.bytes.saturating_add(upload.size());
        if state.over || state.waiting.len() >= RESULTS_MAX || bytes > BYTES_MAX {
            state.given_up += 1;
            return;
        }
        state.bytes = bytes;
        state.waiting.push_back(upload);
        if state.works {
            return;
        }
        let remote = remote.clone();
        let work = move || remote.0.uploads.work(&remote);
        match thread::Builder::new().name("uploads".to_owned()).spawn(work) {
            Ok(_) => state.works = true,
            Err(error) => state.give_up(Error::io("could not start a thread for uploads", error)),
        }
    }

    /// Uploads one after the other until none waits.
    fn work(&self, remote: &Remote) {
        loop {
            let upload = {
                let mut state = self.state();
                let Some(upload) = state.waiting.pop_front().filter(|_| !state.over) else {
                    state.works = false;
                    self.ended.notify_all();
                    return;
                };
                upload
            };
            let uploaded = upload.upload(remote);
            let mut state = self.state();
            // Where the run was over before, it has been counted as given up.
            if !state.over {
                state.bytes = state.bytes.saturating_sub(upload.size());
                match uploaded {
                    Ok(()) => state.uploaded += 1,
                    Err(error) => {
                        state.given_up += 1;
                        state.give_up(error);
                    }
                }
            }
        }
    }

    /// Waits until all is uploaded, no longer than `patience`: how many were, how many were given up, and why.
    pub(super) fn finish(&self, patience: Duration) -> (usize, usize, Option<Error>) {
        let end = Instant::now() + patience;
        let mut state = self.state();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if !state.works || left.is_zero() {
                break;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        // The one under way is none of those that wait.
        state.given_up += state.waiting.len() + usize::from(state.works && !state.over);
        state.waiting.clear();
        state.over = true;
        (state.uploaded, state.given_up, state.trouble.take())
    }
}

impl State {
    /// After the first that does not succeed, nothing more is tried.
    fn give_up(&mut self, error: Error) {
        self.given_up += self.waiting.len();
        self.waiting.clear();
        self.over = true;
        self.trouble.get_or_insert(error);
    }
}

impl Upload {
    /// Contents first, the result last: whoever finds it finds them.
    fn upload(&self, remote: &Remote) -> Result<()> {
        let inner = &remote.0;
        let Some(signer) = &inner.means.signer else { return Ok(()) };
        let mut digests: Vec<Digest> = self.entry.blobs().collect();
        digests.sort_unstable();
        digests.dedup();
        let mut blobs = Vec::with_capacity(digests.len());
        for digest in digests {
            blobs.push(self.upload_blob(remote, digest)?);
        }
        let statement = signer.sign(&self.key, &self.entry, &blobs);
        put(remote, &server::result_path(&self.key), &statement)
    }

    fn upload_blob(&self, remote: &Remote, digest: Digest) -> Result<Blob> {
        let bytes = self.store.bytes(&digest)?;
        let blob = Blob { digest, name: Name::of(&bytes), size: bytes.len() as u64 };
        if blob.size > server::BLOB_MAX {
            return Err(Error::refused("a content is larger than what is uploaded"));
        }
        let path = server::blob_path(&blob.name);
        let is_distrusted = remote.0.distrusted().contains(&blob.name);
        if is_distrusted || !is_there(remote, &path, blob.size)? {
            put(remote, &path, &bytes)?;
        }
        Ok(blob)
    }
}

fn is_there(remote: &Remote, path: &str, size: u64) -> Result<bool> {
    let response = send(remote, &remote.0.request(Method::Head, path)?.timeout(server::PATIENCE))?;
    let length = response.header("content-length").and_then(|length| length.parse::<u64>().ok());
    match Meaning::of(response.status) {
        Meaning::There => Ok(length.is_none_or(|length| length == size)),
        Meaning::Absent => Ok(false),
        Meaning::Denied | Meaning::Trouble => Err(remote.0.unexpected(&response)),
    }
}

fn put(remote: &Remote, path: &str, bytes: &[u8]) -> Result<()> {
    let request = remote.0.request(Method::Put, path)?.header("content-type", "application/octet-stream");
    let response = send(remote, &request.timeout(server::patience(bytes.len() as u64)).body(bytes))?;
    match Meaning::of(response.status) {
        Meaning::There => Ok(()),
        Meaning::Absent | Meaning::Denied | Meaning::Trouble => Err(remote.0.unexpected(&response)),
    }
}

fn send(remote: &Remote, request: &Request<'_>) -> Result<Response> {
    if remote.0.is_left_out() {
        return Err(Error::missing("the server is left out"));
    }
    Ok(remote.0.means.client.send(request)?)
}
