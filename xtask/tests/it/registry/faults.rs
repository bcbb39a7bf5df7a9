//! What is concluded from each bad answer, in which words, and what the program would end with.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use xtask::core::http::{Fault, Url};
use xtask::core::registry::media::OCI_MANIFEST;
use xtask::core::registry::{Digest, Reference};
use xtask::driver::http::{Method, Request};
use xtask::driver::registry::{Means, Presence, Registry};
use xtask::{Error, ErrorKind};

use super::fake::{Fake, Reply};
use super::{connect, means, present, reference};

/// Everything that is said of an error, without what changes from run to run.
pub(super) fn words(error: &Error, names: &[&str]) -> String {
    let texts = [error.message()].into_iter().chain(error.causes().iter().map(String::as_str));
    let hints = error.hints().iter().map(|hint| format!("\n    hint: {hint}"));
    let text = texts.collect::<Vec<_>>().join(": ") + &hints.collect::<String>();
    names.iter().fold(text, |text, name| text.replace(name, "r.io"))
}

fn conclusion(registry: &Registry, image: &Reference, names: &[&str]) -> String {
    let end = |error: &Error| error.kind().exit_code();
    let exists = match registry.exists(image) {
        Ok(Presence::Present(_)) => "present".to_owned(),
        Ok(Presence::Absent) => "absent".to_owned(),
        Ok(Presence::Unknown(error)) => format!("unknown: {}", words(&error, names)),
        Err(error) => format!("error {}: {}", end(&error), words(&error, names)),
    };
    let manifest = match registry.manifest(image) {
        Ok(_) => "fetched".to_owned(),
        Err(error) => format!("error {}: {}", end(&error), words(&error, names)),
    };
    format!("{exists}\n  fetch: {manifest}\n")
}

#[test]
fn each_bad_answer_has_its_conclusion_its_words_and_its_end() {
    let manifest = || Reply::new(200).header("content-type", OCI_MANIFEST).body("{}");
    let other = Digest::of(b"other").to_string();
    let table = [
        ("401 without a challenge", Reply::new(401)),
        ("401 for a way we do not know", Reply::new(401).header("www-authenticate", "Negotiate")),
        ("403", Reply::new(403).body(r#"{"errors":[{"code":"DENIED","message":"\u001b[2Jno"}]}"#)),
        ("404", Reply::new(404)),
        ("405", Reply::new(405)),
        ("429", Reply::new(429)),
        ("429 for an hour", Reply::new(429).header("retry-after", "3600")),
        ("500", Reply::new(500).body("<html>")),
        ("503 for a second", Reply::new(503).header("retry-after", "0")),
        ("504", Reply::new(504)),
        (
            "a page of a proxy",
            Reply::new(200).header("content-type", "text/html").body("<html>log in</html>"),
        ),
        ("another digest", manifest().header("docker-content-digest", other)),
        ("no digest", manifest()),
        ("too long", manifest().body(vec![b' '; (4 << 20) + 1])),
        ("no end", Reply { sent: Some(80), ..manifest().body(vec![b' '; 1000]) }),
        ("no answer", Reply::hang_up()),
        ("elsewhere in the clear", Reply::new(302).header("location", "http://elsewhere.invalid/")),
        ("elsewhere without a place", Reply::new(302).header("location", "ftp://elsewhere.invalid/")),
        ("in circles", Reply::new(307).header("location", "/v2/again")),
    ];
    let mut said = Vec::new();
    for (name, reply) in table {
        let fake = Fake::start(move |_| reply.clone());
        let registry = connect(&fake.name(), &[]);
        let conclusion = conclusion(&registry, &reference(&fake.name(), "a:v1"), &[&fake.name()]);
        said.push(format!("{name} ({} requests)\n  look: {conclusion}", fake.seen().len()));
    }
    expect_test::expect_file!["faults.txt"].assert_eq(&said.concat());
}

#[test]
fn whoever_is_not_there_is_unknown() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = [format!("localhost:{port}"), "nobody.invalid".to_owned()].map(|name| {
        let image = reference(&name, "a:v1");
        let Presence::Unknown(error) = connect(&name, &[]).exists(&image).unwrap() else {
            panic!("nobody is there to know")
        };
        // The causes are the system's words.
        format!("{} {}\n  hint: {}", error.kind().exit_code(), error.message(), error.hints()[0])
            .replace(&name, "r.io")
    });
    expect_test::expect![[r#"
        4 `r.io` could not be reached
          hint: check that it is running, and whether a proxy (`HTTPS_PROXY`) leads to it
        4 the host `r.io` is not known
          hint: check its name, and whether this machine is in the right network"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn a_digest_that_was_asked_for_is_compared() {
    let fake = Fake::start(|_| {
        Reply::new(200)
            .header("content-type", OCI_MANIFEST)
            .header("docker-content-digest", Digest::of(b"{}").to_string())
            .body("{}")
    });
    let registry = connect(&fake.name(), &[]);
    let image = reference(&fake.name(), "a");
    assert_eq!(present(registry.exists(&image.with_digest(&Digest::of(b"{}"))).unwrap()).size, 2);
    let wanted = image.with_digest(&Digest::of(b"wanted"));
    for error in [registry.exists(&wanted).unwrap_err(), registry.manifest(&wanted).unwrap_err()] {
        assert_eq!(error.kind().exit_code(), 5);
        assert!(error.causes()[0].contains(&Digest::of(b"wanted").to_string()), "{error:?}");
    }
}

#[test]
fn what_passes_is_asked_again_until_it_has() {
    let count = Mutex::new(0);
    let fake = Fake::start(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            1 => Reply::new(429).header("retry-after", "0"),
            2 => Reply::hang_up(),
            3 => Reply::new(502),
            _ => Reply::new(404),
        }
    });
    let registry = connect(&fake.name(), &[]);
    assert!(matches!(registry.exists(&reference(&fake.name(), "a")).unwrap(), Presence::Absent));
    assert_eq!(fake.lines(), ["HEAD /v2/a/manifests/latest"; 4]);
}

/// A server that answers once it is told to, at the end of the test: whoever waits for it waits for ever.
fn silent() -> (Fake, impl Drop) {
    struct Open(Arc<(Mutex<bool>, Condvar)>);
    impl Drop for Open {
        fn drop(&mut self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_all();
        }
    }
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let open = Open(Arc::clone(&gate));
    let fake = Fake::start(move |_| {
        drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open).unwrap());
        Reply::new(404)
    });
    (fake, open)
}

/// Longer than anybody waits for a test.
const DAY: Duration = Duration::from_hours(24);

#[test]
fn an_interruption_ends_a_request_and_a_wait() {
    let (silent, _open) = silent();
    let request = Request::new(Method::Get, url(&silent)).timeout(DAY);
    interrupted(&silent, |means| means.client.send(&request).map(drop).map_err(Error::from));

    let busy = Fake::start(|_| Reply::new(503).header("retry-after", "80000"));
    let image = reference(&busy.name(), "a");
    interrupted(&busy, |mut means| {
        means.retries.wait_max = DAY;
        let registry = Registry::connect(means, &busy.name()).unwrap();
        let failed = registry.exists(&image).map(drop);
        // Nothing is asked any more.
        let asked = busy.seen().len();
        assert_eq!(registry.manifest(&image).unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(busy.seen().len(), asked);
        failed
    });
}

/// Interrupts what asks `fake` once it has asked.
fn interrupted(fake: &Fake, ask: impl FnOnce(Means) -> Result<(), Error>) {
    let means = means(&[]);
    let cancel = means.cancel.clone();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            crate::program::wait_until("the server is asked", || !fake.seen().is_empty());
            cancel.cancel();
        });
        ask(means).unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

fn url(fake: &Fake) -> Url {
    format!("http://127.0.0.1:{}/", fake.port()).parse().unwrap()
}

#[test]
fn a_request_has_a_time_limit_and_a_length_limit() {
    let (silent, _open) = silent();
    let client = means(&[]).client;
    let request = Request::new(Method::Get, url(&silent)).timeout(Duration::from_millis(50));
    let failure = client.send(&request).unwrap_err();
    assert_eq!((failure.fault, failure.error.kind().exit_code()), (Fault::CutOff, 4));
    assert!(failure.error.message().contains("did not answer in time"), "{failure:?}");

    let five = Fake::start(|_| Reply::new(200).body("12345"));
    let send = |length_max| client.send(&Request::new(Method::Get, url(&five)).length_max(length_max));
    assert_eq!(send(5).unwrap().body, b"12345");
    assert_eq!(send(4).unwrap_err().fault, Fault::TooLong);
}

#[test]
fn in_the_clear_only_this_machine_is_spoken_to() {
    let client = means(&[]).client;
    let request = Request::new(Method::Get, "http://registry.invalid/".parse().unwrap());
    let failure = client.send(&request).unwrap_err();
    assert_eq!((failure.fault, failure.error.kind().exit_code()), (Fault::Refused, 5));
}
