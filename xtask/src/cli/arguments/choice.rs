//! Which tasks a command is about.

use clap::Args;

use crate::tasks::affected::{Asked, Scope};

/// Tasks by their names, and whether of these only what a change concerns.
#[derive(Debug, Args)]
pub(in crate::cli) struct Choice {
    /// Tasks, by name or by the first words of it: `test`, `lint.backend`
    #[arg(value_name = "TASK")]
    pub(in crate::cli) tasks: Vec<String>,
    /// Leave out what no change concerns: of the commits since the base, and of what is not committed
    #[arg(long)]
    affected: bool,
    /// The branch or commit since which changes count; without it, what GitHub says of its event, else the default branch
    #[arg(long, value_name = "REF", requires = "affected")]
    base: Option<String>,
}

impl Choice {
    /// What is asked for.
    pub(in crate::cli) fn asked(self) -> Asked {
        let scope = if self.affected { Scope::Affected { base: self.base } } else { Scope::Whole };
        Asked { tasks: self.tasks, scope }
    }
}
