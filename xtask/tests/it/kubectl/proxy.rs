//! Pages of pods, through the real `kubectl proxy`, from a server that stands for the API server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use xtask::core::kubectl::Fault;
use xtask::core::kubectl::scrape::{Miss, Window};
use xtask::driver::kubectl::{Proxy, SCRAPE_LENGTH_MAX};

use super::{Home, has_kubectl};

/// What the server has seen: the request lines, and how many were answered at the same time.
#[derive(Default)]
struct Seen {
    lines: Mutex<Vec<String>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// The API server of a cluster whose pods answer by their names.
fn api_server() -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let seen = Arc::clone(&shared);
            thread::spawn(move || while answer(&stream, &seen).is_some() {});
        }
    });
    (address, seen)
}

/// A pod on this machine: whoever comes gets one page.
pub(super) fn serve_pages(listener: &TcpListener) {
    for mut stream in listener.incoming().map_while(Result::ok) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\nrequests_total 7\n";
        drop(stream.write_all(page.as_bytes()));
    }
}

fn answer(mut stream: &TcpStream, seen: &Seen) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    // Some builds of kubectl look at the server's version first, to become the one that goes with it.
    if first.starts_with("GET /version") {
        return stream.write_all(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n").ok();
    }
    seen.lines.lock().unwrap().push(first.clone());
    let now = seen.now.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most.fetch_max(now, Ordering::SeqCst);
    let pod = first.split("/pods/").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
    let status = |code: u16| json!({"kind": "Status", "apiVersion": "v1", "code": code}).to_string();
    let (code, body) = match pod {
        "good" => (200, "requests_total 7\n".to_owned()),
        "slow" => {
            thread::sleep(Duration::from_millis(100));
            (200, "requests_total 9\n".to_owned())
        }
        "late" => {
            thread::sleep(Duration::from_secs(3));
            (200, String::new())
        }
        "gone" => (404, status(404)),
        "lost" => (404, "no such page".to_owned()),
        "deaf" => (
            503,
            "error trying to reach service: dial tcp 10.0.0.1:8000: connect: connection refused".to_owned(),
        ),
        "secret" => (403, status(403)),
        "full" => (200, "x".repeat(usize::try_from(SCRAPE_LENGTH_MAX).unwrap() + 1)),
        "moved" => (302, String::new()),
        _ => (500, "broken".to_owned()),
    };
    let location = if code == 302 { "Location: /api/v1/secrets\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {code} X\r\nAudit-Id: 1\r\n{location}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let written = stream.write_all(format!("{head}{body}").as_bytes());
    seen.now.fetch_sub(1, Ordering::SeqCst);
    written.ok()
}

fn metrics() -> Window {
    Window { namespace: "v".to_owned(), port: 8000, page: "/metrics".to_owned() }
}

fn pods(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn page(proxy: &Proxy, pod: &str) -> Result<String, Miss> {
    let page = proxy.scrape(&metrics(), &pods(&[pod])).unwrap().remove(0);
    page.map(|bytes| String::from_utf8(bytes).unwrap())
}

/// The kubectl that serves below this folder.
fn server_of(home: &Home) -> Option<i32> {
    let mark = format!("--unix-socket={}", home.path().display());
    let entries = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap());
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|process: &i32| {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&mark)
    })
}

fn sockets(home: &Home) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(home.path()).into_iter().map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "sock")).collect()
}

#[test]
fn each_pod_says_what_it_can() {
    if !has_kubectl() {
        return;
    }
    let (address, seen) = api_server();
    let home = Home::new(&json!({"server": address}), &json!({"token": "t"}));
    let proxy = home.kubectl().proxy(&[metrics()]).unwrap();
    let names = ["good", "late", "gone", "lost", "deaf", "secret", "full", "moved", "good", "a/b"];
    let begun = Instant::now();
    let pages = proxy.scrape(&metrics(), &pods(&names)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let short = |page: &Result<Vec<u8>, Miss>| match page {
        Ok(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
        Err(miss) => format!("{miss:?}"),
    };
    let said: Vec<String> =
        names.iter().zip(&pages).map(|(name, page)| format!("{name}: {}", short(page))).collect();
    assert_eq!(
        said,
        [
            "good: requests_total 7",
            "late: Late",
            "gone: Gone",
            "lost: Refused(404)",
            "deaf: Deaf",
            "secret: Forbidden",
            "full: TooLong",
            "moved: Refused(302)",
            "good: requests_total 7",
            "a/b: Gone",
        ]
    );
    let lines = seen.lines.lock().unwrap().clone();
    assert!(lines.iter().all(|line| line.starts_with("GET /api/v1/namespaces/v/pods/")), "{lines:?}");
}

#[test]
fn four_are_asked_at_once_and_no_more() {
    if !has_kubectl() {
        return;
    }
    let (address, seen) = api_server();
    let home = Home::new(&json!({"server": address}), &json!({"token": "t"}));
    let proxy = home.kubectl().proxy(&[metrics()]).unwrap();
    let pages = proxy.scrape(&metrics(), &pods(&["slow"; 12])).unwrap();
    assert!(pages.iter().all(Result::is_ok), "{pages:?}");
    assert_eq!(seen.most.load(Ordering::SeqCst), 4);
}

#[test]
fn nothing_but_the_window_is_let_through() {
    if !has_kubectl() {
        return;
    }
    let (address, seen) = api_server();
    let home = Home::new(&json!({"server": address}), &json!({"token": "t"}));
    let other = Window { page: "/other".to_owned(), ..metrics() };
    let proxy = home.kubectl().proxy(&[metrics(), other.clone()]).unwrap();
    assert_eq!(page(&proxy, "good").unwrap(), "requests_total 7\n");
    assert!(proxy.scrape(&other, &pods(&["good"])).unwrap()[0].is_ok());
    let foreign = Window { namespace: "kube-system".to_owned(), ..metrics() };
    assert_eq!(proxy.scrape(&foreign, &pods(&["good"])).unwrap(), [Err(Miss::Forbidden)]);

    let sockets = sockets(&home);
    let [socket] = sockets.as_slice() else { panic!("{sockets:?}") };
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(socket.parent().unwrap()), mode(socket) & 0o077), (0o700, 0));
    let before = seen.lines.lock().unwrap().len();
    let good = "/api/v1/namespaces/v/pods/good:8000/proxy/metrics";
    for (method, path, host) in [
        ("GET", "/api/v1/namespaces/v/secrets", "127.0.0.1"),
        ("GET", "/api/v1/namespaces/v/pods/good:8001/proxy/metrics", "127.0.0.1"),
        ("GET", "/api/v1/namespaces/v/pods/good:8000/proxy/metrics/more", "127.0.0.1"),
        ("GET", "/api/v1/namespaces/w/pods/good:8000/proxy/metrics", "127.0.0.1"),
        ("GET", "/", "127.0.0.1"),
        ("GET", good, "evil.example"),
        ("POST", good, "127.0.0.1"),
        ("PUT", good, "127.0.0.1"),
        ("PATCH", good, "127.0.0.1"),
        ("DELETE", good, "127.0.0.1"),
        ("HEAD", good, "127.0.0.1"),
        ("GETS", good, "127.0.0.1"),
        ("get", good, "127.0.0.1"),
    ] {
        let stream = UnixStream::connect(socket).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        (&stream).write_all(request.as_bytes()).unwrap();
        let first = BufReader::new(&stream).lines().next().unwrap().unwrap();
        assert_eq!(first, "HTTP/1.1 403 Forbidden", "{method} {path} {host}");
    }
    assert_eq!(seen.lines.lock().unwrap().len(), before, "the server was asked");
}

#[test]
fn it_is_started_again_and_ends_with_us() {
    if !has_kubectl() {
        return;
    }
    let (address, _) = api_server();
    let home = Home::new(&json!({"server": address}), &json!({"token": "t"}));
    let proxy = home.kubectl().proxy(&[metrics()]).unwrap();
    assert_eq!(server_of(&home), None, "nobody has asked yet");
    page(&proxy, "good").unwrap();
    let first = server_of(&home).unwrap();
    let kill = |process: i32| {
        let process = rustix::process::Pid::from_raw(process).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    };
    kill(first);
    // Killed between two questions, or during one: the question is answered.
    assert_eq!(page(&proxy, "good").unwrap(), "requests_total 7\n");
    let second = server_of(&home).unwrap();
    assert_ne!(first, second);
    thread::scope(|scope| {
        let asks = scope.spawn(|| proxy.scrape(&metrics(), &pods(&["slow"; 20])).unwrap());
        thread::sleep(Duration::from_millis(150));
        kill(second);
        let pages = asks.join().unwrap();
        assert!(pages.iter().all(Result::is_ok), "{pages:?}");
    });
    drop(proxy);
    assert_eq!(server_of(&home), None);
    assert!(sockets(&home).is_empty());
}

#[test]
fn it_ends_with_the_run() {
    if !has_kubectl() {
        return;
    }
    let (address, _) = api_server();
    let home = Home::new(&json!({"server": address}), &json!({"token": "t"}));
    let proxy = home.kubectl().proxy(&[metrics()]).unwrap();
    page(&proxy, "good").unwrap();
    home.cancel.cancel();
    let end = Instant::now() + Duration::from_secs(5);
    while server_of(&home).is_some() {
        assert!(Instant::now() < end, "it still runs");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(proxy.scrape(&metrics(), &pods(&["good"])).unwrap_err().fault, Fault::Interrupted);
}

#[test]
fn one_that_cannot_start_says_why() {
    if !has_kubectl() {
        return;
    }
    let home = Home::new(&json!({"server": "http://127.0.0.1:1"}), &json!({"token": "t"}));
    let proxy = home.at("nowhere", "v").proxy(&[metrics()]).unwrap();
    let begun = Instant::now();
    let failure = proxy.scrape(&metrics(), &pods(&["good"])).unwrap_err();
    assert_eq!(failure.fault, Fault::NoSuchContext, "{failure:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    // A server that is not there is no reason not to start; it leads to nobody.
    let proxy = home.kubectl().proxy(&[metrics()]).unwrap();
    let missed = page(&proxy, "good").unwrap_err();
    assert!(!missed.is_of_the_pod(), "{missed:?}");
    let wide = Window { page: "/m,.*".to_owned(), ..metrics() };
    assert!(home.kubectl().proxy(&[wide]).is_err());
}
