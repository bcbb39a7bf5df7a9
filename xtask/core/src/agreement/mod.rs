//! Do code, Dockerfile, manifests and `xtask.toml` agree on variables, ports and names?
//!
//! Each of them is right for itself, and nothing but a release would show that one reads what another does not give. What is
//! compared comes in as plain lists, each entry with its place: the code's are read by [`python`] and [`script`], the
//! manifests' by [`workload`].

pub mod python;
pub mod script;
#[cfg(test)]
mod tests;
pub mod workload;

use std::collections::BTreeSet;

use crate::finding::{Finding, Location};
use crate::suggest;
use workload::Workload;

/// The name under which the findings stand.
pub const TOOL: &str = "agreement";

/// A variable that code reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Read {
    /// Its name.
    pub name: String,
    /// Whether the code does not do without it.
    pub is_required: bool,
    /// What holds without it, where that is a number.
    pub default: Option<u64>,
    /// Where.
    pub location: Location,
}

/// A variable that is given to code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// Its value, where that is known.
    pub value: Option<String>,
    /// Where.
    pub location: Location,
}

/// A port that somebody names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Port {
    /// The port.
    pub number: u64,
    /// As what it is named: `EXPOSE`, `containerPort`.
    pub role: String,
    /// Where.
    pub location: Location,
}

/// All that is said of one component.
#[derive(Clone, Debug, Default)]
pub struct Component {
    /// Its name in `xtask.toml`.
    pub name: String,
    /// What its code reads.
    pub reads: Vec<Read>,
    /// What its Dockerfile gives.
    pub image: Vec<Given>,
    /// The ports that its Dockerfile exposes.
    pub exposed: Vec<Port>,
    /// The ports that `xtask.toml` says its image has.
    pub declared: Vec<Port>,
    /// The ports that `xtask.toml` names elsewhere: where it is tried, where its metrics are.
    pub used: Vec<Port>,
    /// The name of the image that is built from it, without registry, owner and tag.
    pub image_name: Option<String>,
    /// What runs it.
    pub workloads: Vec<Workload>,
}

/// Variables that interpreters, libraries and systems read, not the code.
const OF_RUNTIMES: &[&str] = &[
    "GODEBUG",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "NODE_ENV",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
];

/// How the names of such variables begin.
const PREFIXES_OF_RUNTIMES: &[&str] = &["OTEL_", "PYTHON"];

/// What does not agree, in the order of the places.
pub fn check(component: &Component) -> Vec<Finding> {
    let mut findings = Vec::new();
    variables(component, &mut findings);
    ports(component, &mut findings);
    names(component, &mut findings);
    findings.sort_by(|one, other| (&one.location, &one.message).cmp(&(&other.location, &other.message)));
    findings.dedup();
    findings
}

fn finding(rule: &str, location: &Location, message: String, help: impl Into<String>) -> Finding {
    Finding {
        rule: rule.to_owned(),
        location: Some(location.clone()),
        help: Some(help.into()),
        ..Finding::error(TOOL, message)
    }
}

fn variables(component: &Component, findings: &mut Vec<Finding>) {
    let read: BTreeSet<&str> = component.reads.iter().map(|read| read.name.as_str()).collect();
    for workload in &component.workloads {
        let unread = |given: &&Given| !read.contains(given.name.as_str()) && !is_of_runtime(&given.name);
        for given in workload.given.iter().filter(unread) {
            let message = format!(
                "{} gives `{}` to `{}`, whose code does not read it",
                workload.called, given.name, component.name
            );
            let help = match suggest::nearest(&given.name, read.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`? {}", place_of_read(component, nearest)),
                None => "take it away, or read it".to_owned(),
            };
            findings.push(finding("unread-variable", &given.location, message, help));
        }
        // What all of a ConfigMap gives is not known here; what runs something else of the image needs less.
        if workload.takes_all_of_something || !workload.is_main {
            continue;
        }
        for read in component.reads.iter().filter(|read| read.is_required) {
            let gives = |given: &Given| given.name == read.name;
            if workload.given.iter().any(gives) || component.image.iter().any(gives) {
                continue;
            }
            let message = format!(
                "`{}` is read here, without a default, and neither {} ({}) nor the Dockerfile gives it",
                read.name, workload.called, workload.location
            );
            let help = format!(
                "give it in the `env` of the container, or give it a default in the code of `{}`",
                component.name
            );
            findings.push(finding("undeclared-variable", &read.location, message, help));
        }
    }
}

fn place_of_read(component: &Component, name: &str) -> String {
    let read = component.reads.iter().find(|read| read.name == name);
    read.map(|read| format!("(read in {})", read.location)).unwrap_or_default()
}

fn is_of_runtime(name: &str) -> bool {
    OF_RUNTIMES.contains(&name) || PREFIXES_OF_RUNTIMES.iter().any(|prefix| name.starts_with(prefix))
}

/// All ports are held against those that `xtask.toml` declares of the image; where it declares none, against those of the
/// containers.
fn ports(component: &Component, findings: &mut Vec<Finding>) {
    let main = || component.workloads.iter().filter(|workload| workload.is_main);
    let of_containers = || main().flat_map(|workload| &workload.ports);
    let reference: Vec<&Port> = match component.declared.as_slice() {
        [] => of_containers().collect(),
        declared => declared.iter().collect(),
    };
    if reference.is_empty() {
        return;
    }
    let listening = listening(component);
    let routed = component.workloads.iter().flat_map(|workload| &workload.routed);
    let claims = component
        .exposed
        .iter()
        .chain(&component.used)
        .chain(of_containers())
        .chain(&listening)
        .chain(routed);
    for claim in claims {
        if !reference.iter().any(|port| port.number == claim.number) {
            findings.push(disagreement(claim, &reference));
        }
    }
    for (others, whose) in [
        (component.exposed.iter().collect::<Vec<_>>(), "the Dockerfile exposes"),
        (of_containers().collect(), "the containers have"),
    ] {
        for port in &reference {
            if !others.is_empty() && !others.iter().any(|other| other.number == port.number) {
                let theirs = others.iter().map(|other| format!("{} ({})", other.number, other.location));
                let message = format!(
                    "{} {} is named here, and {whose} {}",
                    port.role,
                    port.number,
                    theirs.collect::<Vec<_>>().join(", ")
                );
                findings.push(finding("port", &port.location, message, "let all of them name the same port"));
            }
        }
    }
    for workload in &component.workloads {
        findings.extend(workload.wrong_routes.iter().map(|(location, message)| {
            finding("port", location, message.clone(), "name a port that the containers have")
        }));
    }
}

fn disagreement(claim: &Port, reference: &[&Port]) -> Finding {
    let said: Vec<String> =
        reference.iter().map(|port| format!("{} in {}", port.number, port.location)).collect();
    let message = format!("{} {} is named here, and {}", claim.role, claim.number, said.join(", "));
    finding("port", &claim.location, message, "let all of them name the same port")
}

/// The ports that the code listens on, as far as variables say so: in a manifest, else in the Dockerfile, else by default.
fn listening(component: &Component) -> Vec<Port> {
    let is_port = |name: &str| name == "PORT" || name.ends_with("_PORT");
    let mut ports = Vec::new();
    for read in component.reads.iter().filter(|read| is_port(&read.name)) {
        let of = |given: &Given| {
            let number = given.value.as_deref()?.parse().ok()?;
            let role = format!("`{}`", given.name);
            (given.name == read.name).then(|| Port { number, role, location: given.location.clone() })
        };
        let given: Vec<Port> = component
            .workloads
            .iter()
            .filter(|workload| workload.is_main)
            .flat_map(|workload| workload.given.iter().filter_map(of))
            .collect();
        let in_image = || component.image.iter().rev().find_map(of);
        let by_default = || {
            let role = format!("by default, `{}`", read.name);
            read.default.map(|number| Port { number, role, location: read.location.clone() })
        };
        match given.as_slice() {
            [] => ports.extend(in_image().or_else(by_default)),
            _ => ports.extend(given),
        }
    }
    // Port 0 is any that is free.
    ports.retain(|port| port.number != 0);
    ports
}

fn names(component: &Component, findings: &mut Vec<Finding>) {
    let Some(name) = &component.image_name else { return };
    for workload in component.workloads.iter().filter(|workload| workload.is_main) {
        let Some(image) = &workload.image else { continue };
        if image.name != *name {
            let message = format!(
                "{} runs the image `{}`, and `cargo xtask image {}` makes `{name}`",
                workload.called, image.name, component.name
            );
            findings.push(finding("image-name", &image.location, message, "give both the same name"));
        }
    }
}
