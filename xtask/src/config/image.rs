//! What the repository says about its images: `[image]` for all of them, `[components.NAME.image]` for each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::core::image::build::CacheWish;

/// What all images have in common: `[image]`.
#[derive(Clone, Debug)]
pub struct ImageSettings {
    /// `registry`: where images are pushed, `host`, `host:port` or `host/path`. Default: none; `--push` needs `--registry` then.
    pub registry: Option<String>,
    /// `owner`: the part of their names between registry and name. Default: the owner of the repository where a workflow of
    /// GitHub runs; otherwise none.
    pub owner: Option<String>,
    /// `source`: the address of the sources, for the label. Default: the address of the repository where a workflow of GitHub
    /// runs; otherwise none.
    pub source: Option<String>,
    /// `licenses`: an SPDX expression, for the label. Default: none.
    pub licenses: Option<String>,
    /// `ca-bundle`: a file of certificates that builds trust beside their own, absolute or relative to the repository. The
    /// variable `XTASK_CA_BUNDLE` comes before it. Default: none.
    pub ca_bundle: Option<PathBuf>,
    /// `cache`: where buildx keeps layers: `auto` (the cache of GitHub Actions where it can be reached), `registry` or `local`.
    /// Default: `auto`.
    pub cache: CacheWish,
    /// `context-max`: the most that goes into a build, a size; more is a stray file. Default: `256MiB`.
    pub context_max: u64,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self {
            registry: None,
            owner: None,
            source: None,
            licenses: None,
            ca_bundle: None,
            cache: CacheWish::Auto,
            context_max: 256 << 20,
        }
    }
}

/// The image of a component: `[components.NAME.image]`.
#[derive(Clone, Debug)]
pub struct ComponentImage {
    /// `dockerfile`: its path in the component's folder, which is the build context. Default: `Dockerfile`.
    pub dockerfile: PathBuf,
    /// `arguments`: build arguments by name; the command line's `--build-arg` comes before them. Default: none.
    pub arguments: BTreeMap<String, String>,
    /// `size-max`: how large what is laid upon the base may be, uncompressed; a size. Default: not checked.
    pub size_max: Option<u64>,
    /// `ports`: the TCP ports that the image exposes, and no others. Default: none.
    pub ports: Vec<u16>,
    /// `[components.NAME.image.smoke]`: how the image is tried once it is built. Default: it is not.
    pub smoke: Option<ImageSmoke>,
}

/// How an image is tried: `[components.NAME.image.smoke]`.
#[derive(Clone, Debug)]
pub struct ImageSmoke {
    /// `path`: what has to answer with 200. Default: `/health`.
    pub path: String,
    /// `port`: the port it listens on. Required.
    pub port: u16,
    /// `port-variable`: the variable that gives it another port, for engines that start it in the network of the machine.
    /// Default: none, and `port` has to be free.
    pub port_variable: Option<String>,
    /// `environment`: variables that it is given. Default: none.
    pub environment: BTreeMap<String, String>,
    /// `timeout`: how long it may take until it answers; a duration. Default: `30s`.
    pub timeout: Duration,
}
