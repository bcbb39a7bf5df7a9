//! The store of results: how much there is, what is thrown away, and whether everything is what it says it is.

pub mod key;

use serde::Serialize;

use crate::core::table;
use crate::core::text::{bytes, count};
use crate::cx::Cx;
use crate::driver::cache::{self, Store};
use crate::error::{Error, Result};
use crate::event::Body;

/// Says how much is stored, and of which tasks.
pub fn stats(cx: &Cx) -> Result<()> {
    let stats = store(cx).stats()?;
    let limit = cx.config().cache.size_max;
    let mut text = format!(
        "{}\n{} of at most {}: {}, {} of files\n",
        stats.folder.display(),
        bytes(stats.bytes),
        bytes(limit),
        counted(stats.entries, "result"),
        counted(stats.blobs, "content"),
    );
    if !stats.tasks.is_empty() {
        let mut rows = vec![["task", "results"].map(str::to_owned)];
        rows.extend(stats.tasks.iter().map(|(task, count)| [task.clone(), count.to_string()]));
        text.push('\n');
        text.push_str(&table::aligned(&rows));
    }
    let mut data = in_json(&stats)?;
    data["size_max"] = limit.into();
    cx.emit(Body::Answer { text, data });
    Ok(())
}

/// Throws results away, those that were not used for longest first, until no more than `size` bytes are left; where that is not
/// said, what `[cache] size-max` says.
pub fn prune(cx: &Cx, size: Option<u64>) -> Result<()> {
    let pruned = store(cx).prune(size.unwrap_or(cx.config().cache.size_max))?;
    let text = format!(
        "{} and {} of files thrown away, {}; {} left\n",
        counted(pruned.entries, "result"),
        counted(pruned.blobs, "content"),
        bytes(pruned.bytes),
        bytes(pruned.left),
    );
    cx.emit(Body::Answer { text, data: in_json(&pruned)? });
    Ok(())
}

/// Reads everything that is stored, and throws away what is not what it says it is. An error of kind `Problems` where there was
/// something.
pub fn verify(cx: &Cx) -> Result<()> {
    let verified = store(cx).verify(|done, total| {
        cx.progress(done, Some(total), "files");
        cx.check()
    })?;
    let mut text = format!(
        "{} and {} of files are what they say\n",
        counted(verified.entries, "result"),
        counted(verified.blobs, "content"),
    );
    for fault in &verified.faults {
        text.push_str(fault);
        text.push('\n');
    }
    cx.emit(Body::Answer { text, data: in_json(&verified)? });
    match verified.faults.len() {
        0 => Ok(()),
        faults => Err(Error::problems(format!("{} found in the cache", count(faults, "fault")))
            .hint("what was wrong has been thrown away: the tasks run again")),
    }
}

fn store(cx: &Cx) -> Store {
    Store::new(cache::place(cx.root(), &cx.tools_folder()))
}

fn counted(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn in_json(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::bug("the cache cannot be described as JSON").source(error))
}
