//! Whose credentials a request carries: what `docker login` has written down, and what comes from elsewhere.
//!
//! The file is `config.json` of the docker command line, the helpers are those of github.com/docker/docker-credential-helpers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::Invalid;
use super::reference::DOCKER_HUB;
use crate::secret::Secret;

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password, or a token that serves as one.
        password: Secret,
    },
    /// A token that other tokens are got with.
    IdentityToken(Secret),
    /// A token that is sent as it is.
    RegistryToken(Secret),
}

impl Credentials {
    /// The value of `Authorization` for a name and a password.
    pub fn basic(user: &str, password: &Secret) -> Secret {
        Secret::new(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose()))))
    }

    /// What must not be shown of them, in each form in which it is sent.
    pub fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Password { user, password } => vec![password.clone(), Self::basic(user, password)],
            Self::IdentityToken(token) | Self::RegistryToken(token) => vec![token.clone()],
        }
    }
}

/// Where a registry's credentials are to be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// From a program, `docker-credential-NAME`, asked for this server.
    Helper {
        /// NAME.
        name: String,
        /// What the program is asked for.
        server: String,
    },
    /// They stand here.
    Here(Credentials),
}

/// What `config.json` says about credentials.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

impl DockerConfig {
    /// Reads `config.json`. The error speaks of a place in the file and quotes nothing of it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        serde_json::from_str(text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Invalid::new(format!("it is not what docker writes: see {place}"))
                .hint("mend it, or remove it and run `docker login` again")
        })
    }

    /// Where the credentials of a registry may be, the first place first. Empty for a registry that nobody logged in to.
    pub fn sources(&self, registry: &str) -> Result<Vec<Source>, Invalid> {
        let names = names_of(registry);
        let helper =
            |name: &String, server: &str| Source::Helper { name: name.clone(), server: server.to_owned() };
        let own = names.iter().find_map(|name| Some((name, self.cred_helpers.get(name)?)));
        let mut sources: Vec<Source> = match own {
            Some((server, name)) => vec![helper(name, server)],
            None => self.creds_store.iter().map(|name| helper(name, &names[0])).collect(),
        };
        let entry =
            names.iter().find_map(|name| self.auths.iter().find(|(key, _)| host_of(key) == host_of(name)));
        if let Some((key, entry)) = entry {
            sources.extend(entry.credentials(key)?.map(Source::Here));
        }
        Ok(sources)
    }
}

impl Entry {
    fn credentials(&self, key: &str) -> Result<Option<Credentials>, Invalid> {
        let some = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        if let Some(token) = some(&self.registrytoken) {
            return Ok(Some(Credentials::RegistryToken(Secret::new(token))));
        }
        if let Some(token) = some(&self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(Secret::new(token))));
        }
        if let Some(auth) = some(&self.auth) {
            let invalid = || {
                Invalid::new(format!("the `auth` of `{key}` is no base64 of `name:password`"))
                    .hint(format!("`docker login {key}` writes it anew"))
            };
            let bytes = BASE64_STANDARD.decode(auth.trim()).map_err(|_| invalid())?;
            let text = String::from_utf8(bytes).map_err(|_| invalid())?;
            let (user, password) = text.split_once(':').ok_or_else(invalid)?;
            // Docker pads what it writes with zero bytes.
            let password = password.trim_end_matches('\0');
            return Ok(Some(Credentials::Password {
                user: user.to_owned(),
                password: Secret::new(password),
            }));
        }
        let pair = some(&self.username).zip(some(&self.password));
        Ok(pair.map(|(user, password)| Credentials::Password { user, password: Secret::new(password) }))
    }
}

/// The names under which docker keeps the credentials of a registry; Docker Hub's is older than its name.
fn names_of(registry: &str) -> Vec<String> {
    if registry == DOCKER_HUB {
        return ["https://index.docker.io/v1/", "docker.io", "index.docker.io"].map(str::to_owned).to_vec();
    }
    vec![registry.to_owned()]
}

/// The host in `https://host/v1/`, `https://host` or `host`.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Whether this may be the name of a helper: it becomes the end of a program's name.
pub fn is_helper_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(inside)
}

/// The helper that goes without saying for a registry: Amazon's knows how to make a password of an AWS identity.
pub fn helper_of_registry(registry: &str) -> Option<&'static str> {
    let host = registry.split(':').next().unwrap_or_default();
    let private = host.contains(".dkr.ecr")
        && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
    (private || host == "public.ecr.aws").then_some("ecr-login")
}

/// What a helper has answered to `get`. `None` where it knows nobody.
///
/// It prints a name and a secret as JSON; the name `<token>` says that the secret is an identity token. Not to know a server is
/// a failure with a fixed text.
pub fn of_helper(succeeded: bool, stdout: &str) -> Result<Option<Credentials>, Invalid> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    if !succeeded {
        return if stdout.contains("credentials not found") {
            Ok(None)
        } else {
            Err(Invalid::new("it could not answer"))
        };
    }
    let answer: Answer = serde_json::from_str(stdout)
        .map_err(|_| Invalid::new("it answered something else than a name and a secret"))?;
    let secret = Secret::new(answer.secret);
    Ok(match answer.username.as_str() {
        _ if secret.expose().is_empty() => None,
        "<token>" => Some(Credentials::IdentityToken(secret)),
        _ => Some(Credentials::Password { user: answer.username, password: secret }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> DockerConfig {
        DockerConfig::parse(text).unwrap()
    }

    fn password(user: &str, password: &str) -> Source {
        Source::Here(Credentials::Password { user: user.to_owned(), password: Secret::new(password) })
    }

    fn helper(name: &str, server: &str) -> Source {
        Source::Helper { name: name.to_owned(), server: server.to_owned() }
    }

    #[test]
    fn credentials_are_found_where_docker_finds_them() {
        let config = config(
            r#"{
            "auths": {
                "https://index.docker.io/v1/": {"auth": "aHViOnBhOnNz"},
                "r.io:5000": {"username": "a", "password": "b"},
                "https://s.io/v1/": {"identitytoken": "identity", "auth": ""},
                "t.io": {"registrytoken": "registry"},
                "empty.io": {}
            },
            "credHelpers": {"own.io": "own"},
            "HttpHeaders": {"x": 1}
        }"#,
        );
        let table = [
            ("docker.io", vec![password("hub", "pa:ss")]),
            ("r.io:5000", vec![password("a", "b")]),
            ("r.io", vec![]),
            ("s.io", vec![Source::Here(Credentials::IdentityToken(Secret::new("identity")))]),
            ("t.io", vec![Source::Here(Credentials::RegistryToken(Secret::new("registry")))]),
            ("empty.io", vec![]),
            ("own.io", vec![helper("own", "own.io")]),
        ];
        for (registry, sources) in table {
            assert_eq!(config.sources(registry).unwrap(), sources, "{registry}");
        }
    }

    #[test]
    fn a_store_is_asked_first_and_a_helper_of_the_registry_before_it() {
        let config = config(
            r#"{"credsStore": "desktop", "credHelpers": {"own.io": "own"}, "auths": {"r.io": {"auth": "YTpi"}}}"#,
        );
        assert_eq!(config.sources("r.io").unwrap(), [helper("desktop", "r.io"), password("a", "b")]);
        assert_eq!(config.sources("own.io").unwrap(), [helper("own", "own.io")]);
        assert_eq!(config.sources("docker.io").unwrap(), [helper("desktop", "https://index.docker.io/v1/")]);
    }

    #[test]
    fn a_broken_file_is_named_and_not_quoted() {
        let broken = DockerConfig::parse("{\n  \"auths\": \"hunter2\"\n}").unwrap_err();
        assert!(broken.message.contains("line 2") && !format!("{broken:?}").contains("hunter2"));
        let no_base64 = config(r#"{"auths": {"r.io": {"auth": "hunter2!"}}}"#).sources("r.io").unwrap_err();
        assert!(!format!("{no_base64:?}").contains("hunter2"));
        assert!(config(r#"{"auths": {"r.io": {"auth": "YWI="}}}"#).sources("r.io").is_err());
        assert!(!format!("{:?}", config(r#"{"auths": {"r.io": {"auth": "YTpi"}}}"#)).contains("YTpi"));
    }

    #[test]
    fn helpers_are_understood() {
        let of = |text| of_helper(true, text).unwrap();
        let known = of(r#"{"ServerURL":"r.io","Username":"AWS","Secret":"s3cret"}"#);
        assert_eq!(known.map(Source::Here), Some(password("AWS", "s3cret")));
        let token = of(r#"{"Username":"<token>","Secret":"s3cret"}"#);
        assert_eq!(token, Some(Credentials::IdentityToken(Secret::new("s3cret"))));
        assert_eq!(of(r#"{"Username":"","Secret":""}"#), None);
        assert_eq!(of_helper(false, "credentials not found in native keychain\n"), Ok(None));
        for (succeeded, text) in [(false, "s3cret"), (true, "s3cret"), (true, "{}")] {
            assert!(!format!("{:?}", of_helper(succeeded, text).unwrap_err()).contains("s3cret"));
        }
        assert!(is_helper_name("ecr-login") && is_helper_name("osxkeychain"));
        assert!(!is_helper_name("../x") && !is_helper_name("") && !is_helper_name("a b"));
    }

    #[test]
    fn amazon_has_a_helper_of_its_own() {
        for (registry, known) in [
            ("1234.dkr.ecr.eu-west-1.amazonaws.com", true),
            ("1234.dkr.ecr-fips.us-east-1.amazonaws.com", true),
            ("1234.dkr.ecr.cn-north-1.amazonaws.com.cn", true),
            ("public.ecr.aws", true),
            ("ecr.amazonaws.com.example.com", false),
            ("ghcr.io", false),
        ] {
            assert_eq!(helper_of_registry(registry).is_some(), known, "{registry}");
        }
    }

    #[test]
    fn basic_is_base64_of_both() {
        let value = Credentials::basic("Aladdin", &Secret::new("open sesame"));
        assert_eq!(value.expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
