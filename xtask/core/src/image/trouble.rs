//! What the engines say when something goes wrong, and what it means.
//!
//! They write for people and differ in their words; what they have in common are the words of the systems and registries
//! behind them.

/// What went wrong, as far as it is known from what an engine wrote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// What it is.
    pub message: &'static str,
    /// The line that says so.
    pub line: String,
    /// What to do.
    pub hint: &'static str,
    /// Whether the machine or a service lacks something, so that the sources are not to blame.
    pub is_missing: bool,
}

/// Words, lowercase; what they mean; what to do; whether something is missing.
type Rule = (&'static [&'static str], &'static str, &'static str, bool);

/// The first rule that matches a line counts, the lines read from the last.
const RULES: &[Rule] = &[
    (
        &["no space left on device", "disk quota exceeded"],
        "the disk is full",
        "make room: `buildah rmi --prune`, `docker system prune`; then run the same command again",
        true,
    ),
    (
        &[
            "x509: ",
            "certificate signed by unknown authority",
            "certificate has expired",
            "self-signed certificate",
            "self signed certificate",
        ],
        "a certificate is not trusted",
        "`XTASK_CA_BUNDLE=FILE`, or `ca-bundle` in `[image]` of xtask.toml, gives a build the certificates of your company",
        true,
    ),
    (
        &["server gave http response to https client"],
        "the registry speaks plain http",
        "only a registry on this machine is spoken to without TLS",
        false,
    ),
    (
        &["429 too many requests", "toomanyrequests", "rate limit"],
        "the registry asks for fewer requests",
        "wait, or log in: registries allow more to those they know",
        true,
    ),
    (
        // Whole phrases: the digits alone stand in every other hash.
        &[
            "unauthorized: ",
            "401 unauthorized",
            "status code 401",
            "status code: 401",
            "status 401",
            "authentication required",
        ],
        "the registry does not know who asks",
        "log in: `docker login REGISTRY`, or `buildah login REGISTRY`",
        true,
    ),
    (
        &[
            "denied: ",
            "access denied",
            "access to the resource is denied",
            "403 forbidden",
            "403 (forbidden)",
            "status code 403",
            "status code: 403",
            "status 403",
        ],
        "the registry does not allow it",
        "ask for the right to push there; on GitHub the job needs `packages: write`",
        true,
    ),
    (
        &[
            "connection refused",
            "no such host",
            "i/o timeout",
            "network is unreachable",
            "tls handshake timeout",
        ],
        "the registry cannot be reached",
        "is it up, and does its name stand right in `--registry` or xtask.toml?",
        true,
    ),
    (
        &["manifest unknown", "not found: manifest", "name unknown", "404 (not found)"],
        "the registry does not have it",
        "is the name right? some registries want a repository to be made before the first push",
        true,
    ),
];

/// What an output says about a failure; `None` where nothing is known about it.
pub fn explain(output: &str) -> Option<Trouble> {
    output.lines().rev().find_map(|line| {
        let lower = line.to_lowercase();
        // Those are the words of a file system; a registry writes `permission_denied:`.
        if lower.contains("permission denied") {
            return None;
        }
        let (_, message, hint, is_missing) =
            RULES.iter().find(|(words, ..)| words.iter().any(|word| lower.contains(word)))?;
        Some(Trouble { message, line: line.trim().to_owned(), hint, is_missing: *is_missing })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_say_is_understood() {
        for (output, message) in [
            ("STEP 1\nwrite /x: no space left on device\nerror", "the disk is full"),
            (
                "Get \"https://r.io/v2/\": x509: certificate signed by unknown authority",
                "a certificate is not trusted",
            ),
            ("http: server gave HTTP response to HTTPS client", "the registry speaks plain http"),
            ("writing blob: 429 Too Many Requests", "the registry asks for fewer requests"),
            ("unauthorized: authentication required", "the registry does not know who asks"),
            (
                "reading manifest: received unexpected HTTP status: 401 Unauthorized",
                "the registry does not know who asks",
            ),
            ("failed to authorize: status code 401", "the registry does not know who asks"),
            ("denied: permission_denied: write_package", "the registry does not allow it"),
            ("permission_denied: write_package", "the registry does not allow it"),
            ("denied: requested access to the resource is denied", "the registry does not allow it"),
            ("uploading: HTTP status: 403 Forbidden", "the registry does not allow it"),
            ("dial tcp 127.0.0.1:5000: connect: connection refused", "the registry cannot be reached"),
            (
                "pushing to \"docker://127.0.0.1:40123/small-web:9f401ab3\": connect: connection refused",
                "the registry cannot be reached",
            ),
            ("manifest unknown: manifest unknown", "the registry does not have it"),
        ] {
            assert_eq!(explain(output).unwrap().message, message, "{output}");
        }
    }

    #[test]
    fn what_a_step_of_a_build_says_is_no_trouble_of_a_registry() {
        for output in [
            "",
            "error: the tests failed",
            "--> 9f401ab3",
            "mkdir: cannot create '/x': Permission denied",
            "PermissionError: [Errno 13] Permission denied: '/x'",
            "sh: 1: ./run: Permission denied\n--> 401401403403",
            "test_unauthorized FAILED",
        ] {
            assert_eq!(explain(output), None, "{output}");
        }
        // And the line of the registry above it is still the one that counts.
        let both = "denied: no right to pull\nrm: /x: Permission denied";
        assert_eq!(explain(both).unwrap().line, "denied: no right to pull");
    }
}
