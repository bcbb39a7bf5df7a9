//! The same bytes for the same input, and everything in its place.

use std::path::Path;

use serde_json::Value;

use super::*;
use crate::inventory::tests::{LOCK, REQUIREMENTS, distribution};
use crate::inventory::{npm, python};
use crate::rules::TextFile;

const WHEN: &str = "2026-01-01T00:00:00Z";

fn inventories() -> [Inventory; 2] {
    let requirements = TextFile { path: Path::new("requirements.txt"), text: REQUIREMENTS };
    let installed =
        [distribution("fastapi", "0.165.0", &["MIT"]), distribution("typing-extensions", "4.16.0", &["BSD"])];
    let lock = TextFile { path: Path::new("package-lock.json"), text: LOCK };
    [
        python::inventory("backend", Root::default(), &[(requirements, Scope::Production)], Some(&installed)),
        npm::inventory("web", lock, &|_| None),
    ]
}

fn value(document: Document) -> Value {
    serde_json::from_slice(&document.render().unwrap()).unwrap()
}

#[test]
fn a_component_has_its_packages_with_what_is_known_of_them() {
    let [backend, _] = inventories();
    let bom = value(Document::of("project", &backend, &[], WHEN));
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!(bom["metadata"]["component"]["purl"], "pkg:generic/project/backend");
    let fastapi = &bom["components"][0];
    assert_eq!(fastapi["purl"], "pkg:pypi/fastapi@0.165.0");
    assert_eq!(fastapi["licenses"][0]["expression"], "MIT");
    assert_eq!(fastapi["hashes"].as_array().unwrap().len(), 2);
    assert_eq!(fastapi["hashes"][0]["alg"], "SHA-256");
    assert_eq!(bom["components"][1]["licenses"][0]["license"]["name"], "BSD");
    assert_eq!(bom["components"][2]["scope"], "optional", "what only other platforms get");
    let needs = bom["dependencies"].as_array().unwrap();
    assert_eq!(needs[0]["ref"], "pkg:generic/project/backend");
    assert_eq!(needs[0]["dependsOn"], serde_json::json!(["pkg:pypi/fastapi@0.165.0"]));
    assert_eq!(needs[1]["dependsOn"].as_array().unwrap().len(), 2);
}

#[test]
fn the_same_input_has_the_same_bytes_and_another_one_another_number() {
    let render = || {
        let [backend, web] = inventories();
        Document::merged("project", "1", &[(&backend, &[]), (&web, &[])], WHEN).render().unwrap()
    };
    assert_eq!(render(), render());
    let [backend, web] = inventories();
    let number = |document: Document| value(document)["serialNumber"].as_str().unwrap().to_owned();
    let (first, second) =
        (number(Document::of("p", &backend, &[], WHEN)), number(Document::of("p", &web, &[], WHEN)));
    assert_ne!(first, second);
    assert_eq!((first.len(), &first[23..24]), (45, "8"));
}

#[test]
fn references_are_unique_and_lead_somewhere() {
    let [backend, web] = inventories();
    let bom = value(Document::merged("project", "1", &[(&backend, &[]), (&web, &[]), (&web, &[])], WHEN));
    let references: Vec<&str> =
        bom["components"].as_array().unwrap().iter().map(|one| one["bom-ref"].as_str().unwrap()).collect();
    let mut unique = references.clone();
    unique.dedup();
    assert_eq!(references, unique);
    let own = bom["metadata"]["component"]["bom-ref"].as_str().unwrap();
    for dependency in bom["dependencies"].as_array().unwrap() {
        let needs = dependency["dependsOn"].as_array().unwrap().iter().map(|need| need.as_str().unwrap());
        for name in needs.chain([dependency["ref"].as_str().unwrap()]) {
            assert!(name == own || references.contains(&name), "{name}");
        }
    }
}
