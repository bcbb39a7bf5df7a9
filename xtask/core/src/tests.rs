//! Schedules of random graphs: chance from a seed is here, and not in the crate that they are in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::graph::{Graph, Node, TaskId};
use crate::schedule::{Limits, OnFailure, Schedule};
use crate::simulation::random::Random;

/// Random graphs with random failures: every task ends exactly once, none before what it waits for, limits hold.
#[test]
fn any_graph_ends_and_every_task_has_one_end() {
    for seed in 1..=500 {
        let mut random = Random::new(seed);
        let count = 1 + random.below(30);
        let id = |number: u64| TaskId::new(&format!("t{number}")).unwrap();
        let nodes = (0..count)
            .map(|number| Node {
                after: (0..number).filter(|_| random.below(4) == 0).map(id).collect(),
                cores: 1 + u32::try_from(random.below(3)).unwrap(),
                memory: random.below(80),
                ..Node::new(id(number))
            })
            .collect();
        let graph = Graph::new(nodes).unwrap();
        let limits = Limits { cores: 1 + u32::try_from(random.below(4)).unwrap(), memory: Some(100) };
        let fast = if random.below(5) == 0 { OnFailure::FailFast } else { OnFailure::KeepGoing };
        let mut schedule = Schedule::new(&graph, |_| Duration::from_secs(1), limits, fast);
        let mut ends: BTreeMap<usize, bool> = BTreeMap::new();
        let mut running: Vec<usize> = Vec::new();
        let mut released: BTreeSet<usize> = BTreeSet::new();
        loop {
            for task in schedule.start() {
                for dependency in graph.dependencies(task) {
                    assert_eq!(ends.get(dependency), Some(&true), "seed {seed}");
                }
                running.push(task);
            }
            let busy: Vec<usize> = running.iter().copied().filter(|task| !released.contains(task)).collect();
            let memory: u64 = busy.iter().map(|&task| graph.nodes()[task].memory).sum();
            assert!(memory <= 100 || busy.len() == 1, "seed {seed}");
            assert!(busy.len() <= limits.cores as usize, "seed {seed}");
            if running.is_empty() {
                break;
            }
            let pick = usize::try_from(random.below(running.len() as u64)).unwrap();
            if random.below(3) == 0 {
                schedule.release(running[pick]);
                if released.len() < limits.cores as usize {
                    released.insert(running[pick]);
                }
                continue;
            }
            let task = running.swap_remove(pick);
            released.remove(&task);
            let passed = random.below(6) != 0;
            assert_eq!(ends.insert(task, passed), None, "seed {seed}");
            for (skipped, _) in schedule.finish(task, passed) {
                assert_eq!(ends.insert(skipped, false), None, "seed {seed}");
            }
        }
        assert!(schedule.is_done(), "seed {seed}");
        assert_eq!(ends.len(), graph.nodes().len(), "seed {seed}");
    }
}
