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
    assert_eq!(node.forbidden["src"], ["node:", "x"]);
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
    check(
        &text,
        &expect![[r#"
        xtask.toml has 4 problems
        8:12: `contracts.api.provider` must be a component (did you mean `back`?)
        9:11: `contracts.api.command` must not be empty
        10:12: `contracts.api.consumer` must be a Node component (there are `front`)
        11:10: `contracts.api.client` must not be empty
    "#]],
    );
    check(
        &COMPLETE.replace("src=[\"src/api\"]", "src=[\"src/ap\"]"),
        &expect![[r#"
        xtask.toml has 1 problem
        5:75: `components.front.modules.src[0]` must be a module that has a rule of its own (did you mean `src/api`?)
    "#]],
    );
}
