//! What manifests say of what runs a component.

use serde_json::Value;

use super::{Given, Port};
use crate::finding::Location;
use crate::registry::Reference;
use crate::release::images;
use crate::release::labels::{self, Labels, Selector};
use crate::release::manifest::Manifest;
use crate::rules;

/// Something that makes pods with a container of the component.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// ``Deployment `web` ``
    pub called: String,
    /// Where it is named.
    pub location: Location,
    /// Whether it is what serves; a migration runs something else of the same image.
    pub is_main: bool,
    /// The image of the container.
    pub image: Option<Image>,
    /// The variables that the container is given one by one.
    pub given: Vec<Given>,
    /// Whether it is given all of a ConfigMap or of a Secret, whose keys are not known here.
    pub takes_all_of_something: bool,
    /// The ports of the container.
    pub ports: Vec<Port>,
    /// The ports of it that Services and policies name by their numbers.
    pub routed: Vec<Port>,
    /// Names of ports that no container has, with what is wrong.
    pub wrong_routes: Vec<(Location, String)>,
}

/// The image of a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
    /// Its name, without registry, owner and tag.
    pub name: String,
    /// Where it is stated.
    pub location: Location,
}

/// The workloads of a component: the Deployment of that name, and what else runs the image of its first container.
pub fn workloads(deployment: &str, manifests: &[Manifest]) -> Vec<Workload> {
    let is_main = |manifest: &Manifest| manifest.kind() == "Deployment" && manifest.name() == deployment;
    let Some(main) = manifests.iter().find(|manifest| is_main(manifest)) else { return Vec::new() };
    let Some(own) = containers(main).into_iter().next().and_then(|(_, container)| repository(container))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for manifest in manifests {
        for (pointer, container) in containers(manifest) {
            let runs_it = repository(container).is_some_and(|image| image == own);
            if runs_it {
                let workload = workload(manifest, &pointer, container, is_main(manifest));
                found.push(if is_main(manifest) { routed(workload, manifest, manifests) } else { workload });
            }
        }
    }
    found
}

/// The containers of a manifest with their JSON pointers.
fn containers(manifest: &Manifest) -> Vec<(String, &Value)> {
    let Some(template) = images::pod_template(manifest.kind()) else { return Vec::new() };
    let list = format!("{template}/spec/containers");
    let items = manifest.object.pointer(&list).and_then(Value::as_array).into_iter().flatten();
    items.enumerate().map(|(index, container)| (format!("{list}/{index}"), container)).collect()
}

/// The repository of a container's image.
fn repository(container: &Value) -> Option<String> {
    Some(container.get("image")?.as_str()?.parse::<Reference>().ok()?.name())
}

fn place(manifest: &Manifest, pointer: &str) -> Location {
    rules::location(&manifest.diagnostic(pointer, ""))
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn workload(manifest: &Manifest, pointer: &str, container: &Value, is_main: bool) -> Workload {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let given = items(container, "env").filter_map(|(index, variable)| {
        Some(Given {
            name: text(variable, "name")?,
            value: text(variable, "value"),
            location: place(manifest, &format!("{pointer}/env/{index}/name")),
        })
    });
    let ports = items(container, "ports").filter_map(|(index, port)| {
        let location = place(manifest, &format!("{pointer}/ports/{index}/containerPort"));
        Some(Port {
            number: port.get("containerPort")?.as_u64()?,
            role: "`containerPort`".to_owned(),
            location,
        })
    });
    let image = repository(container).map(|repository| Image {
        name: repository.rsplit('/').next().unwrap_or_default().to_owned(),
        location: place(manifest, &format!("{pointer}/image")),
    });
    Workload {
        called: manifest.to_string(),
        location: place(manifest, "/metadata/name"),
        is_main,
        image,
        given: given.collect(),
        takes_all_of_something: items(container, "envFrom").next().is_some(),
        ports: ports.collect(),
        ..Workload::default()
    }
}

/// The workload with the ports that Services lead to, and that policies let through.
fn routed(mut workload: Workload, deployment: &Manifest, manifests: &[Manifest]) -> Workload {
    let labels = labels::labels(&deployment.object, "/spec/template/metadata/labels");
    let named: Vec<(String, u64)> = containers(deployment)
        .iter()
        .flat_map(|(_, container)| items(container, "ports"))
        .filter_map(|(_, port)| {
            Some((port.get("name")?.as_str()?.to_owned(), port.get("containerPort")?.as_u64()?))
        })
        .collect();
    let routes = manifests.iter().flat_map(|manifest| routes(manifest, &labels));
    for (location, role, port) in routes {
        match port {
            Value::Number(number) => {
                workload.routed.extend(number.as_u64().map(|number| Port { number, role, location }));
            }
            Value::String(name) if !named.iter().any(|(known, _)| known == name) => {
                let known: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!(
                    "{role} `{name}` is the name of no port of {deployment}: there are `{}`",
                    known.join("`, `")
                );
                workload.wrong_routes.push((location, message));
            }
            _ => {}
        }
    }
    workload
}

/// The ports of pods with these labels that a Service leads to, or that a policy lets through.
fn routes<'m>(manifest: &'m Manifest, labels: &Labels) -> Vec<(Location, String, &'m Value)> {
    let object = &manifest.object;
    let selects = |pointer: &str, plain: bool| {
        let Some(selector) = object.pointer(pointer) else { return false };
        let read = if plain { Selector::plain(selector, pointer) } else { Selector::read(selector, pointer) };
        read.is_ok_and(|selector| selector.matches(labels))
    };
    match manifest.kind() {
        "Service" if selects("/spec/selector", true) => items(&object["spec"], "ports")
            .filter_map(|(index, port)| {
                let key = if port.get("targetPort").is_some() { "targetPort" } else { "port" };
                let location = place(manifest, &format!("/spec/ports/{index}/{key}"));
                Some((location, format!("`{key}` of {manifest}"), port.get(key)?))
            })
            .collect(),
        "NetworkPolicy" if selects("/spec/podSelector", false) => items(&object["spec"], "ingress")
            .flat_map(|(rule, ingress)| {
                items(ingress, "ports").filter_map(move |(index, port)| {
                    let location = place(manifest, &format!("/spec/ingress/{rule}/ports/{index}/port"));
                    Some((location, format!("`port` of {manifest}"), port.get("port")?))
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}
