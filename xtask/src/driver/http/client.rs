//! The client: one for a run, shared by whoever asks over HTTP.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ureq::http;
use ureq::tls::{RootCerts, TlsConfig};

use super::socket::{NoLookup, SocketConnector};
use super::{CONNECT_TIMEOUT, Failure, Method, Request, Response, authorities};
use crate::core::http::url::Scheme;
use crate::core::http::{Url, proxy};
use crate::driver::cancel::Cancel;
use crate::driver::environment::Environment;
use crate::error::{Error, Result};

/// How often a request is sent on before whoever sends it around is not believed any more.
const REDIRECTS_MAX: usize = 5;

/// How much an answer's headers may be, in bytes.
const HEADERS_MAX: usize = 64 << 10;

/// Asks servers. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    environment: Environment,
    cancel: Cancel,
    /// Whether only this machine is asked.
    offline: bool,
    /// Where everything goes, whatever address it is for; `None` is the network.
    socket: Option<PathBuf>,
    /// For hosts that are asked directly, and for those behind a proxy; each made when it is needed.
    agents: Mutex<[Option<ureq::Agent>; 2]>,
}

/// Which way a request goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Direct = 0,
    Proxied = 1,
}

impl Client {
    /// A client that takes proxies and authorities from `environment`. Nothing is read before the first request.
    pub fn new(environment: Environment, cancel: Cancel) -> Self {
        Self(Arc::new(Inner { environment, cancel, offline: false, socket: None, agents: Mutex::default() }))
    }

    /// The same, but it asks only this machine.
    pub fn offline(&self) -> Self {
        let (environment, cancel) = (self.0.environment.clone(), self.0.cancel.clone());
        let socket = self.0.socket.clone();
        Self(Arc::new(Inner { environment, cancel, offline: true, socket, agents: Mutex::default() }))
    }

    /// A client that speaks through a socket in a folder with whoever listens there. What is asked for is
    /// `http://127.0.0.1/…`; redirects are not followed, since they would all lead to the same one.
    pub fn through(socket: PathBuf, cancel: Cancel) -> Self {
        let environment = Environment::default();
        Self(Arc::new(Inner {
            environment,
            cancel,
            offline: false,
            socket: Some(socket),
            agents: Mutex::default(),
        }))
    }

    /// Sends a request and reads the answer.
    ///
    /// Redirects of `GET` and `HEAD` are followed, except to where requests are not sent at all. To another origin,
    /// `Authorization` does not come along.
    pub fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let end = Instant::now() + request.timeout;
        let mut url = request.url.clone();
        let mut authorized = true;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.exchange(request, &url, authorized, end)?;
            let follows = matches!(request.method, Method::Get | Method::Head) && self.0.socket.is_none();
            let location = response.header("location").filter(|_| follows && is_redirect(response.status));
            let Some(location) = location else { return Ok(response) };
            let Some(next) = url.join(location) else { return Ok(response) };
            if next.scheme() == Scheme::Http && (url.scheme() == Scheme::Https || !next.is_loopback()) {
                let message =
                    format!("`{}` sends us on to `{}` in the clear", url.authority(), next.authority());
                return Err(Failure::refused(
                    message,
                    "whoever runs it has to mend that: nothing was sent there",
                ));
            }
            // Once behind, it stays behind: the way back may have been chosen by somebody else.
            authorized &= next.same_origin(&request.url);
            url = next;
        }
        let message = format!("`{}` sends us around in circles", request.url.authority());
        Err(Failure::refused(message, "check that the address is right"))
    }

    fn exchange(
        &self,
        request: &Request<'_>,
        url: &Url,
        authorized: bool,
        end: Instant,
    ) -> Result<Response, Failure> {
        if self.0.cancel.is_cancelled() {
            return Err(Failure::interrupted());
        }
        if url.scheme() == Scheme::Http && !url.is_loopback() {
            return Err(Failure::refused(
                format!("`{}` would be asked in the clear", url.authority()),
                "in the clear only this machine is spoken to: use `https://`",
            ));
        }
        if self.0.offline && !url.is_loopback() {
            let error = Error::missing(format!("`{}` is not asked: the run is offline", url.authority()))
                .hint("leave out `--offline`");
            return Err(Failure::local(error));
        }
        let agent = self.agent(self.way(url)).map_err(Failure::local)?;
        let failed = |error: ureq::Error| {
            // An agent that was shut down fails in its own words.
            if self.0.cancel.is_cancelled() {
                return Failure::interrupted();
            }
            let Failure { fault, error } = Failure::of(request.method, url, &error);
            Failure { fault, error: error.map_text(|text| masked(request, text)) }
        };
        let message = message(request, url, authorized).map_err(|error| failed(error.into()))?;
        let (parts, body) = run(&agent, request, message, end).map_err(failed)?.into_parts();
        let mut bytes = Vec::new();
        // One byte more than may be, to tell the longest answer from one that is too long.
        let mut reader =
            body.into_with_config().limit(u64::MAX).reader().take(request.length_max.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(|error| failed(error.into()))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > request.length_max {
            return Err(Failure::too_long(url, request.length_max));
        }
        let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers = parts.headers.iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
        Ok(Response {
            url: url.clone(),
            status: parts.status.as_u16(),
            headers: headers.collect(),
            body: bytes,
        })
    }

    fn way(&self, url: &Url) -> Way {
        let direct =
            self.proxy().is_none() || proxy::is_direct(url, self.variable("NO_PROXY").unwrap_or_default());
        if direct { Way::Direct } else { Way::Proxied }
    }

    /// The proxy for what is asked over TLS; nothing else leaves this machine.
    fn proxy(&self) -> Option<&str> {
        self.variable("HTTPS_PROXY").or_else(|| self.variable("ALL_PROXY"))
    }

    /// A variable by its name in capitals or, as some write it, without.
    fn variable(&self, name: &str) -> Option<&str> {
        let get = |name: &str| self.0.environment.filled(name);
        get(name).or_else(|| get(&name.to_ascii_lowercase()))
    }

    fn agent(&self, way: Way) -> Result<ureq::Agent> {
        let mut agents = self.0.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = &agents[way as usize] {
            return Ok(agent.clone());
        }
        let proxy = match (way, self.proxy()) {
            (Way::Proxied, Some(text)) => {
                // The address of a proxy may hold a password.
                let wrong = |message| {
                    Error::missing(message)
                        .hint("`HTTPS_PROXY` is `http://host:port`, with `user:password@` before the host if need be")
                };
                let proxy =
                    ureq::Proxy::new(text).map_err(|_| wrong("the address of the proxy makes no sense"))?;
                match proxy.protocol() {
                    ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https => Some(proxy),
                    _ => return Err(wrong("the proxy speaks SOCKS, which we do not")),
                }
            }
            _ => None,
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .user_agent(concat!("xtask/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(HEADERS_MAX)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT));
        let agent = if let Some(path) = &self.0.socket {
            let connector = SocketConnector { path: path.clone() };
            ureq::Agent::with_parts(config.build(), connector, NoLookup)
        } else {
            let roots = authorities::load(&self.0.environment)?;
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::new_with_certs(&roots))
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .build();
            ureq::Agent::new_with_config(config.tls_config(tls).build())
        };
        // Closes the connections of requests in flight, so that they end at once.
        let connections = agent.clone();
        self.0.cancel.on_cancel(move || connections.clone().shutdown());
        agents[way as usize] = Some(agent.clone());
        Ok(agent)
    }
}

fn message(request: &Request<'_>, url: &Url, authorized: bool) -> http::Result<http::request::Builder> {
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    };
    let mut message = http::Request::builder().method(method).uri(url.to_string());
    for (name, value) in &request.headers {
        message = message.header(*name, value);
    }
    if let Some(authorization) = request.authorization.as_ref().filter(|_| authorized) {
        let mut value = http::HeaderValue::from_str(authorization.expose())?;
        value.set_sensitive(true);
        message = message.header(http::header::AUTHORIZATION, value);
    }
    Ok(message)
}

fn run(
    agent: &ureq::Agent,
    request: &Request<'_>,
    message: http::request::Builder,
    end: Instant,
) -> Result<http::Response<ureq::Body>, ureq::Error> {
    fn limited<B: ureq::AsSendBody>(
        agent: &ureq::Agent,
        message: http::Request<B>,
        end: Instant,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let left = end.saturating_duration_since(Instant::now());
        agent.run(agent.configure_request(message).timeout_global(Some(left)).build())
    }
    match (request.body, request.method) {
        (Some(body), _) => limited(agent, message.body(body)?, end),
        // Without a length, a server would wait for what is not coming.
        (None, Method::Post | Method::Put | Method::Patch) => limited(agent, message.body(&[][..])?, end),
        (None, _) => limited(agent, message.body(())?, end),
    }
}

/// What was said of a request, without what it says in secret.
fn masked(request: &Request<'_>, text: &str) -> String {
    request.authorization.as_ref().map_or_else(|| text.to_owned(), |secret| secret.mask().text(text))
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
