//! `[cache]`.

use crate::config::decode::{Table, Value};
use crate::config::values::{list, parsed, size, word};
use crate::config::{CacheSettings, RemoteSettings, Upload};
use crate::core::fingerprint::signed::PublicKey;
use crate::core::http::Url;
use crate::core::http::url::Scheme;

/// Who may upload, in words.
const UPLOADS: &[(&str, Upload)] = &[("trusted", Upload::Trusted), ("never", Upload::Never)];

pub(super) fn cache(table: &mut Table<'_, '_>) -> CacheSettings {
    let size_max = table.optional("size-max", size);
    CacheSettings { size_max: size_max.unwrap_or(CacheSettings::default().size_max), remote: remote(table) }
}

/// The address of a server; that of a test may be of this machine, in the clear.
pub(super) fn url(value: &Value<'_, '_>) -> Option<Url> {
    parsed("an address such as \"https://cache.example.com/xtask\"", address)(value)
}

fn remote(table: &mut Table<'_, '_>) -> Option<RemoteSettings> {
    let Some(url) = table.optional("url", |value| Some(url(value))) else {
        for key in ["public-keys", "upload"] {
            table.optional(key, |value| value.wrong::<()>("needs `url`, which says where the server is", ""));
        }
        return None;
    };
    let public_keys = table.required("public-keys", keys);
    let upload = table.optional("upload", word(UPLOADS)).unwrap_or_default();
    Some(RemoteSettings { url: url?, public_keys: public_keys?, upload })
}

fn address(text: &str) -> Result<Url, String> {
    let url: Url = text.parse()?;
    if url.scheme() == Scheme::Http && !url.is_loopback() {
        return Err("in the clear only this machine is spoken to: use `https://`".to_owned());
    }
    if url.target().contains('?') {
        return Err("has a query".to_owned());
    }
    Ok(url)
}

fn keys(value: &Value<'_, '_>) -> Option<Vec<PublicKey>> {
    let keys = list(key)(value)?;
    if value.list()?.is_empty() {
        return value.wrong("must not be empty", "nothing that the server has would be believed");
    }
    Some(keys)
}

fn key(value: &Value<'_, '_>) -> Option<PublicKey> {
    parsed("an Ed25519 public key: the base64 of its 32 bytes", PublicKey::parse)(value)
}
