//! Keys that results are signed with.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;

use crate::core::fingerprint::signed::{PublicKey, Signer};
use crate::error::{Context as _, Error, Result};

/// Makes a key and writes it to a file that nobody but its owner can read and that must not be there yet: the base64 of a
/// PKCS #8 document. Returns the public key.
pub fn make_key(path: &Path) -> Result<PublicKey> {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok();
    let text = made.map(|document| Signer::text_of(document.as_ref()));
    let text = text.ok_or_else(|| Error::missing("the system gave no random numbers"))?;
    let signer = Signer::parse(&text).ok_or_else(|| Error::bug("a key that was just made is none"))?;
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")
        })
        .context(|| format!("could not write the private key to `{}`", path.display()))?;
    Ok(signer.public())
}
