//! Opens what buildah has built. It keeps an image as a tree of files, and to write a layer out takes longer than all the rest of
//! a build in which little has changed: so only those are written that nobody has looked at yet.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::archive::{self, Content, broken};
use super::build::Output;
use super::engines;
use crate::core::image::archive::Member;
use crate::core::registry::Digest;
use crate::core::registry::MediaType;
use crate::core::registry::manifest::{Document, ImageConfig, Manifest};
use crate::cx::{Cx, files};
use crate::error::{Context as _, Error, Result};

/// An image in buildah's storage.
pub(super) struct Stored<'o> {
    output: &'o Output,
    /// What the image says about itself.
    pub(super) config: ImageConfig,
    /// What was written out, where anything was.
    manifest: Option<Manifest>,
}

impl<'o> Stored<'o> {
    /// Asks buildah what the image is.
    pub(super) fn open(cx: &Cx, output: &'o Output) -> Result<Self> {
        let said = cx.read(engines::with_variables(cx, output.build.inspect()))?;
        let said: serde_json::Value =
            serde_json::from_str(&said).map_err(|error| broken(format!("buildah inspect: {error}")))?;
        let config = said.get("OCIv1").unwrap_or(&serde_json::Value::Null).to_string();
        let config = ImageConfig::parse(config.as_bytes()).map_err(|invalid| broken(invalid.message))?;
        Ok(Self { output, config, manifest: None })
    }

    /// Writes out all layers but the first `known`.
    pub(super) fn export(&mut self, cx: &Cx, known: usize) -> Result<()> {
        let diff_ids = &self.config.rootfs.diff_ids;
        if known >= diff_ids.len() {
            return Ok(());
        }
        let layout = self.output.scratch.file("layout");
        for diff_id in &diff_ids[..known] {
            files::write(&blob(&layout, diff_id), b"")?;
        }
        engines::run(cx, vec![self.output.build.export(&layout)])?;
        let index = files::read(&layout.join("index.json"))?;
        let index = document(&index, "application/vnd.oci.image.index.v1+json")?;
        let Document::Index(index) = index else { return Err(broken("its index is none".to_owned())) };
        let [image] = index.manifests.as_slice() else {
            return Err(broken("it is not one image".to_owned()));
        };
        let manifest = files::read(&blob(&layout, &image.digest))?;
        let Document::Manifest(manifest) = document(&manifest, image.media_type.as_str())? else {
            return Err(broken("its manifest is none".to_owned()));
        };
        if manifest.layers.len() != diff_ids.len() {
            return Err(broken("its manifest and its configuration have not the same layers".to_owned()));
        }
        self.manifest = Some(*manifest);
        Ok(())
    }

    /// Goes through a layer that was written out, once its bytes are those that the configuration names. Returns how many they
    /// are.
    pub(super) fn layer(
        &self,
        cx: &Cx,
        position: usize,
        look: &mut dyn FnMut(&Member, &mut Content<'_>) -> Result<()>,
    ) -> Result<u64> {
        let layer = self.manifest.as_ref().and_then(|manifest| manifest.layers.get(position));
        let (Some(layer), Some(diff_id)) = (layer, self.config.rootfs.diff_ids.get(position)) else {
            return Err(broken(format!("it has no layer {position}")));
        };
        let packed = blob(&self.output.scratch.file("layout"), &layer.digest);
        let unpacked = self.output.scratch.file("layer.tar");
        let size = unpack(cx, &packed, &unpacked, diff_id)?;
        let file = File::open(&unpacked).context(|| format!("could not open `{}`", unpacked.display()))?;
        archive::walk(cx, &mut archive::buffered(file), 0, size, &mut |file, member, _| {
            look(member, &mut Content::new(file, member.size))
        })?;
        Ok(size)
    }
}

fn blob(layout: &Path, digest: &Digest) -> PathBuf {
    layout.join("blobs/sha256").join(digest.hex())
}

fn document(text: &str, media_type: &str) -> Result<Document> {
    Document::parse(&MediaType::new(media_type), text.as_bytes()).map_err(|invalid| broken(invalid.message))
}

/// Writes the bytes of a layer to `unpacked`, and returns how many they are. Some versions of buildah compress it, whatever they
/// were told.
fn unpack(cx: &Cx, packed: &Path, unpacked: &Path, diff_id: &Digest) -> Result<u64> {
    let failed = || format!("could not unpack `{}`", packed.display());
    let mut magic = Vec::new();
    File::open(packed).and_then(|file| file.take(2).read_to_end(&mut magic)).context(failed)?;
    let file = archive::buffered(File::open(packed).context(failed)?);
    let mut from: Box<dyn Read> =
        if magic == [0x1f, 0x8b] { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut to = File::create(unpacked).context(failed)?;
    let (mut hasher, mut size, mut piece) = (diff_id.hasher(), 0, vec![0; 256 << 10]);
    loop {
        cx.check()?;
        let count = from.read(&mut piece).context(failed)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        to.write_all(bytes).context(failed)?;
        size += bytes.len() as u64;
    }
    let found = hasher.finish();
    if found != *diff_id {
        return Err(Error::problems("a layer is not what the image says that it is")
            .cause(format!("it says `{diff_id}`, and buildah wrote `{found}`"))
            .hint("its storage may be damaged: `buildah rmi --all` empties it"));
    }
    Ok(size)
}
