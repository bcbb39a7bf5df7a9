//! Paths in JSON: as text where they are UTF-8, else as their bytes. Two names never become one.
//!
//! For `#[serde(with = "raw")]`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Bytes(Vec<u8>),
}

/// Writes a path.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let name: &OsStr = path.as_os_str();
    match name.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => name.as_bytes().serialize(serializer),
    }
}

/// Reads one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(match Name::deserialize(deserializer)? {
        Name::Text(text) => PathBuf::from(text),
        Name::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
    })
}
