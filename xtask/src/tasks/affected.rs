//! The tasks that a change concerns, by what git says has changed.
//!
//! Where git cannot say it, all tasks are concerned, and why is said: nothing is left out in silence.

use std::path::Path;

use super::git;
use crate::config::Config;
use crate::core::affected::{self, Changed, Since};
use crate::core::graph::{Graph, TaskId};
use crate::core::text::count;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;

/// Which tasks somebody asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// These ids or leading words; all where there are none.
    pub tasks: Vec<String>,
    /// Which of them.
    pub scope: Scope,
}

/// How many of the tasks that are named are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// All of them.
    Whole,
    /// Those that are concerned by what has changed since the history left `base`; without it, by what GitHub says of its event,
    /// else since it left the default branch. What is not committed counts, and what git does not track and does not ignore.
    Affected {
        /// A branch or a commit.
        base: Option<String>,
    },
}

/// What selects tasks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selection {
    /// These ids or leading words; all where there are none.
    Tasks(Vec<String>),
    /// No task: none reads or makes what has changed.
    Nothing,
}

/// Files that decide what this program is, beside those of its own package.
const PROGRAM: &[&str] = &["Cargo.lock", "Cargo.toml", ".cargo", "rust-toolchain", "rust-toolchain.toml"];

/// How to get the history of a clone that was cut off.
const UNSHALLOW: &str =
    "fetch the whole history: `fetch-depth: 0` for actions/checkout, or `git fetch --unshallow`";

/// Why all tasks are concerned, and what to do about that.
struct Everything {
    reason: String,
    hint: String,
}

/// The part of the pipeline that is asked for, with what it waits for: a graph without tasks where none is concerned.
///
/// `apart` are places in the repository, relative to its root, where what git does not track is no change of it.
pub fn part(cx: &Cx, pipeline: &Pipeline, asked: &Asked, apart: &[String]) -> Result<Graph> {
    let Scope::Affected { base } = &asked.scope else {
        return pipeline.select(cx, &asked.tasks);
    };
    let all = |Everything { reason, hint }: Everything| {
        cx.warn(format!("all tasks are selected: {reason}"), hint);
        pipeline.select(cx, &asked.tasks)
    };
    let (commit, changed) = match changes(cx, base.as_deref(), apart)? {
        Ok(changes) => changes,
        Err(everything) => return all(everything),
    };
    if let Some(everything) = concerns_all(cx, &changed) {
        return all(everything);
    }
    let tasks = pipeline.concerned(cx, &asked.tasks, &changed)?;
    let files = count(changed.len(), "changed file");
    let commit = commit.get(..12).unwrap_or(&commit);
    cx.note(match tasks.len() {
        0 => format!("no task is concerned by {files} since {commit}"),
        concerned => format!("{} concerned by {files} since {commit}", count(concerned, "task")),
    });
    pipeline.part(cx, &tasks)
}

/// Of the tasks that `select` names, those that are concerned by what has changed.
pub fn among(cx: &Cx, pipeline: &Pipeline, select: &[String], changed: &[Changed]) -> Result<Selection> {
    if concerns_all(cx, changed).is_some() {
        return Ok(Selection::Tasks(select.to_vec()));
    }
    let tasks = pipeline.concerned(cx, select, changed)?;
    let tasks: Vec<String> = tasks.iter().map(TaskId::to_string).collect();
    Ok(if tasks.is_empty() { Selection::Nothing } else { Selection::Tasks(tasks) })
}

/// What concerns every task: the configuration, this program, and names that cannot be read.
fn concerns_all(cx: &Cx, changed: &[Changed]) -> Option<Everything> {
    // cargo says where the package of the program that it runs is (doc.rust-lang.org/cargo/reference/environment-variables.html).
    let package = cx.environment().get("CARGO_MANIFEST_DIR").map(Path::new);
    let package = package.and_then(|folder| folder.strip_prefix(cx.root()).ok()).and_then(Path::to_str);
    let program = package.into_iter().flat_map(|package| PROGRAM.iter().copied().chain([package]));
    let places: Vec<&str> = [Config::FILE].into_iter().chain(program).collect();
    changed.iter().find_map(|changed| {
        let is_whole = |place: &&str| place.is_empty() || changed.is_at(place);
        let reason = if !changed.is_legible() {
            "the name of a changed file cannot be read".to_owned()
        } else if places.iter().any(is_whole) {
            format!("`{}` has changed, which every task depends on", changed.path)
        } else {
            return None;
        };
        Some(Everything { reason, hint: "results that are stored are used again all the same".to_owned() })
    })
}

type Known<T> = std::result::Result<T, Everything>;

/// The commit since which things have changed, and what has.
fn changes(cx: &Cx, base: Option<&str>, apart: &[String]) -> Result<Known<(String, Vec<Changed>)>> {
    let commit = match base_commit(cx, base)? {
        Ok(commit) => commit,
        Err(everything) => return Ok(Err(everything)),
    };
    let diff = [
        "diff",
        "--raw",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--relative",
        "--ignore-submodules=none",
        &commit,
        "--",
    ];
    let diff = git::ask(cx, &diff)?.and_then(|text| affected::read_diff(&text));
    let untracked = git::ask(cx, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let (Some(mut changed), Some(untracked)) = (diff, untracked) else {
        return Ok(Err(Everything {
            reason: "git does not say what has changed".to_owned(),
            hint: "`git status` may say why".to_owned(),
        }));
    };
    let untracked = affected::read_untracked(&untracked).into_iter();
    changed.extend(untracked.filter(|one| !apart.iter().any(|place| one.is_at(place))));
    changed.sort_unstable();
    changed.dedup();
    Ok(Ok((commit, changed)))
}

/// The commit since which things have changed.
fn base_commit(cx: &Cx, base: Option<&str>) -> Result<Known<String>> {
    let since = match since(cx, base)? {
        Ok(since) => since,
        Err(everything) => return Ok(Err(everything)),
    };
    // One question where all is as it should be, which is nearly always; the others say what is not.
    if let Some(first) = since.first()
        && let Some(commit) = left(cx, first, "HEAD")?
    {
        return Ok(Ok(commit));
    }
    let Some(head) = git::head(cx)? else {
        return Ok(Err(Everything {
            reason: "git knows no commit here".to_owned(),
            hint: "`--affected` compares with a commit".to_owned(),
        }));
    };
    let unknown = |reason: String| -> Result<Known<String>> {
        let is_shallow = git::ask(cx, &["rev-parse", "--is-shallow-repository"])?.as_deref() != Some("false");
        let hint = if is_shallow { UNSHALLOW } else { "name another one with `--base`" };
        Ok(Err(Everything { reason, hint: hint.to_owned() }))
    };
    let mut commit = None;
    for name in &since {
        commit = git::commit(cx, name)?;
        if commit.is_some() {
            break;
        }
    }
    let name = since.first().map_or("", String::as_str);
    let Some(commit) = commit else {
        return unknown(format!("`{name}`, since which changes count, is not in this clone"));
    };
    let Some(commit) = left(cx, &commit, &head)? else {
        return unknown(format!("this clone does not hold where the history left `{name}`"));
    };
    Ok(Ok(commit))
}

/// Where the history of `head` left that of `name`.
fn left(cx: &Cx, name: &str, head: &str) -> Result<Option<String>> {
    let (name, head) = (git::as_commit(name), git::as_commit(head));
    git::ask(cx, &["merge-base", "--end-of-options", &name, &head])
}

/// Where the history left the branch that changes count since; or why that is not known, and what to do.
pub(super) fn base(cx: &Cx) -> Result<std::result::Result<String, (String, String)>> {
    Ok(base_commit(cx, None)?.map_err(|Everything { reason, hint }| (reason, hint)))
}

/// The text of a file in a commit; `None` where it is not there.
pub(super) fn text_at(cx: &Cx, commit: &str, path: &Path) -> Result<Option<String>> {
    git::ask(cx, &["show", "--no-textconv", &format!("{commit}:./{}", path.display())])
}

/// Names for the commit or the branch since which changes count; the first that git knows is meant.
fn since(cx: &Cx, base: Option<&str>) -> Result<Known<Vec<String>>> {
    if let Some(base) = base {
        return Ok(Ok(vec![base.to_owned()]));
    }
    let environment = cx.environment();
    if let (Some(name), Some(path)) =
        (environment.get("GITHUB_EVENT_NAME"), environment.get("GITHUB_EVENT_PATH"))
    {
        let event = files::read(Path::new(path))?;
        let event = serde_json::from_str(&event)
            .map_err(|error| Error::problems(format!("`{path}` is no event of GitHub")).source(error))?;
        return Ok(match affected::since(name, &event) {
            Since::Commit(commit) => Ok(vec![commit]),
            Since::Branch(branch) => Ok(vec![format!("refs/remotes/origin/{branch}")]),
            Since::Unknown(reason) => {
                Err(Everything { reason, hint: "name a commit or a branch with `--base`".to_owned() })
            }
        });
    }
    let names =
        ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/heads/main", "refs/heads/master"];
    Ok(Ok(names.map(str::to_owned).to_vec()))
}
