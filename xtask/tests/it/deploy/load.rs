//! Users: requests at a steady rate, each over a connection of its own, and what became of them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// More than any answer takes. A connection that gets none within this time was dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many requests may wait for an answer at the same time before the rate falls.
const USERS: u32 = 8;

/// Who answered, and how.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen {
    /// Answers of each version, good and bad.
    pub(crate) versions: BTreeMap<String, Answers>,
    /// Requests without a whole answer.
    pub(crate) dropped: u64,
    /// Why, of the first one.
    pub(crate) reason: Option<String>,
}

/// What one version has answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers {
    pub(crate) good: u64,
    /// Those that did not have status 200.
    pub(crate) bad: u64,
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

impl Seen {
    pub(crate) fn requests(&self) -> u64 {
        self.dropped + self.versions.values().map(|answers| answers.good + answers.bad).sum::<u64>()
    }

    /// Answers that did not have status 200, of all versions.
    pub(crate) fn bad(&self) -> u64 {
        self.versions.values().map(|answers| answers.bad).sum()
    }

    /// How many answers a version gave.
    pub(crate) fn of(&self, version: &str) -> u64 {
        self.versions.get(version).map_or(0, |answers| answers.good + answers.bad)
    }
}

/// Users who go on until this value goes away.
pub(crate) struct Load {
    seen: Arc<Mutex<Seen>>,
    end: Arc<AtomicBool>,
    users: Vec<JoinHandle<()>>,
}

impl Load {
    /// `rate` requests a second to an address.
    pub(crate) fn new(address: SocketAddr, rate: u32) -> Self {
        Self::of(address, rate, "/")
    }

    /// The same for another path.
    pub(crate) fn of(address: SocketAddr, rate: u32, path: &'static str) -> Self {
        let (seen, end) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let pause = Duration::from_secs(u64::from(USERS)) / rate;
        let users = (0..USERS).map(|number| {
            let (seen, end) = (Arc::clone(&seen), Arc::clone(&end));
            std::thread::spawn(move || {
                let mut next = Instant::now() + pause * number / USERS;
                while !end.load(Ordering::Relaxed) {
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                    next += pause;
                    let answer = get(address, path);
                    note(&mut seen.lock().unwrap(), answer);
                }
            })
        });
        let users = users.collect();
        Self { seen, end, users }
    }

    /// What has come of it so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Ends it, and says what came of it.
    pub(crate) fn end(mut self) -> Seen {
        self.stop();
        self.seen()
    }

    fn stop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for user in self.users.drain(..) {
            drop(user.join());
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

fn note(seen: &mut Seen, answer: Result<(bool, String), String>) {
    match answer {
        Ok((is_good, version)) => {
            let now = Instant::now();
            let none = Answers { good: 0, bad: 0, first: now, last: now };
            let answers = seen.versions.entry(version).or_insert(none);
            *(if is_good { &mut answers.good } else { &mut answers.bad }) += 1;
            answers.last = now;
        }
        Err(reason) => {
            seen.dropped += 1;
            seen.reason.get_or_insert(reason);
        }
    }
}

/// Whether the status is 200, and the version that says it.
pub(crate) fn ask(address: SocketAddr) -> Result<(bool, String), String> {
    get(address, "/")
}

/// The same for another path. Who answers with something else than a version has none.
fn get(address: SocketAddr, path: &str) -> Result<(bool, String), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    // In one piece: whoever reads once has read all of it.
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("half an answer: {answer:?}"))?;
    let length = head.lines().find_map(|line| {
        let (name, length) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| length.parse::<usize>().ok())?
    });
    if length.is_some_and(|length| length != body.len()) {
        return Err(format!("half an answer: {answer:?}"));
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    Ok((head.starts_with("HTTP/1.1 200 "), body["version"].as_str().unwrap_or_default().to_owned()))
}

#[test]
fn what_users_see_is_counted() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let answers = [
            "HTTP/1.1 200 OK\r\n\r\n{\"version\":\"one\"}",
            "HTTP/1.1 500 No\r\n\r\n{\"version\":\"one\"}",
            "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"version\":\"one\"}",
            "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"version\":\"one\"}",
            "HTTP/1",
        ];
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let mut seen = Seen::default();
    for _ in 0..6 {
        note(&mut seen, ask(address));
    }
    server.join().unwrap();
    let of_one = seen.versions["one"];
    assert_eq!((of_one.good, of_one.bad, seen.dropped, seen.requests()), (2, 1, 3, 6), "{seen:?}");
    assert!(seen.reason.unwrap().starts_with("half an answer"));
}
