//! The labels of images: the keys of the OCI image specification, `annotations.md`.

use std::collections::BTreeMap;

use crate::calendar::timestamp;

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

/// The text of a Dockerfile with one `LABEL` behind it, and the labels that are left for the command line.
///
/// To buildah every `--label` is an instruction, and every instruction a commit; one instruction is one commit, however many
/// labels it has. It stands behind everything else, so that each line of the file
/// keeps its number. Left over is what would have to be escaped, since parsers of Dockerfiles differ in how; and everything
/// where the file ends in the middle of an instruction.
pub fn behind(text: &str, labels: &BTreeMap<String, String>) -> (String, BTreeMap<String, String>) {
    let is_plain = |text: &str| !text.contains(|c: char| c.is_control() || "\"\\$`".contains(c));
    let is_whole = !text.trim_end().ends_with(['\\', '`']);
    let (held, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
        labels.clone().into_iter().partition(|(_, value)| is_whole && is_plain(value));
    if held.is_empty() {
        return (text.to_owned(), left);
    }
    let words: Vec<String> = held.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    (format!("{text}{newline}LABEL {}\n", words.join(" ")), left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_behind_the_dockerfile_in_one_line() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let two = map(&[("a", "MIT OR Apache-2.0"), ("b", "#1")]);
        let none = map(&[]);
        let labelled = "FROM x\nLABEL a=\"MIT OR Apache-2.0\" b=\"#1\"\n";
        assert_eq!(behind("FROM x\n", &two), (labelled.to_owned(), none.clone()));
        assert_eq!(behind("FROM x", &two), (labelled.to_owned(), none.clone()));
        assert_eq!(behind("FROM x", &none), ("FROM x".to_owned(), none));
        // What follows a continued line would be a part of it.
        for open in ["FROM x\nCMD x \\\n", "FROM x\nCMD x \\ \n\n", "# escape=`\nFROM x\nCMD x `"] {
            assert_eq!(behind(open, &two), (open.to_owned(), two.clone()));
        }
        for odd in ["a\nRUN evil", "\"", "$HOME", "\\", "`"] {
            let (text, left) = behind("FROM x\n", &map(&[("a", "1"), ("odd", odd)]));
            assert_eq!((text.as_str(), left), ("FROM x\nLABEL a=\"1\"\n", map(&[("odd", odd)])));
        }
    }

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
