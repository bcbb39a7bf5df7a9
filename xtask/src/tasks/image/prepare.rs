//! Everything about a build that is known before it: names, bases, labels, the fingerprint.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Options, bases, context, git};
use crate::config::image::ComponentImage;
use crate::config::{Component, ComponentKind};
use crate::core::image::dockerfile::{Base, Dockerfile};
use crate::core::image::fingerprint::{Inputs, fingerprint};
use crate::core::image::labels::{self, Facts};
use crate::core::image::name::{self, Home};
use crate::core::suggest;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// A build that has not begun.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// The component.
    pub(super) component: Component,
    /// What xtask.toml says about its image.
    pub(super) image: ComponentImage,
    /// Its Dockerfile, and the path of it in the repository.
    pub(super) dockerfile: Dockerfile,
    pub(super) dockerfile_path: PathBuf,
    /// Build arguments; where a base was resolved, with its digest.
    pub(super) arguments: BTreeMap<String, String>,
    /// The bases by name, with digests where they are known.
    pub(super) bases: Vec<String>,
    /// Whether every base has a digest: only then does the fingerprint say all.
    pub(super) is_resolved: bool,
    /// The labels.
    pub(super) labels: BTreeMap<String, String>,
    /// What it is made from.
    pub(super) fingerprint: String,
    /// Its name without a tag; in `localhost` where it is to be in no registry.
    pub(super) repository: String,
    /// The tag for people.
    pub(super) tag: String,
}

impl Prepared {
    /// Its name by what it is made from: in the storage of an engine, and in a registry.
    pub(super) fn by_fingerprint(&self) -> String {
        format!("{}:{}", self.repository, name::fingerprint_tag(&self.fingerprint))
    }

    /// Its name by the commit, for people.
    pub(super) fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// Finds out everything about the build of a component.
pub(super) fn prepare(cx: &Cx, component: &Component, options: &Options) -> Result<Prepared> {
    let Some(image) = component.image.clone() else {
        return Err(Error::usage(format!("no image is built from `{}`", component.name))
            .hint(format!("`[components.{}.image]` in xtask.toml says how", component.name)));
    };
    let dockerfile_path = component.path.join(&image.dockerfile);
    let dockerfile = read(cx, &dockerfile_path)?;
    let mut arguments = arguments(&image, &dockerfile, options);
    let found = dockerfile.bases(&arguments).map_err(|problems| unreadable(&dockerfile, problems))?;
    let resolved = bases::resolve(cx, &dockerfile, &found, options)?;
    for (base, pinned) in found.iter().zip(&resolved) {
        if let (Some(argument), Some(pinned)) = (&base.argument, pinned) {
            arguments.insert(argument.clone(), pinned.clone());
        }
    }
    let named =
        |(base, pinned): (&Base, &Option<String>)| pinned.clone().unwrap_or_else(|| base.image.clone());
    let mut bases: Vec<String> = Vec::new();
    for name in found.iter().zip(&resolved).map(named) {
        if !bases.contains(&name) {
            bases.push(name);
        }
    }
    let ignore = context::ignore(cx, &component.path)?;
    let entries = context::entries(cx, &component.path, &ignore, cx.config().image.context_max)?;
    let git = git::state(cx, &component.path, &ignore, &image.dockerfile)?;
    let facts = facts(cx, component)?;
    let lasting = labels::lasting(&facts);
    let fingerprint = fingerprint(&Inputs {
        dockerfile: dockerfile.text(),
        context: &entries,
        arguments: &arguments,
        labels: &lasting,
        bases: &bases,
        platform: options.platform.as_deref(),
    });
    let home = home(cx, options)?;
    let prefix = home.unwrap_or(Home { prefix: "localhost".to_owned(), remark: None });
    if let Some(remark) = &prefix.remark {
        cx.note(remark.clone());
    }
    Ok(Prepared {
        repository: prefix.repository(&cx.config().name, &component.name),
        tag: name::commit_tag(git.head.as_deref(), git.is_dirty, &fingerprint),
        component: component.clone(),
        labels: labels::labels(&facts, &git.revision),
        is_resolved: resolved.iter().all(Option::is_some),
        image,
        dockerfile,
        dockerfile_path,
        arguments,
        bases,
        fingerprint,
    })
}

/// Reads a Dockerfile; `path` is relative to the repository.
pub(super) fn read(cx: &Cx, path: &std::path::Path) -> Result<Dockerfile> {
    let text = files::read(&cx.root().join(path))?;
    Dockerfile::parse(path, &text).map_err(|problems| {
        Error::configuration(format!("`{}` cannot be read", path.display())).places(problems)
    })
}

fn unreadable(dockerfile: &Dockerfile, problems: Vec<crate::core::diagnostic::Diagnostic>) -> Error {
    Error::configuration(format!("the bases of `{}` cannot be told", dockerfile.path().display()))
        .places(problems)
}

/// The arguments that the Dockerfile takes: those of xtask.toml, and before them those of the command line.
pub(super) fn arguments(
    image: &ComponentImage,
    dockerfile: &Dockerfile,
    options: &Options,
) -> BTreeMap<String, String> {
    let mut arguments = image.arguments.clone();
    arguments.extend(options.arguments.clone());
    arguments.retain(|name, _| dockerfile.declares(name));
    arguments
}

/// Refuses arguments of the command line that no Dockerfile takes.
pub(super) fn check_arguments(cx: &Cx, options: &Options) -> Result<()> {
    let mut files = Vec::new();
    if options.arguments.is_empty() {
        return Ok(());
    }
    for component in &cx.config().components {
        if let Some(image) = &component.image {
            files.push(read(cx, &component.path.join(&image.dockerfile))?);
        }
    }
    for name in options.arguments.keys() {
        if !files.iter().any(|file| file.declares(name)) {
            let known = files.iter().flat_map(Dockerfile::arguments);
            let error = Error::usage(format!("no Dockerfile takes the argument `{name}`"));
            return Err(match suggest::nearest(name, known) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("`ARG {name}` in a Dockerfile declares it")),
            });
        }
    }
    Ok(())
}

/// Where images go: what the command line says, before what xtask.toml says.
pub(super) fn home(cx: &Cx, options: &Options) -> Result<Option<Home>> {
    let settings = &cx.config().image;
    let (registry, owner) = match (&options.registry, &settings.registry) {
        // A registry on the command line is the whole place: what xtask.toml says about owners belongs to another one.
        (Some(registry), _) => (registry, None),
        (None, Some(registry)) => {
            (registry, settings.owner.as_deref().or(cx.environment().get("GITHUB_REPOSITORY_OWNER")))
        }
        (None, None) if options.push => {
            return Err(Error::usage("nobody says where the images are to be pushed")
                .hint("`--registry HOST`, or `registry` in `[image]` of xtask.toml"));
        }
        (None, None) => return Ok(None),
    };
    Home::new(registry, owner).map(Some).map_err(|message| {
        Error::usage(message).hint("a registry is `ghcr.io`, `127.0.0.1:5000` or `registry.example.com/team`")
    })
}

fn facts(cx: &Cx, component: &Component) -> Result<Facts> {
    let settings = &cx.config().image;
    let environment = |name: &str| cx.environment().get(name).map(str::to_owned);
    let on_github = environment("GITHUB_SERVER_URL").zip(environment("GITHUB_REPOSITORY"));
    Ok(Facts {
        title: format!("{}-{}", cx.config().name, component.name),
        source: settings
            .source
            .clone()
            .or_else(|| on_github.map(|(server, path)| format!("{server}/{path}"))),
        version: version(cx, component)?,
        licenses: settings.licenses.clone(),
    })
}

/// The version that the component says it has.
fn version(cx: &Cx, component: &Component) -> Result<Option<String>> {
    let folder = cx.root().join(&component.path);
    let read = |name: &str| {
        let path = folder.join(name);
        if path.exists() { files::read(&path).map(Some) } else { Ok(None) }
    };
    // A file that cannot be read as what it is, is a matter for the tools that need it.
    Ok(match &component.kind {
        ComponentKind::Node(_) => read("package.json")?.and_then(|text| {
            let package: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(package.get("version")?.as_str()?.to_owned())
        }),
        ComponentKind::Python(_) => read("pyproject.toml")?.and_then(|text| {
            let project: toml::Table = text.parse().ok()?;
            Some(project.get("project")?.get("version")?.as_str()?.to_owned())
        }),
        ComponentKind::Rust(_) => read("Cargo.toml")?.and_then(|text| {
            let manifest: toml::Table = text.parse().ok()?;
            Some(manifest.get("package")?.get("version")?.as_str()?.to_owned())
        }),
    })
}
