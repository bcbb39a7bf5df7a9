//! What the API server's pod proxy answers, and what that says: of the pod, of our rights, or of nothing.

use std::fmt;

/// Why there is nothing from a pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Miss {
    /// The pod is not there any more.
    Gone,
    /// The pod does not answer on that port: nobody listens, or the network between control plane and pods is closed.
    Deaf,
    /// The pod answered with this status.
    Refused(u16),
    /// The role may not ask pods.
    Forbidden,
    /// The answer did not come in time.
    Late,
    /// The answer is longer than it may be.
    TooLong,
    /// The answer is no HTTP.
    Nonsense,
    /// Nobody could be asked: the way to the cluster is closed.
    NoWay,
    /// The run was asked to end.
    Interrupted,
}

impl Miss {
    /// Whether the pod itself is to blame, as far as can be told. What keeps us from looking says nothing about it.
    pub fn is_of_the_pod(&self) -> bool {
        matches!(self, Self::Deaf | Self::Refused(_) | Self::Late | Self::TooLong | Self::Nonsense)
    }

    /// What an answer other than 200 means. `body` is a Status of the API server, words of the pod, or words of kubectl.
    ///
    /// `passed` is whether the answer came through the API server, which puts an `Audit-Id` on each. What has none kubectl
    /// says itself: that the way is closed, or that it does not let this through.
    pub fn of(status: u16, passed: bool, body: &[u8]) -> Self {
        let said = serde_json::from_slice::<serde_json::Value>(body).ok();
        let is_of_the_server = said.as_ref().is_some_and(|said| {
            said.get("kind").is_some_and(|kind| kind == "Status") && said.get("apiVersion").is_some()
        });
        let cannot_dial = memchr::memmem::find(body, b"error trying to reach service").is_some();
        match status {
            401 | 403 if is_of_the_server || !passed => Self::Forbidden,
            _ if !passed => Self::NoWay,
            404 if is_of_the_server => Self::Gone,
            502..=504 if cannot_dial => Self::Deaf,
            500..=504 if is_of_the_server => Self::NoWay,
            status => Self::Refused(status),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it is not there any more"),
            Self::Deaf => f.write_str("it does not answer on that port"),
            Self::Refused(status) => write!(f, "it answers {status}"),
            Self::Forbidden => f.write_str("the role may not `get` `pods/proxy`"),
            Self::Late => f.write_str("it does not answer in time"),
            Self::TooLong => f.write_str("it answers with more than is read"),
            Self::Nonsense => f.write_str("what it answers is no HTTP"),
            Self::NoWay => f.write_str("the cluster does not lead to its pods"),
            Self::Interrupted => f.write_str("the run was asked to end"),
        }
    }
}

/// The one thing that kubectl's proxy lets through: to read one page of the pods of one namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Window {
    /// The namespace.
    pub namespace: String,
    /// The pods' port.
    pub port: u16,
    /// The page: `/metrics`.
    pub page: String,
}

/// Every method but `GET`, for an engine of regular expressions that knows no "not".
pub const NOT_GET: &str = "^([^G].*|G|G[^E].*|GE|GE[^T].*|GET.+)?$";

impl Window {
    /// The path of a pod's page at the API server.
    pub fn path(&self, pod: &str) -> String {
        let Self { namespace, port, page } = self;
        format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{page}")
    }

    /// The regular expression for `--accept-paths`. `None` where the names are none: kubectl takes several expressions apart
    /// at commas, and what comes in must not be able to widen the window.
    pub fn accepts(&self) -> Option<String> {
        let Self { namespace, port, page } = self;
        let is_name = !namespace.is_empty()
            && namespace
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        let is_page = page.starts_with('/') && page.bytes().all(plain) && !page.contains("..");
        if !is_name || !is_page {
            return None;
        }
        let page = page.replace('.', "[.]");
        Some(format!("^/api/v1/namespaces/{namespace}/pods/[a-z0-9.-]+:{port}/proxy{page}$"))
    }

    /// Whether a pod's name is one that can be asked for.
    pub fn takes(pod: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        !pod.is_empty() && pod.bytes().all(plain) && !pod.contains("..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> String {
        format!(r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"x","code":{code}}}"#)
    }

    #[test]
    fn what_keeps_us_from_looking_is_not_blamed_on_the_pod() {
        let unreachable =
            "error trying to reach service: dial tcp 10.244.0.9:8000: connect: connection refused";
        let table = [
            (403, true, status(403), Miss::Forbidden, false),
            (401, true, status(401), Miss::Forbidden, false),
            (403, false, "Forbidden\n".to_owned(), Miss::Forbidden, false),
            (403, true, "Forbidden\n".to_owned(), Miss::Refused(403), true),
            (404, true, status(404), Miss::Gone, false),
            (404, true, "page not found".to_owned(), Miss::Refused(404), true),
            (503, true, unreachable.to_owned(), Miss::Deaf, true),
            (502, true, unreachable.to_owned(), Miss::Deaf, true),
            (503, true, status(503), Miss::NoWay, false),
            (500, true, status(500), Miss::NoWay, false),
            (500, false, "dial tcp 127.0.0.1:1: connect: connection refused".to_owned(), Miss::NoWay, false),
            (503, true, r#"{"status":"starting"}"#.to_owned(), Miss::Refused(503), true),
            (500, true, String::new(), Miss::Refused(500), true),
            (302, true, String::new(), Miss::Refused(302), true),
        ];
        for (status, passed, body, expected, is_of_the_pod) in table {
            let miss = Miss::of(status, passed, body.as_bytes());
            assert_eq!((&miss, miss.is_of_the_pod()), (&expected, is_of_the_pod), "{status} {body}");
        }
    }

    #[test]
    fn a_window_is_no_wider_than_a_page() {
        let window = |namespace: &str, page: &str| Window {
            namespace: namespace.to_owned(),
            port: 8000,
            page: page.to_owned(),
        };
        let metrics = window("v", "/metrics");
        assert_eq!(metrics.path("b-1"), "/api/v1/namespaces/v/pods/b-1:8000/proxy/metrics");
        assert_eq!(metrics.accepts().unwrap(), "^/api/v1/namespaces/v/pods/[a-z0-9.-]+:8000/proxy/metrics$");
        assert_eq!(
            window("v", "/m.txt").accepts().unwrap(),
            "^/api/v1/namespaces/v/pods/[a-z0-9.-]+:8000/proxy/m[.]txt$"
        );
        for (namespace, page) in [
            ("v,.*", "/m"),
            ("", "/m"),
            ("v", "m"),
            ("v", "/m,^.*$"),
            ("v", "/a/../b"),
            ("v", "/m?x"),
            ("V", "/m"),
            ("v", "/(a|b)"),
        ] {
            assert_eq!(window(namespace, page).accepts(), None, "{namespace} {page}");
        }
        for pod in ["b-1", "a.b"] {
            assert!(Window::takes(pod));
        }
        for pod in ["", "a/b", "a..b", "A", "a:1", "a%2f"] {
            assert!(!Window::takes(pod));
        }
    }
}
