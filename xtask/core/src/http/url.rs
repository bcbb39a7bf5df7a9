//! Addresses of what is asked over HTTP: absolute, without user, password and fragment.

use ::core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

/// How it is spoken to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// In the clear; on this machine only.
    Http,
    /// Encrypted, with a certificate.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// `https://host[:port]/path[?query]`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Url {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    target: String,
}

impl Url {
    /// The address of `target` (a path that begins with `/`) on `authority`, a host with or without a port.
    pub fn new(scheme: Scheme, authority: &str, target: &str) -> Option<Self> {
        format!("{scheme}://{authority}{target}").parse().ok()
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, without its port; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where it is the one that goes without saying.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        })
    }

    /// Host and port, for a reader.
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether both are asked at one place: what was told to one may be told to the other.
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port()) == (other.scheme, &other.host, other.port())
    }

    /// Whether it is this machine that is asked, so that nobody can listen.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The address that a `Location` of an answer to this one means (RFC 3986, section 5.2, without its dot segments).
    pub fn join(&self, location: &str) -> Option<Self> {
        let origin = format!("{}://{}", self.scheme, self.authority());
        let location = location.split('#').next().unwrap_or_default();
        let path = self.target.split('?').next().unwrap_or_default();
        let text = if location.contains("://") && !location.starts_with(['/', '?']) {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{}:{location}", self.scheme)
        } else if location.starts_with('/') {
            format!("{origin}{location}")
        } else if location.starts_with('?') {
            format!("{origin}{path}{location}")
        } else {
            let folder = &path[..=path.rfind('/')?];
            format!("{origin}{folder}{location}")
        };
        text.parse().ok()
    }

    /// This address with one more parameter.
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        for part in [name, "=", &encode(value)] {
            self.target.push_str(part);
        }
        self
    }
}

/// Whether this is `host`, `host:port`, or `[address]:port`.
pub fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let inside = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
            if address.is_empty() || !address.chars().all(inside) {
                return false;
            }
            (None, rest)
        }
        None => match text.split_once(':') {
            Some((host, _)) => (Some(host), &text[host.len()..]),
            None => (Some(text), ""),
        },
    };
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    let port_is_one = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    host.is_none_or(|host| host.split('.').all(label)) && port_is_one
}

/// The host of `host`, `host:port` or `[address]:port`.
pub fn host_of(authority: &str) -> &str {
    // A colon in the brackets of an IPv6 address is not that of a port.
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

/// Whether a host, without its port, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

/// `text` as it stands in a query or a form: everything but unreserved characters by its bytes (RFC 3986, section 2).
pub fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
            encoded.extend(['%', digits[0], digits[1]]);
        }
    }
    encoded
}

impl FromStr for Url {
    type Err = String;

    /// The error is a sentence without the address in it: an address may hold a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("an address begins with `https://`")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err("an address begins with `https://`".to_owned()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err("an address must not hold a user or a password".to_owned());
        }
        if !is_host(authority) {
            return Err("the host of an address is a name or an address, with or without a port".to_owned());
        }
        let target = target.split('#').next().unwrap_or_default();
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("an address holds neither spaces nor characters beyond ASCII".to_owned());
        }
        let host = host_of(authority);
        let port = authority[host.len()..].strip_prefix(':').and_then(|port| port.parse().ok());
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port, target: format!("{slash}{target}") })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_taken_apart() {
        let full = url("HTTPS://Example.com:5000/v2/?a=b#c");
        assert_eq!((full.host(), full.port(), full.target()), ("example.com", 5000, "/v2/?a=b"));
        assert_eq!(full.to_string(), "https://example.com:5000/v2/?a=b");
        assert_eq!(url("https://a").to_string(), "https://a/");
        assert_eq!((url("http://[::1]/x").host(), url("http://[::1]:7/").port()), ("[::1]", 7));
        for text in [
            "",
            "a",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a b",
            "https://a/ b",
            "https://a/\r\nX: y",
            "https://a:0/",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn locations_are_joined() {
        let base = url("https://r.io:5000/v2/a/uploads/?x=1");
        for (location, joined) in [
            ("https://s.io/b", "https://s.io/b"),
            ("//s.io/b", "https://s.io/b"),
            ("/v2/b?_state=1#x", "https://r.io:5000/v2/b?_state=1"),
            ("b", "https://r.io:5000/v2/a/uploads/b"),
            ("?y=2", "https://r.io:5000/v2/a/uploads/?y=2"),
            ("/b?to=https://s.io", "https://r.io:5000/b?to=https://s.io"),
        ] {
            assert_eq!(base.join(location), Some(url(joined)), "{location}");
        }
        assert_eq!(base.join("ftp://a"), None);
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = url("https://r.io/a");
        assert!(base.same_origin(&url("https://R.io:443/b")));
        for other in ["http://r.io/a", "https://r.io:5000/a", "https://s.r.io/a"] {
            assert!(!base.same_origin(&url(other)), "{other}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.io", "10.0.0.1", "0.0.0.0", "[::2]", "127.0.0.1.io", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn parameters_are_encoded() {
        let url = url("https://a/t")
            .with_query("service", "r.io")
            .with_query("scope", "repository:a/b:pull,push é");
        assert_eq!(url.target(), "/t?service=r.io&scope=repository%3Aa%2Fb%3Apull%2Cpush%20%C3%A9");
    }
}
