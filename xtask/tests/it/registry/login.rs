//! Who we are to a registry: passwords, tokens, helpers; and that nobody else gets to know.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use xtask::core::registry::media::OCI_MANIFEST;
use xtask::driver::registry::{Content, Presence, Registry};

use super::fake::{Fake, Reply, Seen};
use super::real::{Door, PASSWORD, Real, USER};
use super::{connect, means, push, reference};

/// A folder with a `config.json`.
pub(super) fn docker_config(text: &serde_json::Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), text.to_string()).unwrap();
    folder
}

pub(super) fn auths(name: &str, user: &str, password: &str) -> serde_json::Value {
    serde_json::json!({"auths": {name: {"auth": BASE64_STANDARD.encode(format!("{user}:{password}"))}}})
}

fn helper(folder: &Path, script: &str) {
    let path = folder.join("docker-credential-test");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// A client with this folder in front of its `PATH`.
fn connect_with_helper(name: &str, config: &Path, folder: &Path, more: &[(&str, &str)]) -> Registry {
    let path = path_with(folder);
    let config = config.display().to_string();
    let mut variables = vec![("DOCKER_CONFIG", config.as_str())];
    variables.extend(more);
    let mut means = means(&variables);
    let all = means.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    let all = all.filter(|(name, _)| name != "PATH").chain([("PATH".into(), path.into())]);
    means.environment = xtask::driver::environment::Environment::new(all.collect::<Vec<_>>());
    Registry::connect(means, name).unwrap()
}

#[test]
fn a_name_and_a_password_open_a_registry() {
    let Some(real) = Real::start(&Door::Password) else { return };
    let image = reference(&real.name(), "a:v1");
    let unknown = |registry: &Registry| match registry.exists(&image).unwrap() {
        Presence::Unknown(error) => format!("{} ({})", error.message(), error.hints()[0]),
        other => panic!("nobody may look: {other:?}"),
    };
    let nobody = unknown(&connect(&real.name(), &[]));
    assert!(nobody.contains("401") && nobody.contains("no credentials"), "{nobody}");

    let wrong = docker_config(&auths(&real.name(), USER, "wrong-password"));
    let wrong = unknown(&connect(&real.name(), &[("DOCKER_CONFIG", wrong.path().to_str().unwrap())]));
    assert!(wrong.contains("401") && wrong.contains("wrong or has expired"), "{wrong}");

    let right = docker_config(&auths(&real.name(), USER, PASSWORD));
    let registry = connect(&real.name(), &[("DOCKER_CONFIG", right.path().to_str().unwrap())]);
    push(&registry, &image, b"layer");
    assert!(matches!(registry.exists(&image).unwrap(), Presence::Present(_)));

    // As `docker login` writes it into the home folder.
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".docker")).unwrap();
    fs::copy(right.path().join("config.json"), home.path().join(".docker/config.json")).unwrap();
    let registry = connect(&real.name(), &[("HOME", home.path().to_str().unwrap())]);
    assert!(matches!(registry.exists(&image).unwrap(), Presence::Present(_)));
}

#[test]
fn a_helper_is_asked_by_its_pipe() {
    let Some(real) = Real::start(&Door::Password) else { return };
    let image = reference(&real.name(), "a:v1");
    let config = docker_config(&serde_json::json!({"credHelpers": {real.name(): "test"}}));
    let folder = tempfile::tempdir().unwrap();
    let ask = |script: &str, more: &[(&str, &str)]| {
        helper(folder.path(), script);
        connect_with_helper(&real.name(), config.path(), folder.path(), more).exists(&image)
    };
    // It gets its one argument, the server's name on its standard input, and what clouds know it by.
    let good = format!(
        "read server; test \"$1 $server $AWS_PROFILE\" = 'get {} me' || exit 3\n\
         echo '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'",
        real.name()
    );
    assert!(matches!(
        ask(&good, &[("AWS_PROFILE", "me"), ("OTHER_TOKEN", "t0ken-t0ken")]).unwrap(),
        Presence::Absent
    ));

    let nobody = ask("echo 'credentials not found in native keychain'; exit 1", &[]).unwrap();
    assert!(matches!(nobody, Presence::Unknown(error) if error.hints()[0].contains("no credentials")));

    // What it prints is a secret until it is understood; what it complains about is shown, masked.
    let broken =
        ask("echo t0ken-t0ken; echo \"locked: t0ken-t0ken\" >&2; exit 1", &[("MY_TOKEN", "t0ken-t0ken")]);
    let broken = broken.unwrap_err();
    assert_eq!(broken.kind().exit_code(), 4);
    assert!(
        format!("{broken:?}").contains("locked: ***") && !format!("{broken:?}").contains("t0ken-t0ken"),
        "{broken:?}"
    );

    fs::remove_file(folder.path().join("docker-credential-test")).unwrap();
    let missing =
        connect_with_helper(&real.name(), config.path(), folder.path(), &[]).exists(&image).unwrap_err();
    assert!(
        missing.message().contains("docker-credential-test") && !missing.hints().is_empty(),
        "{missing:?}"
    );
}

#[test]
fn a_broken_config_is_named_and_not_quoted() {
    let fake = Fake::start(|_| Reply::new(401).header("www-authenticate", "Basic realm=x"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), "{\"auths\": hunter2}").unwrap();
    let registry = connect(&fake.name(), &[("DOCKER_CONFIG", folder.path().to_str().unwrap())]);
    let error = registry.exists(&reference(&fake.name(), "a")).unwrap_err();
    assert_eq!(error.kind().exit_code(), 3);
    let said = format!("{error:?}");
    assert!(said.contains("config.json") && said.contains("line 1") && !said.contains("hunter2"), "{said}");
}

/// A registry with tokens and its server for them in one, as GitHub's: it knows one user, and hands out a token a scope.
fn dance(lifetime: u64) -> Fake {
    Fake::start(move |seen| {
        let host = seen.header("host").to_owned();
        let token = |scope: &str| {
            let body = serde_json::json!({"token": format!("token-for-{scope}"), "expires_in": lifetime});
            Reply::new(200).body(body.to_string())
        };
        if let Some(query) = seen.target.strip_prefix("/token?") {
            let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
            let scope = query.split("scope=").nth(1).unwrap_or_default();
            let reads = scope.ends_with("pull");
            return match seen.header("authorization") {
                value if value == basic => token(scope),
                "" if reads => token(scope),
                _ => Reply::new(401),
            };
        }
        if seen.is("POST", "/token") {
            let body = String::from_utf8_lossy(&seen.body).into_owned();
            let scope =
                body.split("scope=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
            let known =
                body.contains("grant_type=refresh_token") && body.contains("refresh_token=identity-token");
            return if known { token(scope) } else { Reply::new(401) };
        }
        let writes = if seen.method == "PUT" { "%2Cpush" } else { "" };
        let needed = format!("Bearer token-for-repository%3Aa%3Apull{writes}");
        if seen.header("authorization").starts_with(&needed) {
            return Reply::new(if seen.method == "PUT" { 201 } else { 404 });
        }
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="test""#);
        Reply::new(401).header("www-authenticate", challenge)
    })
}

#[test]
fn tokens_are_got_once_a_scope_and_kept_while_they_are_good() {
    let fake = dance(300);
    let config = docker_config(&auths(&fake.name(), USER, PASSWORD));
    let registry = connect(&fake.name(), &[("DOCKER_CONFIG", config.path().to_str().unwrap())]);
    let image = reference(&fake.name(), "a:v1");
    for _ in 0..3 {
        assert!(matches!(registry.exists(&image).unwrap(), Presence::Absent));
    }
    for _ in 0..2 {
        registry.put_manifest(&image, &xtask::core::registry::MediaType::new(OCI_MANIFEST), b"{}").unwrap();
    }
    assert_eq!(
        fake.lines(),
        [
            "HEAD /v2/a/manifests/v1",
            "GET /token?service=test&scope=repository%3Aa%3Apull",
            "HEAD /v2/a/manifests/v1",
            "HEAD /v2/a/manifests/v1",
            "HEAD /v2/a/manifests/v1",
            "GET /token?service=test&scope=repository%3Aa%3Apull%2Cpush",
            "PUT /v2/a/manifests/v1",
            "PUT /v2/a/manifests/v1",
        ]
    );
    // The password goes to the server of tokens, the tokens to the registry.
    let carries = |seen: &&Seen| seen.header("authorization").starts_with("Basic");
    assert!(fake.seen().iter().filter(carries).all(|seen| seen.target.starts_with("/token")));
}

#[test]
fn many_who_ask_at_once_are_all_let_in() {
    let fake = dance(300);
    let registry = connect(&fake.name(), &[]);
    let image = reference(&fake.name(), "a:v1");
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(|| registry.exists(&image).unwrap())).collect();
        for one in asked {
            assert!(matches!(one.join().unwrap(), Presence::Absent));
        }
    });
}

#[test]
fn a_token_that_is_over_is_not_used() {
    let fake = dance(0);
    let registry = connect(&fake.name(), &[]);
    for _ in 0..2 {
        assert!(matches!(registry.exists(&reference(&fake.name(), "a:v1")).unwrap(), Presence::Absent));
    }
    let tokens = fake.lines().iter().filter(|line| line.starts_with("GET /token")).count();
    assert_eq!(tokens, 2);
}

#[test]
fn an_identity_token_is_traded_in() {
    let fake = dance(300);
    let config =
        docker_config(&serde_json::json!({"auths": {fake.name(): {"identitytoken": "identity-token"}}}));
    let registry = connect(&fake.name(), &[("DOCKER_CONFIG", config.path().to_str().unwrap())]);
    assert!(matches!(registry.exists(&reference(&fake.name(), "a:v1")).unwrap(), Presence::Absent));
    assert!(fake.lines().contains(&"POST /token".to_owned()));
}

#[test]
fn a_refusal_of_the_server_of_tokens_is_one_of_the_registry_and_never_an_absence() {
    let fake = dance(300);
    let registry = connect(&fake.name(), &[]);
    let image = reference(&fake.name(), "a:v1");
    let media_type = xtask::core::registry::MediaType::new(OCI_MANIFEST);
    let error = registry.put_manifest(&image, &media_type, b"{}").unwrap_err();
    assert!(error.message().contains("401") && error.hints()[0].contains("no credentials"), "{error:?}");

    for (status, body) in [(404, ""), (400, ""), (200, "{}"), (200, "t0ken-t0ken")] {
        let fake = Fake::start(move |seen| {
            if seen.target.starts_with("/token") {
                return Reply::new(status).body(body);
            }
            Reply::new(401).header("www-authenticate", "Bearer realm=\"/token\"")
        });
        let registry = connect(&fake.name(), &[]);
        match registry.exists(&reference(&fake.name(), "a:v1")).unwrap() {
            Presence::Unknown(error) => assert!(!format!("{error:?}").contains("t0ken"), "{error:?}"),
            other => panic!("{status} {body}: {other:?}"),
        }
    }
}

#[test]
fn what_was_told_to_a_registry_is_told_to_nobody_else() {
    let storage = Fake::start(|_| Reply::new(200).body("content"));
    let elsewhere = format!("http://127.0.0.1:{}/storage?signed=1", storage.port());
    let fake = Fake::start(move |seen| match seen.header("authorization") {
        "" => Reply::new(401).header("www-authenticate", "Basic realm=x"),
        _ => Reply::new(307).header("location", elsewhere.clone()),
    });
    let config = docker_config(&auths(&fake.name(), USER, PASSWORD));
    let registry = connect(&fake.name(), &[("DOCKER_CONFIG", config.path().to_str().unwrap())]);
    let content = xtask::core::registry::manifest::Descriptor::of("text/plain", b"content");
    assert_eq!(registry.blob(&reference(&fake.name(), "a"), &content).unwrap(), b"content");
    let seen = storage.seen();
    assert_eq!(
        (seen.len(), seen[0].header("authorization"), seen[0].target.as_str()),
        (1, "", "/storage?signed=1")
    );
    assert!(fake.seen().last().unwrap().header("authorization").starts_with("Basic "));
}

#[test]
fn a_secret_that_a_registry_repeats_is_not_said() {
    let fake = Fake::start(|seen| {
        if seen.header("authorization").is_empty() {
            return Reply::new(401).header("www-authenticate", "Basic realm=x");
        }
        let body = format!("{} is {PASSWORD}", seen.header("authorization"));
        Reply::new(403).body(serde_json::json!({"errors": [{"code": "DENIED", "message": body}]}).to_string())
    });
    let config = docker_config(&auths(&fake.name(), USER, PASSWORD));
    let registry = connect(&fake.name(), &[("DOCKER_CONFIG", config.path().to_str().unwrap())]);
    let image = reference(&fake.name(), "a");
    let Presence::Unknown(error) = registry.exists(&image).unwrap() else { panic!("it is refused") };
    let said = format!("{error:?}");
    let error = registry.upload(&image, "a/b", Content::Bytes(b"x")).unwrap_err();
    let error = format!("{error:?} {registry:?} {said}");
    let basic = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    assert!(error.contains("DENIED") && !error.contains(PASSWORD) && !error.contains(&basic), "{error}");
}
