//! What there is to know about HTTP without speaking it: addresses, proxies, challenges, when to try again, what a failure was.

pub mod challenge;
pub mod proxy;
pub mod retry;
pub mod url;

use std::fmt;

pub use challenge::{Challenge, challenges};
pub use url::Url;

/// Why there is no answer to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Nobody was asked: the name is not known, nobody listens, the connection took too long.
    NotReached,
    /// The connection ended, or the time was up, before the answer was there. The request may have been acted upon.
    CutOff,
    /// Whoever answered is not who was to be asked.
    Certificate(CertificateFault),
    /// What came back is not TLS at all.
    NoTls,
    /// The request was not sent, or not sent on: it would have gone where it must not.
    Refused,
    /// The answer is longer than it may be.
    TooLong,
    /// The answer is not HTTP.
    Nonsense,
    /// Something on this machine failed: a file of authorities, a file to be written.
    Local,
    /// The run was asked to end.
    Interrupted,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateFault {
    /// No authority that this machine knows has signed it.
    UnknownAuthority,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// Something else.
    Other,
}

impl CertificateFault {
    /// What to do about it. None of these is "do not look".
    pub fn hint(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "if it is your company's, name the file with its authority: `SSL_CERT_FILE=/path/to/authorities.pem`"
            }
            Self::Expired => "whoever runs the server has to renew it; check the clock of this machine too",
            Self::NotYetValid => "check the clock of this machine",
            Self::WrongName => {
                "check the name of the server for a typing error, and who answers for it in this network"
            }
            Self::Other => "whoever runs the server has to look at its certificate",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAuthority => "is signed by an authority that this machine does not know",
            Self::Expired => "has expired",
            Self::NotYetValid => "is not valid yet",
            Self::WrongName => "is for another name",
            Self::Other => "is not acceptable",
        })
    }
}

/// The words that go with a status, for a reader.
pub fn status_words(status: u16) -> &'static str {
    match status {
        400 => "bad request",
        401 => "not authenticated",
        403 => "not allowed",
        404 => "not found",
        405 => "method not allowed",
        408 => "request timed out",
        413 => "too large",
        416 => "range not satisfiable",
        429 => "too many requests",
        500 => "internal error",
        502 => "bad gateway",
        503 => "not available",
        504 => "gateway timed out",
        _ => "unexpected",
    }
}
