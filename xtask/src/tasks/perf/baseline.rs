//! What the candidate is compared with: a commit's files in a worktree of their own, or images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::server;
use super::side::{Source, Started, set_up};
use super::{Baseline, Options};
use crate::config::perf::{PerfServer, PerfSettings};
use crate::config::{ComponentKind, Config};
use crate::core::command::Command;
use crate::core::perf::machine::{Machine, Subject};
use crate::core::registry::Reference;
use crate::cx::{Cx, files};
use crate::error::{Context as _, Error, Result};
use crate::tasks::image::bases::ask_registry;
use crate::tasks::{affected, git};

/// How many digits of a commit are shown, and name its folder.
const DIGITS: usize = 12;

/// Makes the baseline ready to be started; or says why there is none.
pub(super) fn prepare(
    cx: &Cx,
    settings: &PerfSettings,
    options: &Options,
    candidate: &Started,
    machine: &Machine,
) -> Result<std::result::Result<Started, String>> {
    let (name, commit) = match &options.baseline {
        Baseline::Nothing => return Ok(Err("nothing to compare with was asked for".to_owned())),
        Baseline::Base => match base(cx)? {
            Ok(commit) => (format!("the base {}", short(&commit)), commit),
            Err(reason) => return Ok(Err(reason)),
        },
        Baseline::Named(name) => match git::commit(cx, name)? {
            Some(commit) => (format!("`{name}` ({})", short(&commit)), commit),
            None => return of_image(name, settings, candidate, machine),
        },
    };
    let subject = |runner: &str, images: Vec<String>| Subject {
        name: name.clone(),
        runner: runner.to_owned(),
        images,
        commit: Some(commit.clone()),
        machine: machine.clone(),
    };
    match &candidate.source {
        Source::Files(_) => {
            let root = worktree(cx, &commit)?;
            for server in &settings.servers {
                equip(cx, &root, server)?;
                server::build(cx, &root, server)?;
            }
            Ok(Ok(Started { subject: subject("local", Vec::new()), source: Source::Files(root) }))
        }
        Source::Images(engine, images) => {
            let images = match tagged(cx, images, &commit)? {
                Ok(images) => images,
                Err(reason) => return Ok(Err(reason)),
            };
            let subject = subject(&candidate.subject.runner, images.values().cloned().collect());
            Ok(Ok(Started { subject, source: Source::Images(*engine, images) }))
        }
    }
}

/// The images that were built of a commit, in the place of these, by their digests: a tag could move while they are measured. Or
/// why they are nothing to compare with: of a commit whose tests have failed, nobody has built any.
fn tagged(
    cx: &Cx,
    images: &BTreeMap<String, String>,
    commit: &str,
) -> Result<std::result::Result<BTreeMap<String, String>, String>> {
    let mut found = BTreeMap::new();
    for (server, image) in images {
        let image: Reference = image.parse()?;
        let untagged: Reference = image.name().parse()?;
        let wanted = untagged.with_tag(commit)?;
        match ask_registry(cx, &wanted.to_string())? {
            Ok(digest) => found.insert(server.clone(), untagged.with_digest(&digest).to_string()),
            Err(why) => return Ok(Err(format!("`{wanted}`: {why}"))),
        };
    }
    Ok(Ok(found))
}

/// Where the history left the branch that changes are for; or why that is nothing to compare with.
fn base(cx: &Cx) -> Result<std::result::Result<String, String>> {
    let commit = match affected::base(cx)? {
        Ok(commit) => commit,
        Err((reason, hint)) => {
            cx.warn(format!("there is no baseline: {reason}"), hint.replace("--base", "--baseline"));
            return Ok(Err(reason));
        }
    };
    let is_clean = git::ask(cx, &["status", "--porcelain"])?.is_some_and(|changed| changed.is_empty());
    if is_clean && git::head(cx)?.as_deref() == Some(&*commit) {
        return Ok(Err(format!("nothing has changed since the base {}", short(&commit))));
    }
    Ok(Ok(commit))
}

/// An image that was named, in the place of the candidate's image of the same name.
fn of_image(
    name: &str,
    settings: &PerfSettings,
    candidate: &Started,
    machine: &Machine,
) -> Result<std::result::Result<Started, String>> {
    let unknown = || {
        Error::usage(format!("`{name}` is no commit that git knows, and no image"))
            .hint("an image is `registry/name:tag` or `registry/name@sha256:…`; `git fetch` brings commits")
    };
    let image: Reference = name.parse().map_err(|_| unknown())?;
    if image.tag().is_none() && image.digest().is_none() {
        return Err(unknown());
    }
    let Source::Images(engine, images) = &candidate.source else {
        return Ok(Err("the baseline is an image, and the candidate runs from files".to_owned()));
    };
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let is_alike = |other: &str| {
        other.parse::<Reference>().is_ok_and(|other| last(&other.name()) == last(&image.name()))
    };
    let mut mixed = images.clone();
    let place = match settings.servers.as_slice() {
        [only] => Some(only.name.clone()),
        _ => images.iter().find(|(_, other)| is_alike(other)).map(|(name, _)| name.clone()),
    };
    let Some(place) = place else {
        return Ok(Err(format!("no server runs from an image that is called as `{name}`")));
    };
    mixed.insert(place, name.to_owned());
    let subject = Subject {
        name: format!("`{name}`"),
        runner: candidate.subject.runner.clone(),
        images: mixed.values().cloned().collect(),
        commit: None,
        machine: machine.clone(),
    };
    Ok(Ok(Started { subject, source: Source::Images(*engine, mixed) }))
}

/// The files of a commit, in a folder that stays for the next time. Those of other commits are taken away.
fn worktree(cx: &Cx, commit: &str) -> Result<PathBuf> {
    let folder = cx.tools_folder().join("perf");
    let root = folder.join(short(commit));
    let _lock = cx.lock("perf", "makes the baseline of a load test")?;
    for other in files::names(&folder)?.into_iter().filter(|other| *other != short(commit)) {
        files::remove(&folder.join(other))?;
    }
    let is_there = root.join(".git").exists() && {
        let head = cx.output(Command::new("git").args(["rev-parse", "HEAD"]).cwd(&root))?;
        head.stdout.trim() == commit
    };
    if !is_there {
        files::remove(&root)?;
        // What was taken away by hand is still registered.
        cx.run(Command::new("git").args(["worktree", "prune"]))?;
        let add = Command::new("git").args(["worktree", "add", "--detach", "--force"]).arg(&root).arg(commit);
        cx.read(add.env("LC_ALL", "C"))?;
    }
    Ok(root)
}

/// Gives a server of the baseline what it needs: that of this checkout where it has the same lock files, else its own.
fn equip(cx: &Cx, root: &Path, server: &PerfServer) -> Result<()> {
    let component = server::component_of(cx, server)?;
    let (made, locks): (&str, Vec<PathBuf>) = match &component.kind {
        ComponentKind::Python(python) => (".venv", python.requirements.clone()),
        ComponentKind::Node(_) => ("node_modules", vec!["package-lock.json".into()]),
        ComponentKind::Rust(_) => return Ok(()),
    };
    let (here, there) = (cx.root().join(&component.path), root.join(&component.path));
    let text = |folder: &Path, lock: &PathBuf| std::fs::read(folder.join(lock)).ok();
    let is_same =
        locks.iter().all(|lock| text(&here, lock).is_some() && text(&here, lock) == text(&there, lock));
    let link = there.join(made);
    if is_same {
        set_up(cx, &server.name)?;
        if link.read_link().ok().as_deref() != Some(here.join(made).as_path()) {
            files::remove(&link)?;
            let linked = std::os::unix::fs::symlink(here.join(made), &link);
            linked.context(|| format!("could not link `{}`", link.display()))?;
        }
        return Ok(());
    }
    if link.is_symlink() {
        files::remove(&link)?;
    }
    cx.note(format!("the baseline has other lock files: `{}` is set up for it", server.name));
    let file = files::read(&root.join(Config::FILE))?;
    let config = Config::parse(Path::new(Config::FILE), &file)?;
    let builder = Cx::builder(root).config(config).environment(cx.environment().clone());
    set_up(&builder.cancel(cx.cancel().clone()).build(), &server.name)
}

fn short(commit: &str) -> &str {
    commit.get(..DIGITS).unwrap_or(commit)
}
