//! What software is a component made of? Bills of materials for other programs.

use std::path::PathBuf;

use super::gate;
use super::packages::{self, Packages};
use crate::config::Component;
use crate::core::bom::{self, Document};
use crate::core::calendar;
use crate::core::command::Command;
use crate::core::gate::{Coverage, Gap, Look};
use crate::core::image::sbom;
use crate::core::inventory::Inventory;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// The tool's name in what it says of its look.
const TOOL: &str = "sbom";

/// The variable that says for which time something is built, in seconds since 1970
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Writes the bill of materials of a component into the output folder, as `sbom/NAME.cdx.json`: what its lock files name, and
/// what is in its image where one was built here.
///
/// # Errors
///
/// Where a lock file cannot be read or the file not be written; those of [`Cx::looked`] for what is not known.
pub fn component(cx: &Cx, component: &Component) -> Result<()> {
    let (inventory, image, gap) = contents(cx, component)?;
    let (timestamp, _) = moment(cx)?;
    let document = Document::of(&cx.config().name, &inventory, &image, &timestamp);
    let count = inventory.packages.len() + image.len();
    write(cx, &component.name, document, count, inventory.gaps.into_iter().chain(gap).collect())
}

/// Writes one bill of materials of all components, as `sbom/all.cdx.json`.
///
/// # Errors
///
/// As [`component`].
pub fn all(cx: &Cx) -> Result<()> {
    let (mut parts, mut gaps) = (Vec::new(), Vec::new());
    for component in &cx.config().components {
        let (mut inventory, image, gap) = contents(cx, component)?;
        gaps.append(&mut inventory.gaps);
        gaps.extend(gap);
        parts.push((inventory, image));
    }
    gaps.dedup();
    let (timestamp, version) = moment(cx)?;
    let borrowed: Vec<(&Inventory, &[bom::Component])> =
        parts.iter().map(|(inventory, image)| (inventory, image.as_slice())).collect();
    let document = Document::merged(&cx.config().name, &version, &borrowed, &timestamp);
    let count = document.components.len();
    write(cx, "all", document, count, gaps)
}

type Contents = (Inventory, Vec<bom::Component>, Option<Gap>);

/// What is in a component, and in its image beyond that.
fn contents(cx: &Cx, component: &Component) -> Result<Contents> {
    let Packages { inventory, .. } = packages::of(cx, component)?;
    if component.image.is_none() {
        return Ok((inventory, Vec::new(), None));
    }
    let (others, gap) = match packages::of_image(cx, component, &inventory) {
        Ok(others) => (others, None),
        Err(gap) => (Vec::new(), Some(gap)),
    };
    let others = others.iter().map(sbom::Package::component).collect();
    Ok((inventory, others, gap))
}

fn write(cx: &Cx, name: &str, document: Document, count: usize, gaps: Vec<Gap>) -> Result<()> {
    let bytes = document
        .render()
        .map_err(|error| Error::bug("the bill of materials could not be written as JSON").source(error))?;
    let path: PathBuf = cx.output_folder().join("sbom").join(format!("{name}.cdx.json"));
    files::write(&path, &bytes)?;
    cx.note(format!("wrote `{}`", path.strip_prefix(cx.root()).unwrap_or(&path).display()));
    let mut look = Look::at(TOOL, Coverage::new(count, "package"));
    look.gaps = gaps;
    gate::conclude(cx, vec![look])
}

/// The time that the content is of, and its commit: of the commit that is checked out, so that the same content has the same
/// bill of materials whenever it is written.
fn moment(cx: &Cx) -> Result<(String, String)> {
    let output = cx.output(Command::new("git").args(["log", "-1", "--format=%ct %H"]).cwd(cx.root()))?;
    let (seconds, commit) = output.stdout.trim().split_once(' ').unwrap_or(("", "0"));
    let told = cx.environment().filled(EPOCH);
    let seconds = told.unwrap_or(seconds).parse().map_err(|_| match told {
        Some(told) => Error::usage(format!("`{EPOCH}` is `{told}`, which is no number of seconds")),
        None => Error::missing("the repository has no commit, which says of what time its content is")
            .hint(format!("commit something, or set `{EPOCH}` to seconds since 1970")),
    })?;
    Ok((calendar::timestamp(seconds), commit.to_owned()))
}
