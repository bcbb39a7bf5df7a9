//! The rules of this crate about itself: each is an invariant that a reader may rely on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use xtask::config::{ComponentKind, Config};
use xtask::core::rules::imports::{self, Rules, Source};

/// A Rust file: its path in this crate, and its text.
struct File {
    path: PathBuf,
    text: String,
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below these folders of the crate.
fn files(folders: &[&str]) -> Vec<File> {
    let entries = folders
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(crate_folder().join(folder)).sort_by_file_name());
    let paths = entries.map(|entry| entry.unwrap().into_path());
    let rust = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let files: Vec<File> = rust
        .map(|path| File {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(crate_folder()).unwrap().to_owned(),
        })
        .collect();
    assert!(files.len() > 1, "there are files in {folders:?}");
    files
}

/// Fails with all of `problems`, one a line.
fn none(problems: impl IntoIterator<Item = String>) {
    let problems: Vec<String> = problems.into_iter().collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let stated_in = crate_folder().parent().unwrap().join("xtask.toml");
    let config = Config::parse(Path::new("xtask.toml"), &fs::read_to_string(&stated_in).unwrap()).unwrap();
    for (component, folder) in [("xtask", "src"), ("core", "core/src")] {
        let Some(ComponentKind::Rust(rust)) = config.component(component).map(|component| &component.kind)
        else {
            panic!("`{component}` is a Rust component")
        };
        let (modules, forbidden) = (&rust.modules, &rust.forbidden);
        if component == "core" {
            let is_pure = |paths: &Vec<String>| {
                ["std::fs", "std::time::Instant"].iter().all(|path| paths.iter().any(|own| own == path))
            };
            assert!(
                modules.keys().all(|module| forbidden.get(module).is_some_and(is_pure)),
                "`core` is pure"
            );
        }
        let library = rust.package.replace('-', "_");
        let rules = Rules { library: &library, modules, forbidden, stated_in: &stated_in };
        let files = files(&[folder]);
        let sources: Vec<Source<'_>> = files
            .iter()
            .map(|File { path, text }| Source { path, in_crate: path.strip_prefix(folder).unwrap(), text })
            .collect();
        none(imports::check(rules, &sources).into_iter().map(|finding| {
            let location = finding.location.map(|location| location.to_string()).unwrap_or_default();
            format!("{location}: {}", finding.message)
        }));
    }
}

/// Where there is code of ours.
const FOLDERS: [&str; 5] = ["src", "core/src", "core/benches", "tests", "benches"];

#[test]
fn every_file_says_what_it_is_for() {
    let silent = files(&FOLDERS).into_iter().filter(|file| !file.text.starts_with("//! "));
    none(silent.map(|file| format!("{}: does not begin with `//!`", file.path.display())));
}

#[test]
fn no_file_is_longer_than_a_sitting() {
    const LINES_MAX: usize = 500;
    let long = files(&FOLDERS).into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines, {LINES_MAX} at most", file.path.display()))
    });
    none(long);
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(crate_folder().join("tests/it/main.rs")).unwrap();
    let named: BTreeSet<&str> =
        main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let files = fs::read_dir(crate_folder().join("tests/it")).unwrap().map(|entry| entry.unwrap().path());
    let rooms = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    none(
        rooms
            .filter(|room| room != "main" && !named.contains(room.as_str()))
            .map(|room| format!("tests/it/main.rs: does not name `{room}`, which nobody runs")),
    );
    let binaries = fs::read_dir(crate_folder().join("tests")).unwrap().map(|entry| entry.unwrap().path());
    none(
        binaries.filter(|path| !path.ends_with("it")).map(|path| {
            format!("{}: is linked as one more test program; move it to tests/it", path.display())
        }),
    );
}

#[test]
fn dependencies_have_a_doorkeeper() {
    for manifest in ["Cargo.toml", "core/Cargo.toml"] {
        let text = fs::read_to_string(crate_folder().join(manifest)).unwrap();
        assert!(text.starts_with("# Please read before adding a dependency"), "{manifest}");
    }
}

#[test]
fn nothing_is_left_to_do_or_silenced() {
    // Put together so that this file does not name them.
    let words = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[al", "low("),
        concat!("#![al", "low("),
    ];
    let found = files(&FOLDERS).into_iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        let hit = |(number, line): (usize, &str)| {
            let code = line.split("//").next().unwrap_or_default();
            let word = words.iter().find(|word| code.contains(**word))?;
            Some(format!("{}:{}: `{word}`", file.path.display(), number + 1))
        };
        lines.filter_map(hit).collect::<Vec<_>>()
    });
    none(found);
}
