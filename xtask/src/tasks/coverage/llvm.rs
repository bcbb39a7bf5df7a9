//! Rust: its tests compiled so that they count, in a target folder of their own, and what LLVM's tools make of the counts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Component, Rust};
use crate::core::command::Command;
use crate::core::coverage::llvm::{Compiler, programs, version};
use crate::core::gate::Look;
use crate::cx::{Cx, files};
use crate::error::{Error, ErrorKind, Result};
use crate::tasks::tool;

/// What makes the compiler count (doc.rust-lang.org/rustc/instrument-coverage.html).
const FLAGS: &str = "-Cinstrument-coverage";

/// Where it compiles to: with other flags everything is compiled anew, and what others compile stays.
const TARGET: &str = "target/coverage";

/// What brings the tools.
const HINT: &str = "`rustup component add llvm-tools` brings them, or the package `llvm` of that version";

/// How long rustup may take to bring them, 40 MB.
const FETCH: Duration = Duration::from_mins(5);

/// The tools that read counts.
struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

/// Runs the tests of the component, and returns its tracefile; or that it cannot be measured here.
///
/// # Errors
///
/// Where the tests do not pass, or a tool fails.
pub(super) fn measure(
    cx: &Cx,
    component: &Component,
    rust: &Rust,
) -> Result<std::result::Result<String, Look>> {
    let tools = match tools(cx)? {
        Ok(tools) => tools,
        Err(why) => {
            let why = format!("the coverage of `{}` could not be measured: {why}", component.name);
            return Ok(Err(Look::blind("llvm-cov", "file", why).hint(HINT)));
        }
    };
    let scratch = cx.scratch()?;
    let test = |arguments: &[&str]| {
        let flags = match cx.environment().filled("RUSTFLAGS") {
            Some(flags) => format!("{flags} {FLAGS}"),
            None => FLAGS.to_owned(),
        };
        let command = tool::cargo(cx, "test", &rust.package).args(["--target-dir", TARGET]).args(arguments);
        // Each process has a file of its own, each program a part of its name.
        command
            .env("RUSTFLAGS", flags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("LLVM_PROFILE_FILE", scratch.file("%m-%p.profraw"))
    };
    cx.run(test(&["--all-targets"]))?;
    let made = programs(&cx.read(test(&["--all-targets", "--no-run", "--message-format", "json"]))?);
    let mut counts = Vec::new();
    let folder = scratch.file("");
    for name in files::names(&folder)?.into_iter().filter(|name| name.ends_with(".profraw")) {
        counts.push(folder.join(name));
    }
    let (Some((first, others)), false) = (made.split_first(), counts.is_empty()) else {
        return Err(Error::problems(format!(
            "the tests of `{}` passed, but counted nothing",
            component.name
        )));
    };
    let all = scratch.file("all.profdata");
    // The names of many files are too long for a command line.
    let list: Vec<String> = counts.iter().map(|path| path.display().to_string()).collect();
    let names = scratch.file("counts.txt");
    files::write(&names, list.join("\n").as_bytes())?;
    cx.run(
        Command::new(&tools.profdata)
            .args(["merge", "--sparse", "--input-files"])
            .arg(&names)
            .arg("--output")
            .arg(&all),
    )?;
    let mut export =
        Command::new(&tools.cov).args(["export", "--format=lcov", "--instr-profile"]).arg(&all).arg(first);
    for program in others {
        export = export.arg("--object").arg(program);
    }
    Ok(Ok(cx.read(export)?))
}

/// The tools of the compiler's own version of LLVM: those that come with it, those of the machine, or those that rustup, which
/// has brought the compiler, brings now; or why there are none.
fn tools(cx: &Cx) -> Result<std::result::Result<Tools, String>> {
    let about = said(cx, Command::new("rustc").arg("-vV"))?.and_then(|text| Compiler::read(&text));
    let Some(compiler) = about else {
        return Ok(Err("`rustc` does not say which LLVM it has".to_owned()));
    };
    if let Some(tools) = found(cx, &compiler)? {
        return Ok(Ok(tools));
    }
    let llvm = compiler.llvm;
    let lacking =
        format!("`llvm-profdata` and `llvm-cov` of LLVM {llvm}, which is that of the compiler, are not here");
    if cx.is_offline() {
        return Ok(Err(format!("{lacking}, and nothing is fetched without a network")));
    }
    if said(cx, Command::new("rustup").args(["component", "add", "llvm-tools"]).timeout(FETCH))?.is_none() {
        return Ok(Err(lacking));
    }
    cx.note("the toolchain has got its component `llvm-tools`: they read what the tests have counted");
    Ok(found(cx, &compiler)?.ok_or(lacking))
}

/// What a command that succeeds says; `None` where it fails, or is not there.
fn said(cx: &Cx, command: Command) -> Result<Option<String>> {
    match cx.output(command) {
        Ok(output) => Ok(output.success().then_some(output.stdout)),
        Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Problems) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The tools that are here.
fn found(cx: &Cx, compiler: &Compiler) -> Result<Option<Tools>> {
    let sysroot = said(cx, Command::new("rustc").args(["--print", "sysroot"]))?.unwrap_or_default();
    let own = Path::new(sysroot.trim()).join("lib/rustlib").join(&compiler.host).join("bin");
    let mut found = Vec::new();
    for name in ["llvm-profdata", "llvm-cov"] {
        let own = own.join(name);
        if own.is_file() {
            found.push(own);
            continue;
        }
        for name in [format!("{name}-{}", compiler.llvm), name.to_owned()] {
            let Ok(path) = cx.find(&name) else { continue };
            let fits = said(cx, Command::new(&path).arg("--version"))?.and_then(|text| version(&text));
            if fits == Some(compiler.llvm) {
                found.push(path);
                break;
            }
        }
    }
    Ok(<[PathBuf; 2]>::try_from(found).ok().map(|[profdata, cov]| Tools { profdata, cov }))
}
