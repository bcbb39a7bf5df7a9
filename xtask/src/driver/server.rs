//! Serves answers over HTTP to the browser of this machine.
//!
//! Plain HTTP/1.1 on a loopback address, one request a connection, without a body: what a page and its style sheets are asked
//! with. What is answered, somebody else decides.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::driver::cancel::Cancel;

/// How long somebody may take to ask, or to take an answer. Browsers open connections on which they ask nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a server looks whether it is to end.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The longest request, in bytes; and the most connections at once.
const REQUEST_MAX: usize = 16 << 10;
/// See [`REQUEST_MAX`].
const CONNECTIONS_MAX: usize = 64;

/// What is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status with its words: `200 OK`.
    pub status: &'static str,
    /// What the content is: `text/html`.
    pub media_type: &'static str,
    /// The content.
    pub content: Vec<u8>,
}

impl Answer {
    fn refused(status: &'static str) -> Self {
        let content = format!("{status}\n").into_bytes();
        Self { status, media_type: "text/plain; charset=utf-8", content }
    }
}

/// A server that listens on a loopback address, at a port that was free.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Begins to listen.
    pub fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `cancel` is asked for: `answer` says what to the target of a `GET`, `/a?b`.
    ///
    /// Who asks by another name than that of this machine is refused: a page from elsewhere could have made the browser believe
    /// that its name leads here.
    pub fn serve(&self, cancel: &Cancel, answer: &(dyn Fn(&str) -> Option<Answer> + Sync)) -> io::Result<()> {
        let connections = AtomicUsize::new(0);
        thread::scope(|scope| {
            while !cancel.is_cancelled() {
                let stream = match self.listener.accept() {
                    Ok((stream, _)) => stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        thread::sleep(LOOK_AGAIN);
                        continue;
                    }
                    // Who asked has gone away in the meantime.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                    Err(error) => return Err(error),
                };
                if connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
                    connections.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let connections = &connections;
                scope.spawn(move || {
                    // Whoever asked has gone away, or asks what is no HTTP: there is nobody to tell.
                    drop(self.converse(stream, cancel, answer));
                    connections.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Ok(())
        })
    }

    fn converse(
        &self,
        mut stream: TcpStream,
        cancel: &Cancel,
        answer: &(dyn Fn(&str) -> Option<Answer> + Sync),
    ) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = request(&mut stream, cancel)?;
        let (line, fields) = request.split_once("\r\n").unwrap_or((&request, ""));
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_here = fields.lines().filter_map(|field| field.split_once(':')).any(|(name, value)| {
            let host = value.trim();
            name.eq_ignore_ascii_case("host")
                && ["127.0.0.1", "localhost"]
                    .iter()
                    .any(|own| host == format!("{own}:{}", self.address.port()))
        });
        let answer = match method {
            _ if !is_here => Answer::refused("421 Misdirected Request"),
            "GET" | "HEAD" => answer(target).unwrap_or_else(|| Answer::refused("404 Not Found")),
            _ => Answer::refused("405 Method Not Allowed"),
        };
        let Answer { status, media_type, content } = answer;
        let length = content.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        if method != "HEAD" {
            stream.write_all(&content)?;
        }
        stream.flush()
    }
}

/// The head of a request.
fn request(stream: &mut TcpStream, cancel: &Cancel) -> io::Result<String> {
    stream.set_read_timeout(Some(LOOK_AGAIN))?;
    let mut head = Vec::new();
    let mut waited = Duration::ZERO;
    let mut piece = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > REQUEST_MAX || waited > PATIENCE || cancel.is_cancelled() {
            return Err(io::Error::from(ErrorKind::TimedOut));
        }
        match stream.read(&mut piece) {
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof)),
            Ok(count) => head.extend(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                waited += LOOK_AGAIN;
            }
            Err(error) => return Err(error),
        }
    }
    String::from_utf8(head).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    }

    #[test]
    fn it_answers_who_asks_this_machine_until_it_is_to_end() {
        let server = Server::bind().unwrap();
        let (address, cancel) = (server.address(), Cancel::default());
        assert!(address.ip().is_loopback());
        let answer = |target: &str| {
            let content = b"hello".to_vec();
            (target == "/x?y").then_some(Answer { status: "200 OK", media_type: "text/plain", content })
        };
        thread::scope(|scope| {
            let serving = scope.spawn(|| server.serve(&cancel, &answer));
            // Somebody who asks nothing holds nobody up.
            let silent = TcpStream::connect(address).unwrap();
            let port = address.port();
            for (request, start, end) in [
                (format!("GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"), "200 OK", "\r\n\r\nhello"),
                (format!("HEAD /x?y HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"), "200 OK", "close\r\n\r\n"),
                (
                    format!("GET /z HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
                    "404 Not Found",
                    "Not Found\n",
                ),
                (format!("PUT /x?y HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"), "405 ", "Allowed\n"),
                ("GET /x?y HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), "421 ", "Request\n"),
                ("GET /x?y HTTP/1.0\r\n\r\n".to_owned(), "421 ", "Request\n"),
            ] {
                let said = ask(address, &request);
                assert!(
                    said.starts_with(&format!("HTTP/1.1 {start}")) && said.ends_with(end),
                    "{request}\n{said}"
                );
            }
            cancel.cancel();
            serving.join().unwrap().unwrap();
            drop(silent);
        });
    }
}
