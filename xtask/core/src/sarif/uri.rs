//! Paths as relative references of RFC 3986, and back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A path relative to the repository as a reference. Every byte that is not plain is written as `%0A`: a name with a colon would
/// else be a scheme, and one with a line end no reference at all.
pub(super) fn from_path(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*byte));
            }
            // Writing into a String cannot fail.
            byte => drop(write!(uri, "%{byte:02X}")),
        }
    }
    // A path outside of the repository; nobody who reads the file can open it, but everybody sees which one is meant.
    if uri.starts_with('/') { format!("file://{uri}") } else { uri }
}

/// The path of a reference, `file:` ones included. Bytes that are no UTF-8 become U+FFFD; `None` where it leads to no file.
pub(super) fn to_path(uri: &str) -> Option<PathBuf> {
    let rest = match uri.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => match rest.strip_prefix("//") {
            // What stands between the slashes is a machine: `file://localhost/etc`.
            Some(rest) => &rest[rest.find('/')?..],
            None => rest,
        },
        Some((scheme, _)) if is_scheme(scheme) => return None,
        _ => uri,
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let bytes = decode(rest.as_bytes());
    let text = String::from_utf8_lossy(&bytes);
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text.as_ref()))
}

/// Whether it could begin an address of the network: of one letter it is a drive, and behind a dot or a slash a name.
fn is_scheme(word: &str) -> bool {
    word.len() > 1
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-')
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let both = (digit(bytes.get(position + 1)), digit(bytes.get(position + 2)));
        match (byte, both) {
            (b'%', (Some(high), Some(low))) => {
                decoded.extend(u8::try_from(high * 16 + low));
                position += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                position += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_from_their_references() {
        for (path, uri) in [
            ("backend/src/a.py", "backend/src/a.py"),
            ("a b.py", "a%20b.py"),
            ("a:b.py", "a%3Ab.py"),
            ("a\nb.py", "a%0Ab.py"),
            ("größe/100%.py", "gr%C3%B6%C3%9Fe/100%25.py"),
            ("/etc/passwd", "file:///etc/passwd"),
        ] {
            assert_eq!(from_path(Path::new(path)), uri);
            assert_eq!(to_path(uri).as_deref(), Some(Path::new(path)), "{uri}");
        }
    }

    #[test]
    fn what_leads_to_no_file_is_no_path() {
        for uri in ["https://example.com/a.py", "", "#x", "a%00b", "file://"] {
            assert_eq!(to_path(uri), None, "{uri}");
        }
        for (uri, path) in
            [("file:a.py", "a.py"), ("a%2", "a%2"), ("%zz", "%zz"), ("%FF", "\u{fffd}"), ("./a", "./a")]
        {
            assert_eq!(to_path(uri).as_deref(), Some(Path::new(path)), "{uri}");
        }
    }
}
