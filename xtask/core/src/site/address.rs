//! What a reader of a site asks for: the file behind an address, and what kind of file that is.

use std::path::{Path, PathBuf};

use crate::site::links::unescaped;

/// The file that the target of a request (RFC 9112, section 3.2.1) asks for, relative to the folder of the site: of a folder its
/// `index.html`. `None` for what leads out of it, or names what no file is called.
pub fn asked_for(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = unescaped(path)?;
    let is_name = |part: &str| !part.starts_with('.') && !part.contains(['\\', '\0', ':']);
    let mut file = PathBuf::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if !is_name(part) {
            return None;
        }
        file.push(part);
    }
    if path.is_empty() || path.ends_with('/') {
        file.push("index.html");
    }
    Some(file)
}

/// What a file is, by its name, as HTTP calls it.
pub fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_asked_for() {
        for (target, file) in [
            ("/", Some("index.html")),
            ("/guides/a.html?q=1#x", Some("guides/a.html")),
            ("/api/x/", Some("api/x/index.html")),
            ("/a%20b//c.css", Some("a b/c.css")),
            ("/..", None),
            ("/a/../../etc/passwd", None),
            ("/%2e%2e/etc/passwd", None),
            ("/a/%2e%2e%2fb", None),
            ("/.git/config", None),
            ("/a\\..\\b", None),
            ("/a%00.html", None),
            ("/a%zz", None),
            ("*", None),
            ("", None),
            ("http://e.org/x", None),
        ] {
            assert_eq!(asked_for(target), file.map(PathBuf::from), "{target}");
        }
        assert_eq!(media_type(Path::new("a/b.html")), "text/html; charset=utf-8");
        assert_eq!(media_type(Path::new("b")), "application/octet-stream");
    }
}
