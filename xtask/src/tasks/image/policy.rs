//! Looks at a built image before anybody else gets it.

use std::path::PathBuf;

use super::archive::Archive;
use super::build::Output;
use super::prepare::Prepared;
use crate::core::image::policy::{self, Judge, Layer, Policy};
use crate::core::image::sbom::Inventory;
use crate::core::registry::manifest::ImageConfig;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// What a look at an image has shown.
#[derive(Debug)]
pub(super) struct Seen {
    /// What it says about itself.
    pub(super) config: ImageConfig,
    /// The software in it.
    pub(super) inventory: Inventory,
}

/// Judges the image. What is found is reported; errors refuse it.
pub(super) fn check(cx: &Cx, prepared: &Prepared, output: &Output) -> Result<Seen> {
    let mut archive = Archive::open(cx, &output.archive)?;
    let layers = policy::layers(&archive.config, &archive.sizes()?, &prepared.dockerfile.own_instructions());
    let mut judge = Judge::new(Policy {
        dockerfile: &prepared.dockerfile_path,
        ports: &prepared.image.ports,
        size_max: prepared.image.size_max,
    });
    judge.instructions(&prepared.dockerfile.own_instructions());
    judge.config(&archive.config);
    let mut inventory = Inventory::default();
    for (position, layer) in layers.iter().enumerate() {
        archive.layer(cx, position, &mut |member, content| {
            let (searched, wanted) = (judge.member(layer, member), inventory.member(member));
            if searched || wanted {
                let content = content.read()?;
                if searched {
                    judge.content(layer, member, &content);
                }
                if wanted {
                    inventory.content(member, &content);
                }
            }
            Ok(())
        })?;
    }
    let known = known_layers(cx, prepared);
    // Unreadable is as good as unknown: the sizes of before only make a message better.
    let before: Option<Vec<Layer>> =
        files::read(&known).ok().and_then(|text| serde_json::from_str(&text).ok());
    cx.findings(judge.finish(&layers, before.as_deref()))?;
    let json = serde_json::to_vec(&layers)
        .map_err(|error| Error::bug("the sizes of layers cannot be written as JSON").source(error))?;
    files::write(&known, &json)?;
    cx.note(format!(
        "{} upon the base in {} layers",
        policy::megabytes(policy::size_of_own(&layers)),
        layers.iter().filter(|layer| !layer.is_base).count()
    ));
    let lock = prepared.component.path.join("package-lock.json");
    if let Ok(text) = files::read(&cx.root().join(&lock)) {
        inventory.bundled(&lock.to_string_lossy(), &text);
    }
    Ok(Seen { config: archive.config, inventory })
}

/// Where the sizes of the layers of the last image are that was small enough.
fn known_layers(cx: &Cx, prepared: &Prepared) -> PathBuf {
    cx.output_folder().join("images").join(format!("{}.layers.json", prepared.component.name))
}
