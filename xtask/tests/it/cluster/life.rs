//! The beginning and the end of a node of our own: it survives what a test does to its parts, and leaves nothing behind,
//! however it ends.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::harness::{Cluster, Namespace, eventually};
use super::node::{self, Node, Part};
use super::{LIMIT, application, endpoints, get, rolled_out};
use crate::program;

/// What of a node can be left on the machine.
#[derive(Debug, Eq, PartialEq, Clone, Copy)]
enum Trace {
    Process,
    Link,
    Cgroup,
    Folder,
}

/// Where a node is found.
#[derive(Clone)]
struct Place {
    name: String,
    folder: PathBuf,
}

impl Place {
    fn of(cluster: &Cluster) -> Self {
        let node = cluster.node().unwrap();
        Self { name: node.name(), folder: node.folder().to_owned() }
    }

    /// What is there of the node now.
    fn traces(&self) -> Vec<Trace> {
        let folder = self.folder.to_str().unwrap();
        let below = format!("/{}/", self.name);
        // The node's programs name the folder, and pods are in the node's cgroups.
        let process = fs::read_dir("/proc").unwrap().map_while(Result::ok).any(|entry| {
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let contains = |name, word: &str| String::from_utf8_lossy(&read(name)).contains(word);
            contains("cmdline", folder) || contains("cgroup", &below)
        });
        let cgroup = fs::read_dir("/sys/fs/cgroup").unwrap().map_while(Result::ok);
        let cgroup = cgroup.into_iter().any(|hierarchy| hierarchy.path().join(&self.name).exists());
        let there = [
            (Trace::Process, process),
            (Trace::Link, Path::new("/sys/class/net").join(&self.name).exists()),
            (Trace::Cgroup, cgroup),
            (Trace::Folder, self.folder.exists()),
        ];
        there.into_iter().filter(|(_, there)| *there).map(|(trace, _)| trace).collect()
    }

    #[track_caller]
    fn is_gone(&self) {
        let gone = || (self.traces().is_empty() && !mounted(&self.folder)).then_some(());
        eventually("nothing is left of the node", LIMIT, gone);
    }
}

/// Whether anything of the node is mounted where this process sees it.
fn mounted(folder: &Path) -> bool {
    fs::read_to_string("/proc/self/mounts").unwrap().contains(folder.to_str().unwrap())
}

fn pods_and_restarts(namespace: &Namespace<'_>) -> Option<Vec<(String, i64)>> {
    let pods = namespace.json(&["pods"])?;
    let pods = pods["items"].as_array()?.iter().map(|pod| {
        let uid = pod["metadata"]["uid"].as_str()?.to_owned();
        Some((uid, pod["status"]["containerStatuses"][0]["restartCount"].as_i64()?))
    });
    pods.collect()
}

#[test]
fn pods_answer_on_while_the_api_server_and_etcd_are_away() {
    let Some(cluster) = Cluster::alone() else { return };
    let place = Place::of(&cluster);
    let namespace = Namespace::new(&cluster, "away");
    namespace.apply(&application("one", &[]));
    rolled_out(&namespace);
    let addresses = eventually("three endpoints are ready", LIMIT, || {
        Some(endpoints(&namespace)).filter(|ready| ready.len() == 3)
    });
    let pods = pods_and_restarts(&namespace).unwrap();

    for part in [Part::ApiServer, Part::Etcd] {
        let away = cluster.without(part);
        let written = namespace.kubectl(&["--request-timeout=3s", "label", "pods", "--all", "written=yes"]);
        assert_ne!(written.code, 0, "without {part:?}: {written:?}");
        for address in &addresses {
            assert!(get(address, 8000, "/").unwrap().contains(r#""version":"one""#), "without {part:?}");
        }
        drop(away);
        let again = eventually("the pods are seen again", LIMIT, || pods_and_restarts(&namespace));
        assert_eq!(again, pods, "after {part:?} was away");
    }
    namespace.apply(&application("two", &[]));
    rolled_out(&namespace);

    assert_eq!(
        place.traces(),
        [Trace::Process, Trace::Link, Trace::Cgroup, Trace::Folder],
        "they can be seen"
    );
    assert!(!mounted(&place.folder), "mounts of the node are its own");
    drop(namespace);
    drop(cluster);
    place.is_gone();
    assert_eq!(node::kernel(), node::kernel_before(), "the kernel is as it was before the first node");
}

#[test]
fn a_node_that_does_not_come_up_says_why_and_leaves_nothing() {
    // With one node it is known that there can be one here.
    let Some(_) = Cluster::get().and_then(Cluster::node) else { return };
    let nothing = tempfile::tempdir().unwrap();
    let built = node::built().unwrap().with_programs(nothing.path());
    let Err(error) = Node::start(&built) else { panic!("without programs there is no node") };
    assert!(error.contains("failed: kube-apiserver has ended"), "{error}");
    assert!(error.contains("command not found"), "{error}");
    let folder = error.strip_prefix("the node in ").unwrap().split_once(" did not").unwrap().0.to_owned();
    assert!(!Path::new(&folder).exists() && !mounted(Path::new(&folder)));
    assert!(!program::list().contains(&folder), "no process is left");
}

/// Holds a node and says where it is, until it is killed.
pub(crate) fn role() {
    let cluster = Cluster::alone().unwrap();
    let place = Place::of(&cluster);
    println!("\nnode {} {}", place.name, place.folder.display());
    std::thread::sleep(Duration::from_mins(10));
}

#[test]
fn nothing_is_left_of_a_node_whose_holder_was_killed() {
    // Where the script that cleans up is killed itself, the processes go all the same. What is left of the cgroups is
    // removed by the next node of that number.
    let Some(cluster) = Cluster::alone() else { return };
    let place = Place::of(&cluster);
    kill(cluster.node().unwrap().process());
    eventually("the processes have ended", LIMIT, || {
        let traces = place.traces();
        (!traces.contains(&Trace::Process) && !traces.contains(&Trace::Link)).then_some(())
    });
    drop(cluster);
    fs::remove_dir_all(&place.folder).unwrap();

    let mut holder = program::start("cluster").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    let place = lines
        .find_map(|line| {
            let (name, folder) = line.strip_prefix("node ")?.split_once(' ')?;
            Some(Place { name: name.to_owned(), folder: folder.into() })
        })
        .expect("the holder has a node");
    assert!(place.traces().contains(&Trace::Process));
    kill(holder.id());
    holder.wait().unwrap();
    place.is_gone();
}

fn kill(process: u32) {
    assert!(Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success());
}
