//! What pip, uv, npm and cargo mean: the reason in their output, and the next step.
//!
//! Package managers end with code 1 whatever went wrong, and say it somewhere in a page of text. The words are theirs as
//! printed by pip 23 to 26, uv 0.13, npm 9 to 11 and `python -m venv`; the system's own words for an error number stand
//! behind several of them.

/// Why an installer gave up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The disk is full.
    DiskFull,
    /// The file system takes no writes.
    ReadOnly,
    /// Somebody else owns the place.
    NotAllowed,
    /// A download is not what the lock file says.
    WrongHash,
    /// The lock file and what it was made from say different things.
    LockOutdated,
    /// A pinned version is not offered, or not for this system and interpreter.
    NotOffered,
    /// The registry's certificate is signed by somebody unknown.
    UnknownAuthority,
    /// The registry is out of reach.
    Offline,
    /// None of these.
    Other,
}

/// What gives each away. The first that fits counts: a full disk also breaks downloads, a missing certificate also looks
/// like a network that is out of reach, and that also like a version that is not offered.
const SIGNS: &[(Trouble, &[&str])] = &[
    (Trouble::DiskFull, &["ENOSPC", "No space left on device", "EDQUOT", "Disk quota exceeded"]),
    (Trouble::ReadOnly, &["EROFS", "Read-only file system"]),
    (Trouble::NotAllowed, &["EACCES", "EPERM", "Permission denied"]),
    (
        Trouble::WrongHash,
        &["Hash mismatch", "DO NOT MATCH THE HASHES", "EINTEGRITY", "integrity checksum failed"],
    ),
    (
        Trouble::LockOutdated,
        &[
            "are in sync",
            "can only install with an existing package-lock.json",
            "all requirements must have a hash",
            "all requirements must be pinned",
            "Hashes are required in --require-hashes mode",
            "all requirements must have their versions pinned",
        ],
    ),
    (
        Trouble::UnknownAuthority,
        &[
            "UnknownIssuer",
            "CERTIFICATE_VERIFY_FAILED",
            "SELF_SIGNED_CERT_IN_CHAIN",
            "UNABLE_TO_GET_ISSUER_CERT",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            "DEPTH_ZERO_SELF_SIGNED_CERT",
            "SSLCertVerificationError",
            "SSL certificate problem",
        ],
    ),
    (
        Trouble::Offline,
        &[
            "client error (Connect)",
            "dns error",
            "network was disabled",
            "ECONNREFUSED",
            "ECONNRESET",
            "ENOTFOUND",
            "EAI_AGAIN",
            "ETIMEDOUT",
            "ENETUNREACH",
            "ENOTCACHED",
            "NewConnectionError",
            "ConnectTimeoutError",
            "ProxyError",
            "Failed to establish a new connection",
            // cargo
            "Could not resolve host",
            "Could not connect to server",
            "Failed to connect to",
            "attempting to make an HTTP request, but --offline was specified",
        ],
    ),
    (
        Trouble::NotOffered,
        &[
            "No matching distribution found",
            "No solution found",
            "ETARGET",
            "EBADPLATFORM",
            "wheel for the current platform",
        ],
    ),
];

/// The most lines that are told as a cause.
const LINES_MAX: usize = 4;

/// Why an installer that wrote `output` gave up, and the lines that say so, without the tool's decoration.
pub fn explain(output: &str) -> (Trouble, Vec<String>) {
    let says = |line: &str, sign: &str| line.to_lowercase().contains(&sign.to_lowercase());
    let lines: Vec<&str> = output.lines().map(undecorated).filter(|line| !line.is_empty()).collect();
    for (trouble, signs) in SIGNS {
        let gives_away = |line: &&str| signs.iter().any(|sign| says(line, sign));
        // npm says the bare code first and the sentence about it later.
        let sentence = lines.iter().position(|line| gives_away(line) && !is_bare(line));
        if let Some(first) = sentence.or_else(|| lines.iter().position(gives_away)) {
            // What is expected and what came instead stands below a wrong hash; elsewhere the line alone says it.
            let count = if *trouble == Trouble::WrongHash { LINES_MAX } else { 1 };
            return (*trouble, lines[first..].iter().take(count).map(|&line| line.to_owned()).collect());
        }
    }
    let last = lines.len().saturating_sub(LINES_MAX);
    (Trouble::Other, lines[last..].iter().map(|&line| line.to_owned()).collect())
}

/// Whether a line of npm's holds nothing but a code.
fn is_bare(line: &str) -> bool {
    ["code ", "errno "].iter().any(|start| line.starts_with(start))
}

/// A line without what only frames it.
fn undecorated(line: &str) -> &str {
    let line = line.trim();
    let line = ["npm error ", "npm ERR! ", "ERROR: ", "error: "]
        .into_iter()
        .find_map(|start| line.strip_prefix(start))
        .unwrap_or(line);
    let empty = ["npm error", "npm ERR!"].contains(&line) || line.starts_with("A complete log of this run");
    if empty { "" } else { line.trim() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_in_what_the_tools_print() {
        for (output, trouble, line) in [
            (
                "Resolved 1 package in 37ms\nerror: Failed to download `six==1.17.0`\n  cause: Hash mismatch for \
                 `six==1.17.0`\n\n         Expected:\n           sha256:47\n\n         Computed:\n           sha256:48\n",
                Trouble::WrongHash,
                "cause: Hash mismatch for `six==1.17.0`|Expected:|sha256:47|Computed:",
            ),
            (
                "error: Failed to fetch: https://index.example/simple/six/\n  cause: error sending request for url\n  \
                 cause: client error (Connect)\n  cause: invalid peer certificate: UnknownIssuer\n",
                Trouble::UnknownAuthority,
                "cause: invalid peer certificate: UnknownIssuer",
            ),
            (
                "error: Request failed after 3 retries in 5.7s\n  cause: Failed to fetch\n  cause: client error \
                 (Connect)\n  cause: tcp connect error\n",
                Trouble::Offline,
                "cause: client error (Connect)",
            ),
            (
                "error: In `--require-hashes` mode, all requirements must have a hash, but none were provided for: \
                 six==1.17.0",
                Trouble::LockOutdated,
                "In `--require-hashes` mode, all requirements must have a hash, but none were provided for: six==1.17.0",
            ),
            (
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. …\n    six==1.17.0 from x\n   \
                      Expected sha256 07\n             Got        47\n\n",
                Trouble::WrongHash,
                "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. …|six==1.17.0 from x|Expected \
                 sha256 07|Got        47",
            ),
            (
                "WARNING: Retrying after connection broken by 'NewConnectionError(…)'\nERROR: No matching \
                 distribution found for six==1.17.0",
                Trouble::Offline,
                "WARNING: Retrying after connection broken by 'NewConnectionError(…)'",
            ),
            (
                "ERROR: No matching distribution found for six==9",
                Trouble::NotOffered,
                "No matching distribution found for six==9",
            ),
            (
                "npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when your package.json \
                 and package-lock.json or npm-shrinkwrap.json are in sync. Please update\n",
                Trouble::LockOutdated,
                "`npm ci` can only install packages when your package.json and package-lock.json or \
                 npm-shrinkwrap.json are in sync. Please update",
            ),
            (
                "npm error code EINTEGRITY\nnpm error Integrity checksum failed when using sha512: wanted a but got b\n\
                 npm error A complete log of this run can be found in: /x\n",
                Trouble::WrongHash,
                "Integrity checksum failed when using sha512: wanted a but got b",
            ),
            ("npm ERR! code ENOSPC\nnpm ERR! syscall write", Trouble::DiskFull, "code ENOSPC"),
            (
                "error: Failed to install: x\n  cause: No space left on device (os error 28)",
                Trouble::DiskFull,
                "cause: No space left on device (os error 28)",
            ),
            (
                "ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: '/x'",
                Trouble::ReadOnly,
                "Could not install packages due to an OSError: [Errno 30] Read-only file system: '/x'",
            ),
            (
                "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\nnpm error \
                 FetchError: request to https://x/ failed, reason: connect ECONNREFUSED 127.0.0.1:1",
                Trouble::Offline,
                "FetchError: request to https://x/ failed, reason: connect ECONNREFUSED 127.0.0.1:1",
            ),
            ("one\ntwo\nthree\nfour\nfive\n\n", Trouble::Other, "two|three|four|five"),
            ("", Trouble::Other, ""),
        ] {
            let (found, lines) = explain(output);
            assert_eq!((found, lines.join("|").as_str()), (trouble, line), "{output}");
        }
    }
}
