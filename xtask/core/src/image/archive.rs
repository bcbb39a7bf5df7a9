//! Image archives, as `docker save` writes them: a tar of layers, which are tars, a configuration and a list of both.
//!
//! Only what a look at an image needs: headers of ustar with the extensions of POSIX (`pax`) and GNU. Formats: POSIX.1-2001
//! `pax`, GNU tar manual "Standard", and the image specification v1.2 of Docker for `manifest.json`.

/// The unit that a tar consists of, in bytes.
pub const BLOCK: usize = 512;

/// The largest extension that is read, in bytes: names and link targets.
pub const EXTENSION_MAX: u64 = 1 << 20;

/// What a member of a tar is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// A file.
    File,
    /// A second name of a file.
    HardLink,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A device, a pipe.
    Device,
    /// Names and sizes of the member that follows, too long for its header.
    Extension(Extension),
}

/// How the next member's long names are given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extension {
    /// Records `LENGTH KEY=VALUE`.
    Pax,
    /// Such records for all members; nothing in them matters here.
    PaxGlobal,
    /// Its name.
    GnuName,
    /// Its link's target.
    GnuTarget,
}

/// A member of a tar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Its name, without a leading `./` or `/`.
    pub name: String,
    /// Its permission bits, setuid and the like included.
    pub mode: u32,
    /// The bytes of its content.
    pub size: u64,
    /// What it is.
    pub kind: Type,
    /// Where a link leads.
    pub target: String,
}

impl Member {
    /// How many bytes its content takes up, with what fills the last block; `u64::MAX` where no number says it, which is more
    /// than any archive has.
    pub fn padded(&self) -> u64 {
        self.size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX)
    }

    /// The member that it leads to where it is a link, from the top of the archive, with `..` followed up.
    pub fn leads_to(&self) -> String {
        if self.kind == Type::HardLink {
            return clean(&self.target);
        }
        let folder = self.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let start = if self.target.starts_with('/') { "" } else { folder };
        let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
        for part in self.target.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    /// What it takes away of the layers below, where it is a whiteout and no file (image specification, `layer.md`).
    pub fn whiteout(&self) -> Option<Whiteout> {
        let (folder, name) = self.name.rsplit_once('/').unwrap_or(("", &self.name));
        let gone = name.strip_prefix(".wh.")?;
        Some(Whiteout(match (gone, folder) {
            (".wh..opq", folder) => folder.to_owned(),
            (gone, "") => gone.to_owned(),
            (gone, folder) => format!("{folder}/{gone}"),
        }))
    }
}

/// What a layer takes away: a path and all below it. An opaque marker takes the folder that it is in, at the top everything.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Whiteout(String);

impl Whiteout {
    /// Whether it takes away the file at this path.
    pub fn takes(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.0.as_str());
        rest.is_some_and(|rest| self.0.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

/// Reads headers one by one, and keeps what extensions say about the next member.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    name: Option<String>,
    target: Option<String>,
    size: Option<u64>,
}

impl Headers {
    /// Reads a header; `None` for the block of zeros at the end.
    ///
    /// # Errors
    ///
    /// Why it is none, in words.
    pub fn header(&mut self, block: &[u8]) -> Result<Option<Member>, &'static str> {
        if block.len() != BLOCK {
            return Err("a header is cut off");
        }
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte }))
            .sum();
        if number(&block[148..156]) != Some(sum) {
            return Err("a header has a wrong checksum");
        }
        let kind = match block[156] {
            b'1' => Type::HardLink,
            b'2' => Type::Link,
            b'3' | b'4' | b'6' => Type::Device,
            b'5' => Type::Folder,
            b'x' => Type::Extension(Extension::Pax),
            b'g' => Type::Extension(Extension::PaxGlobal),
            b'L' => Type::Extension(Extension::GnuName),
            b'K' => Type::Extension(Extension::GnuTarget),
            _ => Type::File,
        };
        let size = number(&block[124..136]).ok_or("a header has no size")?;
        let mode = number(&block[100..108])
            .and_then(|mode| u32::try_from(mode).ok())
            .ok_or("a header has no mode")?;
        if matches!(kind, Type::Extension(_)) {
            return Ok(Some(Member { name: String::new(), mode, size, kind, target: String::new() }));
        }
        let prefix = if &block[257..262] == b"ustar" && block[263] != b' ' {
            text(&block[345..500])
        } else {
            String::new()
        };
        let short = text(&block[..100]);
        let joined = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
        let name = self.name.take().unwrap_or(joined);
        let target = self.target.take().unwrap_or_else(|| text(&block[157..257]));
        // Links and folders have no content, whatever their header says.
        let has_content = matches!(kind, Type::File);
        let size = self.size.take().unwrap_or(size);
        Ok(Some(Member { name: clean(&name), mode, size: if has_content { size } else { 0 }, kind, target }))
    }

    /// Takes the content of an extension.
    pub fn extension(&mut self, extension: Extension, content: &[u8]) {
        match extension {
            Extension::GnuName => self.name = Some(text(content)),
            Extension::GnuTarget => self.target = Some(text(content)),
            Extension::PaxGlobal => {}
            Extension::Pax => {
                for (key, value) in records(content) {
                    match key.as_str() {
                        "path" => self.name = Some(value),
                        "linkpath" => self.target = Some(value),
                        "size" => self.size = value.parse().ok(),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn clean(name: &str) -> String {
    name.trim_start_matches("./").trim_matches('/').to_owned()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// An octal number; or, with the highest bit set, one in base 256, as GNU writes what is too large for the other.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[1..].iter().try_fold(u64::from(field[0] & 0x7f), |number, &byte| {
            number.checked_mul(256)?.checked_add(u64::from(byte))
        });
    }
    let text = text(field);
    let digits = text.trim();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// `LENGTH KEY=VALUE\n`, as often as there is one.
fn records(mut content: &[u8]) -> Vec<(String, String)> {
    let mut records = Vec::new();
    while let Some(blank) = content.iter().position(|&byte| byte == b' ') {
        let length =
            std::str::from_utf8(&content[..blank]).ok().and_then(|length| length.parse::<usize>().ok());
        let Some(record) = length.and_then(|length| content.get(blank + 1..length)) else { break };
        content = &content[length.unwrap_or_default()..];
        let record = String::from_utf8_lossy(record);
        if let Some((key, value)) = record.trim_end_matches('\n').split_once('=') {
            records.push((key.to_owned(), value.to_owned()));
        }
    }
    records
}

/// What `manifest.json` in an archive says about the image in it.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listing {
    /// The member with its configuration.
    pub config: String,
    /// The members with its layers, the lowest first.
    pub layers: Vec<String>,
}

impl Listing {
    /// Reads `manifest.json`.
    ///
    /// # Errors
    ///
    /// Why it lists no image, in words.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let listings: Vec<Self> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        listings.into_iter().next().ok_or_else(|| "it lists no image".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with a right checksum.
    fn header(name: &str, mode: &str, size: &str, kind: u8, target: &str) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        for (at, text) in [(0, name), (100, mode), (124, size), (157, target), (257, "ustar\u{0}00")] {
            block[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        block[156] = kind;
        let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum::<u64>() + 8 * u64::from(b' ');
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    #[test]
    fn members_have_names_of_any_length() {
        let mut headers = Headers::default();
        let plain = headers.header(&header("./usr/bin/su", "0104755", "1750", b'0', "")).unwrap().unwrap();
        assert_eq!((plain.name.as_str(), plain.mode, plain.size), ("usr/bin/su", 0o104_755, 1000));
        assert_eq!(plain.padded(), 1024);
        let link = headers.header(&header("l", "777", "", b'2', "../x")).unwrap().unwrap();
        assert_eq!((link.kind, link.target.as_str()), (Type::Link, "../x"));
        let extension = headers.header(&header("x", "644", "30", b'x', "")).unwrap().unwrap();
        assert_eq!(extension.kind, Type::Extension(Extension::Pax));
        headers.extension(
            Extension::Pax,
            "18 path=a/größe\n11 size=77\n30 mtime=1700000000.123456789\n".as_bytes(),
        );
        let long = headers.header(&header("short", "644", "1", b'0', "")).unwrap().unwrap();
        assert_eq!((long.name.as_str(), long.size), ("a/größe", 77));
        headers.extension(Extension::GnuName, b"gnu/name\0");
        let next = headers.header(&header("short", "644", "1", b'0', "")).unwrap().unwrap();
        assert_eq!((next.name.as_str(), next.size), ("gnu/name", 1));
        assert_eq!(headers.header(&[0; BLOCK]).unwrap(), None);
    }

    #[test]
    fn whiteouts_take_a_path_or_a_folder() {
        let member = |name: &str| {
            let block = header(name, "644", "0", b'0', "");
            Headers::default().header(&block).unwrap().unwrap()
        };
        for (name, taken, left) in [
            ("opt/.wh.x", &["opt/x", "opt/x/y"][..], &["opt/xy", "opt", "x", "o/opt/x"][..]),
            (".wh.x", &["x", "x/y"], &["xy", "opt/x"]),
            ("opt/x/.wh..wh..opq", &["opt/x/y", "opt/x/y/z"], &["opt/xy", "opt/y"]),
            ("./.wh..wh..opq", &["x", "opt/x/y"], &[]),
        ] {
            let whiteout = member(name).whiteout().unwrap();
            for path in taken {
                assert!(whiteout.takes(path), "{name} {path}");
            }
            for path in left {
                assert!(!whiteout.takes(path), "{name} {path}");
            }
        }
        for name in ["wh.x", "a.wh.x", ".wh.x/y"] {
            assert_eq!(member(name).whiteout(), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let mut headers = Headers::default();
        assert!(headers.header(&[0; 10]).is_err());
        let mut broken = header("a", "644", "1", b'0', "");
        broken[0] = b'b';
        assert_eq!(headers.header(&broken), Err("a header has a wrong checksum"));
        assert!(headers.header(&header("a", "644", "9", b'0', "")).is_err());
        for content in ["", "x", "5 a=", "99 a=b\n", "0 a=b\n", " ", "2 \n"] {
            headers.extension(Extension::Pax, content.as_bytes());
        }
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]), Some(2 << 24));
        assert_eq!(number(&[0xff; 12]), None);
        // The largest sizes that a header can name are sizes, and take up more than there is.
        headers.extension(Extension::Pax, format!("29 size={}\n", u64::MAX).as_bytes());
        let huge = headers.header(&header("a", "644", "1", b'0', "")).unwrap().unwrap();
        assert_eq!((huge.size, huge.padded()), (u64::MAX, u64::MAX));
    }

    #[test]
    fn listings_name_config_and_layers() {
        let json = br#"[{"Config": "c.json", "RepoTags": ["a:b"], "Layers": ["1/layer.tar", "2.tar"]}]"#;
        assert_eq!(Listing::parse(json).unwrap().layers, ["1/layer.tar", "2.tar"]);
        assert!(Listing::parse(b"[]").is_err() && Listing::parse(b"{").is_err());
    }
}
