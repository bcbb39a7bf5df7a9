//! Asks servers over HTTP: one request, one answer, within bounds.
//!
//! What the client does for whoever uses it, and cannot be talked out of:
//!
//! - Every request has a time limit and a limit for the length of its answer, and ends when the run is asked to end.
//! - Certificates are looked at, always. The authorities are those of the machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//! - In the clear it speaks only to this machine.
//! - What was told to one server is not told to another: on a redirect to another origin, `Authorization` stays behind. Only
//!   `GET` and `HEAD` are sent on.
//! - A secret is in no error: neither that of a header, nor one that a server sends back.
//!
//! It does not try again: whether that is wise is the caller's to know ([`core::http::retry`](crate::core::http::retry)).

use std::time::Duration;

use crate::core::http::{Fault, Url};
use crate::core::secret::Secret;

mod authorities;
mod client;
mod failure;
mod socket;

pub use client::Client;

/// How long it may take to find a server and to agree with it on a language. The time an interruption has to wait for at most.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may take where it does not say so itself.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer may be where the request does not say so itself, in bytes.
pub const LENGTH_MAX: u64 = 8 << 20;

/// What is done with what is at an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "RFC 9110 says what they are")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// A request that was not sent yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct Request<'b> {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    authorization: Option<Secret>,
    body: Option<&'b [u8]>,
    timeout: Duration,
    length_max: u64,
}

impl<'b> Request<'b> {
    /// A request without anything but its address.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            authorization: None,
            body: None,
            timeout: TIMEOUT,
            length_max: LENGTH_MAX,
        }
    }

    /// Adds a header. Not for secrets.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says who asks: the whole value of `Authorization`.
    pub fn authorization(mut self, value: Option<Secret>) -> Self {
        self.authorization = value;
        self
    }

    /// What is sent.
    pub fn body(mut self, bytes: &'b [u8]) -> Self {
        self.body = Some(bytes);
        self
    }

    /// How long it may take from beginning to end, [`TIMEOUT`] otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long the answer may be, [`LENGTH_MAX`] otherwise. A longer one is a failure.
    pub fn length_max(mut self, bytes: u64) -> Self {
        self.length_max = bytes;
        self
    }

    /// Its address.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// An answer: any status is one.
#[derive(Clone, Debug)]
pub struct Response {
    /// Where it came from in the end.
    pub url: Url,
    /// 200 for success, and so on.
    pub status: u16,
    /// Names are lowercase. Values that are no text are left out.
    headers: Vec<(String, String)>,
    /// What was sent, whole.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header; the first one where there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all headers of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str())
    }
}

/// No answer.
pub type Failure = super::failure::Failure<Fault>;
