//! `[release]` and `[environments.NAME]`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::decode::{Key, Table, Value};
use crate::config::release::{
    EksConfig, EnvironmentConfig, FreezeConfig, NotificationsConfig, Placed, Release, ReleaseComponent,
    ValueFrom, Variable,
};
use crate::config::values::{
    count, duration, each, flag, list, matching, object_name, parsed, path, placed, rate, text, uid,
    url_path, variable, weight, word,
};
use crate::core::aws::cluster;
use crate::core::http::Url;
use crate::core::release::analysis::Objective;
use crate::core::release::freeze::Window;
use crate::core::release::metrics::Selector;
use crate::core::release::model::ComponentName;
use crate::core::release::plan::{Migration, Scrape, Smoke, Step, Strategy};
use crate::core::release::weights::Weight;

/// How long a release is watched after its promotion, where nothing else is said.
const BAKE: Duration = Duration::from_mins(15);

/// How long a gate or a pause waits for somebody, where nothing else is said.
const PAUSE_MAX: Duration = Duration::from_hours(1);

/// The share of requests that may fail, where nothing else is said.
const ERROR_RATE_MAX: f64 = 0.01;

/// `[release]`.
pub(super) fn release(value: &Value<'_, '_>) -> Option<Release> {
    value.table(|table| {
        let mut names: Vec<String> = Vec::new();
        let components = table.required("components", |value| {
            let entries = value.entries()?;
            names.extend(entries.iter().map(|(key, _)| key.text.to_owned()));
            Some(entries.iter().map(|(key, value)| component(key, value)).collect::<Vec<_>>())
        });
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let order = table.required("order", |value| order(value, &known));
        let bake = table.optional("bake", duration).unwrap_or(BAKE);
        let pause_max = table.optional("pause-max", duration).unwrap_or(PAUSE_MAX);
        let start = value.key_place();
        let migration = table
            .optional("migration", placed(word(&MIGRATIONS)))
            .unwrap_or(Placed { value: Migration::None, place: start });
        let mut components: Vec<ReleaseComponent> = components?.into_iter().collect::<Option<_>>()?;
        let order = order?;
        components.sort_by_key(|component| order.iter().position(|name| **name == *component.name.0));
        Some(Release { components, bake, pause_max, migration })
    })
}

const MIGRATIONS: [(&str, Migration); 3] =
    [("none", Migration::None), ("expand", Migration::Expand), ("contract", Migration::Contract)];

/// The names of all components, each once.
fn order(value: &Value<'_, '_>, known: &[&str]) -> Option<Vec<String>> {
    let name = |value: &Value<'_, '_>| {
        let name = text(value)?;
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        value.unknown("must be a component of the release", &name, known)
    };
    let order = list(name)(value)?;
    if order.len() < value.list()?.len() {
        return None;
    }
    let left_out: Vec<&str> =
        known.iter().copied().filter(|name| !order.iter().any(|other| other == name)).collect();
    if left_out.is_empty() {
        return Some(order);
    }
    let label = format!("`{}` is left out", left_out.join("`, `"));
    value.wrong("must name every component of the release", label)
}

fn component(key: &Key<'_>, value: &Value<'_, '_>) -> Option<ReleaseComponent> {
    if !is_word(key.text) {
        key.wrong("is no name for a component", "use lowercase letters, digits and `-`: it becomes a label");
    }
    value.table(|table| {
        let deployment = table.required("deployment", placed(object_name));
        let strategy = table.required("strategy", placed(word(&WAYS)));
        let canary = strategy.as_ref().is_none_or(|way| matches!(way.value, Way::Canary));
        let mut places = Vec::new();
        let mut steps = None;
        let mut weight_max = None;
        if canary {
            steps = table.optional("steps", |value| {
                let steps = each(|value| Some((step(value)?, value.place())))(value)?;
                places.extend(steps.iter().map(|(_, place)| place.clone()));
                if value.list()?.is_empty() {
                    return value.wrong("must have a step", "");
                }
                Some(steps.into_iter().map(|(step, _)| step).collect())
            });
            weight_max = table.optional("weight-max", weight);
        }
        let smoke = table.optional("smoke", each(smoke)).unwrap_or_default();
        let metrics = table.required("metrics", |value| value.table(scrape));
        let objectives = table.required("objectives", |value| value.table(objectives));
        let strategy = strategy?;
        let place = strategy.place;
        let strategy = match strategy.value {
            Way::Canary => {
                let weights = [Weight::TENTH, Weight::HALF];
                let steps =
                    steps.unwrap_or_else(|| weights.map(|weight| Step { weight, gate: false }).to_vec());
                places.resize(steps.len(), place.clone());
                Strategy::Canary { steps, weight_max: weight_max.unwrap_or(Weight::HALF) }
            }
            Way::Flip => Strategy::Flip,
            Way::Rolling => Strategy::Rolling,
        };
        Some(ReleaseComponent {
            name: ComponentName(key.text.into()),
            place: value.key_place(),
            deployment: deployment?,
            strategy: Placed { value: strategy, place },
            steps: places,
            smoke,
            metrics: metrics?,
            objectives: objectives?,
        })
    })
}

/// Whether a name can stand in labels and in the names of objects: letters, digits and `-`, a letter first.
fn is_word(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    starts && name.chars().all(inner) && !name.ends_with('-') && name.len() <= 40
}

/// The names of the strategies.
#[derive(Clone, Copy)]
enum Way {
    Canary,
    Flip,
    Rolling,
}

const WAYS: [(&str, Way); 3] = [("canary", Way::Canary), ("flip", Way::Flip), ("rolling", Way::Rolling)];

fn step(value: &Value<'_, '_>) -> Option<Step> {
    if !value.is_table() {
        return Some(Step { weight: weight(value)?, gate: false });
    }
    value.table(|table| {
        let weight = table.required("weight", weight);
        let gate = table.optional("gate", flag).unwrap_or(false);
        Some(Step { weight: weight?, gate })
    })
}

fn smoke(value: &Value<'_, '_>) -> Option<Smoke> {
    value.table(|table| {
        let path = table.required("path", url_path);
        let status = table.optional("status", |value| match count::<u16>(value)? {
            status @ 100..=599 => Some(status),
            _ => value.wrong("must be a status of HTTP", "expected 100 to 599"),
        });
        let mut has_field = false;
        let field = table.optional("field", |value| {
            has_field = true;
            text(value)
        });
        // Without a field to be the value of, it is an unknown key.
        let value = if has_field { table.optional("value", text) } else { None };
        Some(Smoke { path: path?, status: status.unwrap_or(200), field, value })
    })
}

fn scrape(table: &mut Table<'_, '_>) -> Option<Scrape> {
    let port = table.required("port", count);
    let path = table.optional("path", url_path).unwrap_or_else(|| "/metrics".to_owned());
    Some(Scrape { port: port?, path })
}

fn selector(value: &Value<'_, '_>) -> Option<Selector> {
    parsed("a series such as 'http_requests_total{status=~\"5xx\"}'", |text: &str| {
        text.parse().map_err(|error: crate::core::release::metrics::SelectorError| error.reason.to_owned())
    })(value)
}

fn objectives(table: &mut Table<'_, '_>) -> Option<Vec<Objective>> {
    let errors = table.required("errors", |value| {
        value.table(|table| {
            let (bad, total) = (table.required("bad", selector), table.required("total", selector));
            let rate_max = table.optional("rate-max", rate).unwrap_or(ERROR_RATE_MAX);
            Some(Objective::errors(bad?, total?, rate_max))
        })
    });
    let latency = table.optional("latency", |value| {
        value.table(|table| {
            let histogram = table.required("histogram", selector);
            let bound = table.required("bound", duration);
            let rate_max = table.required("rate-max", rate);
            Some(Objective::latency(histogram?, bound?, rate_max?))
        })
    });
    let counters = table.optional("counters", |value| {
        let counters = value.entries()?.into_iter().map(|(key, value)| {
            value.table(|table| {
                let (bad, total) = (table.required("bad", selector), table.required("total", selector));
                let rate_max = table.required("rate-max", rate);
                Some(Objective::counter(key.text, bad?, total?, rate_max?))
            })
        });
        Some(counters.flatten().collect::<Vec<_>>())
    });
    Some(std::iter::once(errors?).chain(latency).chain(counters.into_iter().flatten()).collect())
}

/// `[environments]`.
pub(super) fn environments(value: &Value<'_, '_>) -> Option<Vec<EnvironmentConfig>> {
    let mut environments = Vec::new();
    for (key, value) in value.entries()? {
        if !is_word(key.text) {
            key.wrong("is no name for an environment", "use lowercase letters, digits and `-`");
        }
        environments.extend(value.table(|table| environment(key.text, &value, table)));
    }
    Some(environments)
}

fn environment(name: &str, value: &Value<'_, '_>, table: &mut Table<'_, '_>) -> Option<EnvironmentConfig> {
    let manifests = table.required("manifests", |value| {
        if value.list()?.is_empty() {
            return value.wrong("must name a file", "");
        }
        each(placed(path))(value)
    });
    let overlays = table.optional("overlays", each(placed(path))).unwrap_or_default();
    let namespace = table.required("namespace", placed(object_name));
    let mut has_eks = false;
    let eks = table.optional("eks", |value| {
        has_eks = true;
        value.table(eks)
    });
    let context = if has_eks {
        table.optional("context", placed(text)).or_else(|| {
            let place = namespace.as_ref()?.place.clone();
            Some(Placed { value: eks.as_ref()?.cluster().arn(), place })
        })
    } else {
        table.required("context", placed(text))
    };
    let cluster = table.optional("cluster", placed(uid));
    let kubernetes = table.optional("kubernetes", minor_version);
    let registry = table.optional("registry", placed(text));
    let owner = table.optional("owner", placed(text));
    let variables = table.optional("variables", variables).unwrap_or_default();
    let freeze = table.optional("freeze", |value| value.table(freeze));
    let notifications =
        table.optional("notifications", |value| value.table(|table| Some(notifications(table))));
    Some(EnvironmentConfig {
        name: name.to_owned(),
        place: value.key_place(),
        manifests: manifests?,
        overlays,
        namespace: namespace?.value,
        context: context?,
        eks,
        cluster,
        kubernetes,
        registry,
        owner,
        variables,
        freeze,
        notifications,
    })
}

fn eks(table: &mut Table<'_, '_>) -> Option<EksConfig> {
    let cluster =
        table.required("cluster", placed(matching(cluster::is_cluster, "the name of a cluster of EKS")));
    let region = table.required("region", matching(cluster::is_region, "a region such as \"eu-central-1\""));
    let account = table
        .required("account", placed(matching(cluster::is_account, "an account: twelve digits in quotes")));
    let role = table.optional(
        "role",
        matching(cluster::is_role, "the ARN of a role such as \"arn:aws:iam::123456789012:role/deployer\""),
    );
    Some(EksConfig { cluster: cluster?, region: region?, account: account?, role })
}

/// A version of Kubernetes as far as it counts for what objects look like: `1.34`.
fn minor_version(value: &Value<'_, '_>) -> Option<String> {
    let version = value.text("a version such as \"1.34\"")?;
    let is_number =
        |part: &str| !part.is_empty() && part.len() < 4 && part.chars().all(|c| c.is_ascii_digit());
    match version.split_once('.') {
        Some((major, minor)) if is_number(major) && is_number(minor) => Some(version.to_owned()),
        _ => value.wrong("must be a version such as \"1.34\"", "two numbers and a dot"),
    }
}

/// The variables that keys of their own fill, and which.
const OWN: [(&str, &str); 2] = [("REGISTRY", "registry"), ("REPOSITORY_OWNER", "owner")];

fn variables(value: &Value<'_, '_>) -> Option<Vec<Variable>> {
    let mut variables = Vec::new();
    for (key, value) in value.entries()? {
        let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !key.text.chars().all(letter) || !key.text.starts_with(|c: char| !c.is_ascii_digit()) {
            key.wrong("is no name for a variable", "use capital letters, digits and `_`");
        }
        if let Some((_, own)) = OWN.iter().find(|(variable, _)| *variable == key.text) {
            key.wrong("has a key of its own", &format!("write `{own} = …` in the environment"));
        }
        let from = if value.is_table() {
            value.table(|table| {
                let env = table.required("env", variable);
                let default = table.optional("default", text);
                Some(ValueFrom::Environment { env: env?, default })
            })
        } else {
            text(&value).map(ValueFrom::Text)
        };
        let name = key.text.to_owned();
        variables.extend(from.map(|from| Variable { name, place: value.key_place(), from }));
    }
    Some(variables)
}

fn notifications(table: &mut Table<'_, '_>) -> NotificationsConfig {
    let webhook = |value: &Value<'_, '_>| {
        if !value.is_table() {
            return value.wrong(
                "must be `{ env = \"NAME\" }`",
                "the address is a secret, and no file is a place for it",
            );
        }
        value.table(|table| table.required("env", variable))
    };
    let repository = |value: &Value<'_, '_>| {
        let name = text(value)?;
        let plain = |part: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.chars().all(inner)
        };
        match name.split_once('/') {
            Some((owner, rest)) if plain(owner) && plain(rest) => Some(name),
            _ => value.wrong("must be a repository such as \"owner/name\"", ""),
        }
    };
    let url = |value: &Value<'_, '_>| {
        let address = text(value)?;
        match address.parse::<Url>() {
            Ok(_) => Some(address),
            Err(_) => value.wrong("must be an address such as \"https://example.com/\"", ""),
        }
    };
    NotificationsConfig {
        webhook: table.optional("webhook", webhook),
        github_deployments: table.optional("github-deployments", flag).unwrap_or(false),
        repository: table.optional("repository", repository),
        environment_url: table.optional("environment-url", url),
    }
}

fn freeze(table: &mut Table<'_, '_>) -> Option<FreezeConfig> {
    let zone = |value: &Value<'_, '_>| {
        let name = text(value)?;
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/');
        if name.starts_with('/') || !name.chars().all(word) {
            return value.wrong("must be a time zone such as \"Europe/Berlin\"", "");
        }
        Some(name)
    };
    let zone = table.optional("zone", placed(zone));
    let windows = table.required("windows", |value| {
        let mut seen = BTreeSet::new();
        each(|value| {
            let window: Window = parsed("a window", str::parse)(value)?;
            let words = text(value)?;
            if seen.insert(words.clone()) {
                Some((words, window))
            } else {
                value.wrong("is in the list already", "")
            }
        })(value)
    });
    Some(FreezeConfig { zone, windows: windows? })
}
