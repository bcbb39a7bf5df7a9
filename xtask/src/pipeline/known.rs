//! What the results of tasks depend on beside what is in their footprints: what many have in common, worked out once, and tools.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Footprint;
use crate::core::fingerprint::{Digest, Part, Subject, Value};
use crate::cx::{Cx, Programs};
use crate::driver::environment::{MACHINE, is_named};
use crate::driver::{platform, process};
use crate::error::Result;

/// Program, platform and the variables that count, by the names that are declared: the same during a whole run, and worked out once,
/// because for a thousand tasks it would be most of the work.
#[derive(Debug, Default)]
pub(super) struct Common(Mutex<HashMap<Vec<String>, Arc<Vec<Part>>>>);

/// Tools, by their name, as they are at one moment.
#[derive(Debug, Default)]
pub(super) struct Tools(Mutex<HashMap<String, Tool>>);

/// A tool.
#[derive(Clone, Debug)]
struct Tool {
    /// Where it stands; `None` where that is nowhere, or depends on the folder that a command runs in.
    path: Option<PathBuf>,
    value: Value,
}

impl Common {
    /// What the result of `task` depends on that it may have in common with other tasks: the program that runs them, the
    /// platform, and the variables that count.
    pub(super) fn of(&self, cx: &Cx, task: &str, footprint: &Footprint, program: &Digest) -> Arc<Vec<Part>> {
        let declared = [cx.config().declared_env(task).as_slice(), footprint.own_variables()].concat();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parts) = known.get(&declared) {
            return Arc::clone(parts);
        }
        let asked: Vec<&str> = declared.iter().map(String::as_str).collect();
        let mut parts = vec![
            Part { subject: Subject::Program, value: Value::Digest(*program) },
            Part { subject: Subject::Platform, value: hide(cx, platform::name().into()) },
        ];
        for (name, value) in cx.environment().for_commands(&declared) {
            let name = name.to_string_lossy().into_owned();
            if !is_named(&name, MACHINE) || is_named(&name, &asked) {
                let value = hide(cx, value.to_string_lossy());
                parts.push(Part { subject: Subject::Variable(name), value });
            }
        }
        let parts = Arc::new(parts);
        known.insert(declared, Arc::clone(&parts));
        parts
    }
}

impl Tools {
    /// All that the result of `task` depends on beside what it has in common with others, but for files and the tasks before it; and
    /// the programs among that, where they stand on `PATH`.
    ///
    /// `digest` gives the digest of a program.
    pub(super) fn parts(
        &self,
        cx: &Cx,
        task: &str,
        footprint: &Footprint,
        digest: &dyn Fn(&Path) -> Result<Option<Digest>>,
    ) -> Result<(Vec<Part>, Programs)> {
        let mut parts = footprint.parts(task, platform::unix_time(), &|text| hide(cx, text));
        let mut programs = Vec::new();
        for name in footprint.programs() {
            let Tool { path, value } = self.tool(cx, &name, digest)?;
            programs.extend(path.map(|path| (name.to_string(), path)));
            parts.push(Part { subject: Subject::Tool(name.into_owned()), value });
        }
        Ok((parts, programs.into()))
    }

    fn tool(&self, cx: &Cx, name: &str, digest: &dyn Fn(&Path) -> Result<Option<Digest>>) -> Result<Tool> {
        if let Some(tool) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(tool.clone());
        }
        let path = cx.environment().path();
        let found = process::find_in(path, name.as_ref(), cx.root()).ok();
        let value = match &found {
            Some(path) => digest(path)?.map_or(Value::Absent, Value::Digest),
            None => Value::Absent,
        };
        let tool = Tool { path: found.filter(|_| is_everywhere_the_same(name, path)), value };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), tool.clone());
        Ok(tool)
    }
}

/// Whether the program of a name is the same one for commands in all folders.
fn is_everywhere_the_same(name: &str, path: Option<&OsStr>) -> bool {
    let mut folders = path.into_iter().flat_map(|path| path.as_bytes().split(|&byte| byte == b':'));
    !name.contains('/') && folders.all(|folder| folder.starts_with(b"/"))
}

/// The programs of a task that lie in the repository, relative to it.
pub(super) fn own_programs(cx: &Cx, footprint: &Footprint) -> Vec<PathBuf> {
    let path = cx.environment().path();
    let folders = || path.into_iter().flat_map(std::env::split_paths);
    let has_own = folders().any(|folder| folder.is_relative() || folder.starts_with(cx.root()));
    let programs = footprint.programs().into_iter();
    let found = programs
        .filter(|name| has_own || name.contains('/'))
        .filter_map(|name| process::find_in(path, name.as_ref().as_ref(), cx.root()).ok());
    found.filter_map(|path| path.strip_prefix(cx.root()).ok().map(Path::to_owned)).collect()
}

/// Words, or their digest where they hold a secret.
fn hide(cx: &Cx, text: Cow<'_, str>) -> Value {
    if cx.mask().finds_in(text.as_bytes()) {
        Value::Hidden(Digest::of(text.as_bytes()))
    } else {
        Value::Text(text.into_owned())
    }
}
