//! What images are called.

use std::fmt::Write as _;

/// How many digits of a fingerprint a tag has: 128 bits, far beyond any chance of two contexts with one tag.
const TAG_DIGITS: usize = 32;

/// The longest name of a repository, registry included, that the distribution specification allows for.
const NAME_MAX: usize = 255;

/// Where images of a repository go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Home {
    /// Registry and path below which the images are: `ghcr.io/owner`, `127.0.0.1:5000`.
    pub prefix: String,
    /// What a reader should know about how it came about.
    pub remark: Option<String>,
}

impl Home {
    /// The home of the images of `owner` in `registry`, which may have a path of its own.
    ///
    /// Names of images are lowercase; owners on GitHub need not be.
    ///
    /// # Errors
    ///
    /// What is wrong with the words, in words.
    pub fn new(registry: &str, owner: Option<&str>) -> Result<Self, String> {
        let registry = registry.trim_end_matches('/');
        if registry.contains("://") {
            return Err(format!(
                "`{registry}` is a URL: a registry is written `host`, `host:port` or `host/path`"
            ));
        }
        let given = match owner {
            Some(owner) => format!("{registry}/{owner}"),
            None => registry.to_owned(),
        };
        let prefix = given.to_lowercase();
        let well =
            !registry.is_empty() && prefix.len() < NAME_MAX / 2 && prefix.split('/').enumerate().all(part);
        if !well {
            return Err(format!("`{given}` is no place for images"));
        }
        let remark = (prefix != given)
            .then(|| format!("images have lowercase names: `{given}` is written `{prefix}`"));
        Ok(Self { prefix, remark })
    }

    /// The name of the image of a component, without a tag: `ghcr.io/owner/vitalyst-backend`.
    pub fn repository(&self, project: &str, component: &str) -> String {
        format!("{}/{}", self.prefix, image(project, component))
    }
}

/// The name of the image of a component in whatever registry: `vitalyst-backend`.
pub fn image(project: &str, component: &str) -> String {
    format!("{}-{}", word(project), word(component))
}

/// Whether a part of a name is one. The first is a host and may have a port.
fn part((position, text): (usize, &str)) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| edge(c) || matches!(c, '.' | '_' | '-');
    let (name, port) = match text.split_once(':') {
        Some((name, port)) if position == 0 => (name, port),
        _ => (text, "0"),
    };
    name.starts_with(edge)
        && name.ends_with(edge)
        && name.chars().all(inner)
        && port.chars().all(|c| c.is_ascii_digit())
        && !port.is_empty()
}

/// A word that may stand in a name.
fn word(text: &str) -> String {
    let mut word = String::new();
    for c in text.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else if !word.is_empty() && !word.ends_with('-') {
            word.push('-');
        }
    }
    word.trim_end_matches('-').to_owned()
}

/// The tag under which an image is found by what it was made from.
pub fn fingerprint_tag(fingerprint: &str) -> String {
    format!("fingerprint-{}", fingerprint.get(..TAG_DIGITS).unwrap_or(fingerprint))
}

/// The tag for people: the commit of the tree, and what was changed since, where something was.
pub fn commit_tag(commit: Option<&str>, is_dirty: bool, fingerprint: &str) -> String {
    let mut tag = commit.unwrap_or("uncommitted").to_owned();
    if is_dirty {
        // Writing to a string cannot fail.
        write!(tag, "-dirty-{}", fingerprint.get(..12).unwrap_or(fingerprint)).unwrap_or_default();
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_lowercase_and_it_is_said() {
        let home = Home::new("ghcr.io", Some("Ada-Lovelace")).unwrap();
        assert_eq!(home.repository("Vitalyst", "backend"), "ghcr.io/ada-lovelace/vitalyst-backend");
        assert!(home.remark.unwrap().contains("`ghcr.io/Ada-Lovelace` is written `ghcr.io/ada-lovelace`"));
        let home = Home::new("127.0.0.1:5000/", None).unwrap();
        assert_eq!((home.prefix.as_str(), &home.remark), ("127.0.0.1:5000", &None));
        assert_eq!(home.repository("my  repo!", "web_1"), "127.0.0.1:5000/my-repo-web-1");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for registry in ["", "https://ghcr.io", "a b", "ghcr.io:port", "ghcr.io//x", "-x", "ghcr.io/a:1"] {
            assert!(Home::new(registry, None).is_err(), "{registry}");
        }
    }

    #[test]
    fn tags_name_commit_and_content() {
        let fingerprint = "0123456789abcdef".repeat(4);
        assert_eq!(fingerprint_tag(&fingerprint), "fingerprint-0123456789abcdef0123456789abcdef");
        assert_eq!(commit_tag(Some("c0ffee"), false, &fingerprint), "c0ffee");
        assert_eq!(commit_tag(Some("c0ffee"), true, &fingerprint), "c0ffee-dirty-0123456789ab");
        assert_eq!(commit_tag(None, true, &fingerprint), "uncommitted-dirty-0123456789ab");
    }
}
