//! A browser that shows pages of ours, where one is installed.

use std::process::Command;

/// Turns a machine without a browser from a skip into a failure.
const REQUIRED: &str = "XTASK_REQUIRE_CHROMIUM";

/// The program; `None`, which is said, where it is not installed.
pub(crate) fn find() -> Option<&'static str> {
    let found = ["chromium-headless-shell", "chromium"].into_iter().find(|name| which::which(name).is_ok());
    if found.is_none() {
        assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and there is no chromium");
        println!("skipped: chromium is not installed");
    }
    found
}

/// What a browser makes of an address once its scripts have run, and what it complains about.
pub(crate) fn show(browser: &str, url: &str) -> (String, Vec<String>) {
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
    let output = command.arg(url).output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(dom.contains("</html>"), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (dom, said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}
