//! A side of the comparison: what its servers are started from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Options;
use super::server::{self, Running};
use crate::config::perf::PerfSettings;
use crate::core::image::engine::Engine;
use crate::core::perf::machine::{Machine, Subject};
use crate::core::release::images::Record;
use crate::cx::{Cx, Scratch, files};
use crate::error::{Error, Result};
use crate::tasks::image::container;
use crate::tasks::{git, setup};

/// What people call what is in the checkout.
const WORKING_COPY: &str = "the working copy";

/// What servers are started from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The files of a checkout at this folder.
    Files(PathBuf),
    /// Images by the names of their components, `repository@sha256:…` or `repository:tag`.
    Images(Engine, BTreeMap<String, String>),
}

/// A side that can be started.
#[derive(Clone, Debug)]
pub(super) struct Started {
    /// What it is, for the report.
    pub(super) subject: Subject,
    /// What its servers are started from.
    pub(super) source: Source,
}

impl Started {
    /// Starts the servers one after the other, does `work` with them, and ends them.
    pub(super) fn with_servers<T>(
        &self,
        cx: &Cx,
        settings: &PerfSettings,
        scratch: &Scratch,
        mut work: impl FnMut(&[Running]) -> Result<T>,
    ) -> Result<T> {
        server::with(cx, self, &settings.servers, &[], scratch, &mut work)
    }
}

/// What is asked about: the images that were built, where there are some and something can start them, else the files here.
pub(super) fn candidate(
    cx: &Cx,
    settings: &PerfSettings,
    options: &Options,
    machine: &Machine,
) -> Result<Started> {
    let commit = git::head(cx)?;
    let machine = machine.clone();
    let built = if options.local { None } else { images(cx, settings)? };
    if let Some(Built { engine, runner, images }) = built {
        let name = "the images that were built".to_owned();
        let subject = Subject { name, runner, images: images.values().cloned().collect(), commit, machine };
        return Ok(Started { subject, source: Source::Images(engine, images) });
    }
    for server in &settings.servers {
        set_up(cx, &server.name)?;
        server::build(cx, cx.root(), server)?;
    }
    let (name, runner) = (WORKING_COPY.to_owned(), "local".to_owned());
    let subject = Subject { name, runner, images: Vec::new(), commit, machine };
    Ok(Started { subject, source: Source::Files(cx.root().to_owned()) })
}

/// Images, and who starts them.
struct Built {
    engine: Engine,
    /// The engine with its version.
    runner: String,
    /// By the names of their components.
    images: BTreeMap<String, String>,
}

/// Installs what the component of this name needs to be started from files.
pub(super) fn set_up(cx: &Cx, name: &str) -> Result<()> {
    let component = cx.config().components.iter().find(|component| component.name == name);
    component.map_or(Ok(()), |component| setup::component(cx, component).map(drop))
}

/// The images of all servers by the record of what was built, with who starts them; `None` where it is said why not.
fn images(cx: &Cx, settings: &PerfSettings) -> Result<Option<Built>> {
    let path = cx.output_folder().join("images.json");
    if !path.exists() {
        cx.note("no images were built here: the servers are started from the files");
        return Ok(None);
    }
    let record = Record::from_json(&files::read(&path)?).map_err(|reason| {
        Error::configuration(format!("`{}` cannot be used", path.display()))
            .cause(reason)
            .hint("build the images again: `cargo xtask image --push`; or `--local`, to start from files")
    })?;
    let mut images = BTreeMap::new();
    for server in &settings.servers {
        let of_server = record.images().into_iter().find(|image| image.component.to_string() == server.name);
        let Some(image) = of_server.and_then(|image| image.pinned()) else {
            cx.note(format!(
                "no image of `{}` was built here: the servers are started from the files",
                server.name
            ));
            return Ok(None);
        };
        images.insert(server.name.clone(), image.to_string());
    }
    Ok(container::engine(cx)?.map(|(engine, runner)| Built { engine, runner, images }))
}
