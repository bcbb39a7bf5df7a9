//! Which commits a release brings: those that the release which serves does not have.

use std::path::Path;

use crate::config::release::{EnvironmentConfig, Release};
use crate::core::command::Command;
use crate::core::text;
use crate::cx::Cx;
use crate::error::{ErrorKind, Result};

/// How many commits are named.
const COMMITS_MAX: usize = 50;

/// What is known about commits.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// The commit that is released.
    pub(super) commit: Option<String>,
    /// What it brings, newest first, in words.
    pub(super) since: Vec<String>,
    /// What a reader should know.
    pub(super) remarks: Vec<String>,
}

/// The commits up to `built`, or HEAD, that none of the commits that serve has. That they cannot be told is a remark and no
/// error: nothing depends on them.
pub(super) fn since(
    cx: &Cx,
    release: &Release,
    environment: &EnvironmentConfig,
    built: Option<&str>,
    serving: Option<&[String]>,
) -> Result<Commits> {
    let mut commits = Commits::default();
    let head = match git(cx, &["rev-parse", "--verify", "HEAD"])? {
        Ok(head) => head,
        Err(reason) => {
            commits.remarks.push(format!("the commits are not known: {reason}"));
            return Ok(commits);
        }
    };
    let end = match built.filter(|built| **built != *head) {
        Some(built) if !is_commit(built) => {
            commits.remarks.push("the record of images names a commit that is none".to_owned());
            head
        }
        Some(built) => {
            let (built_short, head_short) = (short(built), short(&head));
            commits
                .remarks
                .push(format!("the images were built from {built_short}, and HEAD is {head_short}"));
            built.to_owned()
        }
        None => {
            if git(cx, &["status", "--porcelain", "--untracked-files=no"])?.is_ok_and(|said| !said.is_empty())
            {
                commits.remarks.push(format!("files have changed since {}, the last commit", short(&head)));
            }
            head
        }
    };
    commits.commit = Some(end.clone());
    let Some(serving) = serving else { return Ok(commits) };
    if serving.is_empty() || !serving.iter().all(|commit| is_commit(commit)) {
        commits
            .remarks
            .push("the commits since are not known: the cluster does not say which one serves".to_owned());
        return Ok(commits);
    }
    let mut range = vec![end];
    range.extend(serving.iter().map(|commit| format!("^{commit}")));
    let limit = format!("--max-count={}", COMMITS_MAX + 1);
    let mut arguments = vec!["log", &limit, "--format=%H %h %s"];
    arguments.extend(range.iter().map(String::as_str));
    let Ok(said) = git(cx, &arguments)? else {
        let serving: Vec<&str> = serving.iter().map(|commit| short(commit)).collect();
        commits.remarks.push(format!(
            "the commits since are not known: {} is not in this repository, or it is a shallow clone",
            serving.join(", ")
        ));
        return Ok(commits);
    };
    let mut touched = Vec::new();
    for (name, paths) in folders(cx, release, environment) {
        let mut arguments = vec!["log", "--format=%H"];
        arguments.extend(range.iter().map(String::as_str));
        arguments.push("--");
        arguments.extend(paths.iter().filter_map(|path| path.to_str()));
        touched.push((name, git(cx, &arguments)?.unwrap_or_default()));
    }
    for line in said.lines().take(COMMITS_MAX) {
        let (hash, words) = line.split_once(' ').unwrap_or((line, line));
        let names: Vec<&str> = touched
            .iter()
            .filter(|(_, hashes)| hashes.lines().any(|other| other == hash))
            .map(|(name, _)| *name)
            .collect();
        let where_to =
            if names.is_empty() { "nothing that is released".to_owned() } else { names.join(", ") };
        commits.since.push(format!("{} ({where_to})", text::one_line(words)));
    }
    if said.lines().count() > COMMITS_MAX {
        commits
            .remarks
            .push(format!("there are more than {COMMITS_MAX} commits since; the newest are named"));
    }
    Ok(commits)
}

/// The folders of the components, and the files of the manifests.
fn folders<'c>(
    cx: &'c Cx,
    release: &'c Release,
    environment: &'c EnvironmentConfig,
) -> Vec<(&'c str, Vec<&'c Path>)> {
    let components = release.components.iter().filter_map(|component| {
        let built = cx.config().component(&component.name.0)?;
        Some((&*component.name.0, vec![built.path.as_path()]))
    });
    let manifests =
        environment.manifests.iter().chain(&environment.overlays).map(|path| path.value.as_path());
    components.chain([("manifests", manifests.collect())]).collect()
}

/// Whether a text is the full name of a commit, and nothing that git could take for something else.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// What git says, or why it says nothing.
fn git(cx: &Cx, arguments: &[&str]) -> Result<Result<String, String>> {
    let command = Command::new("git").args(["--no-pager", "--literal-pathspecs"]).args(arguments);
    match cx.output(command) {
        Ok(output) if output.success() => Ok(Ok(output.stdout.trim_end().to_owned())),
        Ok(output) => {
            let said = output.stderr.lines().next().unwrap_or("git failed");
            Ok(Err(text::one_line(said.strip_prefix("fatal: ").unwrap_or(said)).into_owned()))
        }
        Err(error) if error.kind() == ErrorKind::Missing => Ok(Err(error.message().to_owned())),
        Err(error) => Err(error),
    }
}
