//! The client of registries against a real one, and against servers that misbehave.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use xtask::core::http::retry::Policy;
use xtask::core::mask::Mask;
use xtask::core::registry::manifest::{Annotations, Descriptor, Document, EMPTY_CONFIG, Index};
use xtask::core::registry::media::{EMPTY, OCI_INDEX, OCI_MANIFEST};
use xtask::core::registry::{Digest, MediaType, Reference};
use xtask::driver::cancel::Cancel;
use xtask::driver::environment::Environment;
use xtask::driver::http::Client;
use xtask::driver::process::Processes;
use xtask::driver::registry::{Attachment, Content, Means, Presence, Registry};

pub(crate) mod fake;
mod faults;
mod login;
pub(crate) mod real;
pub(crate) mod tls;
mod tokens;
mod uploads;

use fake::{Fake, Reply};
use real::{Door, Real};

/// Like a task's, but it does not wait long before it asks again.
fn means(environment: &[(&str, &str)]) -> Means {
    let cancel = Cancel::default();
    let path = std::env::var("PATH").unwrap();
    let variables = environment.iter().copied().chain([("PATH", path.as_str())]);
    let environment = Environment::new(variables);
    Means {
        client: Client::new(environment.clone(), cancel.clone()),
        mask: Mask::new(&environment.secrets(&[])),
        environment,
        runner: Arc::new(Processes::new(cancel.clone())),
        retries: Policy {
            wait_first: Duration::from_millis(1),
            wait_max: Duration::from_secs(2),
            ..Policy::default()
        },
        cancel,
        folder: Path::new("/").to_owned(),
    }
}

fn connect(name: &str, environment: &[(&str, &str)]) -> Registry {
    Registry::connect(means(environment), name).unwrap()
}

fn reference(name: &str, rest: &str) -> Reference {
    format!("{name}/{rest}").parse().unwrap()
}

fn present(presence: Presence) -> Descriptor {
    match presence {
        Presence::Present(descriptor) => descriptor,
        other => panic!("it is there: {other:?}"),
    }
}

/// Pushes an image of one layer under `to`, and returns its manifest's descriptor.
fn push(registry: &Registry, to: &Reference, layer: &[u8]) -> Descriptor {
    let config = br#"{"os":"linux","architecture":"amd64","config":{"User":"10001"},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    push_with(registry, to, config, layer)
}

/// Pushes an image of this config and this one layer, a tar, to a registry of this machine.
pub(crate) fn push_image(registry: &str, rest: &str, config: &[u8], layer: &[u8]) -> Digest {
    push_with(&connect(registry, &[]), &reference(registry, rest), config, layer).digest
}

fn push_with(registry: &Registry, to: &Reference, config: &[u8], layer: &[u8]) -> Descriptor {
    let config =
        registry.upload(to, "application/vnd.oci.image.config.v1+json", Content::Bytes(config)).unwrap();
    let layer = registry.upload(to, "application/vnd.oci.image.layer.v1.tar", Content::Bytes(layer)).unwrap();
    let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
    let bytes = manifest.to_string().into_bytes();
    let digest = registry.put_manifest(to, &MediaType::new(OCI_MANIFEST), &bytes).unwrap();
    let descriptor = Descriptor::of(OCI_MANIFEST, &bytes);
    assert_eq!(digest, descriptor.digest);
    descriptor
}

#[test]
fn an_image_goes_in_and_comes_out_as_it_was() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let registry = connect(&real.name(), &[]);
    let tagged = reference(&real.name(), "owner/name:v1");
    assert!(matches!(registry.exists(&tagged).unwrap(), Presence::Absent));

    let pushed = push(&registry, &tagged, b"a layer");
    let pinned = tagged.with_digest(&pushed.digest);
    for reference in [&tagged, &pinned] {
        assert_eq!(present(registry.exists(reference).unwrap()), pushed);
        let fetched = registry.manifest(reference).unwrap();
        assert_eq!(fetched.descriptor, pushed);
        let Document::Manifest(manifest) = fetched.document().unwrap() else { panic!("one platform") };
        assert_eq!(registry.image_config(reference, &manifest).unwrap().config.user, "10001");
        assert_eq!(registry.blob(reference, &manifest.layers[0]).unwrap(), b"a layer");
    }

    // The same bytes under another tag are the same image.
    let (fetched, second) = (registry.manifest(&tagged).unwrap(), tagged.with_tag("v2").unwrap());
    let put = registry.put_manifest(&second, &fetched.descriptor.media_type, &fetched.bytes).unwrap();
    assert_eq!(put, pushed.digest);
    assert_eq!(present(registry.exists(&second).unwrap()), pushed);
    let absent = registry.manifest(&reference(&real.name(), "owner/name:v3")).unwrap_err();
    assert_eq!((absent.kind().exit_code(), absent.message().contains("is not there")), (4, true));
}

#[test]
fn a_list_for_several_platforms_is_found_like_an_image() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let registry = connect(&real.name(), &[]);
    let one = push(&registry, &reference(&real.name(), "a:one"), b"one");
    let other = push(&registry, &reference(&real.name(), "a:other"), b"other");
    let list = serde_json::to_vec(&Index::new(vec![one, other])).unwrap();
    let to = reference(&real.name(), "a:both");
    let digest = registry.put_manifest(&to, &MediaType::new(OCI_INDEX), &list).unwrap();
    let found = present(registry.exists(&to).unwrap());
    assert_eq!((found.digest, found.media_type.is_index()), (digest, true));
    let Document::Index(index) = registry.manifest(&to).unwrap().document().unwrap() else {
        panic!("a list")
    };
    assert_eq!(index.manifests.len(), 2);
}

#[test]
fn a_content_is_taken_over_from_another_repository() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let registry = connect(&real.name(), &[]);
    let (from, to) = (reference(&real.name(), "from"), reference(&real.name(), "to"));
    let content = registry.upload(&from, "text/plain", Content::Bytes(b"content")).unwrap();
    assert!(matches!(registry.blob_exists(&to, &content.digest).unwrap(), Presence::Absent));
    assert!(registry.mount(&to, "from", &content.digest).unwrap());
    assert_eq!(present(registry.blob_exists(&to, &content.digest).unwrap()).size, 7);
    assert_eq!(registry.blob(&to, &content).unwrap(), b"content");
    assert!(!registry.mount(&to, "from", &Digest::of(b"nowhere")).unwrap());
}

#[test]
fn what_is_attached_is_listed_and_attached_once() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let registry = connect(&real.name(), &[]);
    let tagged = reference(&real.name(), "a:v1");
    let pushed = push(&registry, &tagged, b"layer");
    let subject = tagged.with_digest(&pushed.digest);
    assert_eq!(registry.referrers(&subject, None).unwrap(), []);

    let title = Annotations::from([("org.opencontainers.image.title".to_owned(), "sbom.json".to_owned())]);
    let sbom =
        Attachment { media_type: "application/vnd.cyclonedx+json", bytes: b"{\"a\":1}", annotations: title };
    let attach = |kind, note: &str| {
        let annotations = Annotations::from([("note".to_owned(), note.to_owned())]);
        registry.attach(&tagged, kind, std::slice::from_ref(&sbom), &annotations).unwrap()
    };
    let first = attach("application/vnd.cyclonedx+json", "1");
    assert_eq!(attach("application/vnd.cyclonedx+json", "1"), first);
    let second = attach("application/vnd.in-toto+json", "2");
    let all = registry.referrers(&subject, None).unwrap();
    assert_eq!(all.iter().map(|one| &one.digest).collect::<Vec<_>>(), [&first, &second]);
    let found = registry.referrers(&subject, Some("application/vnd.in-toto+json")).unwrap();
    assert_eq!((found.len(), &found[0].digest, found[0].annotations["note"].as_str()), (1, &second, "2"));

    let Document::Manifest(manifest) =
        registry.manifest(&tagged.with_digest(&first)).unwrap().document().unwrap()
    else {
        panic!("a manifest")
    };
    assert_eq!(manifest.subject.as_ref(), Some(&pushed));
    assert_eq!(
        (manifest.config.media_type.as_str(), manifest.config.digest),
        (EMPTY, Digest::of(EMPTY_CONFIG))
    );
    assert_eq!(registry.blob(&tagged, &manifest.layers[0]).unwrap(), sbom.bytes);
    assert_eq!(manifest.layers[0].annotations, sbom.annotations);
    let nowhere = registry.attach(&reference(&real.name(), "a:v9"), "a/b", &[], &Annotations::new());
    assert!(nowhere.unwrap_err().hints()[0].contains("push the image before"));
}

#[test]
fn a_registry_that_keeps_lists_is_asked_for_them() {
    let subject = Descriptor::of(OCI_MANIFEST, b"subject");
    let name = subject.digest.to_string();
    let fake = Fake::start(move |seen| {
        let page = |entries: &[&str]| {
            let manifests = entries.iter().map(|text| Descriptor {
                artifact_type: Some("a/b".to_owned()),
                ..Descriptor::of(OCI_MANIFEST, text.as_bytes())
            });
            let index = Index::new(manifests.collect());
            Reply::new(200).header("content-type", OCI_INDEX).body(serde_json::to_vec(&index).unwrap())
        };
        match seen.target.as_str() {
            target if target == format!("/v2/a/referrers/{name}") => {
                page(&["1", "2"]).header("link", "</v2/a/referrers/next?n=2>; rel=\"next\"")
            }
            "/v2/a/referrers/next?n=2" => {
                page(&["3"]).header("link", "<https://elsewhere.invalid/>; rel=next")
            }
            _ => Reply::new(404),
        }
    });
    let registry = connect(&fake.name(), &[]);
    let subject = reference(&fake.name(), "a").with_digest(&subject.digest);
    assert_eq!(registry.referrers(&subject, Some("a/b")).unwrap().len(), 3);
    assert_eq!(registry.referrers(&subject, Some("a/c")).unwrap().len(), 0);
}

#[test]
fn all_four_types_are_asked_for() {
    let fake = Fake::start(|_| Reply::new(404));
    let registry = connect(&fake.name(), &[]);
    assert!(matches!(registry.exists(&reference(&fake.name(), "a")).unwrap(), Presence::Absent));
    let seen = fake.seen().pop().unwrap();
    assert!(seen.is("HEAD", "/v2/a/manifests/latest"), "{seen:?}");
    for media_type in xtask::core::registry::media::ACCEPT {
        assert!(seen.header("accept").contains(media_type), "{seen:?}");
    }
}

#[test]
fn a_registry_is_a_host() {
    for name in ["", "ghcr.io/owner", "https://ghcr.io", "a b", "library", "index.docker.io", "r.io:x"] {
        let error = Registry::connect(means(&[]), name).unwrap_err();
        assert_eq!((error.kind().exit_code(), error.hints().is_empty()), (3, false), "{name}");
    }
}
