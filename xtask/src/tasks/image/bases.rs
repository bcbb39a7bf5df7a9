//! The images that builds begin with: which digest each has, and who says so.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Options, prepare};
use crate::core::image::dockerfile::{self, Base, Dockerfile};
use crate::core::registry::{Digest, Reference};
use crate::cx::{Cx, files};
use crate::driver::registry::Presence;
use crate::error::{Error, ErrorKind, Result};

/// What was said about each name, so that one that is written twice is asked for once and cannot move in between.
type Asked = BTreeMap<String, Result<Digest, String>>;

/// The name of each base with its digest; `None` where nobody can say one.
///
/// A digest that is written down counts. Others are asked for, so that what is built is what the fingerprint speaks of; that
/// somebody has to be asked is a warning, and with `--locked` an error.
pub(super) fn resolve(
    cx: &Cx,
    dockerfile: &Dockerfile,
    bases: &[Base],
    options: &Options,
) -> Result<Vec<Option<String>>> {
    let open: Vec<&Base> = bases.iter().filter(|base| base.digest().is_none()).collect();
    if options.locked && !open.is_empty() {
        return Err(locked(dockerfile, &open));
    }
    let mut known = Asked::new();
    let mut resolved = Vec::new();
    for base in bases {
        if base.digest().is_some() {
            resolved.push(Some(base.image.clone()));
            continue;
        }
        let hint = match &base.argument {
            Some(argument) if base.is_given => {
                format!("give `{argument}` with its digest: `{}@sha256:…`", base.image)
            }
            _ => "`cargo xtask image --update-bases` writes the digests down".to_owned(),
        };
        let is_said = known.contains_key(&base.image);
        let asked = ask(cx, &base.image, &mut known)?;
        let now = match &asked {
            Ok(digest) => format!("today it is `{digest}`"),
            Err(why) => format!("and nobody says which it is today: {why}"),
        };
        if !is_said {
            cx.warn(format!("the base `{}` has no digest, {now}", base.image), hint);
        }
        // Only where it is written as an argument can it be given with the digest; elsewhere the engine asks once more.
        let pinned = asked.ok().filter(|_| base.argument.is_some());
        resolved.push(pinned.map(|digest| format!("{}@{digest}", base.image)));
    }
    Ok(resolved)
}

/// The digest that a registry has under a name today; or why nobody knows, in words.
fn ask(cx: &Cx, image: &str, known: &mut Asked) -> Result<Result<Digest, String>> {
    if let Some(said) = known.get(image) {
        return Ok(said.clone());
    }
    let said = ask_registry(cx, image)?;
    known.insert(image.to_owned(), said.clone());
    Ok(said)
}

/// The digest that the registry of an image's name has under it now; or why nobody knows, in words.
pub(in crate::tasks) fn ask_registry(cx: &Cx, image: &str) -> Result<Result<Digest, String>> {
    if image.starts_with("localhost/") {
        return Ok(Err("it lies in an engine's own storage".to_owned()));
    }
    let presence = image
        .parse::<Reference>()
        .map_err(Error::from)
        .and_then(|reference| cx.registry(reference.registry())?.exists(&reference));
    match presence {
        Ok(Presence::Present(descriptor)) => Ok(Ok(descriptor.digest)),
        Ok(Presence::Absent) => Ok(Err("the registry does not have it".to_owned())),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Ok(Presence::Unknown(error)) | Err(error) => Ok(Err(error.to_string())),
    }
}

fn locked(dockerfile: &Dockerfile, open: &[&Base]) -> Error {
    let place = |base: &&Base| {
        let message = format!("`{}` has no digest", base.image);
        let place = dockerfile.diagnostic(base.span.clone(), message);
        match &base.argument {
            Some(argument) if base.is_given => place.label(format!("`{argument}` is given another value")),
            _ => place.label("a tag can move"),
        }
    };
    Error::refused("`--locked` takes no base that was not resolved")
        .places(open.iter().map(place))
        .hint("`cargo xtask image --update-bases` writes the digests down")
}

/// Writes the digests of today into the Dockerfiles of the components, all or none, and says what has moved.
pub(super) fn update(cx: &Cx, components: &[&crate::config::Component]) -> Result<()> {
    let mut changes: Vec<(PathBuf, String)> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    let mut known = Asked::new();
    for component in components {
        let Some(image) = &component.image else { continue };
        let path = component.path.join(&image.dockerfile);
        let file = prepare::read(cx, &path)?;
        let bases = file.bases(&BTreeMap::new()).map_err(|problems| {
            Error::configuration(format!("the bases of `{}` cannot be told", path.display())).places(problems)
        })?;
        let mut names = Vec::new();
        for base in &bases {
            let (span, name, line) = moved(cx, &path, &file, base, &mut known)?;
            if !lines.contains(&line) {
                lines.push(line);
            }
            names.push((span, name));
        }
        let text = dockerfile::with_bases(file.text(), &names);
        if text != file.text() {
            changes.push((path, text));
        }
    }
    for (path, text) in &changes {
        files::write(&cx.root().join(path), text.as_bytes())?;
    }
    let files = changes.len();
    lines.push(format!("{files} {} changed", if files == 1 { "file" } else { "files" }));
    let data = serde_json::json!({ "changed": changes.iter().map(|(path, _)| path).collect::<Vec<_>>(), "bases": lines });
    cx.emit(crate::event::Body::Answer { text: lines.join("\n") + "\n", data });
    Ok(())
}

/// Where a base is written, what is to stand there, and a line about it.
fn moved(
    cx: &Cx,
    path: &Path,
    file: &Dockerfile,
    base: &Base,
    known: &mut Asked,
) -> Result<(Range<usize>, String, String)> {
    let name = base.image.split('@').next().unwrap_or_default();
    let digest = ask(cx, name, known)?.map_err(|why| {
        let place = file.diagnostic(base.span.clone(), format!("`{name}` cannot be resolved")).label(why);
        Error::missing("a base cannot be resolved, so nothing was written").places([place])
    })?;
    // As it is written, so that arguments within the name stay what they are.
    let written = file.text()[base.span.clone()].split('@').next().unwrap_or_default();
    let line = match base.digest() {
        Some(old) if old == digest.to_string() => format!("{}: `{name}` has not moved", path.display()),
        Some(old) => format!("{}: `{name}` has moved from {old} to {digest}", path.display()),
        None => format!("{}: `{name}` is {digest}", path.display()),
    };
    Ok((base.span.clone(), format!("{written}@{digest}"), line))
}
