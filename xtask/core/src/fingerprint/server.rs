//! How a server that keeps results is spoken to: where things are there, what its answers mean, and how long it is waited for.
//!
//! The protocol is that of Bazel's remote caches over HTTP: `GET`, `HEAD` and `PUT` of `/ac/KEY` for results and `/cas/NAME` for
//! contents, where a name is the SHA-256 of the content.

use std::time::Duration;

use super::Digest;
use super::signed::Name;

/// How long the server may take for what is small, and to begin with what is large. Once: then it is left out of the run.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The least that a server must come to with what is large, in bytes a second: 1 MiB. Slower, and running the task again is
/// likely to be the quicker way.
pub const RATE_MIN: u64 = 1 << 20;

/// The longest statement of a result, in bytes: a hundred thousand inputs.
pub const STATEMENT_MAX: u64 = 16 << 20;

/// The largest content, in bytes: it is held in memory until it is found to be right.
pub const BLOB_MAX: u64 = 256 << 20;

/// The most that all contents of one result may be, in bytes.
pub const RESULT_MAX: u64 = 1 << 30;

/// What an answer means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// It is there; or, it was put there.
    There,
    /// It is not there.
    Absent,
    /// Whoever asked is not known, or may not do that.
    Denied,
    /// Anything else.
    Trouble,
}

impl Meaning {
    /// What a status means.
    pub const fn of(status: u16) -> Self {
        match status {
            200 | 201 | 204 => Self::There,
            404 | 410 => Self::Absent,
            401 | 403 | 407 => Self::Denied,
            _ => Self::Trouble,
        }
    }
}

/// How long that many bytes may take.
pub fn patience(bytes: u64) -> Duration {
    PATIENCE + Duration::from_secs(bytes / RATE_MIN)
}

/// Where a result is, below the server's address.
pub fn result_path(key: &Digest) -> String {
    format!("ac/{key}")
}

/// Where a content is, below the server's address.
pub fn blob_path(name: &Name) -> String {
    format!("cas/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_they_mean_for_caches() {
        for (status, meaning) in [
            (200, Meaning::There),
            (201, Meaning::There),
            (204, Meaning::There),
            (206, Meaning::Trouble),
            (301, Meaning::Trouble),
            (401, Meaning::Denied),
            (403, Meaning::Denied),
            (404, Meaning::Absent),
            (405, Meaning::Trouble),
            (500, Meaning::Trouble),
        ] {
            assert_eq!(Meaning::of(status), meaning, "{status}");
        }
    }

    #[test]
    fn what_is_large_may_take_longer_and_nothing_for_ever() {
        assert_eq!(patience(0), PATIENCE);
        assert_eq!(patience(10 << 20), PATIENCE + Duration::from_secs(10));
        assert!(patience(RESULT_MAX) < Duration::from_mins(20));
    }

    #[test]
    fn names_are_those_of_the_protocol() {
        assert_eq!(
            blob_path(&Name::of(b"abc")),
            "cas/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "FIPS 180-4"
        );
        let path = result_path(&Digest::of(b"abc"));
        assert!(path.starts_with("ac/6437b3ac38465133") && path.len() == 3 + 64, "{path}");
    }
}
