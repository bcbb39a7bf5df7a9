//! The name of an image, completed as Docker completes it.
//!
//! The grammar is that of github.com/distribution/reference; the defaults are those of its `ParseNormalizedNamed`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Digest, Invalid};
use crate::http::url::{host_of, is_host, is_loopback};

/// The longest tag, in characters.
pub const TAG_LENGTH_MAX: usize = 128;

/// The longest name of a repository with its registry, in characters.
const NAME_LENGTH_MAX: usize = 255;

/// The registry of a name that says none.
pub const DOCKER_HUB: &str = "docker.io";

/// The tag of a name that says neither tag nor digest.
const LATEST: &str = "latest";

/// The name of an image: `[registry/]repository[:tag][@digest]`, with nothing left open.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry, with its port where it has one: `ghcr.io`, `localhost:5000`, `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Whether the registry is this machine: the only one that may be spoken to without TLS.
    pub fn is_loopback(&self) -> bool {
        is_loopback(host_of(&self.registry))
    }

    /// The repository in the registry: `owner/name`, `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag that was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest that was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Registry and repository: the name without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What a registry is asked for: the digest, or else the tag, or else `latest`.
    pub fn identifier(&self) -> String {
        match &self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag.as_deref().unwrap_or(LATEST).to_owned(),
        }
    }

    /// The same repository, this tag and no digest.
    pub fn with_tag(&self, tag: &str) -> Result<Self, Invalid> {
        check_tag(tag)?;
        Ok(Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// The same repository, this digest and no tag.
    pub fn with_digest(&self, digest: &Digest) -> Self {
        Self { tag: None, digest: Some(digest.clone()), ..self.clone() }
    }
}

impl FromStr for Reference {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let what = || format!("`{text}` is no name of an image");
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let digest = digest.map(Digest::from_str).transpose()?;
        // A colon before a slash belongs to the port of the registry.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        tag.map_or(Ok(()), check_tag)?;
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (first, rest.to_owned()),
            // What stands before the first slash is a registry only if it looks like one: `owner/name` is on Docker Hub.
            Some(_) => (DOCKER_HUB, name.to_owned()),
            None => (DOCKER_HUB, format!("library/{name}")),
        };
        let (registry, repository) = match registry {
            "index.docker.io" | DOCKER_HUB if repository.contains('/') => (DOCKER_HUB, repository),
            "index.docker.io" | DOCKER_HUB => (DOCKER_HUB, format!("library/{repository}")),
            _ => (registry, repository),
        };
        if !is_host(registry) {
            return Err(Invalid::new(what())
                .hint(format!("`{registry}` is no registry: write `host` or `host:port`")));
        }
        if name.len() > NAME_LENGTH_MAX {
            return Err(Invalid::new(format!("the name of an image has {} characters", name.len())).hint(
                format!("{NAME_LENGTH_MAX} are the most: {}…", &name[..name.floor_char_boundary(60)]),
            ));
        }
        if let Some(part) = repository.split('/').find(|part| !is_path_component(part)) {
            let invalid = Invalid::new(what());
            let lower = repository.to_ascii_lowercase();
            return Err(if lower != repository && lower.split('/').all(is_path_component) {
                let lower = text.replacen(&repository, &lower, 1);
                invalid.hint(format!("repositories are lowercase: `{lower}`"))
            } else if part.is_empty() {
                invalid.hint("write `registry/owner/name:tag`, with nothing left out between slashes")
            } else {
                invalid.hint(format!(
                    "`{part}` must be lowercase letters and digits, with `.`, `_`, `__` or `-` only between them"
                ))
            });
        }
        Ok(Self { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

/// Whether the first part of a name is a registry: it holds a dot or a colon, is `localhost`, or is not lowercase.
fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost" || part.chars().any(|c| c.is_ascii_uppercase())
}

/// Letters and digits, with one `.`, one or two `_`, or any number of `-` between them.
fn is_path_component(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = part.bytes().next().is_some_and(word) && part.bytes().next_back().is_some_and(word);
    let mut separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn check_tag(tag: &str) -> Result<(), Invalid> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let well = tag.chars().all(inside)
        && !tag.is_empty()
        && !tag.starts_with(['.', '-'])
        && tag.len() <= TAG_LENGTH_MAX;
    if well {
        return Ok(());
    }
    Err(Invalid::new(format!("`{tag}` is no tag")).hint(format!(
        "a tag has up to {TAG_LENGTH_MAX} letters, digits, `.`, `_` and `-`, and begins with none of the two `.` and `-`"
    )))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_completed_as_docker_completes_them() {
        let table = [
            ("nginx", "docker.io", "library/nginx", "latest"),
            ("nginx:1.2_x-3", "docker.io", "library/nginx", "1.2_x-3"),
            ("owner/name", "docker.io", "owner/name", "latest"),
            ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
            ("library/python", "docker.io", "library/python", "latest"),
            ("index.docker.io/a/b", "docker.io", "a/b", "latest"),
            ("host:5000/a", "host:5000", "a", "latest"),
            ("localhost/a", "localhost", "a", "latest"),
            ("localhost:5000/a/b:v1", "localhost:5000", "a/b", "v1"),
            ("ghcr.io/o/n.x_y__z--w:v", "ghcr.io", "o/n.x_y__z--w", "v"),
            ("[::1]:5000/a:b", "[::1]:5000", "a", "b"),
            ("UPPER/a", "UPPER", "a", "latest"),
        ];
        for (text, registry, repository, identifier) in table {
            let reference: Reference = text.parse().unwrap();
            let seen = (reference.registry(), reference.repository(), reference.identifier());
            assert_eq!(seen, (registry, repository, identifier.to_owned()), "{text}");
            assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference), "{text}");
        }
    }

    #[test]
    fn only_this_machine_goes_without_tls() {
        for (registry, loopback) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("LOCALHOST:5000", true),
            ("x.localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.8.9.10", true),
            ("[::1]:5000", true),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
            ("10.0.0.1:5000", false),
            ("[::2]:5000", false),
            ("ghcr.io", false),
        ] {
            let reference: Reference = format!("{registry}/a").parse().unwrap();
            assert_eq!(reference.is_loopback(), loopback, "{registry}");
        }
        assert!(!"localhost:5000".parse::<Reference>().unwrap().is_loopback(), "a name and a tag");
    }

    #[test]
    fn a_digest_wins_over_a_tag() {
        let reference: Reference = format!("r.io/a:v1@{DIGEST}").parse().unwrap();
        assert_eq!((reference.tag(), reference.identifier().as_str()), (Some("v1"), DIGEST));
        assert_eq!(reference.to_string(), format!("r.io/a:v1@{DIGEST}"));
        assert_eq!(reference.with_tag("v2").unwrap().to_string(), "r.io/a:v2");
        let digest = DIGEST.parse().unwrap();
        assert_eq!(reference.with_digest(&digest).to_string(), format!("r.io/a@{DIGEST}"));
        assert!(reference.with_tag("a/b").is_err());
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_next_step() {
        let long = format!("a/{}", "b".repeat(260));
        let tag = format!("a:{}", "b".repeat(129));
        let mut said = Vec::new();
        for text in [
            "",
            "/a",
            "a//b",
            "a/",
            "ghcr.io/Owner/Name:v1",
            "r.io/a_",
            "r.io/a___b",
            "r.io/größe",
            "a:",
            ":1",
            "a:-x",
            "a b",
            "${X}",
            "a@sha256:12",
            "a@",
            "-x.io/a",
            "r.io:port/a",
            "r.io:0/a",
            "a:x/y:",
            "[]:5/a",
            &long,
            &tag,
        ] {
            let invalid = text.parse::<Reference>().unwrap_err();
            let text = if text.len() > 100 { "(long)" } else { text };
            said.push(format!("{text}\n    {}\n    {}", invalid.message, invalid.hint.unwrap_or_default()));
        }
        expect_test::expect![[r#"

                `` is no name of an image
                write `registry/owner/name:tag`, with nothing left out between slashes
            /a
                `/a` is no name of an image
                write `registry/owner/name:tag`, with nothing left out between slashes
            a//b
                `a//b` is no name of an image
                write `registry/owner/name:tag`, with nothing left out between slashes
            a/
                `a/` is no name of an image
                write `registry/owner/name:tag`, with nothing left out between slashes
            ghcr.io/Owner/Name:v1
                `ghcr.io/Owner/Name:v1` is no name of an image
                repositories are lowercase: `ghcr.io/owner/name:v1`
            r.io/a_
                `r.io/a_` is no name of an image
                `a_` must be lowercase letters and digits, with `.`, `_`, `__` or `-` only between them
            r.io/a___b
                `r.io/a___b` is no name of an image
                `a___b` must be lowercase letters and digits, with `.`, `_`, `__` or `-` only between them
            r.io/größe
                `r.io/größe` is no name of an image
                `größe` must be lowercase letters and digits, with `.`, `_`, `__` or `-` only between them
            a:
                `` is no tag
                a tag has up to 128 letters, digits, `.`, `_` and `-`, and begins with none of the two `.` and `-`
            :1
                `:1` is no name of an image
                write `registry/owner/name:tag`, with nothing left out between slashes
            a:-x
                `-x` is no tag
                a tag has up to 128 letters, digits, `.`, `_` and `-`, and begins with none of the two `.` and `-`
            a b
                `a b` is no name of an image
                `a b` must be lowercase letters and digits, with `.`, `_`, `__` or `-` only between them
            ${X}
                `${X}` is no name of an image
                `${X}` must be lowercase letters and digits, with `.`, `_`, `__` or `-` only between them
            a@sha256:12
                `sha256:12` is no digest
                behind `sha256:` stand 64 digits from 0 to 9 and a to f
            a@
                `` is no digest
                a digest is `sha256:` and 64 digits, or `sha512:` and 128
            -x.io/a
                `-x.io/a` is no name of an image
                `-x.io` is no registry: write `host` or `host:port`
            r.io:port/a
                `r.io:port/a` is no name of an image
                `r.io:port` is no registry: write `host` or `host:port`
            r.io:0/a
                `r.io:0/a` is no name of an image
                `r.io:0` is no registry: write `host` or `host:port`
            a:x/y:
                `` is no tag
                a tag has up to 128 letters, digits, `.`, `_` and `-`, and begins with none of the two `.` and `-`
            []:5/a
                `[]:5/a` is no name of an image
                `[]:5` is no registry: write `host` or `host:port`
            (long)
                the name of an image has 262 characters
                255 are the most: a/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
            (long)
                `bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb` is no tag
                a tag has up to 128 letters, digits, `.`, `_` and `-`, and begins with none of the two `.` and `-`"#]].assert_eq(&said.join("\n"));
    }
}
