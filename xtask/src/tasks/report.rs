//! The report: what a run left behind, as one page to open, send and print.
//!
//! It reads the event lines and the JUnit file of the output folder, or of several such folders that the jobs of a build server
//! have brought together, and looks up the source of what was found. What is damaged or missing is part of the page.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::dependencies;
use crate::core::command::Command;
use crate::core::finding::Finding;
use crate::core::perf::report::{FILE as PERF_FILE, Report};
use crate::core::record::{Excerpt, Page, Record, State, Uncovered, history};
use crate::core::report::{TestReport, junit};
use crate::core::text::count;
use crate::cx::{Cx, files};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::event::{Body, EVENTS_FILE, HISTORY_FILE, JUNIT_FILE, REPORT_FILE, TASKS_SUITE};

/// The longest file of events that is read, in bytes; what comes after it is said to be missing.
const EVENTS_MAX: u64 = 256 << 20;

/// The longest file of earlier runs that is read, in bytes.
const HISTORY_MAX: u64 = 16 << 20;
/// The longest load test that is read, in bytes: a night of runs.
const PERF_MAX: u64 = 64 << 20;

/// The largest file whose lines are shown below a finding, in bytes, and the most findings that get them.
const SOURCE_MAX: u64 = 4 << 20;
/// See [`SOURCE_MAX`].
const EXCERPTS_MAX: usize = 500;

/// Variables that a program needs to find the desktop on which it is to show something.
const DESKTOP: &[&str] = &["BROWSER", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"];

/// What to report, and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The output folders of the parts of a run; without any, the last run of this checkout.
    pub merge: Vec<PathBuf>,
    /// Where the page goes; without it, into the output folder.
    pub out: Option<PathBuf>,
    /// Whether to show it in the browser.
    pub open: bool,
}

/// Makes the page.
///
/// # Errors
///
/// Where there is no run, or the page cannot be written or opened. Of several parts also where one did not pass or is not
/// there: who merges them wants one verdict.
pub fn report(cx: &Cx, options: &Options) -> Result<()> {
    let mut records = if options.merge.is_empty() { vec![last(cx)?] } else { parts(cx, &options.merge)? };
    look_up(cx, &mut records);
    draw(cx, &mut records);
    let origin = format!("cargo xtask report, {}", count(records.len(), "run"));
    let page = Page { records: &records, origin: &origin };
    let (verdict, passed) = page.verdict();
    let path = options.out.clone().unwrap_or_else(|| cx.output_folder().join(REPORT_FILE));
    files::write(&path, cx.mask().text(&page.html()).as_bytes())?;
    let shown = path.strip_prefix(cx.root()).unwrap_or(&path).display().to_string();
    let damage: Vec<String> = records
        .iter()
        .flat_map(|record| record.damage.iter().map(|words| format!("{}: {words}", record.name)))
        .collect();
    for words in &damage {
        cx.warn(words.clone(), "the page shows what could be read");
    }
    let data = json!({ "verdict": verdict, "passed": passed, "page": shown, "damage": damage });
    cx.emit(Body::Answer { text: format!("{verdict}\n{shown}\n"), data });
    if options.open {
        open(cx, &path.display().to_string())?;
    }
    let bad = records.iter().filter(|record| !record.has_passed()).count();
    if options.merge.is_empty() || bad == 0 {
        return Ok(());
    }
    Err(Error::problems(format!("{bad} of {} did not pass", count(records.len(), "part")))
        .hint(format!("`{shown}` says which and why")))
}

/// The last run of this checkout.
fn last(cx: &Cx) -> Result<Record> {
    let folder = cx.output_folder();
    if !folder.join(EVENTS_FILE).is_file() {
        return Err(Error::missing(format!("there is no run in `{}`", folder.display()))
            .hint("`cargo xtask ci` and every other run leaves one there"));
    }
    Ok(read("this checkout", folder, &folder.join(EVENTS_FILE)))
}

/// The parts of a run. One that is not there is a part that did not pass.
fn parts(cx: &Cx, paths: &[PathBuf]) -> Result<Vec<Record>> {
    let part = |path: &PathBuf| {
        cx.check()?;
        let name = path.display().to_string();
        let events = if path.is_file() { path.clone() } else { path.join(EVENTS_FILE) };
        let folder = events.parent().unwrap_or(path);
        Ok(if events.is_file() {
            read(&name, folder, &events)
        } else {
            Record::missing(
                name,
                format!("there is no `{EVENTS_FILE}`: this part did not run, or left nothing"),
            )
        })
    };
    paths.iter().map(part).collect()
}

fn read(name: &str, folder: &Path, events: &Path) -> Record {
    let mut record = match text_of(events, EVENTS_MAX) {
        Ok(text) => Record::read(name, &text),
        Err(error) => return Record::missing(name, error.in_words()),
    };
    images(&mut record, folder);
    load_test(&mut record, folder);
    let earlier = folder.join(HISTORY_FILE);
    if earlier.is_file() {
        match text_of(&earlier, HISTORY_MAX) {
            Ok(text) => record.history = history::read(&text),
            Err(error) => record.damage.push(error.in_words()),
        }
    }
    match cases(&folder.join(JUNIT_FILE)) {
        Ok(reports) => record.reports = reports,
        Err(error) => record.damage.push(error.in_words()),
    }
    record
}

/// The load test of the run. Another run may have left one there; a run that measured has the task.
fn load_test(record: &mut Record, folder: &Path) {
    let path = folder.join(PERF_FILE);
    if record.tasks.iter().any(|task| task.id == "perf") && path.is_file() {
        let read = text_of(&path, PERF_MAX).map_err(|error| error.in_words());
        match read.and_then(|text| Report::from_json(&text)) {
            Ok(report) => record.perf = Some(report),
            Err(reason) => record.damage.push(format!("`{PERF_FILE}` cannot be read: {reason}")),
        }
    }
}

/// The cases of the JUnit file; none where it is not there, as after a run without tests that was killed.
fn cases(path: &Path) -> Result<Vec<TestReport>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let limit = u64::try_from(junit::SIZE_MAX).unwrap_or(u64::MAX);
    let text = text_of(path, limit.saturating_add(1))?;
    let reports = junit::read_suites(Path::new(""), &text);
    let mut reports = reports
        .map_err(|error| Error::problems(format!("`{}` cannot be read", path.display())).source(error))?;
    // The tasks are in the events, with more about each.
    reports.retain(|report| report.name != TASKS_SUITE);
    Ok(reports)
}

/// The text of a file up to `limit` bytes. Bytes that are no UTF-8 become U+FFFD.
fn text_of(path: &Path, limit: u64) -> Result<String> {
    let failed = || format!("could not read `{}`", path.display());
    let mut bytes = Vec::new();
    File::open(path).context(failed)?.take(limit).read_to_end(&mut bytes).context(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Draws who imports whom in the components whose imports a run has looked at. What cannot be read is said, and left out.
fn draw(cx: &Cx, records: &mut [Record]) {
    let looked_at = |name: &str| {
        let id = format!("architecture.{name}");
        records
            .iter()
            .flat_map(|record| &record.tasks)
            .any(|task| task.id == id && task.state == State::Passed)
    };
    let mut drawings = Vec::new();
    for component in cx.config().components.iter().filter(|component| looked_at(&component.name)) {
        match dependencies::picture(cx, component) {
            Ok(svg) => drawings.push((component.name.clone(), svg)),
            Err(error) => cx.warn_of(&error, "the page does not show its imports"),
        }
    }
    if let Some(record) = records.first_mut() {
        record.drawings = drawings;
    }
}

/// The layers of the images that a run has built, from the folder that it left.
fn images(record: &mut Record, folder: &Path) {
    let built = record.tasks.iter().filter(|task| task.state == State::Passed);
    for component in built.filter_map(|task| task.id.strip_prefix("image.")) {
        let path = folder.join(format!("images/{component}.layers.json"));
        // Where there is none, the image was not built here: it stood in its registry.
        let Ok(text) = text_of(&path, SOURCE_MAX) else { continue };
        match serde_json::from_str(&text) {
            Ok(layers) => record.images.push((component.to_owned(), layers)),
            Err(error) => record.damage.push(format!("`{}` cannot be read: {error}", path.display())),
        }
    }
}

/// Puts the source below what was found, where it is in this repository.
fn look_up(cx: &Cx, records: &mut [Record]) {
    let Ok(root) = cx.root().canonicalize() else { return };
    let mut texts: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    let mut text = |path: &Path| {
        let text = texts.entry(path.to_owned()).or_insert_with(|| source(&root, path));
        text.clone()
    };
    let mut left = EXCERPTS_MAX;
    for record in records {
        for found in record.findings.iter_mut().filter(|found| may_be_shown(&found.finding)).take(left) {
            let Some(location) = &found.finding.location else { continue };
            let Some(line) = location.line else { continue };
            found.excerpt = text(&location.path).and_then(|text| Excerpt::around(&text, line));
            left -= 1;
        }
        for coverage in &record.coverage {
            let changed = coverage.changed.iter().flat_map(|changed| &changed.uncovered);
            let spans = changed.flat_map(|(path, spans)| spans.iter().map(move |span| (path, *span)));
            for (path, span) in spans.take(left) {
                let component = coverage.component.clone();
                let excerpt = text(path).and_then(|text| Excerpt::of(&text, span));
                record.uncovered.extend(excerpt.map(|excerpt| Uncovered {
                    component,
                    path: path.clone(),
                    span,
                    excerpt,
                }));
                left -= 1;
            }
        }
    }
}

/// Whether the line of a finding may be shown: its gate has shown it, too. Others find no secrets.
fn may_be_shown(finding: &Finding) -> bool {
    let is_secret = finding.weakness.as_ref().is_some_and(|weakness| weakness.secret);
    !is_secret && finding.judged.as_ref().is_none_or(|judged| judged.source.is_some())
}

/// The text of a file of the repository. The path is what somebody wrote down: it may lead anywhere.
fn source(root: &Path, path: &Path) -> Option<String> {
    let path = root.join(path).canonicalize().ok()?;
    let is_file = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= SOURCE_MAX);
    (path.starts_with(root) && is_file).then(|| text_of(&path, SOURCE_MAX).ok()).flatten()
}

/// Shows a page, a file or an address, in the browser of this desktop.
pub(super) fn open(cx: &Cx, page: &str) -> Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program).arg(page);
    for name in DESKTOP {
        if let Some(value) = cx.environment().filled(name) {
            command = command.env(*name, value);
        }
    }
    cx.run(command).map_err(|error| match error.kind() {
        ErrorKind::Missing => error.hint(format!("open `{page}` yourself")),
        _ => error,
    })
}
