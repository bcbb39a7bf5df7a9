//! Builds an image, judges it, and pushes it.

use std::path::Path;

use super::engines;
use super::prepare::Prepared;
use super::{Options, policy, remote, smoke};
use crate::core::command::Command;
use crate::core::image::build::{self as plan, Build};
use crate::core::image::engine::Engine;
use crate::core::image::labels;
use crate::core::registry::Digest;
use crate::core::release::images::Built;
use crate::cx::{Cx, Scratch, files};
use crate::error::{Context as _, Error, Result};

/// What was built, and where it is.
pub(super) struct Output {
    /// The image as an archive.
    pub(super) archive: std::path::PathBuf,
    /// Who built it.
    pub(super) build: Build,
    /// Goes with the archive.
    pub(super) scratch: Scratch,
}

/// Builds the image; what it is made from is not in any registry.
pub(super) fn build(cx: &Cx, prepared: &Prepared, options: &Options) -> Result<Option<Built>> {
    let engine = engines::choose(cx, prepared, options)?;
    let scratch = cx.scratch()?;
    let build = plan(cx, prepared, options, engine, &scratch)?;
    let archive = scratch.file("image.tar");
    cx.step("build", |cx| {
        engines::run(cx, build.build(&archive, &scratch.file("metadata.json")))
            .context(|| format!("the image of `{}` could not be built", prepared.component.name))
    })?;
    let output = Output { archive, build, scratch };
    let seen = cx.step("policy", |cx| policy::check(cx, prepared, &output))?;
    if options.smoke
        && let Some(settings) = &prepared.image.smoke
    {
        cx.step("smoke", |cx| smoke::run(cx, prepared, settings, &output, &seen))?;
    }
    if options.load {
        cx.step("load", |cx| load(cx, prepared, &output))?;
    }
    if !options.push {
        cx.note("built and not pushed: an image has a digest only in a registry, so there is nothing to release yet");
        return Ok(None);
    }
    let digest = cx.step("push", |cx| push(cx, prepared, &output))?;
    cx.note(format!("`{}@{digest}`", prepared.repository));
    remote::complete(cx, prepared, &digest, &output, &seen).map(Some)
}

/// The build as a value. What it needs beside the repository is written to `scratch`.
fn plan(cx: &Cx, prepared: &Prepared, options: &Options, engine: Engine, scratch: &Scratch) -> Result<Build> {
    let settings = &cx.config().image;
    let has = |name: &str| cx.environment().get(name).is_some_and(|value| !value.is_empty());
    let (cache, remark) = plan::cache(
        settings.cache,
        engine,
        &prepared.repository,
        &prepared.component.name,
        has("GITHUB_ACTIONS"),
        has("ACTIONS_RUNTIME_TOKEN"),
    );
    if let Some(remark) = remark {
        cx.warn(remark, "a step of an action has to hand it over; `cache = \"registry\"` does without");
    }
    let given = cx.environment().filled("XTASK_CA_BUNDLE").map(Path::new);
    let ca_bundle = given.or(settings.ca_bundle.as_deref()).map(|path| cx.root().join(path));
    if let Some(path) = ca_bundle.as_ref().filter(|path| !path.is_file()) {
        return Err(Error::missing(format!("the certificates `{}` are not there", path.display()))
            .hint("`XTASK_CA_BUNDLE`, or `ca-bundle` in `[image]` of xtask.toml, names the file"));
    }
    let (dockerfile, labels) = match engine {
        Engine::Buildah | Engine::Podman => {
            let (text, left) = labels::behind(prepared.dockerfile.text(), &prepared.labels);
            let path = scratch.file("Containerfile");
            files::write(&path, text.as_bytes())?;
            (path, left)
        }
        Engine::Buildx | Engine::Docker => (prepared.dockerfile_path.clone(), prepared.labels.clone()),
    };
    Ok(Build {
        engine,
        dockerfile,
        context: prepared.component.path.clone(),
        local: prepared.by_fingerprint(),
        arguments: prepared.arguments.clone(),
        labels,
        platform: options.platform.clone(),
        ca_bundle,
        cache,
        bases: prepared.bases.clone(),
    })
}

/// Pushes the image under both of its names, and returns what the registry calls it.
fn push(cx: &Cx, prepared: &Prepared, output: &Output) -> Result<Digest> {
    let reference = prepared.reference();
    let file = output.scratch.file("digest");
    let context = || format!("`{reference}` could not be pushed");
    engines::run(cx, output.build.push(&reference, &file)).context(context)?;
    let digest = match output.build.engine {
        Engine::Buildah | Engine::Podman => engines::written(&file)?,
        Engine::Buildx => {
            let metadata: serde_json::Value =
                serde_json::from_str(&engines::written(&file)?).map_err(|error| {
                    Error::problems("what buildx says about the image cannot be read").source(error)
                })?;
            metadata
                .get("containerimage.digest")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned()
        }
        Engine::Docker => {
            let names = cx.read(engines::with_variables(cx, Build::pushed_by_docker(&reference)))?;
            let start = format!("{}@", prepared.repository);
            names.lines().find_map(|name| name.strip_prefix(start.as_str())).unwrap_or_default().to_owned()
        }
    };
    if digest.parse::<Digest>().is_err() {
        let message = format!("the engine does not say which digest `{reference}` has");
        return Err(Error::problems(message).cause(format!("it says `{digest}`")));
    }
    Ok(digest.parse()?)
}

/// Keeps the image under its name for people where containers are started from.
fn load(cx: &Cx, prepared: &Prepared, output: &Output) -> Result<()> {
    let program = output.build.engine.program();
    let load = Command::new(program).args(["load", "--quiet", "--input"]).arg(&output.archive);
    let tag = Command::new(program).args(["tag", &prepared.by_fingerprint(), &prepared.reference()]);
    let commands = if output.build.engine == Engine::Buildx { vec![load, tag] } else { vec![tag] };
    engines::run(cx, commands)?;
    cx.note(format!("{program} has it as `{}`", prepared.reference()));
    Ok(())
}
