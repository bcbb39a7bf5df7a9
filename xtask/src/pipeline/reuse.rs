//! Whether a task has to run: its result is looked for, put back, or made and stored.
//!
//! Nothing here fails a task. What cannot be looked at, found, put back or stored makes it run, or not be stored, and is said.

mod keep;
mod looked;
mod missed;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use keep::{Made, NotStored};
use looked::Stands;
pub(super) use looked::{Looked, Ready};
pub(super) use missed::Earlier;

use super::Footprint;
use super::confine::{Confined, Confinement};
use super::known::{Common, Tools};
use super::remote;
use super::retry::tries;
use crate::core::fingerprint::Digest;
use crate::core::fingerprint::entry::{Entry, Said};
use crate::core::fingerprint::index::{Index, Left};
use crate::core::fingerprint::patterns::Patterns;
use crate::core::fingerprint::sets::Sets;
use crate::core::fingerprint::walk::Mode;
use crate::core::graph::TaskId;
use crate::cx::{Cx, Ground};
use crate::driver::cache::{self, Claim, Clock, Eye, Found, Remote, Seen, Sight, Store};
use crate::driver::{files, platform};
use crate::error::{Error, Result};
use crate::event::{Reuse, Status, TaskEnd};

/// How often somebody who waits for another process that makes the same result looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why nothing is reused where somebody wants it so.
pub(super) const OFF: &str = "the cache is not used";

/// How the cache is used.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Caching {
    /// Whether nothing is looked for and nothing stored. What tasks make is taken away before they run all the same.
    pub off: bool,
    /// Tasks that run whatever is stored, by id or by its leading words; their results are stored.
    pub force: Vec<String>,
    /// Whether the commands of tasks may read what the tasks do not declare. What they make then is not stored.
    pub no_sandbox: bool,
}

/// The cache of one run.
pub(super) struct Cache {
    eye: Eye,
    store: Store,
    /// What other machines have stored, where there is a server for it.
    remote: Option<Remote>,
    program: Digest,
    caching: Caching,
    /// Whether a gate that could not look fails: then it looks, whatever is stored.
    strict: bool,
    confinement: Confinement,
    /// What was seen of sets of files before anything ran, by their numbers.
    seen: Mutex<(Sets, Vec<Shared>)>,
    /// What was seen of the checkout, before anything ran.
    sight: Sight,
    /// What tasks have in common.
    common: Common,
    /// Their tools, before anything ran.
    tools: Tools,
    clock: Clock,
    /// What it said before the first look.
    start: u64,
    today: u64,
}

/// A set of files that several tasks may have in common: the first that needs it looks at it.
type Shared = Arc<OnceLock<Result<Arc<Seen>>>>;

impl Cache {
    /// The cache of the repository of `cx`.
    pub(super) fn open(cx: &Cx, caching: Caching) -> Result<Self> {
        let clock = Clock::new(cx.tools_folder());
        let start = clock.now()?;
        Self::from(cx, caching, clock, start)
    }

    /// The same for whoever only looks: nothing is written, not even to ask for the file system's time. What is read now is
    /// then not known again later, which is no loss to somebody who writes nothing down.
    pub(super) fn open_to_look(cx: &Cx, caching: Caching) -> Result<Self> {
        Self::from(cx, caching, Clock::new(cx.tools_folder()), 0)
    }

    fn from(cx: &Cx, caching: Caching, clock: Clock, start: u64) -> Result<Self> {
        let path = index_path(cx);
        let index = std::fs::read(&path).ok().and_then(Index::decode).unwrap_or_default();
        let eye = Eye::new(cx.root(), index);
        let program =
            platform::this_program().map_err(|error| Error::io("could not find this program", error))?;
        let program = eye.digest(&program, start)?.ok_or_else(|| Error::bug("this program is not there"))?;
        let store = Store::new(cache::place(cx.root(), &cx.tools_folder()));
        let today = platform::unix_time() / (24 * 60 * 60);
        let confinement = Confinement::new(caching.no_sandbox);
        Ok(Self {
            eye,
            store,
            remote: if caching.off { None } else { remote::open(cx) },
            program,
            caching,
            strict: cx.is_strict(),
            confinement,
            seen: Mutex::default(),
            sight: Sight::shared(),
            common: Common::default(),
            tools: Tools::default(),
            clock,
            start,
            today,
        })
    }

    /// Writes down what is known of the checkout.
    pub(super) fn close(&self, cx: &Cx) {
        if let Some(remote) = &self.remote {
            remote::finish(cx, remote);
        }
        let bytes = self.eye.index(|index| {
            index.is_changed().then(|| {
                index.forget(self.looked_at(), |path| {
                    cx.root().join(OsStr::from_bytes(path)).symlink_metadata().is_ok()
                });
                index.encode()
            })
        });
        if let Some(bytes) = bytes
            && let Err(error) = files::write(&index_path(cx), &bytes)
        {
            cx.warn_of(&error, "the next run reads all files again");
        }
    }

    /// How many files were looked at before anything ran.
    fn looked_at(&self) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.1.iter().filter_map(|shared| shared.get()?.as_ref().ok());
        seen.map(|seen| seen.manifest.files().len()).sum()
    }

    /// Looks at what the result of the task depends on; `fresh` looks at the files now, else what was seen before anything ran is
    /// good enough, because nothing that ran since goes before this task.
    pub(super) fn look(&self, cx: &Cx, task: &TaskId, footprint: &Footprint, fresh: bool) -> Result<Looked> {
        let moment = if fresh { self.clock.lately()? } else { self.start };
        let now = Sight::default();
        let look = |name: &[u8], patterns: &Patterns, mode: Mode| -> Result<Arc<Seen>> {
            let look = |sight| self.eye.look(patterns, mode, moment, sight).map(Arc::new);
            if fresh { look(&now) } else { self.shared(name).get_or_init(|| look(&self.sight)).clone() }
        };
        let parsed = footprint.parsed()?;
        let inputs = look(&parsed.inputs_name, &parsed.inputs, Mode::Inputs)?;
        let outputs = look(&parsed.outputs_name, &parsed.outputs, Mode::Outputs)?;
        let digest = |path: &std::path::Path| self.eye.digest(path, moment);
        let common = self.common.of(cx, task.as_str(), footprint, &self.program);
        // What ran since may have made another tool.
        let anew = Tools::default();
        let tools = if fresh { &anew } else { &self.tools };
        let (parts, programs) = tools.parts(cx, task.as_str(), footprint, &digest)?;
        let log = digest(&cx.log_of(task))?;
        // Worked out here, where other threads do other things at the same time.
        inputs.manifest.digest();
        let left = self.left(task, &outputs.manifest.digest(), log.as_ref());
        let stands = Stands { outputs, age_max: footprint.age_max(), left };
        Looked { parts, common, programs, inputs, stands }.apart(task)
    }

    fn shared(&self, name: &[u8]) -> Shared {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (sets, seen) = &mut *seen;
        let number = sets.number(name);
        if seen.len() == number {
            seen.push(Shared::default());
        }
        Arc::clone(&seen[number])
    }

    /// What the result of the task depends on, looked at now.
    fn ready_now(
        &self,
        cx: &Cx,
        task: &TaskId,
        footprint: &Footprint,
        before: &[(TaskId, Digest)],
    ) -> Result<Ready> {
        Ok(self.look(cx, task, footprint, true)?.after(before))
    }

    /// Where results are kept.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether a result may be used that was stored then and said this.
    pub(super) fn may_use(&self, stands: &Stands, said: &Said, stored: u64) -> bool {
        stands.may_use(said, stored, platform::unix_time(), self.strict)
    }

    /// Whether nothing is looked for.
    pub(super) fn is_off(&self) -> bool {
        self.caching.off
    }

    /// The key of the result that this checkout was left with.
    pub(super) fn left_key(&self, task: &TaskId) -> Option<Digest> {
        self.eye.index(|index| index.left(task.as_str()).map(|left| left.key))
    }

    /// How many files each of these tasks has made, as far as this checkout was left with them.
    pub(super) fn sizes<'t>(&self, tasks: impl Iterator<Item = &'t TaskId>) -> Vec<u64> {
        self.eye
            .index(|index| tasks.map(|task| index.left(task.as_str()).map_or(0, |left| left.files)).collect())
    }

    /// Whether the result is what this checkout was left with, and stands there untouched.
    pub(super) fn is_in_place(&self, ready: &Ready) -> bool {
        self.may_stay(&ready.key, &ready.stands).is_some()
    }

    /// Whether a task must run whatever is stored.
    pub(super) fn is_forced(&self, task: &TaskId) -> bool {
        self.caching.force.iter().any(|selector| task.is_selected_by(selector))
    }

    /// What this checkout was left with, and what it said, where these outputs and this log are what it was left with.
    fn left(&self, task: &TaskId, outputs: &Digest, log: Option<&Digest>) -> Option<Arc<(Left, Said)>> {
        let left = self.eye.index(|index| index.left(task.as_str()).cloned())?;
        if left.outputs != *outputs || left.log.as_ref() != log {
            return None;
        }
        let said = left.said.as_deref().map_or_else(|| Ok(Said::default()), serde_json::from_slice).ok()?;
        Some(Arc::new((left, said)))
    }

    /// What this checkout was left with, where that is the result and may be used.
    fn may_stay<'s>(&self, key: &Digest, stands: &'s Stands) -> Option<&'s (Left, Said)> {
        let is_it =
            |(left, said): &&(Left, Said)| left.key == *key && self.may_use(stands, said, left.stored);
        stands.left.as_deref().filter(is_it)
    }

    /// The result, if it is what this checkout was left with and stands there untouched.
    pub(super) fn in_place(&self, cx: &Cx, task: &TaskId, key: &Digest, stands: &Stands) -> Option<TaskEnd> {
        if self.caching.off || self.is_forced(task) {
            return None;
        }
        let (left, said) = self.may_stay(key, stands)?;
        cx.say_again(task, &said.clone().retold(task.as_str(), left.stored, platform::unix_time()));
        if left.used < self.today {
            self.store.use_entry(key);
            let used = Left { used: self.today, ..left.clone() };
            self.eye.index(|index| index.leave(task.as_str(), Some(used)));
        }
        Some(hit(cx, task, left.took, left.log.is_some()))
    }

    /// The result, if it is stored: put back where it differs from what stands there. Where that fails half-way, what was put
    /// back is taken away before the task runs.
    fn put_back(&self, cx: &Cx, task: &TaskId, ready: &Ready) -> Option<TaskEnd> {
        if self.is_forced(task) {
            return None;
        }
        let fetch = || {
            let entry = remote::fetch(cx, self.remote.as_ref()?, task, &self.store, &ready.key)?;
            self.may_use(&ready.stands, &entry.said, entry.stored).then_some(entry)
        };
        let entry = match self.store.find(&ready.key) {
            Found::Entry(entry) if self.may_use(&ready.stands, &entry.said, entry.stored) => entry,
            Found::Entry(_) | Found::Nothing => fetch()?,
            Found::Fault(error) => {
                cx.warn_of(&error, format!("`{task}` runs as if nothing were stored"));
                return None;
            }
        };
        self.eye.index(|index| index.leave(task.as_str(), None));
        ready.is_touched.set(true);
        let restored = cache::restore(&self.store, cx.root(), &ready.stands.outputs.manifest, &entry)
            .and_then(|()| self.restore_log(cx, task, &entry));
        if let Err(error) = restored {
            // Where one thing is damaged, others may be, and what looks like it is there is not stored again.
            for blob in entry.blobs() {
                drop(self.store.bytes(&blob));
            }
            cx.warn_of(&error, format!("`{task}` runs as if nothing were stored"));
            return None;
        }
        self.store.use_entry(&ready.key);
        self.leave(task, &ready.key, &entry);
        let has_log = entry.said.log.is_some();
        cx.say_again(task, &entry.said.retold(task.as_str(), entry.stored, platform::unix_time()));
        Some(hit(cx, task, entry.took, has_log))
    }

    fn restore_log(&self, cx: &Cx, task: &TaskId, entry: &Entry) -> Result<()> {
        match &entry.said.log {
            Some(digest) => self.store.write_out(entry, digest, &cx.log_of(task), 0o644),
            None => files::remove(&cx.log_of(task)),
        }
    }

    /// Runs a task, as `run` does, with its result looked for before and stored afterwards.
    pub(super) fn run(
        &self,
        cx: &Cx,
        task: &TaskId,
        footprint: &Footprint,
        before: &[(TaskId, Digest)],
        retries: u32,
        run: impl Fn(Ground) -> (TaskEnd, Said),
    ) -> (TaskEnd, Option<Digest>) {
        let unlooked = |error: &Error| {
            cx.warn_of(error, format!("`{task}` runs, and its result is not stored"));
        };
        let mut ready = match self.ready_now(cx, task, footprint, before) {
            Ok(ready) => ready,
            Err(error) => {
                unlooked(&error);
                let (end, _) = tries(cx, task, retries, || run(Ground::default()));
                return (not_stored(end, "what it depends on could not be looked at"), None);
            }
        };
        let run_all = |ready: &Ready| {
            tries(cx, task, retries, || {
                let (end, said, cleaned) = self.run_cleaned(cx, task, footprint, ready, &run);
                (end, (said, cleaned))
            })
        };
        if self.caching.off {
            let end = run_all(&ready).0;
            return (end.by(Reuse::Uncached { reason: OFF.to_owned() }), None);
        }
        let in_place = self.in_place(cx, task, &ready.key, &ready.stands);
        if let Some(end) = in_place.or_else(|| self.put_back(cx, task, &ready)) {
            return (end, Some(ready.key));
        }
        // Whoever makes this result now, makes it for us as well.
        let claim = match self.wait(cx, task, &ready.key) {
            Ok((claim, waited)) => {
                if waited {
                    match self.ready_now(cx, task, footprint, before) {
                        Ok(again) => ready = again,
                        Err(error) => unlooked(&error),
                    }
                    if let Some(end) = self.put_back(cx, task, &ready) {
                        return (end, Some(ready.key));
                    }
                }
                Some(claim)
            }
            // The run itself will say that it is asked to end.
            Err(error) => {
                if cx.check().is_ok() {
                    cx.warn_of(&error, "another process may do the same work at the same time");
                }
                None
            }
        };
        self.say_missed(cx, task, &ready.fingerprint);
        let (end, (said, cleaned)) = run_all(&ready);
        if end.status != Status::Passed {
            return (end, None);
        }
        if let Err(error) = cleaned {
            unlooked(&error);
            return (not_stored(end, "it could not be prepared"), Some(ready.key));
        }
        if end.is_flaky() {
            // Who is given a stored result must be able to rely on it, and nobody would hear of the mark any more.
            let reason = format!("it passed only on try {}", end.earlier.len() + 1);
            return (not_stored(end, reason), Some(ready.key));
        }
        if self.confinement.was_waived(footprint) {
            return (not_stored(end, "nothing has checked what it reads"), Some(ready.key));
        }
        let stored = self.store_result(cx, task, footprint, &ready, Made { end: &end, said, claim });
        let end = match stored {
            Ok(()) => end.by(Reuse::Stored),
            // The gap itself was said.
            Err(NotStored::Blind(reason)) => not_stored(end, reason),
            Err(NotStored::Because(reason)) => {
                cx.warn(
                    format!("the result of `{task}` was not stored: {reason}"),
                    "it runs again next time",
                );
                not_stored(end, reason)
            }
            Err(NotStored::Fault(error)) => {
                cx.warn_of(&error, format!("the result of `{task}` is not stored: it runs again next time"));
                not_stored(end, error.message())
            }
        };
        (end, Some(ready.key))
    }

    /// Runs a task after what stands where it makes something was taken away; whether that could be done, and the task be
    /// confined to what it declares.
    fn run_cleaned(
        &self,
        cx: &Cx,
        task: &TaskId,
        footprint: &Footprint,
        ready: &Ready,
        run: impl FnOnce(Ground) -> (TaskEnd, Said),
    ) -> (TaskEnd, Said, Result<()>) {
        self.eye.index(|index| index.leave(task.as_str(), None));
        let cleaned = self.clean(cx, task, footprint, ready);
        let confined = self.confinement.confine(cx, task, footprint, &ready.inputs.manifest);
        let (confined, made) = match confined {
            Ok(confined) => (confined, Ok(())),
            Err(error) => (Confined::default(), Err(error)),
        };
        let (sandbox, programs) = (confined.sandbox.clone(), Arc::clone(&ready.programs));
        let (mut end, said) = run(Ground { sandbox, programs });
        if end.status == Status::Passed
            && let Some(error) = self.confinement.objection(cx, task, &confined)
        {
            (end.status, end.failure) = (Status::Failed, Some(error));
        }
        (end, said, cleaned.and(made))
    }

    /// Takes away what stands where the task makes something: what was seen, or what stands there now where a try has left something, or
    /// a result that could be put back only in part.
    fn clean(&self, cx: &Cx, task: &TaskId, footprint: &Footprint, ready: &Ready) -> Result<()> {
        if ready.is_touched.replace(true) {
            let parsed = footprint.parsed()?;
            let there = self.eye.look(&parsed.outputs, Mode::Outputs, self.start, &Sight::default())?;
            cache::clean(cx.root(), &there.manifest)?;
        } else {
            cache::clean(cx.root(), &ready.stands.outputs.manifest)?;
        }
        files::remove(&cx.log_of(task))
    }

    fn wait(&self, cx: &Cx, task: &TaskId, key: &Digest) -> Result<(Claim, bool)> {
        let holder = format!("process {}", std::process::id());
        let mut waited = false;
        loop {
            match self.store.claim(key, &holder)? {
                Ok(claim) => return Ok((claim, waited)),
                Err(other) if !waited => {
                    cx.note(format!("`{task}` waits for the same work of another run ({other})"));
                    waited = true;
                }
                Err(_) => {}
            }
            cx.check()?;
            thread::sleep(LOOK_AGAIN);
        }
    }
}

fn hit(cx: &Cx, task: &TaskId, took: u64, has_log: bool) -> TaskEnd {
    TaskEnd {
        log: has_log.then(|| cx.log_of(task)),
        reuse: Some(Reuse::Hit { saved: Duration::from_micros(took) }),
        ..TaskEnd::new(task.clone(), Status::Passed, Duration::ZERO)
    }
}

fn not_stored(end: TaskEnd, reason: impl Into<String>) -> TaskEnd {
    end.by(Reuse::NotStored { reason: reason.into() })
}

/// The index of a checkout: beside its tools, where no build takes it away.
fn index_path(cx: &Cx) -> std::path::PathBuf {
    cx.tools_folder().join("checkout.index")
}
