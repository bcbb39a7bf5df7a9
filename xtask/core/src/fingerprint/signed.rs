//! A result on a server that others can write to: signed, so that only what a trusted job made is believed.
//!
//! The form: a line that names it, the public key of the signer (32 bytes), the signature (64 bytes, Ed25519, RFC 8032), and
//! the statement that is signed: the contents that the result needs, each with its size, its digest and the name under which
//! the server has it, and the [`Entry`] itself. What is signed begins with a domain and the key of the result: a signature
//! never speaks for anything but this form, and a sound result of another key is not one of this.
//!
//! Nothing is read out of a statement before its signature was found to be right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::codec::{Reader, Writer};
use super::entry::{Entry, EntryError};
use super::manifest::Item;
use super::{Content, Digest};

/// The first line.
const MAGIC: &[u8] = b"xtask signed result 1\n";

/// The domain of signatures.
const DOMAIN: &str = "xtask 2026-11 signed result, format 1";

/// How long a signature is, in bytes.
const SIGNATURE: usize = 64;

/// A public key of Ed25519: whose results are believed.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key that this base64 of 32 bytes is. The error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|_| "is no base64".to_owned())?;
        let count = bytes.len();
        bytes.try_into().map(Self).map_err(|_| format!("holds {count} bytes, not 32"))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The private key of a trusted job. It does not show itself.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The key that this base64 of a PKCS #8 document (RFC 5958) holds; `None` where it is none of Ed25519.
    pub fn parse(text: &str) -> Option<Self> {
        let document = STANDARD.decode(text.trim()).ok()?;
        // Without the public key in it, too: `openssl genpkey` leaves that out.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document).ok().map(Self)
    }

    /// A PKCS #8 document as [`Self::parse`] reads it.
    pub fn text_of(document: &[u8]) -> String {
        STANDARD.encode(document)
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The signed form of the result under `key`, whose entry and contents these are.
    pub fn sign(&self, key: &Digest, entry: &Entry, blobs: &[Blob]) -> Vec<u8> {
        let mut statement = Writer::default();
        statement.number(blobs.len() as u64);
        for Blob { digest, name, size } in blobs {
            statement.digest(digest).digest(&Digest::new(name.0)).number(*size);
        }
        statement.blob(&entry.encode(key));
        let signature = self.0.sign(&message(key, statement.bytes()));
        [MAGIC, &self.public().0, signature.as_ref(), statement.bytes()].concat()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public()).finish()
    }
}

/// The name of bytes on a server: their SHA-256 digest, because servers for this protocol look whether it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Name([u8; 32]);

impl Name {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut name = [0; 32];
        name.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Self(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A content that a result needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Blob {
    /// Its digest, by which it is believed.
    pub digest: Digest,
    /// Its name on the server, by which it is found.
    pub name: Name,
    /// How many bytes it is.
    pub size: u64,
}

/// A result whose signature was right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The result.
    pub entry: Entry,
    /// What it needs, each content once: exactly what the entry names.
    pub blobs: Vec<Blob>,
}

/// Why a result is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It is not in the form of this version.
    #[error("it is not signed")]
    Unsigned,
    /// Somebody has signed it whose key is not among the trusted ones.
    #[error("it is signed with the key `{0}`, which is not trusted")]
    UnknownKey(PublicKey),
    /// The signature is not one of these bytes, or not for this key.
    #[error("its signature is wrong")]
    WrongSignature,
    /// A trusted job signed what makes no sense.
    #[error("it is damaged, and was signed like that")]
    Damaged,
    /// A trusted job signed an entry that is none of this key, or would write where it must not.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A trusted job signed a list of contents that is not that of the entry.
    #[error("the contents that it lists are not those that it needs")]
    OtherContents,
}

impl Signed {
    /// The result under `key`, from bytes that may be anything, signed by one of `trusted`.
    pub fn decode(bytes: &[u8], key: &Digest, trusted: &[PublicKey]) -> Result<Self, Refusal> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Refusal::Unsigned)?;
        let (public, rest) = rest.split_first_chunk().ok_or(Refusal::Unsigned)?;
        let (signature, statement) = rest.split_at_checked(SIGNATURE).ok_or(Refusal::Unsigned)?;
        let public = PublicKey(*public);
        if !trusted.contains(&public) {
            return Err(Refusal::UnknownKey(public));
        }
        UnparsedPublicKey::new(&ED25519, public.0)
            .verify(&message(key, statement), signature)
            .map_err(|_| Refusal::WrongSignature)?;
        let (blobs, entry) = read(statement).ok_or(Refusal::Damaged)?;
        let entry = Entry::decode(entry, key)?;
        entry.origin.read(key)?;
        if !lists_exactly(&blobs, &entry) {
            return Err(Refusal::OtherContents);
        }
        Ok(Self { entry, blobs })
    }

    /// How many bytes all its contents are.
    pub fn size(&self) -> u64 {
        self.blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
    }
}

/// What is signed.
fn message(key: &Digest, statement: &[u8]) -> Vec<u8> {
    let mut message = Writer::with_capacity(statement.len() + 128);
    message.text(DOMAIN).digest(key).blob(statement);
    message.bytes().to_vec()
}

fn read(statement: &[u8]) -> Option<(Vec<Blob>, &[u8])> {
    let mut reader = Reader::new(statement);
    let mut blobs = Vec::new();
    for _ in 0..reader.number()? {
        let (digest, name) = (reader.digest()?, Name(*reader.digest()?.bytes()));
        blobs.push(Blob { digest, name, size: reader.number()? });
    }
    let entry = reader.blob()?;
    reader.is_empty().then_some((blobs, entry))
}

fn lists_exactly(blobs: &[Blob], entry: &Entry) -> bool {
    let sizes: BTreeMap<Digest, u64> = blobs.iter().map(|blob| (blob.digest, blob.size)).collect();
    let needed: BTreeSet<Digest> = entry.blobs().collect();
    let fits = |item: &Item| match &item.content {
        Content::File { digest, size, .. } => match entry.contents.get(digest) {
            Some(bytes) => bytes.len() as u64 == *size,
            None => sizes.get(digest) == Some(size),
        },
        Content::Link { .. } | Content::Folder { .. } => true,
    };
    sizes.len() == blobs.len() && sizes.keys().eq(&needed) && entry.outputs.files().iter().all(fits)
}

#[cfg(test)]
mod tests;
