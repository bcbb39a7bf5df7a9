//! Questions about dependencies: who needs whom, why a package is there, what is out of date. Nothing is checked or changed.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::sources::with_imports;
use super::super::{gate, packages, tool};
use super::usage::{Modules, sources, target_of_script};
use crate::config::{self, Component, ComponentKind};
use crate::core::command::Command;
use crate::core::gate::{Answer, Coverage, Look};
use crate::core::inventory::graph::Graph;
use crate::core::inventory::outdated::{self, Outdated};
use crate::core::inventory::{Inventory, Package};
use crate::core::rules::DEPENDENCIES;
use crate::core::rules::imports;
use crate::core::rules::usage::{Target, different_versions};
use crate::core::{suggest, table, text};
use crate::cx::{Cx, Output};
use crate::driver::process::Exit;
use crate::error::{Error, Result};
use crate::event::Body;

/// How a graph is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As text, and as data for who wants JSON.
    Text,
    /// For Graphviz.
    Dot,
    /// As a picture.
    Svg,
}

/// What the graph is to show.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// The components; all where none is named.
    pub components: Vec<String>,
    /// The modules of one component instead of its packages.
    pub modules: bool,
    /// What is there for development, too.
    pub development: bool,
    /// How it is shown.
    pub form: Form,
}

/// Shows who needs whom: components and their packages, or the modules of a component.
///
/// # Errors
///
/// [`Usage`](crate::ErrorKind::Usage) for a component that is not there, or modules of several; where a lock file cannot be read, why.
pub fn graph(cx: &Cx, options: &GraphOptions) -> Result<()> {
    let components = chosen(cx, &options.components)?;
    let graph = if options.modules {
        let [component] = components.as_slice() else {
            return Err(Error::usage("`--modules` shows the modules of one component")
                .hint("name it: `cargo xtask dependencies graph backend --modules`"));
        };
        modules(cx, component)?
    } else {
        let inventories = inventories(cx, &components)?;
        Graph::of_packages(&inventories, options.development)
    };
    let text = match options.form {
        Form::Text => graph.text(),
        Form::Dot => graph.drawing().dot(),
        Form::Svg => graph.drawing().svg(),
    };
    cx.emit(Body::Answer { text, data: as_json(&graph)? });
    Ok(())
}

/// A picture of the modules of a component, by who imports whom: an SVG document.
///
/// # Errors
///
/// Where its sources cannot be read.
pub fn picture(cx: &Cx, component: &Component) -> Result<String> {
    Ok(modules(cx, component)?.drawing().svg())
}

/// Says why a package is there: the chains from what components ask for themselves.
///
/// # Errors
///
/// [`Usage`](crate::ErrorKind::Usage) where no component has such a package; where a lock file cannot be read, why.
pub fn why(cx: &Cx, package: &str) -> Result<()> {
    let inventories: Vec<Inventory> =
        packages::of_all(cx)?.into_iter().map(|found| found.inventory).collect();
    let (mut lines, mut data) = (Vec::new(), Vec::new());
    for inventory in &inventories {
        for wanted in inventory.named(package) {
            let name = |&position: &usize| inventory.packages[position].identity.to_string();
            lines.push(format!(
                "{} of {}, {}",
                name(&wanted),
                inventory.component,
                inventory.packages[wanted].declared
            ));
            let chains = inventory.chains(wanted);
            for chain in &chains {
                let words: Vec<String> = chain.iter().map(name).collect();
                let scope = match inventory.packages[chain[0]].scope {
                    crate::core::inventory::Scope::Production => "",
                    crate::core::inventory::Scope::Development => "  (for development)",
                };
                lines.push(format!("  {} → {}{scope}", inventory.component, words.join(" → ")));
            }
            if chains.is_empty() {
                lines.push("  nothing that the component asks for needs it".to_owned());
            }
            let chains: Vec<Vec<String>> = chains
                .iter()
                .map(|chain| chain.iter().map(|&one| inventory.packages[one].purl()).collect())
                .collect();
            data.push(serde_json::json!({
                "component": inventory.component,
                "package": inventory.packages[wanted].purl(),
                "declared": inventory.packages[wanted].declared,
                "chains": chains,
            }));
        }
    }
    if data.is_empty() {
        let names: BTreeSet<&str> = inventories
            .iter()
            .flat_map(|inventory| inventory.packages.iter().map(|one| one.identity.name.as_str()))
            .collect();
        let error = Error::usage(format!("no component depends on `{package}`"));
        return Err(match suggest::nearest(package, names) {
            Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
            None => error.hint("`cargo xtask dependencies graph --development` names them all"),
        });
    }
    cx.emit(Body::Answer { text: lines.join("\n") + "\n", data: data.into() });
    Ok(())
}

/// Names the packages that have newer versions, with the kind of step.
///
/// # Errors
///
/// [`Usage`](crate::ErrorKind::Usage) for a component that is not there. That a registry could not be asked is a warning.
pub fn outdated(cx: &Cx, names: &[String]) -> Result<()> {
    let mut rows = vec![["component", "package", "locked", "newest", "step"].map(str::to_owned)];
    let (mut looks, mut data) = (Vec::new(), Vec::new());
    let mut seen_workspace = false;
    for component in chosen(cx, names)? {
        // All Rust components have one lock file.
        if matches!(component.kind, ComponentKind::Rust(_)) && std::mem::replace(&mut seen_workspace, true) {
            continue;
        }
        let (tool, count, found) = ask(cx, component)?;
        match found {
            Ok(mut found) => {
                found.sort_by(|a, b| b.step.cmp(&a.step).then_with(|| a.name.cmp(&b.name)));
                looks.push(Look::at(tool, Coverage::new(count, "package")));
                for Outdated { name, current, latest, step } in &found {
                    rows.push([&component.name, name, current, latest, &step.to_string()].map(String::clone));
                }
                data.push(serde_json::json!({ "component": component.name, "outdated": found }));
            }
            Err(why) => looks.push(
                Look::blind(
                    tool,
                    "package",
                    format!("the newest versions of {} are not known: {why}", component.name),
                )
                .hint("look whether the registry can be reached"),
            ),
        }
    }
    let text = if rows.len() > 1 {
        table::aligned(&rows)
    } else {
        let seen = looks.iter().filter(|look| look.gaps.is_empty()).count();
        match seen {
            0 => "nothing is known of newer versions\n".to_owned(),
            seen => format!("nothing is out of date in {}\n", text::count(seen, "component")),
        }
    };
    for gap in looks.iter().flat_map(|look| &look.gaps) {
        cx.warn(gap.why.clone(), gap.hint.clone().unwrap_or_default());
    }
    cx.emit(Body::Answer { text, data: data.into() });
    Ok(())
}

type Found = Result<Vec<Outdated>, String>;

/// Asks the package manager of a component.
fn ask(cx: &Cx, component: &Component) -> Result<(&'static str, usize, Found)> {
    let count = packages::of(cx, component)?.inventory.packages.len();
    Ok(match &component.kind {
        ComponentKind::Python(_) => {
            let Some(uv) = tool::of_repository(cx, "uv") else {
                return Ok(("uv", 0, Err("`uv` is not there: `cargo xtask setup` installs it".to_owned())));
            };
            // Told to be offline, uv says that everything is new.
            let command = Command::new(uv)
                .args(["pip", "list", "--outdated", "--format", "json", "--python", ".venv"])
                .env_remove("UV_OFFLINE")
                .cwd(&component.path);
            ("uv", count, read(cx, command, outdated::uv)?)
        }
        ComponentKind::Node(_) => {
            let command = Command::new("npm").args(["outdated", "--json"]).cwd(&component.path);
            ("npm", count, read(cx, command, outdated::npm)?)
        }
        ComponentKind::Rust(_) => {
            let command =
                Command::new("cargo").args(["update", "--dry-run", "--verbose", "--color", "never"]);
            ("cargo", count, read(cx, command.cwd(&component.path), outdated::cargo)?)
        }
    })
}

fn read(cx: &Cx, command: Command, parse: impl Fn(&Answer<'_>) -> Found) -> Result<Found> {
    let Output { exit, stdout, stderr } = cx.output(command)?;
    let code = match exit {
        Exit::Code(code) => Some(code),
        _ => None,
    };
    let ended = exit.to_string();
    Ok(parse(&Answer { code, ended: &ended, stdout: &stdout, stderr: &stderr, report: None }))
}

/// The components of these names; all where none is named.
fn chosen<'c>(cx: &'c Cx, names: &[String]) -> Result<Vec<&'c Component>> {
    let config = cx.config();
    if names.is_empty() {
        return Ok(config.components.iter().collect());
    }
    let one = |name: &String| {
        config.component(name).ok_or_else(|| {
            let error = Error::usage(format!("there is no component `{name}`"));
            let known = config.components.iter().map(|component| component.name.as_str());
            match suggest::nearest(name, known) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error,
            }
        })
    };
    names.iter().map(one).collect()
}

fn inventories(cx: &Cx, components: &[&Component]) -> Result<Vec<Inventory>> {
    components.iter().map(|component| Ok(packages::of(cx, component)?.inventory)).collect()
}

/// The modules of a component: of a Rust crate those at its top, elsewhere its files.
fn modules(cx: &Cx, component: &Component) -> Result<Graph> {
    let (mut names, mut edges) = (BTreeSet::new(), BTreeSet::new());
    match &component.kind {
        ComponentKind::Rust(rust) => (names, edges) = rust_modules(cx, component, rust)?,
        ComponentKind::Python(_) | ComponentKind::Node(_) => {
            let is_python = matches!(component.kind, ComponentKind::Python(_));
            let sources = sources(cx, component, is_python)?;
            let sources: Vec<_> = sources.into_iter().filter(|source| !source.is_development).collect();
            let modules = Modules::of(component, &sources);
            let paths: BTreeSet<&Path> = sources.iter().map(|source| source.path.as_path()).collect();
            let name = |path: &Path| match modules.name(path) {
                Some(name) => name.to_owned(),
                None => path.strip_prefix(&component.path).unwrap_or(path).display().to_string(),
            };
            for source in &sources {
                names.insert(name(&source.path));
                for import in &source.imports {
                    let target = if is_python {
                        modules.target(source, &import.name)
                    } else {
                        Some(target_of_script(&paths, source, import))
                    };
                    if let Some(Target::File(path)) =
                        target.filter(|target| *target != Target::File(source.path.clone()))
                    {
                        edges.insert((name(&source.path), name(&path)));
                    }
                }
            }
        }
    }
    Ok(Graph::of_modules(&component.name, &names, &edges))
}

/// The names of modules, and who imports whom.
type ModulesAndImports = (BTreeSet<String>, BTreeSet<(String, String)>);

fn rust_modules(cx: &Cx, component: &Component, rust: &config::Rust) -> Result<ModulesAndImports> {
    with_imports(cx, component, rust, imports::modules)
}

fn as_json(value: &impl serde::Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::bug("the answer could not be written as JSON").source(error))
}

/// Finds packages that components have in different versions.
///
/// # Errors
///
/// Where a lock file cannot be read, why.
pub fn versions(cx: &Cx) -> Result<()> {
    let mut versions = Vec::new();
    for found in packages::of_all(cx)? {
        let Inventory { component, packages, .. } = found.inventory;
        let there = packages.iter().filter(|package| !package.is_elsewhere && package.is_direct);
        versions.extend(there.map(|package: &Package| {
            let version = package.identity.version.clone();
            (package.key(), component.clone(), version, package.declared.clone())
        }));
    }
    let look = Look::at(DEPENDENCIES, Coverage::new(versions.len(), "package"));
    gate::conclude(cx, vec![look.found(different_versions(&versions))])
}
