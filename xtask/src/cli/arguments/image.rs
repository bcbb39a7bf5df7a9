//! The options of `cargo xtask image`.

use clap::{Args, ValueEnum};

use super::Verb;
use crate::core::image::engine::Engine;
use crate::error::{Error, Result};
use crate::tasks::image;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in crate::cli) struct Image {
    #[command(flatten)]
    pub(in crate::cli) verb: Verb,
    /// Push what was built
    #[arg(long)]
    push: bool,
    /// Where to: a registry, with everything in front of the images' own names; before xtask.toml
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<String>,
    /// Who builds: auto, buildx, buildah, podman or docker
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true
    )]
    engine: EngineWish,
    /// The platform, `linux/arm64`; without it, the engine's own
    #[arg(long, value_name = "PLATFORM")]
    platform: Vec<String>,
    /// Keep the image under its name where containers are started from
    #[arg(long)]
    load: bool,
    /// Refuse a base without a digest
    #[arg(long)]
    locked: bool,
    /// Write the digests of today into the Dockerfiles, say what has moved, and build nothing
    #[arg(long, conflicts_with_all = ["push", "registry", "platform", "load", "locked", "no_smoke", "build_arg"])]
    pub(in crate::cli) update_bases: bool,
    /// Do not start the image
    #[arg(long)]
    no_smoke: bool,
    /// A build argument, before those of xtask.toml; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = build_argument)]
    build_arg: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum EngineWish {
    Auto,
    Buildx,
    Buildah,
    Podman,
    Docker,
}

fn build_argument(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

impl Image {
    /// How images are built.
    ///
    /// # Errors
    ///
    /// For several platforms: such an image is a list of images, which no engine writes to an archive that could be looked at.
    pub(in crate::cli) fn options(&self) -> Result<image::Options> {
        let mut platforms = self.platform.iter().flat_map(|words| words.split(','));
        let platform = platforms.next().map(str::to_owned);
        if platforms.next().is_some() {
            return Err(Error::usage("an image is built for one platform at a time")
                .cause("one for several can be looked at only when it is in the registry already")
                .hint("give one `--platform` a run, and each run a place of its own: `--registry HOST/ARCHITECTURE`"));
        }
        Ok(image::Options {
            push: self.push,
            registry: self.registry.clone(),
            engine: match self.engine {
                EngineWish::Auto => None,
                EngineWish::Buildx => Some(Engine::Buildx),
                EngineWish::Buildah => Some(Engine::Buildah),
                EngineWish::Podman => Some(Engine::Podman),
                EngineWish::Docker => Some(Engine::Docker),
            },
            platform,
            load: self.load,
            locked: self.locked,
            smoke: !self.no_smoke,
            arguments: self.build_arg.iter().cloned().collect(),
        })
    }
}
