//! A Kubernetes of one node on this machine, for as long as the value lives: what `xtask/tools/cluster` starts.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

/// What a node takes from the machine. Beside these it needs root, and cgroups of version 1.
const PROGRAMS: &[&str] =
    &["containerd", "ctr", "docker-registry", "etcd", "ip", "nft", "openssl", "runc", "setpriv", "unshare"];

/// Where Debian puts the plugins that give pods their network.
const NETWORK_PLUGINS: &[&str] = &["/usr/lib/cni/host-local", "/usr/lib/cni/ptp"];

/// Folders outside of the checkout that hold what was built.
pub(crate) struct Built {
    /// `bin/kubectl` and its neighbours.
    programs: PathBuf,
    /// `application.tar`, `pause.tar`.
    images: PathBuf,
}

/// A program of the node that can be killed and started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    ApiServer,
    Etcd,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::Etcd => "etcd",
        }
    }
}

/// A node. Its process holds the other end of a pipe that this process holds: when this one ends, however it ends, so does
/// the node, and everything on it.
pub(crate) struct Node {
    process: Child,
    /// Commands are answered one by one, in their order.
    line: Mutex<Line>,
    folder: PathBuf,
    programs: PathBuf,
    /// Everything that two nodes on a machine could fight about holds this number.
    number: u8,
    registry: u16,
}

struct Line {
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What a kubelet would change in the kernel.
pub(crate) fn kernel() -> Vec<String> {
    let names = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"];
    names.iter().map(|name| fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap()).collect()
}

/// The same, as it was before this process started its first node.
pub(crate) fn kernel_before() -> &'static [String] {
    static BEFORE: OnceLock<Vec<String>> = OnceLock::new();
    BEFORE.get_or_init(kernel)
}

/// The scripts of the node.
pub(crate) fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/cluster")
}

/// Why there can be no node on this machine.
pub(crate) fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("a node of our own needs root".to_owned());
    }
    if !Path::new("/sys/fs/cgroup/memory/tasks").exists() {
        return Some("a node of our own needs cgroups of version 1".to_owned());
    }
    let programs = PROGRAMS.iter().filter(|program| which::which(program).is_err());
    let plugins = NETWORK_PLUGINS.iter().filter(|plugin| !Path::new(plugin).exists());
    let missing: Vec<&str> = programs.chain(plugins).copied().collect();
    (!missing.is_empty()).then(|| format!("not installed: {}", missing.join(", ")))
}

/// What was built before.
pub(crate) fn built() -> Option<Built> {
    folders(Command::new(tools().join("build.sh")).arg("--where").stderr(Stdio::null())).ok()
}

/// Builds what is missing, which takes minutes, once.
pub(crate) fn build() -> Result<Built, String> {
    folders(Command::new(tools().join("build.sh")).stderr(Stdio::inherit()))
}

fn folders(command: &mut Command) -> Result<Built, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("bash: {error}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    match stdout.lines().collect::<Vec<_>>()[..] {
        [programs, images] if output.status.success() => {
            Ok(Built { programs: programs.into(), images: images.into() })
        }
        _ => Err(format!("xtask/tools/cluster/build.sh: {}", output.status)),
    }
}

impl Built {
    /// The same images with other programs.
    pub(crate) fn with_programs(self, programs: &Path) -> Self {
        Self { programs: programs.to_owned(), ..self }
    }

    /// The image of the application, as `docker save` writes it.
    pub(crate) fn application(&self) -> PathBuf {
        self.images.join("application.tar")
    }
}

impl Node {
    /// Starts a node and waits until pods can run on it.
    pub(crate) fn start(built: &Built) -> Result<Self, String> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        kernel_before();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("xtask-node-{}-{number}", std::process::id()));
        let said = folder.with_extension("log");
        let mut process = Command::new(tools().join("up.sh"))
            .args([&folder, &built.programs, &built.images])
            // Signals of a terminal are for the tests; the node hears of their end by the pipe.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&said).map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| format!("up.sh: {error}"))?;
        let commands = process.stdin.take();
        let mut answers = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        let mut answer = String::new();
        answers.read_line(&mut answer).map_err(|error| error.to_string())?;
        let Some(number) = answer.trim().strip_prefix("ready ").and_then(|number| number.parse().ok()) else {
            // Once the script has ended it has cleaned up and said everything.
            drop(commands);
            drop(process.wait());
            let log = fs::read_to_string(&said).unwrap_or_default();
            drop(fs::remove_file(&said));
            return Err(format!("the node in {} did not come up: {answer}\n{log}", folder.display()));
        };
        drop(fs::remove_file(&said));
        let registry = forward(Ipv4Addr::new(10, 77, number, 1), 5000).map_err(|error| error.to_string())?;
        let line = Mutex::new(Line { commands, answers });
        Ok(Self { process, line, folder, programs: built.programs.clone(), number, registry })
    }

    /// The name of the node, of its link and of its cgroups.
    pub(crate) fn name(&self) -> String {
        format!("xtask-node{}", self.number)
    }

    /// The address of this machine at which its pods reach it.
    pub(crate) fn host(&self) -> String {
        format!("10.77.{}.254", self.number)
    }

    /// Holds everything that the node writes, and goes away with it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process that ends when the node has ended.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Of the administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfigs/admin")
    }

    /// kubectl in the node's own version.
    pub(crate) fn kubectl(&self) -> PathBuf {
        self.programs.join("bin/kubectl")
    }

    /// The port of this machine at which images are pushed. The node pulls from there whatever the registry in a reference
    /// is called.
    pub(crate) fn registry(&self) -> u16 {
        self.registry
    }

    /// Gives the node the images of an archive, of OCI or of `docker save`.
    pub(crate) fn import(&self, archive: &Path) -> Result<(), String> {
        self.ask(&format!("import {}", archive.display()))
    }

    /// Kills a program as a crash would.
    pub(crate) fn stop(&self, part: Part) -> Result<(), String> {
        self.ask(&format!("stop {}", part.name()))
    }

    /// Starts a program that was stopped, with what it has on disk. Does not wait until it answers.
    pub(crate) fn start_again(&self, part: Part) -> Result<(), String> {
        self.ask(&format!("start {}", part.name()))
    }

    fn ask(&self, command: &str) -> Result<(), String> {
        let mut line = self.line.lock().map_err(|error| error.to_string())?;
        let commands = line.commands.as_mut().ok_or("the node was taken down")?;
        writeln!(commands, "{command}").map_err(|error| format!("the node has ended: {error}"))?;
        let mut answer = String::new();
        line.answers.read_line(&mut answer).map_err(|error| error.to_string())?;
        match answer.trim() {
            "done" => Ok(()),
            problem => Err(format!("`{command}`: {problem}")),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Ok(mut line) = self.line.lock() {
            line.commands = None;
        }
        drop(self.process.wait());
    }
}

/// Listens on a port of this machine alone and passes what comes on to `port` of `to`. Pushing in the clear is for this
/// machine only; the node has an address of its own.
fn forward(to: Ipv4Addr, port: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // Where the node has gone, the client sees a connection that is closed.
            if let Ok(server) = TcpStream::connect((to, port)) {
                pass(&client, &server);
                pass(&server, &client);
            }
        }
    });
    Ok(own)
}

fn pass(from: &TcpStream, to: &TcpStream) {
    if let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) {
        thread::spawn(move || {
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(std::net::Shutdown::Write));
        });
    }
}
