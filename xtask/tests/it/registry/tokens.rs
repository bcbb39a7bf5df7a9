//! A real registry that lets in whoever has a token that was signed for it, and our server of tokens.

use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use xtask::driver::registry::{Content, Presence};

use super::fake::{Fake, Reply};
use super::real::{Door, PASSWORD, Real, USER};
use super::tls::Authority;
use super::{connect, push, reference};

/// Signs tokens as an authority that the registry knows.
struct Signer {
    key: EcdsaKeyPair,
    certificate: String,
}

impl Signer {
    fn new(authority: &Authority) -> Self {
        let key = PrivateKeyDer::from_pem_file(authority.path("ca.key")).unwrap();
        let certificate = CertificateDer::from_pem_file(authority.path("ca.pem")).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Self {
            key: EcdsaKeyPair::from_pkcs8(algorithm, key.secret_der(), &SystemRandom::new()).unwrap(),
            certificate: BASE64_STANDARD.encode(&certificate),
        }
    }

    /// A token (RFC 7519) that is good for these scopes for a minute.
    fn token(&self, scopes: &[String], user: &str) -> String {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let access = scopes.iter().map(|scope| {
            let words: Vec<&str> = scope.split(':').collect();
            // Whoever has no name may only read.
            let actions = words[2].split(',').filter(|action| !user.is_empty() || *action == "pull");
            serde_json::json!({"type": words[0], "name": words[1], "actions": actions.collect::<Vec<_>>()})
        });
        let claims = serde_json::json!({
            "iss": "test", "aud": "test", "sub": user, "jti": "1", "iat": now, "nbf": now - 10, "exp": now + 60,
            "access": access.collect::<Vec<_>>(),
        });
        let header = serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let signed =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

#[test]
fn a_registry_with_tokens_lets_in_who_may_and_says_who_may_not() {
    let Some(authority) = Authority::new() else { return };
    let signer = Signer::new(&authority);
    let tokens = Fake::start(move |seen| {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let user = match seen.header("authorization") {
            value if value == basic => USER,
            "" => "",
            _ => return Reply::new(401),
        };
        let decode = |scope: &str| scope.replace("%3A", ":").replace("%2C", ",").replace("%2F", "/");
        let query = seen.target.split_once('?').unwrap().1;
        let scopes: Vec<String> =
            query.split('&').filter_map(|pair| pair.strip_prefix("scope=")).map(decode).collect();
        let token = signer.token(&scopes, user);
        Reply::new(200).body(serde_json::json!({"token": token, "expires_in": 60}).to_string())
    });
    let realm = format!("http://127.0.0.1:{}/token", tokens.port());
    let Some(real) = Real::start(&Door::Token { realm: &realm, certificate: &authority.path("ca.pem") })
    else {
        return;
    };
    let config = super::login::docker_config(&super::login::auths(&real.name(), USER, PASSWORD));
    let registry = connect(&real.name(), &[("DOCKER_CONFIG", config.path().to_str().unwrap())]);
    let image = reference(&real.name(), "owner/name:v1");
    push(&registry, &image, b"layer");
    // A token for two repositories: to write to one and read from the other.
    let content = registry.upload(&image, "a/b", Content::Bytes(b"content")).unwrap();
    let other = reference(&real.name(), "owner/other");
    assert!(registry.mount(&other, "owner/name", &content.digest).unwrap());

    // Without a name there are tokens too, to read with.
    let nobody = connect(&real.name(), &[]);
    assert!(matches!(nobody.exists(&image).unwrap(), Presence::Present(_)));
    let refused = nobody.upload(&image, "a/b", Content::Bytes(b"more")).unwrap_err();
    assert!(
        refused.message().contains("401") && refused.hints()[0].contains("no credentials"),
        "{refused:?}"
    );
    assert_eq!(refused.kind().exit_code(), 4);
}
