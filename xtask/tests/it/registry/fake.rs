//! A server on this machine that does what no real registry can be made to do: answers by a function, late, by halves, with
//! the wrong words.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names are lowercase.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target == target
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How much of it is sent before the connection is closed; all of it otherwise.
    pub(crate) sent: Option<usize>,
    /// How long it takes to begin.
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// No answer: the connection is closed.
    pub(crate) fn hang_up() -> Self {
        Self { sent: Some(0), ..Self::new(200) }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self, head: bool) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", self.status).into_bytes();
        if !self.headers.iter().any(|(name, _)| name == "content-length") {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).into_bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        if !head {
            bytes.extend(&self.body);
        }
        bytes.truncate(self.sent.unwrap_or(bytes.len()));
        bytes
    }
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A server. Ends with this value.
pub(crate) struct Fake {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    ended: Arc<AtomicBool>,
}

impl Fake {
    /// A server in the clear.
    pub(crate) fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, answer)
    }

    /// A server that speaks TLS where it is given how.
    pub(crate) fn start_with(
        tls: Option<Arc<rustls::ServerConfig>>,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end, answer): (_, _, Arc<Answer>) =
            (Arc::clone(&seen), Arc::clone(&ended), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (tls, log, answer) = (tls.clone(), Arc::clone(&log), Arc::clone(&answer));
                // What goes wrong here is what the client is tried with.
                std::thread::spawn(move || {
                    drop(stream.and_then(|stream| serve(stream, tls, &log, &*answer)));
                });
            }
        });
        Self { port, seen, ended }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its name in references.
    pub(crate) fn name(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The same as lines: `GET /v2/`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(
    stream: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    log: &Mutex<Vec<Seen>>,
    answer: &Answer,
) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    match tls {
        None => talk(stream, log, answer),
        Some(config) => {
            let connection = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
            let mut stream = rustls::StreamOwned::new(connection, stream);
            talk(&mut stream, log, answer)?;
            stream.conn.send_close_notify();
            stream.flush()
        }
    }
}

fn talk(mut stream: impl Read + Write, log: &Mutex<Vec<Seen>>, answer: &Answer) -> io::Result<()> {
    let Some(seen) = read(&mut stream)? else {
        // As every server does that is spoken to in another language.
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    };
    log.lock().unwrap().push(seen.clone());
    let reply = answer(&seen);
    std::thread::sleep(reply.delay);
    stream.write_all(&reply.bytes(seen.method == "HEAD"))?;
    stream.flush()
}

/// Reads a request; `None` where it is no HTTP.
fn read(stream: &mut impl Read) -> io::Result<Option<Seen>> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let count = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if count == 0 || !bytes[0].is_ascii_uppercase() {
            return Ok(None);
        }
    };
    let mut body = bytes.split_off(end + 4);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        body.extend_from_slice(&buffer[..count]);
    }
    Ok(Some(Seen { method: method.to_owned(), target: target.to_owned(), headers, body }))
}

/// Passes a request on to a server in the clear, and its answer back.
pub(crate) fn pass_on(seen: &Seen, port: u16) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let mut bytes = format!("{} {} HTTP/1.0\r\n", seen.method, seen.target).into_bytes();
    for (name, value) in
        seen.headers.iter().filter(|(name, _)| !["connection", "content-length"].contains(&name.as_str()))
    {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    bytes.extend(format!("connection: close\r\ncontent-length: {}\r\n\r\n", seen.body.len()).into_bytes());
    bytes.extend(&seen.body);
    stream.write_all(&bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end =
        answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap();
    let mut reply = Reply::new(status).body(&answer[end + 4..]);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = name.to_ascii_lowercase();
        if !["connection", "transfer-encoding"].contains(&name.as_str()) {
            reply = reply.header(&name, value.trim());
        }
    }
    Ok(reply)
}
