//! The record of what was built: the file that a build of images leaves for the release of them.

use std::collections::BTreeMap;

use super::Image;
use crate::registry::{Digest, Invalid, Reference};

/// The version of the format of the record.
pub const FORMAT: u32 = 1;

/// All images of a build.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// The images.
    pub images: Vec<Built>,
}

/// An image that was built, and what is known about it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Built {
    /// Its name and digest.
    #[serde(flatten)]
    pub image: Image,
    /// What it runs on: `linux/amd64`.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// The bytes of its layers, compressed; 0 where that is not known.
    #[serde(default)]
    pub size: u64,
    /// Its labels; `org.opencontainers.image.revision` names the commit it was built from.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What it was built from, as one hash; empty where that is not known.
    #[serde(default)]
    pub fingerprint: String,
    /// How it was built, in words; empty where that is not known.
    #[serde(default)]
    pub built_by: String,
}

/// The label of an image that names the commit it was built from, by the OCI image specification.
const REVISION: &str = "org.opencontainers.image.revision";

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(format!("it has format {format}, and only {FORMAT} is known")),
            None => return Err("it does not say its `format`".to_owned()),
        }
        let record: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let mut seen = BTreeMap::new();
        for built in &record.images {
            let Image { component, reference, digest } = &built.image;
            let name: Reference = reference.parse().map_err(|Invalid { message, hint }| {
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                format!("the image of `{component}`: {message}{hint}")
            })?;
            if name.tag().is_none() || name.digest().is_some() {
                return Err(format!(
                    "the name of the image of `{component}` is not `repository:tag`: `{reference}`"
                ));
            }
            if digest.parse::<Digest>().is_err() {
                return Err(format!(
                    "the digest of `{reference}` is not `sha256:` and 64 digits: `{digest}`"
                ));
            }
            if seen.insert(name, digest).is_some_and(|other| other != digest) {
                return Err(format!("`{reference}` is there with two digests"));
            }
        }
        Ok(record)
    }

    /// The names and digests.
    pub fn images(&self) -> Vec<Image> {
        self.images.iter().map(|built| built.image.clone()).collect()
    }

    /// The commit that the images were built from, where all that name one name the same.
    pub fn commit(&self) -> Option<&str> {
        let mut commits = self.images.iter().filter_map(|built| built.labels.get(REVISION));
        let first = commits.next()?;
        commits.all(|commit| commit == first).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(images: &str) -> Result<Record, String> {
        Record::from_json(&format!("{{\"format\": 1, \"images\": [{images}]}}"))
    }

    fn image(reference: &str, digit: &str) -> String {
        let digest = digit.repeat(64);
        format!("{{\"component\": \"c\", \"reference\": \"{reference}\", \"digest\": \"sha256:{digest}\"}}")
    }

    #[test]
    fn name_and_digest_are_enough_and_more_is_kept() {
        let minimal = record(&image("r.io/o/c:1", "a")).unwrap();
        assert_eq!(minimal.images()[0].reference, "r.io/o/c:1");
        assert_eq!(minimal.commit(), None);
        let full = image("r.io/o/c:1", "a").replace(
            '}',
            ", \"platforms\": [\"linux/amd64\"], \"size\": 7, \"fingerprint\": \"f\", \"labels\": \
             {\"org.opencontainers.image.revision\": \"1234abc\"}}",
        );
        let full = record(&full).unwrap();
        assert_eq!((full.images[0].size, full.commit()), (7, Some("1234abc")));
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(Record::from_json(&json).unwrap(), full);
    }

    #[test]
    fn what_is_no_record_says_why() {
        let hub = format!("{}, {}", image("o/c:1", "a"), image("docker.io/o/c:1", "b"));
        let twice = format!("{}, {}", image("r.io/o/c:1", "a"), image("r.io/o/c:1", "b"));
        for (said, word) in [
            (Record::from_json("{").unwrap_err(), "EOF"),
            (Record::from_json("{\"images\": []}").unwrap_err(), "does not say"),
            (Record::from_json("{\"format\": 2}").unwrap_err(), "format 2"),
            (Record::from_json("{\"format\": 1}").unwrap_err(), "images"),
            (record(&image("r.io/o/c", "a")).unwrap_err(), "repository:tag"),
            (record(&image("r.io/O/c:1", "a")).unwrap_err(), "repositories are lowercase: `r.io/o/c:1`"),
            (record(&image("r.io/o/c:1", "g")).unwrap_err(), "64 digits"),
            (record(&twice).unwrap_err(), "two digests"),
            (record(&hub).unwrap_err(), "two digests"),
        ] {
            assert!(said.contains(word), "{said}");
        }
    }
}
