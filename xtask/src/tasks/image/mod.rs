//! Images of components: built once, named by digest, ready for a release.
//!
//! A build is prepared (bases, context, fingerprint), skipped where a registry has that fingerprint already, built by the
//! first engine that works, judged, tried, and only then pushed. What was built is written down in `images.json` in the output
//! folder, which a release reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Component;
use crate::core::image::engine::Engine;
use crate::core::release::images::{Built, RECORD_FORMAT, Record};
use crate::core::suggest;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

mod archive;
pub(super) mod bases;
mod build;
pub(super) mod container;
mod context;
pub(super) mod engines;
mod git;
mod layout;
mod policy;
mod prepare;
mod remote;
mod smoke;

/// How images are built.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that callers combine freely")]
pub struct Options {
    /// Whether they are pushed.
    pub push: bool,
    /// Where to, with everything in front of the image's own name; without it, what xtask.toml says.
    pub registry: Option<String>,
    /// Who builds; without it, the first that works.
    pub engine: Option<Engine>,
    /// For which platform; without it, the engine's own.
    pub platform: Option<String>,
    /// Whether the image is also kept under its name where containers are started from.
    pub load: bool,
    /// Whether every base has to have a digest.
    pub locked: bool,
    /// Whether the image is tried once it is built.
    pub smoke: bool,
    /// Build arguments, before those of xtask.toml.
    pub arguments: BTreeMap<String, String>,
}

impl Options {
    /// Builds what has changed and pushes nothing.
    pub const LOCAL: Self = Self {
        push: false,
        registry: None,
        engine: None,
        platform: None,
        load: false,
        locked: false,
        smoke: true,
        arguments: BTreeMap::new(),
    };
}

/// The record of a run: all images that it has built so far.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Option<Vec<Built>>>>);

impl Recorder {
    /// Takes away what an earlier run wrote down, once: nothing old is read as new.
    fn begin(&self, cx: &Cx) -> Result<()> {
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if built.is_none() {
            files::remove(&path(cx))?;
            *built = Some(Vec::new());
        }
        Ok(())
    }

    /// Writes down one more image.
    fn add(&self, cx: &Cx, image: Built) -> Result<()> {
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let images = built.get_or_insert_default();
        images.push(image);
        images.sort_by(|one, other| one.image.component.cmp(&other.image.component));
        let record = Record { format: RECORD_FORMAT, images: images.clone() };
        let mut json = serde_json::to_vec_pretty(&record)
            .map_err(|error| Error::bug("the record of images cannot be written as JSON").source(error))?;
        json.push(b'\n');
        files::write(&path(cx), &json)
    }
}

/// What was pushed last from here; `None` where nothing was.
///
/// # Errors
///
/// Of kind [`Configuration`](crate::ErrorKind::Configuration) where the record is none.
pub(super) fn recorded(cx: &Cx) -> Result<Option<Record>> {
    let path = path(cx);
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |why: String| {
        Error::configuration(format!("`{}` is no record of images", path.display()))
            .cause(why)
            .hint("build and push them again: `cargo xtask image --push`")
    };
    Record::from_json(&files::read(&path)?).map(Some).map_err(wrong)
}

/// Where it is kept what the look at the last image of a component has shown.
pub(super) fn looked_at(cx: &Cx, component: &str) -> PathBuf {
    kept(cx, component, "look")
}

/// Where something about the last image of a component is kept.
fn kept(cx: &Cx, component: &str, what: &str) -> PathBuf {
    cx.output_folder().join("images").join(format!("{component}.{what}.json"))
}

fn path(cx: &Cx) -> PathBuf {
    cx.output_folder().join("images.json")
}

/// Builds the image of a component, unless it is there already, and writes it down.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where the build failed or the image is not as it should be,
/// [`Missing`](crate::ErrorKind::Missing) without an engine or a registry, [`Refused`](crate::ErrorKind::Refused) for a context
/// that must not be sent, or a base without digest under `--locked`.
pub fn component(cx: &Cx, component: &Component, options: &Options, recorder: &Recorder) -> Result<()> {
    if options.push {
        recorder.begin(cx)?;
    }
    let prepared = cx.step("prepare", |cx| prepare::prepare(cx, component, options))?;
    let found = if options.push { cx.step("look", |cx| remote::find(cx, &prepared))? } else { None };
    let built = match found {
        Some(found) => Some(found),
        None => build::build(cx, &prepared, options)?,
    };
    match built {
        Some(built) => recorder.add(cx, built),
        None => Ok(()),
    }
}

/// Writes the digests that the bases of these components have today into their Dockerfiles; of all where none is named.
pub fn update_bases(cx: &Cx, names: &[String]) -> Result<()> {
    let all = || cx.config().components.iter().filter(|component| component.image.is_some());
    if let Some(unknown) = names.iter().find(|name| !all().any(|component| component.name == **name)) {
        let error = Error::usage(format!("no image is built from `{unknown}`"));
        return Err(match suggest::nearest(unknown, all().map(|component| component.name.as_str())) {
            Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
            None => error,
        });
    }
    let chosen: Vec<&Component> = all().filter(|one| names.is_empty() || names.contains(&one.name)).collect();
    bases::update(cx, &chosen)
}

/// Refuses options that cannot be followed, before anything is built.
pub fn check(cx: &Cx, options: &Options) -> Result<()> {
    prepare::home(cx, options)?;
    prepare::check_arguments(cx, options)
}
