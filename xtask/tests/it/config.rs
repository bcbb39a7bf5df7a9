//! `xtask.toml`: every problem at once, at its place; and no input that brings the reader down.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes them when it updates a golden text"
)]

mod bench;
mod cache;
mod contract;
mod coverage;
mod gates;
mod licenses;
mod perf;
mod reference;
mod release;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{Expect, expect};
use xtask::config::{ComponentKind, Config};
use xtask::core::simulation::random::Random;
use xtask::error::{Error, ErrorKind};

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(Path::new("xtask.toml"), text)
}

/// The error as plain text: `line:column: message [label] (help)`.
fn render(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let mut text = format!("{error}\n");
    for problem in error.diagnostics() {
        let (line, column) = problem.position();
        write!(text, "{line}:{column}: {}", problem.message).unwrap();
        if !problem.label.is_empty() {
            write!(text, " [{}]", problem.label).unwrap();
        }
        if let Some(help) = &problem.help {
            write!(text, " ({help})").unwrap();
        }
        text.push('\n');
    }
    for hint in error.hints() {
        writeln!(text, "hint: {hint}").unwrap();
    }
    text
}

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&render(&parse(text).unwrap_err()));
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn own_file() -> String {
    std::fs::read_to_string(repository().join("xtask.toml")).unwrap()
}

#[test]
fn the_file_of_this_repository_is_valid() {
    let config = parse(&own_file()).unwrap();
    let names: Vec<&str> = config.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["backend", "frontend", "xtask", "core", "driver", "engine"]);
    for component in &config.components {
        assert!(repository().join(&component.path).is_dir(), "{}", component.path.display());
    }
}

#[test]
fn everything_that_can_be_said_arrives() {
    let config = parse(COMPLETE).unwrap();
    assert_eq!(config.name, "größe");
    assert_eq!(config.tools.unwrap().requirements, Path::new("tools/requirements.txt"));
    let task = &config.tasks["test.backend"];
    assert_eq!((task.timeout, task.cores), (Some(Duration::from_mins(90)), Some(2)));
    assert_eq!(task.retries, Some(1));
    assert_eq!((task.memory, task.env.as_slice()), (Some(1 << 30), ["A_*".to_owned()].as_slice()));
    assert_eq!(config.environment.pass, ["EDITOR"]);
    assert_eq!(config.environment.secrets, ["LICENSE"]);
    assert_eq!(config.budget.cargo_lock_entries_max, Some(180));
    assert_eq!(config.budget.cargo_compiled_max, Some(130));
    let [python, node, rust] = config.components.as_slice() else { panic!("three components") };
    assert_eq!(python.path, Path::new("back/end"), "`./` and a `/` at the end say nothing");
    let ComponentKind::Python(python) = &python.kind else { panic!("python") };
    assert_eq!(python.requirements, [Path::new("a.txt"), Path::new("b.txt")]);
    assert_eq!((python.docs.as_deref(), python.import_contracts), (Some(Path::new("docs")), true));
    let ComponentKind::Node(node) = &node.kind else { panic!("node") };
    assert_eq!((node.test.as_str(), node.lint.len(), node.fix.len()), ("test:ci", 2, 1));
    assert_eq!(rust.path, Path::new("."));
    let ComponentKind::Rust(rust) = &rust.kind else { panic!("rust") };
    assert_eq!(rust.modules["cx"], ["core"]);
    assert_eq!(rust.forbidden["core"], ["std::fs", "clap"]);
}

#[test]
fn ten_faults_are_reported_at_once() {
    check(
        include_str!("../../testdata/config/faults.toml"),
        &expect![[r#"
            xtask.toml has 10 problems
            3:1: unknown key `nme` in `project` (did you mean `name`?)
            7:8: `components.backend.path` must not contain `..` [could leave the repository]
            8:11: `components.backend.package` must be a string, not an integer [expected a string]
            9:17: `components.backend.requirements[0]` must name the compiled `.txt` [each `x.txt` is compiled from `x.in`]
            11:13: `Front End` is no name for a component (use lowercase letters, digits, `-` and `_`)
            12:8: `components."Front End".kind` must be a kind of component (did you mean `node`?)
            15:13: `package` is missing in `components.xtask`
            18:38: `components.xtask.modules.cx[1]` must be a module that has a rule of its own (did you mean `driver`?)
            19:15: `ärger` must be a module that has a rule of its own (there are `core`, `cx`, `driver`)
            19:48: `components.xtask.forbidden.driver[0]` must be a Rust path such as "std::fs" [names joined by `::`]
        "#]],
    );
}

#[test]
fn values_and_keys_are_checked() {
    check(
        include_str!("../../testdata/config/more-faults.toml"),
        &expect![[r#"
            xtask.toml has 18 problems
            4:13: `path` is missing in `components.backend`
            4:13: `package` is missing in `components.backend`
            4:13: `requirements` is missing in `components.backend`
            8:16: `tools.requirements` must be a path in the repository [absolute]
            10:8: `Test.Backend` is no task id (a task id is lowercase words joined by dots: `test.backend`)
            13:13: unknown key `frontend` in `tasks.test` (the dots of a task id stand in quotes: `[tasks."test.backend"]`)
            17:1: unknown key `timout` in `tasks."test.backend"` (did you mean `timeout`?)
            18:9: `tasks."test.backend".cores` must be a whole number of at least 1 [zero]
            19:10: `tasks."test.backend".memory` must be a size such as "512MiB" or "1 GB" [expected a whole number and a unit]
            22:11: `tasks."lint.backend".timeout` must be a duration such as "90s", "10m" or "1h 30m" [`90` has no unit: `ms`, `s`, `m`, `h` or `d`]
            23:9: `tasks."lint.backend".cores` must be a whole number of at least 1 [out of range]
            24:10: `tasks."lint.backend".memory` must be a size such as "512MiB" or "1 GB" [larger than any memory]
            25:18: `tasks."lint.backend".env[1]` is in the list already
            25:28: `tasks."lint.backend".env[2]` must be the name of a variable [expected letters, digits and `_`, at the end perhaps a `*` for any ending]
            25:40: `tasks."lint.backend".env[3]` must be the name of a variable [expected letters, digits and `_`, at the end perhaps a `*` for any ending]
            28:12: `environment.secrets[0]` must be the name of a variable [expected letters, digits and `_`]
            31:26: `budget.cargo-lock-entries-max` must be a whole number of at least 1 [out of range]
            32:1: unknown key `zebra` in `budget` (keys in `budget` are `cargo-lock-entries-max`, `cargo-compiled-max`)
        "#]],
    );
}

#[test]
fn a_broken_text_is_read_as_far_as_it_goes() {
    check(
        include_str!("../../testdata/config/broken.toml"),
        &expect![[r#"
        xtask.toml has 6 problems
        2:10: invalid basic string [expected `"`]
        4:20: unclosed table [expected `]`]
        9:8: invalid boolean [expected `false`]
        11:1: duplicate key
        14:22: string values must be quoted [expected literal string]
        15:1: unknown key `cargo-compild-max` in `budget` (did you mean `cargo-compiled-max`?)
    "#]],
    );
}

#[test]
fn an_empty_file_misses_what_is_required() {
    check(
        "",
        &expect![[r#"
        xtask.toml has 1 problem
        1:1: `project` is missing at the top
    "#]],
    );
}

#[test]
fn what_cannot_be_read_is_not_called_missing() {
    check(
        "# A comment.\n[project\nname = \"x\"",
        &expect![[r#"
            xtask.toml has 1 problem
            2:9: unclosed table [expected `]`]
        "#]],
    );
}

#[test]
fn a_byte_order_mark_is_no_character() {
    check(
        "\u{feff}project.nme = \"x\"",
        &expect![[r#"
        xtask.toml has 1 problem
        1:9: unknown key `nme` in `project` (did you mean `name`?)
    "#]],
    );
}

#[test]
fn columns_count_characters_whatever_the_ends_of_lines() {
    check(
        "\u{feff}project.name = \"ä\"\r\ntasks.\"ö\".cores = 1\r\n\"日本\" = 1 # NUL: \0\r\n",
        &expect![[r#"
            xtask.toml has 2 problems
            2:7: `ö` is no task id (a task id is lowercase words joined by dots: `test.backend`)
            3:17: invalid comment character [expected printable characters]
        "#]],
    );
}

#[test]
fn paths_stay_in_the_repository() {
    for path in ["/etc", "..", "a/../../b", "~/x", "a\\\\b", "", "a\\u0000b", "a\\nb"] {
        let error = parse(&format!("project.name = \"x\"\ntools.requirements = \"{path}\"")).unwrap_err();
        let [problem] = error.diagnostics() else { panic!("{path}: {}", render(&error)) };
        assert_eq!(problem.position(), (2, 22), "{path}");
        assert!(problem.message.starts_with("`tools.requirements` must "), "{path}: {}", problem.message);
    }
}

/// A file with every key there is.
const COMPLETE: &str = r#"
[project]
name = "größe"
[components.python]
kind = "python"
path = "./back/end/"
package = "src"
requirements = ["a.txt", "b.txt"]
docs = "docs"
import-contracts = true
[components.node]
kind = "node"
path = "frontend"
test = "test:ci"
lint = ["lint", "type-check"]
fix = ["format"]
[components.rust]
kind = "rust"
path = "."
package = "xtask"
modules = { core = [], cx = ["core"] }
forbidden = { core = ["std::fs", "clap"] }
[tools]
requirements = "tools/requirements.txt"
[tasks."test.backend"]
timeout = "1h 30m"
cores = 2
retries = 1
memory = "1GiB"
env = ["A_*"]
[environment]
pass = ["EDITOR"]
secrets = ["LICENSE"]
[budget]
cargo-lock-entries-max = 180
cargo-compiled-max = 130
"#;

#[test]
fn every_key_says_so_when_its_value_has_a_wrong_type() {
    // Of these two, one names what the other has.
    every_key_says_so(COMPLETE, 27, &["modules", "forbidden"]);
}

/// Gives each key of `complete`, which stands on a line of its own, values of all wrong types. `several` may have more than
/// one problem then.
fn every_key_says_so(complete: &str, count: usize, several: &[&str]) {
    const VALUES: &[&str] =
        &["\"\\u0000\"", "-7", "1.5", "true", "2024-01-01", "[[]]", "{ a-b = 1979-05-27 }"];
    let mut keys = 0;
    for (number, line) in complete.lines().enumerate() {
        let Some((key, right)) = line.split_once(" = ") else { continue };
        keys += 1;
        for wrong in VALUES {
            if *wrong == "true" && right == "true" {
                continue;
            }
            let mut lines: Vec<String> = complete.lines().map(str::to_owned).collect();
            lines[number] = format!("{key} = {wrong}");
            let error = parse(&lines.join("\n")).unwrap_err();
            let found = error
                .diagnostics()
                .iter()
                .any(|problem| problem.position().0 == number + 1 && problem.message.contains(key));
            assert!(found, "{key} = {wrong}: {}", render(&error));
            let found = error.diagnostics().len();
            assert!(found == 1 || several.contains(&key), "{key} = {wrong}: {}", render(&error));
        }
    }
    assert_eq!(keys, count);
}

#[test]
fn a_section_that_is_no_table_is_one_problem() {
    for section in [
        "project",
        "components",
        "components.a",
        "tools",
        "tasks",
        "tasks.a",
        "environment",
        "budget",
        "release",
    ] {
        let name = if section == "project" { "" } else { "project.name = \"x\"\n" };
        let error = parse(&format!("{name}{section} = 1")).unwrap_err();
        assert_eq!(error.diagnostics().len(), 1, "{}", render(&error));
        assert_eq!(error.diagnostics()[0].message, format!("`{section}` must be a table, not an integer"));
    }
}

/// Whatever the text is, there is a [`Config`], or an error with at least one place that lies in the text.
fn survives(text: &str) {
    if let Err(error) = parse(text) {
        assert!(!error.message().is_empty());
        for problem in error.diagnostics() {
            assert!(problem.text.get(problem.span.clone()).is_some(), "{:?} of {text:?}", problem.span);
        }
        assert!(!error.diagnostics().is_empty() || text.len() > 256 << 10);
    }
}

#[test]
fn hostile_text_is_an_error() {
    let big = format!("a = \"{}\"", "x".repeat(10 << 20));
    assert_eq!(parse(&big).unwrap_err().message(), "xtask.toml is larger than 256 KiB");
    for text in [
        "\0",
        "\u{feff}",
        "\u{feff}\u{feff}",
        "\r",
        "= = =",
        "[",
        "[[",
        "[[]]",
        "[]",
        "\"",
        "'''",
        "a = \"\"\"",
        "ä",
        "[ä",
        "[[components]]\n[components.a]",
        "[components]\ncomponents.a.b = 1\n[components.a]",
        "[tasks.\"\"]\ncores = 1",
        "project = { name = \"x\", name = \"y\" }",
    ] {
        survives(text);
    }
    for (start, repeated) in [
        ("a = ", "["),
        ("a = ", "{ b = "),
        ("", "a."),
        ("[", "a."),
        ("", "= [ \" \n"),
        ("[tasks]\n", "x = 1\n"),
        ("[tasks.x]\n", "[a]\n"),
        ("a = \"", "\\u00"),
        ("[a]\n", "b =\nb c\n"),
    ] {
        survives(&format!("{start}{}", repeated.repeat((64 << 10) / repeated.len())));
    }
    let many = (0..5000).fold("project.name = 'x'\n".to_owned(), |text, n| text + &format!("key-{n} = 1\n"));
    let error = parse(&many).unwrap_err();
    assert_eq!((error.message(), error.diagnostics().len()), ("xtask.toml has 5000 problems", 50));
    assert_eq!(error.hints(), ["only the first 50 are shown"]);
}

#[test]
fn a_file_that_is_cut_or_changed_anywhere_is_survived() {
    const PIECES: &[&str] = &[
        "\"", "[", "]", "{", "}", "=", ".", ",", "\n", "\r", "\0", "#", "'", "\\", "ä", "0", " ", "\u{feff}",
    ];
    let own = own_file();
    let mut source = Random::new(1);
    let mut below = |end: usize| usize::try_from(source.below(end as u64)).unwrap();
    for (offset, character) in own.char_indices().step_by(3) {
        let (before, after) = own.split_at(offset);
        survives(before);
        survives(after);
        let piece = PIECES[below(PIECES.len())];
        survives(&format!("{before}{piece}{}", &after[character.len_utf8()..]));
        survives(&format!("{before}{piece}{after}"));
    }
}

#[test]
fn the_size_of_the_cache() {
    const NAME: &str = "[project]\nname = \"a\"\n";
    let size = |text: &str| parse(&format!("{NAME}{text}")).map(|config| config.cache.size_max);
    assert_eq!(size("").unwrap(), 10_000_000_000);
    assert_eq!(size("[cache]").unwrap(), 10_000_000_000);
    assert_eq!(size("[cache]\nsize-max = \"2GiB\"").unwrap(), 2 << 30);
    for wrong in ["[cache]\nsize-max = 5", "[cache]\nsize-max = \"5\"", "[cache]\nmax = \"5GB\"", "cache = 5"]
    {
        assert_eq!(size(wrong).unwrap_err().kind(), ErrorKind::Configuration, "{wrong}");
    }
}
