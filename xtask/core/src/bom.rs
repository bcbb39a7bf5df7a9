//! Bills of materials in the form of CycloneDX 1.6 (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! The same input gives the same bytes: the serial number is made from the content, and the time is whatever the caller says
//! the content is of.

use serde::Serialize;

use crate::inventory::{Inventory, Package, Root, Scope};
use crate::license::Reading;

#[cfg(test)]
mod tests;

/// The media type of the document.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'b> {
    #[serde(rename = "bomFormat")]
    format: &'b str,
    spec_version: &'b str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'b>,
    components: Vec<Component>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Metadata<'b> {
    timestamp: &'b str,
    tools: Tools,
    component: Component,
}

#[derive(Serialize)]
struct Tools {
    components: [Component; 1],
}

/// A piece of software.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Component {
    /// `application`, `library`, `container`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What others call it within the document.
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `optional` for what is not part of what is shipped, `excluded` for what only develops it; empty for what is required.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scope: &'static str,
    /// The hashes of the files that it comes in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<Hash>,
    /// Its licences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<License>,
    /// Its package URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub purl: String,
    /// What CycloneDX has no field for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

/// A hash of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Hash {
    alg: &'static str,
    content: String,
}

/// A licence: an expression, or what its authors wrote instead.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum License {
    /// What its authors wrote.
    License {
        /// The words.
        name: String,
    },
    /// An SPDX expression.
    #[serde(untagged)]
    Expression {
        /// The expression.
        expression: String,
    },
}

/// A property.
#[derive(Clone, Debug, Serialize)]
pub struct Property {
    /// Its name, which begins with `xtask:`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    depends_on: Vec<String>,
}

/// What a package says of its licence, as CycloneDX has it.
pub fn licenses(statements: &[String]) -> Vec<License> {
    match Reading::of(statements) {
        Reading::Known(expression) => vec![License::Expression { expression: expression.to_string() }],
        Reading::Unknown(_) => {
            statements.iter().map(|name| License::License { name: name.clone() }).collect()
        }
    }
}

/// A document on its way.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it is about.
    pub subject: Component,
    /// When that came to be: RFC 3339.
    pub timestamp: String,
    /// What is in it.
    pub components: Vec<Component>,
    /// Who needs whom, by reference.
    pub dependencies: Vec<(String, Vec<String>)>,
}

impl Document {
    /// The document of one component of a project.
    pub fn of(project: &str, inventory: &Inventory, extra: &[Component], timestamp: &str) -> Self {
        let subject = own(project, inventory);
        let mut document = Self {
            timestamp: timestamp.to_owned(),
            components: Vec::new(),
            dependencies: Vec::new(),
            subject,
        };
        let reference = document.subject.reference.clone();
        document.add(inventory, &reference, extra);
        document
    }

    /// The document of a whole project, of which each component needs its packages.
    pub fn merged(
        project: &str,
        version: &str,
        inventories: &[(&Inventory, &[Component])],
        timestamp: &str,
    ) -> Self {
        let reference = format!("pkg:generic/{project}@{version}");
        let subject = Component {
            kind: "application",
            reference: reference.clone(),
            name: project.to_owned(),
            version: version.to_owned(),
            purl: reference.clone(),
            ..Component::default()
        };
        let mut document = Self {
            subject,
            timestamp: timestamp.to_owned(),
            components: Vec::new(),
            dependencies: Vec::new(),
        };
        let mut parts = Vec::new();
        for (inventory, extra) in inventories {
            let part = own(project, inventory);
            parts.push(part.reference.clone());
            let name = part.reference.clone();
            document.components.push(part);
            document.add(inventory, &name, extra);
        }
        document.dependencies.push((reference, parts));
        document
    }

    /// Adds what is in an inventory, below what is called `reference`.
    fn add(&mut self, inventory: &Inventory, reference: &str, extra: &[Component]) {
        let direct = inventory.direct().map(|position| inventory.packages[position].purl());
        let direct = direct.chain(extra.iter().map(|one| one.reference.clone())).collect();
        self.dependencies.push((reference.to_owned(), direct));
        for package in &inventory.packages {
            let needs =
                package.needs.iter().filter_map(|&one| inventory.packages.get(one)).map(Package::purl);
            self.dependencies.push((package.purl(), needs.collect()));
            self.components.push(library(package));
        }
        for one in extra {
            self.dependencies.push((one.reference.clone(), Vec::new()));
            self.components.push(one.clone());
        }
    }

    /// The document as JSON with indentation. What is in it several times is written once, in the order of the references.
    ///
    /// # Errors
    ///
    /// Never: there is nothing in it that is no JSON.
    pub fn render(mut self) -> Result<Vec<u8>, serde_json::Error> {
        // What is shipped by one of them is shipped: the empty scope comes first.
        self.components.sort_by(|a, b| (&a.reference, a.scope).cmp(&(&b.reference, b.scope)));
        self.components.dedup_by(|later, first| later.reference == first.reference);
        self.dependencies.sort();
        self.dependencies.dedup_by(|later, first| {
            let is_same = later.0 == first.0;
            if is_same {
                first.1.append(&mut later.1);
            }
            is_same
        });
        for (_, needs) in &mut self.dependencies {
            needs.sort();
            needs.dedup();
        }
        let tool = Component {
            kind: "application",
            name: "xtask".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Component::default()
        };
        let dependencies = self.dependencies.into_iter();
        let mut bom = Bom {
            format: "CycloneDX",
            spec_version: "1.6",
            serial_number: String::new(),
            version: 1,
            metadata: Metadata {
                timestamp: &self.timestamp,
                tools: Tools { components: [tool] },
                component: self.subject,
            },
            components: self.components,
            dependencies: dependencies
                .map(|(reference, depends_on)| Dependency { reference, depends_on })
                .collect(),
        };
        bom.serial_number = serial_number(&serde_json::to_vec(&bom)?);
        let mut bytes = serde_json::to_vec_pretty(&bom)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// A component of the project.
fn own(project: &str, inventory: &Inventory) -> Component {
    let Root { name: _, version, licenses: statements } = &inventory.root;
    let at = if version.is_empty() { String::new() } else { format!("@{version}") };
    let reference = format!("pkg:generic/{project}/{}{at}", inventory.component);
    Component {
        kind: "application",
        reference: reference.clone(),
        name: inventory.component.clone(),
        version: version.clone(),
        licenses: licenses(statements),
        purl: reference,
        ..Component::default()
    }
}

fn library(package: &Package) -> Component {
    let purl = package.purl();
    let declared = Property { name: "xtask:declared", value: package.declared.to_string() };
    Component {
        kind: "library",
        reference: purl.clone(),
        name: package.identity.name.clone(),
        version: package.identity.version.clone(),
        scope: match package.scope {
            Scope::Development => "excluded",
            Scope::Production if package.is_elsewhere => "optional",
            Scope::Production => "",
        },
        hashes: package
            .hashes
            .iter()
            .map(|hash| Hash { alg: hash.algorithm, content: hash.digits.clone() })
            .collect(),
        licenses: licenses(package.licenses.as_deref().unwrap_or_default()),
        purl,
        properties: vec![declared],
    }
}

/// A name-based UUID (RFC 9562, version 8) of the content.
pub fn serial_number(content: &[u8]) -> String {
    let hash = blake3::hash(content);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
