//! The ledger: what is written down of the releases of an environment.
//!
//! Its [`Head`] is one small object: which release serves and in which slots, how far the release under way has come
//! ([`Journal`]), and one [`Entry`] for each release ([`History`]). Entries are only ever appended. What was said of a release
//! when it began ([`Account`]) never changes; its [`State`] changes only as [`State::may_become`] allows.

mod entry;
mod format;
mod head;
mod history;
mod line;
mod pause;
mod payload;
mod prune;
pub mod repair;
mod rollback;

pub use entry::{Account, Entry, Piece, State};
pub use format::{ENTRIES_MAX, ENTRY_BYTES, Unreadable, Unwritable, decode, encode, name};
pub use head::{Consent, Head, Journal, Live, Phase, Wish};
pub use history::History;
pub use line::Line;
pub use pause::{Pause, Unheard};
pub use payload::{COMPRESSED_MAX, Payload, PayloadName, Unstorable};
pub use prune::TARGETS;
pub use rollback::{NoTarget, Reason, Skipped, Target, Wanted, target};
