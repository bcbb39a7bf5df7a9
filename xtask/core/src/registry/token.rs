//! The token dance: a registry names a server that gives out tokens, and what a token has to be good for.
//!
//! As in Docker's "Token Authentication Specification", which every registry with tokens follows.

use std::time::Duration;

use serde::Deserialize;

use super::Invalid;
use super::answer::Access;
use crate::http::Challenge;
use crate::http::url::{Url, encode};
use crate::secret::Secret;

/// Who gives out tokens for a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Realm {
    /// Where they are asked for.
    pub url: Url,
    /// Whom they are for, as the registry calls itself.
    pub service: Option<String>,
}

/// How a registry wants to be told who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// A name and a password with each request.
    Basic,
    /// A token with each request.
    Bearer(Realm),
}

impl Scheme {
    /// What a registry at `registry` asks for with these challenges. Tokens are taken before passwords.
    ///
    /// A name and a password may go to the server of tokens: it must be spoken to in secret, or be on this machine as the
    /// registry is.
    pub fn of(challenges: &[Challenge], registry: &Url) -> Result<Self, Invalid> {
        if let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme == "bearer") {
            let realm = bearer.get("realm").and_then(|realm| registry.join(realm));
            let Some(url) = realm else {
                return Err(Invalid::new("it does not say where its tokens are to be had"));
            };
            let secret = url.scheme() == crate::http::url::Scheme::Https;
            let here = url.is_loopback() && registry.is_loopback();
            if !(secret || here) {
                return Err(Invalid::new(format!(
                    "its tokens are to be had from `{}` in the clear",
                    url.authority()
                ))
                .hint("whoever runs the registry has to name an address that begins with `https://`"));
            }
            return Ok(Self::Bearer(Realm { url, service: bearer.get("service").map(str::to_owned) }));
        }
        if challenges.iter().any(|challenge| challenge.scheme == "basic") {
            return Ok(Self::Basic);
        }
        let names: Vec<&str> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
        Err(Invalid::new(match names.as_slice() {
            [] => "it does not say how to log in".to_owned(),
            names => format!("it wants to be logged in to by `{}`, which we do not know", names.join("`, `")),
        }))
    }
}

/// What a token is good for.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(String);

impl Scope {
    /// Reading, or reading and writing, in a repository.
    pub fn new(repository: &str, access: Access) -> Self {
        Self(format!("repository:{repository}:{}", access.actions()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Realm {
    /// The address a token for these scopes is got from with a name and a password, or without.
    pub fn get(&self, scopes: &[Scope]) -> Url {
        let service =
            self.service.iter().fold(self.url.clone(), |url, service| url.with_query("service", service));
        scopes.iter().fold(service, |url, scope| url.with_query("scope", scope.as_str()))
    }

    /// The form that is sent to the realm's address to get a token for an identity token.
    pub fn form(&self, scopes: &[Scope], identity: &Secret) -> Secret {
        let scope = scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ");
        let service = self.service.as_deref().unwrap_or_default();
        Secret::new(format!(
            "grant_type=refresh_token&client_id=xtask&service={}&scope={}&refresh_token={}",
            encode(service),
            encode(&scope),
            encode(identity.expose())
        ))
    }
}

/// A token, and how long it is good for from when it was given out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// It.
    pub token: Secret,
    /// How long it may be used: less than it is good for, so that it does not end on the way.
    pub lifetime: Duration,
}

/// How long before its end a token is not used any more; of one that is short-lived, a quarter.
const MARGIN: Duration = Duration::from_secs(15);

impl Token {
    /// Reads what a server of tokens has answered.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        #[derive(Deserialize)]
        struct Body {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        // The error of the parser would quote the token.
        let body: Body =
            serde_json::from_slice(body).map_err(|_| Invalid::new("what it sent is no token"))?;
        let token = body.token.or(body.access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Invalid::new("what it sent is no token"))?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::new("the token it sent has characters that no token has"));
        }
        // The specification's default is one minute.
        let whole = Duration::from_secs(body.expires_in.unwrap_or(60));
        Ok(Self { token: Secret::new(token), lifetime: whole.saturating_sub(MARGIN.min(whole / 4)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::challenges;

    fn scheme(challenge: &str, registry: &str) -> Result<Scheme, Invalid> {
        Scheme::of(&challenges([challenge]), &registry.parse().unwrap())
    }

    #[test]
    fn a_token_is_asked_for_as_the_registry_says() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
        let Scheme::Bearer(realm) = scheme(hub, "https://registry-1.docker.io/v2/").unwrap() else {
            panic!("tokens are asked for")
        };
        let scopes = [Scope::new("library/nginx", Access::Pull), Scope::new("a/b", Access::Push)];
        assert_eq!(
            realm.get(&scopes).to_string(),
            "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull&scope=repository%3Aa%2Fb%3Apull%2Cpush"
        );
        let form = realm.form(&scopes[1..], &Secret::new("a&b"));
        assert_eq!(
            form.expose(),
            "grant_type=refresh_token&client_id=xtask&service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull%2Cpush&refresh_token=a%26b"
        );
        let both = r#"Basic realm="x", Bearer realm="/token?a=b""#;
        let Scheme::Bearer(realm) = scheme(both, "https://r.io/v2/").unwrap() else { panic!("tokens first") };
        assert_eq!(realm.get(&[]).to_string(), "https://r.io/token?a=b");
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        assert_eq!(scheme("Basic realm=x", "https://r.io/"), Ok(Scheme::Basic));
        for (challenge, registry) in [
            ("", "https://r.io/"),
            ("Negotiate", "https://r.io/"),
            ("Bearer service=x", "https://r.io/"),
            ("Bearer realm=\"http://auth.io/token\"", "https://r.io/"),
            ("Bearer realm=\"http://127.0.0.1/token\"", "https://r.io/"),
            ("Bearer realm=\"http://auth.io/token\"", "http://localhost/"),
        ] {
            assert!(scheme(challenge, registry).is_err(), "{challenge}");
        }
        assert!(scheme("Bearer realm=\"http://127.0.0.1:1/token\"", "http://localhost/").is_ok());
    }

    #[test]
    fn tokens_are_read_and_end_before_they_do() {
        let of = |text: &str| Token::parse(text.as_bytes()).unwrap();
        let token = of(r#"{"token":"a","access_token":"b","expires_in":300}"#);
        assert_eq!((token.token.expose(), token.lifetime.as_secs()), ("a", 285));
        assert_eq!(of(r#"{"access_token":"b"}"#).lifetime.as_secs(), 45);
        assert_eq!(of(r#"{"token":"b","expires_in":0}"#).lifetime, Duration::ZERO);
        for text in ["", "{}", r#"{"token":""}"#, r#"{"token":"a\nb"}"#, "s3cret"] {
            assert!(!format!("{:?}", Token::parse(text.as_bytes()).unwrap_err()).contains("s3cret"));
        }
    }
}
