//! Payloads: the manifests of a component in one of its releases, kept so that they can be applied again.
//!
//! A payload never changes and its name holds the hash of its content: writing it twice is writing it once, and two releases
//! that apply the same share it. Compressing and storing is the driver's work; what is stored, and how large it may be, is said
//! here.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::text;

/// The version of what goes into a hash. Who changes that changes this, so that no two meanings share a name.
const VERSION: &[u8] = b"vitalyst release payload 1";

/// How many digits of the hash stand in the name. Payloads of one component must differ, not those of all.
const DIGITS: usize = 10;

/// The most bytes that a compressed payload may have: an object of the cluster takes 1 MiB, and a third of that is lost to
/// writing bytes as text.
pub const COMPRESSED_MAX: usize = 700 * 1024;

/// The longest name of an object in Kubernetes.
const NAME_MAX: usize = 253;

/// The name of a payload, by its content.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct PayloadName(Arc<str>);

impl PayloadName {
    fn of(workload: &str, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(VERSION);
        hasher.update(bytes);
        let hash = hasher.finalize().to_hex();
        Self(format!("{workload}-{}", hash.get(..DIGITS).unwrap_or_default()).into())
    }

    /// A name as it was written down; `None` where it cannot be one.
    pub fn read(text: &str) -> Option<Self> {
        let (workload, hash) = text.rsplit_once('-')?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_hash = hash.len() == DIGITS && hash.bytes().all(is_digit);
        (is_hash && text.len() <= NAME_MAX && is_name(workload)).then(|| Self(text.into()))
    }

    /// Its text: the name of the object that holds the payload.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether these are the bytes that it names. What was read back from a cluster is not applied before it was asked.
    pub fn names(&self, bytes: &[u8]) -> bool {
        self.0.rsplit_once('-').is_some_and(|(workload, _)| Self::of(workload, bytes) == *self)
    }
}

impl fmt::Display for PayloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why there can be no such payload.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unstorable {
    /// The name would be none that Kubernetes takes.
    #[error("`{0}` cannot begin the name of an object: letters a to z, digits, `-` and `.`, {max} at most", max = NAME_MAX - DIGITS - 1)]
    Name(String),
    /// It is too large.
    #[error("the manifests of `{name}` take {} compressed, {} at most can be kept", text::bytes(*.bytes as u64), text::bytes(COMPRESSED_MAX as u64))]
    Size {
        /// The payload.
        name: PayloadName,
        /// Its compressed size.
        bytes: usize,
    },
}

/// The manifests of a component in one of its releases.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payload {
    /// Its name.
    pub name: PayloadName,
    /// Its content, uncompressed: the same for the same objects, in whatever order their keys stood.
    pub bytes: Vec<u8>,
}

impl Payload {
    /// The payload of `objects`, in the order in which they are applied. `workload` begins its name.
    ///
    /// # Errors
    ///
    /// When `workload` cannot begin a name.
    pub fn new(workload: &str, objects: &[&Value]) -> Result<Self, Unstorable> {
        if !is_name(workload) || workload.len() + 1 + DIGITS > NAME_MAX {
            return Err(Unstorable::Name(workload.to_owned()));
        }
        // One object a line, each with its keys in order.
        let lines = objects.iter().flat_map(|object| [object.to_string(), "\n".to_owned()]);
        let bytes = lines.collect::<String>().into_bytes();
        Ok(Self { name: PayloadName::of(workload, &bytes), bytes })
    }

    /// Whether it can be kept when it takes so many bytes compressed.
    ///
    /// # Errors
    ///
    /// When it takes more than [`COMPRESSED_MAX`].
    pub fn admit(&self, compressed: usize) -> Result<(), Unstorable> {
        if compressed <= COMPRESSED_MAX {
            return Ok(());
        }
        Err(Unstorable::Size { name: self.name.clone(), bytes: compressed })
    }
}

/// Whether `text` can be a name, or begin one: what Kubernetes calls a DNS subdomain (RFC 1123).
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_payload_goes_by_its_content() {
        let payload = |objects: &[Value]| {
            Payload::new("vitalyst-backend", &objects.iter().collect::<Vec<_>>()).unwrap()
        };
        let one = payload(&[value(r#"{"kind": "Service", "spec": {"a": 1, "b": 2}}"#)]);
        let same = payload(&[value(r#"{"spec": {"b": 2, "a": 1}, "kind": "Service"}"#)]);
        assert_eq!(one, same);
        assert_eq!(one.bytes, b"{\"kind\":\"Service\",\"spec\":{\"a\":1,\"b\":2}}\n");
        assert!(one.name.as_str().starts_with("vitalyst-backend-"), "{}", one.name);
        assert_eq!(PayloadName::read(one.name.as_str()), Some(one.name.clone()));
        assert!(one.name.names(&one.bytes) && !one.name.names(b"{}\n"));
        let two = payload(&[json!({"kind": "Service"}), json!({"kind": "Deployment"})]);
        let turned = payload(&[json!({"kind": "Deployment"}), json!({"kind": "Service"})]);
        assert!(
            one.name != two.name && two.name != turned.name,
            "the order in which they are applied counts"
        );
    }

    #[test]
    fn names_and_sizes_have_their_limits() {
        for name in ["", "-a", "a-", "A", "a_b", "a..b", "ä", "a/b", &"a".repeat(243)] {
            let refused = Payload::new(name, &[]).unwrap_err().to_string();
            assert!(refused.contains("cannot begin the name"), "{refused}");
        }
        let longest = Payload::new(&"a".repeat(242), &[]).unwrap();
        assert_eq!((longest.name.as_str().len(), longest.admit(COMPRESSED_MAX)), (NAME_MAX, Ok(())));
        let refused = Payload::new("web", &[]).unwrap().admit(COMPRESSED_MAX + 1).unwrap_err().to_string();
        assert!(refused.contains("take 700.0 KiB compressed, 700.0 KiB at most"), "{refused}");
        for text in ["web", "web-0123", "web-012345678G", "-0123456789", "Web-0123456789"] {
            assert_eq!(PayloadName::read(text), None, "{text}");
        }
    }
}
