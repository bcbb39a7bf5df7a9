//! The grammar of `cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is asked of the cache.
#[derive(Debug, Args)]
pub(in crate::cli) struct Cache {
    #[command(subcommand)]
    pub(in crate::cli) verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CacheVerb {
    /// Make the key with which trusted jobs sign what they upload
    Key(Key),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Key {
    /// The file that the private key is written to, outside of every repository; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
}
