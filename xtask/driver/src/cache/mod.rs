//! The cache on disk: looking at files, keeping results, putting them back.
//!
//! What is stored stands in one folder for all worktrees of a clone ([`place`]): bytes under their BLAKE3 digest, results
//! ([`Entry`](crate::core::fingerprint::entry::Entry)) under their key. Everything is written beside its place and renamed, the
//! entry after the bytes that it needs, and everything is checked when it is read: whatever a crash, a full disk or a bad
//! memory cell has made of it, it is believed only if its digest says so. Nothing in a working tree is ever a hard link into
//! the store: an editor that writes in place would change what was stored.

mod claim;
mod known;
mod look;
mod outputs;
mod place;
mod sight;
mod store;
mod unfinished;
mod upkeep;

pub use claim::Claim;
pub use look::{Clock, Eye, Seen};
pub use outputs::{clean, restore};
pub use place::place;
pub use sight::Sight;
pub(crate) use sight::stat;
pub use store::{Found, Store};
pub use upkeep::{Pruned, Stats, Verified};
