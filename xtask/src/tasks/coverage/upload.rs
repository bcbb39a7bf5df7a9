//! Coverage for Codecov. Whether it arrives there fails nothing: what counts has been judged here.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::lcov;
use crate::config::Component;
use crate::config::coverage::Service;
use crate::core::command::Command;
use crate::core::github;
use crate::cx::Cx;
use crate::error::{ErrorKind, Result};
use crate::tasks::tool;

/// The program that uploads (docs.codecov.com/docs/the-codecov-cli).
const PROGRAM: &str = "codecovcli";

/// The secret that it needs; given to it alone, in its environment.
const TOKEN: &str = "CODECOV_TOKEN";

/// Where it finds which commit of which repository this is; none is a secret. Build servers other than GitHub say so in theirs.
const ABOUT: &[&str] = &[
    "GITHUB_ACTIONS",
    "GITHUB_BASE_REF",
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "GITHUB_HEAD_REF",
    "GITHUB_JOB",
    "GITHUB_REF",
    "GITHUB_REF_NAME",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ID",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_WORKFLOW",
    "GITLAB_CI",
    "CI_BUILD_REF",
    "CI_COMMIT_*",
    "CI_EXTERNAL_PULL_REQUEST_*",
    "CI_JOB_ID",
    "CI_MERGE_REQUEST_*",
    "CI_PROJECT_*",
    "BUILDKITE",
    "BUILDKITE_BRANCH",
    "BUILDKITE_BUILD_*",
    "BUILDKITE_COMMIT",
    "BUILDKITE_JOB_ID",
    "BUILDKITE_ORGANIZATION_SLUG",
    "BUILDKITE_PIPELINE_SLUG",
    "BUILDKITE_PULL_REQUEST",
];

/// How long it may take; it tries again by itself.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Sends the tracefile of the component, where `[coverage]` says so and this is a job of a build server. What keeps it from
/// arriving is said.
///
/// # Errors
///
/// Where the run was asked to end.
pub(super) fn upload(cx: &Cx, component: &Component) -> Result<()> {
    let environment = cx.environment();
    let Some(Service::Codecov) = cx.config().coverage.upload else { return Ok(()) };
    if environment.filled("CI").is_none() && environment.filled("GITHUB_ACTIONS").is_none() {
        return Ok(());
    }
    let name = &component.name;
    let missing = |why: String, hint: &str| {
        cx.warn(format!("the coverage of `{name}` is not sent to Codecov: {why}"), hint);
        Ok(())
    };
    let token = environment.filled(TOKEN);
    let fork = if token.is_none() { fork(cx) } else { None };
    if token.is_none() && fork.is_none() {
        return missing(
            format!("`{TOKEN}` is not in the environment"),
            "make it a secret of the repository, and give it to this step",
        );
    }
    if cx.is_offline() {
        return missing("nothing is asked of the network".to_owned(), "run it without `--offline`");
    }
    let Some(program) = tool::of_repository(cx, PROGRAM) else {
        return missing(
            format!("`{PROGRAM}` is not here"),
            "`codecov-cli` of PyPI brings it: put it on PATH, or among `[tools]`",
        );
    };
    let who = token.map_or_else(|| Who::Fork(fork.unwrap_or_default()), |token| Who::Owner(token.to_owned()));
    match cx.run(command(cx, &program, name, &lcov(cx, component), &who)) {
        Ok(()) => {
            cx.note(format!("the coverage of `{name}` is at Codecov, as flag `{name}`"));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => {
            missing(error.in_words(), "the log of this task says more; nothing fails because of it")
        }
    }
}

/// In whose name something is sent.
enum Who {
    /// The repository's own, by its token.
    Owner(String),
    /// That of a branch of a fork, `owner:branch`, without a token.
    Fork(String),
}

fn command(cx: &Cx, program: &Path, name: &str, file: &Path, who: &Who) -> Command {
    let environment = cx.environment();
    let address = cx
        .config()
        .coverage
        .url
        .as_ref()
        .map(|url| ["--enterprise-url".to_owned(), url.to_string().trim_end_matches('/').to_owned()]);
    let services = [("GITHUB_ACTIONS", "github"), ("GITLAB_CI", "gitlab")];
    let service = services.iter().find(|(variable, _)| environment.filled(variable).is_some());
    // Plugins would look for other files, and for other tools to run. What is wrong it says by its exit code only if it is asked to.
    let mut command = Command::new(program)
        .arg("--disable-telem")
        .args(address.into_iter().flatten())
        .args(["upload-process", "--disable-search", "--plugin", "noop", "--fail-on-error"])
        .args(service.into_iter().flat_map(|(_, service)| ["--git-service", service]))
        .args(["--flag", name, "--name", name, "--file"])
        .arg(file)
        .timeout(TIMEOUT);
    for (name, value) in environment.named(ABOUT) {
        command = command.env(name, value);
    }
    match who {
        Who::Owner(token) => command.env(TOKEN, token),
        // A branch with its owner is one that Codecov protects by no token (docs.codecov.com/docs/codecov-tokens).
        Who::Fork(branch) => command.arg(format!("--branch={branch}")),
    }
}

/// The branch of the fork whose pull request this is, `owner:branch`.
fn fork(cx: &Cx) -> Option<String> {
    let path = cx.environment().filled("GITHUB_EVENT_PATH")?;
    let event: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    github::fork(&event)?;
    event.pointer("/pull_request/head/label").and_then(Value::as_str).map(str::to_owned)
}
