//! The cache: what is on disk, which is a crate of its own that is optimized in every profile; and results on a server.

mod key;
mod remote;
mod uploads;

pub use key::make_key;
pub use remote::{Fetched, Means, Remote, Tally};
pub use xtask_driver::cache::{
    Claim, Clock, Eye, Found, Pruned, Seen, Sight, Stats, Store, Verified, clean, place, restore,
};
