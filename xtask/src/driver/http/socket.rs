//! HTTP through a socket in a folder: no port that other users of the machine could connect to.

use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};

/// Connects to one socket, whatever address is asked for.
#[derive(Debug)]
pub(super) struct SocketConnector {
    pub(super) path: PathBuf,
}

impl Connector for SocketConnector {
    type Out = SocketTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<SocketTransport>, ureq::Error> {
        let stream = Arc::new(Stream(UnixStream::connect(&self.path)?));
        let handle: Weak<Stream> = Arc::downgrade(&stream);
        (details.register_shutdown)(handle)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(SocketTransport { stream, buffers }))
    }
}

/// Looks nothing up: the address plays no part.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Ok(addresses)
    }
}

struct Stream(UnixStream);

impl ShutdownHandle for Stream {
    fn shutdown(&self) {
        // It may be closed already, which is as good.
        drop(self.0.shutdown(Shutdown::Both));
    }
}

/// One connection. Made for one request: a connection that is kept would have to be told from one that has broken.
pub(super) struct SocketTransport {
    stream: Arc<Stream>,
    buffers: LazyBuffers,
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let timeout = timeout.for_write();
        let mut stream = &self.stream.0;
        stream.set_write_timeout(left(timeout)?)?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        stream.write_all(output).map_err(|error| of_io(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = timeout.for_read();
        let mut stream = &self.stream.0;
        stream.set_read_timeout(left(timeout)?)?;
        let input = self.buffers.input_append_buf();
        let length = loop {
            match stream.read(input) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(|error| of_io(error, timeout))?,
            }
        };
        self.buffers.input_appended(length);
        Ok(length > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

impl fmt::Debug for SocketTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketTransport").finish_non_exhaustive()
    }
}

/// How long a read or a write may take; `None` is for ever.
fn left(timeout: NextTimeout) -> Result<Option<std::time::Duration>, ureq::Error> {
    if timeout.after.is_not_happening() {
        return Ok(None);
    }
    // To the system, no time at all means for ever.
    if timeout.after.is_zero() { Err(ureq::Error::Timeout(timeout.reason)) } else { Ok(Some(*timeout.after)) }
}

fn of_io(error: std::io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;
    use std::thread;
    use std::time::{Duration, Instant};

    use crate::core::http::url::Scheme;
    use crate::core::http::{Fault, Url};
    use crate::driver::cancel::Cancel;
    use crate::driver::http::{Client, Method, Request};

    const TIMEOUT: Duration = Duration::from_millis(500);
    const LENGTH_MAX: u64 = 64;

    /// What comes of an answer that is written in these pieces, after which the connection is held open or closed.
    fn ask(pieces: &[&[u8]], holds: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let client = Client::through(path, Cancel::default());
        thread::scope(|scope| {
            scope.spawn(|| {
                let (stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(&stream).lines();
                assert_eq!(lines.next().unwrap().unwrap(), "GET /m HTTP/1.1");
                while !lines.next().unwrap().unwrap().is_empty() {}
                for piece in pieces {
                    if (&stream).write_all(piece).is_err() {
                        return;
                    }
                    thread::sleep(Duration::from_millis(5));
                }
                if holds {
                    thread::sleep(2 * TIMEOUT);
                }
            });
            let url = Url::new(Scheme::Http, "127.0.0.1", "/m").unwrap();
            let request = Request::new(Method::Get, url).timeout(TIMEOUT).length_max(LENGTH_MAX);
            let begun = Instant::now();
            let said = match client.send(&request) {
                Ok(answer) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
                Err(failure) => format!("{:?}", failure.fault),
            };
            assert!(begun.elapsed() < 2 * TIMEOUT, "{said}");
            said
        })
    }

    #[test]
    fn answers_come_whole_in_whatever_pieces() {
        let length: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let chunked: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: x\r\n\r\n";
        for answer in [length, chunked] {
            assert_eq!(ask(&[answer], true), "200 hello");
            let bytes: Vec<&[u8]> = answer.chunks(7).collect();
            assert_eq!(ask(&bytes, true), "200 hello");
        }
        // Without a length it ends with the connection.
        assert_eq!(ask(&[b"HTTP/1.1 503 X\r\nConnection: close\r\n\r\nno ", b"room"], false), "503 no room");
        assert_eq!(ask(&[b"HTTP/1.0 200 OK\r\n\r\nold"], false), "200 old");
        assert_eq!(ask(&[b"HTTP/1.1 204 No Content\r\n\r\n"], true), "204 ");
        // Nobody is followed anywhere.
        assert_eq!(ask(&[b"HTTP/1.1 302 Found\r\nLocation: /n\r\nContent-Length: 0\r\n\r\n"], true), "302 ");
        assert_eq!(
            ask(&[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"], true),
            "200 x"
        );
    }

    #[test]
    fn nasty_answers_are_failures_in_bounded_time() {
        let many = format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(20_000));
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(100_000));
        let body = "x".repeat(65);
        let lengthy = format!("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n{body}");
        let endless = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n{body}\r\n");
        let table: [(&str, &[u8], bool, &str); 15] = [
            ("nothing", b"", false, "CutOff"),
            ("silence", b"", true, "CutOff"),
            ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", false, "Nonsense"),
            ("half a head", b"HTTP/1.1 200 OK\r\nContent-", false, "CutOff"),
            ("half a body", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", false, "CutOff"),
            ("a body that does not come", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, "CutOff"),
            ("no number", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello", false, "Nonsense"),
            ("less than nothing", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", false, "Nonsense"),
            (
                "no chunk",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
                false,
                "Nonsense",
            ),
            (
                "half a chunk",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel",
                false,
                "CutOff",
            ),
            (
                "a huge chunk",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                false,
                "Nonsense",
            ),
            ("too many headers", many.as_bytes(), false, "Nonsense"),
            ("a long header", long.as_bytes(), false, "Nonsense"),
            ("too long", lengthy.as_bytes(), true, "TooLong"),
            ("too long in chunks", endless.as_bytes(), true, "TooLong"),
        ];
        for (name, answer, holds, expected) in table {
            assert_eq!(ask(&[answer], holds), expected, "{name}");
        }
    }

    #[test]
    fn an_interruption_ends_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let cancel = Cancel::default();
        let client = Client::through(path.clone(), cancel.clone());
        let url = || Url::new(Scheme::Http, "127.0.0.1", "/m").unwrap();
        thread::scope(|scope| {
            let asks = scope.spawn(|| client.send(&Request::new(Method::Get, url())));
            let _held = listener.accept().unwrap();
            thread::sleep(Duration::from_millis(50));
            cancel.cancel();
            assert_eq!(asks.join().unwrap().unwrap_err().fault, Fault::Interrupted);
        });
        drop(listener);
        let nobody = Client::through(path, Cancel::default());
        assert_eq!(nobody.send(&Request::new(Method::Get, url())).unwrap_err().fault, Fault::NotReached);
    }
}
