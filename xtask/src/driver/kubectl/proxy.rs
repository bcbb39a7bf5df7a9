//! Pages of pods, through a `kubectl proxy` that lets nothing else through.
//!
//! It listens on a socket in a folder that only we can look into: a port would give our rights to every user of the machine.
//! It lives as long as the [`Proxy`] and ends with the run; one that dies is started again by the next question.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::session::{Call, Session, interrupted, local};
use super::{Failure, Kubectl};
use crate::core::capture::Capture;
use crate::core::http::url::Scheme;
use crate::core::http::{self, Url};
use crate::core::kubectl::Fault;
use crate::core::kubectl::scrape::{Miss, NOT_GET, Window};
use crate::driver::cancel::Cancel;
use crate::driver::files;
use crate::driver::http::{Client, Method, Request};
use crate::driver::process::{self, Request as Start, Stream};
use crate::error::Error;

/// How long a pod may take to answer.
pub const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long its answer may be, in bytes.
pub const SCRAPE_LENGTH_MAX: u64 = 1 << 20;

/// How many pods are asked at once.
const AT_ONCE: usize = 4;

/// How long kubectl may take until it listens. It asks a program for credentials first.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long it may take until a kubectl that has died is known to have.
const NOTICE: Duration = Duration::from_millis(500);

/// The pause between two looks at whether it listens.
const LOOK: Duration = Duration::from_millis(10);

/// The longest path of a socket that every system takes, in bytes (`sun_path` is 104 bytes on macOS, 108 on Linux).
const PATH_MAX: usize = 103;

/// How many folders of the name we would take may be there already, left behind by somebody who was killed.
const FOLDERS_MAX: u64 = 1_000;

/// The folders this process has made.
static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// A way to pages of pods. May be used from several threads at once.
pub struct Proxy {
    session: Arc<Session>,
    windows: Vec<Window>,
    accepts: String,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// How often it was started: a second kubectl would silently take the socket of a first one over.
    starts: u64,
}

/// A kubectl that was started.
struct Running {
    client: Client,
    stop: Cancel,
    watch: JoinHandle<()>,
    said: Arc<Mutex<Capture>>,
}

impl Kubectl {
    /// A way to these pages of pods, and to nothing else. kubectl is started by the first question.
    pub fn proxy(&self, windows: &[Window]) -> Result<Proxy, Failure> {
        let accepts: Option<Vec<String>> = windows.iter().map(Window::accepts).collect();
        let accepts = accepts.filter(|all| !all.is_empty()).ok_or_else(|| {
            local(Error::configuration("a page of metrics has a path of letters, digits and `-_.~/`"))
        })?;
        let session = Arc::clone(&self.0);
        let folder = private_folder(&session).map_err(local)?;
        let (windows, accepts) = (windows.to_vec(), accepts.join(","));
        Ok(Proxy { session, windows, accepts, folder, state: Mutex::default() })
    }
}

impl Proxy {
    /// The page of each of these pods, in their order, or why there is none; four at a time.
    ///
    /// A failure is that nobody could be asked at all. A window that the proxy was not made with is refused by kubectl.
    pub fn scrape(&self, window: &Window, pods: &[String]) -> Result<Vec<Result<Vec<u8>, Miss>>, Failure> {
        let (client, start) = self.client()?;
        let mut pages = ask_all(&client, window, pods, &(0..pods.len()).collect::<Vec<_>>());
        let lost = |page: &(usize, Result<Vec<u8>, Miss>)| matches!(page.1, Err(Miss::NoWay));
        let again: Vec<usize> = pages.iter().filter(|page| lost(page)).map(|&(at, _)| at).collect();
        if !again.is_empty() && self.has_ended(start) {
            let (client, _) = self.client()?;
            pages.retain(|page| !lost(page));
            pages.extend(ask_all(&client, window, pods, &again));
        }
        pages.sort_unstable_by_key(|&(at, _)| at);
        Ok(pages.into_iter().map(|(_, page)| page).collect())
    }

    /// The windows it was made with.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Who speaks with a kubectl that runs, and which start that was.
    fn client(&self) -> Result<(Client, u64), Failure> {
        if self.session.means.cancel.is_cancelled() {
            return Err(interrupted());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = state.running.as_ref().filter(|running| !running.watch.is_finished()) {
            return Ok((running.client.clone(), state.starts));
        }
        state.running = None;
        state.starts += 1;
        let socket = self.folder.join(format!("{}.sock", state.starts));
        let running = self.start(&socket)?;
        let client = running.client.clone();
        state.running = Some(running);
        Ok((client, state.starts))
    }

    /// Whether the kubectl of this start does not run any more. It may have died a moment ago.
    fn has_ended(&self, start: u64) -> bool {
        let end = Instant::now() + NOTICE;
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.starts != start
                || state.running.as_ref().is_none_or(|running| running.watch.is_finished())
            {
                return true;
            }
            drop(state);
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(LOOK);
        }
    }

    fn start(&self, socket: &Path) -> Result<Running, Failure> {
        let Session { means, .. } = &*self.session;
        let call = Call::new("ask pods", &["proxy"])
            .argument(format!("--unix-socket={}", socket.display()))
            .argument(format!("--accept-paths={}", self.accepts))
            .argument("--accept-hosts=^127[.]0[.]0[.]1$")
            .argument(format!("--reject-methods={NOT_GET}"))
            .argument("--reject-paths=^/api/.*/pods/.*/(exec|attach|portforward)$");
        let env = self.session.environment();
        let stop = Cancel::default();
        let request = Start {
            program: process::find("kubectl".as_ref(), &env, &means.folder).map_err(local)?,
            args: self.session.arguments(&call),
            env,
            cwd: means.folder.clone(),
            stdin: Vec::new(),
            apart: true,
            deadline: means.deadline,
            stop: Some(stop.clone()),
            sandbox: None,
        };
        let said = Arc::new(Mutex::new(Capture::new(4 << 10, 4 << 10)));
        let (runner, heard) = (Arc::clone(&means.runner), Arc::clone(&said));
        let watch = thread::spawn(move || {
            let take = |stream, bytes: &[u8]| {
                if stream == Stream::Stderr {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
                }
            };
            if let Err(error) = runner.run(&request, &mut { take }) {
                take(Stream::Stderr, error.to_string().as_bytes());
            }
        });
        let client = Client::through(socket.to_owned(), means.cancel.clone());
        let running = Running { client, stop, watch, said };
        self.wait_for(&running, socket, &call)?;
        Ok(running)
    }

    fn wait_for(&self, running: &Running, socket: &Path, call: &Call<'_>) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        while UnixStream::connect(socket).is_err() {
            if self.session.means.cancel.is_cancelled() {
                return Err(interrupted());
            }
            let is_late = Instant::now() >= end;
            if is_late || running.watch.is_finished() {
                let said = running.said.lock().unwrap_or_else(PoisonError::into_inner).text();
                let said = self.session.means.mask.text(&said);
                return Err(match crate::core::kubectl::classify(&said).first() {
                    Some(answer) if !is_late => self.session.explain(call, answer),
                    _ => self.session.failure(call, Fault::TimedOut, "`kubectl proxy` does not listen"),
                });
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// Asks the pods at these places of `pods`, several at a time.
fn ask_all(
    client: &Client,
    window: &Window,
    pods: &[String],
    places: &[usize],
) -> Vec<(usize, Result<Vec<u8>, Miss>)> {
    let next = AtomicUsize::new(0);
    let pages = Mutex::new(Vec::with_capacity(places.len()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(places.len()) {
            scope.spawn(|| {
                while let Some(&at) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let page = ask(client, window, &pods[at]);
                    pages.lock().unwrap_or_else(PoisonError::into_inner).push((at, page));
                }
            });
        }
    });
    pages.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn ask(client: &Client, window: &Window, pod: &str) -> Result<Vec<u8>, Miss> {
    if !Window::takes(pod) {
        return Err(Miss::Gone);
    }
    let url = Url::new(Scheme::Http, "127.0.0.1", &window.path(pod)).ok_or(Miss::NoWay)?;
    let request = Request::new(Method::Get, url)
        .header("accept", "text/plain;version=0.0.4, */*;q=0.1")
        .timeout(SCRAPE_TIMEOUT)
        .length_max(SCRAPE_LENGTH_MAX);
    let begun = Instant::now();
    match client.send(&request) {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => Err(Miss::of(answer.status, answer.header("audit-id").is_some(), &answer.body)),
        Err(failure) => Err(match failure.fault {
            http::Fault::Interrupted => Miss::Interrupted,
            http::Fault::TooLong => Miss::TooLong,
            http::Fault::Nonsense => Miss::Nonsense,
            http::Fault::CutOff if begun.elapsed() >= SCRAPE_TIMEOUT => Miss::Late,
            _ => Miss::NoWay,
        }),
    }
}

/// A folder that nobody else can look into, with a short path: where the system keeps such things, or among temporary files.
fn private_folder(session: &Session) -> Result<PathBuf, Error> {
    let get = |name| session.means.environment.filled(name);
    let candidates = [get("XDG_RUNTIME_DIR"), get("TMPDIR"), Some("/tmp")];
    let fits = |folder: &&Path| {
        // Whatever comes below it is shorter than this.
        folder.is_dir() && folder.as_os_str().len() + "/xtask-4194304-1000/100000.sock".len() <= PATH_MAX
    };
    let above = candidates.into_iter().flatten().map(Path::new).find(fits).ok_or_else(|| {
        Error::missing("there is no folder for a socket")
            .hint("`TMPDIR` should name a folder with a path of less than 70 bytes")
    })?;
    let mut last = None;
    for _ in 0..FOLDERS_MAX {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = above.join(format!("xtask-{}-{number}", std::process::id()));
        match files::create_private_folder(&folder) {
            Ok(()) => return Ok(folder),
            // Made by an earlier process of our number, or by somebody who would like us to use it.
            Err(error) if folder.symlink_metadata().is_ok() => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::missing(format!("could not make a folder in `{}`", above.display()))))
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        // Who watches it ends only after it has ended, and so has its whole group.
        while !self.watch.is_finished() {
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).running = None;
        // It is ours alone and holds a socket that nobody listens on.
        drop(files::remove(&self.folder));
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("windows", &self.windows).finish_non_exhaustive()
    }
}
