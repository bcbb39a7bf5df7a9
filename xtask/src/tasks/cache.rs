//! The cache, for whoever looks after it.

pub mod key;
