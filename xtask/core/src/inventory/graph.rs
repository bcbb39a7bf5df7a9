//! The graph of components, their packages and their modules: as data, as text, as pictures.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Inventory, Package, Scope};
use crate::cycle;
use crate::drawing::{self, Drawing};
use crate::text;

/// The version of the form of [`Graph`] as JSON; it rises when a field changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// Who needs whom.
#[derive(Clone, Debug, Serialize)]
pub struct Graph {
    /// [`FORMAT`].
    pub format: u32,
    /// What there is.
    pub nodes: Vec<Node>,
    /// Who needs whom, by position.
    pub edges: Vec<(usize, usize)>,
    /// Circles, by position.
    pub circles: Vec<Vec<usize>>,
}

/// Something that needs others, or is needed.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Its name within the graph: a package URL, the name of a component, that of a module.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its version, where it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What it is there for.
    pub scope: Scope,
    /// Whether a component asks for it itself.
    pub direct: bool,
}

/// What a node is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A component of the repository.
    Component,
    /// A package of others.
    Package,
    /// A part of a component.
    Module,
}

impl Graph {
    /// The packages of these components; those for development only where they are asked for. What is a package of the
    /// repository and a component, too, is the component.
    pub fn of_packages(inventories: &[Inventory], with_development: bool) -> Self {
        let mut draft = Draft::default();
        let names: BTreeMap<&str, &str> =
            inventories.iter().map(|one| (one.root.name.as_str(), one.component.as_str())).collect();
        for inventory in inventories {
            draft.node(Node {
                id: inventory.component.clone(),
                kind: Kind::Component,
                name: inventory.component.clone(),
                version: inventory.root.version.clone(),
                scope: Scope::Production,
                direct: false,
            });
        }
        for inventory in inventories {
            let wanted = |package: &Package| with_development || package.scope == Scope::Production;
            for package in inventory.packages.iter().filter(|package| wanted(package)) {
                let id = name(package, &names);
                draft.node(Node {
                    kind: Kind::Package,
                    name: package.identity.name.clone(),
                    version: package.identity.version.clone(),
                    scope: package.scope,
                    direct: package.is_direct,
                    id: id.clone(),
                });
                if package.is_direct {
                    draft.edges.insert((inventory.component.clone(), id.clone()));
                }
                let needs = package.needs.iter().filter_map(|&need| inventory.packages.get(need));
                draft
                    .edges
                    .extend(needs.filter(|need| wanted(need)).map(|need| (id.clone(), name(need, &names))));
            }
        }
        draft.finish()
    }

    /// The modules of a component, by who imports whom.
    pub fn of_modules(
        component: &str,
        modules: &BTreeSet<String>,
        imports: &BTreeSet<(String, String)>,
    ) -> Self {
        let mut draft = Draft::default();
        for module in modules {
            draft.node(Node {
                id: module.clone(),
                kind: Kind::Module,
                name: module.clone(),
                version: String::new(),
                scope: Scope::Production,
                direct: false,
            });
        }
        draft.edges.extend(imports.iter().cloned());
        let mut graph = draft.finish();
        for node in &mut graph.nodes {
            node.id = format!("{component}:{}", node.id);
        }
        graph
    }

    /// How it is drawn. Lines that others imply are left out: who needs `b` by way of `a` needs `a`.
    pub fn drawing(&self) -> Drawing {
        let boxes = self.nodes.iter().enumerate().map(|(position, node)| {
            let is_circular = self.circles.iter().any(|circle| circle.contains(&position));
            let colours = match (node.kind, node.scope) {
                _ if is_circular => ("#ffebe9", "#cf222e"),
                (Kind::Component, _) => ("#ddf4ff", "#0969da"),
                (Kind::Package, Scope::Production) if node.direct => ("#dafbe1", "#1a7f37"),
                (Kind::Package | Kind::Module, Scope::Production) => ("#f6f8fa", "#57606a"),
                (_, Scope::Development) => ("#fff8c5", "#9a6700"),
            };
            drawing::Box {
                id: node.id.clone(),
                label: node.name.clone(),
                detail: node.detail(is_circular),
                tip: node.id.clone(),
                colours,
                is_thick: node.kind == Kind::Component || is_circular,
            }
        });
        let lines = self.reduced().into_iter().map(|(from, to)| {
            let is_circular =
                self.circles.iter().any(|circle| circle.contains(&from) && circle.contains(&to));
            (from, to, is_circular)
        });
        Drawing { name: "dependencies", title: self.title(), boxes: boxes.collect(), lines: lines.collect() }
    }

    /// As text: each node with what it needs, components first.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (position, node) in self.nodes.iter().enumerate() {
            let needs = self.edges.iter().filter(|(from, _)| *from == position);
            let needs: Vec<&str> =
                needs.filter_map(|(_, to)| Some(self.nodes.get(*to)?.name.as_str())).collect();
            if node.kind == Kind::Component || !needs.is_empty() {
                text.extend([&node.words(), ": ", &needs.join(", "), "\n"]);
            }
        }
        for circle in &self.circles {
            let names: Vec<&str> = circle.iter().map(|&one| self.nodes[one].name.as_str()).collect();
            text.extend(["circle: ", &names.join(", "), "\n"]);
        }
        text.extend(["\n", &self.title(), "\n"]);
        text
    }

    fn title(&self) -> String {
        let kinds = [(Kind::Component, "component"), (Kind::Package, "package"), (Kind::Module, "module")];
        let counts = kinds.into_iter().filter_map(|(kind, noun)| {
            let count = self.nodes.iter().filter(|node| node.kind == kind).count();
            (count > 0).then(|| text::count(count, noun))
        });
        let mut words: Vec<String> = counts.collect();
        words.push(text::count(self.edges.len(), "dependency").replace("dependencys", "dependencies"));
        words.push(text::count(self.circles.len(), "circle"));
        words.join(", ")
    }

    /// The edges that no longer way implies; within a circle all of them.
    fn reduced(&self) -> Vec<(usize, usize)> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for &(from, to) in &self.edges {
            after[from].push(to);
        }
        let is_circular = |node: usize| self.circles.iter().any(|circle| circle.contains(&node));
        let is_implied = |from: usize, to: usize| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<usize> = after[from].iter().copied().filter(|&other| other != to).collect();
            while let Some(node) = next.pop() {
                if node == to {
                    return true;
                }
                if node != from && seen.insert(node) {
                    next.extend(&after[node]);
                }
            }
            false
        };
        let edges = self.edges.iter().copied();
        edges.filter(|&(from, to)| is_circular(from) || is_circular(to) || !is_implied(from, to)).collect()
    }
}

/// What a package is called in the graph.
fn name(package: &Package, components: &BTreeMap<&str, &str>) -> String {
    match components.get(package.identity.name.as_str()) {
        Some(component) if package.is_own => (*component).to_owned(),
        _ => package.purl(),
    }
}

impl Node {
    fn words(&self) -> String {
        if self.version.is_empty() { self.name.clone() } else { format!("{} {}", self.name, self.version) }
    }

    fn detail(&self, is_circular: bool) -> String {
        let what = match self.kind {
            Kind::Component => "component",
            Kind::Module | Kind::Package => "",
        };
        let parts = [what, self.version.as_str(), if is_circular { "in a circle" } else { "" }];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// A graph on its way, with names where it has positions.
#[derive(Default)]
struct Draft {
    nodes: Vec<Node>,
    positions: BTreeMap<String, usize>,
    edges: BTreeSet<(String, String)>,
}

impl Draft {
    /// Adds a node; what is there already is what several need.
    fn node(&mut self, node: Node) {
        if let Some(&position) = self.positions.get(&node.id) {
            let there = &mut self.nodes[position];
            there.direct |= node.direct;
            there.scope = there.scope.min(node.scope);
            return;
        }
        self.positions.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node);
    }

    fn finish(self) -> Graph {
        let position = |id: &String| self.positions.get(id).copied();
        let mut edges: Vec<(usize, usize)> =
            self.edges.iter().filter_map(|(from, to)| Some((position(from)?, position(to)?))).collect();
        edges.sort_unstable();
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for &(from, to) in &edges {
            needs[from].push(to);
        }
        Graph { format: FORMAT, circles: cycle::circles(&needs), nodes: self.nodes, edges }
    }
}
