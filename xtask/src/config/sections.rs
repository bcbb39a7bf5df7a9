//! The sections of `xtask.toml`, read from top to bottom. What each key means stands at the fields of
//! [`Config`](super::Config).

mod bench;
mod cache;
mod contract;
mod coverage;
mod gates;
mod image;
mod licenses;
mod perf;
mod release;

use std::collections::BTreeMap;

use crate::config::decode::{Table, Value};
use crate::config::values::{
    count, duration, each, flag, list, path, pattern, requirements, retries, rust_path, size, text, variable,
    variables,
};
use crate::config::{
    Budget, Component, ComponentKind, Config, DocsSettings, EnvironmentSettings, Node, Python, Rust,
    TaskSettings, Tools,
};
use crate::core::graph::TaskId;

/// The whole file.
pub(super) fn config(table: &mut Table<'_, '_>) -> Option<Config> {
    let name = table.required("project", |project| project.table(|table| table.required("name", text)));
    let components = table.optional("components", components);
    let tools = table.optional("tools", |tools| tools.table(self::tools));
    let tasks = table.optional("tasks", tasks);
    let environment = table
        .optional("environment", |environment| environment.table(|table| Some(self::environment(table))));
    let budget = table.optional("budget", |budget| budget.table(|table| Some(self::budget(table))));
    let dependencies = table.optional("dependencies", |dependencies| {
        dependencies.table(|table| Some(licenses::dependencies(table)))
    });
    let licenses =
        table.optional("licenses", |licenses| licenses.table(|table| Some(licenses::licenses(table))));
    let (licenses, image_licenses) = licenses.unwrap_or_default();
    let cache = table.optional("cache", |cache| cache.table(|table| Some(cache::cache(table))));
    let docs = table.optional("docs", |docs| docs.table(docs_settings));
    let gates = table.optional("gates", |gates| gates.table(|table| Some(gates::gates(table))));
    let waivers = table.optional("waivers", gates::waivers);
    let image = table.optional("image", |image| image.table(|table| Some(image::image(table))));
    let coverage =
        table.optional("coverage", |coverage| coverage.table(|table| Some(coverage::coverage(table))));
    let contracts = table
        .optional("contracts", |value| contract::contracts(value, components.as_deref().unwrap_or_default()));
    let perf = table.optional("perf", |value| {
        value.table(|table| perf::perf(table, components.as_deref().unwrap_or_default()))
    });
    let bench = table.optional("bench", |value| value.table(bench::bench));
    let release = table.optional("release", |value| Some(release::release(value)));
    let environments = table.optional("environments", |value| {
        if release.is_none() {
            value.wrong::<()>("needs a section `[release]`, which says what is released", "");
        }
        release::environments(value)
    });
    Some(Config {
        name: name?,
        components: components.unwrap_or_default(),
        tools,
        tasks: tasks.unwrap_or_default(),
        environment: environment.unwrap_or_default(),
        budget: budget.unwrap_or_default(),
        dependencies: dependencies.unwrap_or_default(),
        licenses,
        image_licenses,
        cache: cache.unwrap_or_default(),
        docs,
        gates: gates.unwrap_or_default(),
        waivers: waivers.unwrap_or_default(),
        image: image.unwrap_or_default(),
        coverage: coverage.unwrap_or_default(),
        contracts: contracts.unwrap_or_default(),
        perf,
        bench,
        release: release.flatten(),
        environments: environments.unwrap_or_default(),
    })
}

fn components(value: &Value<'_, '_>) -> Option<Vec<Component>> {
    let mut components = Vec::new();
    for (key, value) in value.entries()? {
        // The name becomes the last word of task ids: `test.backend`.
        if key.text.contains('.') || TaskId::new(key.text).is_none() {
            key.wrong("is no name for a component", "use lowercase letters, digits, `-` and `_`");
        }
        let component = value.table(|table| {
            let path = table.required("path", path);
            let Some(read) = table.required("kind", kind) else {
                table.ignore_rest();
                return None;
            };
            let kind = read(table);
            let is_rust = matches!(kind, Some(ComponentKind::Rust(_)));
            let documented_min = table.optional("documented-min", documented(is_rust));
            let image = table.optional("image", |image| image.table(|table| Some(image::component(table))));
            let coverage =
                table.optional("coverage", |value| value.table(|table| Some(coverage::component(table))));
            let name = key.text.to_owned();
            Some(Component { name, path: path?, kind: kind?, documented_min, image, coverage })
        });
        components.extend(component);
    }
    Some(components)
}

/// How much has to be documented. rustc names what is not, and does not count what is.
fn documented<'d, 'i: 'd>(is_rust: bool) -> impl Fn(&Value<'d, 'i>) -> Option<u8> {
    move |value| {
        let percent = value.integer("a number of percent from 1 to 100")?;
        match u8::try_from(percent).ok().filter(|percent| (1..=100).contains(percent)) {
            Some(percent) if is_rust && percent < 100 => {
                value.wrong("must be 100 for Rust: what is documented is not counted there", "")
            }
            Some(percent) => Some(percent),
            None => value.wrong("must be a number of percent from 1 to 100", "out of range"),
        }
    }
}

fn docs_settings(table: &mut Table<'_, '_>) -> Option<DocsSettings> {
    let folder = table.required("folder", path);
    Some(DocsSettings { folder: folder? })
}

type ReadKind = fn(&mut Table<'_, '_>) -> Option<ComponentKind>;

/// The kinds of components, and what reads the keys of each.
const KINDS: &[(&str, ReadKind)] = &[
    ("python", |table| python(table).map(ComponentKind::Python)),
    ("node", |table| node(table).map(ComponentKind::Node)),
    ("rust", |table| rust(table).map(ComponentKind::Rust)),
];

fn kind(value: &Value<'_, '_>) -> Option<ReadKind> {
    let name = text(value)?;
    if let Some((_, read)) = KINDS.iter().find(|(kind, _)| *kind == name) {
        return Some(*read);
    }
    let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    value.unknown("must be a kind of component", &name, &kinds)
}

fn python(table: &mut Table<'_, '_>) -> Option<Python> {
    let package = table.required("package", text);
    let requirements = table.required("requirements", list(requirements));
    let docs = table.optional("docs", path);
    let import_contracts = table.optional("import-contracts", flag).unwrap_or(false);
    let (modules, forbidden) = rules(table, text);
    let (package, requirements) = (package?, requirements?);
    Some(Python { package, requirements, docs, import_contracts, modules, forbidden })
}

fn node(table: &mut Table<'_, '_>) -> Option<Node> {
    let test = table.required("test", text);
    let lint = table.optional("lint", list(text)).unwrap_or_default();
    let docs = table.optional("docs", text);
    let fix = table.optional("fix", list(text)).unwrap_or_default();
    let (modules, forbidden) = rules(table, text);
    Some(Node { test: test?, lint, docs, fix, modules, forbidden })
}

/// Stands for every module that has a rule.
const EVERYWHERE: &str = "*";

fn rust(table: &mut Table<'_, '_>) -> Option<Rust> {
    let package = table.required("package", text);
    let (modules, forbidden) = rules(table, rust_path);
    Some(Rust { package: package?, modules, forbidden })
}

/// For each module of a component, the names in one of its tables.
type Rules = BTreeMap<String, Vec<String>>;

/// The import rules of a component: for each module what it may import, and what it must not name.
fn rules(table: &mut Table<'_, '_>, name: fn(&Value<'_, '_>) -> Option<String>) -> (Rules, Rules) {
    let modules = table.optional("modules", modules).unwrap_or_default();
    let known: Vec<&str> = modules.keys().map(String::as_str).collect();
    let forbidden = table.optional("forbidden", |value| forbidden(value, &known, name)).unwrap_or_default();
    (modules, forbidden)
}

fn modules(value: &Value<'_, '_>) -> Option<Rules> {
    let entries = value.entries()?;
    let known: Vec<&str> = entries.iter().map(|(key, _)| key.text).collect();
    let module = |value: &Value<'_, '_>| {
        let name = text(value)?;
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        value.unknown("must be a module that has a rule of its own", &name, &known)
    };
    let mut rules = BTreeMap::new();
    for (key, value) in &entries {
        rules.extend(list(module)(value).map(|modules| (key.text.to_owned(), modules)));
    }
    Some(rules)
}

fn forbidden(
    value: &Value<'_, '_>,
    modules: &[&str],
    name: fn(&Value<'_, '_>) -> Option<String>,
) -> Option<Rules> {
    let mut rules = Rules::new();
    for (key, value) in value.entries()? {
        let of: Vec<&str> = if key.text == EVERYWHERE { modules.to_vec() } else { vec![key.text] };
        if key.text != EVERYWHERE && !modules.contains(&key.text) {
            key.unknown("must be a module that has a rule of its own", modules);
        }
        let paths = list(name)(&value).unwrap_or_default();
        for module in of {
            rules.entry(module.to_owned()).or_default().extend(paths.iter().cloned());
        }
    }
    Some(rules)
}

fn tools(table: &mut Table<'_, '_>) -> Option<Tools> {
    let requirements = table.required("requirements", requirements);
    Some(Tools { requirements: requirements? })
}

fn tasks(value: &Value<'_, '_>) -> Option<BTreeMap<String, TaskSettings>> {
    let mut tasks = BTreeMap::new();
    for (key, value) in value.entries()? {
        if TaskId::new(key.text).is_none() {
            key.wrong("is no task id", "a task id is lowercase words joined by dots: `test.backend`");
        }
        let settings = value.table(|table| {
            table.help_for_unknown("the dots of a task id stand in quotes: `[tasks.\"test.backend\"]`");
            Some(TaskSettings {
                timeout: table.optional("timeout", duration),
                retries: table.optional("retries", retries),
                cores: table.optional("cores", count),
                memory: table.optional("memory", size),
                env: table.optional("env", list(variables)).unwrap_or_default(),
                command: table.optional("command", each(text)).unwrap_or_default(),
                about: table.optional("about", text),
                after: table.optional("after", list(text)).unwrap_or_default(),
                reads: table.optional("reads", list(pattern)).unwrap_or_default(),
                ignores: table.optional("ignores", list(pattern)).unwrap_or_default(),
                makes: table.optional("makes", list(pattern)).unwrap_or_default(),
                tools: table.optional("tools", list(text)).unwrap_or_default(),
                uncached: table.optional("uncached", text),
                unsandboxed: table.optional("unsandboxed", text),
            })
        });
        tasks.extend(settings.map(|settings| (key.text.to_owned(), settings)));
    }
    Some(tasks)
}

fn environment(table: &mut Table<'_, '_>) -> EnvironmentSettings {
    EnvironmentSettings {
        pass: table.optional("pass", list(variables)).unwrap_or_default(),
        secrets: table.optional("secrets", list(variable)).unwrap_or_default(),
    }
}

fn budget(table: &mut Table<'_, '_>) -> Budget {
    Budget {
        cargo_lock_entries_max: table.optional("cargo-lock-entries-max", count),
        cargo_compiled_max: table.optional("cargo-compiled-max", count),
    }
}
