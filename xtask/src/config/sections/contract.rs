//! `[contracts.NAME]`.

use crate::config::contract::Contract;
use crate::config::decode::Value;
use crate::config::values::{each, list, path, text};
use crate::config::{Component, ComponentKind};
use crate::core::graph::TaskId;

pub(super) fn contracts(value: &Value<'_, '_>, components: &[Component]) -> Option<Vec<Contract>> {
    let all: Vec<&str> = components.iter().map(|component| component.name.as_str()).collect();
    let is_node = |component: &&Component| matches!(component.kind, ComponentKind::Node(_));
    let nodes: Vec<&str> =
        components.iter().filter(is_node).map(|component| component.name.as_str()).collect();
    let mut contracts = Vec::new();
    for (key, value) in value.entries()? {
        if TaskId::new(key.text).is_none() {
            key.wrong("is no name for a contract", "use lowercase letters, digits, `-` and `_`");
        }
        let contract = value.table(|table| {
            let document = table.required("document", path);
            let provider = table.required("provider", |value| one_of(value, "must be a component", &all));
            let command = table.required("command", |value| some(value, each(text)));
            let consumer =
                table.required("consumer", |value| one_of(value, "must be a Node component", &nodes));
            let client = table.required("client", |value| some(value, list(path)));
            let origin = table.required("origin", text);
            Some(Contract {
                name: key.text.to_owned(),
                document: document?,
                provider: provider?,
                command: command?,
                consumer: consumer?,
                client: client?,
                origin: origin?,
            })
        });
        contracts.extend(contract);
    }
    Some(contracts)
}

fn one_of(value: &Value<'_, '_>, must: &str, known: &[&str]) -> Option<String> {
    let name = text(value)?;
    if known.contains(&name.as_str()) { Some(name) } else { value.unknown(must, &name, known) }
}

fn some<'d, 'i, T>(
    value: &Value<'d, 'i>,
    read: impl FnOnce(&Value<'d, 'i>) -> Option<Vec<T>>,
) -> Option<Vec<T>> {
    if value.list()?.is_empty() { value.wrong("must not be empty", "") } else { read(value) }
}
