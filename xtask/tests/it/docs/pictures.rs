//! Pictures of what commands show: the one that the README begins with, and the script that draws it.

use std::path::Path;
use std::process::{Command, Output};

use expect_test::expect_file;
use xtask::core::site::document;

/// What names somebody's machine.
const OF_MACHINES: [&str; 6] = ["/home/", "/root", "/Users/", "/tmp", "/private/", "/work"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_readme_shows_a_run_that_names_no_machine() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let pictures: Vec<String> = document::read(&readme)
        .links
        .into_iter()
        .filter(|link| link.is_picture)
        .map(|link| link.target)
        .collect();
    assert_eq!(pictures, ["docs/images/run.svg"]);
    let alternative = readme.split("![").nth(1).unwrap().split(']').next().unwrap();
    assert!(alternative.len() > 40, "{alternative}");
    let svg = std::fs::read_to_string(root().join("docs/images/run.svg")).unwrap();
    assert!(svg.len() < 30_000, "{} bytes", svg.len());
    assert!(svg.contains("cargo xtask ci") && svg.contains("passed"), "{svg}");
    for name in OF_MACHINES {
        assert!(!svg.contains(name), "{name}");
    }
    // A picture that fetches or runs something would do so wherever the README is shown.
    for tag in ["<script", "<image", "<foreignObject", "href=", "url("] {
        assert!(!svg.contains(tag), "{tag}");
    }
}

fn drawn(out: &Path, script: &str) -> Output {
    let mut command = Command::new("python3");
    command.arg(root().join("xtask/tools/picture.py")).arg(out).args(["--", "sh", "-c", script]);
    command.current_dir(out.parent().unwrap()).output().unwrap()
}

#[test]
fn what_a_terminal_would_show_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("images/out.svg");
    std::fs::create_dir_all(out.parent().unwrap()).unwrap();
    // Colours, a line that is drawn anew, a cursor that goes up, letters that are markup, a title that is only for windows.
    let script = "printf '\\033[1;32mok\\033[0m a\\n\\033]0;window\\007wait\\r\\033[2Kdone <b>&\\n\\033[31mgone\\033[0m\\nlast\\033[2A\\r\\033[J'; \
                  printf '\\033[38;5;4mblue\\033[39m \\033[2mfaint\\033[22m end\\n'; test -t 1 && tput cols; exit 3";
    let said = drawn(&out, script);
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("the command ended with 3"), "{said:?}");
    expect_file!["../../../testdata/picture.svg"].assert_eq(&std::fs::read_to_string(&out).unwrap());
}

#[test]
fn what_is_long_is_cut_and_what_names_the_machine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.svg");
    assert!(drawn(&out, "seq 1 100").status.success());
    let svg = std::fs::read_to_string(&out).unwrap();
    assert!(
        svg.contains("… 60 lines are left out …") && svg.contains(">20<") && svg.contains(">81<"),
        "{svg}"
    );
    assert!(!svg.contains(">21<") && !svg.contains(">80<"), "{svg}");
    std::fs::remove_file(&out).unwrap();
    let said = drawn(&out, "pwd");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stderr).contains("names this machine"), "{said:?}");
    assert!(!out.exists());
}
