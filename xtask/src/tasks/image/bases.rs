//! The images that builds begin with: which digest each has, and who says so.

use super::Options;
use crate::core::image::dockerfile::{Base, Dockerfile};
use crate::cx::Cx;
use crate::error::{Error, Result};

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
    for base in &open {
        let hint = match &base.argument {
            Some(argument) if base.is_given => {
                format!("give `{argument}` with its digest: `{}@sha256:…`", base.image)
            }
            _ => "`cargo xtask image --update-bases` writes the digests down".to_owned(),
        };
        cx.warn(
            format!("the base `{}` has no digest: it can change from one build to the next", base.image),
            hint,
        );
    }
    Ok(bases.iter().map(|base| base.digest().is_some().then(|| base.image.clone())).collect())
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
