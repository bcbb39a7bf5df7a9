//! What it means that kubectl failed: it exits with 1 for nearly everything, so its words decide.

use crate::http::CertificateFault;

use super::denial::Denial;
use super::messages::Messages;
use super::ownership::{self, Owner};

/// Why something was not done, or is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The object is not there, or the namespace it would be in.
    NotFound,
    /// There is an object of this name already.
    AlreadyExists,
    /// The object has another version than the one that was read, or is another one of the same name.
    Conflict,
    /// Somebody else owns fields that would have changed.
    Owned(Vec<Owner>),
    /// The role lacks a right.
    Forbidden(Box<Denial>),
    /// A rule of the cluster does not allow it: a quota, a webhook, a namespace that is being deleted.
    Denied,
    /// The object makes no sense to the server.
    Invalid,
    /// The object, or the request, is larger than the server takes.
    TooLarge,
    /// The server does not know who asks, or credentials have expired.
    Unauthorized,
    /// The program that gets credentials is not there. Its name.
    NoPlugin(String),
    /// The program that gets credentials did not give any.
    PluginFailed,
    /// kubectl's configuration has no such context.
    NoSuchContext,
    /// kubectl's configuration makes no sense.
    Misconfigured,
    /// The server has no such kind, or not in this version.
    NoSuchKind,
    /// Whoever answered is not the cluster that was to be asked.
    Certificate(CertificateFault),
    /// The context leads to another cluster than the one that is meant.
    WrongCluster,
    /// Nobody answered: the name is not known, nobody listens, the connection broke off or took too long.
    Unreachable,
    /// The server has trouble of its own, or too much to do.
    Unavailable,
    /// kubectl itself took too long and was ended.
    TimedOut,
    /// The answer is longer than it may be.
    TooLong,
    /// The answer is not what was asked for.
    Nonsense,
    /// Something on this machine failed: kubectl is not there, or could not be started.
    Local,
    /// The run was asked to end.
    Interrupted,
    /// Words that are not known here.
    Other,
}

impl Fault {
    /// Whether the same request may well succeed a little later, with nothing changed by anybody.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Unavailable | Self::TimedOut)
    }

    /// Whether a *write* that ended so may have been done all the same, or may still be. It has to be read back before
    /// anybody builds on it.
    ///
    /// kubectl repeats by itself what the server asks to have repeated. So [`AlreadyExists`](Self::AlreadyExists) and
    /// [`Conflict`](Self::Conflict) may, rarely, speak of our own first attempt: this write does nothing any more, but what
    /// is there has to be looked at.
    pub fn leaves_unknown(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Unavailable
            | Self::TimedOut
            | Self::TooLong
            | Self::Nonsense
            | Self::Interrupted
            | Self::Other => true,
            Self::NotFound
            | Self::AlreadyExists
            | Self::Conflict
            | Self::Owned(_)
            | Self::Forbidden(_)
            | Self::Denied
            | Self::Invalid
            | Self::TooLarge
            | Self::Unauthorized
            | Self::NoPlugin(_)
            | Self::PluginFailed
            | Self::NoSuchContext
            | Self::Misconfigured
            | Self::NoSuchKind
            | Self::Certificate(_)
            | Self::WrongCluster
            | Self::Local => false,
        }
    }

    /// What one message means.
    pub fn of(message: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        // What the server says may hold any words: those of a webhook, of a field, of a container's certificate.
        let from_server = ["Error from server", "error: error from server"];
        if let Some(rest) = from_server.iter().find_map(|beginning| message.strip_prefix(beginning)) {
            let reason = rest.strip_prefix(" (").and_then(|rest| rest.split_once("): "));
            return of_reason(reason.map_or("", |(reason, _)| reason), message);
        }
        if message.starts_with("The ") && has(&[" is invalid"]) {
            return of_invalid(message);
        }
        if has(&["Apply failed with "]) {
            return Self::Owned(ownership::owners(message));
        }
        if has(&["Operation cannot be fulfilled on "]) {
            return Self::Conflict;
        }
        if let Some(fault) = of_configuration(message).or_else(|| of_connection(message)) {
            return fault;
        }
        if has(&["doesn't have a resource type", "no matches for kind "]) {
            return Self::NoSuchKind;
        }
        if has(&["error validating "]) {
            return Self::Invalid;
        }
        if has(&["is not valid for pod "]) {
            return Self::NotFound;
        }
        // A page of somebody in between, who wants to have a person before him.
        if has(&["looking for beginning of value"]) {
            return Self::Nonsense;
        }
        Self::Other
    }
}

/// An answer that is a failure, as far as it is understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// What it means.
    pub fault: Fault,
    /// The message, in kubectl's words.
    pub said: String,
}

/// What each failure means of which `stderr` speaks, in their order; at least one.
///
/// For a call that asked for one thing the first is what counts. Of several objects that were to be written each that
/// failed has one, in the order of the objects; which, only some of them say
/// ([`attribute`](super::attribution::attribute)).
pub fn classify(stderr: &str) -> Vec<Answer> {
    let Messages { failures, preamble, .. } = Messages::of(stderr);
    let mut answers: Vec<Answer> = Vec::with_capacity(failures.len());
    for said in failures {
        let fault = Fault::of(&said);
        let said = if fault == Fault::PluginFailed && !preamble.is_empty() {
            format!("{}\n{said}", preamble.join("\n"))
        } else {
            said
        };
        answers.push(Answer { fault, said });
    }
    if answers.is_empty() {
        answers.push(Answer { fault: Fault::Other, said: "it said nothing".to_owned() });
    }
    answers
}

/// What is wrong with an object that the server refuses.
fn of_invalid(message: &str) -> Fault {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    // A uid is only ever stated to mean the object that was read: there is another one now.
    if has(&["metadata.uid: Invalid value"]) {
        return Fault::Conflict;
    }
    // 1 MiB for ConfigMaps and Secrets, 256 KiB for all annotations together.
    let is_large = has(&["Too long: may not be more than ", "Too long: must have at most "])
        && has(&[" 1048576 ", " 262144 "]);
    if is_large { Fault::TooLarge } else { Fault::Invalid }
}

/// What a reason means (`StatusReason` in apimachinery's `meta/v1/types.go`).
fn of_reason(reason: &str, message: &str) -> Fault {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["etcdserver: request is too large", "trying to send message larger than max"]) {
        return Fault::TooLarge;
    }
    match reason {
        "NotFound" if has(&["could not find the requested resource"]) => Fault::NoSuchKind,
        "NotFound" | "Gone" => Fault::NotFound,
        "AlreadyExists" => Fault::AlreadyExists,
        "Conflict" => Fault::Conflict,
        "Forbidden" => {
            Denial::find_in(message).map_or(Fault::Denied, |denial| Fault::Forbidden(Box::new(denial)))
        }
        "Unauthorized" => Fault::Unauthorized,
        "RequestEntityTooLarge" => Fault::TooLarge,
        "BadRequest" if has(&["admission webhook"]) => Fault::Denied,
        // A container that has not written anything yet.
        "BadRequest" if has(&["is waiting to start", "previous terminated container"]) => Fault::NotFound,
        "Invalid" | "BadRequest" | "UnsupportedMediaType" | "NotAcceptable" | "MethodNotAllowed" => {
            Fault::Invalid
        }
        // `Expired`: a list in pieces took longer than the server keeps its old versions.
        "TooManyRequests" | "ServiceUnavailable" | "Timeout" | "ServerTimeout" | "InternalError"
        | "StoreReadError" | "Expired" => Fault::Unavailable,
        _ if has(&["admission webhook", "denied the request"]) => Fault::Denied,
        _ if has(&["failed to create typed patch object"]) => Fault::Invalid,
        _ if has(&["etcdserver: ", "rpc error: code = ", "context deadline exceeded", "rate limiter"]) => {
            Fault::Unavailable
        }
        _ => Fault::Other,
    }
}

/// What is wrong with kubectl's configuration, or with the programs it names.
fn of_configuration(message: &str) -> Option<Fault> {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if let Some((_, rest)) = message.split_once("exec: executable ") {
        if let Some((program, _)) = rest.split_once(" not found") {
            return Some(Fault::NoPlugin(program.to_owned()));
        }
        return Some(Fault::PluginFailed);
    }
    if let Some((_, rest)) = message.split_once("getting credentials: exec: \"") {
        let program = rest.split('"').next().unwrap_or_default();
        return Some(Fault::NoPlugin(program.to_owned()));
    }
    if has(&["getting credentials: ", "exec plugin", "fork/exec "]) {
        return Some(Fault::PluginFailed);
    }
    let is_about_a_context = message.contains("context \"") && message.contains("\" does not exist");
    if is_about_a_context || has(&["context was not found for specified context", "no context exists"]) {
        return Some(Fault::NoSuchContext);
    }
    let is_misconfigured = [
        "Error in configuration",
        "error: invalid configuration",
        "invalid configuration: ",
        "error: error loading config file",
        "error: unable to read certificate-authority",
        "error: unable to load root certificates",
        "error: unable to read client-",
        "error: cluster \"",
        "error: auth info \"",
    ];
    is_misconfigured.iter().any(|beginning| message.starts_with(beginning)).then_some(Fault::Misconfigured)
}

/// Why there is no connection, or none to the right server.
fn of_connection(message: &str) -> Option<Fault> {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let certificate = |fault| Some(Fault::Certificate(fault));
    // Without credentials kubectl asks a person for a name, and finds the end of its input.
    if has(&["You must be logged in to the server", "provide credentials"])
        || matches!(message, "error: EOF" | "EOF")
    {
        return Some(Fault::Unauthorized);
    }
    if has(&["certificate signed by unknown authority"]) {
        return certificate(CertificateFault::UnknownAuthority);
    }
    if has(&["certificate has expired or is not yet valid"]) {
        let is_early = message.contains(" is before ");
        return certificate(if is_early { CertificateFault::NotYetValid } else { CertificateFault::Expired });
    }
    if has(&[
        "certificate is valid for ",
        "certificate is not valid for any names",
        "doesn't contain any IP SANs",
    ]) {
        return certificate(CertificateFault::WrongName);
    }
    // The server does not take the certificate that we show.
    if has(&["remote error: tls: "]) {
        return Some(Fault::Unauthorized);
    }
    if has(&["failed to verify certificate", "x509: ", "tls: "]) {
        return certificate(CertificateFault::Other);
    }
    has(&[
        "Unable to connect to the server",
        "The connection to the server ",
        "connection refused",
        "connection reset by peer",
        "i/o timeout",
        "TLS handshake timeout",
        "no such host",
        "no route to host",
        "network is unreachable",
        "context deadline exceeded",
        "Client.Timeout exceeded",
        "http2: client connection lost",
        "unexpected EOF",
        "client rate limiter Wait returned an error",
    ])
    .then_some(Fault::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that could not be had from the server at hand; from client-go, the API server and etcd.
    #[test]
    fn texts_of_rarer_days() {
        let table = [
            (
                r#"Error from server (Forbidden): error when creating "STDIN": pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"#,
                Fault::Denied,
            ),
            (
                r#"Error from server (BadRequest): error when creating "STDIN": admission webhook "v.example.com" denied the request: no"#,
                Fault::Denied,
            ),
            (
                r#"Error from server: admission webhook "v.example.com" denied the request: tls: no"#,
                Fault::Denied,
            ),
            (
                r#"Error from server (InternalError): Internal error occurred: failed calling webhook "v": context deadline exceeded"#,
                Fault::Unavailable,
            ),
            (
                r#"Error from server (BadRequest): previous terminated container "c" in pod "p" not found"#,
                Fault::NotFound,
            ),
            ("Error from server: etcdserver: leader changed", Fault::Unavailable),
            ("Error from server: etcdserver: request timed out", Fault::Unavailable),
            ("Error from server: etcdserver: request is too large", Fault::TooLarge),
            (
                "Error from server (Timeout): the server was unable to return a response in the time allotted",
                Fault::Unavailable,
            ),
            ("Error from server (Expired): The provided continue parameter is too old", Fault::Unavailable),
            ("Unable to connect to the server: EOF", Fault::Unreachable),
            (
                "Unable to connect to the server: read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer",
                Fault::Unreachable,
            ),
            ("Unable to connect to the server: net/http: TLS handshake timeout", Fault::Unreachable),
            (
                "Unable to connect to the server: x509: certificate is valid for a, not b",
                Fault::Certificate(CertificateFault::WrongName),
            ),
            (
                "Unable to connect to the server: http: server gave HTTP response to HTTPS client",
                Fault::Unreachable,
            ),
            ("Unable to connect to the server: remote error: tls: expired certificate", Fault::Unauthorized),
            (
                r#"Unable to connect to the server: getting credentials: exec: "aws": executable file not found in $PATH"#,
                Fault::NoPlugin("aws".to_owned()),
            ),
            (
                r#"The Secret "x" is invalid: data[tls.crt]: Invalid value: x509: certificate signed by unknown authority"#,
                Fault::Invalid,
            ),
            (
                r#"The ConfigMap "x" is invalid: metadata.name: Too long: may not be more than 253 bytes"#,
                Fault::Invalid,
            ),
            ("panic: runtime error: index out of range", Fault::Other),
        ];
        for (message, expected) in table {
            assert_eq!(Fault::of(message), expected, "{message}");
        }
    }

    #[test]
    fn only_what_was_surely_not_done_is_known() {
        for fault in [Fault::Conflict, Fault::Denied, Fault::NoSuchContext, Fault::Local] {
            assert!(!fault.leaves_unknown() && !fault.may_pass(), "{fault:?}");
        }
        for fault in [Fault::Unreachable, Fault::Unavailable, Fault::TimedOut] {
            assert!(fault.leaves_unknown() && fault.may_pass(), "{fault:?}");
        }
        for fault in [Fault::Other, Fault::TooLong, Fault::Nonsense, Fault::Interrupted] {
            assert!(fault.leaves_unknown() && !fault.may_pass(), "{fault:?}");
        }
    }
}
