//! The grammar of `update`.

use clap::Args;

use crate::tasks::update::Options;

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    /// Components, or `tools` for those of the repository; all where none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Say what would move, and write nothing
    #[arg(long, visible_alias = "check")]
    dry_run: bool,
}

impl Update {
    /// What is to be updated.
    pub(in crate::cli) fn options(self) -> Options {
        Options { names: self.names, dry_run: self.dry_run }
    }
}
