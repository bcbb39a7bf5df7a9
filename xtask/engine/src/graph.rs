//! The task graph: which tasks there are, what each waits for, and which of them a selection needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use crate::suggest;

/// The dotted name of a task: `test.backend`.
///
/// Words of lowercase letters, digits, `-` and `_`, joined by dots. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// A task id; `None` where `name` is not one.
    pub fn new(name: &str) -> Option<Self> {
        let word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        name.split('.').all(word).then(|| Self(name.into()))
    }

    /// The id of what is done outside of any task.
    pub fn root() -> Self {
        Self("xtask".into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of a part of this task: `lint.backend` and `ruff` make `lint.backend.ruff`.
    ///
    /// What cannot stand in an id becomes `-`.
    pub fn child(&self, name: &str) -> Self {
        let clean = |c: char| match c {
            'a'..='z' | '0'..='9' | '-' | '_' | '.' => c,
            'A'..='Z' => c.to_ascii_lowercase(),
            _ => '-',
        };
        Self(format!("{}.{}", self.0, name.chars().map(clean).collect::<String>()).into())
    }

    /// Whether `selector` names this task: its id, or the first words of it (`test` selects `test.backend`).
    pub fn is_selected_by(&self, selector: &str) -> bool {
        is_selected(&self.0, selector)
    }
}

/// Ids in the order of their names, so that what a selector names is found without a look at all of them.
#[derive(Debug)]
pub struct Names<'i>(BTreeMap<&'i str, usize>);

impl<'i> Names<'i> {
    /// Of these ids, each with its position.
    pub fn new(ids: impl IntoIterator<Item = &'i TaskId>) -> Self {
        Self(ids.into_iter().enumerate().map(|(position, id)| (id.as_str(), position)).collect())
    }

    /// The positions of the ids that `selector` names ([`TaskId::is_selected_by`]), in ascending order.
    pub fn selected_by(&self, selector: &str) -> Vec<usize> {
        let from = (Bound::Included(selector), Bound::Unbounded);
        let alike = self.0.range::<str, _>(from).take_while(|(id, _)| id.starts_with(selector));
        let named = alike.filter(|(id, _)| is_selected(id, selector));
        let mut positions: Vec<usize> = named.map(|(_, &position)| position).collect();
        positions.sort_unstable();
        positions
    }
}

fn is_selected(id: &str, selector: &str) -> bool {
    id.strip_prefix(selector).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for TaskId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for TaskId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no task id")))
    }
}

/// One task as the scheduler sees it: no function, only what decides when it may run.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub id: TaskId,
    /// The tasks that must have passed before it starts.
    pub after: Vec<TaskId>,
    /// How many processor cores it keeps busy; at least 1.
    pub cores: u32,
    /// How much memory it may need, in bytes; 0 for little.
    pub memory: u64,
    /// How long it may run; `None` for as long as it likes.
    pub timeout: Option<Duration>,
}

impl Node {
    /// A task that waits for nothing, on one core.
    pub fn new(id: TaskId) -> Self {
        Self { id, after: Vec::new(), cores: 1, memory: 0, timeout: None }
    }
}

/// Why a set of tasks is no graph, or a selection selects nothing.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// Two tasks have one name.
    #[error("two tasks are called `{0}`")]
    Duplicate(TaskId),
    /// A task waits for one that does not exist.
    #[error("task `{task}` waits for `{missing}`, which does not exist")]
    Unknown {
        /// The task that waits.
        task: TaskId,
        /// What it waits for.
        missing: TaskId,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// Tasks wait for each other in a circle; the first one is repeated at the end.
    #[error("tasks wait for each other: {}", .0.iter().map(TaskId::as_str).collect::<Vec<_>>().join(" → "))]
    Cycle(Vec<TaskId>),
    /// A selector names no task.
    #[error("no task is called `{selector}`")]
    NothingSelected {
        /// The selector.
        selector: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
}

/// A set of tasks without duplicates, dangling names or cycles.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    /// For each task the positions of the tasks it waits for.
    before: Vec<Vec<usize>>,
    /// For each task the positions of the tasks that wait for it.
    after: Vec<Vec<usize>>,
    /// Positions so that each task comes after those it waits for; ties in the order of insertion.
    order: Vec<usize>,
}

impl Graph {
    /// Checks `nodes` and makes them a graph. The order of insertion is kept as the order of display.
    pub fn new(nodes: Vec<Node>) -> Result<Self, GraphError> {
        let mut index = HashMap::with_capacity(nodes.len());
        for (position, node) in nodes.iter().enumerate() {
            if index.insert(node.id.clone(), position).is_some() {
                return Err(GraphError::Duplicate(node.id.clone()));
            }
        }
        let mut before = vec![Vec::new(); nodes.len()];
        let mut after = vec![Vec::new(); nodes.len()];
        for (position, node) in nodes.iter().enumerate() {
            let unique: BTreeSet<&TaskId> = node.after.iter().collect();
            for id in unique {
                let Some(&other) = index.get(id) else {
                    let names = nodes.iter().map(|node| node.id.as_str());
                    let nearest = suggest::nearest(id.as_str(), names).map(str::to_owned);
                    return Err(GraphError::Unknown { task: node.id.clone(), missing: id.clone(), nearest });
                };
                before[position].push(other);
                after[other].push(position);
            }
        }
        let order = topological(&nodes, &before, &after)?;
        Ok(Self { nodes, before, after, order })
    }

    /// The tasks in the order in which they were inserted.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The positions of the tasks that task `position` waits for.
    pub fn dependencies(&self, position: usize) -> &[usize] {
        &self.before[position]
    }

    /// The positions of the tasks that wait for task `position`.
    pub fn dependents(&self, position: usize) -> &[usize] {
        &self.after[position]
    }

    /// Positions such that each task comes after those it waits for.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The part of the graph that `selectors` name, with everything that part waits for. No selector selects all.
    pub fn select(self, selectors: &[String]) -> Result<Self, GraphError> {
        if selectors.is_empty() {
            return Ok(self);
        }
        let mut wanted = vec![false; self.nodes.len()];
        let names = Names::new(self.nodes.iter().map(|node| &node.id));
        for selector in selectors {
            let selected = names.selected_by(selector);
            for &position in &selected {
                wanted[position] = true;
            }
            if selected.is_empty() {
                return Err(self.unknown(selector));
            }
        }
        self.closed(wanted)
    }

    /// The part of the graph that these tasks are, with everything that they wait for. No task is a graph without tasks.
    pub fn needed_by(&self, tasks: &[TaskId]) -> Result<Self, GraphError> {
        let positions: HashMap<&TaskId, usize> =
            self.nodes.iter().enumerate().map(|(position, node)| (&node.id, position)).collect();
        let mut wanted = vec![false; self.nodes.len()];
        for task in tasks {
            wanted[*positions.get(task).ok_or_else(|| self.unknown(task.as_str()))?] = true;
        }
        self.closed(wanted)
    }

    /// The part of the graph that is wanted, with everything that it waits for.
    fn closed(&self, mut wanted: Vec<bool>) -> Result<Self, GraphError> {
        for &position in self.order.iter().rev() {
            if wanted[position] {
                for &dependency in &self.before[position] {
                    wanted[dependency] = true;
                }
            }
        }
        let keep = |(position, node): (usize, &Node)| wanted[position].then(|| node.clone());
        Self::new(self.nodes.iter().enumerate().filter_map(keep).collect())
    }

    fn unknown(&self, selector: &str) -> GraphError {
        let selectors = self.selectors();
        let nearest = suggest::nearest(selector, selectors.iter().map(String::as_str)).map(str::to_owned);
        GraphError::NothingSelected { selector: selector.to_owned(), nearest }
    }

    /// Everything that selects something: the ids and their leading words.
    pub fn selectors(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for node in &self.nodes {
            let id = node.id.as_str();
            all.extend(id.match_indices('.').map(|(dot, _)| id[..dot].to_owned()));
            all.insert(id.to_owned());
        }
        all
    }

    /// For each task the time from its start to the end of everything that waits for it, when nothing but the
    /// dependencies holds tasks back.
    pub fn remaining(&self, duration: impl Fn(usize) -> Duration) -> Vec<Duration> {
        let mut remaining = vec![Duration::ZERO; self.nodes.len()];
        for &position in self.order.iter().rev() {
            let longest = self.after[position].iter().map(|&next| remaining[next]).max().unwrap_or_default();
            remaining[position] = duration(position) + longest;
        }
        remaining
    }

    /// The chain of tasks that takes longest: with any number of cores, no run is faster than this.
    pub fn critical_path(&self, duration: impl Fn(usize) -> Duration) -> Vec<usize> {
        let remaining = self.remaining(duration);
        let longest = |candidates: &mut dyn Iterator<Item = usize>| {
            candidates.reduce(|best, next| if remaining[next] > remaining[best] { next } else { best })
        };
        let mut path = Vec::new();
        let mut roots = (0..self.nodes.len()).filter(|&position| self.before[position].is_empty());
        let mut next = longest(&mut roots);
        while let Some(position) = next {
            path.push(position);
            next = longest(&mut self.after[position].iter().copied());
        }
        path
    }
}

/// Kahn's algorithm; what is left when it stalls lies on or behind a cycle.
fn topological(
    nodes: &[Node],
    before: &[Vec<usize>],
    after: &[Vec<usize>],
) -> Result<Vec<usize>, GraphError> {
    let mut waiting: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..nodes.len()).filter(|&position| waiting[position] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for &dependent in &after[order[next]] {
            waiting[dependent] -= 1;
            if waiting[dependent] == 0 {
                order.push(dependent);
            }
        }
        next += 1;
    }
    if order.len() == nodes.len() {
        return Ok(order);
    }
    Err(GraphError::Cycle(cycle(nodes, before, &waiting)))
}

/// A cycle among the tasks that still wait: walk backwards along dependencies until a task comes up twice.
fn cycle(nodes: &[Node], before: &[Vec<usize>], waiting: &[usize]) -> Vec<TaskId> {
    let stuck = |position: &usize| waiting[*position] > 0;
    let mut path: Vec<usize> = Vec::new();
    let mut next = (0..nodes.len()).find(stuck);
    while let Some(position) = next {
        if let Some(start) = path.iter().position(|&seen| seen == position) {
            path.drain(..start);
            path.push(position);
            break;
        }
        path.push(position);
        next = before[position].iter().copied().find(stuck);
    }
    path.into_iter().map(|position| nodes[position].id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> TaskId {
        TaskId::new(name).unwrap()
    }

    fn node(name: &str, after: &[&str]) -> Node {
        Node { after: after.iter().map(|name| id(name)).collect(), ..Node::new(id(name)) }
    }

    fn names(graph: &Graph, positions: &[usize]) -> Vec<String> {
        positions.iter().map(|&position| graph.nodes()[position].id.to_string()).collect()
    }

    #[test]
    fn ids_are_dotted_words() {
        for good in ["test", "test.backend", "a-b.c_d.2"] {
            assert!(TaskId::new(good).is_some(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "A", "a b", "ä"] {
            assert!(TaskId::new(bad).is_none(), "{bad}");
        }
        assert_eq!(id("lint.backend").child("Type Check").as_str(), "lint.backend.type-check");
    }

    #[test]
    fn selectors_match_whole_words() {
        assert!(id("test.backend").is_selected_by("test"));
        assert!(id("test.backend").is_selected_by("test.backend"));
        assert!(!id("test.backend").is_selected_by("test.back"));
        assert!(!id("tests").is_selected_by("test"));

        let ids = ["test.b", "tests", "test-b", "test", "lint.test", "test.a"].map(id);
        let names = Names::new(&ids);
        for selector in ["test", "test.b", "tests", "lint", "t", "", "test.", "zebra"] {
            let one_by_one = ids.iter().enumerate().filter(|(_, id)| id.is_selected_by(selector));
            let expected: Vec<usize> = one_by_one.map(|(position, _)| position).collect();
            assert_eq!(names.selected_by(selector), expected, "{selector:?}");
        }
    }

    #[test]
    fn a_selection_brings_what_it_waits_for() {
        let graph = Graph::new(vec![
            node("setup.backend", &[]),
            node("setup.frontend", &[]),
            node("lint.backend", &["setup.backend"]),
            node("test.backend", &["setup.backend"]),
            node("docs", &["test.backend"]),
        ])
        .unwrap();
        let all = |graph: &Graph| graph.nodes().iter().map(|node| node.id.to_string()).collect::<Vec<_>>();
        assert_eq!(
            all(&graph.clone().select(&["docs".into()]).unwrap()),
            ["setup.backend", "test.backend", "docs"]
        );
        assert_eq!(all(&graph.clone().select(&["lint".into(), "setup".into()]).unwrap()).len(), 3);
        assert_eq!(all(&graph.clone().select(&[]).unwrap()).len(), 5);
        assert_eq!(
            graph.clone().select(&["tests".into()]).unwrap_err(),
            GraphError::NothingSelected { selector: "tests".into(), nearest: Some("test".into()) }
        );
    }

    #[test]
    fn tasks_bring_what_they_wait_for_and_no_namesakes() {
        let graph =
            Graph::new(vec![node("setup", &[]), node("test", &["setup"]), node("test.more", &[])]).unwrap();
        let names = |tasks: &[TaskId]| {
            let part = graph.needed_by(tasks).unwrap();
            part.nodes().iter().map(|node| node.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[id("test")]), ["setup", "test"]);
        assert!(names(&[]).is_empty());
        assert_eq!(
            graph.needed_by(&[id("setup"), id("tests")]).unwrap_err(),
            GraphError::NothingSelected { selector: "tests".into(), nearest: Some("test".into()) }
        );
    }

    #[test]
    fn what_is_no_graph_is_named() {
        assert_eq!(
            Graph::new(vec![node("a", &[]), node("a", &[])]).unwrap_err(),
            GraphError::Duplicate(id("a"))
        );
        assert_eq!(
            Graph::new(vec![node("setup.backend", &[]), node("b", &["setup.backnd"])]).unwrap_err(),
            GraphError::Unknown {
                task: id("b"),
                missing: id("setup.backnd"),
                nearest: Some("setup.backend".into())
            }
        );
        let cyclic = vec![node("x", &["c"]), node("a", &["c"]), node("b", &["a"]), node("c", &["b"])];
        let error = Graph::new(cyclic).unwrap_err().to_string();
        assert_eq!(error, "tasks wait for each other: c → b → a → c");
        assert!(
            matches!(Graph::new(vec![node("s", &["s"])]), Err(GraphError::Cycle(path)) if path.len() == 2)
        );
    }

    #[test]
    fn the_critical_path_is_the_longest_chain() {
        let graph = Graph::new(vec![
            node("short", &[]),
            node("long", &[]),
            node("middle", &["short", "long"]),
            node("end", &["middle", "short"]),
        ])
        .unwrap();
        let seconds = |position: usize| Duration::from_secs([1, 5, 2, 3][position]);
        assert_eq!(names(&graph, &graph.critical_path(seconds)), ["long", "middle", "end"]);
        assert_eq!(graph.remaining(seconds)[1], Duration::from_secs(10));
        assert!(Graph::new(vec![]).unwrap().critical_path(seconds).is_empty());
    }
}
