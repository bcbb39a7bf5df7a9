//! What a release is made from on the disk: manifests, overlays, the values of templates, the record of images.

use std::path::{Path, PathBuf};

use crate::config::release::{EnvironmentConfig, Placed, ValueFrom};
use crate::core::diagnostic::Diagnostic;
use crate::core::registry::Reference;
use crate::core::release::images::{self, Image, Record};
use crate::core::release::manifest;
use crate::core::release::model::ComponentName;
use crate::core::release::objects::Source;
use crate::core::release::template::Variables;
use crate::cx::{Cx, files};
use crate::error::{Context as _, Error, Result};

/// The file in the output folder that says which images were built.
pub(super) const IMAGES: &str = "images.json";

/// The largest file of manifests that is read, in bytes; somewhat more than what is accepted, so that it is refused as such.
const FILE_MAX: u64 = 16 << 20;

/// The files that `named` names, in their order; a folder stands for the YAML in it.
pub(super) fn sources(cx: &Cx, named: &[Placed<PathBuf>]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for Placed { value: path, place } in named {
        let found = cx.root().join(path);
        if !found.is_dir() {
            if !found.is_file() {
                let problem = place.diagnostic(format!("there is no `{}`", path.display()));
                return Err(
                    Error::configuration("a file that xtask.toml names is not there").places([problem])
                );
            }
            sources.push(source(cx, path)?);
            continue;
        }
        let inside = files::names(&found)?;
        let yaml = |name: &&String| {
            let extension = Path::new(name.as_str()).extension();
            extension.is_some_and(|extension| extension == "yml" || extension == "yaml")
        };
        let before = sources.len();
        for name in inside.iter().filter(yaml) {
            sources.push(source(cx, &path.join(name))?);
        }
        if sources.len() == before {
            let problem =
                place.diagnostic(format!("there is no `.yml` or `.yaml` file in `{}`", path.display()));
            return Err(Error::configuration("a folder that xtask.toml names is empty").places([problem]));
        }
    }
    Ok(sources)
}

fn source(cx: &Cx, path: &Path) -> Result<Source> {
    let file = cx.root().join(path);
    let failed = || format!("could not read `{}`", path.display());
    let size = std::fs::metadata(&file).context(failed)?.len();
    if size > FILE_MAX {
        let message = format!("`{}` has {} MiB, and is no file of manifests", path.display(), size >> 20);
        return Err(Error::configuration(message));
    }
    let text = std::fs::read(&file).context(failed)?;
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::configuration(format!("`{}` is no UTF-8: byte {at}", path.display()))
    })?;
    let stem = path.file_stem().map(Path::new).and_then(Path::extension);
    Ok(Source { path: path.to_owned(), text, template: stem.is_some_and(|stem| stem == "template") })
}

/// The values that the templates of an environment are filled with.
pub(super) fn variables(cx: &Cx, environment: &EnvironmentConfig) -> Result<Variables> {
    let mut values = Vec::new();
    let mut places = Vec::new();
    let mut problems: Vec<Diagnostic> = Vec::new();
    for (name, own) in [("REGISTRY", &environment.registry), ("REPOSITORY_OWNER", &environment.owner)] {
        if let Some(Placed { value, place }) = own {
            values.push((name.to_owned(), value.clone()));
            places.push((name.to_owned(), place.clone()));
        }
    }
    for variable in &environment.variables {
        let value = match &variable.from {
            ValueFrom::Text(text) => text.clone(),
            ValueFrom::Environment { env, default } => {
                let set = cx.environment().filled(env);
                let Some(value) = set.or(default.as_deref()) else {
                    let problem = variable.place.diagnostic(format!("`{env}` is not set in the environment"));
                    problems.push(problem.help(format!("set it, or give `{}` a `default`", variable.name)));
                    continue;
                };
                if cx.mask().finds_in(value.as_bytes()) {
                    let problem = variable.place.diagnostic(format!("`{env}` holds a secret"));
                    problems.push(problem.help(
                        "a manifest can be read by whoever can read the object: refer to a Secret by its name",
                    ));
                    continue;
                }
                value.to_owned()
            }
        };
        values.push((variable.name.clone(), value));
        places.push((variable.name.clone(), variable.place.clone()));
    }
    if !problems.is_empty() {
        let message = format!("the variables of `{}` are not complete", environment.name);
        return Err(Error::configuration(message).places(problems));
    }
    Ok(Variables::new(format!("environments.{}.variables", environment.name), values).at(places))
}

/// The images that were built; `None` where nothing says so.
pub(super) fn record(cx: &Cx) -> Result<Option<Record>> {
    let path = cx.output_folder().join(IMAGES);
    if path.is_file() { record_at(&path).map(Some) } else { Ok(None) }
}

/// The record of images at a path.
pub(super) fn record_at(path: &Path) -> Result<Record> {
    Record::from_json(&files::read(path)?).map_err(|reason| {
        Error::configuration(format!("`{}` is no record of images", path.display())).cause(reason)
    })
}

/// The names without a digest in `sources`, each with the digest that `chosen` has for its repository, whatever tag stands there:
/// somebody has said which image it is to be.
pub(super) fn named(sources: &[Source], variables: &Variables, chosen: &[Reference]) -> Vec<Image> {
    let digest = |name: &Reference| {
        let chosen = chosen.iter().find(|chosen| chosen.name() == name.name());
        chosen.and_then(Reference::digest).map(ToString::to_string)
    };
    let image = |component: &str, name: &Reference| {
        let component = ComponentName(component.into());
        Some(Image { component, reference: name.to_string(), digest: digest(name)? })
    };
    without_digest(sources, variables).iter().filter_map(|(component, name)| image(component, name)).collect()
}

/// The names of images without a digest, each with the object that has it.
fn without_digest(sources: &[Source], variables: &Variables) -> Vec<(String, Reference)> {
    let mut variables = variables.clone();
    let mut names = Vec::new();
    for source in sources {
        // What cannot be read is said when it is read in earnest.
        let own = source.template.then_some(&mut variables);
        for manifest in manifest::read(&source.path, &source.text, own).unwrap_or_default() {
            let found = images::without_digest(&manifest).into_iter();
            names.extend(found.map(|name| (manifest.name().to_owned(), name)));
        }
    }
    names
}

/// Images for every name without a digest that `built` does not have, with digests made up from the names.
pub(super) fn imagined(sources: &[Source], variables: &Variables, built: &[Image]) -> Vec<Image> {
    let mut made_up: Vec<Image> = Vec::new();
    for (component, name) in without_digest(sources, variables) {
        let is_known = |image: &Image| image.reference.parse().is_ok_and(|known: Reference| known == name);
        if !built.iter().chain(&made_up).any(is_known) {
            made_up.push(Image {
                component: ComponentName(component.as_str().into()),
                reference: name.to_string(),
                digest: format!("sha256:{}", blake3::hash(name.to_string().as_bytes()).to_hex()),
            });
        }
    }
    made_up
}
