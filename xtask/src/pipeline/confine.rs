//! What the commands of a task whose result is reused may read: inside the repository, what the task declares.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::Footprint;
use super::known::own_programs;
use crate::core::fingerprint::Manifest;
use crate::core::fingerprint::reach::Reach;
use crate::core::graph::TaskId;
use crate::core::text::count;
use crate::cx::Cx;
use crate::driver::files;
use crate::driver::sandbox::{self, Audit, Sandbox};
use crate::error::{Context as _, Error, Result};

/// How many files an error names.
const NAMED_MAX: usize = 10;

/// Whether and how the commands of a run are confined.
pub(super) struct Confinement {
    /// Whether somebody has turned it off for this run.
    off: bool,
    /// Why this machine cannot.
    unavailable: Option<String>,
    /// Whether the run has said that it does not.
    said: AtomicBool,
    /// Whether tasks need folders of their own for temporary files.
    is_among_temporary: OnceLock<bool>,
    /// Tells of what was refused, where this process may hear it.
    audit: Option<Audit>,
}

/// Of one task: it holds the folder for temporary files, where there is one, and takes it away.
#[derive(Default)]
pub(super) struct Confined {
    /// `None` where the task is not confined.
    pub(super) sandbox: Option<Arc<Sandbox>>,
    temporary: Option<PathBuf>,
}

impl Drop for Confined {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            // What cannot be removed now is removed before the task runs again.
            drop(files::remove(folder));
        }
    }
}

impl Confinement {
    pub(super) fn new(off: bool) -> Self {
        let unavailable = sandbox::unavailable();
        let audit = if off || unavailable.is_some() { None } else { Audit::open() };
        Self { off, unavailable, said: AtomicBool::new(false), is_among_temporary: OnceLock::new(), audit }
    }

    /// Whether somebody has turned off what would have been checked: such a result is nobody else's.
    pub(super) fn was_waived(&self, footprint: &Footprint) -> bool {
        self.off && self.unavailable.is_none() && footprint.unsandboxed_because().is_none()
    }

    /// Confines a task whose inputs were seen to be `inputs`, and makes the folders that it counts on. Says why where it does
    /// not: once in a run, or once for a task that says so itself.
    pub(super) fn confine(
        &self,
        cx: &Cx,
        task: &TaskId,
        footprint: &Footprint,
        inputs: &Manifest,
    ) -> Result<Confined> {
        let parsed = footprint.parsed()?;
        let reach = Reach::new(&parsed.inputs, &parsed.outputs, inputs);
        for folder in &reach.folders {
            std::fs::create_dir_all(cx.root().join(folder))
                .context(|| format!("could not make `{}`", folder.display()))?;
        }
        if let Some(reason) = footprint.unsandboxed_because() {
            cx.note(format!("`{task}` may read everything: {reason}"));
            return Ok(Confined::default());
        }
        let why = if self.off { Some("`--no-sandbox`") } else { self.unavailable.as_deref() };
        if let Some(why) = why {
            if !self.said.swap(true, Ordering::Relaxed) {
                cx.note(format!("whether tasks read only what they declare is not checked: {why}"));
            }
            return Ok(Confined::default());
        }
        // The digests of its own programs are part of its key.
        let inside = reach.paths.into_iter().chain(always(cx)).chain(own_programs(cx, footprint));
        let failed = || "could not make the sandbox".to_owned();
        let sandbox = Sandbox::new(cx.root(), inside).context(failed)?.audited(self.audit.is_some());
        if !*self.is_among_temporary.get_or_init(|| is_among_temporary(cx)) {
            return Ok(Confined { sandbox: Some(Arc::new(sandbox)), temporary: None });
        }
        let temporary = cx.output_folder().join("tmp").join(task.as_str());
        files::remove(&temporary)?;
        create_temporary(&temporary)?;
        let sandbox = Some(Arc::new(sandbox.temporary(&temporary)));
        Ok(Confined { sandbox, temporary: Some(temporary) })
    }
}

impl Confinement {
    /// What is wrong with a task that has passed although it was refused something inside of the repository: it has gone on without,
    /// and would say something else where it is given that.
    pub(super) fn objection(&self, cx: &Cx, task: &TaskId, confined: &Confined) -> Option<Error> {
        let refused = self.audit.as_ref()?.refused(confined.sandbox.as_deref()?);
        let root = cx.root().canonicalize().ok()?;
        let inside = refused.iter().filter_map(|path| path.strip_prefix(&root).ok());
        let paths: Vec<String> = inside.map(|path| format!("`{}`", path.display())).collect();
        let named = paths.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let rest = match paths.len().checked_sub(NAMED_MAX) {
            None | Some(0) => String::new(),
            Some(rest) => format!(", and {}", count(rest, "more file")),
        };
        let message =
            format!("`{task}` passed although it could not read {named}{rest}, which it does not declare");
        let error = Error::problems(cx.mask().text(&message));
        (!paths.is_empty())
            .then(|| error.hint("declare it with `reads`, or keep its tools from looking for it"))
    }
}

/// What every task may read: what set-up has installed, the output folder, where scratch folders are, and, in a worktree and in
/// a submodule, the file that says where on this machine git keeps what belongs to it.
fn always(cx: &Cx) -> impl Iterator<Item = PathBuf> {
    let git = Some(cx.root().join(".git")).filter(|git| git.is_file());
    let places = [cx.tools_folder().join("tools"), cx.output_folder().to_owned()];
    places.into_iter().chain(git).filter_map(|folder| folder.strip_prefix(cx.root()).ok().map(Path::to_owned))
}

/// Makes a folder that is what the usual one is: everybody may use it, and only take away what is their own. A database that a
/// test starts runs as another user.
fn create_temporary(folder: &Path) -> Result<()> {
    let open = Permissions::from_mode(0o1777);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::set_permissions(folder, open))
        .context(|| format!("could not make `{}`", folder.display()))
}

/// Whether the usual folder for temporary files is above the repository: nothing that is made there later can be read by a command
/// that has been confined before.
fn is_among_temporary(cx: &Cx) -> bool {
    let usual = cx.environment().filled("TMPDIR").unwrap_or("/tmp");
    let places = Path::new(usual).canonicalize().and_then(|usual| Ok((usual, cx.root().canonicalize()?)));
    places.is_ok_and(|(usual, root)| root.starts_with(usual))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::event::{Body, Event, Sink};

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Sink for Notes {
        fn event(&self, event: &Event) {
            if let Body::Note { message, .. } = &event.body {
                self.0.lock().unwrap().push(message.clone());
            }
        }
    }

    #[test]
    fn the_folder_for_temporary_files_is_everybodys() {
        let folder = tempfile::tempdir().unwrap();
        let temporary = folder.path().join("tmp/test.backend");
        create_temporary(&temporary).unwrap();
        let mode = std::fs::metadata(&temporary).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o1777);
    }

    #[test]
    fn a_run_says_once_that_it_cannot_check() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Arc::new(Notes::default());
        let cx = Cx::builder(folder.path()).sink(Arc::clone(&notes) as Arc<dyn Sink>).build();
        let confinement = |off, unavailable: Option<&str>| Confinement {
            off,
            unavailable: unavailable.map(str::to_owned),
            said: AtomicBool::new(false),
            is_among_temporary: OnceLock::new(),
            audit: None,
        };
        let (one, two) = (TaskId::new("one").unwrap(), TaskId::new("two").unwrap());
        let usual = Footprint::new().reads(["in"]).makes(["out/"]);
        let free = Footprint::new().unsandboxed("it mounts");
        let run = |confinement: &Confinement| {
            let tasks = [(&one, &usual), (&two, &usual), (&two, &free)];
            let sandboxed = tasks.map(|(task, footprint)| {
                let confined = confinement.confine(&cx, task, footprint, &Manifest::default()).unwrap();
                (confined.sandbox.is_some(), confinement.was_waived(footprint))
            });
            (sandboxed, std::mem::take(&mut *notes.0.lock().unwrap()))
        };
        let unchecked =
            |why: &str| format!("whether tasks read only what they declare is not checked: {why}");
        let free = "`two` may read everything: it mounts".to_owned();
        // The kernel cannot: what is made then is as good as it gets, also where somebody turns off what is not there.
        for off in [false, true] {
            let why = if off { "`--no-sandbox`" } else { "no Landlock" };
            let expected = [(false, false), (false, false), (false, false)];
            assert_eq!(
                run(&confinement(off, Some("no Landlock"))),
                (expected, vec![unchecked(why), free.clone()])
            );
        }
        // Somebody has turned it off.
        let expected = [(false, true), (false, true), (false, false)];
        assert_eq!(
            run(&confinement(true, None)),
            (expected, vec![unchecked("`--no-sandbox`"), free.clone()])
        );
        // It is there.
        let expected = [(true, false), (true, false), (false, false)];
        assert_eq!(run(&confinement(false, None)), (expected, vec![free]));
        assert!(folder.path().join("out").is_dir(), "made with a sandbox and without");
    }
}
