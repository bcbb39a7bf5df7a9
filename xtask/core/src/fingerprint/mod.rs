//! What a result depends on and the key that follows from it, what is stored under a key, and how two results differ.
//!
//! Keys, files, patterns and the index are a crate of their own, which is optimized in every profile.

pub use xtask_engine::{
    Content, Declared, Digest, FORMAT, Fingerprint, Manifest, Part, Subject, Value, codec, contents, explain,
    index, key, manifest, pattern, patterns, reach, sets, sight, stat, walk,
};

pub mod entry;
pub mod server;
pub mod signed;

#[cfg(test)]
mod tests;
