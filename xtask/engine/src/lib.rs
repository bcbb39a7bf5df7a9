//! What every run goes through, whatever has changed: which tasks there are and in which order they run, what their results
//! depend on, and which of that is known already. A part of the pure room, by the same rules: no input or output, no clock.
//!
//! The cache's only question is whether a key was seen before. A key is a digest over parts that are length-prefixed, ordered
//! and named by what they are, so that two different sets of parts never read as the same bytes: not two arguments that were
//! swapped, not a file that took another's name, not a variable that is empty instead of absent. A key also holds the version
//! of this form ([`FORMAT`]): when what a part means changes, nothing that was stored before is found any more.

pub mod codec;
pub mod command;
pub mod contents;
pub mod digest;
pub mod explain;
pub mod footprint;
pub mod graph;
pub mod index;
pub mod key;
pub mod manifest;
pub mod pattern;
pub mod patterns;
pub mod raw;
pub mod reach;
pub mod schedule;
pub mod sets;
pub mod sight;
pub mod stat;
pub mod suggest;
mod table;
pub mod walk;

pub use codec::FORMAT;
pub use digest::Digest;
pub use key::{Declared, Fingerprint, Part, Subject, Value};
pub use manifest::{Content, Manifest};

#[cfg(test)]
mod tests;
