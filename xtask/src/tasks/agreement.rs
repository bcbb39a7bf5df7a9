//! Do code, Dockerfile, manifests and `xtask.toml` agree on variables, ports and names?

use std::path::{Path, PathBuf};

use crate::config::release::ReleaseComponent;
use crate::config::{Component, ComponentKind, Config};
use crate::core::agreement::{self, Given, Port, Read, python, script, workload};
use crate::core::finding::Location;
use crate::core::gate::{Coverage, Look};
use crate::core::image::dockerfile::{Dockerfile, Instruction};
use crate::core::image::name;
use crate::core::release::manifest::Manifest;
use crate::core::rules::{self, TextFile};
use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Error, Result};
use crate::tasks::architecture;
use crate::tasks::gate;
use crate::tasks::release::prepare;
use crate::tasks::sources::files_below;

/// The components of which code, image and manifests can be compared.
pub fn components(config: &Config) -> impl Iterator<Item = (&Component, &ReleaseComponent)> {
    let released = config.release.iter().flat_map(|release| &release.components);
    released.filter_map(|released| {
        let component = config.component(&released.name.0)?;
        let reads = matches!(component.kind, ComponentKind::Python(_) | ComponentKind::Node(_));
        (reads && !config.environments.is_empty()).then_some((component, released))
    })
}

/// Compares what is said of each component in its code, in its Dockerfile, in the manifests of every environment and in
/// `xtask.toml`.
///
/// # Errors
///
/// Of kind [`Configuration`](crate::ErrorKind::Configuration) where manifests or a Dockerfile cannot be read,
/// [`Problems`](crate::ErrorKind::Problems) where something does not agree.
pub fn settings(cx: &Cx) -> Result<()> {
    let Some(release) = cx.config().release.as_ref() else { return Ok(()) };
    let mut stated: Vec<Vec<Manifest>> = Vec::new();
    for environment in &cx.config().environments {
        stated.push(prepare::rendered(cx, release, environment)?.1.manifests);
    }
    let mut findings = Vec::new();
    for (component, released) in components(cx.config()) {
        let mut sides = sides(cx, component, released)?;
        for manifests in &stated {
            sides.workloads = workload::workloads(&released.deployment.value, manifests);
            findings.extend(agreement::check(&sides));
        }
    }
    let mut said = Vec::new();
    findings.retain(|finding| {
        !said.contains(finding) && {
            said.push(finding.clone());
            true
        }
    });
    let count = components(cx.config()).count();
    gate::conclude(cx, vec![Look::at(agreement::TOOL, Coverage::new(count, "component")).found(findings)])
}

/// What is said of a component everywhere but in manifests.
fn sides(cx: &Cx, component: &Component, released: &ReleaseComponent) -> Result<agreement::Component> {
    let configuration = files::read(&cx.root().join(Config::FILE))?;
    let configured = TextFile { path: Path::new(Config::FILE), text: &configuration };
    let called = &component.name;
    let in_image = format!("components.{called}.image");
    let mut sides =
        agreement::Component { name: called.clone(), reads: reads(cx, component)?, ..Default::default() };
    let port = |number: u16, section: &str, key: &str| Port {
        number: number.into(),
        role: format!("`{key}` in `[{section}]`"),
        location: rules::key(configured, section, key),
    };
    sides.used.push(port(released.metrics.port, &format!("release.components.{called}"), "metrics"));
    let Some(image) = &component.image else { return Ok(sides) };
    sides.declared.extend(image.ports.iter().map(|number| port(*number, &in_image, "ports")));
    sides.used.extend(image.smoke.iter().map(|smoke| port(smoke.port, &format!("{in_image}.smoke"), "port")));
    sides.image_name = Some(name::image(&cx.config().name, &component.name));
    let path = component.path.join(&image.dockerfile);
    let dockerfile = Dockerfile::parse(&path, &files::read(&cx.root().join(&path))?).map_err(|problems| {
        Error::configuration(format!("`{}` cannot be read", path.display())).places(problems)
    })?;
    for instruction in dockerfile.own_instructions() {
        let location = |span| rules::location(&dockerfile.diagnostic(span, ""));
        let words = instruction.flags_and_words().1;
        match instruction.keyword.as_str() {
            "EXPOSE" => sides.exposed.extend(words.iter().filter_map(|(word, span)| {
                let number = word.split('/').next()?.parse().ok()?;
                Some(Port { number, role: "`EXPOSE`".to_owned(), location: location(span.clone()) })
            })),
            "ENV" => sides.image.extend(given(instruction, &location)),
            _ => {}
        }
    }
    Ok(sides)
}

/// What `ENV` gives: `NAME=value …`, or `NAME value` in its old form.
fn given(instruction: &Instruction, location: &dyn Fn(std::ops::Range<usize>) -> Location) -> Vec<Given> {
    let words = instruction.flags_and_words().1;
    let old = words.first().filter(|(first, _)| !first.contains('='));
    if let Some((name, span)) = old {
        let value = words.get(1).map(|(value, _)| value.clone());
        return vec![Given { name: name.clone(), value, location: location(span.clone()) }];
    }
    let pairs = words.iter().filter_map(|(word, span)| {
        let (name, value) = word.split_once('=')?;
        let value = value.trim_matches(['"', '\'']).to_owned();
        Some(Given { name: name.to_owned(), value: Some(value), location: location(span.clone()) })
    });
    pairs.collect()
}

/// The variables that the code of a component reads, tests aside.
fn reads(cx: &Cx, component: &Component) -> Result<Vec<Read>> {
    type Reader = fn(TextFile<'_>) -> Vec<Read>;
    let (texts, read): (Vec<(PathBuf, String)>, Reader) = match &component.kind {
        ComponentKind::Python(package) => {
            let is_python = |path: &Path| path.extension().is_some_and(|extension| extension == "py");
            let folder = component.path.join(package.package.replace('.', "/"));
            (files_below(cx, &folder, &is_python)?, python::reads)
        }
        ComponentKind::Node(_) => (architecture::scripts(cx, component)?, script::reads),
        ComponentKind::Rust(_) => return Ok(Vec::new()),
    };
    Ok(texts.iter().flat_map(|(path, text)| read(TextFile { path, text })).collect())
}
