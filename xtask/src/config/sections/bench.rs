//! `[bench]`.

use super::perf::words;
use crate::config::bench::{BenchSettings, BenchSuite};
use crate::config::decode::{Table, Value};
use crate::config::values::{each, list, path, text, variables};
use crate::core::graph::TaskId;

/// `[bench]`.
pub(super) fn bench(table: &mut Table<'_, '_>) -> Option<BenchSettings> {
    let document = table.required("document", path);
    let plot = table.required("plot", path);
    let history = table.required("history", path);
    let suites = table.required("suites", suites);
    Some(BenchSettings { document: document?, plot: plot?, history: history?, suites: suites? })
}

fn suites(value: &Value<'_, '_>) -> Option<Vec<BenchSuite>> {
    let entries = value.entries()?;
    if entries.is_empty() {
        return value.wrong("must name at least one benchmark", "");
    }
    let mut suites = Vec::new();
    for (key, value) in entries {
        // The name becomes the last word of a step: `bench.cache`.
        if key.text.contains('.') || TaskId::new(key.text).is_none() {
            key.wrong("is no name for a benchmark", "use lowercase letters, digits, `-` and `_`");
        }
        let suite = value.table(|table| {
            let title = table.required("title", text);
            let command = table.required("command", words);
            let whole = table.optional("whole", each(text)).unwrap_or_default();
            let quick = table.optional("quick", each(text)).unwrap_or_default();
            let env = table.optional("env", list(variables)).unwrap_or_default();
            let name = key.text.to_owned();
            Some(BenchSuite { name, title: title?, command: command?, whole, quick, env })
        });
        suites.extend(suite);
    }
    Some(suites)
}
