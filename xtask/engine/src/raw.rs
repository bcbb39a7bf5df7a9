//! Paths in JSON: as text where they are UTF-8, else as their bytes. Two names never become one.
//!
//! For `#[serde(serialize_with = "raw::serialize")]`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::{Serialize as _, Serializer};

/// Writes a path.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let name: &OsStr = path.as_os_str();
    match name.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => name.as_bytes().serialize(serializer),
    }
}
