//! Media types: what the bytes behind a digest are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A media type, without parameters: `application/vnd.oci.image.manifest.v1+json`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct MediaType(String);

/// An image for one platform, as OCI writes it.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image for several platforms, as OCI writes it.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image for one platform, as Docker writes it.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// An image for several platforms, as Docker writes it.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The configuration of an artifact that has none: the two bytes `{}`.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What is asked for when a manifest is: all that there are. A registry answers 404 for one that is there and was not
/// asked for.
pub const ACCEPT: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];

impl MediaType {
    /// What a `Content-Type` says, without its parameters.
    pub fn new(text: &str) -> Self {
        let essence = text.split(';').next().unwrap_or_default();
        Self(essence.trim().to_ascii_lowercase())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a list of manifests, one for each platform.
    pub fn is_index(&self) -> bool {
        self.0 == OCI_INDEX || self.0 == DOCKER_LIST
    }

    /// Whether this is a manifest or a list of them.
    pub fn is_manifest(&self) -> bool {
        ACCEPT.contains(&self.as_str())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_make_no_difference() {
        let index = MediaType::new(" Application/vnd.oci.image.INDEX.v1+json; charset=utf-8");
        assert_eq!(index.as_str(), OCI_INDEX);
        assert!(index.is_index() && index.is_manifest());
        assert!(!MediaType::new(DOCKER_MANIFEST).is_index());
        assert!(!MediaType::new("text/html").is_manifest() && !MediaType::new("").is_manifest());
    }
}
