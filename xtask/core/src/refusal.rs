//! Reads that Landlock has refused, as the kernel's audit tells of them (Linux 6.15 and later;
//! docs.kernel.org/admin-guide/LSM/landlock.html). A refusal names its domain, and a second record, once, who has made the domain:
//!
//! ```text
//! 1423 audit(1795944216.553:7): domain=129db3716 blockers=fs.read_file path="/srv/shop/secret" dev="vda" ino=5308467
//! 1424 audit(1795944216.553:7): domain=129db3716 status=allocated mode=enforcing pid=28972 uid=0 exe="/usr/bin/x" comm="sandbox-1"
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The kind of a record that tells of a refusal (`AUDIT_LANDLOCK_ACCESS`).
const ACCESS: u16 = 1423;

/// The kind of a record that tells who has made a domain (`AUDIT_LANDLOCK_DOMAIN`).
const DOMAIN: u16 = 1424;

/// Who has made a domain: the number of a process, and the name of the thread, which has fifteen bytes at most.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Maker {
    /// The process.
    pub process: u32,
    /// The name of the thread.
    pub thread: String,
}

/// What was refused, by who has made the domain.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    /// By the domain, of which a maker may have several.
    makers: BTreeMap<String, Maker>,
    refused: BTreeMap<String, BTreeSet<PathBuf>>,
}

impl Refusals {
    /// Takes a record of the audit, in any order; one of another kind says nothing.
    pub fn take(&mut self, kind: u16, text: &[u8]) {
        let Some(domain) = plain(text, "domain") else { return };
        match kind {
            ACCESS => {
                let reads = |blocker: &str| matches!(blocker, "fs.read_file" | "fs.execute");
                let is_read = plain(text, "blockers").is_some_and(|blockers| blockers.split(',').any(reads));
                if let Some(path) = written(text, "path").filter(|_| is_read) {
                    self.refused.entry(domain).or_default().insert(OsString::from_vec(path).into());
                }
            }
            DOMAIN => {
                let process = plain(text, "pid").and_then(|number| number.parse().ok());
                let thread = written(text, "comm").and_then(|name| String::from_utf8(name).ok());
                if let (Some(process), Some(thread)) = (process, thread) {
                    self.makers.insert(domain, Maker { process, thread });
                }
            }
            _ => {}
        }
    }

    /// The paths that were refused in the domains of a maker.
    pub fn of(&self, maker: &Maker) -> BTreeSet<&Path> {
        let domains = self.makers.iter().filter(|(_, other)| *other == maker).map(|(domain, _)| domain);
        domains.filter_map(|domain| self.refused.get(domain)).flatten().map(PathBuf::as_path).collect()
    }
}

/// The bytes behind a key that stands at the beginning of a word.
fn behind<'t>(text: &'t [u8], key: &str) -> Option<&'t [u8]> {
    let wanted = [b" ", key.as_bytes(), b"="].concat();
    let at = text.windows(wanted.len()).position(|window| window == wanted)?;
    Some(&text[at + wanted.len()..])
}

/// A value without quotes, up to the next space.
fn plain(text: &[u8], key: &str) -> Option<String> {
    let value = behind(text, key)?.split(|byte| *byte == b' ').next()?;
    String::from_utf8(value.to_vec()).ok()
}

/// A value that a program could have chosen: in quotes, or where it has a quote, a space or no ASCII in it, in hexadecimal digits.
fn written(text: &[u8], key: &str) -> Option<Vec<u8>> {
    let value = behind(text, key)?;
    if let Some(quoted) = value.strip_prefix(b"\"") {
        return quoted.split(|byte| *byte == b'"').next().map(<[u8]>::to_vec);
    }
    let digits: Vec<u8> = value.iter().copied().take_while(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (!digits.is_empty() && digits.len().is_multiple_of(2)).then(|| digits.chunks(2).map(pair).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(process: u32, thread: &str) -> Maker {
        Maker { process, thread: thread.to_owned() }
    }

    fn refusals(records: &[(u16, &str)]) -> Refusals {
        let mut refusals = Refusals::default();
        for (kind, text) in records {
            refusals.take(*kind, text.as_bytes());
        }
        refusals
    }

    #[test]
    fn a_refusal_belongs_to_who_has_made_the_domain() {
        // As Linux 6.18 has written them, the paths but one.
        let refusals = refusals(&[
            (
                1300,
                "audit(1795944216.461:6): arch=c000003e syscall=49 success=yes domain=129db3716 path=\"/no\"",
            ),
            (
                1423,
                "audit(1795944216.553:7): domain=129db3716 blockers=fs.read_file path=\"/srv/shop/README.md\" dev=\"vda\" ino=5308467",
            ),
            (
                1424,
                "audit(1795944216.553:7): domain=129db3716 status=allocated mode=enforcing pid=28972 uid=0 exe=\"/usr/bin/python3.11\" comm=\"sandbox-1\"",
            ),
            (
                1423,
                "audit(1795944216.560:8): domain=129db3717 blockers=fs.read_file path=2F7372762F61206200C3BC dev=\"vda\" ino=1",
            ),
            (
                1424,
                "audit(1795944216.560:8): domain=129db3717 status=allocated mode=enforcing pid=28972 uid=0 exe=\"/a\" comm=73616E64626F782032",
            ),
            (
                1423,
                "audit(1795944216.561:9): domain=129db3716 blockers=fs.read_file,fs.execute path=\"/srv/shop/run\" dev=\"vda\" ino=2",
            ),
            (
                1423,
                "audit(1795944216.562:9): domain=129db3716 blockers=fs.read_file path=\"/srv/shop/README.md\" dev=\"vda\" ino=5308467",
            ),
            (
                1423,
                "audit(1795944216.563:9): domain=129db3716 blockers=fs.refer path=\"/srv/shop/moved\" dev=\"vda\" ino=3",
            ),
            (1424, "audit(1795944216.701:8): domain=129db3716 status=deallocated denials=1"),
        ]);
        let first = refusals.of(&maker(28972, "sandbox-1"));
        assert_eq!(first, ["/srv/shop/README.md", "/srv/shop/run"].map(Path::new).into());
        let second = PathBuf::from(OsString::from_vec(b"/srv/a b\0\xC3\xBC".to_vec()));
        assert_eq!(refusals.of(&maker(28972, "sandbox 2")), [second.as_path()].into());
        assert!(refusals.of(&maker(1, "sandbox-1")).is_empty(), "another process has the same names");
    }

    #[test]
    fn what_is_no_record_says_nothing() {
        for text in [
            "",
            " domain=",
            " domain=1 path=",
            " domain=1 blockers=fs.read_file path=2",
            " domain=1 blockers=fs.read_file path=zz",
        ] {
            let refusals = refusals(&[
                (1423, text),
                (1424, " domain=1 pid=7 comm=\"t\""),
                (1424, " domain=1 pid=x comm=\"t\""),
            ]);
            assert!(refusals.of(&maker(7, "t")).is_empty(), "{text}");
        }
    }
}
