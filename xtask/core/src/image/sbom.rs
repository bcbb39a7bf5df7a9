//! What software is in an image: a bill of materials in the form of CycloneDX 1.6
//! (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! What counts is what really is in the image: the databases of package managers and the metadata of installed packages, read
//! from its layers. Only what a bundler has merged into files that name nobody comes from a lock file, and is marked so.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::archive::{Member, Type};
use super::copyright::Copyrights;
use crate::bom::{self, Component, Property};
use crate::finding::Location;
use crate::finding::weakness::Package as Identity;
use crate::inventory::{self, Scope, purl};

pub use crate::bom::MEDIA_TYPE;

/// What packages of Debian are packages of, in package URLs.
const DEBIAN: &str = "deb";

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
    /// SPDX expressions or what its authors wrote instead, all of which hold; empty where they wrote nothing.
    pub licenses: Vec<String>,
    /// Where it says that it is there.
    pub evidence: String,
}

/// Collects what is in an image, member by member, the lowest layer first.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Inventory {
    /// By the file that speaks of them: a later layer replaces or removes it.
    found: BTreeMap<String, Vec<Package>>,
    /// What Debian's packages say of their licences, which stands in files of its own.
    copyrights: Copyrights,
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
            self.copyrights.remove(&whiteout);
            return false;
        }
        let is_wanted = self.copyrights.member(member) || source(&member.name).is_some();
        member.kind == Type::File && member.size <= DATABASE_MAX && is_wanted
    }

    /// Reads the content of a member that was wanted.
    pub fn content(&mut self, member: &Member, content: &[u8]) {
        if Copyrights::is_one(&member.name) {
            self.copyrights.content(member, content);
            return;
        }
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
            let mut package = npm(name, entry.get("version")?.as_str()?, licenses(entry));
            package.evidence = format!("{path}, merged into the bundle");
            Some(package)
        };
        self.found.insert(path.to_owned(), production.filter_map(package).collect());
    }

    /// What is there, each once, in the order of the package URLs.
    pub fn packages(&self) -> Vec<Package> {
        let mut packages: Vec<Package> = self.found.values().flatten().cloned().collect();
        for package in packages.iter_mut().filter(|package| package.ecosystem() == DEBIAN) {
            package.licenses = self.copyrights.of(&package.name);
        }
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
        let purl = format!("{}{architecture}", purl_of(DEBIAN, name, version));
        is_there.then(|| made(purl, name, version, Vec::new()))
    };
    text.split("\n\n").filter_map(package).collect()
}

/// Paragraphs of `K:value` (apk-tools, `apkdb`).
fn alpine(text: &str) -> Vec<Package> {
    let package = |paragraph: &str| {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name));
        let (name, version) = (field("P:")?, field("V:")?);
        let licenses = field("L:").map(str::trim).filter(|license| !license.is_empty());
        Some(made(
            purl_of("apk", name, version),
            name,
            version,
            licenses.map(str::to_owned).into_iter().collect(),
        ))
    };
    text.split("\n\n").filter_map(package).collect()
}

fn python(text: &str) -> Option<Package> {
    let found = inventory::python::distribution(text)?;
    let purl = purl_of("pypi", &found.name, &found.version);
    Some(made(purl, &found.name, &found.version, found.licenses))
}

fn node(text: &str) -> Option<Package> {
    let manifest: Value = serde_json::from_str(text).ok()?;
    Some(npm(manifest.get("name")?.as_str()?, manifest.get("version")?.as_str()?, licenses(&manifest)))
}

fn npm(name: &str, version: &str, licenses: Vec<String>) -> Package {
    made(purl_of("npm", name, version), name, version, licenses)
}

fn licenses(manifest: &Value) -> Vec<String> {
    manifest.as_object().and_then(inventory::npm::licenses).unwrap_or_default()
}

fn purl_of(ecosystem: &str, name: &str, version: &str) -> String {
    let (ecosystem, name, version) = (ecosystem.to_owned(), name.to_owned(), version.to_owned());
    purl(&Identity { ecosystem, name, version })
}

fn made(purl: String, name: &str, version: &str, licenses: Vec<String>) -> Package {
    Package { purl, name: name.to_owned(), version: version.to_owned(), licenses, evidence: String::new() }
}

impl Package {
    /// Who packages it, as package URLs say it: `deb`.
    fn ecosystem(&self) -> &str {
        self.purl.split([':', '/']).nth(1).unwrap_or_default()
    }

    /// As what an image is built upon, which `declared` has brought into it.
    pub fn installed(&self, declared: Location) -> inventory::Package {
        let ecosystem = self.ecosystem().to_owned();
        inventory::Package {
            identity: Identity { ecosystem, name: self.name.clone(), version: self.version.clone() },
            licenses: Some(self.licenses.clone()),
            hashes: BTreeSet::new(),
            scope: Scope::Production,
            is_direct: true,
            is_own: false,
            is_elsewhere: false,
            declared,
            needs: BTreeSet::new(),
        }
    }

    /// As a part of a bill of materials.
    pub fn component(&self) -> Component {
        Component {
            kind: "library",
            reference: self.purl.clone(),
            name: self.name.clone(),
            version: self.version.clone(),
            licenses: bom::licenses(&self.licenses),
            purl: self.purl.clone(),
            properties: vec![Property { name: "xtask:evidence", value: self.evidence.clone() }],
            ..Component::default()
        }
    }
}

/// The document for an image: the same bytes for the same image. `created` is RFC 3339.
pub fn document(
    image: &str,
    digest: &str,
    created: &str,
    packages: &[Package],
) -> Result<Vec<u8>, serde_json::Error> {
    let subject = Component {
        kind: "container",
        name: image.to_owned(),
        version: digest.to_owned(),
        ..Component::default()
    };
    let components = packages.iter().map(Package::component).collect();
    bom::Document { subject, timestamp: created.to_owned(), components, dependencies: Vec::new() }.render()
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

    /// A link of an image.
    fn link(name: &str, kind: Type, target: &str) -> Member {
        Member { kind, target: target.to_owned(), size: 0, ..file(name) }
    }

    const COPYRIGHT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: \
                             GPL-2+ or Artistic, and BSD-3-clause\n";

    /// The licences of the only package of an image with these members.
    fn licenses_of_libc6(links: &[Member], files: &[(&str, &str)]) -> Vec<String> {
        let mut inventory = inventory(&[("var/lib/dpkg/status", STATUS)]);
        for link in links {
            assert!(!inventory.member(link));
        }
        for (name, content) in files {
            if inventory.member(&file(name)) {
                inventory.content(&file(name), content.as_bytes());
            }
        }
        let [package] = inventory.packages().try_into().unwrap();
        package.licenses
    }

    #[test]
    fn packages_of_debian_say_their_licences_in_files_of_their_own() {
        let (own, other) = ("usr/share/doc/libc6/copyright", "usr/share/doc/base/copyright");
        let folder = |target: &str| link("usr/share/doc/libc6", Type::Link, target);
        let stated = ["BSD-3-Clause", "GPL-2.0-or-later OR Artistic-1.0-Perl"].as_slice();
        for (links, files, expected) in [
            (vec![], vec![(own, COPYRIGHT)], stated),
            (vec![], vec![], &[]),
            (vec![], vec![(own, "For people.\n")], &[]),
            (vec![folder("base")], vec![(other, COPYRIGHT)], stated),
            (vec![folder("/usr/share/doc/base")], vec![(other, COPYRIGHT)], stated),
            (vec![link(own, Type::Link, "../base/copyright")], vec![(other, COPYRIGHT)], stated),
            (vec![link(own, Type::HardLink, other)], vec![(other, COPYRIGHT)], stated),
            (vec![folder("../../../../../../usr/share/doc/base")], vec![(other, COPYRIGHT)], stated),
            // Links that lead nowhere, or in a circle.
            (vec![folder("gone")], vec![(other, COPYRIGHT)], &[]),
            (vec![folder("libc6")], vec![(other, COPYRIGHT)], &[]),
            (vec![link(own, Type::Link, "copyright")], vec![], &[]),
            // A later layer makes a folder of the link, or takes the file away.
            (
                vec![folder("base"), link("usr/share/doc/libc6", Type::Folder, "")],
                vec![(other, COPYRIGHT)],
                &[],
            ),
            (vec![], vec![(own, COPYRIGHT), ("usr/share/doc/libc6/.wh.copyright", "")], &[]),
            (vec![], vec![(own, COPYRIGHT), ("usr/share/.wh.doc", "")], &[]),
            (vec![], vec![(own, "For people.\n"), (own, COPYRIGHT)], stated),
        ] {
            assert_eq!(licenses_of_libc6(&links, &files), expected, "{links:?} {files:?}");
        }
    }

    #[test]
    fn what_is_installed_is_judged_by_its_ecosystem() {
        let found = inventory(&[
            ("var/lib/dpkg/status", STATUS),
            ("lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nL:MIT\n"),
        ]);
        let installed: Vec<_> =
            found.packages().iter().map(|package| package.installed(Location::file("Dockerfile"))).collect();
        let keys: Vec<String> = installed.iter().map(inventory::Package::key).collect();
        assert_eq!(keys, ["apk:musl", "deb:libc6"]);
        assert_eq!(installed[0].licenses.as_deref(), Some(&["MIT".to_owned()][..]));
        assert_eq!(installed[1].licenses.as_deref(), Some(&[][..]), "looked at, and nothing said");
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
        assert_eq!(value["components"][0]["licenses"][0]["expression"], "PSF-2.0");
        let number = value["serialNumber"].as_str().unwrap();
        assert_eq!((number.len(), &number[23..24]), (45, "8"));
        let other = document("r.io/o/web", "sha256:1", "2026-01-01T00:00:00Z", &packages).unwrap();
        assert_ne!(number, serde_json::from_slice::<Value>(&other).unwrap()["serialNumber"]);
    }
}
