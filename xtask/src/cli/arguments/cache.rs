//! The grammar of `cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config;

/// What is asked of the store of results.
#[derive(Debug, Args)]
pub(in crate::cli) struct Cache {
    #[command(subcommand)]
    pub(in crate::cli) verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CacheVerb {
    /// Say how much is stored, and of which tasks
    Stats,
    /// Throw away what was not used for longest
    Prune(Prune),
    /// Read everything, and throw away what is damaged
    Verify,
    /// Make the key with which trusted jobs sign what they upload
    Key(Key),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Prune {
    /// How much may be left, such as 500MB; `[cache] size-max` of xtask.toml where it is not given
    #[arg(long, value_name = "SIZE", value_parser = config::size)]
    pub(in crate::cli) max_size: Option<u64>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Key {
    /// The file that the private key is written to, outside of every repository; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
}
