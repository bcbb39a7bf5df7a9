//! The site in a real browser: from a disk, under its own policy, with its search.

use super::repository;
use crate::browser;

/// The site of the small repository at a path without spaces: a space is no part of an address.
fn site() -> tempfile::TempDir {
    let repository = repository();
    repository
        .write("docs/how.md", "# Größe & more\n\nThe <b>quick</b> fox.\n\n## Deeper\n\nfox fox `fox`\n");
    repository.xtask(&["docs"]).expect(0);
    let folder = tempfile::tempdir().unwrap();
    let from = repository.root().join("target/xtask/site");
    for entry in walkdir::WalkDir::new(&from) {
        let entry = entry.unwrap();
        let to = folder.path().join(entry.path().strip_prefix(&from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    folder
}

#[test]
fn pages_and_search_work_from_a_disk_under_their_own_policy() {
    let Some(browser) = browser::find() else { return };
    let site = site();
    let show = |address: &str| browser::show(browser, &format!("file://{}/{address}", site.path().display()));
    for page in ["index.html", "guides/how.html", "how.html", "files/in/x.rs.html"] {
        assert_eq!(show(page).1, Vec::<String>::new(), "{page}");
    }
    let results = |query: &str| {
        let (dom, complaints) = show(&format!("search.html?q={query}"));
        assert_eq!(complaints, Vec::<String>::new());
        let said = dom.split_once("role=\"status\">").unwrap().1.split_once('<').unwrap().0.to_owned();
        let list = dom.split_once("<ol id=\"results\">").unwrap().1.split_once("</ol>").unwrap().0.to_owned();
        (said, list)
    };
    let (said, list) = results("fox");
    assert_eq!(said, "2 places");
    assert!(list.contains("<mark>fox</mark>") && list.contains("The &lt;b&gt;quick&lt;/b&gt;"), "{list}");
    // A heading counts for more than a text, and marks above letters for nothing.
    let (_, list) = results("grosse");
    assert!(!list.contains("how.html"), "{list}");
    let (_, list) = results("gr%C3%B6%C3%9Fe");
    assert!(list.starts_with("<li><a href=\"how.html"), "{list}");
    assert_eq!(results("fox%20nowhere").0, "Nothing has all of these words.");
    assert_eq!(results("").0, "Type what you look for.");
    // What is looked for is text, too.
    let (said, list) = results("%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E");
    assert_eq!((said.as_str(), list.as_str()), ("Nothing has all of these words.", ""));
}

#[test]
fn a_script_that_the_page_does_not_name_does_not_run() {
    let Some(browser) = browser::find() else { return };
    let site = site();
    let page = site.path().join("how.html");
    let text = std::fs::read_to_string(&page).unwrap();
    let planted = "<script>document.title = 'planted'</script></main>";
    std::fs::write(&page, text.replacen("</main>", planted, 1)).unwrap();
    let (dom, complaints) = browser::show(browser, &format!("file://{}", page.display()));
    assert!(!dom.contains("<title>planted"), "{dom}");
    assert!(complaints.iter().any(|line| line.contains("Content Security Policy")), "{complaints:?}");
}
