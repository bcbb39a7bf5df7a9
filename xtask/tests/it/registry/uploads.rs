//! Contents on their way into a registry, and what happens to them there.

use std::fs;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use xtask::core::registry::Digest;
use xtask::core::registry::manifest::Descriptor;
use xtask::driver::registry::Content;

use super::fake::{Fake, Reply, Seen, pass_on};
use super::real::{Door, Real};
use super::{connect, present, reference};

const MIB: usize = 1 << 20;

/// Bytes that look different everywhere.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 251).unwrap()).collect()
}

/// A server before a real one. `fault` may answer in its place, knowing the real one's port.
fn before(real: &Real, fault: impl Fn(&Seen, u16) -> Option<Reply> + Send + Sync + 'static) -> Fake {
    let port = real.port();
    Fake::start(move |seen| {
        fault(seen, port).unwrap_or_else(|| pass_on(seen, port).unwrap_or_else(|_| Reply::hang_up()))
    })
}

#[test]
fn contents_of_every_length_arrive_as_they_are() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let registry = connect(&real.name(), &[]);
    let to = reference(&real.name(), "a");
    for length in [0, 1, 8 * MIB, 8 * MIB + 1, 20 * MIB] {
        let content = bytes(length);
        let sent = registry.upload(&to, "a/b", Content::Bytes(&content)).unwrap();
        assert_eq!(sent, Descriptor::of("a/b", &content), "{length}");
        assert_eq!(registry.blob(&to, &sent).unwrap(), content, "{length}");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes(17 * MIB)).unwrap();
    let sent = registry.upload(&to, "a/b", Content::File(file.path())).unwrap();
    assert_eq!(sent, Descriptor::of("a/b", &bytes(17 * MIB)));
    assert_eq!(present(registry.blob_exists(&to, &sent.digest).unwrap()).size, sent.size);
    let missing = registry.upload(&to, "a/b", Content::File("/nowhere/x".as_ref())).unwrap_err();
    assert!(missing.message().contains("/nowhere/x"));
}

#[test]
fn what_is_there_is_not_sent_again() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let fake = before(&real, |_, _| None);
    let registry = connect(&fake.name(), &[]);
    let to = reference(&fake.name(), "a");
    registry.upload(&to, "a/b", Content::Bytes(b"x")).unwrap();
    let once = fake.lines().len();
    registry.upload(&to, "a/b", Content::Bytes(b"x")).unwrap();
    assert_eq!(fake.lines()[once..], [format!("HEAD /v2/a/blobs/{}", Digest::of(b"x"))]);
}

/// How many requests of a method a server has seen.
fn count(fake: &Fake, method: &str) -> usize {
    fake.seen().iter().filter(|seen| seen.method == method).count()
}

/// The lengths of the pieces that a server has seen, in MiB.
fn pieces(fake: &Fake) -> Vec<usize> {
    fake.seen().iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.body.len() / MIB).collect()
}

#[test]
fn a_truncated_upload_goes_on_where_it_broke_off() {
    // The second piece does not arrive: the registry says how far it came.
    let Some(real) = Real::start(&Door::Open) else { return };
    let patches = AtomicUsize::new(0);
    let fake = before(&real, move |seen, _| {
        let second = seen.method == "PATCH" && patches.fetch_add(1, Ordering::SeqCst) == 1;
        second.then(Reply::hang_up)
    });
    let registry = connect(&fake.name(), &[]);
    let to = reference(&fake.name(), "a");
    let content = bytes(20 * MIB);
    let sent = registry.upload(&to, "a/b", Content::Bytes(&content)).unwrap();
    assert_eq!(registry.blob(&to, &sent).unwrap(), content);
    assert_eq!((pieces(&fake), count(&fake, "POST"), count(&fake, "GET")), (vec![8, 8, 8, 4], 1, 2));
}

#[test]
fn of_a_piece_that_arrived_by_half_the_rest_is_sent() {
    let (kept, patches) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let fake = Fake::start(move |seen| {
        let mut kept = kept.lock().unwrap();
        let so_far = |status, kept: &[u8]| {
            Reply::new(status)
                .header("location", "/v2/a/blobs/uploads/1")
                .header("range", format!("0-{}", kept.len().saturating_sub(1)))
        };
        match seen.method.as_str() {
            "POST" => so_far(202, &kept),
            "PATCH" => {
                let begin = seen.header("content-range").split('-').next().unwrap().parse::<usize>().unwrap();
                assert_eq!(begin, kept.len(), "without a gap and without an overlap");
                let by_half = patches.fetch_add(1, Ordering::SeqCst) == 1;
                kept.extend(&seen.body[..if by_half { seen.body.len() / 2 } else { seen.body.len() }]);
                if by_half { Reply::hang_up() } else { so_far(202, &kept) }
            }
            "GET" if seen.target.contains("uploads") => so_far(204, &kept),
            "PUT" if seen.target.ends_with(&format!("sha256%3A{}", Digest::of(&kept).hex())) => {
                Reply::new(201)
            }
            "PUT" => Reply::new(400),
            _ => Reply::new(404),
        }
    });
    let content = bytes(20 * MIB);
    connect(&fake.name(), &[])
        .upload(&reference(&fake.name(), "a"), "a/b", Content::Bytes(&content))
        .unwrap();
    assert_eq!((pieces(&fake), count(&fake, "POST"), count(&fake, "PUT")), (vec![8, 8, 8], 1, 1));
}

#[test]
fn a_registry_that_cannot_go_on_from_a_half_gets_the_whole_again() {
    // This one signs how far an upload came and refuses what has come further.
    let Some(real) = Real::start(&Door::Open) else { return };
    let patches = AtomicUsize::new(0);
    let fake = before(&real, move |seen, port| {
        let second = seen.method == "PATCH" && patches.fetch_add(1, Ordering::SeqCst) == 1;
        second.then(|| {
            let half = Seen { body: seen.body[..seen.body.len() / 2].to_vec(), ..seen.clone() };
            assert_eq!(pass_on(&half, port).unwrap().status, 202);
            Reply::hang_up()
        })
    });
    let registry = connect(&fake.name(), &[]);
    let to = reference(&fake.name(), "a");
    let content = bytes(20 * MIB);
    let sent = registry.upload(&to, "a/b", Content::Bytes(&content)).unwrap();
    assert_eq!(registry.blob(&to, &sent).unwrap(), content);
    assert_eq!((pieces(&fake), count(&fake, "POST")), (vec![8, 8, 8, 8, 4], 2));
}

#[test]
fn an_upload_that_is_forgotten_or_does_not_arrive_whole_is_begun_anew() {
    let Some(real) = Real::start(&Door::Open) else { return };
    for (length, method, reply) in [
        (9 * MIB, "PATCH", Reply::new(404)),
        (9 * MIB, "PUT", Reply::new(404)),
        (9 * MIB, "PUT", Reply::new(500)),
        (10, "PUT", Reply::hang_up()),
        (11, "PUT", Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#)),
    ] {
        let (first, status) = (AtomicUsize::new(0), reply.status);
        let fake = before(&real, move |seen, _| {
            let faulty = seen.method == method && first.fetch_add(1, Ordering::SeqCst) == 0;
            faulty.then(|| reply.clone())
        });
        let registry = connect(&fake.name(), &[]);
        let to = reference(&fake.name(), &format!("{}-{status}", method.to_lowercase()));
        let content = bytes(length);
        let sent = registry.upload(&to, "a/b", Content::Bytes(&content)).unwrap();
        assert_eq!(registry.blob(&to, &sent).unwrap(), content);
        assert_eq!(count(&fake, "POST"), 2, "{method} {status}");
    }
}

#[test]
fn an_answer_that_was_lost_is_found_by_looking() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let first = AtomicUsize::new(0);
    let fake = before(&real, move |seen, port| {
        let lost = seen.method == "PUT" && first.fetch_add(1, Ordering::SeqCst) == 0;
        lost.then(|| {
            assert_eq!(pass_on(seen, port).unwrap().status, 201);
            Reply::hang_up()
        })
    });
    let registry = connect(&fake.name(), &[]);
    registry.upload(&reference(&fake.name(), "a"), "a/b", Content::Bytes(b"x")).unwrap();
    assert_eq!(count(&fake, "PUT"), 1);
}

#[test]
fn what_a_registry_does_not_take_is_an_error_with_words() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let other = Digest::of(b"other").to_string();
    let mut said = Vec::new();
    for (method, reply) in [
        ("POST", Reply::new(404).body(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no repository"}]}"#)),
        ("POST", Reply::new(202)),
        ("POST", Reply::new(202).header("location", "http://r.invalid/v2/a/blobs/uploads/1")),
        ("POST", Reply::new(403)),
        ("PUT", Reply::new(413)),
        ("PUT", Reply::hang_up()),
        ("PUT", Reply::new(201).header("docker-content-digest", other)),
    ] {
        let status = if reply.sent == Some(0) { 0 } else { reply.status };
        let fake = before(&real, move |seen, _| (seen.method == method).then(|| reply.clone()));
        let registry = connect(&fake.name(), &[]);
        let error = registry.upload(&reference(&fake.name(), "a"), "a/b", Content::Bytes(b"y")).unwrap_err();
        let count = count(&fake, method);
        let words = super::faults::words(&error, &[&fake.name()]);
        said.push(format!(
            "{method} {status} ({count} times), end {}\n  {words}\n",
            error.kind().exit_code()
        ));
    }
    expect_test::expect![[r#"
        POST 404 (1 times), end 4
          `r.io` answered 404 (not found) for `a`: NAME_UNKNOWN: no repository
            hint: some registries want a repository to be made first: check that `a` is there
        POST 202 (1 times), end 4
          `r.io` did not say where an upload goes on
            hint: check that it is a registry of container images
        POST 202 (1 times), end 5
          `r.io` sends us on to `r.invalid` in the clear
            hint: it may not know that a proxy before it speaks TLS: that one has to send `X-Forwarded-Proto: https`
        POST 403 (1 times), end 4
          `r.io` answered 403 (not allowed) for `a`
            hint: no credentials for `r.io` were found: `docker login r.io`
        PUT 413 (1 times), end 4
          `r.io` answered 413 (too large) for `a`
            hint: `r.io`, or a proxy before it, does not take so much at once
        PUT 0 (4 times), end 4
          could not upload `sha256:a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa` to `r.io`: the connection to `r.io` broke off: Peer disconnected
            hint: it, or a proxy before it, may have been restarted: try again
        PUT 201 (1 times), end 5
          `r.io` sent something else than was asked for: wanted was `sha256:a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa`, what came is `sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa`
            hint: it, or a proxy before it, has a broken storage or is not to be trusted: nothing of it was used
    "#]].assert_eq(&said.concat());
}

#[test]
fn a_storage_that_is_broken_is_noticed() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let registry = connect(&real.name(), &[]);
    let image = reference(&real.name(), "a:v1");
    let manifest = super::push(&registry, &image, b"layer");
    let layer = Descriptor::of("a/b", b"layer");
    fs::write(real.blob_file(&layer.digest.to_string()), b"laxer").unwrap();
    let error = registry.blob(&image, &layer).unwrap_err();
    assert_eq!(error.kind().exit_code(), 5, "{error:?}");

    // The registry itself compares manifests, so it is a server before it that changes one.
    let fake = before(&real, |seen, port| {
        let mut reply = pass_on(seen, port).ok()?;
        (seen.method == "GET" && seen.target.contains("manifests")).then(|| {
            reply.body.push(b' ');
            reply.headers.retain(|(name, _)| name != "content-length");
            reply
        })
    });
    let registry = connect(&fake.name(), &[]);
    let image = reference(&fake.name(), "a:v1");
    for image in [image.with_digest(&manifest.digest), image] {
        assert_eq!(registry.manifest(&image).unwrap_err().kind().exit_code(), 5);
    }
}

#[test]
fn two_who_attach_at_once_do_not_lose_what_the_other_wrote() {
    let Some(real) = Real::start(&Door::Open) else { return };
    let direct = connect(&real.name(), &[]);
    let image = reference(&real.name(), "a:v1");
    let pushed = super::push(&direct, &image, b"layer");
    let tag = pushed.digest.tag();
    // Between reading and writing the list, somebody else writes it: what we wrote is gone at the next look.
    let first = Mutex::new(true);
    let fake = before(&real, move |seen, _| {
        let list = seen.is("PUT", &format!("/v2/a/manifests/{tag}"));
        let mut first = first.lock().unwrap();
        (list && std::mem::take(&mut *first)).then(|| Reply::new(201))
    });
    let registry = connect(&fake.name(), &[]);
    let image = reference(&fake.name(), "a:v1");
    let digest =
        registry.attach(&image, "a/b", &[], &xtask::core::registry::manifest::Annotations::new()).unwrap();
    let listed = registry.referrers(&image.with_digest(&pushed.digest), None).unwrap();
    assert_eq!(listed.iter().map(|one| &one.digest).collect::<Vec<_>>(), [&digest]);
}
