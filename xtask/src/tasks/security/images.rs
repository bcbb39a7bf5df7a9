//! Dockerfiles, and what images are made of.

use super::{Call, scan, scan_where_present, unreadable};
use crate::config::Component;
use crate::core::finding::Location;
use crate::core::gate::scanner::trivy;
use crate::core::gate::{Coverage, Look};
use crate::core::policy::dockerfile;
use crate::cx::{Cx, files};
use crate::error::Result;
use crate::tasks::{gate, image};

/// Looks at the Dockerfile of every component that has an image. What hadolint says of them is said by `lint`.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where something was found that fails the gate, [`Missing`](crate::ErrorKind::Missing) where a scanner broke.
pub fn images(cx: &Cx) -> Result<()> {
    let mut looks = Vec::new();
    for component in &cx.config().components {
        looks.extend(dockerfile_of(cx, component)?);
    }
    gate::conclude(cx, looks)
}

fn dockerfile_of(cx: &Cx, component: &Component) -> Result<Vec<Look>> {
    let Some(image) = &component.image else { return Ok(Vec::new()) };
    let path = component.path.join(&image.dockerfile);
    let own = match files::read(&cx.root().join(&path)) {
        Ok(text) => dockerfile::look(&path, &text),
        Err(error) => unreadable(dockerfile::TOOL, "file", &path, &error),
    };
    // In the folder of the file: trivy names what it finds by the last word of its target.
    let (folder, name) = (path.parent().unwrap_or(&path), path.file_name().unwrap_or_default());
    let trivy = scan_where_present(cx, &trivy::CONFIGURATION, &Call::new(folder, name))?;
    Ok([own].into_iter().chain(trivy).collect())
}

/// Looks at the images that `cargo xtask image --push` has pushed, in their registry and by their digests. What is found stands at
/// the Dockerfile that the image was built from.
///
/// # Errors
///
/// As [`images`]; of kind [`Configuration`](crate::ErrorKind::Configuration) where the record of images is none.
pub fn built(cx: &Cx) -> Result<()> {
    let pushed = image::recorded(cx)?.map(|record| record.images).unwrap_or_default();
    let mut looks = Vec::new();
    for built in &pushed {
        let Some(name) = built.image.pinned() else { continue };
        let mut look = scan(cx, &trivy::IMAGE, &Call::new("", name.to_string()))?;
        let component = cx.config().component(built.image.component.0.as_ref());
        let dockerfile = component.and_then(|one| Some(one.path.join(&one.image.as_ref()?.dockerfile)));
        for finding in &mut look.findings {
            finding.location = dockerfile.as_ref().map(Location::file);
        }
        looks.push(look);
    }
    if looks.is_empty() {
        cx.note("no image was pushed from here: nothing to look at; `cargo xtask image --push` pushes them");
        looks.push(Look::at(trivy::IMAGE.name, Coverage::new(0, trivy::IMAGE.unit)));
    }
    gate::conclude(cx, looks)
}
