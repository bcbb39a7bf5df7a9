//! Images in registries: whether one is there already, and what is said beside it.

use std::collections::BTreeMap;

use super::build::Output;
use super::engines;
use super::policy::Seen;
use super::prepare::Prepared;
use crate::core::command::Command;
use crate::core::image::labels::{CREATED, REVISION, SOURCE};
use crate::core::image::{name, provenance, sbom};
use crate::core::registry::manifest::{Document, ImageConfig, Manifest};
use crate::core::registry::{Digest, Reference};
use crate::core::release::images::{Built, Image};
use crate::core::release::model::ComponentName;
use crate::cx::Cx;
use crate::driver::registry::{Attachment, Fetched, Presence, Registry};
use crate::error::{Error, Result};

/// What built an image that nobody had to build.
const FOUND: &str = "found in the registry by its fingerprint";

/// The image, where the registry has one that was made from the same; it gets the tag for people, too.
///
/// Only a registry that says so does not have it. One that cannot be asked is no reason to build nothing.
pub(super) fn find(cx: &Cx, prepared: &Prepared) -> Result<Option<Built>> {
    if !prepared.is_resolved {
        cx.note("not looked for in the registry: a base has no digest, so that the same name may stand for something else");
        return Ok(None);
    }
    let (registry, reference) = at(cx, &prepared.by_fingerprint())?;
    let found = match registry.exists(&reference)? {
        Presence::Present(descriptor) => descriptor,
        Presence::Absent => return Ok(None),
        Presence::Unknown(error) => {
            cx.warn_of(&error, "it is not known whether the image is there: it is built");
            return Ok(None);
        }
    };
    let fetched = registry.manifest(&reference.with_digest(&found.digest))?;
    let Some(inside) = inside(&registry, &reference, &fetched)? else {
        cx.warn(
            format!("`{reference}` is a list of images, which nobody here has looked at: it is built"),
            "who else pushes to that place?",
        );
        return Ok(None);
    };
    let to = reference.with_tag(&prepared.tag)?;
    registry.put_manifest(&to, &fetched.descriptor.media_type, &fetched.bytes)?;
    let built = describe(&fetched.descriptor.digest, &inside, prepared, FOUND);
    cx.note(format!("`{}@{}` is there already: nothing was built", prepared.repository, built.image.digest));
    Ok(Some(built))
}

/// Looks at what was pushed, attaches what is known about it, and gives it the tag by which it is found the next time.
pub(super) fn complete(
    cx: &Cx,
    prepared: &Prepared,
    digest: &Digest,
    output: &Output,
    seen: &Seen,
) -> Result<Built> {
    let (registry, reference) = at(cx, &prepared.reference())?;
    // By its digest: this is what was pushed, whoever has moved the tag since. Its bytes are compared with it.
    let by_digest = reference.with_digest(digest);
    let fetched = registry.manifest(&by_digest)?;
    let inside = inside(&registry, &by_digest, &fetched)?;
    let Some(inside) = inside.filter(|inside| inside.config.rootfs == seen.config.rootfs) else {
        return Err(Error::refused(format!("`{by_digest}` is not what was looked at"))
            .cause("the engine has built once more for the push, and the layers are others")
            .hint("what is in the registry has no tag by which it is found: build again")
            .hint("a step that gives something else each time is the reason, or a cache that was emptied in between"));
    };
    let built = describe(digest, &inside, prepared, output.build.engine.name());
    cx.step("attach", |cx| attach(cx, prepared, &registry, &by_digest, &built, seen))?;
    sign(cx, &by_digest)?;
    // The last thing that is written: who finds this tag finds everything.
    let tag = name::fingerprint_tag(&prepared.fingerprint);
    registry.put_manifest(&reference.with_tag(&tag)?, &fetched.descriptor.media_type, &fetched.bytes)?;
    Ok(built)
}

fn at(cx: &Cx, text: &str) -> Result<(Registry, Reference)> {
    let reference: Reference = text.parse()?;
    Ok((cx.registry(reference.registry())?, reference))
}

/// What an image in a registry consists of.
struct Inside {
    manifest: Manifest,
    config: ImageConfig,
}

/// Looks into an image; `None` for a list of images.
fn inside(registry: &Registry, reference: &Reference, fetched: &Fetched) -> Result<Option<Inside>> {
    match fetched.document()? {
        Document::Manifest(manifest) => {
            let config = registry.image_config(reference, &manifest)?;
            Ok(Some(Inside { manifest: *manifest, config }))
        }
        Document::Index(_) => Ok(None),
    }
}

/// What there is to know about an image in a registry.
fn describe(digest: &Digest, inside: &Inside, prepared: &Prepared, built_by: &str) -> Built {
    let Inside { manifest, config } = inside;
    Built {
        image: Image {
            component: ComponentName(prepared.component.name.as_str().into()),
            reference: prepared.reference(),
            digest: digest.to_string(),
        },
        platforms: vec![format!("{}/{}", config.os, config.architecture)],
        size: manifest.layers_size(),
        // An image that was found says which commit it was made from; that may be an older one than ours.
        labels: config.config.labels.clone().into_iter().collect(),
        fingerprint: prepared.fingerprint.clone(),
        built_by: built_by.to_owned(),
    }
}

/// Attaches the bill of materials and the provenance.
fn attach(
    cx: &Cx,
    prepared: &Prepared,
    registry: &Registry,
    image: &Reference,
    built: &Built,
    seen: &Seen,
) -> Result<()> {
    let digest = built.image.digest.as_str();
    let label = |key: &str| prepared.labels.get(key).map(String::as_str);
    let unwritable =
        |error: serde_json::Error| Error::bug("a document about the image cannot be written").source(error);
    let packages = seen.inventory.packages();
    let created = label(CREATED).unwrap_or_default();
    let bom = sbom::document(&prepared.repository, digest, created, &packages).map_err(unwritable)?;
    let statement = provenance::statement(&provenance::Provenance {
        repository: &prepared.repository,
        digest,
        component: &prepared.component.name,
        dockerfile: &prepared.dockerfile_path.to_string_lossy(),
        arguments: &prepared.arguments,
        engine: &built.built_by,
        fingerprint: &prepared.fingerprint,
        source: label(SOURCE),
        revision: label(REVISION).unwrap_or_default(),
        bases: &prepared.bases,
        builder: cx.environment().get("GITHUB_WORKFLOW_REF"),
        invocation: cx.environment().get("GITHUB_RUN_ID"),
    });
    let statement = serde_json::to_vec(&statement).map_err(unwritable)?;
    for (media_type, bytes) in [(sbom::MEDIA_TYPE, &bom), (provenance::MEDIA_TYPE, &statement)] {
        let file = Attachment { media_type, bytes, annotations: BTreeMap::new() };
        registry.attach(image, media_type, &[file], &BTreeMap::new())?;
    }
    cx.note(format!("attached: what is in it ({} packages) and where it comes from", packages.len()));
    Ok(())
}

/// Signs the image where cosign is there and has something to sign with: a key, or the identity of a workflow.
fn sign(cx: &Cx, image: &Reference) -> Result<()> {
    let has = |name: &str| cx.environment().get(name).is_some_and(|value| !value.is_empty());
    let key = if has("COSIGN_PRIVATE_KEY") {
        vec!["--key", "env://COSIGN_PRIVATE_KEY"]
    } else if has("ACTIONS_ID_TOKEN_REQUEST_URL") {
        Vec::new()
    } else {
        cx.note("not signed: there is neither a key in `COSIGN_PRIVATE_KEY` nor the identity of a workflow");
        return Ok(());
    };
    if cx.find("cosign").is_err() {
        cx.note("not signed: `cosign` is not installed");
        return Ok(());
    }
    let variables = ["COSIGN_*", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    let sign = Command::new("cosign").args(["sign", "--yes"]).args(key);
    let sign = if image.is_loopback() { sign.arg("--allow-insecure-registry") } else { sign };
    let sign = sign.arg(format!("{}@{}", image.name(), image.identifier()));
    let sign = cx
        .environment()
        .named(&variables)
        .into_iter()
        .fold(sign, |sign, (name, value)| sign.env(name, value));
    cx.step("sign", |cx| engines::run(cx, vec![sign]))
}
