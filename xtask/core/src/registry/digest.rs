//! Digests: the name of a content is what it is.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use ring::digest::{Context, SHA256, SHA512};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Invalid;

/// How a digest is computed. The OCI image specification registers these two.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// What everybody uses.
    Sha256,
    /// What a registry may use for contents that it was given so.
    Sha512,
}

impl Algorithm {
    /// Its name in a digest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits it has.
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// `sha256:` and 64 digits, or `sha512:` and 128: lowercase and complete, or it would not be one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        hasher.finish()
    }

    /// How it was computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digits, without the algorithm.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Whether these bytes are what the digest names.
    pub fn names(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish() == *self
    }

    /// What computes a digest to compare with this one.
    pub fn hasher(&self) -> Hasher {
        Hasher::new(self.algorithm)
    }

    /// The tag under which referrers of this content are listed in a registry without the referrers API: `sha256-…`, cut to
    /// the length that tags may have (distribution specification, "Referrers Tag Schema").
    pub fn tag(&self) -> String {
        let mut tag = format!("{}-{}", self.algorithm.name(), self.hex);
        tag.truncate(super::reference::TAG_LENGTH_MAX);
        tag
    }
}

/// Computes a digest of what comes in pieces.
pub struct Hasher {
    algorithm: Algorithm,
    context: Context,
}

impl Hasher {
    /// A digest of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let method = match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        };
        Self { algorithm, context: Context::new(method) }
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        let mut hex = String::with_capacity(self.algorithm.length());
        for byte in self.context.finish().as_ref() {
            // Writing to a string cannot fail.
            write!(hex, "{byte:02x}").unwrap_or_default();
        }
        Digest { algorithm: self.algorithm, hex }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl FromStr for Digest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (name, hex) = text.split_once(':').unwrap_or((text, ""));
        let known = [Algorithm::Sha256, Algorithm::Sha512];
        let Some(algorithm) = known.into_iter().find(|algorithm| algorithm.name() == name) else {
            return Err(Invalid::new(format!("`{text}` is no digest"))
                .hint("a digest is `sha256:` and 64 digits, or `sha512:` and 128"));
        };
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() != algorithm.length() || !hex.bytes().all(digit) {
            let length = algorithm.length();
            return Err(Invalid::new(format!("`{text}` is no digest"))
                .hint(format!("behind `{name}:` stand {length} digits from 0 to 9 and a to f")));
        }
        Ok(Self { algorithm, hex: hex.to_owned() })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_have_the_digests_that_the_standard_says() {
        // FIPS 180-4, examples for the one-block message `abc`.
        let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(Digest::of(b"abc").to_string(), sha256);
        for text in [sha256, sha512] {
            let digest: Digest = text.parse().unwrap();
            assert!(digest.names(b"abc") && !digest.names(b"abd"), "{text}");
            let mut hasher = digest.hasher();
            b"abc".iter().for_each(|byte| hasher.update(&[*byte]));
            assert_eq!(hasher.finish(), digest);
            assert_eq!(serde_json::to_value(&digest).unwrap(), text);
            assert!(digest.tag().len() <= 128 && digest.tag().starts_with(&text[..6]));
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let upper = format!("sha256:{}", "A".repeat(64));
        let long = format!("sha256:{}", "a".repeat(65));
        let other = format!("md5:{}", "a".repeat(32));
        for text in ["", "sha256", "sha256:", "sha256:12", &upper, &long, &other, "sha512:é"] {
            assert!(text.parse::<Digest>().unwrap_err().hint.is_some(), "{text}");
        }
    }
}
