//! `[contracts.NAME]`, and the import rules of scripts.

use std::path::PathBuf;

use expect_test::expect;
use xtask::config::ComponentKind;

use super::{check, every_key_says_so, parse};

const COMPLETE: &str = r#"
project.name="x"
[components]
back={ kind="rust", path="back", package="back" }
front={ kind="node", path="front", test="t", modules={ "src/api"=[], src=["src/api"] }, forbidden={ src=["node:"], "*"=["x"] } }
[contracts.api]
document = "docs/api.json"
provider = "back"
command = ["make", "api"]
consumer = "front"
client = ["src/api"]
origin = "apiUrl"
"#;

#[test]
fn everything_that_can_be_said_of_a_contract_arrives() {
    let config = parse(COMPLETE).unwrap();
    let contract = &config.contracts[0];
    assert_eq!((contract.name.as_str(), contract.document.as_path()), ("api", "docs/api.json".as_ref()));
    assert_eq!((contract.provider.as_str(), contract.consumer.as_str()), ("back", "front"));
    assert_eq!(contract.command, ["make", "api"]);
    assert_eq!(
        (contract.client.as_slice(), contract.origin.as_str()),
        (&[PathBuf::from("src/api")][..], "apiUrl")
    );
    let Some(ComponentKind::Node(node)) = config.component("front").map(|component| &component.kind) else {
        panic!("`front` is a Node component")
    };
    assert_eq!(node.modules["src"], ["src/api"]);
    assert_eq!(node.forbidden["src"], ["x", "node:"]);
    assert_eq!(node.forbidden["src/api"], ["x"]);
    assert!(parse("project.name = \"x\"").unwrap().contracts.is_empty());
}

#[test]
fn every_key_of_a_contract_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(COMPLETE, 6, &[]);
}

#[test]
fn a_contract_between_strangers_is_refused() {
    let text = COMPLETE.replace("provider = \"back\"", "provider = \"bakc\"");
    let text = text.replace("consumer = \"front\"", "consumer = \"back\"");
    let text = text
        .replace("command = [\"make\", \"api\"]", "command = []")
        .replace("[\"src/api\"]\norigin", "[]\norigin");
    check(&text, &expect![[r#""#]]);
    check(&COMPLETE.replace("src=[\"src/api\"]", "src=[\"src/ap\"]"), &expect![[r#""#]]);
}
