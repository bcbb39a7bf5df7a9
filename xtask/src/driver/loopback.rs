//! Asks a program on this machine that was started to be tried.
//!
//! Plain HTTP/1.1 over a fresh connection, the status alone: what is tried is a container of ours, seconds after its start.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A port of this machine that nobody listens on now.
pub fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}

/// The status that `GET path` is answered with.
pub fn status(port: u16, path: &str, timeout: Duration) -> io::Result<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // In one piece: who answers early and hangs up must not do so in the middle of it.
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    // `HTTP/1.1 200`
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    let status = std::str::from_utf8(&start).ok().filter(|start| start.starts_with("HTTP/1."));
    let status = status.and_then(|start| start.get(9..)?.parse().ok());
    status.ok_or_else(|| io::Error::other("the answer is no HTTP"))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_status_is_read_and_everything_else_is_an_error() {
        let timeout = Duration::from_secs(10);
        for (answer, expected) in
            [("HTTP/1.1 503 Service Unavailable\r\n\r\n", Some(503)), ("SSH-2.0-x\r\n123", None)]
        {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = Vec::new();
                // A connection that is closed with something unread is reset, and its answer with it.
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    asked.extend(byte);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                asked
            });
            assert_eq!(status(port, "/health", timeout).ok(), expected);
            assert_eq!(&server.join().unwrap()[..11], b"GET /health");
        }
        assert!(status(free_port().unwrap(), "/", timeout).is_err());
    }
}
