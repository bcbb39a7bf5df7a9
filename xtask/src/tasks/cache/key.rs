//! Makes the key with which trusted jobs sign what they upload.

use std::path::Path;

use crate::cx::Cx;
use crate::driver::cache;
use crate::error::{Context as _, Error, Result};
use crate::event::Body;

/// Makes a pair of keys: says the public one, and writes the private one to `out`, which must not be there yet and is a path
/// relative to the working folder.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where `out` is in this repository, or in any other.
pub fn key(cx: &Cx, out: &Path) -> Result<()> {
    let above = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real =
        |folder: &Path| folder.canonicalize().context(|| format!("could not look at `{}`", folder.display()));
    let (folder, root) = (real(above)?, real(cx.root())?);
    let in_repository =
        folder.starts_with(&root) || folder.ancestors().any(|above| above.join(".git").exists());
    if in_repository {
        return Err(Error::refused(format!("`{}` is in a repository", out.display()))
            .hint("whoever can read the private key can plant results: write it somewhere else"));
    }
    let public = cache::make_key(out)?;
    let text = format!(
        "public key: {public}\n\
         add it to `public-keys` in `[cache]` of xtask.toml\n\n\
         private key: in {}\n\
         make it the secret XTASK_CACHE_SIGNING_KEY of the jobs that may upload, and delete the file\n",
        out.display()
    );
    let data = serde_json::json!({ "public_key": public.to_string(), "private_key_file": out });
    cx.emit(Body::Answer { text, data });
    Ok(())
}
