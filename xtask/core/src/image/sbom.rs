//! What software is in an image: a bill of materials in the form of CycloneDX 1.6
//! (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! What counts is what really is in the image: the databases of package managers and the metadata of installed packages, read
//! from its layers. Only what a bundler has merged into files that name nobody comes from a lock file, and is marked so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::archive::{Member, Type};

/// The media type of the document.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The largest database that is read, in bytes.
const DATABASE_MAX: u64 = 16 << 20;

/// A piece of software.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Deserialize, Serialize)]
pub struct Package {
    /// The package URL (<https://github.com/package-url/purl-spec>), which says who packages it, too.
    pub purl: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// An SPDX expression or what its authors wrote instead; empty where they wrote nothing.
    pub license: String,
    /// Where it says that it is there.
    pub evidence: String,
}

/// Collects what is in an image, member by member, the lowest layer first.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Inventory {
    /// By the file that speaks of them: a later layer replaces or removes it.
    found: BTreeMap<String, Vec<Package>>,
}

/// Who wrote a file that speaks of packages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Debian,
    Alpine,
    Python,
    Node,
}

impl Inventory {
    /// Takes note of a member. Returns whether its content is wanted.
    pub fn member(&mut self, member: &Member) -> bool {
        if let Some(whiteout) = member.whiteout() {
            self.found.retain(|path, _| !whiteout.takes(path));
            return false;
        }
        member.kind == Type::File && member.size <= DATABASE_MAX && source(&member.name).is_some()
    }

    /// Reads the content of a member that was wanted.
    pub fn content(&mut self, member: &Member, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        let packages = match source(&member.name) {
            Some(Source::Debian) => debian(&text),
            Some(Source::Alpine) => alpine(&text),
            Some(Source::Python) => python(&text).into_iter().collect(),
            Some(Source::Node) => node(&text).into_iter().collect(),
            None => Vec::new(),
        };
        let evidence = format!("/{}", member.name);
        let packages = packages.into_iter().map(|package| Package { evidence: evidence.clone(), ..package });
        self.found.insert(member.name.clone(), packages.collect());
    }

    /// Adds what a `package-lock.json` of version 2 or 3 installs for production; bundlers merge it into files without names.
    pub fn bundled(&mut self, path: &str, lock: &str) {
        let lock: Value = serde_json::from_str(lock).unwrap_or_default();
        let entries = lock.get("packages").and_then(Value::as_object).into_iter().flatten();
        let production = entries.filter(|(_, entry)| {
            let is = |key: &str| entry.get(key).and_then(Value::as_bool).unwrap_or_default();
            !is("dev") && !is("devOptional") && !is("link")
        });
        let package = |(folder, entry): (&String, &Value)| {
            let (_, name) = folder.rsplit_once("node_modules/")?;
            let mut package = npm(name, entry.get("version")?.as_str()?, &license(entry));
            package.evidence = format!("{path}, merged into the bundle");
            Some(package)
        };
        self.found.insert(path.to_owned(), production.filter_map(package).collect());
    }

    /// What is there, each once, in the order of the package URLs.
    pub fn packages(&self) -> Vec<Package> {
        let mut packages: Vec<Package> = self.found.values().flatten().cloned().collect();
        packages.sort();
        packages.dedup_by(|later, first| later.purl == first.purl);
        packages
    }
}

fn source(path: &str) -> Option<Source> {
    if path == "var/lib/dpkg/status" || path.starts_with("var/lib/dpkg/status.d/") {
        return Some(Source::Debian).filter(|_| !path.ends_with(".md5sums"));
    }
    if path == "lib/apk/db/installed" {
        return Some(Source::Alpine);
    }
    let mut parts = path.rsplit('/');
    let (file, folder) = (parts.next()?, parts.next()?);
    if file == "METADATA" && folder.ends_with(".dist-info") {
        return Some(Source::Python);
    }
    let above = parts.next()?;
    let is_package =
        above == "node_modules" || (above.starts_with('@') && parts.next() == Some("node_modules"));
    (file == "package.json" && is_package).then_some(Source::Node)
}

/// Paragraphs of `Key: value` (Debian policy, 5.1).
fn debian(text: &str) -> Vec<Package> {
    let package = |paragraph: &str| {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
        };
        let is_there = field("Status").is_none_or(|status| status.ends_with(" installed"));
        let (name, version) = (field("Package")?, field("Version")?);
        let architecture = field("Architecture").map(|one| format!("?arch={one}")).unwrap_or_default();
        let purl = format!("pkg:deb/debian/{name}@{}{architecture}", escaped(version));
        is_there.then(|| made(purl, name, version, ""))
    };
    text.split("\n\n").filter_map(package).collect()
}

/// Paragraphs of `K:value` (apk-tools, `apkdb`).
fn alpine(text: &str) -> Vec<Package> {
    let package = |paragraph: &str| {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name));
        let (name, version) = (field("P:")?, field("V:")?);
        let purl = format!("pkg:apk/alpine/{name}@{}", escaped(version));
        Some(made(purl, name, version, field("L:").unwrap_or_default()))
    };
    text.split("\n\n").filter_map(package).collect()
}

/// The headers of core metadata (packaging.python.org, "Core metadata specifications").
fn python(text: &str) -> Option<Package> {
    let headers = text.split("\n\n").next().unwrap_or_default();
    let field = |name: &str| {
        headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
    };
    let (name, version) = (field("Name")?, field("Version")?);
    let license = field("License-Expression").or_else(|| field("License")).unwrap_or_default();
    let normal = name.to_lowercase().replace(['_', '.'], "-");
    Some(made(format!("pkg:pypi/{normal}@{}", escaped(version)), name, version, license))
}

fn node(text: &str) -> Option<Package> {
    let manifest: Value = serde_json::from_str(text).ok()?;
    Some(npm(manifest.get("name")?.as_str()?, manifest.get("version")?.as_str()?, &license(&manifest)))
}

fn npm(name: &str, version: &str, license: &str) -> Package {
    made(format!("pkg:npm/{}@{}", name.replace('@', "%40"), escaped(version)), name, version, license)
}

fn license(manifest: &Value) -> String {
    manifest.get("license").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn made(purl: String, name: &str, version: &str, license: &str) -> Package {
    let license = license.to_owned();
    Package { purl, name: name.to_owned(), version: version.to_owned(), license, evidence: String::new() }
}

/// A version within a package URL.
fn escaped(version: &str) -> String {
    let mut escaped = String::new();
    for c in version.chars() {
        match c {
            '+' => escaped.push_str("%2B"),
            ' ' => escaped.push_str("%20"),
            '@' => escaped.push_str("%40"),
            '?' => escaped.push_str("%3F"),
            '#' => escaped.push_str("%23"),
            '%' => escaped.push_str("%25"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'b> {
    #[serde(rename = "bomFormat")]
    format: &'b str,
    spec_version: &'b str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'b>,
    components: Vec<Component<'b>>,
}

#[derive(Serialize)]
struct Metadata<'b> {
    timestamp: &'b str,
    tools: Tools<'b>,
    component: Component<'b>,
}

#[derive(Serialize)]
struct Tools<'b> {
    components: [Component<'b>; 1],
}

#[derive(Serialize)]
struct Component<'b> {
    #[serde(rename = "type")]
    kind: &'b str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'b str>,
    name: &'b str,
    version: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'b str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Licence<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'b>>,
}

#[derive(Serialize)]
struct Licence<'b> {
    license: LicenceName<'b>,
}

#[derive(Serialize)]
struct LicenceName<'b> {
    name: &'b str,
}

#[derive(Serialize)]
struct Property<'b> {
    name: &'b str,
    value: &'b str,
}

/// The document for an image: the same bytes for the same image. `created` is RFC 3339.
pub fn document(
    image: &str,
    digest: &str,
    created: &str,
    packages: &[Package],
) -> Result<Vec<u8>, serde_json::Error> {
    let own = |name: &'static str, version: &'static str| Component {
        kind: "application",
        reference: None,
        name,
        version,
        purl: None,
        licenses: Vec::new(),
        properties: Vec::new(),
    };
    let components = packages.iter().map(|package| Component {
        kind: "library",
        reference: Some(&package.purl),
        name: &package.name,
        version: &package.version,
        purl: Some(&package.purl),
        licenses: Some(package.license.as_str())
            .filter(|name| !name.is_empty())
            .map(|name| Licence { license: LicenceName { name } })
            .into_iter()
            .collect(),
        properties: vec![Property { name: "xtask:evidence", value: &package.evidence }],
    });
    let bom = Bom {
        format: "CycloneDX",
        spec_version: "1.6",
        serial_number: serial_number(image, digest),
        version: 1,
        metadata: Metadata {
            timestamp: created,
            tools: Tools { components: [own("xtask", env!("CARGO_PKG_VERSION"))] },
            component: Component {
                kind: "container",
                reference: None,
                name: image,
                version: digest,
                ..own("", "")
            },
        },
        components: components.collect(),
    };
    serde_json::to_vec(&bom)
}

/// A name-based UUID (RFC 9562, version 8) of the image, so that the document of one image has one number.
fn serial_number(image: &str, digest: &str) -> String {
    let hash = blake3::hash(format!("{image}@{digest}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Member {
        Member { name: name.to_owned(), mode: 0o644, size: 9, kind: Type::File, target: String::new() }
    }

    fn inventory(files: &[(&str, &str)]) -> Inventory {
        let mut inventory = Inventory::default();
        for (name, content) in files {
            if inventory.member(&file(name)) {
                inventory.content(&file(name), content.as_bytes());
            }
        }
        inventory
    }

    fn purls(inventory: &Inventory) -> Vec<String> {
        inventory.packages().into_iter().map(|package| package.purl).collect()
    }

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u14\n\n\
                          Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n";
    const METADATA: &str = "Metadata-Version: 2.4\nName: Typing_Extensions\nVersion: 4.16.0\nLicense-Expression: PSF-2.0\n\nName: x\n";

    #[test]
    fn packages_are_found_where_managers_keep_them() {
        let found = inventory(&[
            ("var/lib/dpkg/status", STATUS),
            ("lib/apk/db/installed", "C:Q1\nP:musl\nV:1.2.5-r0\nL:MIT\n\nP:broken\n"),
            ("opt/venv/lib/python3.11/site-packages/typing_extensions-4.16.0.dist-info/METADATA", METADATA),
            (
                "app/node_modules/@scope/name/package.json",
                r#"{"name": "@scope/name", "version": "1.0.0", "license": "MIT"}"#,
            ),
            ("app/node_modules/name/test/package.json", r#"{"name": "other", "version": "1.0.0"}"#),
            ("app/package.json", r#"{"name": "app", "version": "1.0.0"}"#),
            ("node_modules/x/package.json", "{"),
        ]);
        assert_eq!(
            purls(&found),
            [
                "pkg:apk/alpine/musl@1.2.5-r0",
                "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64",
                "pkg:npm/%40scope/name@1.0.0",
                "pkg:pypi/typing-extensions@4.16.0",
            ]
        );
    }

    #[test]
    fn what_a_later_layer_takes_away_is_gone() {
        let path = "opt/x/a-1.dist-info/METADATA";
        let metadata = "Name: a\nVersion: 1\n";
        for whiteout in [
            "opt/x/.wh.a-1.dist-info",
            "opt/.wh.x",
            "opt/x/a-1.dist-info/.wh.METADATA",
            "opt/x/.wh..wh..opq",
            ".wh..wh..opq",
        ] {
            assert_eq!(inventory(&[(path, metadata), (whiteout, "")]).packages(), [], "{whiteout}");
        }
        assert_eq!(inventory(&[(path, metadata), ("opt/.wh.y", "")]).packages().len(), 1);
    }

    #[test]
    fn bundles_are_known_by_their_lock_file() {
        let mut found = Inventory::default();
        let lock = r#"{"packages": {"": {"version": "0"}, "node_modules/react": {"version": "19.3.1", "license": "MIT"},
                       "node_modules/vite": {"version": "8", "dev": true}}}"#;
        found.bundled("frontend/package-lock.json", lock);
        assert_eq!(purls(&found), ["pkg:npm/react@19.3.1"]);
        found.bundled("x", "no json");
        assert_eq!(found.packages().len(), 1);
    }

    #[test]
    fn one_image_has_one_document() {
        let packages = inventory(&[("a/b-1.dist-info/METADATA", METADATA)]).packages();
        let bytes = document("r.io/o/web", "sha256:0", "2026-01-01T00:00:00Z", &packages).unwrap();
        assert_eq!(bytes, document("r.io/o/web", "sha256:0", "2026-01-01T00:00:00Z", &packages).unwrap());
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&value["bomFormat"], &value["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
        assert_eq!(value["components"][0]["bom-ref"], "pkg:pypi/typing-extensions@4.16.0");
        assert_eq!(value["components"][0]["licenses"][0]["license"]["name"], "PSF-2.0");
        let number = value["serialNumber"].as_str().unwrap();
        assert_eq!((number.len(), &number[23..24]), (45, "8"));
        assert_ne!(number, serial_number("r.io/o/web", "sha256:1"));
    }
}
