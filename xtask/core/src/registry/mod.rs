//! What there is to know about registries of container images without asking one: names, digests, documents, what an answer
//! means, whether a request is tried again, and whose credentials it carries.
//!
//! The protocol is the OCI distribution specification 1.1, which Docker's registry speaks too.

pub mod answer;
pub mod credentials;
pub mod digest;
pub mod manifest;
pub mod media;
pub mod reference;
pub mod token;

use std::fmt;

pub use digest::Digest;
pub use media::MediaType;
pub use reference::Reference;

/// What makes no sense in a text that somebody wrote or sent, and what would.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invalid {
    /// What is wrong: lowercase, without a full stop.
    pub message: String,
    /// The next step, where there is one.
    pub hint: Option<String>,
}

impl Invalid {
    /// What is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::retry::retry_after;
    use crate::http::{Url, challenges, proxy};
    use crate::simulation::random::Random;
    use crate::timestamp::Timestamp;

    /// Whatever a registry, a file or a person says.
    #[test]
    fn no_text_brings_a_reader_down() {
        const SEEDS: &[&str] = &[
            "localhost:5000/a/b:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "https://[::1]:5000/v2/?a=b#c",
            "Bearer realm=\"https://a/t\",service=\"b\\\"\", Basic realm=x",
            "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:1\",\"size\":1}]}",
            "{\"auths\":{\"r.io\":{\"auth\":\"YTpi\"}},\"credHelpers\":{\"a\":\"b\"}}",
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ];
        const PIECES: &[&str] =
            &["", "/", ":", "@", "[", "]", "\"", "\\", "=", ",", "é", "\0", "..", "://", "{", "9999999999"];
        let mut random = Random::new(1);
        let mut names = 0;
        for _ in 0..20_000 {
            let seed = SEEDS[usize::try_from(random.below(6)).unwrap()];
            let mut text: Vec<char> = seed.chars().collect();
            for _ in 0..random.below(4) {
                let at = usize::try_from(random.below(u64::try_from(text.len()).unwrap() + 1)).unwrap();
                let end = (at + usize::try_from(random.below(4)).unwrap()).min(text.len());
                text.splice(at..end, PIECES[usize::try_from(random.below(16)).unwrap()].chars());
            }
            let text: String = text.into_iter().collect();
            if let Ok(reference) = text.parse::<Reference>() {
                names += 1;
                assert_eq!(reference.to_string().parse(), Ok(reference), "{text}");
            }
            if let Ok(url) = text.parse::<Url>() {
                assert_eq!(url.to_string().parse(), Ok(url.clone()), "{text}");
                drop((url.join(&text), proxy::is_direct(&url, &text)));
            }
            drop((
                challenges([text.as_str()]),
                credentials::of_helper(true, &text),
                token::Token::parse(text.as_bytes()),
            ));
            drop((
                credentials::DockerConfig::parse(&text).map(|config| config.sources("r.io")),
                text.parse::<Digest>(),
            ));
            for media_type in media::ACCEPT {
                drop(manifest::Document::parse(&MediaType::new(media_type), text.as_bytes()));
            }
            let _: Option<_> = retry_after(&text, Timestamp::default());
        }
        assert!(names > 500, "{names}");
    }
}
