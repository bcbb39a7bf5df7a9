//! Plans, parts and pictures, without files.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;
use crate::graph::Node;
use crate::simulation::random::Random;

fn id(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

fn graph(tasks: &[(&str, &[&str])]) -> Graph {
    let node = |&(name, after): &(&str, &[&str])| Node {
        after: after.iter().map(|name| id(name)).collect(),
        ..Node::new(id(name))
    };
    Graph::new(tasks.iter().map(node).collect()).unwrap()
}

fn planned(name: &str, after: &[&str], outlook: Outlook, measured_ms: Option<u64>) -> Planned {
    Planned {
        task: id(name),
        about: String::new(),
        after: after.iter().map(|name| id(name)).collect(),
        outlook,
        assumes: Vec::new(),
        estimated_ms: 7,
        measured_ms,
    }
}

fn seconds(list: &[u64]) -> impl Fn(usize) -> Duration + '_ {
    |task| Duration::from_secs(list[task])
}

#[test]
fn a_run_takes_as_long_as_its_cores_and_its_longest_chain() {
    let graph = graph(&[("a", &[]), ("b", &["a"]), ("c", &[]), ("d", &[])]);
    let takes = [1, 5, 3, 2];
    let makespan = |cores| makespan(&graph, seconds(&takes), cores).as_secs();
    assert_eq!((makespan(1), makespan(2), makespan(3), makespan(0)), (11, 6, 6, 11));
}

#[test]
fn what_is_stored_takes_no_time_and_what_is_unknown_a_second() {
    let graph = graph(&[("a", &[]), ("b", &["a"])]);
    let key = Digest::of(b"key");
    let hit = Outlook::Hit { key, in_place: true };
    let tasks = vec![
        planned("a", &[], hit, Some(60_000)),
        planned("b", &["a"], Outlook::Miss { key, why: Why::New }, None),
    ];
    let plan = Plan::new(&graph, tasks, 2);
    assert_eq!((plan.estimated_ms, plan.tasks[0].estimated_ms, plan.tasks[1].estimated_ms), (1000, 0, 1000));
    assert_eq!(plan.critical_path, [id("b")]);
    let nothing = Plan::new(&Graph::new(Vec::new()).unwrap(), Vec::new(), 1);
    assert_eq!((nothing.estimated_ms, nothing.critical_path.len()), (0, 0));
}

#[test]
fn the_longest_goes_first_and_tasks_with_one_set_up_stay_together() {
    let graph = graph(&[
        ("setup.a", &[]),
        ("setup.b", &[]),
        ("lint.a", &["setup.a"]),
        ("lint.b", &["setup.b"]),
        ("test.a", &["setup.a"]),
        ("test.b", &["setup.b"]),
    ]);
    let takes = [50, 30, 2, 3, 50, 60];
    let parts = |count| -> Vec<String> {
        let words = |shard: &Shard| {
            let tasks: Vec<&str> = shard.tasks.iter().map(TaskId::as_str).collect();
            format!("{} {}: {}", shard.shard, shard.estimated_ms / 1000, tasks.join(" "))
        };
        shards(&graph, seconds(&takes), count).iter().map(words).collect()
    };
    assert_eq!(parts(1), ["1/1 195: test.a test.b lint.a lint.b"]);
    assert_eq!(parts(2), ["1/2 102: test.a lint.a", "2/2 93: test.b lint.b"]);
    assert_eq!(parts(3), ["1/3 100: test.a", "2/3 90: test.b", "3/3 85: lint.a lint.b"]);
}

/// Whatever the graph: every task runs in a part, none is dealt out twice, and no part is longer than LPT's bound says (Graham,
/// 1969), where tasks share nothing.
#[test]
fn any_graph_in_any_number_of_parts() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let count = 1 + usize::try_from(random.below(20)).unwrap();
        let is_flat = random.below(2) == 0;
        let names: Vec<String> = (0..count).map(|number| format!("t{number}")).collect();
        let nodes = (0..count).map(|number| {
            let after = (0..number).filter(|_| !is_flat && random.below(4) == 0);
            Node { after: after.map(|other| id(&names[other])).collect(), ..Node::new(id(&names[number])) }
        });
        let graph = Graph::new(nodes.collect()).unwrap();
        let takes: Vec<u64> = (0..count).map(|_| random.below(100)).collect();
        let parts_count = 1 + u32::try_from(random.below(6)).unwrap();
        let parts = shards(&graph, seconds(&takes), parts_count);
        assert_eq!(parts, shards(&graph, seconds(&takes), parts_count));
        assert_eq!(parts.len(), parts_count as usize);
        // Fewer parts are dealt out alike where some of many have nothing to do.
        let busy = without_empty(parts.clone());
        let fewer = u32::try_from(busy.len()).unwrap();
        assert_eq!(busy, shards(&graph, seconds(&takes), fewer), "seed {seed}");
        let mut dealt = BTreeSet::new();
        let mut runs = BTreeSet::new();
        for part in &parts {
            assert!(part.tasks.iter().all(|task| dealt.insert(task.clone())), "seed {seed}: twice");
            if part.tasks.is_empty() {
                continue;
            }
            let selected: Vec<String> = part.tasks.iter().map(ToString::to_string).collect();
            let own = graph.clone().select(&selected).unwrap();
            let position = |task: &TaskId| names.iter().position(|name| name == task.as_str()).unwrap();
            let load: u64 = own.nodes().iter().map(|node| takes[position(&node.id)]).sum();
            assert_eq!(part.estimated_ms, load * 1000, "seed {seed}");
            runs.extend(own.nodes().iter().map(|node| node.id.clone()));
        }
        assert_eq!(runs.len(), count, "seed {seed}: a task runs nowhere");
        if is_flat {
            let longest = parts.iter().map(|part| part.estimated_ms).max().unwrap_or(0);
            let machines = u64::from(parts_count);
            let least = (takes.iter().sum::<u64>() * 1000).div_ceil(machines);
            let bound = least + takes.iter().max().unwrap_or(&0) * 1000;
            assert!(longest <= bound, "seed {seed}: {longest} > {bound}");
        }
    }
}

#[test]
fn the_picture_of_a_small_plan() {
    let graph = graph(&[("a.b", &[]), ("c", &["a.b"])]);
    let reason = "it reads <everything> & more".to_owned();
    let key = Digest::of(b"key");
    let tasks = vec![
        planned("a.b", &[], Outlook::Uncached { reason }, Some(2000)),
        planned("c", &["a.b"], Outlook::Hit { key, in_place: false }, Some(9000)),
    ];
    expect![[r##"
        <svg xmlns="http://www.w3.org/2000/svg" width="296" height="76" viewBox="0 0 296 76" font-family="ui-monospace, monospace" font-size="13" role="img">
        <title>1 of 2 tasks would run, about 2.0 s</title>
        <rect width="100%" height="100%" fill="#ffffff"/>
        <path d="M160 38 C196 38 196 38 232 38" fill="none" stroke="#8c959f" stroke-width="1"/>
        <g><title>it reads &lt;everything&gt; &amp; more</title><rect x="16" y="16" width="144" height="44" rx="6" fill="#f6f8fa" stroke="#57606a" stroke-width="3"/><text x="28" y="35" font-weight="600">a.b</text><text x="28" y="52" fill="#57606a">uncached, 2.0 s</text></g>
        <g><title>its result is stored and would be put back</title><rect x="232" y="16" width="48" height="44" rx="6" fill="#dafbe1" stroke="#1a7f37" stroke-width="1"/><text x="244" y="35" font-weight="600">c</text><text x="244" y="52" fill="#57606a">hit</text></g>
        </svg>
    "##]].assert_eq(&Plan::new(&graph, tasks, 4).svg());
}

/// No box covers another one, whatever the graph, and every line goes to the right.
#[test]
fn boxes_never_cover_each_other() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let count = usize::try_from(random.below(30)).unwrap();
        let names: Vec<String> = (0..count).map(|number| format!("task.number-{number}")).collect();
        let tasks: Vec<Planned> = (0..count)
            .map(|number| {
                let after: Vec<&str> =
                    (0..number).filter(|_| random.below(5) == 0).map(|other| names[other].as_str()).collect();
                planned(&names[number], &after, Outlook::Uncached { reason: String::new() }, None)
            })
            .collect();
        let plan = Plan { format: FORMAT, jobs: 1, estimated_ms: 0, critical_path: Vec::new(), tasks };
        let svg = plan.svg();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let number = |node: &roxmltree::Node<'_, '_>, name: &str| -> i64 {
            node.attribute(name).unwrap().parse().unwrap()
        };
        let boxes: Vec<(i64, i64, i64, i64)> = document
            .descendants()
            .filter(|node| node.has_tag_name("rect") && node.attribute("rx").is_some())
            .map(|node| {
                (number(&node, "x"), number(&node, "y"), number(&node, "width"), number(&node, "height"))
            })
            .collect();
        assert_eq!(boxes.len(), count);
        let root = document.root_element();
        let (wide, high) = (number(&root, "width"), number(&root, "height"));
        for (index, one) in boxes.iter().enumerate() {
            assert!(
                one.0 >= 0 && one.1 >= 0 && one.0 + one.2 <= wide && one.1 + one.3 <= high,
                "seed {seed}"
            );
            for other in &boxes[..index] {
                let apart = one.0 + one.2 <= other.0
                    || other.0 + other.2 <= one.0
                    || one.1 + one.3 <= other.1
                    || other.1 + other.3 <= one.1;
                assert!(apart, "seed {seed}: {one:?} covers {other:?}");
            }
        }
    }
}
