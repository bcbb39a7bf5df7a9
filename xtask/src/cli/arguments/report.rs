//! The grammar of `report`.

use std::path::PathBuf;

use clap::Args;

use crate::tasks::report;

#[derive(Debug, Args)]
pub(in crate::cli) struct Report {
    /// Show it in the browser
    #[arg(long)]
    open: bool,
    /// Where the page goes; target/xtask/report.html where it is not given
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// The output folders of the parts of a run, which become one page and one verdict
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    merge: Vec<PathBuf>,
}

impl Report {
    /// What the task is asked for.
    pub(in crate::cli) fn options(self) -> report::Options {
        report::Options { merge: self.merge, out: self.out, open: self.open }
    }
}
