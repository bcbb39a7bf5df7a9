//! Looks at a built image before anybody else gets it.

use super::archive::{Archive, Content};
use super::build::Output;
use super::layout::Stored;
use super::prepare::Prepared;
use crate::core::image::archive::Member;
use crate::core::image::engine::Engine;
use crate::core::image::memory::{self, Memory};
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

/// What an engine has built, opened.
enum Opened<'o> {
    Archive(Box<Archive>),
    Stored(Box<Stored<'o>>),
}

impl<'o> Opened<'o> {
    fn open(cx: &Cx, output: &'o Output) -> Result<Self> {
        match output.build.engine {
            Engine::Buildah => Stored::open(cx, output).map(|stored| Self::Stored(Box::new(stored))),
            Engine::Buildx | Engine::Podman | Engine::Docker => {
                Archive::open(cx, &output.archive).map(|archive| Self::Archive(Box::new(archive)))
            }
        }
    }

    fn config(&self) -> &ImageConfig {
        match self {
            Self::Archive(archive) => &archive.config,
            Self::Stored(stored) => &stored.config,
        }
    }

    /// Makes all layers but the first `known` readable.
    fn export(&mut self, cx: &Cx, known: usize) -> Result<()> {
        match self {
            Self::Archive(_) => Ok(()),
            Self::Stored(stored) => stored.export(cx, known),
        }
    }

    /// Goes through a layer, and returns its bytes.
    fn layer(
        &mut self,
        cx: &Cx,
        position: usize,
        look: &mut dyn FnMut(&Member, &mut Content<'_>) -> Result<()>,
    ) -> Result<u64> {
        match self {
            Self::Archive(archive) => archive.layer(cx, position, look),
            Self::Stored(stored) => stored.layer(cx, position, look),
        }
    }

    fn into_config(self) -> ImageConfig {
        match self {
            Self::Archive(archive) => archive.config,
            Self::Stored(stored) => stored.config,
        }
    }
}

/// Judges the image. What is found is reported; errors refuse it.
pub(super) fn check(cx: &Cx, prepared: &Prepared, output: &Output) -> Result<Seen> {
    let mut image = Opened::open(cx, output)?;
    let own = prepared.dockerfile.own_instructions();
    let count = image.config().rootfs.diff_ids.len();
    let mut layers = policy::layers(image.config(), &vec![0; count], &own);
    let mut judge = Judge::new(Policy {
        dockerfile: &prepared.dockerfile_path,
        ports: &prepared.image.ports,
        size_max: prepared.image.size_max,
    });
    judge.instructions(&own);
    judge.config(image.config());
    let names = memory::names(&image.config().rootfs.diff_ids, &layers);
    let remembered = super::looked_at(cx, &prepared.component.name);
    // Without a file nothing is known, and everything is looked at.
    let mut memory = files::read(&remembered).map(|text| Memory::parse(&text)).unwrap_or_default();
    let known = memory.count(&names);
    let mut inventory = Inventory::default();
    for (layer, known) in layers.iter_mut().zip(memory.take(known)) {
        layer.size = known.size;
        judge.resume(known.counts.clone());
        inventory = known.inventory.clone();
    }
    image.export(cx, known)?;
    for position in known..count {
        let layer = &layers[position];
        let size = image.layer(cx, position, &mut |member, content| {
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
        layers[position].size = size;
        memory.add(&names[position], size, judge.counts(), &inventory);
    }
    memory.of_layers(count);
    let as_json = |error| Error::bug("what is known of an image cannot be written as JSON").source(error);
    files::write(&remembered, memory.render().map_err(as_json)?.as_bytes())?;
    let sizes = super::kept(cx, &prepared.component.name, "layers");
    // Unreadable is as good as unknown: the sizes of before only make a message better.
    let before: Option<Vec<Layer>> =
        files::read(&sizes).ok().and_then(|text| serde_json::from_str(&text).ok());
    cx.findings(judge.finish(&layers, before.as_deref()))?;
    files::write(&sizes, &serde_json::to_vec(&layers).map_err(as_json)?)?;
    cx.note(format!(
        "{} upon the base in {} layers{}",
        policy::megabytes(policy::size_of_own(&layers)),
        layers.iter().filter(|layer| !layer.is_base).count(),
        if known > 0 { format!("; {known} of {count} were looked at before") } else { String::new() },
    ));
    let lock = prepared.component.path.join("package-lock.json");
    if let Ok(text) = files::read(&cx.root().join(&lock)) {
        inventory.bundled(&lock.to_string_lossy(), &text);
    }
    Ok(Seen { config: image.into_config(), inventory })
}
