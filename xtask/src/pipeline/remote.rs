//! Results that other machines have made: looked for after the store on disk, and given to the others by trusted jobs.
//!
//! Nothing here fails a task, and nothing makes one wait for long: what cannot be used is said, and the task runs.

use std::time::Duration;

use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::signed::{PublicKey, Signer};
use crate::core::graph::TaskId;
use crate::core::registry::credentials::Credentials;
use crate::core::secret::Secret;
use crate::core::text::count;
use crate::cx::Cx;
use crate::driver::cache::{Fetched, Means, Remote, Store, Tally};
use crate::error::{Error, Result};

/// How long a run waits at its end for what is being uploaded.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(5);

/// Whether a trusted job runs here, and its key.
const SIGNING_KEY: &str = "XTASK_CACHE_SIGNING_KEY";

/// The server of the repository, where `xtask.toml` names one that can be used.
pub(super) fn open(cx: &Cx) -> Option<Remote> {
    let settings = cx.config().cache.remote.as_ref()?;
    if cx.is_offline() && !settings.url.is_loopback() {
        cx.note("offline: the remote cache is not asked");
        return None;
    }
    let connected = authorization(cx).map(|authorization| Means {
        client: cx.http().clone(),
        url: settings.url.clone(),
        authorization,
        trusted: settings.public_keys.clone(),
        signer: settings.is_uploaded_to().then(|| signer(cx, &settings.public_keys)).flatten(),
    });
    match connected {
        Ok(means) => Some(Remote::new(means)),
        Err(error) => {
            cx.warn_of(&error, "the remote cache is not used");
            None
        }
    }
}

fn authorization(cx: &Cx) -> Result<Option<Secret>> {
    if let Some(token) = cx.environment().filled("XTASK_CACHE_TOKEN") {
        return Ok(Some(Secret::new(format!("Bearer {token}"))));
    }
    match (cx.environment().filled("XTASK_CACHE_USER"), cx.environment().filled("XTASK_CACHE_PASSWORD")) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some(Credentials::basic(user, &Secret::new(password)))),
        _ => Err(Error::missing("of `XTASK_CACHE_USER` and `XTASK_CACHE_PASSWORD` only one is set")),
    }
}

/// The key to sign with, where there is one and what it signs would be believed.
fn signer(cx: &Cx, trusted: &[PublicKey]) -> Option<Signer> {
    let text = cx.environment().filled(SIGNING_KEY)?;
    let hint = "nothing is uploaded; `cargo xtask cache key` makes a key";
    let Some(signer) = Signer::parse(text) else {
        cx.warn(format!("`{SIGNING_KEY}` is no private key of Ed25519 (base64 of PKCS #8)"), hint);
        return None;
    };
    if !trusted.contains(&signer.public()) {
        let public = signer.public();
        cx.warn(
            format!("the public key of `{SIGNING_KEY}`, `{public}`, is not in `public-keys` of xtask.toml"),
            hint,
        );
        return None;
    }
    Some(signer)
}

/// The result that another machine has made; then it is in the store, with everything it needs.
pub(super) fn fetch(
    cx: &Cx,
    remote: &Remote,
    task: &TaskId,
    store: &Store,
    key: &Digest,
) -> Option<Box<Entry>> {
    match remote.fetch(store, key) {
        Fetched::Nothing => None,
        Fetched::Entry(entry) => Some(entry),
        Fetched::Fault(error) => {
            cx.warn_of(&error, format!("`{task}` runs as if nothing were stored"));
            None
        }
        Fetched::LeftOut(error) => {
            cx.warn_of(&error, "the remote cache is left out for the rest of this run");
            None
        }
    }
}

/// Gives a result that was just stored to the other machines.
pub(super) fn offer(cx: &Cx, remote: &Remote, store: &Store, key: Digest, entry: Entry) {
    // Its files and its log were looked at before they were stored; this is for everything else that it says.
    if cx.mask().finds_in(&entry.encode(&key)) {
        cx.warn(format!("the result of `{}` holds a secret", entry.task), "it is not uploaded");
        return;
    }
    remote.offer(store, key, entry);
}

/// Waits for uploads and says what came of it.
pub(super) fn finish(cx: &Cx, remote: &Remote) {
    let patience = if cx.cancel().is_cancelled() { Duration::ZERO } else { UPLOAD_PATIENCE };
    let Tally { fetched, uploaded, given_up, trouble } = remote.finish(patience);
    if fetched + uploaded > 0 {
        let name = remote.name();
        cx.note(format!("remote cache `{name}`: {} fetched, {uploaded} uploaded", count(fetched, "result")));
    }
    let loss = format!("{} not uploaded: other machines run what made them", count(given_up, "result"));
    match trouble {
        Some(error) => cx.warn_of(&error, loss),
        None if given_up > 0 => cx.warn("the remote cache is too slow, or not there", loss),
        None => {}
    }
}
