//! One hash of everything that an image is made from: two builds with one fingerprint make the same image.
//!
//! Every part goes in with its length in front, so that no two lists of parts read as the same bytes; and a version of this
//! format goes in first, so that a change of it changes every fingerprint. What is left out must not show in the image:
//! the engine, the certificates of the build, and the commit (a revert makes the image of before).

use std::collections::BTreeMap;

use super::context::{Entry, Kind};

/// The version of what goes in and how. It also rises when the way in which images are built changes.
const FORMAT: u32 = 2;

/// What an image is made from.
#[derive(Clone, Debug)]
pub struct Inputs<'i> {
    /// The text of the Dockerfile.
    pub dockerfile: &'i str,
    /// What is in the context, and the hash of each file's content; in the order of their paths.
    pub context: &'i [(Entry, Option<blake3::Hash>)],
    /// The build arguments.
    pub arguments: &'i BTreeMap<String, String>,
    /// The labels, but for those that name the commit.
    pub labels: &'i BTreeMap<String, String>,
    /// The bases, each with its digest or, where nobody could say one, its name alone.
    pub bases: &'i [String],
    /// The platform; none stands for the engine's own.
    pub platform: Option<&'i str>,
}

/// The fingerprint: 64 hexadecimal digits.
pub fn fingerprint(inputs: &Inputs<'_>) -> String {
    let mut hash = Hash(blake3::Hasher::new());
    hash.part(&FORMAT.to_le_bytes());
    hash.part(inputs.dockerfile.as_bytes());
    hash.count(inputs.context.len());
    for (entry, content) in inputs.context {
        hash.part(entry.path.as_bytes());
        hash.part(&entry.mode.to_le_bytes());
        match &entry.kind {
            Kind::File { .. } => hash.part(b"file"),
            Kind::Link { target } => {
                hash.part(b"link");
                hash.part(target.as_bytes());
            }
            Kind::Folder => hash.part(b"folder"),
            Kind::Other => hash.part(b"other"),
        }
        hash.part(content.as_ref().map_or(&[][..], |content| content.as_bytes()));
    }
    for map in [inputs.arguments, inputs.labels] {
        hash.count(map.len());
        for (name, value) in map {
            hash.part(name.as_bytes());
            hash.part(value.as_bytes());
        }
    }
    hash.count(inputs.bases.len());
    for base in inputs.bases {
        hash.part(base.as_bytes());
    }
    hash.count(usize::from(inputs.platform.is_some()));
    hash.part(inputs.platform.unwrap_or_default().as_bytes());
    hash.0.finalize().to_hex().to_string()
}

struct Hash(blake3::Hasher);

impl Hash {
    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_le_bytes());
    }

    fn part(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every single change of what goes in changes the fingerprint, and moving a byte from one part to its neighbour too.
    #[test]
    fn everything_counts_and_nothing_runs_together() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let file = |path: &str, mode, content: &str| {
            let kind = Kind::File { size: content.len() as u64 };
            (Entry { path: path.to_owned(), mode, kind }, Some(blake3::hash(content.as_bytes())))
        };
        let link = |target: &str| {
            (
                Entry { path: "l".to_owned(), mode: 0o777, kind: Kind::Link { target: target.to_owned() } },
                None,
            )
        };
        let folder = (Entry { path: "l".to_owned(), mode: 0o777, kind: Kind::Folder }, None);
        let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
        let contexts = [
            vec![],
            vec![file("a", 0o644, "x")],
            vec![file("a", 0o755, "x")],
            vec![file("a", 0o644, "y")],
            vec![file("b", 0o644, "x")],
            vec![file("a", 0o644, "x"), file("b", 0o644, "")],
            vec![link("a")],
            vec![link("b")],
            vec![folder],
        ];
        let arguments = [map(&[]), map(&[("A", "b")]), map(&[("Ab", "")]), map(&[("A", "b"), ("C", "")])];
        let platforms = [None, Some(""), Some("ab"), Some("b")];
        let lists = [list(&[]), list(&["ab"]), list(&["a", "b"])];
        let mut seen = BTreeMap::new();
        for dockerfile in ["", "FROM a"] {
            for context in &contexts {
                for (index, arguments) in arguments.iter().enumerate() {
                    for (bases, platform) in
                        lists.iter().flat_map(|one| platforms.iter().map(move |two| (one, *two)))
                    {
                        let labels = &map(&[("l", &index.to_string())]);
                        for (arguments, labels) in [(arguments, labels), (labels, arguments)] {
                            let inputs = Inputs { dockerfile, context, arguments, labels, bases, platform };
                            let what = format!("{inputs:?}");
                            assert_eq!(fingerprint(&inputs), fingerprint(&inputs));
                            assert_eq!(seen.insert(fingerprint(&inputs), what), None);
                        }
                    }
                }
            }
        }
    }
}
