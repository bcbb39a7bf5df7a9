//! Clusters that do not answer, or not as they should.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::{Value, json};
use xtask::core::kubectl::Fault;
use xtask::core::kubectl::document::{Name, Seen};
use xtask::driver::kubectl::{Limits, Mode, Query};

use super::{Home, has_kubectl, said};
use crate::registry::tls::{Authority, OVER, TO_COME, VALID};

/// A limit that a server that says nothing reaches soon.
const SHORT: Limits =
    Limits { request: Duration::from_millis(300), call: Duration::from_secs(20), answer: 1 << 20 };

fn token() -> Value {
    json!({"token": "s3cret-t0ken"})
}

fn services() -> Query {
    Query::kinds(&["service"])
}

fn map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
}

/// A place where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A server that does this with each who comes, for as long as the tests run.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A server that answers everything so.
fn answers(status: u16, content_type: &'static str, body: String) -> String {
    server(move |mut stream| {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_err() {
                return;
            }
            asked.extend(byte);
        }
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        drop(stream.write_all(format!("{head}{body}").as_bytes()));
    })
}

/// What a read and a write of a server come to, without its address.
fn both(home: &Home, address: &str) -> String {
    let kubectl = home.kubectl().limits(SHORT);
    let read = kubectl.get(&services()).unwrap_err();
    let write = kubectl.apply("xtask", &[map()], Mode::Really).remove(0).unwrap_err();
    assert_eq!(std::mem::discriminant(&read.fault), std::mem::discriminant(&write.fault), "{write:?}");
    said(&read).replace(address, "ADDRESS")
}

#[test]
fn nobody_listens() {
    if !has_kubectl() {
        return;
    }
    let address = nobody();
    let home = Home::new(&json!({"server": format!("https://{address}")}), &token());
    expect![[r#"
        exit 4 (a write is unknown)
        error: the cluster of `production` does not answer
          caused by: The connection to the server ADDRESS was refused - did you specify the right host or port?
        hint: `kubectl --context=there version` should answer; is a VPN or a proxy missing?
    "#]]
    .assert_eq(&both(&home, &address));
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    if !has_kubectl() {
        return;
    }
    let address = server(|stream| {
        thread::sleep(Duration::from_mins(1));
        drop(stream);
    });
    let home = Home::new(&json!({"server": format!("http://{address}")}), &token());
    let begun = Instant::now();
    let failure = home.kubectl().limits(SHORT).get(&services()).unwrap_err();
    assert_eq!(failure.fault, Fault::Unreachable, "{failure:?}");
    // Where kubectl asks longer than that, it is ended.
    let limits = Limits { request: Duration::from_mins(1), call: Duration::from_millis(400), ..SHORT };
    let failure = home.kubectl().limits(limits).get(&services()).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    expect![[r#"
        exit 4 (a write is unknown)
        error: the cluster of `production` did not answer in time
          caused by: it was ended
        hint: `kubectl --context=there version` should answer at once; is it busy?
    "#]]
    .assert_eq(&said(&failure));
}

#[test]
fn an_interruption_ends_a_call() {
    if !has_kubectl() {
        return;
    }
    let address = server(|stream| {
        thread::sleep(Duration::from_mins(1));
        drop(stream);
    });
    let home = Home::new(&json!({"server": format!("http://{address}")}), &token());
    let kubectl = home.kubectl();
    thread::scope(|scope| {
        let call = scope.spawn(|| kubectl.get(&services()));
        thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        home.cancel.cancel();
        assert_eq!(call.join().unwrap().unwrap_err().fault, Fault::Interrupted);
        assert!(asked.elapsed() < Duration::from_secs(5));
    });
    assert_eq!(kubectl.get(&services()).unwrap_err().fault, Fault::Interrupted);
}

/// The release goes on while a call hangs: that is what several threads are for.
#[test]
fn a_call_that_hangs_holds_up_nobody_else() {
    let mut home = Home::empty();
    pretended(&mut home, "case \"$*\" in *service*) sleep 60;; *) echo there;; esac");
    let kubectl = home.kubectl().limits(Limits { call: Duration::from_secs(2), ..SHORT });
    thread::scope(|scope| {
        let hangs = scope.spawn(|| kubectl.get(&services()));
        thread::sleep(Duration::from_millis(200));
        assert_eq!(kubectl.contexts().unwrap(), ["there"]);
        assert!(!hangs.is_finished());
        assert_eq!(hangs.join().unwrap().unwrap_err().fault, Fault::TimedOut);
    });
}

#[test]
fn a_context_that_is_not_there() {
    if !has_kubectl() {
        return;
    }
    let home = Home::new(&json!({"server": "https://127.0.0.1:1"}), &token());
    home.kubectl().find_context().unwrap();
    let mut words = String::new();
    for context in ["their", "nowhere-at-all"] {
        let kubectl = home.at(context, "v");
        assert_eq!(kubectl.get(&services()).unwrap_err().fault, Fault::NoSuchContext);
        words += &said(&kubectl.find_context().unwrap_err());
    }
    home.config("{");
    words += &said(&home.kubectl().get(&services()).unwrap_err())
        .replace(&home.path().display().to_string(), "HOME");
    expect![[r#"
        exit 3
        error: kubectl knows no context `their`
          caused by: there is one called `there`
        hint: `kubectl config get-contexts` lists them; `KUBECONFIG` names the file
        exit 3
        error: kubectl knows no context `nowhere-at-all`
          caused by: it knows 1
        hint: `kubectl config get-contexts` lists them; `KUBECONFIG` names the file
        exit 3
        error: kubectl's configuration makes no sense
          caused by: error: error loading config file "HOME/kubeconfig": yaml: line 1: did not find expected node content
        hint: `kubectl --context=there config view --minify` should show it; `KUBECONFIG` names the file
    "#]].assert_eq(&words);
}

#[test]
fn a_machine_without_kubectl() {
    let mut home = Home::empty();
    home.set("PATH", home.path().display().to_string());
    let failure = home.kubectl().get(&services()).unwrap_err();
    assert_eq!(failure.fault, Fault::Local);
    expect![[r#"
        exit 4
        error: `kubectl` is not there
        hint: `cargo xtask doctor` says how to get `kubectl`
    "#]]
    .assert_eq(&said(&failure));
}

#[test]
fn a_certificate_is_looked_at() {
    if !has_kubectl() {
        return;
    }
    let (Some(authority), Some(stranger)) = (Authority::new(), Authority::new()) else { return };
    let mut words = String::new();
    let table = [
        ("unknown", &stranger, "api.example", VALID),
        ("over", &authority, "api.example", OVER),
        ("to come", &authority, "api.example", TO_COME),
        ("another name", &authority, "other.example", VALID),
    ];
    for (name, signer, host, times) in table {
        let config = signer.server(host, times);
        let address = server(move |mut stream| {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // It ends when whoever has come does not like what is shown.
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        });
        let cluster = json!({
            "server": format!("https://{address}"),
            "certificate-authority": authority.path("ca.pem"),
            "tls-server-name": "api.example",
        });
        let home = Home::new(&cluster, &token());
        let said = both(&home, &address);
        let without_time = said.lines().filter(|line| !line.contains("current time"));
        writeln!(words, "{name}: {}", without_time.collect::<Vec<_>>().join("\n")).unwrap();
    }
    expect![[r#"
        unknown: exit 5
        error: the certificate of the cluster of `production` is signed by an authority that this machine does not know
          caused by: Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure" while trying to verify candidate authority certificate "test authority")
        hint: nothing was sent there; the context `there` states which authority is believed, and whoever runs the cluster knows the right one
        over: exit 5
        error: the certificate of the cluster of `production` has expired
        hint: nothing was sent there; the context `there` states which authority is believed, and whoever runs the cluster knows the right one
        to come: exit 5
        error: the certificate of the cluster of `production` is not valid yet
        hint: nothing was sent there; the context `there` states which authority is believed, and whoever runs the cluster knows the right one
        another name: exit 5
        error: the certificate of the cluster of `production` is for another name
          caused by: Unable to connect to the server: tls: failed to verify certificate: x509: certificate is valid for other.example, not api.example
        hint: nothing was sent there; the context `there` states which authority is believed, and whoever runs the cluster knows the right one
    "#]].assert_eq(&words);
}

/// A program that gets credentials, or does not.
fn plugin(command: &str, script: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": ["-c", script],
        "interactiveMode": "Never", "installHint": "it is a part of the cloud's tools",
    }})
}

#[test]
fn credentials_that_cannot_be_had() {
    if !has_kubectl() {
        return;
    }
    let mut words = String::new();
    let address = answers(401, "application/json", status("Unauthorized", 401));
    let table = [
        ("no program", plugin("get-credentials", "")),
        ("a program that fails", plugin("sh", "echo 'token s3cret-t0ken has expired' >&2; exit 3")),
        ("a program that answers nonsense", plugin("sh", "echo {}")),
        ("nobody", json!({})),
    ];
    for (name, user) in table {
        let authority = if name == "nobody" { "http" } else { "https" };
        let home = Home::new(&json!({"server": format!("{authority}://{address}")}), &user);
        writeln!(words, "{name}: {}", both(&home, &address)).unwrap();
    }
    assert!(!words.contains("s3cret"), "{words}");
    expect![[r#"
        no program: exit 4
        error: `get-credentials` is not there, which gets the credentials for the cluster of `production`
          caused by: Unable to connect to the server: getting credentials: exec: executable get-credentials not found
              it is a part of the cloud's tools
        hint: the context `there` names it in kubectl's configuration: install it

        a program that fails: exit 4
        error: there are no credentials for the cluster of `production`
          caused by: token *** has expired
              Unable to connect to the server: getting credentials: exec: executable sh failed with exit code 3
        hint: a program gets them; log in again: `kubectl --context=there auth whoami` says who you are

        a program that answers nonsense: exit 4
        error: there are no credentials for the cluster of `production`
          caused by: Unable to connect to the server: getting credentials: exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin returned version client.authentication.k8s.io/__internal
        hint: a program gets them; log in again: `kubectl --context=there auth whoami` says who you are

        nobody: exit 4
        error: the cluster of `production` does not know who asks
          caused by: error: You must be logged in to the server (the server has asked for the client to provide credentials)
        hint: log in again: `kubectl --context=there auth whoami` says who you are

    "#]].assert_eq(&words);
}

/// What the program that gets credentials finds around it is what it would find at its user's.
#[test]
fn a_plugin_finds_what_its_user_has_set() {
    if !has_kubectl() {
        return;
    }
    let address = nobody();
    let script = "env >\"$HOME/seen\"; exit 3";
    let mut home = Home::new(&json!({"server": format!("https://{address}")}), &plugin("sh", script));
    home.set("AWS_PROFILE", "production");
    home.set("DATABASE_URL", "postgres://");
    home.set("KUBERC", "/etc/somebody/kuberc");
    assert_eq!(home.kubectl().get(&services()).unwrap_err().fault, Fault::PluginFailed);
    let seen = std::fs::read_to_string(home.path().join("seen")).unwrap();
    assert!(seen.contains("AWS_PROFILE=production"), "{seen}");
    assert!(!seen.contains("DATABASE_URL"), "{seen}");
    assert!(seen.contains("KUBERC=off"), "{seen}");
}

fn status(reason: &str, code: u16) -> String {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
        "message": format!("it is {code}"),
    })
    .to_string()
}

#[test]
fn servers_in_trouble() {
    if !has_kubectl() {
        return;
    }
    let mut words = String::new();
    let table = [
        ("busy", 429, status("TooManyRequests", 429)),
        ("not available", 503, "no healthy upstream".to_owned()),
        ("broken", 500, status("InternalError", 500)),
        ("a page for people", 200, "<html>log in</html>".to_owned()),
    ];
    for (name, code, body) in table {
        let address = answers(code, "application/json", body);
        let home = Home::new(&json!({"server": format!("http://{address}")}), &token());
        let failure = home.kubectl().limits(SHORT).get(&services()).unwrap_err();
        writeln!(words, "{name}: {}", said(&failure)).unwrap();
    }
    expect![[r#"
        busy: exit 4 (a write is unknown)
        error: the cluster of `production` has trouble of its own
          caused by: Error from server (TooManyRequests): the server has received too many requests and has asked us to try again later
        hint: try again in a minute; its own words say what it lacks

        not available: exit 4 (a write is unknown)
        error: the cluster of `production` has trouble of its own
          caused by: Error from server (ServiceUnavailable): the server is currently unable to handle the request
        hint: try again in a minute; its own words say what it lacks

        broken: exit 4 (a write is unknown)
        error: the cluster of `production` has trouble of its own
          caused by: Error from server (InternalError): an error on the server ("unknown") has prevented the request from succeeding
        hint: try again in a minute; its own words say what it lacks

        a page for people: exit 4 (a write is unknown)
        error: kubectl answered for `production` with something that is no object
          caused by: error: invalid character '<' looking for beginning of value
        hint: `kubectl --context=there get --namespace=v services --output=json` shows what it answers

    "#]].assert_eq(&words);
}

/// A kubectl that writes down how it was called, and does what it is told to.
fn pretended(home: &mut Home, script: &str) {
    let program = home.path().join("kubectl");
    let record = "printf '%s\\n' \"$@\" >\"$HOME/arguments\"; cat >\"$HOME/stdin\"\n";
    std::fs::write(&program, format!("#!/bin/sh\n{record}{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path().display()));
}

#[test]
fn documents_are_in_no_argument() {
    let mut home = Home::empty();
    pretended(&mut home, "printf '{\"kind\": \"ConfigMap\"}'");
    let seen = Seen { uid: "u1".to_owned(), resource_version: "7".to_owned() };
    let name = Name::of(&map()).unwrap();
    let document =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"k": "private"}});
    let kubectl = home.kubectl();
    let mut calls = String::new();
    let mut record = |what: &str| {
        let read = |file: &str| std::fs::read_to_string(home.path().join(file)).unwrap();
        let arguments = read("arguments");
        assert!(!arguments.contains("private"), "{arguments}");
        let given = format!("{what}: {}\n  {}", arguments.trim().replace('\n', " "), read("stdin").trim());
        writeln!(calls, "{}", given.trim()).unwrap();
    };
    drop(kubectl.apply("xtask", std::slice::from_ref(&document), Mode::DryRun));
    record("apply");
    drop(kubectl.create("xtask", std::slice::from_ref(&document), Mode::Really));
    record("create");
    kubectl.replace("xtask", &seen, document, Mode::Really).unwrap();
    record("replace");
    kubectl.patch("xtask", &name, &seen, json!({"data": {"k": "private"}}), Mode::Really).unwrap();
    record("patch");
    kubectl.delete(&name, "u1").unwrap();
    record("delete");
    kubectl.get(&Query::kinds(&["pod", "deployment.v1.apps"]).labelled("app=x").namespace("w")).unwrap();
    record("get");
    expect![[r#"
        apply: --context=there --namespace=v --request-timeout=10000ms apply --server-side --validate=ignore --field-manager=xtask --output=json --dry-run=server --filename=-
          {"apiVersion":"v1","data":{"k":"private"},"kind":"ConfigMap","metadata":{"name":"x"}}
        create: --context=there --namespace=v --request-timeout=10000ms create --validate=strict --field-manager=xtask --output=json --filename=-
          {"apiVersion":"v1","data":{"k":"private"},"kind":"ConfigMap","metadata":{"name":"x"}}
        replace: --context=there --namespace=v --request-timeout=10000ms replace --validate=ignore --filename=- --field-manager=xtask --output=json
          {"apiVersion":"v1","data":{"k":"private"},"kind":"ConfigMap","metadata":{"name":"x","resourceVersion":"7","uid":"u1"}}
        patch: --context=there --namespace=v --request-timeout=10000ms patch configmap x --type=merge --patch-file=/dev/stdin --field-manager=xtask --output=json
          {"data":{"k":"private"},"metadata":{"resourceVersion":"7","uid":"u1"}}
        delete: --context=there --namespace=v --request-timeout=10000ms delete --raw /api/v1/namespaces/v/configmaps/x --filename=-
          {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u1"},"propagationPolicy":"Background"}
        get: --context=there --namespace=w --request-timeout=10000ms get --output=json pod,deployment.v1.apps --selector=app=x
    "#]].assert_eq(&calls);
}

#[test]
fn an_answer_that_is_too_long_or_no_answer_is_a_failure() {
    let mut home = Home::empty();
    pretended(&mut home, "yes");
    let failure = home.kubectl().limits(SHORT).get(&services()).unwrap_err();
    assert_eq!(failure.fault, Fault::TooLong, "{failure:?}");
    for (script, fault) in [
        ("echo '[]'", Fault::Nonsense),
        ("printf '{\"kind\": \"List\", \"items\": [1'", Fault::Nonsense),
        ("printf '\\377'", Fault::Nonsense),
        ("kill -9 $$", Fault::Other),
        ("exit 2", Fault::Other),
    ] {
        pretended(&mut home, script);
        let failure = home.kubectl().get(&services()).unwrap_err();
        assert_eq!(failure.fault, fault, "{script}");
        assert!(failure.fault.leaves_unknown());
    }
    // Silence is no answer, but to the question for an object by its name.
    pretended(&mut home, ":");
    assert_eq!(home.kubectl().get(&services()).unwrap_err().fault, Fault::Nonsense);
    assert!(home.kubectl().get(&Query::objects(&[Name::of(&map()).unwrap()])).unwrap().is_empty());
    assert!(
        home.kubectl().apply("xtask", &[map()], Mode::Really)[0].as_ref().unwrap_err().fault.leaves_unknown()
    );
}
