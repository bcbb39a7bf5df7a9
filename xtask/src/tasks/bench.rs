//! Benchmarks: each is run beside its peers, its figures are kept, and the document shows the last ones.

use std::path::Path;

use serde_json::json;

use super::{git, machine};
use crate::config::bench::{BenchSettings, BenchSuite};
use crate::core::benchmark::document::{BEGIN, END, Suite, block, replaced};
use crate::core::benchmark::history::{self, Line, Machine, Origin, Run};
use crate::core::benchmark::{self, Figure, plot, table};
use crate::core::calendar;
use crate::core::command::Command;
use crate::core::site::links::relative;
use crate::core::suggest;
use crate::cx::{Cx, files};
use crate::driver::platform;
use crate::error::{Error, Result};
use crate::event::Body;

/// By which share of itself a ratio has to move between two runs before that is said.
const SHARE: f64 = 0.1;

/// What to measure, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The benchmarks, by name; without any, all.
    pub suites: Vec<String>,
    /// Whether small sizes do: then nothing is kept, because the figures are to be compared with no others.
    pub quick: bool,
}

/// Runs benchmarks, one after the other, says what they came to, and keeps it.
///
/// # Errors
///
/// [`Configuration`](crate::ErrorKind::Configuration) where the document has no place for the figures, or what was kept cannot
/// be read; [`Problems`](crate::ErrorKind::Problems) where a benchmark fails. What was measured before it is kept.
pub fn bench(cx: &Cx, options: &Options) -> Result<()> {
    let settings = cx.config().bench.as_ref().ok_or_else(|| {
        Error::configuration("`xtask.toml` has no `[bench]`")
            .hint("`docs/reference/configuration.md` shows what it says about benchmarks")
    })?;
    let suites = chosen(settings, &options.suites)?;
    let mut book = Book::open(cx, settings)?;
    let origin = origin(cx, settings)?;
    // Before an hour was spent on figures for which there is no place.
    if !options.quick {
        book.show(cx)?;
    }
    for suite in suites {
        let figures = cx.step(&format!("bench.{}", suite.name), |cx| measure(cx, suite, options.quick))?;
        let mut said = format!("{}\n\n{}", suite.title, table::markdown(&figures));
        for figure in &figures {
            if let benchmark::Outcome::Absent { absent } = &figure.outcome {
                said.extend([figure.case.as_str(), ", ", &figure.side, ": not there: ", absent, "\n"]);
            }
        }
        let is_kept = !options.quick && figures.iter().any(|figure| figure.value().is_some());
        let moved = if is_kept { book.keep(cx, suite, &origin, &figures)? } else { Vec::new() };
        for sentence in &moved {
            said.extend(["moved: ", sentence, "\n"]);
        }
        let data = json!({ "suite": suite.name, "kept": is_kept, "figures": figures, "moved": moved });
        cx.emit(Body::Answer { text: said, data });
    }
    cx.note(if options.quick {
        "small sizes: nothing was kept".to_owned()
    } else {
        format!("kept in `{}`, shown in `{}`", settings.history.display(), settings.document.display())
    });
    Ok(())
}

/// The benchmarks that are meant, in the order of the file.
fn chosen<'s>(settings: &'s BenchSettings, names: &[String]) -> Result<Vec<&'s BenchSuite>> {
    let known = || settings.suites.iter().map(|suite| suite.name.as_str());
    if let Some(unknown) = names.iter().find(|name| !known().any(|known| known == *name)) {
        let error = Error::usage(format!("there is no benchmark `{unknown}`"));
        return Err(match suggest::nearest(unknown, known()) {
            Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
            None => error.hint(format!("there are {}", known().collect::<Vec<_>>().join(", "))),
        });
    }
    let is_meant = |suite: &&BenchSuite| names.is_empty() || names.contains(&suite.name);
    Ok(settings.suites.iter().filter(is_meant).collect())
}

/// Runs a benchmark and reads what it says.
fn measure(cx: &Cx, suite: &BenchSuite, quick: bool) -> Result<Vec<Figure>> {
    let Some((program, arguments)) = suite.command.split_first() else {
        return Err(Error::bug(format!("`{}` has no command", suite.name)));
    };
    let sizes = if quick { &suite.quick } else { &suite.whole };
    let mut command = Command::new(program).args(arguments).args(sizes);
    let patterns: Vec<&str> = suite.env.iter().map(String::as_str).collect();
    for (name, value) in cx.environment().named(&patterns) {
        command = command.env(name, value);
    }
    let output = cx.read(command)?;
    benchmark::read(&output).map_err(|why| {
        Error::problems(format!("the benchmark `{}` did not say figures", suite.name)).cause(why)
    })
}

/// When, where and of what this run is made. What earlier runs have written is no change of what is measured.
fn origin(cx: &Cx, settings: &BenchSettings) -> Result<Origin> {
    let machine = machine::of("");
    let written = [&settings.document, &settings.plot, &settings.history];
    let others = written.map(|path| format!(":(exclude,top){}", path.display()));
    let words = ["status", "--porcelain", "--", "."].into_iter().chain(others.iter().map(String::as_str));
    let is_clean = git::ask(cx, &words.collect::<Vec<_>>())?.is_some_and(|changes| changes.is_empty());
    Ok(Origin {
        at: calendar::timestamp(platform::unix_time()),
        commit: git::head(cx)?,
        modified: !is_clean,
        machine: Machine { system: machine.system, processor: machine.processor, cores: machine.cores },
    })
}

/// The files in which figures are kept and shown.
struct Book<'s> {
    settings: &'s BenchSettings,
    lines: Vec<Line>,
}

impl<'s> Book<'s> {
    fn open(cx: &Cx, settings: &'s BenchSettings) -> Result<Self> {
        let path = cx.root().join(&settings.history);
        let text = if path.is_file() { files::read(&path)? } else { String::new() };
        let lines = history::read(&text).map_err(|why| {
            Error::configuration(format!("`{}` cannot be read", settings.history.display())).cause(why)
        })?;
        Ok(Self { settings, lines })
    }

    /// Adds a run; which ratios have moved since the one before.
    fn keep(
        &mut self,
        cx: &Cx,
        suite: &BenchSuite,
        origin: &Origin,
        figures: &[Figure],
    ) -> Result<Vec<String>> {
        let before = history::runs(&self.lines, &suite.name).pop();
        self.lines.extend(history::lines(&suite.name, origin, figures));
        let now = Run { origin: origin.clone(), figures: figures.to_vec() };
        let mut text = String::new();
        for line in &self.lines {
            let line = serde_json::to_string(line)
                .map_err(|error| Error::bug("a figure cannot be written as JSON").source(error))?;
            text.extend([line.as_str(), "\n"]);
        }
        files::write(&cx.root().join(&self.settings.history), cx.mask().text(&text).as_bytes())?;
        self.show(cx)?;
        Ok(before.map(|before| history::moved(&before, &now, SHARE)).unwrap_or_default())
    }

    /// Writes the document and the picture, where they do not say this already.
    fn show(&self, cx: &Cx) -> Result<()> {
        let BenchSettings { document, plot, .. } = self.settings;
        let suite = |suite: &'s BenchSuite| Suite { name: &suite.name, title: &suite.title };
        let suites: Vec<Suite<'_>> = self.settings.suites.iter().map(suite).collect();
        let path = cx.root().join(document);
        let before = files::read(&path)?;
        let block = block(&suites, &self.lines, &relative(document, plot));
        let after = replaced(&before, &block).map_err(|why| {
            Error::configuration(format!("`{}` has no place for the figures", document.display()))
                .cause(why)
                .hint(format!("write a line `{BEGIN}` and below it a line `{END}` where they are to stand"))
        })?;
        write_changed(&path, &before, &cx.mask().text(&after))?;
        let path = cx.root().join(plot);
        let before = if path.is_file() { files::read(&path)? } else { String::new() };
        write_changed(&path, &before, &cx.mask().text(&plot::svg(&suites, &self.lines)))
    }
}

fn write_changed(path: &Path, before: &str, after: &str) -> Result<()> {
    if before == after { Ok(()) } else { files::write(path, after.as_bytes()) }
}
