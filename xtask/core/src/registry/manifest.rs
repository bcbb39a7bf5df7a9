//! The documents behind an image: its manifest, a list of them, its configuration.
//!
//! As in the OCI image specification 1.1; Docker's documents have the same fields. Fields that nobody here reads are not kept:
//! a document is passed on as the bytes it came in, never written anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::media::{EMPTY, OCI_INDEX, OCI_MANIFEST};
use super::{Digest, Invalid, MediaType};

/// The largest manifest that is read, in bytes. The distribution specification lets registries refuse larger ones.
pub const MANIFEST_SIZE_MAX: u64 = 4 << 20;

/// What the configuration of an artifact that has none consists of.
pub const EMPTY_CONFIG: &[u8] = b"{}";

/// Remarks on a document, by name: `org.opencontainers.image.revision`.
pub type Annotations = BTreeMap<String, String>;

/// A content that another document speaks of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: MediaType,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// What the artifact is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it runs on, in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub annotations: Annotations,
}

impl Descriptor {
    /// The descriptor of some bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: MediaType::new(media_type),
            digest: Digest::of(bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            artifact_type: None,
            platform: None,
            annotations: Annotations::new(),
        }
    }
}

/// What an image runs on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Platform {
    /// As Go names it: `linux`.
    pub os: String,
    /// As Go names it: `amd64`, `arm64`.
    pub architecture: String,
    /// The kind of processor: `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// An image for one platform, or an artifact.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    schema_version: u32,
    /// What this document is; some do not say it of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// What the artifact is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The image's configuration.
    pub config: Descriptor,
    /// Its layers, the base first.
    pub layers: Vec<Descriptor>,
    /// What this is a remark on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub annotations: Annotations,
}

impl Manifest {
    /// An artifact that says something about `subject`: an SBOM, a provenance.
    pub fn referrer(
        subject: Descriptor,
        artifact_type: &str,
        layers: Vec<Descriptor>,
        annotations: Annotations,
    ) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MediaType::new(OCI_MANIFEST)),
            artifact_type: Some(artifact_type.to_owned()),
            config: Descriptor::of(EMPTY, EMPTY_CONFIG),
            layers,
            subject: Some(Descriptor { annotations: Annotations::new(), ..subject }),
            annotations,
        }
    }

    /// The sum of its layers as they are stored, in bytes.
    pub fn layers_size(&self) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size))
    }
}

/// A list of manifests: one for each platform, or those that say something about one content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    schema_version: u32,
    /// What this document is; some do not say it of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The manifests.
    #[serde(deserialize_with = "or_default")]
    pub manifests: Vec<Descriptor>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub annotations: Annotations,
}

impl Index {
    /// A list of these.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MediaType::new(OCI_INDEX)),
            manifests,
            annotations: Annotations::new(),
        }
    }
}

/// What a manifest's bytes are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Document {
    /// For one platform.
    Manifest(Box<Manifest>),
    /// A list.
    Index(Index),
}

impl Document {
    /// Reads bytes that came as `media_type`.
    ///
    /// Refused are documents that can be read in two ways: one that says of itself another type than it came as, and a list
    /// that has layers (CVE-2021-41190).
    pub fn parse(media_type: &MediaType, bytes: &[u8]) -> Result<Self, Invalid> {
        let broken = |error: serde_json::Error| Invalid::new(format!("it is no manifest: {error}"));
        if !media_type.is_manifest() {
            return Err(Invalid::new(format!("it came as `{media_type}`, which is no type of a manifest")));
        }
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(bytes).map_err(broken)?;
        let version = fields.get("schemaVersion").unwrap_or(&serde_json::Value::Null);
        if *version != 2 {
            let message = format!("it is a manifest of version `{version}`, which nobody writes any more");
            return Err(Invalid::new(message).hint("push the image again with a current tool"));
        }
        let inside = fields.get("mediaType").and_then(serde_json::Value::as_str).map(MediaType::new);
        if let Some(inside) = inside.filter(|inside| inside != media_type) {
            return Err(Invalid::new(format!("it came as `{media_type}` and says it is `{inside}`")));
        }
        let one = fields.contains_key("config") || fields.contains_key("layers");
        if one == fields.contains_key("manifests") || one == media_type.is_index() {
            return Err(Invalid::new(format!(
                "it came as `{media_type}` and has the fields of another type"
            )));
        }
        if media_type.is_index() {
            return serde_json::from_slice(bytes).map(Self::Index).map_err(broken);
        }
        serde_json::from_slice(bytes).map(Self::Manifest).map_err(broken)
    }
}

/// What an image is run with.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct ImageConfig {
    /// When it was made, RFC 3339.
    #[serde(default)]
    pub created: Option<String>,
    /// As Go names it: `linux`.
    #[serde(default)]
    pub os: String,
    /// As Go names it: `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// How its process is started.
    #[serde(default, deserialize_with = "or_default")]
    pub config: Execution,
    /// What its files are made of.
    pub rootfs: RootFilesystem,
    /// How each layer came to be.
    #[serde(default, deserialize_with = "or_default")]
    pub history: Vec<History>,
}

/// How a container of an image is started.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    /// Who its process runs as: `user`, `10001`, `10001:10001`; empty for root.
    pub user: String,
    /// `3000/tcp`.
    #[serde(deserialize_with = "or_default")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    /// `NAME=value`.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// The program and its first arguments.
    #[serde(deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// The arguments behind them.
    #[serde(deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// Folders that are volumes.
    #[serde(deserialize_with = "or_default")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// The folder it starts in.
    pub working_dir: String,
    /// Remarks.
    #[serde(deserialize_with = "or_default")]
    pub labels: Annotations,
    /// What asks whether it is well; Docker's own, not in the OCI specification.
    pub healthcheck: Option<serde_json::Value>,
    /// The signal that asks it to end.
    pub stop_signal: Option<String>,
}

/// The layers, as they are unpacked.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct RootFilesystem {
    /// The digest of each unpacked layer, the base first.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// How a layer came to be.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct History {
    /// The step of the Dockerfile.
    pub created_by: String,
    /// Whether the step made no layer.
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Reads the bytes that a manifest's `config` speaks of.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        serde_json::from_slice(bytes)
            .map_err(|error| Invalid::new(format!("it is no configuration of an image: {error}")))
    }
}

/// Go writes an empty list or map as `null`.
fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::super::media::{DOCKER_LIST, DOCKER_MANIFEST};
    use super::*;

    fn descriptor() -> serde_json::Value {
        serde_json::to_value(Descriptor::of(EMPTY, EMPTY_CONFIG)).unwrap()
    }

    #[test]
    fn documents_are_read_as_what_they_came_as() {
        let one = serde_json::json!({
            "schemaVersion": 2, "config": descriptor(), "layers": [descriptor(), descriptor()],
            "annotations": null, "unknown": 1,
        });
        let list = serde_json::json!({"schemaVersion": 2, "manifests": null});
        for (media_type, value) in
            [(OCI_MANIFEST, &one), (DOCKER_MANIFEST, &one), (OCI_INDEX, &list), (DOCKER_LIST, &list)]
        {
            let media_type = MediaType::new(media_type);
            match Document::parse(&media_type, value.to_string().as_bytes()).unwrap() {
                Document::Manifest(manifest) => {
                    assert!(!media_type.is_index());
                    assert_eq!((manifest.layers.len(), manifest.layers_size()), (2, 4));
                }
                Document::Index(index) => assert!(media_type.is_index() && index.manifests.is_empty()),
            }
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let (one, list) = (MediaType::new(OCI_MANIFEST), MediaType::new(OCI_INDEX));
        let bad_descriptor = serde_json::json!({"mediaType": "a/b", "digest": "sha256:1", "size": 1});
        let negative = serde_json::json!({"mediaType": "a/b", "digest": Digest::of(b""), "size": -1});
        let table = [
            (&one, String::new()),
            (&one, "[]".to_owned()),
            (&MediaType::new("text/html"), "{}".to_owned()),
            (&one, serde_json::json!({"schemaVersion": 1}).to_string()),
            (&one, serde_json::json!({"schemaVersion": 2}).to_string()),
            (&one, serde_json::json!({"schemaVersion": 2, "manifests": []}).to_string()),
            (&list, serde_json::json!({"schemaVersion": 2, "manifests": [], "layers": []}).to_string()),
            (
                &list,
                serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "manifests": []})
                    .to_string(),
            ),
            (
                &one,
                serde_json::json!({"schemaVersion": 2, "config": bad_descriptor, "layers": []}).to_string(),
            ),
            (&one, serde_json::json!({"schemaVersion": 2, "config": negative, "layers": []}).to_string()),
        ];
        let said =
            table.map(|(media_type, text)| Document::parse(media_type, text.as_bytes()).unwrap_err().message);
        expect_test::expect![[r#"
            it is no manifest: EOF while parsing a value at line 1 column 0
            it is no manifest: invalid type: sequence, expected a map at line 1 column 0
            it came as `text/html`, which is no type of a manifest
            it is a manifest of version `1`, which nobody writes any more
            it came as `application/vnd.oci.image.manifest.v1+json` and has the fields of another type
            it came as `application/vnd.oci.image.manifest.v1+json` and has the fields of another type
            it came as `application/vnd.oci.image.index.v1+json` and has the fields of another type
            it came as `application/vnd.oci.image.index.v1+json` and says it is `application/vnd.oci.image.manifest.v1+json`
            it is no manifest: `sha256:1` is no digest at line 1 column 30
            it is no manifest: invalid value: integer `-1`, expected u64 at line 1 column 121"#]].assert_eq(&said.join("\n"));
    }

    #[test]
    fn a_referrer_reads_back_as_what_it_is() {
        let subject = Descriptor::of(OCI_MANIFEST, b"subject");
        let annotations = Annotations::from([("a".to_owned(), "b".to_owned())]);
        let layer = Descriptor::of("application/json", b"{}");
        let manifest = Manifest::referrer(subject.clone(), "application/spdx+json", vec![layer], annotations);
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let Document::Manifest(read) = Document::parse(&MediaType::new(OCI_MANIFEST), &bytes).unwrap() else {
            panic!("it is a manifest")
        };
        assert_eq!((read.subject.as_ref(), read.config.size), (Some(&subject), 2));
        assert_eq!(*read, manifest);
    }

    #[test]
    fn configurations_of_every_builder_are_read() {
        let text = serde_json::json!({
            "created": "2024-01-01T00:00:00Z", "architecture": "amd64", "os": "linux",
            "config": {"User": "10001", "ExposedPorts": {"8000/tcp": {}}, "Env": null, "Entrypoint": ["/app"], "Cmd": null,
                "Labels": {"a": "b"}, "Healthcheck": {"Test": ["NONE"]}, "ArgsEscaped": true},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"")]},
            "history": [{"created_by": "COPY . .", "comment": "x"}, {"empty_layer": true}],
        });
        let config = ImageConfig::parse(text.to_string().as_bytes()).unwrap();
        assert_eq!((config.config.user.as_str(), config.rootfs.diff_ids.len()), ("10001", 1));
        assert!(config.config.exposed_ports.contains_key("8000/tcp") && config.history[1].empty_layer);
        let artifact = br#"{"rootfs": {"diff_ids": null}, "config": null}"#;
        assert_eq!(ImageConfig::parse(artifact).unwrap(), ImageConfig::default());
        assert!(ImageConfig::parse(EMPTY_CONFIG).is_err());
    }
}
