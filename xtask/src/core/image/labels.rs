//! The labels of images: the keys of the OCI image specification, `annotations.md`.

use std::collections::BTreeMap;

use crate::core::calendar::timestamp;

/// The commit that an image was made from.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// When the content of an image came about: the time of that commit.
pub const CREATED: &str = "org.opencontainers.image.created";
/// Where the sources are.
pub const SOURCE: &str = "org.opencontainers.image.source";
/// The version of what is packaged.
pub const VERSION: &str = "org.opencontainers.image.version";
/// An SPDX expression of its licences.
pub const LICENSES: &str = "org.opencontainers.image.licenses";
/// What people call it.
pub const TITLE: &str = "org.opencontainers.image.title";

/// The last commit that touched a component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revision {
    /// Its name; with `-dirty` behind it where something in the component was changed since.
    pub name: String,
    /// When it was committed, in seconds since 1970.
    pub time: u64,
}

/// What is known about an image whatever the commit.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What people call it.
    pub title: String,
    /// Where the sources are.
    pub source: Option<String>,
    /// The version of what is packaged.
    pub version: Option<String>,
    /// An SPDX expression.
    pub licenses: Option<String>,
}

/// The labels that do not depend on the commit.
pub fn lasting(facts: &Facts) -> BTreeMap<String, String> {
    let pairs = [
        (TITLE, Some(facts.title.clone())),
        (SOURCE, facts.source.clone()),
        (VERSION, facts.version.clone()),
        (LICENSES, facts.licenses.clone()),
    ];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// All labels of an image.
pub fn labels(facts: &Facts, revision: &Revision) -> BTreeMap<String, String> {
    let mut labels = lasting(facts);
    labels.insert(REVISION.to_owned(), revision.name.clone());
    labels.insert(CREATED.to_owned(), timestamp(revision.time));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_labels_follow_the_commit() {
        let facts =
            Facts { title: "backend".to_owned(), licenses: Some("MIT".to_owned()), ..Facts::default() };
        let all = labels(&facts, &Revision { name: "c0ffee".to_owned(), time: 60 });
        let extra: Vec<&str> =
            all.keys().filter(|key| !lasting(&facts).contains_key(*key)).map(String::as_str).collect();
        assert_eq!(extra, [CREATED, REVISION]);
        assert_eq!(all[CREATED], "1970-01-01T00:01:00Z");
    }
}
