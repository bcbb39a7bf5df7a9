//! The documentation of a repository: its site, its links, and who serves it.

mod blocks;
mod browser;
mod pictures;
mod schemas;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use crate::repository::Repository;

/// A repository with two documents that lead to each other, and nothing to build.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write("xtask.toml", "[project]\nname = \"small\"\n\n[docs]\nfolder = \"docs\"\n");
    repository.write("README.md", "# Small\n\nSee [how](docs/guides/how.md#second) and [code](in/x.rs).\n");
    repository.write(
        "docs/guides/how.md",
        "# How\n\n## Second\n\n[Back](../../README.md), <script>alert(1)</script>\n",
    );
    repository.write("in/x.rs", "fn x() -> Vec<u8>;\n");
    repository
}

const PAGE: &str = "target/xtask/site/index.html";

#[test]
fn a_site_is_made_once_and_again_when_a_page_is_added() {
    let repository = repository();
    repository.xtask(&["docs"]).expect(0);
    let page = repository.read(PAGE);
    assert!(page.contains("<a href=\"guides/how.html#second\">how</a>"), "{page}");
    assert!(page.contains("<a href=\"files/in/x.rs.html\">code</a>"), "{page}");
    assert!(repository.read("target/xtask/site/search.html").contains("alert(1)\\u003c/script>"));
    assert!(!repository.read("target/xtask/site/guides/how.html").contains("<script>alert"));
    let said = repository.xtask(&["docs"]).expect(0);
    assert!(said.all().contains("stored") || said.all().contains("2 from the cache"), "{}", said.all());

    repository.write("docs/guides/added.md", "# Added\n");
    repository.xtask(&["docs", "site"]).expect(0);
    assert!(repository.read(PAGE).contains("<a href=\"guides/added.html\">Added</a>"));
}

#[test]
fn a_dead_link_is_red_at_its_place() {
    let repository = repository();
    repository.write(
        "docs/guides/how.md",
        "# How\n\n## Second\n\nSee [gone](gome.md),\n[x](../../README.md#smal).\n",
    );
    let said = repository.xtask(&["docs", "links"]).expect(1);
    for words in [
        "docs/guides/how.md:5:5",
        "there is no `docs/guides/gome.md`, where `gome.md` leads",
        "docs/guides/how.md:6:1",
        "`README.md` has no heading `#smal`, where `../../README.md#smal` leads",
        "did you mean `#small`?",
    ] {
        assert!(said.all().contains(words), "{words}\n{}", said.all());
    }
    assert!(repository.read("target/xtask/sarif/links.sarif").contains("dead-link"));
    // Case counts, whatever the file system says.
    repository.write("docs/guides/how.md", "# How\n\n## Second\n\n[x](../../readme.md)\n");
    repository.xtask(&["docs", "links"]).expect(1);
}

#[test]
fn the_site_is_served_to_this_machine_until_it_is_interrupted() {
    let repository = repository();
    repository.xtask(&["docs"]).expect(0);
    let mut command = repository.command(&["docs", "--serve"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find(|line| line.starts_with("http://")).unwrap();
    let host = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let get = |target: &str| {
        let mut stream = TcpStream::connect(&host).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    };
    assert!(get("/").contains("<title>Small · small</title>"));
    assert!(get("/guides/how.html").contains("text/html; charset=utf-8"));
    // What is beside the site is not served, by whatever way.
    std::os::unix::fs::symlink("../../../in/x.rs", repository.root().join("target/xtask/site/x.rs")).unwrap();
    for target in ["/../events.jsonl", "/%2e%2e/events.jsonl", "/x.rs", "/none", "//etc/passwd"] {
        assert!(get(target).starts_with("HTTP/1.1 404 "), "{target}");
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_shown_says_why() {
    let repository = repository();
    repository
        .write("xtask.toml", "[project]\nname = \"small\"\n\n[tasks.\"docs.own\"]\ncommand = [\"true\"]\n");
    let said = repository.xtask(&["docs", "--serve"]).expect(2);
    assert!(said.stderr.contains("this repository has no site"), "{}", said.all());
    let said = repository.xtask(&["docs", "own", "--open"]).expect(2);
    assert!(said.stderr.contains("cannot be used with"), "{}", said.all());
}

/// A program of that name in a folder of its own, as the browser of a desktop.
#[test]
fn the_site_is_shown_in_the_browser() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = repository();
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let path = format!("bin/{program}");
    repository.write(&path, "#!/bin/sh\nprintf '%s' \"$1\" > shown\n");
    let file = repository.root().join(&path);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:{}", repository.root().join("bin").display(), std::env::var("PATH").unwrap());
    repository.xtask_with(&["docs", "--open"], &[("PATH", &search)]).expect(0);
    assert_eq!(repository.read("shown"), repository.root().join(PAGE).display().to_string());
}

#[test]
fn too_little_that_is_documented_is_red() {
    let repository = Repository::rust();
    repository.edit("xtask.toml", "package = \"thing\"", "package = \"thing\"\ndocumented-min = 100");
    let said = repository.xtask(&["docs"]).expect(0);
    assert!(said.all().contains("thing: 100 % of 1 public item"), "{}", said.all());
    repository.edit("thing/src/lib.rs", "/// Doubles.\n", "");
    let said = repository.xtask(&["docs"]).expect(1);
    assert!(said.all().contains("missing documentation for a function"), "{}", said.all());
    assert!(said.all().contains("thing/src/lib.rs:3"), "{}", said.all());
    repository.edit("xtask.toml", "documented-min = 100", "documented-min = 90");
    let said = repository.xtask(&["docs"]).expect(3);
    assert!(said.stderr.contains("must be 100 for Rust"), "{}", said.all());
}

/// Two crates, of which one shows what the other has, and a site of both.
#[test]
fn pages_of_tools_lead_to_each_other_and_a_dead_link_in_one_is_red() {
    let repository = Repository::rust();
    repository.write(
        "xtask.toml",
        "[project]\nname = \"small\"\n\n[docs]\nfolder = \"docs\"\n\n[components.thing]\nkind = \"rust\"\npath = \"thing\"\n\
         package = \"thing\"\n\n[components.core]\nkind = \"rust\"\npath = \"thing/core\"\npackage = \"thing-core\"\n",
    );
    repository.write("README.md", "# Small\n");
    repository.write("docs/how.md", "# How\n");
    repository.edit("Cargo.toml", "[\"thing\"]", "[\"thing\", \"thing/core\"]");
    repository.write(
        "thing/core/Cargo.toml",
        "[package]\nname = \"thing-core\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    repository.write("thing/core/src/lib.rs", "//! Core.\n\n/// A part.\npub struct Part;\n");
    repository.edit(
        "thing/Cargo.toml",
        "edition = \"2024\"\n",
        "edition = \"2024\"\n\n[dependencies]\nthing-core = { path = \"core\" }\n",
    );
    repository.edit("thing/src/lib.rs", "//! A thing.\n", "//! A thing.\n\n#[doc(inline)]\npub use thing_core::Part;\n\n/// Makes one.\npub fn part() -> thing_core::Part {\n    thing_core::Part\n}\n");
    repository.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"thing\"\nversion = \"0.1.0\"\ndependencies = [\n \"thing-core\",\n]\n\n\
         [[package]]\nname = \"thing-core\"\nversion = \"0.1.0\"\n",
    );
    // Of all crates the one that is asked for first is the one that needs the other.
    repository.xtask(&["docs", "thing"]).expect(0);
    repository.xtask(&["docs"]).expect(0);
    let page = repository.read("target/xtask/site/api/thing/thing/struct.Part.html");
    assert!(page.contains("href=\"../../core/src/thing_core/lib.rs.html#"), "{page}");
    assert!(repository.read("target/xtask/site/api/thing/index.html").contains("thing/index.html"));

    // rustdoc looks at names of items, and not at what else a comment leads to.
    repository.edit(
        "thing/core/src/lib.rs",
        "/// A part.",
        "/// A part, see [that](struct.Prat.html) and [there](#gone).",
    );
    let said = repository.xtask(&["docs"]).expect(1);
    for words in [
        "target/xtask/site/api/core/thing_core/struct.Part.html",
        "nothing is where `struct.Prat.html` leads",
        "the page has no `#gone`, where `#gone` leads",
    ] {
        assert!(said.all().contains(words), "{words}\n{}", said.all());
    }
}

/// The pages of a crate stand in the site as its own task has made them, and each of the two tasks has its part of the site.
#[test]
fn a_site_and_the_pages_of_crates_in_it_are_put_back_each_by_its_own_task() {
    let repository = Repository::rust();
    repository.edit("xtask.toml", "[components.thing]", "[docs]\nfolder = \"docs\"\n\n[components.thing]");
    repository.write("README.md", "# Small\n");
    repository.write("docs/how.md", "# How\n");
    let item = "target/xtask/site/api/thing/thing/fn.double.html";
    let (page, item_path) = (repository.root().join(PAGE), repository.root().join(item));
    let docs = |expected: &str| {
        let said = repository.xtask(&["docs"]).expect(0);
        assert!(said.all().contains(expected), "{expected}\n{}", said.all());
        assert!(repository.read(item).contains("All documentation"));
        assert!(repository.read(PAGE).contains("api/thing/thing/index.html"));
    };
    repository.xtask(&["docs", "thing"]).expect(0);
    assert!(item_path.is_file() && !page.exists());
    docs("docs.site");
    docs("3 from the cache");
    for lost in [&item_path, &page] {
        std::fs::remove_file(lost).unwrap();
        docs("3 from the cache");
    }
    // What one of them makes anew leaves what the other has made.
    repository.write("README.md", "# Smaller\n");
    docs("1 from the cache");
    repository.edit("thing/src/lib.rs", "Doubles", "Doubles it");
    docs("docs.thing");
    repository.xtask(&["docs", "--no-cache"]).expect(0);
    docs("3 from the cache");

    // A component that goes takes its pages along.
    repository.edit("xtask.toml", "[components.thing]", "[components.other]");
    repository.xtask(&["docs"]).expect(0);
    assert!(!item_path.exists());
    assert!(repository.root().join("target/xtask/site/api/other/thing/fn.double.html").is_file());
}
