//! Package URLs: <https://github.com/package-url/purl-spec>.

use std::fmt::Write as _;

use crate::finding::weakness::Package;
use crate::rules::requirements::python_name;

/// The package URL of a version of a package: `pkg:npm/%40scope/name@1.0.0`.
///
/// Names are written the way their ecosystem compares them, so that two spellings of one package have one URL.
pub fn purl(package: &Package) -> String {
    let Package { ecosystem, name, version } = package;
    // What a distribution packages names the distribution, too.
    let (kind, namespace) = match ecosystem.as_str() {
        "deb" => ("deb", "debian/"),
        "apk" => ("apk", "alpine/"),
        kind => (kind, ""),
    };
    let name = if kind == "pypi" { python_name(name) } else { name.clone() };
    format!("pkg:{kind}/{namespace}{}@{}", escaped(&name), escaped(version))
}

/// A name or a version within a package URL. The `/` of a name parts its namespace from the rest, and stays.
fn escaped(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b'/' | b':' => {
                escaped.push(char::from(byte));
            }
            byte => {
                // Writing into a String cannot fail.
                let _infallible = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ecosystem_writes_its_names() {
        for (ecosystem, name, version, expected) in [
            ("pypi", "Typing_Extensions", "4.16.0", "pkg:pypi/typing-extensions@4.16.0"),
            ("npm", "@scope/name", "1.0.0+b c", "pkg:npm/%40scope/name@1.0.0%2Bb%20c"),
            ("cargo", "serde_json", "1.0.1", "pkg:cargo/serde_json@1.0.1"),
            ("deb", "libc6", "2:2.36-9+deb12u14", "pkg:deb/debian/libc6@2:2.36-9%2Bdeb12u14"),
            ("pypi", "größe", "1", "pkg:pypi/gr%C3%B6%C3%9Fe@1"),
        ] {
            let package = Package {
                ecosystem: ecosystem.to_owned(),
                name: name.to_owned(),
                version: version.to_owned(),
            };
            assert_eq!(purl(&package), expected);
        }
    }
}
