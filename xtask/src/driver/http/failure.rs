//! What a failure of the library that speaks HTTP means, for a program and for a reader.

use std::io;

use rustls::CertificateError;

use super::{Failure, Method};
use crate::core::http::{CertificateFault, Fault, Url};
use crate::error::{Error, ErrorKind};

impl Failure {
    /// The request would have gone where it must not.
    pub(super) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { fault: Fault::Refused, error: Error::refused(message).hint(hint) }
    }

    /// The run was asked to end.
    pub(super) fn interrupted() -> Self {
        Self { fault: Fault::Interrupted, error: Error::interrupted() }
    }

    /// Something on this machine.
    pub(super) fn local(error: Error) -> Self {
        Self { fault: Fault::Local, error }
    }

    /// The answer is longer than it may be.
    pub(super) fn too_long(url: &Url, length_max: u64) -> Self {
        let message =
            format!("`{}` sent more than the {length_max} bytes that were expected", url.authority());
        Self { fault: Fault::TooLong, error: Error::missing(message) }
    }

    /// What a failed request of the library means. `sending` is what may have been acted upon.
    pub(super) fn of(method: Method, url: &Url, error: &ureq::Error) -> Self {
        let server = url.authority();
        let fault = fault(error);
        let (message, hint) = match (fault, error) {
            (Fault::NotReached, error) if is_unknown_host(error) => (
                format!("the host `{server}` is not known"),
                "check its name, and whether this machine is in the right network".to_owned(),
            ),
            (_, ureq::Error::ConnectProxyFailed(_)) => (
                format!("the proxy did not let us through to `{server}`"),
                "check `HTTPS_PROXY`, and `NO_PROXY` for hosts that are asked without it".to_owned(),
            ),
            (Fault::Certificate(certificate), _) => {
                (format!("the certificate of `{server}` {certificate}"), certificate.hint().to_owned())
            }
            (Fault::NotReached, _) => (
                format!("`{server}` could not be reached"),
                "check that it is running, and whether a proxy (`HTTPS_PROXY`) leads to it".to_owned(),
            ),
            (Fault::CutOff, ureq::Error::Timeout(_)) => {
                (format!("`{server}` did not answer in time"), "it may be busy: try again later".to_owned())
            }
            (Fault::CutOff, _) => (
                format!("the connection to `{server}` broke off"),
                "it, or a proxy before it, may have been restarted: try again".to_owned(),
            ),
            (Fault::NoTls, _) => (
                format!("`{server}` does not speak TLS"),
                "in the clear only this machine is spoken to: check the port".to_owned(),
            ),
            _ => (
                format!("`{server}` sent no answer that HTTP knows to the {method:?} request"),
                "check that the address is right: something else may listen there".to_owned(),
            ),
        };
        let kind = match fault {
            Fault::Certificate(_) | Fault::NoTls => ErrorKind::Refused,
            _ => ErrorKind::Missing,
        };
        let cause = match error {
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        };
        Self { fault, error: Error::new(kind, message).cause(cause).hint(hint) }
    }
}

fn fault(error: &ureq::Error) -> Fault {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => Fault::NotReached,
        ureq::Error::Timeout(_) | ureq::Error::BodyStalled => Fault::CutOff,
        ureq::Error::Rustls(error) => of_tls(error),
        ureq::Error::Io(error) => of_io(error),
        _ => Fault::Nonsense,
    }
}

fn is_unknown_host(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound => true,
        ureq::Error::Io(error) => is_lookup(error),
        _ => false,
    }
}

/// Whether it was the search for an address that failed: the standard library says so in words only.
fn is_lookup(error: &io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address information")
}

fn of_io(error: &io::Error) -> Fault {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(error);
    }
    match error.kind() {
        _ if is_lookup(error) => Fault::NotReached,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => Fault::NotReached,
        _ => Fault::CutOff,
    }
}

fn of_tls(error: &rustls::Error) -> Fault {
    use CertificateError as E;
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::InvalidMessage(_) => return Fault::NoTls,
        // The other side does not take our certificates, versions or ciphers, or breaks the rules.
        _ => return Fault::Certificate(CertificateFault::Other),
    };
    Fault::Certificate(match certificate {
        E::UnknownIssuer => CertificateFault::UnknownAuthority,
        E::Expired | E::ExpiredContext { .. } => CertificateFault::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        E::NotValidForName | E::NotValidForNameContext { .. } => CertificateFault::WrongName,
        _ => CertificateFault::Other,
    })
}
