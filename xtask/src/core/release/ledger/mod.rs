//! The ledger: what is written down of the releases of an environment.
//!
//! Its [`Head`] is one small object: which release serves and in which slots, how far the release under way has come
//! ([`Journal`]), and one [`Entry`] for each release ([`History`]). Entries are only ever appended. What was said of a release
//! when it began ([`Account`]) never changes; its [`State`] changes only as [`State::may_become`] allows.

mod entry;
mod head;
mod history;
mod line;

pub use entry::{Account, Content, Entry, State};
pub use head::{Head, Journal, Phase};
pub use history::History;
pub use line::Line;
