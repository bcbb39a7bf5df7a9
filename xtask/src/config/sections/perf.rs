//! `[perf]`.

use std::time::Duration;

use super::image::texts;
use crate::config::Component;
use crate::config::decode::{Table, Value};
use crate::config::perf::{PerfScenario, PerfServer, PerfSettings, Thresholds};
use crate::config::values::{count, duration, each, flag, matching, path, rate, text, url_path, variable};

const PAIRS_MIN: usize = 3;

/// `[perf]`.
pub(super) fn perf(table: &mut Table<'_, '_>, components: &[Component]) -> Option<PerfSettings> {
    let script = table.required("script", path);
    let margin = table.optional("margin", rate).unwrap_or(0.1);
    let pairs_min = table.optional("pairs-min", pairs).unwrap_or(PAIRS_MIN);
    let budget = table.optional("budget", duration).unwrap_or(Duration::from_mins(10));
    let thresholds = table.optional("thresholds", thresholds).unwrap_or_default();
    let servers = table.required("servers", |value| servers(value, components));
    let scenarios = table.required("scenarios", |value| scenarios(value, &thresholds));
    Some(PerfSettings {
        script: script?,
        margin,
        pairs_min,
        budget,
        servers: servers?,
        scenarios: scenarios?,
    })
}

/// Of fewer pairs, no interval says anything.
fn pairs(value: &Value<'_, '_>) -> Option<usize> {
    match count::<usize>(value)? {
        few if few < PAIRS_MIN => value.wrong("must be a whole number of at least 3", "too few to judge by"),
        pairs => Some(pairs),
    }
}

fn servers(value: &Value<'_, '_>, components: &[Component]) -> Option<Vec<PerfServer>> {
    let known: Vec<&str> = components.iter().map(|component| component.name.as_str()).collect();
    let mut servers: Vec<PerfServer> = Vec::new();
    let entries = value.entries()?;
    if entries.is_empty() {
        return value.wrong("must name at least one server", "");
    }
    for (key, value) in entries {
        if !known.contains(&key.text) {
            key.unknown("must be a component", &known);
        }
        let before: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
        servers.extend(value.table(|table| server(table, key.text, &before)));
    }
    Some(servers)
}

fn server(table: &mut Table<'_, '_>, name: &str, before: &[String]) -> Option<PerfServer> {
    let build = table.optional("build", each(words)).unwrap_or_default();
    let prepare = table.optional("prepare", each(words)).unwrap_or_default();
    let command = table.required("command", words);
    let port_variable = table.required("port-variable", variable);
    let url_variable = table.required("url-variable", variable);
    let ready = table.optional("ready", url_path).unwrap_or_else(|| "/ready".to_owned());
    let environment = table.optional("environment", |value| {
        let texts = texts(value)?;
        for (name, text) in &texts {
            if let Some(unknown) = unknown_place(text, before) {
                let label = format!("`{name}` has `{{{unknown}}}`");
                value.wrong::<()>("may hold `{folder}`, and servers that stand above it", label);
            }
        }
        Some(texts)
    });
    let timeout = table.optional("timeout", duration).unwrap_or(Duration::from_mins(1));
    Some(PerfServer {
        name: name.to_owned(),
        build,
        prepare,
        command: command?,
        port_variable: port_variable?,
        url_variable: url_variable?,
        ready,
        environment: environment.unwrap_or_default(),
        timeout,
    })
}

/// The first word in braces that stands for nothing.
fn unknown_place<'t>(text: &'t str, servers: &[String]) -> Option<&'t str> {
    let mut inside = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    inside.find(|word| *word != "folder" && !servers.iter().any(|server| server == word))
}

/// The words of a command.
pub(super) fn words(value: &Value<'_, '_>) -> Option<Vec<String>> {
    if value.list()?.is_empty() {
        return value.wrong("must be the words of a command", "empty");
    }
    each(text)(value)
}

fn scenarios(value: &Value<'_, '_>, common: &Thresholds) -> Option<Vec<PerfScenario>> {
    let entries = value.entries()?;
    if entries.is_empty() {
        return value.wrong("must name at least one scenario", "");
    }
    let scenario = |(key, value): (crate::config::decode::Key<'_>, Value<'_, '_>)| {
        value.table(|table| {
            let duration = table.required("duration", duration);
            let rate = table.required("rate", count::<u32>);
            let rate_max = table.optional("rate-max", count::<u32>);
            let in_turn = table.optional("in-turn", flag).unwrap_or(false);
            let own = table.optional("thresholds", thresholds).unwrap_or_default();
            let mut thresholds = common.clone();
            thresholds.extend(own);
            Some(PerfScenario {
                name: key.text.to_owned(),
                duration: duration?,
                rate: rate?,
                rate_max,
                in_turn,
                thresholds,
            })
        })
    };
    Some(entries.into_iter().filter_map(scenario).collect())
}

fn thresholds(value: &Value<'_, '_>) -> Option<Thresholds> {
    const EXPECTED: &str = "a threshold of k6 such as \"p(95)<300\"";
    let mut thresholds = Thresholds::new();
    for (metric, value) in value.entries()? {
        let expressions = each(matching(is_threshold, EXPECTED))(&value);
        thresholds.extend(expressions.map(|expressions| (metric.text.to_owned(), expressions)));
    }
    Some(thresholds)
}

/// Whether k6 can read an expression: an aggregate, a comparison, a number.
fn is_threshold(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| *c != ' ').collect();
    let Some(at) = plain.find(['<', '>', '=', '!']) else { return false };
    let (aggregate, rest) = plain.split_at(at);
    let number = rest.trim_start_matches(['<', '>', '=', '!']);
    let comparison = &rest[..rest.len() - number.len()];
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0);
    let percentile = aggregate.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
    let is_aggregate = match percentile {
        Some(percent) => percent.parse::<f64>().is_ok_and(|percent| (0.0..=100.0).contains(&percent)),
        None => ["avg", "count", "max", "med", "min", "rate", "value"].contains(&aggregate),
    };
    is_aggregate && ["<", "<=", ">", ">=", "==", "===", "!="].contains(&comparison) && is_number(number)
}

#[cfg(test)]
mod tests {
    use super::is_threshold;

    #[test]
    fn thresholds_are_those_that_k6_reads() {
        for good in ["p(95)<300", "p(99.9) <= 1.5", "rate>0.99", "count==0", "med < 3", "value!=1"] {
            assert!(is_threshold(good), "{good}");
        }
        for bad in ["", "p95<300", "p(101)<1", "p(95)", "<300", "rate>x", "rate=>1", "avg<-1", "p(95)<300;"] {
            assert!(!is_threshold(bad), "{bad}");
        }
    }
}
