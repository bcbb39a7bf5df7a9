//! A job of GitHub Actions: who started it, and the files by which a step speaks to it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::core::github;
use crate::driver::environment::Environment;
use crate::error::{Context as _, Error, Result};
use crate::ui::github::random;

/// The job that this process is a step of.
pub(super) struct Job {
    summary: Option<PathBuf>,
    output: Option<PathBuf>,
    /// Which attempt it is, from 1.
    pub(super) attempt: u32,
    /// The fork that the pull request comes from.
    pub(super) fork: Option<String>,
}

impl Job {
    /// The job, where there is one.
    pub(super) fn of(environment: &Environment) -> Option<Self> {
        environment.get("GITHUB_ACTIONS").filter(|value| *value == "true")?;
        let path = |name: &str| environment.filled(name).map(PathBuf::from);
        let event = path("GITHUB_EVENT_PATH").and_then(|path| std::fs::read(path).ok());
        let event = event.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Some(Self {
            summary: path("GITHUB_STEP_SUMMARY"),
            output: path("GITHUB_OUTPUT"),
            attempt: environment.get("GITHUB_RUN_ATTEMPT").and_then(|text| text.parse().ok()).unwrap_or(1),
            fork: event.as_ref().and_then(github::fork),
        })
    }

    /// Whether somebody looks at the summary of this step.
    pub(super) const fn wants_summary(&self) -> bool {
        self.summary.is_some()
    }

    /// Adds to the summary of this step.
    pub(super) fn sum_up(&self, text: &str) -> Result<()> {
        self.summary.as_deref().map_or(Ok(()), |path| append(path, text))
    }

    /// Makes a value an output of this step.
    pub(super) fn output(&self, name: &str, value: &str) -> Result<()> {
        let Some(path) = &self.output else { return Ok(()) };
        let entry = github::output(name, value, &random())
            .ok_or_else(|| Error::bug(format!("`{name}` cannot be an output")))?;
        append(path, &entry)
    }
}

fn append(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    let mut file = OpenOptions::new().create(true).append(true).open(path).context(failed)?;
    file.write_all(text.as_bytes()).context(failed)
}
