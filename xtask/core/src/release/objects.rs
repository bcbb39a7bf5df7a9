//! From the files of an environment to its objects: filled in, pinned, checked against each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::images::{self, Image};
use super::manifest::{self, Manifest};
use super::template::Variables;
use super::{migration, revision, selectors};
use crate::diagnostic::Diagnostic;

/// A file with manifests, as it was read from the disk.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path, relative to the repository.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
    /// Whether `${NAME}` is filled in.
    pub template: bool,
}

/// The objects of an environment, as exact as they are going to be applied.
#[derive(Clone, Debug)]
pub struct Objects {
    /// Those of the files.
    pub manifests: Vec<Manifest>,
    /// What is laid over a slot b.
    pub overlays: Vec<Manifest>,
}

/// Reads all files, pins images and configuration, and checks the objects against each other.
///
/// # Errors
///
/// Everything that is wrong. What may only follow from what was wrong before is not said: once all files can be read, unused
/// variables are named and selectors compared.
pub fn read(
    files: &[Source],
    overlays: &[Source],
    mut variables: Variables,
    images: &[Image],
) -> Result<Objects, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut read = |sources: &[Source]| {
        let mut manifests = Vec::new();
        for source in sources {
            let variables = source.template.then_some(&mut variables);
            match manifest::read(&source.path, &source.text, variables) {
                Ok(read) => manifests.extend(read),
                Err(found) => problems.extend(found),
            }
        }
        manifests
    };
    let (mut manifests, mut overlays) = (read(files), read(overlays));
    if problems.is_empty() {
        problems.extend(variables.unused());
    }
    problems.extend(twice(&manifests));
    problems.extend(twice(&overlays));
    if !problems.is_empty() {
        return Err(problems);
    }
    problems.extend(manifests.iter_mut().flat_map(|manifest| images::pin(manifest, images)));
    problems.extend(overlays.iter_mut().flat_map(|overlay| images::pin_overlay(overlay, images)));
    problems.extend(selectors::check(&manifests));
    problems.extend(revision::name_by_content(&mut manifests, &mut overlays));
    problems.extend(migration::name_by_content(&mut manifests));
    if problems.is_empty() { Ok(Objects { manifests, overlays }) } else { Err(problems) }
}

/// A problem for each object that is stated a second time: which one counts would depend on the order of the files.
fn twice(manifests: &[Manifest]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<_, &Manifest> = BTreeMap::new();
    let mut problems = Vec::new();
    for manifest in manifests {
        let group = manifest.api_version().split_once('/').map_or("", |(group, _)| group);
        let identity = (group, manifest.kind(), manifest.text("/metadata/namespace"), manifest.name());
        if let Some(first) = seen.get(&identity) {
            let place = first.diagnostic("/metadata/name", "");
            let message = format!("{manifest} is stated a second time");
            let problem = manifest.diagnostic("/metadata/name", message);
            let (line, _) = place.position();
            problems.push(problem.label(format!("the first one is in {}:{line}", place.path.display())));
        } else {
            seen.insert(identity, manifest);
        }
    }
    problems
}
