//! Dockerfiles, and what images are made of.

use super::{Call, scan_where_present, unreadable};
use crate::config::Component;
use crate::core::gate::Look;
use crate::core::gate::scanner::trivy;
use crate::core::policy::dockerfile;
use crate::cx::{Cx, files};
use crate::error::Result;
use crate::tasks::gate;

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
